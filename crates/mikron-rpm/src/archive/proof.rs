//! Which digests an archive carries, and whether its header proves what follows it.
//!
//! All of them are checked by whoever reads the archive to its end. But not all of them prove something: those of the signature
//! header are signed by nobody, and for MD5 and SHA-1 somebody can make two contents of one digest. A signature over the main
//! header reaches the payload only by a strong digest inside that header.

use std::fmt;

use mikron_package::{ArchiveError, Limits};

use super::digest::DigestAlgorithm;
use super::files::Files;
use super::payload;
use crate::header::{Header, Index, Part, tag};

/// What a digest is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Digested {
    /// The main header. Stands in the signature header.
    Header,
    /// The main header and the payload. Stands in the signature header.
    HeaderAndPayload,
    /// The payload as it lies in the archive. Stands in the main header.
    Payload,
    /// The payload, unpacked. Stands in the main header.
    UnpackedPayload,
    /// The content of every regular file that is not empty. Stands in the main header.
    Contents,
}

impl Digested {
    /// What it is over, in words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::HeaderAndPayload => "header and payload",
            Self::Payload => "payload",
            Self::UnpackedPayload => "unpacked payload",
            Self::Contents => "contents",
        }
    }
}

/// A digest that an archive carries.
///
/// ```
/// use mikron_rpm::archive::{ArchiveDigest, DigestAlgorithm, Digested};
/// let digest = ArchiveDigest { of: Digested::HeaderAndPayload, algorithm: DigestAlgorithm::Md5 };
/// assert_eq!(digest.to_string(), "MD5 of the header and payload");
/// assert!(!digest.algorithm.is_strong());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ArchiveDigest {
    /// What it is over.
    pub of: Digested,
    /// How it is made.
    pub algorithm: DigestAlgorithm,
}

impl fmt::Display for ArchiveDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of the {}", self.algorithm.name(), self.of.name())
    }
}

/// All digests of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proof {
    pub(super) digests: Vec<ArchiveDigest>,
    /// Whether the main header alone proves everything that a reader hands out.
    pub(super) by_header: bool,
}

impl Proof {
    /// Of an archive with these headers, both without their magic.
    pub(super) fn of(
        signed: Header<'_>,
        header: Header<'_>,
        bytes: &[u8],
        files: &Files,
    ) -> Result<Self, ArchiveError> {
        let mut digests = Vec::new();
        let mut add = |of, algorithm| digests.push(ArchiveDigest { of, algorithm });
        for (tag, algorithm) in [
            (tag::SIG_SHA1, DigestAlgorithm::Sha1),
            (tag::SIG_SHA256, DigestAlgorithm::Sha256),
        ] {
            if signed.has(tag) {
                add(Digested::Header, algorithm);
            }
        }
        if signed.has(tag::SIG_MD5) {
            add(Digested::HeaderAndPayload, DigestAlgorithm::Md5);
        }
        let mut by_header = false;
        for (tag, of) in [
            (tag::PAYLOAD_DIGEST, Digested::Payload),
            (tag::PAYLOAD_DIGEST_ALT, Digested::UnpackedPayload),
        ] {
            if let Some((algorithm, _)) = payload::promised(header, tag)? {
                by_header |= algorithm.is_strong();
                add(of, algorithm);
            }
        }
        // What else the payload has, the header has too, and the reader compares them or does not look at it.
        let full = |number: &usize| {
            files.is_regular(*number) && !files.is_ghost(*number) && files.size(*number) > 0
        };
        let mut contents = (0..files.len()).filter(full).peekable();
        let any = contents.peek().is_some();
        let all = contents.all(|number| !files.digest(bytes, number).is_empty());
        if any && all {
            add(Digested::Contents, files.algorithm);
        }
        by_header |= !any || all && files.algorithm.is_strong();
        Ok(Self { digests, by_header })
    }

    /// The same from the bytes of the two headers.
    pub(super) fn read(
        signature: &[u8],
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<Self, ArchiveError> {
        let signed = Index::of(signature, Part::Signature)?;
        let index = Index::of(bytes, Part::Main)?;
        let header = index.of_header(bytes);
        let files = Files::of(header, limits)?;
        Self::of(signed.of_header(signature), header, bytes, &files)
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, digest) in self.digests.iter().enumerate() {
            let comma = if number > 0 { ", " } else { "" };
            write!(f, "{comma}{digest}")?;
        }
        Ok(())
    }
}
