//! A universe seen through a request: records looked up once, and which package satisfies what by the rules of its family. Both
//! ask each other, so that they stand side by side.

use std::cell::{Cell, RefCell};
use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use mikron_package::{
    PackageId, PackageName, PackageRecord, Relation, Requirement, Universe, VersionOrder,
};

use crate::clauses::{Clause, Matcher};
use crate::terms::{Candidate, Candidates, Choice, Ground, Kept, Settled, View};
use crate::{Budget, Problem, RelationKind, Request};

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
        let locked = self.request.locked.get(&record.name);
        if let Some(to) = locked.filter(|v| **v != record.version) {
            return Some(Problem::Locked { to: to.clone() });
        }
        let installed = self.request.installed.get(&record.name);
        if let Some(to) = installed.filter(|v| **v != record.version) {
            return Some(Problem::Installed { to: to.clone() });
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

    /// The package of a set that satisfies a relation.
    pub(crate) fn satisfier(&self, kept: &Kept, relation: &Relation) -> Option<PackageId> {
        kept.having(&relation.name)
            .find(|id| self.answers(relation, &self.record(*id)))
    }

    /// Whether a package comes in unasked beside a set: all of its `install_if` is there, and nothing that keeps it out.
    pub(crate) fn brings(&self, kept: &Kept, record: &PackageRecord) -> bool {
        let holds = |relation| self.satisfier(kept, relation).is_some();
        !record.install_if.is_empty()
            && record.install_if.iter().all(holds)
            && !record.install_if_not.iter().any(holds)
    }

    /// The package of a set that a ban of the package `own` speaks of.
    pub(crate) fn banned_in(&self, kept: &Kept, own: &PackageName, ban: &Ban) -> Option<PackageId> {
        kept.having(&ban.relation.name)
            .find(|id| ban.hits(self, own, &self.record(*id)))
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

/// The rules of one family.
///
/// ```
/// use mikron_package::{PackageRecord, Relation};
/// use mikron_solve::RelationKind;
/// use mikron_solve::rules::{Ban, Rules};
///
/// /// As the plain ones, and what a package replaces is not beside it.
/// struct Pacman;
/// impl Rules for Pacman {
///     fn bans(&self, record: &PackageRecord) -> Vec<Ban> {
///         let all = record.conflicts.iter().chain(&record.replaces);
///         all.map(|relation| Ban::answers(RelationKind::Conflicts, relation)).collect()
///     }
/// }
/// # let _: &dyn Rules = &Pacman;
/// ```
pub trait Rules: Sync {
    /// Whether packages of this priority are never candidates. Where they may be all the same, [`Rules::found`] says when.
    fn bars(&self, priority: i32) -> bool {
        priority < 0
    }

    /// Whether a package has a say in which of several candidates satisfies what it requires.
    fn has_preferences(&self) -> bool {
        false
    }

    /// Whether a package of an architecture may satisfy a relation that is seen from a view.
    fn architecture_fits(
        &self,
        catalog: &Catalog<'_>,
        _relation: &Relation,
        _view: &View,
        record: &PackageRecord,
    ) -> bool {
        catalog.architecture(record) == catalog.native()
    }

    /// Whether a `Conflicts` is about packages of this architecture.
    fn forbids_architecture(
        &self,
        _catalog: &Catalog<'_>,
        _relation: &Relation,
        _record: &PackageRecord,
    ) -> bool {
        true
    }

    /// Which of two versions of one name is tried first, as far as the family says.
    fn compare(&self, catalog: &Catalog<'_>, a: PackageId, b: PackageId) -> Ordering {
        catalog
            .priority(b)
            .cmp(&catalog.priority(a))
            .then_with(|| catalog.compare_versions(b, a))
            .then_with(|| catalog.is_noarch(a).cmp(&catalog.is_noarch(b)))
    }

    /// The packages that satisfy a relation, best first.
    fn found(&self, catalog: &Catalog<'_>, relation: &Relation, view: &View) -> Vec<Candidate> {
        let providers = catalog.provider_names(&relation.name);
        let names = std::iter::once(relation.name.clone()).chain(providers);
        let ids = names.flat_map(|name| catalog.versions(&name).to_vec());
        ids.filter(|id| catalog.fits(*id, relation, view))
            .map(Candidate::alone)
            .collect()
    }

    /// Whether only packages that can be there are compared with each other. If so, it is found out first which cannot.
    fn compares_possible(&self) -> bool {
        false
    }

    /// Puts what satisfies the alternatives of a clause in the order in which it is tried. It comes in the order of the
    /// alternatives.
    fn arranged(
        &self,
        _catalog: &Catalog<'_>,
        _clause: &Clause,
        _view: &View,
        choices: Vec<Choice>,
    ) -> Vec<Choice> {
        choices
    }

    /// What must not be beside a package.
    fn bans(&self, record: &PackageRecord) -> Vec<Ban> {
        let conflicts = record.conflicts.iter();
        conflicts
            .map(|relation| Ban::answers(RelationKind::Conflicts, relation))
            .collect()
    }

    /// Whether choices are taken back that turn out to be superfluous.
    fn minimises(&self) -> bool {
        false
    }

    /// The packages that a set brings in without being asked for, in order of name, of each name the best first; none of a name
    /// that it has.
    fn unasked(&self, _catalog: &Catalog<'_>, _kept: &Kept) -> Vec<PackageId> {
        Vec::new()
    }
}

/// Something that must not be beside a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// In which field of the package it stands, for explanations.
    pub kind: RelationKind,
    /// What must not be there.
    pub relation: Relation,
    /// Which packages it speaks of.
    pub reach: Reach,
}

/// Which packages a [`Ban`] speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Those that satisfy the relation, by what they provide too.
    Answers,
    /// Those of the name and version.
    Named,
    /// Those that have or provide the name, if they or the package itself do it with a version.
    Shares {
        /// Whether the package itself does.
        versioned: bool,
    },
}

impl Ban {
    /// Speaks of every package that satisfies a relation.
    pub fn answers(kind: RelationKind, relation: &Relation) -> Self {
        Self {
            kind,
            relation: relation.clone(),
            reach: Reach::Answers,
        }
    }

    /// Whether it speaks of another package. Of one name one version only is there, whatever its relations say.
    pub(crate) fn hits(
        &self,
        catalog: &Catalog<'_>,
        own: &PackageName,
        other: &PackageRecord,
    ) -> bool {
        if other.name == *own {
            return false;
        }
        let name = &self.relation.name;
        match self.reach {
            Reach::Answers => {
                catalog.answers(&self.relation, other)
                    && catalog
                        .rules
                        .forbids_architecture(catalog, &self.relation, other)
            }
            Reach::Named => catalog.answers_by_name(&self.relation, other),
            Reach::Shares { versioned } => {
                let shares =
                    |p: &Relation| p.name == *name && (versioned || p.constraint.is_some());
                other.name == *name || other.provides.iter().any(shares)
            }
        }
    }
}
