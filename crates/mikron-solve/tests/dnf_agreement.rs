//! Solutions of rpm against those of dnf, over one repository of several hundred packages.

mod dnf;
mod family;

use std::collections::BTreeMap;

use dnf::compare::{Outcome, compare};
use family::numbers::Numbers;
use mikron_package::Family;

#[test]
fn dnf_chooses_what_we_choose_and_refuses_what_we_refuse() {
    let mut numbers = Numbers(0x5EED);
    let text = dnf::model::repository(&mut numbers);
    let packages = family::packages(Family::Rpm, &text);
    let cases: Vec<_> = (0..200).map(|_| dnf::model::case(&mut numbers)).collect();
    let Some(compared) = compare(&packages, &cases) else {
        return;
    };
    let mut counts: BTreeMap<Outcome, u32> = BTreeMap::new();
    for case in &compared {
        *counts.entry(case.outcome).or_default() += 1;
        let differ = matches!(case.outcome, Outcome::OnlyOurs | Outcome::OnlyTheirs);
        assert!(
            !differ,
            "{:?}: {:?}, dnf {:?}",
            case.case, case.ours, case.theirs
        );
    }
    let count = |outcome| counts.get(&outcome).copied().unwrap_or(0);
    assert!(count(Outcome::Same) >= 100, "{counts:?}");
}
