//! Compressed layers in the content cache, so that one quota and one collection cover everything.

use std::fs::File;
use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use mikron_oci::{Blob, BlobStore, FrameCache, FrameWriter, LayerBlob, Refusal, StoreError};
use mikron_package::Digest;
use mikron_source::cache::{BlobWriter, Cache, Claim};

/// Name and version of the derived values that say which layer a key stands for. The layer itself is a blob.
const LAYERS: &str = "layers-3";

/// The turns to compress, by their number.
const TURNS: &str = "turns-2";

/// What whoever is next for a turn holds.
const GATE: &[u8] = b"next";

/// How long to wait before looking whether a turn is free.
const LOOK_AGAIN: Duration = Duration::from_millis(3);

/// A frame cache over the content cache: the key leads to the layer's description, and that to its bytes. A layout may have the
/// same file.
pub(crate) struct CachedFrames<'a>(pub(crate) &'a Cache);

impl CachedFrames<'_> {
    /// Claims a turn, or the right to be the next.
    fn claim_turn(&self, name: &[u8], wait: bool) -> Result<Option<Claim>, StoreError> {
        let claim = self.0.claim(TURNS, name, wait);
        claim.map_err(|e| failed("claim", &Digest::of(name), e))
    }

    /// Says which layer a key stands for, when its bytes are there.
    fn describe(&self, key: &Digest, layer: &LayerBlob) -> Result<(), StoreError> {
        let description = postcard::to_stdvec(layer);
        let description = description.map_err(|e| failed("encode", key, e))?;
        let put = self.0.put_derived(LAYERS, key.as_bytes(), &description);
        put.map_err(|e| failed("write", key, e))
    }
}

impl FrameCache for CachedFrames<'_> {
    fn get(&self, key: &Digest) -> Result<Option<LayerBlob>, StoreError> {
        let known = self.0.derived(LAYERS, key.as_bytes());
        Ok(known.and_then(|bytes| postcard::from_bytes(&bytes).ok()))
    }

    fn bring(
        &self,
        key: &Digest,
        layer: &LayerBlob,
        store: &dyn BlobStore,
    ) -> Result<bool, StoreError> {
        if self.get(key)?.as_ref() != Some(layer) {
            return Ok(false);
        }
        let file = self.0.verified(&layer.blob.digest);
        let Some(file) = file.map_err(|e| failed("read", key, e))? else {
            return Ok(false);
        };
        store.adopt(&layer.blob, &file)?;
        Ok(true)
    }

    fn writer(&self) -> Result<Box<dyn FrameWriter + '_>, StoreError> {
        let writer = self.0.blob_writer();
        let writer = writer.map_err(|e| failed("write", &Digest::of(b""), e))?;
        Ok(Box::new(CachedFrame {
            frames: self,
            writer,
        }))
    }

    fn share(&self, key: &Digest, layer: &LayerBlob, file: &File) -> Result<bool, StoreError> {
        let Blob { digest, size } = layer.blob;
        if !self.0.link_blob(&digest, size, file) {
            return Ok(false);
        }
        self.describe(key, layer).map(|()| true)
    }

    fn remove(&self, key: &Digest) -> Result<(), StoreError> {
        // An empty description is none: `get` will not know the layer any more.
        self.0
            .put_derived(LAYERS, key.as_bytes(), b"")
            .map_err(|e| failed("remove", key, e))
    }

    fn turn(&self) -> Result<Box<dyn Send + '_>, StoreError> {
        let turns = thread::available_parallelism().map_or(1, usize::from);
        // One lock cannot stand for several, so that somebody has to look again and again. It is one of all who wait: the others
        // sleep until that one has its turn.
        let _first = self.claim_turn(GATE, true)?;
        loop {
            for turn in 0..turns {
                if let Some(claim) = self.claim_turn(&turn.to_le_bytes(), false)? {
                    return Ok(Box::new(claim));
                }
            }
            let pause = self.0.cancellation().pause(LOOK_AGAIN);
            pause.map_err(|error| failed("wait for", &Digest::of(GATE), error))?;
        }
    }

    fn claim(&self, key: &Digest, wait: bool) -> Result<Option<Box<dyn Send + '_>>, StoreError> {
        let claim = self.0.claim(LAYERS, key.as_bytes(), wait);
        let claim = claim.map_err(|e| failed("claim", key, e))?;
        Ok(claim.map(|claim| -> Box<dyn Send> { Box::new(claim) }))
    }
}

/// A layer on its way into the content cache.
struct CachedFrame<'a> {
    frames: &'a CachedFrames<'a>,
    writer: BlobWriter<'a>,
}

impl Write for CachedFrame<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl FrameWriter for CachedFrame<'_> {
    fn commit(self: Box<Self>, key: &Digest, layer: &LayerBlob) -> Result<(), StoreError> {
        let digest = self.writer.finish();
        let digest = digest.map_err(|e| failed("write", key, e))?;
        if digest != layer.blob.digest {
            return Err(failed("write", key, format!("it got {digest}")));
        }
        self.frames.describe(key, layer)
    }
}

fn failed(
    action: &'static str,
    key: &Digest,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    StoreError::Place {
        action,
        place: key.to_string(),
        refusal: Refusal::Permanent,
        source: source.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mikron_source::cache::CacheOptions;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn as_many_have_a_turn_as_there_are_processors_and_everybody_gets_one() {
        let directory = tempfile::tempdir().unwrap();
        let (held, most, had) = (
            AtomicUsize::new(0),
            AtomicUsize::new(0),
            AtomicUsize::new(0),
        );
        thread::scope(|scope| {
            for _ in 0..12 {
                scope.spawn(|| {
                    // Each as a process of its own: locks lie on open files.
                    let cache = Cache::open(directory.path(), CacheOptions::default()).unwrap();
                    let frames = CachedFrames(&cache);
                    for _ in 0..3 {
                        let turn = frames.turn().unwrap();
                        most.fetch_max(held.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        thread::sleep(Duration::from_millis(1));
                        held.fetch_sub(1, Ordering::SeqCst);
                        had.fetch_add(1, Ordering::SeqCst);
                        drop(turn);
                    }
                });
            }
        });
        let processors = thread::available_parallelism().unwrap().get();
        assert!(most.into_inner() <= processors);
        assert_eq!(had.into_inner(), 36);
    }
}
