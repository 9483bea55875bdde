//! From what a solver found to a solution: what is needed of it, and why.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use mikron_package::{PackageId, PackageName, PackageRecord, Relation, Requirement};

use crate::backend::{place_of, view_of};
use crate::catalog::{Catalog, View};
use crate::clauses::{Clause, Matcher, When};
use crate::provider::{parts, terms};
use crate::{Reason, RelationKind, Root, SkipReason, Skipped, Solution, SolveError, Solved};

/// Packages by name.
pub(crate) type Kept = BTreeMap<PackageName, PackageId>;

/// A requirement of a root or of a package that is kept.
struct Open {
    clause: Clause,
    view: View,
}

/// What satisfies a clause among some packages, in the order of preference, with the place of the alternative.
fn satisfiers(
    catalog: &Catalog<'_>,
    clause: &Clause,
    view: &View,
    among: &Kept,
) -> Vec<(usize, PackageId)> {
    let mut found: Vec<(usize, PackageId)> = Vec::new();
    for (term, groups) in terms(catalog, clause, view) {
        for group in groups.iter() {
            let present = among.get(&group.name).filter(|id| group.ids.contains(id));
            if let Some(id) = present.filter(|id| !found.iter().any(|(_, known)| known == *id)) {
                found.push((term.alternative, *id));
            }
        }
    }
    found
}

fn holds(catalog: &Catalog<'_>, when: &When, view: &View, among: &Kept) -> bool {
    match when {
        When::Holds(matcher) => catalog.matching(matcher, view).iter().any(|group| {
            among
                .get(&group.name)
                .is_some_and(|id| group.ids.contains(id))
        }),
        When::All(parts) => parts.iter().all(|part| holds(catalog, part, view, among)),
        When::Any(parts) => parts.iter().any(|part| holds(catalog, part, view, among)),
    }
}

/// The packages that requirements lead to. A solver that walks alternatives in order can leave one behind that a later
/// choice made superfluous; it does not get into an image.
pub(crate) fn needed(
    catalog: &Catalog<'_>,
    roots: &[&Root],
    found: &[PackageId],
) -> Result<Kept, SolveError> {
    let all: Kept = found
        .iter()
        .map(|&id| (catalog.record(id).name.clone(), id))
        .collect();
    let mut kept = Kept::new();
    let mut open: VecDeque<Open> = VecDeque::new();
    let mut new: VecDeque<PackageId> = VecDeque::new();
    for root in roots {
        let view = view_of(root);
        for clause in parts(catalog, &root.requirement, &|| place_of(root))? {
            open.push_back(Open {
                clause,
                view: view.clone(),
            });
        }
    }
    loop {
        // First what must be there: clauses that one package only satisfies.
        let mut rest = VecDeque::with_capacity(open.len());
        while let Some(Open { clause, view }) = open.pop_front() {
            if clause
                .when
                .as_ref()
                .is_some_and(|when| !holds(catalog, when, &view, &kept))
            {
                rest.push_back(Open { clause, view });
                continue;
            }
            let by = satisfiers(catalog, &clause, &view, &all);
            let is_kept =
                |(_, id): &(usize, PackageId)| kept.get(&catalog.record(*id).name) == Some(id);
            if by.iter().any(is_kept) {
                continue;
            }
            if let [(_, id)] = by.as_slice() {
                kept.insert(catalog.record(*id).name.clone(), *id);
                new.push_back(*id);
                while let Some(id) = new.pop_front() {
                    add_requirements(catalog, id, &mut open)?;
                }
            } else {
                rest.push_back(Open { clause, view });
            }
        }
        // Then one choice, and again from the start.
        let mut chosen = None;
        open = rest;
        for Open { clause, view } in &open {
            if clause
                .when
                .as_ref()
                .is_some_and(|when| !holds(catalog, when, view, &kept))
            {
                continue;
            }
            let by = satisfiers(catalog, clause, view, &all);
            let is_kept =
                |(_, id): &(usize, PackageId)| kept.get(&catalog.record(*id).name) == Some(id);
            if by.iter().any(is_kept) {
                continue;
            }
            chosen = by.first().map(|(_, id)| *id);
            if chosen.is_some() {
                break;
            }
        }
        let Some(id) = chosen else { return Ok(kept) };
        kept.insert(catalog.record(id).name.clone(), id);
        add_requirements(catalog, id, &mut open)?;
    }
}

fn add_requirements(
    catalog: &Catalog<'_>,
    id: PackageId,
    open: &mut VecDeque<Open>,
) -> Result<(), SolveError> {
    let record = catalog.record(id);
    let view = catalog.view(&record);
    let place = || SolveError::place(record.name.as_str(), &record.version);
    for requirement in record.requirements() {
        for clause in parts(catalog, requirement, &place)? {
            open.push_back(Open {
                clause,
                view: view.clone(),
            });
        }
    }
    Ok(())
}

/// The package of a set that a relation of the package `own` forbids.
pub(crate) fn forbidden_in(
    catalog: &Catalog<'_>,
    kept: &Kept,
    own: &PackageName,
    relation: &Relation,
) -> Option<PackageId> {
    let groups = catalog.forbidden(relation);
    let present = |name: &PackageName, ids: &[PackageId]| {
        kept.get(name)
            .copied()
            .filter(|id| name != own && ids.contains(id))
    };
    groups
        .iter()
        .find_map(|group| present(&group.name, &group.ids))
}

/// One requirement with whom it belongs to.
struct Asked<'r> {
    by: Option<PackageId>,
    label: &'r str,
    kind: RelationKind,
    requirement: &'r Requirement,
    view: View,
}

impl Asked<'_> {
    fn reason(&self, alternative: usize) -> Reason {
        let requirement = self.requirement.clone();
        match self.by {
            None => Reason::Root {
                label: self.label.to_owned(),
                requirement,
                alternative,
            },
            Some(by) => Reason::Requires {
                by,
                kind: self.kind,
                requirement,
                alternative,
            },
        }
    }
}

/// The solution that a set of needed packages makes, with all reasons.
pub(crate) fn solution(
    catalog: &Catalog<'_>,
    roots: &[&Root],
    kept: &Kept,
) -> Result<Solution, SolveError> {
    let records: Vec<_> = kept.values().map(|&id| (id, catalog.record(id))).collect();
    let mut asked = Vec::new();
    let mut by_label = roots.to_vec();
    by_label.sort_by(|a, b| a.label.cmp(&b.label));
    for root in &by_label {
        let view = view_of(root);
        let kind = RelationKind::Depends;
        asked.push(Asked {
            by: None,
            label: &root.label,
            kind,
            requirement: &root.requirement,
            view,
        });
    }
    for (id, record) in &records {
        let fields = [
            (RelationKind::PreDepends, &record.pre_depends),
            (RelationKind::Depends, &record.depends),
        ];
        for (kind, requirements) in fields {
            for requirement in requirements {
                let view = catalog.view(record);
                asked.push(Asked {
                    by: Some(*id),
                    label: "",
                    kind,
                    requirement,
                    view,
                });
            }
        }
    }

    let mut reasons: BTreeMap<PackageId, Vec<Reason>> = BTreeMap::new();
    let mut skipped = Vec::new();
    for asked in &asked {
        let place = || asked.label.to_owned();
        for clause in parts(catalog, asked.requirement, &place)? {
            if clause
                .when
                .as_ref()
                .is_some_and(|when| !holds(catalog, when, &asked.view, kept))
            {
                continue;
            }
            let Some(&(alternative, id)) = satisfiers(catalog, &clause, &asked.view, kept).first()
            else {
                continue;
            };
            let own = reasons.entry(id).or_default();
            let reason = asked.reason(alternative);
            if !own.contains(&reason) {
                own.push(reason);
            }
            if let Requirement::Any(_) = asked.requirement {
                skip(
                    catalog,
                    kept,
                    asked,
                    &clause,
                    (alternative, id),
                    &mut skipped,
                );
            }
        }
    }

    let via = shortest(&reasons);
    let solve = |(id, record): (PackageId, std::rc::Rc<PackageRecord>)| {
        let reasons = reasons.get(&id)?.clone();
        let via = via.get(&id).unwrap_or(reasons.first()?).clone();
        let (name, version) = (record.name.clone(), record.version.clone());
        Some(Solved {
            id,
            name,
            version,
            reasons,
            via,
        })
    };
    let packages = records.into_iter().filter_map(solve).collect();
    Ok(Solution { packages, skipped })
}

/// The reason on the shortest chain to each package. Of equally short ones the first in the order of names.
fn shortest(reasons: &BTreeMap<PackageId, Vec<Reason>>) -> BTreeMap<PackageId, Reason> {
    let mut via: BTreeMap<PackageId, Reason> = BTreeMap::new();
    let mut required: BTreeMap<PackageId, Vec<(PackageId, &Reason)>> = BTreeMap::new();
    let mut front = BTreeSet::new();
    for (&id, own) in reasons {
        for reason in own {
            match reason {
                Reason::Root { .. } => {
                    via.entry(id).or_insert_with(|| reason.clone());
                    front.insert(id);
                }
                Reason::Requires { by, .. } => required.entry(*by).or_default().push((id, reason)),
            }
        }
    }
    while !front.is_empty() {
        let mut next: BTreeMap<PackageId, &Reason> = BTreeMap::new();
        for by in front {
            for &(id, reason) in required.get(&by).into_iter().flatten() {
                if via.contains_key(&id) {
                    continue;
                }
                // The reasons of a package stand in the order of the requiring packages' names.
                let place = |r: &Reason| reasons[&id].iter().position(|known| known == r);
                let best = next.entry(id).or_insert(reason);
                if place(reason) < place(best) {
                    *best = reason;
                }
            }
        }
        front = next.keys().copied().collect();
        via.extend(next.into_iter().map(|(id, reason)| (id, reason.clone())));
    }
    via
}

/// The most alternatives of one requirement that are noted as not taken.
const SKIPPED: usize = 100;

/// Notes the alternatives of a clause that were not taken.
fn skip(
    catalog: &Catalog<'_>,
    kept: &Kept,
    asked: &Asked<'_>,
    clause: &Clause,
    (taken, chosen): (usize, PackageId),
    skipped: &mut Vec<Skipped>,
) {
    let mut noted = BTreeSet::new();
    let mut otherwise = None;
    for term in clause.terms.iter().take(SKIPPED) {
        if term.alternative == taken || !noted.insert(term.alternative) {
            continue;
        }
        let why = if term.alternative > taken {
            SkipReason::NotNeeded
        } else if let Some(why) = obstacle(catalog, kept, &term.matcher, &asked.view) {
            why
        } else if *otherwise
            .get_or_insert_with(|| is_wanted_elsewhere(catalog, kept, asked, chosen))
        {
            SkipReason::AlreadySatisfied
        } else {
            SkipReason::Unsatisfiable
        };
        let (requirement, alternative) = (asked.requirement.clone(), term.alternative);
        skipped.push(Skipped {
            by: asked.by,
            requirement,
            alternative,
            chosen,
            why,
        });
    }
}

/// What stands against an alternative.
fn obstacle(
    catalog: &Catalog<'_>,
    kept: &Kept,
    matcher: &Matcher,
    view: &View,
) -> Option<SkipReason> {
    let groups = catalog.matching(matcher, view);
    let Some(&best) = groups.first().and_then(|group| group.ids.first()) else {
        return Some(SkipReason::Missing);
    };
    let record = catalog.record(best);
    for relation in record.conflicts.iter().chain(&record.breaks) {
        if let Some(with) = forbidden_in(catalog, kept, &record.name, relation) {
            return Some(SkipReason::Clashes {
                with,
                relation: relation.clone(),
            });
        }
    }
    kept.values().find_map(|&with| {
        let other = catalog.record(with);
        let forbids = |relation: &&Relation| {
            other.name != record.name && catalog.is_forbidden(relation, &record)
        };
        let relation = other
            .conflicts
            .iter()
            .chain(&other.breaks)
            .find(forbids)?
            .clone();
        Some(SkipReason::Clashes { with, relation })
    })
}

/// Whether the package that was taken would be there without this requirement.
fn is_wanted_elsewhere(
    catalog: &Catalog<'_>,
    kept: &Kept,
    asked: &Asked<'_>,
    chosen: PackageId,
) -> bool {
    let wants = |requirement: &Requirement, view: &View| {
        let clauses = parts(catalog, requirement, &String::new).unwrap_or_default();
        let best = |clause| {
            satisfiers(catalog, clause, view, kept)
                .first()
                .map(|(_, id)| *id)
        };
        requirement != asked.requirement
            && clauses.iter().any(|clause| best(clause) == Some(chosen))
    };
    kept.values().any(|&id| {
        let record = catalog.record(id);
        let view = catalog.view(&record);
        record
            .requirements()
            .any(|requirement| wants(requirement, &view))
    }) || catalog
        .request
        .roots
        .iter()
        .any(|root| wants(&root.requirement, &view_of(root)))
}
