//! `chisel.yaml`: the format of a release, and the archives that its packages come from.
//!
//! Mikron takes packages from the sources of the spec, so archives and keys are read to be checked, and to tell which
//! archive a package is pinned to. Keys are not decoded here: what is trusted is said in the spec.

use std::collections::BTreeMap;
use std::fmt;

use crate::raw::{RawArchive, RawMaintenance, RawRelease};
use crate::{SliceError, SliceErrorKind, SourceFile};
use mikron_yaml::{list, nearest, shown};

/// The format of a release. What differs between them:
///
/// | | v1 | v2 | v3 |
/// |---|---|---|---|
/// | `v2-archives`, `default` of an archive | yes | no | no |
/// | `essential` | list | list | mapping |
/// | `v3-essential` | yes | yes | no |
/// | `stores`, `store`, `default-track`, `channel` | no | no | yes |
///
/// `prefer` and `hint` came with v2 and v3, but chisel reads them in any format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// `v1`.
    V1,
    /// `v2`.
    V2,
    /// `v3`.
    V3,
}

impl Format {
    const ALL: [Self; 3] = [Self::V1, Self::V2, Self::V3];

    /// The format as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
            Self::V3 => "v3",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An archive that packages of the release come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// Version of the distribution (`24.04`).
    pub version: String,
    /// Suites (`noble-updates`).
    pub suites: Vec<String>,
    /// Components (`main`).
    pub components: Vec<String>,
    /// The subscription that it belongs to, where it needs one.
    pub pro: Option<String>,
    /// Higher wins; an archive below 0 is only used for packages that are pinned to it.
    pub priority: i64,
    /// Names of the keys that it is signed with.
    pub public_keys: Vec<String>,
}

/// What `chisel.yaml` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseHead {
    /// The format of all files of the release.
    pub format: Format,
    /// Archives by name.
    pub archives: BTreeMap<String, Archive>,
    /// Archives of a subscription that nobody knows; chisel leaves them out, and so does this crate.
    pub ignored_archives: Vec<String>,
    /// Names of stores.
    pub stores: Vec<String>,
}

/// Subscriptions that archives may belong to.
const PRO: [&str; 4] = ["fips", "fips-updates", "esm-apps", "esm-infra"];

/// Reads `chisel.yaml`.
pub(crate) fn read_head(file: &SourceFile) -> Result<ReleaseHead, SliceError> {
    let raw: RawRelease = file.read()?;
    let format = Format::ALL.into_iter().find(|f| f.as_str() == raw.format);
    let Some(format) = format else {
        let error = file.error(
            &["format"],
            SliceErrorKind::UnknownFormat(shown(&raw.format)),
        );
        return Err(error.help("`v1`, `v2` and `v3` are read"));
    };
    let not_in = |path: &[&str], what: &str, help: &str| {
        let what = what.to_owned();
        Err(file
            .error(path, SliceErrorKind::NotInFormat { what, format })
            .help(help))
    };
    let of_v2 = raw.v2_archives.map(|pairs| pairs.0).unwrap_or_default();
    if format != Format::V1 && !of_v2.is_empty() {
        return not_in(&["v2-archives"], "`v2-archives`", "move them to `archives`");
    }
    let stores = raw.stores.map(|pairs| pairs.0).unwrap_or_default();
    if format < Format::V3 && !stores.is_empty() {
        return not_in(&["stores"], "`stores`", "write `format: v3`");
    }
    for (name, store) in &stores {
        let given = [
            ("kind", &store.kind),
            ("version", &store.version),
            ("default-prefix", &store.default_prefix),
        ];
        if let Some((key, _)) = given.iter().find(|(_, value)| value.is_none()) {
            let key = (*key).to_owned();
            return Err(file.error(&["stores", name], SliceErrorKind::MissingKey { key }));
        }
    }
    if let Some(maintenance) = &raw.maintenance {
        check_maintenance(file, maintenance)?;
    }
    let keys = raw.public_keys.map(|pairs| pairs.0).unwrap_or_default();
    for (name, key) in &keys {
        let id = key.id.len() == 16
            && key
                .id
                .bytes()
                .all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'F'));
        let (key, message) = match (id, key.armor.trim_start().starts_with("-----BEGIN PGP")) {
            (false, _) => ("id", "an `id` is sixteen capital hexadecimal digits"),
            (_, false) => ("armor", "`armor` is a key in ASCII armor"),
            _ => continue,
        };
        let kind = SliceErrorKind::Value(message.to_owned());
        return Err(file.error(&["public-keys", name, key], kind));
    }
    let known_keys: Vec<&str> = keys.iter().map(|(name, _)| name.as_str()).collect();
    let of_v1 = raw.archives.map(|pairs| pairs.0).unwrap_or_default();
    let all = of_v1
        .into_iter()
        .map(|pair| ("archives", pair))
        .chain(of_v2.into_iter().map(|pair| ("v2-archives", pair)))
        .collect();
    let (archives, ignored_archives) = read_archives(file, format, all, &known_keys)?;
    Ok(ReleaseHead {
        format,
        archives,
        ignored_archives,
        stores: stores.into_iter().map(|(name, _)| name).collect(),
    })
}

type Section<'a> = (&'a str, (String, RawArchive));

fn read_archives(
    file: &SourceFile,
    format: Format,
    all: Vec<Section<'_>>,
    known_keys: &[&str],
) -> Result<(BTreeMap<String, Archive>, Vec<String>), SliceError> {
    if all.is_empty() {
        let key = "archives".to_owned();
        return Err(file
            .error(&[], SliceErrorKind::MissingKey { key })
            .help("a release names at least one archive"));
    }
    let total = all.len();
    let mut archives: BTreeMap<String, (Archive, &str, bool)> = BTreeMap::new();
    let mut ignored = Vec::new();
    let mut default: Option<String> = None;
    for (section, (name, raw)) in all {
        let value = |key: &str, message: String| {
            file.error(&[section, &name, key], SliceErrorKind::Value(message))
        };
        let missing = |key: &str| {
            let key = key.to_owned();
            file.error(&[section, &name], SliceErrorKind::MissingKey { key })
        };
        if archives.contains_key(&name) {
            return Err(value(
                "",
                format!("the archive `{}` is defined twice", shown(&name)),
            ));
        }
        let is_default = raw.default.unwrap_or(false);
        if format != Format::V1 && is_default {
            let what = "`default` of an archive".to_owned();
            let kind = SliceErrorKind::NotInFormat { what, format };
            let error = file.error(&[section, &name, "default"], kind);
            return Err(error.help("use `priority`"));
        }
        let version = raw
            .version
            .filter(|v| !v.is_empty())
            .ok_or_else(|| missing("version"))?;
        let some = |list: Option<Vec<String>>, key| match list {
            Some(list) if !list.is_empty() => Ok(list),
            _ => Err(missing(key)),
        };
        let suites = some(raw.suites, "suites")?;
        let components = some(raw.components, "components")?;
        let pro = raw.pro.filter(|pro| !pro.is_empty());
        if pro.as_deref().is_some_and(|pro| !PRO.contains(&pro)) {
            ignored.push(name);
            continue;
        }
        if is_default && let Some(other) = default.replace(name.clone()) {
            let message = format!("`{}` is the default archive already", shown(&other));
            return Err(value("default", message).help("keep one of them"));
        }
        let public_keys = some(raw.public_keys, "public-keys")?;
        for key in &public_keys {
            if !known_keys.contains(&key.as_str()) {
                let kind = SliceErrorKind::Dangling {
                    what: "key",
                    name: shown(key),
                };
                let mut error = file.error(&[section, &name, "public-keys", key], kind);
                error.help = near(key, known_keys.iter().copied());
                return Err(error);
            }
        }
        if let Some(priority) = raw.priority
            && (priority == 0 || !(-1000..=1000).contains(&priority))
        {
            let message = format!("{priority} is not a priority");
            let help = "-1000 to 1000, without 0";
            return Err(value("priority", message).help(help));
        }
        let archive = Archive {
            version,
            suites,
            components,
            pro,
            priority: raw.priority.unwrap_or(0),
            public_keys,
        };
        archives.insert(name, (archive, section, raw.priority.is_some()));
    }
    let ranked = archives.values().any(|(.., given)| *given);
    let unranked = archives.iter().find(|(_, (.., given))| !given);
    if let Some((name, (_, section, _))) = unranked
        && (ranked || (default.is_none() && total > 1))
    {
        let key = "priority".to_owned();
        return Err(file
            .error(&[section, name], SliceErrorKind::MissingKey { key })
            .help("with several archives each of them says which goes first"));
    }
    if let Some(default) = default.filter(|_| !ranked) {
        // As chisel ranks them: the others are only used for packages that are pinned to them.
        for (place, (name, (archive, ..))) in (1..).zip(&mut archives) {
            archive.priority = if *name == default { 1 } else { -place };
        }
    }
    let mut seen: BTreeMap<i64, &str> = BTreeMap::new();
    for (name, (archive, section, _)) in &archives {
        if let Some(other) = seen.insert(archive.priority, name) {
            let message = format!(
                "`{}` has the priority {} too",
                shown(other),
                archive.priority
            );
            let kind = SliceErrorKind::Value(message);
            return Err(file
                .error(&[section, name, "priority"], kind)
                .help("give each archive a priority of its own"));
        }
    }
    let archives = archives
        .into_iter()
        .map(|(name, (archive, ..))| (name, archive))
        .collect();
    Ok((archives, ignored))
}

fn check_maintenance(file: &SourceFile, raw: &RawMaintenance) -> Result<(), SliceError> {
    let dates = [
        ("standard", &raw.standard, true),
        ("expanded", &raw.expanded, false),
        ("legacy", &raw.legacy, false),
        ("end-of-life", &raw.end_of_life, true),
    ];
    for (key, date, needed) in dates {
        match date {
            Some(date) if !is_date(date) => {
                let message = format!("`{}` is not a date", shown(date));
                let error = file.error(&["maintenance", key], SliceErrorKind::Value(message));
                return Err(error.help("write year, month and day, as in 2024-04-25"));
            }
            None if needed => {
                let key = key.to_owned();
                return Err(file.error(&["maintenance"], SliceErrorKind::MissingKey { key }));
            }
            _ => {}
        }
    }
    Ok(())
}

fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let shape = bytes.len() == 10
        && bytes.iter().enumerate().all(|(i, b)| match i {
            4 | 7 => *b == b'-',
            _ => b.is_ascii_digit(),
        });
    let number = |range: std::ops::Range<usize>| text[range].parse::<u8>().unwrap_or(0);
    shape && (1..=12).contains(&number(5..7)) && (1..=31).contains(&number(8..10))
}

/// The remedy for a name that refers to nothing.
pub(crate) fn near<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
) -> Option<String> {
    if let Some(name) = nearest(name, known.clone()) {
        return Some(format!("did you mean `{name}`?"));
    }
    let names = list(known);
    (!names.is_empty()).then(|| format!("known: {names}"))
}
