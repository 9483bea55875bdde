//! What tells one family's solving from another's: which package is preferred, what may stand for what, what excludes
//! what, and what comes in unasked. All else is the same for all.
//!
//! A family hands its [`Rules`] to [`ResolvoSolver::with_rules`](crate::ResolvoSolver::with_rules); of all that it does not say
//! the plain rules hold, and they hold too for a family that says nothing.

mod apk;
mod deb;
mod rpm;

pub use crate::catalog::{Ban, Catalog, Reach, Rules};
pub use crate::clauses::Clause;
pub use crate::terms::{Candidate, Choice, Kept, View};

pub use apk::Apk;
pub use deb::Deb;
pub use rpm::Rpm;

/// The plain rules: of several packages the source of the highest priority, then the latest version; a package of a name
/// before those that provide it; nothing beside what it conflicts with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plain;

impl Rules for Plain {}
