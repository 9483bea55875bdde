//! Rows 14 to 29 and 36 to 43 of the table of bad input: the data member, with dpkg as the judge where it is one.

mod archive_support;

use archive_support::{
    dpkg_accepts, package, read, read_with, refused, refused_with, says, verdict, with_data,
};
use mikron_deb::archive::DebFormat;
use mikron_package::{ArchiveErrorKind, EntryKind, Limits, Origin, PackageFormat};
use mikron_testkit::archive::{Compression, TarBuilder, TarHeader};

fn tar() -> TarBuilder {
    TarBuilder::new().dir("./", 0o755)
}

fn one(header: &TarHeader, body: &[u8]) -> Vec<u8> {
    with_data(tar().entry(header, body))
}

fn file(name: &[u8]) -> TarHeader {
    TarHeader::new(b'0', name)
}

#[test]
fn bad_014_absolute_name_stands_below_the_root() {
    let entries = read(&one(&file(b"/etc/passwd"), b"")).unwrap();
    assert_eq!(entries[1].path.as_bytes(), b"etc/passwd");
    let entries = read(&with_data(
        tar().file("./a", 0o644, b"x").hardlink("./b", "/a"),
    ))
    .unwrap();
    assert_eq!(entries[2].link, b"a");
}

#[test]
fn bad_015_parent_component() {
    for name in ["../x", "./a/../../x", "..", "./a/.."] {
        let error = refused(&one(&file(name.as_bytes()), b""));
        assert!(matches!(error.kind, ArchiveErrorKind::Path(_)));
        says(&error, name, "has a `..` component");
        assert_eq!(error.offset, Some(512));
    }
    // Names that only look so are names.
    assert!(read(&one(&file(b"./..a"), b"")).is_ok());
}

#[test]
fn bad_016_a_pax_path_is_refused_before_its_nul_matters() {
    let bytes = with_data(
        tar()
            .pax(b'x', &[("path", b"a\0b")])
            .file("./a", 0o644, b""),
    );
    let error = refused(&bytes);
    assert!(
        matches!(error.kind, ArchiveErrorKind::Unsupported(_)),
        "{error}"
    );
    verdict(&bytes, false, "a PAX path with a NUL byte");
}

#[test]
fn bad_017_bytes_that_are_not_utf_8_are_kept() {
    let bytes = one(&file(b"./caf\xe9"), b"");
    assert_eq!(read(&bytes).unwrap()[1].path.as_bytes(), b"caf\xe9");
    let error = refused(&one(&file(b"./caf\xe9\n").size(5_000), b""));
    says(&error, "/caf\\xe9\\n", "the input ends too early");
    verdict(&bytes, true, "a name that is not UTF-8");
}

#[test]
fn bad_018_component_or_path_too_long() {
    let component = [&b"./"[..], &[b'a'; 256]].concat();
    let bytes = with_data(tar().named(file(b""), &component, b"", b""));
    assert!(refused(&bytes).to_string().contains("more than 255 bytes"));
    verdict(&bytes, false, "a component of 256 bytes");
    let path = b"./d".repeat(2_000);
    let bytes = with_data(tar().named(file(b""), &path, b"", b""));
    assert!(
        refused(&bytes)
            .to_string()
            .contains("longer than 4096 bytes")
    );
    verdict(&bytes, false, "a path of 6000 bytes");
    let longest = [&b"./"[..], &[b'a'; 255]].concat();
    let bytes = with_data(tar().named(file(b""), &longest, b"", b""));
    assert_eq!(read(&bytes).unwrap()[1].path.as_bytes().len(), 255);
}

#[test]
fn bad_019_extension_over_the_cap() {
    for kind in [b'L', b'K'] {
        let bytes = with_data(
            tar()
                .gnu_long(kind, &vec![b'a'; 1 << 20])
                .file("./a", 0o644, b""),
        );
        let error = refused(&bytes);
        assert!(
            matches!(&error.kind, ArchiveErrorKind::Limit(l) if l.limit == "extension"),
            "{error}"
        );
    }
    // The size alone decides: nothing is allocated for it.
    let header = TarHeader::new(b'L', b"././@LongLink").size(0o77_777_777_777);
    let error = refused(&one(&header, b"short"));
    assert!(
        matches!(&error.kind, ArchiveErrorKind::Limit(l) if l.limit == "extension"),
        "{error}"
    );
}

#[test]
fn bad_020_pax_size_is_refused_in_a_deb() {
    let bytes = with_data(
        tar()
            .pax(b'x', &[("size", b"3")])
            .file("./a", 0o644, b"hello"),
    );
    let error = refused(&bytes);
    says(
        &error,
        "./PaxHeaders/x",
        "which dpkg refuses, is not supported",
    );
    assert_eq!(error.offset, Some(512));
    verdict(&bytes, false, "a PAX size");
}

#[test]
fn bad_022_global_pax_header_is_no_file() {
    let bytes = with_data(
        TarBuilder::new()
            .pax(b'g', &[("comment", b"x")])
            .dir("./", 0o755),
    );
    assert!(matches!(
        refused(&bytes).kind,
        ArchiveErrorKind::Unsupported(_)
    ));
    verdict(&bytes, false, "a global PAX header");
}

#[test]
fn bad_023_pax_path_and_gnu_long_name_together() {
    let long = "./".to_owned() + &"n".repeat(120);
    let bytes = with_data(
        tar()
            .gnu_long(b'L', long.as_bytes())
            .pax(b'x', &[("path", b"./p")])
            .file("./a", 0o644, b""),
    );
    assert!(matches!(
        refused(&bytes).kind,
        ArchiveErrorKind::Unsupported(_)
    ));
    verdict(&bytes, false, "PAX and GNU together");
}

#[test]
fn bad_024_dangling_or_stacked_extensions() {
    let bytes = with_data(tar().gnu_long(b'L', b"./dangling"));
    let error = refused(&bytes);
    assert!(
        error
            .to_string()
            .contains("with no entry behind them (at byte 512)"),
        "{error}"
    );
    let stacked = |count| {
        let tar = (0..count).fold(tar(), |tar, n| {
            tar.gnu_long(b'L', format!("./n{n}").as_bytes())
        });
        with_data(tar.file("./a", 0o644, b""))
    };
    let error = refused(&stacked(17));
    assert!(
        matches!(&error.kind, ArchiveErrorKind::Limit(l) if l.limit == "stacked_extensions"),
        "{error}"
    );
    assert_eq!(read(&stacked(16)).unwrap()[1].path.as_bytes(), b"n15");
    verdict(&stacked(16), true, "sixteen long names");
}

#[test]
fn bad_025_size_on_what_has_no_content() {
    for (kind, link) in [
        (b'5', ""),
        (b'1', "./a"),
        (b'2', "a"),
        (b'3', ""),
        (b'4', ""),
        (b'6', ""),
    ] {
        let header = TarHeader::new(kind, b"./b").link(link.as_bytes()).size(512);
        let bytes = with_data(tar().file("./a", 0o644, b"").entry(&header, &[b'x'; 512]));
        says(
            &refused(&bytes),
            "./b",
            "a size of 512 bytes on an entry that has no content",
        );
    }
    // dpkg takes the content of a directory for the next header.
    let bytes = one(&TarHeader::new(b'5', b"./b").size(512), &[b'x'; 512]);
    verdict(&bytes, false, "a directory with content");
}

#[test]
fn bad_026_bad_checksum() {
    for checksum in [*b"000000\0 ", *b"999999\0 ", *b"xxxxxxxx", [0; 8]] {
        let bytes = one(&file(b"./a").checksum(checksum), b"");
        let error = refused(&bytes);
        assert!(error.to_string().contains("checksum"), "{error}");
        assert_eq!(error.offset, Some(512));
        assert_eq!(error.entry.as_deref(), Some("data.tar.gz"));
        verdict(&bytes, false, "a bad checksum");
    }
}

#[test]
fn bad_027_negative_or_overflowing_numbers() {
    let mut overflow = [0xff; 12];
    overflow[0] = 0x80;
    for (what, header) in [
        ("a negative size", file(b"./a").number(124, 12, -512)),
        (
            "an overflowing size",
            file(b"./a").field(124, 12, &overflow),
        ),
        (
            "a size beyond 63 bits",
            file(b"./a").number(124, 12, 1 << 63),
        ),
        ("a negative uid", file(b"./a").number(108, 8, -1)),
        ("a negative gid", file(b"./a").number(116, 8, -1)),
        (
            "a size that is no number",
            file(b"./a").field(124, 12, b"12x"),
        ),
        (
            "a time that is no number",
            file(b"./a").field(136, 12, b"12x"),
        ),
        (
            "an overflowing time",
            file(b"./a").field(136, 12, &overflow),
        ),
    ] {
        refused(&one(&header, b""));
        verdict(&one(&header, b""), false, what);
    }
}

#[test]
fn bad_028_truncated_body() {
    let whole = tar()
        .file("./a", 0o644, &[b'x'; 5_000])
        .without_end()
        .build();
    for cut in [1, 400, 3_000, 5_119, 5_120] {
        let bytes = package().build_with_data(&whole[..whole.len() - cut]);
        let error = refused(&bytes);
        assert!(
            matches!(error.kind, ArchiveErrorKind::Truncated(_)),
            "{error}"
        );
        says(&error, "/a", "are missing");
        verdict(&bytes, false, "a truncated body");
    }
    let bytes = package().build_with_data(&whole[..whole.len() - 5_500]);
    says(&refused(&bytes), "data.tar.gz", "a tar header");
    verdict(&bytes, false, "a truncated header");
    // No end marks at all is what dpkg takes for an end.
    verdict(&package().build_with_data(&whole), true, "no end marks");
}

#[test]
fn bad_029_data_after_the_end() {
    let end = tar().file("./a", 0o644, b"x").build();
    let hidden = TarBuilder::new().file("./hidden", 0o644, b"x").build();
    // dpkg reads no further, and Ant's tasks leave what their buffers held: told of, and no more.
    for rest in [&hidden[..], b"x"] {
        let bytes = package().build_with_data(&[&end, rest].concat());
        verdict(&bytes, true, "data behind the end");
        let mut reader = DebFormat
            .open(
                Box::new(&bytes[..]),
                &Limits::default(),
                &Origin::named("x.deb"),
            )
            .unwrap();
        let mut paths = Vec::new();
        while let Some(entry) = reader.next_entry().unwrap() {
            paths.push(entry.path.to_string());
        }
        assert!(!paths.contains(&"/hidden".to_owned()), "{paths:?}");
        let notes = reader.notes();
        assert_eq!(notes.len(), 1);
        assert!(
            notes[0].contains("behind the end of the tar archive data.tar.gz"),
            "{notes:?}"
        );
    }
    // Padding to whole records is no data, and one block of zeros is an end.
    verdict(
        &package().build_with_data(&[&end[..], &[0; 10_240]].concat()),
        true,
        "padding",
    );
    verdict(
        &package().build_with_data(&end[..end.len() - 512]),
        true,
        "one zero block",
    );
}

#[test]
fn bad_032_hard_link_targets_stay_below_the_root() {
    let link = |target: &str| with_data(tar().file("./a", 0o644, b"").hardlink("./b", target));
    says(&refused(&link("../a")), "./b", "has a `..` component");
    assert_eq!(read(&link("/a")).unwrap()[2].link, b"a");
    assert_eq!(read(&link("./a")).unwrap()[2].link, b"a");
}

#[test]
fn bad_036_devices_and_pipes_are_reported_as_such() {
    let bytes = with_data(
        tar()
            .entry(&TarHeader::new(b'3', b"./null").device(1, 3), b"")
            .entry(&TarHeader::new(b'4', b"./disk").device(8, 1), b"")
            .entry(&TarHeader::new(b'6', b"./pipe"), b""),
    );
    let kinds: Vec<String> = read(&bytes).unwrap().into_iter().map(|e| e.kind).collect();
    assert_eq!(kinds, ["directory", "char 1:3", "block 8:1", "fifo"]);
    let socket = one(&TarHeader::new(b's', b"./s"), b"");
    assert!(matches!(
        refused(&socket).kind,
        ArchiveErrorKind::Unsupported(_)
    ));
    verdict(&socket, false, "an unknown type");
}

#[test]
fn bad_037_set_id_bits_are_kept() {
    let bytes = package()
        .file("/bin/su", 0o4755, b"x")
        .file("/bin/wall", 0o2755, b"x")
        .dir("/tmp", 0o1777)
        .build();
    let modes: Vec<u32> = read(&bytes).unwrap().iter().map(|e| e.mode).collect();
    assert_eq!(modes, [0o755, 0o755, 0o4755, 0o2755, 0o1777]);
}

#[test]
fn bad_038_extended_attributes_need_pax_and_so_a_deb_has_none() {
    let bytes = with_data(
        tar()
            .pax(b'x', &[("SCHILY.xattr.trusted.overlay.opaque", b"y")])
            .dir("./a/", 0o755),
    );
    assert!(matches!(
        refused(&bytes).kind,
        ArchiveErrorKind::Unsupported(_)
    ));
    verdict(&bytes, false, "extended attributes");
}

#[test]
fn bad_039_mode_and_owner_beyond_their_range() {
    for mode in [0o10_000, 0o20_644, 0o177_777, 0o1_000_644, 0o7_777_777] {
        let error = refused(&one(&file(b"./a").mode(mode), b""));
        says(&error, "./a", "has bits beyond 07777");
    }
    for header in [
        file(b"./a").owner(1 << 32, 0, "", ""),
        file(b"./a").owner(0, 1 << 32, "", ""),
    ] {
        says(
            &refused(&one(&header, b"")),
            "./a",
            "4294967296 does not fit 32 bits",
        );
        verdict(&one(&header, b""), false, "an owner beyond 32 bits");
    }
    // The type of the file above the mode is what jdeb writes and dpkg takes.
    let bytes = one(&file(b"./a").mode(0o100_644), b"");
    assert_eq!(read(&bytes).unwrap()[1].mode, 0o644);
    verdict(&bytes, true, "a mode with the file type");
    let bytes = one(&file(b"./a").owner(u64::from(u32::MAX) - 1, 0, "", ""), b"");
    assert_eq!(read(&bytes).unwrap()[1].uid, 4_294_967_294);
}

#[test]
fn bad_040_times_are_clamped() {
    let time = |mtime: i64| read(&one(&file(b"./a").mtime(mtime), b"")).unwrap()[1].mtime;
    assert_eq!(time(-1), 0);
    assert_eq!(time(i64::MIN), 0);
    assert_eq!(time(i64::MAX), mikron_archive::MAX_MTIME);
    assert_eq!(time(1_700_000_000), 1_700_000_000);
}

#[test]
fn bad_041_whiteout_names_are_read_as_names() {
    // The merged tree refuses them; what an archive holds can still be inspected.
    let entries = read(&one(&file(b"./usr/.wh.bin"), b"")).unwrap();
    assert_eq!(entries[1].path.as_bytes(), b"usr/.wh.bin");
}

#[test]
fn bad_042_sparse_files_are_refused_in_a_deb() {
    let bytes = one(&TarHeader::new(b'S', b"./a"), b"");
    assert!(matches!(
        refused(&bytes).kind,
        ArchiveErrorKind::Unsupported(_)
    ));
    verdict(&bytes, false, "a sparse file");
}

#[test]
fn bad_043_too_many_entries() {
    let header = file(b"./a").block();
    let data = Compression::Zstd.compress(&header.repeat(200_000));
    let mut parts = package().compression(Compression::Zstd).parts();
    parts.data.1 = data;
    let limits = Limits {
        entries: 100_000,
        ..Limits::default()
    };
    let error = refused_with(&parts.build(), &limits);
    assert!(
        matches!(&error.kind, ArchiveErrorKind::Limit(l) if l.limit == "entries"),
        "{error}"
    );
    assert_eq!(error.offset, Some(100_000 * 512));
}

#[test]
fn unpacked_data_over_the_cap_are_refused() {
    let bytes = package().file("/zeros", 0o644, vec![0; 4 << 20]).build();
    let limits = Limits {
        unpacked: 1 << 20,
        ..Limits::default()
    };
    let error = refused_with(&bytes, &limits);
    assert!(
        matches!(&error.kind, ArchiveErrorKind::Limit(l) if l.limit == "unpacked"),
        "{error}"
    );
}

#[test]
fn names_of_owners_come_with_their_numbers() {
    let bytes = package()
        .file("/var/x", 0o640, b"x")
        .owner(33, 4, "www-data", "adm")
        .build();
    let origin = Origin::named("x.deb");
    let mut reader = mikron_deb::archive::DebFormat
        .open(Box::new(&bytes[..]), &Limits::default(), &origin)
        .unwrap();
    let mut last = None;
    while let Some(entry) = reader.next_entry().unwrap() {
        last = Some(entry);
    }
    let last = last.unwrap();
    assert_eq!((last.uid, last.gid), (33, 4));
    assert_eq!(
        (last.user.as_deref(), last.group.as_deref()),
        (Some("www-data"), Some("adm"))
    );
    assert_eq!(last.kind, EntryKind::File { size: 1 });
    assert!(
        reader.next_entry().unwrap().is_none(),
        "the end stays the end"
    );
}

#[test]
fn an_error_is_given_again_and_again() {
    let bytes = with_data(tar().file("./a", 0o644, b"x").entry(&file(b"../b"), b""));
    let mut reader = mikron_deb::archive::DebFormat
        .open(
            Box::new(&bytes[..]),
            &Limits::default(),
            &archive_support::origin(),
        )
        .unwrap();
    reader.next_entry().unwrap();
    reader.next_entry().unwrap();
    let first = reader.next_entry().unwrap_err().to_string();
    assert_eq!(reader.next_entry().unwrap_err().to_string(), first);
}

#[test]
fn a_ustar_prefix_and_old_headers_are_read() {
    let bytes = with_data(
        tar()
            .entry(&TarHeader::new(b'5', b"").ustar(b"./usr"), b"")
            .entry(&file(b"x").ustar(b"./usr"), b"")
            .entry(&file(b"./usr/old").field(257, 8, b""), b"")
            .entry(&TarHeader::new(0, b"./usr/dir/"), b""),
    );
    let entries = read(&bytes).unwrap();
    let paths: Vec<&[u8]> = entries.iter().map(|e| e.path.as_bytes()).collect();
    assert_eq!(paths, [&b""[..], b"usr", b"usr/x", b"usr/old", b"usr/dir"]);
    assert_eq!(entries[4].kind, "directory");
    verdict(&bytes, true, "ustar and old headers");
}

#[test]
fn an_archive_of_every_plain_kind_is_taken_by_both() {
    let bytes = package()
        .file("/usr/bin/x", 0o755, b"x")
        .hardlink("/usr/bin/y", "/usr/bin/x")
        .symlink("/usr/bin/z", "x")
        .file(
            &format!("/usr/share/{}", "long/".repeat(60) + "x"),
            0o644,
            b"long",
        )
        .build();
    verdict(&bytes, true, "a plain package");
    assert!(dpkg_accepts(&bytes) != Some(false));
    let (metadata, entries) = read_with(&bytes, &Limits::default()).unwrap();
    assert_eq!(metadata.record.version.to_string(), "1.0");
    assert_eq!(entries.len(), 1 + 2 + 3 + 1 + 60 + 1);
}
