//! The `files` of a spec.

use mikron_package::{Digest, RootPath, SharedText};

/// One file, directory or link that the spec brings itself.
///
/// ```
/// use mikron_package::RootPath;
/// use mikron_rootfs::{FileSource, SpecFile, SpecFileKind};
/// let file = SpecFile {
///     path: RootPath::new(b"/etc/motd")?,
///     kind: SpecFileKind::File(FileSource::Bytes(b"hello\n".to_vec())),
///     owner: Some("root".into()),
///     group: None,
///     mode: Some(0o644),
///     layer: None,
/// };
/// assert_eq!(file.mode, Some(0o644));
/// # Ok::<(), mikron_package::PathError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecFile {
    /// Where it goes. Links above it are followed.
    pub path: RootPath,
    /// What it is.
    pub kind: SpecFileKind,
    /// The user that owns it, by name or number; root where nothing is said.
    pub owner: Option<String>,
    /// The group, by name or number; the owner's own group where nothing is said.
    pub group: Option<String>,
    /// Mode bits, at most 7777 octal; 0644 for files and 0755 for directories where nothing is said.
    pub mode: Option<u32>,
    /// The layer that it lies in; that of what no package brought where nothing is said.
    pub layer: Option<SharedText>,
}

/// What a spec file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpecFileKind {
    /// A regular file.
    File(FileSource),
    /// A directory; where it exists already, its owner and mode are set.
    Directory,
    /// A directory of a tree that is placed as a whole; where one exists already, that stays as it is.
    TreeDirectory,
    /// A symbolic link with this target.
    Symlink(Vec<u8>),
}

/// Where the content of a spec file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileSource {
    /// Here.
    Bytes(Vec<u8>),
    /// In the contents that the assembly is given.
    Content {
        /// Its digest.
        digest: Digest,
        /// Its size in bytes.
        size: u64,
    },
}
