//! Errors of the facts pass and of the selection, as data.

use std::io;
use std::sync::Arc;

use mikron_package::{ArchiveError, PackageName, RootPath};

/// Why an archive's facts are not known.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FactsError {
    /// The archive cannot be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The content of an entry is not as long as its header says.
    #[error("{entry}: the content has {found} bytes, its header says {expected}")]
    Length {
        /// The entry.
        entry: RootPath,
        /// Bytes that the header announces.
        expected: u64,
        /// Bytes that came, as far as they were counted.
        found: u64,
    },
    /// The spool cannot hold or return a content.
    #[error("cannot spool the content of {entry}: {source}")]
    Spool {
        /// The entry.
        entry: RootPath,
        /// What writing or reading the temporary file gave.
        source: Arc<io::Error>,
    },
    /// Contents that were asked for are not in the archive.
    #[error("{package}: {count} of the wanted contents are not in the archive, {first} among them")]
    Absent {
        /// The package that the archive calls itself.
        package: PackageName,
        /// How many.
        count: usize,
        /// The digest of one of them.
        first: mikron_package::Digest,
    },
    /// Encoded facts are of another version, or damaged. The remedy is to read the archive again.
    #[error("the encoded facts {reason}")]
    Encoding {
        /// What is wrong, as the end of the sentence "the encoded facts …".
        reason: &'static str,
    },
}

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
    #[error("{file}:{line}:{column}: {message}")]
    Yaml {
        /// The file.
        file: String,
        /// Line, from 1; 0 for the file as a whole.
        line: u64,
        /// Column, from 1.
        column: u64,
        /// What is wrong.
        message: String,
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
