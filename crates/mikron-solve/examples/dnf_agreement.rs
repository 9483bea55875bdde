//! Solves for requests over a made-up repository of several hundred packages, and holds each solution against dnf's.
//!
//! ```text
//! cargo run -p mikron-solve --example dnf_agreement -- [CASES] [SEED] [print]
//! ```

use std::collections::BTreeMap;

#[path = "../tests/dnf/mod.rs"]
mod dnf;
#[path = "../tests/family/mod.rs"]
mod family;

use dnf::compare::{Outcome, compare};
use family::numbers::Numbers;
use mikron_package::Family;

fn main() {
    let number = |n: usize, default: u64| {
        let argument = std::env::args().nth(n);
        argument.and_then(|a| a.parse().ok()).unwrap_or(default)
    };
    let (count, seed) = (number(1, 1000), number(2, 0x5EED));
    let mut numbers = Numbers(seed);
    let text = dnf::model::repository(&mut numbers);
    if std::env::args().nth(3).is_some() {
        print!("{text}");
    }
    let packages = family::packages(Family::Rpm, &text);
    let cases: Vec<_> = (0..count).map(|_| dnf::model::case(&mut numbers)).collect();
    let Some(compared) = compare(&packages, &cases) else {
        return;
    };
    let mut counts: BTreeMap<Outcome, u32> = BTreeMap::new();
    let mut chosen = 0;
    for case in &compared {
        *counts.entry(case.outcome).or_default() += 1;
        chosen += case
            .ours
            .as_ref()
            .map_or(0, std::collections::BTreeSet::len);
        if matches!(case.outcome, Outcome::Same | Outcome::Refused) {
            continue;
        }
        println!("{:?}: {:?}", case.case, case.outcome);
        match (&case.ours, &case.theirs) {
            (Ok(ours), Ok(theirs)) => {
                println!("  ours   {:?}", ours.difference(theirs).collect::<Vec<_>>());
                println!("  theirs {:?}", theirs.difference(ours).collect::<Vec<_>>());
            }
            (ours, theirs) => println!("  ours   {ours:?}\n  theirs {theirs:?}"),
        }
    }
    println!(
        "{} packages, {chosen} in all solutions: {counts:?}",
        packages.len()
    );
}
