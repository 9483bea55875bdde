//! Errors of archives, as data.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{LimitExceeded, NameError, PathError, VersionError};

/// Where an archive came from, for messages: the source's name in the spec and the archive's location in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The name of the source in the spec; empty for a local file.
    pub source: String,
    /// The archive, by location or file name, without credentials.
    pub archive: String,
}

impl Origin {
    /// An origin that has only an archive's name.
    pub fn named(archive: &str) -> Self {
        Self {
            source: String::new(),
            archive: archive.to_owned(),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.source.is_empty() {
            f.write_str(&self.archive)
        } else {
            write!(f, "{} (source {})", self.archive, self.source)
        }
    }
}

/// An archive that cannot be read, with where and why.
#[derive(Clone, Debug)]
pub struct ArchiveError {
    /// The archive.
    pub origin: Origin,
    /// The part of it: a member (`data.tar.xz`), or an entry's path as shown to people.
    pub entry: Option<String>,
    /// Offset in bytes in the stream in which the fault lies (the archive itself, or the unpacked member).
    pub offset: Option<u64>,
    /// What is wrong.
    pub kind: ArchiveErrorKind,
}

impl ArchiveError {
    /// An error with nothing but a kind; readers on the way up fill in the rest.
    pub fn new(kind: impl Into<ArchiveErrorKind>) -> Self {
        Self {
            origin: Origin::default(),
            entry: None,
            offset: None,
            kind: kind.into(),
        }
    }

    /// Malformed input, said as the end of the sentence "the archive …".
    pub fn malformed(reason: impl Into<String>) -> Self {
        Self::new(ArchiveErrorKind::Malformed(reason.into()))
    }

    /// Sets the origin where none is set.
    #[must_use]
    pub fn in_archive(mut self, origin: &Origin) -> Self {
        if self.origin.archive.is_empty() {
            self.origin = origin.clone();
        }
        self
    }

    /// Sets the entry where none is set.
    #[must_use]
    pub fn in_entry(mut self, entry: impl fmt::Display) -> Self {
        self.entry.get_or_insert_with(|| entry.to_string());
        self
    }

    /// Sets the offset where none is set.
    #[must_use]
    pub fn at(mut self, offset: u64) -> Self {
        self.offset.get_or_insert(offset);
        self
    }

    /// Finds the archive error inside an I/O error, or wraps the I/O error.
    pub fn from_io(error: std::io::Error) -> Self {
        match error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<Self>())
        {
            Some(inner) => inner.clone(),
            None => Self::new(ArchiveErrorKind::Io(Arc::new(error))),
        }
    }

    /// Wraps the error for an interface that only carries I/O errors.
    pub fn into_io(self) -> std::io::Error {
        std::io::Error::other(self)
    }
}

impl fmt::Display for ArchiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.origin.archive.is_empty() {
            write!(f, "{}: ", self.origin)?;
        }
        if let Some(entry) = &self.entry {
            write!(f, "{entry}: ")?;
        }
        write!(f, "{}", self.kind)?;
        if let Some(offset) = self.offset {
            write!(f, " (at byte {offset})")?;
        }
        Ok(())
    }
}

impl std::error::Error for ArchiveError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            ArchiveErrorKind::Io(error) => Some(&**error),
            _ => None,
        }
    }
}

/// What is wrong with an archive.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveErrorKind {
    /// The bytes do not follow the format; the text says how.
    #[error("{0}")]
    Malformed(String),
    /// The input ends too early.
    #[error("the input ends too early ({0})")]
    Truncated(String),
    /// A part of the format that Mikron does not read, by name.
    #[error("{0} is not supported")]
    Unsupported(String),
    /// A cap was exceeded.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    /// A path that cannot stand inside the root.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A malformed version.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// A malformed package name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Reading failed.
    #[error("reading failed: {0}")]
    Io(Arc<std::io::Error>),
}

impl From<std::io::Error> for ArchiveErrorKind {
    fn from(error: std::io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

impl From<LimitExceeded> for ArchiveError {
    fn from(error: LimitExceeded) -> Self {
        Self::new(error)
    }
}

impl From<PathError> for ArchiveError {
    fn from(error: PathError) -> Self {
        Self::new(error)
    }
}
