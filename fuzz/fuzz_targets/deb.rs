//! Any bytes as a .deb, and as its control or data member: no panic, bounded work, errors that name the archive.
//!
//! The first byte says what the rest is, and how the member is compressed.
#![no_main]

use std::io;

use libfuzzer_sys::fuzz_target;
use mikron_deb::archive::DebFormat;
use mikron_package::{ArchiveError, Limits, Origin, PackageFormat};

const EXTENSIONS: [&str; 6] = ["", ".gz", ".bz2", ".xz", ".lzma", ".zst"];
const CONTROL: &[u8] = b"Package: x\nVersion: 1\nArchitecture: all\nMaintainer: x\nDescription: x\n";

/// A ustar entry of type file with its content.
fn file(name: &[u8], content: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; 512];
    block[..name.len()].copy_from_slice(name);
    block[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
    block[148..156].fill(b' ');
    block[156] = b'0';
    let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut bytes = [&block[..], content].concat();
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn member(name: &str, bytes: &[u8]) -> Vec<u8> {
    let header = format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 100_644, bytes.len());
    let padding: &[u8] = if bytes.len() % 2 == 1 { b"\n" } else { b"" };
    [header.as_bytes(), bytes, padding].concat()
}

fn read(bytes: &[u8]) -> Result<u64, ArchiveError> {
    let limits = Limits { unpacked: 1 << 22, control: 1 << 18, extension: 1 << 14, xz_memory: 1 << 24, zstd_window_log: 22, ..Limits::default() };
    let origin = Origin { source: "fuzz".into(), archive: "fuzz.deb".into() };
    let mut reader = DebFormat.open(Box::new(bytes), &limits, &origin)?;
    assert!(!reader.metadata().fields.is_empty());
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
    let extension = EXTENSIONS[usize::from(kind / 4) % EXTENSIONS.len()];
    let around = |control: (String, &[u8]), data: (String, &[u8])| {
        let binary = member("debian-binary", b"2.0\n");
        [b"!<arch>\n", &binary[..], &member(&control.0, control.1), &member(&data.0, data.1)].concat()
    };
    let bytes = match kind % 4 {
        0 => rest.to_vec(),
        1 => around((format!("control.tar{extension}"), rest), ("data.tar".into(), &[0; 1024])),
        2 => around(("control.tar".into(), &file(b"./control", rest)), ("data.tar".into(), &[0; 1024])),
        _ => around(("control.tar".into(), &file(b"./control", CONTROL)), (format!("data.tar{extension}"), rest)),
    };
    if let Err(error) = read(&bytes) {
        assert!(error.to_string().starts_with("fuzz.deb (source fuzz): "), "{error}");
    }
});
