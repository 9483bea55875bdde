//! Errors of repository metadata, as data.

use std::fmt;
use std::sync::Arc;

use mikron_package::{ArchiveError, DigestParseError, LimitExceeded, NameError, Origin};

use super::FileChecksum;
use crate::relation::RelationError;

/// Repository metadata that cannot be read, with where and why.
///
/// ```
/// use mikron_package::{Limits, Origin};
/// use mikron_rpm::parse_repomd;
/// let error = parse_repomd(b"<!DOCTYPE x><repomd/>", &Limits::default(), &Origin::named("repomd.xml")).unwrap_err();
/// assert!(error.to_string().starts_with("repomd.xml: a document type"));
/// ```
#[derive(Clone, Debug)]
pub struct RepomdError {
    /// Where it is wrong.
    pub place: Box<RepomdPlace>,
    /// What is wrong.
    pub kind: RepomdErrorKind,
}

/// A place in repository metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepomdPlace {
    /// The source and the file in it.
    pub origin: Origin,
    /// The package that is described there, as far as it is known.
    pub package: Option<String>,
    /// The element or key.
    pub element: Option<String>,
    /// Offset in bytes in the unpacked text; the line for `modules.yaml`.
    pub offset: u64,
}

impl RepomdError {
    /// An error of a whole file.
    pub fn of(kind: impl Into<RepomdErrorKind>, origin: &Origin) -> Self {
        Self::new(kind, origin, 0)
    }

    pub(super) fn new(kind: impl Into<RepomdErrorKind>, origin: &Origin, offset: u64) -> Self {
        Self {
            place: Box::new(RepomdPlace {
                origin: origin.clone(),
                offset,
                ..Default::default()
            }),
            kind: kind.into(),
        }
    }

    /// Sets the package where none is set and there is one.
    pub(super) fn in_package(mut self, package: &str) -> Self {
        if self.place.package.is_none() && !package.is_empty() {
            self.place.package = Some(package.chars().take(100).collect());
        }
        self
    }

    /// Sets the element where none is set.
    pub(super) fn in_element(mut self, element: &str) -> Self {
        self.place
            .element
            .get_or_insert_with(|| element.chars().take(100).collect());
        self
    }
}

impl fmt::Display for RepomdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = &*self.place;
        if !place.origin.archive.is_empty() {
            write!(f, "{}: ", place.origin)?;
        }
        if let Some(package) = &place.package {
            write!(f, "package {}: ", package.escape_debug())?;
        }
        if let Some(element) = &place.element {
            write!(f, "{}: ", element.escape_debug())?;
        }
        write!(f, "{}", self.kind)?;
        match self.kind {
            RepomdErrorKind::Yaml { .. } => Ok(()),
            _ => write!(f, " (byte {})", place.offset),
        }
    }
}

impl std::error::Error for RepomdError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            RepomdErrorKind::Io(error) => Some(&**error),
            RepomdErrorKind::Archive(error) => Some(&**error),
            RepomdErrorKind::Relation(error) => Some(&**error),
            _ => None,
        }
    }
}

/// What is wrong with repository metadata.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepomdErrorKind {
    /// Not well-formed.
    #[error("this is not well-formed XML: {0}")]
    Syntax(String),
    /// A document type declaration: metadata have none, and it can only do harm.
    #[error("a document type declaration (DOCTYPE) is not allowed")]
    DocumentType,
    /// An entity other than those that XML itself has.
    #[error("the entity `&{};` is not allowed", .0.escape_debug())]
    Entity(String),
    /// Text that is not UTF-8, or that says so.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// Elements that stand too deep in each other.
    #[error("elements stand more than {0} deep in each other")]
    Depth(usize),
    /// An element with too many attributes.
    #[error("an element has more than {0} attributes")]
    Attributes(usize),
    /// An attribute that stands twice in one element.
    #[error("the attribute `{}` stands twice", .0.escape_debug())]
    DuplicateAttribute(String),
    /// Another kind of document.
    #[error("the document is a `{}`, not a `{expected}`", .found.escape_debug())]
    Document {
        /// The root element that is there.
        found: String,
        /// The one that was to be there.
        expected: &'static str,
    },
    /// An element that stands twice and must stand once.
    #[error("the element stands twice")]
    Duplicate,
    /// An element or attribute that must be there and is not.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A value that is none of those that are allowed.
    #[error("`{}` is not {expected}", .value.escape_debug())]
    Value {
        /// The first hundred characters of what stood there.
        value: String,
        /// What would have been right.
        expected: &'static str,
    },
    /// A location that could lead out of the repository.
    #[error("the location `{}` {reason}", .location.escape_debug())]
    Location {
        /// The first hundred characters of what stood there.
        location: String,
        /// What is wrong, as the end of the sentence "the location …".
        reason: &'static str,
    },
    /// A location below another base than the repository's own.
    #[error(
        "the location has the foreign base `{}`; only archives of the repository itself are taken",
        .0.escape_debug()
    )]
    ForeignBase(String),
    /// A checksum that proves nothing.
    #[error(
        "the only checksum is a weak one ({0}); ask the repository to publish sha256 (createrepo_c --checksum sha256)"
    )]
    WeakChecksum(String),
    /// A checksum of an unknown kind.
    #[error("checksums of the kind `{}` are not supported; sha256, sha384 and sha512 are", .0.escape_debug())]
    UnknownChecksum(String),
    /// Two packages with one checksum.
    #[error("a second package has the checksum of {first}; the index cannot be trusted")]
    DuplicatePackage {
        /// The first one, by name, version and architecture.
        first: String,
    },
    /// A false count of packages.
    #[error(
        "{promised} packages are promised, and {found} are there; the index is cut off or torn"
    )]
    Count {
        /// What `packages=` says.
        promised: u64,
        /// How many there are, as far as they were counted.
        found: u64,
    },
    /// A text that unpacks to another size.
    #[error("the unpacked text has {found} bytes, and repomd.xml promises {promised}")]
    OpenSize {
        /// What `repomd.xml` says.
        promised: u64,
        /// What came out, as far as it was counted.
        found: u64,
    },
    /// A text that unpacks to other bytes.
    #[error("the unpacked text has the checksum {found}, and repomd.xml promises {promised}")]
    OpenChecksum {
        /// What `repomd.xml` says.
        promised: FileChecksum,
        /// What came out.
        found: FileChecksum,
    },
    /// Metadata that are only there as zchunk.
    #[error(
        "`{0}` is only published as zchunk, which is not supported; ask the repository to publish it in gzip, xz or zstd as well"
    )]
    Zchunk(String),
    /// A list of mirrors that names none.
    #[error("no mirror is named that could be used")]
    NoMirror,
    /// Malformed YAML.
    #[error("line {line}, column {column}: {message}")]
    Yaml {
        /// The line, counted from 1.
        line: u64,
        /// The column, counted from 1.
        column: u64,
        /// What is wrong.
        message: String,
    },
    /// A module, or a stream of one, that the repository does not have.
    #[error("there is no stream `{stream}` of a module `{module}`; there are: {known}")]
    NoSuchStream {
        /// The module.
        module: String,
        /// The stream.
        stream: String,
        /// The streams that there are.
        known: String,
    },
    /// A module whose own modules are not enabled.
    #[error("the module `{module}:{stream}` needs {needed}; enable it as well")]
    ModuleRequires {
        /// The module.
        module: String,
        /// The stream.
        stream: String,
        /// What it needs.
        needed: String,
    },
    /// A malformed relation.
    #[error("{0}")]
    Relation(Box<RelationError>),
    /// A malformed package name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A malformed digest.
    #[error(transparent)]
    Digest(#[from] DigestParseError),
    /// A cap was exceeded.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    /// Unpacking failed.
    #[error("{0}")]
    Archive(Box<ArchiveError>),
    /// Reading failed.
    #[error("reading failed: {0}")]
    Io(Arc<std::io::Error>),
}

impl RepomdErrorKind {
    /// Whether the fault is one package's, so that the others can be read as if it were not there.
    pub(super) fn is_of_one_package(&self) -> bool {
        matches!(
            self,
            Self::Duplicate
                | Self::Missing(_)
                | Self::Value { .. }
                | Self::Location { .. }
                | Self::ForeignBase(_)
                | Self::WeakChecksum(_)
                | Self::UnknownChecksum(_)
                | Self::Relation(_)
                | Self::Name(_)
                | Self::Digest(_)
        )
    }

    pub(super) fn value(value: &str, expected: &'static str) -> Self {
        Self::Value {
            value: value.chars().take(100).collect(),
            expected,
        }
    }
}

impl From<RelationError> for RepomdErrorKind {
    fn from(error: RelationError) -> Self {
        Self::Relation(Box::new(error))
    }
}

/// What a reader below says, taken out of the I/O error that carried it.
impl From<Arc<std::io::Error>> for RepomdErrorKind {
    fn from(error: Arc<std::io::Error>) -> Self {
        let inner = error.get_ref();
        if let Some(limit) = inner.and_then(|e| e.downcast_ref::<LimitExceeded>()) {
            return Self::Limit(limit.clone());
        }
        if let Some(kind) = inner.and_then(|e| e.downcast_ref::<Self>()) {
            return kind.clone();
        }
        if let Some(archive) = inner.and_then(|e| e.downcast_ref::<ArchiveError>()) {
            return Self::Archive(Box::new(archive.clone()));
        }
        Self::Io(error)
    }
}
