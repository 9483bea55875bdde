//! What the spec names itself: its files, what the image starts, and what of each package.

use std::sync::Arc;

use super::state::State;
use super::{FileRef, MissingCause, Reason, Role, Token, companions, defined, follow, interpreted};
use crate::SelectError;

/// What an image below has. It is there, and nobody asks what it needs.
pub(super) fn below(state: &mut State<'_>) {
    let reason = Arc::new(Reason::Below);
    for (package, input) in state.known.packages.iter().enumerate() {
        for entry in input.below.iter().copied() {
            state.chosen.reasons[package][entry] = Some(Arc::clone(&reason));
            state.seen.walked[package][entry] = true;
            state.seen.examined[package][entry] = true;
            interpreted::note_language(state, FileRef { package, entry });
        }
    }
}

/// The files that the spec adds.
pub(super) fn files(state: &mut State<'_>) {
    for package in 0..state.known.packages.len() {
        if state.known.packages[package].role == Role::Files {
            state.choose_all(package, &Reason::Spec, |_| true);
        }
    }
}

/// The programs that the image must be able to start.
pub(super) fn programs(state: &mut State<'_>) {
    for word in &state.known.wanted.programs {
        companions::note_start(state, word);
        entrypoint(state, word, true);
    }
}

/// Files that entrypoint and cmd name beside them.
pub(super) fn mentions(state: &mut State<'_>) {
    for word in &state.known.wanted.mentions {
        entrypoint(state, word, false);
    }
}

/// What links of the spec lead to, unless that is what a volume brings.
pub(super) fn links(state: &mut State<'_>) {
    for path in &state.known.wanted.links {
        let reason = Reason::Linked { path: path.clone() };
        let _ = state.choose_path(path.as_bytes(), &reason);
    }
}

/// What the spec names of one package.
pub(super) fn seed(state: &mut State<'_>, package: usize) -> Result<(), SelectError> {
    seed_given(state, package);
    let input = &state.known.packages[package];
    let heir = state.known.heirs[package].clone();
    match &input.role {
        Role::Root { capabilities, .. } => {
            for name in capabilities {
                seed_capability(state, package, name)?;
            }
        }
        Role::Dependency => {}
        Role::Given | Role::Provider | Role::Files => return Ok(()),
    }
    if input.role.is_whole_root() {
        follow::as_root(state, package, None);
    } else if let Some(heir) = heir {
        follow::as_root(state, package, Some(&heir.reason));
    }
    Ok(())
}

/// Takes what is given, and with it what only the build reads.
fn seed_given(state: &mut State<'_>, package: usize) {
    let input = &state.known.packages[package];
    for (entry, given) in &input.given {
        let file = FileRef {
            package,
            entry: *entry,
        };
        let reason = Reason::Capability {
            capability: given.capability.clone(),
            through: given.through.clone(),
        };
        if given.build_input {
            if !state.is_removed(file) {
                state.chosen.inputs.push((file, reason.into()));
            }
        } else {
            state.choose(file, reason);
        }
    }
}

fn seed_capability(state: &mut State<'_>, package: usize, name: &str) -> Result<(), SelectError> {
    let reason = Reason::Capability {
        capability: name.to_owned(),
        through: Vec::new(),
    };
    defined::take_capability(state, package, name, &reason)
}

fn entrypoint(state: &mut State<'_>, word: &str, required: bool) {
    let reason = Reason::Entrypoint {
        word: word.to_owned(),
    };
    if word.contains('/') {
        if let Err(cause) = state.choose_path(word.as_bytes(), &reason)
            && required
        {
            state.miss(Token::Path(word.to_owned()), None, cause);
        }
    } else if required && !state.choose_command(word, &reason) {
        state.miss(Token::Command(word.to_owned()), None, MissingCause::Absent);
    }
}
