//! OpenPGP keys made at run time, good and bad.

use pgp::composed::{
    ArmorOptions, CleartextSignedMessage, DetachedSignature, KeyType, SignedKeyDetails,
    SignedPublicKey,
};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{
    KeyFlags, PubKeyInner, PublicKey, SecretKey, Signature, SignatureConfig, SignatureType,
    Subpacket, SubpacketData, UserId,
};
use pgp::ser::Serialize as _;
use pgp::types::{
    Duration, KeyDetails, KeyId, KeyVersion, PacketHeaderVersion, Password, Tag, Timestamp,
};

use super::subkey::{Binding, Subkey};

/// What kind of key is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// Ed25519: made and used in microseconds.
    Ed25519,
    /// RSA of so many bits.
    Rsa(u32),
}

/// A key that signs repositories of tests.
#[derive(Clone, Debug)]
pub struct TestKey {
    secret: SecretKey,
    user: UserId,
    kind: KeyKind,
    created: u32,
    lifetime: Option<u32>,
    revoked: bool,
    hash: HashAlgorithm,
    signed_at: Option<u32>,
    subkey: Option<Box<Subkey>>,
    claimed: Option<KeyId>,
    unnamed: bool,
}

impl TestKey {
    /// An Ed25519 key that was made an hour ago and never expires.
    pub fn generate() -> Self {
        let hour_ago = super::now() - 3600;
        Self::generate_with(KeyKind::Ed25519, u32::try_from(hour_ago).unwrap_or(0), None)
    }

    /// A key of this kind, made at `created` (seconds since 1970), that lives for `lifetime` seconds.
    ///
    /// # Panics
    /// When the OpenPGP library refuses the kind.
    pub fn generate_with(kind: KeyKind, created: u32, lifetime: Option<u32>) -> Self {
        let key_type = match kind {
            KeyKind::Ed25519 => KeyType::Ed25519Legacy,
            KeyKind::Rsa(bits) => KeyType::Rsa(bits),
        };
        let (public, secret) = key_type.generate(rand::thread_rng()).expect("a key");
        let made = Timestamp::from_secs(created);
        let inner = PubKeyInner::new(KeyVersion::V4, key_type.to_alg(), made, None, public)
            .expect("a public key");
        let public = PublicKey::from_inner(inner).expect("a public key packet");
        let secret = SecretKey::new(public, secret).expect("a secret key packet");
        let user = UserId::from_str(PacketHeaderVersion::New, "Test <test@example.org>")
            .expect("a user id");
        Self {
            secret,
            user,
            kind,
            created,
            lifetime,
            revoked: false,
            hash: HashAlgorithm::Sha256,
            signed_at: None,
            subkey: None,
            claimed: None,
            unnamed: false,
        }
    }

    /// The same key, revoked in its certificate.
    #[must_use]
    pub fn revoked(mut self) -> Self {
        self.revoked = true;
        self
    }

    /// Makes the signatures over data with SHA-1. Only RSA keys can.
    #[must_use]
    pub fn with_sha1(mut self) -> Self {
        self.hash = HashAlgorithm::Sha1;
        self
    }

    /// The time at which signatures over data claim to be made; without it, now.
    #[must_use]
    pub fn signing_at(mut self, seconds: u32) -> Self {
        self.signed_at = Some(seconds);
        self
    }

    /// The same key, in a certificate that lives for so many seconds, or for ever.
    #[must_use]
    pub fn living(mut self, lifetime: Option<u32>) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// A subkey in the certificate, which from now on makes the signatures over data.
    #[must_use]
    pub fn with_subkey(mut self, binding: Binding) -> Self {
        self.subkey = Some(Box::new(Subkey::generate(binding, self.created)));
        self
    }

    /// Signatures over data claim the key id of another key, which anybody can.
    #[must_use]
    pub fn claiming_id_of(mut self, other: &Self) -> Self {
        self.claimed = Some(other.secret.legacy_key_id());
        self
    }

    /// Signatures over data name a key id alone, as in the old days, and no fingerprint.
    #[must_use]
    pub fn without_fingerprint(mut self) -> Self {
        self.unnamed = true;
        self
    }

    /// The fingerprint of the subkey, in upper case; that of the key where there is none.
    pub fn signing_fingerprint(&self) -> String {
        match &self.subkey {
            Some(subkey) => format!("{:X}", subkey.secret.fingerprint()),
            None => self.fingerprint(),
        }
    }

    /// The fingerprint, as 40 hexadecimal digits in upper case.
    pub fn fingerprint(&self) -> String {
        format!("{:X}", self.secret.fingerprint())
    }

    /// The key id: the last 16 digits of the fingerprint.
    pub fn key_id(&self) -> String {
        let fingerprint = self.fingerprint();
        fingerprint[fingerprint.len() - 16..].to_owned()
    }

    /// What kind of key it is.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The certificate, binary.
    ///
    /// # Panics
    /// Never: it is written to memory.
    pub fn certificate(&self) -> Vec<u8> {
        self.public().to_bytes().expect("a certificate")
    }

    /// The certificate, armoured.
    ///
    /// # Panics
    /// Never: it is written to memory.
    pub fn certificate_armored(&self) -> String {
        self.public()
            .to_armored_string(ArmorOptions::default())
            .expect("a certificate")
    }

    /// Signs `text` in the clear (RFC 9580, section 7) with every key.
    ///
    /// # Panics
    /// When a key cannot sign.
    pub fn clearsign(keys: &[Self], text: &str) -> String {
        // The line end before the signature does not belong to the signed text.
        let text = text.strip_suffix('\n').unwrap_or(text);
        let signed = CleartextSignedMessage::new_many(text, |normalised| {
            Ok(keys
                .iter()
                .map(|key| key.sign(SignatureType::Text, normalised.as_bytes()))
                .collect())
        });
        signed
            .expect("a signed text")
            .to_armored_string(ArmorOptions::default())
            .expect("armour")
    }

    /// Signs `data` with every key; the signatures, armoured.
    ///
    /// # Panics
    /// When a key cannot sign.
    pub fn sign_detached(keys: &[Self], data: &[u8]) -> String {
        let armoured = keys.iter().map(|key| {
            let signature = DetachedSignature::new(key.sign(SignatureType::Binary, data));
            signature
                .to_armored_string(ArmorOptions::default())
                .expect("armour")
        });
        armoured.collect()
    }

    /// Signs `data`; the packets of the signature, as packages of rpm carry it.
    ///
    /// # Panics
    /// When the key cannot sign.
    pub fn sign_packets(&self, data: &[u8]) -> Vec<u8> {
        let signature = DetachedSignature::new(self.sign(SignatureType::Binary, data));
        signature.to_bytes().expect("packets")
    }

    fn sign(&self, kind: SignatureType, data: &[u8]) -> Signature {
        let at = self
            .signed_at
            .unwrap_or_else(|| u32::try_from(super::now()).unwrap_or(u32::MAX));
        let empty = Password::empty();
        let signed = if let Some(subkey) = &self.subkey {
            let made = config(&subkey.secret, kind, self.hash, at, Vec::new());
            self.named(made).sign(&subkey.secret, &empty, data)
        } else {
            let made = config(&self.secret, kind, self.hash, at, Vec::new());
            self.named(made).sign(&self.secret, &empty, data)
        };
        signed.expect("a signature")
    }

    /// Lets a signature name another key, or name its own key less well.
    fn named(&self, mut config: SignatureConfig) -> SignatureConfig {
        if self.unnamed {
            config
                .hashed_subpackets
                .retain(|subpacket| !matches!(subpacket.data, SubpacketData::IssuerFingerprint(_)));
        }
        if let Some(id) = self.claimed {
            let claimed = SubpacketData::IssuerKeyId(id);
            config.unhashed_subpackets = vec![Subpacket::regular(claimed).expect("a subpacket")];
        }
        config
    }

    fn public(&self) -> SignedPublicKey {
        let public = self.secret.public_key();
        let mut flags = KeyFlags::default();
        flags.set_certify(true);
        flags.set_sign(true);
        let mut more = vec![
            SubpacketData::KeyFlags(flags),
            SubpacketData::IsPrimary(true),
        ];
        if let Some(lifetime) = self.lifetime {
            let lifetime = std::time::Duration::from_secs(u64::from(lifetime));
            more.push(SubpacketData::KeyExpirationTime(
                Duration::try_from(lifetime).expect("32 bits"),
            ));
        }
        let made = config(
            &self.secret,
            SignatureType::CertPositive,
            HashAlgorithm::Sha256,
            self.created,
            more,
        );
        let empty = Password::empty();
        let certification = made
            .sign_certification(&self.secret, public, &empty, Tag::UserId, &self.user)
            .expect("a certification");
        let revocations = self.revoked.then(|| {
            let made = config(
                &self.secret,
                SignatureType::KeyRevocation,
                HashAlgorithm::Sha256,
                self.created + 1,
                Vec::new(),
            );
            made.sign_key(&self.secret, &empty, public)
                .expect("a revocation")
        });
        let users = vec![self.user.clone().into_signed(certification)];
        let details = SignedKeyDetails::new(
            revocations.into_iter().collect(),
            Vec::new(),
            users,
            Vec::new(),
        );
        let subkeys = self.subkey.iter().map(|subkey| subkey.public(&self.secret));
        SignedPublicKey::new(public.clone(), details, subkeys.collect())
    }
}

/// What a signature of a key is made over beside the data: its kind, its time, and who made it.
pub(super) fn config(
    key: &impl KeyDetails,
    kind: SignatureType,
    hash: HashAlgorithm,
    at: u32,
    more: Vec<SubpacketData>,
) -> SignatureConfig {
    let mut config = SignatureConfig::v4(kind, key.algorithm(), hash);
    let hashed = [
        SubpacketData::SignatureCreationTime(Timestamp::from_secs(at)),
        SubpacketData::IssuerFingerprint(key.fingerprint()),
    ];
    config.hashed_subpackets = hashed
        .into_iter()
        .chain(more)
        .map(|data| Subpacket::regular(data).expect("a subpacket"))
        .collect();
    let issuer = SubpacketData::IssuerKeyId(key.legacy_key_id());
    config.unhashed_subpackets = vec![Subpacket::regular(issuer).expect("a subpacket")];
    config
}
