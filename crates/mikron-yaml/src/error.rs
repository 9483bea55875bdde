//! What is wrong with a document: the library's errors with their places, in our words.

use std::fmt;

use serde::de;
use serde_yaml::Error;

use crate::{Excerpt, Span, line, list, nearest, shown};

/// What is wrong with a document, where it stands, and what would have been right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct YamlError {
    /// Where it stands; `None` where it concerns the document as a whole.
    pub span: Option<Span>,
    /// What is wrong.
    pub kind: YamlErrorKind,
    /// What would have been right.
    pub help: Option<String>,
}

/// What is wrong with a table that a person has written (rules, definitions), in which file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {kind}{}", at.place(file), at.below(help.as_deref()))]
pub struct TableError {
    /// The file, as it was named.
    pub file: String,
    /// Where in the file.
    pub at: Excerpt,
    /// What is wrong.
    pub kind: YamlErrorKind,
    /// What would have been right.
    pub help: Option<String>,
}

/// What is wrong with a document, as one sentence without a full stop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum YamlErrorKind {
    /// The text is not YAML.
    #[error("{0}")]
    Syntax(String),
    /// The text is larger than is allowed.
    #[error("the file is larger than {allowed} bytes ({found})")]
    TooLarge {
        /// How many bytes are allowed.
        allowed: u64,
        /// How many there are.
        found: u64,
    },
    /// Aliases or nesting ask for more work than a document deserves.
    #[error("{0}")]
    TooComplex(&'static str),
    /// The stream holds more than one document.
    #[error("the file holds more than one document")]
    SeveralDocuments,
    /// A tag (`!name`) stands before a value.
    #[error("the tag `{0}` has no meaning here")]
    Tag(String),
    /// A key that nobody reads.
    #[error("unknown key `{key}`")]
    UnknownKey {
        /// The key.
        key: String,
        /// The keys that are known in this place.
        known: Vec<String>,
    },
    /// A key that stands twice in one mapping.
    #[error("the key `{key}` stands here twice")]
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// A key that has to be there and is not.
    #[error("the key `{key}` is missing")]
    MissingKey {
        /// The key.
        key: String,
    },
    /// A word where only certain words are allowed.
    #[error("`{value}` is not one of {}", list(known.iter().map(String::as_str)))]
    UnknownValue {
        /// The word.
        value: String,
        /// The words that are known in this place.
        known: Vec<String>,
    },
    /// A list where text belongs, and the like.
    #[error("{expected} is expected here{}", found.as_ref().map_or(String::new(), |f| format!(", not {f}")))]
    WrongType {
        /// What belongs here, with its article.
        expected: String,
        /// What stands here, where that is known.
        found: Option<String>,
    },
    /// A value of the right type that cannot be used; the text says why.
    #[error("{0}")]
    Invalid(String),
}

impl YamlErrorKind {
    /// A key that nobody reads, and which one may have been meant.
    pub fn unknown_key(field: &str, known: &[&str]) -> (Self, Option<String>) {
        let help = match nearest(field, known.iter().copied()) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("known here: {}", list(known.iter().copied())),
        };
        let kind = Self::UnknownKey {
            key: shown(field),
            known: owned(known),
        };
        (kind, Some(help))
    }
}

/// Separates message and help inside the one string that serde carries. Messages show control characters escaped, so none
/// holds this one.
const SEPARATOR: char = '\u{1}';

/// An error of a type's own reading, with what would have been right (nothing where it is empty), on its way through serde.
///
/// ```
/// # use serde::de::{self, Deserializer};
/// struct Port(u16);
/// impl<'de> serde::Deserialize<'de> for Port {
///     fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
///         match u16::deserialize(deserializer)? {
///             0 => Err(mikron_yaml::custom("0 is no port", "ports begin with 1")),
///             port => Ok(Self(port)),
///         }
///     }
/// }
/// let error = mikron_yaml::read::<Vec<Port>>("- 80\n- 0\n").err().expect("no port");
/// assert_eq!(error.to_string(), "0 is no port");
/// assert_eq!(error.help.as_deref(), Some("ports begin with 1"));
/// assert_eq!(error.span.map(|span| span.line), Some(2));
/// ```
pub fn custom<E: de::Error>(message: impl fmt::Display, help: &str) -> E {
    if help.is_empty() {
        E::custom(message)
    } else {
        E::custom(format_args!("{message}{SEPARATOR}{help}"))
    }
}

/// Takes apart what [`custom`] has put together.
fn split(text: &str) -> (String, Option<String>) {
    match text.split_once(SEPARATOR) {
        Some((message, help)) => (message.to_owned(), Some(help.to_owned())),
        None => (text.to_owned(), None),
    }
}

/// Turns an error of the library into ours: the same data, in our words.
pub(crate) fn translate(text: &str, error: &Error) -> YamlError {
    if let Error::AliasError { error, .. } = error {
        return translate(text, error);
    }
    let place = error.location();
    let span = place.map(|location| Span::from(location).on_its_line(text));
    let (kind, help) = explain(text, error, span);
    YamlError { span, kind, help }
}

fn explain(text: &str, error: &Error, span: Option<Span>) -> (YamlErrorKind, Option<String>) {
    let wrong_type = |expected: &str, found: Option<String>, help: Option<&str>| {
        let expected = expected.to_owned();
        let kind = YamlErrorKind::WrongType { expected, found };
        (kind, help.map(str::to_owned))
    };
    let complex = |message| (YamlErrorKind::TooComplex(message), None);
    match error {
        Error::SerdeUnknownField {
            field, expected, ..
        } => YamlErrorKind::unknown_key(field, expected),
        Error::DuplicateMappingKey { key, .. } => {
            let key = shown(key.as_deref().unwrap_or("?"));
            let help = Some("keep one of them".to_owned());
            (YamlErrorKind::DuplicateKey { key }, help)
        }
        Error::SerdeMissingField { field, .. } => {
            let key = (*field).to_owned();
            (YamlErrorKind::MissingKey { key }, None)
        }
        Error::SerdeUnknownVariant {
            variant, expected, ..
        } => {
            let near = nearest(variant, expected.iter().copied());
            let kind = YamlErrorKind::UnknownValue {
                value: shown(variant),
                known: owned(expected),
            };
            (kind, near.map(|name| format!("did you mean `{name}`?")))
        }
        Error::MultipleDocuments { .. } => several_documents(),
        Error::UnsupportedTag { tag, .. } | Error::TaggedStructFieldName { tag, .. } => tag_of(tag),
        Error::InvalidBinaryBase64 { .. } | Error::BinaryNotUtf8 { .. } => tag_of("!!binary"),
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
            let found = span.and_then(|span| word_at(text, span));
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
            YamlErrorKind::Syntax("this alias refers to no anchor".to_owned()),
            Some("text that begins with `*` or `&` has to stand in quotes".to_owned()),
        ),
        Error::Eof { .. } => (
            YamlErrorKind::Syntax("the document is empty".to_owned()),
            None,
        ),
        Error::Message { msg, .. } | Error::SerdeVariantId { msg, .. } => {
            let (message, help) = split(msg);
            (YamlErrorKind::Invalid(message), help)
        }
        Error::ExternalMessage { msg, .. } if msg.contains("recursion limit") => {
            complex("the document is nested too deeply")
        }
        Error::ExternalMessage { msg, .. } => (YamlErrorKind::Syntax(first_line(msg)), None),
        // The rest has neither data nor a better wording; the position that follows ours is cut off.
        other => {
            let text = other.to_string();
            let message = text.split(" at line ").next().unwrap_or(&text);
            (YamlErrorKind::Syntax(first_line(message)), None)
        }
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn tag_of(tag: &str) -> (YamlErrorKind, Option<String>) {
    let help = Some("leave it out; values are read by the type of their key".to_owned());
    (YamlErrorKind::Tag(shown(tag)), help)
}

fn several_documents() -> (YamlErrorKind, Option<String>) {
    let help = Some("one file describes one thing; remove what follows `---`".to_owned());
    (YamlErrorKind::SeveralDocuments, help)
}

fn budget(breach: &serde_yaml::budget::BudgetBreach) -> (YamlErrorKind, Option<String>) {
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
    (YamlErrorKind::TooComplex(message), None)
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
