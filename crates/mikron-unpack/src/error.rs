//! What can go wrong while a root file system is written, and what of it a place cannot hold.

use std::fmt;
use std::io;
use std::path::PathBuf;

use mikron_package::{Digest, RootPath};

/// A root file system that cannot be written. Its place is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnpackError {
    /// Something lies where the tree belongs.
    #[error(
        "{} is there and is no empty directory\nhelp: name a directory that is new or empty, or remove it first", .path.display()
    )]
    Occupied {
        /// The place.
        path: PathBuf,
    },
    /// The place, or the directory that holds it, cannot be made or examined.
    #[error("cannot {action} {}: {source}", .path.display())]
    Place {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An entry cannot be made.
    #[error("cannot {action} {path} in {}: {source}", .root.display())]
    Entry {
        /// What was tried.
        action: &'static str,
        /// The entry.
        path: RootPath,
        /// The directory that stands for the root.
        root: PathBuf,
        /// What the system said. `ELOOP` and `ENOTDIR` where a link or a file stands in the way of what lies below it.
        source: io::Error,
    },
    /// A device. Made by root, it would give access to the machine's own.
    #[error(
        "{path} is a device, which is not unpacked\nhelp: leave it out of the image (`remove: [{path}]`), or write `tar:FILE`"
    )]
    Device {
        /// The entry.
        path: RootPath,
    },
    /// The entries are not in the order of their paths, or one of them stands twice.
    #[error(
        "the entry {path} stands behind {after}, but entries must be sorted by path, each once"
    )]
    Unsorted {
        /// The entry that comes too late.
        path: RootPath,
        /// The entry before it.
        after: RootPath,
    },
    /// A file whose content is not the one that its entry names.
    #[error("the content of {path} is {found} instead of {}", .expected.map_or_else(|| "one that is named".to_owned(), |d| d.to_string()))]
    Content {
        /// The entry.
        path: RootPath,
        /// The digest of the entry.
        expected: Option<Digest>,
        /// The digest of what came.
        found: Digest,
    },
}

impl UnpackError {
    /// For `map_err` behind a call on the place.
    pub(crate) fn place(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Place {
            action,
            path,
            source,
        }
    }
}

/// What an entry had that the place does not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// An owner other than who unpacked.
    Owner,
    /// The bits that lend the rights of the owner or the group (set-user-ID, set-group-ID).
    SetId,
    /// An extended attribute, by its name: a file capability is `security.capability`.
    Attribute(String),
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owner => f.write_str("the owner, which only root may give"),
            Self::SetId => {
                f.write_str("the set-user-ID or set-group-ID bit, for want of its owner")
            }
            Self::Attribute(name) => {
                write!(
                    f,
                    "the attribute {}, which was not allowed here",
                    name.escape_debug()
                )
            }
        }
    }
}
