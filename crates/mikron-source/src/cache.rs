//! The cache: blobs by digest, derived values by key, and a little state. Shared by processes, verified on read.
//!
//! Everything that was fetched, and much that was computed, goes through here. A blob's name is its SHA-256, and its bytes
//! are hashed whenever they are read; a blob that does not match is set aside, said, and fetched again. Derived values
//! (facts, compact indexes, layer frames) carry a checksum of their own. So neither needs an fsync: what was torn by a power
//! failure is fetched or computed anew. State (when a source was last seen) is durable.
//!
//! On disk, below the directory and a version:
//!
//! ```text
//! blobs/ab/abcdef…       fetched files by SHA-256
//! derived/NAME/ab/…      computed values by the SHA-256 of their key
//! state/…                small records by the SHA-256 of their name
//! partial/…              downloads that can be resumed, and claims (of who computes what); locked while in use
//! tmp/…                  files being written, under random names
//! corrupt/…              blobs that did not match, until the next collection
//! lock, gc.lock          held shared while a cache is open; held by the one who collects
//! ```

mod blob;
mod claim;
mod derived;
mod error;
mod gc;
mod partial;
mod state;
mod verify;

use std::collections::HashSet;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use mikron_package::{Cancellation, Digest, Event, Progress, Silent};
use rustix::fs::FlockOperation;

pub use blob::{BlobReader, BlobWriter, CorruptBlob};
pub use claim::Claim;
pub use error::CacheError;
pub use gc::{GcReport, Usage};
pub(crate) use partial::Partial;
pub use verify::VerifyReport;

/// The version of the layout on disk.
const VERSION: &str = "v1";

/// Entries whose last use is younger than this are not touched again.
const TOUCH_AFTER: Duration = Duration::from_secs(10 * 60);

/// How a cache behaves.
#[derive(Clone)]
pub struct CacheOptions {
    /// The size in bytes that collection brings the cache down to.
    pub quota: u64,
    /// Whether state is on disk for certain when writing returns (fsync of file and directory). Blobs and derived values never
    /// are: what a power failure tears is found on reading, and costs a fetch, never a wrong result.
    pub durable: bool,
    /// Who is told of corrupt blobs.
    pub progress: Arc<dyn Progress>,
}

impl Default for CacheOptions {
    fn default() -> Self {
        Self {
            quota: 8 << 30,
            durable: true,
            progress: Arc::new(Silent),
        }
    }
}

impl fmt::Debug for CacheOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheOptions")
            .field("quota", &self.quota)
            .field("durable", &self.durable)
            .finish_non_exhaustive()
    }
}

/// An open cache. Any number of processes and threads may use one directory at once.
///
/// ```
/// use mikron_source::cache::{Cache, CacheOptions};
/// # let directory = tempfile::tempdir()?;
/// # let directory = directory.path();
/// let cache = Cache::open(directory, CacheOptions::default())?;
/// let digest = cache.put_blob(b"hello")?;
/// assert_eq!(cache.read_blob(&digest, 100)?.as_deref(), Some(&b"hello"[..]));
///
/// cache.put_derived("facts", b"key", b"value")?;
/// assert_eq!(cache.derived("facts", b"key").as_deref(), Some(&b"value"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Cache {
    root: PathBuf,
    options: CacheOptions,
    /// Locked shared as long as the cache is open, so that collection knows whether it is alone.
    session: Arc<File>,
    /// What this session has used: never evicted by its own collection.
    used: Arc<Mutex<HashSet<Digest>>>,
    /// Bytes that this session has written.
    written: Arc<AtomicU64>,
    cancellation: Cancellation,
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cache").field(&self.root).finish()
    }
}

impl Cache {
    /// Opens the cache in `directory`, which is made where it is missing. Opening scans nothing.
    ///
    /// # Errors
    /// When the directory cannot be made or written to.
    pub fn open(directory: &Path, options: CacheOptions) -> Result<Self, CacheError> {
        let root = directory.join(VERSION);
        let lock = root.join("lock");
        // The lock is made last: where it is, all the rest is, whenever a process that began was killed.
        let session = match File::options().read(true).write(true).open(&lock) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                for part in ["blobs", "derived", "state", "partial", "tmp", "corrupt"] {
                    let path = root.join(part);
                    std::fs::create_dir_all(&path).map_err(CacheError::at(&path, "create"))?;
                }
                // Tools that make backups leave a directory with this file out.
                let tag = directory.join("CACHEDIR.TAG");
                let text = "Signature: 8a477f597d28d172789f06886806bc55\n# The cache of mikron.\n";
                if !tag.exists() {
                    std::fs::write(&tag, text).map_err(CacheError::at(&tag, "write"))?;
                }
                open_lock(&lock).map_err(CacheError::at(&lock, "open"))?
            }
            Err(error) => return Err(CacheError::at(&lock, "open")(error)),
        };
        flock(&session, FlockOperation::LockShared).map_err(CacheError::at(&lock, "lock"))?;
        Ok(Self {
            root,
            options,
            session: Arc::new(session),
            used: Arc::default(),
            written: Arc::default(),
            cancellation: Cancellation::default(),
        })
    }

    /// The directory with everything in it, below the one that was opened.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// The same cache for work that may be cancelled: what waits for others, and what is written, ends with an error then.
    #[must_use]
    pub fn cancelled_by(&self, cancellation: &Cancellation) -> Self {
        Self {
            cancellation: cancellation.clone(),
            ..self.clone()
        }
    }

    /// What cancels the work.
    pub fn cancellation(&self) -> &Cancellation {
        &self.cancellation
    }

    fn warn(&self, message: &str) {
        self.options.progress.event(&Event::Warning { message });
    }

    /// Notes that an entry was used: in memory at once, on disk when the last note there is old.
    fn touch(&self, key: &Digest, file: &File) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if !used.insert(*key) {
            return;
        }
        drop(used);
        let now = SystemTime::now();
        let last = file.metadata().and_then(|m| m.modified()).unwrap_or(now);
        if now.duration_since(last).is_ok_and(|age| age > TOUCH_AFTER) {
            // A read-only cache keeps its order of age, and loses nothing else.
            let _ = file.set_modified(now);
        }
    }

    fn note_written(&self, key: &Digest, bytes: u64) {
        self.written.fetch_add(bytes, Ordering::Relaxed);
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.insert(*key);
    }

    /// A new file in `tmp`, under a random name that begins with this process's number. Nobody else may read it: what a cache holds
    /// may come from a private repository.
    fn temporary(&self) -> Result<tempfile::NamedTempFile, CacheError> {
        let directory = self.root.join("tmp");
        let prefix = format!("{}-", std::process::id());
        let create = || {
            tempfile::Builder::new()
                .prefix(&prefix)
                .tempfile_in(&directory)
        };
        // Somebody may have tidied up.
        let file = match create() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                std::fs::create_dir_all(&directory).and_then(|()| create())
            }
            other => other,
        };
        file.map_err(CacheError::at(&directory, "create a file in"))
    }

    /// Gives a temporary file its name, atomically.
    fn publish(
        &self,
        file: tempfile::NamedTempFile,
        path: &Path,
        durable: bool,
    ) -> Result<(), CacheError> {
        let durable = durable && self.options.durable;
        if durable {
            file.as_file()
                .sync_all()
                .map_err(CacheError::at(file.path(), "sync"))?;
        }
        let parent = path.parent().unwrap_or(&self.root);
        let mut file = Some(file);
        for attempt in 0..2 {
            let Some(taken) = file.take() else { break };
            match taken.persist(path) {
                Ok(_) => break,
                Err(error) if attempt == 0 && error.error.kind() == io::ErrorKind::NotFound => {
                    std::fs::create_dir_all(parent).map_err(CacheError::at(parent, "create"))?;
                    file = Some(error.file);
                }
                Err(error) => return Err(CacheError::at(path, "rename a file to")(error.error)),
            }
        }
        if durable {
            sync_directory(parent)?;
        }
        Ok(())
    }
}

fn open_lock(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
}

fn flock(file: &File, operation: FlockOperation) -> io::Result<()> {
    loop {
        match rustix::fs::flock(file, operation) {
            Err(rustix::io::Errno::INTR) => {}
            other => return Ok(other?),
        }
    }
}

fn sync_directory(path: &Path) -> Result<(), CacheError> {
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(CacheError::at(path, "sync"))
}
