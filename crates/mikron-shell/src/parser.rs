//! From text to tree: a recursive descent over bytes, without a separate list of tokens, because in the shell language what
//! a character means depends on the construct that it stands in.
//!
//! Nothing returns early with an error. The first error is noted and the place moves to the end of the text, where every
//! loop ends by itself; so what was read stays in the tree.

mod compound;
mod cursor;
mod dollar;
mod grammar;
mod here;
mod redirect;
mod simple;
mod test;
mod word;

use crate::ast::{List, Script};
use crate::error::{ErrorKind, Limits, ParseError};
use cursor::Cursor;

/// Reads a script. Total over all inputs: what cannot be read is told by [`Script::error`].
///
/// Bytes that are no UTF-8 are replaced by U+FFFD; in names of commands they do not occur.
///
/// ```
/// use mikron_shell::{CommandKind, Limits, parse};
/// let script = parse(b"#!/bin/sh\nif true; then echo \"$(id -u)\"; fi\n", &Limits::default());
/// assert!(script.error.is_none());
/// let command = &script.commands[0].and_or.first.commands[0];
/// assert_eq!(command.line, 2);
/// assert!(matches!(command.kind, CommandKind::If(_)));
/// ```
pub fn parse(script: &[u8], limits: &Limits) -> Script {
    let cut = &script[..script.len().min(limits.bytes)];
    let text = String::from_utf8_lossy(cut);
    let mut script_error = None;
    if cut.len() < script.len() {
        let lines = text.matches('\n').count();
        script_error = Some(ParseError {
            line: u32::try_from(lines + 1).unwrap_or(u32::MAX),
            column: 1,
            kind: ErrorKind::TooLong {
                limit: limits.bytes,
            },
        });
    }
    let mut shared = Shared {
        limits: *limits,
        ..Shared::default()
    };
    let commands = Parser::new(&text, 1, &mut shared).program();
    Script {
        commands,
        here_documents: shared.here_documents,
        error: script_error.or(shared.error),
    }
}

/// What the parsers of a script and of the texts within it have in common.
#[derive(Default)]
struct Shared {
    limits: Limits,
    depth: usize,
    here_documents: Vec<crate::ast::HereDocument>,
    /// Here-documents whose bodies follow the present line.
    pending: Vec<here::Pending>,
    error: Option<ParseError>,
}

/// Reads one text: a script, or what stands in backquotes or in a here-document.
struct Parser<'s, 'h> {
    cursor: Cursor<'s>,
    shared: &'h mut Shared,
}

impl<'s, 'h> Parser<'s, 'h> {
    fn new(text: &'s str, line: u32, shared: &'h mut Shared) -> Self {
        Self {
            cursor: Cursor::new(text, line),
            shared,
        }
    }

    /// Reads the whole text as commands.
    fn program(&mut self) -> List {
        let list = self.list();
        if !self.cursor.at_end() {
            self.unexpected();
        }
        list
    }

    /// Notes what is wrong here, unless something was wrong before, and ends the reading.
    fn fail(&mut self, kind: ErrorKind) {
        let (line, column) = self.cursor.place();
        self.shared
            .error
            .get_or_insert(ParseError { line, column, kind });
        self.cursor.finish();
    }

    fn unexpected(&mut self) {
        let found = self.cursor.excerpt().to_owned();
        self.fail(ErrorKind::Unexpected { found });
    }

    /// Runs `read` one level deeper; a default value when that is too deep.
    fn deeper<T: Default>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        let limit = self.shared.limits.depth;
        if self.shared.depth >= limit {
            self.fail(ErrorKind::TooDeep { limit });
            return T::default();
        }
        self.shared.depth += 1;
        let value = read(self);
        self.shared.depth -= 1;
        value
    }

    /// Reads a text within this one by a parser of its own. An error in it does not end the reading of this one: the shells
    /// differ in whether they look into backquotes before they run them.
    fn within<T: Default>(
        &mut self,
        text: &str,
        line: u32,
        read: impl FnOnce(&mut Parser<'_, '_>) -> T,
    ) -> T {
        self.deeper(|parser| {
            let pending = std::mem::take(&mut parser.shared.pending);
            let value = read(&mut Parser::new(text, line, parser.shared));
            parser.shared.pending = pending;
            value
        })
    }
}
