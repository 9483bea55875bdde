//! What only a program of the package can make, at installation, and other programs cannot work without.

use mikron_package::{EntryKind, Glob};

use crate::error::{FinalizerFault, RootfsError};
use crate::finalize::Work;
use crate::finalizer::Finalizer;
use crate::tree::Tree;

/// Refuses an image in which a program waits for files that its packages make at installation by running a program (TeX's formats,
/// compiled dictionaries): no program is run here, and the image would fail at the first use.
///
/// The steps that are known are a table ([`crate::Installation`]). What is needed is one file; a spec that brings it (`files`) has done
/// the step itself.
pub(super) fn finalizer() -> Finalizer {
    Finalizer::new("steps", run).reads(&["scripts", "alternatives"])
}

fn run(work: &mut Work<'_>) -> Result<(), RootfsError> {
    for step in &work.context.installation.steps {
        let program = step.programs.iter().find(|path| work.has(path));
        if let Some(program) = program
            && holds(work.tree, &step.of)
            && !holds(work.tree, &step.makes)
        {
            return Err(work.failed(FinalizerFault::StepMissing {
                program: program.clone(),
                run: step.run.clone(),
                makes: step.makes.as_str().to_owned(),
            }));
        }
    }
    Ok(())
}

/// Whether such a file lies there. An empty one is there for dpkg, which removes it with its package.
fn holds(tree: &Tree, files: &Glob) -> bool {
    tree.nodes().any(|node| {
        let is_empty = node.entry.kind == EntryKind::File { size: 0 };
        node.content.is_some() && !is_empty && files.matches(&node.entry.path)
    })
}
