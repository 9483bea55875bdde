//! How images differ from real installations of the same packages, path by path.
//!
//! ```text
//! cargo run --release -p mikron-live --example installed [-- PACKAGE[,PACKAGE…]…]
//! ```
//!
//! Each argument is installed once (by apt-get over a minimal Debian that mmdebstrap makes once, with scripts run and without
//! what is only recommended) and compared with its image, `select: minimal` and `select: full`: type, permission bits, owner and
//! group by name, target, content, capabilities, accounts. `surplus` is what only the image has; `lacking`, for full images, is
//! what scripts made in the installation and the image has not. Without arguments the packages of `packages.txt` are compared.
//! Needs root.
#![allow(clippy::unwrap_used)] // what fails here is shown and ends the run

#[path = "../../tests/common/mod.rs"]
mod common;

use std::collections::BTreeMap;
use std::process::ExitCode;

use common::installed::{Outcome, base, compare};
use mikron_live::installed::{Kind, NOISE};

const PACKAGES: &str = include_str!("packages.txt");

fn main() -> ExitCode {
    let mut groups: Vec<String> = std::env::args().skip(1).collect();
    if groups.is_empty() {
        let lines = PACKAGES.lines().filter(|line| !line.starts_with('#'));
        groups = lines.map(str::to_owned).collect();
        println!("Not compared:");
        for noise in NOISE {
            println!("  {}: {}", noise.paths.join(" "), noise.reason);
        }
    }
    let Some(base) = base() else {
        return ExitCode::FAILURE;
    };
    let mut figures: BTreeMap<(&str, Kind), usize> = BTreeMap::new();
    let (mut same, mut differ, mut failed, mut paths) = (0, 0, 0, 0);
    for group in &groups {
        let packages: Vec<&str> = group.split(',').collect();
        let compared = match compare(&base, &packages) {
            Some(Outcome::Compared(compared)) => compared,
            Some(Outcome::NotBuilt(error)) => {
                println!("{group}: NOT BUILT: {error}");
                failed += 1;
                continue;
            }
            None => {
                failed += 1;
                continue;
            }
        };
        for one in compared {
            paths += one.paths;
            if one.differences.is_empty() {
                same += 1;
            } else {
                differ += 1;
            }
            let (select, count) = (one.select, one.differences.len());
            println!("{group} {select}: {} paths, {count} differences", one.paths);
            for difference in &one.differences {
                println!("  {difference}");
                *figures.entry((select, difference.kind)).or_default() += 1;
            }
        }
    }
    println!("\n| kind | minimal | full |\n|---|---:|---:|");
    for kind in Kind::ALL {
        let of = |select| figures.get(&(select, kind)).copied().unwrap_or(0);
        println!("| {} | {} | {} |", kind.name(), of("minimal"), of("full"));
    }
    println!(
        "\n{paths} paths; {same} images are as installed, {differ} differ, {failed} not compared"
    );
    ExitCode::from(u8::from(differ + failed > 0))
}
