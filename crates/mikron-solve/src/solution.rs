//! What a solver found, with the reasons.

use mikron_package::{PackageId, PackageName, Relation, Requirement, Version};
use serde::{Deserialize, Serialize};

use crate::Asker;

/// A set of packages that satisfies a request: one version of each name, nothing missing, nothing clashing, and nothing
/// in it that no requirement leads to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Solution {
    /// The packages, in order of name.
    pub packages: Vec<Solved>,
    /// Alternatives that were not taken, in order of the requiring package's name; of each requirement the first hundred.
    pub skipped: Vec<Skipped>,
}

impl Solution {
    /// The package of this name.
    pub fn get(&self, name: &str) -> Option<&Solved> {
        let found = self
            .packages
            .binary_search_by(|p| p.name.as_str().cmp(name));
        found.ok().map(|i| &self.packages[i])
    }

    /// The package with this id.
    pub fn by_id(&self, id: PackageId) -> Option<&Solved> {
        self.packages.iter().find(|p| p.id == id)
    }

    /// The shortest chain of reasons from the spec to the package of this name.
    pub fn chain(&self, name: &str) -> Option<Chain<'_>> {
        let mut current = self.get(name)?;
        let mut packages = vec![current];
        // Each step gets nearer to a root, so the chain is never longer than the solution.
        for _ in 0..self.packages.len() {
            match &current.via {
                Reason::Root { asker, .. } => {
                    packages.reverse();
                    return Some(Chain { asker, packages });
                }
                Reason::Requires { by, .. } => {
                    current = self.by_id(*by)?;
                    packages.push(current);
                }
                Reason::InstallIf { by, .. } => {
                    current = self.by_id(*by.first()?)?;
                    packages.push(current);
                }
            }
        }
        None
    }
}

/// The shortest chain of reasons that leads from the spec to a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain<'a> {
    /// Who asks for the first of them.
    pub asker: &'a Asker,
    /// The packages on the way, from the one that the spec names to the one that was asked about.
    pub packages: Vec<&'a Solved>,
}

/// One package of a solution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Solved {
    /// Which package of the universe.
    pub id: PackageId,
    /// Its name.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    /// Everything that asks for it; never empty. Roots first, then in order of the requiring package's name.
    pub reasons: Vec<Reason>,
    /// The reason on the shortest chain from the spec.
    pub via: Reason,
}

/// Why a package is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "reason")]
pub enum Reason {
    /// The spec names it.
    Root {
        /// Who asks for it.
        asker: Asker,
        /// What stands there.
        requirement: Requirement,
        /// Which alternative of it the package is, counted from 0.
        alternative: usize,
    },
    /// A package of the solution requires it.
    Requires {
        /// That package.
        by: PackageId,
        /// In which field.
        kind: RelationKind,
        /// The requirement as the control file has it.
        requirement: Requirement,
        /// Which alternative of it the package is, counted from 0.
        alternative: usize,
    },
    /// Nobody asks for it: apk takes it because all that its `install_if` names is there.
    InstallIf {
        /// The packages that satisfy the relations, in their order.
        by: Vec<PackageId>,
        /// The relations.
        relations: Vec<Relation>,
    },
}

/// The field that a relation stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RelationKind {
    /// `Pre-Depends`.
    PreDepends,
    /// `Depends`.
    Depends,
    /// `Conflicts`.
    Conflicts,
    /// `Breaks`.
    Breaks,
    /// rpm's `Obsoletes`.
    Obsoletes,
    /// apk's `provides`: of those that have or provide a name, where one does it with a version, one only can be there.
    Provides,
}

impl RelationKind {
    /// The field's name.
    pub fn field(self) -> &'static str {
        match self {
            Self::PreDepends => "Pre-Depends",
            Self::Depends => "Depends",
            Self::Conflicts => "Conflicts",
            Self::Breaks => "Breaks",
            Self::Obsoletes => "Obsoletes",
            Self::Provides => "Provides",
        }
    }

    /// The relation as a verb: `a 1 depends on b`.
    pub fn verb(self) -> &'static str {
        match self {
            Self::PreDepends => "pre-depends on",
            Self::Depends => "depends on",
            Self::Conflicts => "conflicts with",
            Self::Breaks => "breaks",
            Self::Obsoletes => "obsoletes",
            Self::Provides => "shares the name",
        }
    }
}

/// An alternative that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Skipped {
    /// The package that offers the alternative; `None` where it stands in the spec.
    pub by: Option<PackageId>,
    /// The whole requirement.
    pub requirement: Requirement,
    /// The alternative, counted from 0.
    pub alternative: usize,
    /// The package that satisfies the requirement instead.
    pub chosen: PackageId,
    /// Why.
    pub why: SkipReason,
}

/// Why an alternative was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "why")]
pub enum SkipReason {
    /// An earlier alternative holds.
    NotNeeded,
    /// A later alternative is there anyway, for another reason.
    AlreadySatisfied,
    /// No package satisfies it.
    Missing,
    /// What satisfies it clashes with a package of the solution.
    Clashes {
        /// That package.
        with: PackageId,
        /// The relation that forbids them together.
        relation: Relation,
    },
    /// What it needs in turn cannot be had together with the rest.
    Unsatisfiable,
}
