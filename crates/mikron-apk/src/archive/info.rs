//! `.PKGINFO`: lines of `name = value`, some of which repeat (apk-package(5), "PKGINFO").

use mikron_package::{
    ArchiveError, ArchiveErrorKind, Digest, LimitExceeded, Limits, PackageName, PackageRecord,
    Requirement, Version, VersionOrder as _,
};

use crate::relation::{Dependency, parse_dependencies};
use crate::{ApkVersionOrder, RelationError};

/// What the file says.
pub(super) struct Info {
    pub(super) record: PackageRecord,
    pub(super) fields: Vec<(String, String)>,
    pub(super) datahash: Option<Digest>,
}

/// The fields that say which package it is and what proves it: of these a second one with another value is refused. All others
/// may repeat, as writers of packages let them (two lines `license`), and what no apk knows is passed over.
const SINGLE: [&str; 8] = [
    "pkgname",
    "pkgver",
    "arch",
    "datahash",
    "size",
    "origin",
    "provider_priority",
    "replaces_priority",
];

/// Reads the text. `fields` are in its order, comments left out.
pub(super) fn parse(text: &[u8], limits: &Limits) -> Result<Info, ArchiveError> {
    let mut fields: Vec<(String, String)> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive(|b| *b == b'\n') {
        let start = at;
        at += line.len() as u64;
        let wrong = |reason: &str| ArchiveError::malformed(reason).at(start);
        LimitExceeded::check("field", line.len() as u64, limits.field)?;
        let line = std::str::from_utf8(line).map_err(|_| wrong("a line is not UTF-8"))?;
        let line = line.trim_end_matches(['\n', '\r']);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = line
            .split_once('=')
            .ok_or_else(|| wrong("a line has no equals sign"))?;
        let (name, value) = (name.trim(), value.trim());
        let contradicts = |known: &(String, String)| known.0 == name && known.1 != value;
        if SINGLE.contains(&name) && fields.iter().any(contradicts) {
            return Err(wrong(&format!("the field `{name}` stands twice")));
        }
        fields.push((name.to_owned(), value.to_owned()));
    }
    let record = record(&fields)?;
    let datahash = match one(&fields, "datahash") {
        None => None,
        Some(hex) => Some(Digest::from_hex(hex).map_err(|_| {
            ArchiveError::malformed(format!(
                "the datahash `{}` is not a SHA-256",
                hex.chars().take(100).collect::<String>().escape_debug()
            ))
        })?),
    };
    Ok(Info {
        record,
        fields,
        datahash,
    })
}

/// The value of a field that stands once.
fn one<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.as_str())
}

fn all<'a>(
    fields: &'a [(String, String)],
    name: &'a str,
) -> impl Iterator<Item = Result<Dependency, RelationError>> + 'a {
    fields
        .iter()
        .filter(move |(known, _)| known == name)
        .flat_map(|(_, value)| parse_dependencies(value))
}

/// A plain name, as the package itself and its origin have.
pub(crate) fn plain_name(text: &str) -> Result<PackageName, ArchiveErrorKind> {
    Ok(PackageName::new(text)?)
}

fn record(fields: &[(String, String)]) -> Result<PackageRecord, ArchiveError> {
    let needed = |name: &str| {
        one(fields, name)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| ArchiveError::malformed(format!("the field `{name}` is missing")))
    };
    let number = |name: &str| match one(fields, name) {
        None => Ok(0),
        Some(value) => value.parse::<u64>().map_err(|_| {
            ArchiveError::malformed(format!(
                "the field `{name}` is not a number: `{}`",
                value.chars().take(100).collect::<String>().escape_debug()
            ))
        }),
    };
    let name = plain_name(needed("pkgname")?).map_err(ArchiveError::new)?;
    let version = needed("pkgver")?;
    ApkVersionOrder
        .validate(version)
        .map_err(ArchiveError::new)?;
    let mut record = PackageRecord::new(name, Version::new(version), needed("arch")?);
    if let Some(origin) = one(fields, "origin").filter(|origin| !origin.is_empty()) {
        record.source = plain_name(origin).map_err(ArchiveError::new)?;
    }
    record.installed_size = number("size")?;
    record.provider_priority = priority(number("provider_priority")?);
    record.replaces_priority = u32::try_from(number("replaces_priority")?).unwrap_or(u32::MAX);
    let malformed = |error: RelationError| ArchiveError::malformed(error.to_string());
    for dependency in all(fields, "depend") {
        add_depends(&mut record, dependency.map_err(malformed)?);
    }
    for dependency in all(fields, "install_if") {
        add_install_if(&mut record, dependency.map_err(malformed)?).map_err(malformed)?;
    }
    for (name, into) in [
        ("provides", &mut record.provides),
        ("replaces", &mut record.replaces),
    ] {
        for dependency in all(fields, name) {
            add_relations(into, dependency.map_err(malformed)?).map_err(malformed)?;
        }
    }
    Ok(record)
}

/// Adds what `depend` and `D:` hold: what must be there, and behind a `!` what must not.
pub(crate) fn add_depends(record: &mut PackageRecord, dependency: Dependency) {
    if dependency.conflict {
        record.conflicts.extend(dependency.into_relations());
    } else {
        let requirement: Requirement = dependency.into_requirement();
        record.depends.push(requirement);
    }
}

/// Adds what `install_if` and `i:` hold: what brings the package in, and behind a `!` what keeps it out.
pub(crate) fn add_install_if(
    record: &mut PackageRecord,
    mut dependency: Dependency,
) -> Result<(), RelationError> {
    if std::mem::take(&mut dependency.conflict) {
        record.install_if_not.extend(dependency.into_relations());
        return Ok(());
    }
    add_relations(&mut record.install_if, dependency)
}

/// Adds what the other lists hold, in which one relation is one relation.
pub(crate) fn add_relations(
    into: &mut Vec<mikron_package::Relation>,
    dependency: Dependency,
) -> Result<(), RelationError> {
    let text = dependency.to_string();
    let wrong = |reason| RelationError {
        text: text.chars().take(100).collect(),
        reason,
    };
    if dependency.conflict {
        return Err(wrong("is a conflict, which stands only among dependencies"));
    }
    let mut relations = dependency.into_relations();
    into.extend(relations.next());
    match relations.next() {
        None => Ok(()),
        Some(_) => Err(wrong("has an operator that stands only among dependencies")),
    }
}

/// A `provider_priority` of 0 is none: such a package is never taken for a name that it merely provides without a version.
pub(crate) fn priority(found: u64) -> Option<u32> {
    Some(u32::try_from(found).unwrap_or(u32::MAX)).filter(|priority| *priority > 0)
}
