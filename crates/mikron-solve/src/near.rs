//! What comes near to a requirement that nothing satisfies.

use std::collections::{BTreeMap, BTreeSet};

use mikron_package::{PackageId, PackageName, PackageRecord, Relation, Requirement, Version};

use crate::catalog::Catalog;
use crate::terms::View;
use crate::{Known, Missing, Problem};

/// What comes near to a requirement.
pub(crate) fn missing(catalog: &Catalog<'_>, requirement: &Requirement, view: &View) -> Missing {
    let mut relations = Vec::new();
    relations_of(requirement, &mut relations);
    relations.truncate(100);
    let mut known = Vec::new();
    let mut similar: Vec<PackageName> = Vec::new();
    let universe = catalog.universe;
    for relation in relations {
        let mut ids = universe.named(relation.name.as_str());
        ids.extend(universe.providers(relation.name.as_str()));
        let mut best: BTreeMap<PackageName, Vec<PackageId>> = BTreeMap::new();
        for id in ids {
            best.entry(catalog.record(id).name.clone())
                .or_default()
                .push(id);
        }
        let mut near = false;
        // The wanted name first, then its providers.
        let own = best.remove(&relation.name).into_iter();
        for mut ids in own.chain(best.into_values()) {
            ids.sort_by(|&a, &b| catalog.compare(a, b));
            for id in ids {
                let record = catalog.record(id);
                let Some(problem) = problem(catalog, id, &record, relation, view) else {
                    continue;
                };
                near = true;
                known.push(Known {
                    name: record.name.clone(),
                    version: record.version.clone(),
                    arch: record.arch.clone(),
                    source: catalog.source(id).to_owned(),
                    problem,
                });
            }
        }
        for (odd, source) in universe.odd(relation.name.as_str()) {
            near = true;
            known.push(Known {
                name: relation.name.clone(),
                version: Version::new(match &*odd.version {
                    "" => "without a version",
                    version => version,
                }),
                arch: odd.arch,
                source,
                problem: Problem::Odd { reason: odd.reason },
            });
        }
        if !near {
            similar.extend(universe.similar(relation.name.as_str()));
        }
    }
    known.dedup();
    known.truncate(20);
    let mut seen = BTreeSet::new();
    similar.retain(|name| seen.insert(name.clone()));
    similar.truncate(5);
    Missing {
        requirement: requirement.clone(),
        known,
        similar,
    }
}

fn problem(
    catalog: &Catalog<'_>,
    id: PackageId,
    record: &PackageRecord,
    relation: &Relation,
    view: &View,
) -> Option<Problem> {
    if !catalog.answers(relation, record) {
        let unversioned = |p: &Relation| p.name == relation.name && p.constraint.is_none();
        return Some(
            if record.name != relation.name && record.provides.iter().any(unversioned) {
                Problem::UnversionedProvides
            } else {
                Problem::Version
            },
        );
    }
    let source = view.source.as_deref();
    if source.is_some_and(|wanted| wanted != catalog.source(id)) {
        return Some(Problem::Source);
    }
    if !catalog
        .rules
        .architecture_fits(catalog, relation, view, record)
    {
        return Some(Problem::Architecture);
    }
    let priority = catalog.priority(id);
    let barred = catalog.barred(id, record);
    barred.or((!catalog.admits(id, view)).then_some(Problem::Priority { priority }))
}

/// All relations in a requirement that ask for something, in order.
fn relations_of<'r>(requirement: &'r Requirement, relations: &mut Vec<&'r Relation>) {
    match requirement {
        Requirement::One(relation) => relations.push(relation),
        Requirement::Any(items) | Requirement::All(items) => {
            for item in items {
                relations_of(item, relations);
            }
        }
        Requirement::If {
            then, otherwise, ..
        }
        | Requirement::Unless {
            then, otherwise, ..
        } => {
            relations_of(then, relations);
            if let Some(otherwise) = otherwise {
                relations_of(otherwise, relations);
            }
        }
        Requirement::With(a, b) => {
            relations_of(a, relations);
            relations_of(b, relations);
        }
        Requirement::Without(a, _) => relations_of(a, relations),
    }
}
