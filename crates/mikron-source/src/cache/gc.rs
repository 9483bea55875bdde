//! Collection: down to the quota, the least recently used first, and nothing that is in use.

use std::fs::DirEntry;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use mikron_package::Digest;
use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};

use super::claim::CLAIM;
use super::{Cache, CacheError, flock, open_lock};

/// While others have the cache open, what was used within this time stays.
const KEEP_FOR_OTHERS: Duration = Duration::from_secs(24 * 3600);

/// Partial downloads that nobody resumed within this time go.
const KEEP_PARTIAL: Duration = Duration::from_secs(7 * 24 * 3600);

/// The name of the state that counts what was written since the last collection.
const COUNTER: &str = "cache/written";

/// What a collection did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GcReport {
    /// How many entries were removed.
    pub removed: usize,
    /// The bytes that they held.
    pub freed: u64,
    /// The bytes that are left.
    pub left: u64,
    /// Whether the quota could not be met, because the rest is in use.
    pub over_quota: bool,
}

/// What a cache holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Number of blobs.
    pub blobs: usize,
    /// Their bytes.
    pub blob_bytes: u64,
    /// Number of derived values.
    pub derived: usize,
    /// Their bytes.
    pub derived_bytes: u64,
    /// Bytes of partial downloads, temporary files and blobs that were set aside.
    pub other_bytes: u64,
}

/// What is kept between collections, so that a build need not scan the cache to know whether it is full.
#[derive(Default, Serialize, Deserialize)]
struct Counter {
    /// Bytes that the last scan found.
    scanned: u64,
    /// Bytes written since.
    since: u64,
}

struct Found {
    path: PathBuf,
    size: u64,
    used: SystemTime,
}

impl Cache {
    /// Brings the cache down to its quota. Waits for another collection, never for a build.
    ///
    /// # Errors
    /// When a directory cannot be read or an entry cannot be removed.
    pub fn gc(&self) -> Result<GcReport, CacheError> {
        let lock_path = self.root.join("gc.lock");
        let lock = open_lock(&lock_path).map_err(CacheError::at(&lock_path, "open"))?;
        let locked = flock(&lock, FlockOperation::LockExclusive);
        locked.map_err(CacheError::at(&lock_path, "lock"))?;
        // Alone is who can turn the shared lock into an exclusive one; whoever opens the cache meanwhile waits.
        let alone = flock(&self.session, FlockOperation::NonBlockingLockExclusive).is_ok();
        let report = self.collect(alone);
        let path = self.root.join("lock");
        let shared = flock(&self.session, FlockOperation::LockShared);
        shared.map_err(CacheError::at(&path, "lock"))?;
        report
    }

    fn collect(&self, alone: bool) -> Result<GcReport, CacheError> {
        let now = SystemTime::now();
        let mut report = GcReport::default();
        self.collect_leftovers(alone, now, &mut report)?;
        let mut entries = Vec::new();
        for part in ["blobs", "derived"] {
            walk(&self.root.join(part), &mut |_, found| entries.push(found))?;
        }
        entries.sort_by(|a, b| (a.used, &a.path).cmp(&(b.used, &b.path)));
        report.left = entries.iter().map(|entry| entry.size).sum();
        for entry in entries {
            if report.left <= self.options.quota {
                break;
            }
            let young = now.duration_since(entry.used).unwrap_or_default() < KEEP_FOR_OTHERS;
            if self.uses(&entry.path) || (!alone && young) {
                continue;
            }
            remove(&entry.path)?;
            report.removed += 1;
            report.freed += entry.size;
            report.left -= entry.size;
        }
        report.over_quota = report.left > self.options.quota;
        self.written.store(0, Ordering::Relaxed);
        let counter = Counter {
            scanned: report.left,
            since: 0,
        };
        self.update_state(COUNTER, |_| serde_json::to_vec(&counter).ok())?;
        Ok(report)
    }

    /// Removes temporary files of processes that are gone, forgotten downloads and corrupt blobs.
    fn collect_leftovers(
        &self,
        alone: bool,
        now: SystemTime,
        report: &mut GcReport,
    ) -> Result<(), CacheError> {
        let own = format!("{}-", std::process::id());
        let tmp = self.root.join("tmp");
        let mut leftovers = Vec::new();
        walk(&tmp, &mut |_, found| {
            let old = now.duration_since(found.used).unwrap_or_default() > KEEP_FOR_OTHERS;
            // A directory there bears the number of its process for all that it holds.
            let below = found.path.strip_prefix(&tmp).ok();
            let first = below.and_then(|below| below.components().next());
            let is_own =
                first.is_some_and(|first| first.as_os_str().to_string_lossy().starts_with(&own));
            if !is_own && (old || alone) {
                leftovers.push(found);
            }
        })?;
        walk(&self.root.join("corrupt"), &mut |_, found| {
            leftovers.push(found);
        })?;
        let mut partial = Vec::new();
        walk(&self.root.join("partial"), &mut |name, found| {
            partial.push((alone && name.starts_with(CLAIM), found));
        })?;
        for (abandoned, found) in partial {
            let age = now.duration_since(found.used).unwrap_or_default();
            let old = abandoned || age > KEEP_PARTIAL;
            let free = || {
                let file = open_lock(&found.path).ok();
                file.is_some_and(|f| flock(&f, FlockOperation::NonBlockingLockExclusive).is_ok())
            };
            if old && free() {
                leftovers.push(found);
            }
        }
        for found in leftovers {
            remove(&found.path)?;
            report.removed += 1;
            report.freed += found.size;
        }
        remove_empty_directories(&tmp);
        Ok(())
    }

    /// Whether this session has used the entry of this path, whose name is a digest.
    fn uses(&self, path: &Path) -> bool {
        let name = path.file_name().and_then(|name| name.to_str());
        let digest = name.and_then(|name| Digest::from_hex(name).ok());
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        digest.is_some_and(|digest| used.contains(&digest))
    }

    /// Collects when so much was written since the last scan that the quota may be exceeded. Costs nothing when this
    /// session has written nothing: call it at the end of each build.
    ///
    /// # Errors
    /// As [`Cache::gc`].
    pub fn maintain(&self) -> Result<Option<GcReport>, CacheError> {
        let written = self.written.swap(0, Ordering::Relaxed);
        if written == 0 {
            return Ok(None);
        }
        let mut full = false;
        self.update_state(COUNTER, |old| {
            let old = old.and_then(|bytes| serde_json::from_slice::<Counter>(&bytes).ok());
            let mut counter = old.unwrap_or_default();
            counter.since = counter.since.saturating_add(written);
            full = counter.scanned.saturating_add(counter.since) > self.options.quota;
            serde_json::to_vec(&counter).ok()
        })?;
        if full { self.gc().map(Some) } else { Ok(None) }
    }

    /// Counts what the cache holds. Scans all of it.
    ///
    /// # Errors
    /// When a directory cannot be read.
    pub fn usage(&self) -> Result<Usage, CacheError> {
        let mut usage = Usage::default();
        walk(&self.root.join("blobs"), &mut |_, found| {
            usage.blobs += 1;
            usage.blob_bytes += found.size;
        })?;
        walk(&self.root.join("derived"), &mut |_, found| {
            usage.derived += 1;
            usage.derived_bytes += found.size;
        })?;
        for part in ["partial", "tmp", "corrupt"] {
            walk(&self.root.join(part), &mut |_, found| {
                usage.other_bytes += found.size;
            })?;
        }
        Ok(usage)
    }

    /// All blobs and derived values by path, in order of path.
    pub(super) fn entries(&self, part: &str) -> Result<Vec<PathBuf>, CacheError> {
        let mut paths = Vec::new();
        walk(&self.root.join(part), &mut |_, found| {
            paths.push(found.path);
        })?;
        paths.sort();
        Ok(paths)
    }
}

/// Visits all files below a directory. What vanishes meanwhile is left out.
fn walk(directory: &Path, visit: &mut dyn FnMut(&str, Found)) -> Result<(), CacheError> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(CacheError::at(directory, "read")(error)),
    };
    for entry in entries {
        let entry: DirEntry = entry.map_err(CacheError::at(directory, "read"))?;
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        if metadata.is_dir() {
            walk(&entry.path(), visit)?;
        } else {
            let found = Found {
                path: entry.path(),
                size: metadata.len(),
                used: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
            };
            visit(&entry.file_name().to_string_lossy(), found);
        }
    }
    Ok(())
}

/// Removes the directories below one that hold nothing. What cannot be removed is in use, or goes the next time.
fn remove_empty_directories(directory: &Path) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_empty_directories(&entry.path());
            let _ = std::fs::remove_dir(entry.path());
        }
    }
}

fn remove(path: &Path) -> Result<(), CacheError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(CacheError::at(path, "remove")(error))
        }
        _ => Ok(()),
    }
}
