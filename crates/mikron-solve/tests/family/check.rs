//! Says without a solver whether a set of packages is a solution, and tries all sets of small universes.

use std::collections::{BTreeMap, BTreeSet};

use mikron_package::{Family, PackageRecord, Relation, Requirement, VersionOrder};
use mikron_solve::Request;

use super::Package;

/// A universe and what is asked of it.
pub(crate) struct Check<'c> {
    pub(crate) family: Family,
    pub(crate) all: &'c [Package],
    pub(crate) request: &'c Request,
}

impl Check<'_> {
    fn order(&self) -> &'static dyn VersionOrder {
        super::order(self.family)
    }

    fn by_name(&self, relation: &Relation, record: &PackageRecord) -> bool {
        let version =
            |c: &mikron_package::Constraint| c.matches(record.version.as_str(), self.order());
        record.name == relation.name && relation.constraint.as_ref().is_none_or(version)
    }

    fn answers(&self, relation: &Relation, record: &PackageRecord) -> bool {
        let wanted = relation.constraint.as_ref();
        let provided = |p: &Relation| {
            p.name == relation.name && self.order().answers(p.constraint.as_ref(), wanted)
        };
        self.by_name(relation, record) || record.provides.iter().any(provided)
    }

    /// Whether one package satisfies an expression that speaks of one package.
    fn is_one(&self, requirement: &Requirement, record: &PackageRecord) -> bool {
        match requirement {
            Requirement::One(relation) => self.answers(relation, record),
            Requirement::Any(items) => items.iter().any(|item| self.is_one(item, record)),
            Requirement::With(a, b) => self.is_one(a, record) && self.is_one(b, record),
            Requirement::Without(a, b) => self.is_one(a, record) && !self.is_one(b, record),
            other => panic!("speaks of several packages: {other}"),
        }
    }

    fn holds(&self, requirement: &Requirement, set: &[&PackageRecord]) -> bool {
        match requirement {
            Requirement::Any(items) => items.iter().any(|item| self.holds(item, set)),
            Requirement::All(items) => items.iter().all(|item| self.holds(item, set)),
            Requirement::If {
                then,
                condition,
                otherwise,
            } => {
                if self.holds(condition, set) {
                    self.holds(then, set)
                } else {
                    otherwise
                        .as_ref()
                        .is_none_or(|other| self.holds(other, set))
                }
            }
            Requirement::Unless {
                then,
                condition,
                otherwise,
            } => {
                if self.holds(condition, set) {
                    otherwise
                        .as_ref()
                        .is_some_and(|other| self.holds(other, set))
                } else {
                    self.holds(then, set)
                }
            }
            one => set.iter().any(|record| self.is_one(one, record)),
        }
    }

    /// What the spec names without a version is, in rpm, a package of that name or one that obsoletes it, where there is any.
    fn is_root(&self, requirement: &Requirement, set: &[&PackageRecord]) -> bool {
        if let Requirement::One(relation) = requirement
            && self.family == Family::RPM
            && relation.constraint.is_none()
        {
            let named: Vec<_> = self
                .all
                .iter()
                .map(|(record, _, _)| record)
                .filter(|record| record.name == relation.name)
                .collect();
            if !named.is_empty() {
                let stands_for = |record: &&PackageRecord| {
                    let obsoletes = |r: &Relation| named.iter().any(|old| self.by_name(r, old));
                    record.name == relation.name || record.obsoletes.iter().any(obsoletes)
                };
                return set.iter().any(stands_for);
            }
        }
        self.holds(requirement, set)
    }

    fn at_peace(&self, record: &PackageRecord, set: &[&PackageRecord]) -> bool {
        let others: Vec<&PackageRecord> = set
            .iter()
            .copied()
            .filter(|other| other.name != record.name)
            .collect();
        let conflicts = |relation: &Relation| others.iter().any(|o| self.answers(relation, o));
        let obsoletes = |relation: &Relation| others.iter().any(|o| self.by_name(relation, o));
        let excluded = |requirement: &Requirement| {
            // What a package fulfils alone is no conflict with itself.
            if self.holds(requirement, &[record]) {
                self.holds(requirement, &others)
            } else {
                self.holds(requirement, set)
            }
        };
        let shares = self.family == Family::APK
            && names(record).iter().any(|(name, versioned)| {
                others.iter().any(|other| {
                    names(other)
                        .iter()
                        .any(|(n, v)| n == name && (*v || *versioned))
                })
            });
        !shares
            && !record.conflicts.iter().any(conflicts)
            && !record.obsoletes.iter().any(obsoletes)
            && !record.rich_conflicts.iter().any(excluded)
    }

    /// Whether a package may come in for a relation of apk alone.
    fn comes_for(&self, relation: &Relation, record: &PackageRecord) -> bool {
        let provided = |p: &Relation| {
            p.name == relation.name
                && p.constraint.is_some()
                && self
                    .order()
                    .answers(p.constraint.as_ref(), relation.constraint.as_ref())
        };
        let has = |record: &PackageRecord| {
            record.name == relation.name || record.provides.iter().any(|p| p.name == relation.name)
        };
        let providers: BTreeSet<_> = self
            .all
            .iter()
            .filter(|(record, _, _)| has(record))
            .map(|(record, _, _)| &record.name)
            .collect();
        self.by_name(relation, record)
            || record.provides.iter().any(provided)
            || (self.answers(relation, record)
                && (record.provider_priority.is_some_and(|p| p > 0) || providers.len() == 1))
    }

    /// Whether each package of a set of apk's is there because something asks for it so that it may come.
    fn is_founded(&self, set: &[&PackageRecord]) -> bool {
        let asks = |requirement: &Requirement, record: &PackageRecord| match requirement {
            Requirement::One(relation) => self.comes_for(relation, record),
            other => panic!("not in apk: {other}"),
        };
        let mut founded: BTreeSet<&str> = BTreeSet::new();
        loop {
            let new = set.iter().find(|record| {
                let by_root = || {
                    let mut roots = self.request.roots.iter();
                    roots.any(|root| asks(&root.requirement, record))
                };
                let by_package = || {
                    let mut known = set.iter().filter(|o| founded.contains(o.name.as_str()));
                    known.any(|other| other.depends.iter().any(|r| asks(r, record)))
                };
                !founded.contains(record.name.as_str()) && (by_root() || by_package())
            });
            match new {
                Some(record) => founded.insert(record.name.as_str()),
                None => return founded.len() == set.len(),
            };
        }
    }

    /// Whether a set is a solution, install_if aside.
    pub(crate) fn is_solution(&self, set: &[&PackageRecord]) -> bool {
        let names: BTreeSet<_> = set.iter().map(|record| &record.name).collect();
        let roots = self.request.roots.iter();
        names.len() == set.len()
            && roots
                .into_iter()
                .all(|root| self.is_root(&root.requirement, set))
            && set.iter().all(|record| {
                let native = ["x86_64", "noarch"].contains(&record.arch.as_str());
                native
                    && record.depends.iter().all(|r| self.holds(r, set))
                    && self.at_peace(record, set)
            })
    }

    /// Whether any set of the universe is a solution.
    pub(crate) fn is_solvable(&self) -> bool {
        let mut by_name: BTreeMap<&str, Vec<&PackageRecord>> = BTreeMap::new();
        for (record, _, _) in self.all {
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
        let founded = |set: &Vec<_>| self.family != Family::APK || self.is_founded(set);
        sets.iter().any(|set| self.is_solution(set) && founded(set))
    }
}

/// The names that a package has and provides, and whether with a version.
fn names(record: &PackageRecord) -> Vec<(&str, bool)> {
    let own = std::iter::once((record.name.as_str(), true));
    let provides = record.provides.iter();
    own.chain(provides.map(|p| (p.name.as_str(), p.constraint.is_some())))
        .collect()
}
