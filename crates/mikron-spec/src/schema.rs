//! The JSON Schema of a spec, for editors.

use schemars::generate::SchemaSettings;

use crate::spec::Spec;

/// The JSON Schema (draft 2020-12) of a spec, made from the types that read it. Its keys are sorted, so it is the same
/// value and the same text every time.
///
/// ```
/// let schema = mikron_spec::schema();
/// assert_eq!(schema["title"], "Mikron spec");
/// assert_eq!(schema["properties"]["mikron"]["$ref"], "#/$defs/SchemaVersion");
/// ```
pub fn schema() -> serde_json::Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    generator.into_root_schema_for::<Spec>().to_value()
}
