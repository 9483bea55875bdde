//! Slice definitions from the directory to the mutated tree.
#![cfg(feature = "starlark")]
#![allow(clippy::format_collect, clippy::format_push_string)] // the texts of tests are short

mod applying;
mod globs;
mod messages;
mod mutation;
mod reading;
mod scripts;
mod selection;
mod synthetic;

use std::path::Path;

use mikron_package::{Architecture, Entry, EntryKind, Limits, RootPath};
use mikron_slices::{Release, Selection, SliceError, SliceKey, SourceFile};

/// The release beside the tests: small, and with all shapes that real ones have.
fn fixture() -> Release {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/release");
    Release::read(&directory, &Limits::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// A release in memory: a format, and packages by their texts.
fn read(format: &str, packages: &[&str]) -> Result<Release, SliceError> {
    let mut files = vec![SourceFile::new("chisel.yaml", &synthetic::head(format))];
    for text in packages {
        let name = text
            .lines()
            .find_map(|line| line.strip_prefix("package: "))
            .unwrap_or("nameless");
        files.push(SourceFile::new(&format!("slices/{name}.yaml"), text));
    }
    sound(Release::of_files(&files, &Limits::default()))
}

/// A release without a fault, or else the first of them.
fn sound(release: Result<Release, SliceError>) -> Result<Release, SliceError> {
    let release = release?;
    match release.faults().first() {
        None => Ok(release),
        Some(fault) => Err(fault.clone()),
    }
}

fn good(format: &str, packages: &[&str]) -> Release {
    read(format, packages).unwrap_or_else(|error| panic!("{error}"))
}

/// A package of format v1 with one slice `bins` and these lines of contents.
fn package(name: &str, contents: &[&str]) -> String {
    let lines: String = contents
        .iter()
        .map(|line| format!("      {line}\n"))
        .collect();
    format!("package: {name}\nslices:\n  bins:\n    contents:\n{lines}")
}

fn keys(names: &[&str]) -> Vec<SliceKey> {
    names.iter().map(|name| name.parse().expect(name)).collect()
}

fn select(release: &Release, names: &[&str]) -> Result<Selection, SliceError> {
    release.select(&keys(names), Architecture::Amd64)
}

fn selected(release: &Release, names: &[&str]) -> Selection {
    select(release, names).unwrap_or_else(|error| panic!("{error}"))
}

fn path(text: &str) -> RootPath {
    RootPath::new(text.as_bytes()).expect(text)
}

/// Entries by their paths: a directory ends with `/`, a link has `->`, a hard link `=>`.
fn entries(lines: &[&str]) -> Vec<Entry> {
    let entry = |line: &&str| {
        if let Some((name, target)) = line.split_once(" -> ") {
            let target = target.as_bytes().to_vec();
            Entry::new(path(name), EntryKind::Symlink { target }, 0o777)
        } else if let Some((name, target)) = line.split_once(" => ") {
            let target = path(target);
            Entry::new(path(name), EntryKind::Hardlink { target }, 0o644)
        } else if line.ends_with('/') {
            let mode = if line.starts_with("/tmp") {
                0o1777
            } else {
                0o755
            };
            Entry::new(path(line), EntryKind::Directory, mode)
        } else {
            Entry::new(path(line), EntryKind::File { size: 1 }, 0o644)
        }
    };
    lines.iter().map(entry).collect()
}
