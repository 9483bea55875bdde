//! What the archive tests share: reading a whole .rpm.

#![allow(dead_code)] // each test binary uses its own part

use mikron_package::{ArchiveError, ArchiveMetadata, Limits, Origin, PackageFormat};
use mikron_rpm::RpmFormat;
use mikron_testkit::listing::{Listed, list_archive};
use mikron_testkit::rpm::RpmBuilder;

pub(crate) fn origin() -> Origin {
    Origin {
        source: "fedora".into(),
        archive: "Packages/x-1.0-1.noarch.rpm".into(),
    }
}

/// Reads everything: metadata, entries, contents.
pub(crate) fn read_with(
    bytes: &[u8],
    limits: &Limits,
) -> Result<(ArchiveMetadata, Vec<Listed>), ArchiveError> {
    let mut reader = RpmFormat.open(Box::new(bytes), limits, &origin())?;
    let entries = list_archive(&mut *reader)?;
    Ok((reader.metadata().clone(), entries))
}

pub(crate) fn read(bytes: &[u8]) -> Result<(ArchiveMetadata, Vec<Listed>), ArchiveError> {
    read_with(bytes, &Limits::default())
}

/// Reads everything but the contents, which the reader then has to skip.
pub(crate) fn skim(bytes: &[u8]) -> Result<usize, ArchiveError> {
    let mut reader = RpmFormat.open(Box::new(bytes), &Limits::default(), &origin())?;
    let mut count = 0;
    while reader.next_entry()?.is_some() {
        count += 1;
    }
    Ok(count)
}

/// Asserts that it is refused, that the message names the source and the archive, and returns the error.
pub(crate) fn refused(bytes: &[u8]) -> ArchiveError {
    refused_with(bytes, &Limits::default())
}

pub(crate) fn refused_with(bytes: &[u8], limits: &Limits) -> ArchiveError {
    let error = match read_with(bytes, limits) {
        Ok((_, entries)) => panic!("accepted with {} entries", entries.len()),
        Err(error) => error,
    };
    let text = error.to_string();
    assert!(
        text.starts_with("Packages/x-1.0-1.noarch.rpm (source fedora): "),
        "{text}"
    );
    assert!(error.offset.is_some(), "no offset: {text}");
    error
}

/// Asserts where the fault lies and what the message says.
pub(crate) fn says(error: &ArchiveError, entry: &str, words: &str) {
    assert_eq!(error.entry.as_deref(), Some(entry), "{error}");
    assert!(error.to_string().contains(words), "{error}");
}

pub(crate) fn package() -> RpmBuilder {
    RpmBuilder::new("x", "1.0", "1", "noarch")
}
