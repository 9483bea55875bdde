//! The steps on the way from archives to layers, one by one.
//!
//! Real packages and indexes come from the machine's Debian mirror and are kept under the target directory.

#![allow(missing_docs)] // what the macros of criterion make

use std::fs;
use std::hint::black_box;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mikron_archive::ArReader;
use mikron_deb::{DebFormat, DebVersionOrder, StanzaReader};
use mikron_facts::{Spool, scan};
use mikron_live::mirror::{Mirror, mirror};
use mikron_oci::{LayerEntry, LayerPlan, MemoryStore, Parallel, Recipe, build_layers, json};
use mikron_package::{
    Digest, Entry, EntryKind, Limits, MemoryContents, Origin, PackageFormat as _, RootPath, Silent,
    Universe as _, VersionOrder as _,
};
use mikron_select::{PackageInput, Role, Rules, Wanted, select};
use mikron_solve::{Request, ResolvoSolver, Solver as _};
use mikron_source::universe::{CompactIndex, IndexUniverse, Part, build_index};

/// A file of the mirror, fetched once.
fn fetched(mirror: &Mirror, path: &str) -> Vec<u8> {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(Digest::of(path.as_bytes()).hex());
    if !file.exists() {
        let partial = file.with_extension("partial");
        let status = Command::new("curl")
            .args([
                "--silent",
                "--show-error",
                "--fail",
                "--location",
                "--output",
            ])
            .arg(&partial)
            .arg(format!("{}/{path}", mirror.main))
            .status();
        assert!(
            status.is_ok_and(|s| s.success()),
            "{path} cannot be fetched"
        );
        fs::rename(&partial, &file).expect("a writable target directory");
    }
    fs::read(file).expect("it was just fetched")
}

fn packages(mirror: &Mirror) -> Vec<u8> {
    let packed = fetched(mirror, "dists/bookworm/main/binary-amd64/Packages.xz");
    let mut text = Vec::new();
    let mut decoder = liblzma::read::XzDecoder::new(&*packed);
    decoder
        .read_to_end(&mut text)
        .expect("the mirror's index is intact");
    text
}

fn index(text: &[u8]) -> CompactIndex {
    let origin = Origin::named("Packages");
    build_index(text, "amd64", &Limits::default(), &origin)
        .expect("the mirror's index is well-formed")
}

fn universe(index: CompactIndex) -> IndexUniverse {
    let part = Part {
        index: Arc::new(index),
        source: "debian".to_owned(),
        priority: 500,
        label: "bookworm/main".to_owned(),
    };
    IndexUniverse::new(&DebFormat, "amd64", vec![part])
        .expect("one index does not contradict itself")
}

fn indexes(c: &mut Criterion) {
    let Some(mirror) = mirror() else { return };
    let text = packages(&mirror);
    let limits = Limits::default();
    let mut group = c.benchmark_group("index");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("read every stanza", |b| {
        b.iter(|| {
            let mut reader = StanzaReader::new(&*text, &limits);
            let mut count = 0_u32;
            while let Some(stanza) = reader.next_stanza().expect("well-formed") {
                black_box(stanza.bytes());
                count += 1;
            }
            count
        });
    });
    group.bench_function("build the compact form", |b| b.iter(|| index(&text).len()));
    let compact = index(&text).as_bytes().to_vec();
    group.bench_function("open the compact form", |b| {
        b.iter(|| CompactIndex::open(black_box(compact.clone())).map(|i| i.len()));
    });
    group.finish();

    let universe = universe(index(&text));
    let solver = ResolvoSolver::default();
    let mut group = c.benchmark_group("solve");
    for name in ["nginx", "git", "openjdk-17-jdk", "gnome"] {
        let request = Request::of([name.parse().expect("a name")]);
        group.bench_function(name, |b| {
            b.iter(|| solver.solve(&universe, &request).map(|s| s.packages.len()));
        });
    }
    group.finish();

    let versions: Vec<String> = universe
        .all()
        .take(20_000)
        .map(|id| universe.record(id).version.to_string())
        .collect();
    let mut group = c.benchmark_group("versions");
    group.throughput(Throughput::Elements(versions.len() as u64 - 1));
    group.bench_function("compare neighbours", |b| {
        b.iter(|| {
            let pairs = versions.windows(2);
            pairs
                .filter(|p| DebVersionOrder.compare(&p[0], &p[1]).is_lt())
                .count()
        });
    });
    group.finish();
}

/// The archives of nginx and of what it depends on.
fn closure(mirror: &Mirror) -> Vec<Vec<u8>> {
    let universe = universe(index(&packages(mirror)));
    let request = Request::of(["nginx".parse().expect("a name")]);
    let solution = ResolvoSolver::default()
        .solve(&universe, &request)
        .expect("nginx has a solution");
    let location = |p: &mikron_solve::Solved| universe.record(p.id).location;
    solution
        .packages
        .iter()
        .map(|p| fetched(mirror, &location(p)))
        .collect()
}

fn archives(c: &mut Criterion) {
    let Some(mirror) = mirror() else { return };
    let archives = closure(&mirror);
    let limits = Limits::default();
    let origin = Origin::named("benchmark.deb");
    let bytes: usize = archives.iter().map(Vec::len).sum();
    let mut group = c.benchmark_group("archives of nginx");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(bytes as u64));
    group.bench_function("ar members", |b| {
        b.iter(|| {
            let mut members = 0;
            for archive in &archives {
                let mut reader = ArReader::new(&**archive, &limits).expect("an archive");
                while reader.next_member().expect("intact").is_some() {
                    members += 1;
                }
            }
            members
        });
    });
    group.bench_function("entries and contents", |b| {
        b.iter(|| {
            let mut total = 0;
            for archive in &archives {
                let mut reader = DebFormat
                    .open(Box::new(&**archive), &limits, &origin)
                    .expect("a .deb");
                while reader.next_entry().expect("intact").is_some() {
                    total += io::copy(reader.body(), &mut io::sink()).expect("intact");
                }
            }
            total
        });
    });
    let symbols = Rules::builtin().symbols();
    let facts = |spool: &Spool| -> Vec<PackageInput> {
        let one = |archive: &Vec<u8>| {
            let mut reader = DebFormat
                .open(Box::new(&**archive), &limits, &origin)
                .expect("a .deb");
            let facts = scan(&mut *reader, spool, &limits, &|_| true, &symbols).expect("facts");
            let root = facts.metadata.record.name.as_str() == "nginx";
            let role = if root { Role::root() } else { Role::Dependency };
            PackageInput::new(role, Arc::new(facts))
        };
        archives.iter().map(one).collect()
    };
    group.bench_function("facts", |b| b.iter(|| facts(&Spool::new(64 << 20)).len()));
    let inputs = facts(&Spool::new(64 << 20));
    let wanted = Wanted::new("linux/amd64".parse().expect("a platform"));
    group.bench_function("select", |b| {
        b.iter(|| select(&inputs, &wanted).map(|s| s.files.len()));
    });
    group.finish();
}

fn layers(c: &mut Criterion) {
    let libraries: Vec<PathBuf> = ["libcrypto.so.3", "libc.so.6", "libm.so.6"]
        .iter()
        .map(|name| Path::new("/usr/lib/x86_64-linux-gnu").join(name))
        .filter(|path| path.exists())
        .collect();
    let mut contents = MemoryContents::default();
    let mut entries: Vec<LayerEntry> = libraries
        .iter()
        .map(|path| {
            let bytes = fs::read(path).expect("a readable library");
            let size = bytes.len() as u64;
            let name = path.file_name().expect("it has one").as_encoded_bytes();
            let at = RootPath::new(name).expect("a name");
            LayerEntry {
                content: Some(contents.add(bytes)),
                entry: Entry::new(at, EntryKind::File { size }, 0o644),
            }
        })
        .collect();
    entries.sort_by(|a, b| a.entry.path.cmp(&b.entry.path));
    let plan = LayerPlan::new("libraries", &entries).expect("sorted entries");
    let mut group = c.benchmark_group("layer");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(plan.unpacked()));
    for text in ["none", "zstd:3", "zstd:12", "zstd:19", "gzip:6", "gzip:9"] {
        let recipe: Recipe = text.parse().expect("a recipe");
        group.bench_function(text, |b| {
            b.iter(|| {
                let store = MemoryStore::default();
                plan.build(recipe, &contents, &store, None)
                    .map(|l| l.layer.blob.size)
            });
        });
    }
    let gzip: Recipe = "gzip:6".parse().expect("a recipe");
    for jobs in [1, 2, 4] {
        group.bench_function(format!("gzip:6 by {jobs} threads"), |b| {
            b.iter(|| {
                let (store, parallel) = (MemoryStore::default(), Parallel::jobs(jobs));
                let plans = std::slice::from_ref(&plan);
                build_layers(plans, gzip, &contents, &store, None, parallel, &Silent)
                    .map(|l| l.len())
            });
        });
    }
    group.bench_function("key", |b| b.iter(|| plan.key(Recipe::default())));
    group.finish();

    let document: Vec<_> = (0..200)
        .map(|i| mikron_oci::Blob::of(&u32::to_le_bytes(i)))
        .collect();
    let text = json::canonical(&document).expect("integers and strings");
    let mut group = c.benchmark_group("json");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("write", |b| {
        b.iter(|| json::canonical(&document).map(|t| t.len()));
    });
    group.bench_function("read strictly", |b| {
        b.iter(|| json::parse(black_box(&text)));
    });
    group.finish();
}

criterion_group!(steps, indexes, archives, layers);
criterion_main!(steps);
