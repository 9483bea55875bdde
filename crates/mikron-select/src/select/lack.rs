//! What a selection lacks: what is missing, what is asked for, and what rules would have brought.

use std::fmt;

use mikron_package::RootPath;
use serde::{Deserialize, Serialize};

use super::{FileRef, PackageInput, Reason, Step, came_whole};
use crate::Token;

/// A need that is known by a rule and left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Without {
    /// The rule.
    pub rule: String,
    /// The file that set it off; the first of several.
    pub by: FileRef,
    /// Its path.
    pub path: RootPath,
    /// What set it off: `imports iconv_open`.
    pub trigger: String,
    /// Why it is left out.
    pub cause: WithoutCause,
    /// Why it is needed.
    pub because: String,
    /// What stops working.
    pub effect: String,
}

impl fmt::Display for Without {
    /// The need as a sentence, with the remedy.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rule,
            effect,
            path,
            trigger,
            cause,
            ..
        } = self;
        write!(f, "without: {effect} ({path} {trigger}; ")?;
        match cause {
            WithoutCause::NotAsked => write!(f, "`with: [{rule}]` brings it)"),
            WithoutCause::Off => write!(f, "the spec switches the rule {rule} off)"),
            WithoutCause::Absent { what } => write!(f, "no package has {what})"),
            WithoutCause::NotFollowed => f.write_str("name the packages that have them)"),
        }
    }
}

/// Why a known need is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WithoutCause {
    /// The rule holds only when the spec asks for it.
    NotAsked,
    /// The spec switches the rule off.
    Off,
    /// Commands that no package of the closure has, or that are interpreters of another language, which scripts do not bring.
    NotFollowed,
    /// No package has it.
    Absent {
        /// What the rule would bring.
        what: String,
    },
}

/// Something that a rule looks for in a package that is not among the inputs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Want {
    /// Names that the package may have, by family; empty where any package will do.
    pub packages: Vec<String>,
    /// What is looked for in it.
    pub looked_for: LookedFor,
}

/// What a [`Want`] looks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LookedFor {
    /// The package itself.
    Package,
    /// A command on `PATH`.
    Command(String),
}

/// What a chosen file needs and nobody provides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// What is needed.
    pub token: Token,
    /// The file that needs it; `None` for what the spec itself names.
    pub by: Option<FileRef>,
    /// Why it is not provided.
    pub cause: MissingCause,
    /// The chain from a root to the file that needs it.
    pub chain: Vec<Step>,
}

impl Missing {
    /// Whether the file that needs it is reached by no root: it came because the spec takes packages whole.
    pub fn is_unreached(&self) -> bool {
        came_whole(&self.chain)
    }

    /// Whether an image may lack it unless its spec is strict: no root reaches the file that needs it, or that is a script which
    /// a slice names.
    pub fn is_tolerated(&self, packages: &[PackageInput]) -> bool {
        let of_slice = |by| is_script_of_slice(packages, by, &self.chain);
        self.is_unreached() || self.by.is_some_and(of_slice)
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is needed by ", self.token)?;
        match self.chain.last() {
            Some(step) => write!(f, "{} ({})", step.path, step.package)?,
            None => f.write_str("the spec")?,
        }
        write!(f, " and missing: {}", self.cause)
    }
}

/// Whether a file is a script that a slice of the spec names: slices are cut where their definitions say, as chisel cuts them,
/// and who takes one without an interpreter has chosen so. What the entrypoint needs is needed all the same.
pub fn is_script_of_slice(packages: &[PackageInput], file: FileRef, chain: &[Step]) -> bool {
    let starts = |step: &Step| matches!(step.reason, Reason::Entrypoint { .. });
    packages.get(file.package).is_some_and(|input| {
        let facts = input.facts.files.get(file.entry);
        input.given.contains_key(&file.entry)
            && facts.is_some_and(|facts| facts.script.is_some())
            && !chain.iter().any(starts)
    })
}

/// Why something is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MissingCause {
    /// No input has it.
    Absent,
    /// The spec removes it.
    Removed {
        /// The path that is removed.
        path: RootPath,
    },
    /// It lies where the loader does not look.
    Elsewhere {
        /// Where.
        paths: Vec<RootPath>,
    },
    /// What would be loaded is of another machine or word size.
    WrongMachine {
        /// What was found.
        path: RootPath,
    },
    /// A symbolic link on the way points at itself in the end.
    LinkLoop,
}

impl fmt::Display for MissingCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("no package of the closure has it"),
            Self::Removed { path } => write!(f, "the spec removes {path}"),
            Self::Elsewhere { paths } => {
                f.write_str("it lies where the loader does not look:")?;
                paths.iter().try_for_each(|path| write!(f, " {path}"))
            }
            Self::WrongMachine { path } => write!(f, "{path} is of another machine"),
            Self::LinkLoop => f.write_str("a symbolic link leads back to itself"),
        }
    }
}
