//! The JSON Schema of a spec, for editors.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::merge::OF_THE_WHOLE;
use crate::spec::Spec;

/// The JSON Schema (draft 2020-12) of a spec as it is written, made from the types that read it, and of what is gone when it is put
/// together: `extends`, `params`, `variants`, and `null` for what is not inherited. Its keys are sorted, so it is the same
/// value and the same text every time.
///
/// ```
/// let schema = mikron_spec::schema();
/// assert_eq!(schema["title"], "Mikron spec");
/// assert_eq!(schema["properties"]["mikron"]["$ref"], "#/$defs/SchemaVersion");
/// ```
pub fn schema() -> serde_json::Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<Spec>().to_value();
    // A spec may inherit its name, or be a part that has none.
    schema["required"] = json!(["mikron"]);
    let mut properties: Map<String, Value> = match &mut schema["properties"] {
        Value::Object(properties) => std::mem::take(properties),
        _ => Map::new(),
    };
    for (key, value) in &mut properties {
        if key != "mikron" {
            let description = value.get("description").cloned();
            *value = json!({ "anyOf": [value.take(), { "type": "null" }] });
            if let Some(description) = description {
                value["description"] = description;
            }
        }
    }
    let names = |description: &str| {
        json!({
            "description": description, "type": "array", "items": { "type": "string", "minLength": 1 },
        })
    };
    let is_of_a_variant = |key: &str| !OF_THE_WHOLE.contains(&key);
    let mut of_a_variant = properties.clone();
    of_a_variant.retain(|key, _| is_of_a_variant(key));
    let extends = names("Variants of this spec that this one is put on top of.");
    of_a_variant.insert("extends".to_owned(), extends);
    schema["$defs"]["Variant"] = json!({
        "description": "A spec in part, which is put on top of the spec",
        "type": "object", "properties": of_a_variant, "additionalProperties": false,
    });
    let extends = "Specs that this one is put on top of: `builtin/NAME`, or files relative to this one. Later ones win over earlier ones.";
    properties.insert("extends".to_owned(), names(extends));
    let params = json!({
        "description": "Values that stand for `${NAME}` in the values of this spec; null for one without a default.",
        "type": "object",
        "additionalProperties": { "type": ["string", "number", "boolean", "null"] },
    });
    properties.insert("params".to_owned(), params);
    let variants = json!({
        "description": "Further images, by the tags that they get.",
        "type": "object", "additionalProperties": { "$ref": "#/$defs/Variant" },
    });
    properties.insert("variants".to_owned(), variants);
    schema["properties"] = Value::Object(properties);
    schema
}
