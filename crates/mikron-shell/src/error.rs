//! Why a script was not read to its end, and the caps that the reader takes.

/// The caps on a script. A deeply nested script costs stack, a long one memory.
///
/// ```
/// use mikron_shell::{ErrorKind, Limits, parse};
/// let limits = Limits { depth: 3, ..Limits::default() };
/// let script = parse(b"( ( ( ( true ) ) ) )", &limits);
/// assert_eq!(script.error.expect("it is too deep").kind, ErrorKind::TooDeep { limit: 3 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Size of a script in bytes.
    pub bytes: usize,
    /// How deep commands, substitutions and quotes lie in one another.
    pub depth: usize,
}

impl Default for Limits {
    /// 4 MiB, and 64 levels: none of 757 scripts of a Debian system needs more than 10, and one
    /// that autoconf wrote 12.
    fn default() -> Self {
        Self {
            bytes: 4 << 20,
            depth: 64,
        }
    }
}

/// Where a script stopped making sense, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {kind}")]
pub struct ParseError {
    /// The line, from 1.
    pub line: u32,
    /// The column in bytes, from 1. Within backquotes it counts from the inner text's own line.
    pub column: u32,
    /// What is wrong.
    pub kind: ErrorKind,
}

/// What is wrong with a script.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ErrorKind {
    /// Something stands where it cannot.
    #[error("`{found}` is not expected here")]
    Unexpected {
        /// What stands there; empty for the end of the text.
        found: String,
    },
    /// A word that the grammar asks for is missing.
    #[error("`{expected}` is missing")]
    Missing {
        /// The word.
        expected: &'static str,
    },
    /// A quote or bracket is never closed.
    #[error("`{opened}` is never closed")]
    Unclosed {
        /// What opens it.
        opened: &'static str,
    },
    /// The script nests deeper than the limit.
    #[error("more than {limit} levels lie in one another")]
    TooDeep {
        /// [`Limits::depth`].
        limit: usize,
    },
    /// The script is longer than the limit.
    #[error("the script is longer than {limit} bytes")]
    TooLong {
        /// [`Limits::bytes`].
        limit: usize,
    },
}
