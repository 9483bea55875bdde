//! Reading a package of forty thousand files, and writing a package database.

#![allow(missing_docs)] // what the macros of criterion make

use std::fs::File;
use std::hint::black_box;
use std::io;
use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mikron_package::{
    Installed, Limits, MemoryContents, Origin, PackageDatabase as _, PackageFormat as _,
    VersionOrder as _,
};
use mikron_rpm::{RpmDatabase, RpmFormat, RpmVersionOrder};
use mikron_testkit::archive::Compression;
use mikron_testkit::rpm::RpmBuilder;

const FILES: u64 = 40_000;

fn package(compression: Compression) -> Vec<u8> {
    let mut builder = RpmBuilder::new("many", "1", "1", "noarch").compression(compression);
    for number in 0..FILES {
        let path = format!("/usr/share/many/{}/file-{number}", number % 100);
        builder = builder.file(&path, 0o644, format!("content of {number}\n").repeat(20));
    }
    builder.build()
}

fn read(path: &Path) -> u64 {
    let input = Box::new(File::open(path).expect("the package is there"));
    let mut reader = RpmFormat
        .open(input, &Limits::default(), &Origin::named("many.rpm"))
        .expect("a good package");
    let mut files = 0;
    while let Some(entry) = reader.next_entry().expect("a good package") {
        io::copy(reader.body(), &mut io::sink()).expect("a content");
        files += u64::from(entry.is_file());
    }
    files
}

fn archives(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut group = c.benchmark_group("rpm");
    group.sample_size(10);
    group.throughput(Throughput::Elements(FILES));
    for (name, compression) in [
        ("none", Compression::None),
        ("gzip", Compression::Gzip),
        ("zstd", Compression::Zstd),
    ] {
        let path = dir.path().join(name);
        std::fs::write(&path, package(compression)).expect("a file");
        group.bench_function(format!("read 40,000 files, {name}"), |b| {
            b.iter(|| assert_eq!(read(&path), FILES));
        });
    }
    let bytes = package(Compression::None);
    let reader = RpmFormat
        .open(
            Box::new(&*bytes),
            &Limits::default(),
            &Origin::named("many.rpm"),
        )
        .expect("a good package");
    let installed = [Installed {
        metadata: reader.metadata(),
        files: Vec::new(),
        size: bytes.len() as u64,
    }];
    group.bench_function("write the database of 40,000 files", |b| {
        b.iter(|| {
            let contents = MemoryContents::default();
            black_box(RpmDatabase.write(&installed, &contents, 0)).expect("a database")
        });
    });
    group.finish();
}

fn versions(c: &mut Criterion) {
    let versions: Vec<String> = (0..1000_u32)
        .map(|n| format!("{}:{}.{}~rc{}-{}.el9", n % 2, n % 7, n % 31, n % 3, n % 11))
        .collect();
    let mut group = c.benchmark_group("rpm versions");
    group.throughput(Throughput::Elements(versions.len() as u64 - 1));
    group.bench_function("compare", |b| {
        b.iter(|| {
            let pairs = versions.windows(2);
            pairs
                .filter(|pair| RpmVersionOrder.compare(&pair[0], &pair[1]).is_lt())
                .count()
        });
    });
    group.finish();
}

criterion_group!(benches, archives, versions);
criterion_main!(benches);
