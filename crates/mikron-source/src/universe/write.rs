//! Writes the compact form of an index: records one by one, then the tables over them.

use mikron_deb::FieldId;
use mikron_package::LimitExceeded;

use super::compact::{
    CompactError, CompactIndex, ENCODED, FORMAT, HEADER, MAGIC, Mention, identity_at, mask,
    push_length, record_at,
};

/// Why an index has no compact form.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// It is too large.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    /// Two records for one identity that say different things of it: nobody could tell which of them was meant.
    #[error("two records of {package} {version} {architecture} differ")]
    Twins {
        /// The package.
        package: String,
        /// Its version.
        version: String,
        /// Its architecture.
        architecture: String,
        /// The number of the one record, counted from 0 as they were added.
        first: u32,
        /// The number of the other.
        second: u32,
    },
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
    /// By capacity: place and length of a mentioned name, and which record mentions it.
    mentions: [Vec<(u32, u32, u32)>; Mention::ALL.len()],
    essential: Vec<u32>,
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
            mentions: Default::default(),
            essential: Vec::new(),
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

    /// Adds a field, and says where its value begins.
    pub(super) fn field(&mut self, id: FieldId, value: &[u8]) -> usize {
        self.value(mask(id), value)
    }

    /// Adds all of the record in its encoded form, behind the fields.
    pub(super) fn encoded(&mut self, value: &[u8]) {
        self.value(ENCODED, value);
    }

    fn value(&mut self, bit: u32, value: &[u8]) -> usize {
        self.present |= bit;
        push_length(&mut self.bytes, value.len());
        let start = self.bytes.len();
        self.bytes.extend_from_slice(value);
        start
    }

    /// Notes that the record mentions the name that lies at a place.
    pub(super) fn mention(&mut self, mention: Mention, start: usize, length: usize) {
        let record = self.places.len() as u32 - 1;
        self.mentions[mention as usize].push((start as u32, length as u32, record));
    }

    /// Notes that the record mentions a name that no field holds.
    pub(super) fn mention_name(&mut self, mention: Mention, name: &str) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(name.as_bytes());
        self.mention(mention, start, name.len());
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
        let mut header = vec![FORMAT, names, kept.len() as u32];
        for rows in std::mem::take(&mut self.mentions) {
            header.extend(self.mention_table(rows, &rank)?);
        }
        let mut essential: Vec<u32> = self
            .essential
            .iter()
            .map(|record| rank[*record as usize])
            .collect();
        essential.sort_unstable();
        essential.dedup();
        let needed = self.start_table()?;
        for number in &essential {
            self.bytes.extend_from_slice(&number.to_le_bytes());
        }
        header.extend([needed, essential.len() as u32, self.architecture as u32, 0]);
        self.bytes[..8].copy_from_slice(MAGIC);
        for (field, number) in self.bytes[8..HEADER].chunks_exact_mut(4).zip(header) {
            field.copy_from_slice(&number.to_le_bytes());
        }
        self.bytes.shrink_to_fit();
        Ok(CompactIndex::open(self.bytes)?)
    }

    /// Writes a table of mentioned names. Its start and its number of rows.
    fn mention_table(
        &mut self,
        mut rows: Vec<(u32, u32, u32)>,
        rank: &[u32],
    ) -> Result<[u32; 2], WriteError> {
        for (_, _, record) in &mut rows {
            *record = rank[*record as usize];
        }
        let text = |place: u32, length: u32| &self.bytes[place as usize..][..length as usize];
        let key = |(place, length, record): &(u32, u32, u32)| (text(*place, *length), *record);
        rows.sort_by(|a, b| key(a).cmp(&key(b)).then(a.cmp(b)));
        rows.dedup_by(|b, a| key(a) == key(b));
        let start = self.start_table()?;
        for (place, length, record) in &rows {
            for number in [place, length, record] {
                self.bytes.extend_from_slice(&number.to_le_bytes());
            }
        }
        Ok([start, rows.len() as u32])
    }

    /// The records to keep, in order, and for each record its place in that order. Of twins the first is kept.
    fn order(&self) -> Result<(Vec<u32>, Vec<u32>), WriteError> {
        let identities = self
            .places
            .iter()
            .map(|place| identity_at(&self.bytes, *place as usize))
            .collect::<Result<Vec<_>, _>>()?;
        let identity = |number: u32| identities[number as usize];
        let mut order: Vec<u32> = (0..self.places.len() as u32).collect();
        order.sort_by_key(|number| identity(*number));
        let mut rank = vec![0; order.len()];
        let mut kept: Vec<u32> = Vec::with_capacity(order.len());
        for number in order {
            match kept.last() {
                Some(twin) if identity(*twin) == identity(number) => {
                    self.check_twins(*twin, number)?;
                }
                _ => kept.push(number),
            }
            rank[number as usize] = kept.len() as u32 - 1;
        }
        Ok((kept, rank))
    }

    /// One archive may lie in two places; two records that say anything else of it contradict each other.
    fn check_twins(&self, first: u32, second: u32) -> Result<(), WriteError> {
        let read = |number: u32| {
            let mut record = record_at(&self.bytes, self.places[number as usize] as usize)?;
            record.location.clear();
            Ok::<_, CompactError>(record)
        };
        let again = read(second)?;
        if read(first)? == again {
            return Ok(());
        }
        Err(WriteError::Twins {
            package: again.name.to_string(),
            version: again.version.to_string(),
            architecture: again.arch,
            first,
            second,
        })
    }

    /// Begins a table at a multiple of four bytes.
    fn start_table(&mut self) -> Result<u32, WriteError> {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self.place()
    }
}
