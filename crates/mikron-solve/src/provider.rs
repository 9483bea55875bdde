//! Shows a catalog to resolvo: packages, sets of packages and conditions as small numbers.
//!
//! To resolvo every package is a name of its own with one candidate, and that of one name one version only is there is a
//! constraint like any other. That a package is absent is a package too, which constrains it away: so a clause under a
//! condition is one without, of which an alternative is that the condition does not hold. (resolvo's own conditions call for
//! another version of a name where none has to be there.)

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Display;
use std::rc::Rc;

use mikron_package::{PackageId, PackageName, Requirement};
use resolvo::{
    Candidates, Condition, ConditionId, ConditionalRequirement, Dependencies, DependencyProvider,
    HintDependenciesAvailable, Interner, KnownDependencies, NameId, SolvableId, SolverCache,
    StringId, VersionSetId, VersionSetUnionId,
};

use crate::again::Turned;
use crate::catalog::Catalog;
use crate::ground::{demands, ground};
use crate::terms::{Ground, View};
use crate::{Place, RelationKind, SolveError};

/// Where a clause of resolvo comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) kind: RelationKind,
    pub(crate) requirement: Requirement,
    pub(crate) ground: Ground,
}

/// What resolvo can choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Item {
    /// That a package is there.
    There(PackageId),
    /// That it is not.
    Absent(PackageId),
}

#[derive(Default)]
struct Pool {
    items: Vec<Item>,
    places: HashMap<Item, u32>,
    unions: Vec<Rc<[VersionSetId]>>,
    union_ids: HashMap<Rc<[VersionSetId]>, VersionSetUnionId>,
    /// The clauses with a condition; each has a union of its own.
    origins: HashMap<VersionSetUnionId, Origin>,
}

/// What takes part of all that is demanded: what an earlier run offended against.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watched {
    /// Names whose bans do; `None` for all.
    pub(crate) names: Option<BTreeSet<PackageName>>,
    /// Clauses with a condition, each with the package that demands it.
    pub(crate) clauses: HashSet<(Option<PackageId>, Ground)>,
    /// Of packages that may not come in for what they satisfy alone: of each list one must be there too.
    pub(crate) support: BTreeMap<PackageId, Vec<Vec<PackageId>>>,
    /// Choices that are made otherwise than is preferred.
    pub(crate) turned: Turned,
}

impl Watched {
    pub(crate) fn nothing() -> Self {
        Self {
            names: Some(BTreeSet::new()),
            ..Self::default()
        }
    }

    /// The packages that satisfy a clause, in the order in which they are tried.
    fn tried(&self, ground: &Ground) -> impl Iterator<Item = PackageId> {
        let first = self.turned.get(ground).copied();
        let ids = ground.any.iter().map(|choice| choice.id);
        let rest = ids.filter(move |id| Some(*id) != first);
        first.into_iter().chain(rest)
    }

    fn has(&self, name: &PackageName) -> bool {
        self.names.as_ref().is_none_or(|names| names.contains(name))
    }
}

/// The universe as resolvo sees it.
pub(crate) struct Provider<'a> {
    pub(crate) catalog: &'a Catalog<'a>,
    watched: &'a Watched,
    pool: RefCell<Pool>,
    failure: RefCell<Option<SolveError>>,
    rounds: Cell<u64>,
}

impl<'a> Provider<'a> {
    pub(crate) fn new(catalog: &'a Catalog<'a>, watched: &'a Watched) -> Self {
        Self {
            catalog,
            watched,
            pool: RefCell::default(),
            failure: RefCell::default(),
            rounds: Cell::new(0),
        }
    }

    /// What made the solver stop, if it was not a contradiction.
    pub(crate) fn failure(&self) -> Option<SolveError> {
        self.failure.borrow().clone()
    }

    fn fail(&self, error: SolveError) {
        self.failure.borrow_mut().get_or_insert(error);
    }

    pub(crate) fn item(&self, solvable: SolvableId) -> Item {
        self.at(solvable.into_raw())
    }

    /// What is behind a number. Every number that resolvo holds was made by `place`.
    fn at(&self, place: u32) -> Item {
        let pool = self.pool.borrow();
        let item = pool.items.get(place as usize);
        item.copied().unwrap_or(Item::Absent(PackageId(u32::MAX)))
    }

    fn place(&self, item: Item) -> u32 {
        let pool = &mut *self.pool.borrow_mut();
        *pool.places.entry(item).or_insert_with(|| {
            pool.items.push(item);
            pool.items.len() as u32 - 1
        })
    }

    /// The set of this package.
    fn set(&self, id: PackageId) -> VersionSetId {
        VersionSetId(self.place(Item::There(id)) * 2)
    }

    /// The set of its absence.
    fn absence(&self, id: PackageId) -> VersionSetId {
        VersionSetId(self.place(Item::Absent(id)) * 2)
    }

    /// The set that this package is not in.
    fn without(&self, id: PackageId) -> VersionSetId {
        VersionSetId(self.place(Item::There(id)) * 2 + 1)
    }

    fn union(&self, ids: impl Iterator<Item = PackageId>) -> VersionSetUnionId {
        let mut seen = BTreeSet::new();
        let ids: Vec<_> = ids.filter(|id| seen.insert(*id)).collect();
        let sets: Vec<VersionSetId> = ids.into_iter().map(|id| self.set(id)).collect();
        let pool = &mut *self.pool.borrow_mut();
        if let Some(id) = pool.union_ids.get(sets.as_slice()) {
            return *id;
        }
        let sets: Rc<[VersionSetId]> = sets.into();
        let id = VersionSetUnionId(pool.unions.len() as u32);
        pool.unions.push(Rc::clone(&sets));
        pool.union_ids.insert(sets, id);
        id
    }

    /// The requirement of exactly this package.
    pub(crate) fn exactly(&self, id: PackageId) -> resolvo::Requirement {
        self.set(id).into()
    }

    /// Whether it is asked of a package that something asks for it by its own name.
    pub(crate) fn is_support(&self, id: PackageId, wanted: resolvo::Requirement) -> bool {
        let lists = self.watched.support.get(&id).into_iter().flatten();
        let mut unions = lists.map(|list| self.union(list.iter().copied()).into());
        unions.any(|union: resolvo::Requirement| union == wanted)
    }

    /// The union of an unconditional clause.
    pub(crate) fn unconditional(&self, ground: &Ground) -> resolvo::Requirement {
        self.union(self.watched.tried(ground)).into()
    }

    /// Where a clause with a condition comes from.
    pub(crate) fn origin(&self, wanted: resolvo::Requirement) -> Option<Origin> {
        match wanted {
            resolvo::Requirement::Union(union) => self.pool.borrow().origins.get(&union).cloned(),
            resolvo::Requirement::Single(_) => None,
        }
    }

    /// Adds what a demand of a package, or of the spec, comes to.
    pub(crate) fn add(
        &self,
        own: Option<PackageId>,
        (kind, requirement, holds): (RelationKind, &Requirement, bool),
        view: &View,
        place: &dyn Fn() -> Place,
        known: &mut KnownDependencies,
    ) -> Result<(), SolveError> {
        for ground in &*ground(self.catalog, requirement, holds, view, place)? {
            if ground.is_idle(own) {
                continue;
            }
            let others: Vec<PackageId> = ground.others(own).collect();
            if !others.is_empty() && !self.watched.clauses.contains(&(own, ground.clone())) {
                continue;
            }
            match others.as_slice() {
                [] => known.requirements.push(ConditionalRequirement {
                    condition: None,
                    requirement: self.unconditional(ground),
                }),
                [other] if ground.any.is_empty() && kind == RelationKind::Conflicts => {
                    known.constrains.push(self.without(*other));
                }
                others => {
                    // First what the condition calls for: it was found to hold.
                    let any = self.watched.tried(ground).map(|id| self.set(id));
                    let absent = others.iter().map(|id| self.absence(*id));
                    let sets: Vec<VersionSetId> = any.chain(absent).collect();
                    let pool = &mut *self.pool.borrow_mut();
                    let union = VersionSetUnionId(pool.unions.len() as u32);
                    pool.unions.push(sets.into());
                    let origin = Origin {
                        kind,
                        requirement: requirement.clone(),
                        ground: ground.clone(),
                    };
                    pool.origins.insert(union, origin);
                    known.requirements.push(ConditionalRequirement {
                        condition: None,
                        requirement: union.into(),
                    });
                }
            }
        }
        Ok(())
    }

    fn dependencies(&self, id: PackageId) -> Result<KnownDependencies, SolveError> {
        let record = self.catalog.record(id);
        let view = self.catalog.view(id);
        let place = || Place::Package(record.name.clone(), record.version.clone());
        let mut known = KnownDependencies::default();
        for demand in demands(&record) {
            let what = (demand.kind, demand.requirement, demand.holds);
            self.add(Some(id), what, &view, &place, &mut known)?;
        }
        for lists in self.watched.support.get(&id).into_iter().flatten() {
            known.requirements.push(ConditionalRequirement {
                condition: None,
                requirement: self.union(lists.iter().copied()).into(),
            });
        }
        for other in &*self.catalog.versions(&record.name) {
            if *other != id {
                known.constrains.push(self.without(*other));
            }
        }
        for ban in self.catalog.rules.bans(&record) {
            if self.watched.has(&ban.relation.name) {
                let banned = self.catalog.banned(&ban, &record.name);
                known
                    .constrains
                    .extend(banned.into_iter().map(|id| self.without(id)));
            }
        }
        let (found, allowed) = (self.catalog.looked_at(), self.catalog.budget.packages);
        check("packages", found.into(), allowed.into(), &place)?;
        Ok(known)
    }
}

fn check(
    budget: &'static str,
    found: u64,
    allowed: u64,
    place: &dyn Fn() -> Place,
) -> Result<(), SolveError> {
    if found <= allowed {
        return Ok(());
    }
    Err(SolveError::Budget {
        budget,
        found,
        allowed,
        place: place(),
    })
}

impl Interner for Provider<'_> {
    type NameId = NameId;
    type SolvableId = SolvableId;

    fn display_solvable(&self, solvable: SolvableId) -> impl Display + '_ {
        format!("{:?}", self.item(solvable))
    }

    fn display_name(&self, name: NameId) -> impl Display + '_ {
        format!("{:?}", self.at(name.into_raw()))
    }

    fn display_version_set(&self, set: VersionSetId) -> impl Display + '_ {
        format!("#{}", set.0)
    }

    fn display_string(&self, _: StringId) -> impl Display + '_ {
        "unusable"
    }

    fn version_set_name(&self, set: VersionSetId) -> NameId {
        NameId::from_raw(set.0 / 2)
    }

    fn solvable_name(&self, solvable: SolvableId) -> NameId {
        NameId::from_raw(solvable.into_raw())
    }

    fn version_sets_in_union(
        &self,
        union: VersionSetUnionId,
    ) -> impl Iterator<Item = VersionSetId> {
        let sets = Rc::clone(&self.pool.borrow().unions[union.0 as usize]);
        (0..sets.len()).map(move |i| sets[i])
    }

    fn resolve_condition(&self, _: ConditionId) -> Condition {
        unreachable!("no requirement has a condition")
    }
}

impl DependencyProvider for Provider<'_> {
    async fn filter_candidates(
        &self,
        candidates: &[SolvableId],
        set: VersionSetId,
        inverse: bool,
    ) -> Vec<SolvableId> {
        // The one candidate of the name is in its set and not in the other one.
        let holds = set.0.is_multiple_of(2) != inverse;
        candidates.iter().copied().filter(|_| holds).collect()
    }

    async fn get_candidates(&self, name: NameId) -> Option<Candidates<SolvableId>> {
        Some(Candidates {
            candidates: vec![SolvableId::from_raw(name.into_raw())],
            // None: a record is looked at when its package is tried, and never before.
            hint_dependencies_available: HintDependenciesAvailable::None,
            ..Candidates::default()
        })
    }

    async fn sort_candidates(&self, _: &SolverCache<Self>, _: &mut [SolvableId]) {
        // There is never more than one.
    }

    async fn get_dependencies(&self, solvable: SolvableId) -> Dependencies {
        let known = match self.item(solvable) {
            Item::There(id) => self.dependencies(id),
            Item::Absent(id) => Ok(KnownDependencies {
                constrains: vec![self.without(id)],
                ..KnownDependencies::default()
            }),
        };
        match known {
            Ok(known) => Dependencies::Known(known),
            Err(error) => {
                self.fail(error);
                Dependencies::Unknown(StringId(0))
            }
        }
    }

    fn should_cancel_with_value(&self) -> Option<Box<dyn Any>> {
        let round = self.rounds.get() + 1;
        self.rounds.set(round);
        let place = || Place::Request;
        if let Err(error) = check("rounds", round, self.catalog.budget.rounds, &place) {
            self.fail(error);
        }
        let failed: Box<dyn Any> = Box::new(());
        self.failure.borrow().is_some().then_some(failed)
    }
}
