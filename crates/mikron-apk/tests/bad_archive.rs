//! Archives that are refused, by row of the table of bad input.

mod support;

use mikron_apk::{
    Algorithm, ApkFormat, Covered, PublicKey, Signature, SignatureError, WeakSignatures, verify,
};
use mikron_package::{ArchiveErrorKind, ArchiveReader as _, Checksum, Limits, check_identity};
use mikron_testkit::apk::{Apk, ApkBuilder, ApkHash, ApkKey};
use mikron_testkit::archive::{Compression, TarBuilder, TarHeader};
use support::{origin, read, read_with, refused, refused_with};

fn hello() -> ApkBuilder {
    ApkBuilder::new("hello", "1.0-r0", "x86_64").file("/usr/bin/hello", 0o755, b"hello")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    Compression::Gzip.compress(bytes)
}

fn proof(bytes: &[u8]) -> (Vec<Signature>, Covered) {
    let reader = ApkFormat
        .open_apk(Box::new(bytes), &Limits::default(), &origin())
        .expect("a good archive");
    (reader.signatures().to_vec(), reader.control().covered)
}

fn public(key: &ApkKey) -> PublicKey {
    PublicKey::from_pem(key.name(), &key.public_pem()).expect("a good archive")
}

#[test]
fn bad_063_unsigned_or_unknown_key() {
    let key = ApkKey::shared("builder");
    let (none, covered) = proof(&hello().build());
    let strict = WeakSignatures::Refuse;
    assert_eq!(
        verify(&none, &covered, &[public(&key)], strict).unwrap_err(),
        SignatureError::Unsigned
    );
    let (signatures, covered) = proof(&hello().signed(&key).bytes());
    let stranger = public(&ApkKey::other("stranger"));
    let error = verify(
        &signatures,
        &covered,
        std::slice::from_ref(&stranger),
        strict,
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "it is signed by builder.rsa.pub, and no such key is trusted"
    );
    // Another key under the name that the signature gives: the name alone counts for nothing.
    let impostor = public(&ApkKey::other("builder"));
    let error = verify(&signatures, &covered, &[impostor], strict).unwrap_err();
    assert!(matches!(error, SignatureError::Wrong { .. }), "{error}");
    // A good signature does not make up for a wrong one.
    let other = ApkKey::other("other");
    let mut both = signatures.clone();
    both.push(Signature {
        key: other.name().to_owned(),
        ..signatures[0].clone()
    });
    let keys = [public(&key), public(&other)];
    assert!(matches!(
        verify(&both, &covered, &keys, strict),
        Err(SignatureError::Wrong { .. })
    ));
    // One by an algorithm that nobody knows is no signature at all.
    let unknown = Signature {
        algorithm: Algorithm::Other("RSA512".to_owned()),
        ..signatures[0].clone()
    };
    let error = verify(&[unknown], &covered, &keys, strict).unwrap_err();
    assert!(
        matches!(error, SignatureError::UnknownKey { .. }),
        "{error}"
    );
}

#[test]
fn bad_063_a_changed_control_member_does_not_fit_its_signature() {
    let key = ApkKey::shared("builder");
    let signed = hello().signed(&key);
    let other = hello().field("depend", "evil").members();
    let forged = Apk {
        signature: signed.signature.clone(),
        ..other
    };
    let (signatures, covered) = proof(&forged.bytes());
    let error = verify(
        &signatures,
        &covered,
        &[public(&key)],
        WeakSignatures::Refuse,
    )
    .unwrap_err();
    assert!(matches!(error, SignatureError::Wrong { .. }), "{error}");
}

#[test]
fn bad_064_signature_not_first_or_with_a_slash() {
    let key = ApkKey::shared("builder");
    let signed = hello().signed(&key);
    let swapped = [&signed.control[..], &signed.signature, &signed.data].concat();
    refused(&swapped, "");
    // A second signature member, and one inside of the other members.
    let twice = [&signed.signature[..], &signed.bytes()].concat();
    refused(&twice, "a signature stands behind the place of signatures");
    let inside = hello().control_file(".SIGN.RSA256.x.rsa.pub", "x").build();
    refused(&inside, "a signature stands behind the place of signatures");
    let inside = hello().file("/.SIGN.RSA256.x.rsa.pub", 0o644, "x").build();
    refused(&inside, "a name with a dot in front stands at the root");
    for name in [
        ".SIGN.RSA256.a/b.rsa.pub",
        ".SIGN.RSA256...",
        ".SIGN.RSA256",
        ".SIGN.RSA256.",
    ] {
        let tar = TarBuilder::new()
            .file(name, 0o644, b"x")
            .without_end()
            .build();
        let bytes = [&gzip(&tar)[..], &signed.control, &signed.data].concat();
        refused(&bytes, "the name of a");
    }
    let tar = TarBuilder::new()
        .file(".SIGN.RSA256.x", 0o644, b"x")
        .file("etc/passwd", 0o644, b"x")
        .without_end()
        .build();
    let bytes = [&gzip(&tar)[..], &signed.control, &signed.data].concat();
    refused(&bytes, "something else than a signature");
    let tar = TarBuilder::new()
        .symlink(".SIGN.RSA256.x", "/etc/passwd")
        .without_end()
        .build();
    let bytes = [&gzip(&tar)[..], &signed.control, &signed.data].concat();
    refused(&bytes, "a signature is not a plain file");
}

#[test]
fn bad_065_sha_1_counts_by_explicit_policy_only() {
    let key = ApkKey::shared("builder");
    let bytes = hello().members().signed_as(&key, ApkHash::Sha1).bytes();
    let (signatures, covered) = proof(&bytes);
    let keys = [public(&key)];
    let error = verify(&signatures, &covered, &keys, WeakSignatures::Refuse).unwrap_err();
    assert!(
        error.to_string().contains("allow: [weak-signature]"),
        "{error}"
    );
    assert!(verify(&signatures, &covered, &keys, WeakSignatures::Allow).is_ok());
}

#[test]
fn bad_066_control_hash_differs_from_the_index() {
    let archive = read(&hello().build()).unwrap().metadata.record;
    let mut index = archive.clone();
    index.location = "x86_64/hello-1.0-r0.apk".to_owned();
    assert_eq!(check_identity(&index, &archive), Ok(()));
    index.checksum = Some(Checksum::ApkControl([7; 20]));
    let error = check_identity(&index, &archive).unwrap_err();
    assert_eq!(error.field, "Checksum");
    assert!(
        error.to_string().starts_with("x86_64/hello-1.0-r0.apk: "),
        "{error}"
    );
    // The same hash under another version or name is as bad.
    let older = read(&ApkBuilder::new("hello", "0.9-r0", "x86_64").build()).unwrap();
    let mut index = archive.clone();
    index.version = older.metadata.record.version;
    assert_eq!(
        check_identity(&index, &archive).unwrap_err().field,
        "Version"
    );
    index.name = "hullo".parse().unwrap();
    assert_eq!(
        check_identity(&index, &archive).unwrap_err().field,
        "Package"
    );
}

#[test]
fn bad_067_datahash_absent_or_wrong() {
    refused(&hello().datahash(None).build(), "there is no `datahash`");
    refused(&hello().datahash(Some("12")).build(), "is not a SHA-256");
    let wrong = "0".repeat(64);
    let error = refused(
        &hello().datahash(Some(&wrong)).build(),
        "the data have the digest",
    );
    assert!(error.to_string().contains(&wrong));
    // The data of another archive.
    let (one, other) = (hello().members(), hello().file("/x", 0o644, b"x").members());
    let mixed = Apk {
        data: other.data,
        ..one
    };
    refused(&mixed.bytes(), "the data have the digest");
}

#[test]
fn bad_067_checksum_of_an_entry_wrong_or_malformed() {
    let record = |value: &[u8]| {
        hello()
            .record("APK-TOOLS.checksum.SHA1", Some(value))
            .build()
    };
    let error = refused(&record("0".repeat(40).as_bytes()), "was promised");
    assert_eq!(error.entry.as_deref(), Some("/usr/bin/hello"));
    refused(&record(b"00"), "is not a SHA-1");
    refused(&record("g".repeat(40).as_bytes()), "is not a SHA-1");
    let link = hello()
        .symlink("/usr/bin/hi", "hello")
        .record("APK-TOOLS.checksum.SHA1", Some("0".repeat(40).as_bytes()));
    let error = refused(&link.build(), "was promised");
    assert_eq!(error.entry.as_deref(), Some("/usr/bin/hi"));
}

#[test]
fn bad_068_fourth_member_or_trailing_bytes() {
    let bytes = hello().signed(&ApkKey::shared("builder")).bytes();
    refused(
        &[&bytes[..], &gzip(b"more")].concat(),
        "a gzip member follows the last one",
    );
    refused(
        &[&bytes[..], b"more"].concat(),
        "bytes follow the last gzip member",
    );
    refused(
        &[&bytes[..], &[0; 512]].concat(),
        "bytes follow the last gzip member",
    );
}

#[test]
fn bad_069_crc_or_isize_mismatch() {
    let good = hello().members();
    for from_end in [8, 4] {
        let mut data = good.data.clone();
        let at = data.len() - from_end;
        data[at] ^= 1;
        // The hash is right: only gzip's own check finds it.
        let bad = hello().members_with(data);
        refused(&bad.bytes(), "the gzip data are damaged");
        let mut control = good.control.clone();
        let at = control.len() - from_end;
        control[at] ^= 1;
        let bad = Apk {
            control,
            ..good.clone()
        };
        refused(&bad.bytes(), "the gzip data are damaged");
    }
}

#[test]
fn bad_070_endless_gzip_header() {
    // Flag 8: a file name up to a NUL byte, which never comes.
    let mut bytes = vec![0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3];
    bytes.resize(1 << 20, b'a');
    let error = refused(&bytes, "the header of a gzip member does not end");
    assert_eq!(error.offset, Some(0));
}

#[test]
fn bad_071_control_over_10_mib() {
    let big = hello()
        .control_file(".post-install", vec![b'#'; 10 << 20])
        .build();
    let error = refused(&big, "the limit `control` of 10485760 is exceeded");
    assert!(matches!(error.kind, ArchiveErrorKind::Limit(_)));
    let limits = Limits {
        control: 4096,
        ..Limits::default()
    };
    let small = hello()
        .control_file(".post-install", vec![b'#'; 8192])
        .build();
    refused_with(&small, &limits, "the limit `control` of 4096 is exceeded");
}

#[test]
fn bad_073_the_third_format_is_refused_by_its_name() {
    for start in [&b"ADB.pckg"[..], b"ADBd\x01\x02\x03\x04", b"ADBc\x01\x02"] {
        let error = refused(
            start,
            "apk v3 (ADB), the format of this archive, is not supported",
        );
        assert!(matches!(error.kind, ArchiveErrorKind::Unsupported(_)));
    }
}

#[test]
fn an_archive_that_stops_early_is_refused_wherever_it_stops() {
    let bytes = hello().signed(&ApkKey::shared("builder")).bytes();
    for length in (0..bytes.len()).step_by(7) {
        assert!(
            read(&bytes[..length]).is_err(),
            "{length} of {}",
            bytes.len()
        );
    }
    refused(b"", "the control member is missing");
    refused(
        b"hello",
        "no gzip member stands where the control member must",
    );
    let members = hello().members();
    refused(&members.control, "the data member is missing");
}

#[test]
fn an_archive_that_changes_in_any_byte_is_refused() {
    let key = ApkKey::shared("builder");
    let bytes = hello().signed(&key).bytes();
    let keys = [public(&key)];
    let whole = |bytes: &[u8]| {
        let mut reader = ApkFormat
            .open_apk(Box::new(bytes), &Limits::default(), &origin())
            .map_err(|error| error.to_string())?;
        reader.finish().map_err(|error| error.to_string())?;
        verify(
            reader.signatures(),
            &reader.control().covered,
            &keys,
            WeakSignatures::Refuse,
        )
        .map_err(|error| error.to_string())?;
        Ok::<_, String>(reader.metadata().clone())
    };
    let good = whole(&bytes).unwrap();
    for at in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 0x10;
        // Of the signature member alone gzip's header and tar's padding are covered by nothing, and mean nothing.
        if let Ok(read) = whole(&bad) {
            assert_eq!(read, good, "byte {at}");
        }
    }
}

#[test]
fn two_archives_in_one_are_refused() {
    let members = hello().members();
    // Where apk sees end marks in the control member, it stops: the data would be there for some readers only.
    let tar = [hello().control_tar(&members.data), vec![0; 1024]].concat();
    let bytes = [&gzip(&tar)[..], &members.data].concat();
    refused(&bytes, "end marks of tar stand before the last member");
    // And what stands behind end marks inside the data is for other readers only.
    let mut tar = hello().data_tar();
    tar.extend(TarBuilder::new().file("etc/passwd", 0o644, b"evil").build());
    let bytes = hello().members_with(gzip(&tar)).bytes();
    refused(&bytes, "data follow the end of the tar archive");
    for name in ["/.PKGINFO", "/.post-install", "/.anything"] {
        refused(&hello().file(name, 0o644, b"x").build(), "at the root");
    }
    let bytes = hello().control_file("usr/bin/x", "x").build();
    refused(&bytes, "a file of the package stands in the control member");
}

#[test]
fn metadata_that_break_a_rule_are_refused() {
    refused(
        &hello().set_field("pkgname", None).build(),
        "the field `pkgname` is missing",
    );
    refused(
        &hello().set_field("pkgname", Some("a/b")).build(),
        "`a/b` is not a package name",
    );
    refused(
        &hello().set_field("pkgver", Some("1.0-1")).build(),
        "the version `1.0-1`",
    );
    refused(
        &hello().field("pkgname", "other").build(),
        "the field `pkgname` stands twice",
    );
    for (field, value) in [("arch", "noarch"), ("origin", "other")] {
        let why = format!("the field `{field}` stands twice");
        refused(&hello().field(field, value).build(), &why);
    }
    refused(
        &hello().field("depend", "x>=").build(),
        "has an operator without a version",
    );
    refused(&hello().field("depend", "x@edge").build(), "has a tag");
    refused(&hello().field("provides", "!x").build(), "is a conflict");
    refused(
        &hello().set_field("size", Some("many")).build(),
        "is not a number",
    );
    refused(
        &hello().control_file(".PKGINFO", "pkgname = evil\n").build(),
        "stands twice",
    );
    let members = hello().members();
    let tar = TarBuilder::new()
        .file(".post-install", 0o755, b"")
        .without_end()
        .build();
    refused(
        &[&gzip(&tar)[..], &members.data].concat(),
        "there is no file `.PKGINFO`",
    );
}

#[test]
fn a_few_bytes_do_not_unpack_to_gigabytes() {
    let sparse = TarHeader::new(b'S', b"hole").number(483, 12, 4 << 30);
    let bytes = hello().entry(sparse, "/hole", "", b"").build();
    refused(&bytes, "which apk does not know, is not supported");
    // What an archive of this size and with these words cannot hold is refused before it is looked for.
    let claims = |size: &str| {
        let big = TarHeader::new(b'0', b"big").size(300 << 20);
        let bytes = hello()
            .set_field("size", Some(size))
            .entry(big, "/big", "", b"")
            .build();
        let limits = Limits {
            archive: bytes.len() as u64,
            ..Limits::default()
        };
        (bytes, limits)
    };
    let (bytes, limits) = claims("320");
    refused_with(&bytes, &limits, "the limit `unpacked` of 268");
    let (bytes, limits) = claims("314572800");
    refused_with(&bytes, &limits, "are missing");
}

#[test]
fn caps_hold_for_the_data() {
    let limits = Limits {
        unpacked: 1 << 20,
        ..Limits::default()
    };
    let zeros = hello().file("/big", 0o644, vec![0; 2 << 20]).build();
    refused_with(
        &zeros,
        &limits,
        "the limit `unpacked` of 1048576 is exceeded",
    );
    let limits = Limits {
        archive: 100,
        ..Limits::default()
    };
    assert!(read_with(&hello().build(), &limits).is_err());
    let limits = Limits {
        entries: 2,
        ..Limits::default()
    };
    refused_with(
        &hello().build(),
        &limits,
        "the limit `entries` of 2 is exceeded",
    );
}
