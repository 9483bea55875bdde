//! Archives of Java classes.

use std::io::Write;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use rawzip::{CompressionMethod, ZipArchiveWriter};

/// A class file of a version (JVMS 4.1) as far as anybody looks at it: 65 is for Java 21.
pub fn class(version: u16) -> Vec<u8> {
    let [high, low] = version.to_be_bytes();
    let mut class = vec![0xca, 0xfe, 0xba, 0xbe, 0, 0, high, low];
    // The rest of a class is its constants, which pack well.
    class.extend(b"java/lang/Object".repeat(16));
    class
}

/// An archive of these files, packed as `jar` packs them.
///
/// # Panics
/// When a name is no path.
pub fn jar(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut archive = ZipArchiveWriter::new(&mut bytes);
    for (name, content) in files {
        let file = archive.new_file(name);
        let file = file.compression_method(CompressionMethod::DEFLATE).start();
        let (mut entry, config) = file.expect("a path");
        let mut writer = config.wrap(DeflateEncoder::new(&mut entry, Compression::default()));
        writer.write_all(content).expect("memory");
        let (encoder, descriptor) = writer.finish().expect("memory");
        encoder.finish().expect("memory");
        entry.finish(descriptor).expect("memory");
    }
    archive.finish().expect("memory");
    bytes
}
