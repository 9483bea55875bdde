//! The rules of which package satisfies what, over a universe whose records are looked up once.

use std::cell::{Cell, RefCell};
use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use mikron_package::{
    ArchQualifier, MultiArch, PackageId, PackageName, PackageRecord, Relation, Requirement,
    Universe,
};

use crate::clauses::Matcher;
use crate::{Budget, Known, Missing, Problem, Request};

/// Packages of one name that satisfy something, best first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) name: PackageName,
    pub(crate) ids: Vec<PackageId>,
}

/// Groups, best first: a real package before its providers.
pub(crate) type Groups = Rc<[Group]>;

/// From where a relation is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct View {
    /// The architecture of the package that the relation stands in, where it is not the native one.
    pub(crate) foreign: Option<Rc<str>>,
    /// The source that the package must come from.
    pub(crate) source: Option<Rc<str>>,
}

/// A universe seen through a request, with everything that was looked up kept.
///
/// Interior mutability stays inside of one call of the solver, on one thread.
pub(crate) struct Catalog<'a> {
    universe: &'a dyn Universe,
    pub(crate) request: &'a Request,
    pub(crate) budget: &'a Budget,
    records: RefCell<HashMap<PackageId, Rc<PackageRecord>>>,
    versions: RefCell<HashMap<PackageName, Rc<[PackageId]>>>,
    groups: RefCell<HashMap<(Relation, View), Groups>>,
    forbidden: RefCell<HashMap<Relation, Groups>>,
    looked_at: Cell<u32>,
}

impl<'a> Catalog<'a> {
    pub(crate) fn new(
        universe: &'a dyn Universe,
        request: &'a Request,
        budget: &'a Budget,
    ) -> Self {
        Self {
            universe,
            request,
            budget,
            records: RefCell::default(),
            versions: RefCell::default(),
            groups: RefCell::default(),
            forbidden: RefCell::default(),
            looked_at: Cell::new(0),
        }
    }

    /// How many records were looked at.
    pub(crate) fn looked_at(&self) -> u32 {
        self.looked_at.get()
    }

    pub(crate) fn record(&self, id: PackageId) -> Rc<PackageRecord> {
        if let Some(record) = self.records.borrow().get(&id) {
            return Rc::clone(record);
        }
        let record = Rc::new(self.universe.record(id));
        self.looked_at.set(self.looked_at.get().saturating_add(1));
        self.records.borrow_mut().insert(id, Rc::clone(&record));
        record
    }

    pub(crate) fn source(&self, id: PackageId) -> &str {
        self.universe.source(id)
    }

    /// The view from inside of a package.
    pub(crate) fn view(&self, record: &PackageRecord) -> View {
        let arch = self.architecture(record);
        let foreign = (arch != self.universe.architecture()).then(|| arch.into());
        View {
            foreign,
            source: None,
        }
    }

    /// The architecture that a package counts as: `all` is native (deb-control(5), "Multi-Arch").
    fn architecture<'r>(&'r self, record: &'r PackageRecord) -> &'r str {
        match record.arch.as_str() {
            "all" | "noarch" => self.universe.architecture(),
            other => other,
        }
    }

    /// Why a package can never be taken, whatever is asked for.
    fn barred(&self, id: PackageId, record: &PackageRecord) -> Option<Problem> {
        if self.request.excluded.contains(&record.name) {
            return Some(Problem::Excluded);
        }
        if let Some(to) = self
            .request
            .locked
            .get(&record.name)
            .filter(|v| **v != record.version)
        {
            return Some(Problem::Locked { to: to.clone() });
        }
        let priority = self.universe.priority(id);
        (priority < 0).then_some(Problem::Priority { priority })
    }

    fn is_preferred(&self, record: &PackageRecord) -> bool {
        self.request.preferred.get(&record.name) == Some(&record.version)
    }

    /// Which of two packages is tried first: the one of the lock, the native one, the one of higher priority, the later
    /// one; then whatever tells them apart, so that the universe's own order never matters.
    fn compare(&self, a: PackageId, b: PackageId) -> Ordering {
        let (ra, rb) = (self.record(a), self.record(b));
        let native = |r: &PackageRecord| self.architecture(r) == self.universe.architecture();
        let order = self.universe.order();
        (Reverse(self.is_preferred(&ra)).cmp(&Reverse(self.is_preferred(&rb))))
            .then_with(|| native(&rb).cmp(&native(&ra)))
            .then_with(|| self.universe.priority(b).cmp(&self.universe.priority(a)))
            .then_with(|| order.compare(rb.version.as_str(), ra.version.as_str()))
            .then_with(|| self.source(a).cmp(self.source(b)))
            .then_with(|| ra.arch.cmp(&rb.arch))
            .then_with(|| ra.version.as_str().cmp(rb.version.as_str()))
            .then_with(|| ra.location.cmp(&rb.location))
            .then_with(|| ra.digest.cmp(&rb.digest))
            .then_with(|| a.cmp(&b))
    }

    /// All packages of a name that may be taken, best first.
    pub(crate) fn versions(&self, name: &PackageName) -> Rc<[PackageId]> {
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

    fn architecture_fits(&self, relation: &Relation, view: &View, record: &PackageRecord) -> bool {
        let (arch, native) = (self.architecture(record), self.universe.architecture());
        match &relation.arch {
            None => {
                let wanted = view.foreign.as_deref().unwrap_or(native);
                arch == wanted || record.multi_arch == MultiArch::Foreign
            }
            Some(ArchQualifier::Any) => record.multi_arch == MultiArch::Allowed,
            Some(ArchQualifier::Native) => arch == native,
            Some(ArchQualifier::Named(wanted)) => arch == wanted,
        }
    }

    /// Whether a package satisfies a relation by its name or by what it provides, architecture aside.
    fn answers(&self, relation: &Relation, record: &PackageRecord) -> bool {
        let order = self.universe.order();
        let wanted = relation.constraint.as_ref();
        let by_name = || {
            record.name == relation.name
                && relation
                    .constraint
                    .as_ref()
                    .is_none_or(|wanted| wanted.matches(record.version.as_str(), order))
        };
        let provided = |provided: &Relation| {
            provided.name == relation.name && order.answers(provided.constraint.as_ref(), wanted)
        };
        by_name() || record.provides.iter().any(provided)
    }

    /// The packages that satisfy a relation.
    pub(crate) fn groups(&self, relation: &Relation, view: &View) -> Groups {
        let key = (relation.clone(), view.clone());
        if let Some(groups) = self.groups.borrow().get(&key) {
            return Rc::clone(groups);
        }
        let fits = |id: PackageId| {
            let record = self.record(id);
            self.answers(relation, &record)
                && self.architecture_fits(relation, view, &record)
                && view
                    .source
                    .as_deref()
                    .is_none_or(|wanted| wanted == self.source(id))
        };
        let groups = self.collect(relation, &fits);
        self.groups.borrow_mut().insert(key, Rc::clone(&groups));
        groups
    }

    /// The packages that a `Conflicts` or `Breaks` speaks of. Unqualified, it is about every architecture.
    pub(crate) fn forbidden(&self, relation: &Relation) -> Groups {
        if let Some(groups) = self.forbidden.borrow().get(relation) {
            return Rc::clone(groups);
        }
        let groups = self.collect(relation, &|id| {
            self.is_forbidden(relation, &self.record(id))
        });
        self.forbidden
            .borrow_mut()
            .insert(relation.clone(), Rc::clone(&groups));
        groups
    }

    /// Whether a `Conflicts` or `Breaks` speaks of a package.
    pub(crate) fn is_forbidden(&self, relation: &Relation, record: &PackageRecord) -> bool {
        let arch = match &relation.arch {
            None | Some(ArchQualifier::Any) => true,
            Some(ArchQualifier::Native) => {
                self.architecture(record) == self.universe.architecture()
            }
            Some(ArchQualifier::Named(wanted)) => self.architecture(record) == wanted,
        };
        arch && self.answers(relation, record)
    }

    fn collect(&self, relation: &Relation, fits: &dyn Fn(PackageId) -> bool) -> Groups {
        let mut groups = Vec::new();
        let real: Vec<_> = self
            .versions(&relation.name)
            .iter()
            .copied()
            .filter(|&id| fits(id))
            .collect();
        if !real.is_empty() {
            groups.push(Group {
                name: relation.name.clone(),
                ids: real,
            });
        }
        let names: BTreeSet<PackageName> = self
            .universe
            .providers(relation.name.as_str())
            .into_iter()
            .map(|id| self.record(id).name.clone())
            .filter(|name| *name != relation.name)
            .collect();
        let mut providers: Vec<(_, Group)> = Vec::with_capacity(names.len());
        for name in names {
            let versions = self.versions(&name);
            let ids: Vec<_> = versions.iter().copied().filter(|&id| fits(id)).collect();
            let Some(&best) = ids.first() else { continue };
            let record = self.record(best);
            // As apt ranks them: what every installation holds, the native one, by importance. A package whose preferred
            // version does not provide the name comes last, and the name decides what is left.
            let rank = (
                !self.is_preferred(&record),
                versions.first() != Some(&best),
                !record.essential,
                self.architecture(&record) != self.universe.architecture(),
                record.priority,
            );
            providers.push((rank, Group { name, ids }));
        }
        // Stable: the groups come in order of name.
        providers.sort_by_key(|(rank, _)| *rank);
        groups.extend(providers.into_iter().map(|(_, group)| group));
        groups.into()
    }

    /// The packages that a matcher speaks of.
    pub(crate) fn matching(&self, matcher: &Matcher, view: &View) -> Groups {
        let (a, b, keep) = match matcher {
            Matcher::One(relation) => return self.groups(relation, view),
            Matcher::Both(a, b) => (a, b, true),
            Matcher::Except(a, b) => (a, b, false),
        };
        let right: BTreeSet<PackageId> = self
            .matching(b, view)
            .iter()
            .flat_map(|g| g.ids.iter().copied())
            .collect();
        let left = self.matching(a, view);
        let part = |group: &Group| {
            let ids: Vec<_> = group
                .ids
                .iter()
                .copied()
                .filter(|id| right.contains(id) == keep)
                .collect();
            (!ids.is_empty()).then(|| Group {
                name: group.name.clone(),
                ids,
            })
        };
        left.iter().filter_map(part).collect()
    }

    /// Whether one of the groups holds the version of it that the lock prefers.
    pub(crate) fn holds_preferred(&self, groups: &Groups) -> bool {
        let preferred = |id: &PackageId| self.is_preferred(&self.record(*id));
        !self.request.preferred.is_empty()
            && groups
                .iter()
                .any(|group| group.ids.first().is_some_and(preferred))
    }

    /// What comes near to a requirement that nothing satisfies.
    pub(crate) fn missing(&self, requirement: &Requirement, view: &View) -> Missing {
        let mut relations = Vec::new();
        relations_of(requirement, &mut relations);
        relations.truncate(100);
        let mut known = Vec::new();
        let mut similar: Vec<PackageName> = Vec::new();
        for relation in relations {
            let mut ids = self.universe.named(relation.name.as_str());
            ids.extend(self.universe.providers(relation.name.as_str()));
            let mut best: BTreeMap<PackageName, Vec<PackageId>> = BTreeMap::new();
            for id in ids {
                best.entry(self.record(id).name.clone())
                    .or_default()
                    .push(id);
            }
            let mut near = false;
            // The wanted name first, then its providers.
            let own = best.remove(&relation.name).into_iter();
            for mut ids in own.chain(best.into_values()) {
                ids.sort_by(|&a, &b| self.compare(a, b));
                for id in ids {
                    let record = self.record(id);
                    let Some(problem) = self.problem(id, &record, relation, view) else {
                        continue;
                    };
                    near = true;
                    known.push(Known {
                        name: record.name.clone(),
                        version: record.version.clone(),
                        arch: record.arch.clone(),
                        source: self.source(id).to_owned(),
                        problem,
                    });
                }
            }
            if !near {
                similar.extend(self.universe.similar(relation.name.as_str()));
            }
        }
        known.dedup();
        known.truncate(20);
        let mut seen = BTreeSet::new();
        similar.retain(|name| seen.insert(name.clone()));
        similar.truncate(5);
        Missing {
            requirement: requirement.clone(),
            known,
            similar,
        }
    }

    fn problem(
        &self,
        id: PackageId,
        record: &PackageRecord,
        relation: &Relation,
        view: &View,
    ) -> Option<Problem> {
        if !self.answers(relation, record) {
            let unversioned = |p: &Relation| p.name == relation.name && p.constraint.is_none();
            return Some(
                if record.name != relation.name && record.provides.iter().any(unversioned) {
                    Problem::UnversionedProvides
                } else {
                    Problem::Version
                },
            );
        }
        if view
            .source
            .as_deref()
            .is_some_and(|wanted| wanted != self.source(id))
        {
            return Some(Problem::Source);
        }
        if !self.architecture_fits(relation, view, record) {
            return Some(Problem::Architecture);
        }
        self.barred(id, record)
    }
}

/// All relations in a requirement, in order.
fn relations_of<'r>(requirement: &'r Requirement, relations: &mut Vec<&'r Relation>) {
    match requirement {
        Requirement::One(relation) => relations.push(relation),
        Requirement::Any(items) | Requirement::All(items) => {
            for item in items {
                relations_of(item, relations);
            }
        }
        Requirement::If {
            then, otherwise, ..
        }
        | Requirement::Unless {
            then, otherwise, ..
        } => {
            relations_of(then, relations);
            if let Some(otherwise) = otherwise {
                relations_of(otherwise, relations);
            }
        }
        Requirement::With(a, b) => {
            relations_of(a, relations);
            relations_of(b, relations);
        }
        Requirement::Without(a, _) => relations_of(a, relations),
    }
}
