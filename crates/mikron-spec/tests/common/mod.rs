//! What several tests share.
#![allow(dead_code)] // each test file uses a part of it

use mikron_package::Limits;
use mikron_spec::{Spec, SpecError};

/// The head that every spec of these tests has.
pub(crate) const HEAD: &str = "mikron: 1\nname: test\nsources:\n  debian: { deb: bookworm }\n";

pub(crate) fn parse(text: &str) -> Result<Spec, SpecError> {
    Spec::parse("test.yaml", text, &Limits::default())
}

/// Parses a spec that consists of the common head and `rest`.
pub(crate) fn with_head(rest: &str) -> Result<Spec, SpecError> {
    parse(&format!("{HEAD}{rest}"))
}

pub(crate) fn good(rest: &str) -> Spec {
    with_head(rest).unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn bad(rest: &str) -> SpecError {
    match with_head(rest) {
        Ok(spec) => panic!("accepted: {spec:?}"),
        Err(error) => error,
    }
}

/// The specs that ship as examples: name and text.
pub(crate) fn examples() -> Vec<(String, String)> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/examples");
    let mut found: Vec<_> = std::fs::read_dir(directory)
        .expect("the examples stand beside the crates")
        .map(|entry| entry.expect("a readable directory").path())
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("a readable example");
            let name = path.file_name().expect("a file has a name");
            (name.to_string_lossy().into_owned(), text)
        })
        .collect();
    found.sort();
    assert!(found.len() >= 5, "examples: {found:?}");
    found
}
