//! The ar container (ar(5), deb(5)): a magic, then members behind headers of 60 bytes of text.

use std::io::{self, BufRead, BufReader, Read};

use mikron_package::{ArchiveError, LimitExceeded, Limits};

use crate::{fill, read_full, truncated};

const MAGIC: &[u8; 8] = b"!<arch>\n";
const BUFFER: usize = 256 << 10;

/// A member header, taken apart.
///
/// ```
/// use mikron_archive::ArHeader;
/// let header = ArHeader::parse(b"debian-binary   1700000000  0     0     100644  4         `\n")?;
/// assert_eq!((header.name.as_slice(), header.size), (&b"debian-binary"[..], 4));
/// # Ok::<(), mikron_package::ArchiveError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArHeader {
    /// The name, without the spaces that fill its field and without one closing `/` (GNU).
    pub name: Vec<u8>,
    /// The size of the member in bytes, without the byte that pads it to an even size.
    pub size: u64,
}

impl ArHeader {
    /// The size of a header in bytes.
    pub const SIZE: usize = 60;

    /// Reads a header. Owner, time and mode mean nothing to packages and are not looked at, as in dpkg.
    ///
    /// # Errors
    /// When the closing bytes are wrong, or the size is not a decimal number.
    pub fn parse(block: &[u8; Self::SIZE]) -> Result<Self, ArchiveError> {
        if &block[58..] != b"`\n" {
            return Err(ArchiveError::malformed(
                "a member header does not end in a backquote and a line break",
            ));
        }
        let mut name = block[..16].trim_ascii_end();
        if let Some(shorter) = name.strip_suffix(b"/").filter(|rest| !rest.is_empty()) {
            name = shorter;
        }
        let digits = block[48..58].trim_ascii_start();
        let digits = digits.split(|b| *b == b' ').next().unwrap_or_default();
        // Ten digits at most: no overflow.
        let size = (!digits.is_empty() && digits.iter().all(u8::is_ascii_digit))
            .then(|| digits.iter().fold(0, |n, d| n * 10 + u64::from(d - b'0')))
            .ok_or_else(|| {
                ArchiveError::malformed(format!(
                    "the member size `{}` is not a number",
                    block[48..58].trim_ascii().escape_ascii()
                ))
                .in_entry(name.escape_ascii())
            })?;
        Ok(Self {
            name: name.to_vec(),
            size,
        })
    }
}

/// A member, as [`ArReader::next_member`] returns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArMember {
    /// Its name, as in [`ArHeader::name`], or the long name (BSD) where these are read.
    pub name: Vec<u8>,
    /// The size of its content in bytes.
    pub size: u64,
    /// Where its content begins in the archive.
    pub offset: u64,
}

/// Reads the members of an ar archive in one pass. It is itself the [`BufRead`] over the content of the current member.
///
/// ```
/// use std::io::Read;
/// use mikron_archive::ArReader;
/// use mikron_package::Limits;
/// let archive = b"!<arch>\nmotd            0           0     0     100644  5         `\nhello\n";
/// let mut reader = ArReader::new(&archive[..], &Limits::default())?;
/// let member = reader.next_member()?.expect("there is one");
/// assert_eq!((member.name.as_slice(), member.size, member.offset), (&b"motd"[..], 5, 68));
/// let mut text = String::new();
/// reader.read_to_string(&mut text)?;
/// assert_eq!(text, "hello");
/// assert_eq!(reader.next_member()?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ArReader<R> {
    input: BufReader<R>,
    /// Bytes read from the archive so far.
    offset: u64,
    /// Bytes of the current member that were not read yet.
    left: u64,
    /// Whether a padding byte follows the current member.
    padded: bool,
    bsd: bool,
    archive: u64,
    extension: u64,
}

impl<R: Read> ArReader<R> {
    /// Opens an archive and reads its magic.
    ///
    /// # Errors
    /// When the input does not begin with the magic.
    pub fn new(input: R, limits: &Limits) -> Result<Self, ArchiveError> {
        let mut reader = Self {
            input: BufReader::with_capacity(BUFFER, input),
            offset: 0,
            left: 0,
            padded: false,
            bsd: false,
            archive: limits.archive,
            extension: limits.extension,
        };
        let mut magic = [0; 8];
        let n = reader.read_into(&mut magic)?;
        if n == 0 {
            return Err(truncated("the file is empty").at(0));
        }
        if &magic[..n] != MAGIC {
            return Err(ArchiveError::malformed("this is not an ar archive").at(0));
        }
        Ok(reader)
    }

    /// Reads long names in the way of BSD (`#1/N`: the first N bytes of the content). deb(5) has none.
    #[must_use]
    pub fn with_bsd_names(mut self) -> Self {
        self.bsd = true;
        self
    }

    /// How many bytes of the archive were read.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    fn read_into(&mut self, buffer: &mut [u8]) -> Result<usize, ArchiveError> {
        let n = read_full(&mut self.input, buffer)
            .map_err(|error| ArchiveError::from_io(error).at(self.offset))?;
        self.advance(n)?;
        Ok(n)
    }

    fn advance(&mut self, count: usize) -> Result<(), ArchiveError> {
        self.offset += count as u64;
        LimitExceeded::check("archive", self.offset, self.archive)
            .map_err(|error| ArchiveError::new(error).at(self.offset))
    }

    /// Skips what is left of the current member and its padding. A last member may lack its padding byte.
    fn skip(&mut self) -> Result<(), ArchiveError> {
        while self.left > 0 {
            let n = self.fill_member()?.len();
            self.use_up(n)?;
        }
        if std::mem::take(&mut self.padded) {
            self.read_into(&mut [0])?;
        }
        Ok(())
    }

    fn fill_member(&mut self) -> Result<&[u8], ArchiveError> {
        if self.left == 0 {
            return Ok(&[]);
        }
        let (left, offset) = (self.left, self.offset);
        let buffer =
            fill(&mut self.input).map_err(|error| ArchiveError::from_io(error).at(offset))?;
        if buffer.is_empty() {
            return Err(truncated(format!("{left} bytes of a member are missing")).at(offset));
        }
        let n = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        Ok(&buffer[..n])
    }

    fn use_up(&mut self, count: usize) -> Result<(), ArchiveError> {
        self.input.consume(count);
        self.left -= count as u64;
        self.advance(count)
    }

    /// Goes to the next member, past what was not read of the current one. `None` at the end of the archive.
    ///
    /// # Errors
    /// When a header is malformed or cut off, the current member is longer than the archive, or a limit is exceeded.
    pub fn next_member(&mut self) -> Result<Option<ArMember>, ArchiveError> {
        self.skip()?;
        let start = self.offset;
        let mut block = [0; ArHeader::SIZE];
        match self.read_into(&mut block)? {
            0 => return Ok(None),
            ArHeader::SIZE => {}
            _ => return Err(truncated("a member header").at(start)),
        }
        let ArHeader { mut name, mut size } =
            ArHeader::parse(&block).map_err(|error| error.at(start))?;
        LimitExceeded::check("archive", self.offset + size, self.archive).map_err(|error| {
            ArchiveError::new(error)
                .in_entry(name.escape_ascii())
                .at(start)
        })?;
        self.left = size;
        self.padded = size % 2 == 1;
        if let Some(digits) = name.strip_prefix(b"#1/").filter(|_| self.bsd) {
            name = self.long_name(digits, size, start)?;
            size = self.left;
        }
        Ok(Some(ArMember {
            name,
            size,
            offset: self.offset,
        }))
    }

    fn long_name(&mut self, digits: &[u8], size: u64, start: u64) -> Result<Vec<u8>, ArchiveError> {
        let wrong = |reason: String| {
            ArchiveError::malformed(reason)
                .in_entry(format!("#1/{}", digits.escape_ascii()))
                .at(start)
        };
        let length: u64 = std::str::from_utf8(digits)
            .ok()
            .filter(|text| !text.starts_with('+'))
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| wrong("the length of the long name is not a number".into()))?;
        if length > size {
            return Err(wrong(format!(
                "the long name of {length} bytes is longer than its member of {size}"
            )));
        }
        LimitExceeded::check("extension", length, self.extension)
            .map_err(|error| ArchiveError::new(error).at(start))?;
        let mut name = vec![0; length as usize];
        let n = self.read_into(&mut name)?;
        self.left -= n as u64;
        if n < name.len() {
            return Err(truncated("a long member name").at(start));
        }
        let end = name
            .iter()
            .rposition(|b| *b != 0)
            .map_or(0, |last| last + 1);
        name.truncate(end);
        Ok(name)
    }
}

impl<R: Read> Read for ArReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_member().map_err(ArchiveError::into_io)?;
        let n = available.len().min(buffer.len());
        buffer[..n].copy_from_slice(&available[..n]);
        self.use_up(n).map_err(ArchiveError::into_io)?;
        Ok(n)
    }
}

impl<R: Read> BufRead for ArReader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.fill_member().map_err(ArchiveError::into_io)
    }

    fn consume(&mut self, count: usize) {
        let count = u64::try_from(count).map_or(self.left, |n| n.min(self.left));
        // The archive's cap was checked against the whole member when its header was read.
        self.input.consume(count as usize);
        self.left -= count;
        self.offset += count;
    }
}
