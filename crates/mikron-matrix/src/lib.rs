//! What can be said of a selection once it is made: whether it is closed, why each file is there, who needs what of whom.
//!
//! [`verify`] proves a selection closed from the chosen files alone, or says by [`Violation`] what is not. [`explain`] tells why
//! a path or package is in the image, or why not. [`matrix()`] lays the whole closure out as a table of capabilities and the
//! tokens that they provide and require; [`capabilities`] does so for one package. [`diff()`] compares two inventories. Nothing
//! here changes what an image holds.

mod diff;
mod explain;
mod matrix;
mod tokens;
mod verify;

pub use diff::{
    Aspect, CapabilityDiff, Change, Diff, FileDiff, HeldFile, HeldPackage, Holdings, Inventory,
    PackageDiff, PlatformDiff, Side, diff,
};
pub use explain::{Explanation, explain, why, why_not};
pub use matrix::{
    CapabilityRow, Claimant, Clash, Dependency, Link, Matrix, Need, NeedState, PackageRow,
    Provider, Standing, State, TokenAnswer, TokenProvider, TokenUser, explain_token, matrix,
};
pub use tokens::{Capability, Origin, Required, Strength, capabilities, package_tokens};
pub use verify::{Violation, ViolationKind, verify};
