//! Errors of Alpine's index, as data.

use std::fmt;

use mikron_package::{
    ArchiveError, ArchiveErrorKind, LimitExceeded, NameError, Origin, VersionError,
};

use crate::{ChecksumError, RelationError};

/// An index that cannot be read, with where and why.
#[derive(Clone, Debug)]
pub struct IndexError {
    /// Where it is wrong.
    pub place: Box<Place>,
    /// What is wrong.
    pub kind: IndexErrorKind,
}

/// A place in an index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The source and the file in it.
    pub origin: Origin,
    /// The package that the stanza describes, as far as it is known.
    pub package: Option<String>,
    /// The field, by its letter.
    pub field: Option<char>,
    /// The line of the unpacked text, counted from 1; 0 where the fault lies in the container.
    pub line: u64,
    /// Offset in bytes in the unpacked text.
    pub offset: u64,
}

impl IndexError {
    /// An error with nothing but a kind; the callers on the way up fill in the rest.
    pub fn new(kind: impl Into<IndexErrorKind>) -> Self {
        Self {
            place: Box::default(),
            kind: kind.into(),
        }
    }

    /// Sets the origin where none is set.
    #[must_use]
    pub fn in_file(mut self, origin: &Origin) -> Self {
        if self.place.origin.archive.is_empty() {
            self.place.origin = origin.clone();
        }
        self
    }

    /// Sets the package where none is set.
    #[must_use]
    pub fn in_package(mut self, package: impl fmt::Display) -> Self {
        self.place
            .package
            .get_or_insert_with(|| package.to_string());
        self
    }

    /// Sets the field where none is set.
    #[must_use]
    pub fn in_field(mut self, field: u8) -> Self {
        self.place.field.get_or_insert(char::from(field));
        self
    }

    /// Sets line and offset where none are set.
    #[must_use]
    pub fn at(mut self, line: u64, offset: u64) -> Self {
        if self.place.line == 0 {
            self.place.line = line;
            self.place.offset = offset;
        }
        self
    }
}

impl IndexError {
    /// What is wrong, with the field and without the place.
    pub(crate) fn reason(&self) -> String {
        match self.place.field {
            Some(field) => format!("{}: {}", field.escape_debug(), self.kind),
            None => self.kind.to_string(),
        }
    }
}

impl fmt::Display for IndexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = &*self.place;
        if !place.origin.archive.is_empty() {
            write!(f, "{}: ", place.origin)?;
        }
        if let Some(package) = &place.package {
            write!(f, "package {}: ", package.escape_debug())?;
        }
        if let Some(field) = &place.field {
            write!(f, "{}: ", field.escape_debug())?;
        }
        write!(f, "{}", self.kind)?;
        if place.line > 0 {
            write!(f, " (line {}, byte {})", place.line, place.offset)?;
        }
        Ok(())
    }
}

impl std::error::Error for IndexError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            IndexErrorKind::Container(error) => Some(&**error),
            _ => None,
        }
    }
}

impl From<ArchiveError> for IndexError {
    fn from(error: ArchiveError) -> Self {
        Self::new(IndexErrorKind::Container(Box::new(error)))
    }
}

/// What is wrong with an index.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexErrorKind {
    /// A line that is not a letter, a colon and a value.
    #[error("`{}` is not a field: it has no colon behind one letter", .0.escape_debug())]
    NotAField(String),
    /// A field that stands twice in one stanza.
    #[error("the field stands twice in one stanza")]
    Duplicate,
    /// A field that must be there and is not.
    #[error("the field is missing or empty")]
    Missing,
    /// A line that is not UTF-8.
    #[error("the line is not UTF-8")]
    NotUtf8,
    /// A value that is not a number.
    #[error("`{}` is not a number", .0.escape_debug())]
    NotANumber(String),
    /// An architecture that is no name of a directory.
    #[error("`{}` is not an architecture", .0.escape_debug())]
    Architecture(String),
    /// A field that only a newer apk knows, and that it may not pass over.
    #[error("the package asks for a newer apk")]
    NewerApk,
    /// A malformed relation.
    #[error(transparent)]
    Relation(#[from] RelationError),
    /// A malformed checksum.
    #[error(transparent)]
    Checksum(#[from] ChecksumError),
    /// A malformed name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A malformed version.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// A cap was exceeded.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    /// The archive around the index is wrong, or reading failed.
    #[error(transparent)]
    Container(Box<ArchiveError>),
}

impl From<ArchiveErrorKind> for IndexErrorKind {
    fn from(kind: ArchiveErrorKind) -> Self {
        match kind {
            ArchiveErrorKind::Name(error) => Self::Name(error),
            ArchiveErrorKind::Version(error) => Self::Version(error),
            ArchiveErrorKind::Limit(error) => Self::Limit(error),
            kind => Self::Container(Box::new(ArchiveError::new(kind))),
        }
    }
}
