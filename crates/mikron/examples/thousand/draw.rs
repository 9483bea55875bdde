//! Draws packages of every family from the archive's own lists.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use mikron_testkit::oracle::{Family, Language};

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
    let relations = relations(&packages);
    println!(
        "# seed {SEED:#x}, closures of at most {LARGEST} packages: FAMILY PACKAGE [INTERPRETER]"
    );
    let mut seed = SEED;
    for family in Family::all() {
        let candidates = paths.iter().filter(|(name, paths)| {
            let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
            relations.contains_key(*name) && family.holds(name, &paths)
        });
        let mut candidates: Vec<(&str, &Vec<String>)> =
            candidates.map(|(name, paths)| (*name, paths)).collect();
        let all = candidates.len();
        let mut drawn = Vec::new();
        while drawn.len() < share(family) && !candidates.is_empty() {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            let (name, paths) = candidates.swap_remove((seed % candidates.len() as u64) as usize);
            let Some(closure) = closure(name, &relations).filter(|all| all.len() <= LARGEST) else {
                continue;
            };
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

/// The first alternative of each dependency, by package.
fn relations(packages: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut found = BTreeMap::new();
    for stanza in packages.split("\n\n") {
        let field = |name: &str| stanza.lines().find_map(|line| line.strip_prefix(name));
        let Some(package) = field("Package: ") else {
            continue;
        };
        let depends = [field("Depends: "), field("Pre-Depends: ")];
        let names = depends
            .into_iter()
            .flatten()
            .flat_map(|relations| relations.split(','));
        let names = names.filter_map(|one| one.trim().split([' ', ':', '|', '(']).next());
        found.insert(package, names.collect());
    }
    found
}

/// The packages that a package brings; virtual ones count as one. `None` where the archive lacks the package itself.
fn closure<'a>(
    name: &'a str,
    relations: &BTreeMap<&'a str, Vec<&'a str>>,
) -> Option<BTreeSet<&'a str>> {
    relations.get(name)?;
    let mut seen = BTreeSet::new();
    let mut todo = vec![name];
    while let Some(name) = todo.pop() {
        if seen.insert(name) {
            todo.extend(relations.get(name).into_iter().flatten());
        }
    }
    Some(seen)
}
