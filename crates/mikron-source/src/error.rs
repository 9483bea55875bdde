//! Repositories that cannot be used, with which and why.

use std::fmt;

use mikron_apk::IndexError;
use mikron_deb::Deb822Error;
use mikron_package::{ArchiveError, LimitExceeded};
use mikron_rpm::RepomdError;

use crate::cache::CacheError;
use crate::download::DownloadError;
use crate::trust::TrustError;
use crate::universe::WriteError;

/// A repository that cannot be used.
#[derive(Clone, Debug)]
pub struct SourceError {
    /// The name of the source in the spec.
    pub source: String,
    /// Which part of it: the suite of a Debian repository, else the place of its metadata.
    pub suite: String,
    /// Why.
    pub kind: Box<SourceErrorKind>,
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "source {} ({}): {}", self.source, self.suite, self.kind)
    }
}

impl std::error::Error for SourceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.kind)
    }
}

/// Metadata of a repository that cannot be read.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// Debian's.
    #[error(transparent)]
    Deb(#[from] Deb822Error),
    /// Those of a repository of rpm packages.
    #[error(transparent)]
    Rpm(#[from] RepomdError),
    /// Alpine's.
    #[error(transparent)]
    Apk(#[from] IndexError),
    /// What they say has no compact form: it contradicts itself, or there is too much of it.
    #[error(transparent)]
    Index(#[from] WriteError),
    /// Those of a family that is not among these.
    #[error("{0}")]
    Further(String),
}

/// Why a repository cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceErrorKind {
    /// No base URL is known.
    #[error("no location is known; name one in the spec, or with --mirror")]
    NoLocation,
    /// No base URL is known of archives of a distribution, which no preset names a host of.
    #[error("no location is known of the {} {}", if .archives.len() == 1 { "archive" } else { "archives" }, .archives.join(" and "))]
    Unplaced {
        /// Their names in settings, options and variables (`debian`, `debian-security`).
        archives: Vec<String>,
    },
    /// Its signed metadata cannot be fetched: Release, `repomd.xml`, APKINDEX.
    #[error(transparent)]
    Fetch(#[from] DownloadError),
    /// They are not believed.
    #[error("{url} is not trusted: {error}")]
    Untrusted {
        /// The file, without credentials.
        url: String,
        /// Why not.
        error: TrustError,
    },
    /// They are malformed.
    #[error("{url} cannot be read: {error}")]
    Malformed {
        /// The file, without credentials.
        url: String,
        /// What is wrong.
        error: MetadataError,
    },
    /// They were for a time that has passed.
    #[error(
        "its metadata were valid until {} and are expired: the repository is no longer updated, or the clock of this \
         machine is wrong (`allow: [expired]` forgives it)",
        shown_date(*.valid_until)
    )]
    Expired {
        /// Valid-Until, in seconds since 1970.
        valid_until: i64,
    },
    /// They are from the future.
    #[error(
        "its metadata are dated {}, which is in the future: the clock of this machine is wrong, or the repository's is",
        shown_date(*.date)
    )]
    Future {
        /// Its Date, in seconds since 1970.
        date: i64,
    },
    /// They are older than some that were seen before, or than the lock's.
    #[error(
        "its metadata are dated {}, older than those of {} that {}: a roll-back (`allow: [rolled-back]` forgives it)",
        shown_date(*.date), shown_date(*.seen), if *.by_lock { "the lock was made from" } else { "were seen before" }
    )]
    Older {
        /// Its Date, in seconds since 1970.
        date: i64,
        /// The Date of the one that is known.
        seen: i64,
        /// Whether the lock knows it, and not this machine.
        by_lock: bool,
    },
    /// Its index is older than one that was seen before, or than the lock's, by the times at which its packages were built.
    #[error(
        "the newest package of its index was built {}, and that of the one that {} {}: a roll-back \
         (`allow: [rolled-back]` forgives it)",
        shown_date(*.date), if *.by_lock { "the lock was made from" } else { "was seen before" }, shown_date(*.seen)
    )]
    OlderIndex {
        /// When its newest package was built, in seconds since 1970.
        date: i64,
        /// The same of the one that is known.
        seen: i64,
        /// Whether the lock knows it, and not this machine.
        by_lock: bool,
    },
    /// The Release has no Date, so nobody knows how old it is.
    #[error("its Release has no Date")]
    NoDate,
    /// Its Release is that of another suite.
    #[error(
        "its Release is that of another suite: Suite {}, Codename {} (`allow: [mixed]` forgives it)",
        .found.as_deref().unwrap_or("none"), .codename.as_deref().unwrap_or("none")
    )]
    WrongSuite {
        /// The Suite that it names.
        found: Option<String>,
        /// The Codename that it names.
        codename: Option<String>,
    },
    /// Its Release names no such index.
    #[error("there is no index of component `{component}` for {architecture}; the repository has the components {}, and the architectures {}", .components.join(", "), .architectures.join(", "))]
    NoIndex {
        /// The component.
        component: String,
        /// The architecture.
        architecture: String,
        /// The components that there are.
        components: Vec<String>,
        /// The architectures that there are.
        architectures: Vec<String>,
    },
    /// An index is not what the Release says.
    #[error(
        "the index {path} is not the one that the Release names; the mirror is stale or half synchronised: {error}"
    )]
    Index {
        /// Its path below the suite.
        path: String,
        /// What was tried.
        error: DownloadError,
    },
    /// An index is malformed.
    #[error("the index {path} cannot be read: {error}")]
    MalformedIndex {
        /// Its path below the suite.
        path: String,
        /// What is wrong.
        error: MetadataError,
    },
    /// A file is larger than is allowed.
    #[error("{name}: {error}")]
    TooLarge {
        /// The file.
        name: String,
        /// The cap.
        error: LimitExceeded,
    },
    /// A file is not the one that the metadata name.
    #[error("{url}: other bytes came than were promised (expected {promised}, found {found})")]
    Checksum {
        /// The file, without credentials.
        url: String,
        /// What the metadata say.
        promised: String,
        /// What came.
        found: String,
    },
    /// A mirror has a `repomd.xml` that its metalink does not name.
    #[error(
        "{url} is none of the files that the metalink names; the mirror is stale or tampered with"
    )]
    NotOfMetalink {
        /// The file, without credentials.
        url: String,
    },
    /// A package whose signature is asked for cannot be read.
    #[error("{error}")]
    Archive {
        /// What is wrong.
        error: Box<ArchiveError>,
    },
    /// A location that could lead out of the repository.
    #[error("the location `{}` {reason}", .location.escape_debug())]
    Location {
        /// The location.
        location: String,
        /// What is wrong, as the end of the sentence "the location …".
        reason: &'static str,
    },
    /// Nothing is known of it here, and the network must not be asked.
    #[error("nothing of it is in the cache, and the network must not be asked (--offline)")]
    Offline,
    /// The cache cannot be read or written.
    #[error(transparent)]
    Cache(#[from] CacheError),
}

/// A time for people: `2026-07-11 10:16:37 UTC`.
fn shown_date(seconds: i64) -> String {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = mikron_package::time::civil(days);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02} UTC",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

#[cfg(test)]
mod tests {
    use super::shown_date;

    #[test]
    fn times_are_shown_as_people_read_them() {
        assert_eq!(shown_date(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(shown_date(1_709_164_800), "2024-02-29 00:00:00 UTC");
        assert_eq!(shown_date(-1), "1969-12-31 23:59:59 UTC");
    }
}
