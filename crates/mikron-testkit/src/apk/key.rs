//! RSA keys that sign for apk.

use std::sync::OnceLock;

use rsa::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _, LineEnding};
use rsa::sha2::Digest as _;
use rsa::{Pkcs1v15Sign, RsaPrivateKey};

use crate::archive::{TarBuilder, TarHeader};

/// What a signature is made over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApkHash {
    /// SHA-1, `.SIGN.RSA.…`.
    Sha1,
    /// SHA-256, `.SIGN.RSA256.…`.
    Sha256,
}

/// A key with the name of its public half's file.
#[derive(Clone, Debug)]
pub struct ApkKey {
    name: String,
    secret: RsaPrivateKey,
}

fn made(bits: usize) -> RsaPrivateKey {
    RsaPrivateKey::new(&mut rand::thread_rng(), bits).expect("a key")
}

impl ApkKey {
    /// A key called `NAME.rsa.pub`, with numbers that all tests of a program share: making them takes long.
    pub fn shared(name: &str) -> Self {
        static SECRET: OnceLock<RsaPrivateKey> = OnceLock::new();
        Self {
            name: format!("{name}.rsa.pub"),
            secret: SECRET.get_or_init(|| made(2048)).clone(),
        }
    }

    /// As [`ApkKey::shared`], with other numbers.
    pub fn other(name: &str) -> Self {
        static SECRET: OnceLock<RsaPrivateKey> = OnceLock::new();
        Self {
            name: format!("{name}.rsa.pub"),
            secret: SECRET.get_or_init(|| made(2048)).clone(),
        }
    }

    /// A key of so many bits, too few to be trusted where they are under 2048.
    pub fn of_size(name: &str, bits: usize) -> Self {
        Self {
            name: format!("{name}.rsa.pub"),
            secret: made(bits),
        }
    }

    /// The name of the public half's file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The public half in PEM.
    ///
    /// # Panics
    /// When it cannot be encoded.
    pub fn public_pem(&self) -> String {
        let public = self.secret.to_public_key();
        public.to_public_key_pem(LineEnding::LF).expect("a key")
    }

    /// The private half in PEM.
    ///
    /// # Panics
    /// When it cannot be encoded.
    pub fn private_pem(&self) -> String {
        let pem = self.secret.to_pkcs8_pem(LineEnding::LF).expect("a key");
        pem.to_string()
    }

    /// The raw signature over `covered`.
    ///
    /// # Panics
    /// When the key is too small for the hash.
    pub fn sign(&self, covered: &[u8], hash: ApkHash) -> Vec<u8> {
        let signed = match hash {
            ApkHash::Sha1 => {
                let digest = sha1::Sha1::digest(covered);
                self.secret.sign(Pkcs1v15Sign::new::<sha1::Sha1>(), &digest)
            }
            ApkHash::Sha256 => {
                let digest = rsa::sha2::Sha256::digest(covered);
                self.secret
                    .sign(Pkcs1v15Sign::new::<rsa::sha2::Sha256>(), &digest)
            }
        };
        signed.expect("a signature")
    }

    /// The unpacked signature member for `covered`: a tar archive without end marks.
    pub fn signature_tar(&self, covered: &[u8], hash: ApkHash) -> Vec<u8> {
        let algorithm = match hash {
            ApkHash::Sha1 => "RSA",
            ApkHash::Sha256 => "RSA256",
        };
        let name = format!(".SIGN.{algorithm}.{}", self.name);
        let signature = self.sign(covered, hash);
        let header = TarHeader::new(b'0', b"")
            .mode(0o644)
            .size(signature.len() as u64);
        TarBuilder::new()
            .named(header, name.as_bytes(), b"", &signature)
            .without_end()
            .build()
    }
}
