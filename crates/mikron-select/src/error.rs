//! Errors of the selection and of its tables, as data.

use mikron_package::PackageName;
use mikron_yaml::TableError;

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
    /// It is not YAML of the form that is expected, or too long.
    #[error(transparent)]
    Table(#[from] TableError),
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
