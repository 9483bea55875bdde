//! Where blobs go: the trait, its verified reader, and a store in memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

use mikron_package::{Digest, DigestParseError, Hasher};
use oci_spec::image::Descriptor;
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::index_file::check_tag;

/// What a descriptor says of a blob's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Blob {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

impl Blob {
    /// The blob that these bytes make.
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            digest: Digest::of(bytes),
            size: bytes.len() as u64,
        }
    }
}

impl TryFrom<&Descriptor> for Blob {
    type Error = DigestParseError;

    /// What a descriptor says.
    ///
    /// # Errors
    /// When its digest is none of SHA-256.
    fn try_from(descriptor: &Descriptor) -> Result<Self, DigestParseError> {
        Ok(Self {
            digest: descriptor.digest().to_string().parse()?,
            size: descriptor.size(),
        })
    }
}

/// A place that keeps blobs by digest, and references to some of them by tag.
///
/// Called from several threads at once. What it hands out is verified: every reader of an implementation ends with an
/// error where the bytes are not those of the blob ([`VerifiedReader`] does that).
///
/// ```
/// use std::io::{Read, Write};
/// use mikron_oci::{Blob, BlobStore, MemoryStore};
///
/// let store = MemoryStore::default();
/// let mut writer = store.writer()?;
/// writer.write_all(b"hello").unwrap();
/// let blob = writer.commit(None)?;
/// assert_eq!(blob, Blob::of(b"hello"));
///
/// let mut text = String::new();
/// store.open(&blob)?.read_to_string(&mut text).unwrap();
/// assert_eq!(text, "hello");
/// # Ok::<(), mikron_oci::StoreError>(())
/// ```
pub trait BlobStore: Send + Sync {
    /// Whether the blob is there. Cheap: by its size, without reading it.
    ///
    /// # Errors
    /// When the place cannot be asked.
    fn contains(&self, blob: &Blob) -> Result<bool, StoreError>;

    /// Begins a new blob. Nobody sees it before [`BlobWriter::commit`]; dropped before that, it leaves nothing.
    ///
    /// # Errors
    /// When the place cannot be written.
    fn writer(&self) -> Result<Box<dyn BlobWriter + '_>, StoreError>;

    /// Opens a blob. The reader fails at its end, with a [`StoreError::Mismatch`] inside, where digest or size differ.
    ///
    /// # Errors
    /// When the blob is not there or cannot be opened.
    fn open(&self, blob: &Blob) -> Result<Box<dyn Read + Send + '_>, StoreError>;

    /// Stores a blob that lies in a file, from where the file stands: its next bytes are those of the blob, which the caller
    /// has checked. A place on disk lets the kernel copy them, or gives the file a second name where it holds nothing else: then
    /// whoever changes it changes the blob.
    ///
    /// # Errors
    /// When the file cannot be read, is too short, or the place cannot be written.
    fn adopt(&self, blob: &Blob, file: &File) -> Result<(), StoreError> {
        let mut writer = self.writer()?;
        io::copy(&mut file.take(blob.size), &mut writer)
            .map_err(|e| StoreError::unwrap_io(e, "write", &blob.digest.to_string()))?;
        writer.commit(Some(blob))?;
        Ok(())
    }

    /// The file that holds a blob and nothing else, where there is one: for whoever keeps it too. `None` where there is none, or not
    /// the blob.
    fn file(&self, blob: &Blob) -> Option<File> {
        let _ = blob;
        None
    }

    /// Makes `tag` refer to `target`, in place of what it referred to before. After all blobs that the target needs.
    ///
    /// # Errors
    /// When the tag is malformed or the place cannot be written; then the old reference stands.
    fn tag(&self, tag: &str, target: &Descriptor) -> Result<(), StoreError>;
}

/// A blob in the making.
pub trait BlobWriter: Write + Send {
    /// Ends the blob. From now on the store has it; where the place is durable, it is so before a tag refers to it.
    ///
    /// # Errors
    /// When it cannot be written, or differs from what was `expected`; then nothing was stored.
    fn commit(self: Box<Self>, expected: Option<&Blob>) -> Result<Blob, StoreError>;
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<T: BlobStore + ?Sized> BlobStore for $pointer {
            fn contains(&self, blob: &Blob) -> Result<bool, StoreError> {
                (**self).contains(blob)
            }
            fn writer(&self) -> Result<Box<dyn BlobWriter + '_>, StoreError> {
                (**self).writer()
            }
            fn open(&self, blob: &Blob) -> Result<Box<dyn Read + Send + '_>, StoreError> {
                (**self).open(blob)
            }
            fn adopt(&self, blob: &Blob, file: &File) -> Result<(), StoreError> {
                (**self).adopt(blob, file)
            }
            fn file(&self, blob: &Blob) -> Option<File> {
                (**self).file(blob)
            }
            fn tag(&self, tag: &str, target: &Descriptor) -> Result<(), StoreError> {
                (**self).tag(tag, target)
            }
        }
    )*};
}
forward!(&T, Box<T>, Arc<T>);

/// Stores bytes that are at hand, unless they are there already.
///
/// # Errors
/// When the store cannot be written.
pub fn put(store: &dyn BlobStore, bytes: &[u8]) -> Result<Blob, StoreError> {
    let blob = Blob::of(bytes);
    if !store.contains(&blob)? {
        let mut writer = store.writer()?;
        writer
            .write_all(bytes)
            .map_err(|e| StoreError::unwrap_io(e, "write", &blob.digest.to_string()))?;
        writer.commit(Some(&blob))?;
    }
    Ok(blob)
}

/// A reader that checks digest and size as it ends, and never hands out more than the blob's size.
#[derive(Debug)]
pub struct VerifiedReader<R> {
    inner: R,
    hasher: Option<Hasher>,
    expected: Blob,
    left: u64,
    place: String,
}

impl<R: Read> VerifiedReader<R> {
    /// Wraps `inner`, which should hold the bytes of `expected`; `place` names it in errors.
    pub fn new(inner: R, expected: Blob, place: impl Into<String>) -> Self {
        Self {
            inner,
            hasher: Some(Hasher::default()),
            expected,
            left: expected.size,
            place: place.into(),
        }
    }

    fn mismatch(&self, found: Blob) -> io::Error {
        StoreError::Mismatch {
            place: self.place.clone(),
            expected: self.expected,
            found,
        }
        .into()
    }

    /// At the declared end: one more byte is too much, and the digest must agree.
    fn end(&mut self) -> io::Result<usize> {
        let Some(mut hasher) = self.hasher.take() else {
            return Ok(0);
        };
        let mut byte = [0];
        let more = read_retrying(&mut self.inner, &mut byte)?;
        hasher.update(&byte[..more]);
        let found = Blob {
            digest: hasher.finish(),
            size: self.expected.size + more as u64,
        };
        if found == self.expected {
            Ok(0)
        } else {
            Err(self.mismatch(found))
        }
    }
}

fn read_retrying(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(buffer) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

impl<R: Read> Read for VerifiedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            return self.end();
        }
        let most = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let n = self.inner.read(&mut buffer[..most])?;
        let Some(hasher) = &mut self.hasher else {
            return Ok(0);
        };
        hasher.update(&buffer[..n]);
        if n == 0 {
            let found = Blob {
                digest: self.hasher.take().unwrap_or_default().finish(),
                size: self.expected.size - self.left,
            };
            self.left = 0;
            return Err(self.mismatch(found));
        }
        self.left -= n as u64;
        // Checked with the last byte and not after it: who reads exactly `size` bytes must learn of it too.
        if self.left == 0 {
            self.end()?;
        }
        Ok(n)
    }
}

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

    /// What a tag refers to.
    pub fn resolve(&self, tag: &str) -> Option<Descriptor> {
        self.lock().tags.get(tag).cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, MemoryInner> {
        // A panic elsewhere cannot leave a map of finished blobs half changed.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
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

pub(crate) fn check_expected(
    expected: Option<&Blob>,
    found: Blob,
    place: &str,
) -> Result<(), StoreError> {
    match expected {
        Some(expected) if *expected != found => Err(StoreError::Mismatch {
            place: place.to_owned(),
            expected: *expected,
            found,
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], expected: Blob) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        VerifiedReader::new(bytes, expected, "x").read_to_end(&mut out)?;
        Ok(out)
    }

    #[test]
    fn a_verified_reader_hands_out_what_is_right() {
        assert_eq!(read(b"abc", Blob::of(b"abc")).unwrap(), b"abc");
        assert_eq!(read(b"", Blob::of(b"")).unwrap(), b"");
    }

    #[test]
    fn a_verified_reader_refuses_too_little_too_much_and_other_bytes() {
        for bytes in [&b"ab"[..], b"abcd", b"abx", b""] {
            let error = read(bytes, Blob::of(b"abc")).unwrap_err();
            assert!(
                error.to_string().contains(&Digest::of(b"abc").to_string()),
                "{error}"
            );
        }
        assert!(read(b"x", Blob::of(b"")).is_err());
    }

    #[test]
    fn who_reads_exactly_the_size_learns_of_a_mismatch_too() {
        let mut buffer = [0; 3];
        let mut reader = VerifiedReader::new(&b"abx"[..], Blob::of(b"abc"), "x");
        assert!(reader.read_exact(&mut buffer).is_err());
    }

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
