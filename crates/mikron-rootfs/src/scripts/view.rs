//! The files as a script would find them: the image's, and those that a full installation has and the image has not.

use std::collections::{BTreeMap, BTreeSet};

use mikron_package::{BELOW_USR, Digest, Entry, EntryKind, MemoryContents, RootPath, SharedText};
use mikron_shell::run::Known;

use crate::error::RootfsError;
use crate::finalize::{Context, Report, Work};
use crate::part::Owner;
use crate::tree::{Node, Tree, follow};

/// What the machine that runs an image makes anew, and of which nothing is known here.
pub(super) const OF_THE_HOST: &[&str] = &[
    "dev",
    "etc/hostname",
    "etc/hosts",
    "etc/machine-id",
    "etc/mtab",
    "etc/resolv.conf",
    "proc",
    "sys",
];

/// Where scripts find programs.
pub(super) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Largest file whose text is looked into, in bytes.
const MAX_TEXT: usize = 1 << 20;

/// Something that a full installation has at a path, where the image has something else or nothing.
#[derive(Clone, Debug)]
enum Shadow {
    Gone,
    There(Found),
}

/// What lies at a path.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) entry: Entry,
    /// `None` where the content is not at hand.
    pub(super) content: Option<Digest>,
    /// Whether it lies in the image.
    pub(super) in_image: bool,
}

/// What became of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It was made in the image.
    Made,
    /// It changes nothing in the image, for this reason.
    Nothing(String),
    /// It cannot be made, for this reason.
    Failed(String),
}

/// The view of a script.
pub(super) struct View<'a, 'c> {
    pub(super) context: &'a Context<'c>,
    pub(super) tree: &'a mut Tree,
    pub(super) contents: &'a mut MemoryContents,
    pub(super) report: &'a mut Report,
    shadow: BTreeMap<RootPath, Shadow>,
    /// The package whose files are not unpacked yet, in its preinst.
    pub(super) hidden: Option<String>,
    /// Whether what is changed is the image. Scripts of packages that nothing is taken of change the shadow alone.
    pub(super) real: bool,
    /// What packages brought and a script took away: it may come back as it was.
    originals: BTreeMap<RootPath, Node>,
}

impl<'a, 'c> View<'a, 'c> {
    pub(super) fn new(work: &'a mut Work<'c>) -> Self {
        Self {
            context: work.context,
            tree: work.tree,
            contents: work.contents,
            report: &mut work.report,
            shadow: BTreeMap::new(),
            hidden: None,
            real: true,
            originals: BTreeMap::new(),
        }
    }

    /// A path as the script writes it, links on the way followed and the last one too where `last` says so.
    pub(super) fn resolve(&self, path: &str, last: bool) -> Option<RootPath> {
        let path = RootPath::root().resolve_link(path.as_bytes()).ok()?;
        follow(&path, last, true, |at| self.target(at)).ok()
    }

    fn target(&self, at: &RootPath) -> Option<Vec<u8>> {
        if let Some(found) = self.at(at) {
            return match found.entry.kind {
                EntryKind::Symlink { target } => Some(target),
                _ => None,
            };
        }
        let bytes = at.as_bytes();
        let merged = self.context.merged_usr && BELOW_USR.contains(&bytes);
        merged.then(|| [b"usr/", bytes].concat())
    }

    /// What lies at exactly this path.
    pub(super) fn at(&self, path: &RootPath) -> Option<Found> {
        match self.shadow.get(path) {
            Some(Shadow::Gone) => return None,
            Some(Shadow::There(found)) => return Some(found.clone()),
            None => {}
        }
        if let Some(node) = self.tree.get(path) {
            let own = node.owner.package();
            let hidden = own.is_some() && own == self.hidden.as_deref();
            if hidden && !node.entry.is_directory() {
                return None;
            }
            let mut entry = node.entry.clone();
            if let EntryKind::Hardlink { target } = &entry.kind {
                let size = self.tree.get(target).map_or(0, |node| node.entry.size());
                entry.kind = EntryKind::File { size };
            }
            return Some(Found {
                entry,
                content: node.content,
                in_image: true,
            });
        }
        self.installed(path)
    }

    /// What packages of the solution have at a path that the image has not.
    fn installed(&self, path: &RootPath) -> Option<Found> {
        let template = self.context.templates.get(path);
        let content = template.map(|template| template.content);
        if let Some((package, entry)) = self.context.installed.find(path) {
            let hidden = self.hidden.as_deref() == Some(package);
            if hidden && !entry.is_directory() {
                return None;
            }
            let path = path.clone();
            let entry = Entry {
                path,
                ..entry.clone()
            };
            return Some(Found {
                entry,
                content,
                in_image: false,
            });
        }
        if let Some(template) = template {
            return Some(Found {
                entry: template.entry.clone(),
                content,
                in_image: false,
            });
        }
        let text = path.to_text();
        let base = path.is_root() || self.is_base(&text);
        let mut behind = self.context.templates.range(path.clone()..);
        let holds = behind
            .next()
            .is_some_and(|(below, _)| below.starts_with(path));
        (base || holds).then(|| Found {
            entry: Entry::new(path.clone(), EntryKind::Directory, 0o755),
            content: None,
            in_image: false,
        })
    }

    /// Whether a directory is one that every installation has.
    fn is_base(&self, path: &str) -> bool {
        let path = path.trim_start_matches('/');
        self.context.statics.directories().any(|base| base == path)
    }

    /// Where a program that every installation has really lies, when a path leads to one.
    pub(super) fn path_of_essential(&self, path: &str) -> Option<String> {
        let (directory, name) = path.rsplit_once('/')?;
        let directory = directory.strip_prefix("/usr").unwrap_or(directory);
        let directory = directory.strip_prefix('/')?;
        let has = self.context.statics.has_program(directory, name);
        has.then(|| format!("/usr/{directory}/{name}"))
    }

    /// What lies where a path of the script leads.
    pub(super) fn find(&self, path: &str, follow: bool) -> Known<Found> {
        let Some(at) = self.resolve(path, follow) else {
            return Known::Absent;
        };
        if let Some(found) = self.at(&at) {
            return Known::Is(found);
        }
        let text = at.to_text();
        let host = |dir: &str| {
            let rest = text.trim_start_matches('/').strip_prefix(dir);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if OF_THE_HOST.iter().any(|dir| host(dir)) {
            Known::Unknown
        } else {
            Known::Absent
        }
    }

    /// The names in a directory.
    pub(super) fn names(&self, directory: &RootPath) -> Vec<String> {
        let mut names = BTreeSet::new();
        let depth = directory.components().count();
        let mut add = |path: &RootPath| {
            if let Some(name) = path.components().nth(depth) {
                names.insert(String::from_utf8_lossy(name).into_owned());
            }
        };
        self.tree
            .below(directory)
            .for_each(|node| add(&node.entry.path));
        self.context.installed.below(directory, &mut add);
        self.context
            .templates
            .keys()
            .chain(self.shadow.keys())
            .filter(|path| path.starts_with(directory))
            .for_each(&mut add);
        for base in self.context.statics.directories() {
            if let Ok(path) = RootPath::new(base.as_bytes())
                && path.starts_with(directory)
            {
                add(&path);
            }
        }
        names.retain(|name| {
            let path = directory.join(name.as_bytes());
            path.is_ok_and(|path| self.at(&path).is_some() || self.below_shadow(&path))
        });
        names.into_iter().collect()
    }

    fn below_shadow(&self, path: &RootPath) -> bool {
        let mut below = self.tree.below(path).map(|node| &node.entry.path);
        below.next().is_some() && !matches!(self.shadow.get(path), Some(Shadow::Gone))
    }

    /// All that lies below a directory, in order of path.
    pub(super) fn below(&self, directory: &RootPath) -> Vec<Found> {
        let mut paths: BTreeSet<RootPath> = BTreeSet::new();
        paths.extend(
            self.tree
                .below(directory)
                .map(|node| node.entry.path.clone()),
        );
        self.context.installed.below(directory, &mut |path| {
            paths.insert(path.clone());
        });
        let inside = |path: &&RootPath| path.starts_with(directory) && *path != directory;
        let templates = self.context.templates.keys();
        let others = self.shadow.keys().chain(templates);
        paths.extend(others.filter(inside).cloned());
        paths.iter().filter_map(|path| self.at(path)).collect()
    }

    /// The content of something that was found.
    pub(super) fn bytes(&self, found: &Found) -> Option<Vec<u8>> {
        let digest = found.content?;
        let read = self
            .context
            .read_content(self.contents, &found.entry.path, digest);
        read.ok().filter(|bytes| bytes.len() <= MAX_TEXT)
    }

    /// The text of a file.
    pub(super) fn text(&self, path: &str) -> Known<String> {
        match self.find(path, true) {
            Known::Is(found) if found.entry.is_directory() => Known::Absent,
            Known::Is(found) => {
                let text = self.bytes(&found).map(String::from_utf8);
                match text {
                    Some(Ok(text)) => Known::Is(text),
                    _ => Known::Unknown,
                }
            }
            Known::Absent => Known::Absent,
            Known::Unknown => Known::Unknown,
        }
    }

    /// Puts something where a script makes it: its path is resolved, and its directory is there. The spec's own files stand.
    pub(super) fn place(&mut self, entry: Entry, content: Option<Digest>) -> Change {
        let at = entry.path.clone();
        if at.is_root() {
            return Change::Failed("it is the root".to_owned());
        }
        let parent = at.parent().unwrap_or_default();
        match self.at(&parent) {
            Some(found) if found.entry.is_directory() => {}
            _ => return Change::Failed(format!("{parent} is not there")),
        }
        if self
            .tree
            .get(&at)
            .is_some_and(|node| node.owner == Owner::Spec)
        {
            return Change::Nothing("the spec's own file stands".to_owned());
        }
        let missing = content.is_none() && entry.is_file();
        if !self.real || missing {
            let found = Found {
                entry,
                content,
                in_image: false,
            };
            self.shadow.insert(at, Shadow::There(found));
            let reason = if missing {
                return Change::Failed("its content is not known".to_owned());
            } else {
                "nothing is taken of the package"
            };
            return Change::Nothing(reason.to_owned());
        }
        // A link to what a full installation has and the image has not would lead nowhere.
        if let EntryKind::Symlink { target } = &entry.kind {
            let leads = at.resolve_link(target).ok();
            let leads = leads.and_then(|to| follow(&to, true, true, |at| self.target(at)).ok());
            let there = leads
                .as_ref()
                .is_some_and(|to| self.tree.lookup(to).is_some());
            if !there && !self.remains(&entry) {
                let reason = match leads {
                    Some(to) => format!("{to} is not in the image"),
                    None => "it leads nowhere".to_owned(),
                };
                let found = Found {
                    entry,
                    content,
                    in_image: false,
                };
                self.shadow.insert(at, Shadow::There(found));
                return Change::Nothing(reason);
            }
        }
        match self.insert(entry, content) {
            Ok(()) => Change::Made,
            Err(error) => Change::Failed(error.to_string()),
        }
    }

    /// Whether a package brought exactly this entry to its place.
    fn remains(&self, entry: &Entry) -> bool {
        let there = self
            .originals
            .get(&entry.path)
            .or_else(|| self.tree.get(&entry.path));
        there.is_some_and(|node| node.entry.kind == entry.kind && node.owner.package().is_some())
    }

    fn insert(&mut self, mut entry: Entry, content: Option<Digest>) -> Result<(), RootfsError> {
        let at = entry.path.clone();
        self.shadow.remove(&at);
        self.bring_parents(&at)?;
        entry.mtime = self.tree.epoch();
        if let Some(node) = self.tree.get(&at) {
            if node.entry.is_directory() && entry.is_directory() {
                return Ok(());
            }
            self.keep_original(&at);
        }
        if let Some(node) = self.originals.get(&at)
            && node.content == content
            && same(&node.entry, &entry)
        {
            self.tree.put(node.clone());
            return Ok(());
        }
        self.break_hardlinks(&at);
        self.report.place(self.tree, entry, content)
    }

    /// The directories above a path, with the attributes that packages give them.
    fn bring_parents(&mut self, at: &RootPath) -> Result<(), RootfsError> {
        let mut missing: Vec<RootPath> = Vec::new();
        for above in at.ancestors().filter(|above| !above.is_root()) {
            if self.tree.get(&above).is_some() {
                break;
            }
            missing.push(above);
        }
        for above in missing.into_iter().rev() {
            if let Some(found) = self.at(&above) {
                self.shadow.remove(&above);
                let mut entry = found.entry;
                entry.path = above;
                entry.mtime = self.tree.epoch();
                self.report.place(self.tree, entry, None)?;
            }
        }
        Ok(())
    }

    fn keep_original(&mut self, at: &RootPath) {
        if let Some(node) = self.tree.get(at)
            && node.owner.package().is_some()
        {
            self.originals
                .entry(at.clone())
                .or_insert_with(|| node.clone());
        }
    }

    /// Other names of a file that is replaced keep the file: the first of them takes its place.
    fn break_hardlinks(&mut self, at: &RootPath) {
        let Some(node) = self.tree.get(at).cloned() else {
            return;
        };
        if !node.entry.is_file() {
            return;
        }
        let names = self.tree.nodes().filter(
            |other| matches!(&other.entry.kind, EntryKind::Hardlink { target } if target == at),
        );
        let names: Vec<RootPath> = names.map(|node| node.entry.path.clone()).collect();
        for (number, name) in names.iter().enumerate() {
            if let Some(other) = self.tree.get_mut(name) {
                other.entry.kind = if number == 0 {
                    node.entry.kind.clone()
                } else {
                    EntryKind::Hardlink {
                        target: names[0].clone(),
                    }
                };
            }
        }
    }

    /// Brings a directory that packages have into the image.
    pub(super) fn bring(&mut self, found: &Found) -> bool {
        if !self.real || found.in_image || !found.entry.is_directory() {
            return false;
        }
        let brought = self.insert(found.entry.clone(), None);
        brought.is_ok()
    }

    /// Takes something away, with all that is below it.
    pub(super) fn remove(&mut self, at: &RootPath) -> Change {
        let all: Vec<RootPath> = self
            .below(at)
            .into_iter()
            .map(|found| found.entry.path)
            .chain([at.clone()])
            .collect();
        let mut change = Change::Nothing("what it removes is not in the image".to_owned());
        for path in all.iter().rev() {
            if self.real && self.tree.get(path).is_some() {
                if self
                    .tree
                    .get(path)
                    .is_some_and(|node| node.owner == Owner::Spec)
                {
                    return Change::Nothing("the spec's own file stands".to_owned());
                }
                if path.is_root() || (path == at && self.tree.below(path).next().is_some()) {
                    continue;
                }
                self.break_hardlinks(path);
                self.keep_original(path);
                self.tree.take(path);
                change = Change::Made;
            }
            self.shadow.insert(path.clone(), Shadow::Gone);
        }
        change
    }

    /// Changes attributes of what lies at a path. The spec's own files stay as they are.
    pub(super) fn change(&mut self, found: &Found, apply: &dyn Fn(&mut Entry)) -> Change {
        let at = found.entry.path.clone();
        if self.real
            && let Some(node) = self.tree.get_mut(&at)
        {
            if node.owner == Owner::Spec {
                return Change::Nothing("the spec's own file stands".to_owned());
            }
            let before = node.entry.clone();
            apply(&mut node.entry);
            if node.entry != before {
                if node.owner == Owner::Layout {
                    node.owner = Owner::finalizer(&self.report.finalizer);
                }
                self.report.made.push(at);
            }
            return Change::Made;
        }
        let mut found = found.clone();
        apply(&mut found.entry);
        found.in_image = false;
        self.shadow.insert(at, Shadow::There(found));
        Change::Nothing("what it changes is not in the image".to_owned())
    }

    /// A file is given a content that is not known. What a script made is not what it would be any more; what a package brought
    /// stays.
    pub(super) fn forget(&mut self, found: Found) {
        let at = &found.entry.path;
        if let Some(node) = self.tree.get(at) {
            if !node.entry.is_file() || node.owner != Owner::finalizer(&self.report.finalizer) {
                return;
            }
            self.break_hardlinks(at);
            self.tree.take(at);
        }
        if found.entry.is_file() {
            self.pretend(found.entry);
        }
    }

    /// Something is there in a full installation, though nobody can say what it holds.
    pub(super) fn pretend(&mut self, entry: Entry) {
        let found = Found {
            entry,
            content: None,
            in_image: false,
        };
        self.shadow
            .insert(found.entry.path.clone(), Shadow::There(found));
    }
}

/// Whether two entries of one path are the same but for their time.
fn same(a: &Entry, b: &Entry) -> bool {
    let link = matches!(a.kind, EntryKind::Symlink { .. });
    let name = |name: &Option<SharedText>| name.clone().filter(|name| *name != "root");
    a.kind == b.kind
        && (link || a.mode == b.mode)
        && (a.uid, a.gid) == (b.uid, b.gid)
        && (name(&a.user), name(&a.group)) == (name(&b.user), name(&b.group))
        && a.xattrs == b.xattrs
}
