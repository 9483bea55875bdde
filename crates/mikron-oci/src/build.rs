//! Making layers: out of the cache where an equal one was made before, else compressed, several at once.

use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;

use mikron_package::{Contents, DiffId, Digest, Hasher, Progress, Task, TaskKind, threads};

use crate::encoder::Encoder;
use crate::pool::Pool;
use crate::{
    BlobStore, BlobWriter, FrameCache, FrameWriter, LayerBlob, LayerError, LayerPlan, Recipe,
    StoreError,
};

/// A layer that is in the store now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuiltLayer {
    /// The layer.
    pub layer: LayerBlob,
    /// Its key in the frame cache.
    pub key: Digest,
    /// Whether it came from the cache, so that nothing was compressed.
    pub cached: bool,
}

/// How much may run at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parallel {
    /// Number of threads, at least one.
    pub jobs: usize,
    /// Bytes of memory for all encoders together. One encoder always runs, whatever it takes.
    pub memory: u64,
}

impl Parallel {
    /// So many threads, and 64 MiB for the encoders: two of the largest.
    pub const fn jobs(jobs: usize) -> Self {
        Self {
            jobs,
            memory: 64 << 20,
        }
    }
}

impl Default for Parallel {
    /// One thread per processor.
    fn default() -> Self {
        Self::jobs(thread::available_parallelism().map_or(1, usize::from))
    }
}

impl LayerPlan {
    /// Makes the layer and stores it. Where `cache` holds an equal one, it is copied and nothing is compressed; where the
    /// store holds it too, nothing is written at all. Where somebody else is making it for the same cache, that is waited for.
    ///
    /// # Errors
    /// When a content is missing or wrong, or store or cache fail. A corrupt cache entry is no error: it is replaced.
    pub fn build(
        &self,
        recipe: Recipe,
        contents: &dyn Contents,
        store: &dyn BlobStore,
        cache: Option<&dyn FrameCache>,
    ) -> Result<BuiltLayer, LayerError> {
        let key = self.key(recipe);
        let _claim = claim(cache, &key, true)?;
        match at_hand(cache, key, store)? {
            Some(built) => Ok(built),
            None => self.make(key, recipe, contents, store, cache, &Pool::default()),
        }
    }

    /// Makes the layer, once it is claimed.
    fn make(
        &self,
        key: Digest,
        recipe: Recipe,
        contents: &dyn Contents,
        store: &dyn BlobStore,
        cache: Option<&dyn FrameCache>,
        pool: &Pool,
    ) -> Result<BuiltLayer, LayerError> {
        let turn = cache.map(FrameCache::turn).transpose();
        let turn = turn.map_err(LayerError::Cache)?;
        let (layer, kept) = self.compress(recipe, contents, store, cache, pool)?;
        drop(turn);
        if let Some(cache) = cache {
            keep(cache, &key, &layer, kept, store).map_err(LayerError::Cache)?;
        }
        Ok(BuiltLayer {
            layer,
            key,
            cached: false,
        })
    }

    /// Makes the layer in the store. Where that has no file of it, the cache's copy is made on the way.
    fn compress<'c>(
        &self,
        recipe: Recipe,
        contents: &dyn Contents,
        store: &dyn BlobStore,
        cache: Option<&'c dyn FrameCache>,
        pool: &Pool,
    ) -> Result<(LayerBlob, Option<Copied<'c>>), LayerError> {
        let writer = store.writer()?;
        let copy = cache.filter(|_| !writer.is_file());
        let copy = copy.map(FrameCache::writer).transpose();
        let writer = Both {
            writer,
            copy: copy.map_err(LayerError::Cache)?.map(Ok),
        };
        let failed = |source: io::Error| match source.downcast::<StoreError>() {
            Ok(store) => LayerError::Store(store),
            Err(source) => LayerError::Compress {
                layer: self.name().to_owned(),
                reason: source.to_string(),
            },
        };
        let encoder = Encoder::new(recipe, self.unpacked(), pool, writer).map_err(failed)?;
        let mut stream = Hashed {
            inner: encoder,
            hasher: Hasher::default(),
        };
        self.write(contents, &mut stream).map_err(|e| match e {
            LayerError::Write { source, .. } => failed(source),
            other => other,
        })?;
        let diff_id = DiffId(stream.hasher.finish());
        let Both { writer, copy } = stream.inner.finish().map_err(failed)?;
        let layer = LayerBlob {
            blob: writer.commit(None)?,
            diff_id,
            unpacked: self.unpacked(),
            compression: recipe.compression(),
        };
        Ok((layer, copy))
    }
}

/// A cache's copy of a layer, or what went wrong with it.
type Copied<'a> = Result<Box<dyn FrameWriter + 'a>, StoreError>;

/// Lets the cache keep a layer that was just made: its own copy, or the file in the store.
fn keep(
    cache: &dyn FrameCache,
    key: &Digest,
    layer: &LayerBlob,
    copy: Option<Copied<'_>>,
    store: &dyn BlobStore,
) -> Result<(), StoreError> {
    if let Some(copy) = copy {
        return copy?.commit(key, layer);
    }
    let Some(file) = store.file(&layer.blob) else {
        return Ok(());
    };
    if cache.share(key, layer, &file)? {
        return Ok(());
    }
    let mut copy = cache.writer()?;
    io::copy(&mut &file, &mut copy)
        .map_err(|e| StoreError::unwrap_io(e, "copy", &layer.blob.digest.to_string()))?;
    copy.commit(key, layer)
}

/// A writer into a store and a cache at once. What goes wrong with the cache is told at the end.
struct Both<'s, 'c> {
    writer: Box<dyn BlobWriter + 's>,
    copy: Option<Copied<'c>>,
}

impl Write for Both<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.writer.write(bytes)?;
        if let Some(Ok(copy)) = &mut self.copy
            && let Err(error) = copy.write_all(&bytes[..n])
        {
            let error = StoreError::unwrap_io(error, "write", "the cache of layers");
            self.copy = Some(Err(error));
        }
        Ok(n)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// A writer that hashes on the way.
struct Hashed<W> {
    inner: W,
    hasher: Hasher,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..n]);
        Ok(n)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// What to hold while a layer is made: nothing where the cache has it. `None` where somebody else is making it now.
fn claim<'a>(
    cache: Option<&'a dyn FrameCache>,
    key: &Digest,
    wait: bool,
) -> Result<Option<Box<dyn Send + 'a>>, LayerError> {
    match cache {
        Some(cache) if cache.get(key).map_err(LayerError::Cache)?.is_none() => {
            cache.claim(key, wait).map_err(LayerError::Cache)
        }
        _ => Ok(Some(Box::new(()))),
    }
}

/// The layer out of the cache, where that has it.
fn at_hand(
    cache: Option<&dyn FrameCache>,
    key: Digest,
    store: &dyn BlobStore,
) -> Result<Option<BuiltLayer>, LayerError> {
    let Some(cache) = cache else { return Ok(None) };
    let Some(layer) = cache.get(&key).map_err(LayerError::Cache)? else {
        return Ok(None);
    };
    let there = store.contains(&layer.blob)? || cache.bring(&key, &layer, store)?;
    Ok(there.then_some(BuiltLayer {
        layer,
        key,
        cached: true,
    }))
}

/// Builds several layers at once, the largest first, and pieces of them where there are more threads than layers. The result is in the order of the plans, and depends neither on the
/// number of threads nor on who finishes first.
///
/// # Errors
/// The error of the first plan, in their order, that failed. What has not begun by then is left out.
pub fn build_layers(
    plans: &[LayerPlan],
    recipe: Recipe,
    contents: &dyn Contents,
    store: &dyn BlobStore,
    cache: Option<&dyn FrameCache>,
    parallel: Parallel,
    progress: &dyn Progress,
) -> Result<Vec<BuiltLayer>, LayerError> {
    let mut order: Vec<usize> = (0..plans.len()).collect();
    order.sort_by_key(|i| std::cmp::Reverse(plans[*i].unpacked()));
    // What somebody else is making now comes last: it may be in the cache by then.
    let queue = Mutex::new(Queue {
        first: order.into_iter(),
        last: Vec::new(),
    });
    let queue = || queue.lock().unwrap_or_else(PoisonError::into_inner);
    let budget = Budget::new(parallel.memory);
    let failed = AtomicBool::new(false);
    let pieces: u64 = plans.iter().map(|p| recipe.pieces(p.unpacked())).sum();
    let threads = parallel.jobs.clamp(1, pieces.max(1) as usize);
    let pool = Pool::default();
    let work = || {
        let own = pool.own_work();
        let mut done = Vec::new();
        while !failed.load(Ordering::Relaxed) {
            let Some((i, wait)) = queue().next() else {
                break;
            };
            let plan = &plans[i];
            let key = plan.key(recipe);
            let _claim = match claim(cache, &key, wait) {
                Ok(Some(claim)) => claim,
                Ok(None) => {
                    queue().last.push(i);
                    continue;
                }
                Err(error) => {
                    failed.store(true, Ordering::Relaxed);
                    done.push((i, Err(error)));
                    break;
                }
            };
            // What is at hand is no work that anybody is told of.
            if let Some(built) = at_hand(cache, key, store).transpose() {
                failed.fetch_or(built.is_err(), Ordering::Relaxed);
                done.push((i, built));
                continue;
            }
            let _held = budget.take(recipe.memory(plan.unpacked()));
            let task = Task::start(
                progress,
                TaskKind::Layer,
                plan.name(),
                Some(plan.unpacked()),
            );
            let told = Told {
                contents,
                task: &task,
                left: AtomicU64::new(plan.unpacked()),
            };
            let built = plan.make(key, recipe, &told, store, cache, &pool);
            // Headers and padding.
            task.advance(told.left.into_inner());
            failed.fetch_or(built.is_err(), Ordering::Relaxed);
            done.push((i, built));
        }
        drop(own);
        pool.help_to_the_end();
        done
    };
    let done = threads::on(threads, work).into_iter().flatten();
    let mut done: Vec<(usize, Result<BuiltLayer, LayerError>)> = done.collect();
    done.sort_by_key(|(i, _)| *i);
    done.into_iter().map(|(_, built)| built).collect()
}

/// The layers that are to be made, by their number.
struct Queue {
    first: std::vec::IntoIter<usize>,
    last: Vec<usize>,
}

impl Queue {
    /// The next one, and whether to wait for whoever is making it.
    fn next(&mut self) -> Option<(usize, bool)> {
        let first = self.first.next().map(|i| (i, false));
        first.or_else(|| self.last.pop().map(|i| (i, true)))
    }
}

/// Contents that tell a task how far they were read.
struct Told<'a> {
    contents: &'a dyn Contents,
    task: &'a Task<'a>,
    /// Bytes of the layer that the task was not told of.
    left: AtomicU64,
}

impl Contents for Told<'_> {
    fn open(&self, content: &Digest) -> io::Result<Box<dyn Read + Send + '_>> {
        let reader = self.contents.open(content)?;
        Ok(Box::new(ToldReader { reader, told: self }))
    }
}

struct ToldReader<'a> {
    reader: Box<dyn Read + Send + 'a>,
    told: &'a Told<'a>,
}

impl Read for ToldReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(buffer)?;
        let left = self.told.left.load(Ordering::Relaxed);
        // A content that is longer than its entry says must not count for more than the layer.
        let by = left.min(n as u64);
        self.told.left.store(left - by, Ordering::Relaxed);
        self.told.task.advance(by);
        Ok(n)
    }
}

/// Bytes that may be in use at once.
struct Budget {
    total: u64,
    used: Mutex<u64>,
    freed: Condvar,
}

struct Held<'a>(&'a Budget, u64);

impl Budget {
    fn new(total: u64) -> Self {
        Self {
            total,
            used: Mutex::new(0),
            freed: Condvar::new(),
        }
    }

    /// Waits until `bytes` are free, or nothing is in use.
    fn take(&self, bytes: u64) -> Held<'_> {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |used: &mut u64| *used > 0 && *used + bytes > self.total;
        let mut used = self
            .freed
            .wait_while(used, full)
            .unwrap_or_else(PoisonError::into_inner);
        *used += bytes;
        Held(self, bytes)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        *self.0.used.lock().unwrap_or_else(PoisonError::into_inner) -= self.1;
        self.0.freed.notify_all();
    }
}
