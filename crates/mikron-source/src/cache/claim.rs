//! Claims: who computes a value that takes long, so that others wait for it instead of computing it too.

use std::fs::File;
use std::path::PathBuf;

use super::derived::key_digest;
use super::partial::locked;
use super::{Cache, CacheError};

/// What the names of claims begin with.
pub(super) const CLAIM: &str = "claim-";

/// The right to compute a value, held until dropped, or until its process ends in whatever way.
#[derive(Debug)]
pub struct Claim {
    path: PathBuf,
    /// Carries the lock.
    _file: File,
}

impl Cache {
    /// Claims the making of what [`put_derived`](Self::put_derived) will store under this key. Somebody else's claim is waited
    /// for, or, where `wait` is false, answered with `None`.
    ///
    /// Whoever gets a claim looks again before beginning: the value may have come in the meantime. Nothing rests on claims but
    /// time: who has none may compute the value all the same.
    ///
    /// ```
    /// # use mikron_source::cache::{Cache, CacheOptions};
    /// # let directory = tempfile::tempdir()?;
    /// # let cache = Cache::open(directory.path(), CacheOptions::default())?;
    /// let claim = cache.claim("facts", b"key", true)?;
    /// assert!(claim.is_some());
    /// assert!(cache.claim("facts", b"key", false)?.is_none());
    /// drop(claim);
    /// assert!(cache.claim("facts", b"key", false)?.is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When the file that carries the lock cannot be made or locked.
    pub fn claim(
        &self,
        namespace: &str,
        key: &[u8],
        wait: bool,
    ) -> Result<Option<Claim>, CacheError> {
        let name = format!("{CLAIM}{}", key_digest(namespace, key).hex());
        let path = self.root.join("partial").join(name);
        let file = locked(&path, wait, &self.cancellation)?;
        Ok(file.map(|file| Claim { path, _file: file }))
    }
}

impl Drop for Claim {
    /// Removes the file while its lock is held: whoever waits for it sees that it is gone, and makes another. What a killed
    /// process leaves is empty, and goes with the next collection.
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
