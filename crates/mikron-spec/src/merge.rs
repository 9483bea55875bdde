//! How specs are put together: the rule of every key.
//!
//! The shape of a value says most: lists append, mappings merge, all else replaces. The table names the keys that differ, and those
//! whose texts are paths.

use std::collections::BTreeMap;

use mikron_yaml::{Flat, Node, Shape, Span};

/// A key, how its value goes together with an inherited one, and the keys below it.
#[derive(Debug)]
pub(crate) struct Key {
    /// Its name; `*` for any other.
    pub(crate) name: &'static str,
    how: How,
    below: &'static [Key],
}

#[derive(Clone, Copy, Debug)]
enum How {
    /// By its shape: of lists the items of both, each once; of mappings the keys of both; else the later value.
    Shape,
    /// The later value alone: its parts mean something only together.
    Whole,
    /// A list of things with a name: of two of one name the later, whole.
    Named(fn(&Node) -> Option<String>),
    /// By its shape; it is a path beside the file.
    Path,
    /// By its shape; the items of the list are paths beside the file.
    Paths,
    /// By its shape; where it begins with `file:` it may be a path beside the file.
    Url,
    /// By its shape; each is a spec in part.
    Specs,
}

/// A spec as a whole.
static SPEC: Key = key("", How::Shape, KEYS);

/// What stands at no key of the table.
static ANY: Key = key("*", How::Shape, &[]);

/// The keys of a spec, in the order of its documentation.
pub(crate) static KEYS: &[Key] = &[
    key("mikron", How::Shape, &[]),
    key("extends", How::Shape, &[]),
    key("params", How::Shape, &[]),
    key("name", How::Shape, &[]),
    key("kind", How::Shape, &[]),
    key("pair", How::Path, &[]),
    key("from", How::Path, &[]),
    key("sources", How::Shape, &[key("*", How::Shape, SOURCE)]),
    key("packages", How::Named(package), &[]),
    key("select", How::Shape, &[]),
    key("definitions", How::Paths, &[]),
    key("rules", How::Paths, &[]),
    key("with", How::Shape, &[]),
    key("without", How::Shape, &[]),
    key("installation", How::Paths, &[]),
    key("strict", How::Shape, &[]),
    key(
        "files",
        How::Named(|node| text(node, "path")),
        &[key("from", How::Path, &[])],
    ),
    key("certificates", How::Paths, &[]),
    key("file-capabilities", How::Shape, &[]),
    key("remove", How::Shape, &[]),
    key("package-database", How::Shape, &[]),
    key("accounts", How::Shape, ACCOUNTS),
    key("run-as", How::Shape, &[]),
    key("image", How::Shape, IMAGE),
    key("platforms", How::Whole, &[]),
    key("layers", How::Shape, &[]),
    key("variants", How::Specs, &[]),
];

static SOURCE: &[Key] = &[
    key("keys", How::Paths, &[]),
    key("ca", How::Paths, &[]),
    key("mirrors", How::Shape, &[key("*", How::Url, &[])]),
    key("*", How::Url, &[]),
];

static ACCOUNTS: &[Key] = &[
    key("users", How::Named(|node| text(node, "name")), &[]),
    key("groups", How::Named(|node| text(node, "name")), &[]),
];

static IMAGE: &[Key] = &[
    key("entrypoint", How::Whole, &[]),
    key("cmd", How::Whole, &[]),
];

/// Keys that say how specs are put together, and are gone when that is done.
pub(crate) const COMPOSING: [&str; 3] = ["extends", "params", "variants"];

/// Keys that a variant has not.
pub(crate) const OF_THE_WHOLE: [&str; 4] = ["mikron", "name", "params", "variants"];

const fn key(name: &'static str, how: How, below: &'static [Key]) -> Key {
    Key { name, how, below }
}

impl Key {
    /// The rule of what stands at `name` below this key.
    fn at(&self, name: &str) -> &'static Self {
        if matches!(self.how, How::Specs) {
            return &SPEC;
        }
        let named = |wanted: &str| self.below.iter().find(|key| key.name == wanted);
        named(name).or_else(|| named("*")).unwrap_or(&ANY)
    }
}

/// Packages have the identity under which a spec may name them once: name, capabilities and slices.
fn package(node: &Node) -> Option<String> {
    let Some(name) = text(node, "name") else {
        return node.scalar().map(str::to_owned);
    };
    let parts = |key: &str, mark: &str| match node.get(key).map(|list| &list.shape) {
        Some(Shape::List(items)) if !items.is_empty() => {
            let mut items: Vec<&str> = items.iter().filter_map(Node::scalar).collect();
            items.sort_unstable();
            format!("{mark}{}", items.join(","))
        }
        _ => String::new(),
    };
    Some(name + &parts("capabilities", ":") + &parts("slices", "_"))
}

fn text(node: &Node, key: &str) -> Option<String> {
    node.get(key)?.scalar().map(str::to_owned)
}

/// A spec that inherits from another: the later one wins.
pub(crate) fn specs(before: Option<Node>, after: Node) -> Option<Node> {
    (!after.is_null()).then(|| merge(before, after, &SPEC, false))
}

/// What comes of a value and an inherited one. In a variant `null` stays, since what it takes away is that of the image without the
/// variant.
fn merge(before: Option<Node>, after: Node, key: &Key, in_variant: bool) -> Node {
    let shape = match (key.how, &after.shape) {
        (How::Whole, _) | (_, Shape::Scalar(_)) => return after,
        (_, Shape::List(items)) => {
            let before = match before.map(|node| node.shape) {
                Some(Shape::List(items)) => items,
                _ => Vec::new(),
            };
            Shape::List(lists(&before, items, key, in_variant))
        }
        (_, Shape::Map(pairs)) => {
            let before = match before.map(|node| node.shape) {
                Some(Shape::Map(pairs)) => pairs,
                _ => Vec::new(),
            };
            Shape::Map(maps(before, pairs, key, in_variant))
        }
    };
    after.with(shape)
}

/// The items of both lists, each where it stands last. `null` among the later ones drops all before it.
fn lists(before: &[Node], after: &[Node], key: &Key, in_variant: bool) -> Vec<Node> {
    let identity = |item: &Node| {
        let name = match key.how {
            How::Named(name) => name(item),
            _ => None,
        };
        name.unwrap_or_else(|| Flat::of(item).text)
    };
    let mut at = BTreeMap::new();
    let mut items: Vec<Option<Node>> = Vec::new();
    // What one list says twice is its own affair, which the types judge.
    for (is_later, list) in [(false, before), (true, after)] {
        let inherited = items.len();
        for item in list {
            if is_later && item.is_null() {
                items.clear();
                at.clear();
                items.extend(in_variant.then(|| Some(item.clone())));
                continue;
            }
            let earlier = at.insert(identity(item), items.len());
            if let Some(earlier) = earlier.filter(|earlier| is_later && *earlier < inherited) {
                items[earlier] = None;
            }
            items.push(Some(item.clone()));
        }
    }
    items.into_iter().flatten().collect()
}

type Pair = (String, Span, Node);

/// The keys of both mappings, the later ones merged into the earlier ones' places. `null` takes a key away.
fn maps(before: Vec<Pair>, after: &[Pair], key: &Key, in_variant: bool) -> Vec<Pair> {
    let below = in_variant || matches!(key.how, How::Specs);
    let mut pairs: Vec<Option<Pair>> = before.into_iter().map(Some).collect();
    let names = pairs.iter().flatten().map(|(name, ..)| name.clone());
    let at: BTreeMap<String, usize> = names.zip(0..).collect();
    for (name, span, value) in after {
        let inherited = at.get(name).copied();
        let before = inherited
            .and_then(|at| pairs[at].take())
            .map(|(.., node)| node);
        let merged = if value.is_null() {
            in_variant.then(|| value.clone())
        } else {
            Some(merge(before, value.clone(), key.at(name), below))
        };
        let merged = merged.map(|node| (name.clone(), *span, node));
        match inherited {
            Some(at) => pairs[at] = merged,
            None => pairs.push(merged),
        }
    }
    pairs.into_iter().flatten().collect()
}

/// Makes the paths that a spec in `directory` names relative to where `directory` is relative to.
pub(crate) fn move_paths(node: &mut Node, directory: &str) {
    if !directory.is_empty() {
        moved(node, &SPEC, directory);
    }
}

fn moved(node: &mut Node, key: &Key, directory: &str) {
    match &mut node.shape {
        Shape::Scalar(scalar) => {
            let path = match key.how {
                How::Path => beside(directory, &scalar.text),
                How::Url if scalar.text.starts_with("file:") => beside(directory, &scalar.text),
                _ => return,
            };
            *scalar = scalar.saying(path);
        }
        Shape::List(items) => {
            let of_item = match key.how {
                How::Paths => &Key {
                    how: How::Path,
                    ..*key
                },
                _ => key,
            };
            for item in items {
                moved(item, of_item, directory);
            }
        }
        Shape::Map(pairs) => {
            for (name, _, value) in pairs {
                // A path that says more of itself in a mapping (`chisel: DIR`) is one still.
                let below = match key.how {
                    How::Path => key,
                    _ => key.at(name),
                };
                moved(value, below, directory);
            }
        }
    }
}

/// The path of what a file in `directory` calls `path`. Schemes before a path (`file:`, `tar:`, `oci:`) stay.
pub(crate) fn beside(directory: &str, path: &str) -> String {
    let scheme = ["file:", "tar:", "oci:"]
        .into_iter()
        .find(|scheme| path.starts_with(scheme));
    let (scheme, path) = path.split_at(scheme.map_or(0, str::len));
    let path = path.strip_prefix("./").unwrap_or(path);
    if directory.is_empty() || path.is_empty() || path.starts_with('/') {
        return format!("{scheme}{path}");
    }
    format!("{scheme}{directory}/{path}")
}

/// The directory of a file, without a slash at its end; empty where it is that of the spec itself.
pub(crate) fn directory(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) => "/",
        Some((directory, _)) => directory,
        None => "",
    }
}
