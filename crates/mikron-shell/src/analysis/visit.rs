//! Every command and every part of a word of a script, in no context but whether a function's body surrounds it.

use crate::ast::{
    Command, CommandKind, HereDocument, Item, Part, Redirect, Script, Target, Test, Word,
};

/// What a visitor is shown.
pub(super) enum Node<'a> {
    Command(&'a Command),
    Part(&'a Part),
}

/// Where a node stands.
#[derive(Clone, Copy, Default)]
pub(super) struct Place {
    pub(super) in_function: bool,
    /// Whether it may be passed over: it is part of another command, or stands behind `&&` or `||`.
    pub(super) conditional: bool,
}

/// Shows each node of a script, outer ones first.
pub(super) fn visit<'a>(script: &'a Script, see: &mut dyn FnMut(Node<'a>, Place)) {
    let mut visit = Visit {
        documents: &script.here_documents,
        see,
        place: Place::default(),
    };
    visit.list(&script.commands);
}

/// Shows each node of commands, here-documents left out.
pub(super) fn visit_commands<'a>(commands: &'a [Command], see: &mut dyn FnMut(Node<'a>, Place)) {
    let mut visit = Visit {
        documents: &[],
        see,
        place: Place::default(),
    };
    for command in commands {
        visit.command(command);
    }
}

/// The same for a list.
pub(super) fn visit_list<'a>(list: &'a [Item], see: &mut dyn FnMut(Node<'a>, Place)) {
    for item in list {
        let rest = item.and_or.rest.iter().map(|(_, pipeline)| pipeline);
        for pipeline in std::iter::once(&item.and_or.first).chain(rest) {
            visit_commands(&pipeline.commands, see);
        }
    }
}

struct Visit<'a, 'f> {
    documents: &'a [HereDocument],
    see: &'f mut dyn FnMut(Node<'a>, Place),
    place: Place,
}

impl<'a> Visit<'a, '_> {
    fn list(&mut self, list: &'a [Item]) {
        let outside = self.place;
        for item in list {
            let rest = item.and_or.rest.iter().map(|(_, pipeline)| pipeline);
            for pipeline in std::iter::once(&item.and_or.first).chain(rest) {
                for command in &pipeline.commands {
                    self.command(command);
                }
                self.place.conditional = true;
            }
            self.place = outside;
        }
    }

    fn command(&mut self, command: &'a Command) {
        (self.see)(Node::Command(command), self.place);
        let outside = self.place;
        self.place.conditional = true;
        match &command.kind {
            CommandKind::Simple(simple) => {
                for assignment in &simple.assignments {
                    self.word(&assignment.value);
                }
                self.words(&simple.words);
            }
            CommandKind::Group(list) | CommandKind::Subshell(list) => self.list(list),
            CommandKind::If(conditional) => {
                for (condition, body) in &conditional.arms {
                    self.list(condition);
                    self.list(body);
                }
                self.list(conditional.otherwise.as_deref().unwrap_or_default());
            }
            CommandKind::Loop {
                condition, body, ..
            } => {
                self.list(condition);
                self.list(body);
            }
            CommandKind::For { words, body, .. } => {
                self.words(words.as_deref().unwrap_or_default());
                self.list(body);
            }
            CommandKind::ArithmeticFor { expressions, body } => {
                self.word(expressions);
                self.list(body);
            }
            CommandKind::Case { subject, arms } => {
                self.word(subject);
                for arm in arms {
                    self.words(&arm.patterns);
                    self.list(&arm.body);
                }
            }
            CommandKind::Function { body, .. } => {
                self.place.in_function = true;
                self.command(body);
                self.place.in_function = outside.in_function;
            }
            CommandKind::Arithmetic(word) => self.word(word),
            CommandKind::Test(test) => self.test(test),
            CommandKind::Coprocess(command) => self.command(command),
        }
        for Redirect { target, .. } in &command.redirects {
            match target {
                Target::Word(word) => self.word(word),
                Target::HereDocument(number) => {
                    let documents = self.documents;
                    if let Some(document) = documents.get(*number) {
                        self.word(&document.body);
                    }
                }
            }
        }
        self.place = outside;
    }

    fn test(&mut self, test: &'a Test) {
        match test {
            Test::Word(word) | Test::Unary(_, word) => self.word(word),
            Test::Binary(left, _, right) => {
                self.word(left);
                self.word(right);
            }
            Test::Not(test) => self.test(test),
            Test::All(tests) | Test::Any(tests) => {
                for test in tests {
                    self.test(test);
                }
            }
        }
    }

    fn words(&mut self, words: &'a [Word]) {
        for word in words {
            self.word(word);
        }
    }

    fn word(&mut self, word: &'a Word) {
        self.parts(&word.parts);
    }

    fn parts(&mut self, parts: &'a [Part]) {
        for part in parts {
            (self.see)(Node::Part(part), self.place);
            match part {
                Part::Literal(_) | Part::Quoted(_) => {}
                Part::DoubleQuoted(parts) | Part::Arithmetic(parts) => self.parts(parts),
                Part::Parameter(parameter) => {
                    let operand = parameter.operation.iter().map(|(_, word)| word);
                    for word in parameter.subscript.iter().chain(operand) {
                        self.word(word);
                    }
                }
                Part::Command(list) | Part::Process(list) => self.list(list),
                Part::Array(words) | Part::Pattern(_, words) => self.words(words),
            }
        }
    }
}
