//! The one module that knows which YAML library is used.
//!
//! A file is read straight into its types, which carry no positions: a release has hundreds of files and hardly any of them
//! is wrong. Where something is, the text is read again for the place of one key or item ([`locate`]).

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, DeserializeOwned, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_yaml::{Error, Location, Options, Spanned};

use crate::suggest::{list, nearest, shown};
use crate::{SliceError, SliceErrorKind};

/// Deepest nesting of lists and mappings; definitions need seven levels.
const MAX_DEPTH: usize = 16;

/// A place in a text: line and column from 1, length in characters on that line.
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

/// Reads a document into its types.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, SliceError> {
    serde_yaml::from_str_with_options(text, options()).map_err(|error| translate(text, &error))
}

/// The place of the key or item that `path` leads to, or of its nearest existing ancestor.
pub(crate) fn locate(text: &str, path: &[&str]) -> Option<Span> {
    let root: Node = serde_yaml::from_str_with_options(text, options()).ok()?;
    let mut node = &root;
    let mut span = None;
    for step in path {
        let next = match node {
            Node::Map(pairs) => pairs.iter().find(|(key, ..)| key == step),
            Node::List(items) => items.iter().find(|(item, ..)| item == step),
            Node::Scalar(_) => None,
        };
        let Some((_, place, value)) = next else { break };
        node = value;
        span = Some(*place);
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

/// A mapping in the order in which it is written. The library refuses keys that stand twice.
#[derive(Debug)]
pub(crate) struct Pairs<T>(pub(crate) Vec<(String, T)>);

impl<T> Default for Pairs<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Pairs<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Map<T> {
            type Value = Pairs<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<T>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(Map(PhantomData))
    }
}

/// A document with the places of its keys and items; items of lists are known by their text.
enum Node {
    Scalar(String),
    List(Vec<(String, Span, Node)>),
    Map(Vec<(String, Span, Node)>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Node;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Node, E> {
                Ok(Node::Scalar(value.to_string()))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Node, E> {
                Ok(Node::Scalar(value.to_string()))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Node, E> {
                Ok(Node::Scalar(value.to_string()))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Node, E> {
                Ok(Node::Scalar(value.to_string()))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Node, E> {
                Ok(Node::Scalar(value.to_owned()))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Node, E> {
                Ok(Node::Scalar(String::new()))
            }

            fn visit_none<E: de::Error>(self) -> Result<Node, E> {
                Ok(Node::Scalar(String::new()))
            }

            fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<Node, D::Error> {
                Node::deserialize(value)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element::<Spanned<Node>>()? {
                    let name = match &item.value {
                        Node::Scalar(text) => text.clone(),
                        _ => String::new(),
                    };
                    list.push((name, item.referenced.into(), item.value));
                }
                Ok(Node::List(list))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Node, A::Error> {
                let mut map = Vec::new();
                while let Some((key, value)) = pairs.next_entry::<Spanned<String>, Node>()? {
                    map.push((key.value, key.referenced.into(), value));
                }
                Ok(Node::Map(map))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

/// Separates an error of ours from its remedy on the way through the library.
const REMEDY: char = '\u{1f}';

/// A message with a remedy, for `de::Error::custom`.
pub(crate) fn custom<E: de::Error>(message: &str, help: &str) -> E {
    E::custom(format!("{message}{REMEDY}{help}"))
}

/// Turns an error of the library into ours: the same data, in our words.
fn translate(text: &str, error: &Error) -> SliceError {
    if let Error::AliasError { error, .. } = error {
        return translate(text, error);
    }
    let span = error.location().map(|l| on_its_line(text, l.into()));
    let (kind, help) = explain(error);
    let mut ours = SliceError::new(kind).at(text, span);
    ours.help = help;
    ours
}

fn explain(error: &Error) -> (SliceErrorKind, Option<String>) {
    let yaml = |message: &str| SliceErrorKind::Yaml(message.to_owned());
    match error {
        Error::SerdeUnknownField {
            field, expected, ..
        } => {
            let help = match nearest(field, expected.iter().copied()) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("known here: {}", list(expected.iter().copied())),
            };
            let key = shown(field);
            (SliceErrorKind::UnknownKey { key }, Some(help))
        }
        Error::DuplicateMappingKey { key, .. } => {
            let message = format!(
                "`{}` stands here twice",
                shown(key.as_deref().unwrap_or("?"))
            );
            (yaml(&message), Some("keep one of them".to_owned()))
        }
        Error::SerdeMissingField { field, .. } => {
            let key = (*field).to_owned();
            (SliceErrorKind::MissingKey { key }, None)
        }
        Error::MultipleDocuments { .. } => (
            yaml("the file holds more than one document"),
            Some("one file defines one package; remove what follows `---`".to_owned()),
        ),
        Error::UnsupportedTag { tag, .. } | Error::TaggedStructFieldName { tag, .. } => (
            yaml(&format!("the tag `{}` has no meaning here", shown(tag))),
            Some("leave it out; values are read by the type of their key".to_owned()),
        ),
        Error::Unexpected { expected, .. } => (
            yaml(&match *expected {
                "string scalar" => "text is expected here".to_owned(),
                "sequence start" => "a list is expected here".to_owned(),
                "mapping start" => "a mapping is expected here".to_owned(),
                other => format!("{other} is expected here"),
            }),
            None,
        ),
        Error::NullIntoString { .. } => (
            yaml("text is expected here"),
            Some("write '' for empty text".to_owned()),
        ),
        Error::SerdeInvalidType { expected, .. } | Error::SerdeInvalidValue { expected, .. } => {
            (yaml(&format!("{expected} is expected here")), None)
        }
        Error::InvalidBooleanStrict { .. } => (yaml("`true` or `false` is expected here"), None),
        Error::Budget { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => (
            yaml("the document is nested too deeply, or unfolds to too much"),
            None,
        ),
        Error::UnknownAnchor { .. } => (
            yaml("this alias refers to no anchor"),
            Some("text that begins with `*` or `&` has to stand in quotes".to_owned()),
        ),
        Error::Eof { .. } => (yaml("the document is empty"), None),
        Error::Message { msg, .. } | Error::SerdeVariantId { msg, .. } => {
            let (message, help) = match msg.split_once(REMEDY) {
                Some((message, help)) => (message, Some(help.to_owned())),
                None => (msg.as_str(), None),
            };
            (SliceErrorKind::Value(first_line(message)), help)
        }
        Error::ExternalMessage { msg, .. } => (yaml(&first_line(msg)), None),
        // The rest has neither data nor a better wording; the position that follows ours is cut off.
        other => {
            let text = other.to_string();
            (
                yaml(&first_line(text.split(" at line ").next().unwrap_or(&text))),
                None,
            )
        }
    }
}

fn first_line(message: &str) -> String {
    let line = message.lines().next().unwrap_or(message);
    let mut cut: String = line.chars().filter(|c| !c.is_control()).take(300).collect();
    if line.chars().nth(300).is_some() {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_items_are_found_by_their_path() {
        let text = "a: 1\nlist:\n  - x\n  - other\nmap:\n  /usr/**: { mode: 0755 }\n  bare:\n";
        let at = |path: &[&str]| locate(text, path).map(|s| (s.line, s.column, s.length));
        assert_eq!(at(&["list", "other"]), Some((4, 5, 5)));
        assert_eq!(at(&["map", "/usr/**", "mode"]), Some((6, 14, 4)));
        assert_eq!(at(&["map", "bare"]), Some((7, 3, 4)));
        assert_eq!(at(&["map", "missing"]), at(&["map"]));
        assert_eq!(at(&["nothing"]), None);
    }
}
