//! The tar container: ustar, GNU and PAX, in one forward pass.
//!
//! A parser of its own, because what a package manager accepts is part of its format: dpkg refuses the PAX archives that
//! `tar` lists, and where two readers disagree, an attacker picks the one that suits.

mod body;
mod entry;
mod header;
mod number;
mod pax;
mod sparse;

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

use mikron_package::{ArchiveError, ArchiveErrorKind, Entry, LimitExceeded, Limits};

use crate::{fill, read_full, truncated};
use body::Body;
use header::{BLOCK, Header};
use pax::PaxRecords;

const BUFFER: usize = 128 << 10;

/// The latest time that an entry has, in seconds since 1970: the largest that an octal ustar field holds (in the year
/// 2242). What lies behind is set to it, what lies before 1970 to 0.
pub const MAX_MTIME: i64 = 0o77_777_777_777;

/// Whose rules an archive is read by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TarDialect {
    /// What `dpkg --unpack` accepts: ustar, and GNU long names. No PAX, no sparse files.
    Deb,
    /// ustar, GNU and PAX, with PAX winning over the header.
    Posix,
    /// The same without sparse files, which apk does not know: a few bytes would stand for gigabytes of zeros.
    Apk,
}

/// Reads a tar archive entry by entry; it is itself the [`Read`] over the content of the current entry.
///
/// Beside what no dialect allows (bad checksums, truncated content, `..` in a path), these are errors: a size on what has
/// no content, and extension headers with nothing behind them. What stands after the end of the archive is read to its end and
/// means nothing, as for dpkg, apk and tar; [`TarReader::behind_end`] counts it where it is not zeros alone.
///
/// ```
/// use std::io::Read;
/// use mikron_archive::{TarDialect, TarReader};
/// use mikron_package::Limits;
/// # let archive = mikron_testkit::archive::TarBuilder::new().file("./etc/motd", 0o644, b"hello").build();
/// let mut tar = TarReader::new(&archive[..], TarDialect::Deb, &Limits::default());
/// let entry = tar.next_entry()?.expect("there is one");
/// assert_eq!(entry.path.to_string(), "/etc/motd");
/// let mut text = String::new();
/// tar.read_to_string(&mut text)?;
/// assert_eq!(text, "hello");
/// assert_eq!(tar.next_entry()?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TarReader<R> {
    input: BufReader<R>,
    dialect: TarDialect,
    limits: Limits,
    offset: u64,
    body: Body,
    behind_end: u64,
    global: PaxRecords,
    entries: u64,
    unpacked: u64,
    state: State,
    current: Option<String>,
    absolute: bool,
    /// Further PAX keys that are kept, and their values at the current entry.
    further: &'static [&'static str],
    kept: Vec<(&'static str, Vec<u8>)>,
}

enum State {
    Reading,
    Done,
    Failed(ArchiveError),
}

impl<R> fmt::Debug for TarReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TarReader")
            .field("dialect", &self.dialect)
            .field("offset", &self.offset)
            .field("entries", &self.entries)
            .finish_non_exhaustive()
    }
}

/// What extension headers say of the entry that follows them.
#[derive(Default)]
struct Extensions {
    count: u32,
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    records: PaxRecords,
    /// Where the last one stands.
    at: u64,
}

impl<R: Read> TarReader<R> {
    /// Reads `input` by the rules of `dialect`.
    pub fn new(input: R, dialect: TarDialect, limits: &Limits) -> Self {
        Self {
            input: BufReader::with_capacity(BUFFER, input),
            dialect,
            limits: limits.clone(),
            offset: 0,
            body: Body::default(),
            behind_end: 0,
            global: PaxRecords::default(),
            entries: 0,
            unpacked: 0,
            state: State::Reading,
            current: None,
            absolute: false,
            further: &[],
            kept: Vec::new(),
        }
    }

    /// Keeps PAX records of these keys, too, which are a format's own (apk's checksums); [`TarReader::record`] hands them out.
    #[must_use]
    pub fn keeping(mut self, keys: &'static [&'static str]) -> Self {
        self.further = keys;
        self
    }

    /// The value of a key that [`TarReader::keeping`] named, where the current entry's own PAX header has it.
    pub fn record(&self, key: &str) -> Option<&[u8]> {
        let found = self.kept.iter().find(|(kept, _)| *kept == key);
        found.map(|(_, value)| value.as_slice())
    }

    /// Whether the name of the current entry begins with `/`, which its path does not show. Package managers take such names as if
    /// they did not.
    pub fn is_absolute(&self) -> bool {
        self.absolute
    }

    /// How many bytes of the tar stream were read.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How many bytes stand from the first one that is no zero behind the end of the archive; known when
    /// [`TarReader::next_entry`] has returned `None`. Some writers leave there what their buffers held.
    pub fn behind_end(&self) -> u64 {
        self.behind_end
    }

    /// The same, where nothing may stand there: what is signed or read as metadata has one meaning for all readers.
    ///
    /// # Errors
    /// When something does.
    pub fn nothing_behind_end(&self) -> Result<(), ArchiveError> {
        if self.behind_end == 0 {
            return Ok(());
        }
        let error = ArchiveError::malformed("data follow the end of the tar archive");
        Err(error.at(self.offset - self.behind_end))
    }

    /// The reader below. After [`TarReader::next_entry`] returned `None` it is at its end.
    pub fn get_mut(&mut self) -> &mut R {
        self.input.get_mut()
    }

    /// The next entry, past what was not read of the current one; `None` at the end. The end is the first block of zeros,
    /// as dpkg and GNU tar have it, or the end of the input where a header could stand.
    ///
    /// # Errors
    /// When the archive is malformed, truncated, or exceeds a limit. Every call after an error returns it again.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, ArchiveError> {
        match &self.state {
            State::Done => return Ok(None),
            State::Failed(error) => return Err(error.clone()),
            State::Reading => {}
        }
        let result = self.advance();
        match &result {
            Ok(Some(_)) => {}
            Ok(None) => self.state = State::Done,
            Err(error) => self.state = State::Failed(error.clone()),
        }
        result
    }

    fn advance(&mut self) -> Result<Option<Entry>, ArchiveError> {
        self.finish_body()?;
        self.current = None;
        self.kept.clear();
        let mut extensions = Extensions::default();
        loop {
            let at = self.offset;
            let Some(header) = self.header()? else {
                if extensions.count > 0 {
                    return Err(ArchiveError::malformed(
                        "extension headers stand at the end, with no entry behind them",
                    )
                    .at(extensions.at));
                }
                return Ok(None);
            };
            self.entries += 1;
            self.limits
                .check_entries(self.entries)
                .map_err(|error| ArchiveError::new(error).at(at))?;
            if matches!(header.kind, b'L' | b'K')
                || (self.dialect != TarDialect::Deb && matches!(header.kind, b'x' | b'g'))
            {
                extensions.at = at;
                self.extension(&header, &mut extensions)
                    .map_err(|error| error.in_entry(header.name.escape_ascii()).at(at))?;
            } else {
                return self.entry(header, extensions, at).map(Some);
            }
        }
    }

    /// Reads one header block; `None` at the end of the archive, after everything behind it was read.
    fn header(&mut self) -> Result<Option<Header>, ArchiveError> {
        let at = self.offset;
        let mut block = [0; BLOCK];
        match self.read_block(&mut block)? {
            0 => return Ok(None),
            BLOCK => {}
            _ => return Err(truncated("a tar header").at(at)),
        }
        if block.iter().all(|b| *b == 0) {
            self.drain()?;
            return Ok(None);
        }
        Header::parse(&block, self.dialect)
            .map(Some)
            .map_err(|error| error.at(at))
    }

    fn read_block(&mut self, block: &mut [u8]) -> Result<usize, ArchiveError> {
        let n = read_full(&mut self.input, block).map_err(ArchiveError::from_io)?;
        self.offset += n as u64;
        Ok(n)
    }

    fn drain(&mut self) -> Result<(), ArchiveError> {
        loop {
            let rest = fill(&mut self.input).map_err(ArchiveError::from_io)?;
            if rest.is_empty() {
                return Ok(());
            }
            let zeros = rest.iter().take_while(|b| **b == 0).count();
            let count = rest.len();
            if self.behind_end > 0 || zeros < count {
                let first = if self.behind_end > 0 { 0 } else { zeros };
                self.behind_end += (count - first) as u64;
            }
            self.input.consume(count);
            self.offset += count as u64;
        }
    }

    /// Reads one extension header's body and keeps what it says.
    fn extension(
        &mut self,
        header: &Header,
        extensions: &mut Extensions,
    ) -> Result<(), ArchiveError> {
        extensions.count += 1;
        LimitExceeded::check(
            "stacked_extensions",
            u64::from(extensions.count),
            u64::from(self.limits.stacked_extensions),
        )?;
        let size = u64::try_from(header.size)
            .map_err(|_| ArchiveError::malformed("the size is negative"))?;
        LimitExceeded::check("extension", size, self.limits.extension)?;
        let mut body = vec![0; (size as usize).next_multiple_of(BLOCK)];
        if self.read_block(&mut body)? < body.len() {
            return Err(truncated("an extension header"));
        }
        body.truncate(size as usize);
        let clash = || {
            ArchiveError::malformed("GNU long names and PAX records stand together at one entry")
        };
        match header.kind {
            b'L' | b'K' if !extensions.records.is_empty() => return Err(clash()),
            b'L' => extensions.name = Some(header::text(&body).to_vec()),
            b'K' => extensions.link = Some(header::text(&body).to_vec()),
            b'g' => self.global.read(&body, &[], &self.limits)?,
            _ => {
                // Of several headers of one entry the last holds.
                extensions.records = PaxRecords::default();
                extensions.records.read(&body, self.further, &self.limits)?;
                if extensions.name.is_some() || extensions.link.is_some() {
                    return Err(clash());
                }
            }
        }
        Ok(())
    }

    fn entry(
        &mut self,
        mut header: Header,
        mut extensions: Extensions,
        at: u64,
    ) -> Result<Entry, ArchiveError> {
        if let Some(name) = extensions.name.take() {
            header.name = name;
        }
        if let Some(link) = extensions.link.take() {
            header.link = link;
        }
        let shown = header.name.escape_ascii().to_string();
        let take = |key: &&'static str| Some((*key, extensions.records.take(key)?));
        self.kept = self.further.iter().filter_map(take).collect();
        let result = self.build(&header, extensions.records);
        match result {
            Ok(entry) => {
                self.current = Some(entry.path.to_string());
                Ok(entry)
            }
            Err(error) => Err(error.in_entry(shown).at(at)),
        }
    }

    fn build(&mut self, header: &Header, mut records: PaxRecords) -> Result<Entry, ArchiveError> {
        let sparse_tail = (header.kind == b'S').then(|| header.tail.clone());
        let entry::Built {
            mut entry,
            stored,
            absolute,
        } = entry::build(header, &records, &self.global, self.dialect)?;
        self.absolute = absolute;
        let mut body = Body::stored(stored);
        if let Some(tail) = sparse_tail {
            let (map, real) = self.old_sparse(&tail)?;
            body = Body::sparse(stored, map, real)?;
        } else if entry.is_file() && self.dialect == TarDialect::Apk {
            if records.is_sparse() {
                let what = "the sparse file, which apk does not know,";
                return Err(ArchiveError::new(ArchiveErrorKind::Unsupported(
                    what.to_owned(),
                )));
            }
        } else if entry.is_file() && self.dialect == TarDialect::Posix {
            let map = if records.sparse.map_in_body {
                Some(self.body_map(&mut body)?)
            } else {
                records.take_map()
            };
            if let Some(map) = map {
                let real = records.sparse.real_size.unwrap_or(stored);
                body = body.with_map(map, real)?;
            }
        }
        if let mikron_package::EntryKind::File { size } = &mut entry.kind {
            *size = body.size();
        }
        self.unpacked = self.unpacked.saturating_add(body.size());
        LimitExceeded::check("unpacked", self.unpacked, self.limits.unpacked)?;
        self.body = body;
        Ok(entry)
    }

    /// The map of an old GNU sparse header and of the blocks that continue it, and the size of the file.
    fn old_sparse(&mut self, tail: &[u8]) -> Result<(Vec<sparse::Region>, u64), ArchiveError> {
        // Offsets in the block, less the 345 at which the tail begins.
        let (first, extended, size) = (&tail[41..137], tail[137], &tail[138..150]);
        let real = number::number(size, TarDialect::Posix)
            .ok()
            .and_then(|n| u64::try_from(n).ok())
            .ok_or_else(|| ArchiveError::malformed("the size of a sparse file is not a number"))?;
        let mut map = Vec::new();
        sparse::old_regions(first, &mut map, &self.limits)?;
        let mut more = extended != 0;
        let mut blocks = 0;
        while more {
            let mut block = [0; BLOCK];
            if self.read_block(&mut block)? < BLOCK {
                return Err(truncated("a sparse map"));
            }
            blocks += 21;
            LimitExceeded::check(
                "sparse_regions",
                blocks,
                u64::from(self.limits.sparse_regions) + 21,
            )?;
            sparse::old_regions(&block[..504], &mut map, &self.limits)?;
            more = block[504] != 0;
        }
        Ok((map, real))
    }

    /// The map that stands before the content in format 1.0: decimal numbers, one a line, in whole blocks.
    fn body_map(&mut self, body: &mut Body) -> Result<Vec<sparse::Region>, ArchiveError> {
        let wrong = || ArchiveError::malformed("the sparse map is not a list of numbers");
        let mut numbers = Vec::new();
        let mut wanted = 1;
        let mut line = Vec::new();
        while numbers.len() < wanted {
            let mut block = [0; BLOCK];
            body.take_block().ok_or_else(wrong)?;
            if self.read_block(&mut block)? < BLOCK {
                return Err(truncated("a sparse map"));
            }
            for byte in block {
                if numbers.len() == wanted {
                    break;
                }
                if byte == b'\n' {
                    numbers.push(pax::decimal(&line).ok_or_else(wrong)?);
                    line.clear();
                    if numbers.len() == 1 {
                        let regions = numbers[0];
                        LimitExceeded::check(
                            "sparse_regions",
                            regions,
                            u64::from(self.limits.sparse_regions),
                        )?;
                        wanted += 2 * regions as usize;
                    }
                } else if line.len() < 20 {
                    line.push(byte);
                } else {
                    return Err(wrong());
                }
            }
        }
        Ok(numbers[1..]
            .chunks_exact(2)
            .map(|pair| sparse::Region {
                offset: pair[0],
                length: pair[1],
            })
            .collect())
    }

    /// Skips what was not read of the current content, and its padding.
    fn finish_body(&mut self) -> Result<(), ArchiveError> {
        let mut left = self.body.rest();
        while left > 0 {
            let filled = fill(&mut self.input).map(<[u8]>::len);
            let n = filled.map_err(|error| self.failed(&error))?;
            if n == 0 {
                return Err(self.cut_off(left));
            }
            let n = usize::try_from(left).map_or(n, |left| left.min(n));
            self.input.consume(n);
            self.offset += n as u64;
            left -= n as u64;
        }
        self.body = Body::default();
        Ok(())
    }

    fn cut_off(&self, left: u64) -> ArchiveError {
        self.place(truncated(format!(
            "{left} bytes of the content are missing"
        )))
    }

    fn failed(&self, error: &io::Error) -> ArchiveError {
        let inner = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<ArchiveError>());
        match inner {
            // An offset in the packed stream is more use than one here, and so is no entry then.
            Some(inner) => inner.clone(),
            None => self.place(ArchiveError::new(ArchiveErrorKind::from(io::Error::new(
                error.kind(),
                error.to_string(),
            )))),
        }
    }

    fn place(&self, error: ArchiveError) -> ArchiveError {
        let error = error.at(self.offset);
        match &self.current {
            Some(current) => error.in_entry(current),
            None => error,
        }
    }
}

impl<R: Read> Read for TarReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let State::Failed(error) = &self.state {
            return Err(error.clone().into_io());
        }
        let n = match self.body.next(buffer.len()) {
            body::Step::End => 0,
            body::Step::Zeros(n) => {
                buffer[..n].fill(0);
                n
            }
            body::Step::Stored(n) => match self.input.read(&mut buffer[..n]) {
                Ok(0) => {
                    let error = self.cut_off(self.body.rest());
                    self.state = State::Failed(error.clone());
                    return Err(error.into_io());
                }
                Ok(n) => {
                    self.offset += n as u64;
                    n
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
                Err(error) => {
                    let error = self.failed(&error);
                    self.state = State::Failed(error.clone());
                    return Err(error.into_io());
                }
            },
        };
        self.body.done(n);
        Ok(n)
    }
}
