//! Access to file contents by digest.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;

use crate::Digest;

/// Hands out file contents by their digest. Layers are written through it, so the OCI crate needs to know neither
/// archives nor spools.
///
/// ```
/// use std::io::Read;
/// use mikron_package::{Contents, Digest, MemoryContents};
/// let mut contents = MemoryContents::default();
/// let digest = contents.add(b"hello".to_vec());
/// let mut text = String::new();
/// contents.open(&digest)?.read_to_string(&mut text)?;
/// assert_eq!(text, "hello");
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait Contents: Send + Sync {
    /// Opens the content with this digest.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] with a [`NoSuchContent`] inside where the content is unknown; else what reading gave.
    fn open(&self, content: &Digest) -> io::Result<Box<dyn Read + Send + '_>>;

    /// Keeps a content that was made, so that [`open`](Self::open) hands it out too. `None` where there is no place for it.
    ///
    /// # Errors
    /// When it cannot be kept.
    fn keep(&self, content: &[u8]) -> io::Result<Option<Digest>> {
        let _ = content;
        Ok(None)
    }
}

impl<T: Contents + ?Sized> Contents for &T {
    fn open(&self, content: &Digest) -> io::Result<Box<dyn Read + Send + '_>> {
        (**self).open(content)
    }
    fn keep(&self, content: &[u8]) -> io::Result<Option<Digest>> {
        (**self).keep(content)
    }
}

impl<T: Contents + ?Sized> Contents for Box<T> {
    fn open(&self, content: &Digest) -> io::Result<Box<dyn Read + Send + '_>> {
        (**self).open(content)
    }
    fn keep(&self, content: &[u8]) -> io::Result<Option<Digest>> {
        (**self).keep(content)
    }
}

impl<T: Contents + ?Sized> Contents for Arc<T> {
    fn open(&self, content: &Digest) -> io::Result<Box<dyn Read + Send + '_>> {
        (**self).open(content)
    }
    fn keep(&self, content: &[u8]) -> io::Result<Option<Digest>> {
        (**self).keep(content)
    }
}

/// A content that nobody has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no content has the digest {0}")]
pub struct NoSuchContent(pub Digest);

/// Contents held in memory: what finalizers make, and tests.
#[derive(Clone, Debug, Default)]
pub struct MemoryContents(BTreeMap<Digest, Vec<u8>>);

impl MemoryContents {
    /// Adds a content and says its digest.
    pub fn add(&mut self, bytes: Vec<u8>) -> Digest {
        let digest = Digest::of(&bytes);
        self.0.insert(digest, bytes);
        digest
    }

    /// The bytes of a content, where it is held.
    pub fn get(&self, content: &Digest) -> Option<&[u8]> {
        self.0.get(content).map(Vec::as_slice)
    }
}

impl Contents for MemoryContents {
    fn open(&self, content: &Digest) -> io::Result<Box<dyn Read + Send + '_>> {
        match self.0.get(content) {
            Some(bytes) => Ok(Box::new(bytes.as_slice())),
            None => Err(io::Error::new(
                io::ErrorKind::NotFound,
                NoSuchContent(*content),
            )),
        }
    }
}
