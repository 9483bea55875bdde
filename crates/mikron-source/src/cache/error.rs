//! Faults of the cache's own file system.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The cache cannot be read or written: which file, what was tried, and what the system said.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the cache cannot {action} {}: {source}", .path.display())]
pub struct CacheError {
    /// The file or directory.
    pub path: PathBuf,
    /// What was tried: `write`, `rename a file to`.
    pub action: &'static str,
    /// What the system said.
    pub source: Arc<io::Error>,
}

impl CacheError {
    pub(crate) fn at(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self {
            path,
            action,
            source: Arc::new(source),
        }
    }
}
