//! Small universes made at random, against a solver that tries everything.
#![allow(clippy::unwrap_used)] // clippy looks into functions that are tests themselves only

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use common::{Fixture, names, request, solve};
use mikron_deb::DebVersionOrder;
use mikron_package::{PackageId, PackageRecord, Relation, Requirement, Universe};
use mikron_solve::{Node, Reason, Request, SkipReason, Solution, SolveError};

/// Numbers from a fixed seed (xorshift64*).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % n
    }

    fn relation(&mut self, conflict: bool) -> String {
        let name = ["a", "b", "c", "d", "e", "v", "w"][self.below(7) as usize];
        match self.below(if conflict { 3 } else { 5 }) {
            0 => format!("{name} (>= {})", 1 + self.below(3)),
            1 => format!("{name} (<< {})", 2 + self.below(2)),
            _ => name.to_owned(),
        }
    }

    fn universe(&mut self) -> String {
        let mut text = String::new();
        for name in ["a", "b", "c", "d", "e"] {
            for version in 1..=(1 + self.below(3)) {
                let _ = write!(text, "{name} {version}");
                let depends: Vec<String> = (0..self.below(3))
                    .map(|_| {
                        let any: Vec<_> =
                            (0..=self.below(2)).map(|_| self.relation(false)).collect();
                        any.join(" | ")
                    })
                    .collect();
                if !depends.is_empty() {
                    let _ = write!(text, "; Depends: {}", depends.join(", "));
                }
                if self.below(3) == 0 {
                    let field = ["Conflicts", "Breaks"][self.below(2) as usize];
                    let _ = write!(text, "; {field}: {}", self.relation(true));
                }
                match self.below(6) {
                    0 => text.push_str("; Provides: v"),
                    1 => text.push_str("; Provides: w (= 2)"),
                    2 => text.push_str("; Provides: v, w (= 1)"),
                    _ => {}
                }
                text.push('\n');
            }
        }
        text
    }
}

fn relation_holds(relation: &Relation, record: &PackageRecord) -> bool {
    let version = |v: &str| {
        relation
            .constraint
            .as_ref()
            .is_none_or(|c| c.matches(v, &DebVersionOrder))
    };
    let provided = |p: &Relation| {
        p.name == relation.name
            && match &p.constraint {
                Some(c) => version(c.version.as_str()),
                None => relation.constraint.is_none(),
            }
    };
    (record.name == relation.name && version(record.version.as_str()))
        || record.provides.iter().any(provided)
}

fn holds(requirement: &Requirement, set: &[&PackageRecord]) -> bool {
    match requirement {
        Requirement::One(relation) => set.iter().any(|record| relation_holds(relation, record)),
        Requirement::Any(items) => items.iter().any(|item| holds(item, set)),
        other => panic!("not in Debian: {other}"),
    }
}

fn is_valid(set: &[&PackageRecord], request: &Request) -> bool {
    let at_peace = |record: &PackageRecord| {
        record
            .conflicts
            .iter()
            .chain(&record.breaks)
            .all(|relation| {
                set.iter()
                    .all(|other| other.name == record.name || !relation_holds(relation, other))
            })
    };
    request
        .roots
        .iter()
        .all(|root| holds(&root.requirement, set))
        && set
            .iter()
            .all(|record| record.requirements().all(|r| holds(r, set)) && at_peace(record))
}

/// Whether any choice of at most one version of each name satisfies the request.
fn is_satisfiable(universe: &Fixture, request: &Request) -> bool {
    let mut by_name: BTreeMap<&str, Vec<&PackageRecord>> = BTreeMap::new();
    for (record, _, _) in &universe.packages {
        by_name
            .entry(record.name.as_str())
            .or_default()
            .push(record);
    }
    let mut sets: Vec<Vec<&PackageRecord>> = vec![Vec::new()];
    for versions in by_name.values() {
        let with = |set: &Vec<_>| -> Vec<Vec<_>> {
            let add = |record: &_| set.iter().copied().chain([*record]).collect();
            versions.iter().map(add).collect()
        };
        let more: Vec<_> = sets.iter().flat_map(with).collect();
        sets.extend(more);
    }
    sets.iter().any(|set| is_valid(set, request))
}

fn check_solution(universe: &Fixture, request: &Request, solution: &Solution) {
    let record = |id: PackageId| universe.record(id);
    let set: Vec<_> = solution.packages.iter().map(|p| record(p.id)).collect();
    assert!(is_valid(&set.iter().collect::<Vec<_>>(), request));
    for package in &solution.packages {
        assert!(!package.reasons.is_empty());
        assert!(package.reasons.contains(&package.via));
        for reason in &package.reasons {
            let (requirement, alternative) = match reason {
                Reason::Root {
                    requirement,
                    alternative,
                    ..
                } => (requirement, *alternative),
                Reason::Requires {
                    by,
                    requirement,
                    alternative,
                    ..
                } => {
                    assert!(solution.by_id(*by).is_some());
                    assert!(record(*by).requirements().any(|r| r == requirement));
                    (requirement, *alternative)
                }
                Reason::InstallIf { .. } => panic!("not in Debian"),
            };
            let chosen = match requirement {
                Requirement::Any(items) => &items[alternative],
                one => one,
            };
            assert!(holds(chosen, &[&record(package.id)]));
        }
        let chain = solution.chain(package.name.as_str()).unwrap();
        assert_eq!(chain.packages.last().unwrap().id, package.id);
    }
    for skipped in &solution.skipped {
        assert!(solution.by_id(skipped.chosen).is_some());
        if let SkipReason::Clashes { with, .. } = &skipped.why {
            assert!(solution.by_id(*with).is_some());
        }
    }
}

#[test]
fn every_solution_is_valid_and_every_refusal_is_right() {
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    let (mut solved, mut refused, mut missing) = (0, 0, 0);
    for _ in 0..1000 {
        let text = numbers.universe();
        let universe = Fixture::new(&text);
        let roots: Vec<String> = (0..=numbers.below(3))
            .map(|_| numbers.relation(false))
            .collect();
        let roots: Vec<&str> = roots.iter().map(String::as_str).collect();
        let asked = request(&roots);
        let other = solve(&universe.clone().reversed(), &roots);
        match solve(&universe, &roots) {
            Ok(solution) => {
                solved += 1;
                check_solution(&universe, &asked, &solution);
                assert_eq!(
                    names(&solution),
                    names(&other.unwrap()),
                    "{text}\n{roots:?}"
                );
            }
            Err(error) => {
                assert!(
                    !is_satisfiable(&universe, &asked),
                    "{text}\n{roots:?}\n{error}"
                );
                assert_eq!(error, other.unwrap_err(), "{text}\n{roots:?}");
                match error {
                    SolveError::Missing(_) => missing += 1,
                    SolveError::Conflict(conflict) => {
                        refused += 1;
                        assert!(
                            conflict
                                .nodes
                                .iter()
                                .any(|node| matches!(node, Node::Request(_)))
                        );
                        assert!(
                            conflict.edges.len() > 1,
                            "{text}\n{roots:?}\n{}",
                            conflict.render()
                        );
                        assert!(!conflict.remedies().is_empty());
                    }
                    other => panic!("{other}"),
                }
            }
        }
    }
    assert!(
        solved > 500 && refused > 50 && missing > 50,
        "{solved} {refused} {missing}"
    );
}
