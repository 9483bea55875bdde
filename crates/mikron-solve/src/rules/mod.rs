//! What tells one family's solving from another's: which package is preferred, what may stand for what, what excludes
//! what, and what comes in unasked. All else is the same for all.

mod apk;
mod deb;
mod rpm;

use std::cmp::Ordering;

use mikron_package::{Family, PackageId, PackageName, PackageRecord, Relation};

use crate::RelationKind;
use crate::catalog::{Candidate, Catalog, View};
use crate::clauses::Clause;
use crate::ground::Choice;
use crate::needed::Kept;

/// The rules of one family.
pub(crate) trait Rules: Sync {
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
        relation: &Relation,
        view: &View,
        record: &PackageRecord,
    ) -> bool;

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
    fn compare(&self, catalog: &Catalog<'_>, a: PackageId, b: PackageId) -> Ordering;

    /// The packages that satisfy a relation, best first.
    fn found(&self, catalog: &Catalog<'_>, relation: &Relation, view: &View) -> Vec<Candidate>;

    /// Whether only packages that can be there are compared with each other. If so, it is found out first which cannot.
    fn compares_possible(&self) -> bool {
        false
    }

    /// Puts what satisfies the alternatives of a clause in the order in which it is tried. It comes in the order of the
    /// alternatives.
    fn arranged(
        &self,
        catalog: &Catalog<'_>,
        clause: &Clause,
        view: &View,
        choices: Vec<Choice>,
    ) -> Vec<Choice>;

    /// What must not be beside a package.
    fn bans(&self, record: &PackageRecord) -> Vec<Ban>;

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

/// The rules of a family.
pub(crate) fn of(family: Family) -> &'static dyn Rules {
    match family {
        Family::Deb => &deb::Deb,
        Family::Rpm => &rpm::Rpm,
        Family::Apk => &apk::Apk,
    }
}

/// Something that must not be beside a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ban {
    pub(crate) kind: RelationKind,
    pub(crate) relation: Relation,
    pub(crate) reach: Reach,
}

/// Which packages a [`Ban`] speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
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
    fn answers(kind: RelationKind, relation: &Relation) -> Self {
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
