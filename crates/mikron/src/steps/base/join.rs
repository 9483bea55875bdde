//! A package of which a base has a part, with the rest of it from the sources.

use std::collections::BTreeSet;

use mikron_facts::{FileFacts, PackageFacts};
use mikron_package::RootPath;

/// The facts of a package of a base, and behind them those of what its archive has beyond that. `there` says what the base has at a path,
/// of the package or not.
pub(crate) fn joined(
    below: &PackageFacts,
    archive: &PackageFacts,
    there: &dyn Fn(&RootPath) -> bool,
) -> PackageFacts {
    let known: BTreeSet<&RootPath> = below.files.iter().map(|file| &file.entry.path).collect();
    let lacks = |file: &&FileFacts| {
        let path = &file.entry.path;
        !known.contains(path) && !there(path)
    };
    let further = archive.files.iter().filter(lacks).cloned();
    PackageFacts {
        files: below.files.iter().cloned().chain(further).collect(),
        ..archive.clone()
    }
}
