//! Builders for .rpm archives without rpmbuild, well-formed and malformed, and rpmbuild itself for those that it makes.
//!
//! The builders write what they are told; nothing here is used outside of tests, so nothing is checked and mistakes panic.

mod builder;
mod cpio;
mod files;
mod header;
mod parts;
mod rpmbuild;
mod sections;

pub use builder::RpmBuilder;
pub use cpio::{CpioBuilder, CpioFields};
pub use header::{HeaderBuilder, HeaderValue};
pub use parts::RpmParts;
pub use rpmbuild::rpmbuild;
pub use sections::RpmSections;
pub(crate) use sections::hex;
