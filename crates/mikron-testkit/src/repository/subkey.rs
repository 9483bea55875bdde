//! Subkeys that sign for a certificate, bound to it well or badly.

use pgp::composed::{KeyType, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{
    KeyFlags, PubKeyInner, PublicSubkey, SecretKey, SecretSubkey, Signature, SignatureType,
    SubpacketData,
};
use pgp::types::{Duration, KeyVersion, Password, Timestamp};

use super::key::config;

/// How a subkey is bound to its certificate (RFC 9580, sections 5.2.1 and 10.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// Each of the two keys has signed the other.
    Good,
    /// It merely stands there.
    Missing,
    /// The certificate's key has signed it, but it has not signed back: anybody's key can be claimed so.
    OneSided,
    /// Bound for sixty seconds from its making.
    Expired,
    /// Bound, and revoked a second later.
    Revoked,
}

/// A subkey with its binding.
#[derive(Clone, Debug)]
pub(super) struct Subkey {
    pub(super) secret: SecretSubkey,
    public: PublicSubkey,
    binding: Binding,
    created: u32,
}

impl Subkey {
    /// An Ed25519 key.
    pub(super) fn generate(binding: Binding, created: u32) -> Self {
        let key_type = KeyType::Ed25519Legacy;
        let (public, secret) = key_type.generate(rand::thread_rng()).expect("a key");
        let made = Timestamp::from_secs(created);
        let inner = PubKeyInner::new(KeyVersion::V4, key_type.to_alg(), made, None, public)
            .expect("a public key");
        let public = PublicSubkey::from_inner(inner).expect("a public subkey packet");
        let secret = SecretSubkey::new(public.clone(), secret).expect("a secret subkey packet");
        Self {
            secret,
            public,
            binding,
            created,
        }
    }

    /// The public half with its signatures.
    pub(super) fn public(&self, primary: &SecretKey) -> SignedPublicSubKey {
        let mut signatures = Vec::new();
        if self.binding != Binding::Missing {
            signatures.push(self.bound(primary));
        }
        if self.binding == Binding::Revoked {
            let at = self.created + 1;
            let made = config(
                primary,
                SignatureType::SubkeyRevocation,
                HashAlgorithm::Sha256,
                at,
                Vec::new(),
            );
            let revoked = made.sign_subkey_binding(
                primary,
                primary.public_key(),
                &Password::empty(),
                &self.public,
            );
            signatures.push(revoked.expect("a revocation"));
        }
        SignedPublicSubKey::new(self.public.clone(), signatures)
    }

    fn bound(&self, primary: &SecretKey) -> Signature {
        let mut flags = KeyFlags::default();
        flags.set_sign(true);
        let mut more = vec![SubpacketData::KeyFlags(flags)];
        if self.binding == Binding::Expired {
            let minute = std::time::Duration::from_secs(60);
            more.push(SubpacketData::KeyExpirationTime(
                Duration::try_from(minute).expect("32 bits"),
            ));
        }
        if self.binding != Binding::OneSided {
            let made = config(
                &self.secret,
                SignatureType::KeyBinding,
                HashAlgorithm::Sha256,
                self.created,
                Vec::new(),
            );
            let back = made.sign_primary_key_binding(
                &self.secret,
                &self.public,
                &Password::empty(),
                primary.public_key(),
            );
            let back = Box::new(back.expect("a signature back"));
            more.push(SubpacketData::EmbeddedSignature(back));
        }
        let made = config(
            primary,
            SignatureType::SubkeyBinding,
            HashAlgorithm::Sha256,
            self.created,
            more,
        );
        let bound = made.sign_subkey_binding(
            primary,
            primary.public_key(),
            &Password::empty(),
            &self.public,
        );
        bound.expect("a binding")
    }
}
