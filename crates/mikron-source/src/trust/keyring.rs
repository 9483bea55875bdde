//! The certificates that a source may be signed by.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

use mikron_package::{Digest, Hasher};

use super::TrustError;
use super::openpgp::{Certificate, fingerprint, load};

/// An explicit set of OpenPGP certificates. Parsed when first needed: a build that finds everything in the cache verifies
/// nothing. Cheap to clone.
///
/// ```
/// use mikron_source::trust::Keyring;
/// assert!(Keyring::new(b"not a certificate".to_vec()).is_err());
/// ```
#[derive(Clone)]
pub struct Keyring {
    inner: Arc<Inner>,
}

struct Inner {
    blocks: Vec<Cow<'static, [u8]>>,
    identity: Digest,
    parsed: OnceLock<Result<Vec<Certificate>, TrustError>>,
}

impl Keyring {
    /// A keyring from one file's bytes, armoured or binary, with one or more certificates.
    ///
    /// # Errors
    /// When there is no certificate in it, or one is malformed.
    pub fn new(bytes: impl Into<Cow<'static, [u8]>>) -> Result<Self, TrustError> {
        let keyring = Self::unparsed(vec![bytes.into()]);
        keyring.certificates()?;
        Ok(keyring)
    }

    /// A keyring with the certificates of all of these.
    ///
    /// # Errors
    /// When one of them holds a malformed certificate.
    pub fn of_all(keyrings: &[Self]) -> Result<Self, TrustError> {
        let blocks = keyrings.iter().flat_map(|k| k.inner.blocks.iter().cloned());
        let keyring = Self::unparsed(blocks.collect());
        keyring.certificates()?;
        Ok(keyring)
    }

    /// A keyring of certificates that are part of this program, and so known to be sound.
    pub(crate) fn embedded(blocks: &[&'static [u8]]) -> Self {
        Self::unparsed(blocks.iter().map(|block| Cow::Borrowed(*block)).collect())
    }

    fn unparsed(blocks: Vec<Cow<'static, [u8]>>) -> Self {
        let mut hasher = Hasher::default();
        for block in &blocks {
            hasher.update(&(block.len() as u64).to_le_bytes());
            hasher.update(block);
        }
        let inner = Inner {
            blocks,
            identity: hasher.finish(),
            parsed: OnceLock::new(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// A digest of all certificates as they were given.
    pub(crate) fn identity(&self) -> Digest {
        self.inner.identity
    }

    /// The certificates' fingerprints in upper-case hexadecimal digits.
    ///
    /// # Errors
    /// When a certificate is malformed.
    pub fn fingerprints(&self) -> Result<Vec<String>, TrustError> {
        let certificates = self.certificates()?;
        Ok(certificates.iter().map(fingerprint).collect())
    }

    pub(super) fn certificates(&self) -> Result<&[Certificate], TrustError> {
        let parsed = self.inner.parsed.get_or_init(|| {
            let mut certificates = Vec::new();
            for block in &self.inner.blocks {
                load(block, &mut certificates)?;
            }
            if certificates.is_empty() {
                return Err(TrustError::Keyring {
                    reason: "it holds no certificate".to_owned(),
                });
            }
            Ok(certificates)
        });
        parsed.as_deref().map_err(Clone::clone)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Keyring")
            .field(&self.inner.identity)
            .finish()
    }
}
