//! Errors of the merge, as data.

use std::sync::Arc;

use mikron_package::{Digest, Origin, PathError, RootPath};

/// Why no tree came out.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootfsError {
    /// An entry of a package that cannot stand in an image.
    #[error("{claim}: {path}: {fault}")]
    Entry {
        /// The package that brings it.
        claim: Claim,
        /// The path as the archive has it.
        path: RootPath,
        /// What is wrong.
        fault: EntryFault,
    },
    /// Two packages bring the same path, and neither says that it replaces the other's files.
    #[error(
        "{path} is brought by {first} and by {second} with other content, and neither replaces the other"
    )]
    Duplicate {
        /// The path in the merged tree.
        path: RootPath,
        /// Who has it.
        first: Claim,
        /// Who wants it too.
        second: Claim,
    },
    /// One package has a file where another needs a directory.
    #[error("{path} is a {found} of {first}, and {second} needs a directory there (for {wanted})")]
    NotADirectory {
        /// The path in the merged tree.
        path: RootPath,
        /// What lies there.
        found: &'static str,
        /// Whose it is.
        first: Claim,
        /// Who needs the directory.
        second: Claim,
        /// What it is needed for.
        wanted: RootPath,
    },
    /// Two paths differ only in case or in Unicode normalisation, and the build is strict.
    #[error(
        "{first} and {second} differ only in case or in Unicode normalisation: they collide on filesystems that fold names (strict mode)"
    )]
    Collision {
        /// The path that sorts first.
        first: RootPath,
        /// The other one.
        second: RootPath,
    },
    /// A spec file that cannot be placed.
    #[error("files: {path}: {reason}")]
    SpecFile {
        /// Its path.
        path: RootPath,
        /// Why not.
        reason: String,
    },
    /// A name that no account has.
    #[error(
        "{wanted_by} names the {what} `{name}`, which no account has (add it under `accounts`, or use a number)"
    )]
    UnknownAccount {
        /// `user` or `group`.
        what: &'static str,
        /// The name.
        name: String,
        /// Who names it: `run-as`, or a path.
        wanted_by: String,
    },
    /// Accounts that contradict each other or break a rule.
    #[error("accounts: {name}: {reason}")]
    Account {
        /// The account.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// A malformed `remove` pattern.
    #[error("remove: {0}")]
    Pattern(#[from] mikron_package::GlobError),
    /// A path that cannot stand inside the root.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A finalizer could not read a content.
    #[error("{path}: content {digest}: {error}")]
    Content {
        /// The file.
        path: RootPath,
        /// Its content.
        digest: Digest,
        /// What reading gave.
        error: Arc<std::io::Error>,
    },
    /// A finalizer failed.
    #[error("the finalizer `{finalizer}`: {fault}")]
    Finalizer {
        /// Its name.
        finalizer: String,
        /// What went wrong.
        fault: FinalizerFault,
    },
    /// The finalizers of a build cannot be brought into an order.
    #[error("the finalizers have no order: {0}")]
    Order(#[from] OrderError),
}

/// What went wrong in a finalizer.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FinalizerFault {
    /// A file that it reads is not what it should be.
    #[error("{path}: {reason}")]
    Malformed {
        /// The file.
        path: RootPath,
        /// What is wrong with it.
        reason: String,
    },
    /// A program waits for what a step of an installation makes by running a program of the package.
    #[error(
        "{program} cannot work without what `{run}` makes ({makes}), and no program of a package is run here: make it in a full \
         installation and bring it by `files`"
    )]
    StepMissing {
        /// The program.
        program: String,
        /// What makes it.
        run: String,
        /// The glob of what is made.
        makes: String,
    },
    /// Something that the crate of the finalizer says.
    #[error("{0}")]
    Other(Arc<dyn std::error::Error + Send + Sync>),
}

/// Why finalizers cannot be brought into an order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OrderError {
    /// Two have one name.
    #[error("two are called `{name}`")]
    SameName {
        /// The name.
        name: &'static str,
    },
    /// Two make the same thing.
    #[error("`{first}` and `{second}` both make {path}")]
    MadeTwice {
        /// The glob of the second.
        path: &'static str,
        /// Who says so first.
        first: &'static str,
        /// Who says so, too.
        second: &'static str,
    },
    /// Each waits for another one.
    #[error("each of these waits for another: {}", .names.join(", "))]
    Circle {
        /// Their names, in the order of the list.
        names: Vec<&'static str>,
    },
}

/// A package that claims a path, with where its archive came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// The package, or `the spec`, or the name of a finalizer.
    pub package: String,
    /// The archive; empty where it is unknown or where there is none.
    pub origin: Origin,
}

impl std::fmt::Display for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.package)?;
        if !self.origin.archive.is_empty() {
            write!(f, " ({}", self.origin.archive)?;
            if !self.origin.source.is_empty() {
                write!(f, ", source {}", self.origin.source)?;
            }
            f.write_str(")")?;
        }
        Ok(())
    }
}

/// What is wrong with one entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryFault {
    /// A way through symbolic links that leaves the root.
    #[error("the way to it leaves the root through the link {link}")]
    Escape {
        /// The link that climbs out.
        link: RootPath,
    },
    /// A way through symbolic links that never ends.
    #[error("the way to it goes round in circles through the link {link}")]
    Loop {
        /// A link of the loop.
        link: RootPath,
    },
    /// A hard link whose file is not there.
    #[error("the hard link names {target}, which the package does not bring")]
    HardlinkMissing {
        /// The target.
        target: RootPath,
    },
    /// A hard link to something that is not a file.
    #[error("the hard link names {target}, which is a {found}")]
    HardlinkToOther {
        /// The target.
        target: RootPath,
        /// What lies there.
        found: &'static str,
    },
    /// Hard links that name each other.
    #[error("the hard link names {target}, which leads back to it")]
    HardlinkLoop {
        /// The target.
        target: RootPath,
    },
    /// A device or a named pipe, which nobody allowed.
    #[error("a {found} is refused (allow devices by name to keep it)")]
    Device {
        /// What it is.
        found: &'static str,
    },
    /// An extended attribute that would change how a container engine reads the layer.
    #[error(
        "the extended attribute `{name}` is refused: it belongs to the engine that unpacks the layer"
    )]
    Xattr {
        /// Its name, escaped.
        name: String,
    },
    /// A name that layers reserve (OCI image-spec, layer, "Whiteouts").
    #[error(
        "names that begin with `.wh.` are reserved for whiteouts in layers (`remove` can leave it out)"
    )]
    Whiteout,
    /// Mode bits that do not exist.
    #[error("the mode {mode:o} has bits above 7777")]
    Mode {
        /// The mode.
        mode: u32,
    },
    /// A regular file without a content digest.
    #[error("the file comes without the digest of its content")]
    NoContent,
    /// A symbolic link that is empty or holds a NUL byte.
    #[error("the target of the symbolic link is empty, or holds a NUL byte")]
    BadTarget,
    /// A path that cannot stand inside the root after links on its way were followed.
    #[error("{0}")]
    Path(PathError),
}
