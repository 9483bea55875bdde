//! The end of a closure: directories, sums and the reasons of what was left out.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use mikron_facts::Class;
use mikron_package::RootPath;

use super::capabilities::capability_of;
use super::packages::Nature;
use super::state::State;
use super::{
    CapabilityUse, FileRef, LeftOut, LeftOutReason, Missing, Reason, Role, SelectedFile,
    SelectedPackage, Selection, Token, chain, programs, ruled,
};
use crate::{Without, WithoutCause};

/// How many programs a reason names.
const NAMED_PROGRAMS: usize = 5;

pub(super) fn finish(state: &mut State<'_>) -> Selection {
    add_directories(state);
    // All is walked: of very many files the room for them weighs as much as the list of them.
    state.chosen.queue = VecDeque::new();
    let chosen = state.chosen.reasons.iter().flatten().flatten().count();
    let mut files: Vec<SelectedFile> = Vec::with_capacity(chosen);
    for (package, reasons) in state.chosen.reasons.iter().enumerate() {
        for (entry, reason) in reasons.iter().enumerate() {
            if let Some(reason) = reason {
                let file = FileRef { package, entry };
                let path = state.facts(file).entry.path.clone();
                files.push(SelectedFile {
                    file,
                    path,
                    reason: Arc::clone(reason),
                });
            }
        }
    }
    files.sort_unstable_by(|a, b| a.path.cmp(&b.path).then(a.file.cmp(&b.file)));
    let aside = |list: &[(FileRef, Arc<Reason>)]| {
        let one = |(file, reason): &(FileRef, Arc<Reason>)| SelectedFile {
            file: *file,
            path: state.facts(*file).entry.path.clone(),
            reason: Arc::clone(reason),
        };
        let mut files: Vec<SelectedFile> = list.iter().map(one).collect();
        files.sort_by(|a, b| a.path.cmp(&b.path).then(a.file.cmp(&b.file)));
        files
    };
    // A link that dangled for its package and was reached by name since is missing or chosen, not dangling.
    let mut dangling = aside(&state.chosen.dangling);
    dangling.retain(|link| state.reason(link.file).is_none_or(|r| *r == *link.reason));
    let inputs = aside(&state.chosen.inputs);
    let mut packages = Vec::new();
    let mut left_out = Vec::new();
    for package in 0..state.known.packages.len() {
        let below = &state.known.packages[package].below;
        let reasons = state.chosen.reasons[package].iter().enumerate();
        let any = reasons
            .filter(|(entry, _)| !below.contains(entry))
            .any(|(_, reason)| reason.is_some());
        let needed = inputs.iter().any(|input| input.file.package == package);
        if any || needed {
            packages.push(selected(state, package));
        } else if state.known.packages[package].role != Role::Files && below.is_empty() {
            left_out.push(of_left_out(state, package));
        }
    }
    let found = |token: &Token, by: &Option<FileRef>| match (token, by) {
        (Token::Soname(name), Some(by)) => state.seen.inherited.contains(&(*by, name.clone())),
        _ => false,
    };
    let missing = state
        .lacking
        .missing
        .iter()
        .filter(|((token, by), _)| !found(token, by));
    let missing = missing.map(|((token, by), cause)| Missing {
        token: token.clone(),
        by: *by,
        cause: cause.clone(),
        chain: by.map_or_else(Vec::new, |by| chain_to(state, by)),
    });
    let missing = missing.collect();
    let open = state
        .lacking
        .without
        .iter()
        .filter(|(rule, _)| !ruled::is_met(state, **rule));
    let mut without: Vec<Without> = open.map(|(_, without)| without.clone()).collect();
    for (by, commands) in &state.lacking.uncalled {
        // An interpreter may have come later, for another's sake.
        let lacking = commands.iter().filter(|name| !state.has_command(*by, name));
        let lacking: Vec<&str> = lacking.map(String::as_str).collect();
        if !lacking.is_empty() {
            without.push(uncalled(state, *by, &lacking));
        }
    }
    let mut loader_dirs = state.chosen.loader_dirs.clone();
    loader_dirs.sort_unstable();
    let programs_left_out = programs::programs_left_out(state);
    Selection {
        files,
        inputs,
        packages,
        left_out,
        dangling,
        missing,
        without,
        wants: std::mem::take(&mut state.lacking.wants),
        loader_dirs,
        programs_left_out,
        ..Selection::default()
    }
}

/// The commands that a script calls and does not find.
fn uncalled(state: &State<'_>, by: FileRef, commands: &[&str]) -> Without {
    let commands = commands.join(", ");
    let facts = state.facts(by);
    let unit = facts.script.is_none() && facts.library.is_none();
    let (verb, because, effect) = if unit {
        let effect = "the service cannot be started as its unit starts it";
        (
            "starts",
            "a service needs the program that its unit starts",
            effect,
        )
    } else {
        let effect = "the script fails where it calls what is not there";
        (
            "calls",
            "a shell script needs the commands that it calls",
            effect,
        )
    };
    Without {
        rule: "commands".to_owned(),
        by,
        path: state.facts(by).entry.path.clone(),
        trigger: format!("{verb} {commands}"),
        cause: WithoutCause::NotFollowed,
        because: because.to_owned(),
        effect: effect.to_owned(),
    }
}

fn chain_to(state: &State<'_>, file: FileRef) -> Vec<super::Step> {
    chain(state.known.packages, file, |file| state.reason(file))
}

/// The directories that hold chosen entries, as far as the same package has them.
fn add_directories(state: &mut State<'_>) {
    let top = ["bin", "sbin", "lib", "lib32", "lib64", "libx32", "libo32"];
    for (package, input) in state.known.packages.iter().enumerate() {
        let chosen: Vec<usize> = (0..state.chosen.reasons[package].len())
            .filter(|at| state.chosen.reasons[package][*at].is_some() && !input.below.contains(at))
            .collect();
        if chosen.is_empty() {
            continue;
        }
        let mut dirs: HashMap<&RootPath, usize> = HashMap::new();
        for (entry, file) in input.facts.files.iter().enumerate() {
            if file.entry.is_directory() {
                dirs.insert(&file.entry.path, entry);
            }
        }
        for entry in chosen {
            let by = FileRef { package, entry };
            for above in input.facts.files[entry].entry.path.ancestors() {
                let name = std::str::from_utf8(above.as_bytes()).unwrap_or("");
                let merged = state.known.wanted.merged_usr && top.contains(&name);
                let Some(dir) = dirs.get(&above).copied() else {
                    continue;
                };
                if above.is_root()
                    || merged
                    || state.is_removed(FileRef {
                        package,
                        entry: dir,
                    })
                {
                    continue;
                }
                let slot = &mut state.chosen.reasons[package][dir];
                if slot.is_some() {
                    // What lies above it has been added with it.
                    break;
                }
                *slot = Some(Arc::new(Reason::Directory { by }));
            }
        }
    }
}

fn selected(state: &State<'_>, package: usize) -> SelectedPackage {
    let input = &state.known.packages[package];
    let mut uses: BTreeMap<&str, CapabilityUse> = BTreeMap::new();
    let (mut files, mut bytes) = (0, 0);
    for (entry, facts) in input.facts.files.iter().enumerate() {
        if facts.entry.is_directory() || input.below.contains(&entry) {
            continue;
        }
        let chosen = state.chosen.reasons[package][entry].is_some();
        let size = facts.entry.size();
        let name = match input.given.get(&entry) {
            Some(given) => &given.capability,
            None => capability_of(facts),
        };
        let empty = CapabilityUse {
            name: name.to_owned(),
            files: 0,
            bytes: 0,
            files_left: 0,
            bytes_left: 0,
        };
        let part = uses.entry(name).or_insert(empty);
        if chosen {
            part.files += 1;
            part.bytes += size;
            files += 1;
            bytes += size;
        } else {
            part.files_left += 1;
            part.bytes_left += size;
        }
    }
    let first = state.chosen.first[package].or_else(|| {
        let any = state.chosen.reasons[package]
            .iter()
            .enumerate()
            .position(|(at, reason)| reason.is_some() && !input.below.contains(&at));
        any.map(|entry| FileRef { package, entry })
    });
    SelectedPackage {
        package,
        name: input.name.clone(),
        version: input.version.clone(),
        files,
        bytes,
        root: matches!(input.role, Role::Root { .. }) || state.known.heirs[package].is_some(),
        capabilities: uses.into_values().collect(),
        chain: first.map_or_else(Vec::new, |file| chain_to(state, file)),
    }
}

fn of_left_out(state: &State<'_>, package: usize) -> LeftOut {
    let input = &state.known.packages[package];
    let files = &input.facts.files;
    let mut required_by = Vec::new();
    for other in state.known.packages {
        for edge in other.requires.iter().filter(|edge| edge.to == package) {
            required_by.push((other.name.clone(), edge.relation.clone()));
        }
    }
    LeftOut {
        package,
        name: input.name.clone(),
        bytes: files.iter().map(|file| file.entry.size()).sum(),
        reason: why_left_out(state, package),
        required_by,
    }
}

fn why_left_out(state: &State<'_>, package: usize) -> LeftOutReason {
    let input = &state.known.packages[package];
    let files = &input.facts.files;
    let mut content = files
        .iter()
        .filter(|file| !file.entry.is_directory())
        .peekable();
    if content.peek().is_none() && state.known.summaries[package].empty_dirs.is_empty() {
        return LeftOutReason::Empty;
    }
    let removed = |entry: usize| state.is_removed(FileRef { package, entry });
    if state.was_wanted(package) && (0..files.len()).any(removed) {
        return LeftOutReason::Removed;
    }
    if input.role == Role::Provider {
        return LeftOutReason::ProviderUnneeded;
    }
    if state.known.summaries[package].nature == Nature::Transparent {
        let documentation = |class: Class| {
            let docs = [
                Class::Docs,
                Class::Licences,
                Class::Man,
                Class::Info,
                Class::Locale,
            ];
            // Notes for maintainers come with every package.
            docs.contains(&class) || class == Class::Hooks
        };
        return if content.all(|file| documentation(file.class)) {
            LeftOutReason::Documentation
        } else {
            LeftOutReason::NoRunTimeFiles
        };
    }
    if !state.is_reached(package) {
        return LeftOutReason::Unreached;
    }
    match state.known.summaries[package].nature {
        Nature::Library => LeftOutReason::OnlyUnneededLibraries,
        Nature::Code => {
            let programs = content.filter(|file| file.class == Class::Bins);
            let names = programs.filter_map(|file| file.entry.path.file_name());
            let names = names.map(|name| String::from_utf8_lossy(name).into_owned());
            LeftOutReason::UnnamedPrograms {
                programs: names.take(NAMED_PROGRAMS).collect(),
            }
        }
        Nature::Data | Nature::Transparent => {
            match state.known.summaries[package].languages.first() {
                Some(interpreter) => LeftOutReason::InterpreterAbsent {
                    interpreter: (*interpreter).to_owned(),
                },
                None => LeftOutReason::NoRunTimeFiles,
            }
        }
    }
}
