//! A new lock over an old one: the smallest change, unless more is asked for.
#![allow(clippy::unwrap_used)] // functions that tests share may, as tests may

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use mikron::package::{Event, Progress};
use mikron::{Builder, Update};
use mikron_testkit::archive::DebBuilder;
use mikron_testkit::repository::RepositoryBuilder;
use tempfile::TempDir;

/// Warnings as they come.
#[derive(Default)]
struct Warnings(Mutex<Vec<String>>);

impl Progress for Warnings {
    fn event(&self, event: &Event<'_>) {
        if let Event::Warning { message } = event {
            self.0.lock().unwrap().push((*message).to_owned());
        }
    }
}

/// Publishes packages in versions.
fn publish(dir: &Path, packages: &[(&str, &str)]) {
    let mut repository = RepositoryBuilder::new("./")
        .date(1_700_000_000)
        .without_release();
    for (name, version) in packages {
        let archive = DebBuilder::new(name, version, "amd64")
            .file(&format!("/usr/share/{name}/data"), 0o644, *version)
            .build();
        let stanza = format!("Package: {name}\nVersion: {version}\nArchitecture: amd64\n");
        repository = repository.package_at(&format!("{name}_{version}.deb"), &stanza, archive);
    }
    repository.build().write_to(&dir.join("repository"));
}

fn spec(dir: &Path) -> PathBuf {
    let file = dir.join("image.yaml");
    let spec = "mikron: 1\nname: app\nsources:\n  local: { deb: \"file:repository\", suite: \"./\", allow: [unsigned] }\n\
        packages: [app, tool]\n";
    fs::write(&file, spec).unwrap();
    file
}

/// Writes the lock; gives the versions in it, and what was warned of.
fn lock(file: &Path, update: Update) -> (Vec<String>, Vec<String>) {
    let warnings = Arc::new(Warnings::default());
    let builder = Builder::from_file(file)
        .unwrap()
        .cache(file.with_file_name("cache"))
        .refresh(true)
        .progress(warnings.clone())
        .update(update);
    let (_, lock) = builder.write_lock().unwrap();
    let packages = lock.platforms.values().flat_map(|locked| &locked.packages);
    let versions = packages.map(|package| format!("{} {}", package.name, package.version));
    (
        versions.collect(),
        std::mem::take(&mut warnings.0.lock().unwrap()),
    )
}

#[test]
fn versions_of_the_lock_stay_and_what_is_newer_is_named() {
    let dir = TempDir::new().unwrap();
    let file = spec(dir.path());
    publish(dir.path(), &[("app", "1"), ("tool", "1")]);
    assert_eq!(lock(&file, Update::Nothing).0, ["app 1", "tool 1"]);
    publish(
        dir.path(),
        &[("app", "1"), ("app", "2"), ("tool", "1"), ("tool", "2")],
    );
    let (versions, warnings) = lock(&file, Update::Nothing);
    assert_eq!(versions, ["app 1", "tool 1"]);
    assert_eq!(
        warnings,
        [
            "linux/amd64: as the lock has them, though there are others now: app 1 (now 2), tool 1 (now 2); \
          `mikron lock --update` takes those"
        ]
    );
    let one = Update::Packages(["tool".parse().unwrap()].into());
    assert_eq!(lock(&file, one).0, ["app 1", "tool 2"]);
    let (versions, warnings) = lock(&file, Update::Everything);
    assert_eq!(versions, ["app 2", "tool 2"]);
    assert!(warnings.is_empty(), "{warnings:?}");
}

#[test]
fn what_is_gone_or_no_longer_fits_is_taken_anew() {
    let dir = TempDir::new().unwrap();
    let file = spec(dir.path());
    publish(dir.path(), &[("app", "1"), ("tool", "1")]);
    lock(&file, Update::Nothing);
    publish(dir.path(), &[("app", "2"), ("tool", "1"), ("tool", "2")]);
    assert_eq!(lock(&file, Update::Nothing).0, ["app 2", "tool 1"]);
    let text = fs::read_to_string(&file).unwrap();
    let newer = text.replace("tool]", "{ name: tool, version: \">= 2\" }]");
    fs::write(&file, newer).unwrap();
    assert_eq!(lock(&file, Update::Nothing).0, ["app 2", "tool 2"]);
    // A lock that cannot be read is none.
    fs::write(file.with_extension("lock"), "no lock").unwrap();
    assert_eq!(lock(&file, Update::Nothing).0, ["app 2", "tool 2"]);
}
