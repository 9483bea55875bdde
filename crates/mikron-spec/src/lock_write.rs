//! The text of a lock. Written by hand so that it never changes with a library: a lock is kept under version control, and
//! its digest is over this text.

use std::fmt::Write as _;

use mikron_package::Digest;
use serde_json::Value;

use crate::lock::{Lock, LockedPackage, LockedSuite};

/// The lock as text, with or without its own digest.
pub(crate) fn write(lock: &Lock, digest: Option<Digest>) -> String {
    let mut out = Writer::default();
    out.raw("# Written by `mikron lock`; run it again instead of editing this file.");
    out.line(0, "mikron-lock", &Lock::VERSION.to_string());
    if let Some(digest) = digest {
        out.line(0, "digest", &digest.to_string());
    }
    out.line(0, "name", &word(&lock.name));
    out.line(0, "epoch", &quoted(&lock.epoch.to_string()));
    request(&mut out, lock);
    if let Some(base) = &lock.base {
        out.line(0, "base", "");
        out.line(1, "image", &word(&base.image.to_string()));
        out.line(1, "digest", &base.digest.to_string());
    }
    out.list(0, "sources", "{}", lock.sources.is_empty());
    for (name, source) in &lock.sources {
        out.line(1, &word(name), "");
        out.list(2, "suites", "[]", source.suites.is_empty());
        let mut suites: Vec<_> = source.suites.iter().collect();
        suites.sort_by_key(|suite| (&suite.suite, &suite.archive));
        for one in suites {
            suite(&mut out, one);
        }
    }
    out.list(0, "platforms", "{}", lock.platforms.is_empty());
    for (platform, content) in &lock.platforms {
        out.line(1, &word(&platform.to_string()), "");
        out.list(2, "packages", "[]", content.packages.is_empty());
        let mut packages: Vec<_> = content.packages.iter().collect();
        packages.sort_by_key(|p| (&p.name, &p.arch, p.version.as_str()));
        for one in packages {
            package(&mut out, one);
        }
    }
    out.0
}

fn request(out: &mut Writer, lock: &Lock) {
    let request = &lock.request;
    out.line(0, "request", "");
    out.line(1, "select", &request.select.to_string());
    if !request.definitions.is_empty() {
        out.line(1, "definitions", &flow(&request.definitions));
    }
    for (key, names) in [
        ("rules", &request.rules),
        ("with", &request.with),
        ("without", &request.without),
    ] {
        if !names.is_empty() {
            out.line(1, key, &flow(names));
        }
    }
    out.list(1, "packages", "[]", request.packages.is_empty());
    let mut packages: Vec<_> = request.packages.iter().collect();
    packages.sort_by_cached_key(ToString::to_string);
    for package in packages {
        out.raw(&format!("  - {}", flow(package)));
    }
    out.list(1, "sources", "{}", request.sources.is_empty());
    for (name, source) in &request.sources {
        out.line(2, &word(name), &flow(source));
    }
}

fn suite(out: &mut Writer, suite: &LockedSuite) {
    out.raw(&format!("    - suite: {}", word(&suite.suite)));
    if !suite.archive.is_empty() {
        out.line(3, "archive", &word(&suite.archive));
    }
    out.line(3, "release", "");
    out.line(4, "path", &word(&suite.release.path));
    out.line(4, "digest", &suite.release.digest.to_string());
    out.line(4, "date", &quoted(&suite.release.date.to_string()));
    if let Some(until) = suite.release.valid_until {
        out.line(4, "valid-until", &quoted(&until.to_string()));
    }
    out.list(3, "indexes", "[]", suite.indexes.is_empty());
    let mut indexes: Vec<_> = suite.indexes.iter().collect();
    indexes.sort();
    for index in indexes {
        out.raw(&format!("      - path: {}", word(&index.path)));
        out.line(4, "digest", &index.digest.to_string());
        out.line(4, "size", &index.size.to_string());
    }
}

fn package(out: &mut Writer, package: &LockedPackage) {
    out.raw(&format!("    - name: {}", word(package.name.as_str())));
    out.line(3, "version", &quoted(package.version.as_str()));
    out.line(3, "arch", &word(&package.arch));
    out.line(3, "role", package.role.as_str());
    out.line(3, "source", &word(&package.source));
    out.line(3, "location", &word(&package.location));
    out.line(3, "size", &package.size.to_string());
    out.line(3, "digest", &package.digest.to_string());
    if let Some(selection) = &package.selection {
        out.line(3, "selection", "");
        out.line(4, "files", &selection.files.to_string());
        out.line(4, "digest", &selection.digest.to_string());
    }
}

#[derive(Default)]
struct Writer(String);

impl Writer {
    fn raw(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    /// `key: value` at a depth; without a value, the head of what follows.
    fn line(&mut self, depth: usize, key: &str, value: &str) {
        let space = if value.is_empty() { "" } else { " " };
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "{}{key}:{space}{value}", "  ".repeat(depth));
    }

    /// The head of a list or mapping, or the empty one.
    fn list(&mut self, depth: usize, key: &str, empty: &str, is_empty: bool) {
        self.line(depth, key, if is_empty { empty } else { "" });
    }
}

/// Words that some YAML reader takes for something else than text.
const RESERVED: [&str; 9] = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];

/// Text without quotes where every YAML reader takes it for the same text, else in quotes.
fn word(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "._+~/:@-".contains(c);
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(safe)
        && !text.ends_with(':')
        && !RESERVED.contains(&text.to_ascii_lowercase().as_str());
    if plain { text.to_owned() } else { quoted(text) }
}

/// Text in double quotes (YAML 1.2, 7.3.1); all that is not printable ASCII is escaped.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        // Writing to a String cannot fail.
        let _ = match c {
            '"' => write!(out, "\\\""),
            '\\' => write!(out, "\\\\"),
            ' '..='~' => write!(out, "{c}"),
            c if u32::from(c) <= 0xffff => write!(out, "\\u{:04x}", u32::from(c)),
            c => write!(out, "\\U{:08x}", u32::from(c)),
        };
    }
    out.push('"');
    out
}

/// A value on one line. Keys come out sorted: a `serde_json::Value` keeps them so.
fn flow<T: serde::Serialize>(value: &T) -> String {
    // What is written here has text keys only and no floats, which is all that could fail.
    serde_json::to_value(value).map_or_else(|_| "{}".to_owned(), |value| flow_value(&value))
}

fn flow_value(value: &Value) -> String {
    match value {
        Value::String(text) => word(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(flow_value).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(map) => {
            let pairs: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{}: {}", word(key), flow_value(value)))
                .collect();
            format!("{{ {} }}", pairs.join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_text_to_every_reader_stands_without_quotes() {
        assert_eq!(word("libc6"), "libc6");
        assert_eq!(word("sha256:00"), "sha256:00");
        assert_eq!(word("pool/main/g/g++/g++.deb"), "pool/main/g/g++/g++.deb");
        for text in [
            "no", "Yes", "1.10", "7zip", "", "a b", "a: b", "-", "~", "a:", "*a", "é",
        ] {
            assert!(word(text).starts_with('"'), "{text}");
        }
        assert_eq!(
            quoted("a\"\\\n\u{7f}é\u{1f600}"),
            r#""a\"\\\u000a\u007f\u00e9\U0001f600""#
        );
    }
}
