//! Archives are read back as they were built.

mod support;

use std::process::Command;

use mikron_apk::{
    Algorithm, ApkFormat, PublicKey, SignatureError, WeakSignatures, format_checksum, verify,
};
use mikron_package::{
    ArchiveErrorKind, Checksum, EntryKind, Family, Limits, PackageFormat, RootPath,
};
use mikron_testkit::apk::{ApkBuilder, ApkHash, ApkKey};
use mikron_testkit::tools::tool;
use support::{origin, read};

fn hello() -> ApkBuilder {
    ApkBuilder::new("hello", "1.0-r0", "x86_64")
        .field("depend", "so:libc.musl-x86_64.so.1")
        .field("depend", "/bin/sh")
        .field("depend", "zlib>=1.2")
        .field("depend", "!hello-old<1.0")
        .field("provides", "cmd:hello=1.0-r0")
        .field("provides", "greeter")
        .field("replaces", "hello-old")
        .field("replaces_priority", "5")
        .field("provider_priority", "10")
        .field("install_if", "docs hello=1.0-r0")
        .field("triggers", "/usr/share/hello")
        .control_file(".post-install", "#!/bin/sh\nexit 0\n")
        .control_file(".pre-install", "#!/bin/sh\n")
        .control_file(".trigger", "#!/bin/sh\n")
        .file("/usr/bin/hello", 0o4755, b"#!/bin/sh\necho hello\n")
        .xattr("security.capability", &[1, 0, 0, 2, 0, 4, 0, 0])
        .hardlink("/usr/bin/hi", "/usr/bin/hello", 0o755)
        .symlink("/usr/bin/hey", "hello")
        .dir("/var/lib/hello", 0o750)
        .owner(100, 101, "hello", "hello")
        .file("/etc/hello.conf", 0o640, b"")
        .file(
            &format!("/usr/share/{}/long", "d".repeat(120)),
            0o644,
            b"deep",
        )
}

#[test]
fn every_entry_and_its_attributes_come_back() {
    let read = read(&hello().build()).unwrap();
    let paths: Vec<String> = read
        .entries
        .iter()
        .map(|(e, _)| e.path.to_string())
        .collect();
    let long = format!("/usr/share/{}", "d".repeat(120));
    assert_eq!(
        paths,
        [
            "/usr",
            "/usr/bin",
            "/usr/bin/hello",
            "/usr/bin/hi",
            "/usr/bin/hey",
            "/var",
            "/var/lib",
            "/var/lib/hello",
            "/etc",
            "/etc/hello.conf",
            "/usr/share",
            &long,
            &format!("{long}/long"),
        ]
    );
    let (entry, content) = read.entry("/usr/bin/hello");
    assert_eq!(
        (entry.mode, content.as_slice()),
        (0o4755, &b"#!/bin/sh\necho hello\n"[..])
    );
    assert_eq!(
        entry.xattrs[&b"security.capability"[..]],
        [1, 0, 0, 2, 0, 4, 0, 0]
    );
    assert_eq!(entry.mtime, 1_700_000_000);
    let target = RootPath::new(b"usr/bin/hello").unwrap();
    assert_eq!(
        read.entry("/usr/bin/hi").0.kind,
        EntryKind::Hardlink { target }
    );
    assert_eq!(
        read.entry("/usr/bin/hey").0.kind,
        EntryKind::Symlink {
            target: b"hello".to_vec()
        }
    );
    let (entry, _) = read.entry("/var/lib/hello");
    assert_eq!(
        (entry.uid, entry.gid, entry.user.as_deref()),
        (100, 101, Some("hello"))
    );
    assert_eq!(read.entry(&format!("{long}/long")).1, b"deep");
}

#[test]
fn the_metadata_come_back() {
    let built = hello().members();
    let read = read(&built.bytes()).unwrap();
    let record = &read.metadata.record;
    let text = |items: &[mikron_package::Relation]| -> Vec<String> {
        items.iter().map(ToString::to_string).collect()
    };
    let depends: Vec<String> = record.depends.iter().map(ToString::to_string).collect();
    assert_eq!(
        (record.name.as_str(), record.version.as_str(), &*record.arch),
        ("hello", "1.0-r0", "x86_64")
    );
    assert_eq!(
        depends,
        ["so:libc.musl-x86_64.so.1", "/bin/sh", "zlib (>= 1.2)"]
    );
    assert_eq!(text(&record.conflicts), ["hello-old (<< 1.0)"]);
    assert_eq!(text(&record.provides), ["cmd:hello (= 1.0-r0)", "greeter"]);
    assert_eq!(text(&record.replaces), ["hello-old"]);
    assert_eq!(text(&record.install_if), ["docs", "hello (= 1.0-r0)"]);
    assert_eq!(
        (record.provider_priority, record.replaces_priority),
        (Some(10), 5)
    );
    assert_eq!(
        record.checksum,
        Some(Checksum::ApkControl(built.checksum()))
    );
    assert_eq!(
        (record.size, record.digest, record.location.as_str()),
        (0, None, "")
    );
    let scripts: Vec<&str> = read
        .metadata
        .scripts
        .iter()
        .map(|s| s.name.as_str())
        .collect();
    assert_eq!(scripts, [".pre-install", ".post-install", ".trigger"]);
    assert_eq!(read.metadata.scripts[1].text, b"#!/bin/sh\nexit 0\n");
    assert_eq!(
        read.metadata.fields[0],
        ("pkgname".to_owned(), "hello".to_owned())
    );
    assert!(
        read.metadata
            .fields
            .contains(&("triggers".to_owned(), "/usr/share/hello".to_owned()))
    );
}

#[test]
fn the_format_is_recognised_by_its_beginning() {
    let bytes = hello().build();
    assert!(ApkFormat.recognises(&bytes[..8]));
    assert!(ApkFormat.recognises(b"ADBd\0\0\0\0"));
    assert!(!ApkFormat.recognises(b"!<arch>\n"));
    assert!(!ApkFormat.recognises(b""));
    assert_eq!(ApkFormat.family(), Family::APK);
    assert!(ApkFormat.database().is_some());
}

#[test]
fn a_signature_verifies_by_the_key_that_it_names() {
    let key = ApkKey::shared("builder");
    let keys = [PublicKey::from_pem(key.name(), &key.public_pem()).unwrap()];
    let members = hello().members();
    for (hash, algorithm) in [
        (ApkHash::Sha1, Algorithm::RsaSha1),
        (ApkHash::Sha256, Algorithm::RsaSha256),
    ] {
        let bytes = members.clone().signed_as(&key, hash).bytes();
        let mut reader = ApkFormat
            .open_apk(Box::new(&bytes[..]), &Limits::default(), &origin())
            .unwrap();
        assert_eq!(reader.signatures()[0].algorithm, algorithm);
        assert_eq!(reader.signatures()[0].key, "builder.rsa.pub");
        let covered = reader.control().covered;
        let found = verify(reader.signatures(), &covered, &keys, WeakSignatures::Allow).unwrap();
        assert_eq!(found.name(), "builder.rsa.pub");
        let strict = verify(reader.signatures(), &covered, &keys, WeakSignatures::Refuse);
        assert_eq!(strict.is_ok(), hash == ApkHash::Sha256);
        reader.finish().unwrap();
    }
}

#[test]
fn a_key_that_is_too_small_or_no_key_is_refused() {
    let small = ApkKey::of_size("small", 1024);
    let error = PublicKey::from_pem(small.name(), &small.public_pem()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the key small.rsa.pub has 1024 bits; fewer than 2048 do not count"
    );
    assert!(
        PublicKey::from_pem(
            "x",
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"
        )
        .is_err()
    );
    assert!(PublicKey::from_pem("x", "").is_err());
}

#[test]
fn contents_that_nobody_reads_are_checked_all_the_same() {
    let tar = hello().data_tar();
    let at = tar.windows(10).position(|w| w == b"echo hello").unwrap();
    let mut changed = tar.clone();
    changed[at] = b'E';
    let data = mikron_testkit::archive::Compression::Gzip.compress(&changed);
    let bytes = hello().members_with(data).bytes();
    let mut reader = ApkFormat
        .open_apk(Box::new(&bytes[..]), &Limits::default(), &origin())
        .unwrap();
    let error = reader.finish().unwrap_err();
    assert_eq!(error.entry.as_deref(), Some("/usr/bin/hello"));
    assert!(
        matches!(error.kind, ArchiveErrorKind::Malformed(_)),
        "{error}"
    );
    assert!(reader.finish().is_err(), "an error stays");
}

#[test]
fn entries_without_checksums_are_proved_by_the_data_hash() {
    assert!(read(&hello().without_checksums().build()).is_ok());
}

#[test]
fn apk_itself_accepts_the_archive_and_lists_the_same_checksums() {
    // apk is not to be had on most machines; archives made by tar and openssl stand for it there.
    let Some(apk) = tool("apk") else { return };
    let directory = tempfile::tempdir().unwrap();
    let key = ApkKey::shared("builder");
    let keys = directory.path().join("keys");
    std::fs::create_dir(&keys).unwrap();
    std::fs::write(keys.join(key.name()), key.public_pem()).unwrap();
    let signed = hello().members().signed_as(&key, ApkHash::Sha256);
    let path = directory.path().join("hello-1.0-r0.apk");
    // It wants a database, be it empty.
    for file in ["lib/apk/db/installed", "etc/apk/world"] {
        let file = directory.path().join(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, b"").unwrap();
    }
    std::fs::write(&path, signed.bytes()).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(&apk);
        command
            .arg("--root")
            .arg(directory.path())
            .arg("--keys-dir")
            .arg(&keys);
        let output = command.args(arguments).arg(&path).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        text
    };
    assert!(run(&["verify"]).contains("OK"));
    let listed = run(&["manifest"]);
    let read = read(&signed.bytes()).unwrap();
    for (entry, content) in read.entries.iter().filter(|(entry, _)| entry.is_file()) {
        use sha1::Digest as _;
        let hex = sha1::Sha1::digest(content);
        let line = format!("sha1:{hex:x}  {}", &entry.path.to_string()[1..]);
        assert!(listed.contains(&line), "{line}\n{listed}");
    }
    assert!(format_checksum(&signed.checksum()).starts_with("Q1"));
}

#[test]
fn an_unsigned_archive_says_so() {
    let bytes = hello().build();
    let reader = ApkFormat
        .open_apk(Box::new(&bytes[..]), &Limits::default(), &origin())
        .unwrap();
    let error = verify(
        reader.signatures(),
        &reader.control().covered,
        &[],
        WeakSignatures::Refuse,
    );
    assert_eq!(error.unwrap_err(), SignatureError::Unsigned);
}
