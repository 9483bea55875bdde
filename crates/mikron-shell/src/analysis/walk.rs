//! Walks through a script and knows at each command under which conditions it runs.

use std::collections::HashMap;
use std::sync::Arc;

use super::Library;
use super::definitions::{Definitions, sets_arguments};
use super::expand::Expander;
use super::facts::{Conditions, Facts, Outcome, argument, guard};
use super::flow::{Defined, Frame, item_tests_files, tests_files};
use super::leave::{self, End};
use super::reach::Reach;
use super::state::{Past, Value};
use crate::ast::{
    AndOr, Arm, ArmEnd, Command, CommandKind, Connector, HereDocument, If, Item, Part, Pipeline,
    Script, Target, Test, Word,
};
use crate::call::{Call, Guard};

/// How many enclosing conditions a call remembers.
const MAX_GUARDS: usize = 32;

/// How many commands are remembered to be there.
const MAX_PRESENT: usize = 64;

/// How much text `eval`, `trap` and `sh -c` may hand over in one script, in bytes.
const MAX_EVALUATED: usize = 1 << 20;

/// Where a command stands.
#[derive(Clone)]
pub(super) struct Context<'d> {
    pub(super) documents: &'d [HereDocument],
    pub(super) guards: Vec<Arc<Guard>>,
    pub(super) present: Vec<Arc<str>>,
    pub(super) via: Vec<String>,
    pub(super) function: Option<Arc<str>>,
    pub(super) tolerated: bool,
    pub(super) unreachable: bool,
    /// Whether `$1` is the script's first argument.
    pub(super) argument: bool,
    /// What is added to lines: those of a text within the script count from its own first line.
    pub(super) lines_before: u32,
}

impl<'d> Context<'d> {
    pub(super) fn new(documents: &'d [HereDocument]) -> Self {
        Self {
            documents,
            guards: Vec::new(),
            present: Vec::new(),
            via: Vec::new(),
            function: None,
            tolerated: false,
            unreachable: false,
            argument: true,
            lines_before: 0,
        }
    }

    fn add(&mut self, facts: Facts) {
        for guard in facts.guards {
            if self.guards.len() < MAX_GUARDS {
                self.guards.push(Arc::new(guard));
            }
        }
        for name in facts.present {
            if self.present.len() < MAX_PRESENT {
                self.present.push(name.into());
            }
        }
    }

    fn under(&self, facts: Facts) -> Self {
        let mut context = self.clone();
        context.add(facts);
        context
    }
}

/// Gathers the calls of one script.
pub(super) struct Walker<'a> {
    pub(super) expander: Expander<'a>,
    pub(super) calls: Vec<Call>,
    pub(super) reach: Reach,
    /// How many texts within texts this is.
    pub(super) nesting: usize,
    pub(super) evaluated: usize,
    /// The here-documents of the script itself.
    pub(super) documents: &'a [HereDocument],
    pub(super) defined: Vec<Defined<'a>>,
    /// The definition that each name has here, by its place in `defined`.
    pub(super) current: HashMap<&'a str, usize>,
    pub(super) frames: Vec<Frame>,
    /// How many surroundings make this a further reading of the same text.
    pub(super) expanding: usize,
    /// How many commands were read again.
    pub(super) steps: usize,
}

pub(super) fn walk(script: &Script, variables: &[(&str, &str)]) -> Vec<Call> {
    let mut walker = Walker::new(script, variables, 0, 0);
    walker.list(&script.commands, &Context::new(&script.here_documents));
    walker.finish().0
}

/// What a script gives to those that read it.
pub(super) fn library(script: &Script) -> Library {
    let mut walker = Walker::new(script, &[], 0, 0);
    walker.list(&script.commands, &Context::new(&script.here_documents));
    let variables = walker.expander.state.known();
    walker.uncalled();
    let functions = walker.expander.definitions.functions.keys();
    let functions = functions.map(|name| {
        let names = walker.expander.definitions.functions.keys().copied();
        let called = walker.reach.called_by(name, names);
        ((*name).to_owned(), called)
    });
    Library {
        functions: functions.collect(),
        variables,
        calls: walker.calls,
    }
}

impl<'a> Walker<'a> {
    pub(super) fn new(
        script: &'a Script,
        variables: &[(&'a str, &'a str)],
        nesting: usize,
        evaluated: usize,
    ) -> Self {
        let mut expander = Expander::new(Definitions::of(script, variables));
        for (name, value) in variables {
            expander.state.set(name, Value::known(value));
        }
        let bodies = expander.definitions.bodies.iter();
        let defined = bodies.map(|(name, body)| Defined {
            name,
            body,
            place: None,
            expanded: false,
            left_out: false,
        });
        Self {
            documents: &script.here_documents,
            defined: defined.collect(),
            current: HashMap::new(),
            frames: Vec::new(),
            expanding: 0,
            steps: 0,
            expander,
            calls: Vec::new(),
            reach: Reach::default(),
            nesting,
            evaluated,
        }
    }

    /// The calls, how much text was evaluated, and how many commands were read again.
    pub(super) fn finish(mut self) -> (Vec<Call>, usize, usize) {
        self.uncalled();
        let Self {
            expander,
            mut calls,
            reach,
            evaluated,
            steps,
            ..
        } = self;
        let functions = expander.definitions.functions.keys().copied();
        let reached = reach.reached(functions);
        for call in &mut calls {
            if let Some(function) = &call.function {
                call.unreachable |= !reached.contains(&**function);
            }
        }
        (calls, evaluated, steps)
    }

    /// Takes `length` from what may be evaluated; whether it was left.
    pub(super) fn may_evaluate(&mut self, length: usize) -> bool {
        self.evaluated = self.evaluated.saturating_add(length + 64);
        self.evaluated <= MAX_EVALUATED && self.nesting < 4
    }

    fn conditions(&mut self, context: &Context<'_>) -> Conditions<'_, 'a> {
        Conditions {
            expander: &mut self.expander,
            argument: context.argument,
            depth: 0,
        }
    }

    pub(super) fn list(&mut self, list: &[Item], context: &Context<'_>) {
        let mut context = context.clone();
        for item in list {
            if item.background {
                self.apart(|walker| walker.and_or(&item.and_or, &context));
            } else {
                self.and_or(&item.and_or, &context);
            }
            if context.argument && moves_arguments(std::slice::from_ref(item)) {
                context.argument = false;
            }
            if !item.background {
                self.afterwards(&item.and_or, &mut context);
            }
        }
    }

    fn and_or(&mut self, and_or: &AndOr, context: &Context<'_>) {
        if and_or.rest.is_empty() {
            return self.pipeline(&and_or.first, context);
        }
        let past = if tests_files(&and_or.first.commands) {
            Past::Files
        } else {
            Past::Ordinary
        };
        let mut outcome = Outcome::default();
        for at in 0..=and_or.rest.len() {
            let (connector, pipeline) = match at.checked_sub(1) {
                None => (Connector::And, &and_or.first),
                Some(before) => (and_or.rest[before].0, &and_or.rest[before].1),
            };
            let facts = match connector {
                Connector::And => outcome.met.clone(),
                Connector::Or => outcome.unmet.clone(),
            };
            let mut here = context.under(facts);
            if let Some(rest) = and_or.rest.get(at..).filter(|rest| !rest.is_empty()) {
                let or = rest
                    .iter()
                    .find(|(connector, _)| *connector == Connector::Or);
                here.tolerated |= or.is_none_or(|(_, pipeline)| !self.fails(pipeline));
            }
            if at == 0 {
                self.pipeline(pipeline, &here);
            } else {
                let changes = self.branch(|walker| walker.pipeline(pipeline, &here));
                if self.end_of(pipeline).is_none() {
                    self.join(vec![changes], past);
                }
            }
            let own = self.conditions(context).pipeline(pipeline);
            outcome = if at == 0 {
                own
            } else {
                outcome.join(connector, own)
            };
        }
    }

    /// Whether what stands behind `||` fails in turn.
    fn fails(&self, pipeline: &Pipeline) -> bool {
        let is_false = matches!(
            pipeline.commands.as_slice(),
            [Command { kind: CommandKind::Simple(simple), .. }]
                if simple.words.first().and_then(Word::bare) == Some("false")
        );
        is_false || self.end_of(pipeline) == Some(End::Failure)
    }

    fn end_of(&self, pipeline: &Pipeline) -> Option<End> {
        leave::pipeline(pipeline, &self.expander.definitions, true, 0)
    }

    fn leaves(&self, list: &[Item]) -> bool {
        leave::list(list, &self.expander.definitions, true, 0).is_some()
    }

    /// How a list surely ends the whole script.
    fn breaks(&self, list: &[Item]) -> Option<End> {
        leave::list(list, &self.expander.definitions, false, 0)
    }

    /// Where the script would have ended with failure, what is known behind it is what it demands.
    fn survive(&mut self, end: Option<End>, line: u32, facts: &Facts, context: &Context<'_>) {
        if end == Some(End::Failure) {
            self.demand(line, &facts.present, context);
        }
    }

    /// What is known behind an and-or list, because the script has not ended in it.
    fn afterwards(&mut self, and_or: &AndOr, context: &mut Context<'_>) {
        let line = and_or.first.commands.first().map_or(0, |c| c.line);
        if let Some(((connector, last), before)) = and_or.rest.split_last() {
            if self.end_of(last).is_none() {
                return;
            }
            let mut conditions = self.conditions(context);
            let mut outcome = conditions.pipeline(&and_or.first);
            for (connector, pipeline) in before {
                outcome = outcome.join(*connector, conditions.pipeline(pipeline));
            }
            let facts = match connector {
                Connector::Or => outcome.met,
                Connector::And => outcome.unmet,
            };
            let broken = leave::pipeline(last, &self.expander.definitions, false, 0);
            self.survive(broken, line, &facts, context);
            context.add(facts);
            return;
        }
        if self.end_of(&and_or.first).is_some() {
            context.unreachable = true;
            return;
        }
        let [command] = and_or.first.commands.as_slice() else {
            return;
        };
        match &command.kind {
            CommandKind::If(If { arms, otherwise }) => {
                let Some((condition, body)) = arms.first() else {
                    return;
                };
                let other_leaves = otherwise.as_ref().is_some_and(|list| self.leaves(list));
                if self.leaves(body) {
                    let facts = self.conditions(context).list(condition).unmet;
                    self.survive(self.breaks(body), line, &facts, context);
                    context.add(facts);
                } else if let Some(otherwise) = otherwise.as_ref().filter(|_| other_leaves) {
                    // Of several that would do, the first is what the script takes where all are there.
                    let facts = self.conditions(context).list(condition).met;
                    self.survive(self.breaks(otherwise), line, &facts, context);
                    if arms.len() == 1 {
                        context.add(facts);
                    }
                }
            }
            CommandKind::Case { subject, arms } => {
                let Some(before) = self.conditions(context).before_argument(subject) else {
                    return;
                };
                let mut going_on = Vec::new();
                let mut left = Vec::new();
                for arm in arms {
                    let Some(patterns) = self.patterns(arm, &before) else {
                        return;
                    };
                    if self.leaves(&arm.body) {
                        left.extend(patterns);
                    } else {
                        going_on.extend(patterns);
                    }
                }
                let any = |patterns: &[String]| patterns.iter().any(|pattern| pattern == "*");
                let guard = if any(&left) {
                    guard(going_on, false)
                } else if any(&going_on) || !left.is_empty() {
                    guard(left, true)
                } else {
                    None
                };
                context.add(Facts {
                    guards: guard.into_iter().collect(),
                    present: Vec::new(),
                });
            }
            _ => {}
        }
    }

    fn pipeline(&mut self, pipeline: &Pipeline, context: &Context<'_>) {
        let negated = pipeline.negated.then(|| Context {
            tolerated: true,
            ..context.clone()
        });
        let context = negated.as_ref().unwrap_or(context);
        match pipeline.commands.as_slice() {
            [only] => self.command(only, context),
            several => {
                for command in several {
                    self.apart(|walker| walker.command(command, context));
                }
            }
        }
    }

    pub(super) fn command(&mut self, command: &Command, context: &Context<'_>) {
        self.steps += usize::from(self.expanding > 0);
        match &command.kind {
            CommandKind::Simple(simple) => {
                self.simple(simple, &command.redirects, command.line, context);
                return;
            }
            CommandKind::Group(list) => self.list(list, context),
            CommandKind::Subshell(list) => self.apart(|walker| walker.list(list, context)),
            CommandKind::If(conditional) => self.conditional(conditional, context),
            CommandKind::Loop {
                until,
                condition,
                body,
            } => {
                let mut context = context.clone();
                context.argument &= !moves_arguments(body);
                let mut first = context.clone();
                first.tolerated = true;
                let changes = self.branch(|walker| {
                    walker.forget(condition);
                    walker.forget(body);
                    walker.list(condition, &first);
                    let outcome = walker.conditions(&context).list(condition);
                    context.add(if *until { outcome.unmet } else { outcome.met });
                    walker.list(body, &context);
                });
                self.join(vec![changes], Past::Loop);
            }
            CommandKind::For {
                variable,
                words,
                body,
            } => {
                self.words(words.as_deref().unwrap_or_default(), context);
                self.turns(variable, words.as_deref(), body, context);
            }
            CommandKind::ArithmeticFor { expressions, body } => {
                self.word(expressions, context);
                let changes = self.branch(|walker| {
                    walker.forget(body);
                    walker.part_effects(&Part::Arithmetic(expressions.parts.clone()));
                    walker.body(body, context);
                });
                self.join(vec![changes], Past::Loop);
            }
            CommandKind::Case { subject, arms } => self.case(subject, arms, context),
            CommandKind::Function { name, body } => {
                if !self.define(body, context) {
                    let mut context = context.clone();
                    context.function = Some(name.as_str().into());
                    context.argument = false;
                    context.tolerated = false;
                    self.anytime(|walker| walker.command(body, &context));
                }
            }
            CommandKind::Arithmetic(word) => {
                self.word(word, context);
                self.part_effects(&Part::Arithmetic(word.parts.clone()));
            }
            CommandKind::Test(test) => self.test(test, context),
            CommandKind::Coprocess(command) => {
                self.apart(|walker| walker.command(command, context));
            }
        }
        let writes = self.redirects(&command.redirects, context);
        self.redirection(command.line, writes, context);
    }

    /// The body of a loop whose condition tells nothing.
    pub(super) fn body(&mut self, body: &[Item], context: &Context<'_>) {
        let mut context = context.clone();
        context.argument &= !moves_arguments(body);
        self.list(body, &context);
    }

    fn conditional(&mut self, conditional: &If, context: &Context<'_>) {
        let mut context = context.clone();
        let mut branches = Vec::new();
        let mut files = false;
        for (condition, body) in &conditional.arms {
            files |= condition.iter().any(item_tests_files);
            let mut first = context.clone();
            first.tolerated = true;
            self.list(condition, &first);
            let outcome = self.conditions(&context).list(condition);
            let under = context.under(outcome.met);
            let changes = self.branch(|walker| walker.list(body, &under));
            if !self.leaves(body) {
                branches.push(changes);
            }
            context.add(outcome.unmet);
        }
        let mut past = if files { Past::Files } else { Past::Ordinary };
        if let Some(otherwise) = &conditional.otherwise {
            past = Past::None;
            let changes = self.branch(|walker| walker.list(otherwise, &context));
            if !self.leaves(otherwise) {
                branches.push(changes);
            }
        }
        self.join(branches, past);
    }

    fn case(&mut self, subject: &Word, arms: &[Arm], context: &Context<'_>) {
        self.word(subject, context);
        let before = self.conditions(context).before_argument(subject);
        // Patterns of earlier arms, which an arm is not reached with; and those that fall through into it.
        let mut tried: Vec<String> = Vec::new();
        let mut falling: Option<Vec<String>> = Some(Vec::new());
        let mut branches = Vec::new();
        for arm in arms {
            self.words(&arm.patterns, context);
            let own = before
                .as_deref()
                .and_then(|before| self.patterns(arm, before));
            let mut context = context.clone();
            let mut all = falling.clone();
            if let (Some(all), Some(own)) = (&mut all, &own) {
                all.extend(own.iter().cloned());
            }
            if let Some(all) = all.filter(|_| own.is_some()) {
                let fell = falling.as_ref().is_none_or(|falling| !falling.is_empty());
                let any = all.iter().any(|pattern| pattern == "*");
                if !any {
                    context.add(argument(all).met);
                } else if !fell {
                    context.add(argument(tried.clone()).unmet);
                }
            }
            let changes = self.branch(|walker| walker.list(&arm.body, &context));
            if !self.leaves(&arm.body) {
                branches.push(changes);
            }
            falling = match (arm.end, &own) {
                (ArmEnd::FallThrough, Some(own)) => falling.map(|mut falling| {
                    falling.extend(own.iter().cloned());
                    falling
                }),
                (ArmEnd::FallThrough, None) => None,
                _ => Some(Vec::new()),
            };
            if let (Some(own), ArmEnd::Break) = (own, arm.end) {
                tried.extend(own);
            }
        }
        let any = |word: &Word| word.bare() == Some("*");
        let all = arms.iter().any(|arm| arm.patterns.iter().any(any));
        self.join(branches, if all { Past::None } else { Past::Ordinary });
    }

    /// The patterns of an arm behind the text that the subject begins with; `None` when one is not known.
    fn patterns(&mut self, arm: &Arm, before: &str) -> Option<Vec<String>> {
        let pattern = |word: &Word| {
            let word = self.expander.text(word);
            let text = word.text.strip_prefix(before).filter(|_| word.literal);
            match text {
                Some(text) => Some(text.to_owned()),
                None => (word.text == "*").then_some(word.text),
            }
        };
        arm.patterns.iter().map(pattern).collect()
    }

    fn test(&mut self, test: &Test, context: &Context<'_>) {
        match test {
            Test::Word(word) | Test::Unary(_, word) => self.word(word, context),
            Test::Binary(left, _, right) => {
                self.word(left, context);
                self.word(right, context);
            }
            Test::Not(test) => self.test(test, context),
            Test::All(tests) | Test::Any(tests) => {
                for test in tests {
                    self.test(test, context);
                }
            }
        }
    }

    pub(super) fn words(&mut self, words: &[Word], context: &Context<'_>) {
        for word in words {
            self.word(word, context);
        }
    }

    /// The commands in the substitutions of a word.
    pub(super) fn word(&mut self, word: &Word, context: &Context<'_>) {
        self.parts(&word.parts, context);
    }

    fn parts(&mut self, parts: &[Part], context: &Context<'_>) {
        for part in parts {
            match part {
                Part::Literal(_) | Part::Quoted(_) => {}
                Part::DoubleQuoted(parts) | Part::Arithmetic(parts) => self.parts(parts, context),
                Part::Parameter(parameter) => {
                    let operand = parameter.operation.iter().map(|(_, word)| word);
                    for word in parameter.subscript.iter().chain(operand) {
                        self.word(word, context);
                    }
                }
                Part::Command(list) | Part::Process(list) => {
                    self.apart(|walker| walker.list(list, context));
                }
                Part::Array(words) | Part::Pattern(_, words) => self.words(words, context),
            }
            self.part_effects(part);
        }
    }

    pub(super) fn here_document(&mut self, target: &Target, context: &Context<'_>) {
        if let Target::HereDocument(number) = target
            && let Some(document) = context.documents.get(*number)
        {
            self.word(&document.body, context);
        }
    }
}

/// Whether commands of this shell change what `$1` is.
pub(super) fn moves_arguments(list: &[Item]) -> bool {
    list.iter().any(|item| {
        let rest = item.and_or.rest.iter().map(|(_, pipeline)| pipeline);
        let mut pipelines = std::iter::once(&item.and_or.first).chain(rest);
        pipelines.any(|pipeline| pipeline.commands.iter().any(command_moves_arguments))
    })
}

fn command_moves_arguments(command: &Command) -> bool {
    match &command.kind {
        CommandKind::Simple(simple) => match simple.words.as_slice() {
            [name, ..] if name.bare() == Some("shift") => true,
            [name, rest @ ..] if name.bare() == Some("set") => sets_arguments(rest),
            _ => false,
        },
        CommandKind::Group(list) => moves_arguments(list),
        CommandKind::If(conditional) => {
            let otherwise = conditional.otherwise.as_deref().unwrap_or_default();
            let arm = |(condition, body): &(Vec<Item>, Vec<Item>)| {
                moves_arguments(condition) || moves_arguments(body)
            };
            conditional.arms.iter().any(arm) || moves_arguments(otherwise)
        }
        CommandKind::Loop {
            condition, body, ..
        } => moves_arguments(condition) || moves_arguments(body),
        CommandKind::For { body, .. } | CommandKind::ArithmeticFor { body, .. } => {
            moves_arguments(body)
        }
        CommandKind::Case { arms, .. } => arms.iter().any(|arm| moves_arguments(&arm.body)),
        _ => false,
    }
}
