//! Closure and proof over 300 packages, and the facts of one large package against bare decompression.
//!
//! The 300 packages are made here: a tenth has programs, the others libraries that need each other, and each has the files
//! that surround them in a distribution. The large package comes from the machine's distribution by apt-get(8).

#![allow(missing_docs)] // what the macros of criterion make

use std::fs;
use std::hint::black_box;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mikron_deb::DebFormat;
use mikron_facts::{
    ContentFacts, FileFacts, PackageFacts, Spool, Symbols, classify, read_elf, scan,
};
use mikron_matrix::verify;
use mikron_package::{Digest, Entry, EntryKind, Limits, Origin, PackageFormat as _, RootPath};
use mikron_select::{Edge, PackageInput, Role, Rules, Wanted, select};
use mikron_testkit::elf::ElfBuilder;
use mikron_testkit::tools::tool;

const PACKAGES: usize = 300;
const PROGRAMS: usize = 10;
const LIBRARIES: usize = 4;
const SYMBOLS: usize = 1000;
const OTHERS: usize = 150;
const LIB: &str = "usr/lib/x86_64-linux-gnu";

fn file(path: &str, mode: u32, elf: Option<&ElfBuilder>) -> FileFacts {
    let path = RootPath::new(path.as_bytes()).expect("a path");
    let bytes = elf.map(ElfBuilder::build);
    let size = bytes.as_ref().map_or(1000, |bytes| bytes.len() as u64);
    let entry = Entry::new(path, EntryKind::File { size }, mode);
    let elf = bytes.map(|bytes| {
        Box::new(read_elf(bytes.as_slice(), &Symbols::default()).expect("well-formed"))
    });
    FileFacts {
        class: classify(&entry, elf.as_deref()),
        digest: Some(Digest::of(entry.path.as_bytes())),
        content: Some(Box::new(ContentFacts {
            elf,
            ..ContentFacts::default()
        })),
        ..FileFacts::new(entry)
    }
}

fn soname(package: usize, library: usize) -> String {
    format!("libp{package}x{library}.so.1")
}

/// A library with a thousand symbols that needs the C library and those of three packages before its own.
fn library(package: usize, number: usize) -> ElfBuilder {
    let version = format!("P{package}_1");
    let mut library = ElfBuilder::library(&soname(package, number))
        .version_definition(&version)
        .needed("libc.so.6")
        .version_need("libc.so.6", &["GLIBC_2.34"]);
    for below in [1, 7, 31] {
        if let Some(other) = package.checked_sub(below).filter(|p| p % PROGRAMS != 0) {
            library = library.needed(&soname(other, number));
        }
    }
    for symbol in 0..SYMBOLS {
        library = library.export_of(&format!("_ZN{package}x{number}symbol{symbol}Ev"), &version);
    }
    library
}

/// A program that binds at once and needs the libraries of nine packages before its own.
fn program(package: usize, number: usize) -> ElfBuilder {
    let mut program = ElfBuilder::executable()
        .bind_now()
        .needed("libc.so.6")
        .version_need("libc.so.6", &["GLIBC_2.34"]);
    for below in 1..PROGRAMS {
        let (Some(other), number) = (package.checked_sub(below), number % LIBRARIES) else {
            continue;
        };
        let version = format!("P{other}_1");
        program = program
            .needed(&soname(other, number))
            .version_need(&soname(other, number), &[&version]);
        for symbol in 0..20 {
            let symbol = format!("_ZN{other}x{number}symbol{symbol}Ev");
            program = program.import_of(&symbol, &version);
        }
    }
    program
}

fn synthetic() -> Vec<(Role, Vec<Edge>, Vec<u8>)> {
    let edge = |to: usize| Edge {
        to,
        relation: format!("p{to}"),
    };
    let one = |package: usize| {
        let mut files = Vec::new();
        let mut requires: Vec<Edge> = (1..=31.min(package)).map(|b| edge(package - b)).collect();
        if package == 0 {
            let libc = ElfBuilder::library("libc.so.6").version_definition("GLIBC_2.34");
            let loader = ElfBuilder::library("ld-linux-x86-64.so.2");
            files.push(file(&format!("{LIB}/libc.so.6"), 0o755, Some(&libc)));
            files.push(file("usr/lib64/ld-linux-x86-64.so.2", 0o755, Some(&loader)));
            requires.clear();
        } else if package.is_multiple_of(PROGRAMS) {
            for number in 0..PROGRAMS {
                let path = format!("usr/bin/p{package}n{number}");
                files.push(file(&path, 0o755, Some(&program(package, number))));
            }
        } else {
            for number in 0..LIBRARIES {
                let path = format!("{LIB}/{}", soname(package, number));
                files.push(file(&path, 0o644, Some(&library(package, number))));
            }
        }
        for number in 0..OTHERS {
            files.push(file(
                &format!("usr/share/p{package}/d{}/f{number}", number / 10),
                0o644,
                None,
            ));
        }
        let name = format!("p{package}").parse().expect("a name");
        let role = if package > 0 && package.is_multiple_of(PROGRAMS) {
            Role::root()
        } else {
            Role::Dependency
        };
        let facts = PackageFacts::of_files(name, files).encode();
        (role, requires, facts.expect("facts can be written"))
    };
    (0..PACKAGES).map(one).collect()
}

fn decoded(packages: &[(Role, Vec<Edge>, Vec<u8>)]) -> Vec<PackageInput> {
    let one = |(role, requires, bytes): &(Role, Vec<Edge>, Vec<u8>)| PackageInput {
        requires: requires.clone(),
        ..PackageInput::new(
            role.clone(),
            Arc::new(PackageFacts::decode(bytes).expect("what was just written")),
        )
    };
    packages.iter().map(one).collect()
}

fn closure(c: &mut Criterion) {
    let packages = synthetic();
    let bytes: usize = packages.iter().map(|(_, _, bytes)| bytes.len()).sum();
    let wanted = Wanted::new("linux/amd64".parse().expect("a platform"));
    let inputs = decoded(&packages);
    let selection = select(&inputs, &wanted).expect("a selection");
    let violations = verify(&selection, &inputs, &wanted);
    assert!(
        selection.missing.is_empty(),
        "{:?}",
        selection.missing.first()
    );
    assert!(violations.is_empty(), "{:?}", violations.first());
    println!(
        "{PACKAGES} packages, {bytes} bytes of facts, {} files chosen",
        selection.files.len()
    );
    let mut group = c.benchmark_group("closure of 300 packages");
    group.sample_size(20);
    group.bench_function("decode facts", |b| b.iter(|| decoded(&packages).len()));
    group.bench_function("select", |b| {
        b.iter(|| select(&inputs, &wanted).map(|s| s.files.len()));
    });
    group.bench_function("verify", |b| {
        b.iter(|| verify(black_box(&selection), &inputs, &wanted).len());
    });
    group.bench_function("decode, select and verify", |b| {
        b.iter(|| {
            let inputs = decoded(&packages);
            let selection = select(&inputs, &wanted).expect("a selection");
            verify(&selection, &inputs, &wanted).len()
        });
    });
    group.finish();
}

/// A package with a library of about 110 MB, fetched once.
fn large() -> Option<Vec<u8>> {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("large-package");
    fs::create_dir_all(&dir).ok()?;
    let held = |dir: &Path| -> Option<PathBuf> {
        let mut paths = fs::read_dir(dir).ok()?.flatten().map(|entry| entry.path());
        paths.find(|path| path.extension().is_some_and(|e| e == "deb"))
    };
    if held(&dir).is_none() {
        let status = Command::new(tool("apt-get")?)
            .current_dir(&dir)
            .args(["download", "-qq", "libllvm15"])
            .status();
        if !status.is_ok_and(|status| status.success()) {
            println!("skipped: apt-get does not have libllvm15");
        }
    }
    fs::read(held(&dir)?).ok()
}

fn facts(c: &mut Criterion) {
    let Some(archive) = large() else { return };
    let limits = Limits::default();
    let origin = Origin::named("large.deb");
    let open = || {
        DebFormat
            .open(Box::new(&*archive), &limits, &origin)
            .expect("a .deb")
    };
    let mut total = 0;
    let mut reader = open();
    while let Some(entry) = reader.next_entry().expect("intact") {
        total += entry.size();
    }
    let mut group = c.benchmark_group("a large package");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(total));
    group.bench_function("decompress", |b| {
        b.iter(|| {
            let mut reader = open();
            let mut total = 0;
            while reader.next_entry().expect("intact").is_some() {
                total += io::copy(reader.body(), &mut io::sink()).expect("intact");
            }
            total
        });
    });
    let symbols = Rules::builtin().symbols();
    for (name, keep) in [("facts", false), ("facts, contents kept", true)] {
        group.bench_function(name, |b| {
            b.iter(|| {
                let spool = Spool::new(256 << 20);
                let facts =
                    scan(&mut *open(), &spool, &limits, &|_| keep, &symbols).expect("facts");
                facts.files.len()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, closure, facts);
criterion_main!(benches);
