//! Files of a layout or cache: opened without following links, written to a temporary name, synced and renamed.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use mikron_package::{Hasher, LimitExceeded};
use rustix::fs::{AtFlags, CWD, FlockOperation, Mode, OFlags};
use tempfile::NamedTempFile;

use crate::{Blob, StoreError};

/// What the names of temporary files begin with.
pub(crate) const TEMPORARY: &str = ".mikron-";

/// Opens a plain file for reading. A symbolic link is not followed and a FIFO not waited for.
pub(crate) fn open(path: &Path) -> Result<(File, u64), StoreError> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(fd) => File::from(fd),
        Err(rustix::io::Errno::LOOP) => {
            return Err(StoreError::NotAFile {
                path: path.to_owned(),
                kind: "symbolic link",
            });
        }
        // A socket cannot be opened at all.
        Err(rustix::io::Errno::NXIO) => {
            return Err(StoreError::NotAFile {
                path: path.to_owned(),
                kind: "socket",
            });
        }
        Err(errno) => return Err(StoreError::io("open", path)(errno.into())),
    };
    let metadata = file.metadata().map_err(StoreError::io("examine", path))?;
    let kind = metadata.file_type();
    if kind.is_file() {
        return Ok((file, metadata.len()));
    }
    let kind = match () {
        () if kind.is_dir() => "directory",
        () if kind.is_fifo() => "FIFO",
        () if kind.is_char_device() || kind.is_block_device() => "device",
        () => "special file",
    };
    Err(StoreError::NotAFile {
        path: path.to_owned(),
        kind,
    })
}

/// Reads a small plain file whole.
pub(crate) fn read_capped(
    path: &Path,
    limit: &'static str,
    cap: u64,
) -> Result<Vec<u8>, StoreError> {
    let too_large = |source| StoreError::TooLarge {
        place: path.display().to_string(),
        source,
    };
    let (file, size) = open(path)?;
    LimitExceeded::check(limit, size, cap).map_err(too_large)?;
    let mut bytes = Vec::with_capacity(size as usize);
    file.take(cap + 1)
        .read_to_end(&mut bytes)
        .map_err(StoreError::io("read", path))?;
    LimitExceeded::check(limit, bytes.len() as u64, cap).map_err(too_large)?;
    Ok(bytes)
}

/// A file under a temporary name, hashed as it is written. Dropped, it is removed.
#[derive(Debug)]
pub(crate) struct Temporary {
    file: NamedTempFile,
    hasher: Hasher,
    size: u64,
}

impl Temporary {
    pub(crate) fn create(directory: &Path) -> Result<Self, StoreError> {
        let file = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
            .tempfile_in(directory)
            .map_err(StoreError::io("create a file in", directory))?;
        Ok(Self {
            file,
            hasher: Hasher::default(),
            size: 0,
        })
    }

    /// A second name for a file that is there already, where the file system gives one: it is not written again, and whoever
    /// changes the one changes the other. `None` where it does not.
    pub(crate) fn linked(directory: &Path, file: &File) -> Option<Self> {
        let opened = format!("/proc/self/fd/{}", file.as_raw_fd());
        let link = |path: &Path| {
            // open(2) names this as the way to link an open file.
            rustix::fs::linkat(CWD, &*opened, CWD, path, AtFlags::SYMLINK_FOLLOW)?;
            file.try_clone()
        };
        let made = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .make_in(directory, link);
        Some(Self {
            file: made.ok()?,
            hasher: Hasher::default(),
            size: 0,
        })
    }

    /// What was written so far.
    pub(crate) fn blob(&self) -> Blob {
        Blob {
            digest: self.hasher.clone().finish(),
            size: self.size,
        }
    }

    /// Where it lies.
    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    /// A file with the next `size` bytes of another, copied by the kernel. They are not hashed.
    pub(crate) fn filled(directory: &Path, from: &File, size: u64) -> Result<Self, StoreError> {
        let mut filled = Self::create(directory)?;
        let copied = io::copy(&mut from.take(size), filled.file.as_file_mut());
        let copied = copied.map_err(StoreError::io("write", filled.file.path()))?;
        if copied == size {
            return Ok(filled);
        }
        Err(StoreError::io("write", filled.file.path())(
            io::ErrorKind::UnexpectedEof.into(),
        ))
    }

    /// Waits until what was written is on disk.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        let synced = self.file.as_file().sync_all();
        synced.map_err(StoreError::io("sync", self.file.path()))
    }

    /// Gives the file its name without syncing it: where it is synced already, and for caches, whose readers verify and whose
    /// entries can be made again.
    pub(crate) fn persist_unsynced(self, path: &Path) -> Result<(), StoreError> {
        self.file
            .persist(path)
            .map_err(|e| StoreError::io("rename a file to", path)(e.error))?;
        Ok(())
    }

    /// Syncs the file and gives it its name. Whoever stood under that name is replaced at once.
    pub(crate) fn persist(self, path: &Path) -> Result<(), StoreError> {
        self.sync()?;
        self.persist_unsynced(path)
    }
}

impl Write for Temporary {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self
            .file
            .as_file_mut()
            .write(bytes)
            .map_err(|e| match e.kind() {
                io::ErrorKind::Interrupted => e,
                _ => StoreError::io("write", self.file.path())(e).into(),
            })?;
        self.hasher.update(&bytes[..n]);
        self.size += n as u64;
        Ok(n)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file that is whole and lies beside the place that it is to have: of several, all can be whole before the first is there. Dropped,
/// it is gone.
///
/// ```
/// use mikron_oci::{PreparedFile, StoreError};
/// let directory = tempfile::tempdir()?;
/// let path = directory.path().join("list");
/// let (file, ()) = PreparedFile::write(&path, |out| {
///     out.write_all(b"one\n")?;
///     Ok::<(), Box<dyn std::error::Error>>(())
/// })?;
/// assert!(!path.exists());
/// file.publish()?;
/// assert_eq!(std::fs::read(&path)?, b"one\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct PreparedFile {
    temporary: Temporary,
    path: PathBuf,
}

impl PreparedFile {
    /// Writes what is to stand at `path`, and hands on what `write` gives.
    ///
    /// # Errors
    /// When something that is no regular file stands there, the directory cannot be written to, and whatever `write` says.
    pub fn write<T, E: From<StoreError>>(
        path: &Path,
        write: impl FnOnce(&mut dyn Write) -> Result<T, E>,
    ) -> Result<(Self, T), E> {
        // A rename would put the file into the place of a device or a pipe, and not into it.
        if path.metadata().is_ok_and(|there| !there.is_file()) {
            let error = io::Error::other("what stands there is no regular file");
            return Err(StoreError::io("replace", path)(error).into());
        }
        let mut temporary = Temporary::create(directory_of(path))?;
        let told = write(&mut temporary)?;
        let path = path.to_owned();
        Ok((Self { temporary, path }, told))
    }

    /// Puts the file in its place, all at once, when it is on disk for certain. Gives back its digest and size.
    ///
    /// # Errors
    /// When what stands there cannot be replaced.
    pub fn publish(self) -> Result<Blob, StoreError> {
        let blob = self.temporary.blob();
        self.temporary.persist(&self.path)?;
        sync_directory(directory_of(&self.path))?;
        Ok(blob)
    }
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Writes a small file under a temporary name in the directory of `path`, which it is to replace.
pub(crate) fn stage(path: &Path, bytes: &[u8]) -> Result<Temporary, StoreError> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut temporary = Temporary::create(directory)?;
    temporary
        .write_all(bytes)
        .map_err(StoreError::io("write", path))?;
    Ok(temporary)
}

/// Makes renames in a directory durable.
pub(crate) fn sync_directory(path: &Path) -> Result<(), StoreError> {
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(StoreError::io("sync", path))
}

/// A lock on a directory (flock(2)), held until dropped. No lock file is left behind in what other tools read too.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for the lock.
    pub(crate) fn wait(directory: &Path, exclusive: bool) -> Result<Self, StoreError> {
        let file = File::open(directory).map_err(StoreError::io("open", directory))?;
        let operation = if exclusive {
            FlockOperation::LockExclusive
        } else {
            FlockOperation::LockShared
        };
        rustix::io::retry_on_intr(|| rustix::fs::flock(&file, operation))
            .map_err(|e| StoreError::io("lock", directory)(e.into()))?;
        Ok(Self { _file: file })
    }

    /// The exclusive lock, unless someone else has any.
    pub(crate) fn attempt(directory: &Path) -> Result<Option<Self>, StoreError> {
        let file = File::open(directory).map_err(StoreError::io("open", directory))?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => Ok(None),
            Err(errno) => Err(StoreError::io("lock", directory)(errno.into())),
        }
    }
}

/// Removes what killed writers left in a directory. Only under an exclusive lock.
pub(crate) fn remove_temporaries(directory: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let mut removed = Vec::new();
    let entries = std::fs::read_dir(directory).map_err(StoreError::io("list", directory))?;
    for entry in entries {
        let entry = entry.map_err(StoreError::io("list", directory))?;
        if entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(TEMPORARY.as_bytes())
        {
            let path = entry.path();
            match std::fs::remove_file(&path) {
                Ok(()) => removed.push(path),
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(StoreError::io("remove", path)(e)),
            }
        }
    }
    removed.sort();
    Ok(removed)
}
