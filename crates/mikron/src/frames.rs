//! Compressed layers in the content cache, so that one quota and one collection cover everything.

use std::io::{self, Read};
use std::sync::Arc;

use mikron_oci::{FrameCache, Layer, StoreError, VerifiedReader};
use mikron_package::Digest;
use mikron_source::cache::{Cache, CacheError};

/// Name and version of the derived values that say which layer a key stands for.
const LAYERS: &str = "layers-1";

/// A frame cache over the content cache: the key leads to the layer's description, that to the blob.
pub(crate) struct CachedFrames<'a>(pub(crate) &'a Cache);

impl FrameCache for CachedFrames<'_> {
    fn get(&self, key: &Digest) -> Result<Option<Layer>, StoreError> {
        let known = self.0.derived(LAYERS, key.as_bytes());
        Ok(known.and_then(|bytes| postcard::from_bytes(&bytes).ok()))
    }

    fn open(
        &self,
        key: &Digest,
        layer: &Layer,
    ) -> Result<Option<Box<dyn Read + Send + '_>>, StoreError> {
        if !self.0.has_blob(&layer.blob.digest, layer.blob.size) {
            return Ok(None);
        }
        let reader = self
            .0
            .open_blob(&layer.blob.digest)
            .map_err(|e| failed("open", key, e))?;
        Ok(reader.map(|reader| -> Box<dyn Read + Send> {
            // The blob's own reader says "corrupt" in the cache's words; a layer is asked for in the words of a store.
            Box::new(VerifiedReader::new(
                Unchecked(reader),
                layer.blob,
                key.to_string(),
            ))
        }))
    }

    fn insert(&self, key: &Digest, layer: &Layer, blob: &mut dyn Read) -> Result<(), StoreError> {
        let mut write = || -> Result<(), CacheError> {
            if !self.0.has_blob(&layer.blob.digest, layer.blob.size) {
                let mut writer = self.0.blob_writer()?;
                let copied = io::copy(blob, &mut writer);
                copied.map_err(|e| self.fault("write", e))?;
                writer.finish()?;
            }
            let description = postcard::to_stdvec(layer)
                .map_err(|e| self.fault("encode", io::Error::other(e)))?;
            self.0.put_derived(LAYERS, key.as_bytes(), &description)
        };
        write().map_err(|e| failed("write", key, e))
    }

    fn remove(&self, key: &Digest) -> Result<(), StoreError> {
        // An empty description is none: `get` will not know the layer any more.
        self.0
            .put_derived(LAYERS, key.as_bytes(), b"")
            .map_err(|e| failed("remove", key, e))
    }

    fn claim(&self, key: &Digest, wait: bool) -> Result<Option<Box<dyn Send + '_>>, StoreError> {
        let claim = self.0.claim(LAYERS, key.as_bytes(), wait);
        let claim = claim.map_err(|e| failed("claim", key, e))?;
        Ok(claim.map(|claim| -> Box<dyn Send> { Box::new(claim) }))
    }
}

impl CachedFrames<'_> {
    fn fault(&self, action: &'static str, error: io::Error) -> CacheError {
        CacheError {
            path: self.0.path().to_owned(),
            action,
            source: Arc::new(error),
        }
    }
}

fn failed(action: &'static str, key: &Digest, error: CacheError) -> StoreError {
    StoreError::Io {
        action,
        path: key.to_string().into(),
        source: io::Error::other(error),
    }
}

/// A reader that ends where the cache's own says that the bytes are wrong; whoever reads from it checks them again.
struct Unchecked<R>(R);

impl<R: Read> Read for Unchecked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer) {
            Err(e)
                if e.get_ref().is_some_and(
                    <dyn std::error::Error + Send + Sync>::is::<mikron_source::cache::CorruptBlob>,
                ) =>
            {
                Ok(0)
            }
            other => other,
        }
    }
}
