//! Simple commands, assignments and the definition of functions (XCU 2.9.1, 2.9.5).

use super::Parser;
use super::word::Within;
use crate::ast::{Assignment, Command, CommandKind, Part, Redirect, Simple, Word};

/// Builtins whose arguments are assignments, also of arrays (bash, ksh).
const DECLARING: &[&str] = &["declare", "export", "local", "readonly", "typeset"];

impl Parser<'_, '_> {
    /// Reads a simple command, or the definition of a function.
    pub(super) fn simple(&mut self) -> Command {
        let line = self.cursor.line();
        let mut simple = Simple::default();
        let mut redirects: Vec<Redirect> = Vec::new();
        let mut declaring = false;
        loop {
            self.cursor.skip_blanks();
            if let Some(redirect) = self.redirect() {
                redirects.push(redirect);
                continue;
            }
            if simple.words.is_empty()
                && let Some(assignment) = self.assignment()
            {
                simple.assignments.push(assignment);
                continue;
            }
            if declaring && let Some(word) = self.declared_array() {
                simple.words.push(word);
                continue;
            }
            let word = self.word();
            if word.parts.is_empty() {
                break;
            }
            if simple.words.is_empty() {
                declaring = word.bare().is_some_and(|name| DECLARING.contains(&name));
                let alone = simple.assignments.is_empty() && redirects.is_empty();
                if alone && self.parameters() {
                    let mut name = String::new();
                    flatten(&word.parts, &mut name);
                    return self.function(line, name);
                }
            }
            simple.words.push(word);
        }
        if simple.words.is_empty() && simple.assignments.is_empty() && redirects.is_empty() {
            self.unexpected();
        }
        Command {
            line,
            kind: CommandKind::Simple(simple),
            redirects,
        }
    }

    /// `()` behind a name.
    fn parameters(&mut self) -> bool {
        let start = self.cursor.mark();
        self.cursor.skip_blanks();
        if self.cursor.take("(") {
            self.cursor.skip_blanks();
            if self.cursor.take(")") {
                return true;
            }
        }
        self.cursor.back_to(start);
        false
    }

    /// Behind `name ()`: the body.
    pub(super) fn function(&mut self, line: u32, name: String) -> Command {
        self.skip_lines();
        let body = self.deeper(|parser| Some(parser.command()));
        let kind = match body {
            Some(body) => CommandKind::Function {
                name,
                body: Box::new(body),
            },
            None => CommandKind::Simple(Simple::default()),
        };
        Command {
            line,
            kind,
            redirects: Vec::new(),
        }
    }

    /// `name=value`, `name+=value`, `name[subscript]=value`, where one stands here.
    fn assignment(&mut self) -> Option<Assignment> {
        let length = self.cursor.name_length(0);
        if length == 0 {
            return None;
        }
        let rest = self.cursor.rest();
        let subscript = rest.get(length) == Some(&b'[');
        let behind = if subscript {
            length + subscript_length(&rest[length..])?
        } else {
            length
        };
        let plus = rest.get(behind) == Some(&b'+');
        if rest.get(behind + usize::from(plus)) != Some(&b'=') {
            return None;
        }
        let start = self.cursor.mark();
        self.cursor.skip(length);
        let name = self.cursor.since(start).to_owned();
        let mut index = Vec::new();
        if subscript {
            self.cursor.skip(1);
            index = self.text_within(Within::Brackets).parts;
            self.close("]", "[");
        }
        if !self.cursor.take("+=") && !self.cursor.take("=") {
            // A quoted bracket: counting and reading disagree.
            self.cursor.back_to(start);
            return None;
        }
        let mut value = self.value();
        if !index.is_empty() {
            // Its commands run too.
            value.parts.push(Part::Arithmetic(index));
        }
        Some(Assignment {
            name,
            partial: plus || subscript,
            value,
        })
    }

    /// `name=(…)` as an argument of a declaring builtin.
    fn declared_array(&mut self) -> Option<Word> {
        let length = self.cursor.name_length(0);
        let rest = self.cursor.rest().get(length..)?;
        let equals = if rest.starts_with(b"+=(") {
            2
        } else if rest.starts_with(b"=(") {
            1
        } else {
            return None;
        };
        let start = self.cursor.mark();
        self.cursor.skip(length + equals);
        let name = Part::Literal(self.cursor.since(start).to_owned());
        let mut word = self.value();
        word.parts.insert(0, name);
        (length > 0).then_some(word)
    }

    /// Behind `=`: a word, which may be empty, or an array.
    fn value(&mut self) -> Word {
        let line = self.cursor.line();
        if self.cursor.peek() != Some(b'(') {
            return self.word();
        }
        self.cursor.skip(1);
        let words = self.deeper(|parser| {
            let mut words = Vec::new();
            loop {
                parser.skip_lines();
                // An element may have a subscript of its own: `[key]=value`.
                let word = parser.word();
                if word.parts.is_empty() {
                    return words;
                }
                words.push(word);
            }
        });
        self.close(")", "=(");
        Word {
            line,
            parts: vec![Part::Array(words)],
        }
    }
}

/// The length of `[…]`, which lies within one line.
fn subscript_length(text: &[u8]) -> Option<usize> {
    let mut open = 0_usize;
    for (at, byte) in text.iter().enumerate().take(1 << 10) {
        match byte {
            b'[' => open += 1,
            b']' => {
                open -= 1;
                if open == 0 {
                    return Some(at + 1);
                }
            }
            b'\n' => return None,
            _ => {}
        }
    }
    None
}

/// The text of a word without its quotes, for the name of a function.
pub(super) fn flatten(parts: &[Part], text: &mut String) {
    for part in parts {
        match part {
            Part::Literal(literal) | Part::Quoted(literal) => text.push_str(literal),
            Part::DoubleQuoted(parts) => flatten(parts, text),
            Part::Parameter(parameter) => text.push_str(&parameter.text),
            _ => {}
        }
    }
}
