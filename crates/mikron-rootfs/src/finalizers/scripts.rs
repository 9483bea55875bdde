//! What maintainer scripts do to the files of an image.

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
