//! What a script defines: its variables with all values that are assigned to them, its functions, its aliases.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use super::leave::End;
use super::visit::{Node, Place, visit};
use crate::ast::{Command, CommandKind, Operation, Part, Script, Simple, Word};

/// More assignments than these make a variable unknown.
const MAX_VALUES: usize = 4;

/// What a script defines.
#[derive(Default)]
pub(super) struct Definitions<'a> {
    pub(super) variables: HashMap<&'a str, Values<'a>>,
    /// Functions with their bodies; of several definitions the last.
    pub(super) functions: HashMap<&'a str, &'a Command>,
    /// How functions end the script, as far as it was asked.
    pub(super) ends: RefCell<HashMap<&'a str, Option<End>>>,
    /// All definitions of functions, in the order of the script.
    pub(super) bodies: Vec<(&'a str, &'a Command)>,
    /// Aliases with the words that define them.
    pub(super) aliases: HashMap<&'a str, (&'a Word, usize)>,
    /// Whether the script changes its own arguments, so that `$1` is not everywhere the same.
    pub(super) moves_arguments: bool,
}

/// The values of one variable.
#[derive(Default)]
pub(super) struct Values<'a> {
    pub(super) sources: Vec<Source<'a>>,
    /// Whether it also gets values that no text tells: from `read`, from a loop, from an expression.
    pub(super) unknown: bool,
}

/// One value of a variable.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    /// The text of a word behind its first bytes, and whether a function assigns it.
    Word(&'a Word, usize, bool),
    /// The only word that a loop runs over, where it becomes one field.
    Field(&'a Word),
    /// What the caller says.
    Assumed(&'a str),
}

impl<'a> Definitions<'a> {
    pub(super) fn of(script: &'a Script, assumed: &[(&'a str, &'a str)]) -> Self {
        let mut definitions = Self::default();
        for (name, value) in assumed {
            definitions.value(name, Source::Assumed(value));
        }
        let mut dynamic = HashSet::new();
        visit(script, &mut |node, place| match node {
            Node::Command(command) => definitions.command(command, place, &mut dynamic),
            Node::Part(Part::Arithmetic(parts)) => expression(parts, &mut dynamic),
            Node::Part(Part::Parameter(parameter)) => {
                if let Some((Operation::Assign { .. }, _)) = parameter.operation {
                    dynamic.insert(parameter.name.as_str());
                }
            }
            Node::Part(_) => {}
        });
        for name in dynamic {
            definitions.variables.entry(name).or_default().unknown = true;
        }
        definitions
    }

    fn value(&mut self, name: &'a str, source: Source<'a>) {
        let values = self.variables.entry(name).or_default();
        if values.sources.len() < MAX_VALUES {
            values.sources.push(source);
        } else {
            values.unknown = true;
        }
    }

    fn command(&mut self, command: &'a Command, place: Place, dynamic: &mut HashSet<&'a str>) {
        match &command.kind {
            CommandKind::Simple(simple) if simple.words.is_empty() => {
                for assignment in &simple.assignments {
                    // One that is only emptied now and then has another value from the environment.
                    let emptied = place.conditional && assignment.value.parts.is_empty();
                    if assignment.partial || emptied {
                        dynamic.insert(&assignment.name);
                    } else {
                        self.value(
                            &assignment.name,
                            Source::Word(&assignment.value, 0, place.in_function),
                        );
                    }
                }
            }
            CommandKind::Simple(simple) => self.builtin(simple, place, dynamic),
            CommandKind::For {
                variable, words, ..
            } => match words.as_deref() {
                Some([only]) => self.value(variable, Source::Field(only)),
                _ => {
                    dynamic.insert(variable);
                }
            },
            CommandKind::Function { name, body } => {
                self.functions.insert(name, body);
                self.bodies.push((name, body));
            }
            CommandKind::Arithmetic(word)
            | CommandKind::ArithmeticFor {
                expressions: word, ..
            } => expression(&word.parts, dynamic),
            _ => {}
        }
    }

    /// Builtins that set variables.
    fn builtin(&mut self, simple: &'a Simple, place: Place, dynamic: &mut HashSet<&'a str>) {
        let Some((name, arguments)) = simple.words.split_first() else {
            return;
        };
        match name.bare().unwrap_or_default() {
            "shift" if !place.in_function => self.moves_arguments = true,
            "set" if !place.in_function => self.moves_arguments |= sets_arguments(arguments),
            "export" | "readonly" | "local" | "declare" | "typeset" => {
                for word in arguments {
                    if let Some((name, skip)) = assigned(word) {
                        self.value(name, Source::Word(word, skip, place.in_function));
                    }
                }
            }
            "alias" => {
                for word in arguments {
                    if let Some((name, skip)) = assigned(word) {
                        self.aliases.insert(name, (word, skip));
                    }
                }
            }
            "read" | "getopts" | "unset" | "mapfile" | "readarray" | "printf" | "let" => {
                dynamic.extend(arguments.iter().filter_map(Word::bare));
            }
            _ => {}
        }
    }
}

/// Whether `set` has operands, and not only options.
pub(super) fn sets_arguments(words: &[Word]) -> bool {
    let option = |text: &str| text.starts_with(['-', '+']) && text != "--";
    words.iter().any(|word| !word.bare().is_some_and(option))
}

/// The name in `name=…`, and the length of what stands before the value.
pub(super) fn assigned(word: &Word) -> Option<(&str, usize)> {
    let Some(Part::Literal(text)) = word.parts.first() else {
        return None;
    };
    let (name, _) = text.split_once('=')?;
    (!name.is_empty() && !name.ends_with('+')).then_some((name, name.len() + 1))
}

/// The variables that an arithmetic expression may set: all of it where it sets any.
pub(super) fn expression<'a>(parts: &'a [Part], dynamic: &mut HashSet<&'a str>) {
    for part in parts {
        let (Part::Literal(text) | Part::Quoted(text)) = part else {
            continue;
        };
        if text.contains('=') || text.contains("++") || text.contains("--") {
            let names = text.split(|c: char| c != '_' && !c.is_ascii_alphanumeric());
            dynamic.extend(names.filter(|name| !name.is_empty()));
        }
    }
}
