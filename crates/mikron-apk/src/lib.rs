//! Alpine's formats: the `.apk` archive, the package index, the order of versions, the database of what is installed.
//!
//! This crate stands at the start of the way from spec to image: it turns bytes into the shared types of
//! [`mikron_package`]. It fetches nothing and trusts nothing by itself; which keys are trusted and whether SHA-1 will do is
//! said by whoever asks. At the other end it writes the package database that goes into an image.

pub mod archive;
mod busybox;
mod checksum;
mod database;
mod error;
pub mod index;
mod key;
mod members;
mod relation;
mod signature;
mod version;

pub use archive::{ApkFormat, ApkReader, Control};
pub use busybox::{applet_directory, applets};
pub use checksum::{ChecksumError, format_checksum, parse_checksum};
pub use database::ApkDatabase;
pub use error::{IndexError, IndexErrorKind, Place};
pub use index::{IndexReader, IndexSeal, IndexSummary, read_index_seal};
pub use key::{KeyError, PublicKey, SignatureError, WeakSignatures, verify};
pub use members::Covered;
pub use relation::{ApkOperator, Dependency, RelationError, parse_dependencies, parse_dependency};
pub use signature::{Algorithm, Signature};
pub use version::ApkVersionOrder;
