//! The compact form of an index: one block of bytes that opens without parsing.
//!
//! Layout, all numbers little-endian:
//!
//! ```text
//! header   magic "MIKRINDX", u32 format, then start and number of rows of each table, u32 each: names, provides,
//!          obsoletes, triggers, essential; u32 length of the architecture, u32 0
//! text     the architecture, then the records: u32 mask of fields, then for each field of the mask its length
//!          (LEB128) and its bytes. SHA256 is held as 32 raw bytes. Records of Debian keep the fields of their stanza;
//!          those of other families have name, version, architecture and SHA256 as fields, and behind them, under bit 31
//!          of the mask, all of the record in postcard.
//! names    u32 each: the place of a record, in order of package name, version text, architecture
//! provides u32 place of the name, u32 its length, u32 number of the record; in order of name, then of record
//! obsoletes, triggers (`install_if`) as provides
//! essential u32 each: the number of a record, in order
//! ```
//!
//! A record's number is its position in the table of names. Nothing here is trusted: the cache checks the digest of a
//! compact index, and yet every access is checked against the bytes, so that a corrupted one is an error and no more.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use mikron_deb::{Deb822Error, FieldId, RawFields};
use mikron_package::{Digest, Limits, PackageRecord};

pub(super) const MAGIC: &[u8; 8] = b"MIKRINDX";
pub(super) const FORMAT: u32 = 2;
pub(super) const HEADER: usize = LENGTH + 8;

/// The tables, in their order in the header.
const TABLES: usize = 2 + Mention::ALL.len();

/// The place of the architecture's length in the header.
const LENGTH: usize = 8 + 4 + TABLES * 8;

/// The width of a row that says which record mentions a name.
const MENTION: usize = 12;

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

impl Mention {
    /// All of them, in the order of their tables.
    pub(super) const ALL: [Self; 3] = [Self::Provides, Self::Obsoletes, Self::Triggers];
}

/// An index in compact form.
///
/// ```
/// use mikron_package::{Limits, Origin};
/// use mikron_source::universe::{CompactIndex, build_index};
/// let text = format!(
///     "Package: a\nVersion: 1\nArchitecture: all\nFilename: pool/a_1_all.deb\nSize: 9\nSHA256: {}\n",
///     "0".repeat(64),
/// );
/// let built = build_index(text.as_bytes(), "amd64", &Limits::default(), &Origin::named("Packages"))?;
/// let index = CompactIndex::open(built.as_bytes().to_vec())?;
/// assert_eq!(index.record(0)?.location, "pool/a_1_all.deb");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct CompactIndex {
    bytes: Arc<Vec<u8>>,
    architecture: Range<usize>,
    names: Table,
    mentions: [Table; Mention::ALL.len()],
    essential: Table,
}

/// A table of fixed-width rows.
#[derive(Clone, Copy, Debug)]
struct Table {
    start: usize,
    count: usize,
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
    /// A record in it cannot be decoded.
    #[error("the compact index holds a record that cannot be decoded")]
    Encoding,
    /// There is no record of this number.
    #[error("the compact index has no record {0}")]
    NoRecord(u32),
}

impl CompactIndex {
    /// Opens an index, looking at its header only. Takes a `Vec<u8>` or an `Arc` of one, and copies neither.
    ///
    /// # Errors
    /// When the header is not one, or a table would lie outside the bytes.
    pub fn open(bytes: impl Into<Arc<Vec<u8>>>) -> Result<Self, CompactError> {
        let bytes = bytes.into();
        if bytes.get(..8) != Some(MAGIC) || number(&bytes, 8)? != FORMAT {
            return Err(CompactError::Format);
        }
        let table = |field: usize, width: usize| {
            let at = 12 + field * 8;
            let start = number(&bytes, at)? as usize;
            let count = number(&bytes, at + 4)? as usize;
            let end = count.checked_mul(width).and_then(|n| n.checked_add(start));
            match end {
                Some(end) if start >= HEADER && end <= bytes.len() => Ok(Table { start, count }),
                _ => Err(CompactError::Corrupt(at)),
            }
        };
        let names = table(0, 4)?;
        let mentions = [table(1, MENTION)?, table(2, MENTION)?, table(3, MENTION)?];
        let essential = table(4, 4)?;
        let end = (number(&bytes, LENGTH)? as usize).checked_add(HEADER);
        let architecture = match end {
            Some(end) if end <= bytes.len() => HEADER..end,
            _ => return Err(CompactError::Corrupt(LENGTH)),
        };
        if str::from_utf8(&bytes[architecture.clone()]).is_err() {
            return Err(CompactError::Corrupt(HEADER));
        }
        Ok(Self {
            bytes,
            architecture,
            names,
            mentions,
            essential,
        })
    }

    /// The bytes, for storing.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The native architecture that it was built for; packages of others, except those for all, were left out.
    pub fn architecture(&self) -> &str {
        str::from_utf8(&self.bytes[self.architecture.clone()]).unwrap_or_default()
    }

    /// The number of records.
    pub fn len(&self) -> u32 {
        self.names.count as u32
    }

    /// Whether it holds no record.
    pub fn is_empty(&self) -> bool {
        self.names.count == 0
    }

    /// The record of this number.
    ///
    /// # Errors
    /// When there is none, or the bytes are corrupted.
    pub fn record(&self, number: u32) -> Result<PackageRecord, CompactError> {
        record_at(&self.bytes, self.place(number)?)
    }

    /// Name, version text and architecture of a record.
    ///
    /// # Errors
    /// As [`CompactIndex::record`].
    pub fn identity(&self, number: u32) -> Result<[&[u8]; 3], CompactError> {
        identity_at(&self.bytes, self.place(number)?)
    }

    /// The package name of a record.
    ///
    /// # Errors
    /// As [`CompactIndex::record`].
    pub fn name(&self, number: u32) -> Result<&[u8], CompactError> {
        leading_at(&self.bytes, self.place(number)?).map(|[name]| name)
    }

    fn place(&self, record: u32) -> Result<usize, CompactError> {
        if record as usize >= self.names.count {
            return Err(CompactError::NoRecord(record));
        }
        Ok(number(&self.bytes, self.names.start + record as usize * 4)? as usize)
    }

    /// The numbers of the records of exactly this name.
    ///
    /// # Errors
    /// When the bytes are corrupted.
    pub fn named(&self, name: &[u8]) -> Result<Range<u32>, CompactError> {
        let order = |row: usize| Ok(self.name(row as u32)?.cmp(name));
        let range = equal_range(self.names.count, order)?;
        Ok(range.start as u32..range.end as u32)
    }

    /// The numbers of the records that provide this name and have another, in order.
    ///
    /// # Errors
    /// When the bytes are corrupted.
    pub fn providers(&self, name: &[u8]) -> Result<Vec<u32>, CompactError> {
        self.mentioning(Mention::Provides, name)
    }

    /// The numbers of the records that obsolete this name, in order.
    ///
    /// # Errors
    /// When the bytes are corrupted.
    pub fn obsoleters(&self, name: &[u8]) -> Result<Vec<u32>, CompactError> {
        self.mentioning(Mention::Obsoletes, name)
    }

    /// The numbers of the records whose `install_if` has this name, in order.
    ///
    /// # Errors
    /// When the bytes are corrupted.
    pub fn triggered(&self, name: &[u8]) -> Result<Vec<u32>, CompactError> {
        self.mentioning(Mention::Triggers, name)
    }

    fn mentioning(&self, mention: Mention, name: &[u8]) -> Result<Vec<u32>, CompactError> {
        let table = self.mentions[mention as usize];
        let order = |row: usize| Ok(self.mentioned(table, row)?.0.cmp(name));
        equal_range(table.count, order)?
            .map(|row| Ok(self.mentioned(table, row)?.1))
            .collect()
    }

    /// A row of a table of mentioned names: the name, and the number of the record.
    fn mentioned(&self, table: Table, row: usize) -> Result<(&[u8], u32), CompactError> {
        let at = table.start + row * MENTION;
        let start = number(&self.bytes, at)? as usize;
        let length = number(&self.bytes, at + 4)? as usize;
        let name = start
            .checked_add(length)
            .and_then(|end| self.bytes.get(start..end))
            .ok_or(CompactError::Corrupt(at))?;
        Ok((name, number(&self.bytes, at + 8)?))
    }

    /// All names of packages, then all provided names; a name can come more than once.
    pub(super) fn all_names(&self) -> impl Iterator<Item = &[u8]> {
        let own = (0..self.len()).filter_map(|record| self.name(record).ok());
        let table = self.mentions[Mention::Provides as usize];
        let provided =
            (0..table.count).filter_map(move |row| Some(self.mentioned(table, row).ok()?.0));
        own.chain(provided)
    }

    /// The digest of a record's archive.
    ///
    /// # Errors
    /// As [`CompactIndex::record`].
    pub fn digest(&self, number: u32) -> Result<Option<Digest>, CompactError> {
        fields_at(&self.bytes, self.place(number)?).map(|(_, digest)| digest)
    }

    /// The numbers of the essential packages, in order of name.
    ///
    /// # Errors
    /// When the bytes are corrupted.
    pub fn essential(&self) -> Result<Vec<u32>, CompactError> {
        (0..self.essential.count)
            .map(|row| number(&self.bytes, self.essential.start + row * 4))
            .collect()
    }
}

impl std::fmt::Debug for CompactIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CompactIndex")
            .field("architecture", &self.architecture())
            .field("records", &self.names.count)
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

/// Walks over the fields of one record.
struct Cursor {
    mask: u32,
    at: usize,
}

impl Cursor {
    fn at(bytes: &[u8], at: usize) -> Result<Self, CompactError> {
        Ok(Self {
            mask: number(bytes, at)?,
            at: at + 4,
        })
    }

    fn value<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], CompactError> {
        let corrupt = CompactError::Corrupt(self.at);
        let mut length = 0_usize;
        let mut shift = 0;
        loop {
            let Some(byte) = bytes.get(self.at).filter(|_| shift < 32) else {
                return Err(corrupt);
            };
            length |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            self.at += 1;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let end = self.at.checked_add(length);
        let Some(value) = end.and_then(|end| bytes.get(self.at..end)) else {
            return Err(corrupt);
        };
        self.at += length;
        Ok(value)
    }
}

/// The first fields of the record at a place. Name, version text and architecture stand first, by the order of
/// [`FieldId`], and no record is without them.
fn leading_at<const N: usize>(bytes: &[u8], at: usize) -> Result<[&[u8]; N], CompactError> {
    let mut cursor = Cursor::at(bytes, at)?;
    let mut values = [&b""[..]; N];
    for (value, id) in values.iter_mut().zip(FieldId::ALL) {
        if cursor.mask & mask(id) == 0 {
            return Err(CompactError::Corrupt(at));
        }
        *value = cursor.value(bytes)?;
    }
    Ok(values)
}

/// Name, version text and architecture of the record at a place.
pub(super) fn identity_at(bytes: &[u8], at: usize) -> Result<[&[u8]; 3], CompactError> {
    leading_at(bytes, at)
}

/// The record at a place.
pub(super) fn record_at(bytes: &[u8], at: usize) -> Result<PackageRecord, CompactError> {
    if let Some(encoded) = encoded_at(bytes, at)? {
        return postcard::from_bytes(encoded).map_err(|_| CompactError::Encoding);
    }
    let (raw, digest) = fields_at(bytes, at)?;
    let mut record = raw.to_record(&unlimited())?;
    record.digest = digest;
    Ok(record)
}

/// The encoded form of the record at a place, where it has one.
fn encoded_at(bytes: &[u8], at: usize) -> Result<Option<&[u8]>, CompactError> {
    let mut cursor = Cursor::at(bytes, at)?;
    if cursor.mask & ENCODED == 0 {
        return Ok(None);
    }
    for id in FieldId::ALL {
        if cursor.mask & mask(id) != 0 {
            cursor.value(bytes)?;
        }
    }
    cursor.value(bytes).map(Some)
}

/// All fields of the record at a place, but for its digest, and the digest.
pub(super) fn fields_at(
    bytes: &[u8],
    at: usize,
) -> Result<(RawFields<'_>, Option<Digest>), CompactError> {
    let mut cursor = Cursor::at(bytes, at)?;
    let mut raw = RawFields::default();
    let mut digest = None;
    for id in FieldId::ALL {
        if cursor.mask & mask(id) == 0 {
            continue;
        }
        let at = cursor.at;
        let value = cursor.value(bytes)?;
        if id == FieldId::Sha256 {
            let bytes = value.try_into().map_err(|_| CompactError::Corrupt(at))?;
            digest = Some(Digest::from_bytes(bytes));
        } else {
            raw.set(id, value);
        }
    }
    Ok((raw, digest))
}

/// Appends a length in LEB128.
pub(super) fn push_length(bytes: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        bytes.push(length as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
}

/// The bit that says that a record is encoded behind its fields.
pub(super) const ENCODED: u32 = 1 << 31;

/// The bit of a field in a record's mask.
pub(super) fn mask(id: FieldId) -> u32 {
    1 << id as u32
}

fn number(bytes: &[u8], at: usize) -> Result<u32, CompactError> {
    at.checked_add(4)
        .and_then(|end| bytes.get(at..end))
        .and_then(|four| four.try_into().ok())
        .map(u32::from_le_bytes)
        .ok_or(CompactError::Corrupt(at))
}

/// The rows that are equal, of `count` rows in order.
fn equal_range(
    count: usize,
    order: impl Fn(usize) -> Result<Ordering, CompactError>,
) -> Result<Range<usize>, CompactError> {
    let bound = |mut low: usize, before: &dyn Fn(Ordering) -> bool| {
        let mut high = count;
        while low < high {
            let middle = low + (high - low) / 2;
            if before(order(middle)?) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok::<_, CompactError>(low)
    };
    let start = bound(0, &Ordering::is_lt)?;
    Ok(start..bound(start, &Ordering::is_le)?)
}

/// Limits were applied when the index was built.
fn unlimited() -> Limits {
    Limits {
        alternatives: u32::MAX,
        ..Limits::default()
    }
}
