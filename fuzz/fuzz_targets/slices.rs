//! Any text as slice definitions, and any text as the script of a slice: no panic, no hang, errors that can be shown.
#![no_main]

use std::io;

use libfuzzer_sys::fuzz_target;
use mikron_package::{Architecture, Entry, EntryKind, Limits, RootPath};
use mikron_slices::{Glob, Node, Release, ScriptLimits, SourceFile, Stage, mutate};

/// A tree in which every path is one small file, and every directory holds one.
struct Everything;

impl Stage for Everything {
    fn look(&mut self, _: &RootPath) -> io::Result<Option<Node>> {
        Ok(Some(Node::File { size: 4 }))
    }

    fn read(&mut self, _: &RootPath) -> io::Result<Vec<u8>> {
        Ok(b"a\xff\nb".to_vec())
    }

    fn write(&mut self, _: &RootPath, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn list(&mut self, _: &RootPath) -> io::Result<Vec<(Vec<u8>, Node)>> {
        Ok(vec![(b"one".to_vec(), Node::Directory)])
    }
}

fn head(format: &str) -> SourceFile {
    let text = format!(
        "format: {format}\narchives:\n  main: {{version: 1, suites: [s], components: [c], public-keys: [k]}}\n\
         public-keys:\n  k: {{id: 0123456789ABCDEF, armor: '-----BEGIN PGP'}}\n"
    );
    SourceFile::new("chisel.yaml", &text)
}

fn exercise(files: &[SourceFile], text: &str) {
    let release = match Release::of_files(files, &Limits::default()) {
        Ok(release) => release,
        Err(error) => {
            assert!(!error.message().is_empty());
            assert!(!error.to_string().is_empty());
            // A carriage return alone ends a line in YAML.
            assert!(error.at.line <= text.split(['\n', '\r']).count().max(6));
            return;
        }
    };
    for error in release.check() {
        assert!(!error.to_string().is_empty());
    }
    let wanted: Vec<_> = release
        .packages()
        .flat_map(|package| &package.slices)
        .map(|slice| slice.key.clone())
        .collect();
    let Ok(selection) = release.select(&wanted, Architecture::Amd64) else {
        return;
    };
    let mut applied = Vec::new();
    for package in selection.packages() {
        // A package that has what is named without wildcards, and a file for those with.
        let mut entries = Vec::new();
        for slice in selection.of_package(package) {
            for content in selection.contents(slice) {
                let name = content.path.replace(['*', '?'], "x");
                let kind = if name.ends_with('/') {
                    EntryKind::Directory
                } else {
                    EntryKind::File { size: 4 }
                };
                if let Ok(path) = RootPath::new(name.as_bytes()) {
                    entries.push(Entry::new(path, kind, 0o644));
                }
                let glob = Glob::new(&content.path);
                assert!(glob.meets(&glob));
                assert!(glob.matches(name.as_bytes()));
            }
        }
        if let Ok(one) = selection.apply(package, &entries) {
            applied.push(one);
        }
    }
    let limits = ScriptLimits {
        steps: 20_000,
        memory: 1 << 20,
        file: 1 << 16,
    };
    if let Err(error) = mutate(&selection, &applied, &mut Everything, &limits) {
        assert!(!error.to_string().is_empty());
    }
}

fuzz_target!(|text: &str| {
    exercise(&[SourceFile::new("chisel.yaml", text)], text);
    for format in ["v1", "v3"] {
        exercise(
            &[head(format), SourceFile::new("slices/aa.yaml", text)],
            text,
        );
    }
    // The text as a script.
    let indented: String = text.lines().map(|line| format!("      {line}\n")).collect();
    let definition = format!(
        "package: aa\nslices:\n  bins:\n    contents:\n      /f: {{text: a, mutable: true}}\n      /d/**:\n    mutate: |\n{indented}"
    );
    exercise(
        &[head("v1"), SourceFile::new("slices/aa.yaml", &definition)],
        &definition,
    );
});
