//! The universe: all indexes of one family in one build, as one set to solve over.
//!
//! This module stands between the sources and the solver. [`build_index`] turns the text of a verified Debian index into a
//! [`CompactIndex`], an [`IndexBuilder`] does the same with records of any family, and the cache keeps it;
//! [`IndexUniverse`] puts several of them together.

mod bytes;
mod compact;
mod deb;
mod decode;
mod encode;
mod index;
mod intern;
mod records;
mod similar;
mod symbols;
mod write;

pub use bytes::CompactError;
pub use compact::CompactIndex;
pub use deb::build_index;
pub use index::{IndexUniverse, Part, UniverseError};
pub use records::IndexBuilder;
pub use write::WriteError;
