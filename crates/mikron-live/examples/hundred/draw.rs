//! Draws the programs from the archive's own lists.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use mikron_live::lot::{Lot, Relations};

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
    let relations = Relations::read(&packages);
    let small = |name: &str| {
        let closure = relations.closure([name]);
        closure.len() <= LARGEST && closure.iter().all(|name| relations.has(name))
    };
    let candidates: Vec<(&str, &str)> = programs.into_iter().collect();
    println!(
        "# {} candidates, seed {SEED:#x}, closures of at most {LARGEST} packages",
        candidates.len()
    );
    let mut lot = Lot::new(SEED);
    let mut drawn = BTreeSet::new();
    while drawn.len() < 100 {
        let (package, program) = candidates[lot.below(candidates.len())];
        if small(package) {
            drawn.insert(format!("{package} /{program}"));
        }
    }
    for line in drawn {
        println!("{line}");
    }
}
