//! Expansion of words (XCU 2.6).

use super::FileKind;
use super::Known;
use super::runner::Runner;
use crate::ast::{self, Operation, Parameter, Part};
use crate::call::Word;
use crate::pattern::{escaped, fits, literal, trim};

/// Largest number of fields of one word.
const MAX_FIELDS: usize = 4096;

/// What becomes of special characters in quotes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Escape {
    /// They are characters like others.
    Nothing,
    /// The result is a pattern, in which they are escaped.
    Pattern,
}

/// A field in the making.
#[derive(Default)]
struct Field {
    text: String,
    pattern: String,
    open: bool,
    /// Whether it stays although it is empty.
    quoted: bool,
}

/// Fields in the making.
struct Fields {
    done: Vec<Field>,
    current: Option<Field>,
    split: bool,
}

impl Fields {
    fn current(&mut self) -> &mut Field {
        self.current.get_or_insert_with(Field::default)
    }

    fn text(&mut self, text: &str, quoted: bool) {
        let field = self.current();
        field.text.push_str(text);
        if quoted {
            field.pattern.push_str(&escaped(text));
        } else {
            field.pattern.push_str(text);
        }
        field.quoted |= quoted;
    }

    fn unknown(&mut self, text: &str, quoted: bool) {
        self.text(text, quoted);
        self.current().open = true;
    }

    fn end(&mut self) {
        if let Some(field) = self.current.take()
            && self.done.len() < MAX_FIELDS
        {
            self.done.push(field);
        }
    }

    /// The result of an expansion outside of quotes.
    fn expanded(&mut self, text: &str, separators: &str) {
        if !self.split {
            return self.text(text, false);
        }
        let blank = |c: char| separators.contains(c) && c.is_ascii_whitespace();
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find(|c| separators.contains(c)).unwrap_or(rest.len());
            if end > 0 {
                self.text(&rest[..end], false);
            }
            rest = &rest[end..];
            if rest.is_empty() {
                break;
            }
            // Blanks around another separator belong to it.
            let trimmed = rest.trim_start_matches(blank);
            let other = trimmed.chars().next().filter(|c| separators.contains(*c));
            if let Some(other) = other {
                self.current().quoted = true;
                self.end();
                rest = trimmed[other.len_utf8()..].trim_start_matches(blank);
            } else {
                self.end();
                rest = trimmed;
            }
        }
    }
}

impl Runner<'_> {
    /// The fields of a word.
    pub(super) fn fields(&mut self, word: &ast::Word) -> Vec<Word> {
        let mut fields = Fields {
            done: Vec::new(),
            current: None,
            split: true,
        };
        self.parts(&word.parts, false, &mut fields);
        fields.end();
        let mut words = Vec::new();
        for field in fields.done {
            if field.open {
                words.push(word_of(field));
            } else if field.text.is_empty() && !field.quoted {
                words.extend(std::iter::empty());
            } else {
                match self.glob(&field) {
                    Some(found) => words.extend(found),
                    None => words.push(word_of(field)),
                }
            }
        }
        words
    }

    /// A word as one text: no splitting, no names of files.
    pub(super) fn single(&mut self, word: &ast::Word) -> Word {
        self.pattern(word, Escape::Nothing)
    }

    /// A word as one text or pattern.
    pub(super) fn pattern(&mut self, word: &ast::Word, escape: Escape) -> Word {
        let mut fields = Fields {
            done: Vec::new(),
            current: None,
            split: false,
        };
        self.parts(&word.parts, false, &mut fields);
        fields.end();
        let literal = fields.done.iter().all(|field| !field.open);
        let text = |field: Field| match escape {
            Escape::Nothing => field.text,
            Escape::Pattern => field.pattern,
        };
        let texts: Vec<String> = fields.done.into_iter().map(text).collect();
        Word {
            text: texts.join(" "),
            literal,
        }
    }

    fn parts(&mut self, parts: &[Part], quoted: bool, fields: &mut Fields) {
        for (at, part) in parts.iter().enumerate() {
            match part {
                Part::Literal(text) if at == 0 && !quoted && text.starts_with('~') => {
                    self.home(text, fields);
                }
                Part::Literal(text) => fields.text(text, quoted),
                Part::Quoted(text) => fields.text(text, true),
                Part::DoubleQuoted(parts) => {
                    let all = |part: &Part| matches!(part, Part::Parameter(p) if p.name == "@" && p.operation.is_none());
                    // `"$@"` of nothing is nothing.
                    if !parts.iter().any(all) {
                        fields.text("", true);
                    }
                    self.parts(parts, true, fields);
                }
                Part::Parameter(parameter) => self.parameter(parameter, quoted, fields),
                Part::Command(list) => {
                    let text = self.substitute(list);
                    self.result(text.as_deref(), "$(…)", quoted, fields);
                }
                Part::Arithmetic(parts) => {
                    let text = self.single(&ast::Word {
                        line: 0,
                        parts: parts.clone(),
                    });
                    let value = text.literal.then(|| self.calculate(&text.text)).flatten();
                    let value = value.map(|value| value.to_string());
                    self.result(value.as_deref(), "$((…))", quoted, fields);
                }
                Part::Process(_) => fields.unknown("<(…)", quoted),
                Part::Array(_) => fields.unknown("(…)", quoted),
                Part::Pattern(_, _) => fields.unknown("@(…)", quoted),
            }
        }
    }

    /// `~` and `~name` (XCU 2.6.1).
    fn home(&mut self, text: &str, fields: &mut Fields) {
        let end = text.find('/').unwrap_or(text.len());
        let home = match &text[1..end] {
            "" => Known::Is("/root".to_owned()),
            name => self.host.home(name),
        };
        match home {
            Known::Is(home) => {
                fields.text(&home, true);
                fields.text(&text[end..], false);
            }
            Known::Absent => fields.text(text, false),
            Known::Unknown => fields.unknown(text, false),
        }
    }

    fn result(&mut self, text: Option<&str>, shown: &str, quoted: bool, fields: &mut Fields) {
        match text {
            None => fields.unknown(shown, quoted),
            Some(text) if quoted => fields.text(text, true),
            Some(text) => {
                let separators = match self.variable("IFS") {
                    Known::Is(separators) => separators,
                    _ => " \t\n".to_owned(),
                };
                fields.expanded(text, &separators);
            }
        }
    }

    fn parameter(&mut self, parameter: &Parameter, quoted: bool, fields: &mut Fields) {
        if matches!(parameter.name.as_str(), "@" | "*")
            && parameter.operation.is_none()
            && !parameter.length
        {
            return self.positional(parameter.name == "@", quoted, fields);
        }
        let shown = parameter.text.as_str();
        let value = self.value(parameter);
        // The value that it stands for when nothing else is said: none is an empty one.
        let plain = match &value {
            Known::Is(text) => Some(text.as_str()),
            Known::Absent => Some(""),
            Known::Unknown => None,
        };
        let set = |colon: bool| match &value {
            Known::Is(text) => Some(!colon || !text.is_empty()),
            Known::Absent => Some(false),
            Known::Unknown => None,
        };
        match &parameter.operation {
            None if parameter.length => {
                let length = plain.map(|text| text.chars().count().to_string());
                self.result(length.as_deref(), shown, quoted, fields);
            }
            None | Some((Operation::Error { .. }, _)) => self.result(plain, shown, quoted, fields),
            Some((Operation::Default { colon }, word)) => match set(*colon) {
                Some(false) => self.parts(&word.parts, quoted, fields),
                _ => self.result(plain, shown, quoted, fields),
            },
            Some((Operation::Assign { colon }, word)) => match set(*colon) {
                Some(false) => {
                    let word = self.single(word);
                    let text = word.literal.then_some(word.text);
                    self.assign(&parameter.name, text.clone());
                    self.result(text.as_deref(), shown, quoted, fields);
                }
                _ => self.result(plain, shown, quoted, fields),
            },
            Some((Operation::Alternative { colon }, word)) => match set(*colon) {
                Some(true) => self.parts(&word.parts, quoted, fields),
                Some(false) => {}
                None => fields.unknown(shown, quoted),
            },
            Some((Operation::Trim { suffix, longest }, word)) => {
                let pattern = self.pattern(word, Escape::Pattern);
                let cut = plain
                    .filter(|_| pattern.literal)
                    .filter(|text| text.len().saturating_mul(pattern.text.len()) <= 1 << 16)
                    .map(|text| trim(text, &pattern.text, *suffix, *longest));
                self.result(cut, shown, quoted, fields);
            }
            Some((Operation::Other, _)) => fields.unknown(shown, quoted),
        }
    }

    /// The value of a parameter, where it is set and known.
    fn value(&mut self, parameter: &Parameter) -> Known<String> {
        if parameter.indirect || parameter.subscript.is_some() {
            return Known::Unknown;
        }
        let is = |text: Option<String>| text.map_or(Known::Unknown, Known::Is);
        let name = parameter.name.as_str();
        let shell = &self.shell;
        match name {
            "@" | "*" => {
                let known = shell.positional.iter().all(|word| word.literal);
                let texts: Vec<&str> = shell.positional.iter().map(|w| w.text.as_str()).collect();
                is(known.then(|| texts.join(" ")))
            }
            "#" => Known::Is(shell.positional.len().to_string()),
            "?" => is(self.status.map(|status| status.to_string())),
            "-" => Known::Is(if shell.errexit { "e" } else { "" }.to_owned()),
            "0" => Known::Is(self.name.clone()),
            // Names of temporary files are made of it; any number will do, so long as it is the same each time.
            "$" => Known::Is("1000".to_owned()),
            "!" | "RANDOM" | "HOSTNAME" | "SECONDS" | "LINENO" | "" => Known::Unknown,
            "PWD" => is(shell.directory.clone()),
            _ if name.starts_with(|c: char| c.is_ascii_digit()) => {
                let number: usize = name.parse().unwrap_or(usize::MAX);
                match shell.positional.get(number.wrapping_sub(1)) {
                    Some(word) => is(word.literal.then(|| word.text.clone())),
                    None => Known::Absent,
                }
            }
            _ => self.variable(name),
        }
    }

    fn positional(&mut self, separate: bool, quoted: bool, fields: &mut Fields) {
        let words = self.shell.positional.clone();
        for (at, word) in words.iter().enumerate() {
            if at > 0 {
                if fields.split && (separate || !quoted) {
                    fields.end();
                } else {
                    fields.text(" ", true);
                }
            }
            match (word.literal, quoted) {
                (true, true) => fields.text(&word.text, true),
                (true, false) => self.result(Some(&word.text), "$@", false, fields),
                (false, _) => fields.unknown(&word.text, quoted),
            }
        }
    }

    /// The names of files that a field stands for; `None` where it is no pattern, or none fits.
    fn glob(&mut self, field: &Field) -> Option<Vec<Word>> {
        if !field.pattern.contains(['*', '?', '[']) || literal(&field.pattern).is_some() {
            return None;
        }
        let absolute = field.pattern.starts_with('/');
        let base = if absolute {
            "/".to_owned()
        } else {
            let mut base = self.shell.directory.clone()?;
            if !base.ends_with('/') {
                base.push('/');
            }
            base
        };
        let mut found = vec![(base, String::new())];
        if absolute {
            found[0].1.push('/');
        }
        let components: Vec<&str> = field.pattern.split('/').filter(|c| !c.is_empty()).collect();
        for (at, component) in components.iter().enumerate() {
            let last = at + 1 == components.len();
            let mut next = Vec::new();
            for (real, shown) in found {
                let names = if let Some(name) = literal(component) {
                    vec![name]
                } else {
                    let Some(names) = self.host.list(&real) else {
                        return Some(vec![Word {
                            text: field.text.clone(),
                            literal: false,
                        }]);
                    };
                    let hidden = component.starts_with('.');
                    let fit =
                        |name: &String| (hidden || !name.starts_with('.')) && fits(component, name);
                    names.into_iter().filter(fit).collect()
                };
                for name in names {
                    if next.len() >= MAX_FIELDS {
                        break;
                    }
                    let end = if last { "" } else { "/" };
                    let (real, shown) = (format!("{real}{name}"), format!("{shown}{name}"));
                    let there = match self.host.stat(&real, !last) {
                        Known::Is(stat) => last || stat.kind == FileKind::Directory,
                        Known::Absent => false,
                        Known::Unknown => last,
                    };
                    if there {
                        next.push((real + end, shown + end));
                    }
                }
            }
            found = next;
        }
        let word = |(_, shown)| Word {
            text: shown,
            literal: true,
        };
        (!found.is_empty()).then(|| found.into_iter().map(word).collect())
    }
}

fn word_of(field: Field) -> Word {
    Word {
        text: field.text,
        literal: !field.open,
    }
}
