//! Links of packages to what no package has and a finalizer made: `/usr/lib/R/etc/Renviron` to `/etc/R/Renviron`, which R's script
//! makes.
//!
//! The selection leaves them out, as it knows no more than what packages have. When all is made, those that lead somewhere are put
//! in where their directory is in the image.

use mikron_package::MemoryContents;
use mikron_rootfs::{Context, Finalizer, Owner, Part, Report, RootfsError, Tree};

use crate::steps::closure::Closure;

/// Puts in the links that lead to something now.
pub(crate) struct DanglingFinalizer(Vec<Part>);

impl DanglingFinalizer {
    pub(crate) fn new(closure: &Closure) -> Self {
        Self(closure.dangling())
    }
}

impl Finalizer for DanglingFinalizer {
    fn name(&self) -> &'static str {
        "links to what was made"
    }

    fn run(
        &self,
        _: &Context<'_>,
        tree: &mut Tree,
        _: &mut MemoryContents,
    ) -> Result<Report, RootfsError> {
        for part in &self.0 {
            let path = &part.entry.path;
            let directory = path.parent().and_then(|parent| tree.lookup(&parent));
            let taken = tree.follow(path, false).ok();
            let taken = taken.is_some_and(|at| tree.get(&at).is_some());
            if taken || directory.is_none_or(|node| !node.entry.is_directory()) {
                continue;
            }
            let owner = Owner::package_of(part.package.clone(), part.capability.clone());
            let at = tree.insert(part.entry.clone(), None, owner)?;
            if tree.lookup(&at).is_none() {
                tree.remove(&at);
            }
        }
        Ok(Report::new(self.name()))
    }
}
