//! What goes into the tree, and whose it is.

use mikron_package::{Digest, Entry, SharedText};
use serde::{Deserialize, Serialize};

/// One chosen entry of one chosen package.
///
/// ```
/// use mikron_package::{Entry, EntryKind, RootPath};
/// use mikron_rootfs::Part;
/// let entry = Entry::new(RootPath::new(b"/etc/nginx")?, EntryKind::Directory, 0o755);
/// let part = Part::new("nginx-common", "config", entry, None);
/// assert_eq!(part.package, "nginx-common");
/// # Ok::<(), mikron_package::PathError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Name of the package.
    pub package: SharedText,
    /// Name of the capability of the package (`libs`).
    pub capability: SharedText,
    /// The entry as the archive has it.
    pub entry: Entry,
    /// Digest of the content of a regular file, or of the file that a hard link names.
    pub content: Option<Digest>,
    /// For a hard link: the entry of the file that it names. With it the link can stand alone when that file was not
    /// chosen; without it the file has to be among the parts of the same package.
    pub linked: Option<Box<Entry>>,
}

impl Part {
    /// A part without [`Part::linked`].
    pub fn new(
        package: impl Into<SharedText>,
        capability: impl Into<SharedText>,
        entry: Entry,
        content: Option<Digest>,
    ) -> Self {
        Self {
            package: package.into(),
            capability: capability.into(),
            entry,
            content,
            linked: None,
        }
    }

    /// The same part with the entry of the file that a hard link names.
    #[must_use]
    pub fn with_linked(mut self, linked: Entry) -> Self {
        self.linked = Some(Box::new(linked));
        self
    }
}

/// Who brought a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum Owner {
    /// A package.
    Package {
        /// Its name.
        package: SharedText,
        /// The capability that holds the path.
        capability: SharedText,
    },
    /// The `files` of the spec.
    Spec,
    /// A finalizer.
    Finalizer {
        /// Its name.
        name: SharedText,
    },
    /// Nobody: a directory that is there because something lies in it, or a link of the merged /usr.
    Layout,
}

impl Owner {
    /// The owner for a package's capability.
    pub fn package_of(package: impl Into<SharedText>, capability: impl Into<SharedText>) -> Self {
        Self::Package {
            package: package.into(),
            capability: capability.into(),
        }
    }

    /// The owner for a finalizer.
    pub fn finalizer(name: &str) -> Self {
        Self::Finalizer { name: name.into() }
    }

    /// The package, where a package brought it.
    pub fn package(&self) -> Option<&str> {
        match self {
            Self::Package { package, .. } => Some(package),
            _ => None,
        }
    }

    /// The capability, where a package brought it.
    pub fn capability(&self) -> Option<&str> {
        match self {
            Self::Package { capability, .. } => Some(capability),
            _ => None,
        }
    }
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Package {
                package,
                capability,
            } => write!(f, "{package}:{capability}"),
            Self::Spec => f.write_str("the spec"),
            Self::Finalizer { name } => write!(f, "the finalizer `{name}`"),
            Self::Layout => f.write_str("the layout"),
        }
    }
}
