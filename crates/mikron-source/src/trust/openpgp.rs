//! OpenPGP signatures, over rpgpie and rPGP, with a floor of our own for hashes and keys.

use pgp::armor::Dearmor;
pub(super) use pgp::composed::SignedPublicKey as Certificate;
use pgp::composed::{Deserializable as _, SignedPublicKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::crypto::public_key::PublicKeyAlgorithm;
use pgp::packet::{Packet, PacketParser, Signature, SignatureType};
use pgp::ser::Serialize as _;
use pgp::types::{KeyDetails, PublicParams, Timestamp};
use rpgpie::certificate::Checked;

use super::{Keyring, Signer, TrustError, Verified, split_cleartext};

/// RSA keys below this many bits are refused.
const RSA_FLOOR: usize = 2048;

/// How far the clocks of signer and verifier may be apart, in seconds.
const CLOCK_SKEW: i64 = 3600;

/// More signatures than this in one file are refused unseen.
const MAX_SIGNATURES: usize = 64;

/// Verifies against an explicit keyring.
///
/// One valid signature of a known key suffices, as for apt. MD5, SHA-1 and RIPEMD-160, DSA, and RSA below 2048 bits are
/// refused whenever they were used.
///
/// ```
/// use mikron_source::preset::debian_keyring;
/// use mikron_source::trust::{OpenPgp, TrustError};
/// let verifier = OpenPgp::new(debian_keyring(), 1_790_000_000);
/// assert_eq!(verifier.verify_clearsigned(b"Suite: stable\n"), Err(TrustError::Unsigned));
/// ```
#[derive(Clone, Debug)]
pub struct OpenPgp {
    keyring: Keyring,
    now: i64,
    expired_keys: bool,
}

impl OpenPgp {
    /// A verifier that knows these keys; `now` is the time in seconds since 1970.
    pub fn new(keyring: Keyring, now: i64) -> Self {
        Self {
            keyring,
            now,
            expired_keys: false,
        }
    }

    /// Accepts keys that have expired since they signed. For old suites that nobody signs any more.
    #[must_use]
    pub fn accept_expired_keys(mut self, accept: bool) -> Self {
        self.expired_keys = accept;
        self
    }

    fn verify(&self, data: &[u8], signatures: &[Signature]) -> Result<Signer, TrustError> {
        if signatures.is_empty() {
            return Err(TrustError::Unsigned);
        }
        let certificates = self.keyring.certificates()?;
        let mut unfit: Option<TrustError> = None;
        for signature in signatures {
            // More than one where only a key id is named, or a keyring holds a certificate and its renewal.
            for certificate in certificates.iter().filter(|c| issued(c, signature)) {
                match self.check(certificate, signature, data) {
                    // Who else signed does not matter: to verify the others would only cost time.
                    Ok(signer) => return Ok(signer),
                    // That the text was changed is more than that a key is old.
                    Err(error @ TrustError::BadSignature { .. }) => unfit = Some(error),
                    Err(error) => unfit = unfit.or(Some(error)),
                }
            }
        }
        match unfit {
            Some(error) => Err(error),
            None => Err(TrustError::UnknownKey {
                seen: signatures.iter().map(issuer).collect(),
                known: self.keyring.fingerprints()?,
            }),
        }
    }

    /// Checks one signature of a known certificate.
    fn check(
        &self,
        certificate: &SignedPublicKey,
        signature: &Signature,
        data: &[u8],
    ) -> Result<Signer, TrustError> {
        let key = issuer(signature);
        let (Some(config), Some(created)) = (signature.config(), signature.created()) else {
            return Err(TrustError::BadSignature { key });
        };
        if !matches!(config.typ, SignatureType::Binary | SignatureType::Text) {
            return Err(TrustError::BadSignature { key });
        }
        if !strong_hash(config.hash_alg) {
            return Err(TrustError::WeakHash {
                key,
                hash: config.hash_alg.to_string(),
            });
        }
        if config.pub_alg == PublicKeyAlgorithm::DSA {
            return Err(TrustError::WeakKey {
                key,
                what: "DSA".to_owned(),
            });
        }
        let made_at = i64::from(created.as_secs());
        if made_at > self.now + CLOCK_SKEW {
            return Err(TrustError::FutureSignature {
                key,
                ahead: made_at - self.now,
            });
        }
        let lifetime = signature
            .signature_expiration_time()
            .map_or(0, |d| i64::from(d.as_secs()));
        if lifetime > 0 && made_at + lifetime < self.now {
            return Err(TrustError::ExpiredSignature { key });
        }
        let checked = Checked::from(rpgpie::certificate::Certificate::from(certificate.clone()));
        let now = Timestamp::from_secs(u32::try_from(self.now).unwrap_or(u32::MAX));
        if checked.revoked_at(now) || checked.revoked_at(created) {
            return Err(TrustError::RevokedKey { key });
        }
        let valid_at = |time: Timestamp| {
            let keys = checked.valid_signing_capable_component_keys_at(time);
            keys.into_iter()
                .map(|v| v.as_componentkey().clone())
                .find(|k| made_by(k, signature))
        };
        if let Some(what) = weakness(certificate, signature) {
            return Err(TrustError::WeakKey { key, what });
        }
        let Some(component) = valid_at(created) else {
            return Err(if revoked_subkey(certificate, signature) {
                TrustError::RevokedKey { key }
            } else {
                TrustError::ExpiredKey { key }
            });
        };
        // Signer and verifier may be on clocks that differ: a signature of this second is valid now.
        if !self.expired_keys && valid_at(now.max(created)).is_none() {
            return Err(TrustError::ExpiredKey { key });
        }
        if component.verify(signature, data).is_err() {
            return Err(TrustError::BadSignature { key });
        }
        Ok(Signer {
            fingerprint: fingerprint(certificate),
            made_at,
        })
    }
}

impl OpenPgp {
    /// Verifies a clearsigned message (RFC 9580, section 7) and returns the text that is signed, with `\n` at line ends.
    ///
    /// # Errors
    /// When the message holds anything besides one signed text, or no known, valid and strong key has signed it.
    pub fn verify_clearsigned(&self, message: &[u8]) -> Result<Verified, TrustError> {
        let parts = split_cleartext(message)?;
        let signatures = parse_signatures(parts.signatures)?;
        // What is hashed has CR LF at its line ends, and none after the last line (RFC 9580, section 7.1).
        let text = parts.text.strip_suffix(b"\n").unwrap_or(&parts.text);
        let mut canonical = Vec::with_capacity(text.len() + text.len() / 32);
        for (number, line) in text.split(|b| *b == b'\n').enumerate() {
            if number > 0 {
                canonical.extend_from_slice(b"\r\n");
            }
            canonical.extend_from_slice(line);
        }
        let signer = self.verify(&canonical, &signatures)?;
        Ok(Verified {
            text: parts.text,
            signer,
        })
    }

    /// Verifies detached signatures, armoured or binary, over `data`.
    ///
    /// # Errors
    /// When `signatures` holds anything besides signatures, or no known, valid and strong key has signed.
    pub fn verify_detached(&self, data: &[u8], signatures: &[u8]) -> Result<Signer, TrustError> {
        self.verify(data, &parse_signatures(signatures)?)
    }
}

/// Signatures from armoured blocks or binary packets. Nothing else may stand there: a message in `Release.gpg` could
/// otherwise bring its own text along.
fn parse_signatures(bytes: &[u8]) -> Result<Vec<Signature>, TrustError> {
    const BEGIN: &[u8] = b"-----BEGIN PGP SIGNATURE-----";
    const END: &[u8] = b"-----END PGP SIGNATURE-----";
    let malformed = |reason, offset| TrustError::Malformed { reason, offset };
    let mut signatures = Vec::new();
    // Binary packets begin with a set bit (RFC 9580, section 4.2).
    if bytes.first().is_some_and(|first| first & 0x80 != 0) {
        parse_packets(bytes, 0, &mut signatures)?;
        return Ok(signatures);
    }
    let mut at = 0;
    while let Some(skip) = bytes[at..].iter().position(|b| !b.is_ascii_whitespace()) {
        at += skip;
        if !bytes[at..].starts_with(BEGIN) {
            return Err(malformed("something else than a signature", at));
        }
        let end = bytes[at..].windows(END.len()).position(|w| w == END);
        let end = at + end.ok_or_else(|| malformed("the signature has no end", at))? + END.len();
        let block = &bytes[at..end];
        if block[BEGIN.len()..]
            .windows(11)
            .any(|w| w == b"-----BEGIN ")
        {
            return Err(malformed("another block within the signature", at));
        }
        let mut packets = Vec::new();
        let read = std::io::Read::read_to_end(&mut Dearmor::new(block), &mut packets);
        read.map_err(|_| malformed("the signature's armour is damaged", at))?;
        parse_packets(&packets, at, &mut signatures)?;
        at = end;
    }
    Ok(signatures)
}

fn parse_packets(
    packets: &[u8],
    offset: usize,
    signatures: &mut Vec<Signature>,
) -> Result<(), TrustError> {
    for packet in PacketParser::new(packets) {
        match packet {
            Ok(Packet::Signature(signature)) if signatures.len() < MAX_SIGNATURES => {
                signatures.push(signature);
            }
            Ok(Packet::Signature(_)) => {
                return Err(TrustError::Malformed {
                    reason: "too many signatures",
                    offset,
                });
            }
            Ok(_) => {
                return Err(TrustError::Malformed {
                    reason: "something else than a signature",
                    offset,
                });
            }
            Err(_) => {
                return Err(TrustError::Malformed {
                    reason: "a malformed signature",
                    offset,
                });
            }
        }
    }
    Ok(())
}

/// Whether a hash is strong enough for signatures over data. What is not listed is not accepted.
fn strong_hash(hash: HashAlgorithm) -> bool {
    matches!(
        hash,
        HashAlgorithm::Sha256
            | HashAlgorithm::Sha384
            | HashAlgorithm::Sha512
            | HashAlgorithm::Sha3_256
            | HashAlgorithm::Sha3_512
    )
}

/// What is too weak about the key that made a signature, or about its primary key.
fn weakness(key: &SignedPublicKey, signature: &Signature) -> Option<String> {
    let subkeys = key
        .public_subkeys
        .iter()
        .filter(|subkey| made_by(&subkey.key, signature));
    std::iter::once(key.primary_key.public_params())
        .chain(subkeys.map(|subkey| subkey.key.public_params()))
        .find_map(|parameters| match parameters {
            PublicParams::RSA(_) => {
                let bits = rsa_bits(parameters);
                (bits < RSA_FLOOR)
                    .then(|| format!("RSA with {bits} bits; {RSA_FLOOR} are the least"))
            }
            PublicParams::DSA(_) => Some("DSA".to_owned()),
            _ => None,
        })
}

/// The length of the modulus: what its serialization begins with (RFC 9580, sections 3.2 and 5.5.5.1).
fn rsa_bits(parameters: &PublicParams) -> usize {
    match parameters.to_bytes().as_deref() {
        Ok([high, low, ..]) => usize::from(u16::from_be_bytes([*high, *low])),
        _ => 0,
    }
}

/// Whether the subkey that made a signature is one that the certificate says is revoked. Only to name the reason: that it may
/// not sign was found by the revocation itself.
fn revoked_subkey(certificate: &SignedPublicKey, signature: &Signature) -> bool {
    let mut subkeys = certificate.public_subkeys.iter();
    let subkey = subkeys.find(|subkey| made_by(&subkey.key, signature));
    subkey.is_some_and(|subkey| {
        let mut kinds = subkey.signatures.iter().map(Signature::typ);
        kinds.any(|kind| kind == Some(SignatureType::SubkeyRevocation))
    })
}

/// Whether a certificate has the key that a signature names.
fn issued(key: &SignedPublicKey, signature: &Signature) -> bool {
    made_by(&key.primary_key, signature)
        || key
            .public_subkeys
            .iter()
            .any(|s| made_by(&s.key, signature))
}

/// Whether a signature names this key: by fingerprint where it has one, for key ids can collide.
fn made_by(key: &impl KeyDetails, signature: &Signature) -> bool {
    match signature.issuer_fingerprint().as_slice() {
        [] => signature.issuer_key_id().contains(&&key.legacy_key_id()),
        fingerprints => fingerprints.contains(&&key.fingerprint()),
    }
}

/// The key that a signature names, for messages.
fn issuer(signature: &Signature) -> String {
    let fingerprint = signature
        .issuer_fingerprint()
        .first()
        .map(|f| format!("{f:X}"));
    let id = || {
        signature
            .issuer_key_id()
            .first()
            .map(|id| format!("{id}").to_uppercase())
    };
    fingerprint
        .or_else(id)
        .unwrap_or_else(|| "an unnamed key".to_owned())
}

/// Reads certificates: a binary keyring, or armoured blocks one after the other.
pub(super) fn load(
    bytes: &[u8],
    certificates: &mut Vec<SignedPublicKey>,
) -> Result<(), TrustError> {
    const BEGIN: &[u8] = b"-----BEGIN PGP PUBLIC KEY BLOCK-----";
    let failed = |error: pgp::errors::Error| TrustError::Keyring {
        reason: error.to_string(),
    };
    let mut read = |bytes: &[u8]| {
        let (keys, _) = SignedPublicKey::from_reader_many(bytes).map_err(failed)?;
        for key in keys {
            certificates.push(key.map_err(failed)?);
        }
        Ok(())
    };
    let starts: Vec<usize> = (0..bytes.len())
        .filter(|at| bytes[*at..].starts_with(BEGIN))
        .collect();
    if starts.is_empty() {
        return read(bytes);
    }
    for (number, start) in starts.iter().enumerate() {
        read(&bytes[*start..starts.get(number + 1).copied().unwrap_or(bytes.len())])?;
    }
    Ok(())
}

/// The fingerprint of a certificate in upper-case hexadecimal digits.
pub(super) fn fingerprint(certificate: &SignedPublicKey) -> String {
    format!("{:X}", certificate.primary_key.fingerprint())
}
