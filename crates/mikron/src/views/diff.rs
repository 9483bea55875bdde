//! What images hold, for comparing them: of a spec, of a lock, of a layout.

mod layout;

use std::collections::BTreeMap;
use std::path::Path;

use mikron_matrix::{HeldFile, HeldPackage, Holdings, Inventory};
use mikron_package::{Digest, EntryKind, Hasher, Limits, Platform, RootPath, Xattrs, merged_usr};
use mikron_rootfs::{Owner, Rootfs};
use mikron_spec::Lock;

pub use layout::{archive_inventory, layout_inventory};

use crate::Error;
use crate::run::Run;
use crate::steps::base::BASE;
use crate::steps::closure::Closure;
use crate::steps::tree::tree;

/// What the image of the spec would hold. Everything is done that a build does, less the layers.
pub(crate) fn inventory(run: &Run<'_>) -> Result<Inventory, Error> {
    let own = run.files()?;
    let pins = run.pins()?;
    let epoch = run.epoch(&pins)?;
    let mut inventory = Inventory::default();
    for platform in &run.inputs.platforms {
        let mut closure = run.close(*platform, &pins, &own)?;
        // The tree takes what was chosen out of the closure.
        let reasons = closure.reasons();
        let contents = run.contents(&closure, &own, closure.contents())?;
        let rootfs = tree(
            &run.order.spec,
            &run.order.families,
            epoch,
            &mut closure,
            &own,
            &contents,
        )?;
        let held = holdings(&closure, &rootfs, &reasons);
        inventory.platforms.insert(*platform, held);
    }
    Ok(inventory)
}

/// What the tree of an image holds.
fn holdings(closure: &Closure, rootfs: &Rootfs, reasons: &BTreeMap<Vec<u8>, String>) -> Holdings {
    let mut files = BTreeMap::new();
    let mut bytes: BTreeMap<&str, BTreeMap<String, u64>> = BTreeMap::new();
    for node in rootfs.tree.nodes() {
        if let (Some(package), Some(capability)) = (node.owner.package(), node.owner.capability())
            && !node.entry.is_directory()
        {
            let of_package = bytes.entry(package).or_default();
            *of_package.entry(capability.to_owned()).or_default() += node.entry.size();
        }
        let entry = &node.entry;
        let file = HeldFile {
            kind: entry.kind.clone(),
            mode: entry.mode,
            uid: entry.uid,
            gid: entry.gid,
            content: node.content,
            xattrs: xattrs(&entry.xattrs),
            origin: match &node.owner {
                Owner::Layout => None,
                owner => Some(owner.to_string()),
            },
            reason: node.owner.package().and_then(|_| {
                let path = merged_usr(entry.path.as_bytes());
                reasons.get(&*path).cloned()
            }),
        };
        files.insert(entry.path.clone(), file);
    }
    let held = closure.packages.iter().filter_map(|package| {
        let capabilities = bytes.remove(package.record.name.as_str());
        // Which capabilities an image that is built upon has of a package is not known.
        let below = package.below.is_some();
        let is_package = package.record.name.as_str() != BASE;
        if !is_package || capabilities.is_none() && !below {
            return None;
        }
        let held = HeldPackage {
            version: package.record.version.clone(),
            archive: package.record.digest.filter(|_| !below),
            capabilities: capabilities.filter(|_| !below),
        };
        Some((package.record.name.clone(), held))
    });
    Holdings {
        packages: Some(held.collect()),
        files: Some(without_links(files)),
    }
}

/// What a lock pins. It knows packages, and neither their capabilities nor files.
///
/// # Errors
/// When the file cannot be read or is no lock.
pub fn lock_inventory(path: &Path) -> Result<Inventory, Error> {
    let limits = Limits::default();
    let bytes = crate::files::read_plain(path, limits.lock)?;
    let lock = Lock::from_bytes(&[], &path.display().to_string(), &bytes, &limits)?;
    let of_platform = |(platform, locked): (&Platform, &mikron_spec::LockedPlatform)| {
        let taken = |package: &&mikron_spec::LockedPackage| {
            package
                .selection
                .is_none_or(|selection| selection.files > 0)
        };
        let held = locked.packages.iter().filter(taken).map(|package| {
            let held = HeldPackage {
                version: package.version.clone(),
                archive: Some(package.digest),
                capabilities: None,
            };
            (package.name.clone(), held)
        });
        let holdings = Holdings {
            packages: Some(held.collect()),
            files: None,
        };
        (*platform, holdings)
    };
    Ok(Inventory {
        platforms: lock.platforms.iter().map(of_platform).collect(),
    })
}

/// Hard links as the files that they are names of.
fn without_links(mut files: BTreeMap<RootPath, HeldFile>) -> BTreeMap<RootPath, HeldFile> {
    let resolved: Vec<(RootPath, HeldFile)> = files
        .iter()
        .filter_map(|(path, file)| match &file.kind {
            EntryKind::Hardlink { target } => {
                let target = files.get(target)?;
                let origin = file.origin.clone();
                Some((
                    path.clone(),
                    HeldFile {
                        origin,
                        ..target.clone()
                    },
                ))
            }
            _ => None,
        })
        .collect();
    files.extend(resolved);
    files.retain(|path, _| !path.is_root());
    files
}

fn xattrs(xattrs: &Xattrs) -> Option<Digest> {
    if xattrs.is_empty() {
        return None;
    }
    let mut hasher = Hasher::default();
    for part in xattrs.iter().flat_map(|(name, value)| [name, value]) {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    Some(hasher.finish())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_hard_link_is_the_file_that_it_names() {
        let link = EntryKind::Hardlink {
            target: RootPath::new(b"a").unwrap(),
        };
        let files = [
            (
                RootPath::new(b"a").unwrap(),
                file(EntryKind::File { size: 7 }),
            ),
            (RootPath::new(b"b").unwrap(), file(link)),
        ];
        let files = without_links(files.into());
        assert_eq!(
            files[&RootPath::new(b"b").unwrap()],
            files[&RootPath::new(b"a").unwrap()]
        );
    }

    fn file(kind: EntryKind) -> HeldFile {
        HeldFile {
            kind,
            mode: 0o755,
            uid: 0,
            gid: 0,
            content: None,
            xattrs: None,
            origin: None,
            reason: None,
        }
    }
}
