//! The one module of this crate that knows which YAML library is used: for tables of rules and definitions.

use mikron_package::{LimitExceeded, Limits};
use serde::de::DeserializeOwned;

use crate::RulesError;

/// Reads one document; duplicate and unknown keys are errors, and so are bombs.
pub(crate) fn read<T: DeserializeOwned>(
    file: &str,
    text: &str,
    limits: &Limits,
) -> Result<T, RulesError> {
    let wrong = |line: u64, column: u64, message: String| RulesError::Yaml {
        file: file.to_owned(),
        line,
        column,
        message,
    };
    LimitExceeded::check("spec", text.len() as u64, limits.spec)
        .map_err(|exceeded| wrong(0, 0, exceeded.to_string()))?;
    let options = serde_yaml::options! {
        with_snippet: false,
        reject_unsupported_tags: true,
        strict_booleans: true,
        budget: serde_yaml::budget! {
            max_depth: 16,
            flow_nesting_limit: 32,
            max_documents: 1,
            max_aliases: 100,
            max_anchors: 100,
        },
    };
    serde_yaml::from_str_with_options(text, options).map_err(|error| {
        let place = error.location();
        let (line, column) = place.map_or((0, 0), |place| (place.line(), place.column()));
        wrong(line, column, error.to_string())
    })
}
