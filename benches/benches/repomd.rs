//! A repository of rpm packages as large as a distribution's: its text, the compact form out of it, and out of the cache.

#![allow(missing_docs)] // what the macros of criterion make

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use mikron_package::{Architecture, Limits, Origin, Silent};
use mikron_rpm::{PrimaryReader, Unpacked, parse_repomd};
use mikron_source::cache::{Cache, CacheOptions};
use mikron_source::deb::Trust;
use mikron_source::fetch::{HttpOptions, Router};
use mikron_source::rpm::RpmRepository;
use mikron_source::universe::{CompactIndex, IndexBuilder};
use mikron_source::{Context, Repository as _};
use mikron_testkit::archive::Compression;
use mikron_testkit::repository::now;
use mikron_testkit::rpm_repository::synthetic;

const PACKAGES: usize = 60_000;

/// The index of a repository in a directory, with a cache in another.
fn index(base: &str, cache: &Path) -> Arc<CompactIndex> {
    let cache = Cache::open(cache, CacheOptions::default()).expect("a directory of our own");
    let (router, limits) = (Router::standard(HttpOptions::default()), Limits::default());
    let context = Context::new(&router, &cache, &Silent, &limits, now());
    let bases = [base.to_owned()];
    let repository = RpmRepository::at("bench", &bases, None, Trust::Unsigned);
    let published = repository.publish(&context, &[Architecture::Amd64]);
    let parts = published.expect("well-formed")[0].parts(&context);
    Arc::clone(&parts.expect("well-formed")[0].index)
}

fn repomd(c: &mut Criterion) {
    let mut built = synthetic(PACKAGES).compression(Compression::Gzip).build();
    // The archives do not matter here, and there are many.
    built.files.retain(|path, _| path.starts_with("repodata/"));
    let directory = tempfile::tempdir().expect("a temporary directory");
    let base = directory.path().join("repository");
    built.write_to(&base);
    let base = base.to_string_lossy().into_owned();
    let (limits, origin) = (Limits::default(), Origin::named("primary.xml"));
    let parsed = parse_repomd(built.repomd.as_bytes(), &limits, &origin).expect("well-formed");
    let primary = parsed.file("primary").expect("every repository has one");
    let read = |each: &mut dyn FnMut(&mikron_package::PackageRecord)| {
        let bytes = built.file(&primary.location);
        let text = Unpacked::new(bytes, primary, &limits).expect("well-formed");
        let mut reader = PrimaryReader::new(text, &limits, &origin);
        while let Some(record) = reader.next_package().expect("well-formed") {
            each(&record);
        }
    };

    let mut group = c.benchmark_group("repomd");
    group.sample_size(10);
    group.throughput(Throughput::Elements(PACKAGES as u64));
    group.bench_function("read every package", |b| {
        b.iter(|| {
            read(&mut |record| {
                black_box(record);
            });
        });
    });
    group.bench_function("read, and build the compact form, on one thread", |b| {
        b.iter(|| {
            let mut builder = IndexBuilder::new("x86_64", &["x86_64", "noarch"]);
            read(&mut |record| builder.add(record).expect("there is room"));
            builder.finish().expect("no contradiction").len()
        });
    });
    group.bench_function("cold", |b| {
        b.iter_batched(
            || tempfile::tempdir_in(directory.path()).expect("a temporary directory"),
            |cache| {
                assert_eq!(index(&base, cache.path()).len(), PACKAGES as u32);
                cache
            },
            BatchSize::PerIteration,
        );
    });
    let cache = directory.path().join("cache");
    index(&base, &cache);
    group.bench_function("out of the cache, with one look-up", |b| {
        b.iter(|| {
            let index = index(&base, &cache);
            let providers = index.providers(b"lib4711-3.so.1()(64bit)");
            let providers = providers.expect("a sound index");
            assert_eq!(providers.len(), 1);
            index.record(providers[0]).expect("a sound index")
        });
    });
    group.finish();
}

criterion_group!(benches, repomd);
criterion_main!(benches);
