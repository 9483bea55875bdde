//! Solves for requests over a made-up repository of several hundred packages, holds each solution against dnf's, and finds out
//! by experiment why they differ where they do.
//!
//! ```text
//! cargo run -p mikron-solve --example dnf_agreement -- [CASES] [SEED] [weak] [case=A, B] [shrink=CAUSE,CAUSE] [print]
//! ```
//!
//! `weak` adds weak dependencies to the repository, `case` is the only request, and `shrink` makes the repository of each case of a cause as small as it can be.

use std::collections::BTreeMap;

#[path = "../tests/dnf/mod.rs"]
mod dnf;
#[path = "../tests/family/mod.rs"]
mod family;

use dnf::Task;
use dnf::causes::{Cause, Found, causes};
use dnf::compare::{Compared, Outcome, compare};
use dnf::shrink::Small;
use family::numbers::Numbers;
use mikron_package::Family;

/// Orders of the packages that dnf is asked in.
const ORDERS: usize = 16;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |word: &str| arguments.iter().any(|a| a == word);
    let number = |n: usize, default: u64| {
        let argument = arguments.get(n);
        argument.and_then(|a| a.parse().ok()).unwrap_or(default)
    };
    let (count, seed) = (number(0, 1000), number(1, 0x5EED));
    let mut numbers = Numbers(seed);
    let mut text = dnf::model::repository(&mut numbers);
    let mut cases: Vec<_> = (0..count).map(|_| dnf::model::case(&mut numbers)).collect();
    if let Some(case) = arguments.iter().find_map(|a| a.strip_prefix("case=")) {
        cases = vec![case.split(", ").map(str::to_owned).collect()];
    }
    if has("weak") {
        text = dnf::model::with_weak(&mut numbers, &text);
    }
    if has("print") {
        print!("{text}");
    }
    let task = |cases: &[Vec<String>]| Task {
        packages: family::packages(Family::RPM, &text),
        cases: cases.to_vec(),
    };
    let Some(compared) = compare(&[task(&cases)]).and_then(|mut all| all.pop()) else {
        return;
    };
    let mut outcomes: BTreeMap<Outcome, u32> = BTreeMap::new();
    let mut chosen = 0;
    for case in &compared {
        *outcomes.entry(case.outcome).or_default() += 1;
        chosen += case
            .ours
            .as_ref()
            .map_or(0, std::collections::BTreeSet::len);
    }
    let differing = compared.iter().filter(|case| !case.outcome.agrees());
    let differing: Vec<_> = differing.map(|case| case.case.clone()).collect();
    let Some(found) = causes(&[task(&differing)], ORDERS).and_then(|mut all| all.pop()) else {
        return;
    };
    let shrunk = arguments.iter().find_map(|a| a.strip_prefix("shrink="));
    let shrunk: Vec<&str> = shrunk.map_or(vec!["Unexplained"], |s| s.split(',').collect());
    let mut reasons: BTreeMap<Cause, u32> = BTreeMap::new();
    for case in &found {
        *reasons.entry(case.cause).or_default() += 1;
        tell(case);
        if shrunk.contains(&format!("{:?}", case.cause).as_str()) {
            let small = Small::new(&text, &case.compared.case);
            if let Some(small) = small.shrink(case.cause) {
                println!("  smallest, asked for {:?}:", small.case);
                for line in small.text().lines() {
                    println!("    {line}");
                }
                let task = Task {
                    packages: family::packages(Family::RPM, &small.text()),
                    cases: vec![small.case],
                };
                let again = compare(&[task]).unwrap_or_default();
                again.iter().flatten().for_each(difference);
            }
        }
    }
    println!(
        "{} packages, {chosen} in all solutions: {outcomes:?}; why they differ: {reasons:?}",
        text.lines().count()
    );
}

fn tell(found: &Found) {
    println!(
        "{:?}: {:?}, {:?}; like ours in {} of {ORDERS} orders, of {} answers",
        found.compared.case, found.compared.outcome, found.cause, found.like_ours, found.answers
    );
    difference(&found.compared);
}

fn difference(compared: &Compared) {
    match (&compared.ours, &compared.theirs) {
        (Ok(ours), Ok(theirs)) => {
            println!("  ours   {:?}", ours.difference(theirs).collect::<Vec<_>>());
            println!("  theirs {:?}", theirs.difference(ours).collect::<Vec<_>>());
        }
        (ours, theirs) => println!("  ours   {ours:?}\n  theirs {theirs:?}"),
    }
}
