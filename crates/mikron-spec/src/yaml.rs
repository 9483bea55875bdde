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
    tree(document, 0)
}

/// The tree of `document`, which is number `file` of several.
pub(crate) fn tree(document: &Document<'_>, file: usize) -> Result<Node, SpecError> {
    Node::parse(document.text, file).map_err(|error| of_yaml(document, error))
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
    mikron_yaml::read(document.text).map_err(|error| of_yaml(document, error))
}

fn of_yaml(document: &Document<'_>, error: YamlError) -> SpecError {
    let YamlError { span, kind, help } = error;
    let help = match &kind {
        YamlErrorKind::MissingKey { key } if key == "mikron" => {
            Some("begin with `mikron: 1`, the version of the schema".to_owned())
        }
        _ => help,
    };
    // What is missing in a spec as a whole is missing in none of the files that it is put together out of.
    let is_whole = matches!(kind, YamlErrorKind::MissingKey { .. })
        && span.is_some_and(|span| span.column == 1);
    let span = span.filter(|_| !(is_whole && document.is_composed()));
    document.error(span, kind.into(), help)
}
