//! What maintainer scripts do to the files of an image.

use mikron_package::{MemoryContents, RootPath};

use crate::error::RootfsError;
use crate::finalize::{Context, Finalizer, Report};
use crate::scripts::run_all;
use crate::tree::Tree;

/// Runs the maintainer scripts of a new installation over the virtual tree, without running anything: mikron-shell evaluates
/// them, and each command is one of a few that are known to do what they do to files, owners, modes and accounts.
///
/// A script finds the files as a full installation would have them; what it changes is changed only where it lies in the
/// image, and what it makes is made in the image. What is not known has no effect and is told. The spec's own files stand. Other
/// finalizers see the calls that were made, and carry out those that are theirs.
#[derive(Clone, Copy, Debug, Default)]
pub struct ScriptsFinalizer;

impl Finalizer for ScriptsFinalizer {
    fn name(&self) -> &'static str {
        "scripts"
    }

    fn run(
        &self,
        context: &Context<'_>,
        tree: &mut Tree,
        contents: &mut MemoryContents,
    ) -> Result<Report, RootfsError> {
        let (runs, report) = run_all(context, tree, contents, Report::new(self.name()));
        // A second one in the same list finds everything done.
        let _ = context.runs.set(runs);
        Ok(report)
    }
}

/// Whether a path is one that finalizers read wherever it lies: the templates and profiles of pam-auth-update(8), and the
/// certificate authorities.
pub fn is_template(path: &RootPath) -> bool {
    let path = path.as_bytes();
    let certificate = path.starts_with(b"usr/share/ca-certificates/") && path.ends_with(b".crt");
    let pam = path.starts_with(b"usr/share/pam/common-") && !path.ends_with(b".md5sums");
    certificate || pam || path.starts_with(b"usr/share/pam-configs/")
}
