//! What chosen files name among their constants: programs, libraries and plugins that no dynamic section states.
//!
//! A word proves nothing by itself: of a thousand that are the name of some library, forty mean it. It counts where the package
//! that has the thing is a dependency of the one that names it, which is why it is one.

use std::rc::Rc;

use mikron_facts::languages::is_interpreter_of_scripts;
use mikron_facts::{Class, ScriptFacts, Words, is_in_bin_dir};

use super::loader::runs_on;
use super::names::{Reach, Thing, is_named_after};
use super::packages::Nature;
use super::state::State;
use super::tree::parent;
use super::{FileRef, Reason, Role};

/// Commands of essential packages, on which nobody depends: those that are started from programs, and whose names are no words of
/// other meanings.
const ESSENTIAL: [&str; 16] = [
    "awk", "bzip2", "chmod", "chown", "cp", "grep", "gunzip", "gzip", "ln", "mkdir", "mktemp",
    "mv", "rm", "rmdir", "sed", "tar",
];

/// Those of them that C calls functions by: messages and tables of options have these words, and commands have arguments.
const FUNCTIONS: [&str; 5] = ["chmod", "chown", "mkdir", "mktemp", "rmdir"];

/// Takes commands that every installation has where a root's program starts them: it has the path of one among its constants,
/// or the name and the function that hands command lines to a shell; or it is a script whose texts say so, and the image starts
/// it or the spec names nothing that is started.
fn search_essential(state: &mut State<'_>, by: FileRef) {
    let facts = state.facts(by);
    let elf = facts.elf.as_deref().filter(|elf| elf.is_executable());
    let words = elf.and_then(|elf| elf.words.as_ref());
    let mut imports = elf.into_iter().flat_map(|elf| &elf.imports);
    let shell = imports.any(|import| matches!(import.name.as_str(), "system" | "popen"));
    let script = facts.class == Class::Bins
        && (state.known.wanted.programs.is_empty() || state.started.scripts.contains(&by));
    let text = facts.names.as_ref().filter(|_| script);
    let named = |name: &&str| {
        let is_constant = |words: &Words| {
            words.contains(&format!("bin/{name}"))
                || words.contains(&format!("usr/bin/{name}"))
                || (shell && !FUNCTIONS.contains(name) && words.contains(name))
                || (shell && words.contains(&format!("{name} -")))
        };
        words.is_some_and(is_constant) || text.is_some_and(|text| text.starts(name))
    };
    let mut commands: Vec<&str> = ESSENTIAL.into_iter().filter(named).collect();
    if commands.is_empty() || !state.is_root_or_sibling(by) {
        return;
    }
    if shell {
        commands.push("sh");
    }
    for command in commands {
        let reason = Reason::Called {
            by,
            command: command.to_owned(),
        };
        if state.present(command).is_none() && !state.choose_command(command, &reason) {
            state.want_command(command);
        }
    }
}

/// Follows the names in a chosen file.
pub(super) fn search(state: &mut State<'_>, by: FileRef) {
    search_essential(state, by);
    let facts = state.facts(by);
    let elf = facts.elf.as_deref();
    let elf = elf.filter(|elf| runs_on(elf, state.known.wanted.platform));
    let words: Vec<(&Words, bool)> = [
        elf.and_then(|elf| elf.words.as_ref()).map(|w| (w, false)),
        facts.names.as_ref().map(|words| (words, true)),
    ]
    .into_iter()
    .flatten()
    .collect();
    let (mut programs, mut libraries) = (Vec::new(), Vec::new());
    let (mut begun, mut files, mut tools) = (Vec::new(), Vec::new(), Vec::new());
    let mut places: Vec<(usize, Rc<[u8]>)> = Vec::new();
    let own_name = facts.entry.path.file_name().unwrap_or_default();
    for (words, text) in words {
        for thing in words
            .iter()
            .filter_map(|hash| state.names.things.get(&hash))
            .flatten()
        {
            match thing {
                Thing::Program(file) if !text => programs.push(*file),
                Thing::Started(file) => programs.push(*file),
                Thing::Tool(file, machine) if is_named_after(own_name, machine) => {
                    tools.push(*file);
                }
                Thing::Library(file) => libraries.push(*file),
                Thing::Stem(file) if text => libraries.push(*file),
                Thing::File(file) if is_whole(state, words, *file) => files.push(*file),
                Thing::Begun(file) => begun.push(*file),
                Thing::Place(package, place) => places.push((*package, Rc::clone(place))),
                _ => {}
            }
        }
    }
    let found = [&programs, &libraries, &begun, &files, &tools];
    if places.is_empty() && found.iter().all(|files| files.is_empty()) {
        return;
    }
    let reach = reach(state, by.package);
    // The C library begins the names of the sources of users and hosts.
    begun.retain(|file| {
        let path = state.facts(*file).entry.path.as_bytes();
        reach.near.contains(&file.package) && !state.known.rules.keeps(path)
    });
    libraries.append(&mut begun);
    let source = &state.known.packages[by.package].source;
    // What a program reads of other packages beyond their data is said for people.
    files.retain(|file| state.known.packages[file.package].source == *source);
    // The loader searches run paths for what is linked, and for nothing else.
    let is_run_path = |place: &[u8]| {
        let paths = elf
            .into_iter()
            .flat_map(|elf| elf.rpath.iter().chain(&elf.runpath));
        let mut paths = paths.map(|path| path.trim_matches('/').as_bytes());
        paths.any(|path| *state.known.tree.normal(path) == *place)
    };
    places.retain(|(_, place)| !is_run_path(place));
    for (package, place) in places {
        let own = state.known.packages[package].source == *source;
        let near = reach.near.contains(&package);
        if state
            .names
            .noted
            .insert((package, Rc::clone(&place), own, near))
        {
            state.names.places.push((by, package, place));
        }
    }
    // Programs that lie where only those of their own source look are called by those alone.
    programs.retain(|file| {
        let path = state.path(*file);
        let own = state.known.packages[file.package].source == *source;
        let provider = state.known.packages[file.package].role == Role::Provider;
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let part = !provider || (file.package == by.package && is_named_after(name, own_name));
        reach.near.contains(&file.package) && part && (own || is_in_bin_dir(&path))
    });
    tools.retain(|file| reach.near.contains(&file.package));
    programs.extend(tools);
    libraries.retain(|file| {
        let found = state.facts(*file);
        let name = found.entry.path.file_name().unwrap_or_default();
        // What is linked or stands in a note is found by the loader's search, and what a rule keeps to itself comes by that.
        let stated = elf.is_some_and(|elf| {
            let linked = elf
                .needed
                .iter()
                .chain(&elf.filters)
                .chain(&elf.auxiliaries);
            let notes = elf.dlopen.iter().flat_map(|note| &note.sonames);
            let mut stated = linked.chain(notes).chain(&elf.soname);
            stated.any(|stated| stated.as_bytes() == name)
        });
        let near = reach.near.contains(&file.package);
        let there = near || (reach.all.contains(&file.package) && found.class != Class::Modules);
        let fits = match (&found.elf, elf) {
            (Some(found), Some(elf)) => found.fits(elf),
            (Some(found), None) => runs_on(found, state.known.wanted.platform),
            (None, _) => true,
        };
        there && fits && !stated && !state.known.rules.keeps_library(name)
    });
    for file in programs.into_iter().chain(libraries).chain(files) {
        take_named(state, by, file);
    }
}

/// Whether words hold the path of a file or of its directory.
fn is_whole(state: &State<'_>, words: &Words, file: FileRef) -> bool {
    let path = state.path(file);
    let has = |path: &[u8]| std::str::from_utf8(path).is_ok_and(|path| words.contains(path));
    has(&path) || has(parent(&path))
}

/// Takes a program or library that a file names, with the links on the way to it.
fn take_named(state: &mut State<'_>, by: FileRef, file: FileRef) {
    if state.reason(file).is_some() || state.is_removed(file) {
        return;
    }
    let facts = state.facts(file);
    let path = state.path(file).into_owned();
    let name = facts.entry.path.file_name().unwrap_or_default();
    let name = String::from_utf8_lossy(name).into_owned();
    if facts.class == Class::Bins {
        // As with scripts: none brings an interpreter of another language. A script for the shell that its own package keeps
        // for itself is half of the program that names it (postfix-script).
        let private = file.package == by.package && !is_in_bin_dir(&path);
        let for_shell = facts.script.as_deref().is_some_and(ScriptFacts::is_shell);
        let foreign = match state.script_program(file) {
            Some(program) => !(private && for_shell) && state.present(&program).is_none(),
            None => is_interpreter_of_scripts(&path),
        };
        if !foreign {
            let _ = state.choose_path(&path, &Reason::Called { by, command: name });
        }
    } else {
        let _ = state.choose_path(&path, &Reason::Named { by, name });
    }
}

/// Takes modules that lie where a chosen file looks for them, of packages that are in the image or that its own depends on;
/// and of its own package the data, where that has nothing but libraries beside them.
pub(super) fn take_places(state: &mut State<'_>) {
    let places = std::mem::take(&mut state.names.places);
    let mut waiting = Vec::new();
    for (by, package, place) in places {
        let own = state.known.packages[package].source == state.known.packages[by.package].source;
        let near = own || reach(state, by.package).near.contains(&package);
        if !near && state.chosen.first[package].is_none() {
            waiting.push((by, package, place));
            continue;
        }
        let name = format!("/{}", String::from_utf8_lossy(&place));
        for (file, facts) in state.files(package) {
            let data = own && matches!(facts.class, Class::Data | Class::Config);
            if facts.entry.is_directory() || !(data || facts.class == Class::Modules) {
                continue;
            }
            let path = state.path(file);
            let rest = path.strip_prefix(&*place);
            if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/")) {
                let name = name.clone();
                state.choose_in_bulk(file, Reason::Named { by, name });
            }
        }
    }
    state.names.places = waiting;
}

fn reach(state: &mut State<'_>, package: usize) -> Rc<Reach> {
    if let Some(known) = state.names.reach.get(&package) {
        return Rc::clone(known);
    }
    let mut reach = Reach::default();
    let mut open = vec![package];
    if state.known.packages[package].role == Role::Files {
        // What the spec adds is at home in all that it names.
        let roots = state.known.packages.iter().enumerate();
        let roots = roots.filter(|(_, input)| matches!(input.role, Role::Root { .. }));
        open.extend(roots.map(|(root, _)| root));
        reach.near.extend(&open);
    }
    while let Some(at) = open.pop() {
        if reach.all.insert(at) {
            open.extend(state.known.packages[at].requires.iter().map(|edge| edge.to));
        }
    }
    let source = &state.known.packages[package].source;
    // A package without files says which of its source belong together: `gnupg` depends on gpg and on gpg-agent.
    for (at, input) in state.known.packages.iter().enumerate() {
        let meta = input.source == *source
            && state.known.summaries[at].nature == Nature::Transparent
            && input.requires.iter().any(|edge| edge.to == package);
        if meta {
            let beside = input.requires.iter().map(|edge| edge.to);
            reach
                .all
                .extend(beside.filter(|to| state.known.packages[*to].source == *source));
        }
    }
    let of_source = reach
        .all
        .iter()
        .filter(|at| state.known.packages[**at].source == *source);
    let mut open: Vec<usize> = of_source.copied().collect();
    reach.near.extend(&open);
    while let Some(at) = open.pop() {
        for edge in &state.known.packages[at].requires {
            let transparent = state.known.summaries[edge.to].nature == Nature::Transparent;
            if reach.near.insert(edge.to) && transparent {
                open.push(edge.to);
            }
        }
    }
    let reach = Rc::new(reach);
    state.names.reach.insert(package, Rc::clone(&reach));
    reach
}
