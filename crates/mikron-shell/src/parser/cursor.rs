//! A place in a text, with its line.

/// A place in a text.
pub(super) struct Cursor<'s> {
    text: &'s str,
    at: usize,
    line: u32,
    line_start: usize,
}

/// A place to come back to.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    at: usize,
    line: u32,
    line_start: usize,
}

impl<'s> Cursor<'s> {
    pub(super) fn new(text: &'s str, line: u32) -> Self {
        Self {
            text,
            at: 0,
            line,
            line_start: 0,
        }
    }

    pub(super) fn at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    /// Moves to the end: nothing more is read.
    pub(super) fn finish(&mut self) {
        self.at = self.text.len();
    }

    pub(super) fn line(&self) -> u32 {
        self.line
    }

    /// Line and column, both from 1.
    pub(super) fn place(&self) -> (u32, u32) {
        let column = self.at - self.line_start + 1;
        (self.line, u32::try_from(column).unwrap_or(u32::MAX))
    }

    pub(super) fn mark(&self) -> Mark {
        Mark {
            at: self.at,
            line: self.line,
            line_start: self.line_start,
        }
    }

    pub(super) fn back_to(&mut self, mark: Mark) {
        Mark {
            at: self.at,
            line: self.line,
            line_start: self.line_start,
        } = mark;
    }

    /// The text from a mark up to here.
    pub(super) fn since(&self, mark: Mark) -> &'s str {
        self.text.get(mark.at..self.at).unwrap_or_default()
    }

    /// What is left.
    pub(super) fn rest(&self) -> &'s [u8] {
        &self.text.as_bytes()[self.at..]
    }

    /// What is left of this line, up to its newline.
    pub(super) fn rest_of_line(&self) -> &'s str {
        let rest = &self.text[self.at..];
        rest.split_once('\n').map_or(rest, |(line, _)| line)
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(super) fn peek_at(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    pub(super) fn starts_with(&self, text: &str) -> bool {
        self.rest().starts_with(text.as_bytes())
    }

    /// Skips ASCII characters, of which only the last may be a newline.
    pub(super) fn skip(&mut self, bytes: usize) {
        let from = self.at;
        self.at = (from + bytes).min(self.text.len());
        if self.at > from && self.text.as_bytes()[self.at - 1] == b'\n' {
            self.line = self.line.saturating_add(1);
            self.line_start = self.at;
        }
    }

    /// Skips `text` where it stands here.
    pub(super) fn take(&mut self, text: &str) -> bool {
        let there = self.starts_with(text);
        if there {
            self.skip(text.len());
        }
        there
    }

    /// Takes characters up to the first ASCII byte for which `stop` holds.
    pub(super) fn until(&mut self, stop: impl Fn(u8) -> bool) -> &'s str {
        let rest = self.rest();
        let mut length = rest.len();
        for (i, byte) in rest.iter().enumerate() {
            if byte.is_ascii() && stop(*byte) {
                length = i;
                break;
            }
            if *byte == b'\n' {
                self.line = self.line.saturating_add(1);
                self.line_start = self.at + i + 1;
            }
        }
        let taken = &self.text[self.at..self.at + length];
        self.at += length;
        taken
    }

    /// Takes one character.
    pub(super) fn character(&mut self) -> Option<char> {
        let c = self.text[self.at..].chars().next()?;
        self.skip(c.len_utf8());
        Some(c)
    }

    /// A few characters from here, for messages.
    pub(super) fn excerpt(&self) -> &'s str {
        let line = self.rest_of_line();
        let end = line
            .char_indices()
            .skip(1)
            .find(|(_, c)| c.is_whitespace() || "();&|<>".contains(*c))
            .map_or(line.len(), |(at, _)| at);
        let end = line
            .char_indices()
            .nth(20)
            .map_or(end, |(at, _)| end.min(at));
        if line.is_empty() && !self.at_end() {
            return "\\n";
        }
        &line[..end]
    }

    /// Skips blanks, joined lines, and a comment (XCU 2.2.1, 2.3).
    pub(super) fn skip_blanks(&mut self) {
        loop {
            match self.peek() {
                Some(b' ' | b'\t') => self.at += 1,
                Some(b'\\') if self.peek_at(1) == Some(b'\n') => self.skip(2),
                Some(b'#') => {
                    self.at += self.rest_of_line().len();
                    return;
                }
                _ => return,
            }
        }
    }

    /// The word of plain characters that begins here, where it could be a reserved word.
    pub(super) fn bare_word(&self) -> &'s str {
        let plain = |b: &u8| matches!(b, b'a'..=b'z' | b'[' | b']' | b'{' | b'}' | b'!');
        let rest = self.rest();
        let length = rest.iter().take(10).take_while(|b| plain(b)).count();
        match rest.get(length) {
            Some(b) if !is_meta(*b) => "",
            _ => &self.text[self.at..self.at + length],
        }
    }

    /// Skips a reserved word where it stands here.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let there = self.bare_word() == word;
        if there {
            self.skip(word.len());
        }
        there
    }

    /// The length of the name (XBD 3.216) that begins `ahead` bytes from here.
    pub(super) fn name_length(&self, ahead: usize) -> usize {
        let rest = self.rest().get(ahead..).unwrap_or_default();
        if rest.first().is_none_or(u8::is_ascii_digit) {
            return 0;
        }
        rest.iter().take_while(|b| is_name(**b)).count()
    }
}

pub(super) fn is_name(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric()
}

/// Whether a character ends a word that has no quotes.
pub(super) fn is_meta(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'(' | b')' | b'<' | b'>'
    )
}
