//! Links of packages to what no package has and a finalizer made: `/usr/lib/R/etc/Renviron` to `/etc/R/Renviron`, which R's script
//! makes.
//!
//! The selection leaves them out, as it knows no more than what packages have. When all is made, those that lead somewhere are put
//! in where their directory is in the image.

use mikron_rootfs::{Finalizer, Owner, Part, RootfsError, Work};

use crate::steps::closure::Closure;

/// Puts in the links that lead to something now.
pub(crate) fn dangling(closure: &Closure) -> Finalizer {
    let links = closure.dangling();
    Finalizer::new("links to what was made", move |work| put(&links, work)).reads(&[
        "/**",
        "scripts",
        "links of programs",
    ])
}

fn put(links: &[Part], work: &mut Work<'_>) -> Result<(), RootfsError> {
    for part in links {
        let path = &part.entry.path;
        let directory = path.parent().and_then(|parent| work.tree.lookup(&parent));
        let taken = work.tree.follow(path, false).ok();
        let taken = taken.is_some_and(|at| work.tree.get(&at).is_some());
        if taken || directory.is_none_or(|node| !node.entry.is_directory()) {
            continue;
        }
        let owner = Owner::package_of(part.package.clone(), part.capability.clone());
        let at = work.tree.insert(part.entry.clone(), None, owner)?;
        if work.tree.lookup(&at).is_none() {
            work.tree.remove(&at);
        }
    }
    Ok(())
}
