//! Solves for packages of Debian bookworm, picked by a fixed seed, and holds each solution against apt.
//!
//! ```text
//! cargo run -p mikron-live --example apt_agreement -- [PACKAGES]
//! ```
//!
//! For each package: apt, with nothing installed, must install exactly our list of versions and no more; and it is counted
//! how often apt by itself would have chosen the very same set.

use std::collections::BTreeSet;
use std::time::Instant;

use mikron_package::Universe;
use mikron_solve::{Request, ResolvoSolver, Solver};

#[path = "../tests/apt/mod.rs"]
mod apt;

fn main() {
    let count = std::env::args()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .unwrap_or(200);
    let Some(mirror) = mikron_live::mirror::mirror() else {
        return;
    };
    let apt = apt::Apt::new(&mirror);
    let universe = apt.universe();
    let names: BTreeSet<_> = universe.all().map(|id| universe.record(id).name).collect();
    let names: Vec<_> = names.into_iter().collect();
    let mut seed: u64 = 0x5EED_B00C;
    let mut picked = BTreeSet::new();
    while picked.len() < count.min(names.len()) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        picked.insert(names[(seed % names.len() as u64) as usize].clone());
    }
    let (mut clean, mut same, mut both_refuse, mut packages, mut time) = (0, 0, 0, 0, 0.0);
    let mut slowest = (0.0, String::new());
    for name in &picked {
        let begin = Instant::now();
        let solution = ResolvoSolver::default().solve(&universe, &Request::of([name.clone()]));
        let took = begin.elapsed().as_secs_f64() * 1000.0;
        time += took;
        if took > slowest.0 {
            slowest = (took, name.to_string());
        }
        let theirs = apt.install(&[name.to_string()]);
        let solution = match (solution, &theirs) {
            (Ok(solution), _) => solution,
            (Err(_), Err(_)) => {
                both_refuse += 1;
                println!("{name}: refused by both");
                continue;
            }
            (Err(error), Ok(_)) => {
                println!("{name}: refused by us only: {error}");
                continue;
            }
        };
        let ours: apt::Set = solution
            .packages
            .iter()
            .map(|p| format!("{} {}", p.name, p.version))
            .collect();
        packages += ours.len();
        let exact: Vec<_> = solution
            .packages
            .iter()
            .map(|p| format!("{}={}", p.name, p.version))
            .collect();
        match apt.install(&exact) {
            Ok(set) if set == ours => clean += 1,
            Ok(set) => println!(
                "{name}: apt adds {:?}",
                set.difference(&ours).collect::<Vec<_>>()
            ),
            Err(text) => println!("{name}: apt refuses our set: {text}"),
        }
        match theirs {
            Ok(theirs) if theirs == ours => same += 1,
            Ok(theirs) => println!(
                "{name}: ours {:?}, apt's {:?}",
                ours.difference(&theirs).collect::<Vec<_>>(),
                theirs.difference(&ours).collect::<Vec<_>>(),
            ),
            Err(_) => println!("{name}: refused by apt only"),
        }
    }
    let total = picked.len() as u32;
    println!("{total} packages, {packages} in all solutions, {both_refuse} refused by both");
    println!("{clean} install cleanly, {same} are exactly what apt chooses by itself");
    println!(
        "{:.2} ms a solution, at most {:.2} ms ({})",
        time / f64::from(total),
        slowest.0,
        slowest.1
    );
}
