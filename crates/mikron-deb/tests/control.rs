//! Control files are accepted where dpkg accepts them, and refused where it refuses them.

use std::fs;
use std::process::Command;

use mikron_deb::parse_control;
use mikron_package::{ArchiveErrorKind, Limits, MultiArch, Priority};
use mikron_testkit::archive::{DebParts, TarBuilder, TarHeader};
use mikron_testkit::tools::tool;

const HEAD: &str = "Package: a\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.org>\n";

/// Control files behind [`HEAD`], and whether dpkg takes them.
const CASES: &[(&str, bool)] = &[
    ("Description: d\n", true),
    ("Description: d", false),
    ("Description: d\n\n\n", true),
    ("Description: d\n\nPackage: b\n", false),
    ("Description: d\n \n x\n", false),
    ("Description: d\n\t\n x\n", false),
    ("Description: d\n .\n  x\n", true),
    ("Description: d\r\nDepends: b\r\n", true),
    ("Description: d\n# comment\n", false),
    ("Description: d\n# comment: x\n", false),
    ("Description: d\nno colon\n", false),
    ("Description: d\nFoo Bar: x\n", false),
    ("Description: d\nFoo : x\n", true),
    ("Description: d\nFoo:\n x\n", true),
    ("Description: d\nFoo: 1\nfoo: 2\n", false),
    ("Description: d\nX: 1\n", false),
    ("Description: d\nXy: 1\n", true),
    ("Description: d\nVersion: 1\n", false),
    ("Depends:\nDescription: d\n", true),
    ("Description: d\nDepends:\n", false),
    ("Depends: b,\nDescription: d\n", false),
    ("Depends: ,b\nDescription: d\n", false),
    ("Depends: b,,c\nDescription: d\n", false),
    ("Depends: b |\nDescription: d\n", false),
    ("Depends: b c\nDescription: d\n", false),
    ("Depends: b (>= 1) c\nDescription: d\n", false),
    ("Depends: b (>= 1\nDescription: d\n", false),
    ("Depends: b (>= 1 2)\nDescription: d\n", false),
    ("Depends: b (>= a1)\nDescription: d\n", false),
    ("Depends: b (=> 1)\nDescription: d\n", false),
    (
        "Depends: b ( >> 1:1-2-3 ),\n c(1)|d (< 2), e (> 3)\nDescription: d\n",
        true,
    ),
    ("Depends: b:any, c:amd64 (= 2)\nDescription: d\n", true),
    ("Depends: b:c:d\nDescription: d\n", false),
    ("Depends: b [amd64]\nDescription: d\n", false),
    ("Depends: b <!nocheck>\nDescription: d\n", false),
    ("Depends: ${misc:Depends}\nDescription: d\n", false),
    ("Depends: b_c, D, e.f+g-h\nDescription: d\n", true),
    ("Depends: -b\nDescription: d\n", false),
    ("Conflicts: b | c\nDescription: d\n", false),
    ("Provides: b (>= 1), c (= 2)\nDescription: d\n", true),
    ("Multi-Arch: maybe\nDescription: d\n", false),
    ("Multi-Arch: Foreign\nDescription: d\n", true),
    ("Essential: maybe\nDescription: d\n", false),
    ("Priority: whatever\nDescription: d\n", true),
    ("Installed-Size: much\nDescription: d\n", true),
    ("Source: a b (c d)\nDescription: d\n", true),
];

fn deb(control: &str) -> Vec<u8> {
    let header = TarHeader::new(b'0', b"./control").size(control.len() as u64);
    let tar = TarBuilder::new().entry(&header, control.as_bytes()).build();
    DebParts {
        version: b"2.0\n".to_vec(),
        control: ("control.tar".to_owned(), tar),
        data: ("data.tar".to_owned(), TarBuilder::new().build()),
    }
    .build()
}

#[test]
fn control_files_are_accepted_exactly_where_dpkg_accepts_them() {
    let Some(dpkg) = tool("dpkg") else { return };
    let root = tempfile::tempdir().unwrap();
    let database = root.path().join("var/lib/dpkg");
    for dir in ["info", "updates", "triggers"] {
        fs::create_dir_all(database.join(dir)).unwrap();
    }
    fs::write(database.join("status"), "").unwrap();
    let archive = root.path().join("a.deb");
    for (rest, expected) in CASES {
        let control = format!("{HEAD}{rest}");
        fs::write(&archive, deb(&control)).unwrap();
        let output = Command::new(&dpkg)
            .arg(format!("--root={}", root.path().display()))
            .args([
                "--no-act",
                "--force-not-root",
                "--log=/dev/null",
                "--unpack",
            ])
            .arg(&archive)
            .output()
            .expect("dpkg starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            output.status.success(),
            *expected,
            "dpkg on {rest:?}: {said}"
        );
        let ours = parse_control(control.as_bytes(), &Limits::default());
        assert_eq!(ours.is_ok(), *expected, "{rest:?}: {ours:?}");
    }
}

#[test]
fn every_field_reaches_the_record() {
    let text = "Package: libfoo1\nSource: foo (1.0)\nVersion: 1.0+b1\nArchitecture: amd64\nMulti-Arch: same\n\
                Essential: yes\nPriority: required\nSection: libs\nInstalled-Size: 10\nPre-Depends: a\nDepends: b | c\n\
                Recommends: d\nConflicts: e (<< 2)\nBreaks: f\nReplaces: g\nProvides: h (= 3)\nMaintainer: \u{e9}\n\
                Filename: evil\nSize: 5\n";
    let (record, fields) = parse_control(text.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(
        (
            record.source.as_str(),
            record.source_version.unwrap().as_str()
        ),
        ("foo", "1.0")
    );
    assert_eq!(
        (record.multi_arch, record.essential),
        (MultiArch::Same, true)
    );
    assert_eq!(
        (record.priority, record.section.as_deref()),
        (Priority::Required, Some("libs"))
    );
    assert_eq!(record.installed_size, 10 * 1024);
    let shown = |items: &[mikron_package::Requirement]| {
        items.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(shown(&record.pre_depends), ["a"]);
    assert_eq!(shown(&record.depends), ["b | c"]);
    assert_eq!(shown(&record.recommends), ["d"]);
    let names = [
        &record.conflicts,
        &record.breaks,
        &record.replaces,
        &record.provides,
    ];
    assert_eq!(
        names.map(|relations| relations[0].to_string()),
        ["e (<< 2)", "f", "g", "h (= 3)"]
    );
    assert_eq!(
        (record.location.as_str(), record.size, record.digest),
        ("", 0, None)
    );
    assert_eq!(fields.len(), 19);
    assert_eq!(fields[16], ("Maintainer".to_owned(), "\u{e9}".to_owned()));
}

#[test]
fn an_error_names_field_line_and_byte() {
    let text = "Package: a\nVersion: 1\nArchitecture: all\nDepends: b,\n c,\n d e\n";
    let error = parse_control(text.as_bytes(), &Limits::default()).unwrap_err();
    assert_eq!(error.offset, Some(text.len() as u64 - 2));
    let expected = "Depends, line 6: in `e`: a comma, a bar or the end is expected";
    assert!(
        matches!(&error.kind, ArchiveErrorKind::Malformed(reason) if reason == expected),
        "{error}"
    );
}

#[test]
fn names_that_are_no_utf_8_are_kept_as_far_as_they_can_be() {
    let mut text = format!("{HEAD}Uploaders: ").into_bytes();
    text.extend_from_slice(b"J\xf6rg\n");
    let (_, fields) = parse_control(&text, &Limits::default()).unwrap();
    assert_eq!(fields.last().unwrap().1, "J\u{fffd}rg");
}

#[test]
fn a_name_that_is_none_is_refused() {
    for name in ["", "-a", "a/b", "a b", "../a", "\u{e9}"] {
        let text = format!("Package: {name}\nVersion: 1\nArchitecture: all\n");
        let error = parse_control(text.as_bytes(), &Limits::default()).unwrap_err();
        let named = matches!(error.kind, ArchiveErrorKind::Name(_)) || name.is_empty();
        assert!(named, "{name}: {error}");
    }
}
