//! The language of mutation scripts: Starlark, as chisel runs it, within bounds.
//!
//! A script comes from whoever wrote the definitions. It computes with text and lists, and its only way outside is the host
//! object `content`. Steps, bytes and depth are counted while it runs, so every script ends, soon and without much memory.
//!
//! From text to result: `lexer` → `parser` (with `tree` between) → `interpreter`, which works on `value`s that live in one
//! heap. Values name their parts by number. So nothing is dropped or compared recursively that a script has built, and
//! whatever refers to itself is gone with the heap.

#[cfg(feature = "starlark")]
mod builtins;
#[cfg(feature = "starlark")]
mod calls;
#[cfg(feature = "starlark")]
mod dict_methods;
mod error;
#[cfg(feature = "starlark")]
mod expressions;
#[cfg(feature = "starlark")]
mod format;
#[cfg(feature = "starlark")]
mod heap;
#[cfg(feature = "starlark")]
mod interpreter;
#[cfg(feature = "starlark")]
mod lexer;
mod limits;
#[cfg(feature = "starlark")]
mod list_methods;
#[cfg(feature = "starlark")]
mod operators;
#[cfg(feature = "starlark")]
mod parser;
#[cfg(feature = "starlark")]
mod string_methods;
#[cfg(feature = "starlark")]
mod tree;
#[cfg(feature = "starlark")]
mod value;

pub(crate) use self::error::ScriptError;
pub use self::error::{ScriptErrorKind, StageError};
#[cfg(feature = "starlark")]
pub(crate) use self::interpreter::{Host, run};
pub use self::limits::ScriptLimits;
#[cfg(feature = "starlark")]
pub(crate) use self::parser::parse;
