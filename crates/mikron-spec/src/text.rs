//! Values that stand in YAML as one scalar, read from the text as it was written.
//!
//! Every such value asks for text, so YAML's guesses (`no` is false, `1.10` is 1.1, `0777` is octal) never apply.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use mikron_package::RootPath;
use serde::Deserializer;
use serde::de::{self, Visitor};

pub(crate) use mikron_yaml::shown;

/// Reads a scalar as text and parses it; the parser's message becomes the error at the scalar's position.
pub(crate) fn parse<'de, T, D>(deserializer: D, expected: &'static str) -> Result<T, D::Error>
where
    T: FromStr<Err = ValueError>,
    D: Deserializer<'de>,
{
    struct Text<T>(&'static str, PhantomData<T>);

    impl<T: FromStr<Err = ValueError>> Visitor<'_> for Text<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(ValueError::custom)
        }
    }

    deserializer.deserialize_str(Text(expected, PhantomData))
}

/// Implements `Serialize`, `Deserialize` and `JsonSchema` for a type that has `Display` and `FromStr`.
macro_rules! scalar {
    ($type:ident, $expected:literal, $($schema:tt)+) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::text::parse(deserializer, $expected)
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!($($schema)+)
            }
        }
    };
}
pub(crate) use scalar;

/// A text that is not a value of the wanted kind.
///
/// ```
/// let error = "zstd:99".parse::<mikron_spec::Compression>().unwrap_err();
/// assert_eq!(error.help.as_deref(), Some("zstd takes levels 1 to 22, as in `zstd:19`"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ValueError {
    /// What is wrong, as one sentence without a full stop.
    pub message: String,
    /// What would have been right.
    pub help: Option<String>,
}

impl ValueError {
    /// An error; an empty `help` means none.
    pub(crate) fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: Some(help.into()).filter(|help| !help.is_empty()),
        }
    }

    /// The error on its way through serde.
    pub(crate) fn custom<E: de::Error>(self) -> E {
        mikron_yaml::custom(self.message, self.help.as_deref().unwrap_or_default())
    }
}

/// An absolute path inside the image, for `#[serde(with)]`.
pub(crate) mod absolute {
    use super::{Deserializer, FromStr, RootPath, ValueError, parse, shown};

    struct Absolute(RootPath);

    impl FromStr for Absolute {
        type Err = ValueError;

        fn from_str(text: &str) -> Result<Self, ValueError> {
            super::absolute_path(text).map(Self)
        }
    }

    pub(crate) fn serialize<S: serde::Serializer>(
        path: &RootPath,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(path)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<RootPath, D::Error> {
        parse::<Absolute, D>(deserializer, "an absolute path in the image").map(|path| path.0)
    }

    pub(super) fn relative(text: &str) -> ValueError {
        ValueError::new(
            format!("`{}` is not an absolute path in the image", shown(text)),
            format!("did you mean `/{}`?", shown(text.trim_start_matches("./"))),
        )
    }
}

/// Several absolute paths inside the image, for `#[serde(with)]`.
pub(crate) mod absolutes {
    use serde::{Deserialize, Deserializer, Serialize};

    use super::RootPath;

    #[derive(Serialize, Deserialize)]
    struct Item(#[serde(with = "super::absolute")] RootPath);

    pub(crate) fn serialize<S: serde::Serializer>(
        paths: &[RootPath],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(paths.iter().map(ToString::to_string))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<RootPath>, D::Error> {
        let items = Vec::<Item>::deserialize(deserializer)?;
        Ok(items.into_iter().map(|item| item.0).collect())
    }
}

/// Parses an absolute path inside the image. Control characters are refused: nobody types them on purpose.
pub(crate) fn absolute_path(text: &str) -> Result<RootPath, ValueError> {
    if !text.starts_with('/') {
        return Err(absolute::relative(text));
    }
    if text.chars().any(char::is_control) {
        return Err(ValueError::new(
            format!("the path `{}` holds a control character", shown(text)),
            "",
        ));
    }
    RootPath::new(text.as_bytes()).map_err(|error| {
        ValueError::new(format!("the path `{}` {}", shown(text), error.reason), "")
    })
}
