//! From requirements to packages: what a root or a package demands, as clauses over the packages of the universe.

use std::collections::BTreeSet;
use std::rc::Rc;

use mikron_package::{PackageId, PackageRecord, Requirement};

use crate::catalog::Catalog;
use crate::clauses::{Clause, ClauseError, clauses};
use crate::terms::{Candidate, Choice, Ground, View};
use crate::{Place, RelationKind, Root, SolveError};

/// Something that a package demands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Demand<'r> {
    pub(crate) kind: RelationKind,
    pub(crate) requirement: &'r Requirement,
    /// Whether it must hold, or must not.
    pub(crate) holds: bool,
}

/// What a package demands, in order.
pub(crate) fn demands(record: &PackageRecord) -> impl Iterator<Item = Demand<'_>> {
    let demand = |kind, holds| {
        move |requirement| Demand {
            kind,
            requirement,
            holds,
        }
    };
    let pre = record.pre_depends.iter();
    let depends = record.depends.iter();
    let conflicts = record.rich_conflicts.iter();
    pre.map(demand(RelationKind::PreDepends, true))
        .chain(depends.map(demand(RelationKind::Depends, true)))
        .chain(conflicts.map(demand(RelationKind::Conflicts, false)))
}

/// What a demand comes to from a view.
pub(crate) fn ground(
    catalog: &Catalog<'_>,
    requirement: &Requirement,
    holds: bool,
    view: &View,
    place: &dyn Fn() -> Place,
) -> Result<Rc<[Ground]>, SolveError> {
    catalog.grounds((requirement, holds, view), || {
        let allowed = catalog.budget.alternatives;
        let clauses = clauses(requirement, holds, allowed).map_err(|error| match error {
            ClauseError::TooMany(found) => exceeded(catalog, found, place),
            ClauseError::Form => SolveError::Unsupported {
                requirement: requirement.clone(),
                place: place(),
            },
        })?;
        let mut grounds = Vec::with_capacity(clauses.len());
        for clause in &clauses {
            for (when, any) in expand(catalog, clause, view, place)? {
                grounds.push(Ground {
                    when,
                    any,
                    forbids: !holds,
                });
            }
        }
        Ok(grounds)
    })
}

/// What a request of the spec comes to.
pub(crate) fn of_root(catalog: &Catalog<'_>, root: &Root) -> Result<Rc<[Ground]>, SolveError> {
    let place = || Place::Asker(root.asker.clone());
    ground(catalog, &root.requirement, true, &View::of(root), &place)
}

/// What the demands of a package come to, in their order.
pub(crate) fn of_package(
    catalog: &Catalog<'_>,
    id: PackageId,
) -> Result<Vec<Rc<[Ground]>>, SolveError> {
    let (record, view) = (catalog.record(id), catalog.view(id));
    let place = || Place::Package(record.name.clone(), record.version.clone());
    let of_one =
        |demand: Demand<'_>| ground(catalog, demand.requirement, demand.holds, &view, &place);
    demands(&record).map(of_one).collect()
}

/// What has to be there for a clause to bind, and what then has to be.
type Way = (Vec<PackageId>, Rc<[Choice]>);

/// A clause once for each way in which its condition can hold.
fn expand(
    catalog: &Catalog<'_>,
    clause: &Clause,
    view: &View,
    place: &dyn Fn() -> Place,
) -> Result<Vec<Way>, SolveError> {
    let allowed = u64::from(catalog.budget.alternatives);
    let mut choices: Vec<Choice> = Vec::new();
    for term in &clause.terms {
        let matching = catalog.matching(&term.matcher, view);
        choices.extend(matching.iter().map(|candidate| Choice {
            alternative: term.alternative,
            id: candidate.id,
            alone: candidate.alone,
        }));
        if choices.len() as u64 > allowed {
            return Err(exceeded(catalog, choices.len() as u64, place));
        }
    }
    let any: Rc<[Choice]> = catalog
        .rules
        .arranged(catalog, clause, view, choices)
        .into();
    let mut ways: Vec<BTreeSet<PackageId>> = vec![BTreeSet::new()];
    for matcher in &clause.when {
        let matching = catalog.matching(matcher, view);
        let count = (ways.len() as u64).saturating_mul(matching.len() as u64);
        if count > allowed {
            return Err(exceeded(catalog, count, place));
        }
        let with = |way: &BTreeSet<PackageId>| -> Vec<BTreeSet<PackageId>> {
            let add = |c: &Candidate| {
                let mut way = way.clone();
                way.insert(c.id);
                way
            };
            matching.iter().map(add).collect()
        };
        ways = ways.iter().flat_map(with).collect();
    }
    let mut seen = BTreeSet::new();
    ways.retain(|way| seen.insert(way.clone()));
    let with = |way: BTreeSet<PackageId>| (way.into_iter().collect(), Rc::clone(&any));
    Ok(ways.into_iter().map(with).collect())
}

fn exceeded(catalog: &Catalog<'_>, found: u64, place: &dyn Fn() -> Place) -> SolveError {
    SolveError::Budget {
        budget: "alternatives",
        found,
        allowed: catalog.budget.alternatives.into(),
        place: place(),
    }
}
