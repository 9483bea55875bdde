//! The form of an entry of `files` in YAML.

use mikron_package::{Digest, RootPath};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::mode::Permissions;
use super::{FileCheck, FileContent, FileEntry, IgnoreFile, Keep, Taken};
use crate::account::Principal;
use crate::text::{self, ValueError};

/// What a `from` begins with that names an archive.
const ARCHIVE: &str = "tar:";

/// The word at `owner` by which an archive's owners are kept.
const KEEP: &str = "keep";

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
    /// A path relative to the spec's directory: of a file whose content it takes, of a directory that is taken with all that is in it,
    /// or, behind `tar:`, of an archive whose entries lie below the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// For a file: its content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// For a symbolic link: where it points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    /// For a tree: globs of paths in it that are taken; all if not given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    include: Vec<String>,
    /// For a tree: globs of paths in it that are left out; one that begins with `!` takes back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    exclude: Vec<String>,
    /// For a directory: files in it that say what is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ignore: Vec<IgnoreFile>,
    /// Who owns it; 0 if not given. For an archive, `keep` takes the owners that it names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<Principal>,
    /// The group; the owner's if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<Principal>,
    /// Permissions as octal digits in quotes; if not given, "0755" for directories and for files from an executable one, else
    /// "0644". `keep` takes those of the file system or the archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mode: Option<Permissions>,
    /// What of its needs has to be in the image; `all` if not given.
    #[serde(default, skip_serializing_if = "crate::source::is_default")]
    check: FileCheck,
    /// What the content has to be: the SHA-256 of a file or an archive, or the digest of a tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", regex(pattern = "^sha256:[0-9a-f]{64}$"))]
    digest: Option<Digest>,
    /// The name of the layer that it lies in, with all that has the same; the last layer if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    layer: Option<String>,
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

impl FileKind {
    fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Symlink => "symlink",
        }
    }
}

impl Form {
    /// The keys that are given and belong to something else than what this is.
    fn surplus(&self, kind: FileKind) -> Option<&'static str> {
        let (file, link) = (kind == FileKind::File, kind == FileKind::Symlink);
        let from = file && self.from.is_some();
        let archive = self.archive().is_some();
        let keeps = self.mode == Some(Permissions::Keep);
        let keys = [
            ("from", self.from.is_some(), file),
            ("text", self.text.is_some(), file),
            ("target", self.target.is_some(), link),
            ("mode", self.mode.is_some(), !link && (from || !keeps)),
            ("include", !self.include.is_empty(), from),
            ("exclude", !self.exclude.is_empty(), from),
            ("ignore", !self.ignore.is_empty(), from && !archive),
            ("digest", self.digest.is_some(), from),
        ];
        let wrong = keys.into_iter().find(|(_, given, fits)| *given && !fits);
        wrong.map(|(key, ..)| key)
    }

    /// The archive that it comes from.
    fn archive(&self) -> Option<&str> {
        self.from.as_deref()?.strip_prefix(ARCHIVE)
    }

    fn content(&mut self) -> Result<FileContent, ValueError> {
        let path = &self.path;
        let kind = match (self.kind, &self.target) {
            (Some(kind), _) => kind,
            (None, Some(_)) => FileKind::Symlink,
            (None, None) => FileKind::File,
        };
        if let Some(key) = self.surplus(kind) {
            let what = match (&self.from, self.archive()) {
                _ if kind != FileKind::File => kind.name(),
                (_, Some(_)) => "archive",
                (Some(_), None) => "file",
                (None, None) => "text",
            };
            let article = if what == "archive" { "an" } else { "a" };
            let message = format!("{path} is {article} {what} and cannot have `{key}`");
            return Err(ValueError::new(message, ""));
        }
        let archive = self.archive().map(str::to_owned);
        match (kind, self.from.take(), self.text.take(), self.target.take()) {
            (FileKind::Directory, ..) => Ok(FileContent::Directory),
            (FileKind::Symlink, _, _, Some(target)) if !target.is_empty() => {
                Ok(FileContent::Symlink(target))
            }
            (FileKind::Symlink, ..) => Err(ValueError::new(
                format!("the symlink {path} points nowhere"),
                "add `target: …`",
            )),
            (FileKind::File, Some(_), Some(_), _) => Err(ValueError::new(
                format!("{path} has both `from` and `text`"),
                "keep one of them",
            )),
            (FileKind::File, Some(from), None, _) if !from.is_empty() => match archive {
                Some(archive) if archive.is_empty() => Err(ValueError::new(
                    format!("{path} names no archive"),
                    "write `from: tar:FILE`",
                )),
                Some(archive) => Ok(FileContent::Archive(archive)),
                None => Ok(FileContent::From(from)),
            },
            (FileKind::File, None, Some(text), _) => Ok(FileContent::Text(text)),
            (FileKind::File, ..) => Err(ValueError::new(
                format!("{path} has no content"),
                "add `from: FILE`, `text: …` or `type: directory`",
            )),
        }
    }

    /// Whether the owners of an archive are kept; then nobody else is named.
    fn keeps_owner(&mut self) -> Result<bool, ValueError> {
        let keeps = matches!(&self.owner, Some(Principal::Name(name)) if name == KEEP);
        if !keeps || self.archive().is_none() {
            return Ok(false);
        }
        self.owner = None;
        if self.group.is_some() {
            let message = format!("{} keeps its owners and cannot have `group`", self.path);
            return Err(ValueError::new(
                message,
                "leave out `group` or `owner: keep`",
            ));
        }
        Ok(true)
    }
}

impl<'de> Deserialize<'de> for FileEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut form = Form::deserialize(deserializer)?;
        let owner = form.keeps_owner().map_err(ValueError::custom)?;
        let content = form.content().map_err(ValueError::custom)?;
        let (mode, keep) = match form.mode {
            Some(Permissions::Set(mode)) => (Some(mode), false),
            Some(Permissions::Keep) => (None, true),
            None => (None, false),
        };
        Ok(Self {
            path: form.path,
            content,
            owner: form.owner,
            group: form.group,
            mode,
            keep: Keep { mode: keep, owner },
            check: form.check,
            taken: Taken {
                include: form.include,
                exclude: form.exclude,
                ignore: form.ignore,
            },
            digest: form.digest,
            layer: form.layer,
        })
    }
}

impl Serialize for FileEntry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let owner = if self.keep.owner {
            Some(Principal::Name(KEEP.to_owned()))
        } else {
            self.owner.clone()
        };
        let mode = if self.keep.mode {
            Some(Permissions::Keep)
        } else {
            self.mode.map(Permissions::Set)
        };
        let mut form = Form {
            path: self.path.clone(),
            kind: None,
            from: None,
            text: None,
            target: None,
            include: self.taken.include.clone(),
            exclude: self.taken.exclude.clone(),
            ignore: self.taken.ignore.clone(),
            owner,
            group: self.group.clone(),
            mode,
            check: self.check,
            digest: self.digest,
            layer: self.layer.clone(),
        };
        match &self.content {
            FileContent::From(from) => form.from = Some(from.clone()),
            FileContent::Archive(from) => form.from = Some(format!("{ARCHIVE}{from}")),
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
