//! From the selection to the tree: packages merged, finalizers run.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::sync::Arc;

use mikron_package::{Contents, Origin};
use mikron_rootfs::{Assembly, Further, Rootfs, Template, assemble, builtin_finalizers};
use mikron_spec::Spec;

use crate::Error;
use crate::families::Families;
use crate::steps::closure::Closure;
use crate::steps::dangling::dangling;
use crate::steps::database::database;
use crate::steps::installed::InstalledFiles;
use crate::steps::links::links;
use crate::steps::own::OwnFiles;
use crate::steps::placed;
use crate::steps::resolved::Role;
use crate::steps::slices;
use crate::steps::translate;
use crate::steps::universes::families;

/// Merges what was chosen into one tree, and lets go of the list of it.
pub(crate) fn tree(
    spec: &Spec,
    known: &Families,
    epoch: i64,
    closure: &mut Closure,
    own: &OwnFiles,
    contents: &dyn Contents,
) -> Result<Rootfs, Error> {
    let chosen: BTreeSet<usize> = closure
        .selection
        .packages
        .iter()
        .map(|package| package.package)
        .collect();
    let (mut packages, mut further) = (Vec::new(), Vec::new());
    for index in 0..closure.packages.len() {
        // What the spec names counts with its scripts and units also where they are all that it has.
        // One that the base has was installed there.
        let named = closure.is_root(index) && closure.packages[index].below.is_none();
        if chosen.contains(&index) || named {
            packages.extend(package(closure, known, contents, index)?);
        } else if closure.packages[index].below.is_none() {
            let declarations = closure.declarations(index);
            further.push(Further {
                metadata: Arc::new(closure.inputs[index].facts.metadata.clone()),
                declarations: declarations
                    .map(|(path, digest)| (path.clone(), digest))
                    .collect(),
            });
        }
    }
    let templates = closure.templates().map(|(file, content)| Template {
        entry: file.entry.clone(),
        content,
    });
    let families = families(spec);
    let lower = closure.lower.iter();
    let assembly = Assembly {
        below: lower.flat_map(|lower| lower.below()).collect(),
        parts: closure.parts(),
        packages,
        further,
        templates: templates.collect(),
        installed: Some(Arc::new(InstalledFiles::new(
            closure,
            mikron_rootfs::merges_usr(&families),
        ))),
        files: placed::files(spec, own),
        file_capabilities: translate::file_capabilities(spec),
        accounts: translate::accounts(spec),
        run_as: spec.run_as.as_ref().map(ToString::to_string),
        remove: closure.wanted.remove.clone(),
        installation: Arc::clone(&closure.installation),
        options: mikron_rootfs::Options {
            epoch,
            families,
            ..mikron_rootfs::Options::default()
        },
    };
    let mut finalizers = builtin_finalizers();
    finalizers.push(links(&closure.inputs));
    finalizers.push(dangling(closure));
    if spec.package_database {
        finalizers.push(database(known, closure, contents)?);
    }
    let chosen = std::mem::take(&mut closure.selection.files);
    if !closure.sliced.is_empty() {
        let kept = chosen.into_iter().map(|file| file.path).collect();
        finalizers.push(slices::mutation(Arc::clone(&closure.sliced), kept));
    }
    assemble(assembly, contents, &finalizers)
        .map_err(|error| slices::failure(&error).unwrap_or_else(|| error.into()))
}

/// A package with its scripts and declarations.
fn package(
    closure: &Closure,
    known: &Families,
    contents: &dyn Contents,
    index: usize,
) -> Result<Option<mikron_rootfs::Package>, Error> {
    let resolved = &closure.packages[index];
    let mut declarations = Vec::new();
    for (path, digest) in closure.declarations(index) {
        let mut text = Vec::new();
        let read = contents
            .open(&digest)
            .and_then(|mut body| body.read_to_end(&mut text));
        read.map_err(Error::io("read", path.to_string()))?;
        declarations.push((path.clone(), text));
    }
    let Some(format) = known.format(resolved.family) else {
        return Ok(None);
    };
    Ok(Some(mikron_rootfs::Package {
        origin: Origin {
            source: resolved.source.clone(),
            archive: resolved.record.location.clone(),
        },
        root: resolved.role == Role::Sliced || closure.is_root(index),
        declarations,
        ..mikron_rootfs::Package::new(
            Arc::new(closure.inputs[index].facts.metadata.clone()),
            format.order(),
        )
    }))
}
