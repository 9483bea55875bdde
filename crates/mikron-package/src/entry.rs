//! One entry of an archive: a file, directory, link or device with its attributes.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Attributes, RootPath, SharedText, Xattrs};

/// Extended attributes as a list of pairs: in JSON the keys of a mapping are text, and theirs are bytes.
mod pairs {
    use serde::{Deserialize as _, Deserializer, Serializer};

    use crate::Xattrs;

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
#[serde(from = "Flat", into = "Flat")]
pub struct Entry {
    /// Where it lies inside the root.
    pub path: RootPath,
    /// What it is.
    pub kind: EntryKind,
    /// The rest, as fields of the entry: `entry.mode`. A change of one leaves those of other entries as they are.
    pub attributes: Arc<Attributes>,
}

impl Deref for Entry {
    type Target = Attributes;

    fn deref(&self) -> &Attributes {
        &self.attributes
    }
}

impl DerefMut for Entry {
    fn deref_mut(&mut self) -> &mut Attributes {
        Arc::make_mut(&mut self.attributes)
    }
}

/// An entry as it is written: with its attributes beside path and kind.
#[derive(Serialize, Deserialize)]
struct Flat {
    path: RootPath,
    kind: EntryKind,
    mode: u32,
    uid: u32,
    gid: u32,
    user: Option<SharedText>,
    group: Option<SharedText>,
    mtime: i64,
    #[serde(with = "pairs")]
    xattrs: Xattrs,
}

impl From<Entry> for Flat {
    fn from(entry: Entry) -> Self {
        let Attributes {
            mode,
            uid,
            gid,
            user,
            group,
            mtime,
            xattrs,
        } = Arc::unwrap_or_clone(entry.attributes);
        Self {
            path: entry.path,
            kind: entry.kind,
            mode,
            uid,
            gid,
            user,
            group,
            mtime,
            xattrs,
        }
    }
}

impl From<Flat> for Entry {
    fn from(flat: Flat) -> Self {
        let attributes = Attributes {
            mode: flat.mode,
            uid: flat.uid,
            gid: flat.gid,
            user: flat.user,
            group: flat.group,
            mtime: flat.mtime,
            xattrs: flat.xattrs,
        };
        Self {
            path: flat.path,
            kind: flat.kind,
            attributes: attributes.shared(),
        }
    }
}

impl Entry {
    /// The same entry with the time brought into bounds: not before 1970, not after `latest`.
    pub fn clamp_mtime(&mut self, latest: i64) {
        let mtime = self.mtime.clamp(0, latest.max(0));
        if mtime != self.mtime {
            let changed = Attributes {
                mtime,
                ..(*self.attributes).clone()
            };
            self.attributes = changed.shared();
        }
    }

    /// An entry that belongs to root (0:0), with time 0 and no extended attributes.
    pub fn new(path: RootPath, kind: EntryKind, mode: u32) -> Self {
        let attributes = Attributes {
            mode,
            ..Attributes::default()
        };
        Self {
            path,
            kind,
            attributes: attributes.shared(),
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
