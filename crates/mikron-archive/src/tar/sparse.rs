//! Sparse files in the formats of GNU tar: old (`S` headers), PAX 0.0, 0.1 and 1.0 (GNU tar manual, "Sparse Formats").

use mikron_package::{ArchiveError, LimitExceeded, Limits};

use super::TarDialect;
use super::number::number;
use super::pax::decimal;

/// A run of stored bytes in a sparse file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) offset: u64,
    pub(super) length: u64,
}

/// What the `GNU.sparse.` records say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PaxSparse {
    /// The file's name, where the header has a made-up one.
    pub(super) name: Option<Vec<u8>>,
    /// The size of the file with its holes.
    pub(super) real_size: Option<u64>,
    /// Whether the map stands before the content (format 1.0).
    pub(super) map_in_body: bool,
    map: Vec<u64>,
    seen: bool,
}

fn too_many(regions: usize, limits: &Limits) -> Result<(), LimitExceeded> {
    LimitExceeded::check(
        "sparse_regions",
        regions as u64,
        u64::from(limits.sparse_regions),
    )
}

fn wrong() -> ArchiveError {
    ArchiveError::malformed("the sparse map is not a list of numbers")
}

impl PaxSparse {
    pub(super) fn add(
        &mut self,
        key: &[u8],
        value: &[u8],
        limits: &Limits,
    ) -> Result<(), ArchiveError> {
        let number = || decimal(value).ok_or_else(wrong);
        match key {
            b"name" => self.name = Some(value.to_vec()),
            b"realsize" | b"size" => self.real_size = Some(number()?),
            b"major" => self.map_in_body = number()? >= 1,
            b"offset" | b"numbytes" => {
                self.seen = true;
                // The two alternate; anything else is refused here and not guessed at.
                if self.map.len().is_multiple_of(2) != (key == b"offset") {
                    return Err(wrong());
                }
                self.map.push(number()?);
            }
            b"map" => {
                self.seen = true;
                self.map.clear();
                for part in value.split(|b| *b == b',').filter(|part| !part.is_empty()) {
                    self.map.push(decimal(part).ok_or_else(wrong)?);
                    too_many(self.map.len() / 2, limits)?;
                }
            }
            b"numblocks" => {
                self.seen = true;
                let count = number()?;
                LimitExceeded::check("sparse_regions", count, u64::from(limits.sparse_regions))?;
            }
            _ => {}
        }
        Ok(too_many(self.map.len() / 2, limits)?)
    }

    pub(super) fn take_map(&mut self) -> Option<Vec<Region>> {
        let map = std::mem::take(&mut self.map);
        self.seen.then(|| regions(&map))
    }
}

fn regions(numbers: &[u64]) -> Vec<Region> {
    numbers
        .chunks_exact(2)
        .map(|pair| Region {
            offset: pair[0],
            length: pair[1],
        })
        .collect()
}

/// Adds the regions of an old header's map, or of one of its extension blocks: pairs of 12 bytes up to an empty one.
pub(super) fn old_regions(
    field: &[u8],
    map: &mut Vec<Region>,
    limits: &Limits,
) -> Result<(), ArchiveError> {
    for pair in field.chunks_exact(24) {
        if pair[0] == 0 {
            break;
        }
        let read = |half: &[u8]| {
            number(half, TarDialect::Posix)
                .ok()
                .and_then(|n| u64::try_from(n).ok())
                .ok_or_else(wrong)
        };
        map.push(Region {
            offset: read(&pair[..12])?,
            length: read(&pair[12..])?,
        });
        too_many(map.len(), limits)?;
    }
    Ok(())
}

/// Checks a map: in order, without overlap, inside the file, and with exactly the stored bytes.
pub(super) fn check(map: &[Region], stored: u64, real: u64) -> Result<(), ArchiveError> {
    let (mut end, mut sum) = (0_u64, 0_u64);
    for region in map {
        let next = region.offset.checked_add(region.length);
        match next {
            Some(next) if region.offset >= end && next <= real => end = next,
            _ => {
                return Err(ArchiveError::malformed(
                    "the regions of a sparse map overlap or leave the file",
                ));
            }
        }
        // The regions do not overlap and end inside `real`: no overflow.
        sum += region.length;
    }
    if sum == stored {
        Ok(())
    } else {
        Err(ArchiveError::malformed(format!(
            "the sparse map names {sum} bytes where {stored} are stored"
        )))
    }
}
