//! Small universes of rpm and apk made at random, against a search that tries everything.
#![allow(clippy::unwrap_used)] // clippy looks into functions that are tests themselves only

mod family;

use std::fmt::Write as _;

use family::check::Check;
use family::numbers::Numbers;
use family::{fill, names, packages, request};
use mikron_package::{Family, PackageRecord, Universe};
use mikron_solve::{Reason, ResolvoSolver, Solution, SolveError, Solver};

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
const WANTED: [&str; 7] = ["a", "b", "c", "d", "e", "v", "w"];

fn relation(numbers: &mut Numbers, family: Family) -> String {
    let name = numbers.pick(&WANTED);
    let operators: &[&str] = if family == Family::APK {
        &[">=", "<", "~"]
    } else {
        &[">=", "<", "="]
    };
    if numbers.once_in(4) {
        let operator = numbers.pick(operators);
        format!("{name} {operator} {}", 1 + numbers.below(3))
    } else {
        name.to_owned()
    }
}

/// A rich dependency, two operators deep at most.
fn rich(numbers: &mut Numbers, depth: u32) -> String {
    if depth == 0 || numbers.once_in(3) {
        return relation(numbers, Family::RPM);
    }
    let mut part = |depth| rich(numbers, depth);
    let (a, b, c) = (part(depth - 1), part(depth - 1), part(depth - 1));
    let (one, other) = (part(0), part(0));
    match numbers.below(9) {
        0 | 1 => format!("({a} or {b})"),
        2 => format!("({a} and {b})"),
        3 => format!("({a} if {b})"),
        4 => format!("({a} if {b} else {c})"),
        5 => format!("({a} unless {b})"),
        6 => format!("({a} unless {b} else {c})"),
        7 => format!("({one} with {other})"),
        _ => format!("({one} without {other})"),
    }
}

fn rpm(numbers: &mut Numbers) -> String {
    let mut text = String::new();
    for name in NAMES {
        for version in 1..=(1 + numbers.below(2)) {
            let _ = write!(text, "{name} {version}-1");
            if numbers.once_in(6) {
                text.push_str(" noarch");
            }
            for _ in 0..numbers.below(3) {
                let _ = write!(text, "; Requires: {}", rich(numbers, 2));
            }
            if numbers.once_in(3) {
                // Not of itself: what a package does to itself has cases of its own.
                let conflict = rich(numbers, 2);
                if !conflict.contains(name) && !conflict.contains(['v', 'w']) {
                    let _ = write!(text, "; Conflicts: {conflict}");
                }
            }
            if numbers.once_in(6) {
                let name = numbers.pick(&WANTED);
                let _ = write!(text, "; Obsoletes: {name} < {}", 2 + numbers.below(2));
            }
            match numbers.below(6) {
                0 => text.push_str("; Provides: v"),
                1 => text.push_str("; Provides: w = 2"),
                2 => text.push_str("; Provides: v >= 2, w < 2"),
                _ => {}
            }
            text.push('\n');
        }
    }
    text
}

fn apk(numbers: &mut Numbers) -> String {
    let mut text = String::new();
    for name in NAMES {
        for version in 1..=(1 + numbers.below(2)) {
            let _ = write!(text, "{name} {version}");
            for _ in 0..numbers.below(3) {
                let not = if numbers.once_in(5) { "!" } else { "" };
                let _ = write!(text, "; Depends: {not}{}", relation(numbers, Family::APK));
            }
            match numbers.below(6) {
                0 | 1 => text.push_str("; Provides: v"),
                2 => text.push_str("; Provides: w = 2"),
                3 => text.push_str("; Provides: v, w = 1"),
                _ => {}
            }
            if numbers.once_in(5) {
                text.push_str("; Priority: 7");
            }
            if numbers.once_in(6) {
                let (a, b) = (numbers.pick(&WANTED), numbers.pick(&WANTED));
                let _ = write!(text, "; InstallIf: {a}, {b}");
            }
            text.push('\n');
        }
    }
    text
}

/// Each package has a reason, and each reason is one.
fn check_reasons(universe: &dyn Universe, solution: &Solution) {
    for package in &solution.packages {
        assert!(!package.reasons.is_empty(), "{}", package.name);
        assert!(package.reasons.contains(&package.via));
        for reason in &package.reasons {
            match reason {
                Reason::Root { .. } => {}
                Reason::Requires { by, .. } => assert!(solution.by_id(*by).is_some()),
                Reason::InstallIf { by, relations } => {
                    assert_eq!(*relations, universe.record(package.id).install_if);
                    assert!(by.iter().all(|id| solution.by_id(*id).is_some()));
                }
            }
        }
    }
}

fn prove(family: Family, make: fn(&mut Numbers) -> String, rounds: u32) {
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    let (mut solved, mut refused) = (0, 0);
    for _ in 0..rounds {
        let text = make(&mut numbers);
        let mut all = packages(family, &text);
        let count = 1 + numbers.below(3);
        let roots: Vec<String> = (0..count).map(|_| relation(&mut numbers, family)).collect();
        let roots: Vec<&str> = roots.iter().map(String::as_str).collect();
        let asked = request(&roots);
        let universe = fill(family, &all);
        let outcome = ResolvoSolver::default().solve(&universe, &asked);
        let check = Check {
            family,
            all: &all,
            request: &asked,
        };
        match &outcome {
            Ok(solution) => {
                solved += 1;
                let records = solution.packages.iter().map(|p| universe.record(p.id));
                let records: Vec<PackageRecord> = records.collect();
                let set: Vec<&PackageRecord> = records.iter().collect();
                let found = names(solution);
                assert!(check.is_solution(&set), "{text}\n{roots:?}\n{found:?}");
                check_reasons(&universe, solution);
            }
            Err(error @ (SolveError::Conflict(_) | SolveError::Missing(_))) => {
                refused += 1;
                assert!(!check.is_solvable(), "{text}\n{roots:?}\n{error}");
                assert!(
                    error.to_string().contains("help: "),
                    "{text}\n{roots:?}\n{error}"
                );
            }
            Err(error) => panic!("{text}\n{roots:?}\n{error}"),
        }
        all.reverse();
        let other = ResolvoSolver::default().solve(&fill(family, &all), &asked);
        let of = |outcome: &Result<Solution, SolveError>| {
            outcome.as_ref().map(names).map_err(ToString::to_string)
        };
        assert_eq!(of(&outcome), of(&other), "{text}\n{roots:?}");
    }
    assert!(
        solved * 5 > rounds && refused * 20 > rounds,
        "{solved} {refused}"
    );
}

#[test]
fn every_solution_of_rpm_is_valid_and_every_refusal_is_right() {
    prove(Family::RPM, rpm, 800);
}

#[test]
fn every_solution_of_apk_is_valid_and_every_refusal_is_right() {
    prove(Family::APK, apk, 800);
}
