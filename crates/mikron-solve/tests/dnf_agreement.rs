//! Solutions of rpm against those of dnf, over three repositories of several hundred packages. The survey of thousands of
//! requests is in `examples/dnf_agreement.rs`.

mod dnf;
mod family;

use std::collections::BTreeSet;

use dnf::compare::{Outcome, compare};
use family::numbers::Numbers;
use mikron_package::Family;

/// Requests to each repository.
const CASES: usize = 150;

/// The requests of which dnf chooses other packages, and why.
const DIFFERENT: [(&str, &str, &str); 3] = [
    (
        "1",
        "gk225",
        "an obsoleter of earlier versions than the latest takes no root over; dnf lets the name decide between the two",
    ),
    ("1", "hw166", "likewise"),
    (
        "3",
        "mp8",
        "`if` and `else` can be satisfied in several ways, and the one that is tried first depends on the order of the \
         repository in dnf",
    ),
];

#[test]
fn dnf_chooses_what_we_choose_and_refuses_what_we_refuse() {
    let (mut same, mut refused, mut different) = (0, 0, BTreeSet::new());
    for seed in [0x5EED, 1, 3] {
        let mut numbers = Numbers(seed);
        let text = dnf::model::repository(&mut numbers);
        let packages = family::packages(Family::Rpm, &text);
        let cases: Vec<_> = (0..CASES).map(|_| dnf::model::case(&mut numbers)).collect();
        let Some(compared) = compare(&packages, &cases) else {
            return;
        };
        for case in &compared {
            let asked = case.case.join(", ");
            match case.outcome {
                Outcome::Same => same += 1,
                Outcome::Refused => refused += 1,
                Outcome::Other | Outcome::Fewer => {
                    different.insert((seed.to_string(), asked));
                }
                Outcome::OnlyOurs | Outcome::OnlyTheirs => {
                    panic!("{seed}: {asked}: {:?}, dnf {:?}", case.ours, case.theirs)
                }
            }
        }
    }
    let named = DIFFERENT.map(|(seed, asked, _)| (seed.to_owned(), asked.to_owned()));
    assert_eq!(different, BTreeSet::from(named));
    assert!(same >= 300 && refused >= 80, "{same} {refused}");
}
