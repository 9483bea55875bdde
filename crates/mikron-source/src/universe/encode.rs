//! What a record says beside its fields, in bytes: for the families whose index is no list of fields.
//!
//! ```text
//! record       u32 flags (see [`Flags`]), then what they announce: source, its version, section, provider priority,
//!              checksum; priority of replaces, size, installed size; the lists that are not empty, as number and items
//! text         a word: the number of a symbol
//! relation     a word: the number of the name's symbol, above it the operator and whether an architecture follows; the
//!              architecture; where there is an operator a word for the version, all bits set for the record's own
//! requirement  a relation, or a word with all upper bits set and the kind below, and what is in it
//! ```
//!
//! Numbers that are no words are in LEB128. A word is four bytes wide, so that the final number of a symbol has room where the
//! first one stood.

use mikron_package::{
    ArchQualifier, Checksum, LimitExceeded, MultiArch, Operator, PackageRecord, Priority, Relation,
    Requirement,
};

use super::bytes::push_number;
use super::intern::Interner;
pub(super) use super::intern::SYMBOL_BITS;
use super::symbols::Mention;

/// The bits of a word that number a symbol. As a version, all of them: that of the record itself.
pub(super) const SYMBOL: u32 = (1 << SYMBOL_BITS) - 1;

/// Above the number of a symbol: an architecture follows.
pub(super) const QUALIFIED: u32 = 8;

/// Above a number: not a symbol's, but the kind of a requirement.
pub(super) const COMPOUND: u32 = 15;

/// How deep requirements may stand in each other. Those of rpm are bounded before.
pub(super) const MAX_DEPTH: usize = 64;

/// Operators by their number, 0 being none.
pub(super) const OPERATORS: [Operator; 6] = [
    Operator::Less,
    Operator::LessEqual,
    Operator::Equal,
    Operator::GreaterEqual,
    Operator::Greater,
    Operator::Begins,
];

/// [`MultiArch`] by number.
pub(super) const MULTI_ARCH: [MultiArch; 4] = [
    MultiArch::No,
    MultiArch::Same,
    MultiArch::Foreign,
    MultiArch::Allowed,
];

/// [`Priority`] by number.
pub(super) const PRIORITIES: [Priority; 5] = [
    Priority::Required,
    Priority::Important,
    Priority::Standard,
    Priority::Optional,
    Priority::Extra,
];

/// Bits of the flags: what follows, and where small numbers stand. The lists have one bit each from [`Flags::LISTS`] on.
pub(super) struct Flags;

impl Flags {
    pub(super) const SOURCE: u32 = 1;
    pub(super) const SOURCE_VERSION: u32 = 1 << 1;
    pub(super) const SECTION: u32 = 1 << 2;
    pub(super) const PROVIDER_PRIORITY: u32 = 1 << 3;
    pub(super) const CHECKSUM: u32 = 1 << 4;
    pub(super) const ESSENTIAL: u32 = 1 << 5;
    pub(super) const MULTI_ARCH: u32 = 6;
    pub(super) const PRIORITY: u32 = 8;
    pub(super) const LISTS: u32 = 11;
}

/// What was encoded.
#[derive(Default)]
pub(super) struct Encoded {
    pub(super) bytes: Vec<u8>,
    /// Where the words are that hold the number of a symbol.
    pub(super) words: Vec<u32>,
}

/// Why a record cannot be encoded.
pub(super) enum EncodeError {
    Limit(LimitExceeded),
    /// Requirements stand too deep in each other.
    Depth,
}

impl From<LimitExceeded> for EncodeError {
    fn from(error: LimitExceeded) -> Self {
        Self::Limit(error)
    }
}

/// Encodes one record.
pub(super) struct Encoder<'a> {
    pub(super) interner: &'a mut Interner,
    pub(super) to: &'a mut Encoded,
    pub(super) record: &'a PackageRecord,
    /// The number of the record, for what it mentions.
    pub(super) number: u32,
}

impl Encoder<'_> {
    /// Encodes everything but name, version, architecture, location and digest, which are fields.
    pub(super) fn encode(mut self) -> Result<(), EncodeError> {
        let PackageRecord {
            name,
            version: _,
            arch: _,
            source,
            source_version,
            multi_arch,
            essential,
            priority,
            section,
            pre_depends,
            depends,
            recommends,
            supplements,
            suggests,
            enhances,
            install_if,
            install_if_not,
            conflicts,
            rich_conflicts,
            obsoletes,
            breaks,
            replaces,
            provides,
            provider_priority,
            replaces_priority,
            location: _,
            size,
            digest: _,
            checksum,
            installed_size,
        } = self.record;
        let requirements = [
            pre_depends,
            depends,
            recommends,
            supplements,
            suggests,
            enhances,
            rich_conflicts,
        ];
        let relations = [
            conflicts,
            breaks,
            replaces,
            obsoletes,
            install_if,
            provides,
            install_if_not,
        ];
        let filled = requirements.map(|list| !list.is_empty());
        let also = relations.map(|list| !list.is_empty());
        let mut flags = [
            (source != name, Flags::SOURCE),
            (source_version.is_some(), Flags::SOURCE_VERSION),
            (section.is_some(), Flags::SECTION),
            (provider_priority.is_some(), Flags::PROVIDER_PRIORITY),
            (checksum.is_some(), Flags::CHECKSUM),
            (*essential, Flags::ESSENTIAL),
        ]
        .into_iter()
        .fold(0, |all, (is, flag)| if is { all | flag } else { all });
        flags |= position(&MULTI_ARCH, multi_arch) << Flags::MULTI_ARCH;
        flags |= position(&PRIORITIES, priority) << Flags::PRIORITY;
        for (list, filled) in (Flags::LISTS..).zip(filled.into_iter().chain(also)) {
            flags |= u32::from(filled) << list;
        }
        self.to.bytes.extend_from_slice(&flags.to_le_bytes());
        if source != name {
            self.text(source.as_str())?;
        }
        if let Some(version) = source_version {
            self.text(version.as_str())?;
        }
        if let Some(section) = section {
            self.text(section)?;
        }
        if let Some(priority) = provider_priority {
            push_number(&mut self.to.bytes, u64::from(*priority));
        }
        match checksum {
            Some(Checksum::ApkControl(bytes)) => self.checksum(bytes),
            Some(Checksum::Sha512(bytes)) => self.checksum(bytes),
            None => {}
        }
        for number in [u64::from(*replaces_priority), *size, *installed_size] {
            push_number(&mut self.to.bytes, number);
        }
        for list in requirements.into_iter().filter(|list| !list.is_empty()) {
            self.requirements(list, 0)?;
        }
        let mentions = [
            None,
            None,
            None,
            Some(Mention::Obsoletes),
            Some(Mention::Triggers),
            Some(Mention::Provides),
            None,
        ];
        for (list, mention) in relations.into_iter().zip(mentions) {
            if !list.is_empty() {
                self.relations(list, mention)?;
            }
        }
        Ok(())
    }

    fn checksum(&mut self, bytes: &[u8]) {
        push_number(&mut self.to.bytes, bytes.len() as u64);
        self.to.bytes.extend_from_slice(bytes);
    }

    fn word(&mut self, upper: u32, lower: u32) {
        let word = upper << SYMBOL_BITS | lower;
        self.to.bytes.extend_from_slice(&word.to_le_bytes());
    }

    /// The word of a symbol, and its number.
    fn symbol(&mut self, upper: u32, text: &str) -> Result<u32, LimitExceeded> {
        let number = self.interner.number(text)?;
        self.to.words.push(self.to.bytes.len() as u32);
        self.word(upper, number);
        Ok(number)
    }

    fn text(&mut self, text: &str) -> Result<(), LimitExceeded> {
        self.symbol(0, text).map(drop)
    }

    /// A relation; the number of its name's symbol.
    fn relation(&mut self, relation: &Relation) -> Result<u32, LimitExceeded> {
        let Relation {
            name,
            arch,
            constraint,
        } = relation;
        let operator = constraint.as_ref();
        let operator = operator.map_or(0, |c| 1 + position(&OPERATORS, &c.operator));
        let qualified = if arch.is_some() { QUALIFIED } else { 0 };
        let number = self.symbol(operator | qualified, name.as_str())?;
        match arch {
            None => {}
            Some(ArchQualifier::Any) => self.to.bytes.push(0),
            Some(ArchQualifier::Native) => self.to.bytes.push(1),
            Some(ArchQualifier::Named(name)) => {
                self.to.bytes.push(2);
                self.text(name)?;
            }
        }
        match constraint {
            None => {}
            Some(constraint) if constraint.version == self.record.version => self.word(0, SYMBOL),
            Some(constraint) => self.text(constraint.version.as_str())?,
        }
        Ok(number)
    }

    fn relations(
        &mut self,
        relations: &[Relation],
        mention: Option<Mention>,
    ) -> Result<(), LimitExceeded> {
        push_number(&mut self.to.bytes, relations.len() as u64);
        for relation in relations {
            let symbol = self.relation(relation)?;
            match mention {
                None => {}
                // A package's own name is found by itself.
                Some(Mention::Provides) if relation.name == self.record.name => {}
                Some(mention) => self.interner.mention(mention, symbol, self.number),
            }
        }
        Ok(())
    }

    fn requirements(&mut self, items: &[Requirement], depth: usize) -> Result<(), EncodeError> {
        push_number(&mut self.to.bytes, items.len() as u64);
        items
            .iter()
            .try_for_each(|item| self.requirement(item, depth))
    }

    fn requirement(&mut self, item: &Requirement, depth: usize) -> Result<(), EncodeError> {
        if depth == MAX_DEPTH {
            return Err(EncodeError::Depth);
        }
        let depth = depth + 1;
        let (kind, parts) = match item {
            Requirement::One(relation) => return Ok(self.relation(relation).map(drop)?),
            Requirement::Any(items) | Requirement::All(items) => {
                self.word(COMPOUND, u32::from(matches!(item, Requirement::All(_))));
                return self.requirements(items, depth);
            }
            Requirement::If {
                then,
                condition,
                otherwise,
            } => (2, [Some(then), Some(condition), otherwise.as_ref()]),
            Requirement::Unless {
                then,
                condition,
                otherwise,
            } => (4, [Some(then), Some(condition), otherwise.as_ref()]),
            Requirement::With(a, b) => (6, [Some(a), Some(b), None]),
            Requirement::Without(a, b) => (7, [Some(a), Some(b), None]),
        };
        self.word(COMPOUND, kind + u32::from(parts[2].is_some()));
        let mut parts = parts.into_iter().flatten();
        parts.try_for_each(|part| self.requirement(part, depth))
    }
}

/// The number of a value in a list that has all of them.
fn position<T: PartialEq>(all: &[T], value: &T) -> u32 {
    let found = all.iter().position(|other| other == value);
    found.unwrap_or_default() as u32
}
