//! The merge itself: whose entry stands at which path.
//!
//! The parts are laid down in a fixed order, whatever order they come in: links first, so that every later path is
//! resolved through them; then directories, files and hard links, each by package (essential ones first, as a
//! distribution installs them first) and within a package in the archive's order. What dpkg(1) refuses is refused.

mod collision;
mod hardlink;

use std::collections::BTreeMap;

use mikron_package::{BELOW_USR, Entry, EntryKind, Globs, Relation, RootPath, merged_usr};

use crate::diagnostic::Diagnostic;
use crate::error::{Claim, EntryFault, RootfsError};
use crate::finalize::Package;
use crate::options::Options;
use crate::part::{Below, Owner, Part};
use crate::tree::{Node, Tree, follow, kind_name};

/// How often links are looked up through links before the merge gives up.
const MAX_ROUNDS: usize = 16;

/// Merges parts into a tree, above what an image has already. What no image can hold is left out where a pattern takes it away, and refused elsewhere.
pub(crate) fn merge(
    below: &[Below],
    mut parts: Vec<Part>,
    packages: &[Package],
    options: &Options,
    removed: &Globs,
) -> Result<(Tree, Vec<Diagnostic>), RootfsError> {
    let mut merge = Merge {
        tree: Tree::new(options.epoch),
        packages: packages.iter().map(|p| (p.name(), p)).collect(),
        diagnostics: Vec::new(),
        options,
    };
    for entry in below {
        merge.tree.lay_below(entry.clone());
    }
    merge.prepare(&mut parts, removed)?;
    let links = merge.resolve_links(&mut parts)?;
    for part in &mut parts {
        if !matches!(part.entry.kind, EntryKind::Symlink { .. }) {
            let at = follow(&part.entry.path, false, false, |at| links.get(at).cloned());
            let at = at.map_err(|fault| merge.fault(part, fault))?;
            // The facts have the same path, in the same bytes.
            if at != part.entry.path {
                part.entry.path = at;
            }
        }
        if let EntryKind::Hardlink { target } = &part.entry.kind {
            let at = follow(target, false, false, |at| links.get(at).cloned());
            let target = at.map_err(|fault| merge.fault(part, fault))?;
            part.entry.kind = EntryKind::Hardlink { target };
        }
    }
    // Directories by depth, so that a parent's own entry comes before what would make it up. The sort is stable, and one by cached
    // keys takes no room for other parts.
    parts.sort_by_cached_key(|part| match part.entry.kind {
        EntryKind::Symlink { .. } => (0, 0),
        EntryKind::Directory => (1, part.entry.path.components().count()),
        EntryKind::Hardlink { .. } => (3, 0),
        _ => (2, 0),
    });
    let is_hardlink = |part: &Part| matches!(part.entry.kind, EntryKind::Hardlink { .. });
    let hardlinks = parts.split_off(parts.partition_point(|part| !is_hardlink(part)));
    let (linked, several) =
        hardlink::resolve(&parts, hardlinks).map_err(|(part, fault)| merge.fault(&part, fault))?;
    // From the end of the reversed list, so that it gives back what the tree takes.
    parts.reverse();
    while let Some(part) = parts.pop() {
        if parts.len() < parts.capacity() / 2 {
            parts.shrink_to_fit();
        }
        if part.entry.is_directory() {
            merge.add_directory(part)?;
            continue;
        }
        let first = several.get(&(part.package.clone(), part.entry.path.clone()));
        let first = first.map(|(_, path)| path.clone());
        merge.add(part, first)?;
    }
    for (part, first) in linked {
        merge.add(part, Some(first))?;
    }
    if options.merged_usr() {
        merge.link_usr()?;
    }
    merge.tree.compact();
    Ok((merge.tree, merge.diagnostics))
}

/// The last steps, after finalizers and patterns: the links of the merged /usr, directories that nobody brought and that
/// hold nothing, hard links, collisions.
pub(crate) fn finish(
    tree: &mut Tree,
    options: &Options,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<(), RootfsError> {
    let empty: Vec<RootPath> = {
        let bare = |node: &&Node| node.owner == Owner::Layout && node.entry.is_directory();
        tree.nodes()
            .filter(bare)
            .map(|node| node.entry.path.clone())
            .collect()
    };
    for path in empty.iter().rev() {
        if tree.below(path).next().is_none() {
            tree.take(path);
        }
    }
    for name in BELOW_USR {
        let path = RootPath::new(name)?;
        let below_usr = tree.get(&RootPath::new(&[b"usr/", name].concat())?);
        let needed = below_usr.is_some_and(|node| node.entry.is_directory());
        if !needed
            && tree
                .get(&path)
                .is_some_and(|node| node.owner == Owner::Layout)
        {
            tree.take(&path);
        }
    }
    hardlink::group(tree);
    collision::find(tree, options.strict, diagnostics)
}

struct Merge<'a> {
    tree: Tree,
    packages: BTreeMap<&'a str, &'a Package>,
    diagnostics: Vec<Diagnostic>,
    options: &'a Options,
}

impl Merge<'_> {
    /// Checks every entry alone, moves it below /usr where it has to be, and brings the parts into their fixed order. Where they
    /// are: of these there are very many.
    fn prepare(&mut self, parts: &mut Vec<Part>, removed: &Globs) -> Result<(), RootfsError> {
        let mut failed = None;
        parts.retain_mut(|part| {
            failed.is_none()
                && self.prepare_part(part, removed).unwrap_or_else(|error| {
                    failed = Some(error);
                    false
                })
        });
        if let Some(error) = failed {
            return Err(error);
        }
        parts.sort_by_cached_key(|part| {
            let package = self.packages.get(part.package.as_str());
            let optional = package.is_none_or(|package| !package.metadata.record.essential);
            (optional, part.package.clone())
        });
        Ok(())
    }

    /// The same for one part: whether it has a place in the tree.
    fn prepare_part(&mut self, part: &mut Part, removed: &Globs) -> Result<bool, RootfsError> {
        match self.check(part) {
            Err(_) if removed.matches(&part.entry.path) => return Ok(false),
            checked => checked?,
        }
        if part.entry.path.is_root() {
            return Ok(false);
        }
        if self.options.merged_usr() {
            if is_merged_link(&part.entry) {
                return Ok(false);
            }
            if let Some(own) = move_below_usr(&mut part.entry)? {
                self.diagnostics.push(Diagnostic::SelfLink {
                    path: own,
                    package: part.package.clone().into(),
                });
                return Ok(false);
            }
        }
        part.entry.clamp_mtime(self.options.epoch);
        Ok(true)
    }

    /// The rules that one entry can break alone.
    fn check(&self, part: &Part) -> Result<(), RootfsError> {
        let entry = &part.entry;
        let fault = if entry
            .path
            .components()
            .any(|name| name.starts_with(b".wh."))
        {
            EntryFault::Whiteout
        } else if entry.mode > 0o7777 {
            EntryFault::Mode { mode: entry.mode }
        } else if let Some(name) = entry.xattrs.keys().find(|name| engine_xattr(name)) {
            EntryFault::Xattr {
                name: name.escape_ascii().to_string(),
            }
        } else {
            match &entry.kind {
                EntryKind::CharDevice { .. } | EntryKind::BlockDevice { .. } | EntryKind::Fifo
                    if !self.options.devices =>
                {
                    EntryFault::Device {
                        found: kind_name(&entry.kind),
                    }
                }
                EntryKind::File { .. } if part.content.is_none() => EntryFault::NoContent,
                EntryKind::Symlink { target } if target.is_empty() || target.contains(&0) => {
                    EntryFault::BadTarget
                }
                _ => return Ok(()),
            }
        };
        Err(self.fault(part, fault))
    }

    /// Gives every symbolic link the path at which it lies once the links above it are followed.
    fn resolve_links(
        &self,
        parts: &mut [Part],
    ) -> Result<BTreeMap<RootPath, Vec<u8>>, RootfsError> {
        let usr_links = BELOW_USR
            .iter()
            .filter(|_| self.options.merged_usr())
            .map(|name| {
                let target = [b"usr/", *name].concat();
                (RootPath::new(name).unwrap_or_default(), target)
            });
        let mut fixed: BTreeMap<RootPath, Vec<u8>> = usr_links.collect();
        for node in self.tree.nodes() {
            if let EntryKind::Symlink { target } = &node.entry.kind {
                fixed.insert(node.entry.path.clone(), target.clone());
            }
        }
        for _ in 0..MAX_ROUNDS {
            let mut links = fixed.clone();
            for part in parts.iter() {
                if let EntryKind::Symlink { target } = &part.entry.kind {
                    links.insert(part.entry.path.clone(), target.clone());
                }
            }
            let mut moved = false;
            for part in parts.iter_mut() {
                if matches!(part.entry.kind, EntryKind::Symlink { .. }) {
                    let at = follow(&part.entry.path, false, false, |at| links.get(at).cloned());
                    let at = at.map_err(|fault| self.fault(part, fault))?;
                    moved |= at != part.entry.path;
                    part.entry.path = at;
                }
            }
            if !moved {
                return Ok(links);
            }
        }
        match parts
            .iter()
            .find(|part| matches!(part.entry.kind, EntryKind::Symlink { .. }))
        {
            Some(part) => {
                let link = part.entry.path.clone();
                Err(self.fault(part, EntryFault::Loop { link }))
            }
            None => Ok(fixed),
        }
    }
    /// Makes the links of a merged /usr. Those that lead to nothing go in the end.
    fn link_usr(&mut self) -> Result<(), RootfsError> {
        for name in BELOW_USR {
            let path = RootPath::new(name)?;
            if self.tree.get(&path).is_none() {
                let target = [b"usr/", name].concat();
                let mut entry = Entry::new(path, EntryKind::Symlink { target }, 0o777);
                entry.mtime = self.tree.epoch();
                self.tree.insert(entry, None, Owner::Layout)?;
            }
        }
        Ok(())
    }

    /// Adds a link, a file or a device.
    fn add(&mut self, part: Part, names: Option<RootPath>) -> Result<(), RootfsError> {
        self.make_room(&part)?;
        let path = part.entry.path.clone();
        let Some(there) = self.tree.get(&path) else {
            self.lay_down(part, names);
            return Ok(());
        };
        if there.entry.is_directory() {
            // A file here, and something below it there.
            return Err(RootfsError::NotADirectory {
                found: kind_name(&part.entry.kind),
                first: self.claim(&part.package),
                second: self.claim_of(&there.owner),
                wanted: self.below_or(&path),
                path,
            });
        }
        let content = there.content == part.content;
        let same = content && same_attributes(&there.entry, &part.entry);
        if same {
            return Ok(());
        }
        if there.owner.is_base() {
            if content && there.entry.kind == part.entry.kind {
                self.lay_down(part, names);
                return Ok(());
            }
            return Err(RootfsError::Duplicate {
                path,
                first: self.claim_of(&there.owner),
                second: self.claim(&part.package),
            });
        }
        let other = there.owner.package().unwrap_or_default().to_owned();
        if other == part.package && there.entry.kind == part.entry.kind {
            // The later of two entries of one archive stands, as in tar(1).
            if there.content == part.content {
                self.lay_down(part, names);
                return Ok(());
            }
        }
        let mine = self.replaces(&part.package, &other);
        let wins = match (mine, self.replaces(&other, &part.package)) {
            // Of two that replace each other, the one of the higher priority does (apk's `replaces_priority`).
            (true, true) => self.priority(&part.package) >= self.priority(&other),
            (true, false) => true,
            (false, true) => false,
            (false, false) => {
                return Err(RootfsError::Duplicate {
                    path,
                    first: self.claim(&other),
                    second: self.claim(&part.package),
                });
            }
        };
        let (by, from) = if wins {
            (String::from(part.package.clone()), other.clone())
        } else {
            (other.clone(), String::from(part.package.clone()))
        };
        if by == part.package {
            self.lay_down(part, names);
        }
        self.diagnostics
            .push(Diagnostic::Replaced { path, by, from });
        Ok(())
    }

    /// Adds a directory. The first package's attributes stand; a link at its path stays as it is, and so does what the
    /// link leads to.
    fn add_directory(&mut self, part: Part) -> Result<(), RootfsError> {
        self.make_room(&part)?;
        let path = part.entry.path.clone();
        let Some(there) = self.tree.get(&path) else {
            self.lay_down(part, None);
            return Ok(());
        };
        match &there.entry.kind {
            EntryKind::Directory if there.owner == Owner::Layout => self.lay_down(part, None),
            EntryKind::Directory => {
                if !same_attributes(&there.entry, &part.entry) {
                    self.diagnostics.push(Diagnostic::DirectoryDiffers {
                        path,
                        kept: self.claim_of(&there.owner).package,
                        ignored: part.package.into(),
                    });
                }
            }
            EntryKind::Symlink { .. } => {
                let leads_to = self.tree.follow(&path, true);
                let leads_to = leads_to.map_err(|fault| self.fault(&part, fault))?;
                if let Some(node) = self.tree.get(&leads_to)
                    && !node.entry.is_directory()
                {
                    return Err(self.not_a_directory(&leads_to, &part));
                }
                self.diagnostics.push(Diagnostic::DirectoryOverLink {
                    path,
                    ignored: part.package.into(),
                });
            }
            _ => return Err(self.not_a_directory(&path, &part)),
        }
        Ok(())
    }

    /// Makes the directories above a part, or says who is in the way.
    fn make_room(&mut self, part: &Part) -> Result<(), RootfsError> {
        let owner = Owner::package_of(part.package.clone(), part.capability.clone());
        match self.tree.make_parents(&part.entry.path, &owner) {
            Err(RootfsError::NotADirectory { path, .. }) => Err(self.not_a_directory(&path, part)),
            other => other,
        }
    }

    fn not_a_directory(&self, path: &RootPath, part: &Part) -> RootfsError {
        let there = self.tree.get(path);
        RootfsError::NotADirectory {
            path: path.clone(),
            found: there.map_or("file", |node| kind_name(&node.entry.kind)),
            first: there.map_or_else(Claim::default, |node| self.claim_of(&node.owner)),
            second: self.claim(&part.package),
            wanted: part.entry.path.clone(),
        }
    }

    /// The first path below a directory, for messages.
    fn below_or(&self, path: &RootPath) -> RootPath {
        let below = self.tree.below(path).next();
        below.map_or_else(|| path.clone(), |node| node.entry.path.clone())
    }

    fn lay_down(&mut self, part: Part, names: Option<RootPath>) {
        let owner = Owner::package_of(part.package.clone(), part.capability.clone());
        self.tree.put(Node {
            entry: part.entry,
            content: part.content,
            owner,
            layer: None,
            names: names.map(Box::new),
        });
    }

    /// Whether a package says that it replaces another's files (deb-control(5), `Replaces`).
    fn replaces(&self, by: &str, other: &str) -> bool {
        let (Some(by), Some(other)) = (self.packages.get(by), self.packages.get(other)) else {
            return false;
        };
        let version = other.metadata.record.version.as_str();
        let names = |relation: &Relation| {
            let fits = |c: &mikron_package::Constraint| c.matches(version, other.order);
            relation.name == other.metadata.record.name
                && relation.constraint.as_ref().is_none_or(fits)
        };
        by.metadata.record.replaces.iter().any(names)
    }

    fn priority(&self, package: &str) -> u32 {
        let package = self.packages.get(package);
        package.map_or(0, |package| package.metadata.record.replaces_priority)
    }

    fn claim_of(&self, owner: &Owner) -> Claim {
        if owner.is_base() {
            return Claim {
                package: owner.to_string(),
                ..Claim::default()
            };
        }
        self.claim(owner.package().unwrap_or_default())
    }

    fn claim(&self, package: &str) -> Claim {
        let origin = self
            .packages
            .get(package)
            .map(|package| package.origin.clone());
        Claim {
            package: if package.is_empty() {
                "the layout".to_owned()
            } else {
                package.to_owned()
            },
            origin: origin.unwrap_or_default(),
        }
    }

    fn fault(&self, part: &Part, fault: EntryFault) -> RootfsError {
        RootfsError::Entry {
            claim: self.claim(&part.package),
            path: part.entry.path.clone(),
            fault,
        }
    }
}

/// Whether two entries are the same but for their times.
fn same_attributes(a: &Entry, b: &Entry) -> bool {
    a.kind == b.kind && (a.mode, a.uid, a.gid) == (b.mode, b.uid, b.gid) && a.xattrs == b.xattrs
}

/// Extended attributes that an engine or overlayfs would act upon.
fn engine_xattr(name: &[u8]) -> bool {
    name.starts_with(b"trusted.") || name.starts_with(b"user.overlay.")
}

/// The path in a merged /usr.
fn merged(path: &RootPath) -> Result<RootPath, RootfsError> {
    Ok(RootPath::new(&merged_usr(path.as_bytes()))?)
}

/// Whether an entry is one of the links or directories that a merged /usr has by itself.
fn is_merged_link(entry: &Entry) -> bool {
    let bytes = entry.path.as_bytes();
    if !BELOW_USR.contains(&bytes) {
        return false;
    }
    match &entry.kind {
        EntryKind::Symlink { target } => {
            let to = entry.path.resolve_link(target);
            to.is_ok_and(|to| to.as_bytes().strip_prefix(b"usr/") == Some(bytes))
        }
        _ => false,
    }
}

/// Moves an entry of /bin, /sbin or /lib* below /usr; links keep their meaning. `Some` with the path when the entry is a
/// link that would lead to itself.
fn move_below_usr(entry: &mut Entry) -> Result<Option<RootPath>, RootfsError> {
    let path = merged(&entry.path)?;
    match &mut entry.kind {
        EntryKind::Hardlink { target } => *target = merged(target)?,
        EntryKind::Symlink { target } => {
            let meant = merged(&entry.path.resolve_link(target)?)?;
            if meant == path {
                return Ok(Some(path));
            }
            // `/lib/x -> ../usr/y` names another path once it lies one level deeper.
            if path != entry.path && merged(&path.resolve_link(target)?)? != meant {
                *target = [b"/", meant.as_bytes()].concat();
            }
        }
        _ => {}
    }
    entry.path = path;
    Ok(None)
}
