//! Builders for signed repositories of rpm packages, well-formed and malformed.
//!
//! ```
//! use mikron_package::{PackageRecord, Version};
//! use mikron_testkit::repository::TestKey;
//! use mikron_testkit::rpm_repository::RpmRepositoryBuilder;
//! let hello = PackageRecord::new("hello".parse().unwrap(), Version::new("1.0-1"), "x86_64");
//! let repository = RpmRepositoryBuilder::new()
//!     .package(hello, b"the archive's bytes".to_vec())
//!     .sign_with(&TestKey::generate())
//!     .build();
//! assert!(repository.file("repodata/repomd.xml.asc").starts_with(b"-----BEGIN PGP SIGNATURE-----"));
//! assert!(repository.file("Packages/hello-1.0-1.x86_64.rpm").starts_with(b"the"));
//! ```

mod synthetic;
mod xml;

pub use synthetic::synthetic;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use mikron_package::{Checksum, Digest, PackageRecord};
use sha2::Digest as _;

use crate::archive::Compression;
use crate::http::Server;
use crate::repository::{TestKey, now, serve_files, write_files};

/// The kinds of checksums that a repository may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChecksumKind {
    /// MD5; the values are made up.
    Md5,
    /// SHA-1, called `sha`; the values are made up.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl ChecksumKind {
    fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    fn hex(self, bytes: &[u8]) -> String {
        let digest = match self {
            Self::Sha512 => sha2::Sha512::digest(bytes).to_vec(),
            _ => sha2::Sha256::digest(bytes).to_vec(),
        };
        let digits = match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            _ => digest.len(),
        };
        digest[..digits].iter().fold(String::new(), |mut hex, b| {
            let _ = write!(hex, "{b:02x}");
            hex
        })
    }
}

/// A package of the repository.
#[derive(Clone, Debug)]
struct Package {
    record: PackageRecord,
    /// Paths that `filelists.xml` names beside those that the record provides.
    files: Vec<String>,
    pkgid: String,
}

/// Builds a repository of rpm packages.
#[derive(Clone, Debug)]
pub struct RpmRepositoryBuilder {
    packages: Vec<Package>,
    archives: BTreeMap<String, Vec<u8>>,
    compression: Compression,
    checksum: ChecksumKind,
    revision: String,
    timestamp: i64,
    modules: Option<String>,
    keys: Vec<TestKey>,
    primary_edits: Vec<(String, String)>,
    repomd_edits: Vec<(String, String)>,
    zchunk_only: bool,
    description: String,
}

impl Default for RpmRepositoryBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl RpmRepositoryBuilder {
    /// An empty repository, made now, with gzip and SHA-256.
    pub fn new() -> Self {
        Self {
            packages: Vec::new(),
            archives: BTreeMap::new(),
            compression: Compression::Gzip,
            checksum: ChecksumKind::Sha256,
            revision: now().to_string(),
            timestamp: now(),
            modules: None,
            keys: Vec::new(),
            primary_edits: Vec::new(),
            repomd_edits: Vec::new(),
            zchunk_only: false,
            description: "What is in it.".to_owned(),
        }
    }

    /// Adds a package with its archive. Location, size and digest of the record are set; provided paths become `<file>`s.
    #[must_use]
    pub fn package(self, record: PackageRecord, archive: impl Into<Vec<u8>>) -> Self {
        self.package_with_files(record, archive, &[])
    }

    /// Adds a package with its archive, and with paths that only `filelists.xml` names.
    #[must_use]
    pub fn package_with_files(
        mut self,
        mut record: PackageRecord,
        archive: impl Into<Vec<u8>>,
        files: &[&str],
    ) -> Self {
        let archive = archive.into();
        let version = record.version.as_str();
        let version = version.split_once(':').map_or(version, |(_, rest)| rest);
        if record.location.is_empty() {
            record.location = format!("Packages/{}-{version}.{}.rpm", record.name, record.arch);
        }
        record.size = archive.len() as u64;
        (record.digest, record.checksum) = match self.checksum {
            ChecksumKind::Sha512 => {
                let sum = sha2::Sha512::digest(&archive).into();
                (None, Some(Checksum::Sha512(sum)))
            }
            _ => (Some(Digest::of(&archive)), None),
        };
        let pkgid = self.checksum.hex(&archive);
        self.archives.insert(record.location.clone(), archive);
        self.packages.push(Package {
            record,
            files: files.iter().map(|f| (*f).to_owned()).collect(),
            pkgid,
        });
        self
    }

    /// The records as the repository publishes them.
    pub fn records(&self) -> impl Iterator<Item = &PackageRecord> {
        self.packages.iter().map(|package| &package.record)
    }

    /// How the metadata are compressed.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Which checksums are published. To be said before packages are added.
    #[must_use]
    pub fn checksum(mut self, kind: ChecksumKind) -> Self {
        self.checksum = kind;
        self
    }

    /// When the metadata were made, in seconds since 1970; the revision, too.
    #[must_use]
    pub fn timestamp(mut self, seconds: i64) -> Self {
        self.timestamp = seconds;
        self.revision = seconds.to_string();
        self
    }

    /// The description of every package.
    #[must_use]
    pub fn description(mut self, text: &str) -> Self {
        text.clone_into(&mut self.description);
        self
    }

    /// The text of `modules.yaml`.
    #[must_use]
    pub fn modules(mut self, yaml: &str) -> Self {
        self.modules = Some(yaml.to_owned());
        self
    }

    /// Signs `repomd.xml` with this key, too. Without a key there is no signature.
    #[must_use]
    pub fn sign_with(mut self, key: &TestKey) -> Self {
        self.keys.push(key.clone());
        self
    }

    /// Replaces a part of `primary.xml`, before checksums are made of it.
    #[must_use]
    pub fn edit_primary(mut self, from: &str, to: &str) -> Self {
        self.primary_edits.push((from.to_owned(), to.to_owned()));
        self
    }

    /// Replaces a part of `repomd.xml`, before it is signed.
    #[must_use]
    pub fn edit_repomd(mut self, from: &str, to: &str) -> Self {
        self.repomd_edits.push((from.to_owned(), to.to_owned()));
        self
    }

    /// Names the metadata as if they were only there as zchunk.
    #[must_use]
    pub fn zchunk_only(mut self) -> Self {
        self.zchunk_only = true;
        self
    }

    /// The text of `primary.xml`.
    ///
    /// # Panics
    /// When an edit does not apply.
    pub fn primary_text(&self) -> String {
        let mut text = xml::primary(&self.packages, self.checksum, &self.description);
        for (from, to) in &self.primary_edits {
            assert!(text.contains(from), "primary.xml has no `{from}`");
            text = text.replace(from, to);
        }
        text
    }

    /// Makes all files.
    ///
    /// # Panics
    /// When an edit does not apply.
    pub fn build(self) -> RpmRepository {
        let mut files = self.archives.clone();
        let mut repomd = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<repomd xmlns=\"http://linux.duke.edu/metadata/repo\" \
             xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\">\n  <revision>{}</revision>\n",
            self.revision
        );
        let mut add = |kind: &str, file: &str, text: &[u8]| {
            let packed = self.compression.compress(text);
            let extension = self.compression.extension();
            let sum = self.checksum.hex(&packed);
            let mut location = format!("repodata/{sum}-{file}{extension}");
            let mut kind = kind.to_owned();
            if self.zchunk_only {
                location = format!("repodata/{sum}-{file}.zck");
                kind.push_str("_zck");
            }
            let name = self.checksum.name();
            let _ = write!(
                repomd,
                "  <data type=\"{kind}\">\n    <checksum type=\"{name}\">{sum}</checksum>\n    \
                 <open-checksum type=\"{name}\">{}</open-checksum>\n    <location href=\"{location}\"/>\n    \
                 <timestamp>{}</timestamp>\n    <size>{}</size>\n    <open-size>{}</open-size>\n  </data>\n",
                self.checksum.hex(text),
                self.timestamp,
                packed.len(),
                text.len(),
            );
            files.insert(location, packed);
        };
        add("primary", "primary.xml", self.primary_text().as_bytes());
        add(
            "filelists",
            "filelists.xml",
            xml::filelists(&self.packages).as_bytes(),
        );
        add("other", "other.xml", xml::other(&self.packages).as_bytes());
        if let Some(modules) = &self.modules {
            add("modules", "modules.yaml", modules.as_bytes());
        }
        repomd.push_str("</repomd>\n");
        for (from, to) in &self.repomd_edits {
            assert!(repomd.contains(from), "repomd.xml has no `{from}`");
            repomd = repomd.replace(from, to);
        }
        if !self.keys.is_empty() {
            let signature = TestKey::sign_detached(&self.keys, repomd.as_bytes());
            files.insert("repodata/repomd.xml.asc".to_owned(), signature.into_bytes());
        }
        files.insert(
            "repodata/repomd.xml".to_owned(),
            repomd.clone().into_bytes(),
        );
        RpmRepository { files, repomd }
    }
}

/// A repository as files by path, relative to its base URL.
#[derive(Clone, Debug)]
pub struct RpmRepository {
    /// All files by path.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The text of `repomd.xml`.
    pub repomd: String,
}

impl RpmRepository {
    /// A file by path.
    ///
    /// # Panics
    /// When there is none.
    pub fn file(&self, path: &str) -> &[u8] {
        self.files
            .get(path)
            .unwrap_or_else(|| panic!("the repository has no file {path}"))
    }

    /// The path of a metadata file whose name ends so: `primary.xml.gz`.
    ///
    /// # Panics
    /// When there is none.
    pub fn path_of(&self, end: &str) -> &str {
        let found = self.files.keys().find(|path| path.ends_with(end));
        found.unwrap_or_else(|| panic!("the repository has no file …{end}"))
    }

    /// Serves all files under `prefix` (which begins with a slash, or is empty).
    pub fn serve(&self, server: &Server, prefix: &str) {
        serve_files(&self.files, server, prefix);
    }

    /// Writes all files below `directory`.
    ///
    /// # Panics
    /// When a file cannot be written.
    pub fn write_to(&self, directory: &Path) {
        write_files(&self.files, directory);
    }

    /// A metalink to the repository at these base URLs.
    pub fn metalink(&self, bases: &[&str]) -> String {
        let bytes = self.file("repodata/repomd.xml");
        let mut text = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<metalink version=\"3.0\" \
             xmlns=\"http://www.metalinker.org/\" xmlns:mm0=\"http://example.org/mm0\">\n<files>\n\
             <file name=\"repomd.xml\"><mm0:timestamp>1</mm0:timestamp><size>{}</size>\n\
             <verification><hash type=\"md5\">d41d8cd98f00b204e9800998ecf8427e</hash>\
             <hash type=\"sha256\">{}</hash></verification>\n<resources maxconnections=\"1\">\n",
            bytes.len(),
            Digest::of(bytes).hex()
        );
        for (i, base) in bases.iter().enumerate() {
            let _ = writeln!(
                text,
                "<url protocol=\"https\" type=\"https\" location=\"XX\" preference=\"{}\">{base}/repodata/repomd.xml</url>",
                100 - i
            );
        }
        text.push_str("</resources></file></files></metalink>\n");
        text
    }
}
