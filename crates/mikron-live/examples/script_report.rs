//! Of how many maintainer scripts every effect is known: those of the packages of Debian bookworm that most others depend on.
//!
//! ```text
//! cargo run --release -p mikron-live --example script_report -- [PACKAGES] [FIRST]
//! ```
//!
//! Each package that has scripts is made an image of by itself. A script is recognised where all that it would do is done by somebody or
//! means nothing in an image; what remains is printed, and at the end the commands that remain most often.

use std::collections::{BTreeMap, BTreeSet};

use mikron_package::{PackageName, Requirement, Universe};
use tempfile::TempDir;

#[path = "../tests/apt/mod.rs"]
mod apt;
#[path = "../tests/common/mod.rs"]
mod common;

/// Scripts, and how many of them are recognised.
#[derive(Default)]
struct Tally {
    all: usize,
    known: usize,
}

impl Tally {
    fn add(&mut self, known: bool) {
        self.all += 1;
        self.known += usize::from(known);
    }

    fn text(&self) -> String {
        let mille = self.known * 1000 / self.all.max(1);
        let (share, tenth) = (mille / 10, mille % 10);
        format!("{} of {} ({share}.{tenth} %)", self.known, self.all)
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1).map_while(|word| word.parse().ok());
    let (wanted, first): (usize, usize) = (
        arguments.next().unwrap_or(300),
        arguments.next().unwrap_or(0),
    );
    let Some(mirror) = mikron_live::mirror::mirror() else {
        return;
    };
    let ranking = ranking(&apt::Apt::new(&mirror).universe());
    let (mut packages, mut refused) = (0, 0);
    let (mut scripts, mut installing) = (Tally::default(), Tally::default());
    let mut open: BTreeMap<String, usize> = BTreeMap::new();
    for name in ranking.iter().skip(first) {
        if packages == wanted {
            break;
        }
        let dir = TempDir::new().expect("a temporary directory");
        let spec = common::spec_of(name.as_str(), "");
        let builder = common::builder(&spec, dir.path()).expect("there is a mirror");
        let platform = "linux/amd64".parse().expect("it is one");
        let reports = match builder.platform(platform).scripts() {
            Ok(reports) => reports,
            Err(error) => {
                refused += 1;
                println!("{name}: no image: {error}");
                continue;
            }
        };
        let own = reports.into_values().flatten();
        let is_own = |script: &mikron::ScriptReport| script.package == *name && script.is_script();
        let own: Vec<_> = own.filter(is_own).collect();
        packages += usize::from(!own.is_empty());
        // A run takes an hour: what is known so far is told.
        eprintln!("{packages} {name}: {} so far", scripts.text());
        for script in own {
            let known = script.uncovered.is_empty();
            scripts.add(known);
            if matches!(script.script.as_str(), "preinst" | "postinst") {
                installing.add(known);
            }
            for effect in script.uncovered.iter().collect::<BTreeSet<_>>() {
                println!("{name} {}: {effect}", script.script);
                let command = effect.split(' ').next().unwrap_or_default();
                *open.entry(command.to_owned()).or_default() += 1;
            }
        }
    }
    println!("packages with scripts: {packages} (no image of {refused})");
    println!("scripts recognised: {}", scripts.text());
    println!("of those that run at installation: {}", installing.text());
    let mut open: Vec<(usize, String)> = open.into_iter().map(|(name, n)| (n, name)).collect();
    open.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    for (number, command) in open.iter().take(20) {
        println!("{number:6} {command}");
    }
}

/// Packages by how many others depend on them, first alternatives alone, the most wanted first.
fn ranking(universe: &mikron_source::universe::IndexUniverse) -> Vec<PackageName> {
    let mut dependents: BTreeMap<PackageName, usize> = BTreeMap::new();
    for id in universe.all() {
        let record = universe.record(id);
        let named: BTreeSet<PackageName> = record
            .requirements()
            .filter_map(|one: &Requirement| Some(one.relations().first()?.name.clone()))
            .filter(|name| !universe.named(name.as_str()).is_empty())
            .collect();
        for name in named {
            *dependents.entry(name).or_default() += 1;
        }
    }
    let mut ranking: Vec<(PackageName, usize)> = dependents.into_iter().collect();
    ranking.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    ranking.into_iter().map(|(name, _)| name).collect()
}
