//! What is known where a condition was met, and where it was not: of the script's first argument, and of which commands are
//! there.

use super::expand::{Expander, is_first};
use super::probe;
use crate::ast::{self, AndOr, Command, CommandKind, Connector, Item, Part, Pipeline, Test};
use crate::call::Guard;

/// How many patterns a guard remembers; one of more is no guard.
const MAX_PATTERNS: usize = 32;

/// How deep conditions are looked into.
const MAX_DEPTH: usize = 8;

/// What is known.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) guards: Vec<Guard>,
    /// Commands that are there.
    pub(super) present: Vec<String>,
}

impl Facts {
    fn both(mut self, other: Self) -> Self {
        self.guards.extend(other.guards);
        self.present.extend(other.present);
        self
    }

    /// What is known when only one of two is known to hold.
    fn either(self, other: &Self) -> Self {
        let present = self
            .present
            .into_iter()
            .filter(|name| other.present.contains(name));
        let guards = match (self.guards.as_slice(), other.guards.as_slice()) {
            ([one], [two]) => one_of(one, two),
            _ => None,
        };
        Self {
            present: present.collect(),
            guards: guards.into_iter().collect(),
        }
    }
}

fn one_of(one: &Guard, two: &Guard) -> Option<Guard> {
    if one.negated != two.negated {
        return None;
    }
    let patterns: Vec<String> = if one.negated {
        let both = one.patterns.iter().filter(|p| two.patterns.contains(p));
        both.cloned().collect()
    } else {
        one.patterns.iter().chain(&two.patterns).cloned().collect()
    };
    guard(patterns, one.negated)
}

/// A guard, unless it would say nothing or grow too large.
pub(super) fn guard(patterns: Vec<String>, negated: bool) -> Option<Guard> {
    let useful = !(negated && patterns.is_empty()) && patterns.len() <= MAX_PATTERNS;
    useful.then_some(Guard { patterns, negated })
}

/// What is known when something succeeded, and when it failed.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    pub(super) met: Facts,
    pub(super) unmet: Facts,
}

impl Outcome {
    fn not(self) -> Self {
        Self {
            met: self.unmet,
            unmet: self.met,
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            met: self.met.both(other.met),
            unmet: self.unmet.either(&other.unmet),
        }
    }

    pub(super) fn join(self, connector: Connector, other: Self) -> Self {
        match connector {
            Connector::And => self.and(other),
            Connector::Or => self.not().and(other.not()).not(),
        }
    }
}

/// Reads conditions.
pub(super) struct Conditions<'e, 'a> {
    pub(super) expander: &'e mut Expander<'a>,
    /// Whether `$1` is the script's first argument here.
    pub(super) argument: bool,
    pub(super) depth: usize,
}

impl Conditions<'_, '_> {
    /// The outcome of a list is that of its last command.
    pub(super) fn list(&mut self, list: &[Item]) -> Outcome {
        match list.last() {
            Some(item) if !item.background => self.and_or(&item.and_or),
            _ => Outcome::default(),
        }
    }

    fn and_or(&mut self, and_or: &AndOr) -> Outcome {
        let mut outcome = self.pipeline(&and_or.first);
        for (connector, pipeline) in &and_or.rest {
            outcome = outcome.join(*connector, self.pipeline(pipeline));
        }
        outcome
    }

    pub(super) fn pipeline(&mut self, pipeline: &Pipeline) -> Outcome {
        let outcome = match pipeline.commands.as_slice() {
            [command] if self.depth < MAX_DEPTH => {
                self.depth += 1;
                let outcome = self.command(command);
                self.depth -= 1;
                outcome
            }
            _ => Outcome::default(),
        };
        if pipeline.negated {
            outcome.not()
        } else {
            outcome
        }
    }

    fn command(&mut self, command: &Command) -> Outcome {
        match &command.kind {
            CommandKind::Group(list) | CommandKind::Subshell(list) => self.list(list),
            CommandKind::Test(test) => self.test(test),
            CommandKind::Simple(simple) if simple.words.is_empty() => {
                match simple.assignments.as_slice() {
                    [assignment] => self.substituted(&assignment.value),
                    _ => Outcome::default(),
                }
            }
            CommandKind::Simple(simple) => {
                let name = simple.words[0].bare().unwrap_or_default();
                match (name, simple.words.as_slice()) {
                    ("[", [_, arguments @ .., _]) | ("test", [_, arguments @ ..]) => {
                        self.bracket(arguments)
                    }
                    _ => {
                        let expander = &mut *self.expander;
                        let words = simple.words.iter().flat_map(|word| expander.fields(word));
                        let words: Vec<_> = words.collect();
                        present(probe::probed(&words))
                    }
                }
            }
            _ => Outcome::default(),
        }
    }

    /// The operands of test(1), without its brackets around them.
    fn bracket(&mut self, words: &[ast::Word]) -> Outcome {
        let is = |word: &ast::Word, text: &str| word.bare() == Some(text);
        let brackets = |word: &ast::Word| matches!(word.parts.as_slice(), [Part::Quoted(text)] if text == "(" || text == ")");
        if words.iter().any(brackets) {
            return Outcome::default();
        }
        let alternatives = words.split(|word| is(word, "-o")).map(|words| {
            let all = words
                .split(|word| is(word, "-a"))
                .map(|words| self.primary(words));
            all.reduce(Outcome::and).unwrap_or_default()
        });
        let either = |one: Outcome, two| one.join(Connector::Or, two);
        alternatives.reduce(either).unwrap_or_default()
    }

    fn primary(&mut self, words: &[ast::Word]) -> Outcome {
        match words {
            [not, rest @ ..] if not.bare() == Some("!") && !rest.is_empty() => {
                self.primary(rest).not()
            }
            [left, operator, right] => match operator.bare() {
                Some("=" | "==") => self.equal(left, right),
                Some("!=") => self.equal(left, right).not(),
                _ => Outcome::default(),
            },
            [operator, word] => self.unary(operator.bare().unwrap_or_default(), word),
            [word] => self.substituted(word),
            _ => Outcome::default(),
        }
    }

    fn test(&mut self, test: &Test) -> Outcome {
        match test {
            Test::Word(word) => self.substituted(word),
            Test::Unary(operator, word) => self.unary(operator, word),
            Test::Binary(left, operator, right) => match operator.as_str() {
                "=" | "==" => self.equal(left, right),
                "!=" => self.equal(left, right).not(),
                _ => Outcome::default(),
            },
            Test::Not(test) => self.test(test).not(),
            Test::All(tests) => {
                let outcomes = tests.iter().map(|test| self.test(test));
                outcomes.reduce(Outcome::and).unwrap_or_default()
            }
            Test::Any(tests) => {
                let outcomes = tests.iter().map(|test| self.test(test));
                let either = |one: Outcome, two| one.join(Connector::Or, two);
                outcomes.reduce(either).unwrap_or_default()
            }
        }
    }

    fn unary(&mut self, operator: &str, word: &ast::Word) -> Outcome {
        match operator {
            "-x" | "-f" | "-e" | "-r" | "-s" => {
                let outcome = self.substituted(word);
                if !outcome.met.present.is_empty() {
                    return outcome;
                }
                let word = self.expander.text(word);
                let path = word.literal && word.text.starts_with('/');
                present(path.then_some(word.text).into_iter().collect())
            }
            "-n" => self.substituted(word),
            "-z" => self.substituted(word).not(),
            _ => Outcome::default(),
        }
    }

    /// The outcome of `$(command -v x)`, alone in a word: it is empty when the command fails.
    fn substituted(&mut self, word: &ast::Word) -> Outcome {
        let parts = match word.parts.as_slice() {
            [Part::DoubleQuoted(parts)] => parts,
            parts => parts,
        };
        match parts {
            [Part::Command(list)] if self.depth < MAX_DEPTH => {
                self.depth += 1;
                let outcome = self.list(list);
                self.depth -= 1;
                Outcome {
                    met: Facts {
                        present: outcome.met.present,
                        guards: Vec::new(),
                    },
                    unmet: Facts::default(),
                }
            }
            _ => Outcome::default(),
        }
    }

    /// `"$1" = value`, also with the sides swapped, and with text before both.
    fn equal(&mut self, left: &ast::Word, right: &ast::Word) -> Outcome {
        for (subject, value) in [(left, right), (right, left)] {
            let Some(before) = self.before_argument(subject) else {
                continue;
            };
            let value = self.expander.text(value);
            if let Some(value) = value.text.strip_prefix(&before).filter(|_| value.literal) {
                return argument(vec![value.to_owned()]);
            }
        }
        Outcome::default()
    }

    /// The text before the script's first argument in a word that is nothing else: `x` in `"x$1"`.
    pub(super) fn before_argument(&self, word: &ast::Word) -> Option<String> {
        let parts = match word.parts.as_slice() {
            [Part::DoubleQuoted(parts)] => parts,
            parts => parts,
        };
        let (last, before) = parts.split_last()?;
        let mut text = String::new();
        for part in before {
            match part {
                Part::Literal(literal) | Part::Quoted(literal) => text.push_str(literal),
                _ => return None,
            }
        }
        let last = match last {
            Part::DoubleQuoted(parts) => parts.first().filter(|_| parts.len() == 1)?,
            last => last,
        };
        let Part::Parameter(parameter) = last else {
            return None;
        };
        let plain = parameter.operation.is_none() && !parameter.length && !parameter.indirect;
        let first = (self.argument && is_first(parameter))
            || (plain && self.expander.names_argument(&parameter.name));
        first.then_some(text)
    }
}

/// The outcome of comparing the first argument with patterns.
pub(super) fn argument(patterns: Vec<String>) -> Outcome {
    Outcome {
        met: Facts {
            guards: guard(patterns.clone(), false).into_iter().collect(),
            present: Vec::new(),
        },
        unmet: Facts {
            guards: guard(patterns, true).into_iter().collect(),
            present: Vec::new(),
        },
    }
}

fn present(names: Vec<String>) -> Outcome {
    Outcome {
        met: Facts {
            guards: Vec::new(),
            present: names,
        },
        unmet: Facts::default(),
    }
}
