//! The cpio container (cpio(5)): members behind headers of text, everything padded to four bytes.
//!
//! Three kinds of headers may follow each other: "newc", "crc" with the sum of every content, and rpm's stripped kind, which
//! names a file of the package's header by number and leaves everything else to that header. The stripped kind is what a file
//! of 4 GiB and more needs: the others count in eight hexadecimal digits.

mod header;

use std::io::{self, BufReader, Read};

use mikron_package::{ArchiveError, LimitExceeded, Limits, RootPath};

use crate::{fill, read_full, truncated};
pub use header::CpioMember;
use header::{CRC, FIELDS, NEWC, STRIPPED, TRAILER, fields, number};

const BUFFER: usize = 64 << 10;
/// Everything begins at a multiple of this many bytes.
const ALIGNMENT: u64 = 4;

/// What stands before the content of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CpioHeader {
    /// A header that describes its member.
    Member(CpioMember),
    /// A stripped header: the number of the file in the package's own list. How long the content is stands there too, and has
    /// to be said with [`CpioReader::expect_size`] before it is read.
    Index(u32),
}

/// Reads the members of a cpio archive in one pass. It is itself the reader of the current member's content.
///
/// ```
/// use std::io::Read;
/// use mikron_archive::{CpioHeader, CpioReader};
/// use mikron_package::Limits;
/// let mut bytes = b"070701".to_vec();
/// let fields = [1, 0o100_644, 0, 0, 1, 0, 5, 0, 0, 0, 0, 5, 0];
/// fields.iter().for_each(|field| bytes.extend(format!("{field:08x}").bytes()));
/// bytes.extend(b"motd\0\0hello\0\0\0");
/// let fields = [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 11, 0];
/// bytes.extend(b"070701");
/// fields.iter().for_each(|field| bytes.extend(format!("{field:08x}").bytes()));
/// bytes.extend(b"TRAILER!!!\0\0\0\0");
///
/// let mut reader = CpioReader::new(&*bytes, &Limits::default());
/// let Some(CpioHeader::Member(member)) = reader.next_header()? else { panic!("a member") };
/// assert_eq!((member.name.as_slice(), member.size), (&b"motd"[..], 5));
/// let mut text = String::new();
/// reader.read_to_string(&mut text)?;
/// assert_eq!(text, "hello");
/// assert_eq!(reader.next_header()?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct CpioReader<R> {
    input: BufReader<R>,
    /// Bytes read from the archive so far.
    offset: u64,
    /// Bytes of the current member that were not read yet.
    left: u64,
    /// The sum that the current member is to have, and the one that it has so far.
    sum: Option<(u32, u32)>,
    /// The current member, for messages.
    current: Option<String>,
    members: u64,
    entries: u64,
    unpacked: u64,
    ended: bool,
}

impl<R: Read> CpioReader<R> {
    /// Opens an archive. Nothing is read yet.
    pub fn new(input: R, limits: &Limits) -> Self {
        Self {
            input: BufReader::with_capacity(BUFFER, input),
            offset: 0,
            left: 0,
            sum: None,
            current: None,
            members: 0,
            entries: limits.entries,
            unpacked: limits.unpacked,
            ended: false,
        }
    }

    /// How many bytes of the archive were read.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The reader below. It may stand further than the archive was read, by a buffer.
    pub fn get_mut(&mut self) -> &mut R {
        self.input.get_mut()
    }

    /// The reader below.
    pub fn into_inner(self) -> R {
        self.input.into_inner()
    }

    /// Goes to the next member, past what was not read of the current one. `None` at the end of the archive; behind it may
    /// stand zeros, and nothing else.
    ///
    /// # Errors
    /// When a header is malformed, the archive is cut off or goes on behind its end, a sum differs, or a limit is exceeded.
    pub fn next_header(&mut self) -> Result<Option<CpioHeader>, ArchiveError> {
        if self.ended {
            return Ok(None);
        }
        self.skip()?;
        self.current = None;
        self.sum = None;
        self.pad()?;
        let start = self.offset;
        let header = self.header(start).map_err(|error| error.at(start))?;
        if header.is_none() {
            self.zeros()?;
            self.ended = true;
        }
        Ok(header)
    }

    /// Says how many bytes of content follow a stripped header. Without it there are none.
    ///
    /// # Errors
    /// When the size exceeds [`Limits::unpacked`].
    pub fn expect_size(&mut self, size: u64) -> Result<(), ArchiveError> {
        LimitExceeded::check("unpacked", self.offset.saturating_add(size), self.unpacked)
            .map_err(|error| ArchiveError::new(error).at(self.offset))?;
        self.left = size;
        Ok(())
    }

    fn header(&mut self, start: u64) -> Result<Option<CpioHeader>, ArchiveError> {
        let mut magic = [0; 6];
        self.exactly(&mut magic, "a member header")?;
        let sums = match &magic {
            STRIPPED => {
                let mut digits = [0; 8];
                self.exactly(&mut digits, "a stripped member header")?;
                self.count()?;
                let index = number(&digits)?;
                self.current = Some(format!("file {index}"));
                self.pad()?;
                return Ok(Some(CpioHeader::Index(index)));
            }
            NEWC => false,
            CRC => true,
            _ => {
                return Err(ArchiveError::malformed(format!(
                    "`{}` does not begin a cpio member",
                    magic.escape_ascii()
                )));
            }
        };
        let mut block = [0; FIELDS];
        self.exactly(&mut block, "a member header")?;
        let (mut member, name_size) = fields(&block, sums, start)?;
        member.name = self.name(name_size)?;
        self.pad()?;
        // A symbolic link may have the name of the trailer; the trailer is of no type at all.
        if member.name == TRAILER && member.mode == 0 {
            if member.size > 0 {
                return Err(ArchiveError::malformed("the end of the archive has a size"));
            }
            return Ok(None);
        }
        self.count()?;
        self.current = Some(member.name.escape_ascii().to_string());
        self.expect_size(member.size)?;
        self.sum = member.checksum.map(|wanted| (wanted, 0));
        Ok(Some(CpioHeader::Member(member)))
    }

    fn count(&mut self) -> Result<(), ArchiveError> {
        self.members += 1;
        LimitExceeded::check("entries", self.members, self.entries).map_err(ArchiveError::from)
    }

    /// The name behind a header, which counts its NUL byte.
    fn name(&mut self, size: u32) -> Result<Vec<u8>, ArchiveError> {
        // `./` before the longest path, and the NUL byte behind it.
        const LONGEST: usize = RootPath::MAX_LEN + 3;
        let size = size as usize;
        if size == 0 {
            return Err(ArchiveError::malformed("the name of a member has no size"));
        }
        if size > LONGEST {
            return Err(ArchiveError::malformed(format!(
                "the name of a member has {size} bytes, more than a path can have"
            )));
        }
        let mut name = vec![0; size];
        self.exactly(&mut name, "the name of a member")?;
        if name.pop() != Some(0) || name.contains(&0) {
            return Err(ArchiveError::malformed(
                "the name of a member does not end where its size says",
            ));
        }
        if name.is_empty() {
            return Err(ArchiveError::malformed("the name of a member is empty"));
        }
        Ok(name)
    }

    fn exactly(&mut self, buffer: &mut [u8], part: &str) -> Result<(), ArchiveError> {
        let n = read_full(&mut self.input, buffer).map_err(ArchiveError::from_io)?;
        self.offset += n as u64;
        if n < buffer.len() {
            return Err(truncated(part));
        }
        Ok(())
    }

    /// Skips what pads the archive to the next multiple of four bytes.
    fn pad(&mut self) -> Result<(), ArchiveError> {
        let padding = (ALIGNMENT - self.offset % ALIGNMENT) % ALIGNMENT;
        let mut zeros = [0; ALIGNMENT as usize];
        let at = self.offset;
        self.exactly(&mut zeros[..padding as usize], "the padding of a member")
            .map_err(|error| error.at(at))
    }

    fn skip(&mut self) -> Result<(), ArchiveError> {
        while self.left > 0 {
            let n = self.available()?.len();
            self.use_up(n)?;
        }
        self.check_sum()
    }

    fn check_sum(&self) -> Result<(), ArchiveError> {
        match self.sum {
            Some((wanted, found)) if self.left == 0 && wanted != found => {
                Err(self.fault(ArchiveError::malformed(format!(
                    "the sum of the content is {found:08x}, and {wanted:08x} was promised"
                ))))
            }
            _ => Ok(()),
        }
    }

    fn fault(&self, error: ArchiveError) -> ArchiveError {
        let error = error.at(self.offset);
        match &self.current {
            Some(name) => error.in_entry(name),
            None => error,
        }
    }

    /// What is buffered of the current member, at least one byte.
    fn available(&mut self) -> Result<&[u8], ArchiveError> {
        let left = self.left;
        let filled = fill(&mut self.input).map(<[u8]>::len);
        match filled {
            Err(error) => Err(self.fault(ArchiveError::from_io(error))),
            Ok(0) => Err(self.fault(truncated(format!("{left} bytes of a member are missing")))),
            Ok(n) => {
                let n = usize::try_from(left).map_or(n, |left| left.min(n));
                Ok(&self.input.buffer()[..n])
            }
        }
    }

    fn use_up(&mut self, count: usize) -> Result<(), ArchiveError> {
        if let Some((_, sum)) = &mut self.sum {
            let bytes = &self.input.buffer()[..count];
            *sum = bytes
                .iter()
                .fold(*sum, |sum, byte| sum.wrapping_add(u32::from(*byte)));
        }
        io::BufRead::consume(&mut self.input, count);
        self.left -= count as u64;
        self.offset += count as u64;
        self.check_sum()
    }

    /// Archives are padded to a whole block by most writers; anything else behind the end is hidden from some readers.
    fn zeros(&mut self) -> Result<(), ArchiveError> {
        loop {
            let bytes = fill(&mut self.input)
                .map_err(|error| ArchiveError::from_io(error).at(self.offset))?;
            if bytes.is_empty() {
                return Ok(());
            }
            let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
            let all = zeros == bytes.len();
            io::BufRead::consume(&mut self.input, zeros);
            self.offset += zeros as u64;
            if !all {
                return Err(
                    ArchiveError::malformed("bytes follow the end of the cpio archive")
                        .at(self.offset),
                );
            }
        }
    }
}

impl<R: Read> Read for CpioReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 || buffer.is_empty() {
            return Ok(0);
        }
        let available = self.available().map_err(ArchiveError::into_io)?;
        let n = available.len().min(buffer.len());
        buffer[..n].copy_from_slice(&available[..n]);
        self.use_up(n).map_err(ArchiveError::into_io)?;
        Ok(n)
    }
}
