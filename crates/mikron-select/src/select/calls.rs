//! The commands that a chosen shell script calls.

use std::collections::{HashMap, HashSet};

use mikron_facts::languages::is_interpreter_of_scripts;
use mikron_facts::{FunctionFacts, LibraryFacts, ScriptCall, ScriptFacts};

use super::state::{Bulk, State};
use super::{FileRef, Found, Reason};

/// What became of a call.
enum Called {
    /// The command is in the image.
    Chosen,
    /// No package has it.
    Absent,
    /// It is an interpreter, or a script for one, that is not in the image: scripts bring no interpreter of another language.
    Interpreter,
}

/// How many files a script may read, and those in turn.
const MAX_LIBRARIES: usize = 64;

/// A call as it is followed: where it stands, the command, whether the script can do without it, and whether it goes on when
/// it fails.
type Open<'a> = (FileRef, &'a str, bool, bool);

fn opened(by: FileRef, calls: &[ScriptCall]) -> impl Iterator<Item = Open<'_>> {
    let calls = calls.iter();
    calls.map(move |call| (by, call.command.as_str(), call.optional, call.tolerated))
}

/// Chooses the commands that a shell script cannot do without, and the files that it reads commands from, with what those
/// run when they are read and what the functions run that it calls of them.
pub(super) fn calls<'a>(state: &mut State<'a>, script: FileRef, facts: &'a ScriptFacts) {
    let (libraries, all_read) = libraries(state, script, &facts.sources);
    let mut functions: HashMap<&str, (FileRef, &'a FunctionFacts)> = HashMap::new();
    let mut variables: HashMap<&str, &'a str> = HashMap::new();
    let mut open: Vec<Open<'a>> = opened(script, &facts.calls).collect();
    for (file, library) in libraries {
        open.extend(opened(file, &library.calls));
        let set = library.variables.iter();
        variables.extend(set.map(|(name, command)| (name.as_str(), command.as_str())));
        let own = library.functions.iter();
        functions.extend(own.map(|function| (function.name.as_str(), (file, function))));
    }
    let mut followed: HashSet<&str> = HashSet::new();
    let mut at = 0;
    while let Some((by, command, optional, tolerated)) = open.get(at).copied() {
        at += 1;
        if let Some(variable) = command.strip_prefix('$') {
            let value = variables.get(variable);
            open.extend(value.map(|command| (by, *command, optional, tolerated)));
            continue;
        }
        if let Some((file, function)) = functions.get(command) {
            if followed.insert(command) {
                let within = function.functions.iter();
                open.extend(within.map(|name| (*file, name.as_str(), false, false)));
                open.extend(opened(*file, &function.calls));
            }
            continue;
        }
        // What a script of a root can do without is there all the same where its own package depends on it.
        let stated = || {
            let states = |package| state.states(package, command);
            state.chosen.bulk[script.package] == Bulk::Root
                && (states(script.package) || states(by.package))
        };
        if optional && !stated() {
            continue;
        }
        match call(state, by, command) {
            Called::Chosen => {}
            Called::Interpreter => {
                let uncalled = state.lacking.uncalled.entry(by).or_default();
                uncalled.push(command.to_owned());
            }
            Called::Absent => {
                state.want_command(command);
                // Where the whole closure lacks it, the script goes the same way with all packages installed. What is
                // nowhere may be a function of a file that was not read.
                if !tolerated && all_read {
                    let uncalled = state.lacking.uncalled.entry(by).or_default();
                    uncalled.push(command.to_owned());
                }
            }
        }
    }
}

/// Chooses the files that a script reads commands from, and those that they read in turn; whether all of them are there and
/// known.
fn libraries<'a>(
    state: &mut State<'a>,
    script: FileRef,
    sources: &'a [String],
) -> (Vec<(FileRef, &'a LibraryFacts)>, bool) {
    let mut found: Vec<(FileRef, &'a LibraryFacts)> = Vec::new();
    let mut open: Vec<(FileRef, &'a str)> = Vec::new();
    open.extend(sources.iter().map(|file| (script, file.as_str())));
    let (mut at, mut all) = (0, true);
    while let Some((by, file)) = open.get(at).copied() {
        at += 1;
        let reason = Reason::Called {
            by,
            command: file.to_owned(),
        };
        let Some(path) = find_library(state, by, file) else {
            // A file that is nowhere is often one that an administrator may add.
            all = false;
            continue;
        };
        let _ = state.choose_path(&path, &reason);
        let Some(Found::Entry(end)) = state.end(&path) else {
            continue;
        };
        let Some(library) = state.facts(end).library.as_deref() else {
            all &= state.facts(end).script.is_none();
            continue;
        };
        if found.len() < MAX_LIBRARIES && !found.iter().any(|(known, _)| *known == end) {
            found.push((end, library));
            open.extend(library.sources.iter().map(|file| (end, file.as_str())));
        }
    }
    (found, all)
}

/// Where a file lies that a script reads. Of a name that is known in part (`$(git --exec-path)/git-sh-setup`,
/// `$(dirname "$0")/../share/x/common.sh`) the last component is looked for beside the script, and among what its package has.
fn find_library(state: &State<'_>, by: FileRef, file: &str) -> Option<Vec<u8>> {
    let Some((_, name)) = file.rsplit_once('/').filter(|_| file.contains('$')) else {
        return state.find_command(by, file);
    };
    if name.contains('$') {
        return None;
    }
    let own = state.known.packages[by.package].facts.files.iter();
    let mut own = own.filter(|file| {
        file.library.is_some() && file.entry.path.file_name() == Some(name.as_bytes())
    });
    state.find_command(by, name).or_else(|| {
        let path = own.next()?.entry.path.as_bytes();
        Some(state.known.tree.normal(path).into_owned())
    })
}

fn call(state: &mut State<'_>, by: FileRef, command: &str) -> Called {
    let Some(path) = state.find_command(by, command) else {
        return Called::Absent;
    };
    let Some(end) = state.end(&path) else {
        return Called::Absent;
    };
    if let Found::Entry(end) = end
        && state.reason(end).is_none()
    {
        let facts = state.facts(end);
        let foreign = match &facts.script {
            Some(script) => !script.is_shell() && state.present(script.program()).is_none(),
            None => is_interpreter_of_scripts(facts.entry.path.as_bytes()),
        };
        if foreign {
            return Called::Interpreter;
        }
    }
    let reason = Reason::Called {
        by,
        command: command.to_owned(),
    };
    match state.choose_path(&path, &reason) {
        Ok(()) => Called::Chosen,
        Err(_) => Called::Absent,
    }
}
