//! What can go wrong in solving.

use mikron_package::{Requirement, Version};

use crate::render;
use crate::{Conflict, MissingRoot};

/// Why there is no solution.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SolveError {
    /// The spec asks for packages that no source offers. All of them are listed.
    #[error("{}", render::missing_roots(.0))]
    Missing(Vec<MissingRoot>),
    /// Everything that the spec asks for exists, but not together.
    #[error("{}", .0.render())]
    Conflict(Box<Conflict>),
    /// Solving would take more than the budget allows.
    #[error("{where_}: the solver's budget `{budget}` of {allowed} is exceeded ({found})")]
    Budget {
        /// The name of the field of [`crate::Budget`].
        budget: &'static str,
        /// How much was asked for, as far as it was counted.
        found: u64,
        /// How much is allowed.
        allowed: u64,
        /// The package or the place in the spec where it was exceeded.
        where_: String,
    },
    /// A requirement of a form that the solver does not know.
    #[error("{where_}: an expression of this form is not supported: `{requirement}`")]
    Unsupported {
        /// The requirement.
        requirement: Requirement,
        /// The package or the place in the spec that it stands in.
        where_: String,
    },
}

impl SolveError {
    /// Names a package for `where_`.
    pub(crate) fn place(name: &str, version: &Version) -> String {
        format!("{name} {version}")
    }
}
