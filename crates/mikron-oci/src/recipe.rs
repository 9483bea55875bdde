//! How a layer is compressed, to the last parameter.
//!
//! The bytes of a layer are part of an image's identity, so everything that they depend on is fixed here and named in
//! [`Recipe::id`], which enters the cache keys and is pinned by a golden test.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use zstd::zstd_safe;

use crate::gzip::{PIECE, own_level};

/// Bytes that the encoder is fed at a time: the same always, whoever writes in whatever pieces.
pub(crate) const BLOCK: usize = 64 * 1024;

/// The version of libdeflate, which cannot be asked for at run time. The workspace pins its crate exactly.
const LIBDEFLATE: &str = "1.26";

/// How a layer is compressed: `zstd:LEVEL`, `gzip:LEVEL` or `none`.
///
/// ```
/// use mikron_oci::Recipe;
/// let recipe: Recipe = "zstd:19".parse()?;
/// assert_eq!(recipe, Recipe::default());
/// assert_eq!(recipe.to_string(), "zstd:19");
/// assert!(recipe.id().contains("level=19"));
/// # Ok::<(), mikron_oci::RecipeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Recipe {
    /// zstd in its single-thread mode.
    Zstd {
        /// 1 to 22.
        level: i32,
    },
    /// gzip by libdeflate, in pieces that several threads compress at once.
    Gzip {
        /// 1 to 9.
        level: i32,
    },
    /// Not at all.
    None,
}

/// The form of a layer's bytes, without how they came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compression {
    /// A plain tar.
    None,
    /// gzip (RFC 1952), possibly of several members.
    Gzip,
    /// zstd (RFC 8878), possibly of several frames.
    Zstd,
}

impl Compression {
    /// The media type of such a layer (OCI image-spec, layer, "+gzip Media Types", "+zstd Media Types").
    pub fn media_type(self) -> &'static str {
        match self {
            Self::None => "application/vnd.oci.image.layer.v1.tar",
            Self::Gzip => "application/vnd.oci.image.layer.v1.tar+gzip",
            Self::Zstd => "application/vnd.oci.image.layer.v1.tar+zstd",
        }
    }

    /// From a media type, OCI's or docker's; `None` for what is not a layer.
    pub fn from_media_type(media_type: &str) -> Option<Self> {
        match media_type {
            "application/vnd.oci.image.layer.v1.tar"
            | "application/vnd.docker.image.rootfs.diff.tar" => Some(Self::None),
            "application/vnd.oci.image.layer.v1.tar+gzip"
            | "application/vnd.docker.image.rootfs.diff.tar.gzip" => Some(Self::Gzip),
            "application/vnd.oci.image.layer.v1.tar+zstd"
            | "application/vnd.docker.image.rootfs.diff.tar.zstd" => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// The match tables of zstd for an input of a known size.
///
/// The library's own tables for level 19 take 94 MB for one encoder and live outside of every cache. These take 21 MB at
/// most, and for layers of up to 8 MiB, of which most images are made, 11 MB (docs/measurements.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tables {
    /// Base-two logarithm of the window in bytes.
    pub(crate) window: u32,
    /// Base-two logarithm of the entries of the chain table.
    pub(crate) chain: u32,
    /// Base-two logarithm of the entries of the hash table.
    pub(crate) hash: u32,
}

/// How zstd searches at the levels of which its own search takes a second look at everything.
///
/// A parser without that (`btopt`, which level 16 has too) that stops sooner takes, with tables that stay in the processor's
/// cache, three fifths of the time of level 19 for 1 % more bytes over programs and libraries (docs/measurements.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Search {
    /// Base-two logarithm of the candidates that are looked at.
    pub(crate) log: u32,
    /// A match of so many bytes is taken without looking further.
    pub(crate) enough: u32,
}

impl Recipe {
    const WINDOW_LOG: u32 = 23;
    const CHAIN_LOG: u32 = 21;
    const HASH_LOG: u32 = 19;
    /// Inputs of up to so many bytes have tables of half or a quarter of the size.
    const SMALL: u64 = 8 << 20;
    /// Levels below this one have smaller tables by themselves.
    const FIRST_BOUNDED: i32 = 13;

    /// The tables that zstd is given; `None` where the library's own are small enough.
    pub(crate) fn tables(level: i32, unpacked: u64) -> Option<Tables> {
        let less = match Self::search(level) {
            _ if unpacked > Self::SMALL => 0,
            Some(_) => 2,
            None => 1,
        };
        (level >= Self::FIRST_BOUNDED).then_some(Tables {
            window: Self::WINDOW_LOG,
            chain: Self::CHAIN_LOG - less,
            hash: Self::HASH_LOG - less,
        })
    }

    /// The search that zstd is told to make with its `btopt`; `None` where the level's own stands. Who asks for more than 19 means
    /// it.
    pub(crate) fn search(level: i32) -> Option<Search> {
        (17..=19)
            .contains(&level)
            .then_some(Search { log: 5, enough: 64 })
    }

    /// The form of the bytes that come out.
    pub fn compression(self) -> Compression {
        match self {
            Self::Zstd { .. } => Compression::Zstd,
            Self::Gzip { .. } => Compression::Gzip,
            Self::None => Compression::None,
        }
    }

    /// Everything that the bytes depend on beside the input: library, version, level, mode and parameters. Two recipes of
    /// one id make the same bytes of the same input on any machine.
    pub fn id(self) -> String {
        match self {
            Self::None => "none".to_owned(),
            Self::Gzip { level } => {
                let own = own_level(level);
                format!("libdeflate/{LIBDEFLATE};level={level};own={own};piece={PIECE}")
            }
            Self::Zstd { level } => {
                let text = |t: Tables| format!("w{}c{}h{}", t.window, t.chain, t.hash);
                let small = Self::tables(level, Self::SMALL).map(text);
                let large = Self::tables(level, u64::MAX).map(text);
                let tables = match (small, large) {
                    (Some(small), Some(large)) => {
                        format!("{small}<={}<{large}", Self::SMALL)
                    }
                    _ => "own".to_owned(),
                };
                let search = Self::search(level).map_or_else(
                    || "own".to_owned(),
                    |search| format!("btopt-s{}t{}", search.log, search.enough),
                );
                format!(
                    "zstd/{};level={level};search={search};tables={tables};single;pledged;checksum=0;block={BLOCK}",
                    zstd_safe::version_string()
                )
            }
        }
    }

    /// In how many pieces, which several threads compress at once, so many bytes are cut.
    pub(crate) fn pieces(self, unpacked: u64) -> u64 {
        match self {
            Self::Gzip { .. } => unpacked.div_ceil(PIECE as u64),
            Self::Zstd { .. } | Self::None => 1,
        }
    }

    /// About how many bytes of memory one encoder takes for an input of `unpacked` bytes. For deciding how many run at
    /// once.
    pub fn memory(self, unpacked: u64) -> u64 {
        const MIB: u64 = 1 << 20;
        match self {
            Self::None => MIB,
            Self::Gzip { level: 9 } => 11 * MIB,
            Self::Gzip { .. } => 3 * MIB,
            Self::Zstd { level } => {
                // Window, chain (4 bytes an entry), hash, and the optimal parser's state.
                let window = unpacked.next_power_of_two().clamp(MIB / 4, 8 * MIB);
                let full = if Self::tables(level, unpacked).is_some() {
                    10 * MIB
                } else {
                    16 * MIB
                };
                window + full.min(unpacked.next_power_of_two() * 9) + 3 * MIB
            }
        }
    }
}

impl Default for Recipe {
    /// `zstd:19`.
    fn default() -> Self {
        Self::Zstd { level: 19 }
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zstd { level } => write!(f, "zstd:{level}"),
            Self::Gzip { level } => write!(f, "gzip:{level}"),
            Self::None => f.write_str("none"),
        }
    }
}

impl FromStr for Recipe {
    type Err = RecipeError;
    fn from_str(text: &str) -> Result<Self, RecipeError> {
        let wrong = || RecipeError {
            text: text.chars().take(100).collect(),
        };
        // `str::parse` would take `+9` and `09`, and one recipe should have one spelling.
        let number = |digits: &str, most: i32| {
            let level: i32 = digits.parse().map_err(|_| wrong())?;
            if (1..=most).contains(&level) && level.to_string() == digits {
                Ok(level)
            } else {
                Err(wrong())
            }
        };
        match text.split_once(':') {
            None if text == "none" => Ok(Self::None),
            None if text == "zstd" => Ok(Self::default()),
            None if text == "gzip" => Ok(Self::Gzip { level: 9 }),
            Some(("zstd", level)) => Ok(Self::Zstd {
                level: number(level, 22)?,
            }),
            Some(("gzip", level)) => Ok(Self::Gzip {
                level: number(level, 9)?,
            }),
            _ => Err(wrong()),
        }
    }
}

impl TryFrom<String> for Recipe {
    type Error = RecipeError;
    fn try_from(text: String) -> Result<Self, RecipeError> {
        text.parse()
    }
}

impl From<Recipe> for String {
    fn from(recipe: Recipe) -> Self {
        recipe.to_string()
    }
}

/// A text that names no recipe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a compression (known: zstd:1 to zstd:22, gzip:1 to gzip:9, none)", .text.escape_debug())]
pub struct RecipeError {
    /// What stood there.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipes_are_written_as_they_are_read() {
        for text in ["zstd:1", "zstd:19", "gzip:9", "none"] {
            assert_eq!(text.parse::<Recipe>().unwrap().to_string(), text);
        }
        assert_eq!("zstd".parse(), Ok(Recipe::Zstd { level: 19 }));
    }

    #[test]
    fn an_unknown_recipe_is_refused_with_the_known_ones() {
        for text in [
            "zstd:0", "zstd:23", "zstd:+9", "gzip:10", "xz:6", "", "none:1", "zstd:019",
        ] {
            let error = text.parse::<Recipe>().unwrap_err();
            assert!(error.to_string().contains("gzip:1 to gzip:9"), "{error}");
        }
    }

    #[test]
    fn the_ids_are_pinned() {
        let id = |text: &str| text.parse::<Recipe>().unwrap().id();
        assert_eq!(
            id("zstd:19"),
            "zstd/1.5.7;level=19;search=btopt-s5t64;tables=w23c19h17<=8388608<w23c21h19;single;pledged;checksum=0;block=65536"
        );
        assert_eq!(
            id("zstd:3"),
            "zstd/1.5.7;level=3;search=own;tables=own;single;pledged;checksum=0;block=65536"
        );
        assert_eq!(id("gzip:9"), "libdeflate/1.26;level=9;own=10;piece=524288");
        assert_eq!(id("none"), "none");
    }
}
