//! Which packages: from the roots of the spec to a solution, with the edges between its packages.

use std::collections::{BTreeMap, BTreeSet};

use mikron_package::{
    MemoryUniverse, PackageId, PackageName, PackageRecord, Relation, Requirement, Universe, Version,
};
use mikron_solve::{Reason, Request, Root, Solution, SolveError, Solver};
use mikron_spec::{PackageRequest, Select, Spec};

/// What a package is to the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The spec names it, with these capabilities.
    Root {
        capabilities: Vec<String>,
        select: Select,
    },
    /// A root needs it.
    Dependency,
    /// An Essential package, or what one needs: it gives files that nothing else has.
    Provider,
}

/// One package of a solution.
#[derive(Clone, Debug)]
pub(crate) struct ResolvedPackage {
    pub(crate) record: PackageRecord,
    pub(crate) source: String,
    pub(crate) role: Role,
    /// What it requires of others of the solution: their index, and the requirement as the package has it.
    pub(crate) requires: Vec<(usize, String)>,
}

/// The packages of one platform, in order of name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resolution {
    pub(crate) packages: Vec<ResolvedPackage>,
}

/// Solves for the roots of the spec. `preferred` are versions to keep where nothing speaks against it.
pub(crate) fn resolve(
    solver: &dyn Solver,
    universe: &dyn Universe,
    spec: &Spec,
    preferred: &BTreeMap<PackageName, Version>,
) -> Result<Resolution, SolveError> {
    let request = Request {
        preferred: preferred.clone(),
        ..request(spec)
    };
    let solution = solver.solve(universe, &request)?;
    Ok(Resolution {
        packages: packages(universe, spec, &solution),
    })
}

/// Solves for the roots and the Essential packages together, and gives what that has beyond `resolution`: packages that may
/// provide a file that nothing else has. Empty where the two cannot be had together; then their files cannot either.
pub(crate) fn providers(
    solver: &dyn Solver,
    universe: &dyn Universe,
    spec: &Spec,
    resolution: &Resolution,
) -> Vec<ResolvedPackage> {
    let there: BTreeMap<PackageName, Version> = resolution
        .packages
        .iter()
        .map(|p| (p.record.name.clone(), p.record.version.clone()))
        .collect();
    let mut request = Request {
        locked: there.clone(),
        ..request(spec)
    };
    let essential: BTreeSet<PackageName> = universe
        .essential()
        .into_iter()
        .map(|id| universe.record(id).name)
        .collect();
    for name in essential
        .into_iter()
        .filter(|name| !there.contains_key(name))
    {
        request.roots.push(Root {
            label: format!("Essential package {name}"),
            requirement: Requirement::One(Relation::named(name)),
            source: None,
        });
    }
    let Ok(solution) = solver.solve(universe, &request) else {
        return Vec::new();
    };
    packages(universe, spec, &solution)
        .into_iter()
        .filter(|package| !there.contains_key(&package.record.name))
        .map(|package| ResolvedPackage {
            role: Role::Provider,
            requires: Vec::new(),
            ..package
        })
        .collect()
}

/// A universe of exactly these packages: what a locked build solves over.
pub(crate) fn locked_universe<'a>(
    architecture: &str,
    order: &'a dyn mikron_package::VersionOrder,
    records: impl IntoIterator<Item = (PackageRecord, String)>,
) -> MemoryUniverse<'a> {
    let mut universe = MemoryUniverse::new(mikron_package::Family::Deb, architecture, order);
    for (record, source) in records {
        universe.add_from(record, 500, &source);
    }
    universe
}

fn request(spec: &Spec) -> Request {
    let root = |(number, package): (usize, &PackageRequest)| Root {
        label: format!("packages[{number}]"),
        requirement: package.requirement(),
        source: package.source.clone(),
    };
    Request {
        roots: spec.packages.iter().enumerate().map(root).collect(),
        ..Request::default()
    }
}

fn packages(universe: &dyn Universe, spec: &Spec, solution: &Solution) -> Vec<ResolvedPackage> {
    let number: BTreeMap<PackageId, usize> = solution
        .packages
        .iter()
        .enumerate()
        .map(|(i, p)| (p.id, i))
        .collect();
    let mut resolved: Vec<ResolvedPackage> = solution
        .packages
        .iter()
        .map(|solved| ResolvedPackage {
            record: universe.record(solved.id),
            source: universe.source(solved.id).to_owned(),
            role: role(spec, &solved.reasons),
            requires: Vec::new(),
        })
        .collect();
    for (to, solved) in solution.packages.iter().enumerate() {
        for reason in &solved.reasons {
            if let Reason::Requires {
                by, requirement, ..
            } = reason
                && let Some(from) = number.get(by)
            {
                resolved[*from].requires.push((to, requirement.to_string()));
            }
        }
    }
    resolved
}

/// A package is a root where the spec names it, or names something that it provides.
fn role(spec: &Spec, reasons: &[Reason]) -> Role {
    let named = reasons.iter().filter_map(|reason| match reason {
        Reason::Root { label, .. } => {
            let number = label.strip_prefix("packages[")?.strip_suffix(']')?;
            spec.packages.get(number.parse::<usize>().ok()?)
        }
        Reason::Requires { .. } => None,
    });
    let mut capabilities = BTreeSet::new();
    let mut whole = false;
    let mut select = None;
    for package in named {
        whole |= package.capabilities.is_empty();
        capabilities.extend(package.capabilities.iter().cloned());
        select = select.max(Some(spec.selection_of(package)));
    }
    match select {
        // Named once as a whole and once by capability is named as a whole.
        Some(select) => Role::Root {
            capabilities: if whole {
                Vec::new()
            } else {
                capabilities.into_iter().collect()
            },
            select,
        },
        None => Role::Dependency,
    }
}
