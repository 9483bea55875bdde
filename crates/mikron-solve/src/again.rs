//! Choices that are made again.
//!
//! What a choice leads to may bring in another package that would have done in its place. libsolv then goes back to the first
//! such choice, takes the other package, and makes all later choices anew, which often comes to fewer packages. To take
//! superfluous packages out of a finished set, as [`minimal`](crate::needed::minimal) does, is not enough: the first choice
//! may be needed by what came of it.

use std::collections::{BTreeSet, HashMap, VecDeque};

use mikron_package::PackageId;

use crate::catalog::Catalog;
use crate::ground::{of_package, of_root};
use crate::terms::{Ground, Kept, Settled};
use crate::{Root, SolveError};

/// Clauses with the package that is tried first, whatever the order of preference.
pub(crate) type Turned = HashMap<Ground, PackageId>;

/// The first clause of which the preferred package is there by choice and another, that would have done, for something else;
/// with that other one. None of those that were found before.
pub(crate) fn again(
    catalog: &Catalog<'_>,
    roots: &[&Root],
    kept: &Kept,
    turned: &Turned,
) -> Result<Option<(Ground, PackageId)>, SolveError> {
    let Some(settled) = catalog.settled() else {
        return Ok(None);
    };
    let early = early(catalog, roots, kept, &settled)?;
    let mut open: VecDeque<Option<PackageId>> = VecDeque::from([None]);
    let mut seen: BTreeSet<PackageId> = BTreeSet::new();
    while let Some(own) = open.pop_front() {
        for ground in grounds(catalog, roots, own)? {
            if !kept.contains_all(&ground.when) {
                continue;
            }
            let ids = ground.any.iter().map(|choice| choice.id);
            let there: Vec<PackageId> = ids.filter(|id| kept.contains(*id)).collect();
            for &id in &there {
                if seen.insert(id) {
                    open.push_back(Some(id));
                }
            }
            let [chosen, others @ ..] = there.as_slice() else {
                continue;
            };
            // What is there without a choice between names was there before this one.
            let was_there = there.iter().any(|id| early.contains(id));
            if others.is_empty() || was_there || turned.contains_key(&ground) {
                continue;
            }
            let implied = implied(catalog, &settled, *chosen)?;
            if let Some(other) = others.iter().find(|other| !implied.contains(other)) {
                return Ok(Some((ground, *other)));
            }
        }
    }
    Ok(None)
}

/// What a package, or the spec, demands.
fn grounds(
    catalog: &Catalog<'_>,
    roots: &[&Root],
    own: Option<PackageId>,
) -> Result<Vec<Ground>, SolveError> {
    let mut all = Vec::new();
    let Some(id) = own else {
        for root in roots {
            all.extend(of_root(catalog, root)?.iter().cloned());
        }
        return Ok(all);
    };
    for found in of_package(catalog, id)? {
        all.extend(found.iter().filter(|g| !g.is_idle(own)).cloned());
    }
    Ok(all)
}

/// The packages of a set that are there without a choice between names. libsolv takes the best version of the only name that
/// is left before it chooses between names, and does not go back on that.
fn early(
    catalog: &Catalog<'_>,
    roots: &[&Root],
    kept: &Kept,
    settled: &Settled,
) -> Result<BTreeSet<PackageId>, SolveError> {
    let mut early = BTreeSet::new();
    let mut open = vec![None];
    open.extend(settled.there.iter().copied().map(Some));
    while let Some(own) = open.pop() {
        for ground in grounds(catalog, roots, own)? {
            let others: Vec<PackageId> = ground.others(own).collect();
            let possible = ground
                .any
                .iter()
                .map(|choice| choice.id)
                .filter(|id| !settled.absent.contains(id));
            let names: BTreeSet<_> = possible
                .clone()
                .map(|id| catalog.record(id).name.clone())
                .collect();
            let taken = possible.clone().find(|id| kept.contains(*id));
            if let (true, 1, Some(taken)) = (others.is_empty(), names.len(), taken)
                && early.insert(taken)
            {
                open.push(Some(taken));
            }
        }
    }
    early.extend(&settled.there);
    Ok(early)
}

/// A package with what it brings in without a choice.
fn implied(
    catalog: &Catalog<'_>,
    settled: &Settled,
    id: PackageId,
) -> Result<BTreeSet<PackageId>, SolveError> {
    let mut implied = BTreeSet::from([id]);
    let mut open = vec![id];
    while let Some(own) = open.pop() {
        for ground in grounds(catalog, &[], Some(own))? {
            let is_there = |id: &PackageId| implied.contains(id) || settled.there.contains(id);
            let ids = ground.any.iter().map(|choice| choice.id);
            let possible: BTreeSet<PackageId> =
                ids.filter(|id| !settled.absent.contains(id)).collect();
            let binds = ground.others(Some(own)).all(|id| is_there(&id));
            if let (true, 1, Some(&only)) = (binds, possible.len(), possible.first())
                && implied.insert(only)
            {
                open.push(only);
            }
        }
    }
    Ok(implied)
}
