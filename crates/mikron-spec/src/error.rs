//! Errors of specs and locks: what is wrong, where it stands, and what would have been right.

use std::fmt;

use mikron_package::{Digest, LimitExceeded, hide_credentials};

use mikron_yaml::Span;

/// A spec or a lock that cannot be used, with the place in its text.
///
/// The fields are data; [`fmt::Display`] is a plain rendering of them for logs, and a command may draw a better one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecError {
    /// The file as the caller named it.
    pub file: String,
    /// Line, counted from 1; 0 when the error concerns the file as a whole.
    pub line: usize,
    /// Column in characters, counted from 1; 0 when the error concerns the file as a whole.
    pub column: usize,
    /// Length of the offending part in characters; at least 1 where there is a line.
    pub length: usize,
    /// The offending line without its line end, empty when the error concerns the file as a whole. At most 400 characters, with
    /// stars for credentials.
    pub snippet: String,
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
        write!(f, "{}", self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        write!(f, ": {}", self.kind)?;
        if self.line > 0 {
            let number = self.line.to_string();
            let margin = " ".repeat(number.len());
            let before = " ".repeat(self.column.saturating_sub(1));
            let room = self.snippet.chars().count().saturating_sub(before.len());
            let carets = "^".repeat(self.length.clamp(1, room.max(1)));
            write!(f, "\n{margin} |\n{number} | {}", self.snippet)?;
            write!(f, "\n{margin} | {before}{carets}")?;
        }
        if let Some(help) = &self.help {
            write!(f, "\nhelp: {help}")?;
        }
        Ok(())
    }
}

impl std::error::Error for SpecError {}

/// What is wrong with a spec or a lock.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecErrorKind {
    /// The text is not YAML.
    #[error("{0}")]
    Syntax(String),
    /// The text is larger than the limits allow.
    #[error("the file is larger than {allowed} bytes ({found})", allowed = .0.allowed, found = .0.found)]
    TooLarge(LimitExceeded),
    /// Aliases or nesting ask for more work than a document deserves.
    #[error("{0}")]
    TooComplex(String),
    /// The stream holds more than one document.
    #[error("the file holds more than one document")]
    SeveralDocuments,
    /// A tag (`!name`) stands before a value.
    #[error("the tag `{0}` has no meaning here")]
    Tag(String),
    /// A key that nobody reads.
    #[error("unknown key `{key}`")]
    UnknownKey {
        /// The key.
        key: String,
        /// The keys that are known in this place.
        known: Vec<String>,
    },
    /// A key that stands twice in one mapping.
    #[error("the key `{key}` stands here twice")]
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// A key that has to be there and is not.
    #[error("the key `{key}` is missing")]
    MissingKey {
        /// The key.
        key: String,
    },
    /// A word where only certain words are allowed.
    #[error("`{value}` is not one of {}", mikron_yaml::list(known.iter().map(String::as_str)))]
    UnknownValue {
        /// The word.
        value: String,
        /// The words that are known in this place.
        known: Vec<String>,
    },
    /// A list where text belongs, and the like.
    #[error("{expected} is expected here{}", found.as_ref().map_or(String::new(), |f| format!(", not {f}")))]
    WrongType {
        /// What belongs here, with its article.
        expected: String,
        /// What stands here, where that is known.
        found: Option<String>,
    },
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
    /// A part of the design that is not built yet.
    #[error("`{0}` is not supported yet")]
    NotYet(String),
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

/// The text of a spec or lock together with its file name: what it takes to say where an error stands.
///
/// Later steps use it to report what only they can find out (a package that no source has) at its place in the text.
///
/// ```
/// use mikron_spec::{Document, SpecErrorKind};
/// let document = Document::new("web.yaml", "name: web\npackages:\n  - ngnix\n");
/// let kind = SpecErrorKind::Invalid("no source has a package `ngnix`".into());
/// let error = document.error_at(&["packages", "0"], kind, Some("did you mean `nginx`?".into()));
/// assert_eq!((error.line, error.column, error.length), (3, 5, 5));
/// assert_eq!(error.snippet, "  - ngnix");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Document<'a> {
    /// The file as the caller named it.
    pub file: &'a str,
    /// Its whole text.
    pub text: &'a str,
}

impl<'a> Document<'a> {
    /// Puts a file name and a text together.
    pub const fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text }
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
        let span = span.unwrap_or_default();
        let line = mikron_yaml::line(self.text, span.line);
        let snippet = line.unwrap_or("").trim_start_matches('\u{feff}');
        SpecError {
            file: self.file.to_owned(),
            line: span.line,
            column: span.column,
            length: if span.line > 0 { span.length.max(1) } else { 0 },
            snippet: hide_credentials(snippet).chars().take(400).collect(),
            kind,
            help,
        }
    }
}
