//! Partial downloads: kept between attempts and between runs, so that they can be resumed.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mikron_package::{Cancellation, Digest};
use rustix::fs::FlockOperation;

use super::derived::{trailer, unsealed};
use super::{Cache, CacheError, flock, open_lock};

/// How long to wait before looking whether a lock is free.
const LOOK_AGAIN: Duration = Duration::from_millis(3);

/// A download in progress, locked against other threads and processes.
#[derive(Debug)]
pub(crate) struct Partial<'a> {
    cache: &'a Cache,
    digest: Digest,
    path: PathBuf,
    /// The open file, at its end.
    pub(crate) file: File,
}

impl Cache {
    /// Opens or begins the partial download of a blob, and waits for whoever works on it now. `None` when the blob is in
    /// the cache by then.
    pub(crate) fn partial(
        &self,
        digest: &Digest,
        size: u64,
    ) -> Result<Option<Partial<'_>>, CacheError> {
        let path = self.root.join("partial").join(digest.hex());
        let Some(file) = locked(&path, true, &self.cancellation)? else {
            return Ok(None);
        };
        if self.has_blob(digest, size) {
            // Whoever was waited for has made the blob of its file; this one is new and empty.
            let _ = std::fs::remove_file(&path);
            return Ok(None);
        }
        Ok(Some(Partial {
            cache: self,
            digest: *digest,
            path,
            file,
        }))
    }
}

/// Opens or makes a file and locks it against other threads and processes. `None` where somebody else has the lock and
/// `wait` is false.
///
/// The lock lies on the file that has the name: whoever holds it may rename or remove the file.
pub(super) fn locked(
    path: &Path,
    wait: bool,
    cancellation: &Cancellation,
) -> Result<Option<File>, CacheError> {
    // A lock that is waited for lets nobody look whether it still has to be.
    let look_again = wait && cancellation.is_possible();
    let operation = if wait && !look_again {
        FlockOperation::LockExclusive
    } else {
        FlockOperation::NonBlockingLockExclusive
    };
    loop {
        let file = open_lock(path).map_err(CacheError::at(path, "open"))?;
        match flock(&file, operation) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if !look_again {
                    return Ok(None);
                }
                let pause = cancellation.pause(LOOK_AGAIN);
                pause.map_err(CacheError::at(path, "lock"))?;
                continue;
            }
            Err(error) => return Err(CacheError::at(path, "lock")(error)),
        }
        // The file that was waited for may have been renamed or removed in the meantime.
        let held = file.metadata().map_err(CacheError::at(path, "read"))?;
        match std::fs::metadata(path) {
            Ok(named) if (named.dev(), named.ino()) == (held.dev(), held.ino()) => {
                return Ok(Some(file));
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(CacheError::at(path, "read")(error)),
        }
    }
}

impl Partial<'_> {
    pub(crate) fn error(&self, action: &'static str) -> impl FnOnce(io::Error) -> CacheError {
        CacheError::at(&self.path, action)
    }

    /// What was noted beside the bytes: the version of the thing that they are of.
    pub(crate) fn note(&self) -> Option<Vec<u8>> {
        unsealed(
            std::fs::read(self.path.with_extension("note")).ok()?,
            &self.digest,
        )
    }

    /// Notes the version of the thing. Without it, resuming still works, and the digest decides.
    pub(crate) fn set_note(&self, note: &[u8]) -> Result<(), CacheError> {
        let path = self.path.with_extension("note");
        let sealed = [note, &trailer(note, &self.digest)].concat();
        std::fs::write(&path, sealed).map_err(CacheError::at(&path, "write"))
    }

    /// Drops all bytes.
    pub(crate) fn restart(&mut self) -> Result<(), CacheError> {
        let emptied = self
            .file
            .set_len(0)
            .and_then(|()| self.file.seek(SeekFrom::Start(0)));
        emptied.map(drop).map_err(self.error("truncate"))
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), CacheError> {
        self.file.write_all(bytes).map_err(self.error("write"))
    }

    /// Makes the blob of the download, whose bytes the caller has checked; the file is returned at its start.
    pub(crate) fn publish(mut self, size: u64) -> Result<File, CacheError> {
        let target = self.cache.blob_path(&self.digest);
        let parent = target.parent().unwrap_or(&self.cache.root);
        std::fs::create_dir_all(parent).map_err(CacheError::at(parent, "create"))?;
        std::fs::rename(&self.path, &target)
            .map_err(CacheError::at(&target, "rename a file to"))?;
        let _ = std::fs::remove_file(self.path.with_extension("note"));
        self.cache.note_written(&self.digest, size);
        self.file
            .seek(SeekFrom::Start(0))
            .map_err(CacheError::at(&target, "read"))?;
        // The handle keeps its lock until it is closed; the next one to want this download must not wait for that.
        flock(&self.file, FlockOperation::Unlock).map_err(CacheError::at(&target, "unlock"))?;
        Ok(self.file)
    }

    /// Removes the download altogether.
    pub(crate) fn discard(self) {
        let _ = std::fs::remove_file(self.path.with_extension("note"));
        let _ = std::fs::remove_file(&self.path);
    }
}
