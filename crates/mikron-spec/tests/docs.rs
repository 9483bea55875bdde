//! The reference against the parser: what it shows is accepted, and it names every key.

mod common;

use std::collections::BTreeSet;
use std::fs;

use common::{HEAD, parse};
use serde_json::Value;

fn page(name: &str) -> String {
    let path = format!("{}/../../{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The code blocks of a page that are in this language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let parts = page.split(&fence).skip(1);
    parts
        .map(|part| part.split("```").next().unwrap_or("").to_owned())
        .collect()
}

#[test]
fn what_the_pages_show_is_accepted() {
    let mut count = 0;
    for name in ["docs/spec.md", "docs/tutorial.md", "README.md"] {
        for block in blocks(&page(name), "yaml") {
            let top = |key: &str| block.lines().any(|line| line.starts_with(key));
            let text = if top("mikron:") {
                block
            } else if top("sources:") {
                format!("mikron: 1\nname: test\n{block}")
            } else if top("packages:") {
                format!("{HEAD}{block}")
            } else {
                // `packages` so that names of users may come from them.
                format!("{HEAD}packages: [nginx]\n{block}")
            };
            if let Err(error) = parse(&text) {
                panic!("{name}: {error}\n{text}");
            }
            count += 1;
        }
    }
    assert!(count >= 7, "{count}");
}

#[test]
fn the_reference_names_every_key_and_every_word() {
    fn words(schema: &Value, found: &mut BTreeSet<String>) {
        match schema {
            Value::Object(map) => {
                for key in map
                    .get("properties")
                    .and_then(Value::as_object)
                    .into_iter()
                    .flatten()
                {
                    found.insert(key.0.clone());
                }
                for word in map
                    .get("enum")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                {
                    found.extend(word.as_str().map(str::to_owned));
                }
                if let Some(word) = map.get("const").and_then(Value::as_str) {
                    found.insert(word.to_owned());
                }
                map.values().for_each(|inner| words(inner, found));
            }
            Value::Array(items) => items.iter().for_each(|inner| words(inner, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    words(&mikron_spec::schema(), &mut found);
    assert!(found.len() > 60, "{found:?}");
    let page = page("docs/spec.md");
    let missing: Vec<_> = found
        .iter()
        .filter(|w| !page.contains(&format!("`{w}`")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
