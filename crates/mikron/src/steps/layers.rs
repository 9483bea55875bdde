//! How the tree is cut into layers.

use std::collections::{BTreeMap, BTreeSet};

use mikron_oci::{LayerEntry, LayerError, LayerPlan};
use mikron_package::{PackageName, RootPath};
use mikron_rootfs::{LayerGroup, Share as Whose, Tree};
use mikron_spec::{Layers, Strategy};

/// A layer to be, with the packages whose files it holds.
#[derive(Debug)]
pub(crate) struct PlannedLayer {
    pub(crate) plan: LayerPlan,
    /// What the spec calls it.
    pub(crate) name: Option<String>,
    pub(crate) packages: Vec<PackageName>,
}

/// What goes into one layer, and what the layer is called.
struct Share {
    name: String,
    groups: Vec<LayerGroup>,
}

/// Cuts the tree into layers: one for all, or one for each package or source package in order of name, those that the spec names, and
/// one for what else no package brought. `sources` has the source package of each package.
///
/// Where that makes more layers than the limit allows, those with the fewest bytes share one, so that large packages still
/// change alone. What no package brought comes last: it changes most often and weighs least.
///
/// The tree goes as the plans come: both at once would be the most that a build holds.
pub(crate) fn plan(
    mut tree: Tree,
    layers: &Layers,
    sources: &BTreeMap<&str, &str>,
) -> Result<Vec<PlannedLayer>, LayerError> {
    let tree = &mut tree;
    let mut groups = tree.by_share();
    let is_named = |group: &mut LayerGroup| matches!(group.of, Whose::Layer(_));
    let named: Vec<LayerGroup> = groups.extract_if(.., is_named).collect();
    if layers.strategy == Strategy::Single {
        let all = vec![planned("all packages", groups, tree)?];
        return with_named(all, named, tree);
    }
    let rest = groups.pop_if(|group| group.of == Whose::Rest);
    let room = (layers.limit as usize).saturating_sub(usize::from(rest.is_some()) + named.len());
    let mut shares = match layers.strategy {
        Strategy::Source => shares(groups, sources),
        Strategy::Package | Strategy::Single => shares(groups, &BTreeMap::new()),
    };
    let mut small = Vec::new();
    if shares.len() > room {
        shares.sort_by(|a, b| b.bytes().cmp(&a.bytes()).then_with(|| a.name.cmp(&b.name)));
        small = shares.split_off(room.saturating_sub(1));
        shares.sort_by(|a, b| a.name.cmp(&b.name));
    }
    let mut layers = Vec::new();
    let count = small.len();
    let mut small: Vec<LayerGroup> = small.into_iter().flat_map(|share| share.groups).collect();
    if room == 0 {
        small.extend(rest);
        return Ok(vec![planned("all packages", small, tree)?]);
    }
    for share in shares {
        layers.push(planned(&share.name, share.groups, tree)?);
    }
    if !small.is_empty() {
        layers.push(planned(&format!("{count} small packages"), small, tree)?);
    }
    let mut layers = with_named(layers, named, tree)?;
    if let Some(rest) = rest {
        layers.push(planned("files of the spec", vec![rest], tree)?);
    }
    Ok(layers)
}

/// The layers that the spec names, behind others and in order of name.
fn with_named(
    mut layers: Vec<PlannedLayer>,
    named: Vec<LayerGroup>,
    tree: &mut Tree,
) -> Result<Vec<PlannedLayer>, LayerError> {
    for group in named {
        let Whose::Layer(name) = &group.of else {
            continue;
        };
        let name = name.to_string();
        let planned = planned(&name, vec![group], tree)?;
        layers.push(PlannedLayer {
            name: Some(name),
            ..planned
        });
    }
    Ok(layers)
}

/// Puts together what has one name, in order of name: that of its package, where `names` has no other for it.
fn shares(groups: Vec<LayerGroup>, names: &BTreeMap<&str, &str>) -> Vec<Share> {
    let mut shares: BTreeMap<String, Vec<LayerGroup>> = BTreeMap::new();
    for group in groups {
        let own = package(&group).unwrap_or_default();
        let name = names.get(own).copied().unwrap_or(own).to_owned();
        shares.entry(name).or_default().push(group);
    }
    let share = |(name, groups)| Share { name, groups };
    shares.into_iter().map(share).collect()
}

/// The package that a group of files is of.
fn package(group: &LayerGroup) -> Option<&str> {
    match &group.of {
        Whose::Package(package) => Some(package),
        Whose::Layer(_) | Whose::Rest => None,
    }
}

impl Share {
    fn bytes(&self) -> u64 {
        self.groups.iter().map(|group| group.bytes).sum()
    }
}

/// Takes the files of some groups out of the tree, and copies their directories, which others may share.
fn planned(
    name: &str,
    groups: Vec<LayerGroup>,
    tree: &mut Tree,
) -> Result<PlannedLayer, LayerError> {
    let packages = groups.iter().filter_map(package);
    let mut packages: Vec<PackageName> = packages.filter_map(|name| name.parse().ok()).collect();
    packages.sort();
    // A directory stands in the group of every package that has something below it.
    let paths = groups.into_iter().flat_map(|group| group.paths);
    let paths: BTreeSet<RootPath> = paths.collect();
    let entries = paths.into_iter().filter_map(|path| {
        let directory = tree.get(&path)?.entry.is_directory();
        let node = if directory {
            tree.get(&path).cloned()
        } else {
            tree.take(&path)
        }?;
        let content = node.content.filter(|_| node.entry.is_file());
        let entry = node.entry;
        Some(LayerEntry { entry, content })
    });
    Ok(PlannedLayer {
        plan: LayerPlan::new(name, entries)?,
        name: None,
        packages,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mikron_package::{Digest, Entry, EntryKind};
    use mikron_rootfs::Owner;

    fn tree(packages: &[(&str, u64)], spec_file: bool) -> Tree {
        let mut tree = Tree::new(0);
        let mut add = |path: &str, size, owner| {
            let entry = Entry::new(
                RootPath::new(path.as_bytes()).unwrap(),
                EntryKind::File { size },
                0o644,
            );
            tree.insert(entry, Some(Digest::of(b"")), owner).unwrap();
        };
        for (package, size) in packages {
            add(
                &format!("/usr/lib/{package}"),
                *size,
                Owner::package_of(*package, "libs"),
            );
        }
        if spec_file {
            add("/etc/app.conf", 1, Owner::Spec);
        }
        tree
    }

    fn names(layers: &[PlannedLayer]) -> Vec<Vec<&str>> {
        layers
            .iter()
            .map(|l| l.packages.iter().map(PackageName::as_str).collect())
            .collect()
    }

    fn layers(limit: u32) -> Layers {
        Layers {
            limit,
            ..Layers::default()
        }
    }

    #[test]
    fn each_package_has_its_layer_and_the_rest_comes_last() {
        let tree = tree(&[("b", 1), ("a", 2)], true);
        let planned = plan(tree.clone(), &layers(32), &BTreeMap::new()).unwrap();
        assert_eq!(names(&planned), [vec!["a"], vec!["b"], vec![]]);
    }

    #[test]
    fn beyond_the_limit_the_smallest_packages_share_a_layer() {
        let tree = tree(&[("a", 1), ("b", 30), ("c", 2), ("d", 40)], true);
        let planned = plan(tree.clone(), &layers(4), &BTreeMap::new()).unwrap();
        assert_eq!(
            names(&planned),
            [vec!["b"], vec!["d"], vec!["a", "c"], vec![]]
        );
    }

    #[test]
    fn a_limit_of_one_and_the_strategy_single_make_one_layer() {
        let tree = tree(&[("a", 1), ("b", 30)], true);
        assert_eq!(
            names(&plan(tree.clone(), &layers(1), &BTreeMap::new()).unwrap()),
            [vec!["a", "b"]]
        );
        let single = Layers {
            strategy: Strategy::Single,
            ..Layers::default()
        };
        assert_eq!(
            names(&plan(tree.clone(), &single, &BTreeMap::new()).unwrap()),
            [vec!["a", "b"]]
        );
    }

    #[test]
    fn packages_of_one_source_share_a_layer_where_the_spec_says_so() {
        let tree = tree(&[("php-cli", 1), ("zlib1g", 2), ("php-fpm", 3)], true);
        let by_source = Layers {
            strategy: Strategy::Source,
            ..Layers::default()
        };
        let sources = BTreeMap::from([("php-cli", "php"), ("php-fpm", "php"), ("zlib1g", "zlib")]);
        let planned = plan(tree.clone(), &by_source, &sources).unwrap();
        assert_eq!(
            names(&planned),
            [vec!["php-cli", "php-fpm"], vec!["zlib1g"], vec![]]
        );
        let few = Layers {
            limit: 2,
            ..by_source
        };
        let planned = plan(tree.clone(), &few, &sources).unwrap();
        assert_eq!(
            names(&planned),
            [vec!["php-cli", "php-fpm", "zlib1g"], vec![]]
        );
    }
}
