//! A store in memory.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

use mikron_package::Digest;

use crate::index_file::check_tag;
use crate::store::check_expected;
use crate::{Blob, BlobSource, BlobStore, BlobWriter, Descriptor, StoreError, VerifiedReader};

/// A store in memory: for tests, and for tools that embed Mikron.
#[derive(Debug, Default)]
pub struct MemoryStore {
    inner: Mutex<MemoryInner>,
}

#[derive(Debug, Default)]
struct MemoryInner {
    blobs: BTreeMap<Digest, Arc<[u8]>>,
    tags: BTreeMap<String, Descriptor>,
}

impl MemoryStore {
    /// The bytes of a blob.
    pub fn get(&self, digest: &Digest) -> Option<Arc<[u8]>> {
        self.lock().blobs.get(digest).cloned()
    }

    /// The digests of all blobs, in order.
    pub fn digests(&self) -> Vec<Digest> {
        self.lock().blobs.keys().copied().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, MemoryInner> {
        // A panic elsewhere cannot leave a map of finished blobs half changed.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BlobSource for MemoryStore {
    fn open(&self, blob: &Blob) -> Result<Box<dyn Read + Send + '_>, StoreError> {
        let bytes = self.get(&blob.digest).ok_or_else(|| StoreError::Missing {
            digest: blob.digest,
            place: "the store in memory".to_owned(),
        })?;
        let reader = io::Cursor::new(bytes);
        Ok(Box::new(VerifiedReader::new(
            reader,
            *blob,
            blob.digest.to_string(),
        )))
    }

    fn resolve(&self, tag: &str) -> Result<Option<Descriptor>, StoreError> {
        Ok(self.lock().tags.get(tag).cloned())
    }
}

impl BlobStore for MemoryStore {
    fn contains(&self, blob: &Blob) -> Result<bool, StoreError> {
        let inner = self.lock();
        Ok(inner
            .blobs
            .get(&blob.digest)
            .is_some_and(|b| b.len() as u64 == blob.size))
    }

    fn writer(&self) -> Result<Box<dyn BlobWriter + '_>, StoreError> {
        Ok(Box::new(MemoryWriter {
            store: self,
            bytes: Vec::new(),
        }))
    }

    fn tag(&self, tag: &str, target: &Descriptor) -> Result<(), StoreError> {
        check_tag(tag)?;
        self.lock().tags.insert(tag.to_owned(), target.clone());
        Ok(())
    }
}

struct MemoryWriter<'a> {
    store: &'a MemoryStore,
    bytes: Vec<u8>,
}

impl Write for MemoryWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl BlobWriter for MemoryWriter<'_> {
    fn commit(self: Box<Self>, expected: Option<&Blob>) -> Result<Blob, StoreError> {
        let found = Blob::of(&self.bytes);
        check_expected(expected, found, "the store in memory")?;
        self.store
            .lock()
            .blobs
            .insert(found.digest, self.bytes.into());
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_that_got_other_bytes_stores_nothing() {
        let store = MemoryStore::default();
        let mut writer = store.writer().unwrap();
        writer.write_all(b"abd").unwrap();
        let error = writer.commit(Some(&Blob::of(b"abc"))).unwrap_err();
        assert!(matches!(error, StoreError::Mismatch { .. }));
        assert!(store.digests().is_empty());
    }
}
