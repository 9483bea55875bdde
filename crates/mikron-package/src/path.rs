//! Paths inside the virtual root. They never name anything on the host.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A normalised path inside the virtual root filesystem: bytes, relative to the root, components separated by one `/`,
/// without `.` and `..`, without a leading or trailing `/`. The root itself is the empty path.
///
/// Clones share their bytes: a path stands in the facts of its package, in the selection and in the tree.
///
/// Bytes and not text, because archives hold names that are not UTF-8; [`fmt::Display`] shows a leading `/` and escapes
/// what is not printable. The order is the order of the bytes with `/` sorted first, so that a directory is directly
/// followed by what it holds.
///
/// ```
/// use mikron_package::RootPath;
/// let path = RootPath::new(b"./usr//bin/nginx")?;
/// assert_eq!(path.as_bytes(), b"usr/bin/nginx");
/// assert_eq!(path.to_string(), "/usr/bin/nginx");
/// assert_eq!(path.parent(), Some(RootPath::new(b"/usr/bin")?));
/// assert!(RootPath::new(b"usr/../../etc").is_err());
/// # Ok::<(), mikron_package::PathError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct RootPath(Arc<[u8]>);

impl RootPath {
    /// Longest accepted path in bytes (`PATH_MAX` of Linux).
    pub const MAX_LEN: usize = 4096;
    /// Longest accepted component in bytes (`NAME_MAX` of Linux).
    pub const MAX_COMPONENT: usize = 255;

    /// Normalises `bytes`, absolute or relative, into a path below the root.
    ///
    /// # Errors
    /// When a component is `..`, the path holds a NUL byte, or a length limit is exceeded.
    pub fn new(bytes: &[u8]) -> Result<Self, PathError> {
        let wrong = |reason| PathError {
            path: bytes.iter().copied().take(Self::MAX_LEN).collect(),
            reason,
        };
        if bytes.len() > Self::MAX_LEN {
            return Err(wrong("is longer than 4096 bytes"));
        }
        if bytes.contains(&0) {
            return Err(wrong("holds a NUL byte"));
        }
        let mut normal = Vec::with_capacity(bytes.len());
        for component in bytes.split(|b| *b == b'/') {
            match component {
                b"" | b"." => {}
                b".." => return Err(wrong("has a `..` component")),
                name if name.len() > Self::MAX_COMPONENT => {
                    return Err(wrong("has a component of more than 255 bytes"));
                }
                name => {
                    if !normal.is_empty() {
                        normal.push(b'/');
                    }
                    normal.extend_from_slice(name);
                }
            }
        }
        Ok(Self(normal.into()))
    }

    /// The root directory itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// Whether this is the root directory itself.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes, without a leading `/`.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The path as text with a leading `/`, bytes that are not UTF-8 replaced. For matching and messages, never for identity.
    pub fn to_text(&self) -> Cow<'_, str> {
        Cow::Owned(format!("/{}", String::from_utf8_lossy(&self.0)))
    }

    /// The components from the root downwards.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.0.split(|b| *b == b'/').filter(|c| !c.is_empty())
    }

    /// The directory that holds this path; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let cut = self.0.iter().rposition(|b| *b == b'/').unwrap_or(0);
        Some(Self(self.0[..cut].into()))
    }

    /// All directories above this path, nearest first, the root last.
    pub fn ancestors(&self) -> impl Iterator<Item = Self> {
        std::iter::successors(self.parent(), Self::parent)
    }

    /// The last component; `None` for the root.
    pub fn file_name(&self) -> Option<&[u8]> {
        self.components().next_back()
    }

    /// This path with one `name` or relative path appended.
    ///
    /// # Errors
    /// As [`RootPath::new`].
    pub fn join(&self, name: &[u8]) -> Result<Self, PathError> {
        let mut bytes = self.0.to_vec();
        bytes.push(b'/');
        bytes.extend_from_slice(name);
        Self::new(&bytes)
    }

    /// Where a symbolic link at this path with this `target` points, by the text alone: `..` climbs at most to the root, as
    /// it does in a chroot (`path_resolution(7)`). Links on the way are not followed; that takes a tree.
    ///
    /// ```
    /// use mikron_package::RootPath;
    /// let link = RootPath::new(b"/usr/lib/libz.so.1")?;
    /// assert_eq!(link.resolve_link(b"libz.so.1.2.13")?.to_string(), "/usr/lib/libz.so.1.2.13");
    /// assert_eq!(link.resolve_link(b"../../../../etc/x")?.to_string(), "/etc/x");
    /// # Ok::<(), mikron_package::PathError>(())
    /// ```
    ///
    /// # Errors
    /// When the target holds a NUL byte or exceeds a length limit.
    pub fn resolve_link(&self, target: &[u8]) -> Result<Self, PathError> {
        let mut stack: Vec<&[u8]> = if target.first() == Some(&b'/') {
            Vec::new()
        } else {
            let mut above: Vec<&[u8]> = self.components().collect();
            above.pop();
            above
        };
        for component in target.split(|b| *b == b'/') {
            match component {
                b"" | b"." => {}
                b".." => {
                    stack.pop();
                }
                name => stack.push(name),
            }
        }
        Self::new(&stack.join(&b'/'))
    }

    /// Whether this path is `dir` or lies below it.
    pub fn starts_with(&self, dir: &Self) -> bool {
        dir.is_root()
            || self
                .0
                .strip_prefix(&*dir.0)
                .is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
    }
}

impl PartialOrd for RootPath {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RootPath {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let key = |b: &u8| if *b == b'/' { 0 } else { *b };
        self.0.iter().map(key).cmp(other.0.iter().map(key))
    }
}

impl fmt::Display for RootPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("/")?;
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                if c.is_control() {
                    write!(f, "{}", c.escape_default())?;
                } else {
                    write!(f, "{c}")?;
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for RootPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for RootPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_bytes(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for RootPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            Self::new(text.as_bytes()).map_err(serde::de::Error::custom)
        } else {
            let bytes = <Vec<u8>>::deserialize(deserializer)?;
            Self::new(&bytes).map_err(serde::de::Error::custom)
        }
    }
}

/// A path that cannot stand inside the virtual root.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the path `{}` {reason}", .path.escape_ascii())]
pub struct PathError {
    /// The bytes as they stood in the archive.
    pub path: Vec<u8>,
    /// What is wrong with them, as the end of the sentence "the path …".
    pub reason: &'static str,
}
