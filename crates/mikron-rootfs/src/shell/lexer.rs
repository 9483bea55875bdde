//! Splits shell text into words and operators.

use std::collections::BTreeMap;

use super::Word;

/// One token of the shell.
#[derive(Debug)]
pub(super) enum Token {
    /// A word, or a reserved word.
    Word(Word),
    /// The file that output is redirected to.
    Write(Word),
    /// Newline, `;`, `&`, `|`, `&&`, `||`.
    Separator,
    /// `;;`.
    EndOfArm,
    /// `(`.
    Open,
    /// `)`.
    Close,
    /// The end of the text.
    End,
}

/// Reads tokens from text.
pub(super) struct Lexer<'a> {
    chars: std::iter::Peekable<std::str::Chars<'a>>,
    line: u32,
    /// Delimiters of here-documents whose bodies follow the present line, and whether leading tabs are taken off.
    here: Vec<(String, bool)>,
    /// Whether the word that was read last has quotes.
    quoted: bool,
}

type Variables = BTreeMap<String, Option<String>>;

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str, line: u32) -> Self {
        Self {
            chars: text.chars().peekable(),
            line,
            here: Vec::new(),
            quoted: false,
        }
    }

    /// The next token and its line; texts of command substitutions are added to `inner`.
    pub(super) fn next(
        &mut self,
        variables: &Variables,
        inner: &mut Vec<(String, u32)>,
    ) -> (Token, u32) {
        loop {
            let line = self.line;
            let Some(&c) = self.chars.peek() else {
                return (Token::End, line);
            };
            match c {
                ' ' | '\t' | '\r' => {
                    self.bump();
                }
                '\\' => {
                    let mut ahead = self.chars.clone();
                    ahead.next();
                    if ahead.peek() == Some(&'\n') {
                        self.bump();
                        self.bump();
                    } else {
                        return (Token::Word(self.word(variables, inner)), line);
                    }
                }
                '#' => {
                    while self.chars.peek().is_some_and(|c| *c != '\n') {
                        self.bump();
                    }
                }
                '\n' => {
                    self.bump();
                    self.skip_here_documents();
                    return (Token::Separator, line);
                }
                ';' => {
                    self.bump();
                    if self.take(';') {
                        return (Token::EndOfArm, line);
                    }
                    return (Token::Separator, line);
                }
                '&' | '|' => {
                    self.bump();
                    // `&>file` writes to the file.
                    if c == '&' && self.chars.peek() == Some(&'>') {
                        continue;
                    }
                    self.take(c);
                    return (Token::Separator, line);
                }
                '(' => {
                    self.bump();
                    return (Token::Open, line);
                }
                ')' => {
                    self.bump();
                    return (Token::Close, line);
                }
                '<' => {
                    self.bump();
                    self.input(variables, inner);
                }
                '>' => {
                    self.bump();
                    if let Some(file) = self.output(variables, inner) {
                        return (Token::Write(file), line);
                    }
                }
                _ => {
                    let word = self.word(variables, inner);
                    // A number right before `<` or `>` is a descriptor.
                    if word.text.is_empty() && word.literal && !self.quoted {
                        // An empty variable without quotes is no word at all.
                        continue;
                    }
                    let redirects = matches!(self.chars.peek(), Some('<' | '>'));
                    if redirects && word.text.bytes().all(|b| b.is_ascii_digit()) {
                        continue;
                    }
                    return (Token::Word(word), line);
                }
            }
        }
    }

    /// Whether the next character is `)`; it is taken then.
    pub(super) fn peek_close(&mut self) -> bool {
        let mut ahead = self.chars.clone();
        let close = ahead.find(|c| *c != ' ' && *c != '\t') == Some(')');
        if close {
            self.chars = ahead;
        }
        close
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.chars.next();
        if c == Some('\n') {
            self.line += 1;
        }
        c
    }

    fn take(&mut self, c: char) -> bool {
        let there = self.chars.peek() == Some(&c);
        if there {
            self.bump();
        }
        there
    }

    fn skip_blanks(&mut self) {
        while matches!(self.chars.peek(), Some(' ' | '\t')) {
            self.bump();
        }
    }

    /// After `<`: a file to read, another descriptor, or the start of a here-document.
    fn input(&mut self, variables: &Variables, inner: &mut Vec<(String, u32)>) {
        if self.take('<') {
            let tabs = self.take('-');
            self.skip_blanks();
            let delimiter = self.word(variables, inner).text;
            self.here.push((delimiter, tabs));
        } else {
            self.take('&');
            self.skip_blanks();
            self.word(variables, inner);
        }
    }

    /// After `>`: the file that is written, or `None` for another descriptor.
    fn output(&mut self, variables: &Variables, inner: &mut Vec<(String, u32)>) -> Option<Word> {
        self.take('>');
        self.take('|');
        let descriptor = self.take('&');
        self.skip_blanks();
        let word = self.word(variables, inner);
        let number = word.text == "-" || word.text.bytes().all(|b| b.is_ascii_digit());
        (!(descriptor && number)).then_some(word)
    }

    fn skip_here_documents(&mut self) {
        for (delimiter, tabs) in std::mem::take(&mut self.here) {
            loop {
                let mut line = String::new();
                let mut ended = true;
                while let Some(c) = self.bump() {
                    if c == '\n' {
                        ended = false;
                        break;
                    }
                    line.push(c);
                }
                let text = if tabs {
                    line.trim_start_matches('\t')
                } else {
                    &line
                };
                if text == delimiter || ended {
                    break;
                }
            }
        }
    }

    /// A word, up to a blank or an operator outside of quotes.
    fn word(&mut self, variables: &Variables, inner: &mut Vec<(String, u32)>) -> Word {
        let mut word = Word {
            text: String::new(),
            literal: true,
        };
        self.quoted = false;
        while let Some(&c) = self.chars.peek() {
            match c {
                ' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | '(' | ')' | '<' | '>' => break,
                '\'' => {
                    self.bump();
                    self.quoted = true;
                    while let Some(c) = self.bump().filter(|c| *c != '\'') {
                        word.text.push(c);
                    }
                }
                '"' => {
                    self.bump();
                    self.quoted = true;
                    self.double_quoted(&mut word, variables, inner);
                }
                '\\' => {
                    self.bump();
                    if let Some(c) = self.bump().filter(|c| *c != '\n') {
                        word.text.push(c);
                    }
                }
                '$' => {
                    self.bump();
                    self.dollar(&mut word, variables, inner);
                }
                '`' => self.backquoted(&mut word, inner),
                '*' | '?' | '[' if !word.text.is_empty() || c != '[' => {
                    // A pattern: what it stands for depends on the files that are there.
                    self.bump();
                    word.text.push(c);
                    word.literal = false;
                }
                _ => {
                    self.bump();
                    word.text.push(c);
                }
            }
        }
        word
    }

    fn double_quoted(
        &mut self,
        word: &mut Word,
        variables: &Variables,
        inner: &mut Vec<(String, u32)>,
    ) {
        while let Some(&c) = self.chars.peek() {
            match c {
                '"' => {
                    self.bump();
                    break;
                }
                '\\' => {
                    self.bump();
                    match self.bump() {
                        Some('\n') | None => {}
                        Some(c @ ('$' | '`' | '"' | '\\')) => word.text.push(c),
                        Some(c) => {
                            word.text.push('\\');
                            word.text.push(c);
                        }
                    }
                }
                '$' => {
                    self.bump();
                    self.dollar(word, variables, inner);
                }
                '`' => self.backquoted(word, inner),
                _ => {
                    self.bump();
                    word.text.push(c);
                }
            }
        }
    }

    /// After `$`: a variable, an arithmetic expression or a command substitution.
    fn dollar(&mut self, word: &mut Word, variables: &Variables, inner: &mut Vec<(String, u32)>) {
        let mut name = String::new();
        let written;
        match self.chars.peek() {
            Some('(') => {
                let line = self.line;
                let text = self.balanced('(', ')');
                word.text.push_str("$(…)");
                word.literal = false;
                if !text.starts_with('(') {
                    inner.push((text, line));
                }
                return;
            }
            Some('{') => {
                name = self.balanced('{', '}');
                written = format!("${{{name}}}");
            }
            Some(c) if c.is_ascii_alphabetic() || *c == '_' => {
                while let Some(&c) = self.chars.peek() {
                    if !(c.is_ascii_alphanumeric() || c == '_') {
                        break;
                    }
                    name.push(c);
                    self.bump();
                }
                written = format!("${name}");
            }
            Some(&c) if c.is_ascii_digit() || "@*#?$!-".contains(c) => {
                self.bump();
                written = format!("${c}");
            }
            _ => {
                word.text.push('$');
                return;
            }
        }
        // `${NAME:-default}` is known only where NAME is.
        let plain = name.split([':', '-']).next().unwrap_or_default();
        let plain_only = plain == name || name[plain.len()..].starts_with(":-");
        match variables.get(plain) {
            Some(Some(value)) if plain_only => word.text.push_str(value),
            Some(Some(value)) if value.is_empty() && name[plain.len()..].starts_with(":+") => {}
            _ => {
                word.text.push_str(&written);
                word.literal = false;
            }
        }
    }

    /// The text between a pair of brackets, quotes respected.
    fn balanced(&mut self, open: char, close: char) -> String {
        let mut text = String::new();
        let mut depth = 0_usize;
        let mut quote: Option<char> = None;
        while let Some(c) = self.bump() {
            match quote {
                Some(q) if c == q => quote = None,
                Some('"') | None if c == '\\' => {
                    text.push(c);
                    text.extend(self.bump());
                    continue;
                }
                None if c == '\'' || c == '"' => quote = Some(c),
                None if c == open => {
                    depth += 1;
                    if depth == 1 {
                        continue;
                    }
                }
                None if c == close => {
                    depth -= 1;
                    if depth == 0 {
                        break;
                    }
                }
                _ => {}
            }
            text.push(c);
        }
        text
    }

    fn backquoted(&mut self, word: &mut Word, inner: &mut Vec<(String, u32)>) {
        let line = self.line;
        self.bump();
        let mut text = String::new();
        while let Some(c) = self.bump().filter(|c| *c != '`') {
            if c == '\\' {
                text.extend(self.bump());
            } else {
                text.push(c);
            }
        }
        inner.push((text, line));
        word.text.push_str("$(…)");
        word.literal = false;
    }
}
