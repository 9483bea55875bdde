//! Builders for ar, tar and .deb archives, well-formed and malformed.
//!
//! The builders write what they are told: a wrong checksum, a size that lies, a member that stands twice. Nothing here
//! is used outside of tests, so nothing is checked and mistakes panic.

mod ar;
mod compress;
mod deb;
mod jar;
mod tar;

pub use ar::ArBuilder;
pub use compress::Compression;
pub use deb::{DebBuilder, DebParts};
pub use jar::{class, jar};
pub use tar::{TarBuilder, TarHeader};
