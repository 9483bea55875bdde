//! Other YAML documents of the product, read with the same care as a spec.

use serde::de::DeserializeOwned;

use crate::error::{Document, SpecError};
use crate::yaml;

/// Reads a document of at most `limit` bytes into its types, with the errors of [`crate::Spec::parse`]: duplicate keys,
/// several documents, aliases without end and wrong types are refused with the place. `file` is only used in messages.
///
/// ```
/// #[derive(serde::Deserialize)]
/// struct Settings {
///     quota: u64,
/// }
/// let settings: Settings = mikron_spec::read_document("config.yaml", "quota: 5\n", 100)?;
/// assert_eq!(settings.quota, 5);
/// # Ok::<(), mikron_spec::SpecError>(())
/// ```
///
/// # Errors
/// When the document is too large, not well-formed, or does not fit the type.
pub fn read_document<T: DeserializeOwned>(
    file: &str,
    text: &str,
    limit: u64,
) -> Result<T, SpecError> {
    let document = Document::new(file, text);
    yaml::check(&document, limit)?;
    yaml::read(&document)
}
