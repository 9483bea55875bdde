//! The pages on applications do what they say, with the compilers of the machine, Debian's archive and a Docker engine. Everything else
//! of the documents runs anywhere: `documents.rs` of mikron-cli.

#![allow(clippy::unwrap_used)] // a test

mod common;

use std::path::Path;

use common::{cache, mikron};
use mikron_live::mirror::mirror;
use mikron_live::runtime::Docker;
use mikron_testkit::documents::{Page, Reader, pages};
use mikron_testkit::tools::tool;

/// What pages call, for what their programs are built with.
const COMPILERS: [(&str, &str); 4] = [
    ("go.md", "go"),
    ("rust.md", "rustc"),
    ("cpp.md", "g++"),
    ("java.md", "javac"),
];

#[test]
fn an_application_of_each_language_says_hello_out_of_its_image() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap();
    let (Some(mikron), Some(_), Some(docker)) = (mikron(), mirror(), Docker::start()) else {
        return;
    };
    let able = |page: &Page| {
        let compiler = COMPILERS.iter().find(|(name, _)| page.path.ends_with(name));
        compiler.is_none_or(|(_, compiler)| tool(compiler).is_some())
    };
    let pages = pages(&root);
    let of_languages = pages
        .iter()
        .filter(|page| page.path.starts_with("docs/how-to/"));
    let mut played = 0;
    let mut faults = Vec::new();
    for page in of_languages.filter(|page| able(page)) {
        let variable = |name: &str| std::env::var(name).unwrap_or_default();
        let reader = Reader::new(&mikron, &root, |_, _| {})
            .with("DOCKER_HOST", &docker.host())
            .with("MIKRON_CACHE", &cache().display().to_string())
            // Where rustup keeps its compilers.
            .with("RUSTUP_HOME", &format!("{}/.rustup", variable("HOME")));
        faults.extend(reader.play(page, &|_| false));
        played += 1;
    }
    assert!(
        faults.is_empty() && played > 5,
        "{played} pages\n{}",
        faults.join("\n")
    );
}
