//! The JSON Schema against the parser and the examples.

mod common;

use std::collections::BTreeSet;

use common::{examples, parse};
use mikron_spec::{Spec, schema};
use serde_json::Value;

/// Whether `value` fits `schema`, by the keywords that the schema uses; the first fault otherwise.
fn fits(root: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let Value::Object(keywords) = schema else {
        return if schema == &Value::Bool(true) {
            Ok(())
        } else {
            Err(format!("{at}: nothing"))
        };
    };
    for (keyword, rule) in keywords {
        let holds = match keyword.as_str() {
            "$ref" => {
                let name = rule
                    .as_str()
                    .and_then(|r| r.strip_prefix("#/$defs/"))
                    .expect("a ref");
                return fits(root, &root["$defs"][name], value, at);
            }
            "type" => types(rule).iter().any(|t| is_type(value, t)),
            "const" => value == rule,
            "enum" => rule.as_array().expect("a list").contains(value),
            "anyOf" | "oneOf" => {
                let rules = rule.as_array().expect("a list");
                let good = rules
                    .iter()
                    .filter(|r| fits(root, r, value, at).is_ok())
                    .count();
                if keyword == "oneOf" {
                    good == 1
                } else {
                    good > 0
                }
            }
            "properties" => {
                for (key, inner) in rule.as_object().expect("a mapping") {
                    if let Some(part) = value.get(key) {
                        fits(root, inner, part, &format!("{at}.{key}"))?;
                    }
                }
                true
            }
            "additionalProperties" => {
                let known = &schema["properties"];
                let others = value.as_object().into_iter().flatten();
                for (key, part) in others.filter(|(key, _)| known.get(*key).is_none()) {
                    fits(root, rule, part, &format!("{at}.{key}"))?;
                }
                true
            }
            "required" => rule
                .as_array()
                .expect("a list")
                .iter()
                .all(|key| value.get(key.as_str().expect("text")).is_some()),
            "items" => {
                for (i, part) in value.as_array().into_iter().flatten().enumerate() {
                    fits(root, rule, part, &format!("{at}[{i}]"))?;
                }
                true
            }
            "minimum" => value
                .as_f64()
                .is_none_or(|n| n >= rule.as_f64().expect("a number")),
            "maximum" => value
                .as_f64()
                .is_none_or(|n| n <= rule.as_f64().expect("a number")),
            "minItems" => value
                .as_array()
                .is_none_or(|a| a.len() as u64 >= rule.as_u64().unwrap_or(0)),
            "minLength" => value
                .as_str()
                .is_none_or(|s| s.len() as u64 >= rule.as_u64().unwrap_or(0)),
            // Patterns are tested by the parser; the rest says nothing about values.
            "pattern" | "uniqueItems" | "title" | "description" | "default" | "$schema"
            | "$defs" | "format" => true,
            other => panic!("this test does not know the keyword `{other}`"),
        };
        if !holds {
            return Err(format!("{at}: {value} does not fit {keyword}: {rule}"));
        }
    }
    Ok(())
}

fn types(rule: &Value) -> Vec<&str> {
    match rule {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        other => panic!("{other}"),
    }
}

fn is_type(value: &Value, name: &str) -> bool {
    match name {
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        other => panic!("{other}"),
    }
}

fn check(value: &Value) -> Result<(), String> {
    let schema = schema();
    fits(&schema, &schema, value, "spec")
}

#[test]
fn every_example_fits_the_schema_and_survives_the_way_through_yaml() {
    for (name, text) in examples() {
        let spec = parse(&text).unwrap_or_else(|error| panic!("{error}"));
        // As it is written, read by a YAML reader that knows no types.
        let untyped: Value = serde_yaml::from_str(&text).expect("YAML");
        check(&untyped).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        // As a program writes it.
        let value = serde_json::to_value(&spec).expect("a spec is JSON");
        check(&value).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        let yaml = spec.to_yaml();
        let again = parse(&yaml).unwrap_or_else(|error| panic!("{name}: {error}\n{yaml}"));
        assert_eq!(again, spec, "{name}");
    }
}

#[test]
fn the_example_of_the_readme_is_short_and_says_what_it_should() {
    let (_, text) = examples()
        .into_iter()
        .find(|(name, _)| name == "nginx.yaml")
        .expect("nginx");
    assert!(text.lines().count() <= 20);
    let spec = parse(&text).expect("a good example");
    assert_eq!(
        spec.image.entrypoint,
        ["/usr/sbin/nginx", "-g", "daemon off;"]
    );
    let ports: Vec<String> = spec.image.ports.iter().map(ToString::to_string).collect();
    assert_eq!(ports, ["80/tcp", "443/tcp"]);
}

/// The keys that the parser lists when it meets one it does not know, at each place that has keys.
fn keys_of_the_parser(rest: &str) -> BTreeSet<String> {
    let error = common::bad(rest);
    match error.kind {
        mikron_spec::SpecErrorKind::Yaml(mikron_yaml::YamlErrorKind::UnknownKey {
            known, ..
        }) => known.into_iter().collect(),
        other => panic!("{other:?}"),
    }
}

fn keys_of_the_schema(schema: &Value) -> BTreeSet<String> {
    let properties = schema["properties"].as_object().expect("properties");
    assert_eq!(schema["additionalProperties"], false, "{schema}");
    properties.keys().cloned().collect()
}

#[test]
fn the_schema_lists_the_keys_that_the_parser_knows() {
    let schema = schema();
    let defs = &schema["$defs"];
    assert_eq!(keys_of_the_parser("zzz: 1\n"), keys_of_the_schema(&schema));
    for (rest, name) in [
        ("image: { zzz: 1 }\n", "ImageSpec"),
        ("layers: { zzz: 1 }\n", "Layers"),
        ("accounts: { zzz: 1 }\n", "Accounts"),
        ("accounts: { users: [{ zzz: 1 }] }\n", "User"),
        ("accounts: { groups: [{ zzz: 1 }] }\n", "Group"),
        ("files: [{ zzz: 1 }]\n", "FileEntry"),
    ] {
        assert_eq!(
            keys_of_the_parser(rest),
            keys_of_the_schema(&defs[name]),
            "{name}"
        );
    }
    let variant = keys_of_the_parser("variants: { a: { zzz: 1 } }\n");
    assert_eq!(variant, keys_of_the_schema(&defs["Variant"]));
    let package = &defs["PackageRequest"]["anyOf"][1];
    assert_eq!(
        keys_of_the_parser("packages: [{ zzz: 1 }]\n"),
        keys_of_the_schema(package)
    );
    let error = parse("mikron: 1\nname: a\nsources: { a: { zzz: 1 } }\n").unwrap_err();
    let mikron_spec::SpecErrorKind::Yaml(mikron_yaml::YamlErrorKind::UnknownKey { known, .. }) =
        error.kind
    else {
        panic!("{error}");
    };
    let known: BTreeSet<String> = known.into_iter().collect();
    assert_eq!(known, keys_of_the_schema(&defs["Source"]));
}

#[test]
fn every_key_of_the_schema_is_described() {
    fn walk(at: &str, schema: &Value, root: &Value) {
        for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
            let by_ref = inner["$ref"]
                .as_str()
                .and_then(|r| r.strip_prefix("#/$defs/"));
            let described = inner["description"].is_string()
                || by_ref.is_some_and(|name| root["$defs"][name]["description"].is_string())
                || inner["anyOf"].is_array();
            assert!(described, "{at}.{key}: {inner}");
        }
    }
    let schema = schema();
    walk("spec", &schema, &schema);
    for (name, inner) in schema["$defs"].as_object().expect("definitions") {
        walk(name, inner, &schema);
    }
}

#[test]
fn what_the_schema_refuses_the_parser_refuses_too() {
    for text in [
        "mikron: 2\nname: a\n",
        "name: a\n",
        "mikron: 1\nname: a\nextends: x\n",
        "mikron: 1\nname: a\nvariants: { a: { name: b } }\n",
        "mikron: 1\nname: a\nkind: x\n",
        "mikron: 1\nname: a\nimage: []\n",
        "mikron: 1\nname: a\nplatforms: [linux/mips]\n",
        "mikron: 1\nname: a\nlayers: { limit: 0 }\n",
        "mikron: 1\nname: a\nsources: { a: { deb: bookworm, apk: 'https://example.org' } }\n",
        "mikron: 1\nname: a\nfiles: [{ path: /a, text: b, mode: 420 }]\n",
    ] {
        let value: Value = serde_yaml::from_str(text).expect("YAML");
        assert!(check(&value).is_err(), "{text}");
        assert!(parse(text).is_err(), "{text}");
    }
}

#[test]
fn the_schema_is_the_same_every_time() {
    assert_eq!(schema().to_string(), schema().to_string());
    let _: Spec = Spec::new("a");
}
