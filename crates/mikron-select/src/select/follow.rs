//! What whole packages bring: roots, dependencies with run-time data, siblings of one source, code for interpreters.

use std::collections::BTreeMap;
use std::sync::Arc;

use mikron_facts::languages::{code_of, language_of};
use mikron_facts::{Class, FileFacts, is_in_bin_dir};

use super::packages::Nature;
use super::state::{Bulk, Secondary, State};
use super::{FileRef, Reason, Role, Select, companions, interpreted};

/// Takes packages as whole as the spec says, when all is in that roots reach: what nobody reaches comes for no other reason.
pub(super) fn take_whole(state: &mut State<'_>) {
    for package in 0..state.known.packages.len() {
        let input = &state.known.packages[package];
        let taken = input.role.is_whole_root() || input.role == Role::Dependency;
        let heir = state.known.heirs[package]
            .as_ref()
            .and_then(|heir| heir.select);
        let select = heir.or(input.select).unwrap_or(state.known.wanted.select);
        if !taken || select == Select::Minimal {
            continue;
        }
        state.chosen.bulk[package] = Bulk::Whole;
        let reason = Reason::Package { select };
        let full = select == Select::Full;
        state.choose_all(package, &reason, |file| full || file.class.is_run_time());
        if full {
            let files = &input.facts.files;
            for entry in (0..files.len()).filter(|at| files[*at].entry.is_directory()) {
                state.choose(FileRef { package, entry }, reason.clone());
            }
        } else {
            state.choose_empty_dirs(package, &reason);
        }
    }
}

/// Takes a package as a root: named by the spec, or a part of one that is (`because`).
pub(super) fn as_root(state: &mut State<'_>, package: usize, because: Option<&Reason>) {
    let whole = matches!(state.chosen.bulk[package], Bulk::Root | Bulk::Whole);
    if whole || state.known.packages[package].role == Role::Given {
        return;
    }
    state.chosen.bulk[package] = Bulk::Root;
    state.waiting.sources[package] = false;
    let input = &state.known.packages[package];
    let compiled = state.is_compiled(package);
    let data = state.known.summaries[package].nature == Nature::Data;
    let library = state.known.summaries[package].nature == Nature::Library;
    // Of one program alone the root is what is asked for; of several one may be for a shell that nobody depends on.
    let programs = input
        .facts
        .files
        .iter()
        .filter(|file| file.class == Class::Bins && is_in_bin_dir(file.entry.path.as_bytes()));
    let several = programs.filter(|file| !file.entry.is_directory()).count() > 1;
    let mut reasons: BTreeMap<Class, Arc<Reason>> = BTreeMap::new();
    for (file, facts) in state.files(package) {
        if facts.entry.is_directory() || !facts.class.is_run_time() {
            continue;
        }
        if facts.class == Class::Bins
            && let Some(capability) = state.is_done(file)
        {
            state.waiting.done.push((file, capability));
            continue;
        }
        // A part of a root gives libraries by need, as every dependency does, unless it has nothing else.
        if because.is_some() && facts.class == Class::Libs && !library {
            continue;
        }
        if facts.class == Class::Bins
            && let Some(program) = state.script_program(file)
        {
            let own = is_named_after(state, package, facts);
            // Scripts for /bin/sh that the user of a root can call are its programs, and what they need is small.
            let path = state.path(file);
            let shell = matches!(program.rsplit('/').next(), Some("sh" | "dash" | "ash"));
            let own = own || (shell && because.is_none() && is_in_bin_dir(&path));
            // Where the spec names no program, every program of a root is asked for. Nobody states what every
            // installation has; of that bash is small.
            let all = because.is_none() && state.known.wanted.programs.is_empty();
            let brought = || program.ends_with("/bash") || state.states(package, &program);
            let own = own || (all && is_in_bin_dir(&path) && brought());
            let beside = several && !own && !state.is_there(&program);
            if beside {
                state.want_command(&program);
            }
            if ((compiled || data) && !own) || beside {
                state.waiting.secondary.push(Secondary { file, program });
                continue;
            }
        }
        let class = facts.class;
        let reason = || because.cloned().unwrap_or(Reason::Root { class }).into();
        let reason = Arc::clone(reasons.entry(class).or_insert_with(reason));
        state.choose_in_bulk(file, reason);
    }
    let reason = because
        .cloned()
        .unwrap_or(Reason::Root { class: Class::Data });
    state.choose_empty_dirs(package, &reason);
}

/// Whether a program on `PATH` has the name of its package or source, or the word that one begins with: `R` of `r-base`.
fn is_named_after(state: &State<'_>, package: usize, program: &FileFacts) -> bool {
    let input = &state.known.packages[package];
    let path = program.entry.path.as_bytes();
    let file = program.entry.path.file_name().unwrap_or_default();
    let names = [input.name.as_str(), input.source.as_str()];
    let stems = names.map(|name| name.split('-').next().unwrap_or(name));
    let mut all = names.iter().chain(&stems);
    is_in_bin_dir(path) && all.any(|name| file.eq_ignore_ascii_case(name.as_bytes()))
}

/// Decides on the dependencies of packages that are in.
pub(super) fn follow_edges(state: &mut State<'_>) {
    for package in 0..state.known.packages.len() {
        if matches!(
            state.known.packages[package].role,
            Role::Files | Role::Given
        ) {
            continue;
        }
        if state.chosen.first[package].is_some() {
            own_content(state, package);
            if !state.seen.followed[package] && !state.is_idle(package) {
                state.seen.followed[package] = true;
                follow(state, package, package, &mut vec![package]);
            }
        }
    }
}

/// What a package adds to those of its files that were reached: configuration and data for a program, code for an
/// interpreter.
fn own_content(state: &mut State<'_>, package: usize) {
    if state.chosen.bulk[package] != Bulk::None || state.is_limited(package) {
        return;
    }
    let program = state.files(package).find(|(file, facts)| {
        facts.class == Class::Bins && facts.entry.is_file() && state.reason(*file).is_some()
    });
    let Some((by, _)) = program else {
        interpreted::own_code(state, package);
        return;
    };
    state.chosen.bulk[package] = Bulk::Data { source: true };
    let provider = state.known.packages[package].role == Role::Provider;
    let reason = Reason::Program { by };
    state.choose_all(package, &reason, |file| match file.class {
        Class::Source => true,
        Class::Config | Class::Data | Class::Modules => !provider,
        _ => false,
    });
    if provider {
        return;
    }
    state.choose_private_programs(package, &reason);
    state.choose_empty_dirs(package, &reason);
    state.wait_with_scripts(package);
}

/// Decides on what `through` depends on, on behalf of `package`, which is in.
fn follow(state: &mut State<'_>, package: usize, through: usize, seen: &mut Vec<usize>) {
    let Some(by) = state.chosen.first[package] else {
        return;
    };
    let input = &state.known.packages[package];
    let root = state.chosen.bulk[package] == Bulk::Root;
    for edge in &state.known.packages[through].requires {
        let to = edge.to;
        let role = &state.known.packages[to].role;
        if !matches!(role, Role::Dependency) || seen.contains(&to) {
            continue;
        }
        let summary = &state.known.summaries[to];
        let sibling = state.known.packages[to].source == input.source;
        let relation = edge.relation.clone();
        let modular = root || matches!(state.chosen.bulk[package], Bulk::Data { .. });
        match summary.nature {
            Nature::Transparent => {
                seen.push(to);
                follow(state, package, to, seen);
            }
            Nature::Data => {
                let reason = if sibling {
                    Reason::Sibling { by, relation }
                } else {
                    Reason::Data { by, relation }
                };
                state.as_data(to, &reason, sibling);
            }
            Nature::Code if sibling && root && companions::is_companion(state, package, to) => {
                companions::as_companion(state, to, &Reason::Sibling { by, relation });
            }
            Nature::Code if sibling && root => {
                as_root(state, to, Some(&Reason::Sibling { by, relation }));
            }
            Nature::Library if sibling && modular => {
                state.as_data(to, &Reason::Sibling { by, relation }, true);
            }
            // A part of the language itself (`perl`, beside the interpreter in `perl-base`): its programs are left out,
            // its library is not, nor what it depends on for that.
            Nature::Code | Nature::Library => {
                let reason = Reason::Data { by, relation };
                if let Some(language) = interpreted::language_of_source(state, to) {
                    state.choose_all(to, &reason, |file| code_of(file) == Some(language));
                    seen.push(to);
                    follow(state, package, to, seen);
                } else if let Some(language) = interpreted::common_language(state, package, to) {
                    state.waiting.code.push((to, language, reason));
                }
            }
        }
    }
}

/// Takes code and secondary scripts whose interpreter is in the image.
pub(super) fn take_interpreted(state: &mut State<'_>) {
    for package in 0..state.known.packages.len() {
        if !state.waiting.sources[package] {
            continue;
        }
        for (file, facts) in state.files(package) {
            if facts.class != Class::Source || facts.entry.is_directory() {
                continue;
            }
            let interpreter = language_of(facts.entry.path.as_bytes());
            let by = interpreter.and_then(|name| state.languages.interpreters.get(name).copied());
            if let Some(by) = by {
                state.choose_in_bulk(file, Reason::Interpreted { by });
            }
        }
    }
    let waiting = std::mem::take(&mut state.waiting.secondary);
    for script in waiting {
        // A script of a root brings what it calls. One of a dependency is there for the taking, and brings nothing.
        let root = state.chosen.bulk[script.file.package] == Bulk::Root;
        match state.present(&script.program) {
            Some(by) if root || state.lacks(script.file).is_none() => {
                state.choose_in_bulk(script.file, Reason::Interpreted { by });
            }
            _ => state.waiting.secondary.push(script),
        }
    }
}
