//! Chisel releases as large as the public ones: reading, selecting, checking.

#![allow(missing_docs)] // what the macros of criterion make

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use mikron_package::{Architecture, Limits};
use mikron_slices::{Release, SourceFile};

#[path = "../../crates/mikron-slices/tests/slices/synthetic.rs"]
mod synthetic;

/// Files of the release: some 2,500 slices.
const PACKAGES: usize = 605;

fn slices(criterion: &mut Criterion) {
    let limits = Limits::default();
    let directory = tempfile::tempdir().expect("a writable directory for temporary files");
    synthetic::write(directory.path(), PACKAGES).expect("a writable directory");
    let files: Vec<SourceFile> = synthetic::release(PACKAGES)
        .iter()
        .map(|(name, text)| SourceFile::new(name, text))
        .collect();
    let release = Release::of_files(&files, &limits).expect("a good release");
    let top = format!("{}_libs", synthetic::name(PACKAGES - 1));
    let wanted = [top.parse().expect("a good name")];

    let mut group = criterion.benchmark_group("slices");
    group.measurement_time(Duration::from_secs(10));
    group.sample_size(20);
    group.bench_function("read a release from its directory", |bench| {
        bench.iter(|| Release::read(black_box(directory.path()), &limits));
    });
    group.bench_function("read one package of a release alone", |bench| {
        // What loading lazily would save: the head and one file in place of all.
        let few = [files[0].clone(), files[1].clone()];
        bench.iter(|| Release::of_files(black_box(&few), &limits));
    });
    group.bench_function("select a third of a release", |bench| {
        bench.iter(|| release.select(black_box(&wanted), Architecture::Amd64));
    });
    group.bench_function("check a whole release", |bench| {
        bench.iter(|| black_box(&release).check());
    });
    group.finish();
}

criterion_group!(benches, slices);
criterion_main!(benches);
