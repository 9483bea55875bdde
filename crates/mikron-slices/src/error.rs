//! Errors of slice definitions: what is wrong, where it stands, whose it is, and what would have been right.

use std::fmt;

use mikron_package::LimitExceeded;

use crate::SliceKey;
use crate::script::ScriptErrorKind;
use mikron_yaml::{Excerpt, Span, YamlErrorKind};

/// Something wrong with a chisel release, with a selection from it, or with what a selection finds in a package.
///
/// The fields are data; [`fmt::Display`] is a plain rendering of them for logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SliceError {
    /// The file, relative to the release (`slices/nginx.yaml`); empty when no file is concerned.
    pub file: String,
    /// Where in the file.
    pub at: Excerpt,
    /// The slice, where one is concerned.
    pub slice: Option<SliceKey>,
    /// The path of `contents` as it is written, where one is concerned.
    pub path: Option<String>,
    /// What is wrong.
    pub kind: SliceErrorKind,
    /// What would have been right.
    pub help: Option<String>,
}

impl SliceError {
    /// An error without a place.
    pub(crate) fn new(kind: SliceErrorKind) -> Self {
        Self {
            file: String::new(),
            at: Excerpt::default(),
            slice: None,
            path: None,
            kind,
            help: None,
        }
    }

    pub(crate) fn in_file(mut self, file: &str) -> Self {
        file.clone_into(&mut self.file);
        self
    }

    pub(crate) fn at(mut self, text: &str, span: Option<Span>) -> Self {
        self.at = Excerpt::new(text, span);
        self
    }

    pub(crate) fn of_slice(mut self, slice: &SliceKey) -> Self {
        self.slice = Some(slice.clone());
        self
    }

    pub(crate) fn of_path(mut self, path: &str) -> Self {
        self.path = Some(path.to_owned());
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// What is wrong, as one sentence without a full stop.
    pub fn message(&self) -> String {
        self.kind.to_string()
    }
}

impl fmt::Display for SliceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.file.is_empty() {
            write!(f, "{}: ", self.at.place(&self.file))?;
        }
        match (&self.slice, &self.path) {
            (Some(slice), Some(path)) => write!(f, "{slice}: {path}: ")?,
            (Some(slice), None) => write!(f, "{slice}: ")?,
            (None, Some(path)) => write!(f, "{path}: ")?,
            (None, None) => {}
        }
        let below = self.at.below(self.help.as_deref());
        write!(f, "{}{below}", self.kind)
    }
}

impl std::error::Error for SliceError {}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SliceErrorKind {
    /// A file or directory of the release cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// A file is larger, or the release has more files, than the limits allow.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    /// The form of the file is not right.
    #[error(transparent)]
    Yaml(YamlErrorKind),
    /// A key that has to be there and is not.
    #[error("the key `{key}` is missing")]
    MissingKey {
        /// The key.
        key: String,
    },
    /// A format that this version does not read.
    #[error("the format `{0}` is not known")]
    UnknownFormat(String),
    /// A key or a way of writing that this format does not have.
    #[error("{what} does not exist in format {format}")]
    NotInFormat {
        /// The key or the way of writing.
        what: String,
        /// The format of the release.
        format: crate::Format,
    },
    /// A name of a file, package or slice that breaks the rules for it.
    #[error("`{name}` is not {what}")]
    Name {
        /// The name.
        name: String,
        /// What it would have to be, with its article.
        what: &'static str,
    },
    /// The file is named after another package than the one it defines.
    #[error("the file defines the package `{found}`, its name says `{expected}`")]
    PackageName {
        /// The package that the file's name stands for.
        expected: String,
        /// The package that the file defines.
        found: String,
    },
    /// Two files define one package.
    #[error("the package `{package}` is defined in {other} too")]
    PackageTwice {
        /// The package.
        package: String,
        /// The file that came first.
        other: String,
    },
    /// A value that cannot be used; the text says why.
    #[error("{0}")]
    Value(String),
    /// A path of `contents` that is not absolute and clean.
    #[error("the path {0}")]
    Path(&'static str),
    /// Options of one path that exclude each other.
    #[error("{0} exclude each other")]
    Options(String),
    /// A name that refers to nothing.
    #[error("there is no {what} `{name}`")]
    Dangling {
        /// The kind of thing: `slice`, `package`, `archive`, `key`, `store`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A reference that stands twice.
    #[error("`{0}` stands twice among the essentials")]
    Repeated(SliceKey),
    /// A slice that names itself as essential.
    #[error("a slice is not essential to itself")]
    OwnEssential,
    /// Slices that are essential to each other, in the order of the loop.
    #[error("slices are essential to each other: {}", loop_of(.0))]
    Cycle(Vec<SliceKey>),
    /// `prefer` does not lead from package to package in one line; the text says why.
    #[error("{0}")]
    Prefer(String),
    /// The package is fetched from a store and not from an archive of packages.
    #[error("the package is fetched from a store, which Mikron does not read")]
    Store,
    /// Two slices of one selection put something different at one place.
    #[error("conflicts with {other}: {other_path}")]
    Conflict {
        /// The slice on the other side.
        other: SliceKey,
        /// What that slice says: its path.
        other_path: String,
    },
    /// A path or glob that nothing in the package matches.
    #[error("the package `{package}` has nothing there")]
    NoContent {
        /// The package.
        package: String,
    },
    /// A mutation script failed.
    #[error("mutate, line {line}: {kind}")]
    Script {
        /// Line of the script, from 1.
        line: usize,
        /// Column of the script in characters, from 1.
        column: usize,
        /// What went wrong.
        kind: ScriptErrorKind,
    },
}

impl From<YamlErrorKind> for SliceErrorKind {
    fn from(kind: YamlErrorKind) -> Self {
        match kind {
            YamlErrorKind::Invalid(message) => Self::Value(message),
            YamlErrorKind::MissingKey { key } => Self::MissingKey { key },
            form => Self::Yaml(form),
        }
    }
}

fn loop_of(keys: &[SliceKey]) -> String {
    let names: Vec<String> = keys
        .iter()
        .chain(keys.first())
        .map(ToString::to_string)
        .collect();
    names.join(" → ")
}
