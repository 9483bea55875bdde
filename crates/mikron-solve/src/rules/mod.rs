//! What tells one family's solving from another's: which package is preferred, what may stand for what, what excludes
//! what, and what comes in unasked. All else is the same for all.
//!
//! A family hands its [`Rules`] to [`ResolvoSolver::with_rules`](crate::ResolvoSolver::with_rules); of all that it does not say
//! the plain rules hold, and they hold too for a family that says nothing.

mod apk;
mod deb;
mod rpm;

use std::cmp::Ordering;

use mikron_package::{PackageId, PackageName, PackageRecord, Relation};

use crate::RelationKind;
pub use crate::catalog::{Candidate, Catalog, View};
pub use crate::clauses::Clause;
pub use crate::ground::Choice;
pub use crate::needed::Kept;

pub use apk::Apk;
pub use deb::Deb;
pub use rpm::Rpm;

/// The plain rules: of several packages the source of the highest priority, then the latest version; a package of a name
/// before those that provide it; nothing beside what it conflicts with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plain;

impl Rules for Plain {}

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
