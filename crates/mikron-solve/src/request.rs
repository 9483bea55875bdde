//! What is asked of a solver.

use std::collections::BTreeMap;

use mikron_package::{PackageName, Relation, Requirement, Version};
use serde::{Deserialize, Serialize};

/// What an image is to hold, and what to prefer on the way there.
///
/// ```
/// use mikron_package::Version;
/// use mikron_solve::Request;
/// let mut request = Request::of(["nginx".parse()?]);
/// request.preferred.insert("libc6".parse()?, Version::new("2.36-9"));
/// assert_eq!(request.roots[0].label, "nginx");
/// # Ok::<(), mikron_package::NameError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Request {
    /// The packages that the spec names. Their order has no meaning.
    pub roots: Vec<Root>,
    /// Versions to keep where nothing speaks against it: those of an earlier lock, for minimal change.
    #[serde(default)]
    pub preferred: BTreeMap<PackageName, Version>,
    /// The only version of a package that will do.
    #[serde(default)]
    pub locked: BTreeMap<PackageName, Version>,
}

impl Request {
    /// A request for any version of these packages, labelled by their names.
    pub fn of(names: impl IntoIterator<Item = PackageName>) -> Self {
        let root = |name: PackageName| Root {
            label: name.to_string(),
            requirement: Requirement::One(Relation::named(name)),
            source: None,
        };
        Self {
            roots: names.into_iter().map(root).collect(),
            ..Self::default()
        }
    }
}

/// One package that the spec names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Root {
    /// What is asked for.
    pub requirement: Requirement,
    /// The source, by its name in the spec, that the package must come from; `None` for all.
    pub source: Option<String>,
    /// Where it stands in the spec, for messages: `packages[2]`.
    pub label: String,
}

/// How much work a solver may do. No input makes it run without end.
///
/// ```
/// use mikron_solve::{Budget, ResolvoSolver};
/// let solver = ResolvoSolver::with_budget(Budget { alternatives: 100, ..Budget::default() });
/// # let _ = solver;
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Budget {
    /// Number of packages that may stand for one requirement: alternatives, versions and providers together.
    pub alternatives: u32,
    /// Number of packages whose records may be looked at.
    pub packages: u32,
    /// Number of propagation rounds.
    pub rounds: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            alternatives: 10_000,
            packages: 500_000,
            rounds: 2_000_000,
        }
    }
}
