//! How values flow: what a command assigns, loops over known words, the bodies of functions where they are called.

use std::collections::HashSet;
use std::sync::Arc;

use super::definitions::{Definitions, assigned, expression, sets_arguments};
use super::expand::ELEMENT;
use super::state::{Changes, Past, Positional, Value};
use super::visit::{Node, visit_commands, visit_list};
use super::walk::{Context, Walker, moves_arguments};
use crate::ast::{self, Command, CommandKind, Item, Operation, Part, Simple, Test};
use crate::call::{Call, Word};

/// How many words a loop is unrolled over.
const MAX_TURNS: usize = 64;

/// How many commands are read, and calls told, beyond reading each once.
const MAX_STEPS: usize = 20_000;

/// How deep the bodies of functions are put in the place of their calls.
const MAX_INLINED: usize = 4;

/// Where a function is defined.
pub(super) struct Defined<'a> {
    pub(super) name: &'a str,
    pub(super) body: &'a Command,
    /// Where the walk met the definition, and how many calls it had told before, if that was at its own time.
    pub(super) place: Option<(Context<'a>, Option<usize>)>,
    /// Whether its body was read at a call.
    pub(super) expanded: bool,
    /// Whether a call of it was left out, because there were too many.
    pub(super) left_out: bool,
}

/// A call of a function that is being read.
pub(super) struct Frame {
    name: Arc<str>,
    /// What the variables were that are local to it.
    locals: Vec<(String, Option<Value>)>,
}

impl Walker<'_> {
    pub(super) fn exhausted(&self) -> bool {
        self.steps >= MAX_STEPS || self.calls.len() >= MAX_STEPS
    }

    /// Reads a branch and takes it back.
    pub(super) fn branch(&mut self, read: impl FnOnce(&mut Self)) -> Changes {
        let mark = self.expander.state.mark();
        let positional = self.expander.state.positional.clone();
        read(self);
        let changes = self.expander.state.take_back(mark);
        if self.expander.state.positional != positional {
            self.expander.state.positional = None;
        }
        changes
    }

    /// Reads what runs in a shell of its own.
    pub(super) fn apart(&mut self, read: impl FnOnce(&mut Self)) {
        let mark = self.expander.state.mark();
        let positional = self.expander.state.positional.clone();
        read(self);
        self.expander.state.take_back(mark);
        self.expander.state.positional = positional;
    }

    pub(super) fn join(&mut self, branches: Vec<Changes>, past: Past) {
        if branches.is_empty() {
            return;
        }
        let mut state = std::mem::take(&mut self.expander.state);
        state.join(branches, past, |name| self.expander.before(name));
        self.expander.state = state;
    }

    /// Makes unknown what commands may assign that run many times.
    pub(super) fn forget(&mut self, list: &[Item]) {
        let mut names = HashSet::new();
        assigns(
            list,
            &self.expander.definitions,
            &mut HashSet::new(),
            &mut names,
        );
        for name in names {
            self.expander.state.set(&name, Value::default());
        }
        if moves_arguments(list) {
            self.expander.state.positional = None;
        }
    }

    /// The body of a loop over words: once for each where all are known, else once with the variable unknown.
    pub(super) fn turns(
        &mut self,
        variable: &str,
        words: Option<&[ast::Word]>,
        body: &[Item],
        context: &Context<'_>,
    ) {
        let mut fields: Option<Vec<Word>> = match words {
            Some(words) => {
                let fields = words.iter().flat_map(|word| self.expander.fields(word));
                Some(fields.collect())
            }
            None => self.expander.arguments().map(|all| {
                let known = |text: &Arc<str>| Word {
                    text: text.to_string(),
                    literal: true,
                };
                all.iter().map(known).collect()
            }),
        };
        fields = fields.filter(|fields| {
            let known = fields.iter().all(|field| field.literal);
            known && !fields.is_empty() && fields.len() <= MAX_TURNS
        });
        for (at, field) in fields.iter().flatten().enumerate() {
            if self.exhausted() {
                break;
            }
            self.expander.state.set(variable, Value::known(&field.text));
            self.expanding += usize::from(at > 0);
            self.body(body, context);
            self.expanding -= usize::from(at > 0);
            if fields.as_ref().is_some_and(|fields| at + 1 == fields.len()) {
                return;
            }
        }
        let changes = self.branch(|walker| {
            walker.forget(body);
            walker.expander.state.set(variable, Value::default());
            walker.body(body, context);
        });
        self.join(vec![changes], Past::Loop);
        self.expander.state.set(variable, Value::default());
    }

    /// Remembers where a function is defined; whether the script itself defines it, and not a text within it.
    pub(super) fn define(&mut self, body: &Command, context: &Context<'_>) -> bool {
        let same = |defined: &Defined<'_>| std::ptr::eq(defined.body, body);
        let Some(at) = self.defined.iter().position(same) else {
            return false;
        };
        let name = self.defined[at].name;
        self.current.insert(name, at);
        let place = Context {
            documents: self.documents,
            guards: context.guards.clone(),
            present: context.present.clone(),
            via: context.via.clone(),
            function: Some(name.into()),
            tolerated: false,
            unreachable: context.unreachable,
            argument: false,
            lines_before: context.lines_before,
        };
        let told = (!self.expander.whole).then_some(self.calls.len());
        self.defined[at].place.get_or_insert((place, told));
        true
    }

    /// Reads the body of a function in the place of its call.
    pub(super) fn inline(&mut self, name: &str, words: &[Word], context: &Context<'_>) {
        if self.expander.whole {
            return;
        }
        let last = || {
            self.defined
                .iter()
                .rposition(|defined| defined.name == name)
        };
        let Some(at) = self.current.get(name).copied().or_else(last) else {
            return;
        };
        let recursive = self.frames.iter().any(|frame| &*frame.name == name);
        if recursive || self.frames.len() >= MAX_INLINED || self.exhausted() {
            self.defined[at].left_out |= !recursive;
            return;
        }
        let again = std::mem::replace(&mut self.defined[at].expanded, true);
        let arguments = words.get(1..).unwrap_or_default();
        let mut within = context.clone();
        within.documents = self.documents;
        within.lines_before = 0;
        within.function = Some(name.into());
        within.argument &= arguments.first().is_some_and(|first| {
            !first.literal && matches!(first.text.as_str(), "$1" | "${1}" | "${1:-}" | "$@")
        });
        self.frames.push(Frame {
            name: name.into(),
            locals: Vec::new(),
        });
        let outside = self
            .expander
            .state
            .positional
            .replace(positional(arguments));
        let pinned = std::mem::take(&mut self.expander.pinned);
        self.expanding += usize::from(again);
        self.command(self.defined[at].body, &within);
        self.expanding -= usize::from(again);
        self.expander.pinned = pinned;
        self.expander.state.positional = outside;
        let locals = self.frames.pop().map(|frame| frame.locals);
        for (name, value) in locals.into_iter().flatten().rev() {
            self.expander.state.put_back(&name, value);
        }
    }

    /// Reads the bodies of functions whose calls were not met, or left out, with the values of the whole script. Their calls
    /// stand where the function is defined.
    pub(super) fn uncalled(&mut self) {
        let calls = std::mem::take(&mut self.calls);
        let mut found: Vec<(usize, Vec<Call>)> = Vec::new();
        for at in 0..self.defined.len() {
            let defined = &mut self.defined[at];
            if defined.expanded && !defined.left_out {
                continue;
            }
            let body = defined.body;
            let Some((place, told)) = defined.place.take() else {
                continue;
            };
            // A definition that was only met here follows the one that it stands in.
            let before = found.last().map_or(0, |(before, _)| *before);
            let told = told.unwrap_or(before);
            self.anytime(|walker| walker.command(body, &place));
            found.push((told, std::mem::take(&mut self.calls)));
        }
        found.sort_by_key(|(told, _)| *told);
        let mut found = found.into_iter().peekable();
        for (at, call) in calls.into_iter().enumerate() {
            while let Some((_, own)) = found.next_if(|(told, _)| *told <= at) {
                self.calls.extend(own);
            }
            self.calls.push(call);
        }
        self.calls.extend(found.flat_map(|(_, own)| own));
    }

    /// Reads what runs at a time that is not known.
    pub(super) fn anytime(&mut self, read: impl FnOnce(&mut Self)) {
        let state = std::mem::take(&mut self.expander.state);
        let whole = std::mem::replace(&mut self.expander.whole, true);
        read(self);
        self.expander.whole = whole;
        self.expander.state = state;
    }

    /// What a simple command does to variables of this shell.
    pub(super) fn effects(&mut self, simple: &Simple) {
        let Some((name, arguments)) = simple.words.split_first() else {
            for assignment in &simple.assignments {
                let value = if assignment.partial {
                    // What an array begins with stays.
                    let value = self.expander.state.get(&assignment.name);
                    match value.map(|value| value.texts.as_slice()) {
                        Some([only]) if only.starts_with(ELEMENT) => {
                            Value::known(&format!("{}{ELEMENT}", only.trim_end_matches(ELEMENT)))
                        }
                        _ => Value::default(),
                    }
                } else {
                    self.expander.assigned(&assignment.value, 0)
                };
                self.expander.state.set(&assignment.name, value);
            }
            return;
        };
        match name.bare().unwrap_or_default() {
            builtin @ ("export" | "readonly" | "local" | "declare" | "typeset") => {
                for word in arguments {
                    if builtin != "export" && builtin != "readonly" {
                        self.localize(word);
                    }
                    if let Some((name, skip)) = assigned(word) {
                        let value = self.expander.assigned(word, skip);
                        self.expander.state.set(name, value);
                    }
                }
            }
            "unset" => {
                for name in arguments.iter().filter_map(ast::Word::bare) {
                    self.expander.state.set(name, Value::unset());
                }
            }
            "read" | "getopts" | "mapfile" | "readarray" | "printf" | "let" => {
                for name in arguments.iter().filter_map(ast::Word::bare) {
                    let name = name.split(['=', '+', '-']).next().unwrap_or_default();
                    if !name.is_empty() {
                        self.expander.state.set(name, Value::default());
                    }
                }
            }
            "shift" => self.shift(arguments),
            "set" if sets_arguments(arguments) => {
                let dashes = arguments.first().and_then(ast::Word::bare) == Some("--");
                let words = arguments.iter().skip(1);
                let words: Vec<Word> = words.flat_map(|word| self.expander.fields(word)).collect();
                self.expander.state.positional = Some(positional(&words)).filter(|_| dashes);
            }
            _ => {}
        }
    }

    fn localize(&mut self, word: &ast::Word) {
        let name = assigned(word).map(|(name, _)| name).or(word.bare());
        if let (Some(name), Some(frame)) = (name, self.frames.last_mut()) {
            let value = self.expander.state.get(name).cloned();
            frame.locals.push((name.to_owned(), value));
        }
    }

    fn shift(&mut self, arguments: &[ast::Word]) {
        let count = match arguments.first() {
            None => Some(1),
            Some(word) => word.bare().and_then(|text| text.parse().ok()),
        };
        let positional = self.expander.state.positional.take();
        self.expander.state.positional = positional.zip(count).map(|(old, count)| Positional {
            known: old.known.get(count..).unwrap_or_default().into(),
            complete: old.complete,
        });
    }

    /// What the expansion of a part sets: `$((i += 1))`, `${x:=y}`.
    pub(super) fn part_effects(&mut self, part: &Part) {
        match part {
            Part::Arithmetic(parts) => {
                let mut names = HashSet::new();
                expression(parts, &mut names);
                for name in names {
                    self.expander.state.set(name, Value::default());
                }
            }
            Part::Parameter(parameter) => {
                if let Some((Operation::Assign { .. }, _)) = parameter.operation {
                    let value = self.expander.parameter(parameter);
                    let value = value.map_or_else(Value::default, |text| Value::known(&text));
                    self.expander.state.set(&parameter.name, value);
                }
            }
            _ => {}
        }
    }
}

fn positional(words: &[Word]) -> Positional {
    // One that is not known may be several, or none.
    let known = words.iter().take_while(|word| word.literal);
    let known: Arc<[Arc<str>]> = known.map(|word| word.text.as_str().into()).collect();
    Positional {
        complete: known.len() == words.len(),
        known,
    }
}

/// Whether a condition asks for files.
pub(super) fn item_tests_files(item: &Item) -> bool {
    let rest = item.and_or.rest.iter().map(|(_, pipeline)| pipeline);
    let mut pipelines = std::iter::once(&item.and_or.first).chain(rest);
    pipelines.any(|pipeline| tests_files(&pipeline.commands))
}

/// Whether commands ask for files.
pub(super) fn tests_files(commands: &[Command]) -> bool {
    let mut found = false;
    visit_commands(commands, &mut |node, _| {
        if let Node::Command(command) = node {
            found |= match &command.kind {
                CommandKind::Simple(simple) => {
                    let name = simple.words.first().and_then(ast::Word::bare);
                    let mut operators = simple.words.iter().filter_map(ast::Word::bare);
                    matches!(name, Some("[" | "test")) && operators.any(is_of_files)
                }
                CommandKind::Test(Test::Unary(operator, _)) => is_of_files(operator),
                _ => false,
            };
        }
    });
    found
}

/// The operators of test(1) that ask for a file.
fn is_of_files(operator: &str) -> bool {
    let letter = operator.strip_prefix('-').filter(|rest| rest.len() == 1);
    letter.is_some_and(|letter| "bcdefghLprSsuwx".contains(letter))
}

/// The variables that commands may assign, also by the functions that they call.
fn assigns<'s>(
    list: &'s [Item],
    known: &'s Definitions<'_>,
    seen: &mut HashSet<String>,
    names: &mut HashSet<String>,
) {
    let mut called = Vec::new();
    let mut set = HashSet::new();
    visit_list(list, &mut |node, _| match node {
        Node::Command(command) => match &command.kind {
            CommandKind::Simple(simple) => {
                for assignment in &simple.assignments {
                    set.insert(assignment.name.as_str());
                }
                let Some((name, arguments)) = simple.words.split_first() else {
                    return;
                };
                let name = name.bare().unwrap_or_default();
                if known.functions.contains_key(name) {
                    called.push(name);
                }
                if matches!(
                    name,
                    "export"
                        | "readonly"
                        | "local"
                        | "declare"
                        | "typeset"
                        | "unset"
                        | "read"
                        | "getopts"
                        | "mapfile"
                        | "readarray"
                        | "printf"
                        | "let"
                ) {
                    let own = |word: &'s ast::Word| match assigned(word) {
                        Some((name, _)) => Some(name),
                        None => word.bare(),
                    };
                    set.extend(arguments.iter().filter_map(own));
                }
            }
            CommandKind::For { variable, .. } => {
                set.insert(variable);
            }
            CommandKind::Arithmetic(word)
            | CommandKind::ArithmeticFor {
                expressions: word, ..
            } => expression(&word.parts, &mut set),
            _ => {}
        },
        Node::Part(Part::Arithmetic(parts)) => expression(parts, &mut set),
        Node::Part(Part::Parameter(parameter)) => {
            if let Some((Operation::Assign { .. }, _)) = parameter.operation {
                set.insert(&parameter.name);
            }
        }
        Node::Part(_) => {}
    });
    names.extend(set.into_iter().map(str::to_owned));
    for name in called {
        if seen.insert(name.to_owned())
            && let Some(Command {
                kind: CommandKind::Group(body) | CommandKind::Subshell(body),
                ..
            }) = known.functions.get(name)
        {
            assigns(body, known, seen, names);
        }
    }
}
