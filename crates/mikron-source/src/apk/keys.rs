//! The keys of a source, by the names that signatures call them by.

use mikron_apk::{KeyError, PublicKey};
use mikron_package::{Digest, Hasher};

/// Public keys, and a digest that tells one set of them from another.
#[derive(Clone, Debug)]
pub struct ApkKeys {
    keys: Vec<PublicKey>,
    identity: Digest,
}

impl ApkKeys {
    /// Keys from pairs of the file's name and its text in PEM.
    ///
    /// # Errors
    /// When one of them is no public RSA key of 2048 to 4096 bits.
    pub fn new<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, KeyError> {
        let mut keys = Vec::new();
        let mut hasher = Hasher::default();
        for (name, pem) in files {
            keys.push(PublicKey::from_pem(name, pem)?);
            for part in [name, pem.trim()] {
                hasher.update(&(part.len() as u64).to_le_bytes());
                hasher.update(part.as_bytes());
            }
        }
        Ok(Self {
            keys,
            identity: hasher.finish(),
        })
    }

    /// The keys.
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// What the verdict depends on: what was verified by other keys must be verified anew.
    pub(crate) fn identity(&self) -> Digest {
        self.identity
    }
}
