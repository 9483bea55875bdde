//! A header out of a stream.

use std::io::Read;

use mikron_package::{ArchiveError, ArchiveErrorKind, LimitExceeded, Limits};

use super::{COUNTS, ITEM, MAGIC, MAX_TAGS, Part, too_many, word};

/// Reads a header, without its magic, from where `input` stands. At most as much memory is taken as the input has bytes.
///
/// Offsets of errors count from the beginning of the header with its magic.
pub(crate) fn read(
    input: &mut dyn Read,
    part: Part,
    limits: &Limits,
) -> Result<Vec<u8>, ArchiveError> {
    let cut = || ArchiveError::new(ArchiveErrorKind::Truncated(part.name().to_owned()));
    let mut start = Vec::with_capacity(MAGIC.len() + COUNTS);
    input
        .take((MAGIC.len() + COUNTS) as u64)
        .read_to_end(&mut start)
        .map_err(ArchiveError::from_io)?;
    if start.len() < MAGIC.len() + COUNTS {
        return Err(cut().at(start.len() as u64));
    }
    if start[..3] != MAGIC[..3] {
        return Err(ArchiveError::malformed("the magic of a header is missing").at(0));
    }
    if start[3] != MAGIC[3] {
        return Err(ArchiveError::new(ArchiveErrorKind::Unsupported(format!(
            "version {} of the header structure",
            start[3]
        )))
        .at(3));
    }
    // Digests and signatures are made over the magic as it must be, so that other bytes here would not be noticed by them.
    if start[4..MAGIC.len()] != MAGIC[4..] {
        let fault = "the reserved bytes behind the magic of a header are not zero";
        return Err(ArchiveError::malformed(fault).at(4));
    }
    let (tags, store) = (word(&start, MAGIC.len()), word(&start, MAGIC.len() + 4));
    let at = MAGIC.len() as u64;
    if tags > MAX_TAGS {
        return Err(too_many(tags).at(at));
    }
    let size = COUNTS as u64 + u64::from(tags) * ITEM as u64 + u64::from(store);
    LimitExceeded::check("control", size, limits.control)
        .map_err(|error| ArchiveError::new(error).at(at))?;
    let mut bytes = start.split_off(MAGIC.len());
    let left = size - COUNTS as u64;
    let n = input
        .take(left)
        .read_to_end(&mut bytes)
        .map_err(ArchiveError::from_io)?;
    if (n as u64) < left {
        return Err(cut().at(at + (COUNTS + n) as u64));
    }
    Ok(bytes)
}
