//! Errors of specs and locks: what is wrong, where it stands, and what would have been right.

use std::fmt;

use mikron_package::{Digest, LimitExceeded, hide_credentials};

use mikron_yaml::{Excerpt, Span, YamlErrorKind};

use crate::origin::Origins;

/// A spec or a lock that cannot be used, with the place in its text.
///
/// The fields are data; [`fmt::Display`] is a plain rendering of them for logs, and a command may draw a better one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecError {
    /// The file as the caller named it.
    pub file: String,
    /// Where in the file, with stars for credentials.
    pub at: Excerpt,
    /// What is wrong.
    pub kind: SpecErrorKind,
    /// What would have been right.
    pub help: Option<String>,
}

impl SpecError {
    /// What is wrong, as one sentence without a full stop.
    pub fn message(&self) -> String {
        self.kind.to_string()
    }
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let below = self.at.below(self.help.as_deref());
        write!(f, "{}: {}{below}", self.at.place(&self.file), self.kind)
    }
}

impl std::error::Error for SpecError {}

/// What is wrong with a spec or a lock.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecErrorKind {
    /// The form of the document is not right.
    #[error(transparent)]
    Yaml(YamlErrorKind),
    /// The text is larger than the limits allow.
    #[error("the file is larger than {allowed} bytes ({found})", allowed = .0.allowed, found = .0.found)]
    TooLarge(LimitExceeded),
    /// A value of the right type that cannot be used; the text says why.
    #[error("{0}")]
    Invalid(String),
    /// A name that refers to nothing.
    #[error("there is no {what} `{name}`")]
    Dangling {
        /// The kind of thing: `source`, `user`, `group`.
        what: &'static str,
        /// The name.
        name: String,
        /// The names that exist.
        known: Vec<String>,
    },
    /// The document is of a schema version that this version does not read.
    #[error("schema version {found} is not supported; this version of Mikron reads {supported}")]
    SchemaVersion {
        /// The version as it is written.
        found: String,
        /// The version that is read.
        supported: u32,
    },
    /// Something that the [`Policy`](crate::Policy) of the caller forbids.
    #[error("{0}")]
    Forbidden(String),
    /// The content of a lock is not what its `digest` says.
    #[error("the lock was changed after it was written: its content has the digest {computed}")]
    Tampered {
        /// The digest that the lock states.
        stated: Digest,
        /// The digest of what it holds.
        computed: Digest,
    },
    /// A digest of an algorithm that proves nothing.
    #[error("{algorithm} does not protect anything; only sha256 is accepted")]
    WeakDigest {
        /// The algorithm as it is written.
        algorithm: String,
    },
}

impl From<YamlErrorKind> for SpecErrorKind {
    fn from(kind: YamlErrorKind) -> Self {
        match kind {
            YamlErrorKind::Invalid(message) => Self::Invalid(message),
            form => Self::Yaml(form),
        }
    }
}

/// The text of a spec or lock together with its file name: what it takes to say where an error stands.
///
/// Later steps use it to report what only they can find out (a package that no source has) at its place in the text.
///
/// ```
/// use mikron_spec::{Document, SpecErrorKind};
/// let document = Document::new("web.yaml", "name: web\npackages:\n  - ngnix\n");
/// let kind = SpecErrorKind::Invalid("no source has a package `ngnix`".into());
/// let error = document.error_at(&["packages", "0"], kind, Some("did you mean `nginx`?".into()));
/// assert_eq!((error.at.line, error.at.column, error.at.length), (3, 5, 5));
/// assert_eq!(error.at.snippet, "  - ngnix");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Document<'a> {
    /// The file as the caller named it.
    pub file: &'a str,
    /// Its whole text.
    pub text: &'a str,
    /// Where its lines come from, of one that is put together out of several.
    origins: Option<&'a Origins>,
}

impl<'a> Document<'a> {
    /// Puts a file name and a text together.
    pub const fn new(file: &'a str, text: &'a str) -> Self {
        Self::of(file, text, None)
    }

    pub(crate) const fn of(file: &'a str, text: &'a str, origins: Option<&'a Origins>) -> Self {
        Self {
            file,
            text,
            origins,
        }
    }

    /// Whether it is put together out of several.
    pub(crate) const fn is_composed(&self) -> bool {
        self.origins.is_some()
    }

    /// An error at the value that `path` leads to: keys of mappings and indices of lists from the top. Where a part of the
    /// path does not exist, the error stands at the nearest part that does.
    pub fn error_at(&self, path: &[&str], kind: SpecErrorKind, help: Option<String>) -> SpecError {
        self.error(mikron_yaml::locate_value(self.text, path), kind, help)
    }

    /// An error that concerns the file as a whole.
    pub fn error_of_file(&self, kind: SpecErrorKind, help: Option<String>) -> SpecError {
        self.error(None, kind, help)
    }

    pub(crate) fn error(
        &self,
        span: Option<Span>,
        kind: SpecErrorKind,
        help: Option<String>,
    ) -> SpecError {
        let origin = span.and_then(|span| self.origins?.of(span));
        let (file, text, span) = match origin {
            Some((written, span)) => (&*written.name, &*written.text, Some(span)),
            // A place that nobody wrote is shown nowhere.
            None => (self.file, self.text, span.filter(|_| !self.is_composed())),
        };
        SpecError {
            file: file.to_owned(),
            at: Excerpt::with(text, span, hide_credentials),
            kind,
            help,
        }
    }
}
