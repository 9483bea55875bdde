//! What stands for OpenPGP in a build without it: nobody is believed.

use super::{Keyring, Signer, TrustError, Verified};

/// No certificate can be read.
pub(super) enum Certificate {}

pub(super) fn load(_: &[u8], _: &mut Vec<Certificate>) -> Result<(), TrustError> {
    Err(TrustError::NotBuiltIn)
}

pub(super) fn fingerprint(certificate: &Certificate) -> String {
    match *certificate {}
}

/// Believes nobody: this program was built without the feature `openpgp`.
#[derive(Clone, Debug)]
pub struct OpenPgp(());

impl OpenPgp {
    /// A verifier for which no key counts.
    pub fn new(_: Keyring, _: i64) -> Self {
        Self(())
    }

    /// Changes nothing.
    #[must_use]
    pub fn accept_expired_keys(self, _: bool) -> Self {
        self
    }
}

impl OpenPgp {
    /// Refused.
    ///
    /// # Errors
    /// [`TrustError::NotBuiltIn`].
    pub fn verify_clearsigned(&self, _: &[u8]) -> Result<Verified, TrustError> {
        Err(TrustError::NotBuiltIn)
    }

    /// Refused.
    ///
    /// # Errors
    /// [`TrustError::NotBuiltIn`].
    pub fn verify_detached(&self, _: &[u8], _: &[u8]) -> Result<Signer, TrustError> {
        Err(TrustError::NotBuiltIn)
    }
}
