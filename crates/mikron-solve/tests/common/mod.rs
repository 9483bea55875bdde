//! A universe out of a few lines of text, and a request likewise.
#![allow(dead_code)] // each test file uses a part of it
#![allow(clippy::unwrap_used)] // clippy looks into functions that are tests themselves only

use mikron_deb::{DebVersionOrder, RawFields, StanzaReader, parse_requirements};
use mikron_package::{
    Family, Limits, PackageId, PackageName, PackageRecord, Universe, Version, VersionOrder,
};
use mikron_solve::{Asker, Request, ResolvoSolver, Root, Solution, SolveError, Solver};

/// A universe with sources and pin priorities. One package a line: `name version arch`, of which version and
/// architecture may be left out, then control fields between semicolons; `From` and `Pin` are the source and its priority.
#[derive(Clone, Default)]
pub(crate) struct Fixture {
    pub(crate) packages: Vec<(PackageRecord, i32, String)>,
}

impl Fixture {
    pub(crate) fn new(text: &str) -> Self {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        Self {
            packages: lines.map(package).collect(),
        }
    }

    pub(crate) fn reversed(mut self) -> Self {
        self.packages.reverse();
        self
    }
}

fn package(line: &str) -> (PackageRecord, i32, String) {
    let mut fields = line.split(';').map(str::trim);
    let mut identity = fields.next().unwrap().split_whitespace();
    let mut stanza = format!(
        "Package: {}\nVersion: {}\nArchitecture: {}\n",
        identity.next().unwrap(),
        identity.next().unwrap_or("1"),
        identity.next().unwrap_or("amd64"),
    );
    let (mut priority, mut source) = (500, "main".to_owned());
    for field in fields {
        if let Some(text) = field.strip_prefix("Pin: ") {
            priority = text.parse().unwrap();
        } else if let Some(text) = field.strip_prefix("From: ") {
            text.clone_into(&mut source);
        } else {
            stanza.push_str(field);
            stanza.push('\n');
        }
    }
    let limits = Limits {
        alternatives: 2_000_000,
        field: 1 << 30,
        ..Limits::default()
    };
    let mut reader = StanzaReader::new(stanza.as_bytes(), &limits);
    let stanza = reader.next_stanza().unwrap().unwrap();
    let record = RawFields::of(&stanza).unwrap().to_record(&limits).unwrap();
    (record, priority, source)
}

impl Universe for Fixture {
    fn family(&self) -> Family {
        Family::DEB
    }
    fn architecture(&self) -> &'static str {
        "amd64"
    }
    fn order(&self) -> &dyn VersionOrder {
        &DebVersionOrder
    }
    fn named(&self, name: &str) -> Vec<PackageId> {
        self.ids(|record| record.name.as_str() == name)
    }
    fn providers(&self, name: &str) -> Vec<PackageId> {
        self.ids(|record| {
            record.name.as_str() != name && record.provides.iter().any(|p| p.name.as_str() == name)
        })
    }
    fn record(&self, id: PackageId) -> PackageRecord {
        self.packages[id.0 as usize].0.clone()
    }
    fn priority(&self, id: PackageId) -> i32 {
        self.packages[id.0 as usize].1
    }
    fn source(&self, id: PackageId) -> &str {
        &self.packages[id.0 as usize].2
    }
    fn essential(&self) -> Vec<PackageId> {
        self.ids(|record| record.essential)
    }
    fn similar(&self, name: &str) -> Vec<PackageName> {
        let mut names: Vec<_> = self.packages.iter().map(|p| p.0.name.clone()).collect();
        names.sort();
        names.dedup();
        names.retain(|n| n.as_str().contains(name) || name.contains(n.as_str()));
        names
    }
}

impl Fixture {
    fn ids(&self, wanted: impl Fn(&PackageRecord) -> bool) -> Vec<PackageId> {
        let all = self.packages.iter().enumerate();
        all.filter(|(_, p)| wanted(&p.0))
            .map(|(i, _)| PackageId(i as u32))
            .collect()
    }
}

/// A request: relations as in `Depends`, perhaps `@source` behind; `=name version` locks, `~name version` prefers.
pub(crate) fn request(items: &[&str]) -> Request {
    let mut request = Request::default();
    let pair = |text: &str| {
        let (name, version) = text.split_once(' ').unwrap();
        (name.parse::<PackageName>().unwrap(), Version::new(version))
    };
    for item in items {
        match item.split_at(1) {
            ("=", rest) => request.locked.extend([pair(rest)]),
            ("~", rest) => request.preferred.extend([pair(rest)]),
            _ => {
                let (relation, source) = match item.split_once('@') {
                    Some((relation, source)) => (relation, Some(source.to_owned())),
                    None => (*item, None),
                };
                let parsed = parse_requirements(relation.as_bytes(), &Limits::default()).unwrap();
                for requirement in parsed {
                    let asker = Asker::Item(request.roots.len());
                    request.roots.push(Root {
                        requirement,
                        source: source.clone(),
                        asker,
                    });
                }
            }
        }
    }
    request
}

pub(crate) fn solve(universe: &Fixture, items: &[&str]) -> Result<Solution, SolveError> {
    ResolvoSolver::default().solve(universe, &request(items))
}

/// The packages of a solution as `name version`.
pub(crate) fn names(solution: &Solution) -> Vec<String> {
    solution
        .packages
        .iter()
        .map(|p| format!("{} {}", p.name, p.version))
        .collect()
}
