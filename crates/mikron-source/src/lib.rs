//! Package repositories: fetching, trust, the verified cache, the universe.
//!
//! This crate stands between the spec and the solver. It takes the name of a distribution or the URL of a repository, and
//! gives back indexes and archives of which every byte was covered by a signature:
//!
//! - [`fetch`]: `trait Fetch`, over HTTP, files and memory;
//! - [`universe`]: all indexes of a build in a compact form, as one set to solve over.

pub mod fetch;
pub mod universe;
