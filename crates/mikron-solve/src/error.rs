//! What can go wrong in solving.

use std::fmt;

use mikron_package::{PackageName, Requirement, Version};

use crate::render;
use crate::{Asker, Conflict, MissingRoot};

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
    #[error("{place}: the solver's budget `{budget}` of {allowed} is exceeded ({found})")]
    Budget {
        /// The name of the field of [`crate::Budget`].
        budget: &'static str,
        /// How much was asked for, as far as it was counted.
        found: u64,
        /// How much is allowed.
        allowed: u64,
        /// Where it was exceeded.
        place: Place,
    },
    /// A requirement of a form that the solver does not know.
    #[error("{place}: an expression of this form is not supported: `{requirement}`")]
    Unsupported {
        /// The requirement.
        requirement: Requirement,
        /// Where it stands.
        place: Place,
    },
}

/// Where a requirement stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// With one who asks for a package.
    Asker(Asker),
    /// In a package.
    Package(PackageName, Version),
    /// Nowhere by itself: it is about all that is asked for.
    Request,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asker(asker) => asker.fmt(f),
            Self::Package(name, version) => write!(f, "{name} {version}"),
            Self::Request => f.write_str("the whole request"),
        }
    }
}
