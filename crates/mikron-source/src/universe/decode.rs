//! Reads back what the encoder wrote.

use mikron_package::{
    ArchQualifier, Checksum, Constraint, Operator, PackageName, PackageRecord, Relation,
    Requirement, Version,
};

use super::bytes::{CompactError, Reader};
use super::encode::{
    COMPOUND, Flags, MAX_DEPTH, MULTI_ARCH, OPERATORS, PRIORITIES, QUALIFIED, SYMBOL, SYMBOL_BITS,
};
use super::symbols::Symbols;

/// Decodes one record.
pub(super) struct Decoder<'a> {
    /// The index as it lies in memory, and its symbols.
    pub(super) bytes: &'a [u8],
    pub(super) symbols: &'a Symbols,
    pub(super) reader: Reader<'a>,
    pub(super) version: Version,
}

impl Decoder<'_> {
    /// Reads what is encoded into a record that has name and version.
    pub(super) fn decode(mut self, record: &mut PackageRecord) -> Result<(), CompactError> {
        let flags = self.reader.word()?;
        let has = |flag: u32| flags & flag != 0;
        let part = |shift: u32, mask: u32| (flags >> shift & mask) as usize;
        record.essential = has(Flags::ESSENTIAL);
        let corrupt = self.reader.corrupt();
        record.multi_arch = MULTI_ARCH[part(Flags::MULTI_ARCH, 3)];
        let priority = PRIORITIES.get(part(Flags::PRIORITY, 7));
        record.priority = *priority.ok_or(corrupt)?;
        if has(Flags::SOURCE) {
            record.source = self.name()?;
        }
        if has(Flags::SOURCE_VERSION) {
            record.source_version = Some(Version::new(&self.text()?));
        }
        if has(Flags::SECTION) {
            record.section = Some(self.text()?);
        }
        if has(Flags::PROVIDER_PRIORITY) {
            record.provider_priority = Some(self.reader.count()?);
        }
        if has(Flags::CHECKSUM) {
            record.checksum = Some(self.checksum()?);
        }
        record.replaces_priority = self.reader.count()?;
        record.size = self.reader.number()?;
        record.installed_size = self.reader.number()?;
        let lists = [
            &mut record.pre_depends,
            &mut record.depends,
            &mut record.recommends,
            &mut record.supplements,
            &mut record.suggests,
            &mut record.enhances,
            &mut record.rich_conflicts,
        ];
        let mut bit = 1 << Flags::LISTS;
        for list in lists {
            if has(bit) {
                *list = self.list(|decoder| decoder.requirement(0))?;
            }
            bit <<= 1;
        }
        let lists = [
            &mut record.conflicts,
            &mut record.breaks,
            &mut record.replaces,
            &mut record.obsoletes,
            &mut record.install_if,
            &mut record.provides,
            &mut record.install_if_not,
        ];
        for list in lists {
            if has(bit) {
                *list = self.list(|decoder| {
                    let word = decoder.reader.word()?;
                    decoder.relation(word)
                })?;
            }
            bit <<= 1;
        }
        Ok(())
    }

    fn checksum(&mut self) -> Result<Checksum, CompactError> {
        let corrupt = self.reader.corrupt();
        let bytes = self.reader.value()?;
        match (bytes.try_into(), bytes.try_into()) {
            (Ok(bytes), _) => Ok(Checksum::ApkControl(bytes)),
            (_, Ok(bytes)) => Ok(Checksum::Sha512(bytes)),
            _ => Err(corrupt),
        }
    }

    fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, CompactError>,
    ) -> Result<Vec<T>, CompactError> {
        let count = self.reader.count()? as usize;
        // No item is shorter than a word.
        let mut list = Vec::with_capacity(count.min(self.reader.left() / 4));
        for _ in 0..count {
            list.push(item(self)?);
        }
        Ok(list)
    }

    /// The text of the symbol that a word numbers.
    fn symbol(&self, word: u32) -> Result<String, CompactError> {
        let text = self.symbols.text(self.bytes, (word & SYMBOL) as usize)?;
        String::from_utf8(text).map_err(|_| self.reader.corrupt())
    }

    fn text(&mut self) -> Result<String, CompactError> {
        let word = self.reader.word()?;
        self.symbol(word)
    }

    fn name(&mut self) -> Result<PackageName, CompactError> {
        let word = self.reader.word()?;
        self.name_of(word)
    }

    fn name_of(&self, word: u32) -> Result<PackageName, CompactError> {
        PackageName::wanted(&self.symbol(word)?).map_err(|_| self.reader.corrupt())
    }

    fn relation(&mut self, word: u32) -> Result<Relation, CompactError> {
        let upper = word >> SYMBOL_BITS;
        let name = self.name_of(word)?;
        let arch = match upper & QUALIFIED {
            0 => None,
            _ => Some(match self.reader.byte()? {
                0 => ArchQualifier::Any,
                1 => ArchQualifier::Native,
                2 => ArchQualifier::Named(self.text()?),
                _ => return Err(self.reader.corrupt()),
            }),
        };
        let constraint = match (upper & !QUALIFIED).checked_sub(1) {
            None => None,
            Some(operator) => {
                let operator = OPERATORS.get(operator as usize);
                Some(self.constraint(*operator.ok_or(self.reader.corrupt())?)?)
            }
        };
        Ok(Relation {
            name,
            arch,
            constraint,
        })
    }

    fn constraint(&mut self, operator: Operator) -> Result<Constraint, CompactError> {
        let version = match self.reader.word()? {
            SYMBOL => self.version.clone(),
            word => Version::new(&self.symbol(word)?),
        };
        Ok(Constraint { operator, version })
    }

    fn requirement(&mut self, depth: usize) -> Result<Requirement, CompactError> {
        if depth == MAX_DEPTH {
            return Err(self.reader.corrupt());
        }
        let depth = depth + 1;
        let word = self.reader.word()?;
        if word >> SYMBOL_BITS != COMPOUND {
            return self.relation(word).map(Requirement::One);
        }
        let kind = word & SYMBOL;
        if kind < 2 {
            let items = self.list(|decoder| decoder.requirement(depth))?;
            return Ok(if kind == 0 {
                Requirement::Any(items)
            } else {
                Requirement::All(items)
            });
        }
        let mut part = || self.requirement(depth).map(Box::new);
        let (first, second) = (part()?, part()?);
        let third = match kind {
            3 | 5 => Some(part()?),
            _ => None,
        };
        Ok(match kind {
            2 | 3 => Requirement::If {
                then: first,
                condition: second,
                otherwise: third,
            },
            4 | 5 => Requirement::Unless {
                then: first,
                condition: second,
                otherwise: third,
            },
            6 => Requirement::With(first, second),
            7 => Requirement::Without(first, second),
            _ => return Err(self.reader.corrupt()),
        })
    }
}
