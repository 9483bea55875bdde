//! Programs beside the one that the image starts: another package of the same source has them, and the program may call them.
//!
//! `php8.2-fpm` depends on `php8.2-cli`, whose program does the same work for a terminal, and never starts it. `gpg` depends on
//! `gpgconf`, and starts it by a path among its constants. What tells them apart is the name.

use mikron_facts::{Class, is_in_bin_dir};

use super::FileRef;
use super::state::State;
use super::{Found, Reason};

/// Whether the image starts a program of `root`, and none of `other`, which is of the same source.
pub(super) fn is_companion(state: &State<'_>, root: usize, other: usize) -> bool {
    is_started_from(state, root) && !is_started_from(state, other)
}

/// Whether the image starts a program that lies in a package, or that one of its links leads to.
fn is_started_from(state: &State<'_>, package: usize) -> bool {
    state
        .started
        .programs
        .iter()
        .any(|file| file.package == package)
}

/// Notes the files on the way to a program that the image starts.
pub(super) fn note_start(state: &mut State<'_>, word: &str) {
    let paths = if word.contains('/') {
        vec![word.trim_start_matches('/').to_owned()]
    } else {
        super::state::PATH
            .map(|dir| format!("{dir}/{word}"))
            .to_vec()
    };
    let resolved = paths
        .iter()
        .find_map(|path| state.known.tree.resolve(path.as_bytes()).ok());
    let Some(resolved) = resolved else { return };
    state.started.programs.extend(resolved.links);
    if let Found::Entry(end) = resolved.end {
        state.started.programs.push(end);
    }
}

/// Takes what belongs to the whole source: data, configuration, modules, code, and programs that lie where nobody but the
/// source's own programs looks. Those on `PATH` wait until they are named.
pub(super) fn as_companion(state: &mut State<'_>, package: usize, reason: &Reason) {
    if state
        .waiting
        .companions
        .iter()
        .any(|(known, _)| *known == package)
    {
        return;
    }
    state.as_data(package, reason, true);
    let facts = &state.known.packages[package].facts.files;
    for (entry, file) in facts.iter().enumerate() {
        let file_ref = FileRef { package, entry };
        let path = state.known.tree.normal(file.entry.path.as_bytes());
        if file.class == Class::Bins
            && !file.entry.is_directory()
            && !is_in_bin_dir(&path)
            && state.script_program(file_ref).is_none()
        {
            state.choose_in_bulk(file_ref, reason.clone());
        }
    }
    state.waiting.companions.push((package, reason.clone()));
}

/// Takes programs of companions that a chosen program of the same source names, or may name for all that is known of it.
pub(super) fn name_companions(state: &mut State<'_>) {
    for (package, sibling) in state.waiting.companions.clone() {
        for (entry, facts) in state.known.packages[package].facts.files.iter().enumerate() {
            let file = FileRef { package, entry };
            if facts.class != Class::Bins
                || facts.entry.is_directory()
                || state.reason(file).is_some()
                || state.script_program(file).is_some()
            {
                continue;
            }
            let name = facts.entry.path.file_name().unwrap_or_default();
            let Ok(name) = std::str::from_utf8(name) else {
                continue;
            };
            if let Some(by) = who_names(state, package, name) {
                let command = name.to_owned();
                state.choose_in_bulk(file, Reason::Called { by, command });
            } else if is_anything_named(state, package) {
                state.choose_in_bulk(file, sibling.clone());
            }
        }
    }
}

/// The chosen files of the source of a package.
fn chosen_of_source<'s>(
    state: &'s State<'_>,
    package: usize,
) -> impl Iterator<Item = FileRef> + 's {
    let source = &state.known.packages[package].source;
    let of_source =
        (0..state.known.packages.len()).filter(|at| state.known.packages[*at].source == *source);
    of_source.flat_map(|package| {
        let reasons = state.chosen.reasons[package].iter().enumerate();
        let chosen = reasons.filter(|(_, reason)| reason.is_some());
        chosen.map(move |(entry, _)| FileRef { package, entry })
    })
}

/// The first chosen program of the source of `package` that has a program's name among its words.
fn who_names(state: &State<'_>, package: usize, name: &str) -> Option<FileRef> {
    let mut chosen = chosen_of_source(state, package);
    chosen.find(|file| {
        let elf = state.facts(*file).elf.as_ref();
        let words = elf.and_then(|elf| elf.words.as_ref());
        words.is_some_and(|words| words.contains(name))
    })
}

/// Whether something chosen of the source of `package` may name any program, for all that is known of it: a program without
/// words, a library, a script in a language whose calls are not read.
fn is_anything_named(state: &State<'_>, package: usize) -> bool {
    chosen_of_source(state, package).any(|file| {
        let facts = state.facts(file);
        match (&facts.elf, &facts.script) {
            (Some(elf), _) => {
                facts.class == Class::Libs || (facts.class == Class::Bins && elf.words.is_none())
            }
            (None, Some(script)) => facts.class == Class::Bins && !script.is_shell(),
            (None, None) => false,
        }
    })
}
