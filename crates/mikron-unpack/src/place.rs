//! The directory in its place: made beside it, and renamed when it is whole.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use mikron_oci::LayerEntry;
use mikron_package::Contents;
use rustix::fs::FlockOperation;

use crate::unpacked::Unpacked;
use crate::writer::Writer;
use crate::{Owners, UnpackError, remove};

/// A tree that is whole and lies beside its place. Dropped, it is gone.
#[derive(Debug)]
pub struct Prepared {
    staged: Staged,
    place: PathBuf,
    unpacked: Unpacked,
}

/// Writes entries, which are sorted by path, beside `place`, which is a directory that is new or empty.
///
/// # Errors
/// When something else is there, an entry cannot be made, or a content is not what its entry says; then nothing is left.
pub fn prepare(
    entries: &[LayerEntry],
    contents: &dyn Contents,
    place: &Path,
    owners: Owners,
) -> Result<Prepared, UnpackError> {
    check(place)?;
    let staged = Staged::beside(place)?;
    let mut writer = Writer::new(&staged.path, owners)?;
    for entry in entries {
        writer.entry(entry, contents)?;
    }
    let unpacked = writer.finish()?;
    Ok(Prepared {
        staged,
        place: place.to_owned(),
        unpacked,
    })
}

impl Prepared {
    /// What was written.
    pub fn unpacked(&self) -> &Unpacked {
        &self.unpacked
    }

    /// Puts the tree in its place, all at once, when it is on disk for certain.
    ///
    /// # Errors
    /// When it cannot be brought to disk, or something has come into its place meanwhile.
    pub fn publish(self) -> Result<Unpacked, UnpackError> {
        let path = &self.staged.path;
        let opened = File::open(path).map_err(UnpackError::place("open", path))?;
        let synced = rustix::fs::syncfs(&opened).map_err(io::Error::from);
        synced.map_err(UnpackError::place("sync", path))?;
        let place = self.place.clone();
        let unpacked = self.publish_unsynced()?;
        let holder = holder(&place);
        let opened = File::open(holder).map_err(UnpackError::place("open", holder))?;
        opened
            .sync_all()
            .map_err(UnpackError::place("sync", holder))?;
        Ok(unpacked)
    }

    /// Puts the tree in its place without syncing it: for caches, whose entries can be made again.
    ///
    /// # Errors
    /// When something has come into its place meanwhile.
    pub fn publish_unsynced(mut self) -> Result<Unpacked, UnpackError> {
        check(&self.place)?;
        fs::rename(&self.staged.path, &self.place).map_err(|error| match error.kind() {
            io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotADirectory => {
                UnpackError::Occupied {
                    path: self.place.clone(),
                }
            }
            _ => UnpackError::place("rename a directory to", &self.place)(error),
        })?;
        self.staged.renamed = true;
        Ok(std::mem::take(&mut self.unpacked))
    }
}

/// Whether a tree may go there: nothing is there, or an empty directory.
fn check(place: &Path) -> Result<(), UnpackError> {
    let examine = |error| UnpackError::place("examine", place)(error);
    let occupied = || UnpackError::Occupied {
        path: place.to_owned(),
    };
    match fs::symlink_metadata(place) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(examine(error)),
        Ok(there) if !there.is_dir() => Err(occupied()),
        Ok(_) => match fs::read_dir(place).map_err(examine)?.next() {
            None => Ok(()),
            Some(_) => Err(occupied()),
        },
    }
}

/// The directory that holds the place.
fn holder(place: &Path) -> &Path {
    match place.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A directory in the making. Locked as long as its writer lives, so that the next one knows what killed ones have left.
#[derive(Debug)]
struct Staged {
    path: PathBuf,
    renamed: bool,
    _lock: File,
}

impl Staged {
    fn beside(place: &Path) -> Result<Self, UnpackError> {
        let holder = holder(place);
        let failed = |error| UnpackError::place("write", holder)(error);
        let no_name = || UnpackError::Occupied {
            path: place.to_owned(),
        };
        let name = place.file_name().ok_or_else(no_name)?;
        fs::create_dir_all(holder).map_err(failed)?;
        let prefix = format!(".{}.mikron-", name.to_string_lossy());
        // One after the other: between a directory and its lock nobody takes it for one that was left.
        let gate = File::open(holder).map_err(failed)?;
        let alone = rustix::fs::flock(&gate, FlockOperation::LockExclusive);
        alone.map_err(io::Error::from).map_err(failed)?;
        remove_abandoned(holder, &prefix);
        let made = tempfile::Builder::new().prefix(&prefix).tempdir_in(holder);
        // Which removes itself only as far as the modes of what it holds allow.
        let path = made.map_err(failed)?.keep();
        let lock = File::open(&path).map_err(failed)?;
        let locked = rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive);
        let private = fs::set_permissions(&path, fs::Permissions::from_mode(0o700));
        let staged = Self {
            path,
            renamed: false,
            _lock: lock,
        };
        private
            .and(locked.map_err(io::Error::from))
            .map_err(failed)?;
        Ok(staged)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.renamed {
            // The error that led here is the one to tell.
            let _ = remove(&self.path);
        }
    }
}

/// Takes away what killed writers have left. What cannot be removed stays for the next.
fn remove_abandoned(holder: &Path, prefix: &str) {
    for entry in fs::read_dir(holder).into_iter().flatten().flatten() {
        if !entry.file_name().to_string_lossy().starts_with(prefix) {
            continue;
        }
        let Ok(directory) = File::open(entry.path()) else {
            continue;
        };
        if rustix::fs::flock(&directory, FlockOperation::NonBlockingLockExclusive).is_ok() {
            let _ = remove(&entry.path());
        }
    }
}
