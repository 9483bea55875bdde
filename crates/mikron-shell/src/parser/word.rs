//! Words and quotes (XCU 2.2).

use super::Parser;
use super::cursor::is_meta;
use crate::ast::{Part, Word};
use crate::error::ErrorKind;

/// Gathers the parts of a word; literal text that touches is one part.
#[derive(Default)]
pub(super) struct Parts {
    parts: Vec<Part>,
    literal: String,
}

impl Parts {
    pub(super) fn text(&mut self, text: &str) {
        self.literal.push_str(text);
    }

    pub(super) fn part(&mut self, part: Part) {
        self.flush();
        self.parts.push(part);
    }

    fn quoted(&mut self, text: &str) {
        self.flush();
        if let Some(Part::Quoted(last)) = self.parts.last_mut() {
            last.push_str(text);
        } else {
            self.parts.push(Part::Quoted(text.to_owned()));
        }
    }

    fn flush(&mut self) {
        if !self.literal.is_empty() {
            self.parts
                .push(Part::Literal(std::mem::take(&mut self.literal)));
        }
    }

    pub(super) fn finish(mut self) -> Vec<Part> {
        self.flush();
        self.parts
    }
}

/// What ends the text that is read, and which quotes count in it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    /// The `}` of `${…}` outside of double quotes.
    Braces,
    /// The `}` of `${…}` inside of double quotes, where `'` is a character like others (XCU 2.6.2).
    QuotedBraces,
    /// The `]` of a subscript, or of `$[…]`.
    Brackets,
    /// The `))` of an arithmetic expansion.
    Arithmetic,
}

impl Parser<'_, '_> {
    /// Reads a word; it has no parts when none begins here.
    pub(super) fn word(&mut self) -> Word {
        let line = self.cursor.line();
        let mut parts = Parts::default();
        loop {
            let plain = self
                .cursor
                .until(|b| is_meta(b) || matches!(b, b'\'' | b'"' | b'\\' | b'$' | b'`'));
            parts.text(plain);
            match self.cursor.peek() {
                Some(b'<' | b'>') if self.cursor.peek_at(1) == Some(b'(') => {
                    self.cursor.skip(2);
                    let list = self.deeper(Self::list);
                    self.close(")", "<(");
                    parts.part(Part::Process(list));
                }
                Some(b'(') if parts.literal.ends_with(['?', '*', '+', '@', '!']) => {
                    let operator = parts.literal.pop().unwrap_or_default();
                    let alternatives = self.deeper(Self::alternatives);
                    parts.part(Part::Pattern(operator, alternatives));
                }
                Some(b) if !is_meta(b) => self.quote(b, &mut parts),
                _ => break,
            }
        }
        Word {
            line,
            parts: parts.finish(),
        }
    }

    /// Reads a word that the grammar asks for.
    pub(super) fn required_word(&mut self) -> Word {
        let word = self.word();
        if word.parts.is_empty() {
            self.unexpected();
        }
        word
    }

    /// `(a|b)` behind the operator of a pattern.
    fn alternatives(&mut self) -> Vec<Word> {
        self.cursor.take("(");
        let mut words = Vec::new();
        loop {
            let mut word = self.word();
            // Blanks and operators are characters like others here.
            while let Some(b' ' | b'\t' | b';' | b'&' | b'<' | b'>' | b'(') = self.cursor.peek() {
                let c = self.cursor.character().unwrap_or_default();
                word.parts.push(Part::Literal(c.to_string()));
                if c == '(' {
                    let inner = self.deeper(|parser| {
                        let inner = parser.word();
                        parser.close(")", "(");
                        inner
                    });
                    word.parts.extend(inner.parts);
                }
                word.parts.extend(self.word().parts);
            }
            words.push(word);
            if !self.cursor.take("|") {
                break;
            }
        }
        self.close(")", "(");
        words
    }

    /// Skips what closes a construct, or says that it is missing.
    pub(super) fn close(&mut self, closing: &str, opened: &'static str) {
        if self.cursor.take(closing) {
            return;
        }
        if self.cursor.at_end() {
            self.fail(ErrorKind::Unclosed { opened });
        } else {
            self.unexpected();
        }
    }

    /// One quote or expansion outside of double quotes.
    pub(super) fn quote(&mut self, byte: u8, parts: &mut Parts) {
        match byte {
            b'\'' => {
                self.cursor.skip(1);
                let text = self.cursor.until(|b| b == b'\'');
                parts.quoted(text);
                self.close("'", "'");
            }
            b'"' => {
                let inner = self.deeper(Self::double_quoted);
                parts.part(Part::DoubleQuoted(inner));
            }
            b'\\' => {
                self.cursor.skip(1);
                match self.cursor.character() {
                    Some('\n') => {}
                    Some(c) => parts.quoted(c.encode_utf8(&mut [0; 4])),
                    // Before the end of the text it stands for itself.
                    None => parts.text("\\"),
                }
            }
            b'$' => self.dollar(parts, false),
            b'`' => self.backquoted(parts, false),
            _ => {
                let c = self.cursor.character().unwrap_or_default();
                parts.text(c.encode_utf8(&mut [0; 4]));
            }
        }
    }

    /// `"…"` (XCU 2.2.3).
    pub(super) fn double_quoted(&mut self) -> Vec<Part> {
        self.cursor.take("\"");
        let mut parts = Parts::default();
        loop {
            let plain = self
                .cursor
                .until(|b| matches!(b, b'"' | b'\\' | b'$' | b'`'));
            parts.text(plain);
            match self.cursor.peek() {
                None => {
                    self.fail(ErrorKind::Unclosed { opened: "\"" });
                    break;
                }
                Some(b'"') => {
                    self.cursor.skip(1);
                    break;
                }
                Some(byte) => self.quote_in_quotes(byte, &mut parts, "$`\"\\"),
            }
        }
        parts.finish()
    }

    /// The body of a here-document whose delimiter has no quotes: as in double quotes, but `"` is a character like others.
    pub(super) fn here_document_parts(&mut self) -> Vec<Part> {
        let mut parts = Parts::default();
        loop {
            let plain = self.cursor.until(|b| matches!(b, b'\\' | b'$' | b'`'));
            parts.text(plain);
            match self.cursor.peek() {
                None => break,
                Some(byte) => self.quote_in_quotes(byte, &mut parts, "$`\\"),
            }
        }
        parts.finish()
    }

    /// A backslash or an expansion in double quotes; a backslash quotes only the characters of `escapes`.
    fn quote_in_quotes(&mut self, byte: u8, parts: &mut Parts, escapes: &str) {
        match byte {
            b'\\' => {
                self.cursor.skip(1);
                match self.cursor.peek() {
                    Some(b'\n') => self.cursor.skip(1),
                    Some(b) if escapes.as_bytes().contains(&b) => {
                        self.cursor.skip(1);
                        parts.text(char::from(b).encode_utf8(&mut [0; 4]));
                    }
                    _ => parts.text("\\"),
                }
            }
            b'$' => self.dollar(parts, true),
            _ => self.backquoted(parts, true),
        }
    }

    /// Reads up to what closes the construct, which stays where it is.
    pub(super) fn text_within(&mut self, within: Within) -> Word {
        let line = self.cursor.line();
        let mut parts = Parts::default();
        let closing = match within {
            Within::Braces | Within::QuotedBraces => b'}',
            Within::Brackets => b']',
            Within::Arithmetic => b')',
        };
        // Brackets of the same kind that were opened inside.
        let opening = match within {
            Within::Arithmetic => b'(',
            Within::Brackets => b'[',
            _ => 0,
        };
        let mut open = 0_usize;
        let in_quotes = within == Within::QuotedBraces;
        loop {
            let plain = self.cursor.until(|b| {
                b == closing || b == opening || matches!(b, b'\'' | b'"' | b'\\' | b'$' | b'`')
            });
            parts.text(plain);
            match self.cursor.peek() {
                None => break,
                Some(b) if b == closing => {
                    if open == 0 {
                        break;
                    }
                    open -= 1;
                    self.cursor.skip(1);
                    parts.text(char::from(b).encode_utf8(&mut [0; 4]));
                }
                Some(b) if b == opening => {
                    open += 1;
                    self.cursor.skip(1);
                    parts.text(char::from(b).encode_utf8(&mut [0; 4]));
                }
                Some(b'\'') if in_quotes || within == Within::Arithmetic => {
                    self.cursor.skip(1);
                    parts.text("'");
                }
                Some(b'"') => {
                    let inner = self.deeper(Self::double_quoted);
                    parts.part(Part::DoubleQuoted(inner));
                }
                Some(b) if in_quotes => self.quote_in_quotes(b, &mut parts, "$`\"\\}"),
                Some(b) => self.quote(b, &mut parts),
            }
        }
        Word {
            line,
            parts: parts.finish(),
        }
    }
}
