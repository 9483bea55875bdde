//! Measures how long a large `primary.xml` takes: `cargo run --release --example rpm_index -- [PACKAGES] [gzip|xz|zstd|plain]`.

use std::sync::Arc;
use std::time::Instant;

use mikron_package::{Architecture, Limits, Origin, Silent};
use mikron_rpm::{PrimaryReader, Unpacked, parse_repomd};
use mikron_source::cache::{Cache, CacheOptions};
use mikron_source::deb::Trust;
use mikron_source::fetch::{HttpOptions, Router};
use mikron_source::rpm::RpmRepository;
use mikron_source::universe::CompactIndex;
use mikron_source::{Context, Repository as _};
use mikron_testkit::archive::Compression;
use mikron_testkit::repository::now;
use mikron_testkit::rpm_repository::synthetic;

/// The time that processors have spent on all threads so far, in milliseconds; 0 where the system does not tell.
fn processor_time() -> u64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name of the program, which may hold blanks: fields 14 and 15 of proc(5), in hundredths of a second.
    let (_, fields) = text.rsplit_once(')').unwrap_or_default();
    let times = fields.split_ascii_whitespace().skip(11).take(2);
    times.filter_map(|n| n.parse::<u64>().ok()).sum::<u64>() * 10
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let packages = arguments.next().map_or(Ok(60_000), |n| n.parse())?;
    let compression = match arguments.next().as_deref() {
        Some("plain") => Compression::None,
        Some("xz") => Compression::Xz,
        Some("zstd") => Compression::Zstd,
        _ => Compression::Gzip,
    };
    let built = synthetic(packages).compression(compression).build();
    let directory = tempfile::tempdir()?;
    // The archives do not matter here, and there are many.
    let mut written = built.clone();
    written
        .files
        .retain(|path, _| path.starts_with("repodata/"));
    written.write_to(&directory.path().join("repository"));
    let limits = Limits::default();
    let origin = Origin::named("primary.xml");
    let repomd = parse_repomd(
        built.repomd.as_bytes(),
        &limits,
        &Origin::named("repomd.xml"),
    )?;
    let data = repomd.file("primary")?;
    let bytes = built.file(&data.location);
    println!(
        "{packages} packages, {} KB packed, {} KB unpacked",
        bytes.len() / 1000,
        data.open_size.unwrap_or(0) / 1000
    );
    let begin = Instant::now();
    std::io::copy(
        &mut Unpacked::new(bytes, data, &limits)?,
        &mut std::io::sink(),
    )?;
    println!("unpack and check: {:?}", begin.elapsed());
    let (begin, busy) = (Instant::now(), processor_time());
    let mut reader = PrimaryReader::new(Unpacked::new(bytes, data, &limits)?, &limits, &origin);
    let mut count = 0;
    while reader.next_package()?.is_some() {
        count += 1;
    }
    println!(
        "unpack, check and read {count} records: {:?} ({} ms of a processor)",
        begin.elapsed(),
        processor_time() - busy
    );

    let cache = Cache::open(&directory.path().join("cache"), CacheOptions::default())?;
    let router = Router::standard(HttpOptions::default());
    let context = Context::new(&router, &cache, &Silent, &limits, now());
    let base = directory.path().join("repository");
    let base = [base.to_string_lossy().into_owned()];
    let architectures = [Architecture::Amd64];
    for step in ["cold: fetch, check, read, index", "from the compact index"] {
        let repository = RpmRepository::at("bench", &base, None, Trust::Unsigned);
        let (begin, busy) = (Instant::now(), processor_time());
        let published = repository.publish(&context, &architectures)?;
        let parts = published[0].parts(&context)?;
        let index: Arc<CompactIndex> = Arc::clone(&parts[0].index);
        println!(
            "{step}: {:?} ({} ms of processors; {} packages, {} KB)",
            begin.elapsed(),
            processor_time() - busy,
            index.len(),
            index.as_bytes().len() / 1000
        );
    }
    Ok(())
}
