//! Programs of packages that are in the image, left out: each with what kept it out.

use std::fmt;

use mikron_facts::Class;
use mikron_package::RootPath;
use serde::{Deserialize, Serialize};

use super::FileRef;
use super::state::State;

/// A program that was left out though files of its package were chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramLeftOut {
    /// The program.
    pub file: FileRef,
    /// Its path.
    pub path: RootPath,
    /// What kept it out.
    pub cause: ProgramCause,
}

/// What kept a program out of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProgramCause {
    /// It is a script, and what interprets it is not in the image.
    Interpreter(String),
    /// It is a script of a dependency, and brings nothing; a command that it cannot do without is not in the image.
    Command(String),
    /// Its package is in the image for its code.
    Code,
    /// The build does its work, as a definition of its package says.
    Done {
        /// The capability that is defined.
        capability: String,
    },
    /// The image starts another program of its source, and no program of that source names it.
    Unnamed,
}

impl fmt::Display for ProgramCause {
    /// The cause as the end of the sentence "it is left out, since …".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interpreter(program) => {
                write!(f, "it is a script for {program}, which is not in the image")
            }
            Self::Command(command) => write!(f, "it calls {command}, which is not in the image"),
            Self::Code => f.write_str(
                "its package is in the image for its code, and nothing names its programs",
            ),
            Self::Done { capability } => {
                write!(f, "the build does its work (the definition `{capability}`)")
            }
            Self::Unnamed => f.write_str("no program of its source that is in the image names it"),
        }
    }
}

/// All programs that waited to the end, in order.
pub(super) fn programs_left_out(state: &State<'_>) -> Vec<ProgramLeftOut> {
    let mut found: Vec<ProgramLeftOut> = Vec::new();
    let mut add = |file: FileRef, cause: ProgramCause| {
        if state.reason(file).is_none() && !found.iter().any(|known| known.file == file) {
            let path = state.facts(file).entry.path.clone();
            found.push(ProgramLeftOut { file, path, cause });
        }
    };
    for script in &state.waiting.secondary {
        let cause = match (state.present(&script.program), state.lacks(script.file)) {
            (Some(_), Some(command)) => ProgramCause::Command(command.to_owned()),
            _ => ProgramCause::Interpreter(script.program.clone()),
        };
        add(script.file, cause);
    }
    let companions = state.waiting.companions.iter();
    let companions = companions.map(|(package, _)| (*package, ProgramCause::Unnamed));
    let code = state
        .languages
        .coded
        .iter()
        .map(|package| (*package, ProgramCause::Code));
    for (package, cause) in companions.chain(code) {
        for (entry, facts) in state.known.packages[package].facts.files.iter().enumerate() {
            if facts.class == Class::Bins && !facts.entry.is_directory() {
                add(FileRef { package, entry }, cause.clone());
            }
        }
    }
    for (file, capability) in &state.waiting.done {
        let capability = capability.clone();
        add(*file, ProgramCause::Done { capability });
    }
    found.sort_by_key(|left| left.file);
    found
}
