//! Where blobs are and where they go: what can be read, and what can be written too.

use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::Arc;

use mikron_package::{LimitExceeded, Limits};

use crate::{Blob, Descriptor, StoreError};

/// A place that blobs are read from: a layout, an archive, memory, or a registry.
///
/// Called from several threads at once. What it hands out is verified: every reader of an implementation ends with an
/// error where the bytes are not those of the blob ([`VerifiedReader`](crate::VerifiedReader) does that).
///
/// ```
/// use mikron_oci::{Blob, BlobSource, StoreError, VerifiedReader};
/// use std::io::Read;
///
/// /// One text, and no tags.
/// struct One(&'static str);
/// impl BlobSource for One {
///     fn open(&self, blob: &Blob) -> Result<Box<dyn Read + Send + '_>, StoreError> {
///         Ok(Box::new(VerifiedReader::new(self.0.as_bytes(), *blob, "one")))
///     }
///     fn resolve(&self, _: &str) -> Result<Option<mikron_oci::Descriptor>, StoreError> {
///         Ok(None)
///     }
/// }
/// let mut text = String::new();
/// One("hello").open(&Blob::of(b"hello"))?.read_to_string(&mut text).unwrap();
/// let mut other = One("hello").open(&Blob::of(b"world"))?;
/// assert!(other.read_to_string(&mut text).is_err());
/// # Ok::<(), StoreError>(())
/// ```
pub trait BlobSource: Send + Sync {
    /// Opens a blob. The reader fails at its end, with a [`StoreError::Mismatch`] inside, where digest or size differ.
    ///
    /// # Errors
    /// When the blob is not there or cannot be opened.
    fn open(&self, blob: &Blob) -> Result<Box<dyn Read + Send + '_>, StoreError>;

    /// What a tag refers to; `None` where there is no such tag.
    ///
    /// # Errors
    /// When the place cannot be asked, or its index is malformed.
    fn resolve(&self, tag: &str) -> Result<Option<Descriptor>, StoreError>;

    /// The bytes of a manifest or index, verified, and at most [`Limits::manifest`] of them. A registry keeps these apart from
    /// blobs; elsewhere they are blobs like others.
    ///
    /// # Errors
    /// As [`BlobSource::open`], and when there are more of them.
    fn manifest(&self, target: &Descriptor, limits: &Limits) -> Result<Vec<u8>, StoreError> {
        read_capped(self.open(&target.blob())?, &target.blob(), limits)
    }
}

/// Reads a document from a reader over the blob that holds it.
pub(crate) fn read_capped(
    reader: impl Read,
    blob: &Blob,
    limits: &Limits,
) -> Result<Vec<u8>, StoreError> {
    let place = || blob.digest.to_string();
    let too_large = |source| StoreError::TooLarge {
        place: place(),
        source,
    };
    LimitExceeded::check("manifest", blob.size, limits.manifest).map_err(too_large)?;
    let mut bytes = Vec::new();
    reader
        .take(limits.manifest.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|e| StoreError::unwrap_io(e, "read", &place()))?;
    LimitExceeded::check("manifest", bytes.len() as u64, limits.manifest).map_err(too_large)?;
    Ok(bytes)
}

/// A place that keeps blobs by digest, and references to some of them by tag.
///
/// ```
/// use std::io::{Read, Write};
/// use mikron_oci::{Blob, BlobSource, BlobStore, MemoryStore};
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
pub trait BlobStore: BlobSource {
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

    /// Stores a manifest or index, after all that it refers to. A registry keeps these apart from blobs; elsewhere they are blobs
    /// like others.
    ///
    /// # Errors
    /// When the place cannot be written.
    fn put_manifest(&self, media_type: &str, bytes: &[u8]) -> Result<Blob, StoreError> {
        let _ = media_type;
        put(self, bytes)
    }

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
    /// Whether it will lie in a file that [`BlobStore::file`] hands out.
    fn is_file(&self) -> bool {
        false
    }

    /// Ends the blob. From now on the store has it; where the place is durable, it is so before a tag refers to it.
    ///
    /// # Errors
    /// When it cannot be written, or differs from what was `expected`; then nothing was stored.
    fn commit(self: Box<Self>, expected: Option<&Blob>) -> Result<Blob, StoreError>;
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<T: BlobSource + ?Sized> BlobSource for $pointer {
            fn open(&self, blob: &Blob) -> Result<Box<dyn Read + Send + '_>, StoreError> {
                (**self).open(blob)
            }
            fn resolve(&self, tag: &str) -> Result<Option<Descriptor>, StoreError> {
                (**self).resolve(tag)
            }
            fn manifest(&self, target: &Descriptor, limits: &Limits) -> Result<Vec<u8>, StoreError> {
                (**self).manifest(target, limits)
            }
        }
        impl<T: BlobStore + ?Sized> BlobStore for $pointer {
            fn contains(&self, blob: &Blob) -> Result<bool, StoreError> {
                (**self).contains(blob)
            }
            fn writer(&self) -> Result<Box<dyn BlobWriter + '_>, StoreError> {
                (**self).writer()
            }
            fn put_manifest(&self, media_type: &str, bytes: &[u8]) -> Result<Blob, StoreError> {
                (**self).put_manifest(media_type, bytes)
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
pub fn put(store: &(impl BlobStore + ?Sized), bytes: &[u8]) -> Result<Blob, StoreError> {
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
