//! Accounts of the image, and the names by which files and the process refer to them.

use std::fmt;
use std::str::FromStr;

use mikron_package::RootPath;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::{self, ValueError, scalar, shown};

/// The accounts that the image holds besides those of its packages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Accounts {
    /// Users, for `/etc/passwd`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<User>,
    /// Groups, for `/etc/group`. A user whose group is not listed gets one of its own name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
}

impl Accounts {
    /// Whether there is neither a user nor a group.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty()
    }
}

/// A user (passwd(5)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct User {
    /// The name: a lower-case letter or `_`, then lower-case letters, digits, `-`, `_`.
    #[schemars(regex(pattern = r"^[a-z_][a-z0-9_-]{0,30}\$?$"))]
    pub name: String,
    /// The numeric id.
    pub uid: Id,
    /// The primary group's id; without it the same number as `uid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gid: Option<Id>,
    /// The home directory; it is named and not created.
    #[serde(default = "nonexistent", with = "text::absolute")]
    #[schemars(with = "String", regex(pattern = "^/"))]
    pub home: RootPath,
    /// The login shell.
    #[serde(default = "nologin", with = "text::absolute")]
    #[schemars(with = "String", regex(pattern = "^/"))]
    pub shell: RootPath,
    /// The comment field, usually a full name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
}

impl User {
    /// The primary group's id.
    pub fn primary_group(&self) -> Id {
        self.gid.unwrap_or(self.uid)
    }
}

fn nonexistent() -> RootPath {
    RootPath::new(b"/nonexistent").unwrap_or_default()
}

fn nologin() -> RootPath {
    RootPath::new(b"/usr/sbin/nologin").unwrap_or_default()
}

/// A group (group(5)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Group {
    /// The name, by the rules of user names.
    #[schemars(regex(pattern = r"^[a-z_][a-z0-9_-]{0,30}\$?$"))]
    pub name: String,
    /// The numeric id.
    pub gid: Id,
    /// The users that belong to it besides those whose primary group it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<String>,
}

/// A user's or group's number: 0 to 4294967294. 4294967295 is the kernel's "no id" (chown(2)) and refused, as is −1.
///
/// ```
/// use mikron_spec::Id;
/// assert_eq!(Id::new(101).map(Id::get), Some(101));
/// assert_eq!(Id::new(u32::MAX), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(u32);

impl Id {
    /// An id from a number; `None` for 4294967295.
    pub const fn new(number: u32) -> Option<Self> {
        if number == u32::MAX {
            None
        } else {
            Some(Self(number))
        }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Id {
    fn parse(text: &str) -> Result<Self, ValueError> {
        let octal = text.len() > 1 && text.starts_with('0');
        let decimal = text.bytes().all(|b| b.is_ascii_digit()) && !octal;
        let number = text.parse::<u32>().ok().filter(|_| decimal);
        number.and_then(Self::new).ok_or_else(|| {
            ValueError::new(
                format!("`{}` is not a user or group id", shown(text)),
                "write a decimal number from 0 to 4294967294",
            )
        })
    }
}

impl Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.0)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Parsed(Id);
        impl FromStr for Parsed {
            type Err = ValueError;
            fn from_str(text: &str) -> Result<Self, ValueError> {
                Id::parse(text).map(Self)
            }
        }
        text::parse::<Parsed, D>(deserializer, "a user or group id").map(|parsed| parsed.0)
    }
}

impl JsonSchema for Id {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Id".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A user's or group's number",
            "type": "integer", "minimum": 0, "maximum": 4_294_967_294_u32,
        })
    }
}

/// Whether `name` can name a user or a group, as useradd(8) has it.
pub(crate) fn is_account_name(name: &str) -> bool {
    let stem = name.strip_suffix('$').unwrap_or(name);
    let mut characters = stem.chars();
    name.len() <= 32
        && characters
            .next()
            .is_some_and(|c| c.is_ascii_lowercase() || c == '_')
        && characters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c))
}

/// A user or a group, by number or by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Principal {
    /// By number; no account needs to exist.
    Id(Id),
    /// By name; an account of that name has to exist in the image.
    Name(String),
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

impl FromStr for Principal {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if text.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+') {
            return Id::parse(text).map(Self::Id);
        }
        if is_account_name(text) {
            return Ok(Self::Name(text.to_owned()));
        }
        Err(ValueError::new(
            format!("`{}` is not the name of a user or group", shown(text)),
            "names are lower-case letters, digits, `-` and `_`; a numeric id will do too",
        ))
    }
}

scalar!(Principal, "a user or group", {
    "description": "A user or group, by name or by number",
    "type": ["string", "integer"],
});

/// Whom the image's process runs as: `nginx`, `101`, `101:102`, `nginx:adm` (OCI image-spec, config, "User").
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunAs {
    /// The user.
    pub user: Principal,
    /// The group, where it is not the user's own.
    pub group: Option<Principal>,
}

impl fmt::Display for RunAs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.user)?;
        match &self.group {
            Some(group) => write!(f, ":{group}"),
            None => Ok(()),
        }
    }
}

impl FromStr for RunAs {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let (user, group) = match text.split_once(':') {
            Some((user, group)) => (user, Some(group.parse()?)),
            None => (text, None),
        };
        Ok(Self {
            user: user.parse()?,
            group,
        })
    }
}

scalar!(RunAs, "a user, or `user:group`", {
    "description": "Whom the process runs as: a user or `user:group`, by name or by number",
    "type": ["string", "integer"],
});
