//! Builds the compact form of an `APKINDEX.tar.gz` and says how long each step took; without a file, of a made-up index.
//!
//! `cargo run --release -p mikron-source --example apk_index -- [APKINDEX.tar.gz | COUNT]`

use std::error::Error;
use std::fmt::Write as _;
use std::time::Instant;

use mikron_apk::{IndexError, IndexReader, read_index_seal};
use mikron_package::{Limits, Origin};
use mikron_source::universe::{CompactIndex, IndexBuilder};
use mikron_testkit::apk::{ApkKey, ApkRepositoryBuilder};

/// An index of so many packages, each with relations of all kinds.
fn made_up(count: u32) -> Vec<u8> {
    let mut text = String::new();
    for n in 0..count {
        let checksum = format!("{:027x}", u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let (a, b) = (n * 7 % count, n * 13 % count);
        let _ = write!(
            text,
            "C:Q1{checksum}=\nP:package-{n}\nV:1.{}.{}_p{}-r{}\nA:x86_64\nS:{}\nI:{}\nT:The package number {n} of many\n\
             U:https://example.org/package-{n}\nL:MIT AND BSD-3-Clause\no:package-{n}\nm:Example <example@example.org>\n\
             t:{}\nc:{n:040x}\nD:package-{a}>=1.0 package-{b} so:lib{a}.so.{} so:libc.musl-x86_64.so.1 /bin/sh !old-{n}\n\
             p:so:lib{n}.so.{}=1.2.{} cmd:package-{n}=1.0 pc:package-{n}=1.0\ni:package-{a}=1.0 docs\n\n",
            n % 40,
            n % 9,
            n % 5,
            n % 12,
            1000 + n,
            5000 + n,
            1_600_000_000 + u64::from(n),
            a % 9,
            n % 9,
            n % 30,
        );
    }
    let builder = ApkRepositoryBuilder::new("x86_64").stanza(&text);
    builder
        .sign_with(&ApkKey::shared("example"))
        .build()
        .index()
        .to_vec()
}

fn main() -> Result<(), Box<dyn Error>> {
    let argument = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "30000".to_owned());
    let bytes = match argument.parse() {
        Ok(count) => made_up(count),
        Err(_) => std::fs::read(&argument)?,
    };
    let (limits, origin) = (Limits::default(), Origin::named(&argument));

    let begin = Instant::now();
    read_index_seal(&bytes[..], &limits, &origin)?;
    println!("{} bytes hashed: {:?}", bytes.len(), begin.elapsed());

    let begin = Instant::now();
    let reader = IndexReader::new(&bytes[..], "x86_64", &limits, &origin)?;
    let summary = reader.read(|_| Ok::<(), IndexError>(()))?;
    println!("{} packages read: {:?}", summary.packages, begin.elapsed());

    let begin = Instant::now();
    let mut builder = IndexBuilder::new("x86_64", &["x86_64", "noarch"]);
    let reader = IndexReader::new(&bytes[..], "x86_64", &limits, &origin)?;
    let mut records = Vec::new();
    reader.read(|record| {
        records.push(record);
        Ok::<(), IndexError>(())
    })?;
    for record in &records {
        builder.add(record)?;
    }
    let built = builder.finish()?;
    println!(
        "read and made compact ({} bytes): {:?}",
        built.as_bytes().len(),
        begin.elapsed()
    );

    let stored = built.as_bytes().to_vec();
    let begin = Instant::now();
    let index = CompactIndex::open(stored)?;
    let found = index.named(b"package-1")?.len();
    println!("opened, and {found} found by name: {:?}", begin.elapsed());
    Ok(())
}
