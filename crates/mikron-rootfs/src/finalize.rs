//! What finalizers are given, and what they report.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::sync::Arc;

use mikron_package::{
    ArchiveMetadata, Contents, Digest, Entry, EntryKind, MemoryContents, Origin, RootPath,
    VersionOrder,
};
use mikron_shell::Call;
use serde::Serialize;

use crate::accounts::Accounts;
use crate::error::{FinalizerFault, RootfsError};
use crate::installation::Installation;
use crate::part::Owner;
use crate::runs::{self, CallSite, Runs, ScriptRun};
use crate::statics::Statics;
use crate::tree::Tree;

/// Largest file that a finalizer reads, in bytes. Configuration and certificates are far below it.
const MAX_READ: u64 = 16 << 20;

/// A selected package: what its archive says of itself, and why it is here.
#[derive(Clone)]
pub struct Package {
    /// Where the archive came from, for messages.
    pub origin: Origin,
    /// The archive's metadata, with the maintainer scripts.
    pub metadata: Arc<ArchiveMetadata>,
    /// How versions of its family are ordered, for `Replaces` with a version.
    pub order: &'static dyn VersionOrder,
    /// Whether the spec names it.
    pub root: bool,
    /// The archive's sysusers.d(5) and tmpfiles.d(5) files and its units of services with their text, chosen or not: declarations
    /// that its scripts or a service manager would have had carried out.
    pub declarations: Vec<(RootPath, Vec<u8>)>,
}

impl Package {
    /// A package of which only the metadata are known.
    pub fn new(metadata: Arc<ArchiveMetadata>, order: &'static dyn VersionOrder) -> Self {
        Self {
            origin: Origin::default(),
            metadata,
            order,
            root: false,
            declarations: Vec::new(),
        }
    }

    /// The package's name.
    pub fn name(&self) -> &str {
        self.metadata.record.name.as_str()
    }
}

impl std::fmt::Debug for Package {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Package")
            .field("name", &self.metadata.record.name)
            .field("origin", &self.origin)
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}

/// A file of a package that something in the image is made of, and that need not be in the image itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// The file as its archive has it.
    pub entry: Entry,
    /// Digest of its content.
    pub content: Digest,
}

/// A package that was solved for and that nothing is selected of.
#[derive(Clone, Debug)]
pub struct Further {
    /// The archive's metadata, with the maintainer scripts.
    pub metadata: Arc<ArchiveMetadata>,
    /// The archive's sysusers.d(5) and tmpfiles.d(5) files and units with the digests of their contents, which are read only when needed.
    pub declarations: Vec<(RootPath, Digest)>,
}

/// The files of all packages of a solution, chosen or not: what a script would find in a full installation.
pub trait Installed: std::fmt::Debug + Send + Sync {
    /// The package that has something at a path, and what it is. Paths are those of the image's layout: with merged /usr below
    /// it.
    fn find(&self, path: &RootPath) -> Option<(&str, &Entry)>;

    /// Shows each path below a directory.
    fn below(&self, directory: &RootPath, see: &mut dyn FnMut(&RootPath));
}

/// Nothing is known of the files that are not chosen.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct NothingInstalled;

impl Installed for NothingInstalled {
    fn find(&self, _: &RootPath) -> Option<(&str, &Entry)> {
        None
    }

    fn below(&self, _: &RootPath, _: &mut dyn FnMut(&RootPath)) {}
}

/// What a finalizer may know.
pub struct Context<'a> {
    /// The selected packages, in order of name.
    pub packages: &'a [Package],
    /// Packages that were solved for and that nothing was selected of, in order of name.
    pub further: &'a [Further],
    /// Files that scripts copy and finalizers read, by path, selected or not.
    pub templates: &'a BTreeMap<RootPath, Template>,
    /// The capabilities that the selection holds, as (package, capability).
    pub capabilities: &'a BTreeSet<(String, String)>,
    /// The accounts that the spec asks for.
    pub accounts: &'a Accounts,
    /// The user that the image runs as, as the spec writes it.
    pub run_as: Option<&'a str>,
    /// Time of everything that is made, in seconds since 1970.
    pub epoch: i64,
    /// The contents of the packages' files.
    pub contents: &'a dyn Contents,
    /// The files of all packages of the solution, chosen or not.
    pub installed: &'a dyn Installed,
    /// What the maintainer scripts did, once the finalizer of scripts has run them.
    pub(crate) runs: &'a OnceCell<Runs>,
    /// The accounts that every installation has.
    pub(crate) statics: &'a Statics,
    /// What is known of installations.
    pub(crate) installation: &'a Installation,
    /// Whether /usr is merged.
    pub(crate) merged_usr: bool,
}

impl Context<'_> {
    /// The maintainer scripts with the calls that they make, once the finalizer of scripts has run them.
    pub(crate) fn scripts(&self) -> &[ScriptRun] {
        self.runs.get().map_or(&[], |runs| &runs.scripts)
    }

    /// Whether the selection holds anything of a package.
    pub fn has_package(&self, name: &str) -> bool {
        self.packages.iter().any(|package| package.name() == name)
    }

    /// The content of the file at `path`, links followed; `None` where there is no such file.
    ///
    /// # Errors
    /// When the content cannot be read, or has more than 16 MiB.
    pub fn read(
        &self,
        tree: &Tree,
        made: &MemoryContents,
        path: &RootPath,
    ) -> Result<Option<Vec<u8>>, RootfsError> {
        let Some(node) = tree.lookup(path) else {
            return Ok(None);
        };
        node.content
            .map(|digest| self.read_content(made, path, digest))
            .transpose()
    }

    /// The file at `path`, links followed, or else the template of that path: its mode, size and content.
    pub(crate) fn source(&self, tree: &Tree, path: &RootPath) -> Option<Template> {
        if let Some(node) = tree.lookup(path) {
            let mut entry = node.entry.clone();
            if let EntryKind::Hardlink { target } = &entry.kind {
                entry.kind = EntryKind::File {
                    size: tree.get(target).map_or(0, |node| node.entry.size()),
                };
            }
            return node.content.map(|content| Template { entry, content });
        }
        self.templates.get(path).cloned()
    }

    pub(crate) fn read_content(
        &self,
        made: &MemoryContents,
        path: &RootPath,
        digest: Digest,
    ) -> Result<Vec<u8>, RootfsError> {
        if let Some(bytes) = made.get(&digest) {
            return Ok(bytes.to_vec());
        }
        let failed = |error: std::io::Error| RootfsError::Content {
            path: path.clone(),
            digest,
            error: Arc::new(error),
        };
        let mut bytes = Vec::new();
        let reader = self.contents.open(&digest).map_err(failed)?;
        let read = reader.take(MAX_READ + 1).read_to_end(&mut bytes);
        if read.map_err(failed)? as u64 > MAX_READ {
            return Err(failed(std::io::Error::other(
                "is larger than the 16 MiB that a finalizer reads",
            )));
        }
        Ok(bytes)
    }
}

/// What one finalizer did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The finalizer.
    pub finalizer: String,
    /// Paths that it made or changed, in the order in which it did.
    pub made: Vec<RootPath>,
    /// Calls of maintainer scripts whose effect it produced.
    pub covered: BTreeSet<CallSite>,
    /// Calls that would have had no effect in this image, with the reason.
    pub irrelevant: BTreeMap<CallSite, String>,
    /// What it has to say to whoever builds, such as what scripts printed.
    pub said: Vec<String>,
}

/// What a finalizer works on.
pub struct Work<'a> {
    /// What it may know.
    pub context: &'a Context<'a>,
    /// The tree, as it is so far.
    pub tree: &'a mut Tree,
    /// The contents that finalizers made.
    pub contents: &'a mut MemoryContents,
    /// What it did.
    pub report: Report,
}

impl<'a> Work<'a> {
    /// The content of the file at `path`, links followed; `None` where there is no such file.
    ///
    /// # Errors
    /// As [`Context::read`].
    pub fn read(&self, path: &RootPath) -> Result<Option<Vec<u8>>, RootfsError> {
        self.context.read(self.tree, self.contents, path)
    }

    /// The text of a file, however it is encoded; none where there is no such file.
    pub(crate) fn text(&self, path: &RootPath) -> Result<String, RootfsError> {
        let bytes = self.read(path)?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The content of [`Context::source`].
    pub(crate) fn read_source(&self, path: &RootPath) -> Result<Option<Vec<u8>>, RootfsError> {
        let source = self.context.source(self.tree, path);
        let read = |source: Template| {
            self.context
                .read_content(self.contents, path, source.content)
        };
        source.map(read).transpose()
    }

    /// The paths of the files that the tree has below a directory, and of those that finalizers read there wherever they are.
    pub(crate) fn sources_below(&self, directory: &RootPath) -> BTreeSet<RootPath> {
        let in_tree = self.tree.below(directory).map(|node| &node.entry.path);
        let templates = self.context.templates.keys();
        let templates = templates.filter(|path| path.starts_with(directory));
        in_tree.chain(templates).cloned().collect()
    }

    /// Whether what lies at a path, links followed, is of the image that is built upon.
    pub(crate) fn is_base(&self, path: &RootPath) -> bool {
        let node = self.tree.lookup(path);
        node.is_some_and(|node| node.owner.is_base())
    }

    /// Whether something lies at a path, links followed.
    pub(crate) fn has(&self, path: &str) -> bool {
        RootPath::new(path.as_bytes()).is_ok_and(|path| self.tree.lookup(&path).is_some())
    }

    /// This finalizer's error.
    pub fn failed(&self, fault: FinalizerFault) -> RootfsError {
        RootfsError::Finalizer {
            finalizer: self.report.finalizer.clone(),
            fault,
        }
    }

    /// The calls of scripts that run when their packages are installed anew.
    pub(crate) fn calls(
        &self,
    ) -> impl Iterator<Item = (&'a ScriptRun, CallSite, &'a Call)> + use<'a> {
        runs::calls(self.context.scripts())
    }

    /// Puts a file that this finalizer made into the tree, owned by root. A file of the spec at that path stands.
    ///
    /// # Errors
    /// As [`Tree::insert`].
    pub fn write(&mut self, path: RootPath, bytes: Vec<u8>, mode: u32) -> Result<(), RootfsError> {
        let size = bytes.len() as u64;
        let content = self.contents.add(bytes);
        self.file(path, (content, size), mode)
    }

    /// Puts a file into the tree whose content lies with those of packages, in place of what was there, unless the spec has a say.
    ///
    /// # Errors
    /// As [`Tree::insert`].
    pub fn file(
        &mut self,
        path: RootPath,
        (content, size): (Digest, u64),
        mode: u32,
    ) -> Result<(), RootfsError> {
        let entry = Entry::new(path, EntryKind::File { size }, mode);
        self.place(entry, Some(content))
    }

    /// Puts a symbolic link into the tree where nothing lies yet.
    ///
    /// # Errors
    /// As [`Tree::insert`].
    pub fn link(&mut self, at: &RootPath, target: Vec<u8>) -> Result<(), RootfsError> {
        let there = self.tree.follow(at, false).ok();
        if there.is_some_and(|there| self.tree.get(&there).is_some()) {
            return Ok(());
        }
        let kind = EntryKind::Symlink { target };
        self.place(Entry::new(at.clone(), kind, 0o777), None)
    }

    /// Puts an entry of the build's time into the tree, as [`Report::place`] does.
    ///
    /// # Errors
    /// As [`Tree::insert`].
    pub fn place(&mut self, mut entry: Entry, content: Option<Digest>) -> Result<(), RootfsError> {
        entry.mtime = self.tree.epoch();
        self.report.place(self.tree, entry, content)
    }
}

impl Report {
    /// An empty report.
    pub fn new(finalizer: &str) -> Self {
        Self {
            finalizer: finalizer.to_owned(),
            ..Self::default()
        }
    }

    /// Says of calls that their effect was produced, or why they have none in this image.
    pub(crate) fn settle(
        &mut self,
        sites: impl IntoIterator<Item = CallSite>,
        reason: Option<&str>,
    ) {
        for site in sites {
            match reason {
                None => {
                    self.covered.insert(site);
                }
                Some(reason) => {
                    self.irrelevant.insert(site, reason.to_owned());
                }
            }
        }
    }

    /// Puts an entry that this finalizer made into the tree. An entry of the spec at that path stands, and the root is a directory
    /// whatever a script says.
    ///
    /// # Errors
    /// As [`Tree::insert`].
    pub fn place(
        &mut self,
        tree: &mut Tree,
        entry: Entry,
        content: Option<Digest>,
    ) -> Result<(), RootfsError> {
        if entry.path.is_root() && !entry.is_directory() {
            return Ok(());
        }
        let there = tree.follow(&entry.path, false).ok();
        let there = there.and_then(|at| tree.get(&at));
        if there.is_some_and(|node| node.owner == Owner::Spec) {
            return Ok(());
        }
        let owner = Owner::finalizer(&self.finalizer);
        let at = tree.insert(entry, content, owner)?;
        self.made.push(at);
        Ok(())
    }
}
