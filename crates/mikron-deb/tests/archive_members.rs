//! Rows 1 to 12 of the table of bad input: the ar container and the members of a .deb.

mod archive_support;

use archive_support::{package, read, read_with, refused, refused_with, says, verdict};
use mikron_package::{ArchiveErrorKind, Limits};
use mikron_testkit::archive::{ArBuilder, Compression, DebParts};

fn parts() -> DebParts {
    package().file("/usr/bin/x", 0o755, b"x").parts()
}

fn members(names: &[(&str, &[u8])]) -> Vec<u8> {
    names
        .iter()
        .fold(ArBuilder::new(), |ar, (name, bytes)| ar.member(name, bytes))
        .build()
}

fn with_version(version: &[u8]) -> Vec<u8> {
    DebParts {
        version: version.to_vec(),
        ..parts()
    }
    .build()
}

#[test]
fn bad_001_empty_file_or_bad_magic() {
    let empty = refused(b"");
    assert!(matches!(empty.kind, ArchiveErrorKind::Truncated(_)));
    for bytes in [&b"!<arch>"[..], b"PK\x03\x04........", b"!<ARCH>\nxxxx"] {
        let error = refused(bytes);
        assert!(error.to_string().contains("not an ar archive"), "{error}");
        assert_eq!(error.offset, Some(0));
    }
    verdict(b"", false, "an empty file");
}

#[test]
fn bad_002_member_size_not_a_number() {
    for size in ["-60", "abc", "0x10", "4f", ""] {
        let bytes = ArBuilder::new()
            .raw_member(&ArBuilder::header("debian-binary", size), b"2.0\n")
            .build();
        let error = refused(&bytes);
        says(&error, "debian-binary", "is not a number");
        assert_eq!(error.offset, Some(8));
    }
}

#[test]
fn bad_003_member_size_beyond_the_end() {
    let DebParts { control, data, .. } = parts();
    let bytes = ArBuilder::new()
        .member("debian-binary", b"2.0\n")
        .member(&control.0, &control.1)
        .raw_member(&ArBuilder::header(&data.0, "999999"), &data.1)
        .build();
    let error = refused(&bytes);
    assert!(
        matches!(error.kind, ArchiveErrorKind::Truncated(_)),
        "{error}"
    );
    verdict(&bytes, false, "a size beyond the end");
    // A header that claims more than an archive may have is refused before anything of the member is read.
    let bytes = ArBuilder::new()
        .raw_member(&ArBuilder::header("debian-binary", "9999999999"), b"2.0\n")
        .build();
    assert!(matches!(refused(&bytes).kind, ArchiveErrorKind::Limit(_)));
}

#[test]
fn bad_004_long_name_longer_than_its_member() {
    // deb(5) has no long names: to dpkg it is a member that is not debian-binary.
    let bytes = members(&[("#1/20", b"debian-binary\0\0\0\0\0\0\x002.0\n")]);
    let error = refused(&bytes);
    says(&error, "#1/20", "not `debian-binary`");
    verdict(&bytes, false, "a BSD name");
}

#[test]
fn bad_005_a_required_member_is_missing() {
    let DebParts { control, data, .. } = parts();
    let (control, data) = ((&*control.0, &*control.1), (&*data.0, &*data.1));
    let binary: (&str, &[u8]) = ("debian-binary", b"2.0\n");
    let error = refused(&members(&[control, data]));
    says(
        &error,
        "control.tar.gz",
        "the first member is not `debian-binary`",
    );
    let error = refused(&members(&[binary, data]));
    says(
        &error,
        "data.tar.gz",
        "stands where `control.tar` is expected",
    );
    let error = refused(&members(&[binary, control]));
    assert!(
        error.to_string().contains("there is no member `data.tar`"),
        "{error}"
    );
    let error = refused(&members(&[binary]));
    assert!(
        error
            .to_string()
            .contains("there is no member `control.tar`"),
        "{error}"
    );
    for bytes in [
        members(&[control, data]),
        members(&[binary, data]),
        members(&[binary, control]),
    ] {
        verdict(&bytes, false, "a missing member");
    }
}

#[test]
fn bad_006_a_required_member_twice() {
    let DebParts { control, data, .. } = parts();
    let (control, data) = ((&*control.0, &*control.1), (&*data.0, &*data.1));
    let binary: (&str, &[u8]) = ("debian-binary", b"2.0\n");
    let bytes = members(&[binary, binary, control, data]);
    says(&refused(&bytes), "debian-binary", "stands where");
    verdict(&bytes, false, "debian-binary twice");
    let bytes = members(&[binary, control, control, data]);
    says(
        &refused(&bytes),
        "control.tar.gz",
        "a second control member",
    );
    verdict(&bytes, false, "control twice");
    // dpkg never looks behind the first data member, but other readers take the last one.
    for again in [binary, control, data] {
        let bytes = members(&[binary, control, data, again]);
        says(&refused(&bytes), again.0, "comes a second time");
    }
}

#[test]
fn bad_007_control_and_data_swapped() {
    let DebParts { control, data, .. } = parts();
    let bytes = members(&[
        ("debian-binary", b"2.0\n"),
        (&data.0, &data.1),
        (&control.0, &control.1),
    ]);
    says(
        &refused(&bytes),
        "data.tar.gz",
        "stands where `control.tar` is expected",
    );
    verdict(&bytes, false, "swapped members");
}

#[test]
fn bad_008_unknown_compression() {
    for name in ["data.tar.bad", "data.tar.Z", "data.tarx", "data.tar."] {
        let mut bad = parts();
        bad.data.0 = name.into();
        let error = refused(&bad.build());
        assert!(
            matches!(error.kind, ArchiveErrorKind::Unsupported(_)),
            "{error}"
        );
        says(&error, name, "is not supported");
        verdict(&bad.build(), false, name);
    }
    // bzip2 and lzma are for the data member alone.
    let mut bad = parts();
    bad.control = (
        "control.tar.bz2".into(),
        Compression::Bzip2.compress(&package().control_tar()),
    );
    says(
        &refused(&bad.build()),
        "control.tar.bz2",
        "is not supported",
    );
    verdict(&bad.build(), false, "control.tar.bz2");
}

#[test]
fn bad_009_format_versions() {
    for version in [&b"2.999\n"[..], b"2.0\nextra line\n", b"2.0\n\n"] {
        verdict(&with_version(version), true, "a newer minor version");
    }
    for version in [
        &b"3.0\n"[..],
        b"2.0",
        b"2\n",
        b".0\n",
        b"2.\n",
        b"2.0 \n",
        b"x\n",
        b"0.939000\n",
        b"\n",
    ] {
        let error = refused(&with_version(version));
        assert_eq!(error.entry.as_deref(), Some("debian-binary"), "{error}");
        verdict(
            &with_version(version),
            false,
            &version.escape_ascii().to_string(),
        );
    }
    let error = refused(&with_version(b"3.0\n"));
    assert!(
        error
            .to_string()
            .contains("format version 3.0 is not supported"),
        "{error}"
    );
}

#[test]
fn bad_010_extra_members_as_dpkg_has_them() {
    let DebParts { control, data, .. } = parts();
    let (control, data) = ((&*control.0, &*control.1), (&*data.0, &*data.1));
    let binary: (&str, &[u8]) = ("debian-binary", b"2.0\n");
    let under: (&str, &[u8]) = ("_gpgorigin", b"odd");
    let other: (&str, &[u8]) = ("unknown", b"x");
    for (list, accepted) in [
        (vec![binary, under, control, under, data], true),
        (vec![binary, control, data, other], true),
        (vec![binary, control, data, under], true),
        (vec![binary, other, control, data], false),
        (vec![binary, control, other, data], false),
        (vec![under, binary, control, data], false),
    ] {
        let names: Vec<&str> = list.iter().map(|m| m.0).collect();
        verdict(&members(&list), accepted, &names.join(" "));
    }
    let mut trailing = members(&[binary, control, data]);
    trailing.extend_from_slice(b"bytes that are no member");
    verdict(&trailing, true, "bytes behind the data member");
}

#[test]
fn bad_011_control_over_the_cap() {
    let limits = Limits {
        control: 64 << 10,
        ..Limits::default()
    };
    for compression in [
        Compression::Gzip,
        Compression::Xz,
        Compression::Zstd,
        Compression::None,
    ] {
        let bytes = package()
            .compression(compression)
            .control_file("md5sums", vec![b'x'; 1 << 20])
            .build();
        let error = refused_with(&bytes, &limits);
        assert!(
            matches!(&error.kind, ArchiveErrorKind::Limit(l) if l.limit == "control" || l.limit == "unpacked"),
            "{error}"
        );
        assert!(read_with(&bytes, &Limits::default()).is_ok());
    }
}

#[test]
fn bad_012_truncated_streams_terminate() {
    for compression in Compression::ALL {
        let mut seed = 1_u32;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            seed ^= seed << 13;
            seed ^= seed >> 17;
            seed ^= seed << 5;
            (seed >> 8) as u8
        })
        .take(100_000)
        .collect();
        let parts = package()
            .file("/x", 0o644, &noise)
            .compression(compression)
            .parts();
        for cut in [1, 7, 512, 5_000, parts.data.1.len() / 2] {
            let mut bad = parts.clone();
            bad.data.1.truncate(bad.data.1.len() - cut);
            if compression == Compression::None && cut <= 1024 {
                continue; // only the end marks are cut: the archive ends where a header could stand
            }
            let error = refused(&bad.build());
            assert!(
                matches!(error.kind, ArchiveErrorKind::Truncated(_)),
                "{compression:?} less {cut}: {error}"
            );
        }
    }
}

#[test]
fn bytes_behind_a_compressed_stream_are_refused() {
    for compression in [
        Compression::Gzip,
        Compression::Bzip2,
        Compression::Xz,
        Compression::Lzma,
        Compression::Zstd,
    ] {
        let mut bad = package().compression(compression).parts();
        bad.data.1.extend_from_slice(b"garbage!");
        let error = refused(&bad.build());
        assert_eq!(error.entry.as_deref(), Some(&*bad.data.0), "{error}");
    }
}

#[test]
fn every_compression_gives_the_same_entries() {
    let build = |compression| {
        package()
            .file("/usr/share/x/data", 0o644, vec![b'a'; 300_000])
            .symlink("/usr/share/x/link", "data")
            .hardlink("/usr/share/x/hard", "/usr/share/x/data")
            .compression(compression)
            .build()
    };
    let expected = read(&build(Compression::None)).unwrap();
    assert_eq!(expected.len(), 7);
    for compression in Compression::ALL {
        assert_eq!(
            read(&build(compression)).unwrap(),
            expected,
            "{compression:?}"
        );
    }
}

#[test]
fn metadata_hold_scripts_configuration_files_and_the_rest() {
    let bytes = package()
        .depends("libc6 (>= 2.34), adduser")
        .conffile("/etc/x.conf", b"a")
        .script("prerm", "#!/bin/sh\nexit 0\n")
        .script("postinst", "#!/bin/sh\nexit 1\n")
        .control_file("triggers", b"activate ldconfig\n")
        .control_file("md5sums", b"")
        .build();
    let (metadata, _) = read_with(&bytes, &Limits::default()).unwrap();
    assert_eq!(metadata.record.name.as_str(), "x");
    assert_eq!(metadata.record.depends.len(), 2);
    let scripts: Vec<&str> = metadata.scripts.iter().map(|s| &*s.name).collect();
    assert_eq!(scripts, ["postinst", "prerm"]);
    assert_eq!(metadata.config_files[0].to_string(), "/etc/x.conf");
    let extra: Vec<&str> = metadata.extra.iter().map(|(name, _)| &**name).collect();
    assert_eq!(extra, ["triggers", "md5sums"]);
    assert_eq!(metadata.fields[0], ("Package".to_owned(), "x".to_owned()));
}
