//! The unpacked text of a metadata file, checked against what `repomd.xml` promises of it.

use std::io::{self, BufRead, BufReader, Read};

use mikron_archive::{Cap, Compression, Decompressor};
use mikron_package::{ArchiveError, Limits};

use super::{ChecksumHasher, RepomdData, RepomdErrorKind};

/// The unpacked text as a stream. At its end, size and checksum are checked: whoever reads it to the end has read what was
/// promised, or an error.
///
/// ```
/// use std::io::Read as _;
/// use mikron_package::{Limits, Origin};
/// use mikron_rpm::{Unpacked, parse_repomd};
/// # let text = format!(
/// #     r#"<repomd><data type="primary"><checksum type="sha256">{}</checksum>
/// #        <location href="primary.xml"/><open-size>3</open-size></data></repomd>"#,
/// #     "0".repeat(64),
/// # );
/// # let repomd = parse_repomd(text.as_bytes(), &Limits::default(), &Origin::named("repomd.xml"))?;
/// let data = repomd.file("primary")?;
/// let mut text = Unpacked::new(&b"cut off"[..], data, &Limits::default())?;
/// assert!(text.read_to_end(&mut Vec::new()).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Unpacked<R> {
    input: BufReader<Decompressor<R>>,
    hasher: Option<ChecksumHasher>,
    data: RepomdData,
    produced: u64,
    checked: bool,
}

/// As much is unpacked at once, in bytes.
const BUFFER: usize = 128 << 10;

impl<R: BufRead> Unpacked<R> {
    /// Unpacks `input`, which lies at the location of `data`, by its magic.
    ///
    /// # Errors
    /// When the first bytes cannot be read, or are those of zchunk.
    pub fn new(mut input: R, data: &RepomdData, limits: &Limits) -> Result<Self, RepomdErrorKind> {
        let magic = input
            .fill_buf()
            .map_err(|error| RepomdErrorKind::from(std::sync::Arc::new(error)))?;
        if magic.starts_with(b"\0ZCK1") {
            return Err(RepomdErrorKind::Zchunk(data.location.clone()));
        }
        let input = Decompressor::detect(input, limits, Cap::index(limits))
            .map_err(|error| RepomdErrorKind::Archive(Box::new(error)))?;
        // A file that is not packed is its own text, and its checksum was checked when it was fetched.
        let hasher = match &data.open_checksum {
            Some(checksum)
                if input.compression() != Compression::None || *checksum != data.checksum =>
            {
                Some(checksum.hasher())
            }
            _ => None,
        };
        Ok(Self {
            input: BufReader::with_capacity(BUFFER, input),
            hasher,
            data: data.clone(),
            produced: 0,
            checked: false,
        })
    }

    fn check_end(&mut self) -> Result<(), RepomdErrorKind> {
        self.checked = true;
        if let Some(promised) = self.data.open_size.filter(|size| *size != self.produced) {
            return Err(RepomdErrorKind::OpenSize {
                promised,
                found: self.produced,
            });
        }
        let found = self.hasher.take().map(ChecksumHasher::finish);
        if let (Some(promised), Some(found)) = (&self.data.open_checksum, found)
            && *promised != found
        {
            return Err(RepomdErrorKind::OpenChecksum {
                promised: promised.clone(),
                found,
            });
        }
        Ok(())
    }
}

impl<R: BufRead> BufRead for Unpacked<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.input.buffer().is_empty() {
            let fresh = self.input.fill_buf()?;
            let n = fresh.len() as u64;
            if let Some(hasher) = &mut self.hasher {
                hasher.update(fresh);
            }
            self.produced += n;
            let promised = self.data.open_size.unwrap_or(u64::MAX);
            if self.produced > promised {
                let found = self.produced;
                return Err(io::Error::other(RepomdErrorKind::OpenSize {
                    promised,
                    found,
                }));
            }
            if n == 0 && !self.checked {
                self.check_end().map_err(io::Error::other)?;
            }
        }
        Ok(self.input.buffer())
    }

    fn consume(&mut self, amount: usize) {
        self.input.consume(amount);
    }
}

impl<R: BufRead> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(buffer)?;
        self.consume(n);
        Ok(n)
    }
}

impl<R> std::fmt::Debug for Unpacked<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unpacked")
            .field("data", &self.data)
            .field("produced", &self.produced)
            .finish_non_exhaustive()
    }
}

/// Finds what a reader below said, for callers that read the text by other means.
impl From<ArchiveError> for RepomdErrorKind {
    fn from(error: ArchiveError) -> Self {
        Self::Archive(Box::new(error))
    }
}
