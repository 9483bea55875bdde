//! One package of an index: lines of a letter, a colon and a value (apk-index(5)).

use mikron_package::{Checksum, PackageRecord, Version, VersionOrder as _};

use crate::archive::info;
use crate::{
    ApkVersionOrder, Dependency, IndexError, IndexErrorKind, parse_checksum, parse_dependencies,
};

/// The fields of a stanza so far.
#[derive(Default)]
pub(super) struct Stanza {
    /// A bit for each letter that was seen.
    seen: u64,
    /// What is wrong with it, before all its lines are read.
    fault: Option<IndexError>,
    name: Option<String>,
    version: Option<String>,
    arch: Option<String>,
    origin: Option<String>,
    checksum: Option<[u8; 20]>,
    size: u64,
    installed_size: u64,
    built: u64,
    provider_priority: u64,
    replaces_priority: u64,
    depends: Vec<Dependency>,
    provides: Vec<Dependency>,
    install_if: Vec<Dependency>,
    replaces: Vec<Dependency>,
}

fn excerpt(bytes: &[u8]) -> String {
    let head = &bytes[..bytes.len().min(400)];
    String::from_utf8_lossy(head).chars().take(100).collect()
}

fn text(value: &[u8]) -> Result<&str, IndexError> {
    std::str::from_utf8(value).map_err(|_| IndexError::new(IndexErrorKind::NotUtf8))
}

fn number(value: &[u8]) -> Result<u64, IndexError> {
    text(value)?
        .parse()
        .map_err(|_| IndexError::new(IndexErrorKind::NotANumber(excerpt(value))))
}

fn dependencies(value: &[u8]) -> Result<Vec<Dependency>, IndexError> {
    parse_dependencies(text(value)?)
        .collect::<Result<_, _>>()
        .map_err(IndexError::new)
}

impl Stanza {
    /// Whether nothing was added yet.
    pub(super) fn is_empty(&self) -> bool {
        self.seen == 0
    }

    /// Adds one line, of which `place` says where it is. What is wrong with its value shows in the end.
    pub(super) fn add(&mut self, line: &[u8], place: (u64, u64)) -> Result<(), IndexError> {
        let (&field, value) = match line {
            [field, b':', value @ ..] if field.is_ascii_alphabetic() => (field, value),
            _ => return Err(IndexError::new(IndexErrorKind::NotAField(excerpt(line)))),
        };
        if let Err(error) = self.field(field, value) {
            let error = error.in_field(field).at(place.0, place.1);
            self.fault.get_or_insert(error);
        }
        Ok(())
    }

    /// What a message says of it where it is left out; the reason comes with the fault.
    pub(super) fn identity(&self) -> [String; 3] {
        [&self.name, &self.version, &self.arch].map(|text| text.clone().unwrap_or_default())
    }

    fn field(&mut self, field: u8, value: &[u8]) -> Result<(), IndexError> {
        // Capital and small letters lie within 64 places of each other.
        let bit = 1_u64 << (field - b'A');
        if self.seen & bit != 0 {
            return Err(IndexError::new(IndexErrorKind::Duplicate));
        }
        self.seen |= bit;
        match field {
            b'P' => self.name = Some(text(value)?.to_owned()),
            b'V' => self.version = Some(text(value)?.to_owned()),
            b'A' => self.arch = Some(text(value)?.to_owned()),
            b'o' => self.origin = Some(text(value)?.to_owned()),
            b'C' => self.checksum = Some(parse_checksum(text(value)?).map_err(IndexError::new)?),
            b'S' => self.size = number(value)?,
            b'I' => self.installed_size = number(value)?,
            b't' => self.built = number(value)?,
            b'k' => self.provider_priority = number(value)?,
            b'q' => self.replaces_priority = number(value)?,
            b'D' => self.depends = dependencies(value)?,
            b'p' => self.provides = dependencies(value)?,
            b'i' => self.install_if = dependencies(value)?,
            b'r' => self.replaces = dependencies(value)?,
            // Description, home page and licence, which no build asks for, and the files of an installed package.
            b'T' | b'U' | b'L' | b'F' | b'M' | b'R' | b'Z' => {}
            // apk: what it does not know it may pass over where the letter is small.
            other if other.is_ascii_uppercase() => {
                return Err(IndexError::new(IndexErrorKind::NewerApk));
            }
            _ => {}
        }
        Ok(())
    }

    /// The record and the time at which the package was built. `arch` is the architecture where the stanza gives none.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub(super) fn finish(self, arch: &str) -> Result<(PackageRecord, i64), IndexError> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let needed = |field, value: Option<String>| {
            value
                .filter(|value| !value.is_empty())
                .ok_or_else(|| IndexError::new(IndexErrorKind::Missing).in_field(field))
        };
        let name = needed(b'P', self.name)?;
        let version = needed(b'V', self.version)?;
        let arch = self.arch.unwrap_or_else(|| arch.to_owned());
        let checksum = self
            .checksum
            .ok_or_else(|| IndexError::new(IndexErrorKind::Missing).in_field(b'C'))?;
        if self.size == 0 {
            return Err(IndexError::new(IndexErrorKind::Missing).in_field(b'S'));
        }
        let plain = |field, text: &str| {
            info::plain_name(text).map_err(|kind| IndexError::new(kind).in_field(field))
        };
        // None of the three has a slash or a colon, and the first is no dot: the location stays below.
        let name = plain(b'P', &name)?;
        ApkVersionOrder
            .validate(&version)
            .map_err(|error| IndexError::new(error).in_field(b'V'))?;
        if arch.starts_with('.') {
            return Err(IndexError::new(IndexErrorKind::Architecture(arch)).in_field(b'A'));
        }
        let arch = plain(b'A', &arch)?;
        let location = format!("{arch}/{name}-{version}.apk");
        let mut record = PackageRecord::new(name, Version::new(&version), arch.as_str());
        if let Some(origin) = self.origin.filter(|origin| !origin.is_empty()) {
            record.source = plain(b'o', &origin)?;
        }
        record.location = location;
        record.size = self.size;
        record.installed_size = self.installed_size;
        record.checksum = Some(Checksum::ApkControl(checksum));
        record.provider_priority = info::priority(self.provider_priority);
        record.replaces_priority = u32::try_from(self.replaces_priority).unwrap_or(u32::MAX);
        for dependency in self.depends {
            info::add_depends(&mut record, dependency);
        }
        for dependency in self.install_if {
            info::add_install_if(&mut record, dependency)
                .map_err(|error| IndexError::new(error).in_field(b'i'))?;
        }
        for (field, from, into) in [
            (b'p', self.provides, &mut record.provides),
            (b'r', self.replaces, &mut record.replaces),
        ] {
            for dependency in from {
                info::add_relations(into, dependency)
                    .map_err(|error| IndexError::new(error).in_field(field))?;
            }
        }
        Ok((record, i64::try_from(self.built).unwrap_or(i64::MAX)))
    }
}
