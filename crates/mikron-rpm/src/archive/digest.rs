//! The digests that rpm knows, as running sums over what passes by.

use mikron_package::ArchiveError;
use sha2::Digest as _;

/// A digest algorithm that headers of rpm name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DigestAlgorithm {
    /// MD5: proves nothing against intent.
    Md5,
    /// SHA-1: proves nothing against intent.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
    /// SHA-224.
    Sha224,
}

impl DigestAlgorithm {
    /// Whether nobody can make two contents of one digest. The floor is that of the repositories: SHA-256.
    pub fn is_strong(self) -> bool {
        matches!(self, Self::Sha256 | Self::Sha384 | Self::Sha512)
    }

    /// By its OpenPGP number (RFC 4880, 9.4).
    pub(super) fn of(number: u32) -> Option<Self> {
        Some(match number {
            1 => Self::Md5,
            2 => Self::Sha1,
            8 => Self::Sha256,
            9 => Self::Sha384,
            10 => Self::Sha512,
            11 => Self::Sha224,
            _ => return None,
        })
    }

    /// Its name, as people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha1 => "SHA-1",
            Self::Sha224 => "SHA-224",
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        }
    }

    /// The number of hexadecimal digits.
    pub(super) fn digits(self) -> usize {
        match self {
            Self::Md5 => 32,
            Self::Sha1 => 40,
            Self::Sha224 => 56,
            Self::Sha256 => 64,
            Self::Sha384 => 96,
            Self::Sha512 => 128,
        }
    }
}

/// A running digest.
enum State {
    Md5(md5::Md5),
    Sha1(sha1::Sha1),
    Sha224(sha2::Sha224),
    Sha256(sha2::Sha256),
    Sha384(sha2::Sha384),
    Sha512(sha2::Sha512),
}

impl State {
    fn new(algorithm: DigestAlgorithm) -> Self {
        match algorithm {
            DigestAlgorithm::Md5 => Self::Md5(md5::Md5::default()),
            DigestAlgorithm::Sha1 => Self::Sha1(sha1::Sha1::default()),
            DigestAlgorithm::Sha224 => Self::Sha224(sha2::Sha224::default()),
            DigestAlgorithm::Sha256 => Self::Sha256(sha2::Sha256::default()),
            DigestAlgorithm::Sha384 => Self::Sha384(sha2::Sha384::default()),
            DigestAlgorithm::Sha512 => Self::Sha512(sha2::Sha512::default()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Md5(state) => state.update(bytes),
            Self::Sha1(state) => sha1::Digest::update(state, bytes),
            Self::Sha224(state) => state.update(bytes),
            Self::Sha256(state) => state.update(bytes),
            Self::Sha384(state) => state.update(bytes),
            Self::Sha512(state) => state.update(bytes),
        }
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Self::Md5(state) => state.finalize().to_vec(),
            Self::Sha1(state) => sha1::Digest::finalize(state).to_vec(),
            Self::Sha224(state) => state.finalize().to_vec(),
            Self::Sha256(state) => state.finalize().to_vec(),
            Self::Sha384(state) => state.finalize().to_vec(),
            Self::Sha512(state) => state.finalize().to_vec(),
        }
    }
}

/// A digest that something is to have, and the running one that it has so far.
pub(super) struct Check {
    algorithm: DigestAlgorithm,
    /// Lower-case hexadecimal digits.
    wanted: String,
    state: State,
}

impl Check {
    /// A check of `what` against a promised digest.
    ///
    /// # Errors
    /// When the promise is not a digest of this algorithm.
    pub(super) fn new(
        algorithm: DigestAlgorithm,
        wanted: &[u8],
        what: &str,
    ) -> Result<Self, ArchiveError> {
        let hex = wanted.iter().all(u8::is_ascii_hexdigit);
        if !hex || wanted.len() != algorithm.digits() {
            return Err(ArchiveError::malformed(format!(
                "the {} of the {what} is not one: `{}`",
                algorithm.name(),
                wanted[..wanted.len().min(150)].escape_ascii()
            )));
        }
        Ok(Self {
            algorithm,
            wanted: String::from_utf8_lossy(wanted).to_ascii_lowercase(),
            state: State::new(algorithm),
        })
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.state.update(bytes);
    }

    /// Compares.
    ///
    /// # Errors
    /// When the two differ; the message names `what`.
    pub(super) fn finish(self, what: &str) -> Result<(), ArchiveError> {
        let found = hex(&self.state.finish());
        if found == self.wanted {
            return Ok(());
        }
        Err(ArchiveError::malformed(format!(
            "the {} of the {what} is {found}, and {} was promised",
            self.algorithm.name(),
            self.wanted
        )))
    }
}

/// Bytes as lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}
