//! Images straight into the engine that runs them: Docker's (and podman's, which answers alike) by its socket, containerd by `ctr`.
//!
//! Both get the bytes of [`mikron_oci::docker`], as they are made: nothing lies on disk in between.

mod containerd;
mod docker;
mod error;
mod http;

pub use containerd::Containerd;
pub use docker::{Docker, Loaded};
pub use error::EngineError;

use std::io::Write;

use mikron_oci::ImageError;

/// Writes an archive to whoever takes it in.
pub type WriteArchive<'a> = dyn FnMut(&mut dyn Write) -> Result<(), ImageError> + Send + 'a;
