//! Permissions of a file of the spec.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::{ValueError, shown};

/// Permission bits, 0 to 07777 (chmod(2)).
///
/// In YAML they are octal digits in quotes. A number without quotes is refused: `0644` and `420` are the same number to
/// some YAML tools, and neither is what the other reader takes it for.
///
/// ```
/// use mikron_spec::Mode;
/// let mode: Mode = "0755".parse()?;
/// assert_eq!(mode.bits(), 0o755);
/// # Ok::<(), mikron_spec::ValueError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mode(u32);

impl Mode {
    /// A mode from its bits; `None` when there are others than 07777.
    pub const fn new(bits: u32) -> Option<Self> {
        if bits > 0o7777 {
            None
        } else {
            Some(Self(bits))
        }
    }

    /// The bits.
    pub const fn bits(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

impl FromStr for Mode {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let octal = matches!(text.len(), 3 | 4) && text.bytes().all(|b| b.is_ascii_digit());
        let bits = u32::from_str_radix(text, 8).ok().filter(|_| octal);
        bits.and_then(Self::new).ok_or_else(|| {
            ValueError::new(
                format!("`{}` is not a mode", shown(text)),
                "write three or four octal digits in quotes, as in \"0644\"",
            )
        })
    }
}

/// What stands at `mode` of a file: permissions, or the word by which those of the file itself are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Permissions {
    Keep,
    Set(Mode),
}

impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keep => f.write_str("keep"),
            Self::Set(mode) => mode.fmt(f),
        }
    }
}

impl FromStr for Permissions {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        match text {
            "keep" => Ok(Self::Keep),
            text => text.parse().map(Self::Set),
        }
    }
}

/// Takes text and refuses numbers with a message that says why.
struct Quoted<T>(PhantomData<T>);

fn unquoted<E: de::Error>() -> E {
    let message = "a mode without quotes is a number, and its base is anybody's guess";
    let help = "write three or four octal digits in quotes, as in \"0644\"";
    mikron_yaml::custom(message, help)
}

impl<T: FromStr<Err = ValueError>> Visitor<'_> for Quoted<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mode in quotes, as in \"0644\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(ValueError::custom)
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<T, E> {
        Err(unquoted())
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<T, E> {
        Err(unquoted())
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<T, E> {
        Err(unquoted())
    }
}

/// Implements the traits of YAML and its schema for what is read by [`Quoted`].
macro_rules! quoted {
    ($type:ident, $description:literal, $pattern:literal) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Quoted(PhantomData))
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "description": $description,
                    "type": "string", "pattern": $pattern,
                })
            }
        }
    };
}

quoted!(
    Mode,
    "Permissions as three or four octal digits in quotes",
    "^[0-7]{3,4}$"
);
quoted!(
    Permissions,
    "Permissions as three or four octal digits in quotes, or `keep`",
    "^([0-7]{3,4}|keep)$"
);
