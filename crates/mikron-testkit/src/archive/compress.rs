//! One-shot compression of test data.

use std::io::Write;

/// How a member or a stream is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip.
    Gzip,
    /// bzip2.
    Bzip2,
    /// xz with a CRC64, as dpkg-deb writes it.
    Xz,
    /// The old `.lzma` format ("LZMA alone").
    Lzma,
    /// Zstandard.
    Zstd,
}

impl Compression {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::None,
        Self::Gzip,
        Self::Bzip2,
        Self::Xz,
        Self::Lzma,
        Self::Zstd,
    ];

    /// The extension of a member's name, with its dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => ".gz",
            Self::Bzip2 => ".bz2",
            Self::Xz => ".xz",
            Self::Lzma => ".lzma",
            Self::Zstd => ".zst",
        }
    }

    /// Compresses `bytes`.
    ///
    /// # Panics
    /// When the encoder fails, which an encoder into memory does not.
    pub fn compress(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::None => bytes.to_vec(),
            Self::Gzip => {
                let mut out =
                    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
                out.write_all(bytes).expect("writes to memory");
                out.finish().expect("writes to memory")
            }
            Self::Bzip2 => {
                let mut out = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
                out.write_all(bytes).expect("writes to memory");
                out.finish().expect("writes to memory")
            }
            Self::Xz => {
                let mut out = liblzma::write::XzEncoder::new(Vec::new(), 2);
                out.write_all(bytes).expect("writes to memory");
                out.finish().expect("writes to memory")
            }
            Self::Lzma => {
                let options =
                    liblzma::stream::LzmaOptions::new_preset(2).expect("2 is a valid preset");
                let stream = liblzma::stream::Stream::new_lzma_encoder(&options)
                    .expect("a preset makes valid options");
                let mut out = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
                out.write_all(bytes).expect("writes to memory");
                out.finish().expect("writes to memory")
            }
            Self::Zstd => zstd::stream::encode_all(bytes, 3).expect("writes to memory"),
        }
    }
}
