//! Shows a catalog to resolvo: names, packages, sets of packages and conditions as small numbers.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::fmt::Display;
use std::rc::Rc;

use mikron_package::{PackageId, PackageName, PackageRecord, Relation, Requirement};
use resolvo::{
    Candidates, Condition, ConditionId, ConditionalRequirement, Dependencies, DependencyProvider,
    HintDependenciesAvailable, Interner, KnownDependencies, LogicalOperator, NameId, SolvableId,
    SolverCache, StringId, VersionSetId, VersionSetUnionId,
};

use crate::SolveError;
use crate::catalog::{Catalog, Group, View};
use crate::clauses::{Clause, ClauseError, Matcher, Term, When, clauses};

/// A set of packages of one name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Set {
    name: NameId,
    ids: Vec<PackageId>,
    /// All of the name but these.
    negated: bool,
}

#[derive(Default)]
struct Pool {
    names: Vec<PackageName>,
    name_ids: HashMap<PackageName, NameId>,
    solvables: Vec<PackageId>,
    solvable_ids: HashMap<PackageId, SolvableId>,
    sets: Vec<Rc<Set>>,
    set_ids: HashMap<Rc<Set>, VersionSetId>,
    unions: Vec<Rc<[VersionSetId]>>,
    union_ids: HashMap<Rc<[VersionSetId]>, VersionSetUnionId>,
    conditions: Vec<Condition>,
    condition_ids: HashMap<Condition, ConditionId>,
}

/// The names whose `Conflicts` and `Breaks` take part.
#[derive(Clone, Debug, Default)]
pub(crate) enum Watched {
    #[default]
    None,
    Names(BTreeSet<PackageName>),
    All,
}

impl Watched {
    pub(crate) fn has(&self, name: &PackageName) -> bool {
        match self {
            Self::None => false,
            Self::Names(names) => names.contains(name),
            Self::All => true,
        }
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

    pub(crate) fn package(&self, solvable: SolvableId) -> PackageId {
        let index = solvable.into_raw() as usize;
        // Every id that resolvo holds was made by `solvable`.
        self.pool
            .borrow()
            .solvables
            .get(index)
            .copied()
            .unwrap_or(PackageId(u32::MAX))
    }

    fn solvable(&self, id: PackageId) -> SolvableId {
        let pool = &mut *self.pool.borrow_mut();
        *pool.solvable_ids.entry(id).or_insert_with(|| {
            pool.solvables.push(id);
            SolvableId::from_raw(pool.solvables.len() as u32 - 1)
        })
    }

    fn name(&self, name: &PackageName) -> NameId {
        let pool = &mut *self.pool.borrow_mut();
        if let Some(id) = pool.name_ids.get(name) {
            return *id;
        }
        let id = NameId::from_raw(pool.names.len() as u32);
        pool.names.push(name.clone());
        pool.name_ids.insert(name.clone(), id);
        id
    }

    fn set(&self, group: &Group, negated: bool) -> VersionSetId {
        let name = self.name(&group.name);
        let set = Rc::new(Set {
            name,
            ids: group.ids.clone(),
            negated,
        });
        let pool = &mut *self.pool.borrow_mut();
        if let Some(id) = pool.set_ids.get(&set) {
            return *id;
        }
        let id = VersionSetId(pool.sets.len() as u32);
        pool.sets.push(Rc::clone(&set));
        pool.set_ids.insert(set, id);
        id
    }

    fn condition(&self, condition: Condition) -> ConditionId {
        let pool = &mut *self.pool.borrow_mut();
        if let Some(id) = pool.condition_ids.get(&condition) {
            return *id;
        }
        let id = ConditionId::new(pool.conditions.len() as u32);
        pool.conditions.push(condition.clone());
        pool.condition_ids.insert(condition, id);
        id
    }

    /// The condition as resolvo has it; `Err` where it can never hold, `Ok(None)` where it always does.
    fn when(&self, when: &When, view: &View) -> Result<Option<ConditionId>, Never> {
        let join = |a: Option<ConditionId>, b: ConditionId, operator| match a {
            None => b,
            Some(a) => self.condition(Condition::Binary(operator, a, b)),
        };
        match when {
            When::Holds(matcher) => {
                let mut any = None;
                for group in self.catalog.matching(matcher, view).iter() {
                    let set = self.condition(Condition::Requirement(self.set(group, false)));
                    any = Some(join(any, set, LogicalOperator::Or));
                }
                any.map(Some).ok_or(Never)
            }
            When::All(parts) => {
                let mut all = None;
                for part in parts {
                    if let Some(part) = self.when(part, view)? {
                        all = Some(join(all, part, LogicalOperator::And));
                    }
                }
                Ok(all)
            }
            When::Any(parts) => {
                let mut any = None;
                for part in parts {
                    match self.when(part, view) {
                        Ok(None) => return Ok(None),
                        Ok(Some(part)) => any = Some(join(any, part, LogicalOperator::Or)),
                        Err(Never) => {}
                    }
                }
                any.map(Some).ok_or(Never)
            }
        }
    }

    /// A clause as resolvo has it; `None` where its condition can never hold.
    fn clause(
        &self,
        clause: &Clause,
        view: &View,
        place: &dyn Fn() -> String,
    ) -> Result<Option<ConditionalRequirement>, SolveError> {
        let condition = match &clause.when {
            None => None,
            Some(when) => match self.when(when, view) {
                Ok(condition) => condition,
                Err(Never) => return Ok(None),
            },
        };
        let mut sets = Vec::new();
        let mut count = 0;
        for (_, groups) in terms(self.catalog, clause, view) {
            for group in groups.iter() {
                count += group.ids.len() as u64;
                let set = self.set(group, false);
                if !sets.contains(&set) {
                    sets.push(set);
                }
            }
            check(
                "alternatives",
                count,
                self.catalog.budget.alternatives.into(),
                place,
            )?;
        }
        Ok(Some(ConditionalRequirement {
            condition,
            requirement: self.union(sets).into(),
        }))
    }

    fn union(&self, sets: Vec<VersionSetId>) -> VersionSetUnionId {
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

    /// The clauses of one requirement as resolvo has them.
    pub(crate) fn requirement(
        &self,
        requirement: &Requirement,
        view: &View,
        place: &dyn Fn() -> String,
    ) -> Result<Vec<ConditionalRequirement>, SolveError> {
        let parts = parts(self.catalog, requirement, place)?;
        let parts = parts.iter().map(|clause| self.clause(clause, view, place));
        parts.filter_map(Result::transpose).collect()
    }

    /// The sets that a `Conflicts` or `Breaks` of a package allows, one for each name that it speaks of.
    pub(crate) fn allowed(&self, record: &PackageRecord, relation: &Relation) -> Vec<VersionSetId> {
        // A package never conflicts with itself, and of one name one version only is there (deb-control(5)).
        let groups = self.catalog.forbidden(relation);
        let others = groups.iter().filter(|group| group.name != record.name);
        others.map(|group| self.set(group, true)).collect()
    }

    fn dependencies(&self, id: PackageId) -> Result<KnownDependencies, SolveError> {
        let record = self.catalog.record(id);
        let view = self.catalog.view(&record);
        let place = || SolveError::place(record.name.as_str(), &record.version);
        let mut known = KnownDependencies::default();
        for requirement in record.requirements() {
            known
                .requirements
                .extend(self.requirement(requirement, &view, &place)?);
        }
        for relation in record.conflicts.iter().chain(&record.breaks) {
            if self.watched.has(&relation.name) {
                known.constrains.extend(self.allowed(&record, relation));
            }
        }
        let (found, allowed) = (self.catalog.looked_at(), self.catalog.budget.packages);
        check("packages", found.into(), allowed.into(), &place)?;
        Ok(known)
    }
}

/// A condition that cannot hold.
struct Never;

/// The clauses of a requirement.
pub(crate) fn parts(
    catalog: &Catalog<'_>,
    requirement: &Requirement,
    place: &dyn Fn() -> String,
) -> Result<Vec<Clause>, SolveError> {
    let allowed = catalog.budget.alternatives;
    clauses(requirement, allowed).map_err(|error| match error {
        ClauseError::TooMany(found) => SolveError::Budget {
            budget: "alternatives",
            found,
            allowed: allowed.into(),
            where_: place(),
        },
        ClauseError::Condition => SolveError::Unsupported {
            requirement: requirement.clone(),
            where_: place(),
        },
    })
}

/// The terms of a clause with what satisfies them, in the order in which they are tried: as they stand, but first what an
/// earlier lock has.
pub(crate) fn terms<'c>(
    catalog: &Catalog<'_>,
    clause: &'c Clause,
    view: &View,
) -> Vec<(&'c Term, crate::catalog::Groups)> {
    let matching = |matcher: &Matcher| catalog.matching(matcher, view);
    let mut terms: Vec<_> = clause
        .terms
        .iter()
        .map(|t| (t, matching(&t.matcher)))
        .collect();
    if terms.len() > 1 && !catalog.request.preferred.is_empty() {
        terms.sort_by_key(|(_, groups)| !catalog.holds_preferred(groups));
    }
    terms
}

fn check(
    budget: &'static str,
    found: u64,
    allowed: u64,
    place: &dyn Fn() -> String,
) -> Result<(), SolveError> {
    if found <= allowed {
        return Ok(());
    }
    Err(SolveError::Budget {
        budget,
        found,
        allowed,
        where_: place(),
    })
}

impl Interner for Provider<'_> {
    type NameId = NameId;
    type SolvableId = SolvableId;

    fn display_solvable(&self, solvable: SolvableId) -> impl Display + '_ {
        let record = self.catalog.record(self.package(solvable));
        format!("{} {}", record.name, record.version)
    }

    fn display_name(&self, name: NameId) -> impl Display + '_ {
        let pool = self.pool.borrow();
        pool.names
            .get(name.into_raw() as usize)
            .map(PackageName::to_string)
            .unwrap_or_default()
    }

    fn display_version_set(&self, set: VersionSetId) -> impl Display + '_ {
        format!("#{}", set.0)
    }

    fn display_string(&self, _: StringId) -> impl Display + '_ {
        "unusable"
    }

    fn version_set_name(&self, set: VersionSetId) -> NameId {
        self.pool.borrow().sets[set.0 as usize].name
    }

    fn solvable_name(&self, solvable: SolvableId) -> NameId {
        let record = self.catalog.record(self.package(solvable));
        self.name(&record.name)
    }

    fn version_sets_in_union(
        &self,
        union: VersionSetUnionId,
    ) -> impl Iterator<Item = VersionSetId> {
        let sets = Rc::clone(&self.pool.borrow().unions[union.0 as usize]);
        (0..sets.len()).map(move |i| sets[i])
    }

    fn resolve_condition(&self, condition: ConditionId) -> Condition {
        self.pool.borrow().conditions[condition.as_u32() as usize].clone()
    }
}

impl DependencyProvider for Provider<'_> {
    async fn filter_candidates(
        &self,
        candidates: &[SolvableId],
        set: VersionSetId,
        inverse: bool,
    ) -> Vec<SolvableId> {
        let set = Rc::clone(&self.pool.borrow().sets[set.0 as usize]);
        let keep = set.negated == inverse;
        let has = |s: &SolvableId| set.ids.contains(&self.package(*s)) == keep;
        candidates.iter().copied().filter(has).collect()
    }

    async fn get_candidates(&self, name: NameId) -> Option<Candidates<SolvableId>> {
        let name = self
            .pool
            .borrow()
            .names
            .get(name.into_raw() as usize)
            .cloned()?;
        let versions = self.catalog.versions(&name);
        Some(Candidates {
            candidates: versions.iter().map(|&id| self.solvable(id)).collect(),
            // None: a record is looked at when its package is tried, and never before.
            hint_dependencies_available: HintDependenciesAvailable::None,
            ..Candidates::default()
        })
    }

    async fn sort_candidates(&self, _: &SolverCache<Self>, _: &mut [SolvableId]) {
        // `get_candidates` gives them best first, and filtering keeps the order.
    }

    async fn get_dependencies(&self, solvable: SolvableId) -> Dependencies {
        match self.dependencies(self.package(solvable)) {
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
        let place = || "the whole request".to_owned();
        if let Err(error) = check("rounds", round, self.catalog.budget.rounds, &place) {
            self.fail(error);
        }
        let failed: Box<dyn Any> = Box::new(());
        self.failure.borrow().is_some().then_some(failed)
    }
}
