//! The signature header: digests and signatures over the main header, and over header and payload.
//!
//! Digests are checked here. Signatures are handed out with the bytes that they sign: whom to trust is the matter of the
//! sources. Whatever else stands in this header is not signed by anybody and is not looked at.

use std::io::Read;

use mikron_package::{ArchiveError, Limits, Origin};

use super::digest::{Check, DigestAlgorithm, hex};
use super::lead;
use super::proof::{ArchiveDigest, Proof};
use crate::header::{self, Header, Index, MAGIC, Part, tag};

/// An OpenPGP signature over the main header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderSignature {
    /// The tag that it stands under: 267 (DSA), 268 (RSA), or 278 (any algorithm, rpm 6).
    pub tag: u32,
    /// The OpenPGP packets.
    pub packets: Vec<u8>,
}

/// The main header of an archive with the signatures over it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHeader {
    /// Exactly the bytes that the signatures sign: the header with its magic.
    pub bytes: Vec<u8>,
    /// The signatures. Signatures over header and payload together, which rpm before 4.0 made, are not among them.
    pub signatures: Vec<HeaderSignature>,
    /// Which digests the archive carries, in its main header and before it.
    pub digests: Vec<ArchiveDigest>,
    /// Whether the main header proves everything that follows it, by SHA-256 or stronger: the payload as a whole, or every file
    /// in it. Packages that rpm built before 4.6 know MD5 alone, and prove nothing.
    pub proves_payload: bool,
}

/// Reads an archive up to its payload, and hands out the main header with the signatures over it. The digests of the header
/// are checked, the signatures are not.
///
/// Where the header [proves the payload](SignedHeader::proves_payload), whoever has verified these bytes, and reads the archive to
/// its end by [`RpmFormat`](super::RpmFormat), has verified all of it.
///
/// ```
/// use mikron_package::{Limits, Origin};
/// use mikron_rpm::archive::signed_header;
/// # let bytes = mikron_testkit::rpm::RpmBuilder::new("hello", "1.0", "1", "noarch").build();
/// let header = signed_header(&mut &bytes[..], &Limits::default(), &Origin::named("hello.rpm"))?;
/// assert!(header.signatures.is_empty() && header.bytes.starts_with(b"\x8e\xad\xe8\x01"));
/// # Ok::<(), mikron_package::ArchiveError>(())
/// ```
///
/// # Errors
/// When the input is not an archive of a binary package, a header is malformed or exceeds a limit, or a digest differs.
pub fn signed_header(
    input: &mut dyn Read,
    limits: &Limits,
    origin: &Origin,
) -> Result<SignedHeader, ArchiveError> {
    let mut read = || {
        let front = read(input, limits)?;
        let signatures = signatures(&front.signature)?;
        let proof = Proof::read(&front.signature, &front.header, limits)
            .map_err(|error| in_header(error, front.header_at))?;
        Ok(SignedHeader {
            bytes: [&MAGIC[..], &front.header].concat(),
            signatures,
            digests: proof.digests,
            proves_payload: proof.by_header,
        })
    };
    read().map_err(|error: ArchiveError| error.in_archive(origin))
}

/// An error about the main header, whose magic begins at `header_at`.
pub(super) fn in_header(error: ArchiveError, header_at: u64) -> ArchiveError {
    let offset = header_at + MAGIC.len() as u64 + error.offset.unwrap_or(0);
    let mut error = error.in_entry(Part::Main.name());
    error.offset = Some(offset);
    error
}

/// Everything before the payload, and what it promises of the payload.
pub(super) struct Front {
    /// The signature header without its magic.
    pub(super) signature: Vec<u8>,
    /// The main header without its magic.
    pub(super) header: Vec<u8>,
    /// Where the main header's magic begins.
    pub(super) header_at: u64,
    /// Where the payload begins.
    pub(super) payload_at: u64,
    /// The size of header and payload.
    pub(super) size: Option<u64>,
    /// The MD5 of header and payload, of which the header has passed.
    pub(super) md5: Option<Check>,
}

/// Reads lead, signature header and main header, and checks the digests of the main header.
pub(super) fn read(input: &mut dyn Read, limits: &Limits) -> Result<Front, ArchiveError> {
    lead::read(input)?;
    let mut at = lead::SIZE as u64;
    let place = |part: Part, at: u64| {
        move |error: ArchiveError| {
            let offset = error.offset.map_or(at, |offset| at + offset);
            let mut error = error.in_entry(part.name());
            error.offset = Some(offset);
            error
        }
    };
    let signature =
        header::read(input, Part::Signature, limits).map_err(place(Part::Signature, at))?;
    let index = Index::of(&signature, Part::Signature)
        .map_err(place(Part::Signature, at + MAGIC.len() as u64))?;
    let signed = index.of_header(&signature);
    let promises = Promises::of(signed).map_err(place(Part::Signature, at + MAGIC.len() as u64))?;
    at += (MAGIC.len() + signature.len()) as u64;
    // The signature header is padded to a multiple of eight bytes.
    let padding = (8 - at % 8) % 8;
    let mut zeros = Vec::new();
    input
        .take(padding)
        .read_to_end(&mut zeros)
        .map_err(ArchiveError::from_io)?;
    at += padding;
    let header = header::read(input, Part::Main, limits).map_err(place(Part::Main, at))?;
    let Promises {
        header: checks,
        mut md5,
        size,
    } = promises;
    for mut check in checks {
        check.update(&MAGIC);
        check.update(&header);
        check
            .finish("header")
            .map_err(|error| error.in_entry(Part::Main.name()).at(at))?;
    }
    if let Some(check) = &mut md5 {
        check.update(&MAGIC);
        check.update(&header);
    }
    Ok(Front {
        payload_at: at + (MAGIC.len() + header.len()) as u64,
        header_at: at,
        signature,
        header,
        size,
        md5,
    })
}

/// What the signature header says of the rest.
struct Promises {
    header: Vec<Check>,
    md5: Option<Check>,
    size: Option<u64>,
}

impl Promises {
    fn of(signed: Header<'_>) -> Result<Self, ArchiveError> {
        let mut header = Vec::new();
        for (tag, algorithm) in [
            (tag::SIG_SHA1, DigestAlgorithm::Sha1),
            (tag::SIG_SHA256, DigestAlgorithm::Sha256),
        ] {
            if let Some(wanted) = signed.text(tag)? {
                header.push(Check::new(algorithm, wanted, "header")?);
            }
        }
        let md5 = signed
            .binary(tag::SIG_MD5)?
            .map(|wanted| {
                Check::new(
                    DigestAlgorithm::Md5,
                    hex(wanted).as_bytes(),
                    "header and payload",
                )
            })
            .transpose()?;
        Ok(Self {
            header,
            md5,
            size: signed.size(tag::SIG_LONG_SIZE, tag::SIG_SIZE)?,
        })
    }
}

fn signatures(signature: &[u8]) -> Result<Vec<HeaderSignature>, ArchiveError> {
    use base64::Engine as _;
    let index = Index::of(signature, Part::Signature)?;
    let signed = index.of_header(signature);
    let mut found = Vec::new();
    for tag in [tag::SIG_DSA, tag::SIG_RSA] {
        if let Some(packets) = signed.binary(tag)? {
            let packets = packets.to_vec();
            found.push(HeaderSignature { tag, packets });
        }
    }
    for text in signed.strings(tag::SIG_OPENPGP)?.iter() {
        let packets = base64::engine::general_purpose::STANDARD
            .decode(text)
            .map_err(|_| ArchiveError::malformed("a signature is not base64"))?;
        let tag = tag::SIG_OPENPGP;
        found.push(HeaderSignature { tag, packets });
    }
    Ok(found)
}
