//! Indexes are read as they were built, and as others build them.

mod support;

use std::path::Path;
use std::process::Command;

use mikron_apk::{ApkFormat, PublicKey, WeakSignatures, read_index_seal, verify};
use mikron_package::{ArchiveReader as _, Checksum, Limits, Requirement, check_identity};
use mikron_testkit::apk::{ApkBuilder, ApkHash, ApkKey, ApkRepositoryBuilder};
use mikron_testkit::tools::tool;
use support::{index_origin, origin, records, records_with};

#[test]
fn a_stanza_becomes_a_record() {
    let apk = ApkBuilder::new("nginx", "1.24.0-r7", "x86_64")
        .field(
            "depend",
            "so:libc.musl-x86_64.so.1 /bin/sh pcre2~10.42 zlib>~1.2 !nginx-old",
        )
        .field("provides", "cmd:nginx=1.24.0-r7 httpd")
        .field("install_if", "web docs~1")
        .field("replaces", "nginx-old<1.24")
        .field("replaces_priority", "7")
        .field("provider_priority", "100")
        .field("maintainer", "Ünïcode <example@example.org>")
        .file("/usr/sbin/nginx", 0o755, b"nginx")
        .members();
    let repository = ApkRepositoryBuilder::new("x86_64").package(&apk).build();
    let (found, summary) = records_with(repository.index(), &Limits::default()).unwrap();
    let record = &found[0];
    assert_eq!(record.location, "x86_64/nginx-1.24.0-r7.apk");
    assert_eq!(record.size, apk.bytes().len() as u64);
    assert_eq!((record.digest, record.installed_size), (None, 5));
    assert_eq!(record.checksum, Some(Checksum::ApkControl(apk.checksum())));
    assert_eq!(
        (record.provider_priority, record.replaces_priority),
        (Some(100), 7)
    );
    let shown = |items: Vec<String>| items.join(", ");
    assert_eq!(
        shown(record.depends.iter().map(ToString::to_string).collect()),
        "so:libc.musl-x86_64.so.1, /bin/sh, pcre2 (~ 10.42), zlib (~ 1.2) | zlib (>> 1.2)"
    );
    assert!(matches!(record.depends[3], Requirement::Any(_)));
    assert_eq!(
        shown(record.conflicts.iter().map(ToString::to_string).collect()),
        "nginx-old"
    );
    assert_eq!(
        shown(record.provides.iter().map(ToString::to_string).collect()),
        "cmd:nginx (= 1.24.0-r7), httpd"
    );
    assert_eq!(
        shown(record.install_if.iter().map(ToString::to_string).collect()),
        "web, docs (~ 1)"
    );
    assert_eq!(
        shown(record.replaces.iter().map(ToString::to_string).collect()),
        "nginx-old (<< 1.24)"
    );
    assert_eq!(
        (summary.packages, summary.odd.count(), summary.newest),
        (1, 0, 1_700_000_000)
    );
    assert_eq!(summary.description, "made for a test");
}

#[test]
fn index_and_archive_agree() {
    let apk = ApkBuilder::new("hello", "1.0-r0", "noarch")
        .file("/hello", 0o644, b"hello")
        .members();
    let repository = ApkRepositoryBuilder::new("x86_64").package(&apk).build();
    let index = records(repository.index()).unwrap();
    let bytes = repository.file(&index[0].location);
    let reader = ApkFormat
        .open_apk(Box::new(bytes), &Limits::default(), &origin())
        .unwrap();
    assert_eq!(check_identity(&index[0], &reader.metadata().record), Ok(()));
    assert_eq!(index[0].arch, "noarch");
    assert_eq!(index[0].depends, reader.metadata().record.depends);
}

#[test]
fn what_asks_for_a_newer_apk_is_left_out_and_named() {
    let text = |extra: &str| {
        format!("C:Q12jmj7l5rSw0yVb/vlWAYkK/YBwk=\nP:hello\nV:1.0-r0\nA:x86_64\nS:10\n{extra}")
    };
    let index = |extra| {
        ApkRepositoryBuilder::new("x86_64")
            .stanza(&text("").replace("hello", "good"))
            .stanza(&text(extra))
            .build()
    };
    let (found, summary) = records_with(index("X:new\n").index(), &Limits::default()).unwrap();
    let odd: Vec<String> = summary.odd.iter().map(ToString::to_string).collect();
    assert_eq!((found.len(), odd.len()), (1, 1));
    assert_eq!(odd[0], "hello 1.0-r0 (X: the package asks for a newer apk)");
    assert_eq!(records(index("x:new\n").index()).unwrap().len(), 2);
}

#[test]
fn an_index_without_packages_is_read() {
    assert!(
        records(ApkRepositoryBuilder::new("x86_64").build().index())
            .unwrap()
            .is_empty()
    );
}

#[test]
fn the_signature_of_an_index_covers_all_of_it() {
    let key = ApkKey::shared("builder");
    let keys = [PublicKey::from_pem(key.name(), &key.public_pem()).unwrap()];
    let limits = Limits::default();
    for hash in [ApkHash::Sha1, ApkHash::Sha256] {
        let repository = ApkRepositoryBuilder::new("x86_64")
            .simple("a", "1-r0", &[])
            .sign_as(&key, hash)
            .build();
        let bytes = repository.index();
        let check = |bytes: &[u8]| {
            let seal = read_index_seal(bytes, &limits, &index_origin())
                .map_err(|error| error.to_string())?;
            verify(
                &seal.signatures,
                &seal.covered,
                &keys,
                WeakSignatures::Allow,
            )
            .map_err(|error| error.to_string())?;
            Ok::<_, String>(())
        };
        assert_eq!(check(bytes), Ok(()));
        // From where the second member begins, every byte counts.
        let start = (1..bytes.len())
            .find(|at| bytes[*at..].starts_with(&[0x1f, 0x8b, 8]))
            .unwrap();
        for at in (start..bytes.len()).step_by(11) {
            let mut bad = bytes.to_vec();
            bad[at] ^= 1;
            assert!(check(&bad).is_err(), "byte {at}");
        }
        assert!(check(&bytes[..bytes.len() - 1]).is_err());
        assert!(check(&[bytes, b"x"].concat()).is_err());
    }
}

/// Makes a repository with tar and openssl alone, in the way of abuild: packed with Python's tarfile, signed with openssl dgst.
const ELSEWHERE: &str = include_str!("support/elsewhere.py");

fn run(program: &Path, arguments: &[&str]) {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .expect("the tool runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_repository_that_was_signed_elsewhere_verifies() {
    let (Some(openssl), Some(python)) = (tool("openssl"), tool("python3")) else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let limits = Limits::default();
    run(&openssl, &["genrsa", "-out", &at("elsewhere.rsa"), "2048"]);
    run(
        &openssl,
        &[
            "rsa",
            "-in",
            &at("elsewhere.rsa"),
            "-pubout",
            "-out",
            &at("elsewhere.rsa.pub"),
        ],
    );
    let pem = std::fs::read_to_string(at("elsewhere.rsa.pub")).unwrap();
    let keys = [PublicKey::from_pem("elsewhere.rsa.pub", &pem).unwrap()];
    for algorithm in ["RSA256", "RSA"] {
        run(
            &python,
            &["-c", ELSEWHERE, &at(""), &at("elsewhere"), algorithm],
        );
        let index = std::fs::read(at("APKINDEX.tar.gz")).unwrap();
        let seal = read_index_seal(&index[..], &limits, &index_origin()).unwrap();
        let strict = verify(
            &seal.signatures,
            &seal.covered,
            &keys,
            WeakSignatures::Refuse,
        );
        assert_eq!(strict.is_ok(), algorithm == "RSA256");
        verify(
            &seal.signatures,
            &seal.covered,
            &keys,
            WeakSignatures::Allow,
        )
        .unwrap();
        let found = records(&index).unwrap();
        assert_eq!(found.len(), 2);
        for record in &found {
            let name = record.location.strip_prefix("x86_64/").unwrap();
            let bytes = std::fs::read(at(name)).unwrap();
            assert_eq!(bytes.len() as u64, record.size);
            let mut reader = ApkFormat
                .open_apk(Box::new(&bytes[..]), &limits, &origin())
                .unwrap();
            assert_eq!(check_identity(record, &reader.metadata().record), Ok(()));
            let covered = reader.control().covered;
            verify(reader.signatures(), &covered, &keys, WeakSignatures::Allow).unwrap();
            reader.finish().unwrap();
            // Whatever byte changes, the chain from the index to the data breaks.
            for at in (0..bytes.len()).step_by(bytes.len() / 40) {
                let mut bad = bytes.clone();
                bad[at] ^= 0x40;
                let whole = ApkFormat
                    .open_apk(Box::new(&bad[..]), &limits, &origin())
                    .and_then(|mut reader| {
                        let same = check_identity(record, &reader.metadata().record).is_ok();
                        reader.finish().map(|()| same)
                    });
                let in_signature = at < 400;
                assert!(in_signature || !matches!(whole, Ok(true)), "byte {at}");
            }
        }
    }
}
