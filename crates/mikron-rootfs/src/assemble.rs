//! From parts to the finished tree, in one call.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mikron_package::{
    CAPABILITY_XATTR, Contents, Digest, Entry, EntryKind, Globs, MemoryContents, RootPath,
    file_capabilities,
};

use crate::accounts::{Accounts, Database, RunAs, group_path, passwd_path};
use crate::diagnostic::Diagnostic;
use crate::error::RootfsError;
use crate::files::{FileSource, SpecFile, SpecFileKind};
use crate::finalize::{Context, Further, Installed, NothingInstalled, Package, Report, Template};
use crate::finalizer::{Finalizer, order};
use crate::installation::Installation;
use crate::merge;
use crate::options::Options;
use crate::part::{Below, Owner, Part};
use crate::scripts::{self, ScriptReport};
use crate::statics::Statics;
use crate::tree::Tree;

/// Everything that a tree is made of.
#[derive(Clone, Debug, Default)]
pub struct Assembly {
    /// What the image that is built upon has.
    pub below: Vec<Below>,
    /// The chosen entries; those of one package in the order of its archive.
    pub parts: Vec<Part>,
    /// The packages that the parts come from, with their scripts.
    pub packages: Vec<Package>,
    /// Packages that were solved for and that no part comes from: the spec may name accounts that they make.
    pub further: Vec<Further>,
    /// Files of all packages that scripts copy and finalizers read ([`crate::Sources`], [`crate::sources`]). Of several at one
    /// path the first stands.
    pub templates: Vec<Template>,
    /// The files of all packages that were solved for, where they are known.
    pub installed: Option<Arc<dyn Installed>>,
    /// The spec's own files.
    pub files: Vec<SpecFile>,
    /// Capabilities of files by path, as setcap(8) takes them.
    pub file_capabilities: BTreeMap<RootPath, String>,
    /// The spec's accounts.
    pub accounts: Accounts,
    /// The user that the image runs as, by name or number.
    pub run_as: Option<String>,
    /// The spec's `remove` patterns. They apply to what packages and finalizers brought, never to the spec's own files.
    pub remove: Globs,
    /// What is known of installations.
    pub installation: Arc<Installation>,
    /// How to merge.
    pub options: Options,
}

/// A finished tree, with what is to be known of it.
#[derive(Clone, Debug)]
pub struct Rootfs {
    /// The tree.
    pub tree: Tree,
    /// Contents that finalizers and the spec made. They come on top of the packages' own.
    pub made: MemoryContents,
    /// What each finalizer did.
    pub reports: Vec<Report>,
    /// What became of each maintainer script.
    pub scripts: Vec<ScriptReport>,
    /// What a person should know, in order.
    pub diagnostics: Vec<Diagnostic>,
    /// Who the image runs as, where the spec says so.
    pub run_as: Option<RunAs>,
}

/// Merges the parts, places the spec's files, runs the finalizers and applies the `remove` patterns.
///
/// The result depends on nothing but its arguments, and not on the order of `packages` or on how the parts of different
/// packages are interleaved.
///
/// # Errors
/// The first fault in order of package and path; see [`RootfsError`].
pub fn assemble(
    assembly: Assembly,
    contents: &dyn Contents,
    finalizers: &[Finalizer],
) -> Result<Rootfs, RootfsError> {
    let Assembly {
        below,
        parts,
        mut packages,
        mut further,
        templates,
        installed,
        files,
        file_capabilities,
        accounts,
        run_as,
        remove,
        installation,
        options,
    } = assembly;
    packages.sort_by(|a, b| a.name().cmp(b.name()));
    further.sort_by(|a, b| a.metadata.record.name.cmp(&b.metadata.record.name));
    let mut by_path = BTreeMap::new();
    for template in templates {
        by_path
            .entry(template.entry.path.clone())
            .or_insert(template);
    }
    let capabilities: BTreeSet<(&str, &str)> = parts
        .iter()
        .map(|part| (&*part.package, &*part.capability))
        .collect();
    let capabilities: BTreeSet<(String, String)> = capabilities
        .into_iter()
        .map(|(package, capability)| (package.to_owned(), capability.to_owned()))
        .collect();

    let (mut tree, mut diagnostics) = merge::merge(&below, parts, &packages, &options, &remove)?;
    let mut made = MemoryContents::default();
    let placed = place_files(&files, &mut tree, &mut made, &mut diagnostics)?;

    let runs = OnceCell::new();
    let statics = Statics::of(&options.families);
    let context = Context {
        packages: &packages,
        further: &further,
        templates: &by_path,
        capabilities: &capabilities,
        accounts: &accounts,
        run_as: run_as.as_deref(),
        epoch: tree.epoch(),
        contents,
        installed: installed.as_deref().unwrap_or(&NothingInstalled),
        runs: &runs,
        statics: &statics,
        installation: &installation,
        merged_usr: options.merged_usr(),
    };
    let mut reports = Vec::new();
    for finalizer in order(finalizers)? {
        reports.push(finalizer.run(&context, &mut tree, &mut made)?);
    }
    let database = read_accounts(&context, &tree, &made)?;
    own_files(&files, &placed, &mut tree, &database)?;
    set_capabilities(&file_capabilities, &mut tree)?;
    let run_as = run_as.as_deref().map(|name| database.run_as(name));
    let run_as = run_as.transpose()?;
    let scripts = scripts::report(&context, &reports, &tree);

    // What lies below cannot be taken away by what lies above.
    for below in below {
        if tree.get(&below.entry.path).is_none() {
            tree.lay_below(below);
        }
    }
    remove_matches(&remove, &mut tree, &mut diagnostics)?;
    merge::finish(&mut tree, &options, &mut diagnostics)?;
    diagnostics.sort();
    diagnostics.dedup();
    Ok(Rootfs {
        tree,
        made,
        reports,
        scripts,
        diagnostics,
        run_as,
    })
}

/// Places the spec's files, and says by path which lies there in the end; names of owners are kept until the accounts are known.
fn place_files(
    files: &[SpecFile],
    tree: &mut Tree,
    contents: &mut MemoryContents,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<BTreeMap<RootPath, usize>, RootfsError> {
    let mut placed = BTreeMap::new();
    // Directories of trees come first: what the spec says of one by itself holds, wherever it says so.
    let of_tree = |number: &usize| files[*number].kind == SpecFileKind::TreeDirectory;
    let (trees, others): (Vec<usize>, Vec<usize>) = (0..files.len()).partition(of_tree);
    for number in trees.into_iter().chain(others) {
        let file = &files[number];
        let wrong = |reason: &str| RootfsError::SpecFile {
            path: file.path.clone(),
            reason: reason.to_owned(),
        };
        if file.mode.is_some_and(|mode| mode > 0o7777) {
            return Err(wrong("the mode has bits above 7777"));
        }
        if file.path.components().any(|c| c.starts_with(b".wh.")) {
            return Err(wrong(
                "names that begin with `.wh.` are reserved for whiteouts in layers",
            ));
        }
        let of_tree = file.kind == SpecFileKind::TreeDirectory;
        let directory = of_tree || file.kind == SpecFileKind::Directory;
        // A directory at the path of a link is the directory that the link leads to.
        let at = tree.follow(&file.path, directory);
        let at = at.map_err(|fault| wrong(&fault.to_string()))?;
        if at.is_root() {
            return Err(wrong("the root directory itself cannot be placed"));
        }
        let there = tree.get(&at);
        if let Some(node) = there {
            match (directory, node.entry.is_directory()) {
                (false, true) => return Err(wrong("a directory lies there")),
                (true, false) => return Err(wrong("something that is no directory lies there")),
                _ => {}
            }
            if node.owner == Owner::Spec && !directory {
                return Err(wrong("the spec brings it twice"));
            }
            if of_tree {
                continue;
            }
            if let (false, Some(package)) = (directory, node.owner.package()) {
                diagnostics.push(Diagnostic::Overridden {
                    path: at.clone(),
                    package: package.to_owned(),
                });
            }
        }
        let (kind, content, mode) = match &file.kind {
            SpecFileKind::Directory | SpecFileKind::TreeDirectory => {
                (EntryKind::Directory, None, 0o755)
            }
            SpecFileKind::Symlink(target) => {
                if target.is_empty() || target.contains(&0) {
                    return Err(wrong("the target is empty, or holds a NUL byte"));
                }
                let target = target.clone();
                (EntryKind::Symlink { target }, None, 0o777)
            }
            SpecFileKind::File(FileSource::Bytes(bytes)) => {
                let size = bytes.len() as u64;
                let content: Digest = contents.add(bytes.clone());
                (EntryKind::File { size }, Some(content), 0o644)
            }
            SpecFileKind::File(FileSource::Content { digest, size }) => {
                (EntryKind::File { size: *size }, Some(*digest), 0o644)
            }
        };
        let mut entry = Entry::new(at, kind, file.mode.unwrap_or(mode));
        if let EntryKind::Symlink { .. } = entry.kind {
            entry.mode = 0o777;
        }
        entry.mtime = tree.epoch();
        entry.user = file.owner.as_deref().map(Into::into);
        entry.group = file.group.as_deref().map(Into::into);
        let at = tree
            .insert(entry, content, Owner::Spec)
            .map_err(|error| match error {
                RootfsError::NotADirectory { path, found, .. } => wrong(&format!(
                    "{path}, which is a {found}, would have to be a directory"
                )),
                other => other,
            })?;
        if let Some(node) = tree.get_mut(&at) {
            node.layer.clone_from(&file.layer);
        }
        placed.insert(at, number);
    }
    Ok(placed)
}

/// The accounts as the tree's passwd and group files have them.
fn read_accounts(
    context: &Context<'_>,
    tree: &Tree,
    made: &MemoryContents,
) -> Result<Database, RootfsError> {
    let passwd = context.read(tree, made, &passwd_path())?;
    let group = context.read(tree, made, &group_path())?;
    Ok(Database::parse(
        &passwd.unwrap_or_default(),
        &group.unwrap_or_default(),
    ))
}

/// Turns the owners of the spec's files into numbers.
fn own_files(
    files: &[SpecFile],
    placed: &BTreeMap<RootPath, usize>,
    tree: &mut Tree,
    database: &Database,
) -> Result<(), RootfsError> {
    for (at, number) in placed {
        let file = &files[*number];
        let Some(node) = tree.get_mut(at) else {
            continue;
        };
        let wanted_by = file.path.to_string();
        if let Some(owner) = &file.owner {
            node.entry.uid = database.uid(owner, &wanted_by)?;
            node.entry.gid = database.primary_group(owner, node.entry.uid);
        }
        if let Some(group) = &file.group {
            node.entry.gid = database.gid(group, &wanted_by)?;
        }
        // Layers carry numbers; a name that is a number would be taken for a name.
        node.entry.user = None;
        node.entry.group = None;
    }
    Ok(())
}

/// Gives files the capabilities that the spec names.
fn set_capabilities(
    capabilities: &BTreeMap<RootPath, String>,
    tree: &mut Tree,
) -> Result<(), RootfsError> {
    for (path, text) in capabilities {
        let wrong = |reason: String| RootfsError::SpecFile {
            path: path.clone(),
            reason,
        };
        let value = file_capabilities(text.as_bytes()).map_err(|reason| {
            wrong(format!(
                "`{text}` {reason}: it is no text of capabilities, such as `cap_net_raw+ep`"
            ))
        })?;
        let at = tree.follow(path, true).ok();
        let node = at.and_then(|at| tree.get_mut(&at));
        let node = node.filter(|node| node.entry.is_file());
        let node =
            node.ok_or_else(|| wrong("there is no file that could have capabilities".to_owned()))?;
        node.entry.xattrs.insert(CAPABILITY_XATTR.to_vec(), value);
    }
    Ok(())
}

/// Takes out what the patterns match. A directory goes when nothing is left in it.
fn remove_matches(
    globs: &Globs,
    tree: &mut Tree,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<(), RootfsError> {
    if globs.is_empty() {
        return Ok(());
    }
    let matched: Vec<_> = tree
        .nodes()
        .filter(|node| {
            // The links of a merged /usr are no package's: what lies behind them could not be reached by its own paths.
            let is_layout =
                node.owner == Owner::Layout && matches!(node.entry.kind, EntryKind::Symlink { .. });
            !is_layout
                && !node.owner.is_base()
                && globs.matches(&node.entry.path)
                && node.owner != Owner::Spec
        })
        .map(|node| node.entry.path.clone())
        .collect();
    // Backwards, so that what a directory holds goes before the directory.
    for path in matched.iter().rev() {
        let is_directory = tree.get(path).is_some_and(|node| node.entry.is_directory());
        if !is_directory || tree.below(path).next().is_none() {
            tree.take(path);
        }
    }
    let stays = |text: &str| {
        let path = RootPath::new(text.as_bytes()).ok()?;
        let node = tree.lookup(&path)?;
        (node.entry.is_directory() && node.owner != Owner::Spec).then_some(path)
    };
    let mut unused: BTreeSet<&str> = globs.unused().collect();
    let of_base = || tree.nodes().filter(|node| node.owner.is_base());
    if of_base().next().is_some() {
        for text in globs.texts() {
            let one = Globs::new(&[text.to_owned()])?;
            let stays = of_base().filter(|node| one.matches(&node.entry.path));
            let count = stays.filter(|node| !node.entry.is_directory()).count();
            if count > 0 {
                unused.remove(text);
                let pattern = text.to_owned();
                diagnostics.push(Diagnostic::BaseStays { pattern, count });
            }
        }
    }
    diagnostics.extend(globs.texts().filter_map(|text| {
        let stays = stays(text).map(|path| Diagnostic::DirectoryStays { path });
        let unused = unused.contains(text).then(|| Diagnostic::PatternUnused {
            pattern: text.to_owned(),
        });
        stays.or(unused)
    }));
    Ok(())
}
