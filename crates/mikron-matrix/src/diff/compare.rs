//! The comparison of two inventories.

use std::collections::{BTreeMap, BTreeSet};

use mikron_package::{EntryKind, PackageName, Platform, RootPath};

use super::{
    Aspect, CapabilityDiff, Change, Diff, FileDiff, HeldFile, HeldPackage, Inventory, PackageDiff,
    PlatformDiff, Side,
};

/// What `after` has otherwise than `before`.
///
/// ```
/// use mikron_matrix::{Change, HeldPackage, Holdings, Inventory, diff};
/// use mikron_package::Version;
/// let of = |version| {
///     let package = HeldPackage { version: Version::new(version), archive: None, capabilities: None };
///     let packages = [("nginx".parse().unwrap(), package)].into();
///     let holdings = Holdings { packages: Some(packages), files: None };
///     Inventory { platforms: [("linux/amd64".parse().unwrap(), holdings)].into() }
/// };
/// let diff = diff(&of("1.22"), &of("1.24"));
/// let packages = diff.platforms[0].packages.as_ref().unwrap();
/// assert_eq!((packages[0].name.as_str(), packages[0].change), ("nginx", Change::Changed));
/// assert_eq!(diff.platforms[0].files, None);
/// ```
pub fn diff(before: &Inventory, after: &Inventory) -> Diff {
    let platforms: BTreeSet<Platform> = keys(&before.platforms, &after.platforms);
    let of_platform = |platform: Platform| {
        let sides = (
            before.platforms.get(&platform),
            after.platforms.get(&platform),
        );
        let (before, after) = match sides {
            (Some(before), Some(after)) => (before, after),
            (before, _) => {
                let side = if before.is_some() {
                    Side::First
                } else {
                    Side::Second
                };
                return PlatformDiff {
                    platform,
                    only: Some(side),
                    packages: None,
                    files: None,
                    bytes: None,
                };
            }
        };
        let files = before.files.as_ref().zip(after.files.as_ref());
        PlatformDiff {
            platform,
            only: None,
            packages: before
                .packages
                .as_ref()
                .zip(after.packages.as_ref())
                .map(|(before, after)| packages(before, after)),
            files: files.map(|(before, after)| self::files(before, after)),
            bytes: files.map(|(before, after)| (total(before), total(after))),
        }
    };
    Diff {
        platforms: platforms.into_iter().map(of_platform).collect(),
    }
}

fn keys<K: Ord + Clone, V>(before: &BTreeMap<K, V>, after: &BTreeMap<K, V>) -> BTreeSet<K> {
    before.keys().chain(after.keys()).cloned().collect()
}

fn total(files: &BTreeMap<RootPath, HeldFile>) -> u64 {
    files.values().map(size).sum()
}

const fn size(file: &HeldFile) -> u64 {
    match file.kind {
        EntryKind::File { size } => size,
        _ => 0,
    }
}

fn packages(
    before: &BTreeMap<PackageName, HeldPackage>,
    after: &BTreeMap<PackageName, HeldPackage>,
) -> Vec<PackageDiff> {
    let one = |name: PackageName| {
        let (old, new) = (before.get(&name), after.get(&name));
        let same_version = old.map(|p| &p.version) == new.map(|p| &p.version);
        let archives = (old.and_then(|p| p.archive), new.and_then(|p| p.archive));
        let rebuilt = same_version && matches!(archives, (Some(old), Some(new)) if old != new);
        let capabilities = capabilities(old, new);
        let differs = !same_version || rebuilt || !capabilities.is_empty();
        differs.then(|| PackageDiff {
            change: Change::of(old, new),
            before: old.map(|p| p.version.clone()),
            after: new.map(|p| p.version.clone()),
            name,
            rebuilt,
            capabilities,
        })
    };
    keys(before, after).into_iter().filter_map(one).collect()
}

fn capabilities(before: Option<&HeldPackage>, after: Option<&HeldPackage>) -> Vec<CapabilityDiff> {
    let nothing = BTreeMap::new();
    // Of a package that is not there everything is known; of one whose capabilities are not known nothing can be said.
    let of = |package: Option<&HeldPackage>| match package {
        None => Some(nothing.clone()),
        Some(package) => package.capabilities.clone(),
    };
    let Some((before, after)) = of(before).zip(of(after)) else {
        return Vec::new();
    };
    let one = |name: String| {
        let (old, new) = (before.get(&name), after.get(&name));
        (old != new).then(|| CapabilityDiff {
            change: Change::of(old, new),
            before: old.copied().unwrap_or(0),
            after: new.copied().unwrap_or(0),
            name,
        })
    };
    keys(&before, &after).into_iter().filter_map(one).collect()
}

fn files(
    before: &BTreeMap<RootPath, HeldFile>,
    after: &BTreeMap<RootPath, HeldFile>,
) -> Vec<FileDiff> {
    let one = |path: RootPath| {
        let (old, new) = (before.get(&path), after.get(&path));
        let aspects = match (old, new) {
            (Some(old), Some(new)) => aspects(old, new),
            _ => Vec::new(),
        };
        let differs = old.is_none() || new.is_none() || !aspects.is_empty();
        differs.then(|| FileDiff {
            path,
            change: Change::of(old, new),
            aspects,
            before: old.map_or(0, size),
            after: new.map_or(0, size),
            origin: new
                .and_then(|file| file.origin.clone())
                .or_else(|| old.and_then(|file| file.origin.clone())),
        })
    };
    keys(before, after).into_iter().filter_map(one).collect()
}

fn aspects(old: &HeldFile, new: &HeldFile) -> Vec<Aspect> {
    let mut aspects = Vec::new();
    if std::mem::discriminant(&old.kind) != std::mem::discriminant(&new.kind) {
        aspects.push(Aspect::Type);
    } else if matches!(old.kind, EntryKind::File { .. }) {
        let known = old.content.is_some() && new.content.is_some();
        if old.kind != new.kind || (known && old.content != new.content) {
            aspects.push(Aspect::Content);
        }
    } else if old.kind != new.kind {
        aspects.push(Aspect::Target);
    }
    let link = |file: &HeldFile| matches!(file.kind, EntryKind::Symlink { .. });
    if old.mode != new.mode && !link(old) && !link(new) {
        aspects.push(Aspect::Mode(old.mode, new.mode));
    }
    if (old.uid, old.gid) != (new.uid, new.gid) {
        aspects.push(Aspect::Owner((old.uid, old.gid), (new.uid, new.gid)));
    }
    if old.xattrs != new.xattrs {
        aspects.push(Aspect::Xattrs);
    }
    aspects
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use mikron_package::{Digest, Version};

    use super::*;
    use crate::Holdings;

    fn file(size: u64, mode: u32, content: &[u8]) -> HeldFile {
        HeldFile {
            kind: EntryKind::File { size },
            mode,
            uid: 0,
            gid: 0,
            content: Some(Digest::of(content)),
            xattrs: None,
            origin: Some("a:bins".to_owned()),
            reason: None,
        }
    }

    fn inventory(files: &[(&str, HeldFile)]) -> Inventory {
        let files = files
            .iter()
            .map(|(path, file)| (RootPath::new(path.as_bytes()).unwrap(), file.clone()));
        let holdings = Holdings {
            packages: None,
            files: Some(files.collect()),
        };
        Inventory {
            platforms: [("linux/amd64".parse().unwrap(), holdings)].into(),
        }
    }

    #[test]
    fn every_way_in_which_a_file_can_differ_is_named() {
        let link = HeldFile {
            kind: EntryKind::Symlink {
                target: b"a".to_vec(),
            },
            content: None,
            ..file(0, 0o777, b"")
        };
        let other = HeldFile {
            kind: EntryKind::Symlink {
                target: b"b".to_vec(),
            },
            ..link.clone()
        };
        let before = inventory(&[
            ("a", file(3, 0o755, b"old")),
            ("b", file(1, 0o644, b"x")),
            ("gone", file(5, 0o644, b"12345")),
            ("l", link.clone()),
            ("same", file(1, 0o644, b"y")),
            ("t", link),
        ]);
        let owned = HeldFile {
            uid: 7,
            xattrs: Some(Digest::of(b"x")),
            ..file(1, 0o4755, b"x")
        };
        let after = inventory(&[
            ("a", file(3, 0o755, b"new")),
            ("b", owned),
            ("l", other),
            ("new", file(2, 0o644, b"12")),
            ("same", file(1, 0o644, b"y")),
            ("t", file(1, 0o777, b"t")),
        ]);
        let diff = diff(&before, &after);
        let platform = &diff.platforms[0];
        assert_eq!(platform.bytes, Some((10, 8)));
        let lines: Vec<String> = platform
            .files
            .iter()
            .flatten()
            .map(|f| {
                let aspects: Vec<String> = f.aspects.iter().map(ToString::to_string).collect();
                format!("{} {} {}", f.change.sign(), f.path, aspects.join(", "))
            })
            .collect();
        assert_eq!(
            lines,
            [
                "~ /a content",
                "~ /b mode 0644 -> 4755, owner 0:0 -> 7:0, extended attributes",
                "- /gone ",
                "~ /l target",
                "+ /new ",
                "~ /t type",
            ]
        );
        assert!(super::diff(&after, &after).is_empty());
    }

    #[test]
    fn capabilities_and_rebuilt_archives_differ_too() {
        let of = |archive: &[u8], capabilities: &[(&str, u64)]| {
            let capabilities = capabilities.iter().map(|(n, b)| ((*n).to_owned(), *b));
            let package = HeldPackage {
                version: Version::new("1"),
                archive: Some(Digest::of(archive)),
                capabilities: Some(capabilities.collect()),
            };
            let holdings = Holdings {
                packages: Some([("a".parse().unwrap(), package)].into()),
                files: None,
            };
            Inventory {
                platforms: [("linux/amd64".parse().unwrap(), holdings)].into(),
            }
        };
        let before = of(b"1", &[("bins", 5), ("data", 7)]);
        let after = of(b"2", &[("bins", 6), ("config", 1)]);
        let diff = diff(&before, &after);
        let packages = diff.platforms[0].packages.as_ref().unwrap();
        assert!(packages[0].rebuilt);
        let capabilities = packages[0].capabilities.iter();
        let changes: Vec<_> = capabilities
            .map(|c| (c.name.as_str(), c.change, c.after))
            .collect();
        assert_eq!(
            changes,
            [
                ("bins", Change::Changed, 6),
                ("config", Change::Added, 1),
                ("data", Change::Removed, 0)
            ]
        );
        assert!(super::diff(&before, &before).is_empty());
    }

    #[test]
    fn a_platform_of_one_side_is_said_to_be_that() {
        let diff = diff(&Inventory::default(), &inventory(&[]));
        assert_eq!(diff.platforms[0].only, Some(Side::Second));
        assert!(!diff.is_empty());
    }
}
