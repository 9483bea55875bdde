//! From a `Packages` stream to a compact index, in one pass and without holding the text.

use std::io::Read;

use mikron_deb::{
    Deb822Error, Deb822ErrorKind, FieldId, PackagesReader, RawFields, scan_relations,
};
use mikron_package::{LimitExceeded, Limits, Operator, Origin};

use super::compact::{
    CompactError, CompactIndex, FORMAT, HEADER, MAGIC, fields_at, identity_at, mask, push_length,
};

/// Builds the compact form of an index from the unpacked text of a `Packages` file. Equal text gives equal bytes.
///
/// Packages that are neither of `architecture` nor `all` are left out. `origin` names source and index in errors. A
/// reader that checks digest and size at the end of the stream belongs around the text: nothing of the result may be
/// used before it has.
///
/// # Errors
/// When the stream cannot be read, a stanza is malformed or leads out of the repository (see
/// [`PackagesReader::next_package`]), two stanzas of one package, version and architecture differ, or a limit is
/// exceeded.
pub fn build_index<R: Read>(
    input: R,
    architecture: &str,
    limits: &Limits,
    origin: &Origin,
) -> Result<CompactIndex, Deb822Error> {
    let mut builder = Builder::new(architecture);
    let mut reader = PackagesReader::new(input, limits, origin.clone());
    while let Some(package) = reader.next_package()? {
        builder
            .add(&package)
            .map_err(|error| error.in_file(origin))?;
    }
    builder.finish().map_err(|error| error.in_file(origin))
}

/// A record that was read: where it lies among the bytes, and where its stanza stood.
#[derive(Clone, Copy)]
struct Draft {
    place: u32,
    line: u32,
    offset: u64,
}

/// What has been read so far.
struct Builder<'a> {
    architecture: &'a [u8],
    bytes: Vec<u8>,
    /// The records, in the order of the text.
    records: Vec<Draft>,
    /// Place and length of a provided name, and which record provides it.
    provides: Vec<(u32, u32, u32)>,
    essential: Vec<u32>,
}

impl<'a> Builder<'a> {
    fn new(architecture: &'a str) -> Self {
        let mut bytes = vec![0; HEADER];
        bytes.extend_from_slice(architecture.as_bytes());
        Self {
            architecture: architecture.as_bytes(),
            bytes,
            records: Vec::new(),
            provides: Vec::new(),
            essential: Vec::new(),
        }
    }

    fn add(&mut self, package: &RawFields<'_>) -> Result<(), Deb822Error> {
        let architecture = package.required(FieldId::Architecture)?;
        if architecture != self.architecture && architecture != b"all" {
            return Ok(());
        }
        let place = self.place()?;
        let digest = package.digest()?;
        let mut present = 0;
        self.bytes.extend_from_slice(&[0; 4]);
        for id in FieldId::ALL {
            let value = match (id, package.get(id)) {
                (FieldId::Sha256, _) => digest.as_bytes(),
                (_, None | Some(b"")) => continue,
                (_, Some(value)) => value,
            };
            present |= mask(id);
            push_length(&mut self.bytes, value.len());
            let start = self.bytes.len();
            self.bytes.extend_from_slice(value);
            if id == FieldId::Provides {
                self.provide(package.required(FieldId::Package)?, value, start)?;
            }
        }
        self.bytes[place as usize..][..4].copy_from_slice(&u32::to_le_bytes(present));
        let essential = package.get(FieldId::Essential).unwrap_or_default();
        if essential.eq_ignore_ascii_case(b"yes") {
            self.essential.push(self.records.len() as u32);
        }
        let (line, offset) = package.start();
        self.records.push(Draft {
            place,
            line: u32::try_from(line).unwrap_or(u32::MAX),
            offset,
        });
        Ok(())
    }

    /// Notes the provided names of the record that is being added.
    fn provide(&mut self, own: &[u8], value: &[u8], start: usize) -> Result<(), Deb822Error> {
        let record = self.records.len() as u32;
        for relation in scan_relations(value) {
            let relation = relation?;
            // Nothing is satisfied by what is provided with another operator than `=`.
            let exact = relation.version.is_none_or(|(op, _)| op == Operator::Equal);
            if exact && relation.name.as_bytes() != own {
                let place = (start + relation.offset) as u32;
                self.provides
                    .push((place, relation.name.len() as u32, record));
            }
        }
        Ok(())
    }

    /// The place of what is pushed next. Places are 32 bits wide.
    fn place(&self) -> Result<u32, Deb822Error> {
        // Room for the largest record that limits allow, so that places inside it fit as well.
        let allowed = u64::from(u32::MAX / 2);
        LimitExceeded::check("compact index", self.bytes.len() as u64, allowed)
            .map_err(Deb822Error::new)?;
        Ok(self.bytes.len() as u32)
    }

    fn finish(mut self) -> Result<CompactIndex, Deb822Error> {
        let (kept, rank) = self.order()?;
        let names = self.start_table()?;
        for number in &kept {
            let place = self.records[*number as usize].place;
            self.bytes.extend_from_slice(&place.to_le_bytes());
        }
        let mut provides = std::mem::take(&mut self.provides);
        for (_, _, record) in &mut provides {
            *record = rank[*record as usize];
        }
        let text = |place: u32, length: u32| &self.bytes[place as usize..][..length as usize];
        let key = |(place, length, record): &(u32, u32, u32)| (text(*place, *length), *record);
        provides.sort_by(|a, b| key(a).cmp(&key(b)).then(a.cmp(b)));
        provides.dedup_by(|b, a| key(a) == key(b));
        let virtuals = self.start_table()?;
        for (place, length, record) in &provides {
            for number in [place, length, record] {
                self.bytes.extend_from_slice(&number.to_le_bytes());
            }
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
        let header = [
            FORMAT,
            names,
            kept.len() as u32,
            virtuals,
            provides.len() as u32,
            needed,
            essential.len() as u32,
            self.architecture.len() as u32,
            0,
        ];
        self.bytes[..8].copy_from_slice(MAGIC);
        for (field, number) in self.bytes[8..HEADER].chunks_exact_mut(4).zip(header) {
            field.copy_from_slice(&number.to_le_bytes());
        }
        self.bytes.shrink_to_fit();
        CompactIndex::open(self.bytes).map_err(own_fault)
    }

    /// The records to keep, in order, and for each record its place in that order. Of twins the first is kept.
    fn order(&self) -> Result<(Vec<u32>, Vec<u32>), Deb822Error> {
        let identities = self
            .records
            .iter()
            .map(|record| identity_at(&self.bytes, record.place as usize))
            .collect::<Result<Vec<_>, _>>()
            .map_err(own_fault)?;
        let identity = |number: u32| identities[number as usize];
        let mut order: Vec<u32> = (0..self.records.len() as u32).collect();
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

    /// One archive may lie in two places; but two stanzas for one identity that say anything else of it contradict
    /// each other, and nobody could tell which of them was meant.
    fn check_twins(&self, first: u32, second: u32) -> Result<(), Deb822Error> {
        let read = |number: u32| {
            let place = self.records[number as usize].place as usize;
            fields_at(&self.bytes, place).map_err(own_fault)
        };
        let ((first, first_digest), (again, digest)) = (read(first)?, read(second)?);
        let same = |id: FieldId| id == FieldId::Filename || first.get(id) == again.get(id);
        if first_digest == digest && FieldId::ALL.into_iter().all(same) {
            return Ok(());
        }
        let (package, version, architecture) = again.identity()?;
        let draft = self.records[second as usize];
        Err(Deb822Error::new(Deb822ErrorKind::Conflict {
            package: package.to_owned(),
            version: version.to_owned(),
            architecture: architecture.to_owned(),
        })
        .in_package(package)
        .at(u64::from(draft.line), draft.offset))
    }

    /// Begins a table at a multiple of four bytes.
    fn start_table(&mut self) -> Result<u32, Deb822Error> {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self.place()
    }
}

/// What was just written cannot be read: never seen, and not worth a panic.
fn own_fault(error: CompactError) -> Deb822Error {
    Deb822Error::new(std::io::Error::other(error))
}
