//! Draws the programs from the archive's own lists.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// The seed. Another one draws another hundred.
const SEED: u64 = 0x5EED_0100;

/// Larger closures are left out: they are what desktops bring, and would take hours.
const LARGEST: usize = 60;

/// Prints packages and programs: `CONTENTS` is the Contents files of an architecture and of `all`, `PACKAGES` a Packages file, all
/// decompressed.
pub(crate) fn print(contents: &str, packages: &str) {
    let contents = fs::read_to_string(contents).unwrap();
    let mut programs: BTreeMap<&str, &str> = BTreeMap::new();
    for line in contents.lines() {
        let Some((path, owners)) = line.split_once(char::is_whitespace) else {
            continue;
        };
        let in_bin = path
            .strip_prefix("usr/bin/")
            .is_some_and(|name| !name.contains('/'));
        for owner in owners.trim().split(',').filter(|_| in_bin) {
            let name = owner.rsplit('/').next().unwrap_or(owner);
            let best = programs.entry(name).or_insert(path);
            // The program that is called like the package, else the shortest name.
            let rank = |path: &str| {
                (
                    path != format!("usr/bin/{name}"),
                    path.len(),
                    path.to_owned(),
                )
            };
            if rank(path) < rank(best) {
                *best = path;
            }
        }
    }
    let packages = fs::read_to_string(packages).unwrap();
    let relations = relations(&packages);
    let small = |name: &str| closure(name, &relations).is_some_and(|size| size <= LARGEST);
    let candidates: Vec<(&str, &str)> = programs.into_iter().collect();
    println!(
        "# {} candidates, seed {SEED:#x}, closures of at most {LARGEST} packages",
        candidates.len()
    );
    let mut seed = SEED;
    let mut drawn = BTreeSet::new();
    while drawn.len() < 100 {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let (package, program) = candidates[(seed % candidates.len() as u64) as usize];
        if small(package) {
            drawn.insert(format!("{package} /{program}"));
        }
    }
    for line in drawn {
        println!("{line}");
    }
}

/// The first alternative of each dependency, by package.
fn relations(packages: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut found = BTreeMap::new();
    for stanza in packages.split("\n\n") {
        let field = |name: &str| stanza.lines().find_map(|line| line.strip_prefix(name));
        let Some(package) = field("Package: ") else {
            continue;
        };
        let depends = [field("Depends: "), field("Pre-Depends: ")]
            .into_iter()
            .flatten();
        let names = depends.flat_map(|relations| relations.split(','));
        let names = names.filter_map(|one| one.trim().split([' ', ':', '|', '(']).next());
        found.insert(package, names.collect());
    }
    found
}

/// How many packages a package brings; `None` where one of them is virtual or of another archive.
fn closure(name: &str, relations: &BTreeMap<&str, Vec<&str>>) -> Option<usize> {
    let mut seen = BTreeSet::new();
    let mut todo = vec![name];
    while let Some(name) = todo.pop() {
        if seen.insert(name) {
            todo.extend(relations.get(name)?);
        }
    }
    Some(seen.len())
}
