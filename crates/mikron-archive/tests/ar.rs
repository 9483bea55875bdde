//! The ar reader by itself.

use std::io::Read;

use mikron_archive::ArReader;
use mikron_package::{ArchiveError, ArchiveErrorKind, Limits};
use mikron_testkit::archive::ArBuilder;
use proptest::prelude::*;

type Members = Vec<(Vec<u8>, Vec<u8>)>;

fn read(bytes: &[u8], bsd: bool) -> Result<Members, ArchiveError> {
    let mut reader = ArReader::new(bytes, &Limits::default())?;
    if bsd {
        reader = reader.with_bsd_names();
    }
    let mut members = Vec::new();
    while let Some(member) = reader.next_member()? {
        let mut content = Vec::new();
        reader
            .read_to_end(&mut content)
            .map_err(ArchiveError::from_io)?;
        assert_eq!(content.len() as u64, member.size);
        members.push((member.name, content));
    }
    Ok(members)
}

#[test]
fn bad_004_bsd_name_longer_than_its_member() {
    let bytes = ArBuilder::new().member("#1/20", b"short").build();
    let error = read(&bytes, true).unwrap_err();
    assert_eq!(
        error.to_string(),
        "#1/20: the long name of 20 bytes is longer than its member of 5 (at byte 8)"
    );
    for name in ["#1/x", "#1/-1", "#1/+1"] {
        let bytes = ArBuilder::new().member(name, b"content").build();
        assert!(
            read(&bytes, true)
                .unwrap_err()
                .to_string()
                .contains("not a number")
        );
    }
    // Read without long names it is a name like any other.
    assert_eq!(read(&bytes, false).unwrap()[0].0, b"#1/20");
}

#[test]
fn a_bsd_name_is_taken_from_the_content() {
    let bytes = ArBuilder::new()
        .member("#1/20", b"a name of 17 byte\0\0\0content")
        .member("b", b"x")
        .build();
    let members = read(&bytes, true).unwrap();
    assert_eq!(
        members[0],
        (b"a name of 17 byte".to_vec(), b"content".to_vec())
    );
    assert_eq!(members[1].0, b"b");
}

#[test]
fn a_gnu_name_loses_its_slash() {
    let bytes = ArBuilder::new().member("debian-binary/", b"2.0\n").build();
    assert_eq!(read(&bytes, false).unwrap()[0].0, b"debian-binary");
}

#[test]
fn an_unread_member_is_skipped() {
    let bytes = ArBuilder::new()
        .member("a", b"odd")
        .member("b", b"even")
        .build();
    let mut reader = ArReader::new(&bytes[..], &Limits::default()).unwrap();
    reader.next_member().unwrap();
    let second = reader.next_member().unwrap().unwrap();
    assert_eq!(
        (second.name, second.offset),
        (b"b".to_vec(), 8 + 60 + 4 + 60)
    );
}

#[test]
fn a_header_that_is_cut_off_or_wrong_says_where() {
    let bytes = ArBuilder::new()
        .member("a", b"even")
        .raw(b"half a header")
        .build();
    let error = read(&bytes, false).unwrap_err();
    assert!(matches!(error.kind, ArchiveErrorKind::Truncated(_)));
    assert_eq!(error.offset, Some(72));
    let bytes = ArBuilder::new().raw(&[b' '; 60]).build();
    let error = read(&bytes, false).unwrap_err();
    assert!(error.to_string().contains("backquote"), "{error}");
}

#[test]
fn an_archive_over_the_cap_is_refused() {
    let bytes = ArBuilder::new().member("a", &[0; 1_000]).build();
    let limits = Limits {
        archive: 500,
        ..Limits::default()
    };
    let mut reader = ArReader::new(&bytes[..], &limits).unwrap();
    let error = reader.next_member().unwrap_err();
    assert!(matches!(error.kind, ArchiveErrorKind::Limit(_)), "{error}");
}

proptest! {
    #[test]
    fn members_come_back_as_they_were_written(
        members in prop::collection::vec(
            ("[a-z.]{1,15}", prop::collection::vec(any::<u8>(), 0..300)), 0..8)
    ) {
        let built = members
            .iter()
            .fold(ArBuilder::new(), |ar, (name, bytes)| ar.member(name, bytes))
            .build();
        let found = read(&built, false).unwrap();
        let expected: Members = members.into_iter().map(|(n, b)| (n.into_bytes(), b)).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn no_input_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let bytes = [b"!<arch>\n", &bytes[..]].concat();
        let _ = read(&bytes, true);
    }
}
