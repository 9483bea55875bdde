//! Whether an archive is the one that the index promised.

use mikron_package::{Checksum, PackageRecord};

use crate::format_checksum;

/// An archive whose own metadata differ from those of the index that named it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{location}: the archive's {field} is `{}`, but the index promised `{index}` for package {package}; \
     the repository is inconsistent or tampered with",
    .archive.escape_debug()
)]
pub struct IdentityMismatch {
    /// The package, as the index names it.
    pub package: String,
    /// Where the archive lies, as the index has it.
    pub location: String,
    /// What differs: the name, the version or the checksum.
    pub field: &'static str,
    /// What the index says.
    pub index: String,
    /// What the archive says.
    pub archive: String,
}

/// Compares name, version and checksum of the control member with those of the index.
///
/// The architecture is not compared: the indexes of a distribution list packages for all of them (`noarch`) under each one's
/// own name (`apk index --rewrite-arch`).
///
/// ```
/// use mikron_apk::check_identity;
/// use mikron_package::{Checksum, PackageRecord, Version};
/// let mut index = PackageRecord::new("nginx".parse()?, Version::new("1.24.0-r0"), "x86_64");
/// index.checksum = Some(Checksum::ApkControl([1; 20]));
/// let mut archive = index.clone();
/// assert_eq!(check_identity(&index, &archive), Ok(()));
/// archive.checksum = Some(Checksum::ApkControl([2; 20]));
/// assert_eq!(check_identity(&index, &archive).unwrap_err().field, "checksum");
/// # Ok::<(), mikron_package::NameError>(())
/// ```
///
/// # Errors
/// When one of the three differs. An index that gives no checksum proves nothing, and so differs, too.
pub fn check_identity(
    index: &PackageRecord,
    archive: &PackageRecord,
) -> Result<(), IdentityMismatch> {
    let mismatch = |field, promised: String, found: String| IdentityMismatch {
        package: index.name.to_string(),
        location: index.location.clone(),
        field,
        index: promised,
        archive: found,
    };
    if index.name != archive.name {
        let (promised, found) = (index.name.to_string(), archive.name.to_string());
        return Err(mismatch("name", promised, found));
    }
    if index.version != archive.version {
        let (promised, found) = (index.version.to_string(), archive.version.to_string());
        return Err(mismatch("version", promised, found));
    }
    let checksum = |record: &PackageRecord| match &record.checksum {
        Some(Checksum::ApkControl(sha1)) => Some(*sha1),
        _ => None,
    };
    match (checksum(index), checksum(archive)) {
        (Some(promised), Some(found)) if promised == found => Ok(()),
        (promised, found) => {
            let shown = |sha1: Option<[u8; 20]>| {
                sha1.map_or_else(|| "none".to_owned(), |sha1| format_checksum(&sha1))
            };
            Err(mismatch("checksum", shown(promised), shown(found)))
        }
    }
}
