//! Here-documents (XCU 2.7.4).

use super::Parser;
use crate::ast::{HereDocument, Part, Target, Word};

/// A here-document whose body was not reached yet.
pub(super) struct Pending {
    number: usize,
    delimiter: String,
    /// `<<-`: tabs before each line are taken off.
    tabs: bool,
    quoted: bool,
}

impl Parser<'_, '_> {
    /// Behind `<<`: the delimiter; its body follows the line.
    pub(super) fn here_document(&mut self, tabs: bool) -> Target {
        self.cursor.skip_blanks();
        let word = self.required_word();
        let mut delimiter = String::new();
        let quoted = delimiter_text(&word.parts, &mut delimiter);
        let number = self.shared.here_documents.len();
        self.shared.here_documents.push(HereDocument {
            delimiter: delimiter.clone(),
            quoted,
            body: Word::default(),
        });
        self.shared.pending.push(Pending {
            number,
            delimiter,
            tabs,
            quoted,
        });
        Target::HereDocument(number)
    }

    /// Behind a newline: the bodies that were announced before it. A body that the text ends in is whole.
    pub(super) fn here_document_bodies(&mut self) {
        for pending in std::mem::take(&mut self.shared.pending) {
            let first_line = self.cursor.line();
            let start = self.cursor.mark();
            let mut stripped = String::new();
            let mut body = None;
            // Joined lines are one: the second part of them does not end the document.
            let mut joined = false;
            while !self.cursor.at_end() {
                let line = self.cursor.rest_of_line();
                let text = if pending.tabs {
                    line.trim_start_matches('\t')
                } else {
                    line
                };
                let ends = !joined && text == pending.delimiter;
                if ends {
                    body = Some(self.cursor.since(start));
                }
                self.cursor.until(|b| b == b'\n');
                let newline = self.cursor.take("\n");
                if ends {
                    break;
                }
                if pending.tabs {
                    stripped.push_str(text);
                    stripped.extend(newline.then_some('\n'));
                }
                let backslashes = text.bytes().rev().take_while(|b| *b == b'\\').count();
                joined = !pending.quoted && backslashes % 2 == 1;
            }
            let body = body.unwrap_or_else(|| self.cursor.since(start));
            let body = if pending.tabs { &stripped } else { body };
            let parts = if pending.quoted {
                vec![Part::Quoted(body.to_owned())]
            } else if body.bytes().any(|b| matches!(b, b'$' | b'`' | b'\\')) {
                self.within(body, first_line, body_parts)
            } else {
                vec![Part::Literal(body.to_owned())]
            };
            if let Some(document) = self.shared.here_documents.get_mut(pending.number) {
                document.body = Word {
                    line: first_line,
                    parts,
                };
            }
        }
    }
}

fn body_parts(parser: &mut Parser<'_, '_>) -> Vec<Part> {
    parser.here_document_parts()
}

/// Takes the quotes off a delimiter; whether there were any. Expansions in it are plain text.
fn delimiter_text(parts: &[Part], text: &mut String) -> bool {
    let mut quoted = false;
    for part in parts {
        match part {
            Part::Literal(literal) => text.push_str(literal),
            Part::Quoted(literal) => {
                text.push_str(literal);
                quoted = true;
            }
            Part::DoubleQuoted(parts) => {
                delimiter_text(parts, text);
                quoted = true;
            }
            Part::Parameter(parameter) => text.push_str(&parameter.text),
            _ => {}
        }
    }
    quoted
}
