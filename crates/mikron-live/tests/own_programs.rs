//! Programs that are compiled here, in images whose specs name no library package: what they load is found in Debian's archive.

#![allow(clippy::unwrap_used)] // a test

mod common;

use std::fs;
use std::process::Command;
use std::time::Duration;

use common::{builder, quick};
use mikron::Output;
use mikron_live::programs::Program;
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

/// Builds a program of [`mikron_live::programs`] and its image, and asks the server in it.
fn answers(name: &str) {
    let program = Program::named(name);
    let spec = program.spec();
    assert!(spec.lines().count() <= 10, "{spec}");
    let Some(dir) = program.build() else { return };
    let layout = dir.path().join("layout");
    let Some(builder) = builder(&quick(&spec), dir.path()) else {
        return;
    };
    builder
        .platform("linux/amd64".parse().unwrap())
        .output(Output::layout(&layout, "latest"))
        .build()
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    let Some(bundle) = Bundle::extract(&layout) else {
        return;
    };
    let how = Run {
        tmpfs: vec!["/tmp".to_owned()],
        ..Run::default()
    };
    let body = bundle.start(&how).fetch(&["http://127.0.0.1:8080/"]);
    assert!(body.starts_with(program.answer), "{name}: {body}");
}

#[test]
fn a_program_in_rust_is_linked_with_openssl() {
    answers("rust");
}

#[test]
fn a_program_in_cpp_reads_its_options_by_boost() {
    answers("cpp");
}

#[test]
fn a_program_in_go_calls_c() {
    answers("go-cgo");
}

#[test]
fn a_static_program_in_go_takes_no_source() {
    answers("go-static");
}

#[test]
fn a_web_application_in_python_has_wheels_in_c() {
    answers("python");
}

#[test]
fn a_program_in_java_loads_a_library_by_jni() {
    answers("java");
}

#[test]
fn a_program_in_javascript_loads_an_addon() {
    answers("node");
}

#[test]
fn a_program_in_php_loads_an_extension() {
    answers("php");
}

#[test]
fn a_program_in_ruby_loads_a_gem_with_an_extension() {
    answers("ruby");
}
