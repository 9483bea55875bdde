//! The tar reader in the POSIX dialect: PAX, sparse files, and what is wrong with them.

use std::io::Read;

use mikron_archive::{TarDialect, TarReader};
use mikron_package::{ArchiveError, ArchiveErrorKind, Entry, EntryKind, Limits};
use mikron_testkit::archive::{TarBuilder, TarHeader};
use proptest::prelude::*;

type Entries = Vec<(Entry, Vec<u8>)>;

fn read_as(bytes: &[u8], dialect: TarDialect) -> Result<Entries, ArchiveError> {
    let mut tar = TarReader::new(bytes, dialect, &Limits::default());
    let mut entries = Vec::new();
    while let Some(entry) = tar.next_entry()? {
        let mut content = Vec::new();
        tar.read_to_end(&mut content)
            .map_err(ArchiveError::from_io)?;
        assert_eq!(content.len() as u64, entry.size());
        entries.push((entry, content));
    }
    Ok(entries)
}

fn read(tar: TarBuilder) -> Result<Entries, ArchiveError> {
    read_as(&tar.build(), TarDialect::Posix)
}

fn refused(tar: TarBuilder, words: &str) -> ArchiveError {
    let error = read(tar).expect_err("it is malformed");
    assert!(error.to_string().contains(words), "{error}");
    assert!(error.offset.is_some(), "{error}");
    error
}

fn pax(records: &[(&str, &[u8])]) -> TarBuilder {
    TarBuilder::new().pax(b'x', records)
}

#[test]
fn pax_records_win_over_the_header() {
    let long = "d/".repeat(200) + "é";
    let tar = pax(&[
        ("path", long.as_bytes()),
        ("uid", b"4294967295"),
        ("gid", b"7"),
        ("uname", b"\xc3\xa9"),
        ("mtime", b"1700000000.999"),
        ("SCHILY.xattr.user.a", b"b\0c\n"),
        ("APK-TOOLS.checksum.SHA1", b"unknown keys are skipped"),
    ])
    .file("short", 0o644, b"hello");
    let entries = read(tar).unwrap();
    let (entry, content) = &entries[0];
    assert_eq!(entry.path.as_bytes(), long.as_bytes());
    assert_eq!(
        (entry.uid, entry.gid, entry.mtime),
        (u32::MAX, 7, 1_700_000_000)
    );
    assert_eq!(entry.user.as_deref(), Some("é"));
    assert_eq!(entry.xattrs[&b"user.a"[..]], b"b\0c\n");
    assert_eq!(content, b"hello");
}

#[test]
fn bad_016_nul_in_a_pax_path() {
    let error = refused(
        pax(&[("path", b"a\0b")]).file("a", 0o644, b""),
        "holds a NUL byte",
    );
    assert!(matches!(error.kind, ArchiveErrorKind::Path(_)));
    refused(
        pax(&[("linkpath", b"a\0b")]).symlink("a", "b"),
        "holds a NUL byte",
    );
}

#[test]
fn bad_019_pax_header_over_the_cap() {
    let error = refused(
        pax(&[("comment", &vec![b'x'; 1 << 20])]).file("a", 0o644, b""),
        "`extension`",
    );
    assert!(matches!(error.kind, ArchiveErrorKind::Limit(_)));
    assert_eq!(error.offset, Some(0));
}

#[test]
fn bad_020_pax_size_wins() {
    // The header says 5, the records say 600: the content is what the records say.
    let header = TarHeader::new(b'0', b"a").size(5);
    let tar = pax(&[("size", b"600")])
        .entry(&header, &[b'x'; 600])
        .file("b", 0o644, b"y");
    let entries = read(tar).unwrap();
    assert_eq!((entries[0].1.len(), &entries[1].1[..]), (600, &b"y"[..]));
    refused(
        pax(&[("size", b"-1")]).file("a", 0o644, b""),
        "is not a number",
    );
    refused(
        pax(&[("size", b"99999999999999999999")]).file("a", 0o644, b""),
        "is not a number",
    );
}

#[test]
fn bad_021_unterminated_pax_record() {
    for (body, words) in [
        (&b"10 path=ab"[..], "does not end in a line break"),
        (b"99 path=ab\n", "longer than its header"),
        (b"path=ab\n", "has no length"),
        (b"123456789012345678901234567890", "has no length"),
        (b"7 path\n", "has no equals sign"),
        (b"2 path=ab\n", "is too small"),
        (b"0 path=ab\n", "is too small"),
        (b"-5 path=ab\n", "is not a number"),
    ] {
        let tar = TarBuilder::new().pax_raw(b'x', body).file("a", 0o644, b"");
        refused(tar, words);
    }
}

#[test]
fn bad_022_global_header_is_no_entry_but_a_default() {
    let tar = TarBuilder::new()
        .pax(b'g', &[("uid", b"42"), ("comment", b"a commit")])
        .file("a", 0o644, b"")
        .pax(b'x', &[("uid", b"7")])
        .file("b", 0o644, b"")
        .file("c", 0o644, b"");
    let ids: Vec<u32> = read(tar).unwrap().iter().map(|(e, _)| e.uid).collect();
    assert_eq!(ids, [42, 7, 42]);
}

#[test]
fn bad_023_pax_path_and_gnu_long_name_together() {
    let one = pax(&[("path", b"p")])
        .gnu_long(b'L', b"l")
        .file("a", 0o644, b"");
    refused(one, "stand together");
    let other = TarBuilder::new()
        .gnu_long(b'L', b"l")
        .pax(b'x', &[("path", b"p")])
        .file("a", 0o644, b"");
    refused(other, "stand together");
}

#[test]
fn bad_024_dangling_or_stacked_pax_headers() {
    refused(pax(&[("path", b"a")]), "no entry behind them");
    let stacked = |n| (0..n).fold(TarBuilder::new(), |tar, _| tar.pax(b'x', &[("uid", b"1")]));
    refused(stacked(17).file("a", 0o644, b""), "`stacked_extensions`");
    assert!(read(stacked(16).file("a", 0o644, b"")).is_ok());
}

#[test]
fn bad_037_and_038_extended_attributes_are_kept_for_the_tree_to_judge() {
    let tar = pax(&[
        (
            "SCHILY.xattr.security.capability",
            b"\x01\0\0\x02\0\x04\0\0",
        ),
        ("SCHILY.xattr.trusted.overlay.opaque", b"y"),
    ])
    .file("ping", 0o4755, b"");
    let entries = read(tar).unwrap();
    assert_eq!(entries[0].0.mode, 0o4755);
    assert_eq!(entries[0].0.xattrs.len(), 2);
    let huge = pax(&[("SCHILY.xattr.user.x", &vec![b'x'; (1 << 20) - 40])]);
    let huge = huge.pax(b'x', &[("SCHILY.xattr.user.y", &[b'y'; 100])]);
    refused(huge.file("a", 0o644, b""), "`xattrs`");
}

#[test]
fn bad_039_pax_owner_beyond_32_bits() {
    refused(
        pax(&[("uid", b"4294967296")]).file("a", 0o644, b""),
        "does not fit 32 bits",
    );
    refused(
        pax(&[("gid", b"-1")]).file("a", 0o644, b""),
        "is not a number",
    );
}

#[test]
fn bad_040_pax_times_are_clamped() {
    let time =
        |text: &[u8]| read(pax(&[("mtime", text)]).file("a", 0o644, b"")).map(|e| e[0].0.mtime);
    assert_eq!(time(b"-5.5").unwrap(), 0);
    assert_eq!(
        time(b"99999999999999999999999").unwrap(),
        mikron_archive::MAX_MTIME
    );
    assert!(time(b"soon").is_err());
}

/// The header of an old GNU sparse file with these regions.
fn old_sparse(stored: u64, real: u64, regions: &[(u64, u64)]) -> TarHeader {
    let header = TarHeader::new(b'S', b"s")
        .size(stored)
        .number(483, 12, real.into());
    regions
        .iter()
        .take(4)
        .enumerate()
        .fold(header, |header, (n, (offset, length))| {
            header.number(386 + 24 * n, 12, (*offset).into()).number(
                398 + 24 * n,
                12,
                (*length).into(),
            )
        })
}

fn holes() -> Vec<u8> {
    let mut expected = vec![0; 5_000];
    expected[1_000..1_003].copy_from_slice(b"abc");
    expected[4_000..4_002].copy_from_slice(b"de");
    expected
}

#[test]
fn sparse_files_of_all_formats_are_filled_with_zeros() {
    let after = |tar: TarBuilder| read(tar.file("next", 0o644, b"x")).unwrap();
    let old = TarBuilder::new().entry(
        &old_sparse(5, 5_000, &[(1_000, 3), (4_000, 2), (5_000, 0)]),
        b"abcde",
    );
    let file = TarHeader::new(b'0', b"s");
    let zero = pax(&[
        ("GNU.sparse.size", b"5000"),
        ("GNU.sparse.numblocks", b"2"),
        ("GNU.sparse.offset", b"1000"),
        ("GNU.sparse.numbytes", b"3"),
        ("GNU.sparse.offset", b"4000"),
        ("GNU.sparse.numbytes", b"2"),
    ])
    .entry(&file.clone().size(5), b"abcde");
    let one = pax(&[
        ("GNU.sparse.size", b"5000"),
        ("GNU.sparse.map", b"1000,3,4000,2"),
    ])
    .entry(&file.clone().size(5), b"abcde");
    let mut body = b"2\n1000\n3\n4000\n2\n".to_vec();
    body.resize(512, 0);
    body.extend_from_slice(b"abcde");
    let major = pax(&[
        ("GNU.sparse.major", b"1"),
        ("GNU.sparse.minor", b"0"),
        ("GNU.sparse.name", b"real"),
        ("GNU.sparse.realsize", b"5000"),
    ])
    .entry(&file.size(517), &body);
    for (what, tar, name) in [
        ("old", old, "s"),
        ("0.0", zero, "s"),
        ("0.1", one, "s"),
        ("1.0", major, "real"),
    ] {
        let entries = after(tar);
        assert_eq!(entries[0].0.path.as_bytes(), name.as_bytes(), "{what}");
        assert_eq!(entries[0].0.kind, EntryKind::File { size: 5_000 }, "{what}");
        assert_eq!(entries[0].1, holes(), "{what}");
        assert_eq!(entries[1].1, b"x", "{what}");
    }
}

#[test]
fn bad_042_sparse_map_over_the_cap_or_wrong() {
    let map = "1,0,".repeat(10_001);
    let file = TarHeader::new(b'0', b"s");
    let tar = pax(&[
        ("GNU.sparse.size", b"50000"),
        ("GNU.sparse.map", map.as_bytes()),
    ])
    .entry(&file, b"");
    refused(tar, "`sparse_regions`");
    let tar = pax(&[("GNU.sparse.major", b"1"), ("GNU.sparse.realsize", b"1")])
        .entry(&file.clone().size(512), b"999999999\n");
    refused(tar, "`sparse_regions`");
    for regions in [
        &[(4_000, 3), (1_000, 2)][..],
        &[(4_999, 5)],
        &[(0, 4)],
        &[(u64::from(u32::MAX), 5)],
    ] {
        let tar = TarBuilder::new().entry(&old_sparse(5, 5_000, regions), b"abcde");
        refused(tar, "sparse map");
    }
}

#[test]
fn a_sparse_file_over_the_cap_is_refused() {
    let tar = TarBuilder::new().entry(&old_sparse(0, 1 << 40, &[]), b"");
    refused(tar, "`unpacked`");
}

#[test]
fn a_link_may_be_long_in_both_dialects() {
    let target = "t/".repeat(150) + "x";
    let tar = TarBuilder::new().symlink("a", &target).build();
    for dialect in [TarDialect::Deb, TarDialect::Posix] {
        let entries = read_as(&tar, dialect).unwrap();
        let expected = EntryKind::Symlink {
            target: target.clone().into_bytes(),
        };
        assert_eq!(entries[0].0.kind, expected);
    }
}

#[test]
fn an_entry_that_is_not_read_is_skipped() {
    let bytes = TarBuilder::new()
        .file("a", 0o644, &[b'x'; 2_000])
        .file("b", 0o644, b"y")
        .build();
    let mut tar = TarReader::new(&bytes[..], TarDialect::Deb, &Limits::default());
    tar.next_entry().unwrap();
    tar.read_exact(&mut [0; 10]).unwrap();
    assert_eq!(tar.next_entry().unwrap().unwrap().path.as_bytes(), b"b");
    assert_eq!(tar.next_entry().unwrap(), None);
    assert_eq!(tar.offset(), bytes.len() as u64);
}

proptest! {
    #[test]
    fn files_come_back_as_they_were_written(
        files in prop::collection::vec(
            ("[a-z]{1,9}(/[a-z]{1,60}){0,4}", 0..0o10000_u32, 0..9_000_000_000_i64,
             prop::collection::vec(any::<u8>(), 0..1_500)), 0..8)
    ) {
        let built = files.iter().fold(TarBuilder::new(), |tar, (name, mode, mtime, bytes)| {
            tar.mtime(*mtime).file(name, *mode, bytes)
        }).build();
        for dialect in [TarDialect::Deb, TarDialect::Posix] {
            let found = read_as(&built, dialect).unwrap();
            prop_assert_eq!(found.len(), files.len());
            for ((entry, content), (name, mode, mtime, bytes)) in found.iter().zip(&files) {
                prop_assert_eq!(entry.path.as_bytes(), name.as_bytes());
                prop_assert_eq!(entry.mode, *mode);
                prop_assert_eq!(entry.mtime, (*mtime).min(mikron_archive::MAX_MTIME));
                prop_assert_eq!(content, bytes);
            }
        }
    }

    #[test]
    fn no_damage_makes_it_panic(
        records in prop::collection::vec(("[a-zA-Z.]{1,20}", prop::collection::vec(any::<u8>(), 0..30)), 0..4),
        at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()
    ) {
        let records: Vec<(&str, &[u8])> = records.iter().map(|(k, v)| (&**k, &**v)).collect();
        let mut bytes = pax(&records).file("a", 0o644, b"hello").symlink("b", "c").build();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes.truncate(cut.index(bytes.len()) + 1);
        for dialect in [TarDialect::Deb, TarDialect::Posix] {
            let _ = read_as(&bytes, dialect);
        }
    }
}
