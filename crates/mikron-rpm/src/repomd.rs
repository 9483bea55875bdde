//! Repository metadata: `repomd.xml` and what it names, mirror lists and metalinks.
//!
//! What is given here must have been verified: the signature or the metalink covers `repomd.xml`, and that covers the rest by
//! checksums. Whether it is young enough, and which packages are wanted of it, is for the source to judge.
//!
//! All XML goes through one bounded reader: no document type, no entities of its own, few attributes, shallow, UTF-8.

mod census;
mod checksum;
mod data;
mod error;
mod evr;
mod filelists;
mod mirrors;
mod modules;
mod parts;
mod primary;
mod unpack;
mod xml;

pub use census::Census;
pub use checksum::{ChecksumHasher, FileChecksum};
pub use data::{Repomd, RepomdData, parse_repomd};
pub use error::{RepomdError, RepomdErrorKind, RepomdPlace};
pub use filelists::{FilelistsPackage, read_filelists};
pub use mirrors::{Metalink, MetalinkFile, parse_metalink, parse_mirrorlist};
pub use modules::{ActiveModules, ModuleStream, Modules, parse_modules};
pub use parts::PrimaryParts;
pub use primary::PrimaryReader;
pub use unpack::Unpacked;
pub use xml::{XmlSource, XmlStream, XmlText};
