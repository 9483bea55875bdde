//! How the image's content is cut into layers, and how those are compressed.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::{ValueError, scalar, shown};

/// How the image's content is cut into layers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Layers {
    /// One layer a package or source package, or one in all.
    pub strategy: Strategy,
    /// The largest number of layers; the smallest packages share one when there are more. 1 to 127.
    #[schemars(range(min = 1, max = 127))]
    pub limit: u32,
    /// How layers are compressed.
    pub compression: Compression,
}

impl Layers {
    /// The largest limit: the number of layers that overlay file systems stack.
    pub const MAX_LIMIT: u32 = 127;

    /// Whether this is what a spec has that says nothing.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for Layers {
    fn default() -> Self {
        Self {
            strategy: Strategy::default(),
            limit: 32,
            compression: Compression::default(),
        }
    }
}

/// What shares a layer.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Each package has a layer of its own, up to the limit.
    #[default]
    Package,
    /// The packages of each source package share a layer, up to the limit: they are released together, and hold much that is
    /// alike.
    Source,
    /// Everything is in one layer.
    Single,
}

/// How a layer is compressed: `zstd:19`, `gzip:9`, `none`; without a level `zstd:19` and `gzip:9`.
///
/// ```
/// use mikron_spec::Compression;
/// assert_eq!("gzip".parse(), Ok(Compression::Gzip(9)));
/// assert_eq!(Compression::default().to_string(), "zstd:19");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Compression {
    /// zstd (RFC 8878), levels 1 to 22.
    Zstd(u8),
    /// gzip (RFC 1952), levels 1 to 9.
    Gzip(u8),
    /// No compression.
    None,
}

impl Default for Compression {
    fn default() -> Self {
        Self::Zstd(19)
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zstd(level) => write!(f, "zstd:{level}"),
            Self::Gzip(level) => write!(f, "gzip:{level}"),
            Self::None => f.write_str("none"),
        }
    }
}

impl FromStr for Compression {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let wrong =
            |help: &str| ValueError::new(format!("`{}` is not a compression", shown(text)), help);
        let (name, level) = match text.split_once(':') {
            Some((name, level)) => (name, Some(level)),
            None => (text, None),
        };
        let level = |highest: u8, default: u8, help: &str| match level {
            None => Ok(default),
            Some(text) => text
                .parse()
                .ok()
                .filter(|n| (1..=highest).contains(n) && !text.starts_with(['0', '+']))
                .ok_or_else(|| wrong(help)),
        };
        match name {
            "zstd" => level(22, 19, "zstd takes levels 1 to 22, as in `zstd:19`").map(Self::Zstd),
            "gzip" => level(9, 9, "gzip takes levels 1 to 9, as in `gzip:9`").map(Self::Gzip),
            "none" if text == "none" => Ok(Self::None),
            _ => Err(match mikron_yaml::nearest(name, ["zstd", "gzip", "none"]) {
                Some(near) => wrong(&format!("did you mean `{near}`?")),
                None => wrong("write `zstd:LEVEL`, `gzip:LEVEL` or `none`"),
            }),
        }
    }
}

scalar!(Compression, "a compression, as in `zstd:19`", {
    "description": "`zstd:1` to `zstd:22`, `gzip:1` to `gzip:9`, or `none`",
    "type": "string", "pattern": "^(zstd(:([1-9]|1[0-9]|2[0-2]))?|gzip(:[1-9])?|none)$",
});
