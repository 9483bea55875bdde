//! Services: where the spec does not say what the image starts, the units of the roots do (systemd.service(5)).

use mikron_facts::{How, Mention};

use super::state::State;
use super::{FileRef, Found, Reason, Role};

/// Takes what the units of roots and of their sources start as the entrypoint of an image is taken, and what they run beside
/// that of packages that are in the closure anyway.
pub(super) fn serve(state: &mut State<'_>) {
    if !state.known.wanted.programs.is_empty() {
        return;
    }
    for package in 0..state.known.packages.len() {
        let Some(first) = state.chosen.first[package] else {
            continue;
        };
        let own = state.is_root_or_sibling(first) && !state.is_limited(package);
        if !own || std::mem::replace(&mut state.seen.served[package], true) {
            continue;
        }
        for (unit, facts) in state.files(package) {
            for mention in facts.mentions.iter().filter(|m| m.how != How::Includes) {
                serve_one(state, unit, mention);
            }
        }
    }
}

fn serve_one(state: &mut State<'_>, unit: FileRef, mention: &Mention) {
    let name = mention.name.as_str();
    let reason = Reason::Service {
        unit: state.facts(unit).entry.path.clone(),
        program: name.to_owned(),
    };
    let path = state.find_command(unit, name);
    let brings = match path.as_deref().and_then(|path| state.end(path)) {
        Some(Found::Entry(file)) => {
            // What every installation has and a service manager runs for a service is not the service.
            let provider = state.known.packages[file.package].role == Role::Provider;
            let facts = state.facts(file);
            let interpreters = facts
                .script
                .as_ref()
                .map(|script| [script.interpreter.clone(), script.program().to_owned()]);
            let lacking = interpreters
                .iter()
                .flatten()
                .find(|program| !state.is_there(program));
            let runs = lacking.is_none();
            if let Some(program) = lacking
                && mention.how == How::Starts
            {
                state.want_command(program);
            }
            let hands = mention.how == How::Hands && facts.entry.is_directory();
            !hands && runs && (mention.how == How::Starts || !provider)
        }
        Some(_) => false,
        None => {
            if mention.how == How::Starts {
                state.want_command(name);
            }
            false
        }
    };
    let brought = brings && path.is_some_and(|path| state.choose_path(&path, &reason).is_ok());
    if !brought && mention.how == How::Starts {
        let uncalled = state.lacking.uncalled.entry(unit).or_default();
        uncalled.push(name.to_owned());
    }
}
