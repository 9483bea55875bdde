//! RSA keys and the check of signatures (PKCS #1 1.5, RFC 8017).

use rsa::pkcs8::DecodePublicKey as _;
use rsa::traits::PublicKeyParts as _;
use rsa::{Pkcs1v15Sign, RsaPublicKey};

use crate::{Algorithm, Covered, Signature};

/// The smallest key that counts, in bits.
const SMALLEST: usize = 2048;

/// A public key with the name that signatures call it by.
///
/// ```
/// use mikron_apk::PublicKey;
/// # let pem = mikron_testkit::apk::ApkKey::shared("builder").public_pem();
/// let key = PublicKey::from_pem("builder.rsa.pub", &pem)?;
/// assert_eq!(key.name(), "builder.rsa.pub");
/// # Ok::<(), mikron_apk::KeyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    name: String,
    key: RsaPublicKey,
}

impl PublicKey {
    /// A key from PEM text (`-----BEGIN PUBLIC KEY-----`), as `/etc/apk/keys` holds them. The name is the file's.
    ///
    /// # Errors
    /// When the text is no RSA key of 2048 to 4096 bits.
    pub fn from_pem(name: &str, pem: &str) -> Result<Self, KeyError> {
        let key =
            RsaPublicKey::from_public_key_pem(pem.trim()).map_err(|error| KeyError::Malformed {
                name: name.to_owned(),
                reason: error.to_string(),
            })?;
        let bits = key.n().bits();
        if bits < SMALLEST {
            return Err(KeyError::TooSmall {
                name: name.to_owned(),
                bits,
            });
        }
        Ok(Self {
            name: name.to_owned(),
            key,
        })
    }

    /// The name that signatures call it by.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn accepts(&self, signature: &Signature, covered: &Covered) -> bool {
        let (scheme, hash): (_, &[u8]) = match signature.algorithm {
            Algorithm::RsaSha1 => (Pkcs1v15Sign::new::<sha1::Sha1>(), &covered.sha1),
            Algorithm::RsaSha256 => (
                Pkcs1v15Sign::new::<rsa::sha2::Sha256>(),
                covered.sha256.as_bytes(),
            ),
            Algorithm::Other(_) => return false,
        };
        self.key.verify(scheme, hash, &signature.bytes).is_ok()
    }
}

/// Whether signatures over a SHA-1 count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WeakSignatures {
    /// They do not.
    #[default]
    Refuse,
    /// They do: whoever says so knows that SHA-1 collides.
    Allow,
}

/// Checks that one of the signatures is good, and says by which key.
///
/// Keys are found by the name that the signature gives. A signature of a known key that does not fit is an error even where
/// another one does: the archive was changed after it was signed.
///
/// # Errors
/// When there is no signature, none is of a known key, one is wrong, or all that are right are weak and those do not count.
pub fn verify<'k>(
    signatures: &[Signature],
    covered: &Covered,
    keys: &'k [PublicKey],
    weak: WeakSignatures,
) -> Result<&'k PublicKey, SignatureError> {
    if signatures.is_empty() {
        return Err(SignatureError::Unsigned);
    }
    let mut best = None;
    let mut too_weak = None;
    for signature in signatures {
        let named = || keys.iter().filter(|key| key.name == signature.key);
        if named().next().is_none() || matches!(signature.algorithm, Algorithm::Other(_)) {
            continue;
        }
        let Some(key) = named().find(|key| key.accepts(signature, covered)) else {
            return Err(SignatureError::Wrong {
                key: signature.key.clone(),
            });
        };
        if signature.algorithm == Algorithm::RsaSha1 && weak == WeakSignatures::Refuse {
            too_weak = Some(key);
        } else {
            best = best.or(Some(key));
        }
    }
    match (best, too_weak) {
        (Some(key), _) => Ok(key),
        (None, Some(key)) => Err(SignatureError::Weak {
            key: key.name.clone(),
        }),
        (None, None) => Err(SignatureError::UnknownKey {
            keys: signatures.iter().map(described).collect(),
        }),
    }
}

fn described(signature: &Signature) -> String {
    match &signature.algorithm {
        Algorithm::Other(name) => format!("{} (by the unknown algorithm {name})", signature.key),
        _ => signature.key.clone(),
    }
}

/// A key that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The text is no public RSA key in PEM.
    #[error("the key {name} is not a public RSA key in PEM: {reason}")]
    Malformed {
        /// The key.
        name: String,
        /// What the reader says.
        reason: String,
    },
    /// The key is too small to trust.
    #[error("the key {name} has {bits} bits; fewer than 2048 do not count")]
    TooSmall {
        /// The key.
        name: String,
        /// Its size in bits.
        bits: usize,
    },
}

/// Why the signatures of an archive or an index do not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// There is none.
    #[error("there is no signature")]
    Unsigned,
    /// None is of a key that is trusted.
    #[error("it is signed by {}, and no such key is trusted", .keys.join(", "))]
    UnknownKey {
        /// The keys that the signatures name.
        keys: Vec<String>,
    },
    /// A signature that names a trusted key was not made by it over these bytes.
    #[error(
        "the signature of {key} does not fit: the content was changed, or another key signed it"
    )]
    Wrong {
        /// The key.
        key: String,
    },
    /// The signature is right, but only over a SHA-1.
    #[error(
        "the signature of {key} is over a SHA-1, which counts only where the source says `allow: [weak-signature]`"
    )]
    Weak {
        /// The key.
        key: String,
    },
}
