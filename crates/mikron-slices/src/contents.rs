//! One path of a slice's `contents`: what is to stand there, and with which options.

use mikron_package::{Architecture, PackageName, RootPath};
use serde::{Deserialize, Serialize};

use crate::Glob;

/// Architectures that something is meant for. Nothing named means all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Architectures(u8);

impl Architectures {
    /// Adds one.
    pub(crate) fn add(&mut self, architecture: Architecture) {
        self.0 |= bit(architecture);
    }

    /// Whether `architecture` is among them.
    pub fn include(self, architecture: Architecture) -> bool {
        self.0 == 0 || self.0 & bit(architecture) != 0
    }

    /// Those that are named; none when it is meant for all.
    pub fn named(self) -> impl Iterator<Item = Architecture> {
        Architecture::ALL
            .into_iter()
            .filter(move |a| self.0 & bit(*a) != 0)
    }
}

fn bit(architecture: Architecture) -> u8 {
    let place = Architecture::ALL.iter().position(|a| *a == architecture);
    place.map_or(0, |place| 1 << place)
}

/// One path of `contents` with its options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The path as it is written: absolute, with `/` at the end for a directory, or a glob.
    pub path: String,
    /// What is to stand there.
    pub kind: ContentKind,
    /// Permission bits (0 to 07777) in place of the package's own, or of those that are usual for what is made.
    pub mode: Option<u32>,
    /// Whether mutation scripts may write it.
    pub mutable: bool,
    /// Whether it is only there until the mutation scripts have run (`until: mutate`).
    pub until_mutate: bool,
    /// Where it applies.
    pub architectures: Architectures,
    /// The package whose definition of this path wins over this one, when both are selected.
    pub prefer: Option<PackageName>,
}

impl Content {
    /// Whether it comes out of the package, and is not made.
    pub(crate) fn is_extracted(&self) -> bool {
        matches!(self.kind, ContentKind::Copy { .. } | ContentKind::Glob(_))
    }

    /// Whether the same path with these options gives the same entry. What is mutable has to be so on both sides: then its
    /// content is agreed to be open.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.kind == other.kind && self.mode == other.mode && self.mutable == other.mutable
    }

    /// The mode of what is made: that of the definition, else 0755 for a directory, 0644 for a file, 0777 for a link.
    pub(crate) fn made_mode(&self) -> u32 {
        match self.kind {
            ContentKind::Symlink(_) => 0o777,
            ContentKind::Directory => self.mode.unwrap_or(0o755),
            _ => self.mode.unwrap_or(0o644),
        }
    }
}

/// What is to stand at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContentKind {
    /// The entry of the package at this path, or at another one.
    Copy {
        /// The other path (`copy`), when it is another.
        from: Option<String>,
    },
    /// All entries of the package that match the path.
    Glob(Glob),
    /// A directory that is made (`make: true`).
    Directory,
    /// A file with this text (`text`).
    Text(String),
    /// A symbolic link to this target (`symlink`).
    Symlink(String),
    /// The list of what was selected, in the directory of the path (`generate: manifest`).
    Manifest,
}

impl ContentKind {
    pub(crate) fn words(&self) -> &'static str {
        match self {
            Self::Copy { from: None } => "a copy from the package",
            Self::Copy { from: Some(_) } => "a copy of another path",
            Self::Glob(_) => "what matches a glob",
            Self::Directory => "a directory that is made",
            Self::Text(_) => "a text",
            Self::Symlink(_) => "a symbolic link",
            Self::Manifest => "a generated manifest",
        }
    }
}

/// Reads a path of `contents`: absolute and clean, with one `/` at the end for a directory.
pub(crate) fn check_path(path: &str) -> Result<(), &'static str> {
    let Some(relative) = path.strip_prefix('/') else {
        return Err("is not absolute");
    };
    let inner = relative.strip_suffix('/').unwrap_or(relative);
    if inner.is_empty() {
        return Err("is the root itself");
    }
    for component in inner.split('/') {
        match component {
            "" => return Err("has an empty component"),
            "." | ".." => return Err("has a `.` or `..` component"),
            _ => {}
        }
    }
    if path.chars().any(char::is_control) {
        return Err("has a control character");
    }
    match RootPath::new(path.as_bytes()) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.reason),
    }
}

/// Whether a definition's path names a directory.
pub(crate) fn is_directory(path: &str) -> bool {
    path.ends_with('/')
}

/// The path below the root; definitions are checked when they are read, so this only fails for what was made by hand.
pub(crate) fn root_path(path: &str) -> RootPath {
    RootPath::new(path.as_bytes()).unwrap_or_default()
}

/// What a package's entry takes part in after it was selected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifetime {
    /// Mutation scripts may write it.
    pub mutable: bool,
    /// It is removed when the mutation scripts have run: every slice that names it says so.
    pub until_mutate: bool,
}
