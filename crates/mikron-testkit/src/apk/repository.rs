//! Repositories: one directory an architecture, with the index, and the archives in that of their own architecture.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use super::{Apk, ApkHash, ApkKey};
use crate::archive::{Compression, TarBuilder};
use crate::http::Server;

/// Builds a repository of one architecture.
#[derive(Clone, Debug)]
pub struct ApkRepositoryBuilder {
    arch: String,
    text: String,
    description: String,
    archives: BTreeMap<String, Vec<u8>>,
    key: Option<(ApkKey, ApkHash)>,
}

/// A repository as files by path, relative to its base URL.
#[derive(Clone, Debug)]
pub struct ApkRepository {
    /// The architecture.
    pub arch: String,
    /// All files by path.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// How the fields of `.PKGINFO` are called in an index.
const LETTERS: [(char, &str); 13] = [
    ('T', "pkgdesc"),
    ('U', "url"),
    ('L', "license"),
    ('o', "origin"),
    ('m', "maintainer"),
    ('t', "builddate"),
    ('c', "commit"),
    ('k', "provider_priority"),
    ('D', "depend"),
    ('p', "provides"),
    ('i', "install_if"),
    ('r', "replaces"),
    ('q', "replaces_priority"),
];

/// The base64 of apk's checksums.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let number = chunk
            .iter()
            .chain([0, 0].iter())
            .take(3)
            .fold(0_usize, |number, byte| number << 8 | usize::from(*byte));
        for place in 0..4 {
            if place <= chunk.len() {
                text.push(char::from(LETTERS[number >> (18 - 6 * place) & 63]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

/// The stanza of an archive, as `apk index` writes it.
fn stanza(apk: &Apk) -> String {
    let mut text = format!("C:Q1{}\n", base64(&apk.checksum()));
    for (letter, name) in [('P', "pkgname"), ('V', "pkgver"), ('A', "arch")] {
        let _ = writeln!(text, "{letter}:{}", apk.field(name).unwrap_or_default());
    }
    let _ = writeln!(text, "S:{}", apk.bytes().len());
    let _ = writeln!(text, "I:{}", apk.field("size").unwrap_or("0"));
    for (letter, name) in LETTERS {
        let found = apk.fields.iter().filter(|(known, _)| known == name);
        let values: Vec<&str> = found.map(|(_, value)| value.as_str()).collect();
        if !values.is_empty() {
            let _ = writeln!(text, "{letter}:{}", values.join(" "));
        }
    }
    text
}

impl ApkRepositoryBuilder {
    /// An empty repository, unsigned.
    pub fn new(arch: &str) -> Self {
        Self {
            arch: arch.to_owned(),
            text: String::new(),
            description: "made for a test".to_owned(),
            archives: BTreeMap::new(),
            key: None,
        }
    }

    /// Adds an archive and its stanza.
    #[must_use]
    pub fn package(self, apk: &Apk) -> Self {
        self.package_with(apk, &stanza(apk))
    }

    /// Adds an archive with a stanza of the caller's making.
    #[must_use]
    pub fn package_with(mut self, apk: &Apk, stanza: &str) -> Self {
        let name = apk.field("pkgname").unwrap_or_default();
        let version = apk.field("pkgver").unwrap_or_default();
        let arch = apk.field("arch").unwrap_or_default();
        self.archives
            .insert(format!("{arch}/{name}-{version}.apk"), apk.bytes());
        self.stanza(stanza)
    }

    /// The stanza that [`ApkRepositoryBuilder::package`] would add.
    pub fn stanza_of(apk: &Apk) -> String {
        stanza(apk)
    }

    /// Adds a stanza alone.
    #[must_use]
    pub fn stanza(mut self, stanza: &str) -> Self {
        let _ = write!(self.text, "{}\n\n", stanza.trim_end());
        self
    }

    /// Adds a package of which only the metadata matter: its archive is a real one with no files. `fields` are pairs of
    /// `.PKGINFO`.
    #[must_use]
    pub fn simple(self, name: &str, version: &str, fields: &[(&str, &str)]) -> Self {
        let mut builder = super::ApkBuilder::new(name, version, &self.arch);
        for (field, value) in fields {
            builder = builder.field(field, value);
        }
        self.package(&builder.members())
    }

    /// Signs the index over its SHA-256.
    #[must_use]
    pub fn sign_with(self, key: &ApkKey) -> Self {
        self.sign_as(key, ApkHash::Sha256)
    }

    /// Signs the index.
    #[must_use]
    pub fn sign_as(mut self, key: &ApkKey, hash: ApkHash) -> Self {
        self.key = Some((key.clone(), hash));
        self
    }

    /// The unpacked member of the index.
    pub fn index_tar(&self) -> Vec<u8> {
        TarBuilder::new()
            .mtime(1_700_000_000)
            .file("DESCRIPTION", 0o644, self.description.as_bytes())
            .file("APKINDEX", 0o644, self.text.as_bytes())
            .build()
    }

    /// Makes all files.
    pub fn build(self) -> ApkRepository {
        let packed = Compression::Gzip.compress(&self.index_tar());
        let signature = match &self.key {
            None => Vec::new(),
            Some((key, hash)) => Compression::Gzip.compress(&key.signature_tar(&packed, *hash)),
        };
        let mut files = BTreeMap::new();
        let index = format!("{}/APKINDEX.tar.gz", self.arch);
        files.insert(index, [signature, packed].concat());
        files.extend(self.archives);
        ApkRepository {
            arch: self.arch,
            files,
        }
    }
}

impl ApkRepository {
    /// A file by path.
    ///
    /// # Panics
    /// When there is none.
    pub fn file(&self, path: &str) -> &[u8] {
        self.files
            .get(path)
            .unwrap_or_else(|| panic!("the repository has no file {path}"))
    }

    /// The bytes of the index.
    pub fn index(&self) -> &[u8] {
        self.file(&format!("{}/APKINDEX.tar.gz", self.arch))
    }

    /// Serves all files under `prefix` (which begins with a slash, or is empty).
    pub fn serve(&self, server: &Server, prefix: &str) {
        for (path, bytes) in &self.files {
            server.put(&format!("{prefix}/{path}"), bytes.clone());
        }
    }

    /// Writes all files below `directory`.
    ///
    /// # Panics
    /// When a file cannot be written.
    pub fn write_to(&self, directory: &Path) {
        for (path, bytes) in &self.files {
            let path = directory.join(path);
            std::fs::create_dir_all(path.parent().expect("a joined path has a parent"))
                .expect("a directory");
            std::fs::write(path, bytes).expect("a file");
        }
    }
}

/// A signed index of so many packages that were never made, each with relations of all kinds, for measurements.
pub fn many_packages(count: u32) -> Vec<u8> {
    let mut text = String::new();
    for n in 0..count {
        let checksum = format!("{:026x}A", u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let (a, b) = (n * 7 % count, n * 13 % count);
        let _ = write!(
            text,
            "C:Q1{checksum}=\nP:package-{n}\nV:1.{}.{}_p{}-r{}\nA:x86_64\nS:{}\nI:{}\nT:The package number {n} of many\n\
             U:https://example.org/package-{n}\nL:MIT AND BSD-3-Clause\no:package-{n}\nm:Example <example@example.org>\n\
             t:{}\nc:{n:040x}\nD:package-{a}>=1.0 package-{b} so:lib{a}.so.{} so:libc.musl-x86_64.so.1 /bin/sh !old-{n}\n\
             p:so:lib{n}.so.{}=1.2.{} cmd:package-{n}=1.0 pc:package-{n}=1.0\ni:package-{a}=1.0 docs\n\n",
            n % 40,
            n % 9,
            n % 5,
            n % 12,
            1000 + n,
            5000 + n,
            1_600_000_000 + u64::from(n),
            a % 9,
            n % 9,
            n % 30,
        );
    }
    let builder = ApkRepositoryBuilder::new("x86_64").stanza(&text);
    builder
        .sign_with(&ApkKey::shared("example"))
        .build()
        .index()
        .to_vec()
}
