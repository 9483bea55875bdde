//! The universe: all indexes of one build, as one set to solve over.
//!
//! This module stands between the sources and the solver. [`build_index`] turns the text of a verified index into a
//! [`CompactIndex`], which the cache keeps; [`DebUniverse`] puts several of them together.

mod build;
mod compact;
mod deb;
mod similar;

pub use build::build_index;
pub use compact::{CompactError, CompactIndex};
pub use deb::{DebUniverse, Part, UniverseError};
