//! What one image has otherwise than another: packages, capabilities, files, bytes.
//!
//! It stands beside the way from spec to image. An [`Inventory`] says what an image holds, wherever that is known from: a
//! selection, a lock, the layers of a layout. Some know packages, some know files; [`diff`] compares what both know.

mod compare;

use std::collections::BTreeMap;

use mikron_package::{Digest, EntryKind, PackageName, Platform, RootPath, Version};
use serde::{Deserialize, Serialize};

pub use compare::diff;

/// What an image holds, by platform.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// Its platforms.
    pub platforms: BTreeMap<Platform, Holdings>,
}

/// What an image holds on one platform, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    /// The packages that it has files of.
    pub packages: Option<BTreeMap<PackageName, HeldPackage>>,
    /// Its files, directories and links by path.
    pub files: Option<BTreeMap<RootPath, HeldFile>>,
}

/// A package of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldPackage {
    /// Version.
    pub version: Version,
    /// The digest of its archive, where it is known.
    pub archive: Option<Digest>,
    /// The bytes that the image has of each of its capabilities, where they are known.
    pub capabilities: Option<BTreeMap<String, u64>>,
}

/// A file of an image. Times are not part of it: they all say when the indexes were made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldFile {
    /// What it is. Hard links are the file that they are a name of.
    pub kind: EntryKind,
    /// Permission, setuid, setgid and sticky bits.
    pub mode: u32,
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
    /// Digest of the content, of regular files.
    pub content: Option<Digest>,
    /// Digest of the extended attributes, where there are any.
    pub xattrs: Option<Digest>,
    /// The capability that it comes from (`nginx:bins`), where it is known.
    pub origin: Option<String>,
    /// Why it is there, where that is known: "/usr/bin/hello is linked with libc.so.6". It is no difference between images.
    pub reason: Option<String>,
}

/// What a second inventory has otherwise than a first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diff {
    /// The platforms of both, in their order.
    pub platforms: Vec<PlatformDiff>,
}

/// What differs on one platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlatformDiff {
    /// The platform.
    pub platform: Platform,
    /// Whether only one of both has the platform, and which. Then nothing is compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Side>,
    /// The packages that differ, in order of name; `None` where one of both does not know packages.
    pub packages: Option<Vec<PackageDiff>>,
    /// The files that differ, in order of path; `None` where one of both does not know files.
    pub files: Option<Vec<FileDiff>>,
    /// The bytes of all files, before and after; `None` where one of both does not know them.
    pub bytes: Option<(u64, u64)>,
}

/// One of the two that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The first.
    First,
    /// The second.
    Second,
}

/// How something differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Only the second has it.
    Added,
    /// Only the first has it.
    Removed,
    /// Both have it, and it is not the same.
    Changed,
}

impl Change {
    /// The sign of patches: `+`, `-`, `~`.
    pub const fn sign(self) -> char {
        match self {
            Self::Added => '+',
            Self::Removed => '-',
            Self::Changed => '~',
        }
    }

    pub(super) const fn of<T>(before: Option<&T>, after: Option<&T>) -> Self {
        match (before, after) {
            (None, _) => Self::Added,
            (_, None) => Self::Removed,
            _ => Self::Changed,
        }
    }
}

/// A package that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageDiff {
    /// Name.
    pub name: PackageName,
    /// How.
    pub change: Change,
    /// The version before.
    pub before: Option<Version>,
    /// The version after.
    pub after: Option<Version>,
    /// Whether the archive is another one though the version is the same.
    pub rebuilt: bool,
    /// The capabilities that differ, as far as both know them.
    pub capabilities: Vec<CapabilityDiff>,
}

/// A capability that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapabilityDiff {
    /// Its name within the package.
    pub name: String,
    /// How.
    pub change: Change,
    /// Bytes before.
    pub before: u64,
    /// Bytes after.
    pub after: u64,
}

/// A file that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileDiff {
    /// Its path.
    pub path: RootPath,
    /// How.
    pub change: Change,
    /// In what, where both have it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aspects: Vec<Aspect>,
    /// Bytes before.
    pub before: u64,
    /// Bytes after.
    pub after: u64,
    /// The capability that it comes from, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
}

/// In what two files differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aspect {
    /// One is a file, the other a link, and the like.
    Type,
    /// Their bytes.
    Content,
    /// Where they point, or which device they are.
    Target,
    /// Their modes, before and after; four octal digits in JSON. Links have none that count.
    Mode(#[serde(with = "octal")] u32, #[serde(with = "octal")] u32),
    /// Their owners, as uid and gid, before and after.
    Owner((u32, u32), (u32, u32)),
    /// Their extended attributes.
    Xattrs,
}

/// Modes as people write them.
mod octal {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(super) fn serialize<S: Serializer>(mode: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{mode:04o}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
        let text = String::deserialize(deserializer)?;
        u32::from_str_radix(&text, 8).map_err(D::Error::custom)
    }
}

impl std::fmt::Display for Aspect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Type => f.write_str("type"),
            Self::Content => f.write_str("content"),
            Self::Target => f.write_str("target"),
            Self::Mode(before, after) => write!(f, "mode {before:04o} -> {after:04o}"),
            Self::Owner(before, after) => {
                write!(
                    f,
                    "owner {}:{} -> {}:{}",
                    before.0, before.1, after.0, after.1
                )
            }
            Self::Xattrs => f.write_str("extended attributes"),
        }
    }
}

impl Diff {
    /// Whether both are the same, as far as they can be compared.
    pub fn is_empty(&self) -> bool {
        self.platforms.iter().all(PlatformDiff::is_empty)
    }
}

impl PlatformDiff {
    /// Whether both are the same on this platform, as far as they can be compared.
    pub fn is_empty(&self) -> bool {
        self.only.is_none()
            && self.packages.as_ref().is_none_or(Vec::is_empty)
            && self.files.as_ref().is_none_or(Vec::is_empty)
    }
}
