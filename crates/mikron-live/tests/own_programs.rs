//! Programs that are compiled here, in images whose specs name no package: what they load is found in Debian's archive.

#![allow(clippy::unwrap_used)] // a test

mod common;

use std::fs;
use std::process::Command;
use std::time::Duration;

use common::builder;
use mikron::Output;
use mikron_live::runtime::{Bundle, Run};
use mikron_testkit::tools::{skip, tool};
use tempfile::TempDir;

/// Compiles a program, builds its image, and gives what it says there; `None` where this machine lacks something.
fn says(compiler: &str, source: (&str, &str), link: &[&str]) -> Option<String> {
    let dir = TempDir::new().unwrap();
    let (name, text) = source;
    fs::write(dir.path().join(name), text).unwrap();
    let compiler = tool(compiler)?;
    let made = Command::new(compiler)
        .current_dir(dir.path())
        .args([name, "-o", "app"])
        .args(link)
        .output()
        .unwrap();
    if !made.status.success() {
        let what = String::from_utf8_lossy(&made.stderr).into_owned();
        skip(&format!("{name} cannot be compiled here: {what}"));
        return None;
    }
    let spec = "mikron: 1\nname: own\nsources:\n  debian: { deb: bookworm }\n\
                files: [{ path: /app, from: app }]\nimage: { entrypoint: [/app] }\n\
                layers: { compression: 'zstd:1' }\n";
    let layout = dir.path().join("layout");
    builder(spec, dir.path())?
        .platform("linux/amd64".parse().unwrap())
        .output(Output::layout(&layout, "latest"))
        .build()
        .unwrap_or_else(|error| panic!("{error}"));
    let bundle = Bundle::extract(&layout)?;
    let finished = bundle
        .start(&Run::default())
        .finish_within(Duration::from_secs(60));
    Some(finished.expect("it ends").well())
}

#[test]
fn a_c_program_parses_xml_by_a_library_that_nobody_named() {
    let source = "#include <stdio.h>\n\
        void *xmlReadMemory(const char *, int, const char *, const char *, int);\n\
        void *xmlDocGetRootElement(void *);\n\
        int main(void) {\n\
          void *doc = xmlReadMemory(\"<a><b/></a>\", 11, \"x\", 0, 0);\n\
          puts(doc && xmlDocGetRootElement(doc) ? \"parsed\" : \"no\");\n\
          return 0; }\n";
    if let Some(said) = says("gcc", ("app.c", source), &["-l:libxml2.so.2"]) {
        assert!(said.contains("parsed"), "{said}");
    }
}

#[test]
fn a_program_hashes_by_openssl() {
    let source = "#include <stdio.h>\n\
        unsigned char *SHA256(const unsigned char *, unsigned long, unsigned char *);\n\
        int main(void) {\n\
          unsigned char sum[32]; SHA256((const unsigned char *)\"abc\", 3, sum);\n\
          for (int i = 0; i < 4; i++) printf(\"%02x\", sum[i]);\n\
          puts(\"\"); return 0; }\n";
    if let Some(said) = says("gcc", ("app.c", source), &["-l:libcrypto.so.3"]) {
        assert!(said.contains("ba7816bf"), "{said}");
    }
}

#[test]
fn a_cpp_program_throws_and_catches() {
    let source = "#include <iostream>\n#include <stdexcept>\n#include <string>\n\
        int main() { try { throw std::runtime_error(std::string(\"caught\")); }\n\
          catch (const std::exception &e) { std::cout << e.what() << std::endl; } }\n";
    if let Some(said) = says("g++", ("app.cpp", source), &[]) {
        assert!(said.contains("caught"), "{said}");
    }
}
