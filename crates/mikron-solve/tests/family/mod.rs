//! Universes of rpm and apk out of a few lines of text, and requests likewise.
#![allow(dead_code)] // each test file uses a part of it
#![allow(clippy::unwrap_used)] // clippy looks into functions that are tests themselves only

pub(crate) mod check;
pub(crate) mod numbers;
pub(crate) mod order;
pub(crate) mod rich;

use mikron_package::{
    Constraint, Family, MemoryUniverse, Operator, PackageName, PackageRecord, Relation,
    Requirement, Universe, Version, VersionOrder,
};
use mikron_solve::{Asker, Request, ResolvoSolver, Root, Solution, SolveError, Solver};

use order::{ApkOrder, RpmOrder};

/// A package with its priority and the name of its source.
pub(crate) type Package = (PackageRecord, i32, String);

fn order(family: Family) -> &'static dyn VersionOrder {
    if family == Family::APK {
        &ApkOrder
    } else {
        &RpmOrder
    }
}

/// A universe. One package a line: `name version arch`, of which version and architecture may be left out, then fields
/// between semicolons, their items between commas. Besides the fields of the family there are `From` and `Pin`: the source
/// and its priority.
pub(crate) fn universe(family: Family, text: &str) -> MemoryUniverse<'static> {
    fill(family, &packages(family, text))
}

pub(crate) fn fill(family: Family, packages: &[Package]) -> MemoryUniverse<'static> {
    let mut universe = MemoryUniverse::new(family, "x86_64", order(family));
    for (record, priority, source) in packages {
        universe.add_from(record.clone(), *priority, source);
    }
    universe
}

pub(crate) fn packages(family: Family, text: &str) -> Vec<Package> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(|line| package(family, line)).collect()
}

pub(crate) fn package(family: Family, line: &str) -> Package {
    let mut fields = line.split(';').map(str::trim);
    let mut identity = fields.next().unwrap().split_whitespace();
    let name: PackageName = identity.next().unwrap().parse().unwrap();
    let plain = if family == Family::RPM { "1-1" } else { "1" };
    let version = Version::new(identity.next().unwrap_or(plain));
    let arch = identity.next().unwrap_or("x86_64");
    let mut record = PackageRecord::new(name, version.clone(), arch);
    if family == Family::RPM {
        record.provides.push(Relation {
            constraint: Some(Constraint::exactly(version)),
            ..Relation::named(record.name.clone())
        });
    }
    let (mut priority, mut source) = (500, "main".to_owned());
    for field in fields {
        let (key, value) = field.split_once(':').unwrap();
        let items = split(value);
        match key {
            "From" => value.trim().clone_into(&mut source),
            "Pin" => priority = value.trim().parse().unwrap(),
            "Priority" => record.provider_priority = Some(value.trim().parse().unwrap()),
            "Requires" | "Depends" => {
                for item in items {
                    match item.strip_prefix('!') {
                        Some(not) => record.conflicts.push(relation(not)),
                        None => record.depends.push(rich::parse(item)),
                    }
                }
            }
            "Conflicts" => {
                for item in items {
                    match rich::parse(item) {
                        Requirement::One(relation) => record.conflicts.push(relation),
                        other => record.rich_conflicts.push(other),
                    }
                }
            }
            "Recommends" => record.recommends.extend(items.into_iter().map(rich::parse)),
            "Supplements" => record
                .supplements
                .extend(items.into_iter().map(rich::parse)),
            "Suggests" => record.suggests.extend(items.into_iter().map(rich::parse)),
            "Enhances" => record.enhances.extend(items.into_iter().map(rich::parse)),
            "Obsoletes" => record.obsoletes.extend(items.into_iter().map(relation)),
            "Provides" | "Files" => record.provides.extend(items.into_iter().map(relation)),
            "InstallIf" => {
                for item in items {
                    match item.strip_prefix('!') {
                        Some(not) => record.install_if_not.push(relation(not)),
                        None => record.install_if.push(relation(item)),
                    }
                }
            }
            other => panic!("no such field: {other}"),
        }
    }
    (record, priority, source)
}

fn split(value: &str) -> Vec<&str> {
    let items = value.split(',').map(str::trim);
    items.filter(|item| !item.is_empty()).collect()
}

/// `name`, or `name >= version`.
pub(crate) fn relation(text: &str) -> Relation {
    let mut words = text.split_whitespace();
    let name = PackageName::wanted(words.next().unwrap()).unwrap();
    let constraint = words.next().map(|operator| Constraint {
        operator: match operator {
            "<" => Operator::Less,
            "<=" => Operator::LessEqual,
            "=" => Operator::Equal,
            ">=" => Operator::GreaterEqual,
            ">" => Operator::Greater,
            "~" => Operator::Begins,
            other => panic!("no such operator: {other}"),
        },
        version: Version::new(words.next().unwrap()),
    });
    Relation {
        constraint,
        ..Relation::named(name)
    }
}

/// A request: requirements, perhaps `@source` behind.
pub(crate) fn request(items: &[&str]) -> Request {
    let mut request = Request::default();
    for item in items {
        let (text, source) = match item.split_once('@') {
            Some((text, source)) => (text, Some(source.to_owned())),
            None => (*item, None),
        };
        let asker = Asker::Item(request.roots.len());
        request.roots.push(Root {
            requirement: rich::parse(text),
            source,
            asker,
        });
    }
    request
}

pub(crate) fn solve(universe: &dyn Universe, items: &[&str]) -> Result<Solution, SolveError> {
    ResolvoSolver::default().solve(universe, &request(items))
}

/// The packages of a solution as `name version`.
pub(crate) fn names(solution: &Solution) -> Vec<String> {
    let packages = solution.packages.iter();
    packages
        .map(|p| format!("{} {}", p.name, p.version))
        .collect()
}

/// The packages of a solution as `name name-version`: the version where it is not the plain one.
pub(crate) fn short(solution: &Solution) -> String {
    let name = |p: &mikron_solve::Solved| match p.version.as_str() {
        "1" | "1-1" => p.name.to_string(),
        other => format!("{}-{other}", p.name),
    };
    let names: Vec<String> = solution.packages.iter().map(name).collect();
    names.join(" ")
}
