//! Compound commands (XCU 2.9.4), and those of bash and ksh.

use super::Parser;
use super::cursor::is_meta;
use super::grammar::{CLOSERS, OPENERS};
use super::simple::flatten;
use crate::ast::{Arm, ArmEnd, Command, CommandKind, If, List, Simple};
use crate::error::ErrorKind;

impl Parser<'_, '_> {
    /// Reads one command with its redirections.
    pub(super) fn command(&mut self) -> Command {
        self.cursor.skip_blanks();
        let line = self.cursor.line();
        let kind = if self.cursor.peek() == Some(b'(') {
            self.deeper(|parser| Some(parser.parenthesised()))
        } else {
            let word = self.cursor.bare_word();
            match word {
                "{" | "if" | "while" | "until" | "for" | "select" | "case" | "[[" => {
                    self.cursor.skip(word.len());
                    self.deeper(|parser| Some(parser.compound(word)))
                }
                "function" => {
                    self.cursor.skip(word.len());
                    self.cursor.skip_blanks();
                    let name = self.required_word();
                    self.cursor.skip_blanks();
                    if self.cursor.take("(") {
                        self.cursor.skip_blanks();
                        self.close(")", "(");
                    }
                    let mut text = String::new();
                    flatten(&name.parts, &mut text);
                    return self.function(line, text);
                }
                "coproc" => {
                    self.cursor.skip(word.len());
                    self.deeper(|parser| Some(parser.coprocess()))
                }
                _ => {
                    if word == "!" || CLOSERS.contains(&word) {
                        self.unexpected();
                    }
                    return self.simple();
                }
            }
        };
        let kind = kind.unwrap_or_else(|| CommandKind::Simple(Simple::default()));
        let redirects = self.redirects();
        // Behind a redirection no word is reserved, and a compound command takes no others.
        let word_follows = self.cursor.peek().is_some_and(|byte| !is_meta(byte));
        if word_follows && !redirects.is_empty() {
            self.unexpected();
        }
        Command {
            line,
            kind,
            redirects,
        }
    }

    fn compound(&mut self, word: &str) -> CommandKind {
        match word {
            "{" => {
                let list = self.commands();
                self.reserved("}");
                CommandKind::Group(list)
            }
            "if" => self.conditional(),
            "while" | "until" => {
                let condition = self.commands();
                let body = self.do_group();
                CommandKind::Loop {
                    until: word == "until",
                    condition,
                    body,
                }
            }
            "case" => self.case(),
            "[[" => CommandKind::Test(self.test()),
            _ => self.for_loop(),
        }
    }

    /// `( … )` or `(( … ))`.
    fn parenthesised(&mut self) -> CommandKind {
        if let Some(text) = self.arithmetic() {
            return CommandKind::Arithmetic(text);
        }
        self.cursor.skip(1);
        let list = self.commands();
        self.close(")", "(");
        CommandKind::Subshell(list)
    }

    fn conditional(&mut self) -> CommandKind {
        let mut conditional = If {
            arms: Vec::new(),
            otherwise: None,
        };
        loop {
            let condition = self.commands();
            self.reserved("then");
            let body = self.commands();
            conditional.arms.push((condition, body));
            if !self.cursor.take_word("elif") {
                break;
            }
        }
        if self.cursor.take_word("else") {
            conditional.otherwise = Some(self.commands());
        }
        self.reserved("fi");
        CommandKind::If(conditional)
    }

    /// `do … done`, or `{ … }` as bash allows.
    fn do_group(&mut self) -> List {
        self.skip_lines();
        let closing = if self.cursor.take_word("{") {
            "}"
        } else {
            self.reserved("do");
            "done"
        };
        let body = self.commands();
        self.reserved(closing);
        body
    }

    fn for_loop(&mut self) -> CommandKind {
        self.cursor.skip_blanks();
        if let Some(expressions) = self.arithmetic() {
            self.cursor.skip_blanks();
            self.cursor.take(";");
            let body = self.do_group();
            return CommandKind::ArithmeticFor { expressions, body };
        }
        let name = self.required_word();
        let mut variable = String::new();
        flatten(&name.parts, &mut variable);
        self.skip_lines();
        let mut words = None;
        if self.cursor.take_word("in") {
            let list = words.insert(Vec::new());
            loop {
                self.cursor.skip_blanks();
                let word = self.word();
                if word.parts.is_empty() {
                    break;
                }
                list.push(word);
            }
            if !self.cursor.take(";") && self.cursor.peek() != Some(b'\n') {
                self.unexpected();
            }
        } else {
            self.cursor.take(";");
        }
        let body = self.do_group();
        CommandKind::For {
            variable,
            words,
            body,
        }
    }

    fn case(&mut self) -> CommandKind {
        self.cursor.skip_blanks();
        let subject = self.required_word();
        self.skip_lines();
        self.reserved("in");
        let mut arms = Vec::new();
        loop {
            self.skip_lines();
            if self.cursor.take_word("esac") {
                break;
            }
            if self.cursor.at_end() {
                self.fail(ErrorKind::Missing { expected: "esac" });
                break;
            }
            arms.push(self.arm());
        }
        CommandKind::Case { subject, arms }
    }

    fn arm(&mut self) -> Arm {
        self.cursor.take("(");
        let mut patterns = Vec::new();
        loop {
            self.cursor.skip_blanks();
            patterns.push(self.required_word());
            self.cursor.skip_blanks();
            if !self.cursor.take("|") {
                break;
            }
        }
        self.close(")", "case");
        let body = self.list();
        let end = if self.cursor.take(";;&") {
            ArmEnd::Continue
        } else if self.cursor.take(";;") {
            ArmEnd::Break
        } else if self.cursor.take(";&") {
            ArmEnd::FallThrough
        } else {
            if !self.cursor.at_end() && self.cursor.bare_word() != "esac" {
                self.unexpected();
            }
            ArmEnd::Break
        };
        Arm {
            patterns,
            body,
            end,
        }
    }

    /// `coproc [NAME] command` (bash).
    fn coprocess(&mut self) -> CommandKind {
        self.cursor.skip_blanks();
        let start = self.cursor.mark();
        let length = self.cursor.name_length(0);
        if length > 0 && !OPENERS.contains(&self.cursor.bare_word()) {
            self.cursor.skip(length);
            self.cursor.skip_blanks();
            let compound = OPENERS.contains(&self.cursor.bare_word());
            if !compound && self.cursor.peek() != Some(b'(') {
                self.cursor.back_to(start);
            }
        }
        CommandKind::Coprocess(Box::new(self.command()))
    }

    /// Skips a reserved word, or says that it is missing.
    fn reserved(&mut self, word: &'static str) {
        self.skip_lines();
        if self.cursor.take_word(word) {
            return;
        }
        if self.cursor.at_end() {
            self.fail(ErrorKind::Missing { expected: word });
        } else {
            self.unexpected();
        }
    }
}
