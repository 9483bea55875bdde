//! The payload on its way to the cpio reader: counted and hashed as it lies in the archive, unpacked, and hashed again.

use std::io::{self, BufRead, BufReader, Read};

use mikron_archive::{Cap, Compression, Decompressor};
use mikron_package::{ArchiveError, ArchiveErrorKind, LimitExceeded, Limits};

use super::digest::{Check, DigestAlgorithm};
use super::signature::Front;
use crate::header::{Header, tag};

/// The archive below, with everything that is summed over it.
pub(super) struct Packed<'a> {
    input: BufReader<Box<dyn Read + Send + 'a>>,
    /// How much of the archive was read.
    offset: u64,
    /// The most that may be read.
    limit: u64,
    md5: Option<Check>,
    digest: Option<Check>,
}

impl<'a> Packed<'a> {
    pub(super) fn new(input: BufReader<Box<dyn Read + Send + 'a>>, limits: &Limits) -> Self {
        Self {
            input,
            offset: 0,
            limit: limits.archive,
            md5: None,
            digest: None,
        }
    }
}

impl Read for Packed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let n = available.len().min(buffer.len());
        buffer[..n].copy_from_slice(&available[..n]);
        self.consume(n);
        Ok(n)
    }
}

impl BufRead for Packed<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        LimitExceeded::check("archive", self.offset, self.limit)
            .map_err(|error| ArchiveError::new(error).at(self.offset).into_io())?;
        self.input.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        let used = &self.input.buffer()[..count];
        for check in [&mut self.md5, &mut self.digest].into_iter().flatten() {
            check.update(used);
        }
        self.input.consume(count);
        self.offset += count as u64;
    }
}

/// The unpacked payload.
pub(super) struct Payload<'a> {
    unpacked: Decompressor<Packed<'a>>,
    digest: Option<Check>,
    /// Where it begins in the archive.
    start: u64,
    /// Where the main header begins in the archive.
    header_at: u64,
    /// The size of header and payload that the signature header promises.
    size: Option<u64>,
}

impl<'a> Payload<'a> {
    /// Looks up in the header how the payload is packed and what its digests are.
    pub(super) fn open(
        mut packed: Packed<'a>,
        front: &mut Front,
        header: Header<'_>,
        limits: &Limits,
    ) -> Result<Self, ArchiveError> {
        let format = header.lossy(tag::PAYLOAD_FORMAT)?;
        if let Some(format) = format.filter(|format| format != "cpio") {
            let kind = ArchiveErrorKind::Unsupported(format!("a payload of format `{format}`"));
            return Err(ArchiveError::new(kind));
        }
        let check = |tag: u32, what: &str| -> Result<Option<Check>, ArchiveError> {
            promised(header, tag)?
                .map(|(algorithm, wanted)| Check::new(algorithm, wanted, what))
                .transpose()
        };
        packed.digest = check(tag::PAYLOAD_DIGEST, "payload")?;
        let digest = check(tag::PAYLOAD_DIGEST_ALT, "unpacked payload")?;
        packed.md5 = front.md5.take();
        let compressor = header.lossy(tag::PAYLOAD_COMPRESSOR)?;
        let compression = compression(compressor.as_deref(), &mut packed)?;
        Ok(Self {
            unpacked: Decompressor::new(packed, compression, limits, Cap::unpacked(limits))?,
            digest,
            start: front.payload_at,
            header_at: front.header_at,
            size: front.size,
        })
    }

    /// Once everything was read: compares sizes and digests with those that the headers promise.
    pub(super) fn finish(&mut self) -> Result<(), ArchiveError> {
        let packed = self.unpacked.get_mut();
        let found = packed.offset - self.header_at;
        // The unpacked size is promised too, but not checked: some builders give that of the files alone, and rpm never looks.
        if let Some(promised) = self.size.filter(|promised| *promised != found) {
            return Err(ArchiveError::malformed(format!(
                "header and payload have {found} bytes, and {promised} were promised"
            )));
        }
        if let Some(check) = packed.digest.take() {
            check.finish("payload")?;
        }
        if let Some(check) = packed.md5.take() {
            check.finish("header and payload")?;
        }
        if let Some(check) = self.digest.take() {
            check.finish("unpacked payload")?;
        }
        Ok(())
    }

    /// Where the payload begins in the archive.
    pub(super) fn start(&self) -> u64 {
        self.start
    }
}

impl Read for Payload<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.unpacked.read(buffer)?;
        if let Some(check) = &mut self.digest {
            check.update(&buffer[..n]);
        }
        Ok(n)
    }
}

/// The digest of the payload that a tag of the main header promises.
pub(super) fn promised(
    header: Header<'_>,
    tag: u32,
) -> Result<Option<(DigestAlgorithm, &[u8])>, ArchiveError> {
    let Some(wanted) = header.text(tag)?.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let number = header.number(tag::PAYLOAD_DIGEST_ALGO)?.unwrap_or(8);
    let algorithm = DigestAlgorithm::of(number).ok_or_else(|| {
        let kind = format!("the digest algorithm {number} of the payload");
        ArchiveError::new(ArchiveErrorKind::Unsupported(kind))
    })?;
    Ok(Some((algorithm, wanted)))
}

/// How the payload is packed: as the header says, and as it begins.
fn compression(named: Option<&str>, packed: &mut Packed<'_>) -> Result<Compression, ArchiveError> {
    let start = packed.fill_buf().map_err(ArchiveError::from_io)?;
    let found = Compression::from_magic(start);
    let cpio = start.starts_with(b"07070");
    let wanted = match named {
        // Without a name rpm takes it for gzip, and gzip's reader passes on what is not.
        None if cpio => Compression::None,
        None | Some("gzip") => Compression::Gzip,
        Some("bzip2") => Compression::Bzip2,
        Some("xz") => Compression::Xz,
        Some("lzma") => Compression::Lzma,
        Some("zstd") => Compression::Zstd,
        Some("none") => Compression::None,
        Some(other) => {
            let kind = format!("a payload that is packed by `{other}`");
            return Err(ArchiveError::new(ArchiveErrorKind::Unsupported(kind)));
        }
    };
    // LZMA alone and plain payloads have no magic of their own; it is enough that they have no other's.
    let expected = match wanted {
        Compression::None | Compression::Lzma => None,
        packed => Some(packed),
    };
    if start.is_empty() {
        let kind = ArchiveErrorKind::Truncated("there is no payload".to_owned());
        return Err(ArchiveError::new(kind));
    }
    if found == expected && (wanted == Compression::None) == cpio {
        return Ok(wanted);
    }
    let found = match found {
        Some(found) => found.name(),
        None if cpio => "uncompressed",
        None => "of no known compression",
    };
    Err(ArchiveError::malformed(format!(
        "the header says that the payload is {}, and it is {found}",
        wanted.name()
    )))
}
