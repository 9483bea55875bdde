//! Which packages: from the roots of the spec to a solution, with the edges between its packages.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mikron_package::{
    Family, MemoryUniverse, PackageId, PackageName, PackageRecord, Platform, Relation, Requirement,
    Universe, Version,
};
use mikron_solve::{Asker, Reason, Request, Root, Solution, Solver};
use mikron_spec::{PackageRequest, Spec};

use crate::Error;
use crate::error::Unfound;
use crate::families::Families;
use crate::steps::resolved::{ResolvedPackage, Role};
use crate::steps::slices::Slices;
use crate::steps::sought::Need;
use crate::steps::universes::{Universes, families};

/// What is solved for.
#[derive(Clone, Copy)]
pub(crate) struct Roots<'a> {
    pub(crate) spec: &'a Spec,
    pub(crate) slices: &'a Slices,
    /// Packages that were found for what the spec's own files need.
    pub(crate) found: &'a BTreeSet<PackageName>,
}

/// The packages of one platform, in order of name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resolution {
    pub(crate) packages: Vec<ResolvedPackage>,
}

impl Resolution {
    /// Adds what every installation has, and what that needs, as if the roots depended on it.
    pub(crate) fn add_essential(
        &mut self,
        solver: &dyn Solver,
        universes: &Universes<'_>,
        asked: Roots<'_>,
        preferred: &BTreeMap<PackageName, Version>,
    ) {
        let wish = Wish {
            essential: true,
            ..Wish::default()
        };
        let found = providers(solver, universes, asked, preferred, &self.packages, &wish);
        let more = found.named.into_iter().chain(found.others);
        self.packages.extend(more.map(|package| ResolvedPackage {
            role: Role::Dependency,
            ..package
        }));
    }
}

/// Solves for the roots of the spec and the packages of its slices, each family by itself. `preferred` are versions to keep where
/// nothing speaks against it.
///
/// # Errors
/// When a family has no solution, or two of them bring packages of one name.
pub(crate) fn resolve(
    solver: &dyn Solver,
    universes: &Universes<'_>,
    asked: Roots<'_>,
    preferred: &BTreeMap<PackageName, Version>,
    platform: Platform,
) -> Result<Resolution, Error> {
    let assigned = universes.assign(asked.spec, asked.roots())?;
    let mut resolution = Resolution::default();
    for (universe, roots) in universes.iter().zip(assigned) {
        let request = Request {
            roots,
            preferred: preferred.clone(),
            ..Request::default()
        };
        let solution = universes
            .solve(solver, universe, request)
            .map_err(|error| Error::Solve { platform, error })?;
        let first = resolution.packages.len();
        for mut package in packages(universes, universe, asked, &solution) {
            for (to, _) in &mut package.requires {
                *to += first;
            }
            let name = &package.record.name;
            if let Some(other) = resolution.packages.iter().find(|p| p.record.name == *name) {
                return Err(Error::SameName {
                    package: name.clone(),
                    sources: [other.source.clone(), package.source],
                });
            }
            resolution.packages.push(package);
        }
    }
    Ok(resolution)
}

/// What a closure asks for beyond the packages that it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    /// The Essential packages: something is missing that no dependency names.
    pub(crate) essential: bool,
    /// Packages that rules look for, each by the names that it may have.
    pub(crate) packages: Vec<Vec<String>>,
    /// What files of the spec need of packages that nothing names.
    pub(crate) needs: Vec<Need>,
}

impl Wish {
    /// A wish for what files of the spec need.
    pub(crate) fn of(needs: Vec<Need>) -> Self {
        Self {
            needs,
            ..Self::default()
        }
    }
}

/// Solves for what was found, and as long as something comes by it for the [`companions`] of what was found for programs; they are
/// found from then on. What is recommended fails no build.
///
/// # Errors
/// When what was found cannot be had.
pub(crate) fn widened(
    solve: &dyn Fn(&BTreeSet<PackageName>) -> Result<Resolution, Error>,
    universes: &Universes<'_>,
    found: &mut BTreeSet<PackageName>,
    programs: &BTreeSet<PackageName>,
) -> Result<Resolution, Error> {
    let mut resolution = solve(found)?;
    loop {
        let mut wider = companions(&resolution.packages, programs, universes);
        wider.extend(found.iter().cloned());
        if wider.len() == found.len() {
            return Ok(resolution);
        }
        let Ok(more) = solve(&wider) else {
            return Ok(resolution);
        };
        resolution = more;
        *found = wider;
    }
}

/// What packages that were found for a program, and what these require, recommend of their own source: without, an interpreter lacks
/// most of its library where a distribution has split it (`libpython3.11-stdlib`). Documentation is none of it.
fn companions(
    packages: &[ResolvedPackage],
    found: &BTreeSet<PackageName>,
    universes: &Universes<'_>,
) -> BTreeSet<PackageName> {
    let is_found = |at: &usize| found.contains(&packages[*at].record.name);
    let mut open: Vec<usize> = (0..packages.len()).filter(is_found).collect();
    let mut reached = BTreeSet::new();
    while let Some(at) = open.pop() {
        if reached.insert(at) {
            open.extend(packages[at].requires.iter().map(|(to, _)| *to));
        }
    }
    let mut companions = BTreeSet::new();
    for record in reached.into_iter().map(|at| &packages[at].record) {
        for relation in record.recommends.iter().flat_map(Requirement::relations) {
            let name = relation.name.as_str();
            let mut known = universes.iter().flat_map(|universe| {
                let ids = universe.named(name).into_iter();
                ids.map(move |id| universe.record(id))
            });
            let is_one = |other: PackageRecord| {
                let section = other.section.as_deref().unwrap_or_default();
                other.source == record.source && !section.ends_with("doc")
            };
            if known.any(is_one) {
                companions.insert(relation.name.clone());
            }
        }
    }
    companions
}

/// Solves for the roots and for what is wished for, together, and gives what that has beyond `there`: packages that may
/// provide a file that nothing else has. Those that were wished for by name come first. What cannot be had beside the others
/// is left out: its files cannot be in the image either.
pub(crate) fn providers(
    solver: &dyn Solver,
    universes: &Universes<'_>,
    asked: Roots<'_>,
    preferred: &BTreeMap<PackageName, Version>,
    there: &[ResolvedPackage],
    wish: &Wish,
) -> Providers {
    let mut found = Providers::default();
    // What the requests of the spec come to was solved before, so they can be assigned.
    let assigned = universes
        .assign(asked.spec, asked.roots())
        .unwrap_or_default();
    for (universe, roots) in universes.iter().zip(&assigned) {
        let from = (universes, universe);
        let more = providers_of(solver, from, asked, roots, (preferred, there), wish);
        found.named.extend(more.named);
        found.others.extend(more.others);
    }
    found
}

/// The providers of one family.
fn providers_of(
    solver: &dyn Solver,
    (universes, universe): (&Universes<'_>, &dyn Universe),
    asked: Roots<'_>,
    roots: &[Root],
    (preferred, there): (&BTreeMap<PackageName, Version>, &[ResolvedPackage]),
    wish: &Wish,
) -> Providers {
    let mut locked: BTreeMap<PackageName, Version> = there
        .iter()
        .filter(|p| p.family == universe.family())
        .map(|p| (p.record.name.clone(), p.record.version.clone()))
        .collect();
    let together = |locked: &BTreeMap<PackageName, Version>, names: &[&PackageName]| {
        let from = (universes, universe);
        together(solver, from, roots, preferred, locked, names)
    };
    let mut found = Providers::default();
    let mut names: Vec<PackageName> = Vec::new();
    for alternatives in &wish.packages {
        let known = |name: &&String| {
            !universe.named(name).is_empty() || !universe.providers(name).is_empty()
        };
        names.extend(
            alternatives
                .iter()
                .find(known)
                .and_then(|name| name.parse().ok()),
        );
    }
    let mut take = |solution: &Solution, locked: &mut BTreeMap<PackageName, Version>| {
        for package in packages(universes, universe, asked, solution) {
            let known = locked.insert(package.record.name.clone(), package.record.version.clone());
            if known.is_some() {
                continue;
            }
            let record = &package.record;
            let asked_for = |name: &PackageName| {
                record.name == *name || record.provides.iter().any(|p| p.name == *name)
            };
            let wished = wish.essential || names.iter().any(asked_for);
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
        if let Some(solution) = together(&locked, &essential.iter().collect::<Vec<_>>()) {
            take(&solution, &mut locked);
        }
    }
    for name in &names {
        if let Some(solution) = together(&locked, &[name]) {
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
    /// In place of all packages but providers, where some were found for what files of the spec need.
    pub(crate) again: Option<Vec<ResolvedPackage>>,
    /// What of that was not found.
    pub(crate) unfound: Vec<Unfound>,
}

/// The roots and some more packages, with what is there already left as it is.
fn together(
    solver: &dyn Solver,
    (universes, universe): (&Universes<'_>, &dyn Universe),
    roots: &[Root],
    preferred: &BTreeMap<PackageName, Version>,
    locked: &BTreeMap<PackageName, Version>,
    names: &[&PackageName],
) -> Option<Solution> {
    let mut request = Request {
        roots: roots.to_vec(),
        preferred: preferred.clone(),
        locked: locked.clone(),
        ..Request::default()
    };
    for name in names.iter().filter(|name| !locked.contains_key(**name)) {
        request.roots.push(Root {
            asker: Asker::Provider((*name).clone()),
            requirement: Requirement::One(Relation::named((*name).clone())),
            source: None,
        });
    }
    universes.solve(solver, universe, request).ok()
}

/// Universes of exactly these packages, given with their family and source: what a locked build solves over.
pub(crate) fn locked_universes(
    platform: Platform,
    spec: &Spec,
    known: &Families,
    records: &[(PackageRecord, Family, String)],
) -> Universes<'static> {
    let universe = |family: Family| -> Option<Arc<dyn Universe>> {
        let order = known.format(family)?.order();
        let architecture = (family.architecture)(platform.architecture);
        let mut universe = MemoryUniverse::new(family, architecture, order);
        for (record, _, source) in records.iter().filter(|(_, of, _)| *of == family) {
            universe.add_from(record.clone(), 500, source);
        }
        Some(Arc::new(universe))
    };
    Universes::new(families(spec).into_iter().filter_map(universe).collect())
}

impl<'a> Roots<'a> {
    /// The same with other packages that were found.
    pub(crate) fn with_found(self, found: &'a BTreeSet<PackageName>) -> Self {
        Self { found, ..self }
    }

    fn roots(&self) -> Vec<Root> {
        let root = |(number, package): (usize, &PackageRequest)| Root {
            asker: Asker::Item(number),
            requirement: package.requirement(),
            source: package.source.clone(),
        };
        let mut roots: Vec<Root> = self.spec.packages.iter().enumerate().map(root).collect();
        roots.extend(self.slices.roots(self.spec));
        roots.extend(self.found.iter().map(|name| Root {
            asker: Asker::Found(name.clone()),
            requirement: Requirement::One(Relation::named(name.clone())),
            source: None,
        }));
        roots
    }
}

fn packages(
    universes: &Universes<'_>,
    universe: &dyn Universe,
    Roots { spec, slices, .. }: Roots<'_>,
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
                Role::Dependency | Role::Found if slices.cut(&record.name) => Role::Sliced,
                role => role,
            };
            ResolvedPackage {
                family: universe.family(),
                source: universe.source(solved.id).to_owned(),
                role,
                requires: Vec::new(),
                below: universes.in_base(universe, solved.id, &record),
                record,
            }
        })
        .collect();
    for (to, solved) in solution.packages.iter().enumerate() {
        for reason in &solved.reasons {
            let (by, text) = match reason {
                Reason::Root { .. } => continue,
                Reason::Requires {
                    by, requirement, ..
                } => (std::slice::from_ref(by), requirement.to_string()),
                // What brings a package in leads to it as a requirement would.
                Reason::InstallIf { by, relations } => {
                    let relations = relations.iter().cloned().map(Requirement::One);
                    (
                        by.as_slice(),
                        Requirement::All(relations.collect()).to_string(),
                    )
                }
            };
            for from in by.iter().filter_map(|by| number.get(by)) {
                resolved[*from].requires.push((to, text.clone()));
            }
        }
    }
    let of_found = solution.packages.iter().enumerate();
    for (to, _) in of_found.filter(|(_, solved)| solved.reasons.iter().any(is_found)) {
        for from in (0..resolved.len()).filter(|from| *from != to) {
            if recommends_own(&resolved[from].record, &resolved[to].record) {
                let text = format!("{} (recommended)", resolved[to].record.name);
                resolved[from].requires.push((to, text));
            }
        }
    }
    resolved
}

/// Whether a package recommends another of its own source: where that was found for it ([`companions`]), it leads there.
fn recommends_own(record: &PackageRecord, other: &PackageRecord) -> bool {
    let mut relations = record.recommends.iter().flat_map(Requirement::relations);
    record.source == other.source && relations.any(|relation| relation.name == other.name)
}

/// A package is a root where the spec names it, or names something that it provides. Requests for slices do not count.
fn role(spec: &Spec, reasons: &[Reason]) -> Role {
    let named = reasons.iter().filter_map(|reason| match reason {
        Reason::Root {
            asker: Asker::Item(item),
            ..
        } => spec.packages.get(*item),
        _ => None,
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
        // Requests for one package are one: what each of them brings is taken.
        Some(select) => Role::Root {
            capabilities: capabilities.into_iter().collect(),
            whole,
            select,
        },
        None if reasons.iter().any(is_found) => Role::Found,
        None if reasons.iter().all(is_below) => Role::Provider,
        None => Role::Dependency,
    }
}

/// Whether nothing asks for a package but that it is there.
fn is_below(reason: &Reason) -> bool {
    let Reason::Root { asker, .. } = reason else {
        return false;
    };
    matches!(asker, Asker::Base(_))
}

fn is_found(reason: &Reason) -> bool {
    let Reason::Root { asker, .. } = reason else {
        return false;
    };
    matches!(asker, Asker::Found(_))
}
