//! Errors of the facts pass, as data.

use std::io;
use std::sync::Arc;

use mikron_package::{ArchiveError, PackageName, RootPath};

/// Why an archive's facts are not known.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FactsError {
    /// The archive cannot be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The content of an entry is not as long as its header says.
    #[error("{entry}: the content has {found} bytes, its header says {expected}")]
    Length {
        /// The entry.
        entry: RootPath,
        /// Bytes that the header announces.
        expected: u64,
        /// Bytes that came, as far as they were counted.
        found: u64,
    },
    /// The spool cannot hold or return a content.
    #[error("cannot spool the content of {entry}: {source}")]
    Spool {
        /// The entry.
        entry: RootPath,
        /// What writing or reading the temporary file gave.
        source: Arc<io::Error>,
    },
    /// Contents that were asked for are not in the archive.
    #[error("{package}: {count} of the wanted contents are not in the archive, {first} among them")]
    Absent {
        /// The package that the archive calls itself.
        package: PackageName,
        /// How many.
        count: usize,
        /// The digest of one of them.
        first: mikron_package::Digest,
    },
    /// Encoded facts are of another version, or damaged. The remedy is to read the archive again.
    #[error("the encoded facts {reason}")]
    Encoding {
        /// What is wrong, as the end of the sentence "the encoded facts …".
        reason: &'static str,
    },
}
