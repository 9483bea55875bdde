//! Decompression: caps, ends, and what follows them.

use std::io::Read;

use mikron_archive::{Cap, Compression, Decompressor};
use mikron_package::{ArchiveError, ArchiveErrorKind, Limits};
use mikron_testkit::archive::Compression as Written;
use proptest::prelude::*;

const PAIRS: [(Written, Compression); 6] = [
    (Written::None, Compression::None),
    (Written::Gzip, Compression::Gzip),
    (Written::Bzip2, Compression::Bzip2),
    (Written::Xz, Compression::Xz),
    (Written::Lzma, Compression::Lzma),
    (Written::Zstd, Compression::Zstd),
];

fn unpack_with(bytes: &[u8], kind: Compression, limits: &Limits) -> Result<Vec<u8>, ArchiveError> {
    let mut out = Vec::new();
    Decompressor::new(bytes, kind, limits, Cap::unpacked(limits))?
        .read_to_end(&mut out)
        .map_err(ArchiveError::from_io)?;
    Ok(out)
}

fn unpack(bytes: &[u8], kind: Compression) -> Result<Vec<u8>, ArchiveError> {
    unpack_with(bytes, kind, &Limits::default())
}

#[test]
fn every_format_is_found_by_its_name_and_its_magic() {
    for (written, kind) in PAIRS {
        let name = format!("data.tar{}", written.extension());
        if kind != Compression::None {
            assert_eq!(Compression::from_name(name.as_bytes()), Some(kind));
        }
        let packed = written.compress(b"some content");
        let by_magic = Compression::from_magic(&packed);
        let has_magic = !matches!(kind, Compression::None | Compression::Lzma);
        assert_eq!(by_magic, has_magic.then_some(kind), "{kind:?}");
        let mut out = Vec::new();
        let limits = Limits::default();
        let mut reader = Decompressor::detect(&packed[..], &limits, Cap::index(&limits)).unwrap();
        reader.read_to_end(&mut out).unwrap();
        if kind != Compression::Lzma {
            assert_eq!(out, b"some content");
        }
    }
}

#[test]
fn concatenated_members_are_one_stream() {
    for (written, kind) in PAIRS {
        if kind == Compression::Lzma {
            continue;
        }
        let both = [written.compress(b"one "), written.compress(b"two")].concat();
        assert_eq!(unpack(&both, kind).unwrap(), b"one two", "{kind:?}");
    }
}

#[test]
fn an_empty_stream_is_no_stream() {
    for (_, kind) in &PAIRS[1..] {
        let error = unpack(b"", *kind).unwrap_err();
        assert!(
            matches!(error.kind, ArchiveErrorKind::Truncated(_)),
            "{error}"
        );
    }
    for (written, kind) in PAIRS {
        assert_eq!(
            unpack(&written.compress(b""), kind).unwrap(),
            b"",
            "{kind:?}"
        );
    }
}

#[test]
fn bad_012_a_stream_that_stops_early_terminates() {
    let content: Vec<u8> = (0..50_000_u32).flat_map(u32::to_le_bytes).collect();
    for (written, kind) in &PAIRS[1..] {
        let packed = written.compress(&content);
        for cut in [1, 2, 10, packed.len() / 2, packed.len() - 1] {
            let error = unpack(&packed[..packed.len() - cut], *kind).unwrap_err();
            assert!(
                matches!(error.kind, ArchiveErrorKind::Truncated(_)),
                "{kind:?} less {cut}: {error}"
            );
            assert_eq!(error.offset, Some((packed.len() - cut) as u64));
        }
    }
}

#[test]
fn bytes_behind_the_end_are_refused() {
    for (written, kind) in &PAIRS[1..] {
        let packed = written.compress(b"content");
        let error = unpack(&[&packed[..], b"garbage"].concat(), *kind).unwrap_err();
        assert!(
            error
                .offset
                .is_some_and(|at| at >= packed.len() as u64 - 12),
            "{kind:?}: {error}"
        );
    }
    // gzip alone allows zeros there, and xz in fours.
    let padded = [&Written::Gzip.compress(b"content")[..], &[0; 7]].concat();
    assert_eq!(unpack(&padded, Compression::Gzip).unwrap(), b"content");
    let padded = [&Written::Xz.compress(b"content")[..], &[0; 8]].concat();
    assert_eq!(unpack(&padded, Compression::Xz).unwrap(), b"content");
}

#[test]
fn damage_is_found_by_the_checksums() {
    let content = vec![b'a'; 10_000];
    for (written, kind) in &PAIRS[1..] {
        if matches!(kind, Compression::Lzma | Compression::Zstd) {
            continue; // these have none, or none that is always there
        }
        let mut packed = written.compress(&content);
        let at = packed.len() - 6;
        packed[at] ^= 0x55;
        assert!(unpack(&packed, *kind).is_err(), "{kind:?}");
    }
}

#[test]
fn what_comes_out_is_capped() {
    let zeros = vec![0; 1 << 20];
    let limits = Limits {
        unpacked: 1 << 16,
        ..Limits::default()
    };
    for (written, kind) in PAIRS {
        let error = unpack_with(&written.compress(&zeros), kind, &limits).unwrap_err();
        assert!(
            matches!(&error.kind, ArchiveErrorKind::Limit(l) if l.limit == "unpacked"),
            "{kind:?}: {error}"
        );
    }
}

#[test]
fn memory_and_window_limits_hold() {
    let content = vec![0; 1 << 20];
    let limits = Limits {
        xz_memory: 1 << 16,
        ..Limits::default()
    };
    for (written, kind) in [
        (Written::Xz, Compression::Xz),
        (Written::Lzma, Compression::Lzma),
    ] {
        let error = unpack_with(&written.compress(&content), kind, &limits).unwrap_err();
        assert!(
            matches!(&error.kind, ArchiveErrorKind::Limit(l) if l.limit == "xz_memory"),
            "{error}"
        );
    }
    // A frame whose header asks for a window of 2^31 bytes (RFC 8878, 3.1.1.1.2).
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x01, 0x00, 0x00];
    let error = unpack(&frame, Compression::Zstd).unwrap_err();
    assert!(error.to_string().contains("memory"), "{error}");
}

proptest! {
    #[test]
    fn content_comes_back_as_it_was(content in prop::collection::vec(any::<u8>(), 0..3_000)) {
        for (written, kind) in PAIRS {
            prop_assert_eq!(&unpack(&written.compress(&content), kind).unwrap(), &content);
        }
    }

    #[test]
    fn no_input_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), at in 0..40_usize) {
        for (written, kind) in PAIRS {
            let _ = unpack(&bytes, kind);
            let mut damaged = written.compress(&bytes);
            let at = at % damaged.len().max(1);
            if let Some(byte) = damaged.get_mut(at) {
                *byte ^= 0x10;
            }
            let _ = unpack(&damaged, kind);
        }
    }
}
