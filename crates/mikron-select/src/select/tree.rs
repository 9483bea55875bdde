//! The tree that all inputs would make together: every look-up goes through it.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use mikron_package::{BELOW_USR, EntryKind, merged_usr};

use super::places::{Found, Places};
use super::{FileRef, PackageInput, Role, Wanted};

/// Links that are followed before a path counts as a loop (path_resolution(7): `MAXSYMLINKS`).
const MAX_LINKS: usize = 40;

/// A path followed to its end.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The links on the way, in order.
    pub links: Vec<FileRef>,
    /// What the path leads to.
    pub end: Found,
}

/// A path that leads nowhere.
#[derive(Clone, Debug)]
pub enum Unresolved {
    /// Nothing lies at this path.
    Absent(Vec<u8>),
    /// More than 40 links.
    Loop,
}

impl Unresolved {
    /// The path at which nothing lies.
    pub fn path(&self) -> Option<&[u8]> {
        match self {
            Self::Absent(path) => Some(path),
            Self::Loop => None,
        }
    }
}

/// An index over entries by their path.
pub struct Tree<'a> {
    packages: &'a [PackageInput],
    wanted: &'a Wanted,
    places: Places<'a>,
    implied: HashSet<Cow<'a, [u8]>>,
}

impl<'a> Tree<'a> {
    /// The tree of those entries that `includes` says yes to.
    pub fn new(
        packages: &'a [PackageInput],
        wanted: &'a Wanted,
        includes: &dyn Fn(FileRef) -> bool,
    ) -> Self {
        let mut tree = Self {
            packages,
            wanted,
            places: Places::new(packages, wanted),
            implied: HashSet::new(),
        };
        for (index, provided) in wanted.provided.iter().enumerate() {
            let path = tree.normal(provided.path.as_bytes());
            tree.imply(&path);
            tree.places.put(&path, Found::Provided(index));
        }
        for (package, input) in packages.iter().enumerate() {
            let mut last_parent: &[u8] = b"";
            for (entry, file) in input.facts.files.iter().enumerate() {
                let path = file.entry.path.as_bytes();
                // The links of merged /usr themselves are no place: every look-up has gone through them.
                if path.is_empty() || (wanted.merged_usr && BELOW_USR.contains(&path)) {
                    continue;
                }
                let file = FileRef { package, entry };
                if !includes(file) {
                    continue;
                }
                let path = tree.normal(path);
                let parent = parent(file_path(packages, file));
                if parent != last_parent {
                    tree.imply(&path);
                    last_parent = parent;
                }
                let rank = tree.rank(Found::Entry(file));
                let held = tree.places.get(&path).map(|held| tree.rank(held));
                if held.is_none_or(|held| rank < held) {
                    tree.places.put(&path, Found::Entry(file));
                }
            }
        }
        tree
    }

    /// What stands before what at one path: what the spec adds, what finalizers make, what an image below has, then packages, roots first; and what
    /// is something before a directory. A link that is made stands behind what packages have there: update-alternatives(1) does
    /// not replace a file, and many scripts ask whether the target is there.
    fn rank(&self, found: Found) -> (u8, bool, usize) {
        match found {
            Found::Entry(file) => {
                let input = &self.packages[file.package];
                let role = match input.role {
                    _ if input.below.contains(&file.entry) => 1,
                    Role::Files => 0,
                    Role::Root { .. } | Role::Given => 2,
                    Role::Dependency => 3,
                    Role::Provider => 4,
                };
                let directory = input.facts.files[file.entry].entry.is_directory();
                (if directory { 5 } else { role }, directory, file.package)
            }
            Found::Provided(index) if self.wanted.provided[index].target.is_some() => {
                (4, true, index)
            }
            Found::Provided(index) => (1, false, index),
            Found::Implied => (9, true, 0),
        }
    }

    fn imply(&mut self, path: &[u8]) {
        let mut path = parent(path);
        while !path.is_empty() && !self.implied.contains(path) {
            self.implied.insert(Cow::Owned(path.to_owned()));
            path = parent(path);
        }
    }

    /// What the spec wants.
    pub fn wanted(&self) -> &'a Wanted {
        self.wanted
    }

    /// The path as it is looked up: without a leading slash, with merged /usr.
    pub fn normal(&self, path: &'a [u8]) -> Cow<'a, [u8]> {
        if self.wanted.merged_usr {
            merged_usr(path)
        } else {
            Cow::Borrowed(path)
        }
    }

    /// What lies exactly at a normal path, links not followed.
    pub fn at(&self, path: &[u8]) -> Option<Found> {
        self.places.get(path)
    }

    /// Follows a path to its end, as the kernel does below a root (path_resolution(7)).
    ///
    /// # Errors
    /// When it leads nowhere.
    pub fn resolve(&self, path: &[u8]) -> Result<Resolved, Unresolved> {
        let mut links = Vec::new();
        let mut followed = 0;
        let mut current: Vec<u8> = Vec::with_capacity(path.len() + 4);
        let mut ahead: Vec<Vec<u8>> = Vec::new();
        push_ahead(&mut ahead, path);
        while let Some(component) = ahead.pop() {
            if component == b".." {
                current.truncate(parent(&current).len());
                continue;
            }
            if current.is_empty()
                && self.wanted.merged_usr
                && BELOW_USR.contains(&component.as_slice())
            {
                current.extend_from_slice(b"usr");
            }
            if !current.is_empty() {
                current.push(b'/');
            }
            current.extend_from_slice(&component);
            let Some(target) = self
                .at(&current)
                .and_then(|found| self.target(found, &mut links))
            else {
                continue;
            };
            followed += 1;
            if followed > MAX_LINKS {
                return Err(Unresolved::Loop);
            }
            if target.first() == Some(&b'/') {
                current.clear();
            } else {
                current.truncate(parent(&current).len());
            }
            push_ahead(&mut ahead, target);
        }
        let end = match self.at(&current) {
            Some(found) => found,
            None if current.is_empty() || self.implied.contains(current.as_slice()) => {
                Found::Implied
            }
            None => return Err(Unresolved::Absent(current)),
        };
        Ok(Resolved { links, end })
    }

    fn target(&self, found: Found, links: &mut Vec<FileRef>) -> Option<&'a [u8]> {
        match found {
            Found::Entry(file) => {
                match &self.packages[file.package].facts.files[file.entry]
                    .entry
                    .kind
                {
                    EntryKind::Symlink { target } => {
                        links.push(file);
                        Some(target)
                    }
                    _ => None,
                }
            }
            Found::Provided(index) => self.wanted.provided[index].target.as_deref(),
            Found::Implied => None,
        }
    }

    /// All entries whose file name has `.so` in it, by that name: for what the loader does not find by itself.
    pub fn shared_objects(&self) -> HashMap<&'a [u8], Vec<FileRef>> {
        let mut index: HashMap<&[u8], Vec<FileRef>> = HashMap::new();
        for (package, input) in self.packages.iter().enumerate() {
            for (entry, file) in input.facts.files.iter().enumerate() {
                let path = file.entry.path.as_bytes();
                let name = &path[parent(path).len()..];
                let name = name.strip_prefix(b"/").unwrap_or(name);
                let shared = file.elf.is_some() || file.link_target().is_some();
                let file = FileRef { package, entry };
                if shared
                    && name.windows(3).any(|w| w == b".so")
                    && self.at(&self.normal(path)) == Some(Found::Entry(file))
                {
                    index.entry(name).or_default().push(file);
                }
            }
        }
        index
    }
}

fn file_path(packages: &[PackageInput], file: FileRef) -> &[u8] {
    packages[file.package].facts.files[file.entry]
        .entry
        .path
        .as_bytes()
}

fn push_ahead(ahead: &mut Vec<Vec<u8>>, path: &[u8]) {
    let components = path.split(|b| *b == b'/').rev();
    ahead.extend(
        components
            .filter(|c| !c.is_empty() && *c != b".")
            .map(<[u8]>::to_vec),
    );
}

/// The directory of a path, without a trailing slash.
pub(super) fn parent(path: &[u8]) -> &[u8] {
    &path[..path.iter().rposition(|b| *b == b'/').unwrap_or(0)]
}
