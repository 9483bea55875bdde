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
//! Mutation scripts are Starlark. With the feature `starlark` (on by default) an interpreter of this crate runs them; without it,
//! a slice with a script is refused when it is selected.
//!
//! The crate `starlark` (0.14.3) does not take its place, because a definition that nobody has read may come from anywhere. With
//! its limits on ticks, heap and calls set, on a stack of 16 MiB, 13 of 43 hostile scripts ended in an error. 13 overflowed the
//! stack (`- - - …1`, an `elif` chain, a list in lists that is printed, compared or collected), 4 ended the process for want of
//! memory and 6 panicked on it (`x += x` sixty times, `'x'.join(…)`), and 7 did not end within 20 seconds (`x == y` over shared
//! lists, `x * x`): one tick may do work of any size. Its documentation says the same: these limits are no protection from
//! malicious code. To keep the promise that every script ends, every operator, method, subscript and call would have to go through
//! a check of our own before it. And it brings 83 crates that nothing else here needs (a line editor, the protocols of a debugger
//! and of editors), three of which nobody maintains, 100 seconds of processor time in a debug build, and a feature of serde_json
//! that changes how numbers are read in the whole program.
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
