//! What one capability provides and another requires, as tokens.
//!
//! They come from facts alone. [`capabilities`] splits a package into its named subsets and says for each what it provides
//! and what it requires; [`crate::matrix()`] then finds, over all packages of a closure, who provides what to whom.

mod content;
mod file;
mod offer;

pub(crate) use file::{provided, required};
pub use offer::{Capability, Origin, Required, Strength, capabilities, package_tokens};
