//! Files that the spec itself brings into the image.

use std::fmt;
use std::str::FromStr;

use mikron_package::RootPath;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::account::Principal;
use crate::text::{self, ValueError, shown};

/// One file, directory or symbolic link that the spec puts into the image, over whatever a package has at that path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// Where it stands in the image.
    pub path: RootPath,
    /// What stands there.
    pub content: FileContent,
    /// Who owns it; user 0 if not given.
    pub owner: Option<Principal>,
    /// The group; that of the owner if not given, else 0.
    pub group: Option<Principal>,
    /// The permissions; if not given, 0755 for directories and for files from one that its owner may execute, else 0644. Links have
    /// none.
    pub mode: Option<Mode>,
    /// What has to be in the image for it.
    pub check: FileCheck,
}

/// What of the needs of a file of the spec has to be in the image: libraries, an interpreter, what a script calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FileCheck {
    /// All that it needs.
    #[default]
    All,
    /// Nothing: it is taken as it comes, followed nowhere, and no proof is made of it.
    None,
}

/// What stands at the path of a [`FileEntry`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileContent {
    /// The content of a regular file beside the spec: a path relative to the spec's directory.
    From(String),
    /// This text, as it stands in the spec.
    Text(String),
    /// An empty directory.
    Directory,
    /// A symbolic link with this target.
    Symlink(String),
}

impl FileEntry {
    /// An entry with the default owner, group and mode.
    pub fn new(path: RootPath, content: FileContent) -> Self {
        Self {
            path,
            content,
            owner: None,
            group: None,
            mode: None,
            check: FileCheck::All,
        }
    }
}

/// The form of a [`FileEntry`] in YAML.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename = "FileEntry", rename_all = "kebab-case", deny_unknown_fields)]
struct Form {
    /// Where it stands in the image, from `/`.
    #[serde(with = "text::absolute")]
    #[schemars(with = "String", regex(pattern = "^/"))]
    path: RootPath,
    /// What it is; `file` if not given.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    kind: Option<FileKind>,
    /// For a file: a path relative to the spec's directory whose content it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// For a file: its content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// For a symbolic link: where it points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    /// Who owns it; 0 if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<Principal>,
    /// The group; the owner's if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<Principal>,
    /// Permissions as octal digits in quotes; if not given, "0755" for directories and for files from an executable one, else
    /// "0644".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mode: Option<Mode>,
    /// What of its needs has to be in the image; `all` if not given.
    #[serde(default, skip_serializing_if = "crate::source::is_default")]
    check: FileCheck,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum FileKind {
    /// A regular file, with `from` or `text`.
    File,
    /// An empty directory.
    Directory,
    /// A symbolic link, with `target`.
    Symlink,
}

impl Form {
    fn content(&mut self) -> Result<FileContent, ValueError> {
        let path = &self.path;
        let surplus = |key: &str, kind: &str| {
            ValueError::new(format!("{path} is a {kind} and cannot have `{key}`"), "")
        };
        let kind = match (self.kind, &self.target) {
            (Some(kind), _) => kind,
            (None, Some(_)) => FileKind::Symlink,
            (None, None) => FileKind::File,
        };
        let name = match kind {
            FileKind::File => "file",
            FileKind::Directory => "directory",
            FileKind::Symlink => "symlink",
        };
        if kind != FileKind::File && (self.from.is_some() || self.text.is_some()) {
            let key = if self.from.is_some() { "from" } else { "text" };
            return Err(surplus(key, name));
        }
        if kind != FileKind::Symlink && self.target.is_some() {
            return Err(surplus("target", name));
        }
        if kind == FileKind::Symlink && self.mode.is_some() {
            return Err(surplus("mode", name));
        }
        match (kind, self.from.take(), self.text.take(), self.target.take()) {
            (FileKind::Directory, ..) => Ok(FileContent::Directory),
            (FileKind::Symlink, _, _, Some(target)) if !target.is_empty() => {
                Ok(FileContent::Symlink(target))
            }
            (FileKind::Symlink, ..) => Err(ValueError::new(
                format!("the symlink {path} points nowhere"),
                "add `target: …`",
            )),
            (FileKind::File, Some(from), None, _) if !from.is_empty() => {
                Ok(FileContent::From(from))
            }
            (FileKind::File, None, Some(text), _) => Ok(FileContent::Text(text)),
            (FileKind::File, Some(_), Some(_), _) => Err(ValueError::new(
                format!("{path} has both `from` and `text`"),
                "keep one of them",
            )),
            (FileKind::File, ..) => Err(ValueError::new(
                format!("{path} has no content"),
                "add `from: FILE`, `text: …` or `type: directory`",
            )),
        }
    }
}

impl<'de> Deserialize<'de> for FileEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut form = Form::deserialize(deserializer)?;
        let content = form.content().map_err(ValueError::custom)?;
        Ok(Self {
            path: form.path,
            content,
            owner: form.owner,
            group: form.group,
            mode: form.mode,
            check: form.check,
        })
    }
}

impl Serialize for FileEntry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut form = Form {
            path: self.path.clone(),
            kind: None,
            from: None,
            text: None,
            target: None,
            owner: self.owner.clone(),
            group: self.group.clone(),
            mode: self.mode,
            check: self.check,
        };
        match &self.content {
            FileContent::From(from) => form.from = Some(from.clone()),
            FileContent::Text(text) => form.text = Some(text.clone()),
            FileContent::Directory => form.kind = Some(FileKind::Directory),
            FileContent::Symlink(target) => {
                form.kind = Some(FileKind::Symlink);
                form.target = Some(target.clone());
            }
        }
        form.serialize(serializer)
    }
}

impl JsonSchema for FileEntry {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "FileEntry".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Form::json_schema(generator)
    }
}

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

mod mode_form {
    use super::{Mode, ValueError};
    use serde::de::{self, Visitor};
    use std::fmt;

    /// Takes text and refuses numbers with a message that says why.
    pub(super) struct Quoted;

    fn unquoted<E: de::Error>() -> E {
        let message = "a mode without quotes is a number, and its base is anybody's guess";
        let help = "write three or four octal digits in quotes, as in \"0644\"";
        mikron_yaml::custom(message, help)
    }

    impl Visitor<'_> for Quoted {
        type Value = Mode;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a mode in quotes, as in \"0644\"")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Mode, E> {
            text.parse().map_err(ValueError::custom)
        }

        fn visit_u64<E: de::Error>(self, _: u64) -> Result<Mode, E> {
            Err(unquoted())
        }

        fn visit_i64<E: de::Error>(self, _: i64) -> Result<Mode, E> {
            Err(unquoted())
        }

        fn visit_f64<E: de::Error>(self, _: f64) -> Result<Mode, E> {
            Err(unquoted())
        }
    }
}

impl Serialize for Mode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Mode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(mode_form::Quoted)
    }
}

impl JsonSchema for Mode {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Mode".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "Permissions as three or four octal digits in quotes",
            "type": "string", "pattern": "^[0-7]{3,4}$",
        })
    }
}
