//! What a Release says, and what is refused in one.

use mikron_deb::{Deb822ErrorKind, parse_date, parse_release};
use mikron_package::Limits;

const DIGEST: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn release(table: &str) -> String {
    format!(
        "Origin: Debian\nLabel: Debian-Security\nSuite: stable-security\nVersion: 12\nCodename: bookworm-security\n\
         Date: Sat, 11 Jul 2026 10:23:32 UTC\nValid-Until: Sat, 18 Jul 2026 10:23:32 UTC\nAcquire-By-Hash: yes\n\
         No-Support-for-Architecture-all: Packages\nArchitectures: all amd64 arm64\nComponents: main contrib\n\
         Description: any\nMD5Sum:\n d41d8cd98f00b204e9800998ecf8427e 0 main/binary-amd64/Packages\nSHA256:\n{table}"
    )
}

#[test]
fn every_field_is_read() {
    let text = release(&format!(
        " {DIGEST}        0 main/binary-amd64/Packages\n {DIGEST} 17 main/x.xz\n"
    ));
    let release = parse_release(text.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(release.origin.as_deref(), Some("Debian"));
    assert_eq!(release.label.as_deref(), Some("Debian-Security"));
    assert_eq!(release.suite.as_deref(), Some("stable-security"));
    assert_eq!(release.codename.as_deref(), Some("bookworm-security"));
    assert_eq!(release.version.as_deref(), Some("12"));
    assert_eq!(release.date, Some(1_783_765_412));
    assert_eq!(release.valid_until, Some(1_783_765_412 + 7 * 86_400));
    assert!(release.acquire_by_hash && release.all_in_each_architecture);
    assert_eq!(release.architectures, ["all", "amd64", "arm64"]);
    assert_eq!(release.components, ["main", "contrib"]);
    let sizes: Vec<_> = release
        .files
        .iter()
        .map(|(path, file)| (&**path, file.size))
        .collect();
    assert_eq!(
        sizes,
        [("main/binary-amd64/Packages", 0), ("main/x.xz", 17)]
    );
    assert_eq!(release.files["main/x.xz"].digest.hex(), DIGEST);
}

#[test]
fn what_is_absent_is_none() {
    let release = parse_release(
        format!("SHA256:\n {DIGEST} 1 x\n").as_bytes(),
        &Limits::default(),
    )
    .unwrap();
    assert_eq!(
        (release.suite, release.date, release.valid_until),
        (None, None, None)
    );
    assert!(!release.acquire_by_hash && !release.all_in_each_architecture);
}

#[test]
fn a_bad_line_of_the_table_is_told_by_its_line() {
    let tables = [
        format!(" {DIGEST} 0 a\n {DIGEST} 0\n"),
        format!(" {DIGEST} 0 a\n {DIGEST} 0 b c\n"),
        format!(" {DIGEST} 0 a\n {DIGEST} -1 b\n"),
        format!(" {DIGEST} 0 a\n x{DIGEST} 0 b\n"),
        format!(" {DIGEST} 0 a\n {DIGEST} 0 ../b\n"),
        format!(" {DIGEST} 0 a\n {DIGEST} 0 /b\n"),
        format!(" {DIGEST} 0 a\n {DIGEST} 1 a\n"),
    ];
    for table in tables {
        let error = parse_release(release(&table).as_bytes(), &Limits::default()).unwrap_err();
        assert_eq!(
            (error.place.field.as_deref(), error.place.line),
            (Some("SHA256"), 17),
            "{table}{error}"
        );
    }
}

#[test]
fn a_file_may_be_named_twice_when_both_agree() {
    let text = release(&format!(" {DIGEST} 0 a\n {DIGEST} 0 a\n"));
    assert_eq!(
        parse_release(text.as_bytes(), &Limits::default())
            .unwrap()
            .files
            .len(),
        1
    );
}

#[test]
fn a_field_that_matters_stands_once() {
    let text = format!("Suite: a\nSHA256:\n {DIGEST} 0 a\nsuite: b\n");
    let error = parse_release(text.as_bytes(), &Limits::default()).unwrap_err();
    assert!(matches!(error.kind, Deb822ErrorKind::Duplicate), "{error}");
    assert_eq!(error.place.line, 4);
}

#[test]
fn a_second_stanza_is_refused() {
    let text = format!("SHA256:\n {DIGEST} 0 a\n\nSuite: b\n");
    let error = parse_release(text.as_bytes(), &Limits::default()).unwrap_err();
    assert!(matches!(error.kind, Deb822ErrorKind::OneStanza), "{error}");
    assert!(matches!(
        parse_release(b"", &Limits::default()).unwrap_err().kind,
        Deb822ErrorKind::OneStanza
    ));
}

#[test]
fn a_release_over_the_limit_is_refused() {
    let limits = Limits {
        release: 100,
        ..Limits::default()
    };
    let error = parse_release(release("").as_bytes(), &limits).unwrap_err();
    assert!(
        matches!(&error.kind, Deb822ErrorKind::Limit(limit) if limit.limit == "release"),
        "{error}"
    );
}

#[test]
fn a_bad_date_is_refused_and_shown() {
    let text = format!("Date: soon\nSHA256:\n {DIGEST} 0 a\n");
    let error = parse_release(text.as_bytes(), &Limits::default()).unwrap_err();
    assert!(
        error.to_string().starts_with("Date: `soon` is not a date"),
        "{error}"
    );
}

#[test]
fn dates_are_read_in_every_zone_that_is_certain() {
    let noon = Some(951_825_600);
    for text in [
        "Tue, 29 Feb 2000 12:00:00 UTC",
        "29 Feb 2000 12:00:00 GMT",
        "Tue, 29 feb 2000 12:00 Z",
        "Tue,  29 Feb 2000 14:00:00 +0200",
        "Tue, 29 Feb 2000 06:30:00 -0530",
    ] {
        assert_eq!(parse_date(text), noon, "{text}");
    }
    assert_eq!(
        parse_date("Fri, 31 Dec 1999 23:59:60 UTC"),
        Some(946_684_800)
    );
    assert_eq!(parse_date("Wed, 31 Dec 1969 23:59:59 UTC"), Some(-1));
    assert_eq!(parse_date("Sun, 7 Feb 2106 06:28:16 UTC"), Some(1 << 32));
}

#[test]
fn what_is_no_date_is_none() {
    for text in [
        "",
        "Tue, 29 Feb 2001 12:00:00 UTC",
        "Tue, 0 Feb 2000 12:00:00 UTC",
        "Tue, 31 Apr 2000 12:00:00 UTC",
        "Tue, 29 Feb 2000 24:00:00 UTC",
        "Tue, 29 Feb 2000 12:60:00 UTC",
        "Tue, 29 Feb 2000 12:00:61 UTC",
        "Tue, 29 Feb 2000 12:00:00 EST",
        "Tue, 29 Feb 2000 12:00:00",
        "Tue, 29 Feb 2000 12:00:00 UTC x",
        "Tue, 29 Feb 2000 12:00:00:00 UTC",
        "2, 29 Feb 2000 12:00:00 UTC",
        "Tue, 29 Feb 99999999999999999999 12:00:00 UTC",
        "Tue, +9 Feb 2000 12:00:00 UTC",
        "Tue, 29 Feb 2000 12:00:00 +2460",
        "2000-02-29T12:00:00Z",
    ] {
        assert_eq!(parse_date(text), None, "{text}");
    }
}
