//! Which packages are in every solution and which in none, as far as that is seen without choosing.
//!
//! A package that cannot be there takes no part in the comparison of those that can: it obsoletes none of them, and what it
//! provides at a later version is of no use. libsolv propagates what the request forces before it makes its first choice,
//! and fills pools with what is left. The same is done here once, over all that requirements can lead to.

use std::collections::{BTreeSet, HashMap};

use mikron_package::PackageId;

use crate::catalog::Catalog;
use crate::ground::{of_package, of_root};
use crate::terms::{Ground, Settled};
use crate::{Root, SolveError};

/// What a request settles; nothing where it contradicts itself, which is for the solver to explain.
pub(crate) fn settled(catalog: &Catalog<'_>, roots: &[&Root]) -> Result<Settled, SolveError> {
    let mut forced = Forced::default();
    let mut open: Vec<PackageId> = Vec::new();
    for root in roots {
        for ground in &*of_root(catalog, root)? {
            forced.demand(None, ground, &mut open);
        }
    }
    let mut seen: BTreeSet<PackageId> = BTreeSet::new();
    while let Some(id) = open.pop() {
        if !seen.insert(id) {
            continue;
        }
        let record = catalog.record(id);
        for grounds in of_package(catalog, id)? {
            for ground in grounds.iter().filter(|ground| !ground.is_idle(Some(id))) {
                forced.demand(Some(id), ground, &mut open);
            }
        }
        let others = catalog.versions(&record.name);
        for other in others.iter().copied().filter(|other| *other != id) {
            forced.clause(vec![(id, false), (other, false)]);
        }
        for ban in catalog.rules.bans(&record) {
            for other in catalog.banned(&ban, &record.name) {
                forced.clause(vec![(id, false), (other, false)]);
            }
        }
    }
    Ok(forced.settle())
}

/// A package that is there, or is not.
type Literal = (PackageId, bool);

/// Clauses, and what follows from those of which one literal only can hold.
#[derive(Default)]
struct Forced {
    clauses: Vec<Vec<Literal>>,
    /// The clauses that a package stands in.
    places: HashMap<PackageId, Vec<usize>>,
}

impl Forced {
    /// Adds what a package or the spec demands, and notes the packages that it leads to.
    fn demand(&mut self, own: Option<PackageId>, ground: &Ground, open: &mut Vec<PackageId>) {
        let absent = own.into_iter().chain(ground.others(own));
        let there = ground.any.iter().map(|choice| choice.id);
        open.extend(there.clone());
        let literals = absent
            .map(|id| (id, false))
            .chain(there.map(|id| (id, true)));
        self.clause(literals.collect());
    }

    fn clause(&mut self, literals: Vec<Literal>) {
        let place = self.clauses.len();
        for (id, _) in &literals {
            self.places.entry(*id).or_default().push(place);
        }
        self.clauses.push(literals);
    }

    /// Follows what is forced to its end.
    fn settle(&self) -> Settled {
        let mut known: HashMap<PackageId, bool> = HashMap::new();
        let mut open: Vec<usize> = (0..self.clauses.len()).collect();
        while let Some(place) = open.pop() {
            let clause = &self.clauses[place];
            let holds = |(id, there): &Literal| known.get(id) == Some(there);
            if clause.iter().any(holds) {
                continue;
            }
            let mut left = clause.iter().filter(|(id, _)| !known.contains_key(id));
            let Some(&(id, there)) = left.next() else {
                return Settled::default();
            };
            // Of a package that stands in a clause twice in the same way one counts.
            if left.all(|other| *other == (id, there)) {
                known.insert(id, there);
                open.extend(self.places.get(&id).into_iter().flatten());
            }
        }
        let mut settled = Settled::default();
        for (id, there) in known {
            if there {
                settled.there.insert(id);
            } else {
                settled.absent.insert(id);
            }
        }
        settled
    }
}
