//! The fields of a binary package's stanza that Mikron needs, as borrowed text, and what they mean.
//!
//! `control`, `Packages` and the compact index all hold such fields; this is the one place that turns them into a
//! [`PackageRecord`].

use std::borrow::Cow;

use mikron_package::{
    Digest, Limits, MultiArch, NameError, PackageName, PackageRecord, Priority, Relation,
    Requirement, Version, VersionOrder, normal_location,
};

use crate::deb822::Stanza;
use crate::error::{Deb822Error, Deb822ErrorKind, excerpt};
use crate::relation::{
    RelationKind, check_relations, is_name, parse_provides, parse_relations, parse_requirements,
};
use crate::version::DebVersionOrder;

/// A field that Mikron needs (deb-control(5); for the last four Debian's repository format).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[allow(missing_docs)] // the names are the fields' own
pub enum FieldId {
    Package,
    Version,
    Architecture,
    Source,
    MultiArch,
    Essential,
    Priority,
    Section,
    PreDepends,
    Depends,
    Recommends,
    Conflicts,
    Breaks,
    Replaces,
    Provides,
    InstalledSize,
    Filename,
    Size,
    Sha256,
}

impl FieldId {
    /// All of them, in the order in which a [`RawFields`] holds them.
    pub const ALL: [Self; 19] = [
        Self::Package,
        Self::Version,
        Self::Architecture,
        Self::Source,
        Self::MultiArch,
        Self::Essential,
        Self::Priority,
        Self::Section,
        Self::PreDepends,
        Self::Depends,
        Self::Recommends,
        Self::Conflicts,
        Self::Breaks,
        Self::Replaces,
        Self::Provides,
        Self::InstalledSize,
        Self::Filename,
        Self::Size,
        Self::Sha256,
    ];

    /// The field's name as Debian writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Package => "Package",
            Self::Version => "Version",
            Self::Architecture => "Architecture",
            Self::Source => "Source",
            Self::MultiArch => "Multi-Arch",
            Self::Essential => "Essential",
            Self::Priority => "Priority",
            Self::Section => "Section",
            Self::PreDepends => "Pre-Depends",
            Self::Depends => "Depends",
            Self::Recommends => "Recommends",
            Self::Conflicts => "Conflicts",
            Self::Breaks => "Breaks",
            Self::Replaces => "Replaces",
            Self::Provides => "Provides",
            Self::InstalledSize => "Installed-Size",
            Self::Filename => "Filename",
            Self::Size => "Size",
            Self::Sha256 => "SHA256",
        }
    }

    /// The field of this name, in any case.
    pub fn of(name: &str) -> Option<Self> {
        // By length first: this runs for every line of every index.
        let candidates: &[Self] = match name.len() {
            4 => &[Self::Size],
            6 => &[Self::Sha256, Self::Breaks, Self::Source],
            7 => &[Self::Version, Self::Depends, Self::Package, Self::Section],
            8 => &[
                Self::Filename,
                Self::Priority,
                Self::Provides,
                Self::Replaces,
            ],
            9 => &[Self::Essential, Self::Conflicts],
            10 => &[Self::MultiArch, Self::Recommends],
            11 => &[Self::PreDepends],
            12 => &[Self::Architecture],
            14 => &[Self::InstalledSize],
            _ => &[],
        };
        candidates
            .iter()
            .copied()
            .find(|id| id.name().eq_ignore_ascii_case(name))
    }

    /// What the field may hold, where it holds relations.
    pub(crate) fn relations(self) -> Option<RelationKind> {
        match self {
            Self::PreDepends | Self::Depends | Self::Recommends => Some(RelationKind::Alternatives),
            Self::Conflicts | Self::Breaks | Self::Replaces | Self::Provides => {
                Some(RelationKind::Plain)
            }
            _ => None,
        }
    }
}

/// The needed fields of one binary package, as borrowed text.
///
/// ```
/// use mikron_deb::{FieldId, RawFields, StanzaReader};
/// use mikron_package::Limits;
/// let text = b"Package: a\nVersion: 1\nArchitecture: all\nDescription: not needed\n";
/// let limits = Limits::default();
/// let mut reader = StanzaReader::new(&text[..], &limits);
/// let raw = RawFields::of(&reader.next_stanza()?.unwrap())?;
/// assert_eq!(raw.get(FieldId::Version), Some(&b"1"[..]));
/// assert_eq!(raw.to_record(&limits)?.name.as_str(), "a");
/// # Ok::<(), mikron_deb::Deb822Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RawFields<'a> {
    values: [Option<&'a [u8]>; FieldId::ALL.len()],
    places: [(u64, u64); FieldId::ALL.len()],
    start: (u64, u64),
}

impl<'a> RawFields<'a> {
    /// Collects the needed fields of a stanza.
    ///
    /// # Errors
    /// When a line is malformed, or a needed field stands twice.
    pub fn of(stanza: &Stanza<'a>) -> Result<Self, Deb822Error> {
        let mut raw = Self {
            start: (stanza.line(), stanza.offset()),
            ..Self::default()
        };
        for field in stanza.fields() {
            let field = field.map_err(|error| raw.named(error))?;
            let Some(id) = FieldId::of(field.name) else {
                continue;
            };
            if raw.values[id as usize].is_some() {
                return Err(raw.named(field.fault(Deb822ErrorKind::Duplicate)));
            }
            raw.values[id as usize] = Some(field.value);
            raw.places[id as usize] = (field.value_line, field.value_offset);
        }
        Ok(raw)
    }

    /// The value of a field, where it is there.
    pub fn get(&self, id: FieldId) -> Option<&'a [u8]> {
        self.values[id as usize]
    }

    /// Sets the value of a field.
    pub fn set(&mut self, id: FieldId, value: &'a [u8]) {
        self.values[id as usize] = Some(value);
    }

    /// Line and offset of the stanza in the stream; zeroes for fields that come from elsewhere.
    pub fn start(&self) -> (u64, u64) {
        self.start
    }

    /// An error of a field, with its place and package.
    pub fn fault(&self, id: FieldId, kind: impl Into<Deb822ErrorKind>) -> Deb822Error {
        let (line, offset) = match self.places[id as usize] {
            (0, _) => self.start,
            place => place,
        };
        self.named(Deb822Error::new(kind).at(line, offset).in_field(id.name()))
    }

    fn named(&self, error: Deb822Error) -> Deb822Error {
        match self.get(FieldId::Package) {
            Some(name) => error.in_package(excerpt(name)),
            None => error,
        }
    }

    /// The value of a field that must be there, and not be empty.
    ///
    /// # Errors
    /// When it is not.
    pub fn required(&self, id: FieldId) -> Result<&'a [u8], Deb822Error> {
        match self.get(id) {
            None => Err(self.fault(id, Deb822ErrorKind::Missing)),
            Some(b"") => Err(self.fault(id, Deb822ErrorKind::Empty)),
            Some(value) => Ok(value),
        }
    }

    /// Name, version and architecture, checked.
    ///
    /// # Errors
    /// When one of them is missing or malformed.
    pub fn identity(&self) -> Result<(&'a str, &'a str, &'a str), Deb822Error> {
        Ok((self.name()?, self.version()?, self.architecture()?))
    }

    /// The package's name, by dpkg's rule.
    ///
    /// # Errors
    /// When it is missing or malformed.
    pub fn name(&self) -> Result<&'a str, Deb822Error> {
        let name = self.required(FieldId::Package)?;
        str::from_utf8(name)
            .ok()
            .filter(|name| is_name(name))
            .ok_or_else(|| {
                let name = excerpt(name);
                self.fault(FieldId::Package, NameError { name })
            })
    }

    fn version(&self) -> Result<&'a str, Deb822Error> {
        let version = str::from_utf8(self.required(FieldId::Version)?)
            .map_err(|_| self.fault(FieldId::Version, Deb822ErrorKind::NotUtf8))?;
        match DebVersionOrder.validate(version) {
            Ok(()) => Ok(version),
            Err(error) => Err(self.fault(FieldId::Version, error)),
        }
    }

    fn architecture(&self) -> Result<&'a str, Deb822Error> {
        let arch = self.required(FieldId::Architecture)?;
        let allowed = |b: &u8| b.is_ascii_alphanumeric() || *b == b'-';
        str::from_utf8(arch)
            .ok()
            .filter(|_| arch[0] != b'-' && arch.iter().all(allowed))
            .ok_or_else(|| {
                let kind = Deb822ErrorKind::value(arch, "the name of an architecture");
                self.fault(FieldId::Architecture, kind)
            })
    }

    /// Checks everything that [`RawFields::to_record`] needs, without keeping anything.
    ///
    /// # Errors
    /// When a field is missing or malformed, or exceeds a limit.
    pub fn check(&self, limits: &Limits) -> Result<(), Deb822Error> {
        self.identity()?;
        self.multi_arch()?;
        self.yes(FieldId::Essential)?;
        for id in FieldId::ALL {
            if let (Some(kind), Some(value)) = (id.relations(), self.get(id)) {
                check_relations(value, kind, limits).map_err(|error| self.inside(id, error))?;
            }
        }
        Ok(())
    }

    /// The record; location, size and digest are those of the fields, where they are there.
    ///
    /// # Errors
    /// When a field is missing or malformed, or exceeds a limit.
    pub fn to_record(&self, limits: &Limits) -> Result<PackageRecord, Deb822Error> {
        let (name, version, arch) = self.identity()?;
        let name = PackageName::new(name).map_err(|error| self.fault(FieldId::Package, error))?;
        let mut record = PackageRecord::new(name, Version::new(version), arch);
        if let Some((source, version)) = self.source() {
            record.source =
                PackageName::new(source).map_err(|error| self.fault(FieldId::Source, error))?;
            record.source_version = version.map(Version::new);
        }
        record.multi_arch = self.multi_arch()?;
        record.essential = self.yes(FieldId::Essential)?;
        record.priority = self.priority();
        record.section = self.section();
        record.pre_depends = self.requirements(FieldId::PreDepends, limits)?;
        record.depends = self.requirements(FieldId::Depends, limits)?;
        record.recommends = self.requirements(FieldId::Recommends, limits)?;
        record.conflicts = self.relations(FieldId::Conflicts, limits)?;
        record.breaks = self.relations(FieldId::Breaks, limits)?;
        record.replaces = self.relations(FieldId::Replaces, limits)?;
        record.provides = self.relations(FieldId::Provides, limits)?;
        record.installed_size = self.installed_size();
        if self.get(FieldId::Filename).is_some() {
            record.location = self.location()?.into_owned();
        }
        if self.get(FieldId::Size).is_some() {
            record.size = self.size()?;
        }
        if self.get(FieldId::Sha256).is_some() {
            record.digest = Some(self.digest()?);
        }
        Ok(record)
    }

    /// `Source: name` or `Source: name (version)`. What is neither counts as absent: it decides nothing here, and dpkg
    /// and apt take it as it is.
    fn source(&self) -> Option<(&'a str, Option<&'a str>)> {
        let text = str::from_utf8(self.get(FieldId::Source)?).ok()?;
        let (name, version) = match text.split_once('(') {
            None => (text, None),
            Some((name, version)) => (
                name.trim_ascii(),
                Some(version.strip_suffix(')')?.trim_ascii()),
            ),
        };
        let version_fits = version.is_none_or(|v| DebVersionOrder.validate(v).is_ok());
        (is_name(name) && version_fits).then_some((name, version))
    }

    fn multi_arch(&self) -> Result<MultiArch, Deb822Error> {
        Ok(match self.get(FieldId::MultiArch) {
            None | Some(b"") => MultiArch::No,
            Some(value) if value.eq_ignore_ascii_case(b"no") => MultiArch::No,
            Some(value) if value.eq_ignore_ascii_case(b"same") => MultiArch::Same,
            Some(value) if value.eq_ignore_ascii_case(b"foreign") => MultiArch::Foreign,
            Some(value) if value.eq_ignore_ascii_case(b"allowed") => MultiArch::Allowed,
            Some(value) => {
                let kind = Deb822ErrorKind::value(value, "no, same, foreign or allowed");
                return Err(self.fault(FieldId::MultiArch, kind));
            }
        })
    }

    fn yes(&self, id: FieldId) -> Result<bool, Deb822Error> {
        match self.get(id) {
            None | Some(b"") => Ok(false),
            Some(value) if value.eq_ignore_ascii_case(b"no") => Ok(false),
            Some(value) if value.eq_ignore_ascii_case(b"yes") => Ok(true),
            Some(value) => Err(self.fault(id, Deb822ErrorKind::value(value, "yes or no"))),
        }
    }

    /// Unknown words are taken as `optional`, as dpkg takes them: they decide nothing.
    fn priority(&self) -> Priority {
        let value = self.get(FieldId::Priority).unwrap_or_default();
        let known = [
            (&b"required"[..], Priority::Required),
            (b"important", Priority::Important),
            (b"standard", Priority::Standard),
            (b"extra", Priority::Extra),
        ];
        known
            .into_iter()
            .find(|(name, _)| value.eq_ignore_ascii_case(name))
            .map_or(Priority::Optional, |(_, priority)| priority)
    }

    fn section(&self) -> Option<String> {
        self.get(FieldId::Section)
            .filter(|value| !value.is_empty())
            .map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// Kibibytes in the field, bytes here. An estimate: one that is no number is none, as for dpkg.
    fn installed_size(&self) -> u64 {
        self.number(FieldId::InstalledSize)
            .unwrap_or(0)
            .saturating_mul(1024)
    }

    fn number(&self, id: FieldId) -> Result<u64, Deb822Error> {
        let value = self.required(id)?;
        str::from_utf8(value)
            .ok()
            .filter(|text| text.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| self.fault(id, Deb822ErrorKind::value(value, "a number")))
    }

    /// The size of the archive in bytes.
    ///
    /// # Errors
    /// When it is missing or no number.
    pub fn size(&self) -> Result<u64, Deb822Error> {
        self.number(FieldId::Size)
    }

    /// The digest of the archive.
    ///
    /// # Errors
    /// When it is missing or malformed.
    pub fn digest(&self) -> Result<Digest, Deb822Error> {
        let value = self.required(FieldId::Sha256)?;
        let text = str::from_utf8(value)
            .map_err(|_| self.fault(FieldId::Sha256, Deb822ErrorKind::NotUtf8))?;
        Digest::from_hex(text).map_err(|error| self.fault(FieldId::Sha256, error))
    }

    /// The location of the archive below the repository's base, in its [normal form](normal_location): a relative path that
    /// stays below it.
    ///
    /// # Errors
    /// When it is missing or could lead elsewhere.
    pub fn location(&self) -> Result<Cow<'a, str>, Deb822Error> {
        let value = self.required(FieldId::Filename)?;
        let wrong = |reason| {
            let location = excerpt(value);
            self.fault(
                FieldId::Filename,
                Deb822ErrorKind::Location { location, reason },
            )
        };
        let text = str::from_utf8(value).map_err(|_| wrong("is not UTF-8"))?;
        normal_location(text).map_err(wrong)
    }

    fn requirements(&self, id: FieldId, limits: &Limits) -> Result<Vec<Requirement>, Deb822Error> {
        parse_requirements(self.get(id).unwrap_or_default(), limits)
            .map_err(|error| self.inside(id, error))
    }

    fn relations(&self, id: FieldId, limits: &Limits) -> Result<Vec<Relation>, Deb822Error> {
        let value = self.get(id).unwrap_or_default();
        let read = match id {
            FieldId::Provides => parse_provides(value, limits),
            _ => parse_relations(value, limits),
        };
        read.map_err(|error| self.inside(id, error))
    }

    /// An error at an offset inside a value becomes one in the stream.
    fn inside(&self, id: FieldId, error: Deb822Error) -> Deb822Error {
        let inner = error.place.offset;
        let mut outer = self.fault(id, error.kind);
        let value = self.get(id).unwrap_or_default();
        let before = &value[..value.len().min(inner as usize)];
        outer.place.line += memchr::memchr_iter(b'\n', before).count() as u64;
        outer.place.offset += inner;
        outer
    }
}
