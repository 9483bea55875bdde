//! The table of symbols: every name and version that records mention, once, and who mentions it.
//!
//! Symbols are numbered in the order of their bytes. Eight of them are a block. In a block the first stands whole, and the
//! others say how many bytes they share with the one before:
//!
//! ```text
//! symbol   length shared, length of the rest (LEB128 each), the rest; then twice the number of records that provide it,
//!          plus 1 if it is obsoleted or a trigger, and then the numbers of records that obsolete it and of those that it
//!          triggers; then the numbers of these records: in each list the first, and then the distance to the next
//! ```

use super::bytes::{CompactError, Reader, Table};

/// So many symbols are a block.
pub(super) const BLOCK: usize = 8;

/// In what capacity a record mentions a name that it is to be found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mention {
    /// It provides it.
    Provides,
    /// It obsoletes it.
    Obsoletes,
    /// It is to be installed where it is there (`install_if`).
    Triggers,
}

/// How many capacities there are.
pub(super) const MENTIONS: usize = 3;

/// The table of symbols of an index.
#[derive(Clone, Copy, Debug)]
pub(super) struct Symbols {
    /// One row for each block: where it lies.
    pub(super) blocks: Table,
    /// The number of symbols.
    pub(super) count: usize,
}

impl Symbols {
    /// Begins to walk at a block.
    fn walk<'a>(&self, bytes: &'a [u8], block: usize) -> Result<Walk<'a>, CompactError> {
        let place = self.blocks.row(bytes, block)?;
        Ok(Walk {
            reader: Reader::new(bytes, place),
            text: Vec::new(),
            lists: [0; MENTIONS],
        })
    }

    /// How many symbols a block holds.
    fn len(&self, block: usize) -> usize {
        self.count.saturating_sub(block * BLOCK).min(BLOCK)
    }

    /// The text of a symbol.
    pub(super) fn text(&self, bytes: &[u8], number: usize) -> Result<Vec<u8>, CompactError> {
        if number >= self.count {
            return Err(CompactError::Corrupt(self.blocks.start));
        }
        let mut walk = self.walk(bytes, number / BLOCK)?;
        walk.name()?;
        for _ in 0..number % BLOCK {
            walk.skip()?;
            walk.name()?;
        }
        Ok(walk.text)
    }

    /// The records that mention a name in this capacity, in order.
    pub(super) fn records(
        &self,
        bytes: &[u8],
        mention: Mention,
        name: &[u8],
    ) -> Result<Vec<u32>, CompactError> {
        // The last block that does not begin behind the name.
        let (mut low, mut high) = (0, self.blocks.count);
        while low < high {
            let middle = low + (high - low) / 2;
            let mut head = Reader::new(bytes, self.blocks.row(bytes, middle)?);
            head.byte()?; // the first of a block shares nothing
            if head.value()? <= name {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let Some(block) = low.checked_sub(1) else {
            return Ok(Vec::new());
        };
        let mut walk = self.walk(bytes, block)?;
        for _ in 0..self.len(block) {
            walk.name()?;
            if walk.text == name {
                return walk.list(mention);
            }
            walk.skip()?;
        }
        Ok(Vec::new())
    }

    /// The names that something provides, as far as the table is sound.
    pub(super) fn provided<'a>(&self, bytes: &'a [u8]) -> impl Iterator<Item = Vec<u8>> + use<'a> {
        let symbols = *self;
        (0..self.blocks.count).flat_map(move |block| {
            let mut names = Vec::new();
            if let Ok(mut walk) = symbols.walk(bytes, block) {
                for _ in 0..symbols.len(block) {
                    if walk.name().is_err() {
                        break;
                    }
                    if walk.lists[Mention::Provides as usize] > 0 {
                        names.push(walk.text.clone());
                    }
                    if walk.skip().is_err() {
                        break;
                    }
                }
            }
            names
        })
    }
}

/// Reads the symbols of a block one after the other.
struct Walk<'a> {
    reader: Reader<'a>,
    /// The text of the symbol that was reached.
    text: Vec<u8>,
    /// How many records mention it, by capacity.
    lists: [u32; MENTIONS],
}

impl Walk<'_> {
    /// Reads a symbol's text and the lengths of its lists; the lists themselves are to be read or skipped next.
    fn name(&mut self) -> Result<(), CompactError> {
        let shared = self.reader.count()? as usize;
        if shared > self.text.len() {
            return Err(self.reader.corrupt());
        }
        self.text.truncate(shared);
        let rest = self.reader.value()?;
        self.text.extend_from_slice(rest);
        let provided = self.reader.count()?;
        self.lists = [provided >> 1, 0, 0];
        if provided & 1 == 1 {
            self.lists[1] = self.reader.count()?;
            self.lists[2] = self.reader.count()?;
        }
        Ok(())
    }

    fn skip(&mut self) -> Result<(), CompactError> {
        for count in self.lists {
            for _ in 0..count {
                self.reader.count()?;
            }
        }
        Ok(())
    }

    fn list(&mut self, wanted: Mention) -> Result<Vec<u32>, CompactError> {
        for count in &self.lists[..wanted as usize] {
            for _ in 0..*count {
                self.reader.count()?;
            }
        }
        let count = self.lists[wanted as usize] as usize;
        let mut records = Vec::with_capacity(count.min(self.reader.left()));
        let mut last = 0_u32;
        for _ in 0..count {
            let next = last.checked_add(self.reader.count()?);
            last = next.ok_or(self.reader.corrupt())?;
            records.push(last);
        }
        Ok(records)
    }
}
