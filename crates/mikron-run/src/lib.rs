//! Runs an unpacked image in place: no daemon, and no root.
//!
//! A container is made of what lies there. crun or runc, whichever the machine has, gets a bundle (OCI runtime-spec, "Filesystem Bundle") that
//! lives as long as the run: the directories of the root file system are mounted into it as overlays, so that the unpacked image, which all
//! runs share, stays as it is, and what the program writes goes with the run. What is to stay is written to a [`Mount`].
//!
//! Whoever is not root becomes, in a user namespace of one user and one group, the user of the image; so what the program writes to mounts
//! belongs to the caller. No table of subordinate users is needed. Root runs the image as the user that it names.

mod bundle;
mod container;
mod process;
mod runtime;

pub use bundle::{Launch, Mount, MountError};
pub use container::{Container, Scratch};
pub use process::{Process, ProcessError};
pub use runtime::{Runtime, signal};

use std::io;
use std::path::PathBuf;

/// A container that does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// No runtime can be used.
    #[error(
        "no container runtime is on PATH that works here ({})\nhelp: install crun or runc, or run the image with an engine (`-o docker-daemon:NAME`)",
        .tried.iter().map(|(name, why)| format!("{name}: {why}")).collect::<Vec<_>>().join("; ")
    )]
    NoRuntime {
        /// What was looked for, and why it was not taken.
        tried: Vec<(&'static str, &'static str)>,
    },
    /// The image does not say what to run, or as whom.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A mount whose source is not there.
    #[error("cannot mount {}: {source}\nhelp: a mount is SRC:DST[:ro], where SRC exists on this machine", .path.display())]
    Source {
        /// The source.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The bundle cannot be made, or the runtime not be started.
    #[error("cannot {action} {}: {source}", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl RunError {
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}
