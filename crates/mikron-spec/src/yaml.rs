//! Specs and locks on their way from text to types.
//!
//! A document is read twice: once for its shape ([`check`]: well-formed, one document, no duplicate keys, no bomb), then into its
//! types.

use mikron_package::LimitExceeded;
use mikron_yaml::{Node, YamlError, YamlErrorKind};
use serde::de::DeserializeOwned;

use crate::error::{Document, SpecError, SpecErrorKind};

/// Checks the shape of `document` and gives its top level a look: the tree is for questions that come before types.
pub(crate) fn check(document: &Document<'_>, limit: u64) -> Result<Node, SpecError> {
    check_size(document, "spec", limit)?;
    read(document)
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
    mikron_yaml::read(document.text).map_err(|YamlError { span, kind, help }| {
        let (kind, help) = match &kind {
            YamlErrorKind::UnknownKey { key, known } => {
                ours(key, known).unwrap_or((kind.into(), help))
            }
            YamlErrorKind::MissingKey { key } if key == "mikron" => {
                let help = "begin with `mikron: 1`, the version of the schema";
                (kind.into(), Some(help.to_owned()))
            }
            _ => (kind.into(), help),
        };
        document.error(span, kind, help)
    })
}

/// Keys of the design that a later version will read.
const LATER: [&str; 2] = ["extends", "variants"];

fn ours(key: &str, known: &[String]) -> Option<(SpecErrorKind, Option<String>)> {
    let top = known.iter().any(|name| name == "mikron");
    (top && LATER.contains(&key)).then(|| {
        let help = "write the whole image in one file for now".to_owned();
        (SpecErrorKind::NotYet(key.to_owned()), Some(help))
    })
}
