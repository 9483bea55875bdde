//! Simple commands: what they call, and what those call in turn.

use super::probe;
use super::tables;
use super::unwrap::{Inner, unwrap};
use super::walk::{Context, Walker};
use crate::ast::{Redirect, RedirectOperator, Simple, Target};
use crate::call::{Builtin, Call, Kind, Word};
use crate::error::Limits;
use crate::parser::parse;

/// The caps on text that a script hands over: it lies within texts that lie within texts.
const LIMITS: Limits = Limits {
    bytes: 256 << 10,
    depth: 32,
};

/// What a name may stand for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// Functions, builtins and programs.
    All,
    /// Builtins and programs: behind `command`.
    Builtins,
    /// Programs: behind `env`.
    Programs,
}

impl Walker<'_> {
    pub(super) fn simple(
        &mut self,
        simple: &Simple,
        redirects: &[Redirect],
        line: u32,
        context: &Context<'_>,
    ) {
        for assignment in &simple.assignments {
            self.word(&assignment.value, context);
        }
        self.words(&simple.words, context);
        let writing = redirects
            .iter()
            .filter_map(|redirect| match &redirect.target {
                Target::Word(word) => Some(word),
                Target::HereDocument(_) => None,
            });
        let ways = self.expander.ways(simple.words.iter().chain(writing), true);
        for (at, way) in ways.into_iter().enumerate() {
            self.expanding += usize::from(at > 0);
            self.expander.pinned = way;
            self.one_way(simple, redirects, line, context);
            self.expander.pinned.clear();
            self.expanding -= usize::from(at > 0);
        }
        self.effects(simple);
    }

    /// The command with one value of each variable.
    fn one_way(
        &mut self,
        simple: &Simple,
        redirects: &[Redirect],
        line: u32,
        context: &Context<'_>,
    ) {
        let writes = self.redirects(redirects, context);
        let mut words = Vec::with_capacity(simple.words.len());
        for word in &simple.words {
            words.extend(self.expander.fields(word));
        }
        if let Some(name) = simple.words.first().and_then(|word| word.bare()) {
            self.alias(name, &mut words);
        }
        if words.is_empty() {
            self.redirection(line, writes, context);
        } else {
            let line = line.saturating_add(context.lines_before);
            self.emit(line, words, writes, context, Scope::All);
        }
    }

    /// The files that redirections write.
    pub(super) fn redirects(&mut self, redirects: &[Redirect], context: &Context<'_>) -> Vec<Word> {
        let mut writes = Vec::new();
        for redirect in redirects {
            let Target::Word(word) = &redirect.target else {
                self.here_document(&redirect.target, context);
                continue;
            };
            self.word(word, context);
            let writing = matches!(
                redirect.operator,
                RedirectOperator::Write
                    | RedirectOperator::Append
                    | RedirectOperator::ReadWrite
                    | RedirectOperator::WriteBoth
                    | RedirectOperator::DuplicateOutput
            );
            if !writing {
                continue;
            }
            let file = self.expander.text(word);
            let descriptor = redirect.operator == RedirectOperator::DuplicateOutput
                && (file.text == "-" || !file.literal || is_descriptor(&file.text));
            let standard = ["/dev/null", "/dev/tty"].contains(&file.text.as_str())
                || file.text.starts_with("/dev/std")
                || file.text.starts_with("/dev/fd/");
            if !descriptor && !standard {
                writes.push(file);
            }
        }
        writes
    }

    /// A redirection without a command, or of a compound one.
    pub(super) fn redirection(&mut self, line: u32, writes: Vec<Word>, context: &Context<'_>) {
        if !writes.is_empty() {
            let line = line.saturating_add(context.lines_before);
            self.push(line, Kind::Redirection, Vec::new(), writes, context);
        }
    }

    /// Puts the value of an alias in its place (XCU 2.3.1). bash does so only in interactive shells.
    fn alias(&mut self, name: &str, words: &mut Vec<Word>) {
        let Some((word, skip)) = self.expander.definitions.aliases.get(name).copied() else {
            return;
        };
        let value = self.expander.text(word);
        let Some(text) = value.text.get(skip..).filter(|_| value.literal) else {
            return;
        };
        let value = text.split_whitespace().map(|piece| Word {
            text: piece.to_owned(),
            literal: !piece.contains(['$', '`', '\'', '"', '\\']),
        });
        words.splice(..1, value.collect::<Vec<_>>());
    }

    /// The script has not ended with failure, since these commands are there.
    pub(super) fn demand(&mut self, line: u32, names: &[String], context: &Context<'_>) {
        for name in names {
            let functions = &self.expander.definitions.functions;
            let of_shell = functions.contains_key(name.as_str()) || tables::builtin(name).is_some();
            let directory = name.rsplit_once('/').map(|(directory, _)| directory);
            if of_shell || directory.is_some_and(|directory| !directory.ends_with("bin")) {
                continue;
            }
            let word = Word {
                text: name.clone(),
                literal: true,
            };
            self.push(line, Kind::Demand, vec![word], Vec::new(), context);
        }
    }

    fn push(
        &mut self,
        line: u32,
        kind: Kind,
        words: Vec<Word>,
        writes: Vec<Word>,
        context: &Context<'_>,
    ) -> &mut Call {
        let name = words.first().filter(|word| word.literal);
        let probed = !matches!(kind, Kind::Probe | Kind::Demand)
            && name.is_some_and(|name| {
                let name = if matches!(name.text.as_str(), "." | "source") {
                    words.get(1).map_or("", |file| &file.text)
                } else {
                    &name.text
                };
                context
                    .present
                    .iter()
                    .any(|there| probe::covers(there, name))
            });
        self.calls.push(Call {
            line,
            kind,
            words,
            writes,
            guards: context.guards.clone(),
            via: context.via.clone(),
            wraps: false,
            probed,
            function: context.function.clone(),
            unreachable: context.unreachable,
            tolerated: context.tolerated,
        });
        self.calls.last_mut().expect("one was pushed")
    }

    fn emit(
        &mut self,
        line: u32,
        words: Vec<Word>,
        mut writes: Vec<Word>,
        context: &Context<'_>,
        scope: Scope,
    ) {
        self.note_functions(&words, context, scope);
        let Some(name) = words.first().filter(|word| word.literal) else {
            self.push(line, Kind::Command, words, writes, context);
            return;
        };
        let name = name.text.clone();
        let functions = &self.expander.definitions.functions;
        if scope == Scope::All && functions.contains_key(name.as_str()) {
            if !writes.is_empty() {
                self.push(line, Kind::Function, words.clone(), writes, context);
            }
            self.inline(&name, &words, context);
            return;
        }
        let builtin = tables::builtin(&name).filter(|_| scope != Scope::Programs);
        let kind = builtin.map_or(Kind::Command, Kind::Builtin);
        let probed = probe::probed(&words);
        let inner = if probed.is_empty() {
            unwrap(&words)
        } else {
            Inner::None
        };
        // Direct successors inherit the redirections; a text has its own.
        let handed_on = match &inner {
            Inner::Commands(_) if name != "find" => std::mem::take(&mut writes),
            _ => Vec::new(),
        };
        let call = self.push(line, kind, words, writes, context);
        call.wraps = !matches!(inner, Inner::None);
        for name in probed {
            let word = Word {
                text: name,
                literal: true,
            };
            self.push(line, Kind::Probe, vec![word], Vec::new(), context);
        }
        let base = name.rsplit('/').next().unwrap_or_default();
        let mut within = context.clone();
        within.via.push(base.to_owned());
        match inner {
            Inner::None => {}
            Inner::Commands(commands) => {
                let wrapper = tables::wrapper_named(base);
                let scope = match wrapper.filter(|wrapper| wrapper.builtins) {
                    Some(_) if base == "time" => Scope::All,
                    Some(_) => Scope::Builtins,
                    None => Scope::Programs,
                };
                let deep = within.via.len() > 16;
                for words in commands.into_iter().filter(|_| !deep) {
                    self.emit(line, words, handed_on.clone(), &within, scope);
                }
            }
            Inner::Text(text) if matches!(kind, Kind::Builtin(Builtin::Special)) => {
                if name == "trap" {
                    self.anytime(|walker| walker.evaluate(&text, line, &within));
                } else {
                    self.evaluate(&text, line, &within);
                }
            }
            Inner::Text(text) => self.shell(&text, line, &within),
        }
    }

    /// Remembers which functions are called, or named for something else to call.
    fn note_functions(&mut self, words: &[Word], context: &Context<'_>, scope: Scope) {
        if context.unreachable || self.expander.definitions.functions.is_empty() {
            return;
        }
        let from = context.function.as_ref();
        for (at, word) in words.iter().enumerate() {
            if !word.literal {
                let called = at == 0 && scope == Scope::All
                    || at == 1 && words[0].literal && words[0].text == "eval";
                if called {
                    self.reach.beginning(from, &word.text);
                }
            } else if self
                .expander
                .definitions
                .functions
                .contains_key(word.text.as_str())
            {
                self.reach.name(from, &word.text);
            }
        }
    }

    /// Text that runs in this shell: `eval`, `trap`.
    fn evaluate(&mut self, text: &str, line: u32, context: &Context<'_>) {
        if !self.may_evaluate(text.len()) {
            return;
        }
        let script = parse(text.as_bytes(), &LIMITS);
        let mut within = context.clone();
        within.documents = &script.here_documents;
        within.lines_before = line.saturating_sub(1);
        self.nesting += 1;
        self.list(&script.commands, &within);
        self.nesting -= 1;
    }

    /// Text that runs in a shell of its own: `sh -c`.
    fn shell(&mut self, text: &str, line: u32, context: &Context<'_>) {
        if !self.may_evaluate(text.len()) {
            return;
        }
        let script = parse(text.as_bytes(), &LIMITS);
        let mut walker = Walker::new(&script, &[], self.nesting + 1, self.evaluated);
        walker.steps = self.steps;
        walker.expanding = self.expanding;
        let within = Context {
            documents: &script.here_documents,
            function: None,
            argument: false,
            lines_before: line.saturating_sub(1),
            ..context.clone()
        };
        walker.list(&script.commands, &within);
        let (calls, evaluated, steps) = walker.finish();
        self.evaluated = evaluated;
        self.steps = steps;
        self.calls.extend(calls.into_iter().map(|call| Call {
            function: context.function.clone(),
            ..call
        }));
    }
}

fn is_descriptor(text: &str) -> bool {
    !text.is_empty()
        && text
            .trim_end_matches('-')
            .bytes()
            .all(|b| b.is_ascii_digit())
}
