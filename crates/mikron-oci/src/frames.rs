//! The cache of compressed layers, by key: what was compressed once is never compressed again.
//!
//! The key is [`LayerPlan::key`](crate::LayerPlan::key), a digest over all that the bytes depend on. So an entry never
//! goes stale; it can only be missing or corrupt, and both are cured by compressing.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use mikron_package::Digest;

use crate::files::{self, Lock, Temporary};
use crate::json;
use crate::store::check_expected;
use crate::{BlobStore, LayerBlob, StoreError};

/// Keeps compressed layers by key.
///
/// Called from several threads at once; several processes may share what lies behind it.
///
/// ```
/// use mikron_oci::{FrameCache, MemoryFrames, MemoryStore, LayerPlan, Recipe};
/// use mikron_package::MemoryContents;
/// let (store, cache, contents) =
///     (MemoryStore::default(), MemoryFrames::default(), MemoryContents::default());
/// let plan = LayerPlan::new("empty", Vec::<mikron_oci::LayerEntry>::new())?;
/// assert!(!plan.build(Recipe::default(), &contents, &store, Some(&cache))?.cached);
/// assert!(plan.build(Recipe::default(), &contents, &store, Some(&cache))?.cached);
/// # Ok::<(), mikron_oci::LayerError>(())
/// ```
pub trait FrameCache: Send + Sync {
    /// What layer the key stands for, where it is known.
    ///
    /// # Errors
    /// When the cache cannot be asked. An unreadable entry is no error but unknown.
    fn get(&self, key: &Digest) -> Result<Option<LayerBlob>, StoreError>;

    /// Brings the bytes of a layer that [`get`](Self::get) knew into a store, verified. `false` where they are gone, or were
    /// not those of the layer: then the entry is removed.
    ///
    /// # Errors
    /// When they are there and cannot be read, or the store cannot be written.
    fn bring(
        &self,
        key: &Digest,
        layer: &LayerBlob,
        store: &dyn BlobStore,
    ) -> Result<bool, StoreError>;

    /// Begins to add a layer, while it is made: nobody reads it back from where it goes. Dropped before its
    /// [`commit`](FrameWriter::commit), it leaves nothing.
    ///
    /// # Errors
    /// When the cache cannot be written.
    fn writer(&self) -> Result<Box<dyn FrameWriter + '_>, StoreError>;

    /// Adds a layer that lies in a file with nothing else, and was hashed when that was written. `false` where the cache cannot
    /// take the file as it is; then it is copied.
    ///
    /// # Errors
    /// When the cache cannot be written.
    fn share(&self, key: &Digest, layer: &LayerBlob, file: &File) -> Result<bool, StoreError> {
        let _ = (key, layer, file);
        Ok(false)
    }

    /// Removes what was found to be corrupt.
    ///
    /// # Errors
    /// When that fails; not when it is gone already.
    fn remove(&self, key: &Digest) -> Result<(), StoreError>;

    /// Claims the making of a layer that the cache lacks, so that others who want it wait for it instead of making it too. The
    /// claim is given up when what comes back is dropped, or its owner dies. `None` where somebody else has it and `wait` is
    /// false. A cache that does not coordinate lets everybody make what they like.
    ///
    /// # Errors
    /// When that cannot be found out.
    fn claim(&self, key: &Digest, wait: bool) -> Result<Option<Box<dyn Send + '_>>, StoreError> {
        let _ = (key, wait);
        Ok(Some(Box::new(())))
    }

    /// Waits for a turn to compress, of which there are as many as processors for all who share the cache: more encoders at once
    /// would only take each other's place in the processor's caches. The turn ends when what comes back is dropped, or its
    /// owner dies. A cache that does not coordinate has room for everybody.
    ///
    /// # Errors
    /// When that cannot be found out.
    fn turn(&self) -> Result<Box<dyn Send + '_>, StoreError> {
        Ok(Box::new(()))
    }
}

/// A layer on its way into a cache.
pub trait FrameWriter: Write + Send {
    /// Ends the layer: from now on the cache has it.
    ///
    /// # Errors
    /// When it cannot be written, or the bytes are not those of the layer; then nothing was added.
    fn commit(self: Box<Self>, key: &Digest, layer: &LayerBlob) -> Result<(), StoreError>;
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<T: FrameCache + ?Sized> FrameCache for $pointer {
            fn get(&self, key: &Digest) -> Result<Option<LayerBlob>, StoreError> {
                (**self).get(key)
            }
            fn bring(
                &self,
                key: &Digest,
                layer: &LayerBlob,
                store: &dyn BlobStore,
            ) -> Result<bool, StoreError> {
                (**self).bring(key, layer, store)
            }
            fn writer(&self) -> Result<Box<dyn FrameWriter + '_>, StoreError> {
                (**self).writer()
            }
            fn share(
                &self,
                key: &Digest,
                layer: &LayerBlob,
                file: &File,
            ) -> Result<bool, StoreError> {
                (**self).share(key, layer, file)
            }
            fn remove(&self, key: &Digest) -> Result<(), StoreError> {
                (**self).remove(key)
            }
            fn claim(
                &self,
                key: &Digest,
                wait: bool,
            ) -> Result<Option<Box<dyn Send + '_>>, StoreError> {
                (**self).claim(key, wait)
            }
            fn turn(&self) -> Result<Box<dyn Send + '_>, StoreError> {
                (**self).turn()
            }
        }
    )*};
}
forward!(&T, Box<T>, Arc<T>);

/// Copies a layer into a store, which checks it; `false` where the bytes are not those of the layer.
fn copy(bytes: impl Read, layer: &LayerBlob, store: &dyn BlobStore) -> Result<bool, StoreError> {
    let mut writer = store.writer()?;
    io::copy(&mut bytes.take(layer.blob.size + 1), &mut writer)
        .map_err(|e| StoreError::unwrap_io(e, "copy", &layer.blob.digest.to_string()))?;
    match writer.commit(Some(&layer.blob)) {
        Ok(_) => Ok(true),
        Err(StoreError::Mismatch { .. }) => Ok(false),
        Err(other) => Err(other),
    }
}

/// A frame cache in memory.
#[derive(Debug, Default)]
pub struct MemoryFrames(Mutex<Frames>);

type Frames = BTreeMap<Digest, (LayerBlob, Arc<[u8]>)>;

impl MemoryFrames {
    fn lock(&self) -> std::sync::MutexGuard<'_, Frames> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FrameCache for MemoryFrames {
    fn get(&self, key: &Digest) -> Result<Option<LayerBlob>, StoreError> {
        Ok(self.lock().get(key).map(|(layer, _)| *layer))
    }

    fn bring(
        &self,
        key: &Digest,
        layer: &LayerBlob,
        store: &dyn BlobStore,
    ) -> Result<bool, StoreError> {
        let Some(bytes) = self.lock().get(key).map(|(_, bytes)| Arc::clone(bytes)) else {
            return Ok(false);
        };
        copy(&*bytes, layer, store)
    }

    fn writer(&self) -> Result<Box<dyn FrameWriter + '_>, StoreError> {
        Ok(Box::new(MemoryFrame {
            frames: self,
            bytes: Vec::new(),
        }))
    }

    fn remove(&self, key: &Digest) -> Result<(), StoreError> {
        self.lock().remove(key);
        Ok(())
    }
}

struct MemoryFrame<'a> {
    frames: &'a MemoryFrames,
    bytes: Vec<u8>,
}

impl Write for MemoryFrame<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl FrameWriter for MemoryFrame<'_> {
    fn commit(self: Box<Self>, key: &Digest, layer: &LayerBlob) -> Result<(), StoreError> {
        let found = crate::Blob::of(&self.bytes);
        check_expected(Some(&layer.blob), found, "the layer to cache")?;
        let frame = (*layer, self.bytes.into());
        self.frames.lock().insert(*key, frame);
        Ok(())
    }
}

/// A frame cache in a directory: per key `KEY.blob` and `KEY.json`, the latter written last.
///
/// Each file is written to a temporary name and renamed, so a killed process leaves nothing but a temporary, which
/// [`FrameDir::gc`] removes. Files are not synced: readers verify, so what a power loss tore is compressed again.
#[derive(Clone, Debug)]
pub struct FrameDir {
    path: PathBuf,
}

/// Cap on the small JSON beside a blob.
const META_CAP: u64 = 4096;

impl FrameDir {
    /// Opens a cache, making its directory where it is missing.
    ///
    /// # Errors
    /// When that fails.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let path = path.into();
        std::fs::create_dir_all(&path).map_err(StoreError::io("create", &path))?;
        Ok(Self { path })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn file(&self, key: &Digest, extension: &str) -> PathBuf {
        self.path.join(format!("{}.{extension}", key.hex()))
    }

    /// Removes temporaries of killed processes and the least recently used layers until at most `quota` bytes are left.
    /// Gives back the number of bytes that were freed. Does nothing while another process is writing to the cache.
    ///
    /// # Errors
    /// When the directory cannot be read or a file not be removed.
    pub fn gc(&self, quota: u64) -> Result<u64, StoreError> {
        let Some(_lock) = Lock::attempt(&self.path)? else {
            return Ok(0);
        };
        files::remove_temporaries(&self.path)?;
        let mut layers: Vec<(SystemTime, Digest, u64)> = Vec::new();
        let listed = |e| StoreError::io("list", &self.path)(e);
        for file in std::fs::read_dir(&self.path).map_err(listed)? {
            let file = file.map_err(listed)?;
            let name = file.file_name();
            let Some(hex) = name.to_str().and_then(|n| n.strip_suffix(".blob")) else {
                continue;
            };
            let (Ok(key), Ok(metadata)) = (Digest::from_hex(hex), file.metadata()) else {
                continue;
            };
            // The time of the JSON is set on every use; a blob without one was never finished.
            let used = std::fs::metadata(self.file(&key, "json")).and_then(|m| m.modified());
            layers.push((used.unwrap_or(SystemTime::UNIX_EPOCH), key, metadata.len()));
        }
        layers.sort();
        let mut total: u64 = layers.iter().map(|(_, _, size)| size).sum();
        let before = total;
        for (used, key, size) in layers {
            if total > quota || used == SystemTime::UNIX_EPOCH {
                self.remove(&key)?;
                total -= size;
            }
        }
        Ok(before - total)
    }
}

fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

impl FrameCache for FrameDir {
    fn get(&self, key: &Digest) -> Result<Option<LayerBlob>, StoreError> {
        let path = self.file(key, "json");
        let bytes = match files::read_capped(&path, "manifest", META_CAP) {
            Ok(bytes) => bytes,
            Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok(None);
            }
            Err(StoreError::TooLarge { .. } | StoreError::NotAFile { .. }) => return Ok(None),
            Err(other) => return Err(other),
        };
        let Ok(layer) = json::from_slice::<LayerBlob>(&bytes) else {
            return Ok(None);
        };
        // For the least-recently-used order. A cache that may not be written still serves.
        if let Ok(file) = std::fs::File::options().append(true).open(&path) {
            let _ = file.set_modified(SystemTime::now());
        }
        Ok(Some(layer))
    }

    fn bring(
        &self,
        key: &Digest,
        layer: &LayerBlob,
        store: &dyn BlobStore,
    ) -> Result<bool, StoreError> {
        let file = match files::open(&self.file(key, "blob")) {
            Ok((file, _)) => file,
            Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok(false);
            }
            Err(other) => return Err(other),
        };
        let whole = copy(file, layer, store)?;
        if !whole {
            self.remove(key)?;
        }
        Ok(whole)
    }

    fn writer(&self) -> Result<Box<dyn FrameWriter + '_>, StoreError> {
        Ok(Box::new(DirFrame {
            _lock: Lock::wait(&self.path, false)?,
            temporary: Temporary::create(&self.path)?,
            frames: self,
        }))
    }

    fn remove(&self, key: &Digest) -> Result<(), StoreError> {
        for extension in ["json", "blob"] {
            let path = self.file(key, extension);
            ignore_missing(std::fs::remove_file(&path)).map_err(StoreError::io("remove", &path))?;
        }
        Ok(())
    }
}

struct DirFrame<'a> {
    frames: &'a FrameDir,
    temporary: Temporary,
    _lock: Lock,
}

impl Write for DirFrame<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.temporary.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl FrameWriter for DirFrame<'_> {
    fn commit(self: Box<Self>, key: &Digest, layer: &LayerBlob) -> Result<(), StoreError> {
        let path = self.frames.file(key, "blob");
        let place = path.display().to_string();
        check_expected(Some(&layer.blob), self.temporary.blob(), &place)?;
        self.temporary.persist_unsynced(&path)?;
        let text = json::canonical(layer).map_err(|source| StoreError::Json { place, source })?;
        let path = self.frames.file(key, "json");
        files::stage(&path, &text)?.persist_unsynced(&path)
    }
}
