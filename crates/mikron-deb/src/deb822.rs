//! Stanzas of fields: the text format of everything in Debian (deb822(5)).
//!
//! The reader holds one stanza at a time, whatever the size of the file, and hands it out borrowed.

use std::borrow::Cow;
use std::io::Read;

use memchr::memchr;
use mikron_package::{LimitExceeded, Limits};

use crate::error::{Deb822Error, Deb822ErrorKind, excerpt};

/// Reads stanza after stanza from a stream.
///
/// ```
/// use mikron_deb::StanzaReader;
/// use mikron_package::Limits;
/// let text = b"Package: a\nDepends: b,\n c\n\nPackage: d\n";
/// let mut reader = StanzaReader::new(&text[..], &Limits::default());
/// let mut names = Vec::new();
/// while let Some(stanza) = reader.next_stanza()? {
///     names.push(stanza.get("package")?.unwrap().text()?.to_owned());
/// }
/// assert_eq!(names, ["a", "d"]);
/// # Ok::<(), mikron_deb::Deb822Error>(())
/// ```
#[derive(Debug)]
pub struct StanzaReader<R> {
    input: R,
    buffer: Vec<u8>,
    /// The part of the buffer that holds unread input.
    start: usize,
    end: usize,
    /// Offset in the stream, and line, of `start`.
    offset: u64,
    line: u64,
    ended: bool,
    comments: bool,
    blanks: bool,
    field: u64,
    stanza: u64,
}

impl<R: Read> StanzaReader<R> {
    /// A reader with the limits [`Limits::field`] for one folded field and [`Limits::control`] for one stanza.
    pub fn new(input: R, limits: &Limits) -> Self {
        Self {
            input,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            offset: 0,
            line: 1,
            ended: false,
            comments: false,
            blanks: false,
            field: limits.field,
            stanza: limits.control,
        }
    }

    /// Skips lines that begin with `#`, as files that people write have them (apt's `.sources`). Indexes and control
    /// files of packages have none, and a name with `#` is an error there.
    #[must_use]
    pub fn with_comments(mut self) -> Self {
        self.comments = true;
        self
    }

    /// Takes lines of nothing but spaces and tabs as the end of a stanza, which deb822(5) allows readers of several stanzas,
    /// unless the line behind them continues a value: then they are part of it, as for apt. Without, such a line inside a
    /// value is an error, as for dpkg in the control file of an archive.
    #[must_use]
    pub fn with_blank_separators(mut self) -> Self {
        self.blanks = true;
        self
    }

    /// The next stanza; `None` at the end of the stream.
    ///
    /// # Errors
    /// When reading fails or a field or stanza exceeds its limit. Malformed lines show when the fields are read.
    pub fn next_stanza(&mut self) -> Result<Option<Stanza<'_>>, Deb822Error> {
        if !self.skip_blank_lines()? {
            return Ok(None);
        }
        // All positions count from `start`, which stays while the buffer moves.
        let mut scan = 0;
        let mut lines = 0;
        let mut field = (0, 0);
        // Where lines of white space began behind which nothing has come yet.
        let mut gap: Option<(usize, u64)> = None;
        let end = loop {
            let window = &self.buffer[self.start..self.end];
            match memchr(b'\n', &window[scan..]) {
                Some(length) => {
                    let line = &window[scan..=scan + length];
                    if is_blank(line) {
                        break (scan, lines);
                    }
                    if !matches!(line[0], b' ' | b'\t') {
                        if let Some(gap) = gap {
                            break gap;
                        }
                        field = (scan, lines);
                    } else if !self.blanks || !line.trim_ascii().is_empty() {
                        gap = None;
                    } else {
                        gap.get_or_insert((scan, lines));
                    }
                    scan += length + 1;
                    lines += 1;
                    self.check(scan, field)?;
                }
                None if self.ended => {
                    let rest = &window[scan..];
                    let text = rest.first().is_some_and(|b| !b.is_ascii_whitespace());
                    break gap.filter(|_| text).unwrap_or((window.len(), lines));
                }
                None => {
                    let continues = window.get(scan).is_none_or(|b| matches!(b, b' ' | b'\t'));
                    let begin = if continues { field } else { (scan, lines) };
                    self.check(window.len(), begin)?;
                    self.fill()?;
                }
            }
        };
        let (length, lines) = end;
        let (begin, offset, line) = (self.start, self.offset, self.line);
        self.start += length;
        self.offset += length as u64;
        self.line += lines;
        Ok(Some(Stanza {
            bytes: &self.buffer[begin..begin + length],
            offset,
            line,
            comments: self.comments,
            blanks: self.blanks,
        }))
    }

    /// How many bytes of the stream lie behind the reader.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Checks what is held against the limits; `field` is where the current field begins, and in which line.
    fn check(&self, held: usize, field: (usize, u64)) -> Result<(), Deb822Error> {
        LimitExceeded::check("field", (held - field.0) as u64, self.field)
            .and_then(|()| LimitExceeded::check("control", held as u64, self.stanza))
            .map_err(|limit| {
                Deb822Error::new(limit).at(self.line + field.1, self.offset + field.0 as u64)
            })
    }

    /// Moves to the first line that is not blank; `false` when there is none.
    fn skip_blank_lines(&mut self) -> Result<bool, Deb822Error> {
        loop {
            let window = &self.buffer[self.start..self.end];
            match memchr(b'\n', window) {
                Some(length) if self.is_separator(&window[..=length]) => {
                    self.start += length + 1;
                    self.offset += length as u64 + 1;
                    self.line += 1;
                }
                Some(_) => return Ok(true),
                None if self.ended => return Ok(!window.is_empty() && !self.is_separator(window)),
                // Whatever it becomes, it is no blank line.
                None if window.len() > 1 && !self.is_separator(window) => return Ok(true),
                None => {
                    self.check(window.len(), (0, 0))?;
                    self.fill()?;
                }
            }
        }
    }

    /// Whether a line stands between stanzas.
    fn is_separator(&self, line: &[u8]) -> bool {
        is_blank(line) || (self.blanks && line.trim_ascii().is_empty())
    }

    /// Reads more, making room first.
    fn fill(&mut self) -> Result<(), Deb822Error> {
        const FIRST: usize = 256 << 10;
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            let size = (self.buffer.len() * 2).max(FIRST);
            self.buffer.resize(size, 0);
        }
        loop {
            match self.input.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.ended = true,
                Ok(count) => self.end += count.min(self.buffer.len() - self.end),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Deb822Error::new(error).at(self.line, self.offset)),
            }
            return Ok(());
        }
    }
}

/// A line that ends a stanza. A carriage return alone counts, as for apt.
fn is_blank(line: &[u8]) -> bool {
    matches!(line, b"\n" | b"\r\n" | b"\r")
}

/// One stanza, borrowed from the reader's buffer.
#[derive(Clone, Copy, Debug)]
pub struct Stanza<'a> {
    bytes: &'a [u8],
    offset: u64,
    line: u64,
    comments: bool,
    blanks: bool,
}

impl<'a> Stanza<'a> {
    /// The text of the stanza.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Offset of its first byte in the stream.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Its first line in the stream, counted from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Its fields in order.
    pub fn fields(&self) -> Fields<'a> {
        Fields {
            rest: self.bytes,
            offset: self.offset,
            line: self.line,
            comments: self.comments,
            blanks: self.blanks,
        }
    }

    /// The first field of this name, in any case.
    ///
    /// # Errors
    /// When a line before it is malformed.
    pub fn get(&self, name: &str) -> Result<Option<Field<'a>>, Deb822Error> {
        for field in self.fields() {
            let field = field?;
            if field.is(name) {
                return Ok(Some(field));
            }
        }
        Ok(None)
    }
}

/// The fields of a stanza. Ends after the first error.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
    offset: u64,
    line: u64,
    comments: bool,
    blanks: bool,
}

impl<'a> Fields<'a> {
    /// Takes one line with its line break.
    fn take_line(&mut self) -> &'a [u8] {
        let length = memchr(b'\n', self.rest).map_or(self.rest.len(), |at| at + 1);
        let (line, rest) = self.rest.split_at(length);
        self.rest = rest;
        self.offset += length as u64;
        self.line += 1;
        line
    }

    fn field(&mut self) -> Result<Option<Field<'a>>, Deb822Error> {
        while self.comments && self.rest.first() == Some(&b'#') {
            self.take_line();
        }
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (text, offset, line) = (self.rest, self.offset, self.line);
        let fault =
            |kind: Deb822ErrorKind, line: u64, offset: u64| Deb822Error::new(kind).at(line, offset);
        let first = self.take_line();
        if matches!(first[0], b' ' | b'\t') {
            return Err(fault(Deb822ErrorKind::Continuation, line, offset));
        }
        let Some(colon) = memchr(b':', first) else {
            let shown = excerpt(first.trim_ascii_end());
            return Err(fault(Deb822ErrorKind::NoColon(shown), line, offset));
        };
        // dpkg and apt let white space stand before the colon.
        let name = first[..colon].trim_ascii_end();
        let Some(name) = field_name(name) else {
            let shown = excerpt(name);
            return Err(fault(Deb822ErrorKind::FieldName(shown), line, offset));
        };
        let mut end = first.len();
        loop {
            match self.rest.first() {
                Some(b' ' | b'\t') => {
                    let (at, number) = (self.offset, self.line);
                    let more = self.take_line();
                    if !self.blanks && more.trim_ascii().is_empty() {
                        let error = fault(Deb822ErrorKind::BlankLine, number, at);
                        return Err(error.in_field(name));
                    }
                    end += more.len();
                }
                Some(b'#') if self.comments => end += self.take_line().len(),
                _ => break,
            }
        }
        let value = text[colon + 1..end].trim_ascii_start();
        let begin = end - value.len();
        let breaks = memchr::memchr_iter(b'\n', &text[colon..begin]).count();
        Ok(Some(Field {
            name,
            value: value.trim_ascii_end(),
            offset,
            line,
            value_offset: offset + begin as u64,
            value_line: line + breaks as u64,
            comments: self.comments,
        }))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Deb822Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let field = self.field().transpose();
        if matches!(field, Some(Err(_))) {
            self.rest = &[];
        }
        field
    }
}

/// deb822(5): US-ASCII without control characters, space and colon; neither `#` nor `-` at the start.
fn field_name(name: &[u8]) -> Option<&str> {
    let first = name.first()?;
    if matches!(first, b'#' | b'-') || !name.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    str::from_utf8(name).ok()
}

/// One field of a stanza.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    /// Its name as written; names are equal in any case.
    pub name: &'a str,
    /// Its value without white space at both ends; a folded value with its line breaks.
    pub value: &'a [u8],
    /// Offset of the field's name in the stream.
    pub offset: u64,
    /// The line of its name, counted from 1.
    pub line: u64,
    /// Offset of the value's first byte in the stream.
    pub value_offset: u64,
    /// The line of the value's first byte.
    pub value_line: u64,
    comments: bool,
}

impl<'a> Field<'a> {
    /// Whether it has this name, in any case.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The value as text.
    ///
    /// # Errors
    /// When it is not UTF-8.
    pub fn text(&self) -> Result<&'a str, Deb822Error> {
        str::from_utf8(self.value).map_err(|_| self.fault(Deb822ErrorKind::NotUtf8))
    }

    /// The value with one space (or tab) taken from the front of each further line, and comments left out. A line
    /// with nothing but a dot stays as it is. What is not UTF-8 (old maintainers' names) becomes U+FFFD.
    pub fn unfolded(&self) -> Cow<'a, str> {
        if memchr(b'\n', self.value).is_none() {
            return String::from_utf8_lossy(self.value);
        }
        let mut text = String::with_capacity(self.value.len());
        for (number, line) in self.lines().enumerate() {
            if number > 0 {
                text.push('\n');
            }
            text.push_str(&String::from_utf8_lossy(line));
        }
        Cow::Owned(text)
    }

    /// The lines of the value, without comments and without the space that marks a continuation.
    pub fn lines(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let comments = self.comments;
        self.value
            .split(|b| *b == b'\n')
            .enumerate()
            .filter(move |(number, line)| *number == 0 || !comments || line.first() != Some(&b'#'))
            .map(|(number, line)| match line.first() {
                Some(b' ' | b'\t') if number > 0 => line[1..].trim_ascii_end(),
                _ => line.trim_ascii_end(),
            })
    }

    /// An error at this field.
    pub fn fault(&self, kind: impl Into<Deb822ErrorKind>) -> Deb822Error {
        Deb822Error::new(kind)
            .at(self.line, self.offset)
            .in_field(self.name)
    }
}
