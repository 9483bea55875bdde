//! Writes the compact form of an index: records one by one, then the tables over them.

use mikron_deb::FieldId;
use mikron_package::{LimitExceeded, OddRecord, OddRecords, PackageRecord};

use super::bytes::{CompactError, push_number};
use super::compact::{
    CompactIndex, Cursor, ENCODED, FORMAT, HEADER, MAGIC, identity_at, mask, unlimited,
};
use super::encode::{EncodeError, Encoded, Encoder, SYMBOL};
use super::intern::{Interner, LEFT_OUT};
use super::symbols::Mention;

/// Why an index has no compact form.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// It is too large.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    /// A record cannot be encoded.
    #[error("the record of {package} cannot be encoded")]
    Encoding {
        /// The package.
        package: String,
    },
    /// What was just written cannot be read.
    #[error(transparent)]
    Own(#[from] CompactError),
}

/// What has been written so far.
pub(super) struct Writer {
    architecture: usize,
    bytes: Vec<u8>,
    /// Where each record lies, in the order in which they came.
    places: Vec<u32>,
    /// The mask of the record that is being written.
    present: u32,
    interner: Interner,
    /// Where the words lie that number symbols as they came.
    words: Vec<u32>,
    /// What is encoded, for one record after the other.
    encoded: Encoded,
    essential: Vec<u32>,
    /// Records that cannot be used. Those of one identity that contradict each other join them in the end.
    pub(super) odd: OddRecords,
}

impl Writer {
    pub(super) fn new(architecture: &str) -> Self {
        let mut bytes = vec![0; HEADER];
        bytes.extend_from_slice(architecture.as_bytes());
        Self {
            architecture: architecture.len(),
            bytes,
            places: Vec::new(),
            present: 0,
            interner: Interner::default(),
            words: Vec::new(),
            encoded: Encoded::default(),
            essential: Vec::new(),
            odd: OddRecords::default(),
        }
    }

    /// Begins a record. Its fields follow in the order of [`FieldId::ALL`], name, version and architecture among them.
    pub(super) fn begin(&mut self) -> Result<(), WriteError> {
        let place = self.place()?;
        self.places.push(place);
        self.present = 0;
        self.bytes.extend_from_slice(&[0; 4]);
        Ok(())
    }

    /// Adds a field.
    pub(super) fn field(&mut self, id: FieldId, value: &[u8]) {
        self.present |= mask(id);
        push_number(&mut self.bytes, value.len() as u64);
        self.bytes.extend_from_slice(value);
    }

    /// Adds what the record says beside its fields, behind these.
    pub(super) fn encode(&mut self, record: &PackageRecord) -> Result<(), WriteError> {
        self.encoded.bytes.clear();
        self.encoded.words.clear();
        let encoder = Encoder {
            interner: &mut self.interner,
            to: &mut self.encoded,
            record,
            number: self.places.len() as u32 - 1,
        };
        encoder.encode().map_err(|error| match error {
            EncodeError::Limit(error) => WriteError::Limit(error),
            EncodeError::Depth => WriteError::Encoding {
                package: record.name.to_string(),
            },
        })?;
        self.present |= ENCODED;
        push_number(&mut self.bytes, self.encoded.bytes.len() as u64);
        let start = self.place()?;
        let words = self.encoded.words.iter();
        self.words.extend(words.map(|place| start + place));
        self.bytes.extend_from_slice(&self.encoded.bytes);
        Ok(())
    }

    /// Notes that the record mentions a name.
    pub(super) fn mention(&mut self, mention: Mention, name: &str) -> Result<(), WriteError> {
        let symbol = self.interner.number(name)?;
        let record = self.places.len() as u32 - 1;
        self.interner.mention(mention, symbol, record);
        Ok(())
    }

    /// Ends a record.
    pub(super) fn end(&mut self, essential: bool) {
        let Some(place) = self.places.last() else {
            return;
        };
        self.bytes[*place as usize..][..4].copy_from_slice(&self.present.to_le_bytes());
        if essential {
            self.essential.push(self.places.len() as u32 - 1);
        }
    }

    /// The place of what is pushed next. Places are 32 bits wide.
    fn place(&self) -> Result<u32, WriteError> {
        // Room for the largest record that limits allow, so that places inside it fit as well.
        let allowed = u64::from(u32::MAX / 2);
        LimitExceeded::check("compact index", self.bytes.len() as u64, allowed)?;
        Ok(self.bytes.len() as u32)
    }

    /// Writes the tables. Equal records in equal order give equal bytes.
    pub(super) fn finish(mut self) -> Result<CompactIndex, WriteError> {
        let (kept, rank) = self.order()?;
        let names = self.start_table()?;
        for number in &kept {
            let place = self.places[*number as usize];
            self.bytes.extend_from_slice(&place.to_le_bytes());
        }
        let symbols = std::mem::take(&mut self.interner).finish(&rank);
        for place in std::mem::take(&mut self.words) {
            renumber(&mut self.bytes[place as usize..][..4], &symbols.number);
        }
        self.place()?;
        let blocks = symbols.write(&mut self.bytes);
        let table = self.start_table()?;
        for block in &blocks {
            self.bytes.extend_from_slice(&(*block as u32).to_le_bytes());
        }
        let mut essential: Vec<u32> = self
            .essential
            .iter()
            .map(|record| rank[*record as usize])
            .filter(|rank| *rank != LEFT_OUT)
            .collect();
        essential.sort_unstable();
        essential.dedup();
        let needed = self.start_table()?;
        for number in &essential {
            self.bytes.extend_from_slice(&number.to_le_bytes());
        }
        self.odd.sort();
        let odd_start = self.place()?;
        if !self.odd.is_empty() {
            let odd = postcard::to_stdvec(&self.odd);
            self.bytes
                .extend_from_slice(&odd.map_err(|_| CompactError::Corrupt(odd_start as usize))?);
        }
        let odd_length = self.place()? - odd_start;
        let header = [
            FORMAT,
            names,
            kept.len() as u32,
            table,
            blocks.len() as u32,
            needed,
            essential.len() as u32,
            symbols.len() as u32,
            self.architecture as u32,
            odd_start,
            odd_length,
        ];
        self.bytes[..8].copy_from_slice(MAGIC);
        for (field, number) in self.bytes[8..HEADER].chunks_exact_mut(4).zip(header) {
            field.copy_from_slice(&number.to_le_bytes());
        }
        self.bytes.shrink_to_fit();
        Ok(CompactIndex::open(self.bytes)?)
    }

    /// The records to keep, in order, and for each record its place in that order. Of records that say the same of one
    /// identity the first is kept; where they differ, nobody could tell which was meant, and none is.
    fn order(&mut self) -> Result<(Vec<u32>, Vec<u32>), WriteError> {
        let identities = self
            .places
            .iter()
            .map(|place| identity_at(&self.bytes, *place as usize))
            .collect::<Result<Vec<_>, _>>()?;
        let identity = |number: u32| identities[number as usize];
        let mut order: Vec<u32> = (0..self.places.len() as u32).collect();
        order.sort_by_key(|number| identity(*number));
        let mut rank = vec![LEFT_OUT; order.len()];
        let mut kept: Vec<u32> = Vec::with_capacity(order.len());
        let mut odd = Vec::new();
        for twins in order.chunk_by(|a, b| identity(*a) == identity(*b)) {
            let (first, others) = (twins[0], &twins[1..]);
            let mut same = true;
            for other in others {
                same &= self.say_the_same(first, *other)?;
            }
            if same {
                for twin in twins {
                    rank[*twin as usize] = kept.len() as u32;
                }
                kept.push(first);
            } else {
                let [name, version, arch] = identity(first).map(String::from_utf8_lossy);
                let reason = "two records of it differ, and nothing tells which of them is meant";
                odd.push(OddRecord::new(&name, &version, &arch, reason));
            }
        }
        for record in odd {
            self.odd.add(record);
        }
        Ok((kept, rank))
    }

    /// Whether two records say the same: one archive may lie in two places.
    fn say_the_same(&self, first: u32, second: u32) -> Result<bool, WriteError> {
        let place = |number: u32| self.places[number as usize] as usize;
        if said_at(&self.bytes, place(first))? == said_at(&self.bytes, place(second))? {
            return Ok(true);
        }
        // Fields of Debian may say one thing in two ways.
        let read = |number: u32| {
            let mut cursor = Cursor::at(&self.bytes, place(number))?;
            let (mut raw, digest) = cursor.fields()?;
            raw.set(FieldId::Filename, b"-");
            let encoded = cursor.mask & ENCODED != 0;
            let record = (!encoded)
                .then(|| raw.to_record(&unlimited()))
                .transpose()?;
            Ok::<_, CompactError>((record, digest))
        };
        Ok(match (read(first)?, read(second)?) {
            ((Some(a), digest), (Some(b), other)) => a == b && digest == other,
            _ => false,
        })
    }

    /// Begins a table at a multiple of four bytes.
    fn start_table(&mut self) -> Result<u32, WriteError> {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self.place()
    }
}

/// All that the record at a place says, but for where its archive lies.
fn said_at(bytes: &[u8], at: usize) -> Result<(u32, Vec<&[u8]>), CompactError> {
    let mut cursor = Cursor::at(bytes, at)?;
    let mut said = Vec::new();
    for bit in (0..32).map(|bit| 1 << bit) {
        if cursor.mask & bit != 0 {
            let value = cursor.value()?;
            if bit != mask(FieldId::Filename) {
                said.push(value);
            }
        }
    }
    Ok((cursor.mask, said))
}

/// Puts the final number of a symbol into a word that has the first one.
fn renumber(word: &mut [u8], numbers: &[u32]) {
    let mut four = [0; 4];
    four.copy_from_slice(word);
    let old = u32::from_le_bytes(four);
    let new = old & !SYMBOL | numbers[(old & SYMBOL) as usize];
    word.copy_from_slice(&new.to_le_bytes());
}
