//! What a person should know of a merge that went well.

use mikron_package::RootPath;
use serde::{Deserialize, Serialize};

/// Something worth knowing although the tree was built.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Diagnostic {
    /// Two paths differ only in case or in Unicode normalisation.
    Collision {
        /// The path that sorts first.
        first: RootPath,
        /// The other one.
        second: RootPath,
    },
    /// A file of one package took the place of another's, because it declares `Replaces`.
    Replaced {
        /// The path.
        path: RootPath,
        /// Whose file is in the image.
        by: String,
        /// Whose is not.
        from: String,
    },
    /// Packages disagree about a directory's mode or owner; the first one's stands.
    DirectoryDiffers {
        /// The directory.
        path: RootPath,
        /// Whose attributes stand.
        kept: String,
        /// Whose do not.
        ignored: String,
    },
    /// A directory entry at the path of a symbolic link: the link and what it leads to were left as they are.
    DirectoryOverLink {
        /// The path.
        path: RootPath,
        /// Whose entry was left out.
        ignored: String,
    },
    /// A link that would lead to itself in a merged /usr was left out.
    SelfLink {
        /// The path.
        path: RootPath,
        /// Whose link it was.
        package: String,
    },
    /// A `remove` pattern that matched nothing.
    PatternUnused {
        /// The pattern as the spec has it.
        pattern: String,
    },
    /// A `remove` pattern matches what the image that is built upon has, which stays.
    BaseStays {
        /// The pattern as the spec has it.
        pattern: String,
        /// How many files there match it.
        count: usize,
    },
    /// A `remove` pattern names a directory that holds something, and so stays.
    DirectoryStays {
        /// The directory as the spec has it.
        path: RootPath,
    },
    /// A spec file took the place of a package's file.
    Overridden {
        /// The path.
        path: RootPath,
        /// Whose file it was.
        package: String,
    },
}
