//! The solver that stands on resolvo.
//!
//! Few packages clash, and few conditions hold, so bans (`Conflicts` and the like) and clauses with a condition take part only
//! where they matter: a first run leaves them out, its solution is checked against all of them, and as long as the check
//! finds an offence, what was offended against is added and the solver runs again. This keeps the records of packages that nobody asked for closed, and explanations short. In the
//! same way it is found out afterwards that a package came in for something that it may not come in for, and what comes in
//! unasked.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use mikron_package::{Family, PackageId, PackageName, Universe};
use resolvo::conflict::Conflict as Contradiction;
use resolvo::{
    ConditionalRequirement, KnownDependencies, Problem, Solver as Resolvo, UnsolvableOrCancelled,
};

use crate::again::again;
use crate::catalog::Catalog;
use crate::choose;
use crate::explain;
use crate::ground::{of_package, of_root};
use crate::near;
use crate::needed::{Needed, minimal, needed, offences};
use crate::possible::settled;
use crate::provider::{Item, Provider, Watched};
use crate::rules::{self, Rules};
use crate::terms::{Kept, View};
use crate::{
    Budget, MissingRoot, Place, RelationKind, Request, RequestNode, Root, Solution, SolveError,
    Solver,
};

/// Runs with a growing set of watched names before all are watched.
const ROUNDS: usize = 8;

/// At most so many choices are made again.
const AGAIN: usize = 64;

/// At most so many requests are taken away one by one to find those that clash.
const MINIMISED: usize = 32;

/// A [`Solver`] over the resolvo crate, a SAT solver with clause learning.
///
/// The order in which packages are tried is that of the family's own tool. Other than apt and apk it goes on to earlier
/// versions and later alternatives before it gives up.
#[derive(Clone)]
pub struct ResolvoSolver {
    budget: Budget,
    rules: BTreeMap<Family, &'static dyn Rules>,
}

/// A solver that knows the rules of dpkg, rpm and apk.
impl Default for ResolvoSolver {
    fn default() -> Self {
        let solver = Self {
            budget: Budget::default(),
            rules: BTreeMap::new(),
        };
        solver
            .with_rules(Family::DEB, &rules::Deb)
            .with_rules(Family::RPM, &rules::Rpm)
            .with_rules(Family::APK, &rules::Apk)
    }
}

impl ResolvoSolver {
    /// A solver with a budget of its own.
    pub fn with_budget(budget: Budget) -> Self {
        Self {
            budget,
            ..Self::default()
        }
    }

    /// Solves for the packages of a family by these rules; the last word holds. Without, they are [`rules::Plain`].
    #[must_use]
    pub fn with_rules(mut self, family: Family, rules: &'static dyn Rules) -> Self {
        self.rules.insert(family, rules);
        self
    }
}

impl std::fmt::Debug for ResolvoSolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResolvoSolver")
            .field("budget", &self.budget)
            .field("rules", &self.rules.keys())
            .finish()
    }
}

impl Solver for ResolvoSolver {
    fn identity(&self) -> Option<String> {
        let families: Vec<&str> = self.rules.keys().map(|family| family.name()).collect();
        Some(format!("resolvo {:?} {}", self.budget, families.join(" ")))
    }

    fn solve(&self, universe: &dyn Universe, request: &Request) -> Result<Solution, SolveError> {
        let own = self.rules.get(&universe.family()).copied();
        let rules = own.unwrap_or(&rules::Plain);
        let catalog = Catalog::new(universe, rules, request, &self.budget);
        let mut roots: Vec<&Root> = request.roots.iter().collect();
        roots.sort_by_cached_key(|r| {
            (
                r.requirement.to_string(),
                r.source.clone(),
                r.asker.to_string(),
            )
        });
        find_missing(&catalog, &roots)?;
        if catalog.rules.compares_possible() {
            catalog.settle(settled(&catalog, &roots)?);
        }
        let mut search = Search {
            catalog: &catalog,
            roots: &roots,
            watched: Watched::nothing(),
        };
        let Some(kept) = search.run(&BTreeSet::new())? else {
            return Err(search.explain());
        };
        let kept = search.complete(kept)?;
        choose::solution(&catalog, &roots, &kept)
    }
}

/// What a run of resolvo came to.
enum Run<'a> {
    Found(HashSet<PackageId>),
    Contradiction(Box<Resolvo<Provider<'a>>>, Contradiction),
}

fn request_node(root: &Root) -> RequestNode {
    RequestNode {
        asker: root.asker.clone(),
        requirement: root.requirement.clone(),
        source: root.source.clone(),
    }
}

/// Refuses a request for something that no source offers.
fn find_missing(catalog: &Catalog<'_>, roots: &[&Root]) -> Result<(), SolveError> {
    let mut missing = Vec::new();
    for root in roots {
        let grounds = of_root(catalog, root)?;
        if grounds
            .iter()
            .any(|g| g.when.is_empty() && g.any.is_empty())
        {
            missing.push(MissingRoot {
                request: request_node(root),
                missing: near::missing(catalog, &root.requirement, &View::of(root)),
            });
        }
    }
    if missing.is_empty() {
        Ok(())
    } else {
        Err(SolveError::Missing(missing))
    }
}

/// A request on the way to its solution, with what was learnt on the way.
struct Search<'s, 'a> {
    catalog: &'s Catalog<'a>,
    roots: &'s [&'s Root],
    watched: Watched,
}

impl Search<'_, '_> {
    /// The packages that the roots need, with `extras` besides, of which those are kept that come in unasked; `None` where
    /// there is no such set.
    fn run(&mut self, extras: &BTreeSet<PackageId>) -> Result<Option<Kept>, SolveError> {
        let mut round = 0;
        loop {
            let provider = Provider::new(self.catalog, &self.watched);
            let found = match run(provider, self.roots, extras)? {
                Run::Found(found) => found,
                Run::Contradiction(..) => return Ok(None),
            };
            let Needed {
                kept, unsupported, ..
            } = needed(self.catalog, self.roots, extras, &found)?;
            let clashes = clashes(self.catalog, &kept);
            let offences = offences(self.catalog, self.roots, &kept)?;
            if clashes.is_empty() && unsupported.is_empty() && offences.is_empty() {
                if !self.catalog.rules.minimises() {
                    return Ok(Some(kept));
                }
                if self.watched.turned.len() < AGAIN
                    && let Some((ground, other)) =
                        again(self.catalog, self.roots, &kept, &self.watched.turned)?
                {
                    self.watched.turned.insert(ground, other);
                    // Conditions that held with the old choice may not hold with the new one, and what is watched is taken
                    // to hold.
                    self.watched.clauses.clear();
                    continue;
                }
                return minimal(self.catalog, self.roots, extras, kept).map(Some);
            }
            // What has been watched resolvo does not offend against; should it all the same, there is no solution.
            let mut is_new = false;
            if !unsupported.is_empty() {
                is_new |= self.demand_support(&unsupported, &kept, &found)?;
            }
            for offence in offences {
                is_new |= self.watched.clauses.insert(offence);
            }
            round += 1;
            match &mut self.watched.names {
                Some(_) if !clashes.is_empty() && round >= ROUNDS => {
                    self.watched.names = None;
                    is_new = true;
                }
                Some(names) => {
                    for name in clashes {
                        is_new |= names.insert(name);
                    }
                }
                None => {}
            }
            if !is_new {
                return Ok(None);
            }
        }
    }

    /// Notes that packages which may not come in for what they satisfy alone must be asked for by something else: one of
    /// those that could and are not there for nothing as well. Whether that is something new.
    fn demand_support(
        &mut self,
        unsupported: &BTreeSet<PackageId>,
        kept: &Kept,
        found: &HashSet<PackageId>,
    ) -> Result<bool, SolveError> {
        let loose = |id: PackageId| found.contains(&id) && !kept.contains(id);
        let supporters = self.supporters(&loose)?;
        let apart = |left_out: &dyn Fn(PackageId) -> bool| -> Vec<PackageId> {
            let all = supporters.iter().copied();
            all.filter(|id| !left_out(*id)).collect()
        };
        // One that is there asks for it under a condition only. The first time that is left to the solver.
        let lists = [apart(&loose), apart(&|id| found.contains(&id))];
        let mut is_new = false;
        for id in unsupported {
            let known = self.watched.support.entry(*id).or_default();
            let new = lists.iter().find(|list| !known.contains(list));
            is_new |= new.is_some();
            known.extend(new.cloned());
        }
        Ok(is_new)
    }

    /// The packages within reach of the request that ask for one of some packages so that it may come in for it.
    fn supporters(
        &self,
        wanted: &dyn Fn(PackageId) -> bool,
    ) -> Result<BTreeSet<PackageId>, SolveError> {
        let catalog = self.catalog;
        let mut supporters = BTreeSet::new();
        let mut seen: BTreeSet<PackageId> = BTreeSet::new();
        let mut open: Vec<PackageId> = Vec::new();
        for root in self.roots {
            let grounds = of_root(catalog, root)?;
            open.extend(grounds.iter().flat_map(|g| g.any.iter().map(|c| c.id)));
        }
        while let Some(id) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            let record = catalog.record(id);
            for grounds in of_package(catalog, id)? {
                for choice in grounds.iter().flat_map(|g| g.any.iter()) {
                    if choice.alone && wanted(choice.id) {
                        supporters.insert(id);
                    }
                    open.push(choice.id);
                }
            }
            let provided = record.provides.iter().map(|p| &p.name);
            for name in std::iter::once(&record.name).chain(provided) {
                open.extend(catalog.triggered(name));
            }
        }
        Ok(supporters)
    }

    /// Adds what comes in unasked, as far as it can be had, until nothing more does.
    fn complete(&mut self, mut kept: Kept) -> Result<Kept, SolveError> {
        let mut accepted: BTreeSet<PackageId> = BTreeSet::new();
        let mut refused: BTreeSet<PackageId> = BTreeSet::new();
        loop {
            let mut names = BTreeSet::new();
            let mut next: Vec<PackageId> = self.catalog.rules.unasked(self.catalog, &kept);
            next.retain(|id| {
                !refused.contains(id) && names.insert(self.catalog.record(*id).name.clone())
            });
            if next.is_empty() {
                return Ok(kept);
            }
            let all: BTreeSet<PackageId> = accepted.iter().chain(&next).copied().collect();
            match self.run(&all)? {
                Some(with) if all.iter().all(|id| with.contains(*id)) => {
                    kept = with;
                    accepted = all;
                }
                // One of them cannot be had: one by one.
                _ => {
                    for id in next {
                        let mut with_it = accepted.clone();
                        with_it.insert(id);
                        match self.run(&with_it)? {
                            Some(with) if with_it.iter().all(|id| with.contains(*id)) => {
                                kept = with;
                                accepted = with_it;
                            }
                            _ => drop(refused.insert(id)),
                        }
                    }
                }
            }
        }
    }

    /// Finds the requests that cannot be had together, and explains why.
    fn explain(&self) -> SolveError {
        let catalog = self.catalog;
        let mut roots = self.roots.to_vec();
        let nothing = BTreeSet::new();
        let provider = || Provider::new(catalog, &self.watched);
        if roots.len() <= MINIMISED {
            let mut i = 0;
            while roots.len() > 1 && i < roots.len() {
                let mut fewer = roots.clone();
                fewer.remove(i);
                match run(provider(), &fewer, &nothing) {
                    Ok(Run::Contradiction(..)) => roots = fewer,
                    Ok(Run::Found(_)) => i += 1,
                    Err(error) => return error,
                }
            }
        }
        match run(provider(), &roots, &nothing) {
            Ok(Run::Contradiction(solver, contradiction)) => {
                let requests: Vec<_> = roots.iter().map(|root| request_node(root)).collect();
                let graph = contradiction.graph(&solver);
                SolveError::Conflict(Box::new(explain::conflict(
                    catalog,
                    solver.provider(),
                    &graph,
                    &roots,
                    &requests,
                )))
            }
            Ok(Run::Found(_)) => SolveError::Conflict(Box::default()),
            Err(error) => error,
        }
    }
}

fn run<'a>(
    provider: Provider<'a>,
    roots: &[&Root],
    extras: &BTreeSet<PackageId>,
) -> Result<Run<'a>, SolveError> {
    let mut known = KnownDependencies::default();
    for root in roots {
        let what = (RelationKind::Depends, &root.requirement, true);
        let place = || Place::Asker(root.asker.clone());
        provider.add(None, what, &View::of(root), &place, &mut known)?;
    }
    known
        .requirements
        .extend(extras.iter().map(|id| ConditionalRequirement {
            condition: None,
            requirement: provider.exactly(*id),
        }));
    let mut solver = Resolvo::new(provider);
    let problem = Problem::new()
        .requirements(known.requirements)
        .constraints(known.constrains);
    let outcome = solver.solve(problem);
    if let Some(failure) = solver.provider().failure() {
        return Err(failure);
    }
    match outcome {
        Ok(found) => {
            let items = found.into_iter().map(|s| solver.provider().item(s));
            let there = |item| match item {
                Item::There(id) => Some(id),
                Item::Absent(_) => None,
            };
            Ok(Run::Found(items.filter_map(there).collect()))
        }
        Err(UnsolvableOrCancelled::Unsolvable(contradiction)) => {
            Ok(Run::Contradiction(Box::new(solver), contradiction))
        }
        Err(UnsolvableOrCancelled::Cancelled(_)) => {
            // Cancelled only ever with a failure, which was returned above.
            Err(SolveError::Conflict(Box::default()))
        }
    }
}

/// The names in bans that speak against a set of packages.
fn clashes(catalog: &Catalog<'_>, kept: &Kept) -> BTreeSet<PackageName> {
    let mut names = BTreeSet::new();
    for &id in kept.values() {
        let record = catalog.record(id);
        for ban in catalog.rules.bans(&record) {
            if catalog.banned_in(kept, &record.name, &ban).is_some() {
                names.insert(ban.relation.name);
            }
        }
    }
    names
}
