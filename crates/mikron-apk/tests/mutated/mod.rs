//! The formats of apk, with what makes nearly good inputs of each: for the test of a sample, and the example that reads as many
//! as one likes.

mod container;
mod text;

use std::io::Write as _;

use mikron_package::{Limits, Origin};
use mikron_testkit::archive::Compression;
use mikron_testkit::mutation::{Format, Numbers};

/// All formats.
pub(crate) const FORMATS: [Format; 5] = [
    container::APK,
    container::APKINDEX,
    text::RELATION,
    text::VERSION,
    text::APPLETS,
];

fn limits() -> Limits {
    Limits {
        unpacked: 1 << 24,
        index_unpacked: 1 << 24,
        ..Limits::default()
    }
}

fn origin() -> Origin {
    Origin {
        source: "survey".into(),
        archive: "mutated".into(),
    }
}

/// How the message of every error begins.
const NAMED: &str = "mutated (source survey): ";

/// Packs a member: mostly without compressing it, which must not be what takes long.
fn packed(bytes: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    if numbers.one_in(8) {
        return Compression::Gzip.compress(bytes);
    }
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    out.write_all(bytes).expect("writes to memory");
    out.finish().expect("writes to memory")
}

/// Makes the checksums of the headers of a tar archive fit again, so that not all changes end there.
fn repaired(tar: &mut [u8]) {
    for block in tar.chunks_exact_mut(512) {
        if &block[257..262] == b"ustar" {
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
    }
}
