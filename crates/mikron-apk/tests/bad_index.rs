//! Indexes that are refused, by row of the table of bad input.

mod support;

use std::io::Write as _;

use mikron_apk::{
    IndexError, IndexErrorKind, PublicKey, SignatureError, WeakSignatures, read_index_seal, verify,
};
use mikron_package::Limits;
use mikron_testkit::apk::{ApkHash, ApkKey, ApkRepositoryBuilder};
use mikron_testkit::archive::{Compression, TarBuilder, TarHeader};
use support::{index_origin, records, records_with};

const CHECKSUM: &str = "Q12jmj7l5rSw0yVb/vlWAYkK/YBwk=";

fn stanza(name: &str, more: &str) -> String {
    format!("C:{CHECKSUM}\nP:{name}\nV:1.0-r0\nA:x86_64\nS:10\nI:20\n{more}")
}

fn index(stanza: &str) -> Vec<u8> {
    let builder = ApkRepositoryBuilder::new("x86_64").stanza(stanza);
    builder.build().index().to_vec()
}

/// Reads an index whose only stanza is bad, and checks that the error says where. Beside a good one, the bad stanza is left out
/// and named.
fn refused(stanza: &str, why: &str) -> IndexError {
    let error = records(&index(stanza)).expect_err("the index is bad");
    let message = error.to_string();
    assert!(
        message.starts_with("x86_64/APKINDEX.tar.gz (source alpine): "),
        "{message}"
    );
    assert!(message.contains(why), "{message}");
    let beside = ApkRepositoryBuilder::new("x86_64")
        .stanza(&self::stanza("good", ""))
        .stanza(stanza)
        .build();
    let beside = records_with(beside.index(), &Limits::default());
    if matches!(error.kind, IndexErrorKind::NotAField(_)) {
        assert!(
            beside.is_err(),
            "where lines are torn, nobody knows whose they are"
        );
        return error;
    }
    let (good, summary) = beside.expect("the other is good");
    let odd: Vec<String> = summary.odd.iter().map(ToString::to_string).collect();
    assert_eq!((good.len(), odd.len()), (1, 1));
    assert!(
        odd[0].starts_with("evil 1.0") && odd[0].contains(why),
        "{odd:?}"
    );
    error
}

#[test]
fn bad_063_index_unsigned_or_of_an_unknown_key() {
    let limits = Limits::default();
    let key = ApkKey::shared("builder");
    let keys = [PublicKey::from_pem(key.name(), &key.public_pem()).unwrap()];
    let proof = |bytes: &[u8]| {
        let seal = read_index_seal(bytes, &limits, &index_origin()).unwrap();
        verify(
            &seal.signatures,
            &seal.covered,
            &keys,
            WeakSignatures::Refuse,
        )
        .map(|_| ())
    };
    let builder = || ApkRepositoryBuilder::new("x86_64").simple("a", "1-r0", &[]);
    assert_eq!(
        proof(builder().build().index()),
        Err(SignatureError::Unsigned)
    );
    assert_eq!(proof(builder().sign_with(&key).build().index()), Ok(()));
    let stranger = builder().sign_with(&ApkKey::other("stranger")).build();
    assert!(matches!(
        proof(stranger.index()),
        Err(SignatureError::UnknownKey { .. })
    ));
    let impostor = builder().sign_with(&ApkKey::other("builder")).build();
    assert!(matches!(
        proof(impostor.index()),
        Err(SignatureError::Wrong { .. })
    ));
}

#[test]
fn bad_064_signature_of_an_index_not_first_or_with_a_slash() {
    let good = index(&stanza("a", ""));
    let member = |name: &str| {
        let tar = TarBuilder::new()
            .file(name, 0o644, b"x")
            .without_end()
            .build();
        Compression::Gzip.compress(&tar)
    };
    let limits = Limits::default();
    let bytes = [&member(".SIGN.RSA256.../x")[..], &good].concat();
    let error = read_index_seal(&bytes[..], &limits, &index_origin()).unwrap_err();
    assert!(error.to_string().contains("the name of a key"), "{error}");
    assert!(records(&bytes).is_err());
    let bytes = [&good[..], &member(".SIGN.RSA256.x")].concat();
    assert!(
        records(&bytes)
            .unwrap_err()
            .to_string()
            .contains("a gzip member follows")
    );
    let tar = TarBuilder::new()
        .file("APKINDEX", 0o644, b"")
        .file(".SIGN.RSA256.x", 0o644, b"x")
        .build();
    let error = records(&Compression::Gzip.compress(&tar)).unwrap_err();
    assert!(
        error.to_string().contains("does not belong into an index"),
        "{error}"
    );
}

#[test]
fn bad_065_index_signed_over_sha_1_only() {
    let key = ApkKey::shared("builder");
    let keys = [PublicKey::from_pem(key.name(), &key.public_pem()).unwrap()];
    let repository = ApkRepositoryBuilder::new("x86_64")
        .sign_as(&key, ApkHash::Sha1)
        .build();
    let seal = read_index_seal(repository.index(), &Limits::default(), &index_origin()).unwrap();
    let check = |weak| verify(&seal.signatures, &seal.covered, &keys, weak).map(|_| ());
    assert!(matches!(
        check(WeakSignatures::Refuse),
        Err(SignatureError::Weak { .. })
    ));
    assert_eq!(check(WeakSignatures::Allow), Ok(()));
}

#[test]
fn bad_068_bytes_behind_the_index() {
    let good = index(&stanza("a", ""));
    for tail in [&b"x"[..], &[0; 512], &good] {
        assert!(records(&[&good[..], tail].concat()).is_err());
    }
    for length in (0..good.len()).step_by(5) {
        assert!(records(&good[..length]).is_err(), "{length}");
    }
}

/// An index with long descriptions, packed as it is made.
fn over_300_mib() -> Vec<u8> {
    let long = "x".repeat(3 << 20);
    let stanzas = (0..101).map(|n| stanza(&format!("p{n}"), &format!("T:{long}\n\n")));
    let size: usize = stanzas.clone().map(|stanza| stanza.len()).sum();
    let header = TarHeader::new(b'0', b"APKINDEX").size(size as u64);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed
        .write_all(&header.block())
        .expect("writing to memory");
    for stanza in stanzas {
        packed
            .write_all(stanza.as_bytes())
            .expect("writing to memory");
    }
    packed.finish().expect("writing to memory")
}

#[test]
fn bad_072_index_over_the_cap() {
    let limits = Limits {
        index_unpacked: 4096,
        ..Limits::default()
    };
    let many: String = (0..200).map(|n| stanza(&format!("p{n}"), "\n")).collect();
    let bytes = index(&many);
    let error = records_with(&bytes, &limits).unwrap_err();
    let message = "the limit `index_unpacked` of 4096 is exceeded";
    assert!(error.to_string().contains(message), "{error}");
    // By default 300 MiB may come out, however much the general limit allows.
    let error = records(&over_300_mib()).unwrap_err();
    let message = "the limit `index_unpacked` of 314572800 is exceeded";
    assert!(error.to_string().contains(message), "{error}");
    let limits = Limits {
        index: 100,
        ..Limits::default()
    };
    assert!(records_with(&bytes, &limits).is_err());
    assert!(read_index_seal(&bytes[..], &limits, &index_origin()).is_err());
}

#[test]
fn bad_073_index_of_the_third_format_is_refused_by_its_name() {
    let error = records(b"ADB.indx").unwrap_err();
    let message = "apk v3 (ADB), the format of this index, is not supported";
    assert!(error.to_string().contains(message), "{error}");
}

#[test]
fn bad_074_name_with_a_slash() {
    for name in ["../../etc/x", "a/b", "a b", ""] {
        let error = records(&index(&stanza(name, ""))).unwrap_err();
        assert!(error.place.field == Some('P'), "{error}");
    }
    let error = refused(&stanza("evil", "o:../x\n"), "`../x` is not a package name");
    assert_eq!(error.place.field, Some('o'));
    assert_eq!(error.place.package.as_deref(), Some("evil"));
    for arch in ["../x", "..", "a/b", ""] {
        let bad = stanza("evil", "").replace("A:x86_64", &format!("A:{arch}"));
        let error = records(&index(&bad)).unwrap_err();
        assert_eq!(error.place.field, Some('A'), "{error}");
    }
    let bad = stanza("evil", "").replace("V:1.0-r0", "V:1.0/../../x");
    refused(&bad, "the version `1.0/../../x`");
}

#[test]
fn bad_075_malformed_checksum() {
    for checksum in [
        "",
        "Q1",
        "Q1AAAA",
        "Q22jmj7l5rSw0yVb/vlWAYkK/YBwk=",
        "Q12jmj7l5rSw0yVb/vlWAYkK/YBw!=",
        "Q12jmj7l5rSw0yVb/vlWAYkK/YBwkAAA",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    ] {
        let error = refused(
            &stanza("evil", "").replace(CHECKSUM, checksum),
            "is not a checksum",
        );
        assert_eq!(error.place.field, Some('C'));
    }
    let without = stanza("evil", "").replace(&format!("C:{CHECKSUM}\n"), "");
    refused(&without, "the field is missing");
}

#[test]
fn versions_of_old_indexes_cost_their_own_package_alone() {
    let of =
        |name: &str, version: &str| stanza(name, "").replace("V:1.0-r0", &format!("V:{version}"));
    let index = ApkRepositoryBuilder::new("x86_64")
        .stanza(&of("openldap", "0.99f7-r0"))
        .stanza(&of("good", "1.0-r0"))
        .stanza(&of("pinball", "6.8.0p2-r4"))
        .stanza(&of("late", "1.0-1"))
        .build();
    let (good, summary) = records_with(index.index(), &Limits::default()).unwrap();
    assert_eq!((good.len(), good[0].name.as_str()), (1, "good"));
    let odd: Vec<String> = summary.odd.iter().map(ToString::to_string).collect();
    assert_eq!(
        odd,
        [
            "openldap 0.99f7-r0 (V: the version `0.99f7-r0` has a number in the wrong place)",
            "pinball 6.8.0p2-r4 (V: the version `6.8.0p2-r4` has a number in the wrong place)",
            "late 1.0-1 (V: the version `1.0-1` does not end in `-r` and a number)",
        ]
    );
}

#[test]
fn fields_that_break_a_rule_are_refused_with_line_and_field() {
    for (more, field, why) in [
        ("D:a>=\n", 'D', "has an operator without a version"),
        ("D:a@edge\n", 'D', "has a tag"),
        ("p:!a\n", 'p', "is a conflict"),
        (
            "i:a>~1\n",
            'i',
            "has an operator that stands only among dependencies",
        ),
        ("S:20\n", 'S', "the field stands twice"),
        ("t:yesterday\n", 't', "is not a number"),
        ("o:\u{7}\n", 'o', "is not a package name"),
    ] {
        let error = refused(&stanza("evil", more), why);
        assert_eq!(error.place.field, Some(field));
        assert_eq!(error.place.package.as_deref(), Some("evil"));
    }
    refused(&stanza("evil", "no field\n"), "`no field` is not a field");
    refused(
        &stanza("evil", "").replace("S:10", "S:0"),
        "the field is missing",
    );
    let limits = Limits {
        field: 1000,
        ..Limits::default()
    };
    let long = index(&stanza("evil", &format!("T:{}\n", "x".repeat(2000))));
    let error = records_with(&long, &limits).unwrap_err();
    assert!(
        error.to_string().contains("the limit `field` of 1000"),
        "{error}"
    );
    assert_eq!(error.place.line, 7);
}

#[test]
fn an_index_without_its_file_or_with_others_is_refused() {
    let packed = |tar: Vec<u8>| Compression::Gzip.compress(&tar);
    let none = packed(TarBuilder::new().file("DESCRIPTION", 0o644, b"x").build());
    assert!(
        records(&none)
            .unwrap_err()
            .to_string()
            .contains("there is no file `APKINDEX`")
    );
    let twice = TarBuilder::new()
        .file("APKINDEX", 0o644, b"")
        .file("APKINDEX", 0o644, b"");
    assert!(
        records(&packed(twice.build()))
            .unwrap_err()
            .to_string()
            .contains("the index stands twice")
    );
    let link = TarBuilder::new().symlink("APKINDEX", "/etc/passwd");
    assert!(records(&packed(link.build())).is_err());
    assert!(
        records(b"")
            .unwrap_err()
            .to_string()
            .contains("the index is missing")
    );
}
