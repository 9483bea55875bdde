//! A builder of .rpm archives.

use std::collections::BTreeMap;

use sha2::Digest as _;

use super::sections::hex;
use super::{CpioBuilder, CpioFields, HeaderBuilder, HeaderValue, RpmSections};
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
    files: BTreeMap<Vec<u8>, File>,
    last: Vec<u8>,
    compression: Compression,
    stripped: bool,
    mtime: u32,
    next_inode: u32,
}

#[derive(Clone, Debug)]
struct File {
    mode: u16,
    content: Vec<u8>,
    link: Vec<u8>,
    flags: u32,
    user: String,
    group: String,
    capabilities: String,
    device: u16,
    inode: u32,
}

/// The main header and the payload before they are put together.
#[derive(Clone, Debug)]
pub struct RpmParts {
    /// The main header. The digests of the payload are set when it is packed.
    pub header: HeaderBuilder,
    /// The payload, unpacked.
    pub cpio: Vec<u8>,
    /// How it is packed.
    pub compression: Compression,
}

impl RpmParts {
    /// Packs the payload, and seals everything with its digests.
    pub fn sections(&self) -> RpmSections {
        let payload = self.compression.compress(&self.cpio);
        let mut header = self.header.clone();
        let digest = |bytes: &[u8]| HeaderValue::texts(&[hex(sha2::Sha256::digest(bytes))]);
        header
            .set(5092, digest(&payload))
            .set(5093, HeaderValue::Words(vec![8]))
            .set(5097, digest(&self.cpio));
        let mut lead = vec![0xed, 0xab, 0xee, 0xdb, 3, 0, 0, 0, 0, 1];
        lead.resize(96, 0);
        lead[10..14].copy_from_slice(b"test");
        // The operating system is Linux, and a signature header follows.
        (lead[77], lead[79]) = (1, 5);
        let mut sections = RpmSections {
            lead,
            signature: HeaderBuilder::signature(),
            header: header.build(),
            payload,
            unpacked: self.cpio.len() as u64,
        };
        sections.seal();
        sections
    }

    /// The same as rpm before 4.14 writes it: no SHA-256 of the header, and in the header no digest of the payload. Its header
    /// proves what follows by the digests of the files alone.
    pub fn old_sections(&self) -> RpmSections {
        let mut sections = self.sections();
        sections.header = self.header.build();
        sections.seal().signature.remove(273);
        sections
    }

    /// The archive.
    pub fn build(&self) -> Vec<u8> {
        self.sections().join()
    }
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

    /// Whether a file is the last of its names, which has the content.
    fn is_last(&self, path: &[u8], file: &File) -> bool {
        let mut behind = self.files.range(path.to_vec()..).skip(1);
        !behind.any(|(_, other)| other.inode == file.inode)
    }

    fn links(&self, file: &File) -> u32 {
        let same = |other: &&File| other.inode == file.inode;
        self.files.values().filter(same).count() as u32
    }

    /// The payload as the header describes it, without ghosts.
    pub fn cpio(&self) -> Vec<u8> {
        let shared = self.next_inode as usize <= self.files.len();
        let mut cpio = CpioBuilder::new();
        for (number, (path, file)) in self.files.iter().enumerate() {
            if file.flags & 1 << 6 != 0 {
                continue;
            }
            let last = !shared || self.is_last(path, file);
            let content: &[u8] = if last { &file.content } else { b"" };
            if self.stripped {
                cpio = cpio.stripped(number as u32, content);
                continue;
            }
            let fields = CpioFields {
                inode: file.inode,
                links: if shared { self.links(file) } else { 1 },
                mtime: self.mtime,
                ..CpioFields::new(file.mode.into())
            };
            cpio = cpio.member(&[b".", path.as_slice()].concat(), fields, content);
        }
        cpio.trailer().build()
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

    fn file_tags(&self, header: &mut HeaderBuilder) {
        let files: Vec<(&Vec<u8>, &File)> = self.files.iter().collect();
        let shared = self.next_inode as usize <= files.len();
        let size: usize = files
            .iter()
            .filter(|(path, file)| !shared || self.is_last(path, file))
            .map(|(_, file)| file.content.len())
            .sum();
        header.set(1009, HeaderValue::Words(vec![size as u32]));
        if files.is_empty() {
            return;
        }
        let mut directories: Vec<&[u8]> = Vec::new();
        let (mut indexes, mut names) = (Vec::new(), Vec::new());
        for (path, _) in &files {
            let slash = path
                .iter()
                .rposition(|b| *b == b'/')
                .expect("an absolute path");
            let (directory, name) = path.split_at(slash + 1);
            let known = directories.iter().rposition(|known| *known == directory);
            indexes.push(known.unwrap_or(directories.len()) as u32);
            if known.is_none() {
                directories.push(directory);
            }
            names.push(name);
        }
        let words = |f: &dyn Fn(&File) -> u32| {
            HeaderValue::Words(files.iter().map(|(_, file)| f(file)).collect())
        };
        let shorts = |f: fn(&File) -> u16| {
            HeaderValue::Shorts(files.iter().map(|(_, file)| f(file)).collect())
        };
        let texts = |f: &dyn Fn(&File) -> Vec<u8>| {
            HeaderValue::Texts(files.iter().map(|(_, file)| f(file)).collect())
        };
        let digest = |file: &File| {
            let regular = file.mode & 0o170_000 == 0o100_000 && file.flags & 1 << 6 == 0;
            let digest = || hex(sha2::Sha256::digest(&file.content)).into_bytes();
            if regular { digest() } else { Vec::new() }
        };
        header
            .set(1028, words(&|file| file.content.len() as u32))
            .set(1030, shorts(|file| file.mode))
            .set(1033, shorts(|file| file.device))
            .set(1034, words(&|_| self.mtime))
            .set(1035, texts(&digest))
            .set(1036, texts(&|file| file.link.clone()))
            .set(1037, words(&|file| file.flags))
            .set(1039, texts(&|file| file.user.clone().into_bytes()))
            .set(1040, texts(&|file| file.group.clone().into_bytes()))
            .set(1045, words(&|_| u32::MAX))
            .set(1095, words(&|_| 1))
            .set(1096, words(&|file| file.inode))
            .set(1097, texts(&|_| Vec::new()))
            .set(1116, HeaderValue::Words(indexes))
            .set(1117, HeaderValue::texts(&names))
            .set(1118, HeaderValue::texts(&directories))
            .set(5011, HeaderValue::Words(vec![8]));
        if files.iter().any(|(_, file)| !file.capabilities.is_empty()) {
            header.set(5010, texts(&|file| file.capabilities.clone().into_bytes()));
        }
    }

    /// The archive.
    pub fn build(&self) -> Vec<u8> {
        self.parts().build()
    }
}
