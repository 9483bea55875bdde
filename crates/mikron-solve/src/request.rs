//! What is asked of a solver, and who asks.

use std::collections::BTreeMap;
use std::fmt;

use mikron_package::{PackageName, Relation, Requirement, Version};
use serde::{Deserialize, Serialize};

/// What an image is to hold, and what to prefer on the way there.
///
/// ```
/// use mikron_package::Version;
/// use mikron_solve::{Asker, Request};
/// let mut request = Request::of(["nginx".parse()?]);
/// request.preferred.insert("libc6".parse()?, Version::new("2.36-9"));
/// assert_eq!(request.roots[0].asker, Asker::Name("nginx".parse()?));
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
    /// What is installed already, in the image that is built upon: no other version of these will do. That they are there is asked for
    /// by roots of their own ([`Asker::Base`]).
    #[serde(default)]
    pub installed: BTreeMap<PackageName, Version>,
}

impl Request {
    /// A request for any version of these packages, by their names alone.
    pub fn of(names: impl IntoIterator<Item = PackageName>) -> Self {
        let root = |name: PackageName| Root {
            asker: Asker::Name(name.clone()),
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
    /// Who asks for it.
    pub asker: Asker,
}

/// Who asks for a package. In messages it is a word: `packages[2] asks for …`.
///
/// ```
/// use mikron_solve::Asker;
/// let chain = vec!["nginx_bins".to_owned(), "libc6_libs".to_owned()];
/// let asker = Asker::Slices { item: 2, chain };
/// assert_eq!(asker.to_string(), "packages[2] (nginx_bins → libc6_libs)");
/// assert_eq!(Asker::Item(2).to_string(), "packages[2]");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Asker {
    /// An item of the spec's `packages`, counted from 0.
    Item(usize),
    /// A slice of the package, which an item of the spec's `packages` leads to.
    Slices {
        /// The item, counted from 0.
        item: usize,
        /// The slices from the one that stands there to the one of the package.
        chain: Vec<String>,
    },
    /// No item: every installation has the package, and its files are looked at.
    Provider(PackageName),
    /// A file that the spec brings, or the program that the image starts, and that only this package has what it needs.
    Found(PackageName),
    /// The image that is built upon has the package.
    Base(PackageName),
    /// Who names a package and has no spec.
    Name(PackageName),
}

impl fmt::Display for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Item(item) => write!(f, "packages[{item}]"),
            Self::Slices { item, chain } => {
                write!(f, "packages[{item}] ({})", chain.join(" → "))
            }
            Self::Provider(name) => write!(f, "provider {name}"),
            Self::Found(name) => write!(f, "`files` ({name})"),
            Self::Base(_) => f.write_str("the base image"),
            Self::Name(name) => write!(f, "{name}"),
        }
    }
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
