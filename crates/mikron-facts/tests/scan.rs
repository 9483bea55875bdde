//! The pass over an archive.

use std::collections::BTreeSet;
use std::io::{self, Read};

use mikron_deb::archive::DebFormat;
use mikron_facts::{Class, FactsError, PackageFacts, Spool, Symbols, fill, scan, scan_file};
use mikron_package::{Contents, Digest, Entry, EntryKind, Limits, Origin, PackageFormat, RootPath};
use mikron_testkit::archive::DebBuilder;
use mikron_testkit::elf::ElfBuilder;

fn archive() -> Vec<u8> {
    DebBuilder::new("app", "1.0", "amd64")
        .file(
            "/usr/bin/app",
            0o755,
            ElfBuilder::executable().needed("libc.so.6").build(),
        )
        .hardlink("/usr/bin/app2", "/usr/bin/app")
        .file("/usr/bin/script", 0o755, "#!/usr/bin/env -S python3 -u\n")
        .file(
            "/usr/bin/broken",
            0o755,
            b"\x7fELF\x02\x01 and nothing of what follows",
        )
        .file("/usr/share/app/large", 0o644, vec![7; 700_000])
        .file("/usr/share/doc/app/README", 0o644, "read me")
        .build()
}

fn open(deb: &[u8]) -> Box<dyn mikron_package::ArchiveReader + '_> {
    DebFormat
        .open(Box::new(deb), &Limits::default(), &Origin::named("app.deb"))
        .expect("a .deb")
}

fn file<'f>(facts: &'f PackageFacts, path: &str) -> &'f mikron_facts::FileFacts {
    let found = facts
        .files
        .iter()
        .find(|f| f.entry.path.to_string() == path);
    found.unwrap_or_else(|| panic!("{path} is not there"))
}

#[test]
fn one_pass_learns_digests_classes_and_structure_and_keeps_what_it_is_told_to() {
    let deb = archive();
    let spool = Spool::new(1000);
    let keep = |entry: &Entry| !entry.path.to_text().starts_with("/usr/share/doc/");
    let facts = scan(
        &mut *open(&deb),
        &spool,
        &Limits::default(),
        &keep,
        &Symbols::default(),
    )
    .expect("facts");
    let app = file(&facts, "/usr/bin/app");
    assert_eq!(app.class, Class::Bins);
    assert_eq!(app.elf.as_ref().expect("ELF").needed, ["libc.so.6"]);
    let second = file(&facts, "/usr/bin/app2");
    assert_eq!((second.digest, &second.elf), (app.digest, &app.elf));
    assert_eq!(
        file(&facts, "/usr/bin/script")
            .script
            .as_ref()
            .expect("a script")
            .program(),
        "python3"
    );
    let broken = file(&facts, "/usr/bin/broken");
    assert!(broken.elf.is_none());
    assert!(
        broken
            .note
            .as_ref()
            .expect("a note")
            .starts_with("broken ELF file: ")
    );
    let readme = file(&facts, "/usr/share/doc/app/README");
    assert_eq!(readme.digest, Some(Digest::of(b"read me")));
    assert!(!spool.contains(&Digest::of(b"read me")));
    let mut large = Vec::new();
    let digest = file(&facts, "/usr/share/app/large").digest.expect("hashed");
    spool
        .open(&digest)
        .expect("kept")
        .read_to_end(&mut large)
        .expect("read");
    assert_eq!(large, vec![7; 700_000]);
}

#[test]
fn a_hard_link_to_a_symbolic_link_is_the_same_link() {
    let deb = DebBuilder::new("app", "1.0", "amd64")
        .file(
            "/usr/bin/app",
            0o755,
            "#!/bin/sh
",
        )
        .symlink("/usr/bin/first", "app")
        .hardlink("/usr/bin/second", "/usr/bin/first")
        .hardlink("/usr/bin/third", "/usr/bin/second")
        .build();
    let facts = scan(
        &mut *open(&deb),
        &Spool::new(1000),
        &Limits::default(),
        &|_| true,
        &Symbols::default(),
    )
    .unwrap();
    for path in ["/usr/bin/first", "/usr/bin/second", "/usr/bin/third"] {
        let kind = &file(&facts, path).entry.kind;
        assert_eq!(
            *kind,
            EntryKind::Symlink {
                target: b"app".to_vec()
            },
            "{path}"
        );
    }
    assert!(facts.notes.is_empty());
}

#[test]
fn of_two_entries_at_one_path_the_last_holds_and_is_told_of() {
    let deb = DebBuilder::new("t", "1.0", "all")
        .dir("/d", 0o700)
        .dir("/d", 0o755)
        .file("/f", 0o644, "first")
        .file("/g", 0o644, "between")
        .file("/f", 0o600, "last")
        .symlink("/l", "f")
        .file("/l", 0o644, "no link")
        .build();
    let spool = Spool::new(1000);
    let facts = scan(
        &mut *open(&deb),
        &spool,
        &Limits::default(),
        &|_| false,
        &Symbols::default(),
    )
    .unwrap();
    let at = |path: &str| {
        facts
            .files
            .iter()
            .filter(|f| f.entry.path.to_string() == path)
            .count()
    };
    assert_eq!((at("/f"), at("/g"), at("/l"), at("/d")), (1, 1, 1, 2));
    let last = Digest::of(b"last");
    assert_eq!(
        (file(&facts, "/f").digest, file(&facts, "/f").entry.mode),
        (Some(last), 0o600)
    );
    assert!(file(&facts, "/l").entry.is_file());
    assert_eq!(facts.notes.len(), 2);
    assert!(
        facts.notes[0].starts_with("/f stands there more than once"),
        "{:?}",
        facts.notes
    );
    // What is wanted later is found behind what it took the place of.
    let wanted: BTreeSet<Digest> = [last, Digest::of(b"no link")].into();
    fill(&mut *open(&deb), &wanted, &facts, &spool).unwrap();
    assert!(wanted.iter().all(|digest| spool.contains(digest)));
}

#[test]
fn what_is_not_kept_leaves_nothing_in_the_spool_and_has_its_facts() {
    let deb = archive();
    let spool = Spool::default();
    let facts = scan(
        &mut *open(&deb),
        &spool,
        &Limits::default(),
        &|_| false,
        &Symbols::default(),
    )
    .expect("facts");
    assert_eq!(spool.usage(), (0, 0));
    let kept = scan(
        &mut *open(&deb),
        &Spool::default(),
        &Limits::default(),
        &|_| true,
        &Symbols::default(),
    );
    assert_eq!(facts, kept.expect("facts"));
}

#[test]
fn chosen_contents_are_filled_in_later() {
    let deb = archive();
    let spool = Spool::default();
    let facts = scan(
        &mut *open(&deb),
        &spool,
        &Limits::default(),
        &|_| false,
        &Symbols::default(),
    )
    .expect("facts");
    let wanted = file(&facts, "/usr/bin/app").digest.expect("hashed");
    fill(&mut *open(&deb), &BTreeSet::from([wanted]), &facts, &spool).expect("filled");
    assert!(spool.contains(&wanted));
    assert!(!spool.contains(&file(&facts, "/usr/share/app/large").digest.expect("hashed")));
    let absent = BTreeSet::from([Digest::of(b"absent")]);
    let error = fill(&mut *open(&deb), &absent, &facts, &spool).expect_err("absent");
    assert!(
        matches!(error, FactsError::Absent { count: 1, .. }),
        "{error}"
    );
}

#[test]
fn a_body_of_another_length_than_its_header_says_is_refused() {
    let spool = Spool::default();
    let entry = |size| {
        let path = RootPath::new(b"/app/x").expect("a path");
        Entry::new(path, EntryKind::File { size }, 0o644)
    };
    for (size, body) in [(5, "1234"), (3, "1234"), (300_000, "x")] {
        for keep in [true, false] {
            let error = scan_file(
                entry(size),
                &mut body.as_bytes(),
                &spool,
                keep,
                &Symbols::default(),
            )
            .expect_err("refused");
            assert!(matches!(error, FactsError::Length { .. }), "{error}");
            assert!(error.to_string().starts_with("/app/x: "));
        }
    }
    assert_eq!(spool.usage(), (0, 0));
}

#[test]
fn an_error_of_the_archive_keeps_its_origin_and_names_the_entry() {
    let deb = archive();
    let cut = &deb[..deb.len() - 200];
    let error = scan(
        &mut *open(cut),
        &Spool::default(),
        &Limits::default(),
        &|_| true,
        &Symbols::default(),
    );
    let text = error.expect_err("truncated").to_string();
    assert!(text.starts_with("app.deb: "), "{text}");
}

#[test]
fn a_spool_that_cannot_be_written_names_the_entry() {
    let dir = tempfile::tempdir().expect("a directory");
    let spool = Spool::in_dir(0, &dir.path().join("absent"));
    let error = scan(
        &mut *open(&archive()),
        &spool,
        &Limits::default(),
        &|_| true,
        &Symbols::default(),
    );
    let error = error.expect_err("no directory");
    assert!(
        matches!(&error, FactsError::Spool { source, .. } if source.kind() == io::ErrorKind::NotFound)
    );
    assert!(error.to_string().contains("/usr/bin/app"));
}

#[test]
fn encoded_facts_of_another_version_or_damaged_are_refused() {
    let deb = archive();
    let facts = scan(
        &mut *open(&deb),
        &Spool::default(),
        &Limits::default(),
        &|_| true,
        &Symbols::default(),
    )
    .expect("facts");
    let bytes = facts.encode().expect("encoded");
    assert_eq!(PackageFacts::decode(&bytes).expect("decoded"), facts);
    let mut other = bytes.clone();
    other[0] ^= 0x80;
    assert!(PackageFacts::decode(&other).is_err());
    assert!(PackageFacts::decode(&bytes[..bytes.len() - 1]).is_err());
    assert!(PackageFacts::decode(&[bytes.as_slice(), b"x"].concat()).is_err());
    assert!(PackageFacts::decode(b"").is_err());
}
