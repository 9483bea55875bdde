//! The selection: out of the facts of all packages, the files that an image needs.
//!
//! [`select`] starts at what the spec names and follows what files say they need. It is pure: the same inputs give the same
//! selection, and what is missing is reported as data, so that the caller can add packages and select again.
//!
//! A selection is one `State` (what is known, what was chosen, what is waited for and what is lacking) and the passes over it,
//! whose order stands in `passes`. What several passes ask of the state is in `asked`, how one chooses in `choose`.

mod asked;
mod calls;
mod capabilities;
mod choose;
mod companions;
mod defined;
mod finish;
mod follow;
mod included;
mod input;
mod interpreted;
mod lack;
mod loader;
mod modules;
mod named;
mod names;
mod output;
mod packages;
mod passes;
mod places;
mod programs;
mod reason;
mod roots;
mod ruled;
mod rules;
mod start;
mod state;
mod tree;
mod units;
mod walk;

pub use input::{Edge, Given, PackageInput, Provided, Role, Select, Wanted};
pub use lack::{LookedFor, Missing, MissingCause, Want, Without, WithoutCause, is_script_of_slice};
pub use modules::{ModuleLeftOut, UnmetNote};
pub use output::{
    CapabilityUse, FileRef, LeftOut, LeftOutReason, SelectedFile, SelectedPackage, Selection,
};
pub use programs::{ProgramCause, ProgramLeftOut};

pub use capabilities::{capability_of, defined};
pub use loader::{Loader, Lookup, level_of_path, runs_on};
use mikron_package::merged_usr as merged;
pub use places::Found;
pub use reason::{Reason, Step, came_whole, chain};
pub use state::PATH;
pub use tree::{Resolved, Tree, Unresolved};
pub use walk::is_made_at_run_time;

use crate::{SelectError, Token};

/// Selects the files that an image needs.
///
/// ```
/// use std::sync::Arc;
/// use mikron_facts::{FileFacts, PackageFacts};
/// use mikron_select::{PackageInput, Role, Wanted, select};
/// use mikron_package::{Entry, EntryKind, Platform, RootPath, Version};
/// let conf = Entry::new(RootPath::new(b"/etc/motd.conf")?, EntryKind::File { size: 0 }, 0o644);
/// let docs = Entry::new(RootPath::new(b"/usr/share/doc/motd/README")?, EntryKind::File { size: 9 }, 0o644);
/// let files = vec![FileFacts::new(conf), FileFacts::new(docs)];
/// let facts = PackageFacts::of_files("motd".parse()?, files);
/// let root = PackageInput::new(Role::root(), Arc::new(facts));
/// let selection = select(&[root], &Wanted::new("linux/amd64".parse()?))?;
/// assert_eq!(selection.files.len(), 1);
/// assert_eq!(selection.files[0].path.to_string(), "/etc/motd.conf");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When a capability that was asked for does not exist, or an edge leads nowhere. What the image lacks is no error but
/// [`Selection::missing`].
pub fn select(packages: &[PackageInput], wanted: &Wanted) -> Result<Selection, SelectError> {
    for package in packages {
        if let Some(edge) = package
            .requires
            .iter()
            .find(|edge| edge.to >= packages.len())
        {
            let package = package.name.clone();
            return Err(SelectError::NoSuchInput {
                package,
                to: edge.to,
            });
        }
    }
    let mut modules: Vec<ModuleLeftOut> = Vec::new();
    loop {
        // Each turn leaves out at least one more module, and there is hardly ever a second.
        let without = modules.iter().map(|module| module.file).collect();
        let mut selection = passes::run(packages, wanted, without)?;
        let more = modules::unloadable(&selection, packages);
        if more.is_empty() {
            selection.unmet_notes = modules::unmet_notes(&selection, packages);
            selection.modules_left_out = modules;
            return Ok(selection);
        }
        modules.extend(more);
    }
}
