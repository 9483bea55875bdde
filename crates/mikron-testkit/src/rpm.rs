//! Builders for .rpm archives without rpmbuild, well-formed and malformed, and rpmbuild itself for those that it makes.
//!
//! The builders write what they are told; nothing here is used outside of tests, so nothing is checked and mistakes panic.

mod builder;
mod cpio;
mod header;
mod rpmbuild;
mod sections;

pub use builder::{RpmBuilder, RpmParts};
pub use cpio::{CpioBuilder, CpioFields};
pub use header::{HeaderBuilder, HeaderValue};
pub use rpmbuild::rpmbuild;
pub use sections::RpmSections;
