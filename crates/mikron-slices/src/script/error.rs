//! Why a script stops.

use std::fmt;

/// Why a script stopped, and where in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScriptError {
    /// Line of the script, from 1.
    pub(crate) line: usize,
    /// Column in characters, from 1.
    pub(crate) column: usize,
    /// What went wrong.
    pub(crate) kind: ScriptErrorKind,
    /// What would have been right.
    pub(crate) help: Option<String>,
}

#[cfg(not(feature = "starlark"))]
impl ScriptError {
    /// Of any script, where nothing runs them.
    pub(crate) fn not_built_in() -> Self {
        Self {
            line: 1,
            column: 1,
            kind: ScriptErrorKind::NotBuiltIn,
            help: None,
        }
    }
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.kind)?;
        match &self.help {
            Some(help) => write!(f, "\nhelp: {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ScriptError {}

/// What went wrong in a script.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScriptErrorKind {
    /// The text is not a script; the text says how.
    #[error("{0}")]
    Syntax(String),
    /// A name that stands for nothing.
    #[error("there is no `{0}`")]
    Name(String),
    /// A value of a kind that does not fit; the text says which.
    #[error("{0}")]
    Type(String),
    /// A value that does not fit; the text says why.
    #[error("{0}")]
    Value(String),
    /// The script itself gave up (`fail`).
    #[error("the script fails: {0}")]
    Fail(String),
    /// `content` refused.
    #[error("{path}: {error}")]
    Stage {
        /// The path as the script wrote it.
        path: String,
        /// Why.
        error: StageError,
    },
    /// It takes too long.
    #[error("the script takes more than {0} steps")]
    Steps(u64),
    /// It asks for too much memory.
    #[error("the script asks for more than {0} bytes")]
    Memory(u64),
    /// It is nested too deeply.
    #[error("the script is nested too deeply")]
    Depth,
    /// The program was built without the feature `starlark`.
    #[error(
        "this program was built without what runs scripts (the feature `starlark` of the crate `mikron`)"
    )]
    NotBuiltIn,
}

/// Why `content` does not read, write or list a path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StageError {
    /// The path is not absolute.
    #[error("the path has to be absolute")]
    Relative,
    /// No selected slice has it.
    #[error("no selected slice has this path")]
    NotSelected,
    /// It is there, and is no file.
    #[error("it is not a file")]
    NotAFile,
    /// It is there, and is no directory.
    #[error("it is not a directory")]
    NotADirectory,
    /// No selected slice says `mutable`.
    #[error("no selected slice says that it is mutable")]
    NotMutable,
    /// It has another name, whose content would change too.
    #[error("it is a hard link")]
    HardLink,
    /// A chain of symbolic links that does not end.
    #[error("its symbolic links lead in a circle")]
    LinkLoop,
    /// A bound was exceeded, by bytes.
    #[error("it is larger than {0} bytes")]
    TooLarge(u64),
    /// What holds the files reports an error.
    #[error("{0}")]
    Failed(String),
}
