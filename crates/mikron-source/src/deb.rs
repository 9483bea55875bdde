//! Debian repositories: from a base URL and a suite to verified indexes and archives.
//!
//! The chain of trust is short: a key signs the Release, the Release names the indexes by SHA-256 and size, an index names
//! the archives by SHA-256 and size. Every link is checked before the next is looked at, and nothing of a repository is
//! remembered before all of it holds.

mod archives;
mod contents;
mod index;
mod published;
mod release;

use std::sync::{Arc, Mutex, PoisonError, Weak};

use mikron_archive::Compression;
use mikron_deb::{Release, ReleaseFile};
use mikron_package::{Digest, threads};
use serde::{Deserialize, Serialize};

pub use crate::context::Context;
pub use crate::error::{SourceError, SourceErrorKind};

use crate::trust::{Keyring, Signer};
use crate::universe::CompactIndex;

/// One suite of a Debian repository.
#[derive(Clone, Debug)]
pub struct DebRepository {
    /// The name of the source in the spec.
    pub name: String,
    /// What "last seen" is kept under: the same for all mirrors of one archive.
    pub identity: String,
    /// Base URLs, the best first. They may hold credentials.
    pub bases: Vec<String>,
    /// Further base URLs that are only asked for files whose digest is known: they need not be up to date.
    pub fallbacks: Vec<String>,
    /// The suite as in `dists/SUITE`; for a flat repository a path that ends in `/`.
    pub suite: String,
    /// The components, in the order of preference.
    pub components: Vec<String>,
    /// The pin priority of its packages (apt_preferences(5)).
    pub priority: i32,
    /// Who may sign it.
    pub trust: Trust,
    /// What is forgiven, by name.
    pub options: DebOptions,
    /// The Date of the Release that a lock was made from: an older one is a roll-back.
    pub not_before: Option<i64>,
}

/// Who may sign a repository.
#[derive(Clone, Debug)]
pub enum Trust {
    /// The holders of these keys.
    Keys(Keyring),
    /// Nobody needs to: the spec says so by name. Digests of indexes and archives are still checked.
    Unsigned,
}

/// What is forgiven, by name; nothing by default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DebOptions {
    /// A Release whose Valid-Until has passed, and keys that have expired since they signed.
    pub allow_expired: bool,
    /// A Release that is older than one that was seen before.
    pub allow_older: bool,
    /// A Release that names neither the suite that was asked for nor it as its codename.
    pub allow_other_suite: bool,
    /// In which order of preference compressions of an index are taken. Default: gzip, xz, plain. Gzip is a third larger
    /// than xz and unpacks five times as fast: above some 20 MB/s of bandwidth it is there earlier.
    pub compressions: Vec<IndexCompression>,
}

impl Default for DebOptions {
    fn default() -> Self {
        use IndexCompression::{Gzip, Plain, Xz};
        Self {
            allow_expired: false,
            allow_older: false,
            allow_other_suite: false,
            compressions: vec![Gzip, Xz, Plain],
        }
    }
}

/// The compression of a published index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IndexCompression {
    /// `Packages`.
    Plain,
    /// `Packages.gz`.
    Gzip,
    /// `Packages.xz`.
    Xz,
}

impl IndexCompression {
    fn extension(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Gzip => ".gz",
            Self::Xz => ".xz",
        }
    }

    fn decoder(self) -> Compression {
        match self {
            Self::Plain => Compression::None,
            Self::Gzip => Compression::Gzip,
            Self::Xz => Compression::Xz,
        }
    }
}

impl DebRepository {
    /// A suite at one base URL, signed by these keys.
    ///
    /// ```
    /// use mikron_source::deb::DebRepository;
    /// use mikron_source::preset::debian_keyring;
    /// let repository = DebRepository::new("vendor", "https://example.org/debian", "stable", debian_keyring());
    /// assert_eq!(repository.components, ["main"]);
    /// ```
    pub fn new(name: &str, base: &str, suite: &str, keyring: Keyring) -> Self {
        Self::at(
            name,
            base,
            suite,
            &["main".to_owned()],
            Trust::Keys(keyring),
        )
    }

    /// A suite at one base URL, with everything that there is to say of it.
    pub fn at(name: &str, base: &str, suite: &str, components: &[String], trust: Trust) -> Self {
        Self {
            name: name.to_owned(),
            identity: crate::fetch::redact(base.trim_end_matches('/')),
            bases: vec![base.to_owned()],
            fallbacks: Vec::new(),
            suite: suite.to_owned(),
            components: components.to_vec(),
            priority: 500,
            trust,
            options: DebOptions::default(),
            not_before: None,
        }
    }

    fn error(&self, kind: impl Into<SourceErrorKind>) -> SourceError {
        SourceError {
            source: self.name.clone(),
            suite: self.suite.clone(),
            kind: Box::new(kind.into()),
        }
    }

    /// Whether it is a flat repository (sources.list(5)): the suite is a path that ends in `/`, the Release lies right there,
    /// and there are no components.
    pub(crate) fn is_flat(&self) -> bool {
        self.suite.ends_with('/')
    }

    /// Where the Release lies, relative to a base URL; empty for the base itself.
    pub fn directory(&self) -> String {
        let parts = self
            .suite
            .split('/')
            .filter(|part| !matches!(*part, "" | "."));
        let suite = parts.collect::<Vec<_>>().join("/");
        if self.is_flat() {
            suite
        } else {
            format!("dists/{suite}")
        }
    }

    /// The path of a file that the Release names, relative to a base URL.
    pub(crate) fn path_of(&self, file: &str) -> String {
        let directory = self.directory();
        if directory.is_empty() {
            file.to_owned()
        } else {
            format!("{directory}/{file}")
        }
    }

    /// All base URLs, for files whose digest is known.
    fn all_bases(&self) -> impl Iterator<Item = &String> {
        self.bases.iter().chain(&self.fallbacks)
    }
}

/// A verified Release, as far as packages are concerned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifiedRelease {
    /// The file that it comes from: `InRelease`, `Release`, or where nobody has to sign the index of a flat repository.
    pub file: String,
    /// The digest of that file.
    pub digest: Digest,
    /// Who signed it, and when.
    pub signer: Signer,
    /// What it says; of its files, only the indexes and the lists of files (`Contents`).
    pub release: Release,
}

impl VerifiedRelease {
    /// Its Date, in seconds since 1970; 0 when it has none.
    pub(crate) fn date(&self) -> i64 {
        self.release.date.unwrap_or(0)
    }
}

/// One index of a Release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexRef {
    /// `main`.
    pub component: String,
    /// The architecture in its path: `amd64`, `all`.
    pub architecture: String,
    /// Its path below the suite, as published: `main/binary-amd64/Packages.gz`.
    pub path: String,
    /// Size and digest as published.
    pub file: ReleaseFile,
    /// Its compression.
    pub compression: IndexCompression,
    /// Whether it can be asked for by hash.
    pub by_hash: bool,
}

/// A suite whose Release was verified, and its indexes for one architecture. Those that were read on the way are at hand;
/// the others are opened when they are asked for.
#[derive(Clone, Debug)]
pub struct Suite {
    /// The repository.
    pub repository: DebRepository,
    /// Its Release.
    pub release: Arc<VerifiedRelease>,
    /// The native architecture, in Debian's words.
    pub architecture: String,
    /// Its indexes, in the order of components.
    pub indexes: Vec<Index>,
}

/// An index of a [`Suite`].
#[derive(Clone, Debug)]
pub struct Index {
    /// Which one.
    pub reference: IndexRef,
    compact: Arc<Mutex<AtHand>>,
}

/// The compact form of an index as far as somebody has it: it is large, and the cache has it too.
#[derive(Debug, Default)]
struct AtHand {
    /// As it was read on the way, until somebody asks for it.
    fresh: Option<Arc<CompactIndex>>,
    /// As somebody has it who asked.
    opened: Weak<CompactIndex>,
}

impl Index {
    fn new(reference: IndexRef) -> Self {
        Self {
            reference,
            compact: Arc::default(),
        }
    }

    /// Keeps the compact form until it is asked for.
    fn set(&self, compact: Arc<CompactIndex>) {
        self.at_hand(|at_hand| at_hand.fresh = Some(compact));
    }

    fn at_hand<T>(&self, look: impl FnOnce(&mut AtHand) -> T) -> T {
        look(&mut self.compact.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Suite {
    /// An index in compact form: at hand, out of the cache, or fetched. It is let go with the last of those who have it.
    ///
    /// # Errors
    /// When it can neither be found nor fetched, or it is malformed.
    pub fn open(
        &self,
        context: &Context<'_>,
        index: &Index,
    ) -> Result<Arc<CompactIndex>, SourceError> {
        let known =
            index.at_hand(|at_hand| at_hand.fresh.take().or_else(|| at_hand.opened.upgrade()));
        let compact = match known {
            Some(compact) => compact,
            None => self
                .repository
                .index(context, &index.reference, &self.architecture)?,
        };
        index.at_hand(|at_hand| at_hand.opened = Arc::downgrade(&compact));
        Ok(compact)
    }

    /// All indexes, as parts of a universe.
    ///
    /// # Errors
    /// As [`Suite::open`].
    pub fn parts(&self, context: &Context<'_>) -> Result<Vec<crate::universe::Part>, SourceError> {
        let part = |index: &Index| {
            Ok(crate::universe::Part {
                index: self.open(context, index)?,
                source: self.repository.name.clone(),
                priority: self.repository.priority,
                label: format!("{}/{}", self.repository.suite, index.reference.component),
            })
        };
        self.indexes.iter().map(part).collect()
    }
}

/// Refreshes several suites for several architectures (in Debian's words) at once; the result has one [`Suite`] for each
/// pair, suites within architectures, in the given order. What a freshly fetched Release names is fetched and read on the
/// way; what was verified a short while ago costs one small file.
///
/// # Errors
/// The first error, in that order.
pub fn refresh(
    context: &Context<'_>,
    repositories: &[DebRepository],
    architectures: &[&str],
) -> Result<Vec<Suite>, SourceError> {
    let by_repository = threads::each(
        repositories.len(),
        repositories.iter().collect(),
        |repository: &DebRepository| repository.refresh(context, architectures),
    );
    let mut suites = Vec::new();
    for result in by_repository {
        suites.extend(result?);
    }
    // Architectures first, then the repositories' own order; the sort is stable.
    let place = |suite: &Suite| architectures.iter().position(|a| *a == suite.architecture);
    suites.sort_by_key(place);
    Ok(suites)
}
