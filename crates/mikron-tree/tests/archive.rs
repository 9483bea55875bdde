//! Archives as trees, good ones and hostile ones.
#![allow(clippy::unwrap_used)] // functions that tests share may, as tests may

use std::path::Path;

use mikron_facts::{FileFacts, PackageFacts, Spool, Symbols};
use mikron_package::{Contents as _, Digest, EntryKind, Limits, RootPath};
use mikron_testkit::archive::{TarBuilder, TarHeader};
use mikron_tree::{Modes, Options, Reading, TreeError, read_archive};

fn app() -> Options {
    Options::at(RootPath::new(b"/srv/app").unwrap())
}

fn read(archive: &[u8], options: &Options) -> Result<PackageFacts, TreeError> {
    let (spool, symbols) = (Spool::default(), Symbols::default());
    let how = Reading::new(&spool, &symbols);
    read_archive(Path::new("app.tar"), archive, options, &how)
}

fn paths(facts: &PackageFacts) -> Vec<String> {
    facts
        .files
        .iter()
        .map(|file| file.entry.path.to_string())
        .collect()
}

#[test]
fn entries_lie_below_the_path_with_plain_owners_and_modes() {
    let archive = TarBuilder::new()
        .dir("./", 0o700)
        .file("./bin/app", 0o4711, b"#!/bin/sh\n")
        .file("./data", 0o600, b"x")
        .symlink("./link", "bin/app")
        .build();
    let facts = read(&archive, &app()).unwrap();
    assert_eq!(
        paths(&facts),
        [
            "/srv/app",
            "/srv/app/bin/app",
            "/srv/app/data",
            "/srv/app/link"
        ]
    );
    let modes: Vec<u32> = facts.files.iter().map(|file| file.entry.mode).collect();
    assert_eq!(modes, [0o755, 0o755, 0o644, 0o777]);
    assert!(
        facts
            .files
            .iter()
            .all(|file| (file.entry.uid, file.entry.mtime) == (0, 0))
    );
    assert!(
        facts.files[1].script.is_some(),
        "files have facts as those of packages"
    );
    let kept = Options {
        modes: Modes::Keep,
        ..app()
    };
    let facts = read(&archive, &kept).unwrap();
    assert_eq!(facts.files[1].entry.mode, 0o4711);
}

#[test]
fn owners_are_kept_when_that_is_asked_for() {
    let header = TarHeader::new(b'0', b"a").size(0).owner(7, 8, "", "");
    let archive = [header.block().as_slice(), &[0; 1024]].concat();
    let owner = |options| {
        let facts = read(&archive, &options).unwrap();
        (facts.files[0].entry.uid, facts.files[0].entry.gid)
    };
    assert_eq!(owner(app()), (0, 0));
    assert_eq!(
        owner(Options {
            keep_owners: true,
            ..app()
        }),
        (7, 8)
    );
}

#[test]
fn a_second_name_is_a_file_of_its_own_with_the_same_content() {
    let archive = TarBuilder::new()
        .file("a", 0o644, b"hello")
        .hardlink("b", "a")
        .build();
    let (spool, symbols) = (Spool::default(), Symbols::default());
    let how = Reading::new(&spool, &symbols);
    let facts = read_archive(Path::new("x.tar"), &archive[..], &app(), &how).unwrap();
    let of = |file: &FileFacts| (file.entry.kind.clone(), file.digest);
    let hello = (EntryKind::File { size: 5 }, Some(Digest::of(b"hello")));
    assert!(facts.files.iter().all(|file| of(file) == hello));
    assert!(spool.open(&Digest::of(b"hello")).is_ok());
    let without = Options {
        exclude: vec!["a".into()],
        ..app()
    };
    let error = read(&archive, &without).unwrap_err();
    assert!(matches!(error, TreeError::HardLink { .. }), "{error}");
}

#[test]
fn globs_choose_among_entries_and_of_two_with_one_name_the_last_stands() {
    let archive = TarBuilder::new()
        .file("doc/a", 0o644, b"")
        .file("x", 0o644, b"first")
        .file("x", 0o644, b"second")
        .build();
    let options = Options {
        exclude: vec!["doc".into()],
        ..app()
    };
    let facts = read(&archive, &options).unwrap();
    assert_eq!(paths(&facts), ["/srv/app/x"]);
    assert_eq!(facts.files[0].digest, Some(Digest::of(b"second")));
    assert!(
        facts.notes[0].contains("more than once"),
        "{:?}",
        facts.notes
    );
}

#[test]
fn hostile_archives_are_refused_with_entry_and_offset() {
    let device = |kind| {
        let header = TarHeader::new(kind, b"odd").size(0);
        [header.block().as_slice(), &[0; 1024]].concat()
    };
    let tar = TarBuilder::new;
    for (archive, says) in [
        (tar().file("../etc/passwd", 0o644, b"").build(), "`..`"),
        (tar().file("a/../../x", 0o644, b"").build(), "`..`"),
        (
            tar().file("/etc/passwd", 0o644, b"").build(),
            "begins with `/`",
        ),
        (
            tar()
                .symlink("a", "/etc")
                .file("a/passwd", 0o644, b"")
                .build(),
            "behind a link",
        ),
        (
            tar()
                .file("a/passwd", 0o644, b"")
                .symlink("a", "/etc")
                .build(),
            "as if it were a directory",
        ),
        (device(b'6'), "named pipe"),
        (device(b'3'), "device"),
    ] {
        let error = read(&archive, &app()).unwrap_err().to_string();
        assert!(error.contains(says), "{says}: {error}");
        assert!(
            error.starts_with("app.tar: ") && error.contains("at byte"),
            "{error}"
        );
    }
    let links = tar().symlink("d/l", "../../x").build();
    let error = read(&links, &app()).unwrap_err().to_string();
    assert!(
        error.contains("app.tar/d/l leads out") && error.contains("../../x"),
        "{error}"
    );
}

#[test]
fn a_bomb_ends_at_the_limit() {
    let archive = TarBuilder::new().file("zeros", 0o644, &[0; 4096]).build();
    let (spool, symbols) = (Spool::default(), Symbols::default());
    let how = Reading {
        limits: Limits {
            unpacked: 2000,
            ..Limits::default()
        },
        ..Reading::new(&spool, &symbols)
    };
    let error = read_archive(Path::new("x.tar"), &archive[..], &app(), &how).unwrap_err();
    assert!(error.to_string().contains("unpacked"), "{error}");
}
