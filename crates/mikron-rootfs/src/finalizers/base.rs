//! The directories that every program may expect (hier(7)).

use mikron_package::{Entry, EntryKind, RootPath};

use crate::error::RootfsError;
use crate::finalize::Work;
use crate::finalizer::Finalizer;
use crate::part::Owner;

/// Directories that every installation has, with their modes. Programs make directories of their own below some.
const DIRECTORIES: [(&str, u32); 9] = [
    ("/tmp", 0o1777),
    ("/var/tmp", 0o1777),
    ("/var/cache", 0o755),
    ("/var/lib", 0o755),
    ("/var/lib/misc", 0o755),
    ("/var/log", 0o755),
    ("/var/spool", 0o755),
    ("/run", 0o755),
    ("/root", 0o700),
];

/// Makes /tmp, /run, /root and those directories below /var that every installation has, and /var/run where nobody else did; joins
/// /etc/os-release with /usr/lib/os-release.
///
/// These are what base-files makes in its own scripts; a minimal image holds none of its files but os-release.
pub(super) fn finalizer() -> Finalizer {
    Finalizer::new("base", run).reads(&["slices"]).provides(&[
        "/tmp",
        "/var/*",
        "/var/lib/misc",
        "/run",
        "/root",
        "/etc/os-release",
    ])
}

fn run(work: &mut Work<'_>) -> Result<(), RootfsError> {
    for (path, mode) in DIRECTORIES {
        let path = RootPath::new(path.as_bytes())?;
        let there = work.tree.follow(&path, false).ok();
        let there = there.and_then(|at| work.tree.get(&at));
        if there.is_none_or(|node| node.owner == Owner::Layout) {
            work.place(Entry::new(path, EntryKind::Directory, mode), None)?;
        }
    }
    work.link(&RootPath::new(b"var/run")?, b"/run".to_vec())?;
    if work
        .tree
        .get(&RootPath::new(b"usr/lib/os-release")?)
        .is_some()
    {
        let at = RootPath::new(b"etc/os-release")?;
        work.link(&at, b"../usr/lib/os-release".to_vec())?;
    }
    Ok(())
}
