//! A universe seen through a request: records looked up once, and which package satisfies what by the rules of its family.

use std::cell::{Cell, RefCell};
use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use mikron_package::{
    PackageId, PackageName, PackageRecord, Relation, Requirement, Universe, VersionOrder,
};

use crate::clauses::Matcher;
use crate::ground::Ground;
use crate::possible::Settled;
use crate::rules::{Ban, Rules};
use crate::{Budget, Problem, Request};

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

/// A requirement, whether it is to hold, and from where it is looked at.
type Asked = (Requirement, bool, View);

/// A universe seen through a request, with everything that was looked up kept.
///
/// Interior mutability stays inside of one call of the solver, on one thread.
pub struct Catalog<'a> {
    pub(crate) universe: &'a dyn Universe,
    pub(crate) rules: &'static dyn Rules,
    pub(crate) request: &'a Request,
    pub(crate) budget: &'a Budget,
    records: RefCell<HashMap<PackageId, Rc<PackageRecord>>>,
    versions: RefCell<HashMap<PackageName, Rc<[PackageId]>>>,
    candidates: RefCell<HashMap<(Relation, View), Candidates>>,
    grounds: RefCell<HashMap<Asked, Rc<[Ground]>>>,
    settled: RefCell<Option<Rc<Settled>>>,
    looked_at: Cell<u32>,
}

impl<'a> Catalog<'a> {
    pub(crate) fn new(
        universe: &'a dyn Universe,
        rules: &'static dyn Rules,
        request: &'a Request,
        budget: &'a Budget,
    ) -> Self {
        Self {
            universe,
            rules,
            request,
            budget,
            records: RefCell::default(),
            versions: RefCell::default(),
            candidates: RefCell::default(),
            grounds: RefCell::default(),
            settled: RefCell::default(),
            looked_at: Cell::new(0),
        }
    }

    /// Notes what is decided before anything is chosen. What requirements came to before was put in no order of preference,
    /// and is forgotten.
    pub(crate) fn settle(&self, settled: Settled) {
        self.grounds.borrow_mut().clear();
        *self.settled.borrow_mut() = Some(Rc::new(settled));
    }

    /// What is decided before anything is chosen; `None` before that is known.
    pub(crate) fn settled(&self) -> Option<Rc<Settled>> {
        self.settled.borrow().clone()
    }

    /// How many records were looked at.
    pub(crate) fn looked_at(&self) -> u32 {
        self.looked_at.get()
    }

    /// The record of a package.
    pub fn record(&self, id: PackageId) -> Rc<PackageRecord> {
        if let Some(record) = self.records.borrow().get(&id) {
            return Rc::clone(record);
        }
        let record = Rc::new(self.universe.record(id));
        self.looked_at.set(self.looked_at.get().saturating_add(1));
        self.records.borrow_mut().insert(id, Rc::clone(&record));
        record
    }

    /// The name of the source in the spec that a package comes from.
    pub fn source(&self, id: PackageId) -> &str {
        self.universe.source(id)
    }

    /// The pin priority of a package.
    pub fn priority(&self, id: PackageId) -> i32 {
        self.universe.priority(id)
    }

    /// The architecture of the universe.
    pub fn native(&self) -> &str {
        self.universe.architecture()
    }

    /// How versions are ordered.
    pub fn order(&self) -> &dyn VersionOrder {
        self.universe.order()
    }

    /// The view from inside of a package.
    pub(crate) fn view(&self, id: PackageId) -> View {
        let record = self.record(id);
        let arch = self.architecture(&record);
        View {
            asked: false,
            foreign: (arch != self.native()).then(|| arch.into()),
            source: None,
            tag: (self.priority(id) < 0).then(|| self.source(id).into()),
            by: self.rules.has_preferences().then_some(id),
        }
    }

    /// The architecture that a package counts as: one for all is native (deb-control(5), "Multi-Arch").
    pub fn architecture<'r>(&'r self, record: &'r PackageRecord) -> &'r str {
        match record.arch.as_str() {
            "all" | "noarch" => self.native(),
            other => other,
        }
    }

    /// Whether a package is of another architecture than the native one: for all of them, where it fits.
    pub fn is_noarch(&self, id: PackageId) -> bool {
        self.record(id).arch != self.native()
    }

    /// Why a package can never be taken, whatever is asked for.
    pub(crate) fn barred(&self, id: PackageId, record: &PackageRecord) -> Option<Problem> {
        if self.request.excluded.contains(&record.name) {
            return Some(Problem::Excluded);
        }
        let locked = self.request.locked.get(&record.name);
        if let Some(to) = locked.filter(|v| **v != record.version) {
            return Some(Problem::Locked { to: to.clone() });
        }
        let priority = self.priority(id);
        self.rules
            .bars(priority)
            .then_some(Problem::Priority { priority })
    }

    /// Whether a package may be taken from a view: one of negative priority only where its source is asked for.
    pub fn admits(&self, id: PackageId, view: &View) -> bool {
        let source = |wanted: &Option<Rc<str>>| wanted.as_deref() == Some(self.source(id));
        match &view.source {
            Some(_) => source(&view.source),
            None => self.priority(id) >= 0 || source(&view.tag),
        }
    }

    /// Whether an earlier lock has this version.
    pub fn is_preferred(&self, record: &PackageRecord) -> bool {
        self.request.preferred.get(&record.name) == Some(&record.version)
    }

    /// Whether there is an earlier lock.
    pub fn has_preferences(&self) -> bool {
        !self.request.preferred.is_empty()
    }

    /// Which of two packages is the earlier version.
    pub fn compare_versions(&self, a: PackageId, b: PackageId) -> Ordering {
        let (a, b) = (self.record(a), self.record(b));
        self.order().compare(a.version.as_str(), b.version.as_str())
    }

    /// Which of two packages is tried first: the one of the lock, then what the family says; then whatever tells them
    /// apart, so that the universe's own order never matters.
    pub fn compare(&self, a: PackageId, b: PackageId) -> Ordering {
        let (ra, rb) = (self.record(a), self.record(b));
        (Reverse(self.is_preferred(&ra)).cmp(&Reverse(self.is_preferred(&rb))))
            .then_with(|| self.rules.compare(self, a, b))
            .then_with(|| self.source(a).cmp(self.source(b)))
            .then_with(|| ra.arch.cmp(&rb.arch))
            .then_with(|| ra.version.as_str().cmp(rb.version.as_str()))
            .then_with(|| ra.location.cmp(&rb.location))
            .then_with(|| ra.digest.cmp(&rb.digest))
            .then_with(|| a.cmp(&b))
    }

    /// All packages of a name that may be taken, best first.
    pub fn versions(&self, name: &PackageName) -> Rc<[PackageId]> {
        if let Some(versions) = self.versions.borrow().get(name) {
            return Rc::clone(versions);
        }
        let mut ids = self.universe.named(name.as_str());
        ids.retain(|&id| self.barred(id, &self.record(id)).is_none());
        if ids.len() > 1 {
            ids.sort_by(|&a, &b| self.compare(a, b));
            ids.dedup();
        }
        let ids: Rc<[PackageId]> = ids.into();
        self.versions
            .borrow_mut()
            .insert(name.clone(), Rc::clone(&ids));
        ids
    }

    /// The names of the packages that provide a name, without the name itself.
    pub fn provider_names(&self, name: &PackageName) -> BTreeSet<PackageName> {
        self.names(self.universe.providers(name.as_str()), name)
    }

    /// The names of the packages that obsolete a name, without the name itself.
    pub fn obsoleter_names(&self, name: &PackageName) -> BTreeSet<PackageName> {
        self.names(self.universe.obsoleters(name.as_str()), name)
    }

    fn names(&self, ids: Vec<PackageId>, except: &PackageName) -> BTreeSet<PackageName> {
        let names = ids.into_iter().map(|id| self.record(id).name.clone());
        names.filter(|name| name != except).collect()
    }

    /// The packages whose `install_if` names a name.
    pub fn triggered(&self, name: &PackageName) -> Vec<PackageId> {
        self.universe.triggered(name.as_str())
    }

    /// Whether a package has the name and the version that a relation asks for.
    pub fn answers_by_name(&self, relation: &Relation, record: &PackageRecord) -> bool {
        let fits = |wanted: &mikron_package::Constraint| {
            wanted.matches(record.version.as_str(), self.order())
        };
        record.name == relation.name && relation.constraint.as_ref().is_none_or(fits)
    }

    /// Whether a package satisfies a relation by its name or by what it provides, architecture aside.
    pub fn answers(&self, relation: &Relation, record: &PackageRecord) -> bool {
        let wanted = relation.constraint.as_ref();
        let provided = |provided: &Relation| {
            provided.name == relation.name
                && self.order().answers(provided.constraint.as_ref(), wanted)
        };
        self.answers_by_name(relation, record) || record.provides.iter().any(provided)
    }

    /// Whether a package satisfies a relation from a view.
    pub fn fits(&self, id: PackageId, relation: &Relation, view: &View) -> bool {
        let record = self.record(id);
        self.admits(id, view)
            && self.answers(relation, &record)
            && self.rules.architecture_fits(self, relation, view, &record)
    }

    /// The packages that satisfy a relation.
    pub(crate) fn candidates(&self, relation: &Relation, view: &View) -> Candidates {
        let view = &View {
            by: None,
            ..view.clone()
        };
        let key = (relation.clone(), view.clone());
        if let Some(candidates) = self.candidates.borrow().get(&key) {
            return Rc::clone(candidates);
        }
        let candidates: Candidates = self.rules.found(self, relation, view).into();
        self.candidates
            .borrow_mut()
            .insert(key, Rc::clone(&candidates));
        candidates
    }

    /// The packages that a matcher speaks of.
    pub(crate) fn matching(&self, matcher: &Matcher, view: &View) -> Candidates {
        let (a, b, keep) = match matcher {
            Matcher::One(relation) => return self.candidates(relation, view),
            Matcher::Either(parts) => {
                let mut all: Vec<Candidate> = Vec::new();
                let mut seen = BTreeSet::new();
                for part in parts {
                    let part = self.matching(part, view);
                    all.extend(part.iter().copied().filter(|c| seen.insert(c.id)));
                }
                return all.into();
            }
            Matcher::Both(a, b) => (a, b, true),
            Matcher::Except(a, b) => (a, b, false),
        };
        let right = self.matching(b, view);
        let right: BTreeSet<PackageId> = right.iter().map(|c| c.id).collect();
        let left = self.matching(a, view);
        let part = left.iter().copied();
        part.filter(|c| right.contains(&c.id) == keep).collect()
    }

    /// The packages that a ban of another package speaks of.
    pub(crate) fn banned(&self, ban: &Ban, own: &PackageName) -> Vec<PackageId> {
        let mut found: Vec<PackageId> = Vec::new();
        let mut names = self.provider_names(&ban.relation.name);
        names.insert(ban.relation.name.clone());
        for name in names {
            let versions = self.versions(&name);
            let hit = |id: &PackageId| ban.hits(self, own, &self.record(*id));
            found.extend(versions.iter().copied().filter(hit));
        }
        found
    }

    /// What a requirement came to, kept.
    pub(crate) fn grounds(
        &self,
        key: (&Requirement, bool, &View),
        make: impl FnOnce() -> Result<Vec<Ground>, crate::SolveError>,
    ) -> Result<Rc<[Ground]>, crate::SolveError> {
        let key = (key.0.clone(), key.1, key.2.clone());
        if let Some(known) = self.grounds.borrow().get(&key) {
            return Ok(Rc::clone(known));
        }
        let grounds: Rc<[Ground]> = make()?.into();
        self.grounds.borrow_mut().insert(key, Rc::clone(&grounds));
        Ok(grounds)
    }
}
