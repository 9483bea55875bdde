//! Derived values: what was computed from blobs, by namespace and key.

use std::fs::File;
use std::io::{self, Read, Seek as _, Write};
use std::path::{Path, PathBuf};

use mikron_package::{Digest, Hasher};

use super::{Cache, CacheError};

/// What stands behind the value: the BLAKE3 of value and key, and this mark. Nobody else needs to be able to check it, and of
/// an index of some dozen megabytes, which every build reads, a SHA-256 would take longer than all else.
const MARK: &[u8; 8] = b"mikronv2";

/// The length of checksum and mark.
const TRAILER: usize = 32 + MARK.len();

impl Cache {
    pub(super) fn derived_path(&self, namespace: &str, key: &Digest) -> PathBuf {
        let hex = key.hex();
        self.root
            .join("derived")
            .join(namespace)
            .join(&hex[..2])
            .join(hex)
    }

    /// Whether any value was ever stored in a namespace.
    pub fn has_derived(&self, namespace: &str) -> bool {
        let directory = self.root.join("derived").join(plain_name(namespace));
        directory.is_dir()
    }

    /// The value that was stored for a key, if it is there and whole. A value that is torn or corrupt is removed, and a
    /// warning says so; it will be computed anew.
    ///
    /// The key should hold everything that the value depends on: digests of the inputs, and a version of the recipe.
    pub fn derived(&self, namespace: &str, key: &[u8]) -> Option<Vec<u8>> {
        let digest = key_digest(namespace, key);
        let path = self.derived_path(&plain_name(namespace), &digest);
        let mut file = File::open(&path).ok()?;
        self.touch(&digest, &file);
        let size = file.metadata().ok()?.len();
        let mut bytes = Vec::with_capacity(usize::try_from(size).ok()?);
        file.read_to_end(&mut bytes).ok()?;
        let value = unsealed(bytes, &digest);
        if value.is_none() {
            self.remove_corrupt(namespace, &path);
        }
        value
    }

    /// The same for a value that is too large for memory: a file that stands at its start, and the number of bytes that are
    /// the value. It was read once to see that it is whole.
    pub fn derived_file(&self, namespace: &str, key: &[u8]) -> Option<(File, u64)> {
        let digest = key_digest(namespace, key);
        let path = self.derived_path(&plain_name(namespace), &digest);
        let mut file = File::open(&path).ok()?;
        self.touch(&digest, &file);
        let Some(size) = whole(&mut file, &digest).ok()? else {
            self.remove_corrupt(namespace, &path);
            return None;
        };
        file.rewind().ok()?;
        Some((file, size))
    }

    fn remove_corrupt(&self, namespace: &str, path: &Path) {
        let _ = std::fs::remove_file(path);
        self.warn(&format!(
            "a cached value ({namespace}) is corrupt and was removed: {}",
            path.display()
        ));
    }

    /// Stores a value for a key, in place of what was there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put_derived(&self, namespace: &str, key: &[u8], value: &[u8]) -> Result<(), CacheError> {
        self.put_derived_from(namespace, key, &mut &*value)?;
        Ok(())
    }

    /// The same for a value that comes from a reader. Says how many bytes it had.
    ///
    /// # Errors
    /// When it cannot be read or written; then nothing was stored.
    pub fn put_derived_from(
        &self,
        namespace: &str,
        key: &[u8],
        value: &mut dyn Read,
    ) -> Result<u64, CacheError> {
        let digest = key_digest(namespace, key);
        let path = self.derived_path(&plain_name(namespace), &digest);
        let mut file = self.temporary()?;
        let written = seal(value, &mut file, &digest);
        let size = written.map_err(CacheError::at(file.path(), "write"))?;
        self.publish(file, &path, false)?;
        self.note_written(&digest, size);
        Ok(size)
    }
}

pub(super) fn key_digest(namespace: &str, key: &[u8]) -> Digest {
    let mut hasher = Hasher::default();
    hasher.update(namespace.as_bytes());
    hasher.update(&[0]);
    hasher.update(key);
    hasher.finish()
}

/// A namespace as a directory's name.
fn plain_name(namespace: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !namespace.is_empty() && namespace.len() <= 64 && namespace.chars().all(plain) {
        namespace.to_owned()
    } else {
        Digest::of(namespace.as_bytes()).hex()
    }
}

/// Copies a value, with checksum and mark behind it.
fn seal(value: &mut dyn Read, to: &mut impl Write, key: &Digest) -> io::Result<u64> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 128 * 1024];
    let mut size = 0;
    loop {
        match value.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => {
                hasher.update(&buffer[..n]);
                to.write_all(&buffer[..n])?;
                size += n as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    to.write_all(&ended(hasher, key))?;
    Ok(size)
}

/// Reads a sealed file to its end. The size of the value, if checksum and mark behind it are right.
pub(super) fn whole(file: &mut File, key: &Digest) -> io::Result<Option<u64>> {
    let Some(size) = file.metadata()?.len().checked_sub(TRAILER as u64) else {
        return Ok(None);
    };
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader((&mut *file).take(size))?;
    let mut found = Vec::with_capacity(TRAILER);
    file.take(TRAILER as u64).read_to_end(&mut found)?;
    Ok((found == ended(hasher, key)).then_some(size))
}

/// Checksum and mark for a value. The key is part of the checksum, so that no value can stand in for another.
pub(super) fn trailer(value: &[u8], key: &Digest) -> [u8; TRAILER] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(value);
    ended(hasher, key)
}

/// The same for a value that was hashed.
fn ended(mut hasher: blake3::Hasher, key: &Digest) -> [u8; TRAILER] {
    hasher.update(key.as_bytes());
    let mut trailer = [0; TRAILER];
    trailer[..32].copy_from_slice(hasher.finalize().as_bytes());
    trailer[32..].copy_from_slice(MARK);
    trailer
}

/// The value, if checksum and mark behind it are right.
pub(super) fn unsealed(mut bytes: Vec<u8>, key: &Digest) -> Option<Vec<u8>> {
    let end = bytes.len().checked_sub(TRAILER)?;
    if bytes[end..] != trailer(&bytes[..end], key) {
        return None;
    }
    bytes.truncate(end);
    Some(bytes)
}
