//! Files that the spec itself brings into the image.

mod form;
mod mode;

use mikron_package::{Digest, RootPath};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::account::Principal;
pub use mode::Mode;

/// What the spec puts into the image at one path, over whatever a package has there: a file, a directory, a symbolic link, or a whole
/// tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// Where it stands in the image.
    pub path: RootPath,
    /// What stands there.
    pub content: FileContent,
    /// Who owns it; user 0 if not given.
    pub owner: Option<Principal>,
    /// The group; that of the owner if not given, else 0.
    pub group: Option<Principal>,
    /// The permissions; if not given, 0755 for directories and for files from one that its owner may execute, else 0644. Links have
    /// none, and a tree cannot have one for all of its files.
    pub mode: Option<Mode>,
    /// What is taken over from where it comes from, beside the content.
    pub keep: Keep,
    /// What has to be in the image for it.
    pub check: FileCheck,
    /// What of a tree is taken.
    pub taken: Taken,
    /// What its content has to be: the SHA-256 of a file or archive, or the digest of a tree.
    pub digest: Option<Digest>,
    /// The layer that it lies in; the last one if not given.
    pub layer: Option<String>,
}

/// Attributes that are taken over as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// The permissions of files and directories (`mode: keep`).
    pub mode: bool,
    /// The owners that an archive names (`owner: keep`).
    pub owner: bool,
}

/// What of a tree is taken: all of it if nothing is said, but for `.git`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Globs of paths in the tree; where there are any, nothing else is taken than they match.
    pub include: Vec<String>,
    /// Globs of paths in the tree that are left out; those with `!` take back.
    pub exclude: Vec<String>,
    /// Files of the tree that say what is left out.
    pub ignore: Vec<IgnoreFile>,
}

/// A file of a tree that says what of it is left out.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum IgnoreFile {
    /// The one at the top of the tree, by the rules of Docker's build contexts.
    #[serde(rename = ".dockerignore")]
    Docker,
    /// Those in all directories of the tree, by the rules of gitignore(5). What lies outside of the tree is not asked.
    #[serde(rename = ".gitignore")]
    Git,
}

/// What of the needs of a file of the spec has to be in the image: libraries, an interpreter, what a script calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FileCheck {
    /// All that it needs.
    #[default]
    All,
    /// Nothing: it is taken as it comes, followed nowhere, and no proof is made of it.
    None,
}

/// What stands at the path of a [`FileEntry`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileContent {
    /// What lies beside the spec: the content of a regular file, or a directory with all that is in it. A path relative to the spec's
    /// directory.
    From(String),
    /// What is in a tar archive beside the spec, below the path.
    Archive(String),
    /// This text, as it stands in the spec.
    Text(String),
    /// An empty directory.
    Directory,
    /// A symbolic link with this target.
    Symlink(String),
}

impl FileContent {
    /// The file or directory of the host that it comes from.
    pub fn source(&self) -> Option<&str> {
        match self {
            Self::From(from) | Self::Archive(from) => Some(from),
            Self::Text(_) | Self::Directory | Self::Symlink(_) => None,
        }
    }
}

impl FileEntry {
    /// An entry with the default owner, group and mode.
    pub fn new(path: RootPath, content: FileContent) -> Self {
        Self {
            path,
            content,
            owner: None,
            group: None,
            mode: None,
            keep: Keep::default(),
            check: FileCheck::All,
            taken: Taken::default(),
            digest: None,
            layer: None,
        }
    }
}
