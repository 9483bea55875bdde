//! An image to build in and the one that runs what it builds: what is linked there must be what runs here.
#![allow(clippy::unwrap_used)] // functions that tests share may, as tests may

mod common;

use common::Home;
use mikron_testkit::archive::DebBuilder;
use mikron_testkit::elf::ElfBuilder;
use mikron_testkit::repository::{RepositoryBuilder, TestKey};

const RUNTIME: &str = "mikron: 1\nname: run\nextends: [old.yaml]\npackages: [program]\n";
const BUILD: &str = r#"mikron: 1
name: build
kind: build
pair: run/run.yaml
params: { SUITE: old }
sources:
  local: { deb: "file:run/${SUITE}", suite: stable, components: [main], keys: [run/key.asc] }
packages: [program, libtext-dev, cc]
"#;

/// A package of one library.
fn library(name: &str, version: &str) -> (String, DebBuilder) {
    let deb = DebBuilder::new(name, version, "amd64").file(
        &format!("usr/lib/x86_64-linux-gnu/{name}.so.1"),
        0o644,
        ElfBuilder::library(&format!("{name}.so.1")).build(),
    );
    let stanza = format!("Package: {name}\nVersion: {version}\nArchitecture: amd64\n");
    (stanza, deb)
}

/// A package of one text, which depends on another one.
fn text(name: &str, version: &str, depends: &str) -> (String, DebBuilder) {
    let deb = DebBuilder::new(name, version, "amd64")
        .file(&format!("usr/share/{name}"), 0o644, version)
        .depends(depends);
    let stanza =
        format!("Package: {name}\nVersion: {version}\nArchitecture: amd64\nDepends: {depends}\n");
    (stanza, deb)
}

/// Two suites with one library in two versions each, which `program` has, one that only programs built in the image
/// would have, and one that only the compiler has.
fn home() -> Home {
    let home = Home::empty();
    let key = TestKey::generate();
    home.write("run/key.asc", key.certificate_armored());
    for (suite, version) in [("old", "1.0-1"), ("new", "1.0-2")] {
        let (stanza, deb) = text("libtext-dev", version, "libtext");
        let linker = "usr/lib/x86_64-linux-gnu/libtext.so";
        let packages = [
            library("libgreet", version),
            library("libcompiler", version),
            library("libtext", version),
            text("program", "1", "libgreet"),
            (stanza, deb.symlink(linker, "libtext.so.1")),
            text("cc", version, "libgreet, libcompiler"),
        ];
        let repository = RepositoryBuilder::new("stable").date(1_700_000_000);
        let repository = repository.sign_with(&key);
        let repository = packages
            .iter()
            .fold(repository, |repository, (stanza, deb)| {
                repository.package(stanza, deb.build())
            });
        repository
            .build()
            .write_to(&home.path(&format!("run/{suite}")));
        let source = format!(
            "mikron: 1\nsources:\n  local: {{ deb: \"file:{suite}\", suite: stable, components: [main], keys: [key.asc] }}\n"
        );
        home.write(&format!("run/{suite}.yaml"), source);
    }
    home.write("run/run.yaml", RUNTIME);
    home.write("build.yaml", BUILD);
    home
}

#[test]
fn libraries_of_a_pair_that_are_the_same_are_not_spoken_of() {
    let home = home();
    for _ in 0..2 {
        let run = home.run(&["-q", "build", "build.yaml"]);
        assert_eq!(run.code, 0, "{}", run.err);
        assert!(!run.err.contains("libgreet"), "{}", run.err);
    }
    // The other one has no library at all yet, and may get one for a program that is built here.
    home.write("run/run.yaml", RUNTIME.replace("[program]", "[]"));
    let run = home.run(&["-q", "build", "build.yaml"]);
    assert_eq!(run.code, 0, "{}", run.err);
}

#[test]
fn a_pair_that_disagrees_is_refused_with_the_libraries_that_differ() {
    let home = home();
    home.run(&["-q", "build", "build.yaml"]);
    home.snapshot(
        "pair-differs",
        &["-q", "build", "build.yaml", "--param", "SUITE=new"],
    );
    let lock = home.run(&["-q", "lock", "build.yaml", "--param", "SUITE=new"]);
    assert!(lock.err.contains("libtext.so.1"), "{}", lock.err);
}

#[test]
fn a_build_that_is_remembered_looks_at_the_other_one_again() {
    let home = home();
    let build = ["-q", "build", "build.yaml", "--locked"];
    for spec in ["build.yaml", "run/run.yaml"] {
        assert_eq!(home.run(&["-q", "lock", spec]).code, 0);
    }
    assert_eq!(home.run(&build).code, 0);
    home.write("run/run.yaml", RUNTIME.replace("old", "new"));
    let run = home.run(&build);
    assert!(
        run.err
            .contains("libgreet.so.1 of libgreet: 1.0-1 here, 1.0-2 there"),
        "{}",
        run.err
    );
    // What a lock of the other one says holds, and not what is published by now.
    assert_eq!(home.run(&["-q", "lock", "run/run.yaml"]).code, 0);
    assert_eq!(home.run(&build).code, 1);
    home.write("run/run.yaml", RUNTIME);
    assert_eq!(home.run(&build).code, 0);
}

#[test]
fn libraries_of_the_image_that_the_other_one_builds_on_count() {
    let home = home();
    let company = RUNTIME.replace("name: run", "name: company");
    let company = company.replace("old", "new").replace("program", "libgreet");
    home.write("run/company.yaml", company);
    let output = format!("oci:{}", home.path("run/company").display());
    let built = home.run(&["-q", "build", "run/company.yaml", "-o", &output]);
    assert_eq!(built.code, 0, "{}", built.err);
    // Its own sources would give the version of this image.
    home.write(
        "run/run.yaml",
        RUNTIME.replace("[program]", "[]") + "from: oci:company\n",
    );
    let run = home.run(&["-q", "build", "build.yaml"]);
    let differs = "libgreet.so.1 of libgreet: 1.0-1 here, 1.0-2 there";
    assert!(run.err.contains(differs), "{}", run.err);
}

#[test]
fn what_is_no_pair_is_refused_where_it_stands() {
    let home = home();
    let refused = |build: &str, run: &str| {
        home.write("build.yaml", build);
        home.write("run/run.yaml", run);
        home.run(&["-q", "build", "build.yaml"]).err
    };
    let texts = [
        refused(&BUILD.replace("kind: build\n", ""), RUNTIME),
        refused(BUILD, &format!("{RUNTIME}kind: build\n")),
        refused(BUILD, &format!("{RUNTIME}platforms: [linux/arm64]\n")),
        refused(&BUILD.replace("run.yaml", "gone.yaml"), RUNTIME),
    ];
    insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("pair-refused", texts.join("\n"));
    });
}
