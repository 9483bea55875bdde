//! The lead: the first 96 bytes, kept for file(1). Only its magic, its version and whether it leads a source package matter.

use std::io::Read;

use mikron_package::{ArchiveError, ArchiveErrorKind};

/// How a lead begins.
pub(super) const MAGIC: [u8; 4] = [0xed, 0xab, 0xee, 0xdb];
/// Its size in bytes.
pub(super) const SIZE: usize = 96;

/// Reads the lead and refuses what is not the archive of a binary package with a signature header behind it.
pub(super) fn read(input: &mut dyn Read) -> Result<(), ArchiveError> {
    const HEADER_SIGNATURE: u16 = 5;
    let mut lead = Vec::with_capacity(SIZE);
    input
        .take(SIZE as u64)
        .read_to_end(&mut lead)
        .map_err(ArchiveError::from_io)?;
    if lead.is_empty() {
        let kind = ArchiveErrorKind::Truncated("the file is empty".to_owned());
        return Err(ArchiveError::new(kind).at(0));
    }
    if !lead.starts_with(&MAGIC[..lead.len().min(4)]) {
        return Err(ArchiveError::malformed("this is not an rpm package").at(0));
    }
    if lead.len() < SIZE {
        let kind = ArchiveErrorKind::Truncated("the lead".to_owned());
        return Err(ArchiveError::new(kind).at(lead.len() as u64));
    }
    let (major, minor) = (lead[4], lead[5]);
    if !matches!(major, 3 | 4) {
        let kind = ArchiveErrorKind::Unsupported(format!("package format {major}.{minor}"));
        return Err(ArchiveError::new(kind).at(4));
    }
    match u16::from_be_bytes([lead[6], lead[7]]) {
        0 => {}
        1 => return Err(source_package().at(6)),
        other => {
            let reason = format!("the lead names a package of unknown type {other}");
            return Err(ArchiveError::malformed(reason).at(6));
        }
    }
    let signature = u16::from_be_bytes([lead[78], lead[79]]);
    if signature != HEADER_SIGNATURE {
        return Err(crate::header::before_rpm_4(&format!(
            "its signature has the type {signature}"
        ))
        .at(78));
    }
    Ok(())
}

/// A source package, which holds a spec and not files for a root.
pub(super) fn source_package() -> ArchiveError {
    ArchiveError::new(ArchiveErrorKind::Unsupported(
        "a source package (it holds what packages are built from; name a binary package)"
            .to_owned(),
    ))
}
