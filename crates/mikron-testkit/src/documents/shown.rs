//! Whether a command says what the page shows: but for what differs from day to day and from archive to archive.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

/// What is masked on both sides, and what stands in its place.
static MASKS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let masks = [
        (r"sha256:[0-9a-f…]+", "sha256:…"),
        (r"\b[0-9][0-9.,]* ?(B|kB|MB|GB|kiB|MiB|GiB)\b", "…"),
        (r"\b[0-9.]+ (s|ms)\b", "…"),
        (
            r"\b[0-9]+ (packages?|layers?|entries|files?|maintainer scripts?|capabilit(y|ies)|archives?)\b",
            "… $1",
        ),
        (
            r"\b([0-9]+:)?[0-9]+[0-9A-Za-z.+~]*-[0-9][0-9A-Za-z.+~]*",
            "…",
        ),
        (r"[ \t]+", " "),
    ];
    let compile = |(mask, to)| (Regex::new(mask).expect("a constant"), to);
    masks.into_iter().map(compile).collect()
});

fn masked(line: &str) -> String {
    let all = MASKS.iter();
    let line = all.fold(line.trim().to_owned(), |line, (mask, to)| {
        mask.replace_all(&line, *to).into_owned()
    });
    line.trim().to_owned()
}

/// The first line of what is shown that the command did not say in its place; of JSON the key. Sizes, digests, times, versions, counts
/// and progress do not matter.
///
/// # Panics
/// Never: the patterns are constants, or texts that were escaped.
pub fn missing(shown: &str, said: &str) -> Option<String> {
    if shown.trim_start().starts_with(['{', '[']) {
        return differs(shown, said);
    }
    let progress = ["fetching ", "reading ", "packing ", "solving "];
    let said: Vec<String> = said
        .lines()
        .filter(|line| !progress.iter().any(|word| line.starts_with(word)))
        .map(masked)
        .filter(|line| !line.is_empty())
        .collect();
    let mut rest = said.iter();
    let mut anywhere = false;
    for line in shown.lines().filter(|line| !line.trim().is_empty()) {
        if line.trim() == "…" {
            anywhere = true;
            continue;
        }
        let pattern = regex::escape(&masked(line)).replace('…', ".*");
        let pattern = Regex::new(&format!("^{pattern}$")).expect("an escaped text");
        let found = if anywhere {
            rest.any(|said| pattern.is_match(said))
        } else {
            rest.next().is_some_and(|said| pattern.is_match(said))
        };
        if !found {
            return Some(line.to_owned());
        }
        anywhere = false;
    }
    match rest.next() {
        Some(more) if !anywhere => Some(format!("(the page does not show) {more}")),
        _ => None,
    }
}

/// What of shown JSON the JSON that was said does not have: a key, or a value of the same kind.
fn differs(shown: &str, said: &str) -> Option<String> {
    let read = |text: &str| serde_json::from_str::<Value>(text).map_err(|error| error.to_string());
    match (read(shown), read(said)) {
        (Ok(shown), Ok(said)) => lacks(&shown, &said).map(|path| format!("`{path}` of the JSON")),
        (Err(error), _) | (_, Err(error)) => Some(error),
    }
}

/// The first key of what is shown that the other has not, or has of another kind; of a list each item has to be like one of the other's.
pub fn lacks(shown: &Value, said: &Value) -> Option<String> {
    let inside = |name: &str, path: String| format!("{name}.{path}");
    match (shown, said) {
        (Value::Object(shown), Value::Object(said)) => shown.iter().find_map(|(key, value)| {
            let Some(there) = said.get(key) else {
                return Some(key.clone());
            };
            lacks(value, there).map(|path| inside(key, path))
        }),
        (Value::Array(shown), Value::Array(said)) => shown.iter().find_map(|value| {
            let all = said.iter().map(|there| lacks(value, there));
            let fewest = all.fold(Some("[]".to_owned()), Option::and);
            fewest.map(|path| inside("[]", path))
        }),
        (Value::String(_), Value::String(_))
        | (Value::Number(_), Value::Number(_))
        | (Value::Bool(_), Value::Bool(_))
        | (Value::Null, _) => None,
        _ => Some("(another kind)".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_digests_times_and_versions_are_passed_over_and_nothing_else() {
        let shown = "web sha256:40e3… (manifest)\n  linux/amd64  9.95 MB unpacked  9 packages\n…\nnginx 1.22.1-9+deb12u9 is in it\n";
        let said = format!(
            "fetching x\nweb sha256:{} (manifest)\n  linux/amd64  1 kB unpacked  2 packages\na\nb\nnginx 1.22.1-9 is in it\n",
            "0".repeat(64)
        );
        assert_eq!(missing(shown, &said), None);
        for (from, to) in [
            ("(manifest)", "(index)"),
            ("a\nb\nnginx", "apache"),
            ("is in it\n", "is in it\nmore\n"),
            ("linux/amd64", "linux/arm64"),
        ] {
            assert!(missing(shown, &said.replace(from, to)).is_some(), "{from}");
        }
        assert_eq!(missing("a … c\n", "a b c\n"), None);
        assert!(missing("a … c\n", "a b d\n").is_some());
    }

    #[test]
    fn json_is_compared_by_its_keys_and_kinds() {
        let shown = r#"{ "name": "web", "layers": [{ "size": 1 }] }"#;
        let said = r#"{ "name": "x", "more": 1, "layers": [{ "a": 1 }, { "size": 5, "b": 1 }] }"#;
        assert_eq!(missing(shown, said), None);
        for (from, to) in [("size", "sizes"), ("\"x\"", "7"), ("name", "names")] {
            assert!(missing(shown, &said.replace(from, to)).is_some(), "{from}");
        }
        assert!(missing(shown, "no JSON").is_some());
    }
}
