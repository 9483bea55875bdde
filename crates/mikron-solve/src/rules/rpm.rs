//! rpm and dnf, as libsolv solves for them. What is not written in rpm-dependency-generators(7) was found by asking dnf;
//! `docs/measurements.md` has the cases.
//!
//! - All alternatives and providers of a requirement are one pool: their order in the file and whether one *is* the name or
//!   provides it play no part.
//! - The source of highest priority comes first, then the latest version of each name, then a package before those that it
//!   obsoletes, then a package before those that provide a name that both have up to a lower version (`= 1`, `<= 1`, and a little
//!   less `< 1`), then one of which there is no
//!   later version for its architecture before others, then the name.
//! - What cannot be there, as is seen without choosing, takes no part in these comparisons.
//! - Among what is left, what the requirer recommends, or what supplements it, comes first, then what it suggests, or what
//!   enhances it; weak dependencies bring nothing in.
//! - A choice that turns out to be superfluous, as another that would have done is there anyway, is taken back.
//! - What the spec names without a version is a package of that name, or one that obsoletes it and so comes before it; only
//!   where no package has the name does a provider do. A requirement never leads to an obsoleter that does not provide it.
//! - `Obsoletes` speak of names and versions of packages, never of what they provide.
//! - An unversioned `Provides` satisfies every version (the universe's order knows that).

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, VecDeque};

use mikron_package::{
    Operator, PackageId, PackageName, PackageRecord, Relation, Requirement, Version,
};

use super::{Ban, Reach, Rules};
use crate::RelationKind;
use crate::catalog::Catalog;
use crate::clauses::{Clause, Matcher};
use crate::terms::{Candidate, Choice, View};

/// The rules of rpm and dnf.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rpm;

/// So many packages are picked one by one as the best of what is left; the rest follows by name. No requirement of a
/// distribution comes near.
const TAKEN: usize = 32;

impl Rules for Rpm {
    fn has_preferences(&self) -> bool {
        true
    }

    fn found(&self, catalog: &Catalog<'_>, relation: &Relation, view: &View) -> Vec<Candidate> {
        let fits = |id: &PackageId| catalog.fits(*id, relation, view);
        let named = catalog.versions(&relation.name);
        let mut found: Vec<PackageId> = named.iter().copied().filter(fits).collect();
        if view.asked && relation.constraint.is_none() && !found.is_empty() {
            found.extend(obsoleters(catalog, &relation.name, view, &found));
        } else {
            for name in catalog.provider_names(&relation.name) {
                found.extend(catalog.versions(&name).iter().copied().filter(fits));
            }
        }
        found.into_iter().map(Candidate::alone).collect()
    }

    fn compares_possible(&self) -> bool {
        true
    }

    fn arranged(
        &self,
        catalog: &Catalog<'_>,
        clause: &Clause,
        view: &View,
        choices: Vec<Choice>,
    ) -> Vec<Choice> {
        if choices.len() < 2 {
            return choices;
        }
        let Some(settled) = catalog.settled() else {
            // It is being found out what cannot be there, for which no order is needed.
            return choices;
        };
        let (ruled_out, possible): (Vec<_>, Vec<_>) = choices
            .into_iter()
            .partition(|choice| settled.absent.contains(&choice.id));
        let mut arranged = arrange(catalog, clause, view, possible);
        arranged.extend(arrange(catalog, clause, view, ruled_out));
        arranged
    }

    fn minimises(&self) -> bool {
        true
    }

    fn bans(&self, record: &PackageRecord) -> Vec<Ban> {
        let conflicts = record.conflicts.iter();
        let conflicts = conflicts.map(|r| Ban::answers(RelationKind::Conflicts, r));
        let obsoletes = record.obsoletes.iter().map(|relation| Ban {
            kind: RelationKind::Obsoletes,
            relation: relation.clone(),
            reach: Reach::Named,
        });
        conflicts.chain(obsoletes).collect()
    }
}

/// Puts packages in the order in which they are tried.
fn arrange(
    catalog: &Catalog<'_>,
    clause: &Clause,
    view: &View,
    choices: Vec<Choice>,
) -> Vec<Choice> {
    let asked =
        |name: &PackageName| view.asked && clause.terms.iter().any(|t| names(&t.matcher, name));
    let mut bands: BTreeMap<(bool, Reverse<i32>), BTreeMap<PackageName, Vec<Choice>>> =
        BTreeMap::new();
    for choice in choices {
        let record = catalog.record(choice.id);
        let band = (
            !catalog.is_preferred(&record),
            Reverse(catalog.priority(choice.id)),
        );
        let names = bands.entry(band).or_default();
        let versions = names.entry(record.name.clone()).or_default();
        if !versions.iter().any(|known| known.id == choice.id) {
            versions.push(choice);
        }
    }
    let mut arranged = Vec::new();
    for mut names in bands.into_values() {
        for versions in names.values_mut() {
            versions.sort_by(|a, b| catalog.compare(a.id, b.id));
        }
        arranged.extend(order(catalog, names, &asked));
    }
    if let (Some(by), Some(first)) = (view.by, arranged.first()) {
        let priority = catalog.priority(first.id);
        arranged.sort_by_key(|choice| {
            let lower = catalog.priority(choice.id) != priority;
            (
                lower,
                (!lower).then(|| weakly_wanted(catalog, by, choice.id)),
            )
        });
    }
    arranged
}

/// How little a package is to another: whether it is not recommended by it, nor supplements it, and whether it is not suggested
/// by it, nor enhances it. None of this brings one in, but among several that would do it decides.
fn weakly_wanted(catalog: &Catalog<'_>, by: PackageId, id: PackageId) -> (bool, bool) {
    let (by, record) = (catalog.record(by), catalog.record(id));
    let either = |says: &[Requirement], is_said: &[Requirement]| {
        speaks_of(catalog, says, &record) || speaks_of(catalog, is_said, &by)
    };
    let recommended = either(&by.recommends, &record.supplements);
    let suggested = either(&by.suggests, &record.enhances);
    (!recommended, !suggested)
}

fn speaks_of(catalog: &Catalog<'_>, weak: &[Requirement], record: &PackageRecord) -> bool {
    weak.iter().any(|requirement| match requirement {
        Requirement::One(relation) => catalog.answers(relation, record),
        Requirement::Any(items) => speaks_of(catalog, items, record),
        _ => false,
    })
}

/// Whether a matcher calls for a name.
fn names(matcher: &Matcher, name: &PackageName) -> bool {
    match matcher {
        Matcher::One(relation) => relation.name == *name,
        Matcher::Either(parts) => parts.iter().any(|part| names(part, name)),
        Matcher::Both(a, b) => names(a, name) || names(b, name),
        Matcher::Except(a, _) => names(a, name),
    }
}

/// What obsoletes one of some packages of a name.
fn obsoleters(
    catalog: &Catalog<'_>,
    name: &PackageName,
    view: &View,
    packages: &[PackageId],
) -> Vec<PackageId> {
    let mut found = Vec::new();
    for other in catalog.obsoleter_names(name) {
        let versions = catalog.versions(&other);
        found.extend(versions.iter().copied().filter(|&id| {
            catalog.admits(id, view) && packages.iter().any(|&old| obsoletes(catalog, id, old))
        }));
    }
    found
}

/// Whether a package obsoletes another.
fn obsoletes(catalog: &Catalog<'_>, id: PackageId, other: PackageId) -> bool {
    let (record, other) = (catalog.record(id), catalog.record(other));
    let hits = |relation: &Relation| catalog.answers_by_name(relation, &other);
    record.name != other.name && record.obsoletes.iter().any(hits)
}

/// Whether there is a later version of a package, for its architecture.
fn is_outdated(catalog: &Catalog<'_>, name: &PackageName, id: PackageId) -> bool {
    let arch = &catalog.record(id).arch;
    let versions = catalog.versions(name);
    let mut same = versions
        .iter()
        .filter(|other| catalog.record(**other).arch == *arch);
    same.next() != Some(&id)
}

/// The order in which packages of several names are tried: time and again the best of what is left, of each name the best
/// version only looked at.
fn order(
    catalog: &Catalog<'_>,
    names: BTreeMap<PackageName, Vec<Choice>>,
    asked: &dyn Fn(&PackageName) -> bool,
) -> Vec<Choice> {
    let mut left: BTreeMap<PackageName, VecDeque<Choice>> = names
        .into_iter()
        .map(|(name, versions)| (name, versions.into()))
        .collect();
    let mut order = Vec::new();
    for _ in 0..TAKEN {
        if left.len() < 2 {
            break;
        }
        let best: Vec<PackageId> = left
            .values()
            .filter_map(|versions| versions.front().map(|choice| choice.id))
            .collect();
        let obsoleted = |id: &PackageId| best.iter().any(|by| obsoletes(catalog, *by, *id));
        let standing: Vec<PackageId> = best.iter().copied().filter(|id| !obsoleted(id)).collect();
        let latest = latest(catalog, if standing.is_empty() { best } else { standing });
        // They come in order of name, of which this changes nothing but what it has to.
        let first = latest.into_iter().min_by_key(|id| {
            let name = &catalog.record(*id).name;
            (!asked(name), is_outdated(catalog, name, *id))
        });
        let Some(first) = first else { break };
        let name = &catalog.record(first).name;
        if let Some(versions) = left.get_mut(name) {
            order.extend(versions.pop_front());
            if versions.is_empty() {
                left.remove(name);
            }
        }
    }
    let mut rest: Vec<Choice> = left.into_values().flatten().collect();
    rest.sort_by_key(|choice| !asked(&catalog.record(choice.id).name));
    order.extend(rest);
    order
}

/// Those of which no other provides a name that they provide at a later version; all where there are none such.
fn latest(catalog: &Catalog<'_>, packages: Vec<PackageId>) -> Vec<PackageId> {
    let mut newest: HashMap<PackageName, UpTo> = HashMap::new();
    let provided: Vec<_> = packages
        .iter()
        .map(|&id| provided(&catalog.record(id)))
        .collect();
    let earlier = |a: &UpTo, b: &UpTo| {
        let order = catalog.order().compare(a.0.as_str(), b.0.as_str());
        order.then(a.1.cmp(&b.1)).is_lt()
    };
    for (name, version) in provided.iter().flatten() {
        match newest.get(name) {
            Some(known) if !earlier(known, version) => {}
            _ => drop(newest.insert(name.clone(), version.clone())),
        }
    }
    let is_latest = |own: &HashMap<PackageName, UpTo>| {
        own.iter()
            .all(|(name, version)| newest.get(name).is_none_or(|best| !earlier(version, best)))
    };
    let found: Vec<PackageId> = packages
        .iter()
        .zip(&provided)
        .filter(|(_, own)| is_latest(own))
        .map(|(id, _)| *id)
        .collect();
    if found.is_empty() { packages } else { found }
}

/// The latest version of a range, and whether it belongs to it.
type UpTo = (Version, bool);

/// Up to which version a package provides names, of those that have such an end; of a name that it provides several times the
/// last counts.
fn provided(record: &PackageRecord) -> HashMap<PackageName, UpTo> {
    let own = (record.name.clone(), (record.version.clone(), true));
    let provides = record.provides.iter().filter_map(|relation| {
        let constraint = relation.constraint.as_ref()?;
        let included = match constraint.operator {
            Operator::Equal | Operator::LessEqual => true,
            Operator::Less => false,
            Operator::GreaterEqual | Operator::Greater | Operator::Begins => return None,
        };
        Some((
            relation.name.clone(),
            (constraint.version.clone(), included),
        ))
    });
    std::iter::once(own).chain(provides).collect()
}
