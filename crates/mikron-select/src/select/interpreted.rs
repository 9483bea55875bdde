//! How code of interpreted languages gets into an image.
//!
//! Code does nothing without its interpreter. Where a root is code, the interpreter among its dependencies comes with it; and
//! what code depends on is followed from package to package as imports would be, whatever else those packages have.

use std::collections::{HashSet, VecDeque};

use mikron_facts::languages::{
    LANGUAGES, Language, code_of, emulator, interpreter_at, is_interpreter,
};
use mikron_facts::{Class, is_in_bin_dir};

use super::packages::Nature;
use super::state::{Bulk, State};
use super::{FileRef, Reason, Role};

/// Notes an interpreter that was chosen, or the language of a script.
pub(super) fn note_language(state: &mut State<'_>, file: FileRef) {
    let facts = state.facts(file);
    let path = facts.entry.path.as_bytes();
    if let Some(elf) = &facts.elf
        && let Some(name) = interpreter_at(path)
    {
        // A server loads the interpreter as a module of its own: libphp8.2.so.
        let library = facts.entry.path.file_name().unwrap_or_default();
        let linked = facts.class == Class::Libs
            || (facts.class == Class::Modules && library.starts_with(b"lib"));
        if elf.is_executable() || linked {
            state.languages.interpreters.entry(name).or_insert(file);
        }
    }
    if facts.class == Class::Bins
        && let Some(script) = &facts.script
        && let Some(name) = interpreter_at(script.program().as_bytes())
    {
        state.languages.spoken.insert((file.package, name));
    }
    // The package ruby has a link to the interpreter in ruby3.1, and depends on code that every program of Ruby begins with.
    if facts.link_target().is_some()
        && is_in_bin_dir(&super::merged(path))
        && let Some(name) = facts.entry.path.file_name()
        && let Some(language) = LANGUAGES.iter().find(|own| is_interpreter(name, own))
    {
        state.languages.spoken.insert((file.package, language.name));
    }
}

/// Brings the interpreters of roots that are code, where the image has none so far.
pub(super) fn bring_interpreters(state: &mut State<'_>) {
    for package in 0..state.known.packages.len() {
        if state.chosen.bulk[package] != Bulk::Root {
            continue;
        }
        let Some(by) = state.chosen.first[package] else {
            continue;
        };
        for language in state.known.summaries[package].languages.clone() {
            if !is_for_code(state, package, language) {
                continue;
            }
            let brought = interpreter_for(state, package, language);
            // Of an emulator a library or a part may be there that cannot be started: what starts it is asked for.
            let is_there = match emulator(language) {
                Some(_) => brought.iter().all(|file| state.reason(*file).is_some()),
                None => is_interpreted(state, language),
            };
            if is_there {
                continue;
            }
            for file in brought {
                state.languages.engines.insert(file.package);
                let interpreter = language.to_owned();
                state.choose(file, Reason::Code { by, interpreter });
            }
        }
    }
}

/// Whether a root is there for its code. Who extends an emulator is so with a compiled program beside the code too, where the spec
/// names no program and the package depends on the emulator.
fn is_for_code(state: &State<'_>, package: usize, language: &str) -> bool {
    let extends = || {
        let mut programs = emulator(language).into_iter().flat_map(Language::programs);
        state.known.wanted.programs.is_empty() && programs.any(|name| state.states(package, name))
    };
    !state.known.summaries[package].compiled_on_path || extends()
}

/// Whether the image runs code of a language: by a program, or by a program of a root that is linked with the interpreter.
fn is_interpreted(state: &State<'_>, language: &str) -> bool {
    let program = |file: &FileRef| state.facts(*file).class == Class::Bins;
    state
        .languages
        .interpreters
        .get(language)
        .is_some_and(|file| {
            program(file)
                || (0..state.known.packages.len()).any(|package| starts_itself(state, package))
        })
}

/// Whether a package is a root with a compiled program.
fn starts_itself(state: &State<'_>, package: usize) -> bool {
    state.chosen.bulk[package] == Bulk::Root && state.is_compiled(package)
}

/// The programs that interpret a language, of the package that has some and is nearest among the dependencies.
fn interpreter_for(state: &State<'_>, package: usize, name: &str) -> Vec<FileRef> {
    let Some(language) = LANGUAGES.iter().find(|language| language.name == name) else {
        return Vec::new();
    };
    let mut queue = VecDeque::from([package]);
    let mut seen = HashSet::from([package]);
    while let Some(at) = queue.pop_front() {
        let programs = state.files(at).filter(|(file, facts)| {
            let path = facts.entry.path.as_bytes();
            let name = facts.entry.path.file_name().unwrap_or_default();
            facts.class == Class::Bins
                && !facts.entry.is_directory()
                && is_interpreter(name, language)
                && (facts.elf.is_some() || is_in_bin_dir(path))
                && !state.is_removed(*file)
        });
        let found: Vec<FileRef> = programs.map(|(file, _)| file).collect();
        if !found.is_empty() {
            return found;
        }
        for edge in &state.known.packages[at].requires {
            if seen.insert(edge.to) {
                queue.push_back(edge.to);
            }
        }
    }
    Vec::new()
}

/// The language in which a package goes on with another's code: a root does so in any, the package of an interpreter in its
/// own, and code in that which it is written in.
pub(super) fn common_language(
    state: &State<'_>,
    package: usize,
    code: usize,
) -> Option<&'static str> {
    let root = state.chosen.bulk[package] == Bulk::Root;
    let source = &state.known.packages[package].source;
    let own = |language: &&&'static str| {
        let interpreter = state.languages.interpreters.get(**language);
        root || state.known.summaries[package].languages.contains(*language)
            || state.languages.spoken.contains(&(package, **language))
            || interpreter.is_some_and(|file| state.known.packages[file.package].source == *source)
    };
    state.known.summaries[code]
        .languages
        .iter()
        .find(own)
        .copied()
}

/// The language whose interpreter is in the image and of the same source as a package.
pub(super) fn language_of_source(state: &State<'_>, package: usize) -> Option<&'static str> {
    let source = &state.known.packages[package].source;
    let mut interpreters = state.languages.interpreters.iter();
    let own = interpreters.find(|(_, file)| state.known.packages[file.package].source == *source);
    own.map(|(language, _)| *language)
}

/// Takes the code that waits for interpreters that have come.
pub(super) fn awaited_code(state: &mut State<'_>) {
    for (package, language, reason) in std::mem::take(&mut state.waiting.code) {
        if state.languages.interpreters.contains_key(language) {
            as_code(state, package, &reason);
        } else {
            state.waiting.code.push((package, language, reason));
        }
    }
}

/// Takes the code that lies beside a chosen library in its package, where the image interprets it: an interpreter that is a
/// library reads its own when it starts (`init.tcl` beside `libtcl8.6.so`), and so do libraries for it (`tk.tcl`).
pub(super) fn own_code(state: &mut State<'_>, package: usize) {
    let summary = &state.known.summaries[package];
    if summary.languages.is_empty() || summary.nature != Nature::Library {
        return;
    }
    let library = |entry: &usize| {
        state.known.packages[package].facts.files[*entry].class == Class::Libs
            && state.chosen.reasons[package][*entry].is_some()
    };
    if !(0..state.chosen.reasons[package].len()).any(|entry| library(&entry)) {
        return;
    }
    for language in summary.languages.clone() {
        if let Some(by) = state.languages.interpreters.get(language).copied() {
            let reason = Reason::Interpreted { by };
            state.choose_all(package, &reason, |file| code_of(file) == Some(language));
        }
    }
}

/// Takes a package for its code: with it all that is no program, and programs that nobody but the package itself starts.
fn as_code(state: &mut State<'_>, package: usize, reason: &Reason) {
    if matches!(state.chosen.bulk[package], Bulk::Root | Bulk::Whole)
        || matches!(
            state.known.packages[package].role,
            Role::Given | Role::Provider
        )
    {
        return;
    }
    state.chosen.bulk[package] = Bulk::Data { source: true };
    state.languages.coded.push(package);
    state.choose_all(package, reason, |file| {
        matches!(
            file.class,
            Class::Config | Class::Data | Class::Modules | Class::Source
        )
    });
    state.choose_private_programs(package, reason);
    state.choose_empty_dirs(package, reason);
}

/// Whether a file is code of a language that the image is about: a root's interpreter runs it, or a root is written in it.
pub(super) fn is_extension_of_root(state: &State<'_>, file: FileRef) -> bool {
    let Some(language) = code_of(state.facts(file)) else {
        return false;
    };
    let interpreter = state.languages.interpreters.get(language);
    interpreter.is_some_and(|file| state.is_root_or_sibling(*file))
        || (0..state.known.packages.len()).any(|package| {
            state.chosen.bulk[package] == Bulk::Root
                && (state.known.summaries[package].languages.contains(&language)
                    || state.languages.spoken.contains(&(package, language)))
                && !state.known.summaries[package].compiled_on_path
        })
}
