//! An .rpm in two parts: its main header, and its payload.

use sha2::Digest as _;

use super::sections::hex;
use super::{HeaderBuilder, HeaderValue, RpmSections};
use crate::archive::Compression;

/// The main header and the payload before they are put together.
#[derive(Clone, Debug)]
pub struct RpmParts {
    /// The main header. The digests of the payload are set when it is packed.
    pub header: HeaderBuilder,
    /// The payload, unpacked.
    pub cpio: Vec<u8>,
    /// How it is packed.
    pub compression: Compression,
}

impl RpmParts {
    /// Packs the payload, and seals everything with its digests.
    pub fn sections(&self) -> RpmSections {
        let payload = self.compression.compress(&self.cpio);
        let mut header = self.header.clone();
        let digest = |bytes: &[u8]| HeaderValue::texts(&[hex(sha2::Sha256::digest(bytes))]);
        header
            .set(5092, digest(&payload))
            .set(5093, HeaderValue::Words(vec![8]))
            .set(5097, digest(&self.cpio));
        let mut lead = vec![0xed, 0xab, 0xee, 0xdb, 3, 0, 0, 0, 0, 1];
        lead.resize(96, 0);
        lead[10..14].copy_from_slice(b"test");
        // The operating system is Linux, and a signature header follows.
        (lead[77], lead[79]) = (1, 5);
        let mut sections = RpmSections {
            lead,
            signature: HeaderBuilder::signature(),
            header: header.build(),
            payload,
            unpacked: self.cpio.len() as u64,
        };
        sections.seal();
        sections
    }

    /// The same as rpm before 4.14 writes it: no SHA-256 of the header, and in the header no digest of the payload. Its header
    /// proves what follows by the digests of the files alone.
    pub fn old_sections(&self) -> RpmSections {
        let mut sections = self.sections();
        sections.header = self.header.build();
        sections.seal().signature.remove(273);
        sections
    }

    /// The archive.
    pub fn build(&self) -> Vec<u8> {
        self.sections().join()
    }
}
