//! `prefer`: which package's definition of a path wins when several are selected.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use mikron_package::PackageName;

use crate::{Content, Package, SliceError, SliceErrorKind, SliceKey};

/// The lines along which `prefer` leads, by path and package, over the whole release.
#[derive(Clone, Debug, Default)]
pub(crate) struct Preferences {
    by_path: HashMap<String, BTreeMap<PackageName, PackageName>>,
}

impl Preferences {
    /// Collects and checks what the slices of a release prefer. Packages of which `broken` is true are there as well, and say
    /// nothing.
    pub(crate) fn of(
        packages: &BTreeMap<PackageName, Arc<Package>>,
        broken: impl Fn(&PackageName) -> bool,
    ) -> Result<Self, SliceError> {
        let mut preferences = Self::default();
        for package in packages.values() {
            for (slice, content) in contents(package) {
                let Some(target) = &content.prefer else {
                    continue;
                };
                let wrong = |kind| {
                    let path = ["slices", slice.slice(), "contents", &content.path, "prefer"];
                    let error = package.source.error(&path, kind);
                    error.of_slice(slice).of_path(&content.path)
                };
                if !packages.contains_key(target) && !broken(target) {
                    return Err(wrong(SliceErrorKind::Dangling {
                        what: "package",
                        name: target.to_string(),
                    }));
                }
                let line = preferences.by_path.entry(content.path.clone()).or_default();
                let rival = line
                    .iter()
                    .find(|(name, other)| *other == target && **name != package.name);
                if let Some((rival, _)) = rival {
                    let message = format!("`{rival}` prefers `{target}` here too");
                    return Err(wrong(SliceErrorKind::Prefer(message)).help(
                        "let them form a line: one prefers the other, which prefers the last",
                    ));
                }
                line.insert(package.name.clone(), target.clone());
            }
        }
        if preferences.by_path.is_empty() {
            return Ok(preferences);
        }
        for package in packages.values() {
            for (slice, content) in contents(package) {
                let Some(line) = preferences.by_path.get(&content.path) else {
                    continue;
                };
                let wrong = |message| {
                    let path = ["slices", slice.slice(), "contents", &content.path];
                    let kind = SliceErrorKind::Prefer(message);
                    let error = package.source.error(&path, kind);
                    error.of_slice(slice).of_path(&content.path)
                };
                let expected = line.get(&package.name);
                if content.prefer.as_ref() != expected {
                    let other = expected.map_or("nothing", PackageName::as_str);
                    return Err(
                        wrong(format!("another slice of the package prefers `{other}`"))
                            .help("all slices of a package prefer the same for a path"),
                    );
                }
                if leads(line, &package.name).any(|next| *next == package.name) {
                    return Err(wrong("`prefer` leads back to this package".to_owned())
                        .help("the last package of a line prefers none"));
                }
            }
        }
        Ok(preferences)
    }

    /// Whether `prefer` at `path` leads from one of two packages to the other.
    pub(crate) fn relate(&self, path: &str, a: &PackageName, b: &PackageName) -> bool {
        let line = self.by_path.get(path);
        line.is_some_and(|line| {
            leads(line, a).any(|name| name == b) || leads(line, b).any(|name| name == a)
        })
    }

    /// Whether another of `packages` wins over `package` at `path`.
    pub(crate) fn is_beaten<'a>(
        &self,
        path: &str,
        package: &PackageName,
        mut packages: impl Iterator<Item = &'a PackageName>,
    ) -> bool {
        let Some(line) = self.by_path.get(path) else {
            return false;
        };
        packages.any(|other| leads(line, package).any(|name| name == other))
    }
}

fn contents(package: &Package) -> impl Iterator<Item = (&SliceKey, &Content)> {
    let slices = package.slices.iter();
    slices.flat_map(|slice| slice.contents.iter().map(|content| (&slice.key, content)))
}

/// The packages that `prefer` leads to from `start`, one after the other, each loop once.
fn leads<'a>(
    line: &'a BTreeMap<PackageName, PackageName>,
    start: &PackageName,
) -> impl Iterator<Item = &'a PackageName> {
    std::iter::successors(line.get(start), |name| line.get(*name)).take(line.len())
}
