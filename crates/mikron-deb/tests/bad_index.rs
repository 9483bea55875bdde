//! Indexes that are refused, by row of the table of bad input.

use mikron_deb::{Deb822Error, Deb822ErrorKind, parse_release, parse_requirements, read_packages};
use mikron_package::{Limits, OddRecords, Origin, PackageRecord, Version, check_identity};

const DIGEST: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn stanza(name: &str, more: &str) -> String {
    format!("Package: {name}\nVersion: 1-1\nArchitecture: amd64\n{more}\n")
}

fn whole(name: &str) -> String {
    let more = format!("Filename: pool/{name}.deb\nSize: 9\nSHA256: {DIGEST}\n");
    stanza(name, &more)
}

fn origin() -> Origin {
    Origin {
        source: "debian".to_owned(),
        archive: "bookworm/main/binary-amd64/Packages".to_owned(),
    }
}

fn read_with(text: &str, limits: &Limits) -> Result<(usize, OddRecords), Deb822Error> {
    let mut count = 0;
    let odd = read_packages(text.as_bytes(), limits, &origin(), |_| {
        count += 1;
        Ok::<(), Deb822Error>(())
    })?;
    Ok((count, odd))
}

fn read(text: &str) -> Result<usize, Deb822Error> {
    read_with(text, &Limits::default()).map(|(count, _)| count)
}

/// Reads an index whose only stanza is bad, and checks that the error says where. Beside a good one, the bad stanza is left out
/// and named; only what nobody may read in full (a limit) ends the reading.
fn refused(bad: &str) -> Deb822Error {
    let error = read(bad).expect_err("the index is bad");
    assert_eq!(error.place.origin, origin());
    assert_eq!(error.place.package.as_deref(), Some("evil"));
    let message = error.to_string();
    for part in [
        "bookworm/main/binary-amd64/Packages (source debian)",
        "package evil",
        "line ",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    let beside = read_with(&format!("{}{bad}", whole("good")), &Limits::default());
    match (beside, &error.kind) {
        (Err(beside), Deb822ErrorKind::Limit(_)) => assert!(beside.place.line > error.place.line),
        (Ok((1, odd)), _) => {
            let odd: Vec<_> = odd.iter().collect();
            assert_eq!((odd.len(), &*odd[0].name), (1, "evil"));
            assert!(message.contains(&odd[0].reason), "{}: {message}", odd[0]);
        }
        (other, _) => panic!("{other:?}"),
    }
    error
}

#[test]
fn a_good_index_is_read() {
    assert_eq!(read(&format!("{}{}", whole("a"), whole("b"))).unwrap(), 2);
}

#[test]
fn an_odd_version_or_relation_costs_its_own_stanza_alone() {
    let bad = |from: &str, to: &str| whole("evil").replace(from, to);
    let cases = [
        (
            bad("Version: 1-1", "Version: abc"),
            "Version: the version `abc` does not start with a digit",
        ),
        (
            bad("Version: 1-1", "Version: 1:"),
            "Version: the version `1:` has nothing behind the epoch",
        ),
        (
            bad(
                "Architecture: amd64",
                "Architecture: amd64\nDepends: a (= )",
            ),
            "Depends: the version `` is empty",
        ),
        (
            bad(
                "Architecture: amd64",
                "Architecture: amd64\nMulti-Arch: some",
            ),
            "Multi-Arch: `some` is not",
        ),
    ];
    for (bad, reason) in cases {
        let text = format!("{}{bad}{}", whole("a"), whole("b"));
        let (count, odd) = read_with(&text, &Limits::default()).unwrap();
        let odd: Vec<_> = odd.iter().collect();
        assert_eq!((count, odd.len(), &*odd[0].arch), (2, 1, "amd64"), "{bad}");
        assert!(odd[0].reason.starts_with(reason), "{}", odd[0]);
    }
}

#[test]
fn a_line_that_is_no_field_ends_the_reading() {
    for torn in ["no field", "-a: b", " continued"] {
        let text = format!("{}{torn}\n\n{}", whole("a"), whole("b"));
        assert!(read(&text).is_err(), "{torn}");
    }
}

#[test]
fn lines_of_white_space_separate_stanzas_unless_a_value_goes_on_behind_them() {
    let spaced = |gap: &str| {
        let [a, b] = ["a", "b"].map(|name| whole(name).trim_end().to_owned());
        read_with(&format!("{a}\n{gap}{b}\n"), &Limits::default())
            .map(|(count, odd)| (count, odd.count()))
    };
    for gap in [" \n", "\t\n", "   \n \t \n", " \n\n", "\n \n", " \r\n"] {
        assert_eq!(spaced(gap).unwrap(), (2, 0), "{gap:?}");
    }
    let text = format!(
        "{}Description: a\n more\n \n and more\n",
        whole("a").trim_end().to_owned() + "\n"
    );
    assert_eq!(read(&text).unwrap(), 1);
    let text = format!("  \n\t\n{}  \n ", whole("a"));
    assert_eq!(read(&text).unwrap(), 1);
    let limits = Limits {
        field: 1000,
        ..Limits::default()
    };
    let error = read_with(&" ".repeat(1 << 20), &limits).unwrap_err();
    assert!(matches!(error.kind, Deb822ErrorKind::Limit(_)), "{error}");
}

#[test]
fn bad_013_package_version_or_architecture_differ_from_the_index() {
    let record = |name: &str, version: &str, arch: &str| {
        let mut record = PackageRecord::new(name.parse().unwrap(), Version::new(version), arch);
        record.location = "pool/nginx.deb".to_owned();
        record
    };
    let index = record("nginx", "1.22.1-9", "amd64");
    assert_eq!(check_identity(&index, &index), Ok(()));
    let cases = [
        (
            record("nginy", "1.22.1-9", "amd64"),
            "Package",
            "nginy",
            "nginx",
        ),
        (
            record("nginx", "1.18.0-6", "amd64"),
            "Version",
            "1.18.0-6",
            "1.22.1-9",
        ),
        (
            record("nginx", "1.22.1-9", "arm64"),
            "Architecture",
            "arm64",
            "amd64",
        ),
    ];
    for (archive, field, found, promised) in cases {
        let error = check_identity(&index, &archive).unwrap_err();
        assert_eq!(
            (error.field, &*error.archive, &*error.index),
            (field, found, promised)
        );
        let expected = format!(
            "pool/nginx.deb: the archive's `{field}` is `{found}`, but the index promised `{promised}` for package nginx"
        );
        assert!(error.to_string().starts_with(&expected), "{error}");
    }
}

#[test]
fn bad_079_weak_hashes_only() {
    let text = "Suite: stable\nMD5Sum:\n d41d8cd98f00b204e9800998ecf8427e 0 Packages\nSHA1:\n \
                da39a3ee5e6b4b0d3255bfef95601890afd80709 0 Packages\n";
    let error = parse_release(text.as_bytes(), &Limits::default()).unwrap_err();
    assert!(
        matches!(&error.kind, Deb822ErrorKind::WeakHashesOnly { weak } if weak == "MD5Sum, SHA1"),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains("no SHA-256 digests, only weak ones (MD5Sum, SHA1)"),
        "{error}"
    );
}

#[test]
fn bad_086_filename_that_leads_out_of_the_repository() {
    let cases = [
        ("../etc/passwd", "has a `..` component"),
        ("pool/../../x.deb", "has a `..` component"),
        ("pool/..", "has a `..` component"),
        ("/etc/passwd", "is absolute"),
        ("//evil.example.org/x.deb", "is absolute"),
        ("http://evil.example.org/x.deb", "has a scheme"),
        ("file:/etc/passwd", "has a scheme"),
        (
            "pool/%2e%2e/x.deb",
            "hides a dot, slash, backslash or control character behind a `%`",
        ),
        (
            "%2E%2e/x.deb",
            "hides a dot, slash, backslash or control character behind a `%`",
        ),
        ("pool\\..\\x.deb", "holds a backslash"),
        ("pool/x\u{7}.deb", "holds a control character"),
        ("pool/x.deb\n Host:y", "holds a control character"),
        ("pool/x\u{0}.deb", "holds a control character"),
        ("pool/", "names no file"),
    ];
    for (location, expected) in cases {
        let more = format!("Filename: {location}\nSize: 9\nSHA256: {DIGEST}\n");
        let error = refused(&stanza("evil", &more));
        let Deb822ErrorKind::Location { reason, .. } = &error.kind else {
            panic!("{location}: {error}")
        };
        assert_eq!(*reason, expected, "{location}");
        assert_eq!(error.place.field.as_deref(), Some("Filename"));
    }
    for location in [
        "x.deb",
        "./x.deb",
        "pool/x_1:2_all.deb",
        "pool/a..b/x",
        "pool//x.deb",
        "pool/./größe 1%3a2.deb",
        "copy:x",
        "pool/x.deb?y#z",
    ] {
        let more = format!("Filename: {location}\nSize: 9\nSHA256: {DIGEST}\n");
        assert_eq!(read(&stanza("good", &more)).unwrap(), 1, "{location}");
    }
}

#[test]
fn bad_086_filename_missing() {
    let error = refused(&stanza("evil", &format!("Size: 9\nSHA256: {DIGEST}\n")));
    assert!(matches!(error.kind, Deb822ErrorKind::Missing), "{error}");
}

#[test]
fn bad_087_sha256_or_size_missing_or_twice() {
    let file = "Filename: pool/x.deb\n";
    let (size, digest) = ("Size: 9\n", format!("SHA256: {DIGEST}\n"));
    let md5 = "MD5sum: d41d8cd98f00b204e9800998ecf8427e\n";
    let missing = [
        (format!("{file}{md5}{digest}"), "Size"),
        (format!("{file}{md5}{size}"), "SHA256"),
    ];
    for (more, field) in missing {
        let error = refused(&stanza("evil", &more));
        assert!(matches!(error.kind, Deb822ErrorKind::Missing), "{error}");
        assert_eq!(error.place.field.as_deref(), Some(field));
        assert!(
            error
                .to_string()
                .contains(&format!("{field}: the field is missing")),
            "{error}"
        );
    }
    let twice = [
        (format!("{file}{size}{digest}{size}"), "Size"),
        (
            format!("{file}{size}{digest}sha256: {}\n", "0".repeat(64)),
            "sha256",
        ),
        (format!("{file}{size}{digest}{file}"), "Filename"),
        (format!("{file}{size}{digest}Version: 2\n"), "Version"),
    ];
    for (more, field) in twice {
        let error = refused(&stanza("evil", &more));
        assert!(matches!(error.kind, Deb822ErrorKind::Duplicate), "{error}");
        assert_eq!(error.place.field.as_deref(), Some(field));
        assert!(
            error.to_string().contains("stands twice in one stanza"),
            "{error}"
        );
    }
}

#[test]
fn bad_087_sha256_or_size_malformed() {
    for size in ["-9", "+9", "9x", "0x9", "99999999999999999999", " "] {
        let error = refused(&stanza(
            "evil",
            &format!("Filename: x\nSize: {size}\nSHA256: {DIGEST}\n"),
        ));
        assert_eq!(error.place.field.as_deref(), Some("Size"), "{error}");
    }
    for digest in [&DIGEST[1..], "", &"g".repeat(64)] {
        let error = refused(&stanza(
            "evil",
            &format!("Filename: x\nSize: 9\nSHA256: {digest}\n"),
        ));
        assert_eq!(error.place.field.as_deref(), Some("SHA256"), "{error}");
    }
}

#[test]
fn bad_089_huge_line() {
    let limits = Limits {
        field: 64 << 10,
        ..Limits::default()
    };
    let text = format!(
        "{}Package: evil\nDescription: {}\n",
        whole("good"),
        "x".repeat(1 << 20)
    );
    let error = read_with(&text, &limits).unwrap_err();
    let Deb822ErrorKind::Limit(limit) = &error.kind else {
        panic!("{error}")
    };
    assert_eq!((limit.limit, limit.allowed), ("field", 64 << 10));
    assert!(
        limit.found <= 512 << 10,
        "no more was held than one read gave: {}",
        limit.found
    );
    assert!(
        error
            .to_string()
            .contains("Packages (source debian): the limit `field` of 65536 is exceeded"),
        "{error}"
    );
}

#[test]
fn bad_089_a_million_alternatives() {
    let depends = "a|".repeat(1_000_000);
    let more = format!(
        "Depends: {}a\nFilename: x\nSize: 9\nSHA256: {DIGEST}\n",
        &depends
    );
    let error = refused(&stanza("evil", &more));
    let Deb822ErrorKind::Limit(limit) = &error.kind else {
        panic!("{error}")
    };
    assert_eq!(
        (limit.limit, limit.found, limit.allowed),
        ("alternatives", 10_001, 10_000)
    );
    let error = parse_requirements(depends.as_bytes(), &Limits::default()).unwrap_err();
    assert!(matches!(error.kind, Deb822ErrorKind::Limit(_)), "{error}");
}

#[test]
fn bad_089_an_index_over_the_limit() {
    let limits = Limits {
        index_unpacked: 200,
        ..Limits::default()
    };
    let text = format!("{}{}", whole("a"), whole("b"));
    let error = read_with(&text, &limits).unwrap_err();
    assert!(
        matches!(&error.kind, Deb822ErrorKind::Limit(limit) if limit.limit == "index_unpacked"),
        "{error}"
    );
}
