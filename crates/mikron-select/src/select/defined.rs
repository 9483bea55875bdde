//! Capabilities that are taken by name, and what their definitions require.

use super::state::State;
use super::{FileRef, LookedFor, MissingCause, Reason, Token, Want, capabilities};
use crate::{Requirement, SelectError};

/// Takes a capability of a package, and what its definition requires.
pub(super) fn take_capability(
    state: &mut State<'_>,
    package: usize,
    name: &str,
    reason: &Reason,
) -> Result<(), SelectError> {
    if !state.seen.taken.insert((package, name.to_owned())) {
        return Ok(());
    }
    let definitions = &state.known.wanted.definitions;
    let input = &state.known.packages[package];
    let part = capabilities::find(input, name, definitions)?;
    // What a person has written down is meant; of a class a link that leads nowhere is no part.
    let written = definitions.get(input.name.as_str(), name).is_some();
    for entry in part.files {
        let file = FileRef { package, entry };
        if written {
            state.choose(file, reason.clone());
        } else {
            state.choose_in_bulk(file, reason.clone());
        }
    }
    for entry in part.inputs {
        let file = FileRef { package, entry };
        if !state.chosen.inputs.iter().any(|(known, _)| *known == file) {
            state.chosen.inputs.push((file, reason.clone().into()));
        }
    }
    for requirement in part.requires {
        require(state, package, name, requirement)?;
    }
    Ok(())
}

/// Takes what a definition requires.
fn require(
    state: &mut State<'_>,
    package: usize,
    capability: &str,
    requirement: Requirement,
) -> Result<(), SelectError> {
    let reason = Reason::Defined {
        capability: format!("{}:{capability}", state.known.packages[package].name),
        requirement: requirement.to_string(),
    };
    match requirement {
        Requirement::Capability {
            package: name,
            capability,
        } => match state
            .known
            .packages
            .iter()
            .position(|p| p.name.as_str() == name)
        {
            Some(package) => return take_capability(state, package, &capability, &reason),
            None => want_package(state, name),
        },
        Requirement::Command(name) => {
            if !state.choose_command(&name, &reason) {
                state.miss(Token::Command(name), None, MissingCause::Absent);
            }
        }
        Requirement::Path(path) => {
            if let Err(cause) = state.choose_path(path.as_bytes(), &reason) {
                state.miss(Token::Path(path), None, cause);
            }
        }
        Requirement::Soname(name) => {
            if !state.choose_library_by_name(&name, &reason) {
                state.miss(Token::Soname(name), None, MissingCause::Absent);
            }
        }
    }
    Ok(())
}

/// Asks for a package by name; where it cannot be had, the image is not closed.
fn want_package(state: &mut State<'_>, name: String) {
    state.miss(
        Token::Package(name.clone(), None),
        None,
        MissingCause::Absent,
    );
    state.lacking.wants.push(Want {
        packages: vec![name],
        looked_for: LookedFor::Package,
    });
}
