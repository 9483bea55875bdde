//! The directories that every program may expect (hier(7)).

use mikron_package::{Entry, EntryKind, MemoryContents, RootPath};

use crate::error::RootfsError;
use crate::finalize::{Context, Finalizer, Report};
use crate::tree::Tree;

/// Makes /tmp, /run, /root and those directories below /var that every installation has, and /var/run where nobody else did; joins /etc/os-release with /usr/lib/os-release.
///
/// These are what base-files makes in its own scripts; a minimal image holds none of its files but os-release.
#[derive(Clone, Copy, Debug, Default)]
pub struct BaseFinalizer;

impl Finalizer for BaseFinalizer {
    fn name(&self) -> &'static str {
        "base"
    }

    fn run(
        &self,
        _: &Context<'_>,
        tree: &mut Tree,
        _: &mut MemoryContents,
    ) -> Result<Report, RootfsError> {
        let mut report = Report::new(self.name());
        let mut make = |tree: &mut Tree, path: &[u8], kind, mode| {
            let path = RootPath::new(path)?;
            let there = tree.follow(&path, false).ok();
            if there
                .and_then(|at| tree.get(&at))
                .is_some_and(|node| node.owner != crate::Owner::Layout)
            {
                return Ok(());
            }
            let mut entry = Entry::new(path, kind, mode);
            entry.mtime = tree.epoch();
            report.place(tree, entry, None)
        };
        make(tree, b"tmp", EntryKind::Directory, 0o1777)?;
        make(tree, b"var/tmp", EntryKind::Directory, 0o1777)?;
        // Programs make directories of their own below these.
        for path in [
            &b"var/cache"[..],
            b"var/lib",
            b"var/lib/misc",
            b"var/log",
            b"var/spool",
        ] {
            make(tree, path, EntryKind::Directory, 0o755)?;
        }
        make(tree, b"run", EntryKind::Directory, 0o755)?;
        make(tree, b"root", EntryKind::Directory, 0o700)?;
        let link = |target: &[u8]| EntryKind::Symlink {
            target: target.to_vec(),
        };
        let var_run = RootPath::new(b"var/run")?;
        if tree.get(&var_run).is_none() {
            make(tree, b"var/run", link(b"/run"), 0o777)?;
        }
        if tree.get(&RootPath::new(b"usr/lib/os-release")?).is_some() {
            make(
                tree,
                b"etc/os-release",
                link(b"../usr/lib/os-release"),
                0o777,
            )?;
        }
        Ok(report)
    }
}
