//! A builder of `.apk` archives of the second format.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use mikron_package::Digest;
use sha1::Digest as _;

use super::{ApkHash, ApkKey};
use crate::archive::{Compression, TarBuilder, TarHeader};

/// Builds an apk that apk accepts, unless it is told otherwise.
///
/// Entries are written in the order of the calls; parent directories that were not named are put before them. Every file has
/// its SHA-1 in a PAX header, as abuild-tar writes it.
#[derive(Clone, Debug)]
pub struct ApkBuilder {
    fields: Vec<(String, String)>,
    control: Vec<(String, Vec<u8>)>,
    entries: Vec<Item>,
    seen: BTreeSet<String>,
    mtime: i64,
    checksums: bool,
    datahash: DataHash,
}

/// What `.PKGINFO` says of the data.
#[derive(Clone, Debug)]
enum DataHash {
    Right,
    Other(String),
    Absent,
}

#[derive(Clone, Debug)]
struct Item {
    header: TarHeader,
    name: Vec<u8>,
    link: Vec<u8>,
    body: Vec<u8>,
    records: Vec<(String, Vec<u8>)>,
}

/// An archive, in its members.
#[derive(Clone, Debug)]
pub struct Apk {
    /// What `.PKGINFO` says.
    pub fields: Vec<(String, String)>,
    /// The packed signature member; empty where it is not signed.
    pub signature: Vec<u8>,
    /// The packed control member.
    pub control: Vec<u8>,
    /// The packed data member.
    pub data: Vec<u8>,
}

impl Apk {
    /// All members, one behind the other.
    pub fn bytes(&self) -> Vec<u8> {
        [&self.signature[..], &self.control, &self.data].concat()
    }

    /// The SHA-1 of the packed control member.
    pub fn checksum(&self) -> [u8; 20] {
        sha1::Sha1::digest(&self.control).into()
    }

    /// The value of a field.
    pub fn field(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Signs it with another signature member in place of its own.
    #[must_use]
    pub fn signed_as(mut self, key: &ApkKey, hash: ApkHash) -> Self {
        self.signature = Compression::Gzip.compress(&key.signature_tar(&self.control, hash));
        self
    }
}

fn relative(path: &str) -> &str {
    path.trim_start_matches("./").trim_matches('/')
}

impl ApkBuilder {
    /// A package with no files.
    pub fn new(name: &str, version: &str, arch: &str) -> Self {
        let builder = Self {
            fields: Vec::new(),
            control: Vec::new(),
            entries: Vec::new(),
            seen: BTreeSet::new(),
            mtime: 1_700_000_000,
            checksums: true,
            datahash: DataHash::Right,
        };
        builder
            .field("pkgname", name)
            .field("pkgver", version)
            .field("pkgdesc", "a package made for a test")
            .field("url", "https://example.org/")
            .field("builddate", "1700000000")
            .field("packager", "Example <example@example.org>")
            .field("arch", arch)
            .field("license", "MIT")
            .field("origin", name)
    }

    /// Adds a line to `.PKGINFO`.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Replaces a line of `.PKGINFO`, or takes it away.
    #[must_use]
    pub fn set_field(mut self, name: &str, value: Option<&str>) -> Self {
        self.fields.retain(|(known, _)| known != name);
        match value {
            Some(value) => self.field(name, value),
            None => self,
        }
    }

    /// Another `datahash` than the right one; `None` for none at all.
    #[must_use]
    pub fn datahash(mut self, hex: Option<&str>) -> Self {
        self.datahash = hex.map_or(DataHash::Absent, |hex| DataHash::Other(hex.to_owned()));
        self
    }

    /// A script (`.post-install`) or another file of the control member.
    #[must_use]
    pub fn control_file(mut self, name: &str, text: impl AsRef<[u8]>) -> Self {
        self.control.push((name.to_owned(), text.as_ref().to_vec()));
        self
    }

    /// The time of every entry, in seconds since 1970.
    #[must_use]
    pub fn mtime(mut self, mtime: i64) -> Self {
        self.mtime = mtime;
        self
    }

    /// Leaves out the checksums of the entries.
    #[must_use]
    pub fn without_checksums(mut self) -> Self {
        self.checksums = false;
        self
    }

    fn item(mut self, header: TarHeader, name: &str, link: &str, body: &[u8]) -> Self {
        let name = relative(name).to_owned();
        for (end, _) in name.match_indices('/') {
            if self.seen.insert(name[..end].to_owned()) {
                self.entries.push(Item {
                    header: TarHeader::new(b'5', b"").mode(0o755),
                    name: format!("{}/", &name[..end]).into_bytes(),
                    link: Vec::new(),
                    body: Vec::new(),
                    records: Vec::new(),
                });
            }
        }
        self.seen.insert(name.clone());
        let kind = header.block()[156];
        let mut records = Vec::new();
        let hashed = match kind {
            b'0' => Some(body),
            b'2' => Some(link.as_bytes()),
            _ => None,
        };
        if let Some(bytes) = hashed.filter(|_| self.checksums) {
            let mut hex = String::new();
            for byte in sha1::Sha1::digest(bytes) {
                let _ = write!(hex, "{byte:02x}");
            }
            records.push(("APK-TOOLS.checksum.SHA1".to_owned(), hex.into_bytes()));
        }
        let slash = if kind == b'5' { "/" } else { "" };
        self.entries.push(Item {
            header,
            name: format!("{name}{slash}").into_bytes(),
            link: link.as_bytes().to_vec(),
            body: body.to_vec(),
            records,
        });
        self
    }

    /// A regular file.
    #[must_use]
    pub fn file(self, path: &str, mode: u32, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        let header = TarHeader::new(b'0', b"")
            .mode(mode)
            .size(bytes.len() as u64);
        self.item(header, path, "", bytes)
    }

    /// A directory.
    #[must_use]
    pub fn dir(self, path: &str, mode: u32) -> Self {
        self.item(TarHeader::new(b'5', b"").mode(mode), path, "", b"")
    }

    /// A symbolic link.
    #[must_use]
    pub fn symlink(self, path: &str, target: &str) -> Self {
        self.item(TarHeader::new(b'2', b"").mode(0o777), path, target, b"")
    }

    /// A hard link to a file that was added before, of this mode.
    #[must_use]
    pub fn hardlink(self, path: &str, target: &str, mode: u32) -> Self {
        let target = relative(target).to_owned();
        self.item(TarHeader::new(b'1', b"").mode(mode), path, &target, b"")
    }

    /// An entry with a header of the caller's making; its name, link and time are set.
    #[must_use]
    pub fn entry(self, header: TarHeader, path: &str, link: &str, body: &[u8]) -> Self {
        self.item(header, path, link, body)
    }

    /// Gives the last entry to this owner and group.
    ///
    /// # Panics
    /// When there is no entry yet.
    #[must_use]
    pub fn owner(mut self, uid: u64, gid: u64, user: &str, group: &str) -> Self {
        let last = self.entries.last_mut().expect("an entry comes first");
        last.header = last.header.clone().owner(uid, gid, user, group);
        self
    }

    /// Sets a PAX record of the last entry; `None` takes it away.
    ///
    /// # Panics
    /// When there is no entry yet.
    #[must_use]
    pub fn record(mut self, key: &str, value: Option<&[u8]>) -> Self {
        let last = self.entries.last_mut().expect("an entry comes first");
        last.records.retain(|(known, _)| known != key);
        if let Some(value) = value {
            last.records.push((key.to_owned(), value.to_vec()));
        }
        self
    }

    /// An extended attribute of the last entry.
    #[must_use]
    pub fn xattr(self, name: &str, value: &[u8]) -> Self {
        self.record(&format!("SCHILY.xattr.{name}"), Some(value))
    }

    /// The unpacked data member.
    pub fn data_tar(&self) -> Vec<u8> {
        let mut tar = TarBuilder::new().mtime(self.mtime);
        for item in &self.entries {
            let mut records = item.records.clone();
            // GNU's long names and PAX do not stand together at one entry.
            if item.name.len() > 100 {
                records.push(("path".to_owned(), item.name.clone()));
            }
            if item.link.len() > 100 {
                records.push(("linkpath".to_owned(), item.link.clone()));
            }
            let cut = |bytes: &[u8]| bytes[..bytes.len().min(100)].to_vec();
            if !records.is_empty() {
                let records: Vec<(&str, &[u8])> = records
                    .iter()
                    .map(|(key, value)| (key.as_str(), value.as_slice()))
                    .collect();
                tar = tar.pax(b'x', &records);
            }
            let header = item.header.clone().ustar(b"");
            tar = tar.named(header, &cut(&item.name), &cut(&item.link), &item.body);
        }
        tar.build()
    }

    /// The unpacked control member, without end marks, for data with this digest.
    pub fn control_tar(&self, data: &[u8]) -> Vec<u8> {
        let mut text = "# made for a test\n".to_owned();
        for (name, value) in self.all_fields(data) {
            text.extend([name.as_str(), " = ", &value, "\n"]);
        }
        let mut tar = TarBuilder::new()
            .mtime(self.mtime)
            .file(".PKGINFO", 0o644, text.as_bytes());
        for (name, text) in &self.control {
            tar = tar.file(name, 0o755, text);
        }
        tar.without_end().build()
    }

    fn all_fields(&self, data: &[u8]) -> Vec<(String, String)> {
        let mut fields = self.fields.clone();
        if !fields.iter().any(|(name, _)| name == "size") {
            let size: usize = self.entries.iter().map(|item| item.body.len()).sum();
            fields.push(("size".to_owned(), size.to_string()));
        }
        let hash = match &self.datahash {
            DataHash::Right => Some(Digest::of(data).hex()),
            DataHash::Other(hex) => Some(hex.clone()),
            DataHash::Absent => None,
        };
        if let Some(hash) = hash {
            fields.push(("datahash".to_owned(), hash));
        }
        fields
    }

    /// The members, unsigned.
    pub fn members(&self) -> Apk {
        let data = Compression::Gzip.compress(&self.data_tar());
        self.members_with(data)
    }

    /// The members, unsigned, with another packed data member.
    pub fn members_with(&self, data: Vec<u8>) -> Apk {
        Apk {
            fields: self.all_fields(&data),
            signature: Vec::new(),
            control: Compression::Gzip.compress(&self.control_tar(&data)),
            data,
        }
    }

    /// The members, signed over the SHA-256.
    pub fn signed(&self, key: &ApkKey) -> Apk {
        self.members().signed_as(key, ApkHash::Sha256)
    }

    /// The archive, unsigned.
    pub fn build(&self) -> Vec<u8> {
        self.members().bytes()
    }
}
