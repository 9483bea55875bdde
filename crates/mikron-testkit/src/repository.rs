//! Builders for signed Debian repositories, well-formed and malformed.
//!
//! ```
//! use mikron_testkit::repository::{RepositoryBuilder, TestKey};
//! let key = TestKey::generate();
//! let repository = RepositoryBuilder::new("bookworm")
//!     .package("Package: hello\nVersion: 1.0\nArchitecture: amd64\n", b"the archive's bytes".to_vec())
//!     .sign_with(&key)
//!     .build();
//! assert!(repository.file("dists/bookworm/InRelease").starts_with(b"-----BEGIN PGP SIGNED MESSAGE-----"));
//! assert!(repository.file("pool/main/h/hello/hello_1.0_amd64.deb").starts_with(b"the"));
//! ```

mod files;
mod key;
mod release;
mod subkey;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

pub use key::{KeyKind, TestKey};
use mikron_package::Digest;
pub use release::rfc2822;
use release::{Published, release_text};
pub use subkey::Binding;

pub use files::Repository;
pub(crate) use files::{serve_files, write_files};

use crate::archive::Compression;

/// Builds a Debian repository of one suite; one whose name ends in `/` is a flat repository (sources.list(5)).
#[derive(Clone, Debug)]
pub struct RepositoryBuilder {
    suite: String,
    fields: Vec<(String, Option<String>)>,
    components: Vec<String>,
    architectures: Vec<String>,
    packages: BTreeMap<(String, String), String>,
    contents: BTreeMap<String, String>,
    pool: BTreeMap<String, Vec<u8>>,
    date: i64,
    valid_until: Option<i64>,
    by_hash: bool,
    inrelease: bool,
    detached: bool,
    weak_only: bool,
    compressions: Vec<Compression>,
    keys: Vec<TestKey>,
}

impl RepositoryBuilder {
    /// A repository of this suite with component `main`, architecture `amd64`, made now, by-hash, InRelease only,
    /// indexes in gzip and xz.
    pub fn new(suite: &str) -> Self {
        Self {
            suite: suite.to_owned(),
            fields: Vec::new(),
            components: vec!["main".to_owned()],
            architectures: vec!["amd64".to_owned()],
            packages: BTreeMap::new(),
            contents: BTreeMap::new(),
            pool: BTreeMap::new(),
            date: now(),
            valid_until: None,
            by_hash: true,
            inrelease: true,
            detached: false,
            weak_only: false,
            compressions: vec![Compression::Gzip, Compression::Xz],
            keys: Vec::new(),
        }
    }

    /// The architectures that the repository serves, in place of `amd64`.
    #[must_use]
    pub fn architectures(mut self, names: &[&str]) -> Self {
        self.architectures = names.iter().map(|n| (*n).to_owned()).collect();
        self
    }

    /// The components that the repository has, in place of `main`.
    #[must_use]
    pub fn components(mut self, names: &[&str]) -> Self {
        self.components = names.iter().map(|n| (*n).to_owned()).collect();
        self
    }

    /// Sets a field of the Release file, in place of its usual value.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), Some(value.to_owned())));
        self
    }

    /// Leaves a field of the Release file out.
    #[must_use]
    pub fn without_field(mut self, name: &str) -> Self {
        self.fields.push((name.to_owned(), None));
        self
    }

    /// Adds an archive to `main` with its control stanza; `Filename`, `Size` and `SHA256` are added to it. An
    /// `Architecture: all` package enters the index of every architecture.
    ///
    /// # Panics
    /// When the stanza lacks Package, Version or Architecture.
    #[must_use]
    pub fn package(self, stanza: &str, archive: impl Into<Vec<u8>>) -> Self {
        let (name, version, arch) = (
            stanza_field(stanza, "Package"),
            stanza_field(stanza, "Version"),
            stanza_field(stanza, "Architecture"),
        );
        let file_version = version.split_once(':').map_or(version, |(_, rest)| rest);
        let initial = if name.starts_with("lib") && name.len() > 3 {
            &name[..4]
        } else {
            &name[..1]
        };
        let location = format!("pool/main/{initial}/{name}/{name}_{file_version}_{arch}.deb");
        self.package_at(&location, stanza, archive)
    }

    /// The same, with the archive at a location of the caller's choice.
    ///
    /// # Panics
    /// When the stanza lacks Architecture.
    #[must_use]
    pub fn package_at(mut self, location: &str, stanza: &str, archive: impl Into<Vec<u8>>) -> Self {
        let archive = archive.into();
        let arch = stanza_field(stanza, "Architecture");
        let stanza = format!(
            "{}\nFilename: {location}\nSize: {}\nSHA256: {}\n",
            stanza.trim_end(),
            archive.len(),
            Digest::of(&archive).hex()
        );
        let arches: Vec<String> = if arch == "all" {
            self.architectures.clone()
        } else {
            vec![arch.to_owned()]
        };
        for arch in arches {
            self = self.raw_stanza("main", &arch, &stanza);
        }
        self.pool.insert(location.to_owned(), archive);
        self
    }

    /// Adds a package of which only the metadata matter: its archive is a few bytes. `fields` are further lines of the
    /// stanza (`Depends: …`).
    #[must_use]
    pub fn simple(self, name: &str, version: &str, arch: &str, fields: &str) -> Self {
        let stanza = format!("Package: {name}\nVersion: {version}\nArchitecture: {arch}\n{fields}");
        self.package(
            &stanza,
            format!("archive of {name} {version} {arch}").into_bytes(),
        )
    }

    /// Adds a stanza to an index as it is.
    #[must_use]
    pub fn raw_stanza(mut self, component: &str, arch: &str, stanza: &str) -> Self {
        let text = self
            .packages
            .entry((component.to_owned(), arch.to_owned()))
            .or_default();
        if !text.is_empty() {
            text.push('\n');
        }
        let _ = writeln!(text, "{}", stanza.trim_end());
        self
    }

    /// Sets the text of an index, in place of all stanzas so far.
    #[must_use]
    pub fn packages_text(mut self, component: &str, arch: &str, text: &str) -> Self {
        self.packages
            .insert((component.to_owned(), arch.to_owned()), text.to_owned());
        self
    }

    /// Publishes a list of files for an architecture in `main` (`Contents`): lines of a path, and a package with its section.
    #[must_use]
    pub fn contents(mut self, arch: &str, text: &str) -> Self {
        self.contents.insert(arch.to_owned(), text.to_owned());
        self
    }

    /// The Date of the Release file, in seconds since 1970.
    #[must_use]
    pub fn date(mut self, seconds: i64) -> Self {
        self.date = seconds;
        self
    }

    /// The Valid-Until of the Release file, in seconds since 1970; without it there is none.
    #[must_use]
    pub fn valid_until(mut self, seconds: i64) -> Self {
        self.valid_until = Some(seconds);
        self
    }

    /// Whether indexes are published by hash too, and the Release file says so.
    #[must_use]
    pub fn by_hash(mut self, on: bool) -> Self {
        self.by_hash = on;
        self
    }

    /// Publishes Release and Release.gpg in place of InRelease.
    #[must_use]
    pub fn detached(mut self) -> Self {
        self.inrelease = false;
        self.detached = true;
        self
    }

    /// Publishes indexes alone, as `dpkg-scanpackages` leaves them.
    #[must_use]
    pub fn without_release(mut self) -> Self {
        (self.inrelease, self.detached, self.by_hash) = (false, false, false);
        self
    }

    /// Lists MD5 and SHA-1 sums only. Their values are made up: nobody may look at them.
    #[must_use]
    pub fn weak_hashes_only(mut self) -> Self {
        self.weak_only = true;
        self
    }

    /// The compressions in which indexes are published.
    #[must_use]
    pub fn compressions(mut self, compressions: &[Compression]) -> Self {
        self.compressions = compressions.to_vec();
        self
    }

    /// Signs with this key, too. Without a key there are InRelease and Release as plain text.
    #[must_use]
    pub fn sign_with(mut self, key: &TestKey) -> Self {
        self.keys.push(key.clone());
        self
    }

    /// Makes all files.
    pub fn build(self) -> Repository {
        let flat = self.suite.ends_with('/');
        // The empty path of a flat repository at its base, or one that ends with a slash.
        let dists = match self.suite.trim_start_matches("./") {
            suite if flat => suite.to_owned(),
            _ => format!("dists/{}/", self.suite),
        };
        let mut files = self.pool.clone();
        let mut published = Vec::new();
        // What the Release lists: directory, name and text.
        let mut listed: Vec<(String, String, &str)> = Vec::new();
        for component in &self.components {
            for arch in &self.architectures {
                let key = (component.clone(), arch.clone());
                let text = self.packages.get(&key).map_or("", String::as_str);
                let directory = if flat {
                    String::new()
                } else {
                    format!("{component}/binary-{arch}/")
                };
                listed.push((directory, "Packages".to_owned(), text));
            }
        }
        for (arch, text) in &self.contents {
            listed.push(("main/".to_owned(), format!("Contents-{arch}"), text));
        }
        for (directory, name, text) in listed {
            let (path, text) = (format!("{directory}{name}"), text.as_bytes());
            // The text is listed even where only compressed files are published, as in the Debian archive.
            published.push(Published::new(&path, text));
            for compression in &self.compressions {
                let bytes = compression.compress(text);
                let path = format!("{path}{}", compression.extension());
                if *compression != Compression::None {
                    published.push(Published::new(&path, &bytes));
                }
                if self.by_hash {
                    let hex = Digest::of(&bytes).hex();
                    let at = format!("{dists}{directory}by-hash/SHA256/{hex}");
                    files.insert(at, bytes.clone());
                }
                files.insert(format!("{dists}{path}"), bytes);
            }
        }
        let release = release_text(&self, &published);
        if self.inrelease {
            let text = if self.keys.is_empty() {
                release.clone()
            } else {
                TestKey::clearsign(&self.keys, &release)
            };
            files.insert(format!("{dists}InRelease"), text.into_bytes());
        }
        if self.detached {
            files.insert(format!("{dists}Release"), release.clone().into_bytes());
            if !self.keys.is_empty() {
                let signature = TestKey::sign_detached(&self.keys, release.as_bytes());
                files.insert(format!("{dists}Release.gpg"), signature.into_bytes());
            }
        }
        Repository {
            suite: self.suite,
            files,
            release,
        }
    }
}

/// The time, in seconds since 1970.
pub fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX))
}

fn stanza_field<'a>(stanza: &'a str, name: &str) -> &'a str {
    let value = stanza
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value.map_or_else(|| panic!("the stanza has no {name}"), str::trim)
}
