//! Draws packages of every family from the archive's own lists.

use std::collections::BTreeMap;
use std::fs;

use mikron_live::lot::{Lot, Relations};
use mikron_live::oracle::{Family, Language};

/// The seed. Another one draws another thousand.
const SEED: u64 = 0x5EED_1000;

/// Larger closures are left out: they are what desktops bring, and would take hours.
const LARGEST: usize = 120;

/// How many of a family are drawn, as far as there are so many.
fn share(family: Family) -> usize {
    match family {
        Family::Code(Language::Python) => 300,
        Family::Code(Language::Perl) => 200,
        Family::Code(Language::Ruby | Language::Node | Language::R | Language::Php) => 100,
        Family::Code(Language::Lua) => 20,
        Family::Code(Language::Guile) => 5,
        Family::Code(Language::Tcl | Language::Erlang) => 8,
        Family::Code(Language::Ocaml) => 9,
        Family::Programs => 90,
        Family::Daemons => 60,
    }
}

/// Prints a line a package, in the order in which they were drawn: `CONTENTS` are the Contents files of an architecture and of
/// `all`, `PACKAGES` a Packages file, all decompressed.
pub(crate) fn print(contents: &[String], packages: &str) {
    let texts: Vec<String> = contents
        .iter()
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    let mut paths: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for line in texts.iter().flat_map(|text| text.lines()) {
        let Some((path, owners)) = line.rsplit_once(char::is_whitespace) else {
            continue;
        };
        let path = format!("/{}", path.trim_end());
        for owner in owners.split(',') {
            let name = owner.rsplit('/').next().unwrap_or(owner);
            paths.entry(name).or_default().push(path.clone());
        }
    }
    let packages = fs::read_to_string(packages).unwrap();
    let relations = Relations::read(&packages);
    println!(
        "# seed {SEED:#x}, closures of at most {LARGEST} packages: FAMILY PACKAGE [INTERPRETER]"
    );
    let mut lot = Lot::new(SEED);
    for family in Family::all() {
        let candidates = paths.iter().filter(|(name, paths)| {
            let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
            relations.has(name) && family.holds(name, &paths)
        });
        let mut candidates: Vec<(&str, &Vec<String>)> =
            candidates.map(|(name, paths)| (*name, paths)).collect();
        let all = candidates.len();
        let mut drawn = Vec::new();
        while drawn.len() < share(family) && !candidates.is_empty() {
            let (name, paths) = candidates.swap_remove(lot.below(candidates.len()));
            let closure = relations.closure([name]);
            if closure.len() > LARGEST {
                continue;
            }
            let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
            let interpreter = match family {
                Family::Code(language) => Some(language.interpreter(&paths)),
                _ => None,
            };
            let interpreter = interpreter.filter(|name| !closure.contains(name.as_str()));
            let words = [
                Some(family.name().to_owned()),
                Some(name.to_owned()),
                interpreter,
            ];
            drawn.push(words.into_iter().flatten().collect::<Vec<_>>().join(" "));
        }
        println!("# {}: {} of {all}", family.name(), drawn.len());
        for line in drawn {
            println!("{line}");
        }
    }
}
