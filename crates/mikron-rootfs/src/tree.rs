//! The merged tree: nodes by path, and following links inside it.

use std::collections::{BTreeMap, BTreeSet};

use mikron_package::{Digest, Entry, EntryKind, RootPath, SharedText};
use serde::{Deserialize, Serialize};

use crate::error::{Claim, EntryFault, RootfsError};
use crate::part::{Below, Owner};

/// How many symbolic links one look-up follows, as Linux does (path_resolution(7)).
const MAX_LINKS: usize = 40;

/// One path of the tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Path, kind and attributes. A hard link names a path that sorts before its own and belongs to the same package.
    pub entry: Entry,
    /// Digest of the content, for regular files and hard links.
    pub content: Option<Digest>,
    /// Who brought it.
    pub owner: Owner,
    /// The layer that it lies in where the spec names one.
    #[serde(default)]
    pub layer: Option<SharedText>,
    /// The first name that the package gives the file, where it gives it several.
    #[serde(skip)]
    pub(crate) names: Option<Box<RootPath>>,
}

/// The merged tree.
///
/// ```
/// use mikron_package::{Entry, EntryKind, RootPath};
/// use mikron_rootfs::{Owner, Tree};
///
/// let mut tree = Tree::new(1_700_000_000);
/// let path = RootPath::new(b"/var/lib/app")?;
/// tree.insert(Entry::new(path.clone(), EntryKind::Directory, 0o750), None, Owner::Spec)?;
/// assert!(tree.get(&path.parent().expect("it has one")).is_some(), "parents are made");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// In boxes: half of the places of such a map are empty.
    nodes: BTreeMap<RootPath, Box<Node>>,
    epoch: i64,
}

/// What one package brought, or what the spec puts into a layer of its own, with the directories above it: what one layer holds.
#[derive(Clone, Debug)]
pub struct LayerGroup {
    /// Whose it is.
    pub of: Share,
    /// The paths of its nodes and of all directories above them, in order.
    pub paths: Vec<RootPath>,
    /// The bytes of its files.
    pub bytes: u64,
}

/// Whose part of a tree something is, in the order of layers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Share {
    /// A package's.
    Package(SharedText),
    /// That of a layer that the spec names.
    Layer(SharedText),
    /// What the spec, the finalizers and the layout brought beside.
    Rest,
}

/// What a tree adds up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Regular files, hard links included.
    pub files: u64,
    /// Directories, the root not counted.
    pub directories: u64,
    /// Symbolic links.
    pub symlinks: u64,
    /// Bytes of all regular files, each hard-linked content once.
    pub bytes: u64,
}

impl Tree {
    /// An empty tree whose own directories get the modification time `epoch` (seconds since 1970).
    pub fn new(epoch: i64) -> Self {
        Self {
            nodes: BTreeMap::new(),
            epoch: epoch.max(0),
        }
    }

    /// The time to which modification times are clamped, in seconds since 1970.
    pub fn epoch(&self) -> i64 {
        self.epoch
    }

    /// All nodes in order of path; a directory comes before what it holds. The root itself is not among them.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = &Node> {
        self.nodes.values().map(|node| &**node)
    }

    /// The node at exactly this path; links on the way are not followed.
    pub fn get(&self, path: &RootPath) -> Option<&Node> {
        self.nodes.get(path).map(|node| &**node)
    }

    /// The node at exactly this path, for changes of its attributes.
    pub(crate) fn get_mut(&mut self, path: &RootPath) -> Option<&mut Node> {
        self.nodes.get_mut(path).map(|node| &mut **node)
    }

    /// The node that a program would find at `path`: all links followed, `..` above the root staying at the root, as it
    /// does in a chroot (path_resolution(7)).
    pub fn lookup(&self, path: &RootPath) -> Option<&Node> {
        let at = follow(path, true, true, |at| self.target(at)).ok()?;
        self.get(&at)
    }

    /// The nodes below a directory, in order of path.
    pub fn below<'a>(&'a self, dir: &'a RootPath) -> impl Iterator<Item = &'a Node> {
        self.nodes
            .range(dir.clone()..)
            .map(|(_, node)| &**node)
            .skip_while(move |node| node.entry.path == *dir)
            .take_while(move |node| node.entry.path.starts_with(dir))
    }

    /// Follows the links on the way to `path`, and the last component too where `last` says so. Directories that are not
    /// in the tree are taken to be there.
    ///
    /// # Errors
    /// When a link climbs above the root, or links go round in circles.
    pub fn follow(&self, path: &RootPath, last: bool) -> Result<RootPath, EntryFault> {
        follow(path, last, false, |at| self.target(at))
    }

    /// Where the link at exactly this path leads.
    fn target(&self, at: &RootPath) -> Option<Vec<u8>> {
        match &self.nodes.get(at)?.entry.kind {
            EntryKind::Symlink { target } => Some(target.clone()),
            _ => None,
        }
    }

    /// Puts a node into the tree, in place of what was there; links on the way are followed and missing directories
    /// above it are made (mode 0755, root, time of the epoch).
    ///
    /// # Errors
    /// When the way leads out of the root, in circles or through a file, or when a directory that is not empty lies at
    /// the path of something else.
    pub fn insert(
        &mut self,
        mut entry: Entry,
        content: Option<Digest>,
        owner: Owner,
    ) -> Result<RootPath, RootfsError> {
        let fault = |fault| RootfsError::Entry {
            claim: Claim {
                package: owner.to_string(),
                ..Claim::default()
            },
            path: entry.path.clone(),
            fault,
        };
        let at = self.follow(&entry.path, false).map_err(fault)?;
        self.make_parents(&at, &owner)?;
        if let Some(there) = self.nodes.get(&at)
            && there.entry.is_directory()
            && !entry.is_directory()
            && self.below(&at).next().is_some()
        {
            return Err(fault(EntryFault::Path(mikron_package::PathError {
                path: at.as_bytes().to_vec(),
                reason: "is a directory that holds files",
            })));
        }
        entry.path = at.clone();
        entry.clamp_mtime(self.epoch);
        self.put(Node {
            entry,
            content,
            owner,
            layer: None,
            names: None,
        });
        Ok(at)
    }

    /// Takes a node out, with everything below it.
    pub fn remove(&mut self, path: &RootPath) {
        let doomed: Vec<RootPath> = self
            .below(path)
            .map(|node| node.entry.path.clone())
            .collect();
        for path in doomed {
            self.nodes.remove(&path);
        }
        self.nodes.remove(path);
    }

    /// Paths by package, in order of the package's name, then by layer that the spec names, then the rest. Each group holds the
    /// directories above its nodes, so that an engine that unpacks a layer alone gives them the right attributes.
    pub fn by_share(&self) -> Vec<LayerGroup> {
        let mut shares: BTreeMap<Share, BTreeSet<&RootPath>> = BTreeMap::new();
        for (path, node) in &self.nodes {
            let share = match (&node.layer, &node.owner) {
                (Some(layer), _) => Share::Layer(layer.clone()),
                (None, Owner::Package { package, .. }) => Share::Package(package.clone()),
                (None, Owner::Layout) if node.entry.is_directory() => continue,
                _ => Share::Rest,
            };
            let group = shares.entry(share).or_default();
            group.insert(path);
            for above in path.ancestors() {
                if let Some((above, _)) = self.nodes.get_key_value(&above)
                    && !group.insert(above)
                {
                    break;
                }
            }
        }
        let group = |(of, paths): (Share, BTreeSet<&RootPath>)| LayerGroup {
            of,
            bytes: paths
                .iter()
                .map(|path| self.nodes[*path].entry.size())
                .sum(),
            paths: paths.into_iter().cloned().collect(),
        };
        shares.into_iter().map(group).collect()
    }

    /// Files with setuid or setgid bits or `security.capability`, in order of path: kept, and worth a look.
    pub fn privileged(&self) -> impl Iterator<Item = &Node> {
        self.nodes().filter(|node| {
            !node.entry.is_directory()
                && (node.entry.mode & 0o6000 != 0
                    || node
                        .entry
                        .xattrs
                        .contains_key(b"security.capability".as_slice()))
        })
    }

    /// What the tree adds up to.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for node in self.nodes.values() {
            match node.entry.kind {
                EntryKind::File { size } => {
                    totals.files += 1;
                    totals.bytes += size;
                }
                EntryKind::Hardlink { .. } => totals.files += 1,
                EntryKind::Directory => totals.directories += 1,
                EntryKind::Symlink { .. } => totals.symlinks += 1,
                _ => {}
            }
        }
        totals
    }

    /// Lays the nodes out anew: a map that grows in order has half of its places empty.
    pub(crate) fn compact(&mut self) {
        self.nodes = std::mem::take(&mut self.nodes).into_iter().collect();
    }

    /// Puts a node where its entry says, without any check.
    pub(crate) fn put(&mut self, node: Node) {
        self.nodes.insert(node.entry.path.clone(), Box::new(node));
    }

    /// Puts an entry of the image that is built upon where it lies there.
    pub(crate) fn lay_below(&mut self, below: Below) {
        let Below {
            mut entry,
            content,
            package,
        } = below;
        // There numbers count.
        (entry.user, entry.group) = (None, None);
        self.put(Node {
            entry,
            content,
            owner: Owner::Base { package },
            layer: None,
            names: None,
        });
    }

    /// Takes one node out and leaves what is below.
    pub fn take(&mut self, path: &RootPath) -> Option<Node> {
        self.nodes.remove(path).map(|node| *node)
    }

    /// Makes the directories above `path`, which holds no links, where nobody brought them.
    pub(crate) fn make_parents(
        &mut self,
        path: &RootPath,
        owner: &Owner,
    ) -> Result<(), RootfsError> {
        for above in path.ancestors().filter(|above| !above.is_root()) {
            match self.nodes.get(&above) {
                Some(node) if node.entry.is_directory() => return Ok(()),
                Some(node) => {
                    return Err(RootfsError::NotADirectory {
                        path: above,
                        found: kind_name(&node.entry.kind),
                        first: Claim {
                            package: node.owner.to_string(),
                            ..Claim::default()
                        },
                        second: Claim {
                            package: owner.to_string(),
                            ..Claim::default()
                        },
                        wanted: path.clone(),
                    });
                }
                None => {
                    let mut entry = Entry::new(above, EntryKind::Directory, 0o755);
                    entry.mtime = self.epoch;
                    self.put(Node {
                        entry,
                        content: None,
                        owner: Owner::Layout,
                        layer: None,
                        names: None,
                    });
                }
            }
        }
        Ok(())
    }
}

/// Follows links on the way to `path`, and the last component too where `last` says so; `target` says where the link at a path leads.
/// Climbing above the root is an escape, unless it is `clamped` to the root, as in a chroot (path_resolution(7)).
///
/// ```
/// use mikron_package::RootPath;
/// let target = |at: &RootPath| (at.to_string() == "/bin").then(|| b"usr/bin".to_vec());
/// let found = mikron_rootfs::follow(&RootPath::new(b"/bin/sh")?, true, true, target);
/// assert_eq!(found.map(|path| path.to_string()).as_deref(), Ok("/usr/bin/sh"));
/// # Ok::<(), mikron_package::PathError>(())
/// ```
///
/// # Errors
/// When a link climbs above the root and that is an escape, or links go round in circles.
pub fn follow(
    path: &RootPath,
    last: bool,
    clamped: bool,
    target: impl Fn(&RootPath) -> Option<Vec<u8>>,
) -> Result<RootPath, EntryFault> {
    let mut done: Vec<Vec<u8>> = Vec::new();
    let mut todo: Vec<Vec<u8>> = path.components().rev().map(<[u8]>::to_vec).collect();
    let mut through: Option<RootPath> = None;
    let mut links = 0;
    while let Some(name) = todo.pop() {
        match name.as_slice() {
            b"" | b"." => continue,
            b".." => {
                if done.pop().is_none() && !clamped {
                    let link = through.unwrap_or_default();
                    return Err(EntryFault::Escape { link });
                }
                continue;
            }
            _ => {}
        }
        done.push(name);
        if todo.is_empty() && !last {
            break;
        }
        let at = RootPath::new(&done.join(&b'/')).map_err(EntryFault::Path)?;
        if let Some(to) = target(&at) {
            links += 1;
            if links > MAX_LINKS {
                return Err(EntryFault::Loop { link: at });
            }
            if to.first() == Some(&b'/') {
                done.clear();
            } else {
                done.pop();
            }
            todo.extend(to.split(|b| *b == b'/').rev().map(<[u8]>::to_vec));
            through = Some(at);
        }
    }
    RootPath::new(&done.join(&b'/')).map_err(EntryFault::Path)
}

/// What people call a kind of entry.
pub(crate) fn kind_name(kind: &EntryKind) -> &'static str {
    match kind {
        EntryKind::File { .. } => "file",
        EntryKind::Directory => "directory",
        EntryKind::Symlink { .. } => "symbolic link",
        EntryKind::Hardlink { .. } => "hard link",
        EntryKind::CharDevice { .. } => "character device",
        EntryKind::BlockDevice { .. } => "block device",
        EntryKind::Fifo => "named pipe",
    }
}
