//! Layers that are there already: caches of them, and builds that share one.

#![allow(clippy::unwrap_used)] // the helpers of tests may fail as tests do

mod common;

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex};

use common::{file, tree};
use mikron_oci::{
    Blob, BlobSource, BlobStore, BlobWriter, BuiltLayer, Descriptor, FrameCache, FrameDir,
    FrameWriter, LayerBlob, LayerPlan, MemoryFrames, MemoryStore, Parallel, Recipe, Refusal,
    StoreError, build_layers,
};
use mikron_package::{Contents, Digest, MemoryContents, Silent};

fn recipe(text: &str) -> Recipe {
    text.parse().unwrap()
}

fn through_cache(cache: &dyn FrameCache, store: &MemoryStore) -> (LayerBlob, bool) {
    let (entries, contents) = tree();
    let plan = LayerPlan::new("cached", &entries).unwrap();
    let built = plan
        .build(recipe("zstd:3"), &contents, store, Some(cache))
        .unwrap();
    (built.layer, built.cached)
}

#[test]
fn a_cached_layer_is_not_compressed_again() {
    let directory = tempfile::tempdir().unwrap();
    let on_disk = FrameDir::open(directory.path().join("frames")).unwrap();
    let in_memory = MemoryFrames::default();
    for cache in [&on_disk as &dyn FrameCache, &in_memory] {
        let (first, second) = (MemoryStore::default(), MemoryStore::default());
        let (layer, cached) = through_cache(cache, &first);
        assert!(!cached);
        assert_eq!(through_cache(cache, &second), (layer, true));
        assert_eq!(
            second.get(&layer.blob.digest),
            first.get(&layer.blob.digest)
        );
        // Contents are not even asked for.
        let plan = LayerPlan::new("cached", &tree().0).unwrap();
        let none = MemoryContents::default();
        assert!(
            plan.build(recipe("zstd:3"), &none, &second, Some(cache))
                .unwrap()
                .cached
        );
    }
}

/// A store that is far away: what was written to it cannot be read.
#[derive(Default)]
struct WriteOnly(MemoryStore);

impl BlobSource for WriteOnly {
    fn open(&self, blob: &Blob) -> Result<Box<dyn Read + Send + '_>, StoreError> {
        Err(StoreError::Place {
            action: "read",
            place: blob.digest.to_string(),
            refusal: Refusal::Denied,
            source: "nobody reads here".into(),
        })
    }
    fn resolve(&self, tag: &str) -> Result<Option<Descriptor>, StoreError> {
        self.0.resolve(tag)
    }
}

impl BlobStore for WriteOnly {
    fn contains(&self, blob: &Blob) -> Result<bool, StoreError> {
        self.0.contains(blob)
    }
    fn writer(&self) -> Result<Box<dyn BlobWriter + '_>, StoreError> {
        self.0.writer()
    }
    fn tag(&self, tag: &str, target: &Descriptor) -> Result<(), StoreError> {
        self.0.tag(tag, target)
    }
}

#[test]
fn a_build_does_not_read_back_what_it_wrote() {
    let directory = tempfile::tempdir().unwrap();
    let on_disk = FrameDir::open(directory.path().join("frames")).unwrap();
    let in_memory = MemoryFrames::default();
    let (entries, contents) = tree();
    let plan = LayerPlan::new("written", &entries).unwrap();
    for cache in [&on_disk as &dyn FrameCache, &in_memory] {
        let far = WriteOnly::default();
        let made_in =
            |store: &dyn BlobStore| plan.build(recipe("zstd:3"), &contents, store, Some(cache));
        let built = made_in(&far).unwrap();
        assert!(!built.cached);
        let near = MemoryStore::default();
        assert!(made_in(&near).unwrap().cached, "the cache has its own copy");
        let blob = &built.layer.blob;
        assert_eq!(near.get(&blob.digest), far.0.get(&blob.digest));
        let left = directory.path().join("frames");
        let temporary = |entry: std::io::Result<std::fs::DirEntry>| {
            entry
                .unwrap()
                .file_name()
                .to_string_lossy()
                .starts_with('.')
        };
        assert!(!std::fs::read_dir(left).unwrap().any(temporary));
    }
}

/// Frames in memory, whose makers coordinate.
#[derive(Default)]
struct Claimed {
    frames: MemoryFrames,
    busy: Mutex<BTreeSet<Digest>>,
    freed: Condvar,
}

struct Claim<'a>(&'a Claimed, Digest);

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.0.busy.lock().unwrap().remove(&self.1);
        self.0.freed.notify_all();
    }
}

impl FrameCache for Claimed {
    fn get(&self, key: &Digest) -> Result<Option<LayerBlob>, StoreError> {
        self.frames.get(key)
    }
    fn bring(
        &self,
        key: &Digest,
        layer: &LayerBlob,
        store: &dyn BlobStore,
    ) -> Result<bool, StoreError> {
        self.frames.bring(key, layer, store)
    }
    fn writer(&self) -> Result<Box<dyn FrameWriter + '_>, StoreError> {
        self.frames.writer()
    }
    fn remove(&self, key: &Digest) -> Result<(), StoreError> {
        self.frames.remove(key)
    }
    fn claim(&self, key: &Digest, wait: bool) -> Result<Option<Box<dyn Send + '_>>, StoreError> {
        let mut busy = self.busy.lock().unwrap();
        while busy.contains(key) {
            if !wait {
                return Ok(None);
            }
            busy = self.freed.wait(busy).unwrap();
        }
        busy.insert(*key);
        Ok(Some(Box::new(Claim(self, *key))))
    }
}

/// Contents that take a while, and count how often they are asked for.
struct Slow(MemoryContents, AtomicU64);

impl Contents for Slow {
    fn open(&self, content: &Digest) -> std::io::Result<Box<dyn Read + Send + '_>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(std::time::Duration::from_millis(3));
        self.0.open(content)
    }
}

#[test]
fn builds_at_once_pack_each_layer_once() {
    let mut contents = MemoryContents::default();
    let plans: Vec<LayerPlan> = (0u8..6)
        .map(|i| LayerPlan::new("x", &[file(&mut contents, "/f", &[i; 3000])]).unwrap())
        .collect();
    let contents = Slow(contents, AtomicU64::new(0));
    let cache = Claimed::default();
    let pack = |plans: &[LayerPlan]| {
        let (store, fast) = (MemoryStore::default(), recipe("zstd:1"));
        let parallel = Parallel::jobs(2);
        let cache = Some(&cache as &dyn FrameCache);
        build_layers(plans, fast, &contents, &store, cache, parallel, &Silent).unwrap()
    };
    let built = std::thread::scope(|scope| {
        let builds: Vec<_> = (0..8).map(|_| scope.spawn(|| pack(&plans))).collect();
        let join =
            |build: std::thread::ScopedJoinHandle<'_, Vec<BuiltLayer>>| build.join().unwrap();
        builds.into_iter().map(join).collect::<Vec<_>>()
    });
    let layers = |built: &[BuiltLayer]| built.iter().map(|b| b.layer).collect::<Vec<_>>();
    assert!(built.iter().all(|other| layers(other) == layers(&built[0])));
    assert_eq!(contents.1.load(Ordering::Relaxed), 6);
    assert_eq!(built.iter().flatten().filter(|b| !b.cached).count(), 6);
}

#[test]
fn what_another_build_is_making_comes_last() {
    let mut contents = MemoryContents::default();
    let large = LayerPlan::new("large", &[file(&mut contents, "/f", &[1; 9000])]).unwrap();
    let small = LayerPlan::new("small", &[file(&mut contents, "/f", &[2; 10])]).unwrap();
    let (store, cache) = (MemoryStore::default(), Claimed::default());
    let of_another = cache.claim(&large.key(recipe("none")), true).unwrap();
    std::thread::scope(|scope| {
        let build = scope.spawn(|| {
            build_layers(
                &[large, small.clone()],
                recipe("none"),
                &contents,
                &store,
                Some(&cache),
                Parallel::jobs(1),
                &Silent,
            )
        });
        while cache.get(&small.key(recipe("none"))).unwrap().is_none() {
            std::thread::yield_now();
        }
        assert!(!build.is_finished());
        drop(of_another);
        assert!(build.join().unwrap().unwrap().iter().all(|b| !b.cached));
    });
}

#[test]
fn a_corrupt_cache_entry_is_made_again() {
    let directory = tempfile::tempdir().unwrap();
    let cache = FrameDir::open(directory.path()).unwrap();
    let (layer, _) = through_cache(&cache, &MemoryStore::default());
    let files = || -> Vec<_> {
        std::fs::read_dir(directory.path())
            .unwrap()
            .map(|e| e.unwrap().path())
            .collect()
    };
    assert_eq!(files().len(), 2);
    for extension in ["blob", "json"] {
        for change in ["flip", "cut", "remove"] {
            let files = files();
            let file = files
                .iter()
                .find(|f| f.extension().unwrap() == extension)
                .unwrap();
            let mut bytes = std::fs::read(file).unwrap();
            match change {
                "flip" => bytes[20] ^= 1,
                "cut" => bytes.truncate(30),
                _ => std::fs::remove_file(file).unwrap(),
            }
            if change != "remove" {
                std::fs::write(file, bytes).unwrap();
            }
            let store = MemoryStore::default();
            assert_eq!(
                through_cache(&cache, &store).0,
                layer,
                "{change} {extension}"
            );
            assert!(store.contains(&layer.blob).unwrap());
            let (again, cached) = through_cache(&cache, &MemoryStore::default());
            assert_eq!((again, cached), (layer, true), "{change} {extension}");
        }
    }
}

#[test]
fn the_cache_is_collected_down_to_its_quota() {
    let directory = tempfile::tempdir().unwrap();
    let cache = FrameDir::open(directory.path()).unwrap();
    let mut contents = MemoryContents::default();
    let store = MemoryStore::default();
    for i in 0..4 {
        let entries = [file(&mut contents, "/f", &[i; 10_000])];
        let plan = LayerPlan::new("x", &entries).unwrap();
        plan.build(recipe("none"), &contents, &store, Some(&cache))
            .unwrap();
    }
    std::fs::write(directory.path().join(".mikron-stale"), b"x").unwrap();
    let freed = cache.gc(25_000).unwrap();
    assert!(freed > 15_000, "{freed}");
    let left = std::fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(left, 4, "two layers of two files");
    assert_eq!(cache.gc(25_000).unwrap(), 0);
}
