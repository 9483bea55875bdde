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

/// Cuts the tree into layers: one for all, or one a package in order of name and one for what no package brought.
///
/// Where that makes more layers than the limit allows, the packages with the fewest bytes share one, so that large
/// packages still change alone. What no package brought comes last: it changes most often and weighs least.
pub(crate) fn plan(tree: &Tree, layers: &Layers) -> Result<Vec<PlannedLayer>, LayerError> {
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
    if groups.len() > room {
        if room == 0 {
            groups.extend(rest);
            return Ok(vec![planned("all packages", &groups)?]);
        }
        groups.sort_by_key(|group| (std::cmp::Reverse(bytes(group)), group.package));
        let small = groups.split_off(room - 1);
        groups.sort_by_key(|group| group.package);
        let mut planned_layers = each(&groups)?;
        planned_layers.push(planned(&format!("{} small packages", small.len()), &small)?);
        planned_layers.extend(each(rest.as_slice())?);
        return Ok(planned_layers);
    }
    groups.extend(rest);
    each(&groups)
}

fn each(groups: &[LayerGroup<'_>]) -> Result<Vec<PlannedLayer>, LayerError> {
    let one = |group| planned_one(group);
    groups.iter().map(one).collect()
}

fn planned_one(group: &LayerGroup<'_>) -> Result<PlannedLayer, LayerError> {
    planned(
        group.package.unwrap_or("files of the spec"),
        std::slice::from_ref(group),
    )
}

fn planned(name: &str, groups: &[LayerGroup<'_>]) -> Result<PlannedLayer, LayerError> {
    // A directory stands in the group of every package that has something below it.
    let nodes: BTreeMap<&RootPath, &Node> = groups
        .iter()
        .flat_map(|g| &g.nodes)
        .map(|node| (&node.entry.path, *node))
        .collect();
    let entries: Vec<LayerEntry> = nodes
        .values()
        .map(|node| LayerEntry {
            entry: node.entry.clone(),
            content: node
                .content
                .filter(|_| matches!(node.entry.kind, EntryKind::File { .. })),
        })
        .collect();
    let mut packages: Vec<PackageName> = groups
        .iter()
        .filter_map(|g| g.package?.parse().ok())
        .collect();
    packages.sort();
    Ok(PlannedLayer {
        plan: LayerPlan::new(name, &entries)?,
        packages,
    })
}

fn bytes(group: &LayerGroup<'_>) -> u64 {
    group.nodes.iter().map(|node| node.entry.size()).sum()
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
                Owner::package_of(package, "libs"),
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
        let planned = plan(&tree, &layers(32)).unwrap();
        assert_eq!(names(&planned), [vec!["a"], vec!["b"], vec![]]);
    }

    #[test]
    fn beyond_the_limit_the_smallest_packages_share_a_layer() {
        let tree = tree(&[("a", 1), ("b", 30), ("c", 2), ("d", 40)], true);
        let planned = plan(&tree, &layers(4)).unwrap();
        assert_eq!(
            names(&planned),
            [vec!["b"], vec!["d"], vec!["a", "c"], vec![]]
        );
    }

    #[test]
    fn a_limit_of_one_and_the_strategy_single_make_one_layer() {
        let tree = tree(&[("a", 1), ("b", 30)], true);
        assert_eq!(names(&plan(&tree, &layers(1)).unwrap()), [vec!["a", "b"]]);
        let single = Layers {
            strategy: Strategy::Single,
            ..Layers::default()
        };
        assert_eq!(names(&plan(&tree, &single).unwrap()), [vec!["a", "b"]]);
    }
}
