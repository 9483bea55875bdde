//! RPM's formats: the `.rpm` archive, repository metadata, and the order of versions.
//!
//! This crate stands at the start of the way from spec to image. It turns bytes into the shared types of
//! [`mikron_package`], and knows nothing of repositories, solving or images.

pub mod archive;
#[cfg(feature = "database")]
mod database;
mod header;
mod nevra;
mod relation;
mod repomd;
mod version;

pub use archive::{HeaderSignature, RpmFormat, SignedHeader};
#[cfg(feature = "database")]
pub use database::RpmDatabase;
pub use nevra::{Nevra, source_package};
pub use relation::{
    MAX_RICH_DEPTH, MAX_RICH_LEN, RPMLIB_FEATURES, RelationError, RelationErrorKind, RichContext,
    SENSE_EQUAL, SENSE_GREATER, SENSE_LESS, check_rpmlib, is_rpmlib, parse_rich, relation,
    requirement,
};
pub use repomd::{
    ActiveModules, Census, ChecksumHasher, FileChecksum, FilelistsPackage, Metalink, MetalinkFile,
    ModuleStream, Modules, PrimaryParts, PrimaryReader, Repomd, RepomdData, RepomdError,
    RepomdErrorKind, RepomdPlace, Unpacked, XmlSource, XmlStream, XmlText, parse_metalink,
    parse_mirrorlist, parse_modules, parse_repomd, read_filelists,
};
pub use version::RpmVersionOrder;
