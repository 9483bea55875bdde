//! Files that maintainer scripts copy into place: ucf(1), cp, install.

use std::collections::BTreeMap;

use mikron_package::{ArchiveMetadata, Entry, EntryKind, MemoryContents, RootPath};
use mikron_shell::Call;

use super::options::Arguments;
use crate::error::RootfsError;
use crate::finalize::{CallSite, Context, Finalizer, Report};
use crate::scripts::ScannedScript;
use crate::tree::Tree;

/// Copies what postinst scripts copy by literal calls of `ucf SOURCE TARGET`, `cp SOURCE TARGET` and `install SOURCE TARGET`, where nothing
/// lies at the target yet.
///
/// The source may be a file that the image itself does not hold ([`sources_of`]). Many scripts let debconf change a copy before
/// ucf puts it into place (`cp SOURCE "$new"; ucf "$new" TARGET`): then the unchanged source is taken, which is what the answers that
/// debconf has from the package lead to. A source that such a script rewrites on the way (sed) is not taken.
#[derive(Clone, Copy, Debug, Default)]
pub struct CopiesFinalizer;

/// One file that a script copies.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Copy {
    source: RootPath,
    target: RootPath,
    /// The mode that the script gives the copy.
    mode: Option<u32>,
    /// The calls that make it: one, or two with a temporary file between them.
    sites: Vec<CallSite>,
}

/// What the scripts of a package would copy, as (source, target): whoever selects files sees to it that the contents of the
/// sources can be read, whether the sources are selected or not.
pub fn sources_of(metadata: &ArchiveMetadata) -> Vec<(RootPath, RootPath)> {
    let scripts = ScannedScript::of(metadata);
    let copies = scripts.iter().flat_map(copies);
    copies.map(|copy| (copy.source, copy.target)).collect()
}

/// Whether a path is one that finalizers read wherever it lies: the templates and profiles of pam-auth-update(8), and the
/// certificate authorities.
pub fn is_template(path: &RootPath) -> bool {
    let path = path.as_bytes();
    let certificate = path.starts_with(b"usr/share/ca-certificates/") && path.ends_with(b".crt");
    let pam = path.starts_with(b"usr/share/pam/common-") && !path.ends_with(b".md5sums");
    certificate || pam || path.starts_with(b"usr/share/pam-configs/")
}

impl Finalizer for CopiesFinalizer {
    fn name(&self) -> &'static str {
        "copies"
    }

    fn run(
        &self,
        context: &Context<'_>,
        tree: &mut Tree,
        _: &mut MemoryContents,
    ) -> Result<Report, RootfsError> {
        let mut report = Report::new(self.name());
        for script in context.scripts {
            for copy in copies(script) {
                copy_one(context, tree, &mut report, copy)?;
            }
            for (site, call) in script.installing() {
                if let Some(reason) = nothing(call, tree) {
                    report.irrelevant.insert(site, reason.to_owned());
                }
            }
        }
        Ok(report)
    }
}

fn copy_one(
    context: &Context<'_>,
    tree: &mut Tree,
    report: &mut Report,
    copy: Copy,
) -> Result<(), RootfsError> {
    let mut target = copy.target;
    let mut outcome = |sites: Vec<CallSite>, reason: Option<&str>| {
        for site in sites {
            match reason {
                Some(reason) => {
                    report.irrelevant.insert(site, reason.to_owned());
                }
                None => {
                    report.covered.insert(site);
                }
            }
        }
    };
    if target.as_bytes().starts_with(b"etc/apparmor.d/") {
        outcome(copy.sites, Some("an image brings no kernel policy"));
        return Ok(());
    }
    let directory = tree
        .lookup(&target)
        .is_some_and(|node| node.entry.is_directory());
    if directory {
        target = target.join(copy.source.file_name().unwrap_or_default())?;
    }
    if tree.lookup(&target).is_some() {
        outcome(copy.sites, Some("something lies there already"));
        return Ok(());
    }
    let (Some(source), Ok(at)) = (
        context.source(tree, &copy.source),
        tree.follow(&target, false),
    ) else {
        return Ok(());
    };
    let blocked = {
        let mut above = at.ancestors().filter_map(|above| tree.get(&above));
        above.any(|node| !node.entry.is_directory())
    };
    if blocked {
        return Ok(());
    }
    let kind = EntryKind::File {
        size: source.entry.size(),
    };
    let mode = copy.mode.unwrap_or(source.entry.mode & 0o777);
    let mut entry = Entry::new(at, kind, mode);
    entry.mtime = tree.epoch();
    outcome(copy.sites, None);
    report.place(tree, entry, Some(source.content))
}

/// Why a call beside the copies has no effect, where that is so.
fn nothing(call: &Call, tree: &Tree) -> Option<&'static str> {
    match call.name() {
        // It only remembers which package a configuration file belongs to.
        "ucfr" => Some("an image has no database of ucf"),
        "mv" => {
            let operands = Arguments::of(call, &["-t", "-S"]).literal_operands()?;
            let [from, _] = operands.as_slice() else {
                return None;
            };
            let from = RootPath::new(from.as_bytes()).ok()?;
            let absent = tree.follow(&from, false).ok();
            let absent = absent.is_none_or(|at| tree.get(&at).is_none());
            absent.then_some("what it moves is not in the image")
        }
        _ => None,
    }
}

/// What a script copies when the package is installed anew, in order.
fn copies(script: &ScannedScript) -> Vec<Copy> {
    let mut all = Vec::new();
    if script.script.contains("pre") {
        return all;
    }
    // Temporary files, by the word that names them: `$new`.
    let mut temporary: BTreeMap<&str, (RootPath, CallSite)> = BTreeMap::new();
    for (site, call) in script.installing() {
        let Some((arguments, mode)) = copying(call) else {
            forget(&mut temporary, call);
            continue;
        };
        let [from, to] = arguments.operands.as_slice() else {
            continue;
        };
        let source = match (path(from), temporary.get(from.text.as_str())) {
            (Some(source), _) => Some((source, None)),
            (None, Some((source, first))) => Some((source.clone(), Some(first.clone()))),
            (None, None) => None,
        };
        let Some((source, first)) = source else {
            continue;
        };
        if let Some(target) = path(to) {
            all.push(Copy {
                source,
                target,
                mode,
                sites: first.into_iter().chain([site]).collect(),
            });
        } else if to.text.starts_with('$') {
            temporary.insert(&to.text, (source, site));
        }
    }
    all
}

/// A temporary file that something else writes is not the copy any more; a change in place depends on an answer of debconf.
fn forget(temporary: &mut BTreeMap<&str, (RootPath, CallSite)>, call: &Call) {
    for word in &call.writes {
        temporary.remove(word.text.as_str());
    }
}

/// The operands of a copy of one file, with the mode that it gets.
fn copying(call: &Call) -> Option<(Arguments<'_>, Option<u32>)> {
    if !call.writes.is_empty() {
        return None;
    }
    match call.name() {
        "ucf" => {
            let valued = [
                "--debconf-template",
                "--src-dir",
                "--sum-file",
                "--state-dir",
                "-s",
            ];
            let arguments = Arguments::of(call, &valued);
            (!arguments.has(&["-p", "--purge"])).then_some((arguments, None))
        }
        "cp" => {
            let arguments = Arguments::of(call, &["-t", "-S", "--suffix", "--target-directory"]);
            let whole = ["-r", "-R", "--recursive", "-t", "--target-directory"];
            let links = ["-d", "-l", "-s", "--link", "--symbolic-link"];
            (!arguments.has(&whole) && !arguments.has(&links)).then_some((arguments, None))
        }
        "install" => {
            let valued = [
                "-m", "--mode", "-o", "--owner", "-g", "--group", "-t", "-S", "--suffix",
            ];
            let arguments = Arguments::of(call, &valued);
            // Owners are names: what belongs to others than root stays uncovered.
            if arguments.has(&["-d", "--directory", "-t", "-o", "--owner", "-g", "--group"]) {
                return None;
            }
            let mode = arguments.value(&["-m", "--mode"]).unwrap_or("755");
            let mode = u32::from_str_radix(mode, 8).ok()?;
            (mode <= 0o7777).then_some((arguments, Some(mode)))
        }
        _ => None,
    }
}

fn path(word: &mikron_shell::Word) -> Option<RootPath> {
    let absolute = word.literal && word.text.starts_with('/');
    let path = RootPath::new(word.text.as_bytes()).ok();
    path.filter(|path| absolute && !path.is_root())
}
