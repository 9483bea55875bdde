//! The YAML spec of an image, its JSON Schema and its lock file.
//!
//! This crate stands at both ends of solving. Before it, [`Spec::parse`] turns a document into plain data, or into a
//! [`SpecError`] that knows file, line, column, the offending line and a remedy. After it, a [`Lock`] pins what was
//! resolved, and [`Lock::check`] says what has changed since. Nothing here opens a file or a connection: a [`Reader`] asks its [`Bases`] for
//! what a spec extends.
//!
//! ```
//! use mikron_package::Limits;
//! use mikron_spec::{Select, Spec};
//!
//! let text = "\
//! mikron: 1
//! name: hello
//! sources:
//!   debian: { deb: bookworm }
//! packages: [hello]
//! ";
//! let spec = Spec::parse("hello.yaml", text, &Limits::default())?;
//! assert_eq!(spec.selection(), Select::Minimal);
//!
//! let error = Spec::parse("hello.yaml", "mikron: 1\nnmae: hello\n", &Limits::default()).unwrap_err();
//! assert_eq!((error.at.line, error.at.column), (2, 1));
//! assert_eq!(error.help.as_deref(), Some("did you mean `name`?"));
//! # Ok::<(), mikron_spec::SpecError>(())
//! ```

mod account;
mod builtin;
mod check;
mod document;
mod error;
mod family;
mod file;
mod image;
mod image_ref;
mod layers;
mod lock;
mod lock_check;
mod lock_diff;
mod lock_write;
mod merge;
mod origin;
mod params;
mod policy;
mod reader;
mod request;
mod schema;
mod source;
mod spec;
mod text;
mod yaml;

pub use account::{Accounts, Group, Id, Principal, RunAs, User};
pub use builtin::{builtin, builtins};
pub use document::read_document;
pub use error::{Document, SpecError, SpecErrorKind};
pub use family::{OwnValue, SourceForm};
pub use file::{FileCheck, FileContent, FileEntry, IgnoreFile, Keep, Mode, Taken};
pub use image::{ImageSpec, Port, Protocol, Signal};
pub use image_ref::ImageRef;
pub use layers::{Compression, Layers, Strategy};
pub use lock::{
    Lock, LockedBase, LockedIndex, LockedPackage, LockedPlatform, LockedRelease, LockedRequest,
    LockedSource, LockedSuite, Role, SelectionSummary,
};
pub use lock_check::{Change, StaleLock};
pub use lock_diff::{LockDiff, PackageChange};
pub use mikron_package::{Timestamp, TimestampError};
pub use mikron_yaml::nearest;
pub use origin::SpecText;
pub use policy::{OutsideRoot, Policy};
pub use reader::{Base, Bases, Draft, NoBases, Reader, Specs};
pub use request::{PackageRequest, Select, VersionRange};
pub use schema::schema;
pub use source::{Allow, Place, Signed, Source};
pub use spec::{ChiselSource, DefinitionSource, Kind, SchemaVersion, Spec};
pub use text::ValueError;
