//! What the types of a spec cannot say: names that refer to each other, and values that depend on others.

use std::collections::{BTreeMap, BTreeSet};

use crate::account::{Principal, is_account_name};
use crate::error::{Document, SpecError, SpecErrorKind};
use crate::file::FileContent;
use crate::layers::Layers;
use crate::request::{PackageRequest, check_slice, is_sliceable};
use crate::source::Source;
use crate::spec::{DefinitionSource, Kind, Spec};
use crate::text::shown;
use mikron_package::{Family, Glob, Globs};
use mikron_yaml::{Node, YamlErrorKind};

/// Refuses a newer schema before anything else is said of its keys.
pub(crate) fn schema_version(
    document: &Document<'_>,
    root: &Node,
    key: &str,
    supported: u32,
) -> Result<(), SpecError> {
    let Some(node) = root.get(key) else {
        return Ok(());
    };
    let found = node.scalar().unwrap_or("");
    if found.parse::<u64>().is_ok_and(|n| n > u64::from(supported)) {
        let kind = SpecErrorKind::SchemaVersion {
            found: found.to_owned(),
            supported,
        };
        let help = "it was written for a newer Mikron; upgrade to read it".to_owned();
        return Err(document.error_at(&[key], kind, Some(help)));
    }
    Ok(())
}

/// All checks of a spec, in the order of its keys.
pub(crate) fn spec(spec: &Spec, document: &Document<'_>) -> Result<(), SpecError> {
    let check = Check { spec, document };
    check.name()?;
    check.pair()?;
    check.sources()?;
    check.packages()?;
    check.rules()?;
    check.files()?;
    check.file_capabilities()?;
    check.remove()?;
    check.accounts()?;
    check.principals()?;
    check.image()?;
    check.platforms()?;
    check.layers()
}

struct Check<'a> {
    spec: &'a Spec,
    document: &'a Document<'a>,
}

impl Check<'_> {
    fn fail(&self, path: &[&str], message: impl Into<String>, help: &str) -> Result<(), SpecError> {
        let help = Some(help.to_owned()).filter(|help| !help.is_empty());
        let kind = SpecErrorKind::Invalid(message.into());
        Err(self.document.error_at(path, kind, help))
    }

    fn dangling<'n>(
        &self,
        path: &[&str],
        what: &'static str,
        name: &str,
        known: impl IntoIterator<Item = &'n str>,
    ) -> SpecError {
        let known: Vec<&str> = known.into_iter().collect();
        let help = match mikron_yaml::nearest(name, known.iter().copied()) {
            Some(near) => Some(format!("did you mean `{near}`?")),
            None if known.is_empty() => None,
            None => Some(format!(
                "known are {}",
                mikron_yaml::list(known.iter().copied())
            )),
        };
        let kind = SpecErrorKind::Dangling {
            what,
            name: shown(name),
            known: known.into_iter().map(str::to_owned).collect(),
        };
        self.document.error_at(path, kind, help)
    }

    fn name(&self) -> Result<(), SpecError> {
        let name = &self.spec.name;
        let word = |part: &str| {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
            part.starts_with(plain)
                && part.ends_with(plain)
                && part.chars().all(|c| plain(c) || "._-".contains(c))
        };
        if word(name) && name.len() <= 128 && !name.contains("..") {
            return Ok(());
        }
        self.fail(
            &["name"],
            format!("`{}` cannot be the name of an image", shown(name)),
            "use lower-case letters and digits, with `.`, `_` or `-` between them",
        )
    }

    fn pair(&self) -> Result<(), SpecError> {
        match (&self.spec.pair, self.spec.kind) {
            (Some(_), Kind::Runtime) => self.fail(
                &["pair"],
                "only an image to build in is paired with the one that runs what it builds",
                "add `kind: build`, or leave `pair` to the spec of the image to build in",
            ),
            _ => Ok(()),
        }
    }

    fn sources(&self) -> Result<(), SpecError> {
        for name in self.spec.sources.keys() {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
            if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
                self.fail(
                    &["sources", name],
                    format!("`{}` cannot be the name of a source", shown(name)),
                    "use lower-case letters, digits, `.`, `_` and `-`",
                )?;
            }
        }
        for (name, source) in &self.spec.sources {
            if let Some(key) = source.unsettled.keys().next() {
                let (kind, help) = YamlErrorKind::unknown_key(key, &Source::KEYS);
                return Err(self
                    .document
                    .error_at(&["sources", name, key], kind.into(), help));
            }
        }
        if self.spec.sources.is_empty() && !self.spec.packages.is_empty() {
            self.fail(
                &["packages"],
                "there are packages and no source to take them from",
                "add `sources: { debian: { deb: bookworm } }`",
            )?;
        }
        Ok(())
    }

    fn packages(&self) -> Result<(), SpecError> {
        let mut seen = BTreeSet::new();
        for (i, request) in self.spec.packages.iter().enumerate() {
            let i = i.to_string();
            if let Some(source) = &request.source
                && !self.spec.sources.contains_key(source)
            {
                let known = self.spec.sources.keys().map(String::as_str);
                return Err(self.dangling(&["packages", &i, "source"], "source", source, known));
            }
            if !request.slices.is_empty() {
                self.slices(&i, request)?;
            } else if let Some((package, slice)) = request.name.as_str().split_once('_')
                && request.name.is_plain()
                && is_sliceable(request, &self.spec.sources)
            {
                let slice = if package.is_empty() {
                    request.name.as_str()
                } else {
                    slice
                };
                self.no_slice(&i, request, slice)?;
            }
            if !seen.insert((&request.name, &request.capabilities, &request.slices)) {
                self.fail(
                    &["packages", &i],
                    match request.slices[..] {
                        [] => format!("the package `{}` stands here twice", request.name),
                        _ => format!("the slice `{request}` stands here twice"),
                    },
                    "keep one of them",
                )?;
            }
        }
        Ok(())
    }

    fn has_slices(&self) -> bool {
        let chisel = |source: &DefinitionSource| matches!(source, DefinitionSource::Chisel(_));
        self.spec.definitions.iter().any(chisel)
    }

    /// Why a name with a `_`, which no Debian package has, is no slice either.
    fn no_slice(&self, i: &str, request: &PackageRequest, slice: &str) -> Result<(), SpecError> {
        match check_slice(slice) {
            Err(error) => {
                let help = error.help.unwrap_or_default();
                self.fail(&["packages", i], error.message, &help)
            }
            Ok(()) => self.undefined(i, request),
        }
    }

    fn undefined(&self, i: &str, request: &PackageRequest) -> Result<(), SpecError> {
        self.fail(
            &["packages", i],
            format!("`{request}` is a slice, and nothing defines slices"),
            "add `definitions: [{ chisel: DIRECTORY }]`, a directory with `chisel.yaml` and `slices/`",
        )
    }

    /// What a request for slices takes besides.
    fn slices(&self, i: &str, request: &PackageRequest) -> Result<(), SpecError> {
        if !self.has_slices() {
            self.undefined(i, request)?;
        }
        if !request.capabilities.is_empty() {
            self.fail(
                &["packages", i],
                "slices and capabilities exclude each other",
                "name them in two requests",
            )?;
        }
        if request.select.is_some() {
            self.fail(
                &["packages", i, "select"],
                "slices say themselves how much of the package is taken",
                "leave `select` out, or name the package instead of its slices",
            )?;
        }
        Ok(())
    }

    fn rules(&self) -> Result<(), SpecError> {
        if self.spec.has_no_rules() {
            for (key, list) in [("with", &self.spec.with), ("without", &self.spec.without)] {
                if !list.is_empty() {
                    self.fail(
                        &[key],
                        format!("`{key}` names rules, and `rules: none` switches all of them off"),
                        "leave one of the two out",
                    )?;
                }
            }
        }
        for (i, rule) in self.spec.without.iter().enumerate() {
            if self.spec.with.contains(rule) {
                self.fail(
                    &["without", &i.to_string()],
                    format!(
                        "the rule `{}` is both asked for and switched off",
                        shown(rule)
                    ),
                    "keep it in `with` or in `without`",
                )?;
            }
        }
        Ok(())
    }

    fn files(&self) -> Result<(), SpecError> {
        let mut seen = BTreeSet::new();
        let mut layers = BTreeSet::new();
        for (i, file) in self.spec.files.iter().enumerate() {
            let i = i.to_string();
            if file.path.is_root()
                && matches!(file.content, FileContent::Text(_) | FileContent::Symlink(_))
            {
                self.fail(&["files", &i, "path"], "`/` can only be a directory", "")?;
            }
            if !seen.insert(&file.path) {
                self.fail(
                    &["files", &i, "path"],
                    format!("the path `{}` stands here twice", file.path),
                    "keep one of them",
                )?;
            }
            let from = file.content.source().unwrap_or_default();
            if from.contains('\0') || from.contains(':') {
                self.fail(
                    &["files", &i, "from"],
                    format!("`{}` is not a path", shown(from)),
                    "`from` names a file or directory beside the spec, not a URL; behind `tar:` an archive",
                )?;
            }
            if let FileContent::Symlink(target) = &file.content
                && (target.len() > 4095 || target.contains('\0'))
            {
                self.fail(
                    &["files", &i, "target"],
                    "the target of a symlink has at most 4095 bytes and no NUL",
                    "",
                )?;
            }
            for (key, globs) in [
                ("include", &file.taken.include),
                ("exclude", &file.taken.exclude),
            ] {
                for (number, glob) in globs.iter().enumerate() {
                    let text = glob.strip_prefix('!').unwrap_or(glob);
                    if let Err(error) = Glob::new(text) {
                        let message = format!("the pattern `{}` {}", shown(glob), error.reason);
                        self.fail(&["files", &i, key, &number.to_string()], message, "")?;
                    }
                }
            }
            if let Some(layer) = &file.layer {
                layers.insert(layer);
                if layer.is_empty() || layer.len() > 64 || layer.chars().any(char::is_control) {
                    self.fail(
                        &["files", &i, "layer"],
                        format!("`{}` cannot be the name of a layer", shown(layer)),
                        "write a word or two, of at most 64 bytes",
                    )?;
                }
                // One for the packages, and the last.
                if layers.len() + 2 > self.spec.layers.limit as usize {
                    self.fail(
                        &["files", &i, "layer"],
                        format!(
                            "the layer `{}` would be one too many beside `limit: {}`",
                            shown(layer),
                            self.spec.layers.limit
                        ),
                        "let several files share a layer, or raise `layers.limit`",
                    )?;
                }
            }
        }
        Ok(())
    }

    fn file_capabilities(&self) -> Result<(), SpecError> {
        for path in self.spec.file_capabilities.keys() {
            if let Err(error) = crate::text::absolute_path(path) {
                let help = error.help.unwrap_or_default();
                self.fail(&["file-capabilities", path], error.message, &help)?;
            }
        }
        Ok(())
    }

    fn remove(&self) -> Result<(), SpecError> {
        for (i, pattern) in self.spec.remove.iter().enumerate() {
            let i = i.to_string();
            let wrong = |reason: &str, help: &str| {
                let message = format!("the pattern `{}` {reason}", shown(pattern));
                self.fail(&["remove", &i], message, help)
            };
            if pattern.len() > 4096 || pattern.chars().any(char::is_control) {
                wrong("cannot match a path", "")?;
            }
            if let Err(error) = Globs::new(&[pattern]) {
                let path = pattern.strip_prefix('!').unwrap_or(pattern);
                let help = match path.strip_prefix('/') {
                    Some(_) => String::new(),
                    None => format!("did you mean `/{}`?", shown(path)),
                };
                wrong(error.reason, &help)?;
            }
        }
        Ok(())
    }

    fn accounts(&self) -> Result<(), SpecError> {
        let accounts = &self.spec.accounts;
        let mut names = BTreeSet::new();
        let mut ids = BTreeMap::new();
        for (i, user) in accounts.users.iter().enumerate() {
            let i = i.to_string();
            self.account_name(&["accounts", "users", &i, "name"], &user.name)?;
            if !names.insert(&user.name) {
                self.fail(
                    &["accounts", "users", &i, "name"],
                    format!("the user `{}` stands here twice", user.name),
                    "keep one of them",
                )?;
            }
            if user.name == "root" && user.uid.get() != 0 {
                self.fail(
                    &["accounts", "users", &i, "uid"],
                    format!("`root` has the uid 0, and not {}", user.uid),
                    "give the account another name",
                )?;
            }
            if let Some(other) = ids.insert(user.uid, &user.name) {
                self.fail(
                    &["accounts", "users", &i, "uid"],
                    format!("the uid {} belongs to `{other}` already", user.uid),
                    "give each user a number of its own",
                )?;
            }
            // A colon or a line end would begin another field or another account (passwd(5)).
            if user.comment.contains(|c: char| c == ':' || c.is_control()) {
                self.fail(
                    &["accounts", "users", &i, "comment"],
                    "a comment cannot hold `:` or control characters",
                    "",
                )?;
            }
            for (key, path) in [("home", &user.home), ("shell", &user.shell)] {
                if path.as_bytes().contains(&b':') {
                    self.fail(
                        &["accounts", "users", &i, key],
                        format!("`{path}` cannot stand in /etc/passwd"),
                        "choose a path without `:`",
                    )?;
                }
            }
        }
        let mut names = BTreeSet::new();
        let mut ids = BTreeMap::new();
        for (i, group) in accounts.groups.iter().enumerate() {
            let i = i.to_string();
            self.account_name(&["accounts", "groups", &i, "name"], &group.name)?;
            if !names.insert(&group.name) {
                self.fail(
                    &["accounts", "groups", &i, "name"],
                    format!("the group `{}` stands here twice", group.name),
                    "keep one of them",
                )?;
            }
            if let Some(other) = ids.insert(group.gid, &group.name) {
                self.fail(
                    &["accounts", "groups", &i, "gid"],
                    format!("the gid {} belongs to `{other}` already", group.gid),
                    "give each group a number of its own",
                )?;
            }
            for (j, member) in group.members.iter().enumerate() {
                let j = j.to_string();
                let path = ["accounts", "groups", &i, "members", &j];
                self.account_name(&path, member)?;
                self.user_exists(&path, member)?;
            }
        }
        Ok(())
    }

    fn account_name(&self, path: &[&str], name: &str) -> Result<(), SpecError> {
        if is_account_name(name) {
            return Ok(());
        }
        self.fail(
            path,
            format!("`{}` cannot be the name of a user or group", shown(name)),
            "begin with a lower-case letter or `_`; then lower-case letters, digits, `-`, `_`; at most 32",
        )
    }

    /// A name that is known is fine. So is one that a package may still bring, unless it looks like a slip.
    fn user_exists(&self, path: &[&str], name: &str) -> Result<(), SpecError> {
        let users = self
            .spec
            .accounts
            .users
            .iter()
            .map(|user| user.name.as_str());
        self.account_exists(path, "user", name, users.collect())
    }

    fn group_exists(&self, path: &[&str], name: &str) -> Result<(), SpecError> {
        // A user's group of its own has the user's name.
        let accounts = &self.spec.accounts;
        let users = accounts.users.iter().map(|user| user.name.as_str());
        let groups = accounts.groups.iter().map(|group| group.name.as_str());
        self.account_exists(path, "group", name, groups.chain(users).collect())
    }

    /// Whether every installation of one of the sources' families has a user or group of this name; without sources, of Debian's.
    fn is_static(&self, name: &str) -> bool {
        let has = |family: Family| family.user(name).is_some() || family.group(name).is_some();
        let mut sources = self.spec.sources.values();
        sources.any(|source| has(source.family))
            || (self.spec.sources.is_empty() && has(Family::default()))
    }

    fn account_exists(
        &self,
        path: &[&str],
        what: &'static str,
        name: &str,
        mut declared: Vec<&str>,
    ) -> Result<(), SpecError> {
        if declared.contains(&name) || name == "nonroot" || self.is_static(name) {
            return Ok(());
        }
        let slip = mikron_yaml::nearest(name, declared.iter().copied()).is_some();
        if slip || self.spec.packages.is_empty() {
            declared.extend(["root", "nonroot"]);
            return Err(self.dangling(path, what, name, declared));
        }
        Ok(())
    }

    fn principals(&self) -> Result<(), SpecError> {
        for (i, file) in self.spec.files.iter().enumerate() {
            let i = i.to_string();
            if let Some(Principal::Name(name)) = &file.owner {
                self.user_exists(&["files", &i, "owner"], name)?;
            }
            if let Some(Principal::Name(name)) = &file.group {
                self.group_exists(&["files", &i, "group"], name)?;
            }
        }
        if let Some(run_as) = &self.spec.run_as {
            if let Principal::Name(name) = &run_as.user {
                self.user_exists(&["run-as"], name)?;
            }
            if let Some(Principal::Name(name)) = &run_as.group {
                self.group_exists(&["run-as"], name)?;
            }
        }
        Ok(())
    }

    fn image(&self) -> Result<(), SpecError> {
        let image = &self.spec.image;
        for key in ["entrypoint", "cmd"] {
            let words = if key == "cmd" {
                &image.cmd
            } else {
                &image.entrypoint
            };
            for (i, word) in words.iter().enumerate() {
                if word.contains('\0') || (i == 0 && key == "entrypoint" && word.is_empty()) {
                    let message = "a word of a command holds no NUL, and the first is not empty";
                    self.fail(&["image", key, &i.to_string()], message, "")?;
                }
            }
        }
        for (name, value) in &image.env {
            if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
                self.fail(
                    &["image", "env", name],
                    format!("`{}` cannot be an environment variable", shown(name)),
                    "names hold no `=`, and neither names nor values a NUL",
                )?;
            }
        }
        for (key, map) in [
            ("labels", &image.labels),
            ("annotations", &image.annotations),
        ] {
            if map.contains_key("") {
                self.fail(&["image", key, ""], "a label without a name", "")?;
            }
        }
        let mut seen = BTreeSet::new();
        for (i, port) in image.ports.iter().enumerate() {
            if !seen.insert(port) {
                self.fail(
                    &["image", "ports", &i.to_string()],
                    format!("the port `{port}` stands here twice"),
                    "keep one of them",
                )?;
            }
        }
        Ok(())
    }

    fn platforms(&self) -> Result<(), SpecError> {
        if self.spec.platforms.is_empty() {
            self.fail(
                &["platforms"],
                "there is no platform to build for",
                "leave `platforms` out for `linux/amd64`",
            )?;
        }
        let mut seen = BTreeSet::new();
        for (i, platform) in self.spec.platforms.iter().enumerate() {
            if !seen.insert(platform) {
                self.fail(
                    &["platforms", &i.to_string()],
                    format!("the platform `{platform}` stands here twice"),
                    "keep one of them",
                )?;
            }
        }
        Ok(())
    }

    fn layers(&self) -> Result<(), SpecError> {
        let limit = self.spec.layers.limit;
        if (1..=Layers::MAX_LIMIT).contains(&limit) {
            return Ok(());
        }
        self.fail(
            &["layers", "limit"],
            format!("{limit} layers are not possible"),
            "write a number from 1 to 127",
        )
    }
}
