//! What there is to choose from on one platform: a universe for each family of the spec's sources.
//!
//! Each family solves by its own rules over its own packages. A request of the spec goes to the family that has the package;
//! where several have it, the request names its source.

use std::sync::Arc;

use mikron_package::{Family, PackageId, PackageRecord, Relation, Universe};
use mikron_solve::{Request, Root, Solution, SolveError, Solver};
use mikron_spec::Spec;

use crate::Error;
use crate::steps::base::{BASE, Installed, OnBase};
use crate::steps::resolved::{InBase, ResolvedPackage, Role};

/// The universes of one platform, in the order of the names of the spec's sources.
#[derive(Clone, Default)]
pub(crate) struct Universes<'a> {
    all: Vec<Arc<dyn Universe + 'a>>,
    base: Option<InstalledBase<'a>>,
}

/// What the image that is built upon has.
#[derive(Clone)]
struct InstalledBase<'a> {
    installed: Installed,
    /// The universe of its family without that.
    without: Arc<dyn Universe + 'a>,
    /// The one in which none of that requires anything.
    alone: Arc<dyn Universe + 'a>,
}

impl<'a> Universes<'a> {
    pub(crate) fn new(all: Vec<Arc<dyn Universe + 'a>>) -> Self {
        Self { all, base: None }
    }

    /// The same, where the packages of an image that is built upon are installed.
    pub(crate) fn on_base(mut self, installed: Option<Installed>) -> Self {
        let Some(installed) = installed else {
            return self;
        };
        for universe in &mut self.all {
            if universe.family() == installed.family {
                let without = Arc::clone(universe);
                *universe = Arc::new(OnBase::new(Arc::clone(&without), installed.clone()));
                let alone = OnBase::new(Arc::clone(&without), installed.alone());
                self.base = Some(InstalledBase {
                    installed: installed.clone(),
                    without,
                    alone: Arc::new(alone),
                });
            }
        }
        self
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &dyn Universe> {
        self.all.iter().map(|universe| &**universe)
    }

    /// Solves over one of them. What the image that is built upon has stays; what that requires and lacks comes where it can be had.
    pub(crate) fn solve(
        &self,
        solver: &dyn Solver,
        universe: &dyn Universe,
        mut request: Request,
    ) -> Result<Solution, SolveError> {
        let base = self.base.as_ref();
        let base = base.filter(|base| base.installed.family == universe.family());
        let Some(base) = base else {
            return solver.solve(universe, &request);
        };
        request.installed = base.installed.versions();
        request.roots.extend(base.installed.roots());
        let solution = solver.solve(universe, &request);
        solution.or_else(|_| solver.solve(&*base.alone, &request))
    }

    /// What there is to know of a package that is installed; `None` where it is not.
    pub(crate) fn in_base(
        &self,
        universe: &dyn Universe,
        id: PackageId,
        record: &PackageRecord,
    ) -> Option<InBase> {
        let InstalledBase {
            installed, without, ..
        } = self.base.as_ref()?;
        if installed.family != universe.family() || universe.source(id) != BASE {
            return None;
        }
        let ids = without.named(record.name.as_str()).into_iter();
        let mut same = ids.filter_map(|id| {
            let found = without.record(id);
            let is_it = found.version == record.version && found.arch == record.arch;
            is_it.then(|| (found, without.source(id).to_owned()))
        });
        let archive = same.next().map(|(record, source)| {
            Box::new(ResolvedPackage {
                record,
                family: installed.family,
                source,
                role: Role::Provider,
                requires: Vec::new(),
                below: None,
            })
        });
        Some(InBase {
            archive,
            joined: false,
        })
    }

    /// The requests for each universe, in their order.
    ///
    /// # Errors
    /// When several families have a package, and the spec does not say which.
    pub(crate) fn assign(&self, spec: &Spec, roots: Vec<Root>) -> Result<Vec<Vec<Root>>, Error> {
        let mut assigned = vec![Vec::new(); self.all.len()];
        for root in roots {
            let place = self.place(spec, &root)?;
            if let Some(roots) = assigned.get_mut(place) {
                roots.push(root);
            }
        }
        Ok(assigned)
    }

    /// The universe that a request is for.
    fn place(&self, spec: &Spec, root: &Root) -> Result<usize, Error> {
        if self.all.len() < 2 {
            return Ok(0);
        }
        if let Some(source) = root.source.as_ref().and_then(|name| spec.sources.get(name)) {
            return Ok(self.of(source.family).unwrap_or(0));
        }
        let Some(Relation { name, .. }) = root.requirement.relations().first().copied() else {
            return Ok(0);
        };
        let having = |has: &dyn Fn(&dyn Universe) -> bool| -> Vec<usize> {
            let places = self
                .iter()
                .enumerate()
                .filter(|(_, universe)| has(*universe));
            places.map(|(place, _)| place).collect()
        };
        let real = having(&|universe| !universe.named(name.as_str()).is_empty());
        let mut found = real;
        if found.is_empty() {
            found = having(&|universe| !universe.providers(name.as_str()).is_empty());
        }
        if found.is_empty() {
            found = having(&|universe| !universe.odd(name.as_str()).is_empty());
        }
        match found.as_slice() {
            // The solver of the first will say that nobody has it.
            [] => Ok(0),
            [one] => Ok(*one),
            several => Err(Error::SeveralFamilies {
                package: name.clone(),
                families: several
                    .iter()
                    .map(|place| self.all[*place].family())
                    .collect(),
            }),
        }
    }

    fn of(&self, family: Family) -> Option<usize> {
        self.iter().position(|universe| universe.family() == family)
    }
}

/// The families of a spec's sources, in the order of the sources' names.
pub(crate) fn families(spec: &Spec) -> Vec<Family> {
    let mut families = Vec::new();
    for source in spec.sources.values() {
        if !families.contains(&source.family) {
            families.push(source.family);
        }
    }
    families
}
