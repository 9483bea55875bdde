//! Blobs: fetched files by their SHA-256.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsRawFd as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use mikron_package::{Digest, Hasher};
use rustix::fs::{AtFlags, CWD, linkat};
use rustix::io::Errno;

use super::{Cache, CacheError};

/// A blob in the cache whose bytes are not what its name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the cached blob {expected} holds other bytes ({found}); it was set aside")]
pub struct CorruptBlob {
    /// Its name.
    pub expected: Digest,
    /// The digest of what it holds.
    pub found: Digest,
}

impl Cache {
    pub(super) fn blob_path(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.root.join("blobs").join(&hex[..2]).join(&hex)
    }

    /// Whether a blob is there and has this size. Says nothing of its bytes, and costs no read.
    pub fn has_blob(&self, digest: &Digest, size: u64) -> bool {
        let metadata = std::fs::symlink_metadata(self.blob_path(digest));
        metadata.is_ok_and(|m| m.is_file() && m.len() == size)
    }

    /// Opens a blob for one pass: the reader hashes as it goes and fails at the end when the bytes are not what the name
    /// says. Nothing that was read may be used for good before the end was reached.
    ///
    /// # Errors
    /// When the blob is there and cannot be opened.
    pub fn open_blob(&self, digest: &Digest) -> Result<Option<BlobReader<'_>>, CacheError> {
        let file = self.open_blob_file(digest)?;
        Ok(file.map(|file| BlobReader {
            cache: self,
            file,
            expected: *digest,
            hasher: Some(Hasher::default()),
        }))
    }

    /// Opens a blob after hashing it, positioned at its start. `None` when there is none, or when its bytes were not what
    /// the name says: then it was set aside, and a warning said so.
    ///
    /// # Errors
    /// When the blob is there and cannot be read.
    pub fn verified(&self, digest: &Digest) -> Result<Option<File>, CacheError> {
        let Some(mut file) = self.open_blob_file(digest)? else {
            return Ok(None);
        };
        let failed = |error| CacheError::at(&self.blob_path(digest), "read")(error);
        let found = hash_file(&mut file).map_err(failed)?;
        if found != *digest {
            self.set_aside(&CorruptBlob {
                expected: *digest,
                found,
            });
            return Ok(None);
        }
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        Ok(Some(file))
    }

    /// The bytes of a blob of at most `limit` bytes, hashed; `None` as for [`Cache::verified`], and for a longer one.
    ///
    /// # Errors
    /// When the blob is there and cannot be read.
    pub fn read_blob(&self, digest: &Digest, limit: u64) -> Result<Option<Vec<u8>>, CacheError> {
        let Some(file) = self.open_blob_file(digest)? else {
            return Ok(None);
        };
        let failed = |error| CacheError::at(&self.blob_path(digest), "read")(error);
        if file.metadata().map_err(failed)?.len() > limit {
            return Ok(None);
        }
        let failed = |error| CacheError::at(&self.blob_path(digest), "read")(error);
        let mut bytes = Vec::new();
        file.take(limit).read_to_end(&mut bytes).map_err(failed)?;
        let found = Digest::of(&bytes);
        if found != *digest {
            self.set_aside(&CorruptBlob {
                expected: *digest,
                found,
            });
            return Ok(None);
        }
        Ok(Some(bytes))
    }

    fn open_blob_file(&self, digest: &Digest) -> Result<Option<File>, CacheError> {
        let path = self.blob_path(digest);
        match File::open(&path) {
            Ok(file) => {
                self.touch(digest, &file);
                Ok(Some(file))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(CacheError::at(&path, "open")(error)),
        }
    }

    /// Stores bytes and says their digest.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn put_blob(&self, bytes: &[u8]) -> Result<Digest, CacheError> {
        let mut writer = self.blob_writer()?;
        let path = writer.file.path().to_owned();
        writer
            .write_all(bytes)
            .map_err(CacheError::at(&path, "write"))?;
        writer.finish()
    }

    /// Begins to store a blob whose digest is known at the end.
    ///
    /// # Errors
    /// When no temporary file can be made.
    pub fn blob_writer(&self) -> Result<BlobWriter<'_>, CacheError> {
        Ok(BlobWriter {
            cache: self,
            file: self.temporary()?,
            hasher: Hasher::default(),
            size: 0,
        })
    }

    /// Takes in a blob that lies in a file with nothing else, whose bytes the caller has hashed, by a second name for that file.
    /// `false` where the file system gives none.
    ///
    /// ```
    /// # use mikron_package::Digest;
    /// # use mikron_source::cache::{Cache, CacheOptions};
    /// # let directory = tempfile::tempdir()?;
    /// # let cache = Cache::open(directory.path(), CacheOptions::default())?;
    /// let file = directory.path().join("hello");
    /// std::fs::write(&file, b"hello")?;
    /// let digest = Digest::of(b"hello");
    /// if cache.link_blob(&digest, 5, &std::fs::File::open(&file)?) {
    ///     assert_eq!(cache.read_blob(&digest, 100)?.as_deref(), Some(&b"hello"[..]));
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn link_blob(&self, digest: &Digest, size: u64, file: &File) -> bool {
        let path = self.blob_path(digest);
        // open(2) names this as the way to link an open file.
        let opened = format!("/proc/self/fd/{}", file.as_raw_fd());
        let link = || linkat(CWD, &*opened, CWD, &path, AtFlags::SYMLINK_FOLLOW);
        let linked = match (link(), path.parent()) {
            (Err(Errno::NOENT), Some(parent)) if std::fs::create_dir_all(parent).is_ok() => link(),
            (linked, _) => linked,
        };
        let there = match linked {
            Err(Errno::EXIST) => self.has_blob(digest, size),
            linked => linked.is_ok(),
        };
        if there {
            self.note_written(digest, size);
        }
        there
    }

    /// Moves a blob that does not match out of the way, and says so.
    pub(super) fn set_aside(&self, corrupt: &CorruptBlob) {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let path = self.blob_path(&corrupt.expected);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{}-{number}", corrupt.expected.hex(), std::process::id());
        if std::fs::rename(&path, self.root.join("corrupt").join(name)).is_err() {
            let _ = std::fs::remove_file(&path);
        }
        self.warn(&corrupt.to_string());
    }
}

/// Hashes what follows in a file, in large reads.
pub(super) fn hash_file(file: &mut File) -> io::Result<Digest> {
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(n) => hasher.update(&buffer[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// A blob that is hashed while it is read. At the end it checks the digest: where it does not match, the last read fails
/// with a [`CorruptBlob`] inside, and the blob is set aside.
#[derive(Debug)]
pub struct BlobReader<'a> {
    cache: &'a Cache,
    file: File,
    expected: Digest,
    /// Gone after the check.
    hasher: Option<Hasher>,
}

impl Read for BlobReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(buffer)?;
        if n > 0 {
            if let Some(hasher) = &mut self.hasher {
                hasher.update(&buffer[..n]);
            }
        } else if !buffer.is_empty()
            && let Some(hasher) = self.hasher.take()
        {
            let found = hasher.finish();
            if found != self.expected {
                let corrupt = CorruptBlob {
                    expected: self.expected,
                    found,
                };
                self.cache.set_aside(&corrupt);
                return Err(io::Error::new(io::ErrorKind::InvalidData, corrupt));
            }
        }
        Ok(n)
    }
}

/// A blob being written. Dropped before [`BlobWriter::finish`], it leaves nothing behind.
#[derive(Debug)]
pub struct BlobWriter<'a> {
    cache: &'a Cache,
    file: tempfile::NamedTempFile,
    hasher: Hasher,
    size: u64,
}

impl BlobWriter<'_> {
    /// Publishes the blob under its digest.
    ///
    /// # Errors
    /// When it cannot be renamed.
    pub fn finish(self) -> Result<Digest, CacheError> {
        let digest = self.hasher.finish();
        let path = self.cache.blob_path(&digest);
        self.cache.publish(self.file, &path, false)?;
        self.cache.note_written(&digest, self.size);
        Ok(digest)
    }
}

impl Write for BlobWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.cache.cancellation().check()?;
        let n = self.file.write(bytes)?;
        self.hasher.update(&bytes[..n]);
        self.size += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
