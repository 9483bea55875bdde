//! The language of mutation scripts: Starlark, as chisel runs it, within bounds.
//!
//! A script comes from whoever wrote the definitions. It computes with text and lists, and its only way outside is the host
//! object `content`. Steps, bytes and depth are counted while it runs, so every script ends, soon and without much memory.
//!
//! From text to result: `lexer` → `parser` (with `tree` between) → `interpreter`, which works on `value`s that live in one
//! heap. Values name their parts by number. So nothing is dropped or compared recursively that a script has built, and
//! whatever refers to itself is gone with the heap.

mod builtins;
mod calls;
mod dict_methods;
mod error;
mod expressions;
mod format;
mod heap;
mod interpreter;
mod lexer;
mod list_methods;
mod operators;
mod parser;
mod string_methods;
mod tree;
mod value;

pub(crate) use self::error::ScriptError;
pub use self::error::{ScriptErrorKind, StageError};
pub use self::heap::ScriptLimits;
pub(crate) use self::interpreter::{Host, run};
pub(crate) use self::parser::parse;
