//! Which packages: dependency solving with conflicts explained as data.
//!
//! Stands between the sources and the facts. It is handed a [`Universe`] (all indexes of a build) and a [`Request`] (the
//! packages that the spec names), and gives a [`Solution`]: one version of each package that is needed, every one with
//! the reasons that brought it in; or a [`SolveError`] that says as data why there is none.
//!
//! The rules are those of the universe's family for installing into an empty root without weak dependencies: of dpkg and apt
//! (alternatives, versioned `Provides`, `Conflicts`, `Breaks`, multi-arch, pin priorities), of rpm and dnf (rich
//! dependencies, ranges of `Provides`, `Obsoletes`, files), of apk (owned and shared `provides`, `provider_priority`,
//! `install_if`, tagged sources). What a family has of its own are its [`rules`]; clauses, search, explanation and
//! reasons are the same for all. Relations about files (`Replaces`) play no part here.
//!
//! ```
//! use mikron_package::{Family, MemoryUniverse, PackageRecord, Relation, Requirement, Version};
//! use mikron_solve::{Request, ResolvoSolver, Solver};
//! # use mikron_package::{VersionError, VersionOrder};
//! # struct Bytes;
//! # impl VersionOrder for Bytes {
//! #     fn compare(&self, a: &str, b: &str) -> std::cmp::Ordering { a.cmp(b) }
//! #     fn validate(&self, _: &str) -> Result<(), VersionError> { Ok(()) }
//! # }
//! let mut universe = MemoryUniverse::new(Family::DEB, "amd64", &Bytes);
//! let mut nginx = PackageRecord::new("nginx".parse()?, Version::new("1.22"), "amd64");
//! nginx.depends.push(Requirement::One(Relation::named("libc6".parse()?)));
//! universe.add(nginx, 500);
//! universe.add(PackageRecord::new("libc6".parse()?, Version::new("2.36"), "amd64"), 500);
//!
//! let request = Request::of(["nginx".parse()?]);
//! let solution = ResolvoSolver::default().solve(&universe, &request)?;
//! let names: Vec<_> = solution.packages.iter().map(|p| p.name.as_str()).collect();
//! assert_eq!(names, ["libc6", "nginx"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod again;
mod backend;
mod catalog;
mod choose;
mod clauses;
mod conflict;
mod error;
mod explain;
mod ground;
mod near;
mod needed;
mod possible;
mod provider;
mod render;
mod request;
pub mod rules;
mod solution;
mod terms;

use std::sync::Arc;

use mikron_package::Universe;

pub use backend::ResolvoSolver;
pub use conflict::{
    Conflict, Edge, EdgeKind, Known, Missing, MissingRoot, Node, Problem, RequestNode,
};
pub use error::{Place, SolveError};
pub use request::{Asker, Budget, Request, Root};
pub use solution::{Chain, Reason, RelationKind, SkipReason, Skipped, Solution, Solved};

/// Decides which packages an image is made from.
///
/// ```
/// use mikron_package::Universe;
/// use mikron_solve::{Request, Solution, SolveError, Solver};
///
/// /// Needs nothing and takes nothing.
/// struct Nothing;
/// impl Solver for Nothing {
///     fn solve(&self, _: &dyn Universe, _: &Request) -> Result<Solution, SolveError> {
///         Ok(Solution::default())
///     }
/// }
/// let solver: Box<dyn Solver> = Box::new(Nothing);
/// # let _ = solver;
/// ```
pub trait Solver: Send + Sync {
    /// Chooses one version of every package that the request needs.
    ///
    /// The result depends on the content of the universe and the request only, never on the order in which either
    /// lists its parts.
    ///
    /// # Errors
    /// When a package of the request does not exist, when no set of packages satisfies the request, when a budget is
    /// exceeded, or when a requirement has a form that the solver does not know.
    fn solve(&self, universe: &dyn Universe, request: &Request) -> Result<Solution, SolveError>;

    /// What tells this solver and its settings from others. Who remembers what was solved takes two solvers of one identity for
    /// the same, and remembers nothing of a solver that gives none.
    fn identity(&self) -> Option<String> {
        None
    }
}

impl<T: Solver + ?Sized> Solver for &T {
    fn solve(&self, universe: &dyn Universe, request: &Request) -> Result<Solution, SolveError> {
        (**self).solve(universe, request)
    }

    fn identity(&self) -> Option<String> {
        (**self).identity()
    }
}

impl<T: Solver + ?Sized> Solver for Box<T> {
    fn solve(&self, universe: &dyn Universe, request: &Request) -> Result<Solution, SolveError> {
        (**self).solve(universe, request)
    }

    fn identity(&self) -> Option<String> {
        (**self).identity()
    }
}

impl<T: Solver + ?Sized> Solver for Arc<T> {
    fn solve(&self, universe: &dyn Universe, request: &Request) -> Result<Solution, SolveError> {
        (**self).solve(universe, request)
    }

    fn identity(&self) -> Option<String> {
        (**self).identity()
    }
}
