//! Trust: what was signed, and by whom.
//!
//! Everything that a repository says is believed because of one signature, over its Release. The rule here is to parse
//! nothing but the text that a verifier returns as signed: what stands around it in the file does not exist.

mod cleartext;
mod keyring;
#[cfg(feature = "openpgp")]
mod openpgp;
#[cfg(not(feature = "openpgp"))]
#[path = "trust/without_openpgp.rs"]
mod openpgp;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use cleartext::{Cleartext, split_cleartext};
pub use keyring::Keyring;
pub use openpgp::OpenPgp;

/// A text that was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The signed text, and nothing else.
    pub text: Vec<u8>,
    /// Who signed it.
    pub signer: Signer,
}

/// Who has signed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signer {
    /// The fingerprint of the certificate, in upper-case hexadecimal digits; empty when nobody signed.
    pub fingerprint: String,
    /// When, in seconds since 1970, by the signature's own account.
    pub made_at: i64,
}

impl Signer {
    /// Nobody: an unsigned source that the spec allows by name.
    pub fn nobody() -> Self {
        Self::default()
    }
}

/// Why something is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// Not one clearsigned message, or not only signatures.
    #[error("{reason} (at byte {offset})")]
    Malformed {
        /// What is wrong.
        reason: &'static str,
        /// Where, in bytes.
        offset: usize,
    },
    /// There is no signature.
    #[error("it is not signed")]
    Unsigned,
    /// None of the keys that signed is known.
    #[error("it is signed by {}, but the keys known for this source are {}", Keys(.seen), Keys(.known))]
    UnknownKey {
        /// Fingerprints or key ids of the keys that signed.
        seen: Vec<String>,
        /// Fingerprints of the known certificates.
        known: Vec<String>,
    },
    /// A known key's signature does not fit the text: it was changed.
    #[error("the signature of {key} is wrong: the text was changed, or damaged on its way")]
    BadSignature {
        /// The key's fingerprint.
        key: String,
    },
    /// A signature with a digest that can be forged.
    #[error("the signature of {key} uses {hash}, which is too weak")]
    WeakHash {
        /// The key.
        key: String,
        /// The hash algorithm.
        hash: String,
    },
    /// A signed header whose digests of what follows it can be forged.
    #[error(
        "the header that {key} has signed proves the content by no strong digest; what there is: {}",
        Keys(.seen)
    )]
    WeakDigests {
        /// The key.
        key: String,
        /// The digests of the archive, signed or not.
        seen: Vec<String>,
    },
    /// A key that can be broken.
    #[error("the key {key} is too weak ({what})")]
    WeakKey {
        /// The key's fingerprint.
        key: String,
        /// Algorithm and size.
        what: String,
    },
    /// A key that is past its time, or was before it.
    #[error("the key {key} is expired, or was not valid when it signed")]
    ExpiredKey {
        /// The key's fingerprint.
        key: String,
    },
    /// A key that its owner has withdrawn.
    #[error("the key {key} is revoked")]
    RevokedKey {
        /// The key's fingerprint.
        key: String,
    },
    /// A signature that is past its own time.
    #[error("the signature of {key} is expired")]
    ExpiredSignature {
        /// The key's fingerprint.
        key: String,
    },
    /// A signature from the future.
    #[error(
        "the signature of {key} is made {ahead} seconds in the future: check the clock of this machine"
    )]
    FutureSignature {
        /// The key's fingerprint.
        key: String,
        /// By how many seconds it is ahead.
        ahead: i64,
    },
    /// The signatures of an apk index do not count.
    #[error(transparent)]
    Apk(#[from] mikron_apk::SignatureError),
    /// The program was built without the feature `openpgp`.
    #[error("this program was built without OpenPGP (the feature `openpgp` of the crate `mikron`)")]
    NotBuiltIn,
    /// A keyring that holds no usable certificate.
    #[error("the keyring cannot be used: {reason}")]
    Keyring {
        /// What is wrong with it.
        reason: String,
    },
}

/// A list of keys, or of digests, in a message.
struct Keys<'a>(&'a [String]);

impl fmt::Display for Keys<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str("none"),
            keys => f.write_str(&keys.join(", ")),
        }
    }
}
