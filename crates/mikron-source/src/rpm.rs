//! Repositories of rpm packages: from a base URL, a mirror list or a metalink to verified indexes and archives.
//!
//! A key signs `repomd.xml`, that names `primary.xml` by checksum and size, and that the archives. Some distributions sign
//! their packages alone, and say by a metalink over HTTPS which `repomd.xml` is theirs: [`Signed`] tells one from the other.
//! Every link is checked before the next is looked at, and nothing of a repository is remembered before all of it holds.

mod architecture;
mod archives;
mod checked;
mod filter;
mod index;
mod making;
mod metadata;
mod mirrors;
mod parallel;
mod paths;
mod published;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use mikron_package::Digest;
use mikron_rpm::Repomd;
use serde::{Deserialize, Serialize};

pub use published::RpmPublished;

use crate::deb::Trust;
use crate::error::{SourceError, SourceErrorKind};
use crate::fetch::redact;
use crate::trust::{Keyring, Signer};

/// Where a repository says what it has.
const REPOMD: &str = "repodata/repomd.xml";

/// A repository of rpm packages.
///
/// URLs may hold `$basearch`, which stands for the architecture in rpm's words.
#[derive(Clone, Debug)]
pub struct RpmRepository {
    /// The name of the source in the spec.
    pub name: String,
    /// What "last seen" is kept under: the same for all mirrors of one repository.
    pub identity: String,
    /// Base URLs, the best first. They may hold credentials.
    pub bases: Vec<String>,
    /// The URL of a mirror list or a metalink, whose base URLs come behind the others.
    pub mirrors: Option<String>,
    /// Further base URLs that are only asked for files whose digest is known: they need not be up to date.
    pub fallbacks: Vec<String>,
    /// The priority of its packages, as Debian counts: 500 unless the spec says otherwise, the higher the better.
    pub priority: i32,
    /// Who may sign it.
    pub trust: Trust,
    /// What it is that they sign.
    pub signed: Signed,
    /// What is forgiven and what is left out, by name.
    pub options: RpmOptions,
    /// The time of the metadata that a lock was made from: older ones are a roll-back.
    pub not_before: Option<i64>,
    /// What the mirror list said, once it was asked.
    found: Found,
}

/// What the signatures of a repository cover.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signed {
    /// `repomd.xml`, and so everything (dnf's `repo_gpgcheck`).
    #[default]
    Metadata,
    /// Each package (dnf's `gpgcheck`). Metadata are believed as they come, so an attacker may hold packages back, but not
    /// change one.
    Packages,
}

/// What is forgiven and left out, by name; nothing by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RpmOptions {
    /// Keys that have expired since they signed.
    pub allow_expired: bool,
    /// Metadata that are older than those that were seen before.
    pub allow_older: bool,
    /// Globs of packages that are left out, by name or by full name (`kernel*`, `nginx-1:1.20-*.x86_64`).
    pub exclude: Vec<String>,
    /// Architectures in rpm's words, in place of the platform's own and `noarch`.
    pub architectures: Option<Vec<String>>,
    /// Streams of modules that are turned on, by module.
    pub modules: BTreeMap<String, String>,
    /// Take packages whatever modules say of them (dnf's `module_hotfixes`).
    pub ignore_modules: bool,
}

/// Base URLs that mirror lists named, by the list's own URL. All clones share it.
#[derive(Clone, Debug, Default)]
struct Found(Arc<Mutex<BTreeMap<String, Vec<String>>>>);

/// A verified `repomd.xml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifiedRepomd {
    /// The digest of the file.
    pub digest: Digest,
    /// Who signed it, and when.
    pub signer: Signer,
    /// What it says.
    pub repomd: Repomd,
}

impl VerifiedRepomd {
    /// When it was made, in seconds since 1970; 0 when nobody says.
    pub(crate) fn date(&self) -> i64 {
        self.repomd.timestamp().unwrap_or(0)
    }
}

impl RpmRepository {
    /// A repository at one base URL, whose metadata are signed by these keys.
    ///
    /// ```
    /// use mikron_source::Repository as _;
    /// use mikron_source::preset::debian_keyring;
    /// use mikron_source::rpm::RpmRepository;
    /// let repository = RpmRepository::new("vendor", "https://example.org/el9/$basearch", debian_keyring());
    /// assert_eq!(repository.source(), "vendor");
    /// ```
    pub fn new(name: &str, base: &str, keyring: Keyring) -> Self {
        Self::at(name, &[base.to_owned()], None, Trust::Keys(keyring))
    }

    /// A repository with everything that there is to say of its place.
    pub fn at(name: &str, bases: &[String], mirrors: Option<&str>, trust: Trust) -> Self {
        let place = bases.first().map(String::as_str).or(mirrors);
        Self {
            name: name.to_owned(),
            identity: redact(place.unwrap_or_default().trim_end_matches('/')),
            bases: bases.to_vec(),
            mirrors: mirrors.map(str::to_owned),
            fallbacks: Vec::new(),
            priority: 500,
            trust,
            signed: Signed::Metadata,
            options: RpmOptions::default(),
            not_before: None,
            found: Found::default(),
        }
    }

    fn error(&self, kind: impl Into<SourceErrorKind>) -> SourceError {
        SourceError {
            source: self.name.clone(),
            suite: self.identity.clone(),
            kind: Box::new(kind.into()),
        }
    }

    /// The base URLs of its metadata: those of the spec, then those of the mirror list, as far as it was asked.
    fn current_bases(&self) -> Vec<String> {
        let mut bases = self.bases.clone();
        for base in self.known_mirrors() {
            if !bases.contains(&base) {
                bases.push(base);
            }
        }
        bases
    }
}
