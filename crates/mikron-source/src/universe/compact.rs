//! The compact form of an index: one block of bytes that opens without parsing.
//!
//! Layout, all numbers little-endian:
//!
//! ```text
//! header   magic "MIKRINDX", u32 format, then start and number of rows of each table, u32 each: names, blocks, essential;
//!          u32 number of symbols, u32 length of the architecture, u32 start and u32 length of the odd records
//! text     the architecture, then the records: u32 mask of fields, then for each field of the mask its length
//!          (LEB128) and its bytes. SHA256 is held as 32 raw bytes. Records of Debian keep the fields of their stanza;
//!          those of other families have name, version, architecture, location and SHA256 as fields, and behind them, under
//!          bit 31 of the mask, what the encoder made of the rest. Then the blocks of symbols.
//! names    u32 each: the place of a record, in order of package name, version text, architecture
//! blocks   u32 each: the place of a block of symbols
//! essential u32 each: the number of a record, in order
//! odd      the records that were left out, as postcard; nothing where there are none
//! ```
//!
//! A record's number is its position in the table of names. Names that records mention are symbols, and each says by which
//! records it is provided, obsoleted, or taken as a trigger. Nothing here is trusted: the cache checks the digest of a
//! compact index, and yet every access is checked against the bytes, so that a corrupted one is an error and no more.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use mikron_deb::{FieldId, RawFields};
use mikron_package::{Digest, Limits, OddRecords, PackageName, PackageRecord, Version};

use super::bytes::{CompactError, Reader, Table, word};
use super::decode::Decoder;
use super::symbols::{BLOCK, Mention, Symbols};

pub(super) const MAGIC: &[u8; 8] = b"MIKRINDX";
pub(super) const FORMAT: u32 = 5;
pub(super) const HEADER: usize = SYMBOLS + 16;

/// The places of the number of symbols, of the architecture's length and of the odd records' place in the header.
const SYMBOLS: usize = 8 + 4 + 3 * 8;
const LENGTH: usize = SYMBOLS + 4;
const ODD: usize = LENGTH + 4;

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
    symbols: Symbols,
    essential: Table,
    odd: Range<usize>,
}

impl CompactIndex {
    /// Opens an index, looking at its header only. Takes a `Vec<u8>` or an `Arc` of one, and copies neither.
    ///
    /// # Errors
    /// When the header is not one, or a table would lie outside the bytes.
    pub fn open(bytes: impl Into<Arc<Vec<u8>>>) -> Result<Self, CompactError> {
        let bytes = bytes.into();
        if bytes.get(..8) != Some(MAGIC) || word(&bytes, 8)? != FORMAT {
            return Err(CompactError::Format);
        }
        let table = |field: usize| {
            let at = 12 + field * 8;
            let start = word(&bytes, at)? as usize;
            let count = word(&bytes, at + 4)? as usize;
            let end = count.checked_mul(4).and_then(|n| n.checked_add(start));
            match end {
                Some(end) if start >= HEADER && end <= bytes.len() => Ok(Table { start, count }),
                _ => Err(CompactError::Corrupt(at)),
            }
        };
        let (names, blocks, essential) = (table(0)?, table(1)?, table(2)?);
        let count = word(&bytes, SYMBOLS)? as usize;
        if count.div_ceil(BLOCK) != blocks.count {
            return Err(CompactError::Corrupt(SYMBOLS));
        }
        let symbols = Symbols { blocks, count };
        let end = (word(&bytes, LENGTH)? as usize).checked_add(HEADER);
        let architecture = match end {
            Some(end) if end <= bytes.len() => HEADER..end,
            _ => return Err(CompactError::Corrupt(LENGTH)),
        };
        if str::from_utf8(&bytes[architecture.clone()]).is_err() {
            return Err(CompactError::Corrupt(HEADER));
        }
        let start = word(&bytes, ODD)? as usize;
        let end = start.checked_add(word(&bytes, ODD + 4)? as usize);
        let odd = match end {
            Some(end) if start >= HEADER && end <= bytes.len() => start..end,
            _ => return Err(CompactError::Corrupt(ODD)),
        };
        Ok(Self {
            bytes,
            architecture,
            names,
            symbols,
            essential,
            odd,
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
        let at = self.place(number)?;
        let mut cursor = Cursor::at(&self.bytes, at)?;
        let (raw, digest) = cursor.fields()?;
        if cursor.mask & ENCODED == 0 {
            let mut record = raw.to_record(&unlimited())?;
            record.digest = digest;
            return Ok(record);
        }
        let text = |id| str::from_utf8(raw.get(id).unwrap_or_default());
        let text = |id| text(id).map_err(|_| CompactError::Corrupt(at));
        let name = PackageName::wanted(text(FieldId::Package)?);
        let name = name.map_err(|_| CompactError::Corrupt(at))?;
        let version = Version::new(text(FieldId::Version)?);
        let arch = text(FieldId::Architecture)?;
        let mut record = PackageRecord::new(name, version.clone(), arch);
        text(FieldId::Filename)?.clone_into(&mut record.location);
        record.digest = digest;
        let encoded = Reader::new(cursor.value()?, 0);
        let decoder = Decoder {
            bytes: &self.bytes,
            symbols: &self.symbols,
            reader: encoded,
            version,
        };
        decoder.decode(&mut record)?;
        Ok(record)
    }

    /// Name, version text and architecture of a record.
    ///
    /// # Errors
    /// As [`CompactIndex::record`].
    pub(crate) fn identity(&self, number: u32) -> Result<[&[u8]; 3], CompactError> {
        identity_at(&self.bytes, self.place(number)?)
    }

    /// The package name of a record.
    ///
    /// # Errors
    /// As [`CompactIndex::record`].
    pub fn name(&self, number: u32) -> Result<&[u8], CompactError> {
        let [name] = Cursor::at(&self.bytes, self.place(number)?)?.leading()?;
        Ok(name)
    }

    fn place(&self, record: u32) -> Result<usize, CompactError> {
        if record as usize >= self.names.count {
            return Err(CompactError::NoRecord(record));
        }
        self.names.row(&self.bytes, record as usize)
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
        self.symbols.records(&self.bytes, mention, name)
    }

    /// All names of packages, then all provided names; a name can come more than once.
    pub(super) fn all_names(&self) -> impl Iterator<Item = Cow<'_, [u8]>> {
        let own = (0..self.len()).filter_map(|record| self.name(record).ok());
        let provided = self.symbols.provided(&self.bytes);
        own.map(Cow::Borrowed).chain(provided.map(Cow::Owned))
    }

    /// The records of the index that cannot be used and were left out, in order.
    ///
    /// # Errors
    /// When the bytes are corrupted.
    pub fn odd(&self) -> Result<OddRecords, CompactError> {
        match &self.bytes[self.odd.clone()] {
            [] => Ok(OddRecords::default()),
            bytes => postcard::from_bytes(bytes).map_err(|_| CompactError::Corrupt(self.odd.start)),
        }
    }

    /// The digest of a record's archive.
    ///
    /// # Errors
    /// As [`CompactIndex::record`].
    pub fn digest(&self, number: u32) -> Result<Option<Digest>, CompactError> {
        let mut cursor = Cursor::at(&self.bytes, self.place(number)?)?;
        cursor.fields().map(|(_, digest)| digest)
    }

    /// The numbers of the essential packages, in order of name.
    ///
    /// # Errors
    /// When the bytes are corrupted.
    pub fn essential(&self) -> Result<Vec<u32>, CompactError> {
        (0..self.essential.count)
            .map(|row| self.essential.row(&self.bytes, row).map(|n| n as u32))
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
pub(super) struct Cursor<'a> {
    pub(super) mask: u32,
    reader: Reader<'a>,
}

impl<'a> Cursor<'a> {
    pub(super) fn at(bytes: &'a [u8], at: usize) -> Result<Self, CompactError> {
        let mut reader = Reader::new(bytes, at);
        let mask = reader.word()?;
        Ok(Self { mask, reader })
    }

    /// The next value.
    pub(super) fn value(&mut self) -> Result<&'a [u8], CompactError> {
        self.reader.value()
    }

    /// The first fields. Name, version text and architecture stand first, by the order of [`FieldId`], and no record is
    /// without them.
    fn leading<const N: usize>(&mut self) -> Result<[&'a [u8]; N], CompactError> {
        let mut values = [&b""[..]; N];
        for (value, id) in values.iter_mut().zip(FieldId::ALL) {
            if self.mask & mask(id) == 0 {
                return Err(self.reader.corrupt());
            }
            *value = self.value()?;
        }
        Ok(values)
    }

    /// All fields but for the digest, and the digest.
    pub(super) fn fields(&mut self) -> Result<(RawFields<'a>, Option<Digest>), CompactError> {
        let mut raw = RawFields::default();
        let mut digest = None;
        for id in FieldId::ALL {
            if self.mask & mask(id) == 0 {
                continue;
            }
            let corrupt = self.reader.corrupt();
            let value = self.value()?;
            if id == FieldId::Sha256 {
                let bytes = value.try_into().map_err(|_| corrupt)?;
                digest = Some(Digest::from_bytes(bytes));
            } else {
                raw.set(id, value);
            }
        }
        Ok((raw, digest))
    }
}

/// Name, version text and architecture of the record at a place.
pub(super) fn identity_at(bytes: &[u8], at: usize) -> Result<[&[u8]; 3], CompactError> {
    Cursor::at(bytes, at)?.leading()
}

/// The bit that says that what a record says beside its fields is encoded behind them.
pub(super) const ENCODED: u32 = 1 << 31;

/// The bit of a field in a record's mask.
pub(super) fn mask(id: FieldId) -> u32 {
    1 << id as u32
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
pub(super) fn unlimited() -> Limits {
    Limits {
        alternatives: u32::MAX,
        ..Limits::default()
    }
}
