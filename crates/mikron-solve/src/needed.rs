//! Which of the packages that a solver found are needed: those that requirements lead to.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::rc::Rc;

use mikron_package::PackageId;

use crate::catalog::Catalog;
use crate::ground::{of_package, of_root};
use crate::terms::{Choice, Ground, Kept};
use crate::{Root, SolveError};

/// The clauses with a condition that a set of packages offends against, each with the package that demands it.
pub(crate) fn offences(
    catalog: &Catalog<'_>,
    roots: &[&Root],
    kept: &Kept,
) -> Result<Vec<(Option<PackageId>, Ground)>, SolveError> {
    let mut found = Vec::new();
    let mut check = |own: Option<PackageId>, grounds: &[Ground]| {
        let offends = |ground: &&Ground| {
            ground.others(own).next().is_some()
                && !ground.is_idle(own)
                && kept.contains_all(&ground.when)
                && kept.satisfying(ground).is_none()
        };
        let offended = grounds.iter().filter(offends);
        found.extend(offended.map(|ground| (own, ground.clone())));
    };
    for root in roots {
        check(None, &of_root(catalog, root)?);
    }
    for &id in kept.values() {
        for grounds in of_package(catalog, id)? {
            check(Some(id), &grounds);
        }
    }
    Ok(found)
}

/// A set without the choices that are superfluous: of which each clause that they satisfy is satisfied by another package of
/// the set too, which stands without them.
pub(crate) fn minimal(
    catalog: &Catalog<'_>,
    roots: &[&Root],
    extras: &BTreeSet<PackageId>,
    mut kept: Kept,
) -> Result<Kept, SolveError> {
    let mut left: Vec<PackageId> = superfluous(catalog, roots, &kept)?;
    while let Some(id) = left.pop() {
        if !kept.contains(id) {
            continue;
        }
        let fewer: HashSet<PackageId> = kept.values().copied().filter(|i| *i != id).collect();
        let needed = walk(catalog, roots, extras, &fewer, false)?;
        if needed.is_whole {
            kept = needed.kept;
        }
    }
    Ok(kept)
}

/// The packages that no clause of a set depends on alone.
fn superfluous(
    catalog: &Catalog<'_>,
    roots: &[&Root],
    kept: &Kept,
) -> Result<Vec<PackageId>, SolveError> {
    let mut alone: HashSet<PackageId> = HashSet::new();
    let mut among: BTreeSet<PackageId> = BTreeSet::new();
    let mut note = |own: Option<PackageId>, grounds: &[Ground]| {
        for ground in grounds.iter().filter(|g| kept.contains_all(&g.when)) {
            let ids = ground.any.iter().map(|choice| choice.id);
            let ids: BTreeSet<PackageId> = ids.filter(|id| kept.contains(*id)).collect();
            match ids.len() {
                0 => {}
                // What a package satisfies itself does not keep it.
                1 if ids.first().copied() == own => {}
                1 => alone.extend(ids),
                _ => among.extend(ids),
            }
        }
    };
    for root in roots {
        note(None, &of_root(catalog, root)?);
    }
    for &id in kept.values() {
        for grounds in of_package(catalog, id)? {
            note(Some(id), &grounds);
        }
    }
    // One that another clause depends on may still fall with the package that it stands in: only those are left out that the
    // spec itself depends on.
    among.retain(|id| !alone.contains(id) || !is_root(catalog, roots, *id).unwrap_or(true));
    Ok(among.into_iter().collect())
}

/// Whether the spec asks for a package and nothing else would do.
fn is_root(catalog: &Catalog<'_>, roots: &[&Root], id: PackageId) -> Result<bool, SolveError> {
    for root in roots {
        let grounds = of_root(catalog, root)?;
        let only = |g: &Ground| matches!(&*g.any, [only] if only.id == id);
        if grounds.iter().any(only) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What is needed of a set of packages.
pub(crate) struct Needed {
    pub(crate) kept: Kept,
    /// Packages that would satisfy something and may not come in for that alone.
    pub(crate) unsupported: BTreeSet<PackageId>,
    /// Whether all that is demanded is satisfied.
    is_whole: bool,
}

/// A clause of a root or of a package that is kept.
struct Open {
    grounds: Rc<[Ground]>,
    place: usize,
}

impl Open {
    fn ground(&self) -> &Ground {
        &self.grounds[self.place]
    }
}

struct Walk<'w, 'a> {
    catalog: &'w Catalog<'a>,
    all: &'w HashSet<PackageId>,
    kept: Kept,
    open: VecDeque<Open>,
}

impl Walk<'_, '_> {
    fn open(&mut self, grounds: &Rc<[Ground]>) {
        let open = |place| Open {
            grounds: Rc::clone(grounds),
            place,
        };
        self.open.extend((0..grounds.len()).map(open));
    }

    fn keep(&mut self, id: PackageId) -> Result<(), SolveError> {
        let catalog = self.catalog;
        self.kept.insert(id, &catalog.record(id));
        for grounds in of_package(catalog, id)? {
            self.open(&grounds);
        }
        Ok(())
    }

    /// The packages of the set that satisfy a clause which is not satisfied yet; `None` where nothing is to do.
    fn wanting(&self, ground: &Ground) -> Option<Vec<Choice>> {
        if !self.kept.contains_all(&ground.when) || self.kept.satisfying(ground).is_some() {
            return None;
        }
        let mut found: Vec<Choice> = Vec::new();
        for choice in ground.any.iter().filter(|c| self.all.contains(&c.id)) {
            if !found.iter().any(|known| known.id == choice.id) {
                found.push(*choice);
            }
        }
        Some(found)
    }

    /// Keeps what must be there: what clauses call for that one package only satisfies.
    fn units(&mut self) -> Result<(), SolveError> {
        let mut rest = VecDeque::with_capacity(self.open.len());
        while let Some(open) = self.open.pop_front() {
            if self.kept.satisfying(open.ground()).is_some() {
                continue;
            }
            match self.wanting(open.ground()).as_deref() {
                Some([only]) if only.alone => {
                    let id = only.id;
                    self.keep(id)?;
                }
                _ => rest.push_back(open),
            }
        }
        self.open = rest;
        Ok(())
    }

    /// A package that a clause may bring in, whether or not it is satisfied already.
    fn founded(&self) -> Option<PackageId> {
        let bringing = |open: &&Open| self.kept.contains_all(&open.ground().when);
        let mut choices = self
            .open
            .iter()
            .filter(bringing)
            .flat_map(|open| open.ground().any.iter());
        let founded =
            choices.find(|c| c.alone && self.all.contains(&c.id) && !self.kept.contains(c.id));
        founded.map(|choice| choice.id)
    }

    /// The first choice that is left.
    fn choice(&self) -> Option<PackageId> {
        self.open.iter().find_map(|open| {
            let found = self.wanting(open.ground())?;
            found.iter().find(|c| c.alone).map(|c| c.id)
        })
    }
}

/// The packages that requirements lead to, and those of the `extras` that they bring in. A solver that walks alternatives
/// in order can leave one behind that a later choice made superfluous; it does not get into an image, unless something that
/// may not come in by itself leans on it.
pub(crate) fn needed(
    catalog: &Catalog<'_>,
    roots: &[&Root],
    extras: &BTreeSet<PackageId>,
    found: &HashSet<PackageId>,
) -> Result<Needed, SolveError> {
    let needed = walk(catalog, roots, extras, found, false)?;
    if needed.unsupported.is_empty() {
        return Ok(needed);
    }
    walk(catalog, roots, extras, found, true)
}

/// Walks the requirements from the roots. With `everything` it keeps all that they could have brought in.
fn walk(
    catalog: &Catalog<'_>,
    roots: &[&Root],
    extras: &BTreeSet<PackageId>,
    found: &HashSet<PackageId>,
    everything: bool,
) -> Result<Needed, SolveError> {
    let mut walk = Walk {
        catalog,
        all: found,
        kept: Kept::default(),
        open: VecDeque::new(),
    };
    for root in roots {
        walk.open(&of_root(catalog, root)?);
    }
    loop {
        let next = if everything {
            walk.founded()
        } else {
            walk.units()?;
            // Then one choice, and again from the start.
            walk.choice()
        };
        // Last what comes in unasked.
        let next = next.or_else(|| {
            let comes = |id: &&PackageId| {
                let record = catalog.record(**id);
                found.contains(*id)
                    && !walk.kept.contains(**id)
                    && catalog.brings(&walk.kept, &record)
            };
            extras.iter().find(comes).copied()
        });
        match next {
            Some(id) => walk.keep(id)?,
            None => break,
        }
    }
    // A ban on a package itself binds nobody, and what a ban calls for is wanting where nothing lifts it.
    let wanting: Vec<Vec<Choice>> = walk
        .open
        .iter()
        .filter(|open| !open.ground().forbids || !open.ground().any.is_empty())
        .filter_map(|open| walk.wanting(open.ground()))
        .collect();
    let is_whole = wanting.is_empty();
    let unsupported = wanting.into_iter().flatten().map(|c| c.id).collect();
    Ok(Needed {
        kept: walk.kept,
        unsupported,
        is_whole,
    })
}
