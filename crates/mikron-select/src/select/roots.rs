//! Who is a root: what the spec names, and in place of a package without files of its own what that depends on. Links are no
//! files of its own: `php-cli` has `php.default`, which leads to the program of `php8.2-cli`.
//!
//! It is decided once, before anything is taken, so that rules, siblings and finalizers all mean the same by it.

use std::collections::BTreeSet;

use super::packages::Summary;
use super::{FileRef, Found, PackageInput, Reason, Role, Select, Tree};

/// A package that stands in for a root without files.
#[derive(Clone, Debug)]
pub(super) struct Heir {
    /// Why it does.
    pub(super) reason: Reason,
    /// How much of it is taken.
    pub(super) select: Option<Select>,
}

/// The packages that stand in for roots, by package.
pub(super) fn heirs(
    packages: &[PackageInput],
    summaries: &[Summary],
    tree: &Tree<'_>,
) -> Vec<Option<Heir>> {
    let mut heirs: Vec<Option<Heir>> = vec![None; packages.len()];
    let whole = |package: &usize| packages[*package].role.is_whole_root();
    let mut open: Vec<usize> = (0..packages.len()).filter(whole).collect();
    while let Some(package) = open.pop() {
        let led_to = match &summaries[package] {
            summary if summary.own_files => continue,
            summary if summary.links => Some(led_to(package, packages, tree)),
            _ => None,
        };
        let meta = &packages[package];
        let select = heirs[package]
            .as_ref()
            .map_or(meta.select, |heir| heir.select);
        for edge in &meta.requires {
            let stands_in = led_to.as_ref().is_none_or(|led| led.contains(&edge.to));
            let free =
                stands_in && packages[edge.to].role == Role::Dependency && heirs[edge.to].is_none();
            if free {
                let reason = Reason::Meta {
                    package: meta.name.clone(),
                    relation: edge.relation.clone(),
                };
                heirs[edge.to] = Some(Heir { reason, select });
                open.push(edge.to);
            }
        }
    }
    heirs
}

/// The packages that the links of one lead to.
fn led_to(package: usize, packages: &[PackageInput], tree: &Tree<'_>) -> BTreeSet<usize> {
    let files = packages[package].facts.files.iter();
    let links = files.filter(|file| file.link_target().is_some() && file.class.is_run_time());
    let ends = links.filter_map(|link| {
        let path = tree.normal(link.entry.path.as_bytes());
        match tree.resolve(&path).ok()?.end {
            Found::Entry(FileRef { package, .. }) => Some(package),
            _ => None,
        }
    });
    ends.collect()
}
