//! Lists, and-or lists and pipelines (XCU 2.9.2, 2.9.3, 2.10.2).

use super::Parser;
use crate::ast::{AndOr, Command, CommandKind, Connector, Item, List, Pipeline, Simple};

/// Reserved words that end a list.
pub(super) const CLOSERS: &[&str] = &["then", "else", "elif", "fi", "do", "done", "esac", "}"];

/// Reserved words that open a compound command.
pub(super) const OPENERS: &[&str] = &[
    "{", "if", "while", "until", "for", "case", "[[", "select", "function", "!",
];

impl Parser<'_, '_> {
    /// Commands up to a word or an operator that cannot begin one; it stays where it is.
    pub(super) fn list(&mut self) -> List {
        let mut list = List::new();
        loop {
            self.skip_lines();
            match self.cursor.peek() {
                None | Some(b')' | b';' | b'&' | b'|') if !self.output_to_both() => break,
                _ if CLOSERS.contains(&self.cursor.bare_word()) => break,
                _ => {}
            }
            let and_or = self.and_or();
            self.cursor.skip_blanks();
            let mut item = Item {
                and_or,
                background: false,
            };
            let double = self.cursor.starts_with(";;") || self.cursor.starts_with(";&");
            let ended = match self.cursor.peek() {
                Some(b'&') if self.cursor.peek_at(1) != Some(b'&') => {
                    item.background = true;
                    self.cursor.skip(1);
                    false
                }
                Some(b';') if !double => {
                    self.cursor.skip(1);
                    false
                }
                Some(b'\n') => false,
                _ => true,
            };
            list.push(item);
            if ended {
                break;
            }
        }
        list
    }

    /// Commands of which there must be at least one.
    pub(super) fn commands(&mut self) -> List {
        let list = self.list();
        if list.is_empty() {
            self.unexpected();
        }
        list
    }

    /// Whether `&>` stands here, which begins a redirection and ends nothing.
    fn output_to_both(&self) -> bool {
        self.cursor.starts_with("&>")
    }

    /// Skips blanks, comments and newlines, with the bodies of here-documents behind them.
    pub(super) fn skip_lines(&mut self) {
        loop {
            self.cursor.skip_blanks();
            if !self.cursor.take("\n") {
                return;
            }
            if !self.shared.pending.is_empty() {
                self.here_document_bodies();
            }
        }
    }

    fn and_or(&mut self) -> AndOr {
        let first = self.pipeline();
        let mut rest = Vec::new();
        loop {
            self.cursor.skip_blanks();
            let connector = if self.cursor.take("&&") {
                Connector::And
            } else if self.cursor.take("||") {
                Connector::Or
            } else {
                return AndOr { first, rest };
            };
            self.skip_lines();
            rest.push((connector, self.pipeline()));
        }
    }

    fn pipeline(&mut self) -> Pipeline {
        let mut pipeline = Pipeline {
            negated: false,
            commands: Vec::new(),
        };
        self.cursor.skip_blanks();
        self.time();
        let mut negation = false;
        while self.cursor.take_word("!") {
            pipeline.negated = !pipeline.negated;
            negation = true;
            self.cursor.skip_blanks();
        }
        // bash takes a lone `!` for `! true`.
        if negation && matches!(self.cursor.peek(), None | Some(b'\n' | b';')) {
            pipeline.commands.push(Command {
                line: self.cursor.line(),
                kind: CommandKind::Simple(Simple::default()),
                redirects: Vec::new(),
            });
            return pipeline;
        }
        loop {
            pipeline.commands.push(self.command());
            self.cursor.skip_blanks();
            if self.cursor.starts_with("||") || !self.cursor.take("|") {
                return pipeline;
            }
            self.cursor.take("&");
            self.skip_lines();
        }
    }

    /// `time` before a compound command is a reserved word of bash. Before a simple one it stays: there it may also be the
    /// program, and to a reader the two are alike.
    fn time(&mut self) {
        let start = self.cursor.mark();
        if !self.cursor.take_word("time") {
            return;
        }
        self.cursor.skip_blanks();
        if self.cursor.take("-p") {
            self.cursor.skip_blanks();
        }
        let compound =
            self.cursor.peek() == Some(b'(') || OPENERS.contains(&self.cursor.bare_word());
        if !compound {
            self.cursor.back_to(start);
        }
    }
}
