//! The one module that knows which YAML library is used.
//!
//! A document is read twice: once for its shape ([`check`]: well-formed, one document, no duplicate keys, no bomb), then
//! into its types. Positions of what only later checks find are looked up afterwards ([`locate`]), so that the types
//! themselves carry none.

use std::fmt;

use mikron_package::LimitExceeded;
use serde::de::{self, DeserializeOwned, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_yaml::{Error, Location, Options, Spanned};

use crate::error::{Document, SpecError, SpecErrorKind};
use crate::suggest;
use crate::text::{ValueError, shown};

/// Deepest nesting of lists and mappings. The types need seven levels; each costs up to 32 KiB of stack in a debug build,
/// and a thread has 2 MiB.
const MAX_DEPTH: usize = 16;

/// A place in a text: line and column from 1, length in characters on that line. Line 0 is the file as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) length: usize,
}

impl From<Location> for Span {
    fn from(location: Location) -> Self {
        let number = |n: u64| usize::try_from(n).unwrap_or(0);
        Self {
            line: number(location.line()),
            column: number(location.column()),
            length: number(location.span().len()),
        }
    }
}

fn options() -> Options {
    serde_yaml::options! {
        with_snippet: false,
        reject_unsupported_tags: true,
        strict_booleans: true,
        budget: serde_yaml::budget! {
            max_depth: MAX_DEPTH,
            flow_nesting_limit: 2 * MAX_DEPTH,
            max_documents: 1,
            max_aliases: 1_000,
            max_anchors: 1_000,
            max_recorded_anchor_events: 100_000,
            max_merge_keys: 100,
            max_events: 4_000_000,
            max_nodes: 2_000_000,
        },
        alias_limits: serde_yaml::alias_limits! {
            max_total_replayed_events: 50_000,
            max_replay_stack_depth: 8,
        },
    }
}

/// Checks the shape of `document` and gives its top level a look: the tree is for questions that come before types.
pub(crate) fn check(document: &Document<'_>, limit: u64) -> Result<Node, SpecError> {
    check_size(document, "spec", limit)?;
    serde_yaml::from_str_with_options::<Node>(document.text, options())
        .map_err(|error| translate(document, &error))
}

/// Checks the size of `document` against a field of the limits.
pub(crate) fn check_size(
    document: &Document<'_>,
    name: &'static str,
    limit: u64,
) -> Result<(), SpecError> {
    LimitExceeded::check(name, document.text.len() as u64, limit)
        .map_err(|exceeded| document.error_of_file(SpecErrorKind::TooLarge(exceeded), None))
}

/// Reads `document` into its types.
pub(crate) fn read<T: DeserializeOwned>(document: &Document<'_>) -> Result<T, SpecError> {
    serde_yaml::from_str_with_options(document.text, options())
        .map_err(|error| translate(document, &error))
}

/// Writes a value as YAML. The types that are written here (maps of text, numbers, lists) cannot fail to serialize, so a
/// failure is shown in the text rather than hidden.
pub(crate) fn write<T: Serialize>(value: &T) -> String {
    serde_yaml::to_string(value).unwrap_or_else(|error| format!("# cannot be written: {error}\n"))
}

/// The place of the value that `path` leads to, or of its nearest existing ancestor.
pub(crate) fn locate(text: &str, path: &[&str]) -> Option<Span> {
    let root: Node = serde_yaml::from_str_with_options(text, options()).ok()?;
    let mut node = &root;
    let mut span = None;
    for step in path {
        let next = match &node.shape {
            Shape::Map(pairs) => pairs.iter().find(|(key, _)| key == step).map(|(_, n)| n),
            Shape::List(items) => step.parse::<usize>().ok().and_then(|i| items.get(i)),
            Shape::Scalar(_) => None,
        };
        let Some(next) = next else { break };
        node = next;
        span = Some(node.span);
    }
    span.map(|span| on_its_line(text, span))
}

/// A line of a text, counted from 1, without its end. Lines end as in YAML 1.2, 5.4: a carriage return alone is an end too.
pub(crate) fn line(text: &str, number: usize) -> Option<&str> {
    let mut rest = text;
    for _ in 1..number {
        let end = rest.find(['\n', '\r'])?;
        let length = if rest[end..].starts_with("\r\n") {
            2
        } else {
            1
        };
        rest = &rest[end + length..];
    }
    let end = rest.find(['\n', '\r']).unwrap_or(rest.len());
    (number > 0).then(|| &rest[..end])
}

/// A span that covers several lines is cut at the end of its first one.
fn on_its_line(text: &str, span: Span) -> Span {
    let line = line(text, span.line);
    let width = line.map_or(0, |line| line.trim_end().chars().count());
    let room = (width + 1).saturating_sub(span.column);
    Span {
        length: span.length.clamp(1, room.max(1)),
        ..span
    }
}

/// A node of a document with its place.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) shape: Shape,
}

impl Node {
    /// The value of `key` in a mapping.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        match &self.shape {
            Shape::Map(pairs) => pairs.iter().find(|(k, _)| k == key).map(|(_, node)| node),
            _ => None,
        }
    }

    /// The text of a scalar; numbers and words as YAML understands them.
    pub(crate) fn scalar(&self) -> Option<&str> {
        match &self.shape {
            Shape::Scalar(text) => Some(text),
            _ => None,
        }
    }
}

#[derive(Debug)]
pub(crate) enum Shape {
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Shape>::deserialize(deserializer)?;
        Ok(Self {
            span: spanned.referenced.into(),
            shape: spanned.value,
        })
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Shape;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Shape, E> {
                Ok(Shape::Scalar(value.to_string()))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Shape, E> {
                Ok(Shape::Scalar(value.to_string()))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Shape, E> {
                Ok(Shape::Scalar(value.to_string()))
            }

            fn visit_i128<E: de::Error>(self, value: i128) -> Result<Shape, E> {
                Ok(Shape::Scalar(value.to_string()))
            }

            fn visit_u128<E: de::Error>(self, value: u128) -> Result<Shape, E> {
                Ok(Shape::Scalar(value.to_string()))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Shape, E> {
                Ok(Shape::Scalar(value.to_string()))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Shape, E> {
                Ok(Shape::Scalar(value.to_owned()))
            }

            fn visit_bytes<E: de::Error>(self, value: &[u8]) -> Result<Shape, E> {
                Ok(Shape::Scalar(String::from_utf8_lossy(value).into_owned()))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Shape, E> {
                Ok(Shape::Scalar(String::new()))
            }

            fn visit_none<E: de::Error>(self) -> Result<Shape, E> {
                Ok(Shape::Scalar(String::new()))
            }

            fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<Shape, D::Error> {
                Shape::deserialize(value)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Shape, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(Shape::List(list))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Shape, A::Error> {
                let mut map = Vec::new();
                while let Some(pair) = pairs.next_entry()? {
                    map.push(pair);
                }
                Ok(Shape::Map(map))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

/// Turns an error of the library into ours: the same data, in our words.
fn translate(document: &Document<'_>, error: &Error) -> SpecError {
    if let Error::AliasError { error, .. } = error {
        return translate(document, error);
    }
    let span = error
        .location()
        .map(|location| on_its_line(document.text, location.into()));
    let (kind, help) = explain(document, error, span);
    document.error(span, kind, help)
}

fn explain(
    document: &Document<'_>,
    error: &Error,
    span: Option<Span>,
) -> (SpecErrorKind, Option<String>) {
    let owned = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
    let wrong_type = |expected: &str, found: Option<String>, help: Option<&str>| {
        let expected = expected.to_owned();
        (
            SpecErrorKind::WrongType { expected, found },
            help.map(str::to_owned),
        )
    };
    let complex = |message: &str| (SpecErrorKind::TooComplex(message.to_owned()), None);
    match error {
        Error::SerdeUnknownField {
            field, expected, ..
        } => unknown_key(field, expected),
        Error::DuplicateMappingKey { key, .. } => {
            let key = shown(key.as_deref().unwrap_or("?"));
            let help = Some("keep one of them".to_owned());
            (SpecErrorKind::DuplicateKey { key }, help)
        }
        Error::SerdeMissingField { field, .. } => {
            let key = (*field).to_owned();
            let help = match *field {
                "mikron" => Some("begin with `mikron: 1`, the version of the schema".to_owned()),
                _ => None,
            };
            (SpecErrorKind::MissingKey { key }, help)
        }
        Error::SerdeUnknownVariant {
            variant, expected, ..
        } => {
            let near = suggest::nearest(variant, expected.iter().copied());
            let kind = SpecErrorKind::UnknownValue {
                value: shown(variant),
                known: owned(expected),
            };
            (kind, near.map(|name| format!("did you mean `{name}`?")))
        }
        Error::MultipleDocuments { .. } => several_documents(),
        Error::UnsupportedTag { tag, .. } | Error::TaggedStructFieldName { tag, .. } => {
            let help = Some("leave it out; values are read by the type of their key".to_owned());
            (SpecErrorKind::Tag(shown(tag)), help)
        }
        Error::NullIntoString { .. } => wrong_type(
            "text",
            Some("nothing".to_owned()),
            Some("write '' for empty text"),
        ),
        Error::Unexpected { expected, .. } => match *expected {
            "string scalar" => wrong_type("text", None, None),
            "sequence start" => {
                wrong_type("a list", None, Some("write `[…]`, or one `- …` a line"))
            }
            "mapping start" => wrong_type("a mapping", None, Some("write `key: value`")),
            other => wrong_type(other, None, None),
        },
        Error::SerdeInvalidType {
            unexpected,
            expected,
            ..
        }
        | Error::SerdeInvalidValue {
            unexpected,
            expected,
            ..
        } => wrong_type(expected, Some(found_type(unexpected)), None),
        Error::InvalidScalar { ty, .. } => {
            let found = span.and_then(|span| word_at(document.text, span));
            wrong_type(&number_type(ty), found, None)
        }
        Error::InvalidBooleanStrict { .. } => wrong_type("`true` or `false`", None, None),
        Error::Budget { breach, .. } => budget(breach),
        Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            complex("the aliases of this document unfold to too much")
        }
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            complex("this alias refers to something that holds it")
        }
        Error::UnknownAnchor { .. } => (
            SpecErrorKind::Syntax("this alias refers to no anchor".to_owned()),
            Some("text that begins with `*` or `&` has to stand in quotes".to_owned()),
        ),
        Error::Eof { .. } => (
            SpecErrorKind::Syntax("the document is empty".to_owned()),
            None,
        ),
        Error::Message { msg, .. } | Error::SerdeVariantId { msg, .. } => {
            let (message, help) = ValueError::split(msg);
            (SpecErrorKind::Invalid(message), help)
        }
        Error::ExternalMessage { msg, .. } if msg.contains("recursion limit") => {
            complex("the document is nested too deeply")
        }
        Error::ExternalMessage { msg, .. } => (SpecErrorKind::Syntax(first_line(msg)), None),
        // The rest has neither data nor a better wording; the position that follows ours is cut off.
        other => {
            let text = other.to_string();
            let message = text.split(" at line ").next().unwrap_or(&text);
            (SpecErrorKind::Syntax(first_line(message)), None)
        }
    }
}

fn several_documents() -> (SpecErrorKind, Option<String>) {
    let help = Some("one file describes one thing; remove what follows `---`".to_owned());
    (SpecErrorKind::SeveralDocuments, help)
}

fn budget(breach: &serde_yaml::budget::BudgetBreach) -> (SpecErrorKind, Option<String>) {
    use serde_yaml::budget::BudgetBreach;
    let message = match breach {
        BudgetBreach::Documents { .. } => return several_documents(),
        BudgetBreach::Depth { .. } => "the document is nested too deeply",
        BudgetBreach::Aliases { .. }
        | BudgetBreach::Anchors { .. }
        | BudgetBreach::AliasAnchorRatio { .. }
        | BudgetBreach::RecordedAnchorEvents { .. }
        | BudgetBreach::RecordedAnchorBytes { .. }
        | BudgetBreach::MergeKeys { .. } => "the aliases of this document unfold to too much",
        _ => "the document has too many parts",
    };
    (SpecErrorKind::TooComplex(message.to_owned()), None)
}

/// Keys of the design that a later version will read.
const LATER: [&str; 2] = ["extends", "variants"];

fn unknown_key(field: &str, expected: &[&'static str]) -> (SpecErrorKind, Option<String>) {
    let top = expected.contains(&"mikron");
    if top && LATER.contains(&field) {
        let help = "write the whole image in one file for now".to_owned();
        return (SpecErrorKind::NotYet(field.to_owned()), Some(help));
    }
    let near = suggest::nearest(field, expected.iter().copied());
    let help = match near {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("known here: {}", suggest::list(expected.iter().copied())),
    };
    let kind = SpecErrorKind::UnknownKey {
        key: shown(field),
        known: expected.iter().map(|n| (*n).to_owned()).collect(),
    };
    (kind, Some(help))
}

fn number_type(ty: &str) -> String {
    match ty {
        "u8" | "u16" | "u32" | "u64" => "a whole number of 0 or more".to_owned(),
        "i8" | "i16" | "i32" | "i64" => "a whole number".to_owned(),
        other => format!("a {other}"),
    }
}

/// Serde's word for what stands there, in ours.
fn found_type(unexpected: &str) -> String {
    let known = [
        ("integer ", "the number "),
        ("floating point ", "the number "),
        ("boolean ", ""),
        ("string ", ""),
        ("sequence", "a list"),
        ("map", "a mapping"),
        ("unit value", "nothing"),
        ("Option value", "nothing"),
    ];
    let ours = known.iter().find_map(|(theirs, ours)| {
        let rest = unexpected.strip_prefix(theirs)?;
        Some(format!("{ours}{}", rest.replace('"', "`")))
    });
    shown(&ours.unwrap_or_else(|| unexpected.to_owned()))
}

/// What stands at `span`, in backticks.
fn word_at(text: &str, span: Span) -> Option<String> {
    let line = line(text, span.line)?;
    let start = span.column.checked_sub(1)?;
    let word: String = line.chars().skip(start).take(span.length.min(40)).collect();
    Some(format!("`{}`", shown(&word)))
}

fn first_line(message: &str) -> String {
    shown(message.lines().next().unwrap_or(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_as_yaml_has_it() {
        let text = "a\nb\r\nc\rd";
        let lines: Vec<_> = (0..6).map(|number| line(text, number)).collect();
        assert_eq!(
            lines,
            [None, Some("a"), Some("b"), Some("c"), Some("d"), None]
        );
        assert_eq!(line("", 1), Some(""));
    }

    #[test]
    fn a_value_is_found_by_its_path() {
        let text = "a: 1\nlist:\n  - x\n  - { key: é, other: 'two words' }\n";
        let at = |path: &[&str]| locate(text, path).map(|s| (s.line, s.column, s.length));
        assert_eq!(at(&["a"]), Some((1, 4, 1)));
        assert_eq!(at(&["list", "0"]), Some((3, 5, 1)));
        assert_eq!(at(&["list", "1", "other"]), Some((4, 22, 11)));
        assert_eq!(at(&["list", "1", "missing"]), at(&["list", "1"]));
        assert_eq!(at(&["nothing"]), None);
    }
}
