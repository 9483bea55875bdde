//! The solver that stands on resolvo.
//!
//! Few packages clash, so `Conflicts` and `Breaks` take part only where they matter: a first run leaves them out, its
//! solution is checked against all of them, and as long as the check finds a clash, the names in question are added and
//! the solver runs again. This keeps the records of packages that nobody asked for closed, and explanations short.

use std::collections::BTreeSet;
use std::rc::Rc;

use mikron_package::{PackageId, PackageName, Universe};
use resolvo::conflict::Conflict as Contradiction;
use resolvo::{Problem, Solver as Resolvo, UnsolvableOrCancelled};

use crate::catalog::{Catalog, View};
use crate::choose;
use crate::explain;
use crate::provider::{Provider, Watched, parts, terms};
use crate::{Budget, MissingRoot, Request, RequestNode, Root, Solution, SolveError, Solver};

/// Runs with a growing set of watched names before all are watched.
const ROUNDS: usize = 8;

/// At most so many requests are taken away one by one to find those that clash.
const MINIMISED: usize = 32;

/// A [`Solver`] over the resolvo crate, a SAT solver with clause learning.
///
/// The order in which packages are tried is that of apt: a real package before one that provides it, alternatives as they
/// stand, higher pin priority, then the later version. Other than apt it goes on to earlier versions and later alternatives
/// before it gives up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResolvoSolver {
    budget: Budget,
}

impl ResolvoSolver {
    /// A solver with a budget of its own.
    pub fn with_budget(budget: Budget) -> Self {
        Self { budget }
    }
}

impl Solver for ResolvoSolver {
    fn solve(&self, universe: &dyn Universe, request: &Request) -> Result<Solution, SolveError> {
        let catalog = Catalog::new(universe, request, &self.budget);
        let mut roots: Vec<&Root> = request.roots.iter().collect();
        roots
            .sort_by_cached_key(|r| (r.requirement.to_string(), r.source.clone(), r.label.clone()));
        find_missing(&catalog, &roots)?;

        let mut watched = Watched::None;
        for round in 0.. {
            let provider = Provider::new(&catalog, &watched);
            let found = match run(provider, &roots)? {
                Run::Found(found) => found,
                Run::Contradiction(..) => return Err(explain_clash(&catalog, &watched, roots)),
            };
            let kept = choose::needed(&catalog, &roots, &found)?;
            let clashes = clashes(&catalog, &kept);
            if clashes.is_empty() {
                return choose::solution(&catalog, &roots, &kept);
            }
            watched = match watched {
                _ if round >= ROUNDS => Watched::All,
                Watched::None => Watched::Names(clashes),
                Watched::Names(names) => Watched::Names(&names | &clashes),
                Watched::All => break,
            };
        }
        // With everything watched resolvo gives no clash; should it all the same, there is no solution to hand out.
        Err(explain_clash(&catalog, &watched, roots))
    }
}

/// What a run of resolvo came to.
enum Run<'a> {
    Found(Vec<PackageId>),
    Contradiction(Box<Resolvo<Provider<'a>>>, Contradiction),
}

pub(crate) fn view_of(root: &Root) -> View {
    View {
        foreign: None,
        source: root.source.as_deref().map(Rc::from),
    }
}

pub(crate) fn place_of(root: &Root) -> String {
    root.label.clone()
}

fn request_node(root: &Root) -> RequestNode {
    RequestNode {
        label: root.label.clone(),
        requirement: root.requirement.clone(),
        source: root.source.clone(),
    }
}

/// Refuses a request for something that no source offers.
fn find_missing(catalog: &Catalog<'_>, roots: &[&Root]) -> Result<(), SolveError> {
    let mut missing = Vec::new();
    for root in roots {
        let view = view_of(root);
        let parts = parts(catalog, &root.requirement, &|| place_of(root))?;
        let empty = |clause| {
            terms(catalog, clause, &view)
                .iter()
                .all(|(_, groups)| groups.is_empty())
        };
        if parts
            .iter()
            .any(|clause| clause.when.is_none() && empty(clause))
        {
            missing.push(MissingRoot {
                request: request_node(root),
                missing: catalog.missing(&root.requirement, &view),
            });
        }
    }
    if missing.is_empty() {
        Ok(())
    } else {
        Err(SolveError::Missing(missing))
    }
}

fn run<'a>(provider: Provider<'a>, roots: &[&Root]) -> Result<Run<'a>, SolveError> {
    let mut requirements = Vec::with_capacity(roots.len());
    for root in roots {
        let place = || place_of(root);
        requirements.extend(provider.requirement(&root.requirement, &view_of(root), &place)?);
    }
    let mut solver = Resolvo::new(provider);
    let outcome = solver.solve(Problem::new().requirements(requirements));
    if let Some(failure) = solver.provider().failure() {
        return Err(failure);
    }
    match outcome {
        Ok(found) => Ok(Run::Found(
            found
                .into_iter()
                .map(|s| solver.provider().package(s))
                .collect(),
        )),
        Err(UnsolvableOrCancelled::Unsolvable(contradiction)) => {
            Ok(Run::Contradiction(Box::new(solver), contradiction))
        }
        Err(UnsolvableOrCancelled::Cancelled(_)) => {
            // Cancelled only ever with a failure, which was returned above.
            Err(SolveError::Conflict(Box::default()))
        }
    }
}

/// Finds the requests that cannot be had together, and explains why.
fn explain_clash(catalog: &Catalog<'_>, watched: &Watched, mut roots: Vec<&Root>) -> SolveError {
    if roots.len() <= MINIMISED {
        let mut i = 0;
        while roots.len() > 1 && i < roots.len() {
            let mut fewer = roots.clone();
            fewer.remove(i);
            match run(Provider::new(catalog, watched), &fewer) {
                Ok(Run::Contradiction(..)) => roots = fewer,
                Ok(Run::Found(_)) => i += 1,
                Err(error) => return error,
            }
        }
    }
    match run(Provider::new(catalog, watched), &roots) {
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

/// The names in `Conflicts` and `Breaks` that speak against a set of packages.
fn clashes(catalog: &Catalog<'_>, kept: &choose::Kept) -> BTreeSet<PackageName> {
    let mut names = BTreeSet::new();
    for &id in kept.values() {
        let record = catalog.record(id);
        for relation in record.conflicts.iter().chain(&record.breaks) {
            if choose::forbidden_in(catalog, kept, &record.name, relation).is_some() {
                names.insert(relation.name.clone());
            }
        }
    }
    names
}
