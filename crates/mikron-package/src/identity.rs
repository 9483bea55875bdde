//! Whether an archive is the one that the index promised.

use crate::{Checksum, PackageRecord};

/// An archive whose own metadata differ from those of the index that named it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{location}: the archive's `{field}` is `{}`, but the index promised `{index}` for package {package}; \
     the repository is inconsistent or tampered with",
    .archive.escape_debug()
)]
pub struct IdentityMismatch {
    /// The package, as the index names it.
    pub package: String,
    /// Where the archive lies, as the index has it.
    pub location: String,
    /// The field that differs: `Package`, `Version`, `Architecture` or `Checksum`.
    pub field: &'static str,
    /// What the index says.
    pub index: String,
    /// What the archive says.
    pub archive: String,
}

/// Compares name, version and architecture of an archive's own record with those of the index, and the checksum of an apk's
/// control member where the index has one.
///
/// An archive that is for all architectures may stand in the index of one under that one's name: Alpine's indexes are made
/// so (`apk index --rewrite-arch`).
///
/// The digest has been checked by then, so a difference means that the index itself contradicts what it points to:
/// a known way to serve an old, vulnerable package under a new version.
///
/// ```
/// use mikron_package::check_identity;
/// use mikron_package::{PackageRecord, Version};
/// let index = PackageRecord::new("nginx".parse()?, Version::new("1.22.1-9"), "amd64");
/// let archive = PackageRecord::new("nginx".parse()?, Version::new("1.18.0-6"), "amd64");
/// assert_eq!(check_identity(&index, &archive).unwrap_err().field, "Version");
/// # Ok::<(), mikron_package::NameError>(())
/// ```
///
/// # Errors
/// When one of them differs, as text.
pub fn check_identity(
    index: &PackageRecord,
    archive: &PackageRecord,
) -> Result<(), IdentityMismatch> {
    let checksum = |record: &PackageRecord| match &record.checksum {
        Some(Checksum::ApkControl(sha1)) => hex(sha1),
        _ => String::new(),
    };
    let (mut promised, found) = (checksum(index), checksum(archive));
    if promised.is_empty() {
        promised.clone_from(&found);
    }
    let arch = if archive.arch == "noarch" {
        &archive.arch
    } else {
        &index.arch
    };
    let fields = [
        ("Package", index.name.as_str(), archive.name.as_str()),
        ("Version", index.version.as_str(), archive.version.as_str()),
        ("Architecture", &**arch, &*archive.arch),
        ("Checksum", &*promised, &*found),
    ];
    match fields
        .into_iter()
        .find(|(_, index, archive)| index != archive)
    {
        None => Ok(()),
        Some((field, promised, found)) => Err(IdentityMismatch {
            package: index.name.to_string(),
            location: index.location.clone(),
            field,
            index: promised.to_owned(),
            archive: found.to_owned(),
        }),
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
