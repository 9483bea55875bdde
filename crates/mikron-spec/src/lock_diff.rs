//! What differs between two locks: what an update brought.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use mikron_package::{Platform, Timestamp};

use crate::lock::{Lock, LockedPackage};

/// What a second lock has otherwise than a first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockDiff {
    /// Suites whose release differs: source, suite, the date before and after; `None` where there was or is none.
    pub releases: Vec<(String, String, Option<Timestamp>, Option<Timestamp>)>,
    /// Packages that differ, by platform. Platforms without a difference are left out.
    pub packages: BTreeMap<Platform, Vec<PackageChange>>,
}

/// How one package differs between two locks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PackageChange {
    /// Only the second has it.
    Added(Box<LockedPackage>),
    /// Only the first has it.
    Removed(Box<LockedPackage>),
    /// Both have it and it is not the same: first and second.
    Changed(Box<LockedPackage>, Box<LockedPackage>),
}

impl LockDiff {
    /// Whether the locks pin the same.
    pub fn is_empty(&self) -> bool {
        self.releases.is_empty() && self.packages.is_empty()
    }
}

impl fmt::Display for PackageChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added(new) => write!(f, "+ {} {}", new.name, new.version),
            Self::Removed(old) => write!(f, "- {} {}", old.name, old.version),
            Self::Changed(old, new) if old.version == new.version => {
                write!(
                    f,
                    "~ {} {} ({})",
                    new.name,
                    new.version,
                    differing(old, new)
                )
            }
            Self::Changed(old, new) => {
                write!(f, "~ {} {} -> {}", new.name, old.version, new.version)
            }
        }
    }
}

/// What of a package differs although its version does not.
fn differing(old: &LockedPackage, new: &LockedPackage) -> String {
    let differs = [
        ("archive", old.digest != new.digest),
        ("source", old.source != new.source),
        ("location", old.location != new.location),
        ("role", old.role != new.role),
        ("selection", old.selection != new.selection),
        ("size", old.size != new.size),
    ];
    let names: Vec<&str> = differs
        .iter()
        .filter(|(_, d)| *d)
        .map(|(name, _)| *name)
        .collect();
    names.join(", ")
}

impl fmt::Display for LockDiff {
    /// One line a difference; nothing for equal locks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = |date: &Option<Timestamp>| date.map_or("none".to_owned(), |d| d.to_string());
        for (source, suite, old, new) in &self.releases {
            writeln!(f, "{source} {suite}: {} -> {}", date(old), date(new))?;
        }
        for (platform, changes) in &self.packages {
            writeln!(f, "{platform}:")?;
            for change in changes {
                writeln!(f, "  {change}")?;
            }
        }
        Ok(())
    }
}

impl Lock {
    /// What `newer` has otherwise than this lock.
    pub fn diff(&self, newer: &Self) -> LockDiff {
        let mut diff = LockDiff::default();
        let (old, new) = (self.releases(), newer.releases());
        let keys: BTreeSet<_> = old.keys().chain(new.keys()).copied().collect();
        for key in keys {
            let (before, after) = (old.get(&key), new.get(&key));
            if before.map(|r| r.digest) != after.map(|r| r.digest) {
                diff.releases.push((
                    key.0.to_owned(),
                    key.1.to_owned(),
                    before.map(|release| release.date),
                    after.map(|release| release.date),
                ));
            }
        }
        let platforms: BTreeSet<_> = self
            .platforms
            .keys()
            .chain(newer.platforms.keys())
            .collect();
        for platform in platforms {
            let changes =
                package_changes(&self.packages_of(*platform), &newer.packages_of(*platform));
            if !changes.is_empty() {
                diff.packages.insert(*platform, changes);
            }
        }
        diff
    }

    fn releases(&self) -> BTreeMap<(&str, &str), &crate::lock::LockedRelease> {
        let suites = self.sources.iter().flat_map(|(name, source)| {
            let suites = source.suites.iter();
            suites.map(move |s| ((name.as_str(), s.suite.as_str()), &s.release))
        });
        suites.collect()
    }

    fn packages_of(&self, platform: Platform) -> BTreeMap<(&str, &str), &LockedPackage> {
        let packages = self.platforms.get(&platform).map(|p| p.packages.iter());
        packages
            .into_iter()
            .flatten()
            .map(|p| ((p.name.as_str(), p.arch.as_str()), p))
            .collect()
    }
}

fn package_changes(
    old: &BTreeMap<(&str, &str), &LockedPackage>,
    new: &BTreeMap<(&str, &str), &LockedPackage>,
) -> Vec<PackageChange> {
    let keys: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    keys.into_iter()
        .filter_map(|key| match (old.get(key), new.get(key)) {
            (Some(old), None) => Some(PackageChange::Removed(Box::new((*old).clone()))),
            (None, Some(new)) => Some(PackageChange::Added(Box::new((*new).clone()))),
            (Some(old), Some(new)) if old != new => Some(PackageChange::Changed(
                Box::new((*old).clone()),
                Box::new((*new).clone()),
            )),
            _ => None,
        })
        .collect()
}
