//! Decompression with a cap, for members of archives and for indexes.

mod codec;

use std::fmt;
use std::io::{self, BufRead, Read};

use mikron_package::{ArchiveError, LimitExceeded, Limits};

use crate::{fill, truncated};
use codec::{Codec, codec};

/// A compressed format, or none.
///
/// ```
/// use mikron_archive::Compression;
/// assert_eq!(Compression::from_name(b"data.tar.zst"), Some(Compression::Zstd));
/// assert_eq!(Compression::from_magic(&[0x1f, 0x8b, 8, 0]), Some(Compression::Gzip));
/// assert_eq!(Compression::from_extension(b".bad"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Not compressed.
    None,
    /// gzip (RFC 1952).
    Gzip,
    /// bzip2.
    Bzip2,
    /// xz.
    Xz,
    /// The format of LZMA Utils ("LZMA alone"), in old packages.
    Lzma,
    /// Zstandard (RFC 8878).
    Zstd,
}

impl Compression {
    /// The format that an extension with its dot names; nothing at all means [`Compression::None`] (deb(5)).
    pub fn from_extension(extension: &[u8]) -> Option<Self> {
        Some(match extension {
            b"" => Self::None,
            b".gz" => Self::Gzip,
            b".bz2" => Self::Bzip2,
            b".xz" => Self::Xz,
            b".lzma" => Self::Lzma,
            b".zst" => Self::Zstd,
            _ => return None,
        })
    }

    /// The format that a file name's last extension names; `None` where it names none (`Packages`, `data.tar`).
    pub fn from_name(name: &[u8]) -> Option<Self> {
        let dot = name.iter().rposition(|b| *b == b'.')?;
        Self::from_extension(&name[dot..])
    }

    /// The format that data with this beginning (6 bytes) is in. LZMA alone has no magic and is never found so.
    pub fn from_magic(prefix: &[u8]) -> Option<Self> {
        if prefix.starts_with(&[0x1f, 0x8b]) {
            Some(Self::Gzip)
        } else if prefix.starts_with(b"BZh") {
            Some(Self::Bzip2)
        } else if prefix.starts_with(b"\xfd7zXZ\0") {
            Some(Self::Xz)
        } else if prefix.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            Some(Self::Zstd)
        } else {
            None
        }
    }

    /// The name of the format, for messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "uncompressed",
            Self::Gzip => "gzip",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
            Self::Lzma => "lzma",
            Self::Zstd => "zstd",
        }
    }
}

/// How many bytes may come out of a decompressor, and which field of [`Limits`] says so.
///
/// ```
/// use mikron_archive::Cap;
/// use mikron_package::Limits;
/// let limits = Limits::default();
/// assert_eq!(Cap::control(&limits).bytes, limits.control);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cap {
    /// The name of the field.
    pub limit: &'static str,
    /// Its value.
    pub bytes: u64,
}

impl Cap {
    /// [`Limits::unpacked`], for an archive's data.
    pub fn unpacked(limits: &Limits) -> Self {
        Self {
            limit: "unpacked",
            bytes: limits.unpacked,
        }
    }

    /// [`Limits::control`], for an archive's metadata.
    pub fn control(limits: &Limits) -> Self {
        Self {
            limit: "control",
            bytes: limits.control,
        }
    }

    /// [`Limits::index_unpacked`], for an index.
    pub fn index(limits: &Limits) -> Self {
        Self {
            limit: "index_unpacked",
            bytes: limits.index_unpacked,
        }
    }
}

/// A reader that unpacks another one, with a cap on what comes out and a check of how it ends.
///
/// Members of gzip, streams of xz and bzip2, and frames of zstd may follow each other. A stream that stops early, and
/// bytes behind the last one that are neither a further one nor padding, are errors; they surface as [`io::Error`]s
/// with an [`ArchiveError`] inside ([`ArchiveError::from_io`] takes it out). Offsets count the compressed bytes.
///
/// ```
/// use std::io::Read;
/// use mikron_archive::{Cap, Compression, Decompressor};
/// use mikron_package::Limits;
/// let limits = Limits::default();
/// let mut plain = Vec::new();
/// Decompressor::new(&b"hello"[..], Compression::None, &limits, Cap::index(&limits))?.read_to_end(&mut plain)?;
/// assert_eq!(plain, b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Decompressor<R> {
    input: R,
    codec: Option<Box<dyn Codec>>,
    compression: Compression,
    cap: Cap,
    consumed: u64,
    produced: u64,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Inside a member.
    Inside,
    /// Behind a member: a further one, padding, or the end follows.
    Between,
    /// At the end.
    Done,
}

impl<R> fmt::Debug for Decompressor<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decompressor")
            .field("compression", &self.compression)
            .field("consumed", &self.consumed)
            .field("produced", &self.produced)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl<R: BufRead> Decompressor<R> {
    /// Unpacks `input`; at most `cap` bytes come out.
    ///
    /// # Errors
    /// When the decoder cannot be set up with these limits.
    pub fn new(
        input: R,
        compression: Compression,
        limits: &Limits,
        cap: Cap,
    ) -> Result<Self, ArchiveError> {
        Ok(Self {
            input,
            codec: codec(compression, limits)?,
            compression,
            cap,
            consumed: 0,
            produced: 0,
            state: State::Inside,
        })
    }

    /// Unpacks `input` by its magic, and passes it on where it has none.
    ///
    /// # Errors
    /// As [`Decompressor::new`], and when the first read fails.
    pub fn detect(mut input: R, limits: &Limits, cap: Cap) -> Result<Self, ArchiveError> {
        let prefix = fill(&mut input).map_err(ArchiveError::from_io)?;
        let compression = Compression::from_magic(prefix).unwrap_or(Compression::None);
        Self::new(input, compression, limits, cap)
    }

    /// The format that is unpacked.
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// How many bytes came out so far.
    pub fn produced(&self) -> u64 {
        self.produced
    }

    /// The reader below. What was read ahead lies in its own buffer, so it stands right behind what was used.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.input
    }

    /// The reader below.
    pub fn into_inner(self) -> R {
        self.input
    }

    fn step(&mut self, output: &mut [u8]) -> Result<usize, ArchiveError> {
        let Some(codec) = &mut self.codec else {
            let n = self.input.read(output).map_err(ArchiveError::from_io)?;
            self.consumed += n as u64;
            return Ok(n);
        };
        loop {
            match self.state {
                State::Done => return Ok(0),
                State::Inside => {
                    let input = fill(&mut self.input).map_err(ArchiveError::from_io)?;
                    let end = input.is_empty();
                    let step = codec
                        .step(input, output)
                        .map_err(|error| error.at(self.consumed))?;
                    self.input.consume(step.consumed);
                    self.consumed += step.consumed as u64;
                    if step.end {
                        self.state = State::Between;
                    } else if end && step.produced == 0 {
                        return Err(truncated(format!("{} data", self.compression.name())));
                    }
                    if step.produced > 0 {
                        return Ok(step.produced);
                    }
                }
                State::Between => {
                    let input = fill(&mut self.input).map_err(ArchiveError::from_io)?;
                    let Some(first) = input.first() else {
                        self.state = State::Done;
                        continue;
                    };
                    let further = match self.compression {
                        Compression::Zstd => true,
                        _ => codec.magic() == Some(*first),
                    };
                    if further {
                        codec.restart()?;
                        self.state = State::Inside;
                    } else if self.compression == Compression::Gzip && *first == 0 {
                        // gzip(1) ignores zeros behind the last member: tapes are padded so.
                        let zeros = input.iter().take_while(|b| **b == 0).count();
                        self.input.consume(zeros);
                        self.consumed += zeros as u64;
                    } else {
                        return Err(ArchiveError::malformed(format!(
                            "bytes follow the end of the {} data",
                            self.compression.name()
                        )));
                    }
                }
            }
        }
    }
}

impl<R: BufRead> Read for Decompressor<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let n = self
            .step(buffer)
            .map_err(|error| error.at(self.consumed).into_io())?;
        self.produced += n as u64;
        LimitExceeded::check(self.cap.limit, self.produced, self.cap.bytes)
            .map_err(|error| ArchiveError::new(error).at(self.consumed).into_io())?;
        Ok(n)
    }
}
