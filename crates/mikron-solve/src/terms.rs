//! What solving speaks of: candidates, choices between them, clauses, and sets of packages.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use mikron_package::{PackageId, PackageName, PackageRecord};

use crate::Root;

/// A package that satisfies something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The package.
    pub id: PackageId,
    /// Whether it may come in for this alone. If not, it counts where it is there for another reason.
    pub alone: bool,
}

impl Candidate {
    /// One that may come in for this alone.
    pub fn alone(id: PackageId) -> Self {
        Self { id, alone: true }
    }
}

/// Candidates, best first.
pub(crate) type Candidates = Rc<[Candidate]>;

/// From where a relation is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct View {
    /// Whether the spec asks, and not a package.
    pub asked: bool,
    /// The architecture of the package that the relation stands in, where it is not the native one.
    pub(crate) foreign: Option<Rc<str>>,
    /// The source that the package must come from.
    pub(crate) source: Option<Rc<str>>,
    /// The source of negative priority that the package may come from too.
    pub(crate) tag: Option<Rc<str>>,
    /// The package that the relation stands in, where its family lets it prefer some to others.
    pub(crate) by: Option<PackageId>,
}

impl View {
    /// The view of a request of the spec.
    pub(crate) fn of(root: &Root) -> Self {
        Self {
            asked: true,
            source: root.source.as_deref().map(Rc::from),
            ..Self::default()
        }
    }
}

/// One package that satisfies a clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Choice {
    /// Which alternative of the requirement it is, counted from 0.
    pub alternative: usize,
    /// The package.
    pub id: PackageId,
    /// Whether it may come in for this alone.
    pub alone: bool,
}

/// When all of `when` are there, one of `any` must be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ground {
    pub(crate) when: Vec<PackageId>,
    /// Best first.
    pub(crate) any: Rc<[Choice]>,
    /// Whether it comes of what must not hold.
    pub(crate) forbids: bool,
}

impl Ground {
    /// Whether it says nothing to its own package: it is satisfied by it, or forbids it to be beside itself
    /// (a package never conflicts with itself).
    pub(crate) fn is_idle(&self, own: Option<PackageId>) -> bool {
        let satisfied = |id: &PackageId| self.any.iter().any(|choice| choice.id == *id);
        let itself = self.forbids
            && self.any.is_empty()
            && !self.when.is_empty()
            && self.when.iter().all(|id| Some(*id) == own);
        itself || self.when.iter().any(satisfied)
    }

    /// What has to be there for it to bind, besides the package itself.
    pub(crate) fn others(&self, own: Option<PackageId>) -> impl Iterator<Item = PackageId> {
        self.when.iter().copied().filter(move |id| Some(*id) != own)
    }
}

/// What is decided before anything is chosen.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    /// The packages that must be there.
    pub(crate) there: BTreeSet<PackageId>,
    /// The packages that cannot be.
    pub(crate) absent: BTreeSet<PackageId>,
}

/// Packages, of each name one, with the names that they have and provide.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    packages: BTreeMap<PackageName, PackageId>,
    ids: HashSet<PackageId>,
    having: HashMap<PackageName, BTreeSet<PackageId>>,
}

impl Kept {
    /// Adds a package, in place of another of its name.
    pub(crate) fn insert(&mut self, id: PackageId, record: &PackageRecord) {
        if let Some(old) = self.packages.insert(record.name.clone(), id) {
            self.ids.remove(&old);
        }
        self.ids.insert(id);
        let provided = record.provides.iter().map(|p| &p.name);
        for name in std::iter::once(&record.name).chain(provided) {
            self.having.entry(name.clone()).or_default().insert(id);
        }
    }

    /// The packages in order of name.
    pub fn values(&self) -> impl Iterator<Item = &PackageId> {
        self.packages.values()
    }

    /// Whether a package of this name is there.
    pub fn contains_key(&self, name: &PackageName) -> bool {
        self.packages.contains_key(name)
    }

    /// Whether a package is there.
    pub fn contains(&self, id: PackageId) -> bool {
        self.ids.contains(&id)
    }

    pub(crate) fn contains_all(&self, ids: &[PackageId]) -> bool {
        ids.iter().all(|id| self.ids.contains(id))
    }

    /// The packages that have or provide a name.
    pub(crate) fn having<'s>(&'s self, name: &PackageName) -> impl Iterator<Item = PackageId> + 's {
        let all = self.having.get(name).into_iter().flatten().copied();
        all.filter(|id| self.ids.contains(id))
    }

    /// What satisfies a clause, in the order of preference.
    pub(crate) fn satisfying(&self, ground: &Ground) -> Option<Choice> {
        let found = ground.any.iter().find(|choice| self.contains(choice.id));
        found.copied()
    }
}
