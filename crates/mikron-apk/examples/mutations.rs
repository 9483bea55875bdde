//! Reads mutated archives, indexes and versions, and says what became of them: `mutations COUNT [SEED]`.
//!
//! Whole files mostly fail at gzip's own checks, so the tar archives inside are mutated, too, and packed again with the digests
//! that they must have. Nothing may panic; how fast it goes and how much memory it takes is for whoever runs it to see.

use std::io::Write as _;
use std::time::Instant;

use mikron_apk::{ApkFormat, ApkVersionOrder, IndexError, IndexReader, applets, parse_dependency};
use mikron_package::{ArchiveReader as _, Digest, Limits, Origin, VersionOrder as _};
use mikron_testkit::apk::{ApkBuilder, ApkKey, ApkRepositoryBuilder};

/// A small generator of numbers (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound.max(1) as u64) as usize
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            match self.below(6) {
                0 => bytes.truncate(at),
                1 => {
                    let end = (at + self.below(600)).min(bytes.len());
                    let piece = bytes[at..end].to_vec();
                    bytes.splice(at..at, piece);
                }
                2 => {
                    let end = (at + self.below(600)).min(bytes.len());
                    bytes.drain(at..end);
                }
                _ => {
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte = match self.below(3) {
                            0 => *byte ^ (1 << (at % 8)),
                            1 => 0xff,
                            _ => b"0/.:=\n\0 "[at % 8],
                        };
                    }
                }
            }
        }
    }
}

/// gzip without compression: packing must not be what takes long.
fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    out.write_all(bytes).expect("writing to memory");
    out.finish().expect("writing to memory")
}

/// Makes the checksums of a tar archive's headers right again, so that not all mutations end there.
fn repaired(tar: &mut [u8]) {
    for block in tar.chunks_exact_mut(512) {
        if &block[257..262] == b"ustar" {
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
    }
}

fn limits() -> Limits {
    Limits {
        unpacked: 1 << 22,
        control: 1 << 18,
        ..Limits::default()
    }
}

fn archive(bytes: &[u8]) -> bool {
    let origin = Origin::named("mutated.apk");
    let read = || {
        let mut reader = ApkFormat
            .open_apk(Box::new(bytes), &limits(), &origin)
            .ok()?;
        while let Some(entry) = reader.next_entry().ok()? {
            let mut content = Vec::new();
            if entry.size() % 2 == 0 {
                reader.body().read_to_end(&mut content).ok()?;
            }
        }
        Some(())
    };
    read().is_some()
}

fn index(bytes: &[u8]) -> bool {
    IndexReader::new(bytes, "x86_64", &limits(), &Origin::named("APKINDEX"))
        .and_then(|reader| reader.read(|_| Ok::<(), IndexError>(())))
        .is_ok()
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let count: u32 = arguments
        .next()
        .map_or(10_000, |n| n.parse().expect("a count"));
    let mut numbers = Numbers(arguments.next().map_or(1, |n| n.parse().expect("a seed")));
    let key = ApkKey::shared("builder");
    let builder = ApkBuilder::new("hello", "1.0_rc1-r0", "x86_64")
        .field("depend", "so:libc.musl-x86_64.so.1 !old<1 zlib>~1.2")
        .field("install_if", "docs hello=1.0_rc1-r0")
        .control_file(".post-install", "#!/bin/sh\nexit 0\n")
        .file("/usr/bin/hello", 0o755, b"#!/bin/sh\necho hello\n")
        .xattr("user.one", b"1")
        .symlink("/usr/bin/hi", "hello")
        .hardlink("/usr/bin/hey", "/usr/bin/hello", 0o755);
    let signed = builder.signed(&key);
    let repository = ApkRepositoryBuilder::new("x86_64").package(&signed).simple(
        "b",
        "2-r1",
        &[("provides", "c=1")],
    );
    let (control, data) = (builder.control_tar(&signed.data), builder.data_tar());
    let (whole, index_tar) = (signed.bytes(), repository.index_tar());
    let index_whole = repository.sign_with(&key).build().index().to_vec();

    let begun = Instant::now();
    let mut taken = [0_u32; 3];
    for round in 0..count {
        let mut bytes;
        let good = match round % 8 {
            0 => {
                bytes = whole.clone();
                numbers.mutate(&mut bytes);
                archive(&bytes)
            }
            1 | 2 => {
                bytes = control.clone();
                numbers.mutate(&mut bytes);
                repaired(&mut bytes);
                archive(&[&packed(&bytes)[..], &signed.data].concat())
            }
            3 | 4 => {
                bytes = data.clone();
                numbers.mutate(&mut bytes);
                repaired(&mut bytes);
                let data = packed(&bytes);
                let info = format!(
                    "pkgname = a\npkgver = 1\narch = x\ndatahash = {}\n",
                    Digest::of(&data).hex()
                );
                let tar = mikron_testkit::archive::TarBuilder::new()
                    .file(".PKGINFO", 0o644, info.as_bytes())
                    .without_end()
                    .build();
                archive(&[packed(&tar), data].concat())
            }
            5 => {
                bytes = index_whole.clone();
                numbers.mutate(&mut bytes);
                index(&bytes)
            }
            6 => {
                bytes = index_tar.clone();
                numbers.mutate(&mut bytes);
                repaired(&mut bytes);
                index(&packed(&bytes))
            }
            _ => {
                bytes = b"1.2.3b_rc4_p~0a1f-r5 so:libz.so.1>=1.2@edge".to_vec();
                numbers.mutate(&mut bytes);
                let text = String::from_utf8_lossy(&bytes);
                let (a, b) = text.split_at(
                    text.len() / 2
                        - usize::from(!text.is_char_boundary(text.len() / 2)) * (text.len() / 2),
                );
                let _ = ApkVersionOrder.compare(a, b);
                let _ = applets(&bytes);
                parse_dependency(b).is_ok() && ApkVersionOrder.validate(a).is_ok()
            }
        };
        taken[match round % 8 {
            0..=4 => 0,
            5 | 6 => 1,
            _ => 2,
        }] += u32::from(good);
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap_or_default();
    println!(
        "{count} inputs in {:.1} s, taken: {} archives, {} indexes, {} versions; {peak}",
        begun.elapsed().as_secs_f32(),
        taken[0],
        taken[1],
        taken[2]
    );
}
