//! The formats of rpm, with what makes nearly good inputs of each: for the test of a sample, and the example that reads as many
//! as one likes.

mod archive;
mod metadata;
mod relation;

use mikron_package::{Limits, Origin};
use mikron_testkit::mutation::Format;

/// All formats.
pub(crate) const FORMATS: [Format; 11] = [
    archive::RPM,
    archive::HEADER,
    archive::CPIO,
    metadata::REPOMD,
    metadata::PRIMARY,
    metadata::FILELISTS,
    metadata::MODULES,
    metadata::METALINK,
    metadata::MIRRORLIST,
    relation::RICH,
    relation::VERSION,
];

/// Decoders may take 16 MiB: their memory is the larger part of what a survey measures, and it is what the input asks for.
fn limits() -> Limits {
    Limits {
        unpacked: 1 << 24,
        index_unpacked: 1 << 24,
        xz_memory: 1 << 24,
        zstd_window_log: 22,
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
