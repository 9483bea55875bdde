//! Proof by work: a command runs in the image of a spec and in one of the whole closure, and what only the latter had is told.
//!
//! The image is closed: all that its files say they need is there. What a program opens by a name that it puts together nobody can prove, but
//! it can be seen. A [`Trial`] unpacks the image and the same with nothing left out ([`mikron::Builder::whole`]), runs a command in both, and
//! watches what it opens of the files that the image has not. What comes of it is data: a [`Comparison`], with the [`Line`]s for the spec
//! that bring what is lacking.
//!
//! ```no_run
//! use mikron::Builder;
//! use mikron_run::Runtime;
//! use mikron_try::Trial;
//! let runtime = Runtime::find(&std::env::var_os("PATH").unwrap_or_default())?;
//! let trial = Trial::new(Builder::from_file("image.yaml")?);
//! let compared = trial.run(&runtime)?;
//! for line in &compared.lines {
//!     println!("{}: {}", line.key, line.value);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The kernel tells who opens what (inotify(7)): no rights are needed for it but those to read the directories, no program is slowed down or
//! stopped, and it makes no difference by which runtime the container runs. What is only asked for and not opened (stat(2)) is not seen.

mod amend;
mod compare;
mod spared;
mod trial;
mod watch;

pub use amend::amend;
pub use compare::{Comparison, Key, Lacking, Line, Spared};
pub use trial::{End, Ran, Trial};

use std::io;
use std::path::PathBuf;

/// A trial that does not come to an end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TryError {
    /// An image cannot be built or unpacked.
    #[error(transparent)]
    Build(#[from] Box<mikron::Error>),
    /// A container does not start.
    #[error(transparent)]
    Run(#[from] mikron_run::RunError),
    /// Not even the whole closure has the program.
    #[error(
        "neither the image nor the whole closure of its packages has `{}`\nhelp: name the package that has it among the spec's packages, or bring it by `files` or --mount",
        .program.escape_debug()
    )]
    NoProgram {
        /// The first word of the command.
        program: String,
    },
    /// The directories of the image cannot be watched.
    #[error("cannot watch {}: {source}{}", .path.display(), watching(.source))]
    Watch {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The spec is written in a form that lines cannot be put into.
    #[error(
        "{} is not written in a form that lines can be put into\nhelp: write them yourself: {}",
        .file.display(), .lines.iter().map(|line| format!("{}: [\"{}\"]", line.key, line.value)).collect::<Vec<_>>().join(", ")
    )]
    Amend {
        /// The file, which stays as it is.
        file: PathBuf,
        /// The lines.
        lines: Vec<Line>,
    },
    /// A table of the product does not read.
    #[error(transparent)]
    Table(#[from] mikron_yaml::TableError),
}

impl From<mikron::Error> for TryError {
    fn from(error: mikron::Error) -> Self {
        Self::Build(Box::new(error))
    }
}

/// What can be done where the kernel refuses a watch.
fn watching(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull => {
            "\nhelp: raise the number of watches that a user may have: sysctl fs.inotify.max_user_watches"
        }
        _ => "",
    }
}
