//! A build of the library without its features (`--no-default-features`): what is not built in is refused by its name.
#![cfg(not(any(
    feature = "http",
    feature = "openpgp",
    feature = "rpmdb",
    feature = "slices",
    feature = "starlark"
)))]
#![allow(clippy::unwrap_used)] // functions that tests share may, as tests may

use std::fs;

use mikron::oci::MemoryStore;
use mikron::package::{Limits, PackageRecord, Version};
use mikron::source::Environment;
use mikron::spec::Spec;
use mikron::{BuildReport, Builder, Error};
use mikron_testkit::archive::DebBuilder;
use mikron_testkit::repository::{RepositoryBuilder, TestKey};
use mikron_testkit::rpm::RpmBuilder;
use mikron_testkit::rpm_repository::RpmRepositoryBuilder;

/// Builds a spec whose repositories lie beside it: `deb` and `rpm`, with a package `hello` each.
fn build(rest: &str) -> Result<BuildReport, Error> {
    let directory = tempfile::tempdir().unwrap();
    let deb = DebBuilder::new("hello", "1.0", "all").file("/usr/share/hello", 0o644, b"hello\n");
    let stanza = "Package: hello\nVersion: 1.0\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: data\n";
    let deb = RepositoryBuilder::new("stable")
        .package(stanza, deb.build())
        .build();
    deb.write_to(&directory.path().join("deb"));
    let rpm = RpmBuilder::new("hello", "1.0", "1", "noarch");
    let rpm = rpm.file("/usr/share/hello", 0o644, b"hello\n").build();
    let record = PackageRecord::new("hello".parse().unwrap(), Version::new("1.0-1"), "noarch");
    let rpm = RpmRepositoryBuilder::new().package(record, rpm).build();
    rpm.write_to(&directory.path().join("rpm"));
    let key = TestKey::generate().certificate_armored();
    fs::write(directory.path().join("key.asc"), key).unwrap();
    let path = directory.path().join("hello.yaml");
    fs::write(&path, format!("mikron: 1\nname: hello\n{rest}")).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let spec = Spec::parse("hello.yaml", &text, &Limits::default())?;
    Builder::from_spec(spec, directory.path())?
        .environment(Environment::empty())
        .cache(directory.path().join("cache"))
        .store(std::sync::Arc::new(MemoryStore::default()), "latest")
        .build()
}

/// What is refused, as a person reads it.
fn refused(rest: &str) -> String {
    build(rest).expect_err("it is refused").to_string()
}

#[test]
fn files_make_an_image() {
    let rest = "sources: { here: { deb: 'file:deb', suite: stable, allow: [unsigned] } }\npackages: [hello]\n";
    let report = build(rest).unwrap();
    assert!(report.size() > 0);
}

#[test]
fn http_is_refused() {
    let rest = "sources: { far: { deb: 'http://packages.example.org/debian', suite: stable, allow: [unsigned] } }\npackages: [hello]\n";
    let error = refused(rest);
    assert!(error.contains("packages.example.org"), "{error}");
    assert!(
        error.contains("without HTTP (the feature `http`"),
        "{error}"
    );
}

#[test]
fn what_openpgp_would_have_to_verify_is_refused() {
    for source in ["deb: 'file:deb', suite: stable", "rpm: 'file:rpm'"] {
        let rest =
            format!("sources: {{ here: {{ {source}, keys: [key.asc] }} }}\npackages: [hello]\n");
        let error = refused(&rest);
        assert!(error.contains("(the feature `openpgp`"), "{error}");
    }
}

#[test]
fn an_image_that_would_lack_its_database_of_rpm_packages_is_refused() {
    let rest = "sources: { here: { rpm: 'file:rpm', allow: [unsigned] } }\npackages: [hello]\n";
    let error = refused(rest);
    assert!(error.contains("(the feature `rpmdb`"), "{error}");
    assert!(build(&format!("{rest}package-database: false\n")).is_ok());
}

#[test]
fn slices_are_refused() {
    let rest = "sources: { here: { deb: 'file:deb', suite: stable, allow: [unsigned] } }\n\
        definitions: [{ chisel: release }]\npackages: [hello_bins]\n";
    let error = refused(rest);
    assert!(error.contains("(the feature `slices`"), "{error}");
}
