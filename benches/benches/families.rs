//! Solving by the rules of rpm over as many packages as a large distribution has.

#![allow(missing_docs)] // what the macros of criterion make

use std::cmp::Ordering;

use criterion::{Criterion, criterion_group, criterion_main};
use mikron_package::{
    Constraint, Family, MemoryUniverse, Operator, PackageName, PackageRecord, Relation,
    Requirement, Version, VersionError, VersionOrder,
};
use mikron_solve::{Request, ResolvoSolver, Solver as _};

/// Packages of the universe.
const PACKAGES: u32 = 60_000;

/// Versions of one number.
struct Numbers;

impl VersionOrder for Numbers {
    fn compare(&self, a: &str, b: &str) -> Ordering {
        a.parse::<u64>().ok().cmp(&b.parse().ok())
    }
    fn validate(&self, _: &str) -> Result<(), VersionError> {
        Ok(())
    }
}

fn relation(name: &str, version: Option<(Operator, u32)>) -> Relation {
    let constraint = version.map(|(operator, version)| Constraint {
        operator,
        version: Version::new(&version.to_string()),
    });
    Relation {
        constraint,
        ..Relation::named(PackageName::wanted(name).expect("no white space in it"))
    }
}

/// Each package requires two of lower numbers, one of them by a file or by a condition, and some conflict or obsolete.
fn universe() -> MemoryUniverse<'static> {
    let mut universe = MemoryUniverse::new(Family::RPM, "x86_64", &Numbers);
    for number in 0..PACKAGES {
        let name = format!("package{number}").parse().expect("a plain name");
        let mut record = PackageRecord::new(name, Version::new("2"), "x86_64");
        let own = relation(&format!("package{number}"), Some((Operator::Equal, 2)));
        record.provides.push(own);
        record
            .provides
            .push(relation(&format!("/usr/bin/command{number}"), None));
        let lower = number / 2;
        let one = |name: String| Requirement::One(relation(&name, None));
        record.depends.push(one(format!("package{lower}")));
        record.depends.push(match number % 3 {
            0 => one(format!("/usr/bin/command{}", number / 3)),
            1 => Requirement::Any(vec![
                one(format!("package{}", number / 5)),
                one(format!("package{}", number / 7)),
            ]),
            _ => Requirement::If {
                then: Box::new(one(format!("package{}", number / 11))),
                condition: Box::new(one(format!("package{}", number / 4))),
                otherwise: None,
            },
        });
        if number % 10 == 9 {
            let old = format!("package{}", number - 1);
            record
                .conflicts
                .push(relation(&old, Some((Operator::Less, 2))));
            record
                .obsoletes
                .push(relation(&old, Some((Operator::Less, 1))));
        }
        universe.add(record, 500);
    }
    universe
}

fn families(c: &mut Criterion) {
    let universe = universe();
    let solver = ResolvoSolver::default();
    let mut group = c.benchmark_group("rpm");
    for (name, roots) in [
        ("one root", vec![59_999]),
        ("twenty roots", (0..20).map(|n| 59_999 - n * 997).collect()),
    ] {
        let names = roots
            .iter()
            .map(|n| format!("package{n}").parse().expect("a plain name"));
        let request = Request::of(names);
        group.bench_function(name, |b| {
            b.iter(|| solver.solve(&universe, &request).map(|s| s.packages.len()));
        });
    }
    group.finish();
}

criterion_group!(benches, families);
criterion_main!(benches);
