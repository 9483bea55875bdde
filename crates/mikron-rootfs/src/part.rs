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

/// An entry of the image that is built upon. It stays as it is where nothing is put in its place, and nobody takes it away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Below {
    /// The entry, with owners by number.
    pub entry: Entry,
    /// Digest of the content, for regular files and hard links.
    pub content: Option<Digest>,
    /// The package that it is of; empty where nothing says so.
    pub package: SharedText,
}

impl Below {
    /// Whether an entry of the finished tree is still this one, whatever its time.
    pub fn is(&self, entry: &Entry, content: Option<Digest>) -> bool {
        let attributes = |entry: &Entry| (entry.mode, entry.uid, entry.gid);
        let link = matches!(self.entry.kind, mikron_package::EntryKind::Symlink { .. });
        self.entry.kind == entry.kind
            && self.content == content
            && (link || attributes(&self.entry) == attributes(entry))
            && self.entry.xattrs == entry.xattrs
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
    /// The image that is built upon.
    Base {
        /// The package that it is of there; empty where nothing says so.
        package: SharedText,
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

    /// Whether the image that is built upon has it.
    pub fn is_base(&self) -> bool {
        matches!(self, Self::Base { .. })
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
            Self::Base { package } if package.is_empty() => f.write_str("the base image"),
            Self::Base { package } => write!(f, "the base image ({package})"),
            Self::Spec => f.write_str("the spec"),
            Self::Finalizer { name } => write!(f, "the finalizer `{name}`"),
            Self::Layout => f.write_str("the layout"),
        }
    }
}
