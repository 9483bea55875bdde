//! Draws source packages from the archive's own lists.

use std::collections::BTreeSet;
use std::fs::{self, File};

use mikron_deb::StanzaReader;
use mikron_live::lot::{Lot, Relations};
use mikron_package::Limits;

use super::source::{files_of, text_of};

/// The seed. Another one draws others.
const SEED: u64 = 0x5EED_0A07;

/// How many are drawn. Mirrors of packages have the sources of some.
const COUNT: usize = 240;

/// Larger closures are left out: they are what desktops bring, and would take hours.
const LARGEST: usize = 60;

/// Larger sources are left out, in bytes of all their files.
const HEAVIEST: u64 = 4 << 20;

/// Prints a line a source package: `SOURCES` is a Sources file and `PACKAGES` a Packages file, decompressed.
///
/// `Testsuite-Triggers` names what the tests of a source need besides its own packages, so those without it need nothing else.
pub(crate) fn print(sources: &str, packages: &str) {
    let packages = fs::read_to_string(packages).unwrap();
    let relations = Relations::read(&packages);
    let mut candidates = Vec::new();
    let limits = Limits::default();
    let mut reader = StanzaReader::new(File::open(sources).unwrap(), &limits);
    while let Some(stanza) = reader.next_stanza().unwrap() {
        let field = |name| text_of(&stanza, name);
        if field("Testsuite") != "autopkgtest" || !field("Testsuite-Triggers").is_empty() {
            continue;
        }
        let size: u64 = files_of(&stanza).iter().map(|file| file.size).sum();
        // `NAME TYPE SECTION PRIORITY [KEY=VALUE…]` (dsc(5)); what is not built for amd64 has no package.
        let list = field("Package-List");
        let names = list.lines().filter_map(|line| {
            let mut words = line.split_whitespace();
            let name = words.next()?;
            (words.next() == Some("deb") && relations.has(name)).then_some(name)
        });
        let names: BTreeSet<&str> = names.collect();
        let closure = relations.closure(names.iter().copied()).len();
        if size <= HEAVIEST && closure <= LARGEST && !names.is_empty() {
            let names: Vec<&str> = names.into_iter().collect();
            candidates.push(format!("{} {}", field("Package"), names.join(" ")));
        }
    }
    println!(
        "# {COUNT} of {}, seed {SEED:#x}, closures of at most {LARGEST} packages: SOURCE PACKAGE…",
        candidates.len()
    );
    candidates.sort();
    candidates.dedup();
    let mut lot = Lot::new(SEED);
    for _ in 0..COUNT.min(candidates.len()) {
        println!("{}", candidates.swap_remove(lot.below(candidates.len())));
    }
}
