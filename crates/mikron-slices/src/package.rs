//! One file of slice definitions: what the raw form means, and whether it may be written so.

use std::sync::Arc;

use mikron_package::PackageName;

use crate::contents::{check_path, is_directory};
use crate::key::package_name;
use crate::raw::{OneOrMore, RawContent, RawEssential, RawPackage, RawRequirement, RawSlice};
use crate::yaml::Pairs;
use crate::{
    Architectures, Content, ContentKind, Format, Glob, SliceError, SliceErrorKind, SliceKey,
    SourceFile,
};
use mikron_yaml::shown;

/// The slices of one package.
#[derive(Clone, Debug)]
pub struct Package {
    /// Its name.
    pub name: PackageName,
    /// The archive that it is pinned to.
    pub archive: Option<String>,
    /// The store that it comes from in place of an archive, with the track.
    pub store: Option<(String, String)>,
    /// Its slices, in the order of the file.
    pub slices: Vec<Arc<Slice>>,
    /// The file that defines it.
    pub source: SourceFile,
}

impl Package {
    /// The slice of this name.
    pub fn slice(&self, name: &str) -> Option<&Arc<Slice>> {
        self.slices.iter().find(|slice| slice.key.slice() == name)
    }
}

/// A named subset of a package: a capability, in Mikron's words.
#[derive(Clone, Debug)]
pub struct Slice {
    /// Its full name.
    pub key: SliceKey,
    /// What it holds, in at most forty characters.
    pub hint: Option<String>,
    /// The slices that it needs, those of the package first.
    pub essential: Vec<Essential>,
    /// Its paths, in the order of the file.
    pub contents: Vec<Content>,
    /// The script that runs when everything is in place.
    pub mutate: Option<String>,
}

/// A slice that another one needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Essential {
    /// The slice.
    pub key: SliceKey,
    /// Where it is needed.
    pub architectures: Architectures,
}

/// The name of a package by the name of its file.
pub(crate) fn name_of_file(file: &str) -> Result<PackageName, SliceError> {
    let base = file.rsplit('/').next().unwrap_or(file);
    let name = base.strip_suffix(".yaml").unwrap_or(base);
    package_name(name).map_err(|error| {
        error
            .in_file(file)
            .help("a file is named after its package, as in `nginx.yaml`")
    })
}

/// Reads one file of definitions.
pub(crate) fn read_package(file: &SourceFile, format: Format) -> Result<Package, SliceError> {
    let name = name_of_file(file.name())?;
    let raw: RawPackage = file.read()?;
    if raw.package != name.as_str() {
        let kind = SliceErrorKind::PackageName {
            expected: name.to_string(),
            found: shown(&raw.package),
        };
        let error = file.error(&["package"], kind);
        return Err(error.help("a file is named after its package"));
    }
    let reader = Reader { file, format, name };
    let store = reader.store(&raw)?;
    let style = Style {
        path: &[],
        essential: &raw.essential,
        v3: raw.v3_essential.as_ref(),
    };
    let common = reader.essentials(&style, store.is_some())?;
    let mut slices = Vec::new();
    for (slice, raw) in raw.slices.unwrap_or_default().0 {
        let raw = raw.unwrap_or_default();
        slices.push(Arc::new(reader.slice(
            &slice,
            raw,
            &common,
            store.is_some(),
        )?));
    }
    let Reader { name, .. } = reader;
    let archive = raw.archive.filter(|archive| !archive.is_empty());
    Ok(Package {
        name,
        archive,
        store,
        slices,
        source: file.clone(),
    })
}

struct Reader<'a> {
    file: &'a SourceFile,
    format: Format,
    name: PackageName,
}

/// Where essentials stand, and how they are written.
struct Style<'a> {
    path: &'a [&'a str],
    essential: &'a RawEssential,
    v3: Option<&'a Pairs<Option<RawRequirement>>>,
}

impl Reader<'_> {
    fn not_in_format(&self, path: &[&str], what: &str) -> SliceError {
        let kind = SliceErrorKind::NotInFormat {
            what: what.to_owned(),
            format: self.format,
        };
        self.file.error(path, kind)
    }

    fn store(&self, raw: &RawPackage) -> Result<Option<(String, String)>, SliceError> {
        let value = |key: &str, message: &str| {
            let kind = SliceErrorKind::Value(message.to_owned());
            self.file.error(&[key], kind)
        };
        for (key, given) in [
            ("store", raw.store.is_some()),
            ("default-track", raw.default_track.is_some()),
        ] {
            if given && self.format < Format::V3 {
                return Err(self.not_in_format(&[key], &format!("`{key}`")));
            }
        }
        match (&raw.store, &raw.default_track) {
            (None, None) => Ok(None),
            (None, Some(_)) => Err(value("default-track", "`default-track` needs a `store`")),
            (Some(_), None) => Err(value("store", "`store` needs a `default-track`")),
            (Some(_), Some(track)) if track.contains('/') => {
                Err(value("default-track", "a track has no `/`"))
            }
            (Some(_), Some(_)) if raw.archive.is_some() => {
                let kind = SliceErrorKind::Options("`store` and `archive`".to_owned());
                Err(self.file.error(&["store"], kind))
            }
            (Some(store), Some(track)) => Ok(Some((store.clone(), track.clone()))),
        }
    }

    /// The essentials of a package or slice in the order in which they are written.
    fn essentials(
        &self,
        style: &Style<'_>,
        in_store: bool,
    ) -> Result<Vec<(Essential, &'static str)>, SliceError> {
        let at =
            |key: &'static str| -> Vec<&str> { style.path.iter().copied().chain([key]).collect() };
        let mapped = self.format == Format::V3;
        if mapped && style.v3.is_some() {
            let error = self.not_in_format(&at("v3-essential"), "`v3-essential`");
            return Err(error.help("move its entries to `essential`"));
        }
        let mut found: Vec<(Essential, &'static str)> = Vec::new();
        let mut add = |name: &str, raw: Option<&RawRequirement>, key: &'static str| {
            let mut path = at(key);
            path.push(name);
            let reference: SliceKey = name
                .parse()
                .map_err(|error| self.file.place(&path, error))?;
            if let Some(channel) = raw.and_then(|raw| raw.channel.as_ref()) {
                path.push("channel");
                self.channel(&path, channel, in_store)?;
            }
            let arch = raw.and_then(|raw| raw.arch.as_ref());
            if found
                .iter()
                .any(|(essential, _)| essential.key == reference)
            {
                let error = self.file.error(&path, SliceErrorKind::Repeated(reference));
                return Err(error.help("keep one of them"));
            }
            let essential = Essential {
                key: reference,
                architectures: arch.map(|arch| arch.0).unwrap_or_default(),
            };
            found.push((essential, key));
            Ok(())
        };
        match style.essential {
            RawEssential::None => {}
            RawEssential::List(names) if !mapped => {
                names
                    .iter()
                    .try_for_each(|name| add(name, None, "essential"))?;
            }
            RawEssential::Map(pairs) if mapped => {
                let pairs = &pairs.0;
                pairs
                    .iter()
                    .try_for_each(|(name, raw)| add(name, raw.as_ref(), "essential"))?;
            }
            RawEssential::List(_) => {
                let error = self.not_in_format(&at("essential"), "a list of essentials");
                return Err(error.help("write a mapping, as in `libc6_libs: {}`"));
            }
            RawEssential::Map(_) => {
                let error = self.not_in_format(&at("essential"), "a mapping of essentials");
                return Err(error.help("write a list, and what needs options in `v3-essential`"));
            }
        }
        if let Some(pairs) = style.v3 {
            let pairs = &pairs.0;
            pairs
                .iter()
                .try_for_each(|(name, raw)| add(name, raw.as_ref(), "v3-essential"))?;
        }
        Ok(found)
    }

    fn channel(
        &self,
        path: &[&str],
        channel: &OneOrMore,
        in_store: bool,
    ) -> Result<(), SliceError> {
        if self.format < Format::V3 {
            return Err(self.not_in_format(path, "`channel`"));
        }
        let message = match channel.0.iter().find(|name| name.matches('/').count() != 1) {
            _ if !in_store => "`channel` is for packages of a store".to_owned(),
            Some(name) => format!("`{}` is not a channel, which is track/risk", shown(name)),
            None => return Ok(()),
        };
        Err(self.file.error(path, SliceErrorKind::Value(message)))
    }

    fn slice(
        &self,
        name: &str,
        raw: RawSlice,
        common: &[(Essential, &'static str)],
        in_store: bool,
    ) -> Result<Slice, SliceError> {
        let path = ["slices", name];
        let key = SliceKey::of_package(&self.name, name)
            .map_err(|error| self.file.place(&path, error))?;
        let of = |error: SliceError| error.of_slice(&key);
        let style = Style {
            path: &path,
            essential: &raw.essential,
            v3: raw.v3_essential.as_ref(),
        };
        let own = self.essentials(&style, in_store).map_err(of)?;
        let mut essential: Vec<Essential> = Vec::with_capacity(common.len() + own.len());
        for (needed, _) in common {
            // What all slices of a package need is one of them, as a rule.
            if needed.key != key {
                essential.push(needed.clone());
            }
        }
        for (needed, written) in own {
            let name = needed.key.to_string();
            let path = ["slices", key.slice(), written, &name];
            if needed.key == key {
                return Err(of(self.file.error(&path, SliceErrorKind::OwnEssential)));
            }
            if essential.iter().any(|other| other.key == needed.key) {
                let error = self.file.error(&path, SliceErrorKind::Repeated(needed.key));
                return Err(of(error).help("every slice of the package has it already"));
            }
            essential.push(needed);
        }
        let hint = raw.hint.filter(|hint| !hint.is_empty());
        if let Some(hint) = &hint
            && (hint.len() > 40 || hint.chars().any(char::is_control))
        {
            let message = format!("the hint `{}` is not a short line", shown(hint));
            let kind = SliceErrorKind::Value(message);
            let error = self.file.error(&["slices", name, "hint"], kind);
            return Err(of(error).help("at most forty bytes, without control characters"));
        }
        let raw_contents = raw.contents.unwrap_or_default().0;
        let mut contents = Vec::with_capacity(raw_contents.len());
        for (path, raw) in raw_contents {
            let content = self.content(&key, path, raw.unwrap_or_default(), in_store)?;
            contents.push(content);
        }
        Ok(Slice {
            key,
            hint,
            essential,
            contents,
            mutate: raw.mutate.filter(|script| !script.trim().is_empty()),
        })
    }

    fn content(
        &self,
        key: &SliceKey,
        path: String,
        raw: RawContent,
        in_store: bool,
    ) -> Result<Content, SliceError> {
        let wrong = |option: &str, kind: SliceErrorKind| {
            let place = ["slices", key.slice(), "contents", &path, option];
            self.file.error(&place, kind).of_slice(key).of_path(&path)
        };
        let value = |option: &str, message: String| wrong(option, SliceErrorKind::Value(message));
        if let Err(reason) = check_path(&path) {
            return Err(wrong("", SliceErrorKind::Path(reason))
                .help("write it from `/`, without `.`, `..` and double `/`"));
        }
        let until_mutate = match raw.until.as_deref() {
            None | Some("") => false,
            Some("mutate") => true,
            Some(other) => {
                let message = format!("`until` is `mutate` or absent, not `{}`", shown(other));
                return Err(value("until", message));
            }
        };
        if let Some(channel) = &raw.channel {
            let place = ["slices", key.slice(), "contents", &path, "channel"];
            self.channel(&place, channel, in_store)
                .map_err(|error| error.of_slice(key).of_path(&path))?;
        }
        let prefer = match raw.prefer.as_deref() {
            None | Some("") => None,
            Some(name) => {
                let place = |error: SliceError| {
                    let place = ["slices", key.slice(), "contents", &path, "prefer"];
                    self.file.place(&place, error).of_slice(key).of_path(&path)
                };
                Some(package_name(name).map_err(place)?)
            }
        };
        if prefer.as_ref() == Some(&self.name) {
            let kind = SliceErrorKind::Prefer("a package is not preferred to itself".to_owned());
            return Err(wrong("prefer", kind));
        }
        let given = Given::of(&raw, prefer.is_some());
        let kind = Self::kind(&path, &given, raw).map_err(|(option, kind, help)| {
            let mut error = wrong(option, kind);
            error.help = help.map(str::to_owned);
            error
        })?;
        let is_file =
            !is_directory(&path) && matches!(kind, ContentKind::Text(_) | ContentKind::Copy { .. });
        if given.mutable && !is_file {
            let message = format!("{} is not a file that could be mutable", kind.words());
            return Err(value("mutable", message));
        }
        if given.mode.is_some() && matches!(kind, ContentKind::Symlink(_)) {
            let kind = SliceErrorKind::Options("`symlink` and `mode`".to_owned());
            return Err(wrong("mode", kind).help("a symbolic link has no mode of its own"));
        }
        Ok(Content {
            path,
            kind,
            mode: given.mode,
            mutable: given.mutable,
            until_mutate,
            architectures: given.architectures,
            prefer,
        })
    }

    /// What stands at a path: exactly one of the ways to say so.
    fn kind(
        path: &str,
        given: &Given,
        raw: RawContent,
    ) -> Result<ContentKind, (&'static str, SliceErrorKind, Option<&'static str>)> {
        let options = |names: String| SliceErrorKind::Options(names);
        let value = |message: String| SliceErrorKind::Value(message);
        if let Some(generate) = raw.generate.filter(|g| !g.is_empty()) {
            if generate != "manifest" {
                let message = format!("`generate` is `manifest`, not `{}`", shown(&generate));
                return Err(("generate", value(message), None));
            }
            if let Some(other) = given.options.first().copied() {
                let names = format!("`generate` and `{other}`");
                return Err((other, options(names), None));
            }
            let directory = path.strip_suffix("**").filter(|dir| dir.ends_with('/'));
            return match directory {
                Some(directory) if directory != "/" && !Glob::is_glob(directory) => {
                    Ok(ContentKind::Manifest)
                }
                _ => Err((
                    "generate",
                    value("a manifest is generated in a directory".to_owned()),
                    Some("write the directory with `/**` at its end and no other wildcard"),
                )),
            };
        }
        if Glob::is_glob(path) {
            // What a glob takes is only limited in time and by architecture.
            let other = given.options.iter().find(|name| **name != "until");
            return match other {
                Some(other) => Err((*other, options(format!("wildcards and `{other}`")), None)),
                None => Ok(ContentKind::Glob(Glob::new(path))),
            };
        }
        let ways: Vec<&str> = ["make", "text", "symlink", "copy"]
            .into_iter()
            .filter(|way| given.options.contains(way))
            .collect();
        if let [first, second, ..] = ways[..] {
            let names = format!("`{first}` and `{second}`");
            let place = if second == "copy" { "copy" } else { "" };
            return Err((place, options(names), None));
        }
        if given.options.contains(&"make") {
            return if is_directory(path) {
                Ok(ContentKind::Directory)
            } else {
                let message = "only a directory can be made".to_owned();
                Err((
                    "make",
                    value(message),
                    Some("write the path with `/` at its end"),
                ))
            };
        }
        if let Some(text) = raw.text {
            return if is_directory(path) {
                let message = "a directory holds no text".to_owned();
                Err((
                    "text",
                    value(message),
                    Some("write the path without `/` at its end"),
                ))
            } else {
                Ok(ContentKind::Text(text))
            };
        }
        if let Some(target) = raw.symlink.filter(|target| !target.is_empty()) {
            let bad = target.contains('\0') || target.len() > 4095;
            return if bad {
                let message = "no link can have this target".to_owned();
                Err(("symlink", value(message), None))
            } else {
                Ok(ContentKind::Symlink(target))
            };
        }
        let Some(from) = raw.copy.filter(|from| !from.is_empty() && from != path) else {
            return Ok(ContentKind::Copy { from: None });
        };
        if let Err(reason) = check_path(&from) {
            return Err(("copy", SliceErrorKind::Path(reason), None));
        }
        if Glob::is_glob(&from) {
            let message = "`copy` names one path, without wildcards".to_owned();
            return Err(("copy", value(message), None));
        }
        if is_directory(&from) != is_directory(path) {
            let message = "a directory is copied to a directory, a file to a file".to_owned();
            let help = "end both with `/`, or neither";
            return Err(("copy", value(message), Some(help)));
        }
        Ok(ContentKind::Copy { from: Some(from) })
    }
}

/// The options that a path has, beside those that say where and when it applies.
struct Given {
    options: Vec<&'static str>,
    mode: Option<u32>,
    mutable: bool,
    architectures: Architectures,
}

impl Given {
    fn of(raw: &RawContent, prefers: bool) -> Self {
        let text = |value: &Option<String>| value.as_ref().is_some_and(|v| !v.is_empty());
        // A mode of 0 is the same as none, as it is for chisel.
        let mode = raw.mode.map(|mode| mode.0).filter(|mode| *mode != 0);
        let mutable = raw.mutable.unwrap_or(false);
        let all = [
            ("make", raw.make.unwrap_or(false)),
            ("text", raw.text.is_some()),
            ("symlink", text(&raw.symlink)),
            ("copy", text(&raw.copy)),
            ("mode", mode.is_some()),
            ("mutable", mutable),
            ("prefer", prefers),
            ("until", text(&raw.until)),
        ];
        let options = all.iter().filter(|(_, given)| *given);
        Self {
            options: options.map(|(name, _)| *name).collect(),
            mode,
            mutable,
            architectures: raw.arch.as_ref().map(|arch| arch.0).unwrap_or_default(),
        }
    }
}
