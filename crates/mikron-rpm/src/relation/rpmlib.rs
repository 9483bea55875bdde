//! `rpmlib(…)`: what a package asks of whoever reads it. Checked, and never solved for.

use std::cmp::Ordering;

use mikron_package::VersionOrder;

use super::{RelationError, RelationErrorKind, relation};

/// The features that reading a package takes, with the version of each. They are those of rpm 4.18, but for the ones that no
/// package may ask for (`ShortCircuited`: the build was not finished).
pub const RPMLIB_FEATURES: [(&str, &str); 21] = [
    ("BuiltinLuaScripts", "4.2.2-1"),
    ("CaretInVersions", "4.15.0-1"),
    ("CompressedFileNames", "3.0.4-1"),
    ("ConcurrentAccess", "4.1-1"),
    ("DynamicBuildRequires", "4.15.0-1"),
    ("ExplicitPackageProvide", "4.0-1"),
    ("FileCaps", "4.6.1-1"),
    ("FileDigests", "4.6.0-1"),
    ("HeaderLoadSortsTags", "4.0.1-1"),
    ("LargeFiles", "4.12.0-1"),
    ("PartialHardlinkSets", "4.0.4-1"),
    ("PayloadFilesHavePrefix", "4.0-1"),
    ("PayloadIsBzip2", "3.0.5-1"),
    ("PayloadIsLzma", "4.4.2-1"),
    ("PayloadIsXz", "5.2-1"),
    ("PayloadIsZstd", "5.4.18-1"),
    ("RichDependencies", "4.12.0-1"),
    ("ScriptletExpansion", "4.9.0-1"),
    ("ScriptletInterpreterArgs", "4.0.3-1"),
    ("TildeInVersions", "4.10.0-1"),
    ("VersionedDependencies", "3.0.3-1"),
];

/// Whether a relation of this name asks for a feature of rpm's, and not for a package.
///
/// ```
/// assert!(mikron_rpm::is_rpmlib("rpmlib(PayloadIsZstd)"));
/// assert!(!mikron_rpm::is_rpmlib("rpm-libs"));
/// ```
pub fn is_rpmlib(name: &str) -> bool {
    name.starts_with("rpmlib(")
}

/// Checks a relation to a feature of rpm's against those that are known, in the order of rpm's versions.
///
/// # Errors
/// When the feature is unknown, or a version of it is asked for that is not the known one.
pub fn check_rpmlib(
    name: &str,
    flags: u32,
    evr: &str,
    order: &dyn VersionOrder,
) -> Result<(), RelationError> {
    let wanted = relation(name, flags, evr)?;
    let feature = name
        .strip_prefix("rpmlib(")
        .and_then(|rest| rest.strip_suffix(')'));
    let known = RPMLIB_FEATURES
        .iter()
        .find(|(known, _)| Some(*known) == feature);
    let satisfied = match (known, &wanted.constraint) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some((_, version)), Some(constraint)) => {
            let found: Ordering = order.compare(version, constraint.version.as_str());
            constraint.operator.accepts(found)
        }
    };
    if satisfied {
        Ok(())
    } else {
        Err(RelationError::new(
            &wanted.to_string(),
            RelationErrorKind::Feature,
        ))
    }
}
