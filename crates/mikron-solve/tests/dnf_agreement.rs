//! Solutions of rpm against those of dnf, over three repositories of several hundred packages. The survey of thousands of
//! requests is in `examples/dnf_agreement.rs`.

mod dnf;
mod family;

use std::collections::BTreeSet;

use dnf::Task;
use dnf::causes::{Cause, causes};
use dnf::compare::{Outcome, compare};
use family::numbers::Numbers;
use mikron_package::Family;

/// Requests to each repository.
const CASES: usize = 150;

/// Orders of the packages that dnf is asked in where it chooses others than we do.
const ORDERS: usize = 4;

/// The requests of which dnf chooses other packages, and why: found by asking it again.
const DIFFERENT: [(u64, &str, Cause); 3] = [
    (1, "gk225", Cause::OldObsoleted),
    (1, "hw166", Cause::OldObsoleted),
    (3, "mp8", Cause::Places),
];

fn task(seed: u64) -> Task {
    let mut numbers = Numbers(seed);
    let text = dnf::model::repository(&mut numbers);
    Task {
        packages: family::packages(Family::RPM, &text),
        cases: (0..CASES).map(|_| dnf::model::case(&mut numbers)).collect(),
    }
}

#[test]
fn dnf_chooses_what_we_choose_and_refuses_what_we_refuse() {
    let seeds = [0x5EED, 1, 3];
    let mut tasks = seeds.map(task);
    let Some(compared) = compare(&tasks) else {
        return;
    };
    let (mut same, mut refused) = (0, 0);
    for (task, compared) in tasks.iter_mut().zip(&compared) {
        for case in compared {
            match case.outcome {
                Outcome::Same => same += 1,
                Outcome::Refused => refused += 1,
                Outcome::Other | Outcome::Fewer => {}
                Outcome::OnlyOurs | Outcome::OnlyTheirs => {
                    panic!("{:?}: {:?}, dnf {:?}", case.case, case.ours, case.theirs)
                }
            }
        }
        let differing = compared.iter().filter(|case| !case.outcome.agrees());
        task.cases = differing.map(|case| case.case.clone()).collect();
    }
    let found = causes(&tasks, ORDERS).expect("dnf was asked before");
    let mut different = BTreeSet::new();
    for (seed, found) in seeds.into_iter().zip(&found) {
        let reason = |f: &dnf::causes::Found| (seed, f.compared.case.join(", "), f.cause);
        different.extend(found.iter().map(reason));
    }
    let named = DIFFERENT.map(|(seed, asked, cause)| (seed, asked.to_owned(), cause));
    assert_eq!(different, BTreeSet::from(named));
    assert!(same >= 300 && refused >= 80, "{same} {refused}");
}
