//! The cpio reader by itself.

use std::io::{self, Read};
use std::process::{Command, Stdio};

use mikron_archive::{CpioHeader, CpioReader};
use mikron_package::{ArchiveError, ArchiveErrorKind, Limits};
use mikron_testkit::rpm::{CpioBuilder, CpioFields};
use mikron_testkit::tools::tool;
use proptest::prelude::*;

type Members = Vec<(Vec<u8>, Vec<u8>)>;

const REGULAR: u32 = 0o100_644;

fn read_with(bytes: &[u8], limits: &Limits) -> Result<Members, ArchiveError> {
    let mut reader = CpioReader::new(bytes, limits);
    let mut members = Vec::new();
    while let Some(header) = reader.next_header()? {
        let CpioHeader::Member(member) = header else {
            panic!("a stripped header")
        };
        let mut content = Vec::new();
        reader
            .read_to_end(&mut content)
            .map_err(ArchiveError::from_io)?;
        assert_eq!(content.len() as u64, member.size);
        members.push((member.name, content));
    }
    assert_eq!(reader.next_header()?, None);
    Ok(members)
}

fn read(bytes: &[u8]) -> Result<Members, ArchiveError> {
    read_with(bytes, &Limits::default())
}

fn fields() -> CpioFields {
    CpioFields::new(REGULAR)
}

fn sum(content: &[u8]) -> u32 {
    content.iter().map(|byte| u32::from(*byte)).sum()
}

#[test]
fn members_of_every_alignment_come_out_whole() {
    let contents: Vec<Vec<u8>> = (0..9).map(|n| vec![b'x'; n]).collect();
    let mut cpio = CpioBuilder::new();
    for content in &contents {
        cpio = cpio.member(format!("./{}", content.len()).as_bytes(), fields(), content);
    }
    let members = read(&cpio.trailer().build()).unwrap();
    let found: Vec<Vec<u8>> = members.into_iter().map(|(_, content)| content).collect();
    assert_eq!(found, contents);
}

#[test]
fn what_is_not_read_of_a_member_is_skipped() {
    let bytes = CpioBuilder::new()
        .member(b"a", fields(), b"first")
        .member(b"b", fields(), b"second")
        .trailer()
        .build();
    let mut reader = CpioReader::new(&*bytes, &Limits::default());
    reader.next_header().unwrap().unwrap();
    reader.read_exact(&mut [0; 2]).unwrap();
    reader.next_header().unwrap().unwrap();
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "second");
}

#[test]
fn sums_are_checked_whether_the_content_is_read_or_not() {
    let member = |content: &[u8], sum: u32| {
        let fields = CpioFields {
            sum: Some(sum),
            ..fields()
        };
        let cpio = CpioBuilder::new().member(b"a", fields, content);
        cpio.trailer().build()
    };
    let content = vec![0xff; 100_000];
    assert_eq!(read(&member(&content, sum(&content))).unwrap().len(), 1);
    let wrong = member(&content, sum(&content) - 1);
    let error = read(&wrong).unwrap_err();
    assert_eq!(error.entry.as_deref(), Some("a"));
    assert!(error.to_string().contains("was promised"), "{error}");
    let mut reader = CpioReader::new(&*wrong, &Limits::default());
    reader.next_header().unwrap().unwrap();
    assert!(reader.next_header().is_err());
    assert!(read(&member(b"", 1)).is_err());
}

#[test]
fn stripped_members_have_the_size_that_the_caller_says() {
    let bytes = CpioBuilder::new()
        .stripped(7, b"content")
        .stripped(u32::MAX, b"")
        .trailer()
        .build();
    let mut reader = CpioReader::new(&*bytes, &Limits::default());
    assert_eq!(reader.next_header().unwrap(), Some(CpioHeader::Index(7)));
    reader.expect_size(7).unwrap();
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "content");
    let last = reader.next_header().unwrap();
    assert_eq!(last, Some(CpioHeader::Index(u32::MAX)));
    assert!(reader.expect_size(u64::MAX).is_err());
    reader.expect_size(0).unwrap();
    assert_eq!(reader.next_header().unwrap(), None);
}

#[test]
fn zeros_may_follow_the_end_and_nothing_else() {
    let cpio = CpioBuilder::new().member(b"a", fields(), b"x").trailer();
    assert!(read(&cpio.clone().raw(&[0; 400]).build()).is_ok());
    let error = read(&cpio.raw(&[0, 0, 0, 1]).build()).unwrap_err();
    assert!(error.to_string().contains("follow the end"), "{error}");
}

#[test]
fn what_is_cut_off_anywhere_is_refused() {
    let bytes = CpioBuilder::new()
        .member(b"./name", fields(), b"some content")
        .trailer()
        .build();
    for end in 0..bytes.len() {
        let error = read(&bytes[..end]).unwrap_err();
        let truncated = matches!(error.kind, ArchiveErrorKind::Truncated(_));
        assert!(truncated && error.offset.is_some(), "{end}: {error}");
    }
}

#[test]
fn bad_056_names_without_size_or_end() {
    for (name_size, words) in [
        (0, "has no size"),
        (3, "does not end where its size says"),
        (9, "does not end where its size says"),
        (1 << 20, "more than a path can have"),
    ] {
        let fields = CpioFields {
            name_size: Some(name_size),
            ..fields()
        };
        let cpio = CpioBuilder::new().member(b"./name", fields, b"content");
        let error = read(&cpio.trailer().build()).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(error.offset, Some(0));
    }
}

#[test]
fn bad_060_a_link_with_the_name_of_the_trailer_is_not_the_end() {
    let bytes = CpioBuilder::new()
        .member(b"TRAILER!!!", CpioFields::new(0o120_777), b"target")
        .member(b"b", fields(), b"")
        .trailer()
        .build();
    let members = read(&bytes).unwrap();
    assert_eq!(members.len(), 2);
    // The real one has no content.
    let lying = CpioFields {
        size: Some(4),
        ..CpioFields::new(0)
    };
    let bytes = CpioBuilder::new().member(b"TRAILER!!!", lying, b"data");
    assert!(read(&bytes.build()).is_err());
}

#[test]
fn limits_bound_members_and_contents() {
    let bytes = CpioBuilder::new()
        .member(b"a", fields(), b"12345678")
        .member(b"b", fields(), b"")
        .trailer()
        .build();
    let one = Limits {
        entries: 1,
        ..Limits::default()
    };
    let small = Limits {
        unpacked: 100,
        ..Limits::default()
    };
    for limits in [one, small] {
        let error = read_with(&bytes, &limits).unwrap_err();
        assert!(matches!(error.kind, ArchiveErrorKind::Limit(_)), "{error}");
    }
}

#[test]
fn forty_thousand_members_are_counted() {
    let mut cpio = CpioBuilder::new();
    for number in 0..40_000 {
        cpio = cpio.member(format!("./{number}").as_bytes(), fields(), b"x");
    }
    assert_eq!(read(&cpio.trailer().build()).unwrap().len(), 40_000);
}

#[test]
fn the_archives_of_gnu_cpio_are_read() {
    let Some(cpio) = tool("cpio") else { return };
    let dir = tempfile::tempdir().expect("a temporary directory");
    for (name, content) in [("a", "first"), ("b", ""), ("c", "third")] {
        std::fs::write(dir.path().join(name), content).expect("a file");
    }
    for format in ["newc", "crc"] {
        let mut child = Command::new(&cpio)
            .args(["--quiet", "-o", "-H", format])
            .current_dir(dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("cpio starts");
        let mut names = child.stdin.take().expect("a pipe");
        io::Write::write_all(&mut names, b"a\nb\nc\n").expect("cpio reads names");
        drop(names);
        let output = child.wait_with_output().expect("cpio ends");
        let members = read(&output.stdout).unwrap();
        let expected = [("a", "first"), ("b", ""), ("c", "third")];
        let expected = expected.map(|(name, text)| (name.into(), text.into()));
        assert_eq!(members, expected, "{format}");
    }
}

proptest! {
    #[test]
    fn what_was_written_is_read(
        members in prop::collection::vec(("[a-z./]{1,40}", prop::collection::vec(any::<u8>(), 0..300)), 0..8),
        sums in any::<bool>(),
    ) {
        let mut cpio = CpioBuilder::new();
        for (name, content) in &members {
            let sum = sums.then(|| sum(content));
            cpio = cpio.member(name.as_bytes(), CpioFields { sum, ..fields() }, content);
        }
        let found = read(&cpio.trailer().build()).unwrap();
        let expected: Members = members.into_iter().map(|(n, c)| (n.into_bytes(), c)).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn any_bytes_are_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&[b"070701", &*bytes].concat());
    }
}
