//! Rules at work: what a chosen file needs by the table ([`crate::Rules`]), and what is known to be left out.

use std::sync::Arc;

use mikron_facts::{ElfFacts, FileFacts};

use super::loader::{Lookup, runs_on};
use super::rules::names;
use super::state::State;
use super::{
    FileRef, Loader, LookedFor, Reason, Role, Want, Without, WithoutCause, defined, included,
    interpreted, merged, named, walk,
};
use crate::rules::{Apply, Bring, Importer, Rule, When};

/// A rule that a file set off.
struct Fired<'a> {
    number: usize,
    rule: &'a Rule,
    by: FileRef,
    /// What set it off: `imports iconv_open`.
    trigger: String,
}

/// Applies the rules to every file that was chosen since the last time, and looks at what it names and includes.
pub(super) fn apply_rules(state: &mut State<'_>) {
    for package in 0..state.known.packages.len() {
        for entry in 0..state.known.packages[package].facts.files.len() {
            if state.chosen.reasons[package][entry].is_none() || state.seen.examined[package][entry]
            {
                continue;
            }
            state.seen.examined[package][entry] = true;
            state.seen.examinations += 1;
            let by = FileRef { package, entry };
            for fired in fired(state, by) {
                apply(state, &fired);
            }
            named::search(state, by);
            included::note_included(state, by);
        }
    }
}

/// The rules that a file sets off.
fn fired<'a>(state: &State<'a>, by: FileRef) -> Vec<Fired<'a>> {
    let facts = state.facts(by);
    if facts.entry.is_directory() {
        return Vec::new();
    }
    let mut found: Vec<(usize, String)> = Vec::new();
    let elf = facts.elf.as_deref();
    let elf = elf.filter(|elf| runs_on(elf, state.known.wanted.platform));
    if let Some(elf) = elf {
        for import in &elf.imports {
            for number in state
                .known
                .rules
                .by_import
                .get(import.name.as_str())
                .into_iter()
                .flatten()
            {
                if !state.known.rules.settled[*number] {
                    found.push((*number, format!("imports {}", import.name)));
                }
            }
        }
        if let Some(soname) = elf.soname.as_deref() {
            for number in state
                .known
                .rules
                .by_soname
                .get(soname)
                .into_iter()
                .flatten()
            {
                if !state.known.rules.settled[*number] {
                    found.push((*number, format!("is {soname}")));
                }
            }
        }
    }
    for (name, number) in &state.known.rules.by_name {
        if !state.known.rules.settled[*number] && names(facts, elf, name) {
            found.push((*number, format!("names {name}")));
        }
    }
    if !state.known.rules.by_path.is_empty() {
        let path = merged(facts.entry.path.as_bytes());
        for (glob, number) in &state.known.rules.by_path {
            if !state.known.rules.settled[*number] && glob.matches_bytes(&path) {
                found.push((*number, String::new()));
            }
        }
    }
    // One rule, one reason: the first that was found.
    found.sort_by_key(|(number, _)| *number);
    found.dedup_by_key(|(number, _)| *number);
    let fired = found.into_iter().filter_map(|(number, trigger)| {
        let rule = state.known.rules.rules[number];
        holds(state, &rule.when, by, facts, elf).then_some(Fired {
            number,
            rule,
            by,
            trigger,
        })
    });
    fired.collect()
}

/// Whether everything that a rule asks of one file holds.
fn holds(
    state: &State<'_>,
    when: &When,
    by: FileRef,
    facts: &FileFacts,
    elf: Option<&ElfFacts>,
) -> bool {
    let path = merged(facts.entry.path.as_bytes());
    let any =
        |list: &[String], fits: &dyn Fn(&String) -> bool| list.is_empty() || list.iter().any(fits);
    let imports = |symbol: &String| {
        elf.is_some_and(|elf| elf.imports.iter().any(|import| import.name == *symbol))
    };
    let soname = |name: &String| elf.is_some_and(|elf| elf.soname.as_ref() == Some(name));
    let named = |name: &String| names(facts, elf, name);
    any(&when.imports, &imports)
        && any(&when.soname, &soname)
        && any(&when.names, &named)
        && (when.path.is_empty() || when.path.iter().any(|glob| glob.matches_bytes(&path)))
        && !when.except.iter().any(|glob| glob.matches_bytes(&path))
        && when
            .lacks
            .as_ref()
            .is_none_or(|version| elf.is_some_and(|elf| !elf.version_definitions.contains(version)))
        && match when.of {
            None => true,
            Some(Importer::Programs) => {
                elf.is_some_and(ElfFacts::is_executable) || is_of_root(state, by)
            }
            Some(Importer::Roots) => is_of_root(state, by),
            Some(Importer::Extensions) => interpreted::is_extension_of_root(state, by),
        }
}

/// Whether a file is of a root, or an extension of the language that one is written in or interprets.
fn is_of_root(state: &State<'_>, file: FileRef) -> bool {
    state.is_root_or_sibling(file) || interpreted::is_extension_of_root(state, file)
}

fn apply<'a>(state: &mut State<'a>, fired: &Fired<'a>) {
    // Only libraries are looked for as the file itself would. All else is the same whoever sets the rule off.
    state.known.rules.settled[fired.number] = fired.rule.brings.iter().all(|b| b.soname.is_none());
    let name = fired.rule.name.as_str();
    let asked = state.known.wanted.with.iter().any(|rule| rule == name);
    if state.known.wanted.without.iter().any(|rule| rule == name) {
        leave(state, fired, WithoutCause::Off);
    } else if fired.rule.apply == Apply::Asked && !asked {
        leave(state, fired, WithoutCause::NotAsked);
    } else {
        for bring in &fired.rule.brings {
            let found = take(state, fired, bring);
            if !found && !bring.optional {
                leave(state, fired, WithoutCause::Absent { what: bring.text() });
            }
        }
    }
}

/// Notes what is left out, once for each rule: the first file in order of input that set it off.
fn leave<'a>(state: &mut State<'a>, fired: &Fired<'a>, cause: WithoutCause) {
    state
        .lacking
        .without
        .entry(fired.number)
        .or_insert_with(|| Without {
            rule: fired.rule.name.clone(),
            by: fired.by,
            path: state.known.packages[fired.by.package].facts.files[fired.by.entry]
                .entry
                .path
                .clone(),
            trigger: fired.trigger.clone(),
            cause,
            because: fired.rule.because.clone(),
            effect: fired.rule.without.clone(),
        });
}

/// Whether a rule that was not applied brings nothing but commands which are in the image for other reasons.
pub(super) fn is_met(state: &State<'_>, number: usize) -> bool {
    let mut brings = state.known.rules.rules[number].brings.iter();
    let there = |command: &String| state.present(command).is_some();
    brings.all(|bring| bring.command.as_ref().is_some_and(there))
}

/// Takes what a rule brings. Says whether there was something to take, or there may be in the next round.
fn take<'a>(state: &mut State<'a>, fired: &Fired<'a>, bring: &'a Bring) -> bool {
    let reason = Reason::Rule {
        rule: fired.rule.name.clone(),
        by: fired.by,
        trigger: fired.trigger.clone(),
    };
    if let Some(soname) = &bring.soname {
        return bring_library(state, fired.by, soname, reason, bring.optional);
    }
    if let Some(command) = &bring.command {
        return state.choose_command(command, &reason)
            || want(state, bring, LookedFor::Command(command.clone()));
    }
    let from: Vec<usize> = match &bring.from {
        None => (0..state.known.packages.len()).collect(),
        Some(from) => {
            let named = |at: &usize| {
                let input = &state.known.packages[*at];
                let provides = &input.facts.metadata.record.provides;
                from.names().any(|name| {
                    input.name.as_str() == name
                        || provides
                            .iter()
                            .any(|provided| provided.name.as_str() == name)
                })
            };
            (0..state.known.packages.len()).filter(named).collect()
        }
    };
    if from.is_empty() {
        return want(state, bring, LookedFor::Package);
    }
    let mut found = false;
    for package in from {
        if state.known.packages[package].role == Role::Files {
            continue;
        }
        if let Some(glob) = &bring.path {
            let packages = state.known.packages;
            for (entry, file) in packages[package].facts.files.iter().enumerate() {
                let path = merged(file.entry.path.as_bytes());
                let excepted = || bring.except.iter().any(|glob| glob.matches_bytes(&path));
                if !file.entry.is_directory() && glob.matches_bytes(&path) && !excepted() {
                    found = true;
                    state.choose_in_bulk(FileRef { package, entry }, reason.clone());
                }
            }
        }
        if let Some(name) = &bring.capability {
            found |= defined::take_capability(state, package, name, &reason).is_ok();
        }
    }
    found
}

fn bring_library(
    state: &mut State<'_>,
    by: FileRef,
    soname: &str,
    reason: Reason,
    optional: bool,
) -> bool {
    let facts = state.facts(by);
    let path = state.path(by);
    let Some(elf) = facts.elf.as_deref() else {
        return state.choose_library_by_name(soname, &reason);
    };
    let nothing: Arc<[String]> = Arc::from([]);
    let found = state
        .known
        .loader
        .find(&state.known.tree, soname, elf, &path, &[]);
    if optional && matches!(found, Lookup::Absent(_)) {
        return false;
    }
    let below: Arc<[String]> = Loader::inherited(elf, &path, &nothing).into();
    walk::library(state, by, elf, &path, &nothing, &below, soname, reason);
    true
}

/// Asks for a package that the closure lacks. Says whether there is any hope.
fn want<'a>(state: &mut State<'a>, bring: &'a Bring, looked_for: LookedFor) -> bool {
    let names: Vec<String> = match (&bring.from, &looked_for) {
        (Some(from), _) => from.names().map(str::to_owned).collect(),
        // Essential packages have the common commands; they come when something is missing.
        (None, _) => Vec::new(),
    };
    let want = Want {
        packages: names,
        looked_for,
    };
    if !state.lacking.wants.contains(&want) {
        state.lacking.wants.push(want);
    }
    false
}
