//! Why a tree cannot be taken, as data.

use std::io;
use std::path::{Path, PathBuf};

use mikron_facts::FactsError;
use mikron_package::{ArchiveError, Digest, GlobError, LimitExceeded, PathError, RootPath};

/// Why a tree cannot be taken. Files of the tree are named as the host has them, except where they lie in an archive.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// Something cannot be read.
    #[error("cannot read {}: {error}", shown(.path))]
    Io {
        /// What.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// What the tree should be is a pipe, a socket or a device.
    #[error("{} is neither a regular file nor a directory", shown(.path))]
    NoTree {
        /// What was named.
        path: PathBuf,
    },
    /// The tree holds something that is no file, directory or link.
    #[error("{} is a {kind}", shown(.path))]
    Special {
        /// Where it lies.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// A link leads out of the tree.
    #[error("the link {} leads out of the tree: it points to {}", shown(.link), .target.escape_ascii())]
    Leaves {
        /// The link.
        link: PathBuf,
        /// Where it points, as it says.
        target: Vec<u8>,
    },
    /// A link names the tree by its place on this machine, which no image has.
    #[error("the link {} points to {}, the tree's place on this machine", shown(.link), .target.escape_ascii())]
    OnHost {
        /// The link.
        link: PathBuf,
        /// Where it points, as it says.
        target: Vec<u8>,
    },
    /// A file vanished or changed between two looks at it.
    #[error("{} changed while it was read", shown(.path))]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A name that no image can have.
    #[error(transparent)]
    Name(#[from] PathError),
    /// A pattern that is none.
    #[error(transparent)]
    Pattern(#[from] GlobError),
    /// A file that says what is left out cannot be understood.
    #[error("{}: {reason}", shown(.path))]
    Ignore {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The tree holds too much.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    /// The facts of a file cannot be learnt.
    #[error(transparent)]
    Facts(#[from] FactsError),
    /// An archive is not right.
    #[error("{}: {error}", shown(.path))]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is wrong, with entry and offset.
        error: Box<ArchiveError>,
    },
    /// A second name in an archive is that of no file in it.
    #[error("{}: {link} is a second name of {target}, which is not taken", shown(.path))]
    HardLink {
        /// The archive.
        path: PathBuf,
        /// The second name.
        link: RootPath,
        /// The first.
        target: RootPath,
    },
    /// The content is another one than the spec says.
    #[error("the digest of {} is {found}", shown(.path))]
    Digest {
        /// The file, directory or archive.
        path: PathBuf,
        /// Its digest.
        found: Digest,
    },
}

impl TreeError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        |error| Self::Io {
            path: path.to_owned(),
            error,
        }
    }

    /// What can be done; empty where the message says it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Io { error, .. } if error.kind() == io::ErrorKind::NotFound => {
                "paths are relative to the file that names them"
            }
            Self::Special { .. } => "leave it out with `exclude`: an image has no use for it",
            Self::Leaves { .. } => {
                "let it point into the tree, or, by a path from `/`, to what the image has there"
            }
            Self::OnHost { .. } => {
                "let it point there by a relative path, or by that which the image has"
            }
            Self::Changed { .. } => "build again when nobody writes to the tree",
            Self::HardLink { .. } => "take both of them",
            Self::Digest { .. } => {
                "where the content may be what it is now, write this digest into the spec"
            }
            _ => "",
        }
    }
}

/// A path of the host on one line, whatever bytes it has.
fn shown(path: &Path) -> String {
    use std::fmt::Write as _;
    use std::os::unix::ffi::OsStrExt as _;
    let mut text = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() {
                text.extend(c.escape_default());
            } else {
                text.push(c);
            }
        }
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}
