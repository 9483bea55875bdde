//! Hard links: every name of a file finds its content before the merge, and names that survive it are linked again.

use std::collections::{BTreeMap, BTreeSet};

use mikron_package::{Digest, Entry, EntryKind, RootPath, SharedText};

use crate::error::EntryFault;
use crate::part::Part;
use crate::tree::{Tree, kind_name};

/// Hard links as files with the first name of what they name, and the files that have several names, by package and path.
pub(super) type Resolved = (Vec<(Part, RootPath)>, BTreeSet<(SharedText, RootPath)>);

/// Gives every hard link the kind, attributes and content of the file that it names. A link names an earlier entry of its
/// own package (POSIX pax, typeflag 1), or a file that was not chosen and that the part describes.
pub(super) fn resolve(
    others: &[Part],
    links: Vec<Part>,
) -> Result<Resolved, (Box<Part>, EntryFault)> {
    let targets: BTreeSet<(SharedText, RootPath)> = links
        .iter()
        .filter_map(|link| match &link.entry.kind {
            EntryKind::Hardlink { target } => Some((link.package.clone(), target.clone())),
            _ => None,
        })
        .collect();
    let mut directories = BTreeSet::new();
    // By package and path: the first name, and what lies there. What no link names is left out.
    let mut known: BTreeMap<(SharedText, RootPath), (RootPath, Entry, Option<Digest>)> =
        BTreeMap::new();
    for part in others.iter().filter(|_| !targets.is_empty()) {
        let path = part.entry.path.clone();
        let key = (part.package.clone(), path.clone());
        if !targets.contains(&key) {
            continue;
        }
        match part.entry.kind {
            EntryKind::Directory => {
                directories.insert(key);
            }
            EntryKind::Symlink { .. } => {}
            _ => {
                known.insert(key, (path, part.entry.clone(), part.content));
            }
        }
    }
    let mut several: BTreeSet<(SharedText, RootPath)> = BTreeSet::new();
    let mut linked = Vec::with_capacity(links.len());
    for mut link in links {
        let EntryKind::Hardlink { target } = link.entry.kind.clone() else {
            continue;
        };
        let key = (link.package.clone(), target.clone());
        let found = match known.get(&key) {
            Some(found) => Ok(found.clone()),
            None if target == link.entry.path => Err(EntryFault::HardlinkLoop { target }),
            None if directories.contains(&key) => Err(EntryFault::HardlinkToOther {
                target,
                found: "directory",
            }),
            None => match (&link.linked, link.content) {
                (Some(entry), Some(content)) if entry.is_file() => {
                    Ok((target, (**entry).clone(), Some(content)))
                }
                (Some(entry), _) if !entry.is_file() => Err(EntryFault::HardlinkToOther {
                    target,
                    found: kind_name(&entry.kind),
                }),
                _ => Err(EntryFault::HardlinkMissing { target }),
            },
        };
        let (first, entry, content) = match found {
            Ok(found) => found,
            Err(fault) => return Err((Box::new(link), fault)),
        };
        several.insert((link.package.clone(), first.clone()));
        let path = std::mem::take(&mut link.entry.path);
        // A second name shares everything with the first: owner, mode, time, attributes.
        link.entry = Entry {
            path: path.clone(),
            ..entry.clone()
        };
        link.content = content;
        let key = (link.package.clone(), path);
        known.insert(key, (first.clone(), entry, content));
        linked.push((link, first));
    }
    Ok((linked, several))
}

/// Links the names of one file again: the first in order of path holds the content, the others name it.
pub(super) fn group(tree: &mut Tree) {
    let mut groups: BTreeMap<(&str, &RootPath), Vec<&RootPath>> = BTreeMap::new();
    for node in tree.nodes() {
        if let (Some(package), Some(first)) = (node.owner.package(), node.names.as_deref())
            && node.entry.is_file()
        {
            let paths = groups.entry((package, first)).or_default();
            paths.push(&node.entry.path);
        }
    }
    let mut links: Vec<(RootPath, RootPath)> = Vec::new();
    for paths in groups.into_values() {
        if let [first, others @ ..] = paths.as_slice() {
            links.extend(
                others
                    .iter()
                    .map(|other| ((*other).clone(), (*first).clone())),
            );
        }
    }
    for (path, target) in links {
        let same = match (tree.get(&path), tree.get(&target)) {
            (Some(a), Some(b)) => {
                a.content == b.content && super::same_attributes(&a.entry, &b.entry)
            }
            _ => false,
        };
        // A finalizer may have changed one name; then they are two files.
        if same && let Some(node) = tree.get_mut(&path) {
            node.entry.kind = EntryKind::Hardlink { target };
        }
    }
}
