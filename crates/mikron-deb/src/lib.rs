//! Debian packages: the .deb reader, deb822, Release and Packages, version order.
//!
//! This crate stands behind the sources and before the facts: it reads what a Debian repository publishes (the signed
//! text of a Release, the Packages indexes) and the archives that these name. It fetches nothing, trusts nothing by
//! itself, and never writes.

pub mod archive;
mod contents;
mod control;
mod database;
mod date;
mod deb822;
mod error;
mod installed;
mod packages;
mod raw;
mod relation;
mod release;
mod version;

pub use archive::DebFormat;
pub use contents::{ContentsLine, read_contents};
pub use control::parse_control;
pub use database::DebDatabase;
pub use date::parse_date;
pub use deb822::{Field, Fields, Stanza, StanzaReader};
pub use error::{Deb822Error, Deb822ErrorKind, Place};
pub use packages::read_packages;
pub use raw::{FieldId, RawFields};
pub use relation::{
    RelationKind, RelationRef, Relations, check_relations, parse_provides, parse_relations,
    parse_requirements, scan_relations,
};
pub use release::{Release, ReleaseFile, parse_release};
pub use version::DebVersionOrder;
