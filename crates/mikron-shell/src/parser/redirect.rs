//! Redirections (XCU 2.7).

use super::Parser;
use crate::ast::{Redirect, RedirectOperator, Target};

/// The operators, longer ones before their beginnings.
const OPERATORS: &[(&str, RedirectOperator)] = &[
    ("<<<", RedirectOperator::HereString),
    ("<<-", RedirectOperator::HereDocument),
    ("<<", RedirectOperator::HereDocument),
    ("<&", RedirectOperator::DuplicateInput),
    ("<>", RedirectOperator::ReadWrite),
    ("<", RedirectOperator::Read),
    (">>", RedirectOperator::Append),
    (">&", RedirectOperator::DuplicateOutput),
    (">|", RedirectOperator::Write),
    (">", RedirectOperator::Write),
    ("&>>", RedirectOperator::WriteBoth),
    ("&>", RedirectOperator::WriteBoth),
];

impl Parser<'_, '_> {
    /// Reads the redirections that stand here.
    pub(super) fn redirects(&mut self) -> Vec<Redirect> {
        let mut redirects = Vec::new();
        loop {
            self.cursor.skip_blanks();
            match self.redirect() {
                Some(redirect) => redirects.push(redirect),
                None => return redirects,
            }
        }
    }

    /// Reads a redirection, where one stands here.
    pub(super) fn redirect(&mut self) -> Option<Redirect> {
        let length = self.descriptor_length();
        let operator = self.cursor.peek_at(length);
        let process = self.cursor.peek_at(length + 1) == Some(b'(');
        match operator {
            Some(b'<' | b'>') if !process || length > 0 => {}
            Some(b'&') if length == 0 && self.cursor.starts_with("&>") => {}
            _ => return None,
        }
        let start = self.cursor.mark();
        self.cursor.skip(length);
        let descriptor = (length > 0).then(|| self.cursor.since(start).to_owned());
        let here = self.cursor.starts_with("<<-");
        let (_, operator) = *OPERATORS.iter().find(|(text, _)| self.cursor.take(text))?;
        let target = if operator == RedirectOperator::HereDocument {
            self.here_document(here)
        } else {
            self.cursor.skip_blanks();
            Target::Word(self.required_word())
        };
        Some(Redirect {
            descriptor,
            operator,
            target,
        })
    }

    /// The length of `2` or `{name}` before an operator.
    fn descriptor_length(&self) -> usize {
        let rest = self.cursor.rest();
        let length = match rest.first() {
            Some(b'{') => {
                let name = self.cursor.name_length(1);
                let closed = name > 0 && rest.get(name + 1) == Some(&b'}');
                if closed { name + 2 } else { 0 }
            }
            Some(b'0'..=b'9') => rest.iter().take_while(|b| b.is_ascii_digit()).count(),
            _ => 0,
        };
        match rest.get(length) {
            Some(b'<' | b'>') => length,
            _ => 0,
        }
    }
}
