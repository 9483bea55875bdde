//! Numbers in bytes, written and read back. Every access is checked.

use mikron_deb::Deb822Error;

/// Appends a number in LEB128.
pub(super) fn push_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// The 32 bits at a place, little-endian.
pub(super) fn word(bytes: &[u8], at: usize) -> Result<u32, CompactError> {
    at.checked_add(4)
        .and_then(|end| bytes.get(at..end))
        .and_then(|four| four.try_into().ok())
        .map(u32::from_le_bytes)
        .ok_or(CompactError::Corrupt(at))
}

/// Reads on from a place.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// An error at the place that was reached.
    pub(super) fn corrupt(&self) -> CompactError {
        CompactError::Corrupt(self.at)
    }

    /// How many bytes are left.
    pub(super) fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    pub(super) fn byte(&mut self) -> Result<u8, CompactError> {
        let byte = self.bytes.get(self.at).ok_or(self.corrupt())?;
        self.at += 1;
        Ok(*byte)
    }

    /// Four bytes, little-endian.
    pub(super) fn word(&mut self) -> Result<u32, CompactError> {
        let word = word(self.bytes, self.at)?;
        self.at += 4;
        Ok(word)
    }

    /// A number in LEB128.
    pub(super) fn number(&mut self) -> Result<u64, CompactError> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(self.corrupt())
    }

    /// A number that counts or numbers what an index holds.
    pub(super) fn count(&mut self) -> Result<u32, CompactError> {
        u32::try_from(self.number()?).map_err(|_| self.corrupt())
    }

    /// So many bytes.
    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], CompactError> {
        let end = self.at.checked_add(length);
        let taken = end.and_then(|end| self.bytes.get(self.at..end));
        let taken = taken.ok_or(self.corrupt())?;
        self.at += length;
        Ok(taken)
    }

    /// A length in LEB128, and so many bytes.
    pub(super) fn value(&mut self) -> Result<&'a [u8], CompactError> {
        let length = self.count()?;
        self.take(length as usize)
    }
}

/// A table of numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table {
    pub(super) start: usize,
    pub(super) count: usize,
}

impl Table {
    /// A row; there are [`Table::count`].
    pub(super) fn row(self, bytes: &[u8], row: usize) -> Result<usize, CompactError> {
        if row >= self.count {
            return Err(CompactError::Corrupt(self.start));
        }
        word(bytes, self.start + row * 4).map(|number| number as usize)
    }
}

/// A compact index that does not hold together. It is to be built anew.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CompactError {
    /// Not a compact index, or one of another format.
    #[error("not a compact index of this format")]
    Format,
    /// A number or length in it leads outside of it.
    #[error("the compact index is corrupted at byte {0}")]
    Corrupt(usize),
    /// A record in it is malformed.
    #[error("the compact index holds a malformed record: {0}")]
    Record(#[from] Deb822Error),
    /// There is no record of this number.
    #[error("the compact index has no record {0}")]
    NoRecord(u32),
}
