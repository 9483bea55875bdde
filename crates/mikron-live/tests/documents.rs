//! The pages on applications do what they say, with the compilers of the machine, Debian's archive and a Docker engine. Everything else
//! of the documents runs anywhere: `documents.rs` of mikron-cli.

#![allow(clippy::unwrap_used)] // a test

mod common;

use std::path::Path;

use common::{cache, mikron};
use mikron_live::mirror::mirror;
use mikron_live::runtime::Docker;
use mikron_testkit::documents::{Reader, pages};
use mikron_testkit::tools::tool;

/// Plays a page of `docs/how-to`, where the machine has the compiler.
fn page(name: &str, compiler: Option<&str>) {
    let has_compiler = compiler.is_none_or(|compiler| tool(compiler).is_some());
    let (true, Some(mikron), Some(_)) = (has_compiler, mikron(), mirror()) else {
        return;
    };
    let Some(docker) = Docker::start() else {
        return;
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let root = root.canonicalize().unwrap();
    let path = format!("docs/how-to/{name}.md");
    let pages = pages(&root);
    let page = pages.iter().find(|page| page.path == path).unwrap();
    let home = std::env::var("HOME").unwrap_or_default();
    let reader = Reader::new(&mikron, &root, |_, _| {})
        .with("DOCKER_HOST", &docker.host())
        .with("MIKRON_CACHE", &cache().display().to_string())
        // Where rustup keeps its compilers.
        .with("RUSTUP_HOME", &format!("{home}/.rustup"));
    let faults = reader.play(page, &|_| false);
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn a_program_in_rust_says_hello_out_of_its_image() {
    page("rust", Some("rustc"));
}

#[test]
fn a_program_in_go_says_hello_out_of_its_image() {
    page("go", Some("go"));
}

#[test]
fn a_program_in_cpp_says_hello_out_of_its_image() {
    page("cpp", Some("g++"));
}

#[test]
fn a_program_in_python_says_hello_out_of_its_image() {
    page("python", None);
}

#[test]
fn a_server_in_javascript_runs_in_its_image() {
    page("node", None);
}

#[test]
fn a_program_in_java_says_hello_out_of_its_image() {
    page("java", Some("javac"));
}

#[test]
fn a_program_in_php_says_hello_out_of_its_image() {
    page("php", None);
}

#[test]
fn an_image_trusts_an_authority_of_ones_own() {
    page("private-ca", Some("openssl"));
}

#[test]
fn a_program_in_ruby_says_hello_out_of_its_image() {
    page("ruby", None);
}
