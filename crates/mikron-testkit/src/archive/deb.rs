//! A builder of .deb archives.

use std::collections::BTreeSet;

use super::{ArBuilder, Compression, TarBuilder, TarHeader};

/// Builds a .deb that dpkg accepts (deb(5)), unless it is told otherwise.
///
/// Entries are written in the order of the calls; parent directories that were not named are put before them. Paths are
/// absolute or relative to the root, and are written as `./path`, as dpkg-deb does.
///
/// ```
/// use mikron_testkit::archive::{Compression, DebBuilder};
/// let deb = DebBuilder::new("hello", "1.0", "amd64")
///     .depends("libc6 (>= 2.34)")
///     .file("/usr/bin/hello", 0o755, b"#!/bin/sh\n")
///     .symlink("/usr/bin/hi", "hello")
///     .conffile("/etc/hello.conf", b"x = 1\n")
///     .script("postinst", "#!/bin/sh\nset -e\n")
///     .compression(Compression::Zstd)
///     .build();
/// assert_eq!(&deb[..8], b"!<arch>\n");
/// ```
#[derive(Clone, Debug)]
pub struct DebBuilder {
    fields: Vec<(String, String)>,
    control: Vec<(String, u32, Vec<u8>)>,
    conffiles: Vec<u8>,
    entries: Vec<Item>,
    seen: BTreeSet<String>,
    mtime: i64,
    compression: Compression,
    control_compression: Compression,
}

#[derive(Clone, Debug)]
struct Item {
    header: TarHeader,
    name: Vec<u8>,
    link: Vec<u8>,
    body: Vec<u8>,
}

/// The members of a .deb, for tests that put them together wrongly.
#[derive(Clone, Debug)]
pub struct DebParts {
    /// The text of `debian-binary`.
    pub version: Vec<u8>,
    /// Name and bytes of the control member.
    pub control: (String, Vec<u8>),
    /// Name and bytes of the data member.
    pub data: (String, Vec<u8>),
}

impl DebParts {
    /// The three members in their order.
    pub fn build(&self) -> Vec<u8> {
        ArBuilder::new()
            .member("debian-binary", &self.version)
            .member(&self.control.0, &self.control.1)
            .member(&self.data.0, &self.data.1)
            .build()
    }
}

fn relative(path: &str) -> &str {
    path.trim_start_matches("./").trim_matches('/')
}

impl DebBuilder {
    /// A package with no files. Its data member is compressed with gzip until [`DebBuilder::compression`] says otherwise.
    pub fn new(name: &str, version: &str, arch: &str) -> Self {
        let builder = Self {
            fields: Vec::new(),
            control: Vec::new(),
            conffiles: Vec::new(),
            entries: Vec::new(),
            seen: BTreeSet::new(),
            mtime: 1_700_000_000,
            compression: Compression::Gzip,
            control_compression: Compression::Gzip,
        };
        builder
            .field("Package", name)
            .field("Version", version)
            .field("Architecture", arch)
            .field("Maintainer", "Example <example@example.org>")
            .field("Description", "a package made for a test")
    }

    /// Sets a control field; an earlier value is replaced.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        match self.fields.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => value.clone_into(old),
            None => self.fields.push((name.to_owned(), value.to_owned())),
        }
        self
    }

    /// Sets `Depends`.
    #[must_use]
    pub fn depends(self, value: &str) -> Self {
        self.field("Depends", value)
    }

    /// Sets `Pre-Depends`.
    #[must_use]
    pub fn pre_depends(self, value: &str) -> Self {
        self.field("Pre-Depends", value)
    }

    /// Sets `Provides`.
    #[must_use]
    pub fn provides(self, value: &str) -> Self {
        self.field("Provides", value)
    }

    /// Sets `Conflicts`.
    #[must_use]
    pub fn conflicts(self, value: &str) -> Self {
        self.field("Conflicts", value)
    }

    /// Sets `Multi-Arch`.
    #[must_use]
    pub fn multi_arch(self, value: &str) -> Self {
        self.field("Multi-Arch", value)
    }

    /// Sets `Essential: yes`.
    #[must_use]
    pub fn essential(self) -> Self {
        self.field("Essential", "yes")
    }

    /// The time of every entry, in seconds since 1970.
    #[must_use]
    pub fn mtime(mut self, mtime: i64) -> Self {
        self.mtime = mtime;
        self
    }

    fn item(mut self, header: TarHeader, name: &str, link: &str, body: &[u8]) -> Self {
        let name = relative(name).to_owned();
        for (end, _) in name.match_indices('/') {
            if self.seen.insert(name[..end].to_owned()) {
                self.entries.push(Item {
                    header: TarHeader::new(b'5', b"").mode(0o755),
                    name: format!("./{}/", &name[..end]).into_bytes(),
                    link: Vec::new(),
                    body: Vec::new(),
                });
            }
        }
        self.seen.insert(name.clone());
        let slash = if header.block()[156] == b'5' && !name.is_empty() {
            "/"
        } else {
            ""
        };
        self.entries.push(Item {
            header,
            name: format!("./{name}{slash}").into_bytes(),
            link: link.as_bytes().to_vec(),
            body: body.to_vec(),
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

    /// A hard link to a file that was added before.
    #[must_use]
    pub fn hardlink(self, path: &str, target: &str) -> Self {
        let target = format!("./{}", relative(target));
        self.item(TarHeader::new(b'1', b""), path, &target, b"")
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

    /// A file below `/etc` or elsewhere that is listed in `conffiles`, mode 0644.
    #[must_use]
    pub fn conffile(mut self, path: &str, bytes: impl AsRef<[u8]>) -> Self {
        self.conffiles
            .extend_from_slice(format!("/{}\n", relative(path)).as_bytes());
        self.file(path, 0o644, bytes)
    }

    /// A maintainer script.
    #[must_use]
    pub fn script(mut self, name: &str, text: impl AsRef<[u8]>) -> Self {
        self.control
            .push((name.to_owned(), 0o755, text.as_ref().to_vec()));
        self
    }

    /// Another control member (`triggers`, `shlibs`, `md5sums`).
    #[must_use]
    pub fn control_file(mut self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        self.control
            .push((name.to_owned(), 0o644, bytes.as_ref().to_vec()));
        self
    }

    /// How the data member is compressed. The control member follows where deb(5) knows it so, else it is gzip.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self.control_compression = match compression {
            Compression::Bzip2 | Compression::Lzma => Compression::Gzip,
            known => known,
        };
        self
    }

    /// The unpacked `control.tar`.
    pub fn control_tar(&self) -> Vec<u8> {
        let mut control = String::new();
        for (name, value) in &self.fields {
            control.extend([name, ": ", value, "\n"]);
        }
        let mut tar = TarBuilder::new().mtime(self.mtime).dir("./", 0o755).file(
            "./control",
            0o644,
            control.as_bytes(),
        );
        if !self.conffiles.is_empty() {
            tar = tar.file("./conffiles", 0o644, &self.conffiles);
        }
        for (name, mode, text) in &self.control {
            tar = tar.file(&format!("./{name}"), *mode, text);
        }
        tar.build()
    }

    /// The unpacked `data.tar`.
    pub fn data_tar(&self) -> Vec<u8> {
        let mut tar = TarBuilder::new().mtime(self.mtime);
        if !self.seen.contains("") {
            tar = tar.dir("./", 0o755);
        }
        for item in &self.entries {
            tar = tar.named(item.header.clone(), &item.name, &item.link, &item.body);
        }
        tar.build()
    }

    /// The members, compressed.
    pub fn parts(&self) -> DebParts {
        let (control, data) = (self.control_compression, self.compression);
        DebParts {
            version: b"2.0\n".to_vec(),
            control: (
                format!("control.tar{}", control.extension()),
                control.compress(&self.control_tar()),
            ),
            data: (
                format!("data.tar{}", data.extension()),
                data.compress(&self.data_tar()),
            ),
        }
    }

    /// The same package with another unpacked `data.tar`.
    pub fn build_with_data(&self, data_tar: &[u8]) -> Vec<u8> {
        let mut parts = self.parts();
        parts.data.1 = self.compression.compress(data_tar);
        parts.build()
    }

    /// The archive.
    pub fn build(&self) -> Vec<u8> {
        self.parts().build()
    }
}
