//! From the packages that are needed to a solution: why each of them is there, and what was not taken.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use mikron_package::{PackageId, Relation, Requirement};

use crate::catalog::Catalog;
use crate::ground::{demands, ground, of_root};
use crate::terms::{Choice, Ground, Kept, View};
use crate::{
    Asker, Place, Reason, RelationKind, Root, SkipReason, Skipped, Solution, SolveError, Solved,
};

/// One requirement with whom it belongs to.
struct Asked<'r> {
    by: By<'r>,
    requirement: &'r Requirement,
    grounds: Rc<[Ground]>,
}

/// Whom a requirement belongs to.
enum By<'r> {
    /// One who asks for a root.
    Asker(&'r Asker),
    /// A package, and the field that it stands in.
    Package(PackageId, RelationKind),
}

impl Asked<'_> {
    fn reason(&self, alternative: usize) -> Reason {
        let requirement = self.requirement.clone();
        match self.by {
            By::Asker(asker) => Reason::Root {
                asker: asker.clone(),
                requirement,
                alternative,
            },
            By::Package(by, kind) => Reason::Requires {
                by,
                kind,
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
    let mut in_order = roots.to_vec();
    in_order.sort_by_cached_key(|root| root.asker.to_string());
    for root in in_order {
        asked.push(Asked {
            by: By::Asker(&root.asker),
            requirement: &root.requirement,
            grounds: of_root(catalog, root)?,
        });
    }
    for (id, record) in &records {
        let view: View = catalog.view(*id);
        for demand in demands(record) {
            asked.push(Asked {
                by: By::Package(*id, demand.kind),
                requirement: demand.requirement,
                grounds: ground(catalog, demand.requirement, demand.holds, &view, &|| {
                    Place::Request
                })?,
            });
        }
    }

    let mut reasons: BTreeMap<PackageId, Vec<Reason>> = BTreeMap::new();
    let mut skipped = Vec::new();
    for own in &asked {
        for ground in &*own.grounds {
            if !kept.contains_all(&ground.when) {
                continue;
            }
            let Some(choice) = kept.satisfying(ground) else {
                continue;
            };
            let known = reasons.entry(choice.id).or_default();
            let reason = own.reason(choice.alternative);
            if !known.contains(&reason) {
                known.push(reason);
            }
            if let Requirement::Any(items) = own.requirement {
                let skip = Skip {
                    catalog,
                    kept,
                    all: &asked,
                    own,
                    ground,
                    choice,
                };
                skip.note(items.len(), &mut skipped);
            }
        }
    }
    for (id, record) in &records {
        let satisfier = |relation: &Relation| catalog.satisfier(kept, relation);
        let by: Option<Vec<PackageId>> = record.install_if.iter().map(satisfier).collect();
        if let Some(by) = by.filter(|by| !by.is_empty()) {
            let relations = record.install_if.clone();
            let own = reasons.entry(*id).or_default();
            own.push(Reason::InstallIf { by, relations });
        }
    }

    let via = shortest(&reasons);
    let solve = |(id, record): (PackageId, Rc<mikron_package::PackageRecord>)| {
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
                // All of it has to be there; its chain goes over the first.
                Reason::InstallIf { by, .. } => {
                    if let Some(by) = by.first() {
                        required.entry(*by).or_default().push((id, reason));
                    }
                }
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

/// One clause of which something was taken.
struct Skip<'s, 'a> {
    catalog: &'s Catalog<'a>,
    kept: &'s Kept,
    all: &'s [Asked<'s>],
    own: &'s Asked<'s>,
    ground: &'s Ground,
    choice: Choice,
}

impl Skip<'_, '_> {
    /// Notes the alternatives that were not taken.
    fn note(&self, alternatives: usize, skipped: &mut Vec<Skipped>) {
        let taken = self.ground.any.iter().position(|c| *c == self.choice);
        let mut otherwise = None;
        for alternative in 0..alternatives.min(SKIPPED) {
            if alternative == self.choice.alternative {
                continue;
            }
            let mut choices = self.ground.any.iter().enumerate();
            let best = choices.find(|(_, choice)| choice.alternative == alternative);
            let why = match best {
                Some((place, _)) if Some(place) > taken => SkipReason::NotNeeded,
                None if alternative > self.choice.alternative => SkipReason::NotNeeded,
                None => SkipReason::Missing,
                Some((_, best)) => match self.obstacle(best.id) {
                    Some(why) => why,
                    None if *otherwise.get_or_insert_with(|| self.is_wanted_elsewhere()) => {
                        SkipReason::AlreadySatisfied
                    }
                    None => SkipReason::Unsatisfiable,
                },
            };
            let note = Skipped {
                by: match self.own.by {
                    By::Asker(_) => None,
                    By::Package(id, _) => Some(id),
                },
                requirement: self.own.requirement.clone(),
                alternative,
                chosen: self.choice.id,
                why,
            };
            if skipped.last() != Some(&note) {
                skipped.push(note);
            }
        }
    }

    /// What stands against a package.
    fn obstacle(&self, id: PackageId) -> Option<SkipReason> {
        let (catalog, record) = (self.catalog, self.catalog.record(id));
        for ban in catalog.rules.bans(&record) {
            if let Some(with) = catalog.banned_in(self.kept, &record.name, &ban) {
                let relation = ban.relation;
                return Some(SkipReason::Clashes { with, relation });
            }
        }
        self.kept.values().find_map(|&with| {
            let other = catalog.record(with);
            let mut bans = catalog.rules.bans(&other).into_iter();
            let ban = bans.find(|ban| ban.hits(catalog, &other.name, &record))?;
            let relation = ban.relation;
            Some(SkipReason::Clashes { with, relation })
        })
    }

    /// Whether the package that was taken would be there without this requirement.
    fn is_wanted_elsewhere(&self) -> bool {
        let chosen = Some(self.choice.id);
        let wants = |asked: &&Asked<'_>| {
            asked.requirement != self.own.requirement
                && asked
                    .grounds
                    .iter()
                    .any(|g| self.kept.satisfying(g).map(|c| c.id) == chosen)
        };
        self.all.iter().any(|asked| wants(&asked))
    }
}
