//! Errors of Debian's text formats, as data.

use std::fmt;
use std::sync::Arc;

use mikron_package::{
    ArchiveError, ArchiveErrorKind, DigestParseError, LimitExceeded, NameError, Origin,
    VersionError,
};

/// A stanza, index or Release text that cannot be read, with where and why.
///
/// ```
/// use mikron_deb::StanzaReader;
/// use mikron_package::Limits;
/// let mut reader = StanzaReader::new(&b"Package: a\nno colon here\n"[..], &Limits::default());
/// let error = reader.next_stanza().unwrap().unwrap().fields().last().unwrap().unwrap_err();
/// assert_eq!((error.place.line, error.place.offset), (2, 11));
/// ```
#[derive(Clone, Debug)]
pub struct Deb822Error {
    /// Where it is wrong.
    pub place: Box<Place>,
    /// What is wrong.
    pub kind: Deb822ErrorKind,
}

/// A place in one of Debian's text formats.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The source and the file in it; empty until the caller that knows them fills them in.
    pub origin: Origin,
    /// The package that the stanza describes, as far as it is known.
    pub package: Option<String>,
    /// The field.
    pub field: Option<String>,
    /// The line, counted from 1; 0 where the text is one field's value alone.
    pub line: u64,
    /// Offset in bytes in the unpacked text.
    pub offset: u64,
}

impl Deb822Error {
    /// An error with nothing but a kind; the callers on the way up fill in the rest.
    pub fn new(kind: impl Into<Deb822ErrorKind>) -> Self {
        Self {
            place: Box::default(),
            kind: kind.into(),
        }
    }

    /// Finds such an error inside an I/O error, or wraps the I/O error.
    pub fn from_io(error: std::io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref()) {
            Some(inner) => Self::clone(inner),
            None => Self::new(error),
        }
    }

    /// Wraps the error for an interface that only carries I/O errors.
    pub fn into_io(self) -> std::io::Error {
        std::io::Error::other(self)
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
    pub fn in_field(mut self, field: impl fmt::Display) -> Self {
        self.place.field.get_or_insert_with(|| field.to_string());
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

impl fmt::Display for Deb822Error {
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

impl std::error::Error for Deb822Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            Deb822ErrorKind::Io(error) => Some(&**error),
            _ => None,
        }
    }
}

/// In an archive the stanza is the file `control`; line and field become part of the sentence.
impl From<Deb822Error> for ArchiveError {
    fn from(error: Deb822Error) -> Self {
        let place = *error.place;
        let kind = match error.kind {
            Deb822ErrorKind::Limit(limit) => limit.into(),
            Deb822ErrorKind::Name(name) => name.into(),
            Deb822ErrorKind::Version(version) => version.into(),
            Deb822ErrorKind::Io(error) => ArchiveErrorKind::Io(error),
            kind => ArchiveErrorKind::Malformed(match place.field {
                Some(field) => format!(
                    "{}, line {}: {kind}",
                    field.escape_debug(),
                    place.line.max(1)
                ),
                None => format!("line {}: {kind}", place.line.max(1)),
            }),
        };
        let mut archive = ArchiveError::new(kind).at(place.offset);
        archive.origin = place.origin;
        archive
    }
}

/// What is wrong with a stanza, an index or a Release text.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Deb822ErrorKind {
    /// A line that is neither `Name: value`, nor the continuation of one (deb822(5), "Syntax").
    #[error("`{}` is not a field: it has no colon", .0.escape_debug())]
    NoColon(String),
    /// A field name with a character that deb822(5) does not allow.
    #[error("`{}` is not a field name", .0.escape_debug())]
    FieldName(String),
    /// A continuation line with nothing before it.
    #[error("a stanza begins with a continuation line")]
    Continuation,
    /// A line of nothing but white space inside a value, which readers take for two different things.
    #[error("the value has a line of nothing but white space")]
    BlankLine,
    /// A field that stands twice in one stanza.
    #[error("the field stands twice in one stanza")]
    Duplicate,
    /// A field that must be there and is not.
    #[error("the field is missing")]
    Missing,
    /// A field without a value that must have one.
    #[error("the field is empty")]
    Empty,
    /// A control file whose last line does not end.
    #[error("the last line has no line break; the file may be cut off")]
    NoLineBreak,
    /// A value that is not UTF-8 where it must be.
    #[error("the value is not UTF-8")]
    NotUtf8,
    /// A value that is none of those that are allowed.
    #[error("`{}` is not {expected}", .value.escape_debug())]
    Value {
        /// The first hundred characters of what stood there.
        value: String,
        /// What would have been right.
        expected: &'static str,
    },
    /// A malformed relation (deb-control(5), "Depends").
    #[error("in `{}`: {reason}", .text.escape_debug())]
    Relation {
        /// The first hundred characters from where it is wrong.
        text: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// A `Filename` that could lead out of the repository.
    #[error("the location `{}` {reason}", .location.escape_debug())]
    Location {
        /// The first hundred characters of what stood there.
        location: String,
        /// What is wrong, as the end of the sentence "the location …".
        reason: &'static str,
    },
    /// A Release text that has no SHA-256 table. MD5 and SHA-1 do not count.
    #[error(
        "there are no SHA-256 digests, only weak ones ({weak}); ask the repository to publish SHA256"
    )]
    WeakHashesOnly {
        /// The tables that are there, by field name.
        weak: String,
    },
    /// More than one stanza, or none, where there must be one.
    #[error("there must be exactly one stanza")]
    OneStanza,
    /// A cap was exceeded.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    /// A malformed package name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A malformed version.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// A malformed digest.
    #[error(transparent)]
    Digest(#[from] DigestParseError),
    /// Reading failed.
    #[error("reading failed: {0}")]
    Io(Arc<std::io::Error>),
}

impl Deb822ErrorKind {
    /// Whether the fault is one stanza's, so that the others can be read as if it were not there. A line that is no field is
    /// none such: where lines are torn, nobody knows whose they are.
    pub(crate) fn is_of_one_stanza(&self) -> bool {
        !matches!(
            self,
            Self::NoColon(_)
                | Self::FieldName(_)
                | Self::Continuation
                | Self::BlankLine
                | Self::Limit(_)
                | Self::Io(_)
        )
    }

    /// A value that is not what was `expected`.
    pub(crate) fn value(value: &[u8], expected: &'static str) -> Self {
        Self::Value {
            value: excerpt(value),
            expected,
        }
    }
}

impl From<std::io::Error> for Deb822ErrorKind {
    fn from(error: std::io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

/// The first hundred characters, for messages.
pub(crate) fn excerpt(bytes: &[u8]) -> String {
    let head = &bytes[..bytes.len().min(400)];
    String::from_utf8_lossy(head).chars().take(100).collect()
}
