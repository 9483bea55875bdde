//! Reads a million packages of which bytes were changed, and says what became of them and how much memory it took.
//!
//! ```sh
//! cargo run --release -p mikron-rpm --example rpm_mutations -- 1000000
//! ```
//!
//! Half of the changes are made below the digests, which then fit again, so that they reach the parts that digests shield.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io;
use std::time::Instant;

use mikron_package::{ArchiveError, ArchiveErrorKind, Limits, Origin, PackageFormat};
use mikron_rpm::RpmFormat;
use mikron_testkit::archive::Compression;
use mikron_testkit::rpm::{RpmBuilder, RpmParts};

/// The numbers of a fixed seed (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// Changes, inserts, removes or repeats some bytes.
    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            match self.below(6) {
                0 => bytes[at] = self.next() as u8,
                1 => bytes[at] ^= 1 << self.below(8),
                2 => bytes.insert(at, self.next() as u8),
                3 => drop(bytes.drain(at..(at + self.below(8)).min(bytes.len()))),
                4 => bytes.truncate(bytes.len() - self.below(16).min(bytes.len() - 1)),
                _ => {
                    let word = [0, 1, 0x7f, 0x80, 0xff][self.below(5)];
                    let end = (at + 4).min(bytes.len());
                    bytes[at..end].fill(word);
                }
            }
            if bytes.is_empty() {
                bytes.push(0);
            }
        }
    }
}

fn read(bytes: &[u8]) -> Result<u64, ArchiveError> {
    let limits = Limits {
        unpacked: 1 << 24,
        xz_memory: 1 << 24,
        zstd_window_log: 22,
        ..Limits::default()
    };
    let mut reader = RpmFormat.open(Box::new(bytes), &limits, &Origin::named("mutated.rpm"))?;
    let mut sum = 0;
    while let Some(entry) = reader.next_entry()? {
        let n = io::copy(reader.body(), &mut io::sink()).map_err(ArchiveError::from_io)?;
        assert_eq!(n, entry.size(), "a content is as long as its entry says");
        sum += n;
    }
    Ok(sum)
}

/// The largest resident set so far, in KiB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let digits = line.and_then(|line| line.split_whitespace().next());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

fn mutated(numbers: &mut Numbers, parts: &RpmParts) -> Vec<u8> {
    match numbers.below(4) {
        0 => {
            let mut sections = parts.sections();
            // The index and the store, not the magic.
            let mut body = sections.header.split_off(8);
            numbers.mutate(&mut body);
            sections.header.extend(body);
            sections.seal().join()
        }
        1 => {
            let mut parts = parts.clone();
            numbers.mutate(&mut parts.cpio);
            parts.build()
        }
        2 => {
            let mut sections = parts.sections();
            numbers.mutate(&mut sections.payload);
            sections.seal().join()
        }
        _ => {
            let mut bytes = parts.build();
            numbers.mutate(&mut bytes);
            bytes
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let count: u64 = std::env::args().nth(1).ok_or("how many?")?.parse()?;
    let mut packages = Vec::new();
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        let package = RpmBuilder::new("x", "1.0", "1", "noarch")
            .requires("(a if b else c)")
            .provides("user(x) = dSB4Cg==")
            .script("%post", "/bin/sh", "exit 0")
            .file("/usr/bin/x", 0o755, "content")
            .capabilities("cap_net_raw=ep")
            .hardlink("/usr/bin/y", "/usr/bin/x")
            .symlink("/usr/bin/z", "x")
            .ghost("/var/log/x", 0o600)
            .config("/etc/x", "x")
            .compression(compression);
        packages.push(package.parts());
        packages.push(package.stripped().parts());
    }
    let mut numbers = Numbers(1);
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    let (before, begin) = (peak(), Instant::now());
    for number in 0..count {
        let parts = &packages[number as usize % packages.len()];
        let bytes = mutated(&mut numbers, parts);
        let kind = match read(&bytes) {
            Ok(_) => "accepted",
            Err(error) => match error.kind {
                ArchiveErrorKind::Malformed(_) => "malformed",
                ArchiveErrorKind::Truncated(_) => "truncated",
                ArchiveErrorKind::Unsupported(_) => "unsupported",
                ArchiveErrorKind::Limit(_) => "over a limit",
                ArchiveErrorKind::Path(_) => "bad path",
                ArchiveErrorKind::Version(_) => "bad version",
                ArchiveErrorKind::Name(_) => "bad name",
                ref other => return Err(format!("of another kind: {other}").into()),
            },
        };
        *kinds.entry(kind).or_default() += 1;
    }
    println!(
        "{count} inputs in {:.1} s: {kinds:?}",
        begin.elapsed().as_secs_f64()
    );
    println!("peak memory {} KiB, {} KiB before", peak(), before);
    Ok(())
}
