//! Which files an image needs, and why.
//!
//! [`select`] takes, out of the facts of all packages that were solved for ([`mikron_facts::PackageFacts`]), the files that an
//! image needs: a [`Selection`], in which every file and package carries its chain of reasons, and every package left out
//! carries the reason why. What files do not say of themselves stands in two tables, [`Rules`] and [`Definitions`].
//!
//! Where a path leads ([`Tree`]) and what the dynamic loader finds ([`Loader`]) is public, because mikron-matrix proves a
//! selection with them.

mod definitions;
mod error;
mod rules;
mod select;
mod tokens;

pub use definitions::{Definition, Definitions, Patterns, Requirement};
pub use error::{RulesError, SelectError};
pub use rules::{Apply, Bring, ByFamily, Importer, PackageNames, Rule, Rules, When};
pub use select::{
    CapabilityUse, Edge, FileRef, Found, Given, LeftOut, LeftOutReason, Loader, LookedFor, Lookup,
    Missing, MissingCause, ModuleLeftOut, PATH, PackageInput, ProgramCause, ProgramLeftOut,
    Provided, Reason, Resolved, Role, Select, SelectedFile, SelectedPackage, Selection, Step, Tree,
    UnmetNote, Unresolved, Want, Wanted, Without, WithoutCause, came_whole, capability_of, chain,
    defined, is_made_at_run_time, is_script_of_slice, level_of_path, runs_on, select,
};
pub use tokens::{ModuleKind, Token, TokenError, TokenErrorKind};
