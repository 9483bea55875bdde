//! What one chosen file needs: link targets, interpreters, libraries, and what the rules add.

use std::sync::Arc;

use mikron_facts::{Class, DlopenPriority, ElfFacts, is_in_bin_dir};

use super::loader::{Lookup, runs_on};
use super::state::State;
use super::tree::Unresolved;
use super::{FileRef, Found, Loader, MissingCause, Reason, Role, Token, calls};

pub(super) fn drain(state: &mut State<'_>) {
    while let Some((file, run_path)) = state.chosen.queue.pop_front() {
        let new = if run_path.is_empty() {
            !std::mem::replace(&mut state.seen.walked[file.package][file.entry], true)
        } else {
            state
                .seen
                .walked_below
                .insert((file, Arc::clone(&run_path)))
        };
        if new {
            walk(state, file, &run_path);
        }
    }
}

/// Follows what one chosen file needs.
fn walk(state: &mut State<'_>, file: FileRef, run_path: &Arc<[String]>) {
    let facts = state.facts(file);
    let path = state.path(file);
    if facts.link_target().is_some() {
        match state.known.tree.resolve(&path) {
            Ok(resolved) => {
                // The way begins with the directory links before this one, and with this one.
                let at = resolved.links.iter().position(|link| *link == file);
                let rest = at.map_or(&[][..], |at| &resolved.links[at + 1..]);
                state.choose_way(rest, resolved.end, Reason::Link { by: file }, run_path);
            }
            Err(Unresolved::Loop) => {
                let token = Token::Path(facts.entry.path.to_string());
                state.miss(token, Some(file), MissingCause::LinkLoop);
            }
            Err(Unresolved::Absent(at)) => {
                if !is_made_at_run_time(&at) {
                    let cause = state.why_absent(&at);
                    let token = Token::Path(format!("/{}", String::from_utf8_lossy(&at)));
                    state.miss(token, Some(file), cause);
                }
            }
        }
        return;
    }
    if let Some(target) = facts.hard_link_target() {
        let target = target.as_bytes();
        let files = &state.known.packages[file.package].facts.files;
        let same = |at: &usize| files[*at].entry.path.as_bytes() == target;
        if let Some(entry) = (0..file.entry).rev().find(same) {
            state.choose(FileRef { entry, ..file }, Reason::HardLink { by: file });
        }
    }
    if let Some(elf) = facts.elf.as_deref()
        && runs_on(elf, state.known.wanted.platform)
    {
        walk_elf(state, file, elf, &path, run_path);
    }
    walk_script(state, file);
}

/// Follows what a chosen script needs, where somebody starts it.
fn walk_script(state: &mut State<'_>, file: FileRef) {
    let facts = state.facts(file);
    let Some(script) = &facts.script else { return };
    let own = state.known.packages[file.package].role == Role::Files;
    if facts.entry.mode & 0o111 == 0 || !(own || is_started(state, file)) {
        return;
    }
    let reason = Reason::Script {
        by: file,
        program: script.program().to_owned(),
    };
    if let Err(cause) = state.choose_path(script.interpreter.as_bytes(), &reason) {
        state.miss(Token::Path(script.interpreter.clone()), Some(file), cause);
    }
    let program = script.program();
    if !program.contains('/') && !state.choose_command(program, &reason) {
        let token = Token::Command(program.to_owned());
        state.miss(token, Some(file), MissingCause::Absent);
    }
    calls::calls(state, file, script);
}

/// Notes that something names a file to be run or read by a shell. One that was chosen before is looked at once more.
pub(super) fn note_named(state: &mut State<'_>, file: FileRef) {
    if state.facts(file).script.is_some()
        && state.started.scripts.insert(file)
        && state.reason(file).is_some()
    {
        walk_script(state, file);
    }
}

/// Whether somebody starts a script: something names it, wherever it lies, or it is a program and did not come with a whole
/// package that keeps it where nobody looks (examples and tests, whose interpreters nobody asked for).
fn is_started(state: &State<'_>, file: FileRef) -> bool {
    let facts = state.facts(file);
    if state.started.scripts.contains(&file) {
        return true;
    }
    let whole = matches!(state.reason(file), Some(Reason::Package { .. }));
    let path = state.path(file);
    match facts.class {
        Class::Bins => !whole || is_in_bin_dir(&path),
        // `/usr/bin/tool -> ../share/nodejs/tool/cli.js`: code that is called as a program.
        Class::Source | Class::Data => is_linked_as_program(state, file),
        _ => false,
    }
}

/// Whether a chosen link of the same package, where programs lie, leads to a file.
fn is_linked_as_program(state: &State<'_>, file: FileRef) -> bool {
    state.files(file.package).any(|(at, link)| {
        link.link_target().is_some() && state.reason(at).is_some() && {
            let path = state.path(at);
            is_in_bin_dir(&path) && state.end(&path) == Some(Found::Entry(file))
        }
    })
}

fn walk_elf<'a>(
    state: &mut State<'a>,
    file: FileRef,
    elf: &'a ElfFacts,
    path: &[u8],
    above: &Arc<[String]>,
) {
    if let Some(interpreter) = &elf.interpreter {
        // Libraries that can be started by themselves (libc.so.6) name their loader, too; loaded, they do not need it.
        let reason = Reason::Interpreter { by: file };
        if elf.is_executable()
            && let Err(cause) = state.choose_path(interpreter.as_bytes(), &reason)
        {
            state.miss(Token::Path(interpreter.clone()), Some(file), cause);
        }
    }
    let below: Arc<[String]> = Loader::inherited(elf, path, above).into();
    for soname in elf.filters.iter().chain(&elf.needed) {
        let reason = Reason::Needed {
            by: file,
            soname: soname.clone(),
        };
        library(state, file, elf, path, above, &below, soname, reason);
    }
    let found = |state: &State<'_>, name: &String| {
        !matches!(
            state
                .known
                .loader
                .find(&state.known.tree, name, elf, path, above),
            Lookup::Absent(_)
        )
    };
    // What the file does without is taken where it is at hand; what it suggests is only listed.
    for soname in &elf.auxiliaries {
        if found(state, soname) {
            let reason = Reason::Needed {
                by: file,
                soname: soname.clone(),
            };
            library(state, file, elf, path, above, &below, soname, reason);
        }
    }
    for note in &elf.dlopen {
        let name = note.sonames.iter().find(|name| found(state, name));
        let name = match note.priority {
            DlopenPriority::Required => name.or(note.sonames.first()),
            DlopenPriority::Recommended => name,
            DlopenPriority::Suggested => None,
        };
        if let Some(name) = name {
            let reason = Reason::Dlopen {
                by: file,
                soname: name.clone(),
            };
            library(state, file, elf, path, above, &below, name, reason);
        }
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "one look-up with all that the loader knows"
)]
pub(super) fn library(
    state: &mut State<'_>,
    by: FileRef,
    elf: &ElfFacts,
    path: &[u8],
    above: &[String],
    below: &Arc<[String]>,
    soname: &str,
    reason: Reason,
) {
    match state
        .known
        .loader
        .find(&state.known.tree, soname, elf, path, above)
    {
        Lookup::Found {
            resolved,
            file,
            cached_dir,
        } => {
            if !above.is_empty() {
                state.seen.inherited.insert((by, soname.to_owned()));
            }
            if let Some(dir) = cached_dir
                && !state.chosen.loader_dirs.contains(&dir)
            {
                // The cache is made from the file that names the directory.
                if let Some(conf) = state.find(|facts| facts.loader_dirs.contains(&dir)) {
                    state.choose(conf, reason.clone());
                }
                state.chosen.loader_dirs.push(dir);
            }
            state.choose_way(&resolved.links, Found::Entry(file), reason, below);
        }
        Lookup::Provided => {}
        Lookup::Absent(wrong) => {
            // A private library of the same package is loaded by the program itself before this one (libjvm.so).
            let elsewhere = elsewhere(state, soname, elf);
            let source = &state.known.packages[by.package].source;
            let own = |file: &&FileRef| state.known.packages[file.package].source == *source;
            if let Some(own) = elsewhere.iter().find(own).copied() {
                state.choose_below(own, reason, below);
                return;
            }
            let paths = elsewhere.iter().map(|f| state.facts(*f).entry.path.clone());
            let paths: Vec<_> = paths.collect();
            let cause = match wrong {
                _ if !paths.is_empty() => MissingCause::Elsewhere { paths },
                Some(file) => MissingCause::WrongMachine {
                    path: state.facts(file).entry.path.clone(),
                },
                None => removed_library(state, soname),
            };
            state.miss(Token::Soname(soname.to_owned()), Some(by), cause);
        }
    }
}

fn removed_library(state: &State<'_>, soname: &str) -> MissingCause {
    let name = soname.as_bytes();
    let is_it = |f: &&FileRef| state.facts(**f).entry.path.file_name() == Some(name);
    match state.known.removed.iter().filter(is_it).min() {
        Some(file) => MissingCause::Removed {
            path: state.facts(*file).entry.path.clone(),
        },
        None => MissingCause::Absent,
    }
}

/// Libraries of a name that lie where the loader does not look.
fn elsewhere(state: &State<'_>, soname: &str, elf: &ElfFacts) -> Vec<FileRef> {
    let by_name = state
        .known
        .by_name
        .get_or_init(|| state.known.tree.shared_objects());
    let candidates = by_name.get(soname.as_bytes()).cloned().unwrap_or_default();
    let fits = |file: &FileRef| {
        let path = state.path(*file);
        let found = match state.end(&path) {
            Some(Found::Entry(end)) => state.facts(end).elf.as_ref(),
            _ => None,
        };
        found.is_some_and(|found| found.fits(elf))
    };
    candidates.into_iter().filter(fits).collect()
}

/// Whether a link may point there though nothing of an image lies there: what the engine mounts or a program makes.
pub fn is_made_at_run_time(path: &[u8]) -> bool {
    [
        &b"proc/"[..],
        b"dev/",
        b"run/",
        b"sys/",
        b"tmp/",
        b"var/run/",
    ]
    .iter()
    .any(|top| path.starts_with(top) || path == &top[..top.len() - 1])
}
