//! From words to text, as far as it is known without running anything (XCU 2.6).

use std::collections::HashMap;
use std::sync::Arc;

use super::definitions::{Definitions, Source};
use super::state::{MAX_TEXTS, State, Value};
use crate::ast::{self, CommandKind, Connector, Item, Operation, Parameter, Part};
use crate::call::Word;

/// Longest value that a variable is followed to, in bytes.
const MAX_VALUE: usize = 64 << 10;

/// How much text all expansions of a script may yield together, in bytes: variables that name each other twice double it.
const MAX_TEXT: usize = 16 << 20;

/// What stands before each element in the value of an array. No variable can have it.
pub(super) const ELEMENT: char = '\0';

/// How deep variables name each other.
const MAX_CHAIN: usize = 16;

/// Expands words by what a script defines.
pub(super) struct Expander<'a> {
    pub(super) definitions: Definitions<'a>,
    /// The values where the walk stands.
    pub(super) state: State,
    /// Whether a variable without a value here has the one that the whole script gives it: in functions and traps, of which
    /// it is not known when they run.
    pub(super) whole: bool,
    /// The present one of several values.
    pub(super) pinned: Vec<Pin>,
    known: HashMap<&'a str, Option<Arc<str>>>,
    left: usize,
    /// The variables whose values are being looked for, each part of that of the one before.
    chain: Vec<&'a str>,
}

/// A variable with one of its values; `None` for the one that is not known.
pub(super) type Pin = (String, Option<Arc<str>>);

/// The fields that a word becomes.
#[derive(Default)]
struct Fields {
    done: Vec<Word>,
    text: String,
    unknown: bool,
    /// Whether the present field is there even when its text is empty.
    begun: bool,
}

impl Fields {
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.begun = true;
    }

    fn unknown(&mut self, text: &str) {
        self.push(text);
        self.unknown = true;
    }

    fn cut(&mut self) {
        if std::mem::take(&mut self.begun) {
            self.done.push(Word {
                text: std::mem::take(&mut self.text),
                literal: !self.unknown,
            });
        }
        self.unknown = false;
    }
}

impl<'a> Expander<'a> {
    pub(super) fn new(definitions: Definitions<'a>) -> Self {
        Self {
            definitions,
            state: State::default(),
            whole: false,
            pinned: Vec::new(),
            known: HashMap::new(),
            left: MAX_TEXT,
            chain: Vec::new(),
        }
    }

    /// The fields of a word: mostly one; none for an empty variable without quotes, several where its value has blanks.
    pub(super) fn fields(&mut self, word: &ast::Word) -> Vec<Word> {
        let mut fields = Fields::default();
        for (at, part) in word.parts.iter().enumerate() {
            let tilde = at == 0 && matches!(part, Part::Literal(text) if text.starts_with('~'));
            fields.unknown |= tilde;
            self.part(part, false, &mut fields);
        }
        fields.cut();
        fields.done
    }

    /// A word as one text, which no blank splits: the value of an assignment, a pattern, a file.
    pub(super) fn text(&mut self, word: &ast::Word) -> Word {
        let mut fields = Fields::default();
        for part in &word.parts {
            self.part(part, true, &mut fields);
        }
        Word {
            text: fields.text,
            literal: !fields.unknown,
        }
    }

    fn part(&mut self, part: &Part, whole: bool, fields: &mut Fields) {
        match part {
            Part::Literal(text) => {
                fields.push(text);
                fields.unknown |= !whole && is_pattern(text);
            }
            Part::Quoted(text) => fields.push(text),
            Part::DoubleQuoted(parts) => {
                if let [Part::Parameter(parameter)] = parts.as_slice()
                    && parameter.name == "@"
                    && parameter.operation.is_none()
                    && !whole
                    && let Some(all) = self.arguments()
                {
                    for (at, argument) in all.iter().enumerate() {
                        if at > 0 {
                            fields.cut();
                        }
                        fields.push(argument);
                    }
                    return;
                }
                if let [Part::Parameter(parameter)] = parts.as_slice()
                    && !whole
                    && self.elements(parameter, fields)
                {
                    return;
                }
                fields.begun = true;
                for part in parts {
                    self.part(part, true, fields);
                }
            }
            Part::Parameter(parameter) if !whole && self.elements(parameter, fields) => {}
            Part::Parameter(parameter) => match self.parameter(parameter) {
                Some(value) if whole => fields.push(&value),
                Some(value) => split(&value, fields),
                None => fields.unknown(&parameter.text),
            },
            Part::Command(list) => match self.looked_up(list) {
                Some(name) => fields.push(&name),
                None => fields.unknown("$(…)"),
            },
            Part::Arithmetic(_) => fields.unknown("$((…))"),
            Part::Process(_) => fields.unknown("<(…)"),
            Part::Array(words) => match self.array(words).filter(|_| whole) {
                Some(text) => fields.push(&text),
                None => fields.unknown("(…)"),
            },
            Part::Pattern(operator, _) => {
                fields.push(operator.encode_utf8(&mut [0; 4]));
                fields.unknown("(…)");
            }
        }
    }

    /// The elements of an array, each behind a mark, and a lone mark for what is behind the first that is not known.
    fn array(&mut self, words: &[ast::Word]) -> Option<String> {
        let mut text = String::new();
        for word in words {
            text.push(ELEMENT);
            let word = self.text(word);
            let known = word.literal && !word.text.is_empty() && !word.text.contains(ELEMENT);
            if !known || text.len() + word.text.len() > MAX_VALUE {
                break;
            }
            text.push_str(&word.text);
        }
        (text.len() > 1).then_some(text)
    }

    /// Puts the elements of an array, `${x[@]}`, into fields of their own, where the first is known.
    fn elements(&mut self, parameter: &Parameter, fields: &mut Fields) -> bool {
        let subscript = parameter.subscript.as_ref();
        let all = subscript.is_some_and(|word| matches!(word.bare(), Some("@" | "*")));
        let plain = parameter.operation.is_none() && !parameter.length && !parameter.indirect;
        let value = Some(&parameter.name).filter(|_| all && plain);
        let value = value.and_then(|name| self.variable(name));
        let Some(value) = value.filter(|value| value.starts_with(ELEMENT)) else {
            return false;
        };
        let Some(left) = self.left.checked_sub(value.len()) else {
            return false;
        };
        self.left = left;
        for (at, element) in value.split(ELEMENT).skip(1).enumerate() {
            if at > 0 {
                fields.cut();
            }
            if element.is_empty() {
                fields.unknown(&parameter.text);
            } else {
                fields.push(element);
            }
        }
        true
    }

    /// The value of a parameter with what is done to it, where it is known.
    pub(super) fn parameter(&mut self, parameter: &Parameter) -> Option<Arc<str>> {
        if parameter.length || parameter.indirect || parameter.subscript.is_some() {
            return None;
        }
        let Some(value) = self.variable(&parameter.name) else {
            return self.of_environment(parameter);
        };
        // An array without a subscript is its first element.
        let value = match value.strip_prefix(ELEMENT) {
            Some(elements) => elements.split(ELEMENT).next().unwrap_or_default().into(),
            None => value,
        };
        let told_apart = matches!(
            parameter.operation,
            Some((
                Operation::Default { colon: false }
                    | Operation::Assign { colon: false }
                    | Operation::Alternative { colon: false },
                _
            ))
        );
        if told_apart && self.state.get(&parameter.name).is_some_and(|v| v.unset) {
            return None;
        }
        let empty = value.is_empty();
        let value = match &parameter.operation {
            None | Some((Operation::Error { .. }, _)) => value,
            Some((Operation::Default { colon } | Operation::Assign { colon }, other)) => {
                if *colon && empty {
                    self.known_text(other)?
                } else {
                    value
                }
            }
            Some((Operation::Alternative { colon }, other)) => {
                if *colon && empty {
                    value
                } else {
                    self.known_text(other)?
                }
            }
            Some((Operation::Trim { .. } | Operation::Other, _)) => return None,
        };
        self.left = self.left.checked_sub(value.len())?;
        Some(value)
    }

    /// What stands for a variable that only the environment may set: `${PAGER:-less}`, `CAT=${CAT:-cat}`. An environment hardly
    /// ever does.
    fn of_environment(&mut self, parameter: &Parameter) -> Option<Arc<str>> {
        let Some((Operation::Default { .. } | Operation::Assign { .. }, other)) =
            &parameter.operation
        else {
            return None;
        };
        let name = parameter.name.as_str();
        let is_set = name.starts_with(|c: char| !c.is_ascii_alphabetic() && c != '_')
            || self.pinned.iter().any(|(pinned, _)| pinned == name)
            || self.state.get(name).is_some()
            || (self.whole
                && !self.chain.contains(&name)
                && self.definitions.variables.contains_key(name));
        if is_set {
            return None;
        }
        self.known_text(other)
    }

    /// The command in `$(which x)` and `$(command -v x)`: the path that comes of it is that of a command of this name. Other ways
    /// to look for it may stand behind the first.
    fn looked_up(&mut self, list: &[Item]) -> Option<String> {
        let (item, before) = list.split_last()?;
        let redirects = |item: &Item| match simple_of(&item.and_or.first) {
            Some(simple) => {
                item.and_or.rest.is_empty()
                    && matches!(simple.words.as_slice(), [word] if word.bare() == Some("exec"))
            }
            None => false,
        };
        if item.background || !before.iter().all(redirects) {
            return None;
        }
        let words = &simple_of(&item.and_or.first)?.words;
        let operand = words.last().filter(|_| looks_up(words))?;
        let name = self.text(operand);
        for (connector, pipeline) in &item.and_or.rest {
            let words = &simple_of(pipeline)
                .filter(|_| *connector == Connector::Or)?
                .words;
            let again = looks_up(words)
                || matches!(words.as_slice(), [first, _] if first.bare() == Some("type"));
            match words.as_slice() {
                [word] if matches!(word.bare(), Some("true" | ":")) => {}
                [.., operand] if again && self.text(operand) == name => {}
                _ => return None,
            }
        }
        let plain = name.literal && !name.text.is_empty() && !name.text.contains(' ');
        (plain && name.text.len() <= MAX_VALUE).then_some(name.text)
    }

    fn known_text(&mut self, word: &ast::Word) -> Option<Arc<str>> {
        let text = self.text(word);
        text.literal.then(|| text.text.into())
    }

    /// The positional parameters, where all of them are known.
    pub(super) fn arguments(&self) -> Option<Arc<[Arc<str>]>> {
        let positional = self.state.positional.as_ref()?;
        positional.complete.then(|| positional.known.clone())
    }

    /// The value of a variable here, where it has one.
    fn variable(&mut self, name: &str) -> Option<Arc<str>> {
        if let Some((_, value)) = self.pinned.iter().find(|(pinned, _)| pinned == name) {
            return value.clone();
        }
        if let Some(value) = self.state.get(name) {
            return match value.texts.as_slice() {
                [only] => Some(only.clone()),
                _ => None,
            };
        }
        if name.starts_with(|c: char| !c.is_ascii_alphabetic() && c != '_') {
            return self.positional(name);
        }
        if self.whole { self.single(name) } else { None }
    }

    fn positional(&self, name: &str) -> Option<Arc<str>> {
        let positional = self.state.positional.as_ref()?;
        match name {
            "#" => positional
                .complete
                .then(|| positional.known.len().to_string().into()),
            "@" | "*" => positional
                .complete
                .then(|| positional.known.join(" ").into()),
            _ => {
                let at = name.parse::<usize>().ok()?.checked_sub(1)?;
                match positional.known.get(at) {
                    Some(text) => Some(text.clone()),
                    None => positional.complete.then(|| "".into()),
                }
            }
        }
    }

    /// What is known of a variable that the walk has not met.
    pub(super) fn before(&mut self, name: &str) -> Value {
        let value = if self.whole { self.single(name) } else { None };
        value.map_or_else(Value::default, |text| Value::known(&text))
    }

    /// The ways to choose one value of each variable with several, in the order of the script; one empty way when there is
    /// none, or when there are too many. A command's name that may have other values is also tried unknown.
    pub(super) fn ways<'w>(
        &self,
        words: impl Iterator<Item = &'w ast::Word>,
        command: bool,
    ) -> Vec<Vec<Pin>> {
        let mut ways = vec![Vec::new()];
        if !self.state.several {
            return ways;
        }
        for (at, word) in words.enumerate() {
            let mut names = Vec::new();
            parameters(&word.parts, &mut names);
            for name in names {
                let pinned = |way: &Vec<Pin>| way.iter().any(|(pinned, _)| pinned == name);
                let Some(value) = self.state.get(name).filter(|_| !pinned(&ways[0])) else {
                    continue;
                };
                let mut values: Vec<Option<Arc<str>>> =
                    value.texts.iter().cloned().map(Some).collect();
                if command && at == 0 && value.others {
                    values.push(None);
                }
                if values.len() < 2 {
                    continue;
                }
                if ways.len() * values.len() > MAX_TEXTS {
                    return vec![Vec::new()];
                }
                let longer = |way: Vec<Pin>| {
                    let values = values.clone().into_iter();
                    values.map(move |value| {
                        let mut way = way.clone();
                        way.push((name.to_owned(), value));
                        way
                    })
                };
                ways = ways.into_iter().flat_map(longer).collect();
            }
        }
        ways
    }

    /// The value that a word gives a variable, behind its first bytes.
    pub(super) fn assigned(&mut self, word: &ast::Word, skip: usize) -> Value {
        let mut value = Value::default();
        for way in self.ways(std::iter::once(word), false) {
            self.pinned = way;
            let text = self.value(word, skip);
            self.pinned.clear();
            match text {
                Some(text) if value.texts.contains(&text) => {}
                Some(text) => value.texts.push(text),
                None => return Value::default(),
            }
        }
        value
    }

    /// The value of a variable that only ever has one.
    fn single(&mut self, name: &str) -> Option<Arc<str>> {
        if let Some(known) = self.known.get(name) {
            return known.clone();
        }
        let (&name, values) = self.definitions.variables.get_key_value(name)?;
        if values.unknown || self.chain.len() >= MAX_CHAIN {
            return None;
        }
        let sources = values.sources.clone();
        // A variable that is part of its own value is not known.
        self.known.insert(name, None);
        self.chain.push(name);
        let mut value: Option<Arc<str>> = None;
        for source in sources {
            let next = match source {
                Source::Assumed(text) => Some(text.into()),
                Source::Word(word, skip, _) => self.value(word, skip),
                Source::Field(word) => match self.fields(word).as_slice() {
                    [only] if only.literal && only.text.len() <= MAX_VALUE => {
                        Some(only.text.as_str().into())
                    }
                    _ => None,
                },
            };
            let same = value.is_none() || value == next;
            value = next.filter(|_| same);
            if value.is_none() {
                break;
            }
        }
        self.chain.pop();
        self.known.insert(name, value.clone());
        value
    }

    fn value(&mut self, word: &ast::Word, skip: usize) -> Option<Arc<str>> {
        let text = self.text(word);
        // `~` is the home directory of whoever runs it.
        let text = text.text.get(skip..).filter(|_| text.literal)?;
        let plain = text.len() <= MAX_VALUE && !text.starts_with('~');
        plain.then(|| text.into())
    }

    /// Whether a variable is another name of the script's first argument.
    pub(super) fn names_argument(&self, name: &str) -> bool {
        let Some(values) = self.definitions.variables.get(name) else {
            return false;
        };
        match values.sources.as_slice() {
            [Source::Word(word, skip, false)]
                if !values.unknown && !self.definitions.moves_arguments =>
            {
                let mut parts = word.parts.as_slice();
                if *skip > 0 {
                    let [Part::Literal(text), rest @ ..] = parts else {
                        return false;
                    };
                    if text.len() != *skip {
                        return false;
                    }
                    parts = rest;
                }
                if let [Part::DoubleQuoted(inner)] = parts {
                    parts = inner;
                }
                matches!(parts, [Part::Parameter(parameter)] if is_first(parameter))
            }
            _ => false,
        }
    }
}

/// Whether a parameter is `$1`, with an empty value for none at most.
pub(super) fn is_first(parameter: &Parameter) -> bool {
    let plain = match &parameter.operation {
        None => true,
        Some((Operation::Default { .. }, word)) => word.parts.is_empty(),
        Some(_) => false,
    };
    parameter.name == "1" && plain && !parameter.length && !parameter.indirect
}

/// The variables that stand in parts of a word, those in substituted commands left out.
/// A command that is nothing else, alone in a pipeline.
fn simple_of(pipeline: &ast::Pipeline) -> Option<&ast::Simple> {
    match pipeline.commands.as_slice() {
        [
            ast::Command {
                kind: CommandKind::Simple(simple),
                ..
            },
        ] => Some(simple),
        _ => None,
    }
}

/// Whether the words look for the path of a command.
fn looks_up(words: &[ast::Word]) -> bool {
    let before: Vec<_> = words.iter().map(|word| word.bare()).collect();
    matches!(
        before.as_slice(),
        [Some("which"), _]
            | [Some("command"), Some("-v"), _]
            | [Some("type"), Some("-p" | "-P"), _]
    )
}

fn parameters<'w>(parts: &'w [Part], names: &mut Vec<&'w str>) {
    for part in parts {
        match part {
            Part::DoubleQuoted(parts) => parameters(parts, names),
            Part::Parameter(parameter) => {
                names.push(&parameter.name);
                if let Some((_, word)) = &parameter.operation {
                    parameters(&word.parts, names);
                }
            }
            _ => {}
        }
    }
}

/// Field splitting (XCU 2.6.5) by blanks.
fn split(value: &str, fields: &mut Fields) {
    let pattern = is_pattern(value);
    for (at, piece) in value.split([' ', '\t', '\n']).enumerate() {
        if at > 0 {
            fields.cut();
        }
        if !piece.is_empty() {
            fields.push(piece);
            fields.unknown |= pattern;
        }
    }
}

/// Whether text without quotes stands for the names of files that are there, or for several words (bash).
fn is_pattern(text: &str) -> bool {
    let brackets = |open, close| {
        let start = text.find(open);
        start.and_then(|start| {
            text[start..]
                .find(close)
                .map(|end| &text[start..start + end])
        })
    };
    text.contains(['*', '?'])
        || brackets('[', ']').is_some()
        || brackets('{', '}').is_some_and(|inner| inner.contains(',') || inner.contains(".."))
}
