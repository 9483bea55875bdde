//! Slice definitions in the form of chisel: reading them, choosing among them, applying them to packages.
//!
//! A *chisel release* is a directory with `chisel.yaml` and `slices/*.yaml`. Each file cuts one package into named slices,
//! which in Mikron's words are capabilities written by hand. The way goes from directory to root:
//!
//! 1. [`Release::read`] reads and checks the definitions.
//! 2. [`Release::select`] takes the slices that are asked for and all that they need: a [`Selection`], in order, with reasons.
//! 3. [`Selection::apply`] says for one package which entries are taken and what is made beside them: [`Applied`].
//! 4. [`mutate`] runs the scripts of the slices over what was put together, behind the trait [`Stage`].
//!
//! The crate knows nothing of package formats, of solving or of images; it opens files in [`Release::read`] and nowhere else.
//!
//! # Loading
//!
//! A release is read whole, its files on all processors: 2,572 slices in 605 files took about 90 ms of processor time on a busy
//! machine (docs/measurements.md). So nothing is loaded lazily, and every reference is checked at once.
//!
//! # Scripts
//!
//! Mutation scripts are Starlark. They run in an interpreter of this crate, for three reasons. The interpreter on crates.io
//! can bound the number of ticks, but one tick may build a text of any size, and its heap has no bound: a definition could
//! take all memory. It brings some 120 crates (a line editor, a language server's and a debugger's protocols), three of
//! which nobody maintains, which `deny.toml` refuses. And it takes 110 seconds of processor time to compile in a debug
//! build, where all scripts of the public releases together are a few dozen lines of reading, joining and writing.
//!
//! What differs from the language: numbers have 64 bits, there are no fractions, no sets, no `load` and no `while`; `for` and
//! `if` may stand outside of functions.

mod apply;
mod conflict;
mod contents;
mod error;
mod format;
mod glob;
mod key;
mod mutate;
mod order;
mod package;
mod prefer;
mod raw;
mod read;
mod release;
mod script;
mod select;
mod source;
mod stage;
mod yaml;

pub use apply::{Applied, Made, MadeKind, Taken};
pub use contents::{Architectures, Content, ContentKind, Lifetime};
pub use error::{SliceError, SliceErrorKind};
pub use format::{Archive, Format, ReleaseHead};
pub use glob::Glob;
pub use key::SliceKey;
pub use mutate::{Mutated, mutate};
pub use package::{Essential, Package, Slice};
pub use release::Release;
pub use script::{ScriptErrorKind, ScriptLimits, StageError};
pub use select::{Reason, SelectedSlice, Selection};
pub use source::SourceFile;
pub use stage::{Node, Stage};
