//! The words of a script, with its indentation as words.

use super::tree::Place;
use super::{ScriptError, ScriptErrorKind};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    Name(String),
    Int(i64),
    Text(Vec<u8>),
    /// A keyword, an operator or a bracket.
    Sign(&'static str),
    Newline,
    Indent,
    Dedent,
    End,
}

#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) word: Word,
    pub(crate) place: Place,
}

const KEYWORDS: [&str; 17] = [
    "and", "break", "continue", "def", "elif", "else", "for", "if", "in", "lambda", "load", "not",
    "or", "pass", "return", "while", "None",
];

/// Words that Python has and Starlark keeps for itself.
const RESERVED: [&str; 18] = [
    "as", "assert", "async", "await", "class", "del", "except", "finally", "from", "global",
    "import", "is", "nonlocal", "raise", "try", "with", "yield", "match",
];

/// Longer signs before their beginnings.
const SIGNS: [&str; 45] = [
    "//=", "<<=", ">>=", "**", "//", "<<", ">>", "<=", ">=", "==", "!=", "+=", "-=", "*=", "/=",
    "%=", "&=", "|=", "^=", "->", ":=", "+", "-", "*", "/", "%", "<", ">", "=", "&", "|", "^", "~",
    ".", ",", ";", ":", "(", ")", "[", "]", "{", "}", "@", "!",
];

/// Deepest indentation.
const MAX_INDENTS: usize = 64;

struct Lexer<'a> {
    rest: &'a str,
    place: Place,
    tokens: Vec<Token>,
    brackets: Vec<char>,
    indents: Vec<usize>,
}

pub(crate) fn syntax(place: Place, message: impl Into<String>) -> ScriptError {
    ScriptError {
        line: place.line as usize,
        column: place.column as usize,
        kind: ScriptErrorKind::Syntax(message.into()),
        help: None,
    }
}

/// Takes a script apart.
pub(crate) fn words(script: &str) -> Result<Vec<Token>, ScriptError> {
    let mut lexer = Lexer {
        rest: script,
        place: Place { line: 1, column: 1 },
        tokens: Vec::new(),
        brackets: Vec::new(),
        indents: vec![0],
    };
    let mut line_begins = true;
    loop {
        if line_begins && lexer.brackets.is_empty() && !lexer.indentation()? {
            break;
        }
        line_begins = lexer.line()?;
        if lexer.rest.is_empty() && lexer.brackets.is_empty() {
            break;
        }
    }
    if !matches!(
        lexer.tokens.last().map(|t| &t.word),
        None | Some(Word::Newline)
    ) {
        lexer.push(lexer.place, Word::Newline);
    }
    while lexer.indents.len() > 1 {
        lexer.indents.pop();
        lexer.push(lexer.place, Word::Dedent);
    }
    lexer.push(lexer.place, Word::End);
    Ok(lexer.tokens)
}

impl Lexer<'_> {
    fn push(&mut self, place: Place, word: Word) {
        self.tokens.push(Token { word, place });
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.rest = &self.rest[c.len_utf8()..];
        if c == '\n' {
            self.place.line = self.place.line.saturating_add(1);
            self.place.column = 1;
        } else {
            self.place.column = self.place.column.saturating_add(1);
        }
        Some(c)
    }

    fn skip(&mut self, length: usize) {
        let end = self.rest.len() - length;
        while self.rest.len() > end && self.take().is_some() {}
    }

    /// Reads the blanks in front of a line that has something on it. False at the end of the script.
    fn indentation(&mut self) -> Result<bool, ScriptError> {
        let width = loop {
            let mut width = 0;
            while let Some(c) = self.peek() {
                match c {
                    ' ' => width += 1,
                    // As Python counts it: to the next multiple of eight.
                    '\t' => width = width / 8 * 8 + 8,
                    _ => break,
                }
                self.take();
            }
            match self.peek() {
                None => return Ok(false),
                Some('#') => {
                    while self.peek().is_some_and(|c| c != '\n') && self.take().is_some() {}
                }
                Some('\r') if self.rest.starts_with("\r\n") => {
                    self.take();
                }
                Some('\n') => {}
                Some(_) => break width,
            }
            self.take();
        };
        let place = self.place;
        let current = self.indents.last().copied().unwrap_or(0);
        if width > current {
            if self.indents.len() == MAX_INDENTS {
                return Err(syntax(place, "the script is indented too deeply"));
            }
            self.indents.push(width);
            self.push(place, Word::Indent);
        }
        while self.indents.last().is_some_and(|indent| width < *indent) {
            self.indents.pop();
            self.push(place, Word::Dedent);
        }
        if self.indents.last() != Some(&width) {
            return Err(syntax(place, "the line is indented like none before it"));
        }
        Ok(true)
    }

    /// Reads words up to the end of the line. True when a new line of the script begins after it.
    fn line(&mut self) -> Result<bool, ScriptError> {
        loop {
            let place = self.place;
            let Some(c) = self.peek() else {
                return match self.brackets.last() {
                    Some(open) => Err(syntax(place, format!("`{open}` is not closed"))),
                    None => Ok(true),
                };
            };
            match c {
                ' ' | '\t' | '\r' => {
                    self.take();
                }
                '#' => while self.peek().is_some_and(|c| c != '\n') && self.take().is_some() {},
                '\n' => {
                    self.take();
                    if self.brackets.is_empty() {
                        self.push(place, Word::Newline);
                        return Ok(true);
                    }
                }
                '\\' => {
                    self.take();
                    if self.peek() == Some('\r') {
                        self.take();
                    }
                    if self.take() != Some('\n') {
                        return Err(syntax(place, "nothing may follow `\\` on its line"));
                    }
                }
                '"' | '\'' => self.text(place, false)?,
                'r' if self.rest.starts_with("r\"") || self.rest.starts_with("r'") => {
                    self.take();
                    self.text(place, true)?;
                }
                '0'..='9' => self.number(place)?,
                c if c == '_' || c.is_alphabetic() => self.name(place)?,
                _ => self.sign(place)?,
            }
        }
    }

    fn name(&mut self, place: Place) -> Result<(), ScriptError> {
        let end = self.rest.find(|c: char| c != '_' && !c.is_alphanumeric());
        let name = self.rest[..end.unwrap_or(self.rest.len())].to_owned();
        self.skip(name.len());
        let word = match KEYWORDS.iter().find(|keyword| **keyword == name) {
            Some(keyword) => Word::Sign(keyword),
            None if RESERVED.contains(&name.as_str()) => {
                return Err(syntax(
                    place,
                    format!("`{name}` is not part of the language"),
                ));
            }
            None => Word::Name(name),
        };
        self.push(place, word);
        Ok(())
    }

    fn number(&mut self, place: Place) -> Result<(), ScriptError> {
        let end = self
            .rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '.');
        let text = self.rest[..end.unwrap_or(self.rest.len())].to_owned();
        self.skip(text.len());
        let lower = text.to_ascii_lowercase();
        let number = if let Some(digits) = lower.strip_prefix("0x") {
            i64::from_str_radix(digits, 16).ok()
        } else if let Some(digits) = lower.strip_prefix("0o") {
            i64::from_str_radix(digits, 8).ok()
        } else if let Some(digits) = lower.strip_prefix("0b") {
            i64::from_str_radix(digits, 2).ok()
        } else if lower.len() > 1 && lower.starts_with('0') {
            None
        } else {
            lower.parse().ok()
        };
        let wrong = || {
            let mut error = syntax(place, format!("`{text}` is not a number"));
            error.help = Some("whole numbers of 64 bits are understood".to_owned());
            error
        };
        self.push(place, Word::Int(number.ok_or_else(wrong)?));
        Ok(())
    }

    fn sign(&mut self, place: Place) -> Result<(), ScriptError> {
        let sign = SIGNS.iter().find(|sign| self.rest.starts_with(**sign));
        let Some(sign) = sign else {
            let c = self.peek().unwrap_or(' ');
            let c = c.escape_default();
            return Err(syntax(place, format!("`{c}` has no meaning here")));
        };
        match *sign {
            "(" => self.brackets.push('('),
            "[" => self.brackets.push('['),
            "{" => self.brackets.push('{'),
            ")" | "]" | "}" => {
                let opener = match *sign {
                    ")" => '(',
                    "]" => '[',
                    _ => '{',
                };
                if self.brackets.pop() != Some(opener) {
                    return Err(syntax(place, format!("`{sign}` closes nothing")));
                }
            }
            _ => {}
        }
        self.skip(sign.len());
        self.push(place, Word::Sign(sign));
        Ok(())
    }

    fn text(&mut self, place: Place, raw: bool) -> Result<(), ScriptError> {
        let quote = self.take().unwrap_or('"');
        let three: String = [quote; 3].iter().collect();
        let long = self.rest.starts_with(&three[1..]);
        if long {
            self.skip(2);
        }
        let open = || syntax(place, "the text has no end");
        let mut text = Vec::new();
        loop {
            if long && self.rest.starts_with(&three) {
                self.skip(3);
                break;
            }
            let at = self.place;
            let c = self.take().ok_or_else(open)?;
            match c {
                c if c == quote && !long => break,
                '\n' if !long => return Err(open()),
                '\r' if long && self.peek() == Some('\n') => {}
                '\\' if raw => {
                    // The backslash stays; it only keeps a quote from ending the text.
                    text.push(b'\\');
                    if self.peek() == Some(quote) || self.peek() == Some('\\') {
                        push_char(&mut text, self.take().ok_or_else(open)?);
                    }
                }
                '\\' => self.escape(at, &mut text)?,
                c => push_char(&mut text, c),
            }
        }
        self.push(place, Word::Text(text));
        Ok(())
    }

    fn escape(&mut self, at: Place, text: &mut Vec<u8>) -> Result<(), ScriptError> {
        let c = self
            .take()
            .ok_or_else(|| syntax(at, "the text has no end"))?;
        let byte = match c {
            '\n' => return Ok(()),
            'a' => 7,
            'b' => 8,
            'f' => 12,
            'n' => b'\n',
            'r' => b'\r',
            't' => b'\t',
            'v' => 11,
            '\\' | '\'' | '"' => c as u8,
            'x' => {
                let code = self.code(at, 2, 16)?;
                // Beyond ASCII a byte alone is no text.
                u8::try_from(code)
                    .ok()
                    .filter(u8::is_ascii)
                    .ok_or_else(|| {
                        syntax(
                            at,
                            "`\\x` stands for ASCII; write `\\u` for other characters",
                        )
                    })?
            }
            'u' | 'U' => {
                let code = self.code(at, if c == 'u' { 4 } else { 8 }, 16)?;
                let c = char::from_u32(code);
                push_char(
                    text,
                    c.ok_or_else(|| syntax(at, "there is no such character"))?,
                );
                return Ok(());
            }
            '0'..='7' => {
                let mut code = c.to_digit(8).unwrap_or(0);
                for _ in 0..2 {
                    let Some(digit) = self.peek().and_then(|c| c.to_digit(8)) else {
                        break;
                    };
                    self.take();
                    code = code * 8 + digit;
                }
                let byte = u8::try_from(code).ok().filter(u8::is_ascii);
                byte.ok_or_else(|| syntax(at, "there is no such ASCII character"))?
            }
            c => {
                let c = c.escape_default();
                let mut error = syntax(at, format!("`\\{c}` has no meaning"));
                error.help = Some("write `\\\\` for a backslash".to_owned());
                return Err(error);
            }
        };
        text.push(byte);
        Ok(())
    }

    fn code(&mut self, at: Place, digits: usize, radix: u32) -> Result<u32, ScriptError> {
        let text: String = self.rest.chars().take(digits).collect();
        let valid = text.len() == digits && text.chars().all(|c| c.is_digit(radix));
        let code = u32::from_str_radix(&text, radix).ok().filter(|_| valid);
        let code = code.ok_or_else(|| syntax(at, format!("{digits} hexadecimal digits follow")))?;
        self.skip(text.len());
        Ok(code)
    }
}

fn push_char(text: &mut Vec<u8>, c: char) {
    text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}
