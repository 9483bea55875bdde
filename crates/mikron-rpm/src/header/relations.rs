//! The relations of a header: three arrays each, of names, flags and versions.

use mikron_package::{ArchiveError, PackageRecord, Requirement};

use super::{Header, tag};
use crate::relation::{
    RelationError, SENSE_EQUAL, SENSE_GREATER, SENSE_LESS, check_rpmlib, is_rpmlib, relation,
    requirement,
};
use crate::version::RpmVersionOrder;

/// What must be there before a scriptlet runs that brings the package in: `RPMSENSE_PREREQ`, `_SCRIPT_PRE` and `_SCRIPT_POST`,
/// which indexes call `pre`.
const BEFORE: u32 = 1 << 6 | 1 << 9 | 1 << 10;

impl From<RelationError> for ArchiveError {
    fn from(error: RelationError) -> Self {
        Self::malformed(error.to_string())
    }
}

/// One relation as it stands in a header.
pub(crate) struct Raw {
    pub(crate) name: String,
    pub(crate) flags: u32,
    pub(crate) version: String,
}

/// The relations under three tags.
pub(crate) fn raw(
    header: Header<'_>,
    name: u32,
    flags: u32,
    version: u32,
) -> Result<Vec<Raw>, ArchiveError> {
    let names = header.strings(name)?;
    let (flags, versions) = (header.words(flags)?, header.strings(version)?);
    // Packages of old have relations without versions, and then neither array.
    let either = |found: usize| found == 0 || found == names.len();
    if !either(flags.len()) || !either(versions.len()) {
        let reason = format!("the relations of tag {name} have arrays of different lengths");
        return Err(ArchiveError::malformed(reason));
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut flags = flags.into_iter();
    let mut versions = versions.iter();
    let relations = names.iter().map(|name| Raw {
        name: text(name),
        flags: flags.next().unwrap_or(0),
        version: text(versions.next().unwrap_or_default()),
    });
    Ok(relations.collect())
}

/// The relations under three tags as rpm writes them, with their flags.
pub(crate) fn texts(
    header: Header<'_>,
    name: u32,
    flags: u32,
    version: u32,
) -> Result<Vec<(String, u32)>, ArchiveError> {
    let raw = raw(header, name, flags, version)?;
    Ok(raw.into_iter().map(|raw| (raw.text(), raw.flags)).collect())
}

impl Raw {
    /// As rpm writes it: `name >= version`.
    pub(crate) fn text(&self) -> String {
        let sign = |bit: u32, sign: &'static str| if self.flags & bit == 0 { "" } else { sign };
        let operator = [
            sign(SENSE_LESS, "<"),
            sign(SENSE_GREATER, ">"),
            sign(SENSE_EQUAL, "="),
        ]
        .concat();
        if operator.is_empty() || self.version.is_empty() {
            return self.name.clone();
        }
        format!("{} {operator} {}", self.name, self.version)
    }
}

/// Whether the package says that it uses a feature of rpm's.
pub(crate) fn wants_rpmlib(header: Header<'_>, feature: &str) -> Result<bool, ArchiveError> {
    let wanted = format!("rpmlib({feature})");
    let mut names = header.strings(tag::REQUIRE_NAME)?.iter();
    Ok(names.any(|name| name == wanted.as_bytes()))
}

/// Puts the relations of a header into a record. What it wants of rpm itself is checked and left out.
pub(crate) fn fill(header: Header<'_>, record: &mut PackageRecord) -> Result<(), ArchiveError> {
    let list = |(name, flags, version)| raw(header, name, flags, version);
    for wanted in list(REQUIRES)? {
        let Raw {
            name,
            flags,
            version,
        } = &wanted;
        if is_rpmlib(name) {
            check_rpmlib(name, *flags, version, &RpmVersionOrder)?;
            continue;
        }
        let found = requirement(name, *flags, version)?;
        match flags & BEFORE {
            0 => record.depends.push(found),
            _ => record.pre_depends.push(found),
        }
    }
    for wanted in list(CONFLICTS)? {
        match requirement(&wanted.name, wanted.flags, &wanted.version)? {
            Requirement::One(one) => record.conflicts.push(one),
            rich => record.rich_conflicts.push(rich),
        }
    }
    for (tags, found) in [
        (RECOMMENDS, &mut record.recommends),
        (SUPPLEMENTS, &mut record.supplements),
        (SUGGESTS, &mut record.suggests),
        (ENHANCES, &mut record.enhances),
    ] {
        for wanted in list(tags)? {
            found.push(requirement(&wanted.name, wanted.flags, &wanted.version)?);
        }
    }
    for wanted in list(OBSOLETES)? {
        let found = relation(&wanted.name, wanted.flags, &wanted.version)?;
        record.obsoletes.push(found);
    }
    for offered in list(PROVIDES)? {
        let found = relation(&offered.name, offered.flags, &offered.version)?;
        record.provides.push(found);
    }
    Ok(())
}

/// Name, flags and version of one kind of relations.
pub(crate) type Tags = (u32, u32, u32);

pub(crate) const REQUIRES: Tags = (tag::REQUIRE_NAME, tag::REQUIRE_FLAGS, tag::REQUIRE_VERSION);
pub(crate) const PROVIDES: Tags = (tag::PROVIDE_NAME, tag::PROVIDE_FLAGS, tag::PROVIDE_VERSION);
pub(crate) const CONFLICTS: Tags = (
    tag::CONFLICT_NAME,
    tag::CONFLICT_FLAGS,
    tag::CONFLICT_VERSION,
);
pub(crate) const OBSOLETES: Tags = (
    tag::OBSOLETE_NAME,
    tag::OBSOLETE_FLAGS,
    tag::OBSOLETE_VERSION,
);
pub(crate) const RECOMMENDS: Tags = (
    tag::RECOMMEND_NAME,
    tag::RECOMMEND_FLAGS,
    tag::RECOMMEND_VERSION,
);
pub(crate) const SUGGESTS: Tags = (tag::SUGGEST_NAME, tag::SUGGEST_FLAGS, tag::SUGGEST_VERSION);
pub(crate) const SUPPLEMENTS: Tags = (
    tag::SUPPLEMENT_NAME,
    tag::SUPPLEMENT_FLAGS,
    tag::SUPPLEMENT_VERSION,
);
pub(crate) const ENHANCES: Tags = (tag::ENHANCE_NAME, tag::ENHANCE_FLAGS, tag::ENHANCE_VERSION);
