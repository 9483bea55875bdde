//! Which packages: from the roots of the spec to a solution, with the edges between its packages.

use std::collections::{BTreeMap, BTreeSet};

use mikron_package::{
    MemoryUniverse, PackageId, PackageName, PackageRecord, Relation, Requirement, Universe, Version,
};
use mikron_solve::{Reason, Request, Root, Solution, SolveError, Solver};
use mikron_spec::{PackageRequest, Select, Spec};

use crate::slices::Slices;

/// What a package is to the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The spec names it, with these capabilities.
    Root {
        capabilities: Vec<String>,
        select: Select,
    },
    /// Slices of it are taken, and nothing else but what files need.
    Sliced,
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

/// Solves for the roots of the spec and the packages of its slices. `preferred` are versions to keep where nothing speaks against it.
pub(crate) fn resolve(
    solver: &dyn Solver,
    universe: &dyn Universe,
    spec: &Spec,
    slices: &Slices,
    preferred: &BTreeMap<PackageName, Version>,
) -> Result<Resolution, SolveError> {
    let request = Request {
        preferred: preferred.clone(),
        ..request(spec, slices)
    };
    let solution = solver.solve(universe, &request)?;
    Ok(Resolution {
        packages: packages(universe, spec, slices, &solution),
    })
}

/// What a closure asks for beyond the packages that it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    /// The Essential packages: something is missing that no dependency names.
    pub(crate) essential: bool,
    /// Packages that rules look for, each by the names that it may have.
    pub(crate) packages: Vec<Vec<String>>,
}

/// Solves for the roots and for what is wished for, together, and gives what that has beyond `there`: packages that may
/// provide a file that nothing else has. Those that were wished for by name come first. What cannot be had beside the others
/// is left out: its files cannot be in the image either.
pub(crate) fn providers(
    solver: &dyn Solver,
    universe: &dyn Universe,
    spec: &Spec,
    slices: &Slices,
    there: &[ResolvedPackage],
    wish: &Wish,
) -> Providers {
    let mut locked: BTreeMap<PackageName, Version> = there
        .iter()
        .map(|p| (p.record.name.clone(), p.record.version.clone()))
        .collect();
    let mut found = Providers::default();
    let mut names: Vec<PackageName> = Vec::new();
    for alternatives in &wish.packages {
        let known = |name: &&String| !universe.named(name).is_empty();
        names.extend(
            alternatives
                .iter()
                .find(known)
                .and_then(|name| name.parse().ok()),
        );
    }
    let mut take = |solution: &Solution, locked: &mut BTreeMap<PackageName, Version>| {
        for package in packages(universe, spec, slices, solution) {
            let known = locked.insert(package.record.name.clone(), package.record.version.clone());
            if known.is_some() {
                continue;
            }
            let wished = wish.essential || names.contains(&package.record.name);
            let list = if wished {
                &mut found.named
            } else {
                &mut found.others
            };
            list.push(ResolvedPackage {
                role: Role::Provider,
                requires: Vec::new(),
                ..package
            });
        }
    };
    if wish.essential {
        let essential: BTreeSet<PackageName> = universe
            .essential()
            .into_iter()
            .map(|id| universe.record(id).name)
            .collect();
        if let Some(solution) = together(solver, universe, (spec, slices), &locked, &essential) {
            take(&solution, &mut locked);
        }
    }
    for name in &names {
        if let Some(solution) = together(solver, universe, (spec, slices), &locked, [name]) {
            take(&solution, &mut locked);
        }
    }
    found
}

/// Packages beyond those that the roots need.
#[derive(Clone, Debug, Default)]
pub(crate) struct Providers {
    /// Those that were wished for.
    pub(crate) named: Vec<ResolvedPackage>,
    /// What these need.
    pub(crate) others: Vec<ResolvedPackage>,
}

/// The roots and some more packages, with what is there already left as it is.
fn together<'n>(
    solver: &dyn Solver,
    universe: &dyn Universe,
    (spec, slices): (&Spec, &Slices),
    locked: &BTreeMap<PackageName, Version>,
    names: impl IntoIterator<Item = &'n PackageName>,
) -> Option<Solution> {
    let mut request = Request {
        locked: locked.clone(),
        ..request(spec, slices)
    };
    for name in names.into_iter().filter(|name| !locked.contains_key(*name)) {
        request.roots.push(Root {
            label: format!("provider {name}"),
            requirement: Requirement::One(Relation::named(name.clone())),
            source: None,
        });
    }
    solver.solve(universe, &request).ok()
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

fn request(spec: &Spec, slices: &Slices) -> Request {
    let root = |(number, package): (usize, &PackageRequest)| Root {
        label: format!("packages[{number}]"),
        requirement: package.requirement(),
        source: package.source.clone(),
    };
    let mut roots: Vec<Root> = spec.packages.iter().enumerate().map(root).collect();
    roots.extend(slices.roots(spec));
    Request {
        roots,
        ..Request::default()
    }
}

fn packages(
    universe: &dyn Universe,
    spec: &Spec,
    slices: &Slices,
    solution: &Solution,
) -> Vec<ResolvedPackage> {
    let number: BTreeMap<PackageId, usize> = solution
        .packages
        .iter()
        .enumerate()
        .map(|(i, p)| (p.id, i))
        .collect();
    let mut resolved: Vec<ResolvedPackage> = solution
        .packages
        .iter()
        .map(|solved| {
            let record = universe.record(solved.id);
            let role = match role(spec, &solved.reasons) {
                Role::Dependency if slices.cut(&record.name) => Role::Sliced,
                role => role,
            };
            ResolvedPackage {
                record,
                source: universe.source(solved.id).to_owned(),
                role,
                requires: Vec::new(),
            }
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

/// A package is a root where the spec names it, or names something that it provides. Requests for slices do not count.
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
    for package in named.filter(|package| package.slices.is_empty()) {
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
