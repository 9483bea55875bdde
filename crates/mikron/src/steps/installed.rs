//! The files of all packages of a closure, chosen or not, by path: what maintainer scripts would find.

use std::borrow::Cow;
use std::sync::Arc;

use mikron_facts::PackageFacts;
use mikron_package::{Entry, RootPath, merged_usr};
use mikron_rootfs::Installed;

use crate::steps::closure::Closure;

/// An index of the entries that the facts have. It names them by number, so that it stays small beside them.
pub(crate) struct InstalledFiles {
    packages: Vec<Arc<PackageFacts>>,
    /// Package and entry, in order of path; of several at one path the first package's comes first.
    index: Vec<(u32, u32)>,
    merged_usr: bool,
}

impl InstalledFiles {
    pub(crate) fn new(closure: &Closure, merged_usr: bool) -> Self {
        let packages = closure.packages.iter().zip(&closure.inputs);
        let packages: Vec<_> = packages
            .map(|(_, input)| Arc::clone(&input.facts))
            .collect();
        let mut index = Vec::new();
        for (package, facts) in (0_u32..).zip(&packages) {
            index.extend(
                (0_u32..)
                    .zip(&facts.files)
                    .map(|(entry, _)| (package, entry)),
            );
        }
        let mut files = Self {
            packages,
            index,
            merged_usr,
        };
        let mut index = std::mem::take(&mut files.index);
        index.sort_by(|a, b| files.path(*a).cmp(&files.path(*b)).then(a.cmp(b)));
        files.index = index;
        files
    }

    fn entry(&self, (package, entry): (u32, u32)) -> &Entry {
        &self.packages[package as usize].files[entry as usize].entry
    }

    /// The path of an entry in the image's layout.
    fn path(&self, at: (u32, u32)) -> Cow<'_, RootPath> {
        let path = &self.entry(at).path;
        if !self.merged_usr {
            return Cow::Borrowed(path);
        }
        match merged_usr(path.as_bytes()) {
            Cow::Owned(moved) => RootPath::new(&moved).map_or(Cow::Borrowed(path), Cow::Owned),
            Cow::Borrowed(_) => Cow::Borrowed(path),
        }
    }
}

impl std::fmt::Debug for InstalledFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InstalledFiles")
            .field("files", &self.index.len())
            .finish_non_exhaustive()
    }
}

impl Installed for InstalledFiles {
    fn find(&self, path: &RootPath) -> Option<(&str, &Entry)> {
        let at = self.index.partition_point(|at| *self.path(*at) < *path);
        let found = *self.index.get(at).filter(|at| *self.path(**at) == *path)?;
        let name = self.packages[found.0 as usize]
            .metadata
            .record
            .name
            .as_str();
        Some((name, self.entry(found)))
    }

    fn below(&self, directory: &RootPath, see: &mut dyn FnMut(&RootPath)) {
        let start = self
            .index
            .partition_point(|at| *self.path(*at) <= *directory);
        for at in &self.index[start..] {
            let path = self.path(*at);
            if !path.starts_with(directory) {
                return;
            }
            see(&path);
        }
    }
}
