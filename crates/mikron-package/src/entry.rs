//! One entry of an archive: a file, directory, link or device with its attributes.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{RootPath, SharedText};

type Values = BTreeMap<Vec<u8>, Vec<u8>>;

/// Extended attributes by name, as bytes (`user.…`, `security.capability`): a map that takes the room of a pointer where it is
/// empty, as it is for nearly every file.
///
/// ```
/// use mikron_package::Xattrs;
/// let mut xattrs = Xattrs::new();
/// assert!(xattrs.is_empty());
/// xattrs.insert(b"user.a".to_vec(), b"1".to_vec());
/// assert_eq!(xattrs[&b"user.a"[..]], b"1");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Xattrs(Option<Box<Values>>);

impl Xattrs {
    /// No attributes.
    pub const fn new() -> Self {
        Self(None)
    }
}

impl Deref for Xattrs {
    type Target = Values;

    fn deref(&self) -> &Values {
        static NONE: Values = Values::new();
        self.0.as_deref().unwrap_or(&NONE)
    }
}

impl DerefMut for Xattrs {
    fn deref_mut(&mut self) -> &mut Values {
        self.0.get_or_insert_default()
    }
}

impl PartialEq for Xattrs {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Xattrs {}

impl FromIterator<(Vec<u8>, Vec<u8>)> for Xattrs {
    fn from_iter<I: IntoIterator<Item = (Vec<u8>, Vec<u8>)>>(pairs: I) -> Self {
        let values: Values = pairs.into_iter().collect();
        Self((!values.is_empty()).then(|| Box::new(values)))
    }
}

impl<'a> IntoIterator for &'a Xattrs {
    type Item = (&'a Vec<u8>, &'a Vec<u8>);
    type IntoIter = std::collections::btree_map::Iter<'a, Vec<u8>, Vec<u8>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Extended attributes as a list of pairs: in JSON the keys of a mapping are text, and theirs are bytes.
mod pairs {
    use serde::{Deserialize as _, Deserializer, Serializer};

    use super::Xattrs;

    pub(super) fn serialize<S: Serializer>(xattrs: &Xattrs, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(xattrs)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Xattrs, D::Error> {
        let pairs = Vec::<(Vec<u8>, Vec<u8>)>::deserialize(from)?;
        Ok(pairs.into_iter().collect())
    }
}

/// One entry of an archive or of the merged tree, without its content.
///
/// ```
/// use mikron_package::{Entry, EntryKind, RootPath};
/// let entry = Entry::new(RootPath::new(b"usr/bin/nginx")?, EntryKind::File { size: 1 }, 0o755);
/// assert!(entry.is_file());
/// assert_eq!((entry.uid, entry.gid, entry.mtime), (0, 0, 0));
/// # Ok::<(), mikron_package::PathError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Where it lies inside the root.
    pub path: RootPath,
    /// What it is.
    pub kind: EntryKind,
    /// Permission, setuid, setgid and sticky bits: the low twelve bits of `st_mode`.
    pub mode: u32,
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
    /// Owner by name where the archive gives one (ustar `uname`).
    pub user: Option<SharedText>,
    /// Group by name where the archive gives one (ustar `gname`).
    pub group: Option<SharedText>,
    /// Modification time in seconds since 1970, never negative.
    pub mtime: i64,
    /// Extended attributes.
    #[serde(with = "pairs")]
    pub xattrs: Xattrs,
}

impl Entry {
    /// An entry that belongs to root (0:0), with time 0 and no extended attributes.
    pub fn new(path: RootPath, kind: EntryKind, mode: u32) -> Self {
        Self {
            path,
            kind,
            mode,
            uid: 0,
            gid: 0,
            user: None,
            group: None,
            mtime: 0,
            xattrs: Xattrs::new(),
        }
    }

    /// Whether it is a regular file.
    pub fn is_file(&self) -> bool {
        matches!(self.kind, EntryKind::File { .. })
    }

    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        matches!(self.kind, EntryKind::Directory)
    }

    /// The size of the content in bytes; 0 for what is not a regular file.
    pub fn size(&self) -> u64 {
        match self.kind {
            EntryKind::File { size } => size,
            _ => 0,
        }
    }
}

/// What an entry is.
///
/// To people it is written with its type as a tag (`{"type": "file", "size": 1}`); compact formats, which cannot look ahead
/// for a tag, get the number of the variant first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File {
        /// Its size in bytes.
        size: u64,
    },
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink {
        /// The target exactly as the archive has it.
        target: Vec<u8>,
    },
    /// A second name of a file that stands earlier in the same archive.
    Hardlink {
        /// The path of that file inside the root.
        target: RootPath,
    },
    /// A character device.
    CharDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A block device.
    BlockDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A named pipe.
    Fifo,
}

impl Serialize for EntryKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            Tagged::serialize(self, serializer)
        } else {
            Numbered::serialize(self, serializer)
        }
    }
}

impl<'de> Deserialize<'de> for EntryKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            Tagged::deserialize(deserializer)
        } else {
            Numbered::deserialize(deserializer)
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "EntryKind", tag = "type", rename_all = "kebab-case")]
enum Tagged {
    File { size: u64 },
    Directory,
    Symlink { target: Vec<u8> },
    Hardlink { target: RootPath },
    CharDevice { major: u32, minor: u32 },
    BlockDevice { major: u32, minor: u32 },
    Fifo,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "EntryKind", rename_all = "kebab-case")]
enum Numbered {
    File { size: u64 },
    Directory,
    Symlink { target: Vec<u8> },
    Hardlink { target: RootPath },
    CharDevice { major: u32, minor: u32 },
    BlockDevice { major: u32, minor: u32 },
    Fifo,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_with_extended_attributes_is_read_back_from_json() {
        let path = RootPath::new(b"/usr/bin/ping").expect("a path");
        let mut entry = Entry::new(path, EntryKind::File { size: 3 }, 0o755);
        let capability = (b"security.capability".to_vec(), vec![1, 0, 0, 2]);
        entry.xattrs.extend([capability]);
        let text = serde_json::to_string(&entry).expect("JSON");
        assert_eq!(serde_json::from_str::<Entry>(&text).expect("read"), entry);
    }
}
