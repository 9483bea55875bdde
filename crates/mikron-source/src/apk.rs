//! Alpine's repositories: from a base URL to verified indexes and archives.
//!
//! A base URL has one directory an architecture, with `APKINDEX.tar.gz` in it. The chain of trust: a key signs the packed
//! index; the index names each archive by the SHA-1 of its packed control member; that names the data by their SHA-256. No
//! link gives the digest of an archive as a whole. So an archive is checked link by link on its way into the cache, and from
//! then on goes by the SHA-256 that it turned out to have.
//!
//! An index has no date. What comes nearest is the time at which the newest of its packages was built, which is signed: an
//! index whose newest package is older than that of one seen before is taken for a roll-back. An index that was published
//! again without its newest package looks the same, and is kept back until a newer one comes or the spec forgives it.
//! `Last-Modified` is not signed, and does not count.

mod archives;
mod index;
mod keys;
mod published;
mod refresh;

use mikron_package::Digest;
use serde::{Deserialize, Serialize};

pub use keys::ApkKeys;
pub use published::ApkPublished;

use crate::error::{SourceError, SourceErrorKind};

/// A repository of Alpine's kind.
///
/// ```
/// use mikron_source::Repository;
/// use mikron_source::apk::{ApkRepository, ApkTrust};
/// let repository = ApkRepository::new("vendor", "https://example.org/alpine/main", ApkTrust::Unsigned);
/// assert_eq!(repository.source(), "vendor");
/// ```
#[derive(Clone, Debug)]
pub struct ApkRepository {
    /// The name of the source in the spec.
    pub name: String,
    /// What "last seen" is kept under: the same for all mirrors of one repository.
    pub identity: String,
    /// Base URLs, the best first. They may hold credentials.
    pub bases: Vec<String>,
    /// Further base URLs that are only asked for files whose digest is known: they need not be up to date.
    pub fallbacks: Vec<String>,
    /// The tag that stands before its line in apk's own list of repositories: its packages are for those who ask for
    /// `name@tag` alone.
    pub tag: Option<String>,
    /// The pin priority of its packages.
    pub priority: i32,
    /// Who may sign it.
    pub trust: ApkTrust,
    /// What is forgiven, by name.
    pub options: ApkOptions,
    /// The date of the index that a lock was made from: an older one is a roll-back.
    pub not_before: Option<i64>,
}

/// Who may sign a repository.
#[derive(Clone, Debug)]
pub enum ApkTrust {
    /// The holders of these keys.
    Keys(ApkKeys),
    /// Nobody needs to: the spec says so by name. Checksums of archives are still checked.
    Unsigned,
}

/// What is forgiven, by name; nothing by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ApkOptions {
    /// A signature over a SHA-1 (`.SIGN.RSA.…`), which is what most repositories of this format still have.
    pub allow_weak_signature: bool,
    /// An index that is older than one that was seen before.
    pub allow_older: bool,
}

/// A verified index: what is remembered of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifiedIndex {
    /// The digest of `APKINDEX.tar.gz`.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// The name of the key that signed it; empty when nobody had to.
    pub key: String,
    /// When the newest of its packages was built, in seconds since 1970; 0 when none says.
    pub date: i64,
}

impl ApkRepository {
    /// A repository at one base URL.
    pub fn new(name: &str, base: &str, trust: ApkTrust) -> Self {
        Self {
            name: name.to_owned(),
            identity: crate::fetch::redact(base.trim_end_matches('/')),
            bases: vec![base.to_owned()],
            fallbacks: Vec::new(),
            tag: None,
            priority: 500,
            trust,
            options: ApkOptions::default(),
            not_before: None,
        }
    }

    fn error(&self, arch: &str, kind: impl Into<SourceErrorKind>) -> SourceError {
        SourceError {
            source: self.name.clone(),
            suite: index_path(arch),
            kind: Box::new(kind.into()),
        }
    }

    /// The pin priority that its packages have: below 0, as apt counts, where it has a tag, so that none is taken unless a
    /// request names this source.
    fn effective_priority(&self) -> i32 {
        match self.tag {
            Some(_) => self.priority.min(-1),
            None => self.priority,
        }
    }

    /// All base URLs, for files whose digest is known.
    fn all_bases(&self) -> impl Iterator<Item = &String> {
        self.bases.iter().chain(&self.fallbacks)
    }
}

/// Where the index of an architecture lies, relative to a base URL.
fn index_path(arch: &str) -> String {
    format!("{arch}/APKINDEX.tar.gz")
}
