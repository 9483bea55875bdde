//! Downloads that failed: every attempt, where and why.

use std::fmt::{self, Write as _};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use mikron_package::Digest;

use super::Wanted;
use crate::cache::CacheError;
use crate::fetch::FetchError;

/// A download that failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DownloadError {
    /// It is not in the cache, and the network must not be asked.
    #[error("{name} is not in the cache, and the network must not be asked (--offline)")]
    Offline {
        /// The file.
        name: String,
    },
    /// No location has it as it is wanted.
    #[error("{name} cannot be fetched{}", Attempts(.attempts))]
    Failed {
        /// The file.
        name: String,
        /// What was tried, in order; empty when there is no location at all.
        attempts: Vec<Attempt>,
    },
    /// The consumer of the bytes gave up.
    #[error("{name} cannot be read: {error}")]
    Tap {
        /// The file.
        name: String,
        /// Why.
        error: Arc<io::Error>,
    },
    /// The cache cannot be read or written.
    #[error(transparent)]
    Cache(#[from] CacheError),
}

impl DownloadError {
    /// Whether every location says that it does not have the file.
    pub fn is_not_found(&self) -> bool {
        match self {
            Self::Failed { attempts, .. } => {
                !attempts.is_empty() && attempts.iter().all(|a| a.failure.is_not_found())
            }
            _ => false,
        }
    }
}

/// One attempt at one location.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The location, without credentials.
    pub url: String,
    /// Why it failed.
    pub failure: Failure,
}

struct Attempts<'a>(&'a [Attempt]);

impl fmt::Display for Attempts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str(": no location is known for it"),
            [one] => write!(f, ": {}", one.failure),
            several => {
                write!(f, " ({} attempts)", several.len())?;
                // What failed in the same way again and again is said once.
                let texts = several.iter().map(|attempt| attempt.failure.to_string());
                let mut texts: Vec<String> = texts.collect();
                texts.dedup();
                texts.iter().try_for_each(|text| write!(f, "\n  {text}"))
            }
        }
    }
}

/// Why an attempt failed.
#[derive(Clone, Debug)]
pub struct Failure {
    kind: Kind,
    /// Whether beginning anew at the same location may help.
    pub(super) blames_resume: bool,
}

#[derive(Clone, Debug)]
enum Kind {
    Fetch(FetchError),
    Digest {
        name: String,
        expected: Digest,
        found: Digest,
        encoding: Option<String>,
    },
    Size {
        name: String,
        expected: u64,
        announced: u64,
    },
    TooLong {
        limit: u64,
    },
    Content {
        name: String,
        reason: String,
    },
}

impl Failure {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            blames_resume: false,
        }
    }

    pub(super) fn digest(wanted: &Wanted, found: Digest, encoding: Option<&str>) -> Self {
        Self::new(Kind::Digest {
            name: wanted.name.clone(),
            expected: wanted.digest,
            found,
            encoding: encoding.map(|e| e.chars().take(40).collect()),
        })
    }

    pub(super) fn size(wanted: &Wanted, announced: u64) -> Self {
        Self::new(Kind::Size {
            name: wanted.name.clone(),
            expected: wanted.size,
            announced,
        })
    }

    pub(super) fn content(name: &str, reason: String) -> Self {
        Self::new(Kind::Content {
            name: name.to_owned(),
            reason,
        })
    }

    pub(super) fn too_long(limit: u64) -> Self {
        Self::new(Kind::TooLong { limit })
    }

    pub(super) fn blaming_resume(mut self, blame: bool) -> Self {
        self.blames_resume = blame;
        self
    }

    /// The error of the fetch, where the location gave one.
    pub fn fetch(&self) -> Option<&FetchError> {
        match &self.kind {
            Kind::Fetch(error) => Some(error),
            _ => None,
        }
    }

    /// The digest that the location's bytes have, where it is not the wanted one.
    pub fn found_digest(&self) -> Option<Digest> {
        match &self.kind {
            Kind::Digest { found, .. } => Some(*found),
            _ => None,
        }
    }

    /// The size that the location announces, where it is not the wanted one.
    pub fn announced_size(&self) -> Option<u64> {
        match &self.kind {
            Kind::Size { announced, .. } => Some(*announced),
            _ => None,
        }
    }

    /// Whether the same request may succeed a little later.
    pub fn is_transient(&self) -> bool {
        self.fetch().is_some_and(FetchError::is_transient)
    }

    pub(super) fn is_not_found(&self) -> bool {
        self.fetch().is_some_and(FetchError::is_not_found)
    }

    pub(super) fn retry_after(&self) -> Option<Duration> {
        self.fetch().and_then(FetchError::retry_after)
    }
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        Self::new(Kind::Fetch(error))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Fetch(error) => write!(f, "{error}"),
            Kind::Digest {
                name,
                expected,
                found,
                encoding,
            } => {
                write!(
                    f,
                    "{name}: other bytes came than were promised (expected {expected}, found {found}"
                )?;
                if let Some(encoding) = encoding {
                    write!(f, "; the server claims Content-Encoding: {encoding}")?;
                }
                f.write_char(')')
            }
            Kind::Size {
                name,
                expected,
                announced,
            } => {
                write!(
                    f,
                    "{name}: the server has {announced} bytes, and {expected} were promised"
                )
            }
            Kind::Content { name, reason } => write!(f, "{name}: {reason}"),
            Kind::TooLong { limit } => write!(f, "the answer is longer than {limit} bytes"),
        }
    }
}
