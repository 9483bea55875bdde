//! Alpine's index and archives: an index of 30,000 packages from its packed bytes, and an archive of 40,000 files.

#![allow(missing_docs)] // what the macros of criterion make

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mikron_apk::{ApkFormat, IndexError, IndexReader, read_index_seal};
use mikron_package::{Limits, Origin};
use mikron_source::universe::{CompactIndex, IndexBuilder};
use mikron_testkit::apk::{ApkBuilder, many_packages};

const PACKAGES: u32 = 30_000;
const FILES: u32 = 40_000;

fn compact(bytes: &[u8]) -> CompactIndex {
    let (limits, origin) = (Limits::default(), Origin::named("APKINDEX.tar.gz"));
    let mut builder = IndexBuilder::new("x86_64", &["x86_64", "noarch"]);
    let reader = IndexReader::new(bytes, "x86_64", &limits, &origin).expect("well-formed");
    let read = reader.read(|record| {
        builder.add(&record).expect("there is room");
        Ok::<(), IndexError>(())
    });
    read.expect("well-formed");
    builder.finish().expect("no contradiction")
}

fn indexes(c: &mut Criterion) {
    let bytes = many_packages(PACKAGES);
    let (limits, origin) = (Limits::default(), Origin::named("APKINDEX.tar.gz"));
    let mut group = c.benchmark_group("apk index");
    group.sample_size(10);
    group.throughput(Throughput::Elements(u64::from(PACKAGES)));
    group.bench_function("hash for the signature", |b| {
        b.iter(|| read_index_seal(black_box(&bytes[..]), &limits, &origin).map(|s| s.covered));
    });
    group.bench_function("read every package", |b| {
        b.iter(|| {
            let reader = IndexReader::new(&bytes[..], "x86_64", &limits, &origin);
            let read = reader.and_then(|r| {
                r.read(|record| {
                    black_box(record);
                    Ok::<(), IndexError>(())
                })
            });
            read.expect("well-formed").packages
        });
    });
    group.bench_function("build the compact form", |b| {
        b.iter(|| compact(&bytes).len());
    });
    let stored = compact(&bytes).as_bytes().to_vec();
    group.bench_function("open the compact form", |b| {
        b.iter(|| CompactIndex::open(black_box(stored.clone())).map(|i| i.len()));
    });
    group.finish();
}

fn archives(c: &mut Criterion) {
    let mut builder = ApkBuilder::new("many", "1-r0", "x86_64");
    for n in 0..FILES {
        let content = format!("the content of file {n}\n");
        builder = builder.file(&format!("/usr/share/many/{}/{n}", n % 100), 0o644, content);
    }
    let bytes = builder.build();
    let (limits, origin) = (Limits::default(), Origin::named("many.apk"));
    let mut group = c.benchmark_group("apk archive");
    group.sample_size(10);
    group.throughput(Throughput::Elements(u64::from(FILES)));
    group.bench_function("read and check every file", |b| {
        b.iter(|| {
            let reader = ApkFormat.open_apk(Box::new(&bytes[..]), &limits, &origin);
            reader
                .and_then(|mut reader| reader.finish())
                .expect("well-formed");
        });
    });
    group.finish();
}

criterion_group!(benches, indexes, archives);
criterion_main!(benches);
