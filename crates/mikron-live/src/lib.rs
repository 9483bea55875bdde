//! What tests and surveys need that take more than a checkout: Debian's live archive, root, container runtimes, a network.
//!
//! The tests of this crate and its examples are all such tests and surveys there are: whatever else the workspace tests runs
//! anywhere, against archives that `mikron-testkit` makes. Each says what it lacks and passes by; `CI=true` makes that a failure.

pub mod battery;
pub mod installed;
pub mod lot;
pub mod mirror;
pub mod oracle;
pub mod programs;
pub mod runtime;
pub mod trace;
