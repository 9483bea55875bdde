//! The one module that knows which YAML library is used.
//!
//! A file is read straight into its types, which carry no positions: a release has hundreds of files and hardly any of them
//! is wrong. Where something is, the text is read again for the place of one key or item ([`mikron_yaml::locate_key`]).

use std::fmt;
use std::marker::PhantomData;

use mikron_yaml::{Span, list, nearest, options, shown};
use serde::de::{self, DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_yaml::Error;

use crate::{SliceError, SliceErrorKind};

/// Reads a document into its types.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, SliceError> {
    serde_yaml::from_str_with_options(text, options()).map_err(|error| translate(text, &error))
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
    let span = error.location().map(|l| Span::from(l).on_its_line(text));
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
