//! How the tree is cut into layers.

use std::collections::BTreeMap;

use mikron_oci::{LayerEntry, LayerError, LayerPlan};
use mikron_package::{EntryKind, PackageName, RootPath};
use mikron_rootfs::{LayerGroup, Node, Tree};
use mikron_spec::{Layers, Strategy};

/// A layer to be, with the packages whose files it holds.
#[derive(Debug)]
pub(crate) struct PlannedLayer {
    pub(crate) plan: LayerPlan,
    pub(crate) packages: Vec<PackageName>,
}

/// What goes into one layer, and what the layer is called.
struct Share<'a> {
    name: &'a str,
    groups: Vec<LayerGroup<'a>>,
}

/// Cuts the tree into layers: one for all, or one for each package or source package in order of name, and one for what no
/// package brought. `sources` has the source package of each package.
///
/// Where that makes more layers than the limit allows, those with the fewest bytes share one, so that large packages still
/// change alone. What no package brought comes last: it changes most often and weighs least.
pub(crate) fn plan(
    tree: &Tree,
    layers: &Layers,
    sources: &BTreeMap<&str, &str>,
) -> Result<Vec<PlannedLayer>, LayerError> {
    let mut groups = tree.by_package();
    if layers.strategy == Strategy::Single {
        return Ok(vec![planned("all packages", &groups)?]);
    }
    let rest = groups
        .last()
        .is_some_and(|g| g.package.is_none())
        .then(|| groups.pop())
        .flatten();
    let room = (layers.limit as usize).saturating_sub(usize::from(rest.is_some()));
    let mut shares = match layers.strategy {
        Strategy::Source => shares(groups, |package| sources.get(package).unwrap_or(&package)),
        Strategy::Package | Strategy::Single => shares(groups, |package| package),
    };
    let mut small = Vec::new();
    if shares.len() > room {
        shares.sort_by_key(|share| (std::cmp::Reverse(share.bytes()), share.name));
        small = shares.split_off(room.saturating_sub(1));
        shares.sort_by_key(|share| share.name);
    }
    let mut layers = Vec::new();
    for share in &shares {
        layers.push(planned(share.name, &share.groups)?);
    }
    let count = small.len();
    let mut small: Vec<LayerGroup<'_>> = small.into_iter().flat_map(|share| share.groups).collect();
    if room == 0 {
        small.extend(rest);
        return Ok(vec![planned("all packages", &small)?]);
    }
    if !small.is_empty() {
        layers.push(planned(&format!("{count} small packages"), &small)?);
    }
    if let Some(rest) = rest {
        layers.push(planned("files of the spec", &[rest])?);
    }
    Ok(layers)
}

/// Puts together what has one name, in order of name.
fn shares<'a>(groups: Vec<LayerGroup<'a>>, name: impl Fn(&'a str) -> &'a str) -> Vec<Share<'a>> {
    let mut shares: BTreeMap<&str, Vec<LayerGroup<'_>>> = BTreeMap::new();
    for group in groups {
        let name = group.package.map_or("", &name);
        shares.entry(name).or_default().push(group);
    }
    let share = |(name, groups)| Share { name, groups };
    shares.into_iter().map(share).collect()
}

impl Share<'_> {
    fn bytes(&self) -> u64 {
        let nodes = self.groups.iter().flat_map(|group| &group.nodes);
        nodes.map(|node| node.entry.size()).sum()
    }
}

fn planned(name: &str, groups: &[LayerGroup<'_>]) -> Result<PlannedLayer, LayerError> {
    // A directory stands in the group of every package that has something below it.
    let nodes: BTreeMap<&RootPath, &Node> = groups
        .iter()
        .flat_map(|g| &g.nodes)
        .map(|node| (&node.entry.path, *node))
        .collect();
    let entries = nodes.values().map(|node| LayerEntry {
        entry: node.entry.clone(),
        content: node
            .content
            .filter(|_| matches!(node.entry.kind, EntryKind::File { .. })),
    });
    let mut packages: Vec<PackageName> = groups
        .iter()
        .filter_map(|g| g.package?.parse().ok())
        .collect();
    packages.sort();
    Ok(PlannedLayer {
        plan: LayerPlan::new(name, entries)?,
        packages,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mikron_package::{Digest, Entry};
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
        let planned = plan(&tree, &layers(32), &BTreeMap::new()).unwrap();
        assert_eq!(names(&planned), [vec!["a"], vec!["b"], vec![]]);
    }

    #[test]
    fn beyond_the_limit_the_smallest_packages_share_a_layer() {
        let tree = tree(&[("a", 1), ("b", 30), ("c", 2), ("d", 40)], true);
        let planned = plan(&tree, &layers(4), &BTreeMap::new()).unwrap();
        assert_eq!(
            names(&planned),
            [vec!["b"], vec!["d"], vec!["a", "c"], vec![]]
        );
    }

    #[test]
    fn a_limit_of_one_and_the_strategy_single_make_one_layer() {
        let tree = tree(&[("a", 1), ("b", 30)], true);
        assert_eq!(
            names(&plan(&tree, &layers(1), &BTreeMap::new()).unwrap()),
            [vec!["a", "b"]]
        );
        let single = Layers {
            strategy: Strategy::Single,
            ..Layers::default()
        };
        assert_eq!(
            names(&plan(&tree, &single, &BTreeMap::new()).unwrap()),
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
        let planned = plan(&tree, &by_source, &sources).unwrap();
        assert_eq!(
            names(&planned),
            [vec!["php-cli", "php-fpm"], vec!["zlib1g"], vec![]]
        );
        let few = Layers {
            limit: 2,
            ..by_source
        };
        let planned = plan(&tree, &few, &sources).unwrap();
        assert_eq!(
            names(&planned),
            [vec!["php-cli", "php-fpm", "zlib1g"], vec![]]
        );
    }
}
