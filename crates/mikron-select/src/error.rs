//! Errors of the selection and of its tables, as data.

use mikron_package::{LimitExceeded, Limits, PackageName};
use mikron_yaml::{Excerpt, YamlErrorKind};
use serde::de::DeserializeOwned;

/// Why nothing can be selected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SelectError {
    /// A capability was asked for that the package does not have.
    #[error("{package} has no capability `{capability}` (it has: {})", .known.join(", "))]
    NoSuchCapability {
        /// The package.
        package: PackageName,
        /// What was asked for.
        capability: String,
        /// What the package has, in order of name.
        known: Vec<String>,
    },
    /// A glob that cannot be read.
    #[error(transparent)]
    Glob(#[from] mikron_package::GlobError),
    /// A glob of a definition fits no entry of its package: what it was written for is not there any more.
    #[error("{package}:{capability}: the glob `{glob}` matches nothing in the package")]
    IdleGlob {
        /// The package.
        package: PackageName,
        /// The capability that is defined.
        capability: String,
        /// The glob.
        glob: String,
    },
    /// An edge leads to a package that is not among the inputs: a fault of the caller.
    #[error("{package} requires input number {to}, which does not exist")]
    NoSuchInput {
        /// The package whose edge it is.
        package: PackageName,
        /// The index that the edge has.
        to: usize,
    },
}

/// Why a table of rules or definitions cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RulesError {
    /// It is not YAML of the form that is expected.
    #[error("{}: {kind}{}", at.place(file), at.below(help.as_deref()))]
    Yaml {
        /// The file.
        file: String,
        /// Where in the file.
        at: Excerpt,
        /// What is wrong.
        kind: YamlErrorKind,
        /// What would have been right.
        help: Option<String>,
    },
    /// It is longer than the limits allow.
    #[error("{file}: {exceeded}")]
    TooLong {
        /// The file.
        file: String,
        /// By how much.
        exceeded: LimitExceeded,
    },
    /// A rule contradicts itself, or another one.
    #[error("{file}: the rule `{rule}` {reason}")]
    Rule {
        /// The file.
        file: String,
        /// Its name.
        rule: String,
        /// What is wrong, as the end of the sentence "the rule …".
        reason: &'static str,
    },
    /// A definition contradicts itself, or another one.
    #[error("{file}: the definition `{capability}` {reason}")]
    Definition {
        /// The file.
        file: String,
        /// Package and capability.
        capability: String,
        /// What is wrong, as the end of the sentence "the definition …".
        reason: &'static str,
    },
    /// A spec switches a rule that does not exist.
    #[error("there is no rule `{rule}` (there are: {})", .known.join(", "))]
    NoSuchRule {
        /// The name.
        rule: String,
        /// The names that there are.
        known: Vec<String>,
    },
}

/// Reads a table of rules or definitions.
pub(crate) fn read_table<T: DeserializeOwned>(
    file: &str,
    text: &str,
    limits: &Limits,
) -> Result<T, RulesError> {
    let file = || file.to_owned();
    LimitExceeded::check("spec", text.len() as u64, limits.spec).map_err(|exceeded| {
        RulesError::TooLong {
            file: file(),
            exceeded,
        }
    })?;
    mikron_yaml::read(text).map_err(|error| RulesError::Yaml {
        file: file(),
        at: Excerpt::new(text, error.span),
        kind: error.kind,
        help: error.help,
    })
}
