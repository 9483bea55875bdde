//! The keys under which rpm finds packages in its database.

use std::collections::BTreeSet;

use mikron_package::{ArchiveError, Requirement};

use super::row::Row;
use crate::header::relations::{self, Tags};
use crate::header::{Header, tag};
use crate::relation::{RichContext, parse_rich};

/// Under what a package is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Text(String),
    Bytes(Vec<u8>),
}

/// The tables beside `Packages`, in the order in which rpm makes them, and what each needs.
pub(super) const TABLES: [Table; 18] = [
    table("Name", "TEXT", &[By::Key]),
    table("Basenames", "TEXT", &[By::Key, By::Package]),
    table("Group", "TEXT", &[By::Key]),
    table("Requirename", "TEXT", &[By::Key, By::Package]),
    table("Providename", "TEXT", &[By::Key, By::Package]),
    table("Conflictname", "TEXT", &[By::Key, By::Package]),
    table("Obsoletename", "TEXT", &[By::Key, By::Package]),
    table("Triggername", "TEXT", &[By::Key, By::Package]),
    table("Dirnames", "TEXT", &[By::Key, By::Package]),
    table("Installtid", "BLOB", &[]),
    table("Sigmd5", "BLOB", &[]),
    table("Sha1header", "TEXT", &[By::Key]),
    table("Filetriggername", "TEXT", &[By::Key, By::Package]),
    table("Transfiletriggername", "TEXT", &[By::Key, By::Package]),
    table("Recommendname", "TEXT", &[By::Key, By::Package]),
    table("Suggestname", "TEXT", &[By::Key, By::Package]),
    table("Supplementname", "TEXT", &[By::Key, By::Package]),
    table("Enhancename", "TEXT", &[By::Key, By::Package]),
];

/// A table of keys.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    pub(super) indexes: &'static [By],
}

/// What the rows of a table are found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Key,
    Package,
}

const fn table(name: &'static str, kind: &'static str, indexes: &'static [By]) -> Table {
    Table {
        name,
        kind,
        indexes,
    }
}

/// One row of a table: the number of the table, the key, and the place of its value in the header's array.
pub(super) struct Entry {
    pub(super) table: usize,
    pub(super) key: Key,
    pub(super) place: u32,
}

/// All keys of a package, table by table.
pub(super) fn keys(row: &Row) -> Result<Vec<Entry>, ArchiveError> {
    let header = row.header();
    let mut entries = Vec::new();
    for (number, table) in TABLES.iter().enumerate() {
        let keys = match table.name {
            "Name" => texts(header, tag::NAME)?,
            "Basenames" => texts(header, tag::BASENAMES)?,
            "Group" => texts(header, tag::GROUP)?,
            "Requirename" => related(header, relations::REQUIRES)?,
            "Providename" => texts(header, tag::PROVIDE_NAME)?,
            "Conflictname" => related(header, relations::CONFLICTS)?,
            "Obsoletename" => related(header, relations::OBSOLETES)?,
            "Triggername" => once(texts(header, tag::TRIGGER_NAME)?),
            "Dirnames" => texts(header, tag::DIRNAMES)?,
            "Installtid" => vec![(Key::Bytes(row.time.to_le_bytes().to_vec()), 0)],
            "Sigmd5" => one(row.md5.clone().map(Key::Bytes)),
            "Sha1header" => one(row.sha1.as_deref().map(text)),
            "Filetriggername" => {
                by_script(header, tag::FILE_TRIGGER_NAME, tag::FILE_TRIGGER_INDEX)?
            }
            "Transfiletriggername" => by_script(
                header,
                tag::TRANS_FILE_TRIGGER_NAME,
                tag::TRANS_FILE_TRIGGER_INDEX,
            )?,
            "Recommendname" => related(header, relations::RECOMMENDS)?,
            "Suggestname" => related(header, relations::SUGGESTS)?,
            "Supplementname" => related(header, relations::SUPPLEMENTS)?,
            "Enhancename" => related(header, relations::ENHANCES)?,
            other => unreachable!("{other} is one of the names above"),
        };
        entries.extend(keys.into_iter().map(|(key, place)| Entry {
            table: number,
            key,
            place,
        }));
    }
    Ok(entries)
}

type Keys = Vec<(Key, u32)>;

fn text(bytes: &[u8]) -> Key {
    Key::Text(String::from_utf8_lossy(bytes).into_owned())
}

fn one(key: Option<Key>) -> Keys {
    key.into_iter().map(|key| (key, 0)).collect()
}

/// The values of an array. Of a translated text the first.
fn texts(header: Header<'_>, tag: u32) -> Result<Keys, ArchiveError> {
    let texts = header.strings(tag)?;
    let most = if tag == tag::GROUP { 1 } else { usize::MAX };
    let keys = texts.iter().take(most).zip(0..);
    Ok(keys.map(|(bytes, place)| (text(bytes), place)).collect())
}

/// The conditions of file triggers, whose place is that of their script.
fn by_script(header: Header<'_>, name: u32, index: u32) -> Result<Keys, ArchiveError> {
    let scripts = header.words(index)?;
    let keys = texts(header, name)?.into_iter().zip(scripts);
    Ok(keys.map(|((key, _), script)| (key, script)).collect())
}

/// Each key once, at its first place.
fn once(keys: Keys) -> Keys {
    let mut seen = BTreeSet::new();
    keys.into_iter()
        .filter(|(key, _)| match key {
            Key::Text(text) => seen.insert(text.clone()),
            Key::Bytes(_) => true,
        })
        .collect()
}

/// The names of relations. What is wanted only while the package is being installed is left out, and of a rich dependency all
/// names are there beside it: that of a condition with a `!` before it, for it matters when it goes and not when it comes.
fn related(header: Header<'_>, tags: Tags) -> Result<Keys, ArchiveError> {
    /// `RPMSENSE_SCRIPT_PRE`, `_SCRIPT_POST`, `_RPMLIB`, `_KEYRING`, `_PRETRANS`, `_POSTTRANS`.
    const INSTALLING: u32 = 1 << 9 | 1 << 10 | 1 << 24 | 1 << 26 | 1 << 7 | 1 << 5;
    /// `RPMSENSE_SCRIPT_PREUN`, `_SCRIPT_POSTUN`.
    const REMOVING: u32 = 1 << 11 | 1 << 12;
    let (name, flags, version) = tags;
    let mut keys = Vec::new();
    for (relation, place) in relations::raw(header, name, flags, version)?
        .iter()
        .zip(0..)
    {
        if name == tag::REQUIRE_NAME
            && relation.flags & INSTALLING != 0
            && relation.flags & REMOVING == 0
        {
            continue;
        }
        keys.push((Key::Text(relation.name.clone()), place));
        if relation.name.starts_with('(') {
            let rich = parse_rich(&relation.name, RichContext::Any)?;
            let mut names = BTreeSet::new();
            collect(&rich, false, &mut names);
            keys.extend(names.into_iter().map(|name| (Key::Text(name), place)));
        }
    }
    Ok(keys)
}

fn collect(requirement: &Requirement, inverted: bool, names: &mut BTreeSet<String>) {
    match requirement {
        Requirement::One(relation) => {
            let mark = if inverted { "!" } else { "" };
            names.insert(format!("{mark}{}", relation.name));
        }
        Requirement::Any(of) | Requirement::All(of) => {
            for one in of {
                collect(one, inverted, names);
            }
        }
        Requirement::If {
            then,
            condition,
            otherwise,
        }
        | Requirement::Unless {
            then,
            condition,
            otherwise,
        } => {
            collect(then, inverted, names);
            collect(condition, !inverted, names);
            if let Some(otherwise) = otherwise {
                collect(condition, inverted, names);
                collect(otherwise, inverted, names);
            }
        }
        Requirement::With(a, b) | Requirement::Without(a, b) => {
            collect(a, inverted, names);
            collect(b, inverted, names);
        }
    }
}
