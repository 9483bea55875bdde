//! The scripts of slices, run over the merged tree.
//!
//! They run before the finalizers that come with Mikron, as chisel runs them before anything else may look at the root: what a
//! script writes (a bundle of certificates, a list of accounts) is what the finalizers find, and those complete it where it is
//! not complete. The other way round, a script would read what no definition put there.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use mikron_package::{EntryKind, MemoryContents, RootPath};
use mikron_rootfs::{Context, Finalizer, FinalizerFault, Owner, RootfsError, Tree, Work};
use mikron_slices::{Mutated, ScriptLimits, SliceError, Stage, mutate};

use super::Sliced;
use crate::Error;

/// Runs the scripts of these slices, then takes out what is there for them alone. What the closure chose for its own sake is kept even
/// where slices have it only for their scripts.
pub(crate) fn mutation(sliced: Arc<Sliced>, kept: BTreeSet<RootPath>) -> Finalizer {
    Finalizer::new("slices", move |work| run(&sliced, &kept, work))
}

/// Why a script failed.
pub(crate) fn failure(error: &RootfsError) -> Option<Error> {
    let RootfsError::Finalizer {
        fault: FinalizerFault::Other(error),
        ..
    } = error
    else {
        return None;
    };
    let error = error.downcast_ref::<SliceError>()?;
    Some(Error::Slices(vec![error.clone()]))
}

fn run(sliced: &Sliced, kept: &BTreeSet<RootPath>, work: &mut Work<'_>) -> Result<(), RootfsError> {
    for (release, selection, applied) in &sliced.selections {
        let mut stage = Merged {
            context: work.context,
            tree: &mut *work.tree,
            contents: &mut *work.contents,
        };
        let result = mutate(selection, applied, &mut stage, &ScriptLimits::default());
        let mutated = result.map_err(|error| {
            let error = crate::error::of_release(release, error);
            work.failed(FinalizerFault::Other(Arc::new(error)))
        })?;
        remove(&mutated, kept, work.tree);
        work.report.made.extend(mutated.written.keys().cloned());
        let printed = mutated.printed.iter();
        let printed = printed.map(|(slice, text)| format!("{slice}: {}", text.trim_end()));
        work.report.said.extend(printed);
    }
    Ok(())
}

/// Takes out what was there for the scripts alone. What the spec itself brings stays.
fn remove(mutated: &Mutated, kept: &BTreeSet<RootPath>, tree: &mut Tree) {
    let at = |tree: &Tree, path: &RootPath| tree.follow(path, false).ok();
    let kept: BTreeSet<RootPath> = kept.iter().filter_map(|p| at(tree, p)).collect();
    let emptied = mutated.emptied.iter().map(|path| (path, true));
    let removed = mutated.removed.iter().map(|path| (path, false));
    for (path, if_empty) in removed.chain(emptied) {
        let Some(path) = at(tree, path).filter(|path| !kept.contains(path)) else {
            continue;
        };
        let goes = tree.get(&path).is_some_and(|n| n.owner != Owner::Spec);
        let holds = if_empty && tree.below(&path).next().is_some();
        if goes && !holds {
            tree.remove(&path);
        }
    }
}

/// The merged tree as scripts see it.
struct Merged<'a> {
    context: &'a Context<'a>,
    tree: &'a mut Tree,
    contents: &'a mut MemoryContents,
}

impl Merged<'_> {
    fn at(&self, path: &RootPath) -> io::Result<RootPath> {
        self.tree.follow(path, false).map_err(io::Error::other)
    }
}

fn seen(kind: &EntryKind, size: u64) -> mikron_slices::Node {
    match kind {
        EntryKind::File { .. } | EntryKind::Hardlink { .. } => mikron_slices::Node::File { size },
        EntryKind::Directory => mikron_slices::Node::Directory,
        EntryKind::Symlink { target } => mikron_slices::Node::Link(target.clone()),
        _ => mikron_slices::Node::Other,
    }
}

impl Stage for Merged<'_> {
    fn look(&mut self, path: &RootPath) -> io::Result<Option<mikron_slices::Node>> {
        if path.is_root() {
            return Ok(Some(mikron_slices::Node::Directory));
        }
        let node = self.tree.get(&self.at(path)?);
        Ok(node.map(|node| seen(&node.entry.kind, node.entry.size())))
    }

    fn read(&mut self, path: &RootPath) -> io::Result<Vec<u8>> {
        let text = self.context.read(self.tree, self.contents, path);
        let text = text.map_err(io::Error::other)?;
        text.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    /// A file of the spec stands: it is the last word on its path.
    fn write(&mut self, path: &RootPath, data: &[u8]) -> io::Result<()> {
        let at = self.at(path)?;
        let Some(node) = self.tree.get(&at) else {
            return Err(io::Error::from(io::ErrorKind::NotFound));
        };
        if node.owner == Owner::Spec {
            return Ok(());
        }
        let (mut entry, owner) = (node.entry.clone(), node.owner.clone());
        let size = data.len() as u64;
        entry.kind = EntryKind::File { size };
        entry.mtime = self.tree.epoch();
        let digest = self.contents.add(data.to_vec());
        let placed = self.tree.insert(entry, Some(digest), owner);
        placed.map(|_| ()).map_err(io::Error::other)
    }

    fn list(&mut self, path: &RootPath) -> io::Result<Vec<(Vec<u8>, mikron_slices::Node)>> {
        let at = self.at(path)?;
        let inside = self.tree.below(&at).filter(|node| {
            let parent = node.entry.path.parent();
            parent.is_some_and(|parent| parent == at)
        });
        let named = inside.map(|node| {
            let name = node.entry.path.file_name().unwrap_or_default().to_vec();
            (name, seen(&node.entry.kind, node.entry.size()))
        });
        Ok(named.collect())
    }
}
