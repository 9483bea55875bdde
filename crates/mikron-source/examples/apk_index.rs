//! Builds the compact form of an `APKINDEX.tar.gz` and says how long each step took; without a file, of a made-up index.
//!
//! `cargo run --release -p mikron-source --example apk_index -- [APKINDEX.tar.gz | COUNT]`

use std::error::Error;
use std::time::Instant;

use mikron_apk::{IndexError, IndexReader, read_index_seal};
use mikron_package::{Limits, Origin};
use mikron_source::universe::{CompactIndex, IndexBuilder};
use mikron_testkit::apk::many_packages;

/// The time that processors have spent on all threads so far, in milliseconds; 0 where the system does not tell.
fn processor_time() -> u64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name of the program, which may hold blanks: fields 14 and 15 of proc(5), in hundredths of a second.
    let (_, fields) = text.rsplit_once(')').unwrap_or_default();
    let times = fields.split_ascii_whitespace().skip(11).take(2);
    times.filter_map(|n| n.parse::<u64>().ok()).sum::<u64>() * 10
}

fn main() -> Result<(), Box<dyn Error>> {
    let argument = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "30000".to_owned());
    let bytes = match argument.parse() {
        Ok(count) => many_packages(count),
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

    let (begin, busy) = (Instant::now(), processor_time());
    let mut builder = IndexBuilder::new("x86_64", &["x86_64", "noarch"]);
    let reader = IndexReader::new(&bytes[..], "x86_64", &limits, &origin)?;
    let mut full = None;
    reader.read(|record| {
        full = full.take().or(builder.add(&record).err());
        Ok::<(), IndexError>(())
    })?;
    if let Some(error) = full {
        return Err(error.into());
    }
    let built = builder.finish()?;
    println!(
        "read and made compact ({} bytes): {:?} ({} ms of a processor)",
        built.as_bytes().len(),
        begin.elapsed(),
        processor_time() - busy
    );

    let stored = built.as_bytes().to_vec();
    let begin = Instant::now();
    let index = CompactIndex::open(stored)?;
    let found = index.named(b"package-1")?.len();
    println!("opened, and {found} found by name: {:?}", begin.elapsed());
    Ok(())
}
