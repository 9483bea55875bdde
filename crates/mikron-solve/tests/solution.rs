//! What a solution says besides its packages, and what bounds the work.
#![allow(clippy::unwrap_used)] // clippy looks into functions that are tests themselves only

mod common;

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::sync::Mutex;

use common::{Fixture, request, solve};
use mikron_package::{
    Family, PackageId, PackageName, PackageRecord, Relation, Requirement, Universe, VersionOrder,
};
use mikron_solve::{
    Asker, Budget, EdgeKind, Node, Place, Problem, Reason, RelationKind, Request, ResolvoSolver,
    Root, SkipReason, SolveError, Solver,
};

fn id(universe: &Fixture, name: &str) -> PackageId {
    universe.named(name)[0]
}

#[test]
fn every_package_carries_all_its_reasons() {
    let universe = Fixture::new("a; Pre-Depends: c; Depends: x | c (>= 1)\nb; Depends: c\nc");
    let solution = solve(&universe, &["a", "b", "c"]).unwrap();
    let c = solution.get("c").unwrap();
    assert!(matches!(&c.reasons[0], Reason::Root { asker, .. } if *asker == Asker::Item(2)));
    let from = |name: &str| -> Vec<_> {
        let by = id(&universe, name);
        let from = |reason: &Reason| match reason {
            Reason::Requires {
                by: b,
                kind,
                requirement,
                alternative,
            } if *b == by => Some((*kind, requirement.to_string(), *alternative)),
            _ => None,
        };
        c.reasons.iter().filter_map(from).collect()
    };
    let expected = [
        (RelationKind::PreDepends, "c".to_owned(), 0),
        (RelationKind::Depends, "x | c (>= 1)".to_owned(), 1),
    ];
    assert_eq!(from("a"), expected);
    assert_eq!(from("b"), [(RelationKind::Depends, "c".to_owned(), 0)]);
}

#[test]
fn the_shortest_chain_leads_back_to_the_spec() {
    let universe = Fixture::new("a; Depends: b\nb; Depends: c\nc; Depends: d\nd\nz; Depends: c");
    let solution = solve(&universe, &["a", "z"]).unwrap();
    let chain = solution.chain("d").unwrap();
    assert_eq!(*chain.asker, Asker::Item(1));
    let names: Vec<_> = chain.packages.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["z", "c", "d"]);
    assert!(solution.chain("nothing").is_none());
}

#[test]
fn a_chain_through_a_cycle_ends() {
    let universe = Fixture::new("a; Depends: b\nb; Depends: a, c\nc; Depends: b");
    let solution = solve(&universe, &["a"]).unwrap();
    assert_eq!(solution.chain("c").unwrap().packages.len(), 3);
}

#[test]
fn alternatives_that_were_not_taken_say_why() {
    let universe = Fixture::new(
        "a; Depends: gone | b | c, clash | c, deep | c, y | c\n\
         b\nc\nclash; Conflicts: z\nz\ndeep; Depends: gone\ny; Breaks: z",
    );
    let solution = solve(&universe, &["a", "z"]).unwrap();
    let why = |requirement: &str, alternative: usize| {
        let one = |s: &&mikron_solve::Skipped| {
            s.requirement.to_string() == requirement && s.alternative == alternative
        };
        &solution.skipped.iter().find(one).unwrap().why
    };
    assert_eq!(*why("gone | b | c", 0), SkipReason::Missing);
    let with = id(&universe, "z");
    assert!(matches!(why("clash | c", 0), SkipReason::Clashes { with: w, .. } if *w == with));
    assert!(matches!(why("y | c", 0), SkipReason::Clashes { .. }));
    let deep = Fixture::new("a; Depends: b | c\nb; Depends: gone\nc");
    let solution = solve(&deep, &["a"]).unwrap();
    assert_eq!(solution.skipped[0].why, SkipReason::Unsatisfiable);
    let plain = Fixture::new("a; Depends: b | c\nb\nc");
    let solution = solve(&plain, &["a"]).unwrap();
    assert_eq!(solution.skipped[0].why, SkipReason::NotNeeded);
    let there = Fixture::new("a; Depends: b | c, c\nb\nc");
    let solution = solve(&there, &["a"]).unwrap();
    assert_eq!(solution.skipped[0].why, SkipReason::AlreadySatisfied);
}

#[test]
fn a_conflict_is_a_graph_and_not_a_text() {
    let universe = Fixture::new("a; Depends: b\nb; Conflicts: c\nc\nd; Depends: gone");
    let Err(SolveError::Conflict(conflict)) = solve(&universe, &["a", "c"]) else {
        panic!()
    };
    let forbids = conflict
        .edges
        .iter()
        .find(|e| matches!(e.kind, EdgeKind::Forbids { .. }))
        .unwrap();
    let name = |node: usize| match &conflict.nodes[node] {
        Node::Package { name, .. } => name.as_str(),
        _ => "",
    };
    assert_eq!((name(forbids.from), name(forbids.to)), ("b", "c"));
    assert_eq!(conflict.roots().count(), 2);
    assert_eq!(conflict.missing().count(), 0);
    let Err(SolveError::Conflict(conflict)) = solve(&universe, &["d"]) else {
        panic!()
    };
    assert_eq!(
        conflict.missing().next().unwrap().requirement.to_string(),
        "gone"
    );
}

#[test]
fn a_missing_root_says_as_data_what_comes_near() {
    let universe = Fixture::new("nginx 1\nnginx-light 1");
    let Err(SolveError::Missing(missing)) = solve(&universe, &["nginx (>= 2)"]) else {
        panic!()
    };
    let known = &missing[0].missing.known[0];
    assert_eq!(
        (known.version.as_str(), &known.problem),
        ("1", &Problem::Version)
    );
    let Err(SolveError::Missing(missing)) = solve(&universe, &["ginx"]) else {
        panic!()
    };
    assert_eq!(missing[0].missing.similar[0].as_str(), "nginx");
}

#[test]
fn an_explanation_reads_well() {
    let universe = Fixture::new(
        "web 2; Depends: lib (>= 2), log\nweb 1; Depends: lib (>= 1.5), log\n\
         tool; Depends: lib (<< 1.5)\nlib 1\nlib 1.6\nlib 2; From: backports\nlog\nbystander",
    );
    let error = solve(&universe, &["web", "bystander", "tool"]).unwrap_err();
    let expected = "\
the packages that the spec asks for cannot be installed together
  packages[0] asks for `web`
    web 2 depends on `lib (>= 2)`
      lib 2 cannot be there beside lib 1
    web 1 depends on `lib (>= 1.5)`
      lib 2, 1.6: see above
  packages[2] asks for `tool`
    tool 1 depends on `lib (<< 1.5)`
      lib 1 cannot be there beside lib 2
  help: leave out one of `web` and `tool`, or let the spec ask for another version of it";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_million_alternatives_are_refused_by_name() {
    let alternatives: Vec<String> = (0..1_000_000).map(|i| format!("p{i}")).collect();
    let universe = Fixture::new(&format!("a; Depends: {}\np7", alternatives.join(" | ")));
    let error = solve(&universe, &["a"]).unwrap_err();
    let SolveError::Budget {
        budget,
        found,
        allowed,
        place,
    } = &error
    else {
        panic!("{error}")
    };
    assert_eq!(
        (*budget, *found, *allowed),
        ("alternatives", 1_000_000, 10_000)
    );
    assert_eq!(place.to_string(), "a 1");
    assert!(
        error
            .to_string()
            .contains("a 1: the solver's budget `alternatives` of 10000")
    );
}

#[test]
fn ten_thousand_alternatives_are_solved() {
    let alternatives: Vec<String> = (0..10_000).map(|i| format!("p{i}")).collect();
    let universe = Fixture::new(&format!("a; Depends: {}\np9999", alternatives.join(" | ")));
    assert_eq!(solve(&universe, &["a"]).unwrap().packages.len(), 2);
}

#[test]
fn rounds_and_packages_have_budgets_too() {
    let universe = Fixture::new("a; Depends: b\nb; Depends: c\nc; Depends: d\nd");
    let solve = |budget| ResolvoSolver::with_budget(budget).solve(&universe, &request(&["a"]));
    let rounds = solve(Budget {
        rounds: 1,
        ..Budget::default()
    });
    assert!(matches!(
        rounds,
        Err(SolveError::Budget {
            budget: "rounds",
            ..
        })
    ));
    let packages = solve(Budget {
        packages: 2,
        ..Budget::default()
    });
    assert!(matches!(
        packages,
        Err(SolveError::Budget {
            budget: "packages",
            ..
        })
    ));
}

#[test]
fn a_chain_of_three_thousand_packages_needs_no_deep_stack() {
    let mut text = String::new();
    for i in 0..3_000 {
        let _ = writeln!(text, "p{i}; Depends: p{}", i + 1);
    }
    text.push_str("p3000");
    let universe = Indexed::new(Fixture::new(&text));
    let solution = ResolvoSolver::default()
        .solve(&universe, &request(&["p0"]))
        .unwrap();
    assert_eq!(solution.packages.len(), 3_001);
    assert_eq!(solution.chain("p3000").unwrap().packages.len(), 3_001);
}

#[test]
fn only_records_that_are_reached_are_looked_at() {
    let mut text = String::from("a; Depends: b; Conflicts: x1, x2 (<< 3)\nb\n");
    for i in 0..500 {
        let _ = writeln!(text, "x{i}; Depends: b");
    }
    let universe = Indexed::new(Fixture::new(&text));
    ResolvoSolver::default()
        .solve(&universe, &request(&["a"]))
        .unwrap();
    let looked_at = universe.looked_at.lock().unwrap().len();
    assert!(
        looked_at <= 4,
        "{looked_at} records for a solution of 2 packages"
    );
}

#[test]
fn conditions_of_rich_dependencies_hold() {
    let one = |name: &str| Requirement::One(Relation::named(name.parse().unwrap()));
    let root = |requirement| Root {
        requirement,
        source: None,
        asker: Asker::Item(0),
    };
    let universe = Fixture::new("a\nb\nc\nd; Provides: e");
    let names = |requirements: Vec<Requirement>| {
        let request = Request {
            roots: requirements.into_iter().map(root).collect(),
            ..Request::default()
        };
        let solution = ResolvoSolver::default().solve(&universe, &request).unwrap();
        solution
            .packages
            .iter()
            .map(|p| p.name.to_string())
            .collect::<Vec<_>>()
            .join(" ")
    };
    let when = Requirement::If {
        then: Box::new(one("b")),
        condition: Box::new(one("a")),
        otherwise: Some(Box::new(one("c"))),
    };
    assert_eq!(names(vec![when.clone(), one("a")]), "a b");
    assert_eq!(names(vec![when]), "c");
    assert_eq!(
        names(vec![Requirement::All(vec![one("a"), one("b")])]),
        "a b"
    );
    let with = Requirement::With(Box::new(one("d")), Box::new(one("e")));
    assert_eq!(names(vec![with]), "d");
}

#[test]
fn a_condition_inside_of_one_package_is_refused_by_name() {
    let one = |name: &str| Requirement::One(Relation::named(name.parse().unwrap()));
    let when = Requirement::If {
        then: Box::new(one("b")),
        condition: Box::new(one("a")),
        otherwise: None,
    };
    let requirement = Requirement::With(Box::new(when), Box::new(one("a")));
    let root = Root {
        requirement,
        source: None,
        asker: Asker::Item(0),
    };
    let request = Request {
        roots: vec![root],
        ..Request::default()
    };
    let error = ResolvoSolver::default()
        .solve(&Fixture::new("a\nb"), &request)
        .unwrap_err();
    assert!(matches!(
        &error,
        SolveError::Unsupported {
            place: Place::Asker(Asker::Item(0)),
            ..
        }
    ));
}

/// A universe that finds names quickly and notes which records were asked for.
struct Indexed {
    fixture: Fixture,
    names: HashMap<String, Vec<PackageId>>,
    looked_at: Mutex<BTreeSet<PackageId>>,
}

impl Indexed {
    fn new(fixture: Fixture) -> Self {
        let mut names: HashMap<String, Vec<PackageId>> = HashMap::new();
        for (i, (record, _, _)) in fixture.packages.iter().enumerate() {
            names
                .entry(record.name.to_string())
                .or_default()
                .push(PackageId(i as u32));
        }
        Self {
            fixture,
            names,
            looked_at: Mutex::default(),
        }
    }
}

impl Universe for Indexed {
    fn family(&self) -> Family {
        self.fixture.family()
    }
    fn architecture(&self) -> &str {
        self.fixture.architecture()
    }
    fn order(&self) -> &dyn VersionOrder {
        self.fixture.order()
    }
    fn named(&self, name: &str) -> Vec<PackageId> {
        self.names.get(name).cloned().unwrap_or_default()
    }
    fn providers(&self, _: &str) -> Vec<PackageId> {
        Vec::new()
    }
    fn record(&self, id: PackageId) -> PackageRecord {
        self.looked_at.lock().unwrap().insert(id);
        self.fixture.record(id)
    }
    fn priority(&self, id: PackageId) -> i32 {
        self.fixture.priority(id)
    }
    fn source(&self, id: PackageId) -> &str {
        self.fixture.source(id)
    }
    fn essential(&self) -> Vec<PackageId> {
        Vec::new()
    }
    fn similar(&self, _: &str) -> Vec<PackageName> {
        Vec::new()
    }
}
