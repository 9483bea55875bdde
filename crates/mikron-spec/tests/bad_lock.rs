//! Rows 110 to 114 of the table of bad input.

#[path = "common/locks.rs"]
mod locks;

use locks::{amd64, lock, read};
use mikron_package::Limits;
use mikron_spec::{Lock, SpecError, SpecErrorKind};
use mikron_yaml::YamlErrorKind;

fn refused(text: &str) -> SpecError {
    match read(text) {
        Ok(_) => panic!("accepted:\n{text}"),
        Err(error) => error,
    }
}

/// The line, counted from 1, that begins with this text behind its indentation.
fn line_of(text: &str, start: &str) -> usize {
    let at = text
        .lines()
        .position(|line| line.trim_start().starts_with(start));
    at.unwrap_or_else(|| panic!("no line `{start}`")) + 1
}

#[test]
fn bad_110_digest_tampered() {
    let text = lock().to_yaml();
    let size = text.replacen("size: 1234", "size: 1235", 1);
    let error = refused(&size);
    let SpecErrorKind::Tampered { stated, computed } = &error.kind else {
        panic!("{error}");
    };
    assert_eq!(*stated, lock().digest());
    assert_ne!(stated, computed);
    assert_eq!(error.at.line, line_of(&text, "digest: "));
    assert!(
        error
            .help
            .as_ref()
            .is_some_and(|help| help.contains("mikron lock"))
    );
    // Any digit of any digest, the lock's own among them.
    let digests: Vec<usize> = text
        .match_indices("sha256:")
        .map(|(at, _)| at + 7)
        .collect();
    for at in digests {
        for offset in [0, 31, 63] {
            let mut bytes = text.clone().into_bytes();
            let digit = &mut bytes[at + offset];
            *digit = if *digit == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(bytes).expect("text");
            let error = refused(&changed);
            assert!(
                matches!(error.kind, SpecErrorKind::Tampered { .. }),
                "{error}"
            );
        }
    }
}

#[test]
fn bad_110_package_taken_out() {
    let text = lock().to_yaml();
    let start = text.find("    - name: base-files").expect("a package");
    let end = text[start + 1..].find("    - name:").expect("the next") + start + 1;
    let without = format!("{}{}", &text[..start], &text[end..]);
    assert!(matches!(
        refused(&without).kind,
        SpecErrorKind::Tampered { .. }
    ));
}

#[test]
fn bad_111_algorithm_downgraded() {
    let text = lock().to_yaml();
    let package = line_of(&text, "- name: base-files");
    let lines: Vec<&str> = text.lines().collect();
    let digest_line = (package..lines.len())
        .find(|n| lines[*n].trim_start().starts_with("digest:"))
        .expect("a digest");
    for (algorithm, digest) in [
        ("md5", "md5:d41d8cd98f00b204e9800998ecf8427e"),
        ("md5", "d41d8cd98f00b204e9800998ecf8427e"),
        ("sha1", "sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        ("sha1", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        ("crc32", "crc32:00000000"),
    ] {
        let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        lines[digest_line] = format!("      digest: {digest}");
        let error = refused(&lines.join("\n"));
        let algorithm = algorithm.to_owned();
        assert_eq!(error.kind, SpecErrorKind::WeakDigest { algorithm });
        assert_eq!((error.at.line, error.at.column), (digest_line + 1, 15));
    }
    // Not weak, and not a digest either.
    let upper = text.replace("sha256:", "SHA256:");
    assert!(read(&upper).is_err());
    let short = text.replacen("digest: sha256:", "digest: sha256:0", 1);
    assert!(refused(&short).message().contains("is not a digest"));
}

#[test]
fn bad_112_place_outside_the_sources() {
    for place in [
        "https://evil.example.org/a.deb",
        "//evil.example.org/a.deb",
        "/etc/passwd",
        "../../a.deb",
        "pool/../../a.deb",
        "pool//a.deb",
        "./a.deb",
        "",
        "pool\\a.deb",
        "pool/%2e%2e/a.deb",
        "pool/%2E%2e/a.deb",
        "pool/a%2fb",
        "pool/\u{0}a",
    ] {
        let mut outside = lock();
        let packages = &mut outside
            .platforms
            .get_mut(&amd64())
            .expect("a platform")
            .packages;
        packages[0].location = place.to_owned();
        let text = outside.to_yaml();
        let error = refused(&text);
        assert!(
            matches!(error.kind, SpecErrorKind::Forbidden(_)),
            "{place}: {error}"
        );
        assert!(error.at.snippet.contains("location:"), "{error}");
        assert!(
            error
                .message()
                .contains("does not lie in a source of the spec"),
            "{error}"
        );
    }
    let mut outside = lock();
    let suite = &mut outside.sources.get_mut("debian").expect("a source").suites[0];
    suite.indexes[0].path = "https://evil.example.org/Packages.xz".to_owned();
    assert!(refused(&outside.to_yaml()).at.snippet.contains("evil"));
    let mut outside = lock();
    let suite = &mut outside.sources.get_mut("debian").expect("a source").suites[0];
    suite.release.path = "../InRelease".to_owned();
    assert!(
        refused(&outside.to_yaml())
            .at
            .snippet
            .contains("../InRelease")
    );
}

#[test]
fn bad_112_source_or_suite_that_the_lock_does_not_have() {
    let mut other = lock();
    let packages = &mut other
        .platforms
        .get_mut(&amd64())
        .expect("a platform")
        .packages;
    packages[0].source = "evil".to_owned();
    let error = refused(&other.to_yaml());
    assert_eq!(error.message(), "there is no source `evil`");
    assert_eq!(error.at.snippet.trim(), "source: evil");

    // Which suite a package came with is not part of a lock.
    let with_suite = lock().to_yaml().replacen(
        "      source: debian\n",
        "      source: debian\n      suite: sid\n",
        1,
    );
    assert!(refused(&with_suite).message().contains("`suite`"));

    let mut other = lock();
    let debian = other.sources["debian"].clone();
    other.sources.insert("evil".to_owned(), debian);
    assert_eq!(
        refused(&other.to_yaml()).message(),
        "there is no source `evil`"
    );
}

#[test]
fn bad_113_newer_schema() {
    let text = lock().to_yaml();
    let newer = text.replacen("mikron-lock: 1", "mikron-lock: 2", 1);
    let error = refused(&newer);
    assert!(matches!(&error.kind, SpecErrorKind::SchemaVersion { found, .. } if found == "2"));
    // What a newer schema adds is not what is wrong with it.
    let with_key = newer.replacen("name: web", "name: web\nfuture: key", 1);
    let error = refused(&with_key);
    assert_eq!(error.at.line, line_of(&with_key, "mikron-lock"));
    insta::assert_snapshot!(error.message(), @"schema version 2 is not supported; this version of Mikron reads 1");
    let zero = text.replacen("mikron-lock: 1", "mikron-lock: 0", 1);
    assert!(matches!(
        refused(&zero).kind,
        SpecErrorKind::SchemaVersion { .. }
    ));
}

#[test]
fn bad_114_duplicate_key() {
    let text = lock().to_yaml();
    let twice = text.replacen("size: 1234", "size: 1234\n      size: 9", 1);
    let error = refused(&twice);
    assert_eq!(
        error.kind,
        SpecErrorKind::Yaml(YamlErrorKind::DuplicateKey { key: "size".into() })
    );
    assert_eq!(error.at.snippet, "      size: 9");
    // JSON is YAML: the same lock in one line.
    let json = "{\"mikron-lock\": 1, \"name\": \"a\", \"name\": \"b\"}";
    let error = refused(json);
    assert_eq!(
        error.kind,
        SpecErrorKind::Yaml(YamlErrorKind::DuplicateKey { key: "name".into() })
    );
    assert_eq!((error.at.line, error.at.column), (1, 33));
}

#[test]
fn a_package_that_stands_twice_is_refused() {
    let mut twice = lock();
    let packages = &mut twice
        .platforms
        .get_mut(&amd64())
        .expect("a platform")
        .packages;
    packages.push(packages[0].clone());
    assert_eq!(
        refused(&twice.to_yaml()).message(),
        "the package `nginx` stands here twice"
    );
}

#[test]
fn a_lock_larger_than_the_limit_is_refused() {
    let limits = Limits {
        lock: 100,
        ..Limits::default()
    };
    let error = Lock::parse("web.lock", &lock().to_yaml(), &limits).unwrap_err();
    assert!(
        matches!(&error.kind, SpecErrorKind::TooLarge(e) if e.limit == "lock"),
        "{error}"
    );
}

#[test]
fn no_damage_to_a_lock_makes_the_parser_panic_or_goes_unseen() {
    let text = lock().to_yaml();
    let whole = read(&text).expect("a good lock");
    // Every byte is the business of the fuzz target; a prime step meets every kind of place.
    for at in (0..text.len()).step_by(13) {
        let mut cut = text.clone();
        cut.truncate(at);
        if let Ok(read) = read(&cut) {
            assert_eq!(read, whole, "cut at {at}");
        }
        let mut dropped = text.clone();
        dropped.remove(at);
        if let Ok(read) = read(&dropped) {
            assert_eq!(read, whole, "without byte {at}");
        }
    }
}
