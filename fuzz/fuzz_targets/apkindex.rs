//! Any bytes as an APKINDEX.tar.gz, as the tar archive in it, or as its text: no panic, errors that name the index, and records
//! whose locations stay below the repository.
#![no_main]

use std::io::Write as _;

use libfuzzer_sys::fuzz_target;
use mikron_apk::{IndexError, IndexReader, read_index_seal};
use mikron_package::{Limits, Origin};

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    out.write_all(bytes).and_then(|()| out.finish()).unwrap_or_default()
}

fn tar(text: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; 512];
    block[..8].copy_from_slice(b"APKINDEX");
    block[124..136].copy_from_slice(format!("{:011o}\0", text.len()).as_bytes());
    block[148..156].fill(b' ');
    block[156] = b'0';
    let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    [&block[..], text, &vec![0; 1024 + (512 - text.len() % 512) % 512]].concat()
}

fuzz_target!(|data: &[u8]| {
    let Some((kind, rest)) = data.split_first() else { return };
    let bytes = match kind % 3 {
        0 => rest.to_vec(),
        1 => packed(rest),
        _ => packed(&tar(rest)),
    };
    let limits = Limits { index_unpacked: 1 << 22, field: 1 << 16, ..Limits::default() };
    let origin = Origin { source: "fuzz".into(), archive: "APKINDEX.tar.gz".into() };
    let named = |error: IndexError| assert!(error.to_string().starts_with("APKINDEX.tar.gz (source fuzz): "), "{error}");
    let _ = read_index_seal(&bytes[..], &limits, &origin).map_err(named);
    let read = IndexReader::new(&bytes[..], "x86_64", &limits, &origin).and_then(|reader| {
        reader.read(|record| {
            assert!(!record.location.contains("..") || !record.location.split('/').any(|part| part == ".."));
            assert_eq!(record.location.matches('/').count(), 1);
            assert!(record.checksum.is_some() && record.size > 0);
            Ok::<(), IndexError>(())
        })
    });
    let _ = read.map_err(named);
});
