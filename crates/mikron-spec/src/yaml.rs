//! The one module that knows which YAML library is used.
//!
//! A document is read twice: once for its shape ([`check`]: well-formed, one document, no duplicate keys, no bomb), then
//! into its types. Positions of what only later checks find are looked up afterwards ([`mikron_yaml::locate_value`]), so that the types
//! themselves carry none.

use mikron_package::LimitExceeded;
use mikron_yaml::{Node, Span, line, list, nearest, options, shown};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_yaml::Error;

use crate::error::{Document, SpecError, SpecErrorKind};
use crate::text::ValueError;

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

/// Turns an error of the library into ours: the same data, in our words.
fn translate(document: &Document<'_>, error: &Error) -> SpecError {
    if let Error::AliasError { error, .. } = error {
        return translate(document, error);
    }
    let span = error
        .location()
        .map(|location| Span::from(location).on_its_line(document.text));
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
            let near = nearest(variant, expected.iter().copied());
            let kind = SpecErrorKind::UnknownValue {
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

fn tag_of(tag: &str) -> (SpecErrorKind, Option<String>) {
    let help = Some("leave it out; values are read by the type of their key".to_owned());
    (SpecErrorKind::Tag(shown(tag)), help)
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

pub(crate) fn unknown_key(field: &str, expected: &[&str]) -> (SpecErrorKind, Option<String>) {
    let top = expected.contains(&"mikron");
    if top && LATER.contains(&field) {
        let help = "write the whole image in one file for now".to_owned();
        return (SpecErrorKind::NotYet(field.to_owned()), Some(help));
    }
    let near = nearest(field, expected.iter().copied());
    let help = match near {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("known here: {}", list(expected.iter().copied())),
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
