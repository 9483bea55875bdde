//! Any bytes as an .rpm, and as its main header, its signature header or its payload: no panic, bounded work, errors that name
//! the archive.
//!
//! The first byte says what the rest is, and how the payload is packed. What is put around it carries no digests, so that they
//! do not stop the input at the door.
#![no_main]

use std::io;

use libfuzzer_sys::fuzz_target;
use mikron_package::{ArchiveError, ArchiveErrorKind, Limits, Origin, PackageFormat};
use mikron_rpm::RpmFormat;
use mikron_rpm::archive::signed_header;

const COMPRESSORS: [&str; 6] = ["none", "gzip", "bzip2", "xz", "lzma", "zstd"];

enum Value<'a> {
    Text(&'a str),
    Texts(&'a [&'a str]),
    Words(&'a [u32]),
    Shorts(&'a [u16]),
}

fn header(region: u32, values: &[(u32, Value<'_>)]) -> Vec<u8> {
    let item = |tag: u32, kind: u32, offset: usize, count: usize| {
        [tag, kind, offset as u32, count as u32].iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>()
    };
    let (mut index, mut store) = (Vec::new(), Vec::new());
    for (tag, value) in values {
        store.resize(usize::next_multiple_of(store.len(), 4), 0);
        let at = store.len();
        let (kind, count) = match value {
            Value::Text(_) => (6, 1),
            Value::Texts(texts) => (8, texts.len()),
            Value::Words(words) => (4, words.len()),
            Value::Shorts(shorts) => (3, shorts.len()),
        };
        match value {
            Value::Text(text) => store.extend(text.bytes().chain([0])),
            Value::Texts(texts) => texts.iter().for_each(|text| store.extend(text.bytes().chain([0]))),
            Value::Words(words) => store.extend(words.iter().flat_map(|word| word.to_be_bytes())),
            Value::Shorts(shorts) => store.extend(shorts.iter().flat_map(|short| short.to_be_bytes())),
        }
        index.extend(item(*tag, kind, at, count));
    }
    let tags = values.len() + 1;
    let begin = item(region, 7, store.len(), 16);
    store.extend(item(region, 7, (tags * 16).wrapping_neg(), 16));
    let counts = [tags as u32, store.len() as u32].iter().flat_map(|word| word.to_be_bytes()).collect();
    [b"\x8e\xad\xe8\x01\0\0\0\0".to_vec(), counts, begin, index, store].concat()
}

/// Five files: one with two names, a link, a directory and a ghost.
fn main_header(compressor: &str) -> Vec<u8> {
    let files: [(u32, Value<'_>); 9] = [
        (1028, Value::Words(&[4, 4, 1, 0, 9])),
        (1030, Value::Shorts(&[0o100_644, 0o100_755, 0o120_777, 0o040_755, 0o100_600])),
        (1034, Value::Words(&[1; 5])),
        (1036, Value::Texts(&["", "", "a", "", ""])),
        (1037, Value::Words(&[0, 1, 0, 0, 64])),
        (1096, Value::Words(&[1, 1, 2, 3, 4])),
        (1116, Value::Words(&[0; 5])),
        (1117, Value::Texts(&["a", "b", "c", "d", "e"])),
        (1118, Value::Texts(&["/"])),
    ];
    let mut values = vec![
        (1000, Value::Text("x")),
        (1001, Value::Text("1")),
        (1002, Value::Text("1")),
        (1022, Value::Text("noarch")),
        (1044, Value::Text("x-1-1.src.rpm")),
        (1125, Value::Text(compressor)),
    ];
    values.extend(files);
    values.sort_by_key(|(tag, _)| *tag);
    header(63, &values)
}

fn around(signature: &[u8], main: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xed, 0xab, 0xee, 0xdb, 3, 0];
    bytes.resize(96, 0);
    bytes[79] = 5;
    bytes.extend_from_slice(signature);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    [&bytes, main, payload].concat()
}

fn read(bytes: &[u8]) -> Result<u64, ArchiveError> {
    let limits = Limits {
        unpacked: 1 << 22,
        control: 1 << 18,
        entries: 10_000,
        xz_memory: 1 << 24,
        zstd_window_log: 22,
        ..Limits::default()
    };
    let origin = Origin { source: "fuzz".into(), archive: "fuzz.rpm".into() };
    let header = signed_header(&mut &*bytes, &limits, &origin)?;
    assert!(bytes.windows(header.bytes.len()).any(|window| window == header.bytes));
    let mut reader = RpmFormat.open(Box::new(bytes), &limits, &origin)?;
    let mut sum = 0;
    while let Some(entry) = reader.next_entry()? {
        let count = io::copy(reader.body(), &mut io::sink()).map_err(ArchiveError::from_io)?;
        assert_eq!(count, entry.size());
        sum += count;
    }
    assert!(reader.next_entry()?.is_none());
    assert!(sum <= limits.unpacked);
    Ok(sum)
}

fuzz_target!(|data: &[u8]| {
    let Some((kind, rest)) = data.split_first() else { return };
    let compressor = COMPRESSORS[usize::from(kind / 4) % COMPRESSORS.len()];
    let bytes = match kind % 4 {
        0 => rest.to_vec(),
        1 => around(&header(62, &[(1008, Value::Text(""))]), rest, b"070701"),
        2 => around(rest, &main_header(compressor), b""),
        _ => around(&header(62, &[(1008, Value::Text(""))]), &main_header(compressor), rest),
    };
    if let Err(error) = read(&bytes) {
        let text = error.to_string();
        let named = text.starts_with("fuzz.rpm (source fuzz): ");
        assert!(named && !matches!(error.kind, ArchiveErrorKind::Io(_)), "{error}");
    }
});
