//! Finds out by experiment why dnf takes other packages than we do: dnf is asked again with the repository, or the request,
//! changed in the one respect that a reason speaks of. Where its answer then becomes ours, the reason holds.

use std::collections::BTreeSet;

use mikron_package::{PackageRecord, Relation, VersionOrder};

use super::compare::{Compared, Outcome, compare, solve};
use super::{Answer, Task, ask};
use crate::family::numbers::Numbers;
use crate::family::order::RpmOrder;
use crate::family::{Package, relation};

/// Why the packages differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cause {
    /// dnf's answer becomes ours when no package obsoletes earlier versions of a name than the latest.
    OldObsoleted,
    /// dnf's answer becomes ours when what the spec asks for with a version is given as the exact package.
    Provided,
    /// The answers become the same when no package has weak dependencies.
    Weak,
    /// dnf's answer becomes ours when the packages stand in other places of the repository.
    Places,
    /// dnf's answer becomes ours when the spec lists its packages in another order.
    Request,
    /// dnf's answer becomes ours by what two of the reasons above speak of, and not by one of them.
    Several,
    /// dnf's answer becomes another when the packages stand in other places, but ours in none that were tried.
    OtherPlaces,
    /// None of these.
    Unexplained,
}

/// A case on which the two differ, and why.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) compared: Compared,
    pub(crate) cause: Cause,
    /// In how many of the orders that dnf was asked in its answer is ours.
    pub(crate) like_ours: usize,
    /// How many different answers dnf gives in all of them.
    pub(crate) answers: usize,
}

/// What is changed before dnf is asked again.
struct Trial {
    change: Change,
    task: Task,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Obsoletes,
    Exact,
    Weak,
    Order,
    Request,
    All,
}

/// The cases on which the two differ, each with the cause, of every task. dnf is asked with the packages in so many orders,
/// of which the first is the reverse. `None` where there is no dnf.
pub(crate) fn causes(tasks: &[Task], orders: usize) -> Option<Vec<Vec<Found>>> {
    let mut differing = compare(tasks)?;
    for compared in &mut differing {
        compared.retain(|case| !case.outcome.agrees());
    }
    let mut owners = Vec::new();
    let mut asked = Vec::new();
    for (place, (task, compared)) in tasks.iter().zip(&differing).enumerate() {
        if compared.is_empty() {
            continue;
        }
        for Trial { change, task } in trials(&task.packages, compared, orders) {
            owners.push((place, change));
            asked.push(task);
        }
    }
    let answers = if asked.is_empty() {
        Vec::new()
    } else {
        ask(&asked)?
    };
    let mut told: Vec<Vec<(Change, &Task, Vec<Answer>)>> =
        tasks.iter().map(|_| Vec::new()).collect();
    for ((owner, change), (task, answers)) in owners.into_iter().zip(asked.iter().zip(answers)) {
        told[owner].push((change, task, answers));
    }
    let judged = differing.into_iter().zip(told).map(|(compared, told)| {
        let judge = |(place, case)| judge(case, place, &told);
        compared.into_iter().enumerate().map(judge).collect()
    });
    Some(judged.collect())
}

/// The one cause that the trials of a case speak for.
fn judge(compared: Compared, place: usize, told: &[(Change, &Task, Vec<Answer>)]) -> Found {
    let agrees = |ours: &Answer, theirs: &Answer| Outcome::of(ours, theirs).agrees();
    let becomes = |wanted: Change| {
        let mut of_change = told.iter().filter(|(change, ..)| *change == wanted);
        of_change.any(|(change, task, answers)| {
            if *change == Change::Weak {
                let case = std::slice::from_ref(&task.cases[place]);
                agrees(&solve(&task.packages, case)[0], &answers[place])
            } else {
                agrees(&compared.ours, &answers[place])
            }
        })
    };
    let orders = told.iter().filter(|(change, ..)| *change == Change::Order);
    let orders: Vec<&Answer> = orders.map(|(_, _, answers)| &answers[place]).collect();
    let different: BTreeSet<_> = orders.iter().copied().chain([&compared.theirs]).collect();
    let by_change = [
        (Change::Obsoletes, Cause::OldObsoleted),
        (Change::Exact, Cause::Provided),
        (Change::Weak, Cause::Weak),
        (Change::Order, Cause::Places),
        (Change::Request, Cause::Request),
        (Change::All, Cause::Several),
    ];
    let cause = by_change.iter().find(|(change, _)| becomes(*change));
    let otherwise = if different.len() > 1 {
        Cause::OtherPlaces
    } else {
        Cause::Unexplained
    };
    Found {
        cause: cause.map_or(otherwise, |(_, cause)| *cause),
        like_ours: orders.iter().filter(|a| agrees(&compared.ours, a)).count(),
        answers: different.len(),
        compared,
    }
}

fn trials(packages: &[Package], compared: &[Compared], orders: usize) -> Vec<Trial> {
    let cases: Vec<Vec<String>> = compared.iter().map(|c| c.case.clone()).collect();
    let exact: Vec<Vec<String>> = compared.iter().map(|c| exactly(c, packages)).collect();
    let latest_only = change(packages, |record| {
        let latest = |relation: &Relation| hits_latest(relation, packages);
        record.obsoletes.retain(latest);
    });
    let trial = |change, packages: &[Package], cases: &[Vec<String>]| Trial {
        change,
        task: Task {
            packages: packages.to_vec(),
            cases: cases.to_vec(),
        },
    };
    let mut trials = vec![
        trial(Change::Obsoletes, &latest_only, &cases),
        trial(Change::Exact, packages, &exact),
    ];
    let weak = |p: &PackageRecord| {
        [&p.recommends, &p.supplements, &p.suggests, &p.enhances].map(Vec::is_empty)
    };
    if packages.iter().any(|(p, ..)| weak(p) != [true; 4]) {
        let without = change(packages, |record| {
            record.recommends.clear();
            record.supplements.clear();
            record.suggests.clear();
            record.enhances.clear();
        });
        trials.push(trial(Change::Weak, &without, &cases));
    }
    let mut numbers = Numbers(0x0DE5);
    for order in 0..orders {
        let places = places(packages.len(), order, &mut numbers);
        let put = |all: &[Package]| -> Vec<Package> {
            places.iter().map(|&place| all[place].clone()).collect()
        };
        trials.push(trial(Change::Order, &put(packages), &cases));
        trials.push(trial(Change::All, &put(&latest_only), &exact));
    }
    for turn in 1..=3 {
        let mut turned = cases.clone();
        for case in &mut turned {
            let by = turn % case.len();
            case.rotate_left(by);
            if turn == 3 {
                case.reverse();
            }
        }
        trials.push(trial(Change::Request, packages, &turned));
    }
    trials
}

/// The reverse, then shuffles.
fn places(count: usize, order: usize, numbers: &mut Numbers) -> Vec<usize> {
    let mut places: Vec<usize> = (0..count).rev().collect();
    if order > 0 {
        for i in (1..count).rev() {
            let other = usize::try_from(numbers.below(i as u64 + 1)).unwrap();
            places.swap(i, other);
        }
    }
    places
}

fn change(packages: &[Package], by: impl Fn(&mut PackageRecord)) -> Vec<Package> {
    let mut packages = packages.to_vec();
    for (record, ..) in &mut packages {
        by(record);
    }
    packages
}

/// Whether an `Obsoletes` speaks of the latest version of its name.
fn hits_latest(relation: &Relation, packages: &[Package]) -> bool {
    let named = packages.iter().map(|(record, ..)| record);
    let named = named.filter(|record| record.name == relation.name);
    let order = |a: &&PackageRecord, b: &&PackageRecord| {
        RpmOrder.compare(a.version.as_str(), b.version.as_str())
    };
    named.max_by(order).is_none_or(|latest| {
        let constraint = relation.constraint.as_ref();
        constraint.is_none_or(|c| c.matches(latest.version.as_str(), &RpmOrder))
    })
}

/// The request with what it asks for with a version as the very package that we take.
fn exactly(compared: &Compared, packages: &[Package]) -> Vec<String> {
    let exact = |root: &String| {
        let relation = relation(root);
        let ours = compared.ours.as_ref().ok()?;
        relation.constraint.as_ref()?;
        let taken = packages.iter().map(|(record, ..)| record).find(|record| {
            record.name == relation.name
                && ours.contains(&format!("{} {}", record.name, record.version))
        })?;
        Some(format!("{}-{}.{}", taken.name, taken.version, taken.arch))
    };
    let roots = compared.case.iter();
    roots
        .map(|root| exact(root).unwrap_or_else(|| root.clone()))
        .collect()
}
