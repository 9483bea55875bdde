//! Compares the order of versions with that of `dpkg --compare-versions` over many pairs from real indexes.
//!
//! `cargo run --release -p mikron-deb --example version_pairs -- COUNT Packages...` asks dpkg COUNT times, on all cores.
//! Pairs are versions of one package in all files, versions against what others ask of that package, and, for the rest,
//! versions that lie near each other in the order: the pairs where a mistake would show.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs::File;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering as Atomic};

use mikron_deb::{DebVersionOrder, FieldId, RawFields, StanzaReader, scan_relations};
use mikron_package::{Limits, VersionOrder};

/// Versions by package.
type Versions = BTreeMap<String, BTreeSet<String>>;

fn collect(path: &str, versions: &mut Versions) -> Result<(), Box<dyn Error>> {
    let mut reader = StanzaReader::new(File::open(path)?, &Limits::default());
    while let Some(stanza) = reader.next_stanza()? {
        let raw = RawFields::of(&stanza)?;
        let (name, version, _) = raw.identity()?;
        versions
            .entry(name.to_owned())
            .or_default()
            .insert(version.to_owned());
        for field in [
            FieldId::Depends,
            FieldId::Recommends,
            FieldId::Breaks,
            FieldId::Conflicts,
        ] {
            for relation in scan_relations(raw.get(field).unwrap_or_default()) {
                let relation = relation?;
                if let Some((_, version)) = relation.version {
                    let of = versions.entry(relation.name.to_owned()).or_default();
                    of.insert(version.to_owned());
                }
            }
        }
    }
    Ok(())
}

/// At most `count` pairs: all within one package first, then neighbours at growing distance.
fn choose(versions: &Versions, count: usize) -> Vec<(&str, &str)> {
    let mut pairs = BTreeSet::new();
    for of in versions.values() {
        let of: Vec<_> = of.iter().map(String::as_str).collect();
        for (at, a) in of.iter().enumerate() {
            // A package that everybody asks for by another version must not fill the list alone.
            pairs.extend(of[at + 1..].iter().take(8).map(|b| (*a, *b)));
        }
    }
    let mut all: Vec<_> = versions.values().flatten().map(String::as_str).collect();
    all.sort_unstable();
    all.dedup();
    all.sort_by(|a, b| DebVersionOrder.compare(a, b));
    println!(
        "{} packages, {} versions, {} pairs within packages",
        versions.len(),
        all.len(),
        pairs.len()
    );
    let mut distance = 1;
    while pairs.len() < count && distance < all.len() {
        pairs.extend(all.iter().zip(&all[distance..]).map(|(a, b)| (*a, *b)));
        distance *= 2;
    }
    pairs.into_iter().take(count).collect()
}

fn agrees(a: &str, b: &str) -> Result<bool, std::io::Error> {
    let relation = match DebVersionOrder.compare(a, b) {
        Ordering::Less => "lt",
        Ordering::Equal => "eq",
        Ordering::Greater => "gt",
    };
    let mut dpkg = Command::new("dpkg");
    dpkg.args(["--compare-versions", a, relation, b]);
    dpkg.stderr(Stdio::inherit())
        .status()
        .map(|status| status.success())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let count = arguments.next().ok_or("how many pairs?")?.parse()?;
    let mut versions = Versions::new();
    for path in arguments {
        collect(&path, &mut versions)?;
    }
    let pairs = choose(&versions, count);
    let (next, wrong) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let workers = std::thread::available_parallelism()?.get();
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((a, b)) = pairs.get(next.fetch_add(1, Atomic::Relaxed)) {
                    if !matches!(agrees(a, b), Ok(true)) {
                        println!("differ: {a} {b}");
                        wrong.fetch_add(1, Atomic::Relaxed);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner();
    println!("{} pairs compared, {wrong} differ", pairs.len());
    if wrong == 0 {
        Ok(())
    } else {
        Err("dpkg disagrees".into())
    }
}
