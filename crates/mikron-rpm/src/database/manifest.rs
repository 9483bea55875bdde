//! The text manifest: one line of ten fields a package, as `rpm -qa --queryformat` writes them. Images without a database that rpm
//! could open (CBL-Mariner's distroless ones) made it known; scanners read it.

use mikron_package::ArchiveError;

use super::row::Row;
use crate::header::tag;

/// Name, version and release, times of installing and building, vendor, epoch, size, architecture, epoch as a number, source.
pub(super) fn line(row: &Row) -> Result<String, ArchiveError> {
    let header = row.header();
    let text = |tag: u32| -> Result<String, ArchiveError> {
        let text = header.lossy(tag)?.filter(|text| !text.is_empty());
        // A line or a field more aborts its readers.
        let text = text.map(|text| text.replace(|c: char| c.is_control(), " "));
        Ok(text.unwrap_or_else(|| "(none)".to_owned()))
    };
    let number = |tag: u32| -> Result<String, ArchiveError> {
        let number = header.number(tag)?.map(|number| number.to_string());
        Ok(number.unwrap_or_else(|| "(none)".to_owned()))
    };
    let size = header.size(tag::LONG_SIZE, tag::SIZE)?;
    let fields = [
        text(tag::NAME)?,
        format!("{}-{}", text(tag::VERSION)?, text(tag::RELEASE)?),
        row.time.to_string(),
        number(tag::BUILD_TIME)?,
        text(tag::VENDOR)?,
        number(tag::EPOCH)?,
        size.map_or_else(|| "(none)".to_owned(), |size| size.to_string()),
        text(tag::ARCH)?,
        header.number(tag::EPOCH)?.unwrap_or(0).to_string(),
        text(tag::SOURCE_RPM)?,
    ];
    Ok(fields.join("\t") + "\n")
}
