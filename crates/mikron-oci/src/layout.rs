//! An OCI image layout in a directory (OCI image-spec, image-layout).
//!
//! *All or nothing.* A blob is written to a temporary name. Before the first tag that may need it, all blobs are synced at
//! once (one by one, each would wait for the disk), then renamed, and `index.json` is replaced in the same way, last, after
//! the directory of the blobs is synced. So a reader sees the old image or the new one, whenever a writer is killed, and a
//! full disk leaves the old one. What was written and never tagged leaves nothing, not even the directories that were made for it.
//!
//! *Several writers.* `index.json` is read, changed and replaced under an exclusive flock(2) on the layout's directory: no
//! reference gets lost. While a writer is at work it holds a shared lock on `blobs`; temporaries of killed writers and
//! unreferenced blobs are collected only by one who gets that lock exclusively.
//!
//! *What is there is kept.* A blob of the right name and size is not written again, and not read for it either; that a
//! stranger did not change its bytes is what [`validate()`](crate::validate()) checks.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mikron_package::{Digest, Limits, threads};
use serde_json::Value;

use crate::files::{self, Lock, Temporary};
use crate::index_file::{IndexFile, REF_NAME, check_tag};
use crate::json::JsonError;
use crate::store::check_expected;
use crate::{
    Blob, BlobSource, BlobStore, BlobWriter, Descriptor, Document, HeldIndex, ImageError,
    ImageIndex, StoreError, VerifiedReader, json,
};

const VERSION_FILE: &str = "oci-layout";
const INDEX_FILE: &str = "index.json";
const VERSION: &str = "1.0.0";

/// So many blobs may be open and wait for their names.
const MOST_PENDING: usize = 48;

/// An image layout directory.
///
/// ```
/// use mikron_oci::{Blob, BlobStore, Layout, put};
/// let directory = tempfile::tempdir()?;
/// let layout = Layout::create(directory.path().join("nginx"))?;
/// let blob = put(&layout, b"hello")?;
/// assert!(layout.contains(&blob)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Layout {
    path: PathBuf,
    /// Blobs that are written and have no name yet.
    pending: Mutex<BTreeMap<Digest, Temporary>>,
    /// Keeps collectors away while this writer is at work.
    session: Option<Lock>,
    /// Directories that were made for the layout, innermost first, as long as there is no `index.json` of ours in them.
    made: Mutex<Vec<PathBuf>>,
}

impl Layout {
    /// Opens a layout for writing, making its directories where they are missing. What makes it a layout in the eyes of
    /// others, `oci-layout` and `index.json`, is written with the first tag.
    ///
    /// # Errors
    /// When directories cannot be made or locked, or there is a layout of another version.
    pub fn create(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        const TRIES: usize = 10;
        let path = path.into();
        let sha256 = path.join("blobs/sha256");
        let absent = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
        let made = sha256.ancestors().take_while(absent);
        let made = made.map(Path::to_owned).collect();
        let mut tries = 0;
        let session = loop {
            tries += 1;
            match Self::enter(&path, &sha256) {
                // Somebody who gave up took the directories along that were made for him.
                Err(StoreError::Io { source, .. })
                    if source.kind() == io::ErrorKind::NotFound && tries < TRIES => {}
                entered => break entered?,
            }
        };
        Ok(Self {
            path,
            pending: Mutex::default(),
            session: Some(session),
            made: Mutex::new(made),
        })
    }

    /// Makes the directories, and keeps collectors away from them.
    fn enter(path: &Path, sha256: &Path) -> Result<Lock, StoreError> {
        let blobs = path.join("blobs");
        std::fs::create_dir_all(sha256).map_err(StoreError::io("create", sha256))?;
        if exists(&path.join(VERSION_FILE))? {
            check_version(path, &Limits::default())?;
        }
        if let Some(_alone) = Lock::attempt(&blobs)? {
            files::remove_temporaries(sha256)?;
            files::remove_temporaries(path)?;
        }
        let session = Lock::wait(&blobs, false)?;
        sha256
            .metadata()
            .map_err(StoreError::io("examine", sha256))?;
        Ok(session)
    }

    /// Opens a layout that exists, for reading.
    ///
    /// # Errors
    /// When it is none, or of an unknown version.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let path = path.into();
        check_version(&path, &Limits::default())?;
        Ok(Self {
            path,
            pending: Mutex::default(),
            session: None,
            made: Mutex::default(),
        })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The bytes of `index.json`.
    ///
    /// # Errors
    /// When it cannot be read, is no plain file, or exceeds [`Limits::manifest`].
    pub fn index(&self, limits: &Limits) -> Result<Vec<u8>, StoreError> {
        files::read_capped(&self.index_path(), "manifest", limits.manifest)
    }

    /// `index.json` as a document.
    pub(crate) fn root_document(&self, limits: &Limits) -> Result<Document, StoreError> {
        let bytes = self.index(limits)?;
        Document::parse(bytes).map_err(|e| self.index_error(e))
    }

    /// All that the layout holds, as an index: `index.json`.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn root(self: &Arc<Self>, limits: &Limits) -> Result<HeldIndex, StoreError> {
        let document = self.root_document(limits)?;
        let source = Arc::clone(self);
        Ok(HeldIndex::root(source, document, limits))
    }

    /// Makes the layout hold what an index holds, and nothing else: the index becomes its `index.json`, byte for byte, after all
    /// that it refers to was stored.
    ///
    /// # Errors
    /// When something of the index cannot be read or the layout cannot be written; then the old `index.json` stands.
    pub fn fill(&self, root: &dyn ImageIndex) -> Result<(), ImageError> {
        crate::write::write_children(self, root, 0, &mut BTreeSet::new())?;
        Ok(self.replace_index(|_| Ok(root.manifest().bytes().to_vec()))?)
    }

    /// What the tags refer to, in the order of the file. Entries without a tag are left out.
    ///
    /// # Errors
    /// When `index.json` cannot be read or is malformed.
    pub fn tags(&self, limits: &Limits) -> Result<Vec<(String, Descriptor)>, StoreError> {
        let tagged = self.entries(limits)?.into_iter();
        Ok(tagged
            .filter_map(|(tag, target)| Some((tag?, target)))
            .collect())
    }

    /// All that `index.json` refers to, in the order of the file, each with its tag where it has one.
    ///
    /// # Errors
    /// As [`Layout::tags`].
    pub fn entries(
        &self,
        limits: &Limits,
    ) -> Result<Vec<(Option<String>, Descriptor)>, StoreError> {
        let document = self.root_document(limits)?;
        let entry = |target: Result<Descriptor, _>| {
            let target = target.map_err(|source| StoreError::Descriptor {
                place: self.index_path().display().to_string(),
                source,
            })?;
            Ok((target.annotation(REF_NAME).map(str::to_owned), target))
        };
        document.descriptors("manifests").map(entry).collect()
    }

    /// Where the blob lies.
    pub fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.path.join("blobs/sha256").join(digest.hex())
    }

    /// Removes what no image needs: blobs that no reference reaches, and temporaries of killed writers. Gives back what was
    /// removed. Does nothing while a writer is at work.
    ///
    /// # Errors
    /// When the layout is not valid (then nothing can be said to be unreachable), or a file cannot be removed.
    pub fn gc(path: impl Into<PathBuf>) -> Result<Vec<PathBuf>, StoreError> {
        let layout = Self::open(path)?;
        let Some(_alone) = Lock::attempt(&layout.path.join("blobs"))? else {
            return Ok(Vec::new());
        };
        let _index = Lock::wait(&layout.path, true)?;
        let sha256 = layout.path.join("blobs/sha256");
        let mut removed = files::remove_temporaries(&layout.path)?;
        removed.extend(files::remove_temporaries(&sha256)?);
        let limits = Limits::default();
        let root = layout.root_document(&limits)?;
        let reached = crate::reachable(&layout, &root, &limits)?;
        let mut found = BTreeSet::new();
        let listed = |e| StoreError::io("list", &sha256)(e);
        for entry in std::fs::read_dir(&sha256).map_err(listed)? {
            let entry = entry.map_err(listed)?;
            let digest = entry
                .file_name()
                .to_str()
                .and_then(|n| Digest::from_hex(n).ok());
            found.extend(digest.map(|d| (d, entry.path())));
        }
        for (digest, path) in found {
            if !reached.contains(&digest) {
                std::fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
                removed.push(path);
            }
        }
        Ok(removed)
    }

    fn pending(&self) -> MutexGuard<'_, BTreeMap<Digest, Temporary>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a blob in; it gets its name with all others that wait for theirs.
    fn keep(&self, blob: &Blob, temporary: Temporary) -> Result<(), StoreError> {
        if self.contains(blob)? {
            return Ok(());
        }
        let mut pending = self.pending();
        pending.insert(blob.digest, temporary);
        if pending.len() < MOST_PENDING {
            return Ok(());
        }
        self.name_pending(&mut pending, &[])
    }

    /// Gives all blobs that were written their names, after they are on disk for certain, and `others` with them, which get
    /// theirs from the caller.
    fn name_pending(
        &self,
        pending: &mut BTreeMap<Digest, Temporary>,
        others: &[(Temporary, PathBuf)],
    ) -> Result<(), StoreError> {
        let pending = std::mem::take(pending);
        let others = others.iter().map(|(temporary, _)| temporary);
        at_once(pending.values().chain(others), Temporary::sync)?;
        if pending.is_empty() {
            return Ok(());
        }
        for (digest, temporary) in pending {
            temporary.persist_unsynced(&self.blob_path(&digest))?;
        }
        let directories = ["blobs/sha256", "blobs"].map(|name| self.path.join(name));
        at_once(directories.iter(), |path| files::sync_directory(path))
    }

    /// Gives all blobs that were written their names, and then puts another `index.json` in its place, which `change` makes of the one
    /// that is there.
    fn replace_index(
        &self,
        change: impl FnOnce(Option<&[u8]>) -> Result<Vec<u8>, JsonError>,
    ) -> Result<(), StoreError> {
        let limits = Limits::default();
        let mut pending = self.pending();
        let _lock = Lock::wait(&self.path, true)?;
        let mut changed = Vec::new();
        let version = self.path.join(VERSION_FILE);
        if exists(&version)? {
            check_version(&self.path, &limits)?;
        } else {
            let text = format!("{{\"imageLayoutVersion\":\"{VERSION}\"}}");
            changed.push((files::stage(&version, text.as_bytes())?, version));
        }
        let path = self.index_path();
        let old = if exists(&path)? {
            Some(self.index(&limits)?)
        } else {
            None
        };
        let new = change(old.as_deref()).map_err(|e| self.index_error(e))?;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if old.as_ref() != Some(&new) {
            changed.push((files::stage(&path, &new)?, path));
        }
        self.name_pending(&mut pending, &changed)?;
        if changed.is_empty() {
            return Ok(());
        }
        for (temporary, path) in changed {
            temporary.persist_unsynced(&path)?;
        }
        made.clear();
        files::sync_directory(&self.path)
    }

    fn index_path(&self) -> PathBuf {
        self.path.join(INDEX_FILE)
    }

    fn index_error(&self, source: JsonError) -> StoreError {
        StoreError::Json {
            place: self.index_path().display().to_string(),
            source,
        }
    }

    /// The file of a blob, opened without following links.
    pub(crate) fn open_blob(&self, digest: &Digest) -> Result<(File, u64), StoreError> {
        if let Some(temporary) = self.pending().get(digest) {
            return files::open(temporary.path());
        }
        files::open(&self.blob_path(digest)).map_err(|e| match e {
            StoreError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                StoreError::Missing {
                    digest: *digest,
                    place: self.path.display().to_string(),
                }
            }
            other => other,
        })
    }
}

impl Drop for Layout {
    /// Takes the directories along that were made for a layout which did not come about.
    fn drop(&mut self) {
        let made = self.made.get_mut().unwrap_or_else(PoisonError::into_inner);
        let made = std::mem::take(made);
        if made.is_empty() {
            return;
        }
        self.pending().clear();
        self.session = None;
        // Whoever else is at work needs them.
        if let Ok(Some(_alone)) = Lock::attempt(&self.path.join("blobs")) {
            let empty = |path: &PathBuf| std::fs::remove_dir(path).is_ok();
            let _ = made.iter().all(empty);
        }
    }
}

/// Syncs several things at once: a file system writes its journal for all that wait for it.
fn at_once<T: Send>(
    things: impl Iterator<Item = T>,
    sync: impl Fn(T) -> Result<(), StoreError> + Sync,
) -> Result<(), StoreError> {
    let things: Vec<T> = things.collect();
    let synced = threads::each(things.len(), things, sync);
    synced.into_iter().collect()
}

fn exists(path: &Path) -> Result<bool, StoreError> {
    match path.symlink_metadata() {
        Ok(_) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(StoreError::io("examine", path)(e)),
    }
}

/// Refuses what is not a layout of the one version that there is.
pub(crate) fn check_version(path: &Path, limits: &Limits) -> Result<(), StoreError> {
    let file = path.join(VERSION_FILE);
    let bytes = match files::read_capped(&file, "manifest", limits.manifest) {
        Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            return Err(StoreError::NotALayout {
                path: path.to_owned(),
                reason: "it has no file `oci-layout`".to_owned(),
            });
        }
        other => other?,
    };
    let document = json::parse(&bytes).map_err(|source| StoreError::Json {
        place: file.display().to_string(),
        source,
    })?;
    known_version(&document, &file, path)
}

/// Refuses what an `oci-layout`, `file` of the layout at `path`, says where that is not the one version that there is.
pub(crate) fn known_version(document: &Value, file: &Path, path: &Path) -> Result<(), StoreError> {
    let version = document.get("imageLayoutVersion").and_then(Value::as_str);
    match version {
        Some(VERSION) => Ok(()),
        Some(other) => Err(StoreError::UnknownVersion {
            path: file.to_owned(),
            version: other.chars().take(100).collect(),
        }),
        None => Err(StoreError::NotALayout {
            path: path.to_owned(),
            reason: "its `oci-layout` has no `imageLayoutVersion`".to_owned(),
        }),
    }
}

impl BlobSource for Layout {
    fn open(&self, blob: &Blob) -> Result<Box<dyn Read + Send + '_>, StoreError> {
        let (file, _) = self.open_blob(&blob.digest)?;
        let place = self.blob_path(&blob.digest).display().to_string();
        Ok(Box::new(VerifiedReader::new(file, *blob, place)))
    }

    fn resolve(&self, tag: &str) -> Result<Option<Descriptor>, StoreError> {
        if !exists(&self.index_path())? {
            return Ok(None);
        }
        let mut tags = self.tags(&Limits::default())?.into_iter();
        Ok(tags.find(|(name, _)| name == tag).map(|(_, target)| target))
    }
}

impl BlobStore for Layout {
    fn contains(&self, blob: &Blob) -> Result<bool, StoreError> {
        if self.pending().contains_key(&blob.digest) {
            return Ok(true);
        }
        let path = self.blob_path(&blob.digest);
        match path.symlink_metadata() {
            Ok(metadata) => Ok(metadata.is_file() && metadata.len() == blob.size),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(StoreError::io("examine", path)(e)),
        }
    }

    fn writer(&self) -> Result<Box<dyn BlobWriter + '_>, StoreError> {
        let temporary = Temporary::create(&self.path.join("blobs/sha256"))?;
        Ok(Box::new(LayoutWriter {
            layout: self,
            temporary,
        }))
    }

    fn adopt(&self, blob: &Blob, file: &File) -> Result<(), StoreError> {
        let directory = self.path.join("blobs/sha256");
        // Others read layouts: a file that only its owner may read is copied.
        let fits = |file: Metadata| file.len() == blob.size && file.mode() & 0o044 != 0;
        let alike = file.metadata().is_ok_and(fits);
        let linked = alike.then(|| Temporary::linked(&directory, file)).flatten();
        let temporary = match linked {
            Some(linked) => linked,
            None => Temporary::filled(&directory, file, blob.size)?,
        };
        self.keep(blob, temporary)
    }

    fn file(&self, blob: &Blob) -> Option<File> {
        let (file, size) = self.open_blob(&blob.digest).ok()?;
        (size == blob.size).then_some(file)
    }

    fn tag(&self, tag: &str, target: &Descriptor) -> Result<(), StoreError> {
        check_tag(tag)?;
        self.replace_index(|old| {
            let mut index = match old {
                None => IndexFile::empty(),
                Some(old) => IndexFile::parse(old)?,
            };
            index.set(tag, target);
            index.to_bytes()
        })
    }
}

struct LayoutWriter<'a> {
    layout: &'a Layout,
    temporary: Temporary,
}

impl Write for LayoutWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.temporary.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl BlobWriter for LayoutWriter<'_> {
    fn is_file(&self) -> bool {
        true
    }

    fn commit(self: Box<Self>, expected: Option<&Blob>) -> Result<Blob, StoreError> {
        let found = self.temporary.blob();
        let path = self.layout.blob_path(&found.digest);
        check_expected(expected, found, &path.display().to_string())?;
        self.layout.keep(&found, self.temporary)?;
        Ok(found)
    }
}
