//! Checksums of repository metadata: SHA-2 and nothing weaker.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::RepomdErrorKind;

/// The checksum of a file, by its kind.
///
/// ```
/// use mikron_rpm::FileChecksum;
/// let empty = FileChecksum::parse("sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")?;
/// assert!(empty.matches(b"") && !empty.matches(b"x"));
/// assert!(FileChecksum::parse("sha", "da39a3ee5e6b4b0d3255bfef95601890afd80709").is_err());
/// # Ok::<(), mikron_rpm::RepomdErrorKind>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileChecksum {
    kind: Kind,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Sha256,
    Sha384,
    Sha512,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    fn len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

impl FileChecksum {
    /// A checksum of the kind that `type=` names.
    ///
    /// # Errors
    /// When the kind is weak (MD5, SHA-1, SHA-224) or unknown, or the digits are not as many as it has.
    pub fn parse(kind: &str, hex: &str) -> Result<Self, RepomdErrorKind> {
        let kind = match kind {
            "sha256" => Kind::Sha256,
            "sha384" => Kind::Sha384,
            "sha512" => Kind::Sha512,
            "md5" | "sha" | "sha1" | "sha224" => {
                return Err(RepomdErrorKind::WeakChecksum(kind.to_owned()));
            }
            other => {
                let other = other.chars().take(100).collect();
                return Err(RepomdErrorKind::UnknownChecksum(other));
            }
        };
        let hex = hex.trim_ascii();
        let wrong = || {
            RepomdErrorKind::value(
                hex,
                match kind {
                    Kind::Sha256 => "the 64 hexadecimal digits of a SHA-256",
                    Kind::Sha384 => "the 96 hexadecimal digits of a SHA-384",
                    Kind::Sha512 => "the 128 hexadecimal digits of a SHA-512",
                },
            )
        };
        if hex.len() != 2 * kind.len() {
            return Err(wrong());
        }
        let digit = |d: u8| char::from(d).to_digit(16);
        let bytes = hex
            .as_bytes()
            .chunks_exact(2)
            .map(|pair| Some((digit(pair[0])? << 4 | digit(pair[1])?) as u8))
            .collect::<Option<Vec<u8>>>()
            .ok_or_else(wrong)?;
        Ok(Self { kind, bytes })
    }

    /// A checksum whose kind nobody says, by its length: the `pkgid` of filelists.
    pub(super) fn by_length(hex: &str) -> Result<Self, RepomdErrorKind> {
        Self::parse(
            match hex.len() {
                32 => "md5",
                40 => "sha1",
                96 => "sha384",
                128 => "sha512",
                _ => "sha256",
            },
            hex,
        )
    }

    /// The checksum that a package's record proves its archive by, where it is one of these kinds.
    pub fn of_record(checksum: &mikron_package::Checksum) -> Option<Self> {
        match checksum {
            mikron_package::Checksum::Sha512(bytes) => Some(Self {
                kind: Kind::Sha512,
                bytes: bytes.to_vec(),
            }),
            mikron_package::Checksum::ApkControl(_) => None,
        }
    }

    /// The kind: `sha256`, `sha384` or `sha512`.
    pub fn kind(&self) -> &'static str {
        self.kind.name()
    }

    /// The raw bytes, as many as the kind has.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The checksum as the shared digest, where it is a SHA-256.
    pub fn sha256(&self) -> Option<mikron_package::Digest> {
        let bytes = self.bytes.as_slice().try_into().ok()?;
        (self.kind == Kind::Sha256).then(|| mikron_package::Digest::from_bytes(bytes))
    }

    /// Whether `bytes` have this checksum.
    pub fn matches(&self, bytes: &[u8]) -> bool {
        let mut hasher = self.hasher();
        hasher.update(bytes);
        hasher.finish() == *self
    }

    /// A hasher of this kind, for data that pass by.
    pub fn hasher(&self) -> ChecksumHasher {
        ChecksumHasher(match self.kind {
            Kind::Sha256 => Hasher::Sha256(Sha256::new()),
            Kind::Sha384 => Hasher::Sha384(Sha384::new()),
            Kind::Sha512 => Hasher::Sha512(Sha512::new()),
        })
    }
}

impl fmt::Display for FileChecksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.kind.name())?;
        self.bytes.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for FileChecksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Computes a [`FileChecksum`] piece by piece.
pub struct ChecksumHasher(Hasher);

enum Hasher {
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
}

impl ChecksumHasher {
    /// Takes in some bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            Hasher::Sha256(hasher) => hasher.update(bytes),
            Hasher::Sha384(hasher) => hasher.update(bytes),
            Hasher::Sha512(hasher) => hasher.update(bytes),
        }
    }

    /// The checksum of everything that was taken in.
    pub fn finish(self) -> FileChecksum {
        let (kind, bytes) = match self.0 {
            Hasher::Sha256(hasher) => (Kind::Sha256, hasher.finalize().to_vec()),
            Hasher::Sha384(hasher) => (Kind::Sha384, hasher.finalize().to_vec()),
            Hasher::Sha512(hasher) => (Kind::Sha512, hasher.finalize().to_vec()),
        };
        FileChecksum { kind, bytes }
    }
}

impl fmt::Debug for ChecksumHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChecksumHasher")
    }
}
