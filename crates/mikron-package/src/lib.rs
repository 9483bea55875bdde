//! What all package formats share.
//!
//! This crate stands at the very start of the way from spec to image. It holds the plain data that
//! flows between the other crates ([`Entry`], [`PackageRecord`], [`Requirement`], [`Digest`],
//! [`RootPath`]), the [`Limits`] that bound every reader, and the small traits that a package family
//! implements ([`PackageFormat`], [`ArchiveReader`], [`VersionOrder`], [`Universe`]).
//!
//! It knows no format, no repository and no image.

mod attributes;
mod cancellation;
mod contents;
mod database;
mod digest;
mod entry;
mod error;
mod family;
mod file_capabilities;
mod format;
mod glob;
mod identity;
mod layout;
mod limits;
mod location;
mod name;
mod odd;
mod path;
mod platform;
mod progress;
mod record;
mod relation;
mod script;
mod shared;
mod sought;
pub mod threads;
pub mod time;
mod universe;
mod url;
mod version;

pub use attributes::{Attributes, Xattrs};
pub use cancellation::{Cancellation, Cancelled, Watched};
pub use contents::{Contents, MemoryContents, NoSuchContent};
pub use database::{
    DatabaseError, DatabaseFile, Installed, InstalledFile, InstalledPackage, PackageDatabase,
};
pub use digest::{DiffId, Digest, DigestParseError, Hasher, HashingReader};
pub use entry::{Entry, EntryKind};
pub use error::{ArchiveError, ArchiveErrorKind, Origin};
pub use family::{Family, FamilyData, StaticGroup, StaticUser, TrustStore};
pub use file_capabilities::{CAPABILITY_XATTR, file_capabilities};
pub use format::{ArchiveMetadata, ArchiveReader, PackageFormat};
pub use glob::{Glob, GlobError, Globs};
pub use identity::{IdentityMismatch, check_identity};
pub use layout::{BELOW_USR, is_below_usr, merged_usr};
pub use limits::{LimitExceeded, Limits};
pub use location::normal_location;
pub use name::{NameError, PackageName};
pub use odd::{OddRecord, OddRecords};
pub use path::{PathError, RootPath};
pub use platform::{Architecture, Platform, PlatformError};
pub use progress::{Event, Progress, Silent, Task, TaskKind};
pub use record::{Checksum, MultiArch, PackageRecord, Priority};
pub use relation::{ArchQualifier, Constraint, Operator, Relation, Requirement};
pub use script::{Script, ScriptKind, When};
pub use shared::SharedText;
pub use sought::Sought;
pub use time::{Timestamp, TimestampError};
pub use universe::{MemoryUniverse, PackageId, Universe};
pub use url::{hide_credentials, without_credentials};
pub use version::{Version, VersionError, VersionOrder};
