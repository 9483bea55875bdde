//! What maintainer scripts do to the files of an image.

use mikron_package::RootPath;

use crate::finalize::Work;
use crate::finalizer::Finalizer;
use crate::scripts::run_all;

/// Runs the maintainer scripts of a new installation over the virtual tree, without running anything: mikron-shell evaluates
/// them, and each command is one of a few that are known to do what they do to files, owners, modes and accounts.
///
/// A script finds the files as a full installation would have them; what it changes is changed only where it lies in the
/// image, and what it makes is made in the image. What is not known has no effect and is told. The spec's own files stand. Other
/// finalizers see the calls that were made, and carry out those that are theirs.
pub(super) fn finalizer() -> Finalizer {
    let run = |work: &mut Work<'_>| {
        let runs = run_all(work);
        // There is one of its name, and so it is set here alone.
        let _ = work.context.runs.set(runs);
        Ok(())
    };
    Finalizer::new("scripts", run).reads(&["slices", "base"])
}

/// Whether a path is one that finalizers read wherever it lies: the templates and profiles of pam-auth-update(8), and the
/// certificate authorities.
pub fn is_template(path: &RootPath) -> bool {
    let path = path.as_bytes();
    let certificate = path.starts_with(b"usr/share/ca-certificates/") && path.ends_with(b".crt");
    let pam = path.starts_with(b"usr/share/pam/common-") && !path.ends_with(b".md5sums");
    certificate || pam || path.starts_with(b"usr/share/pam-configs/")
}
