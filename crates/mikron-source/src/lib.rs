//! Package repositories: fetching, trust, the verified cache, the universe.
//!
//! This crate stands between the spec and the solver. It takes the name of a distribution or the URL of a repository, and
//! gives back indexes and archives of which every byte was covered by a signature:
//!
//! - [`fetch`]: `trait Fetch`, over HTTP, files and memory;
//! - [`trust`]: signatures against explicit keys;
//! - [`cache`]: blobs by digest, derived values by key, shared by processes and verified on read;
//! - [`preset`]: what distributions are called, where they lie, and who signs them;
//! - [`download`]: from one of several locations into the cache, resumed, retried and checked;
//! - [`Repository`]: a repository of any family; [`deb`]: those of Debian; [`rpm`]: those of rpm packages; [`apk`]: those
//!   of Alpine;
//! - [`universe`]: all indexes of a build in a compact form, as one set to solve over.

pub mod apk;
pub mod cache;
mod context;
pub mod deb;
pub mod download;
mod environment;
mod error;
pub mod fetch;
mod file_table;
pub mod preset;
mod repository;
pub mod rpm;
pub mod trust;
pub mod universe;

pub use context::Context;
pub use environment::Environment;
pub use error::{MetadataError, SourceError, SourceErrorKind};
pub use repository::{
    Holder, Published, PublishedFile, PublishedSuite, Repository, Told, parts, refresh, unplaced,
};
