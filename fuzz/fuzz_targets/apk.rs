//! Any bytes as an .apk, and as its control or data member: no panic, bounded work, errors that name the archive.
//!
//! The first byte says what the rest is.
#![no_main]

use std::io::{self, Write as _};

use libfuzzer_sys::fuzz_target;
use mikron_apk::ApkFormat;
use mikron_package::{ArchiveError, ArchiveReader as _, Digest, Limits, Origin};

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

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    out.write_all(bytes).and_then(|()| out.finish()).unwrap_or_default()
}

fn info(data: &[u8]) -> Vec<u8> {
    let text = format!("pkgname = x\npkgver = 1\narch = x86_64\ndatahash = {}\n", Digest::of(data).hex());
    file(b".PKGINFO", text.as_bytes())
}

fn read(bytes: &[u8]) -> Result<u64, ArchiveError> {
    let limits = Limits { unpacked: 1 << 22, control: 1 << 18, extension: 1 << 14, ..Limits::default() };
    let origin = Origin { source: "fuzz".into(), archive: "fuzz.apk".into() };
    let mut reader = ApkFormat.open_apk(Box::new(bytes), &limits, &origin)?;
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
    let empty = packed(&[0; 1024]);
    let bytes = match kind % 4 {
        0 => rest.to_vec(),
        1 => [packed(rest), empty].concat(),
        2 => [packed(&file(b".PKGINFO", rest)), empty].concat(),
        _ => {
            let data = packed(rest);
            [packed(&info(&data)), data].concat()
        }
    };
    if let Err(error) = read(&bytes) {
        assert!(error.to_string().starts_with("fuzz.apk (source fuzz): "), "{error}");
    }
});
