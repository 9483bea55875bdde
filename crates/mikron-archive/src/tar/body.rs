//! Where in an entry's content the reader stands: stored bytes, holes, padding.

use mikron_package::ArchiveError;

use super::header::BLOCK;
use super::sparse::{self, Region};

/// The content of the current entry.
#[derive(Debug, Default)]
pub(super) struct Body {
    /// Stored bytes that were not read yet.
    stored: u64,
    /// Bytes that fill up the last block.
    padding: u64,
    /// The regions that lie ahead, the next one last; empty for a file without holes.
    ahead: Vec<Region>,
    /// Where in the file the reader stands.
    at: u64,
    /// The size of the file.
    size: u64,
    /// Whether there is a map.
    sparse: bool,
}

/// Where the next bytes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// There are none.
    End,
    /// So many at most are stored.
    Stored(usize),
    /// So many are a hole.
    Zeros(usize),
}

fn padding(stored: u64) -> u64 {
    let block = BLOCK as u64;
    (block - stored % block) % block
}

impl Body {
    /// A content that is all stored.
    pub(super) fn stored(size: u64) -> Self {
        Self {
            stored: size,
            padding: padding(size),
            size,
            ..Self::default()
        }
    }

    /// A content with holes.
    pub(super) fn sparse(stored: u64, map: Vec<Region>, size: u64) -> Result<Self, ArchiveError> {
        Self::stored(stored).with_map(map, size)
    }

    /// The same stored bytes, spread over a file of `size` bytes by `map`.
    pub(super) fn with_map(self, mut map: Vec<Region>, size: u64) -> Result<Self, ArchiveError> {
        sparse::check(&map, self.stored, size)?;
        map.retain(|region| region.length > 0);
        map.reverse();
        Ok(Self {
            ahead: map,
            size,
            at: 0,
            sparse: true,
            ..self
        })
    }

    /// Takes one whole block of stored bytes away from the front.
    pub(super) fn take_block(&mut self) -> Option<()> {
        self.stored = self.stored.checked_sub(BLOCK as u64)?;
        Some(())
    }

    /// The size of the file.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// How much of the archive the rest of this content and its padding take.
    pub(super) fn rest(&self) -> u64 {
        self.stored.saturating_add(self.padding)
    }

    /// What comes next, at most `wanted` bytes of it.
    pub(super) fn next(&self, wanted: usize) -> Step {
        let bounded = |n: u64| usize::try_from(n).map_or(wanted, |n| n.min(wanted));
        if self.at >= self.size || wanted == 0 {
            return Step::End;
        }
        if !self.sparse {
            return Step::Stored(bounded(self.stored));
        }
        match self.ahead.last() {
            Some(region) if region.offset <= self.at => {
                Step::Stored(bounded(region.offset + region.length - self.at))
            }
            Some(region) => Step::Zeros(bounded(region.offset - self.at)),
            None => Step::Zeros(bounded(self.size - self.at)),
        }
    }

    /// `count` bytes of the last step were used.
    pub(super) fn done(&mut self, count: usize) {
        let count = count as u64;
        if !self.sparse {
            self.stored -= count;
            self.at += count;
            return;
        }
        if let Some(region) = self.ahead.last()
            && region.offset <= self.at
        {
            self.stored -= count;
            if self.at + count >= region.offset + region.length {
                self.ahead.pop();
            }
        }
        self.at += count;
    }
}
