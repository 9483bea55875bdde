//! A builder of .rpm archives.

use std::collections::BTreeMap;

use super::{HeaderBuilder, HeaderValue, RpmParts};
use crate::archive::Compression;

/// `RPMSENSE_*` of the operators that relations are written with.
const OPERATORS: [(&str, u32); 5] = [("<=", 10), (">=", 12), ("<", 2), (">", 4), ("=", 8)];
/// `RPMSENSE_RPMLIB | LESS | EQUAL`.
const RPMLIB: u32 = 1 << 24 | 0b1010;

/// Builds an .rpm that rpm accepts, unless it is told otherwise.
///
/// Files stand in order of path, as rpmbuild puts them. A relation is written as in a spec: `foo >= 1.0`, or a rich one.
///
/// ```
/// use mikron_testkit::archive::Compression;
/// use mikron_testkit::rpm::RpmBuilder;
/// let rpm = RpmBuilder::new("hello", "1.0", "1", "x86_64")
///     .requires("libc.so.6()(64bit)")
///     .requires("(mta or sendmail >= 8)")
///     .file("/usr/bin/hello", 0o755, b"#!/bin/sh\n")
///     .hardlink("/usr/bin/hi", "/usr/bin/hello")
///     .config("/etc/hello.conf", b"x = 1\n")
///     .script("%post", "/bin/sh", "exit 0")
///     .compression(Compression::Zstd)
///     .build();
/// assert_eq!(&rpm[..4], b"\xed\xab\xee\xdb");
/// ```
#[derive(Clone, Debug)]
pub struct RpmBuilder {
    header: HeaderBuilder,
    relations: BTreeMap<u32, Vec<(String, u32, String)>>,
    pub(super) files: BTreeMap<Vec<u8>, File>,
    last: Vec<u8>,
    compression: Compression,
    pub(super) stripped: bool,
    pub(super) mtime: u32,
    pub(super) next_inode: u32,
}

#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) mode: u16,
    pub(super) content: Vec<u8>,
    pub(super) link: Vec<u8>,
    pub(super) flags: u32,
    pub(super) user: String,
    pub(super) group: String,
    pub(super) capabilities: String,
    pub(super) device: u16,
    pub(super) inode: u32,
}

impl RpmBuilder {
    /// A package with no files, which provides itself. Its payload is packed with gzip until it is told otherwise.
    pub fn new(name: &str, version: &str, release: &str, arch: &str) -> Self {
        let mut header = HeaderBuilder::main();
        let source = format!("{name}-{version}-{release}.src.rpm");
        for (tag, text) in [
            (1000, name),
            (1001, version),
            (1002, release),
            (1007, "example.org"),
            (1014, "MIT"),
            (1021, "linux"),
            (1022, arch),
            (1044, &*source),
            (1064, "4.18.0"),
            (1124, "cpio"),
        ] {
            header.set(tag, HeaderValue::text(text));
        }
        for (tag, text) in [
            (1004, "a package"),
            (1005, "A package made for a test."),
            (1016, "Unspecified"),
        ] {
            header.set(tag, HeaderValue::Translated(text.as_bytes().to_vec()));
        }
        header
            .set(100, HeaderValue::texts(&["C"]))
            .set(1006, HeaderValue::Words(vec![1_700_000_000]));
        let builder = Self {
            header,
            relations: BTreeMap::new(),
            files: BTreeMap::new(),
            last: Vec::new(),
            compression: Compression::Gzip,
            stripped: false,
            mtime: 1_700_000_000,
            next_inode: 1,
        };
        builder.provides(&format!("{name} = {version}-{release}"))
    }

    /// Sets any tag of the main header.
    #[must_use]
    pub fn tag(mut self, tag: u32, value: HeaderValue) -> Self {
        self.header.set(tag, value);
        self
    }

    /// Sets the epoch. Call it before relations that name it.
    #[must_use]
    pub fn epoch(self, epoch: u32) -> Self {
        self.tag(1003, HeaderValue::Words(vec![epoch]))
    }

    /// Adds a relation under the tag of its names (1049 for requirements), with further `RPMSENSE` bits.
    ///
    /// # Panics
    /// When its operator is none of rpm's.
    #[must_use]
    pub fn relation(mut self, tag: u32, text: &str, bits: u32) -> Self {
        let plain = (text.to_owned(), bits, String::new());
        let parts: Vec<&str> = text.split(' ').collect();
        let relation = match *parts {
            [name, operator, version] if !text.starts_with('(') => {
                let known = OPERATORS.iter().find(|(known, _)| *known == operator);
                let (_, sense) = known.expect("an operator of rpm's");
                (name.to_owned(), bits | sense, version.to_owned())
            }
            _ => plain,
        };
        self.relations.entry(tag).or_default().push(relation);
        self
    }

    /// `Requires:`.
    #[must_use]
    pub fn requires(self, text: &str) -> Self {
        self.relation(1049, text, 0)
    }

    /// `Provides:`.
    #[must_use]
    pub fn provides(self, text: &str) -> Self {
        self.relation(1047, text, 0)
    }

    /// `Conflicts:`.
    #[must_use]
    pub fn conflicts(self, text: &str) -> Self {
        self.relation(1054, text, 0)
    }

    /// `Obsoletes:`.
    #[must_use]
    pub fn obsoletes(self, text: &str) -> Self {
        self.relation(1090, text, 0)
    }

    /// `Recommends:`.
    #[must_use]
    pub fn recommends(self, text: &str) -> Self {
        self.relation(5046, text, 0)
    }

    /// `Supplements:`.
    #[must_use]
    pub fn supplements(self, text: &str) -> Self {
        self.relation(5052, text, 0)
    }

    /// A scriptlet by its name (`%post`), with its interpreter.
    ///
    /// # Panics
    /// When there is no scriptlet of this name.
    #[must_use]
    pub fn script(self, name: &str, interpreter: &str, text: &str) -> Self {
        let (body, program) = match name {
            "%pre" => (1023, 1085),
            "%post" => (1024, 1086),
            "%preun" => (1025, 1087),
            "%postun" => (1026, 1088),
            "%pretrans" => (1151, 1153),
            "%posttrans" => (1152, 1154),
            "%verifyscript" => (1079, 1091),
            other => panic!("{other} is no scriptlet"),
        };
        let program = self.tag(program, HeaderValue::text(interpreter));
        match text {
            "" => program,
            text => program.tag(body, HeaderValue::text(text)),
        }
    }

    fn add(mut self, path: &str, mode: u16, content: &[u8]) -> Self {
        let inode = self.next_inode;
        self.next_inode += 1;
        let file = File {
            mode,
            content: content.to_vec(),
            link: Vec::new(),
            flags: 0,
            user: "root".to_owned(),
            group: "root".to_owned(),
            capabilities: String::new(),
            device: 0,
            inode,
        };
        self.last = path.as_bytes().to_vec();
        self.files.insert(self.last.clone(), file);
        self
    }

    fn last(&mut self) -> &mut File {
        self.files.get_mut(&self.last).expect("a file comes first")
    }

    /// A regular file.
    #[must_use]
    pub fn file(self, path: &str, mode: u16, content: impl AsRef<[u8]>) -> Self {
        self.add(path, 0o100_000 | mode, content.as_ref())
    }

    /// A directory.
    #[must_use]
    pub fn dir(self, path: &str, mode: u16) -> Self {
        self.add(path, 0o040_000 | mode, b"")
    }

    /// A symbolic link.
    #[must_use]
    pub fn symlink(self, path: &str, target: &str) -> Self {
        let mut builder = self.add(path, 0o120_777, target.as_bytes());
        builder.last().link = target.as_bytes().to_vec();
        builder
    }

    /// A further name of a file that was added before.
    ///
    /// # Panics
    /// When it was not.
    #[must_use]
    pub fn hardlink(mut self, path: &str, target: &str) -> Self {
        let file = self.files.get(target.as_bytes());
        let file = file.expect("the target comes first").clone();
        self.last = path.as_bytes().to_vec();
        self.files.insert(self.last.clone(), file);
        self
    }

    /// A file that the package owns and does not bring.
    #[must_use]
    pub fn ghost(self, path: &str, mode: u16) -> Self {
        self.add(path, 0o100_000 | mode, b"").flags(1 << 6)
    }

    /// A configuration file, mode 0644.
    #[must_use]
    pub fn config(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.file(path, 0o644, content).flags(1)
    }

    /// A character device with its numbers.
    #[must_use]
    pub fn device(self, path: &str, mode: u16, major: u8, minor: u8) -> Self {
        let mut builder = self.add(path, 0o020_000 | mode, b"");
        builder.last().device = u16::from_be_bytes([major, minor]);
        builder
    }

    /// A named pipe.
    #[must_use]
    pub fn fifo(self, path: &str, mode: u16) -> Self {
        self.add(path, 0o010_000 | mode, b"")
    }

    /// Flags (`RPMFILE_*`) of the file that was added last.
    #[must_use]
    pub fn flags(mut self, flags: u32) -> Self {
        self.last().flags = flags;
        self
    }

    /// Owner and group of the file that was added last.
    #[must_use]
    pub fn owner(mut self, user: &str, group: &str) -> Self {
        let last = self.last();
        (last.user, last.group) = (user.to_owned(), group.to_owned());
        self
    }

    /// Capabilities, as text, of the file that was added last.
    #[must_use]
    pub fn capabilities(mut self, text: &str) -> Self {
        text.clone_into(&mut self.last().capabilities);
        self
    }

    /// How the payload is packed.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Writes the payload in rpm's stripped form.
    #[must_use]
    pub fn stripped(mut self) -> Self {
        self.stripped = true;
        self
    }

    /// The time of every file, in seconds since 1970.
    #[must_use]
    pub fn mtime(mut self, mtime: u32) -> Self {
        self.mtime = mtime;
        self
    }

    /// Header and payload.
    pub fn parts(&self) -> RpmParts {
        let mut builder = self.clone();
        for feature in [
            "CompressedFileNames) <= 3.0.4-1",
            "FileDigests) <= 4.6.0-1",
            "PayloadFilesHavePrefix) <= 4.0-1",
        ] {
            builder = builder.relation(1049, &format!("rpmlib({feature}"), RPMLIB);
        }
        let name = match self.compression {
            Compression::None => None,
            Compression::Gzip => Some("gzip"),
            Compression::Bzip2 => Some("bzip2"),
            Compression::Xz => Some("xz"),
            Compression::Lzma => Some("lzma"),
            Compression::Zstd => Some("zstd"),
        };
        let mut header = builder.header.clone();
        if let Some(name) = name {
            header.set(1125, HeaderValue::text(name));
            header.set(1126, HeaderValue::text("9"));
        }
        // rpm looks names up by halving: they stand in order.
        for (tag, relations) in &mut builder.relations {
            relations.sort();
            let (flags, versions) = match tag {
                1049 => (1048, 1050),
                1047 => (1112, 1113),
                1054 => (1053, 1055),
                1090 => (1114, 1115),
                weak => (weak + 2, weak + 1),
            };
            let column = |f: fn(&(String, u32, String)) -> &str| {
                let texts: Vec<&str> = relations.iter().map(f).collect();
                HeaderValue::texts(&texts)
            };
            header
                .set(*tag, column(|relation| &relation.0))
                .set(versions, column(|relation| &relation.2))
                .set(
                    flags,
                    HeaderValue::Words(relations.iter().map(|relation| relation.1).collect()),
                );
        }
        self.file_tags(&mut header);
        RpmParts {
            header,
            cpio: self.cpio(),
            compression: self.compression,
        }
    }

    /// The archive.
    pub fn build(&self) -> Vec<u8> {
        self.parts().build()
    }
}
