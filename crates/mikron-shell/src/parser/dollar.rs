//! What begins with `$`, and backquotes (XCU 2.6).

use super::Parser;
use super::cursor::is_name;
use super::word::{Parts, Within};
use crate::ast::{List, Operation, Parameter, Part, Word};
use crate::error::ErrorKind;

/// How far the end of an arithmetic expression is looked for, in bytes. Without a bound, nested brackets cost quadratic time.
const ARITHMETIC_SEARCH: usize = 8 << 10;

/// The same for `$[…]`.
const SUBSCRIPT_SEARCH: usize = 1 << 10;

impl Parser<'_, '_> {
    /// An expansion; a `$` that begins none stands for itself.
    pub(super) fn dollar(&mut self, parts: &mut Parts, in_quotes: bool) {
        let start = self.cursor.mark();
        self.cursor.skip(1);
        match self.cursor.peek() {
            Some(b'(') => {
                let part = self.deeper(|parser| Some(parser.parentheses()));
                parts.part(part.unwrap_or(Part::Command(Vec::new())));
            }
            Some(b'{') => {
                let mut parameter = self.deeper(|parser| parser.braces(in_quotes));
                self.cursor.since(start).clone_into(&mut parameter.text);
                parts.part(Part::Parameter(Box::new(parameter)));
            }
            // The old form of `$((…))` in bash; elsewhere, and without an end, a plain character.
            Some(b'[') if self.closes_on_this_line() => {
                self.cursor.skip(1);
                let text = self.deeper(|parser| parser.text_within(Within::Brackets));
                self.close("]", "$[");
                parts.part(Part::Arithmetic(text.parts));
            }
            Some(b'\'') if !in_quotes => {
                self.cursor.skip(1);
                let text = self.ansi_c();
                parts.part(Part::Quoted(text));
            }
            Some(b'"') if !in_quotes => {
                let inner = self.deeper(Self::double_quoted);
                parts.part(Part::DoubleQuoted(inner));
            }
            _ => match self.parameter_length() {
                0 => parts.text("$"),
                length => {
                    // `$10` is `$1` and a zero.
                    let digit = self.cursor.peek().is_some_and(|b| b.is_ascii_digit());
                    self.cursor.skip(if digit { 1 } else { length });
                    let text = self.cursor.since(start);
                    parts.part(Part::Parameter(Box::new(Parameter {
                        name: text[1..].to_owned(),
                        text: text.to_owned(),
                        ..Parameter::default()
                    })));
                }
            },
        }
    }

    /// `$(…)` or `$((…))`.
    fn parentheses(&mut self) -> Part {
        if let Some(text) = self.arithmetic() {
            return Part::Arithmetic(text.parts);
        }
        self.cursor.skip(1);
        let list = self.list();
        self.close(")", "$(");
        Part::Command(list)
    }

    /// `((…))`, where the two brackets end together; otherwise it is a subshell within a subshell (XCU 2.6.3), and nothing is
    /// read.
    pub(super) fn arithmetic(&mut self) -> Option<Word> {
        if !self.cursor.starts_with("((") || !ends_arithmetic(self.cursor.rest()) {
            return None;
        }
        self.cursor.skip(2);
        let text = self.text_within(Within::Arithmetic);
        self.close("))", "((");
        Some(text)
    }

    fn closes_on_this_line(&self) -> bool {
        let ahead = self.cursor.rest().iter().take(SUBSCRIPT_SEARCH);
        let mut ends = ahead.filter(|b| matches!(b, b']' | b'\n' | b'"' | b'\''));
        ends.next() == Some(&b']')
    }

    /// The length of the parameter's name that begins here.
    fn parameter_length(&self) -> usize {
        match self.cursor.peek() {
            Some(b'@' | b'*' | b'#' | b'?' | b'-' | b'$' | b'!') => 1,
            Some(b) if b.is_ascii_digit() => {
                let digits = self.cursor.rest().iter();
                digits.take_while(|b| b.is_ascii_digit()).count()
            }
            _ => self.cursor.name_length(0),
        }
    }

    /// `${…}`. What no shell would take for a parameter has no name; that is an error only when it is expanded.
    fn braces(&mut self, in_quotes: bool) -> Parameter {
        self.cursor.skip(1);
        let mut parameter = Parameter::default();
        if self.cursor.peek() == Some(b'#') {
            // `${#x}` is a length; `${#}` and `${#-x}` are about `$#`.
            let start = self.cursor.mark();
            self.cursor.skip(1);
            let length = self.parameter_length();
            parameter.length =
                length > 0 && matches!(self.cursor.peek_at(length), Some(b'}' | b'['));
            if !parameter.length {
                self.cursor.back_to(start);
            }
        } else if self.cursor.peek() == Some(b'!') && self.cursor.peek_at(1).is_some_and(is_name) {
            self.cursor.skip(1);
            parameter.indirect = true;
        }
        let start = self.cursor.mark();
        self.cursor.skip(self.parameter_length());
        self.cursor.since(start).clone_into(&mut parameter.name);
        if self.cursor.peek() == Some(b'[') && !parameter.name.is_empty() {
            self.cursor.skip(1);
            parameter.subscript = Some(self.deeper(|parser| parser.text_within(Within::Brackets)));
            self.close("]", "[");
        }
        if self.cursor.peek() != Some(b'}') {
            let operation = self.operation();
            let pattern = matches!(operation, Operation::Trim { .. } | Operation::Other);
            let within = if in_quotes && !pattern {
                Within::QuotedBraces
            } else {
                Within::Braces
            };
            parameter.operation = Some((operation, self.text_within(within)));
        }
        self.close("}", "${");
        parameter
    }

    fn operation(&mut self) -> Operation {
        let colon = self.cursor.peek() == Some(b':');
        let operation = match self.cursor.peek_at(usize::from(colon)) {
            Some(b'-') => Operation::Default { colon },
            Some(b'=') => Operation::Assign { colon },
            Some(b'?') => Operation::Error { colon },
            Some(b'+') => Operation::Alternative { colon },
            Some(first @ (b'#' | b'%')) if !colon => {
                let suffix = first == b'%';
                let longest = self.cursor.peek_at(1) == Some(first);
                self.cursor.skip(1 + usize::from(longest));
                return Operation::Trim { suffix, longest };
            }
            _ => return Operation::Other,
        };
        self.cursor.skip(1 + usize::from(colon));
        operation
    }

    /// Behind `$'` (POSIX.1-2024, XCU 2.2.4).
    fn ansi_c(&mut self) -> String {
        let mut text = String::new();
        loop {
            text.push_str(self.cursor.until(|b| matches!(b, b'\'' | b'\\')));
            match self.cursor.character() {
                Some('\\') => self.escape(&mut text),
                Some(_) => return text,
                None => {
                    self.fail(ErrorKind::Unclosed { opened: "$'" });
                    return text;
                }
            }
        }
    }

    fn escape(&mut self, text: &mut String) {
        let Some(c) = self.cursor.character() else {
            return;
        };
        let (radix, most) = match c {
            'x' => (16, 2),
            'u' => (16, 4),
            'U' => (16, 8),
            '0'..='7' => (8, 2),
            _ => (0, 0),
        };
        if radix > 0 {
            let rest = self.cursor.rest().iter().take(most);
            let length = rest.take_while(|b| char::from(**b).is_digit(radix)).count();
            let start = self.cursor.mark();
            self.cursor.skip(length);
            let digits = self.cursor.since(start);
            let first = c.to_digit(8).filter(|_| radix == 8).unwrap_or(0);
            let value = u32::from_str_radix(digits, radix).unwrap_or(0);
            let shift = if radix == 8 {
                3 * u32::try_from(length).unwrap_or(0)
            } else {
                0
            };
            text.extend(char::from_u32((first << shift) | value));
            return;
        }
        match c {
            'a' => text.push('\u{7}'),
            'b' => text.push('\u{8}'),
            'e' | 'E' => text.push('\u{1b}'),
            'f' => text.push('\u{c}'),
            'n' => text.push('\n'),
            'r' => text.push('\r'),
            't' => text.push('\t'),
            'v' => text.push('\u{b}'),
            'c' => {
                let control = self.cursor.character().filter(char::is_ascii);
                text.extend(control.map(|c| char::from((c as u8) & 0x1f)));
            }
            '\'' | '"' | '\\' | '?' => text.push(c),
            other => text.extend(['\\', other]),
        }
    }

    /// `` `…` ``: the text is unescaped first, and then read (XCU 2.6.3).
    pub(super) fn backquoted(&mut self, parts: &mut Parts, in_quotes: bool) {
        let line = self.cursor.line();
        let opening = self.cursor.mark();
        self.cursor.skip(1);
        let mut text = String::new();
        loop {
            text.push_str(self.cursor.until(|b| matches!(b, b'`' | b'\\')));
            match self.cursor.character() {
                Some('\\') => match self.cursor.character() {
                    Some(c @ ('$' | '`' | '\\')) => text.push(c),
                    Some('"') if in_quotes => text.push('"'),
                    Some(c) => text.extend(['\\', c]),
                    None => {}
                },
                Some(_) => break,
                None => {
                    self.cursor.back_to(opening);
                    self.fail(ErrorKind::Unclosed { opened: "`" });
                    return;
                }
            }
        }
        let list = self.within(&text, line, program);
        parts.part(Part::Command(list));
    }
}

fn program(parser: &mut Parser<'_, '_>) -> List {
    parser.program()
}

/// Whether the brackets `((` are closed by a `))`, as far as counting can tell.
fn ends_arithmetic(text: &[u8]) -> bool {
    let mut open = 0_usize;
    let mut bytes = text.iter().take(ARITHMETIC_SEARCH).enumerate();
    let mut double = false;
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            b'"' => double = !double,
            b'(' if !double => open += 1,
            b')' if !double => {
                open -= 1;
                // The outer bracket must follow the inner one at once.
                if open == 1 {
                    return text.get(at + 1) == Some(&b')');
                }
            }
            _ => {}
        }
    }
    false
}
