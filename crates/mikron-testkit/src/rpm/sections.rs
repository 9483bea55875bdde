//! The sections of an archive as bytes, for tests that put them together wrongly.

use sha2::Digest as _;

use super::{HeaderBuilder, HeaderValue};

/// Lead, signature header, main header and payload of an archive.
#[derive(Clone, Debug)]
pub struct RpmSections {
    /// The 96 bytes at the beginning.
    pub lead: Vec<u8>,
    /// The signature header.
    pub signature: HeaderBuilder,
    /// The main header with its magic.
    pub header: Vec<u8>,
    /// The payload, packed.
    pub payload: Vec<u8>,
    /// The size of the payload, unpacked.
    pub unpacked: u64,
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: impl AsRef<[u8]>) -> String {
    use std::fmt::Write as _;
    bytes.as_ref().iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writes to memory");
        hex
    })
}

impl RpmSections {
    /// Sets the sizes and digests of the signature header to those of the other sections.
    ///
    /// # Panics
    /// When the archive has 4 GiB or more.
    pub fn seal(&mut self) -> &mut Self {
        let size = self.header.len() + self.payload.len();
        let word = |size: u64| {
            let size = u32::try_from(size).expect("a test's archive is small");
            HeaderValue::Words(vec![size])
        };
        let mut md5 = md5::Md5::new();
        md5.update(&self.header);
        md5.update(&self.payload);
        let sha1 = <sha1::Sha1 as sha1::Digest>::digest(&self.header);
        let sha256 = sha2::Sha256::digest(&self.header);
        self.signature
            .set(269, HeaderValue::text(&hex(sha1)))
            .set(273, HeaderValue::text(&hex(sha256)))
            .set(1000, word(size as u64))
            .set(1004, HeaderValue::Binary(md5.finalize().to_vec()))
            .set(1007, word(self.unpacked));
        self
    }

    /// The archive.
    pub fn join(&self) -> Vec<u8> {
        let mut bytes = self.lead.clone();
        bytes.extend(self.signature.build());
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes.extend_from_slice(&self.header);
        bytes.extend_from_slice(&self.payload);
        bytes
    }
}
