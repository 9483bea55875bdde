//! gzip members one by one, with the digests of their packed bytes.
//!
//! An apk is several gzip files in a row, and where one ends and the next begins means something: signatures and checksums
//! cover the packed bytes of one of them. So members are split exactly, which readers that unpack the whole row cannot do.

use std::io::{self, BufRead, Read};

use flate2::{Decompress, FlushDecompress, Status};
use mikron_archive::Cap;
use mikron_package::{ArchiveError, ArchiveErrorKind, Digest, Hasher, LimitExceeded, Limits};
use sha1::{Digest as _, Sha1};

/// The digests of the packed bytes that a signature or a checksum covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Covered {
    /// Their SHA-1.
    pub sha1: [u8; 20],
    /// Their SHA-256.
    pub sha256: Digest,
}

/// Both digests at once.
#[derive(Default)]
pub(crate) struct CoveredHasher {
    sha1: Sha1,
    sha256: Hasher,
}

impl CoveredHasher {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.sha1.update(bytes);
        self.sha256.update(bytes);
    }

    pub(crate) fn finish(self) -> Covered {
        Covered {
            sha1: self.sha1.finalize().into(),
            sha256: self.sha256.finish(),
        }
    }
}

/// What is hashed of the current member.
enum Hashing {
    Nothing,
    Both(Box<CoveredHasher>),
    Sha256(Hasher),
}

/// What is to be hashed of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Nothing,
    Both,
    Sha256,
}

/// A header of gzip holds a file name and a comment of any length. Nobody writes them longer than this, in bytes.
const LONGEST_HEADER: u64 = 64 << 10;

/// Splits a stream into gzip members; it is itself the [`Read`] over the unpacked bytes of the current one.
pub(crate) struct Members<R> {
    input: R,
    codec: Decompress,
    limits: Limits,
    cap: Cap,
    /// Packed bytes before the current member.
    before: u64,
    hashing: Hashing,
    inside: bool,
}

impl<R: BufRead> Members<R> {
    pub(crate) fn new(input: R, limits: &Limits) -> Self {
        Self {
            input,
            codec: Decompress::new_gzip(15),
            limits: limits.clone(),
            cap: Cap::control(limits),
            before: 0,
            hashing: Hashing::Nothing,
            inside: false,
        }
    }

    /// Where in the packed stream the reader stands, in bytes.
    pub(crate) fn offset(&self) -> u64 {
        self.before + self.codec.total_in()
    }

    /// Packed bytes that come next: one at least where the input has any.
    pub(crate) fn peek(&mut self) -> Result<&[u8], ArchiveError> {
        loop {
            match self.input.fill_buf() {
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ArchiveError::from_io(error)),
            }
        }
        // The buffer is filled or at its end: this call returns it, and reads nothing more than the one before.
        self.input.fill_buf().map_err(ArchiveError::from_io)
    }

    /// Goes on to the next member, which must come now; the one before must have been read to its end.
    pub(crate) fn start(
        &mut self,
        what: &str,
        cap: Cap,
        wanted: Wanted,
    ) -> Result<(), ArchiveError> {
        let at = self.offset();
        let found = self.peek()?.first().copied();
        match found {
            Some(0x1f) => {}
            Some(_) => {
                return Err(ArchiveError::malformed(format!(
                    "no gzip member stands where {what} must"
                ))
                .at(at));
            }
            None => {
                return Err(ArchiveError::new(ArchiveErrorKind::Truncated(format!(
                    "{what} is missing"
                )))
                .at(at));
            }
        }
        self.before = at;
        self.codec = Decompress::new_gzip(15);
        self.cap = cap;
        self.hashing = match wanted {
            Wanted::Nothing => Hashing::Nothing,
            Wanted::Both => Hashing::Both(Box::default()),
            Wanted::Sha256 => Hashing::Sha256(Hasher::default()),
        };
        self.inside = true;
        Ok(())
    }

    /// Everything of the current member. It ends exactly where the next begins.
    pub(crate) fn read_all(&mut self) -> Result<Vec<u8>, ArchiveError> {
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes)
            .map_err(ArchiveError::from_io)?;
        Ok(bytes)
    }

    /// The digests of a member that was started with [`Wanted::Both`] and read to its end.
    pub(crate) fn covered(&mut self) -> Option<Covered> {
        match std::mem::replace(&mut self.hashing, Hashing::Nothing) {
            Hashing::Both(hasher) => Some(hasher.finish()),
            _ => None,
        }
    }

    /// The digest of a member that was started with [`Wanted::Sha256`] and read to its end.
    pub(crate) fn sha256(&mut self) -> Option<Digest> {
        match std::mem::replace(&mut self.hashing, Hashing::Nothing) {
            Hashing::Sha256(hasher) => Some(hasher.finish()),
            _ => None,
        }
    }

    /// The digests of all packed bytes that are left, and before them those of the current member where it was started with
    /// [`Wanted::Both`]. Nothing is unpacked.
    pub(crate) fn cover_rest(&mut self) -> Result<Covered, ArchiveError> {
        let mut hasher = match std::mem::replace(&mut self.hashing, Hashing::Nothing) {
            Hashing::Both(hasher) => hasher,
            _ => Box::default(),
        };
        self.each_left(|bytes| hasher.update(bytes))?;
        Ok(hasher.finish())
    }

    /// The digest of all packed bytes that are left, where nothing was unpacked of the current member. Nothing is unpacked.
    pub(crate) fn sha256_of_rest(&mut self) -> Result<Digest, ArchiveError> {
        let mut hasher = Hasher::default();
        self.each_left(|bytes| hasher.update(bytes))?;
        Ok(hasher.finish())
    }

    /// Passes by what is left of the packed bytes.
    fn each_left(&mut self, mut see: impl FnMut(&[u8])) -> Result<(), ArchiveError> {
        let mut at = self.offset();
        loop {
            let bytes = self.peek()?;
            let count = bytes.len();
            if count == 0 {
                return Ok(());
            }
            see(bytes);
            self.input.consume(count);
            at += count as u64;
            LimitExceeded::check("archive", at, self.limits.archive)
                .map_err(|error| ArchiveError::new(error).at(at))?;
        }
    }

    /// Makes sure that nothing follows the last member.
    pub(crate) fn finish(&mut self) -> Result<(), ArchiveError> {
        let at = self.offset();
        match self.peek()?.first() {
            None => Ok(()),
            Some(0x1f) => Err(ArchiveError::malformed("a gzip member follows the last one").at(at)),
            Some(_) => Err(ArchiveError::malformed("bytes follow the last gzip member").at(at)),
        }
    }

    fn step(&mut self, output: &mut [u8]) -> Result<usize, ArchiveError> {
        while self.inside {
            let at = self.offset();
            let (before_in, before_out) = (self.codec.total_in(), self.codec.total_out());
            self.peek()?;
            let input = self.input.fill_buf().map_err(ArchiveError::from_io)?;
            let end = input.is_empty();
            let status = self
                .codec
                .decompress(input, output, FlushDecompress::None)
                .map_err(|_| ArchiveError::malformed("the gzip data are damaged").at(at))?;
            let consumed = (self.codec.total_in() - before_in) as usize;
            let produced = (self.codec.total_out() - before_out) as usize;
            match &mut self.hashing {
                Hashing::Nothing => {}
                Hashing::Both(hasher) => hasher.update(&input[..consumed]),
                Hashing::Sha256(hasher) => hasher.update(&input[..consumed]),
            }
            self.input.consume(consumed);
            LimitExceeded::check("archive", self.offset(), self.limits.archive)
                .map_err(|error| ArchiveError::new(error).at(at))?;
            if status == Status::StreamEnd {
                self.inside = false;
            } else if end && produced == 0 {
                return Err(ArchiveError::new(ArchiveErrorKind::Truncated(
                    "a gzip member".to_owned(),
                ))
                .at(at));
            } else if self.codec.total_out() == 0 && self.codec.total_in() > LONGEST_HEADER {
                return Err(ArchiveError::malformed(
                    "the header of a gzip member does not end within 64 KiB",
                )
                .at(self.before));
            }
            if produced > 0 {
                LimitExceeded::check(self.cap.limit, self.codec.total_out(), self.cap.bytes)
                    .map_err(|error| ArchiveError::new(error).at(at))?;
                return Ok(produced);
            }
        }
        Ok(0)
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.step(buffer).map_err(ArchiveError::into_io)
    }
}
