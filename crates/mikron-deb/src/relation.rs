//! Relation fields: `Depends: libc6 (>= 2.34), default-mta | mail-transport-agent` (deb-control(5), "Depends").
//!
//! One scanner that allocates nothing reads them all. The index builder walks over a hundred thousand fields with it;
//! only what a solver asks for becomes a [`Requirement`].

use mikron_package::{
    ArchQualifier, Constraint, LimitExceeded, Limits, Operator, PackageName, Relation, Requirement,
    Version, VersionOrder,
};

use crate::error::{Deb822Error, Deb822ErrorKind, excerpt};
use crate::version::DebVersionOrder;

/// One relation of a field, as borrowed text.
///
/// ```
/// use mikron_deb::scan_relations;
/// let found: Vec<_> = scan_relations(b"libc6 (>= 2.34), a | b").collect::<Result<_, _>>()?;
/// assert_eq!(found[0].version.map(|(_, version)| version), Some("2.34"));
/// assert_eq!(found.iter().map(|r| r.alternative).collect::<Vec<_>>(), [false, false, true]);
/// # Ok::<(), mikron_deb::Deb822Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelationRef<'a> {
    /// The package or virtual package.
    pub name: &'a str,
    /// What stands behind the colon of the name.
    pub arch: Option<&'a str>,
    /// Operator and version.
    pub version: Option<(Operator, &'a str)>,
    /// Whether a `|` stands before it: an alternative to the one before.
    pub alternative: bool,
    /// Where it begins in the field's value, in bytes.
    pub offset: usize,
}

impl RelationRef<'_> {
    fn to_relation(self) -> Result<Relation, Deb822ErrorKind> {
        Ok(Relation {
            name: PackageName::new(self.name)?,
            arch: self.arch.map(|arch| match arch {
                "any" => ArchQualifier::Any,
                "native" => ArchQualifier::Native,
                name => ArchQualifier::Named(name.to_owned()),
            }),
            constraint: self.version.map(|(operator, version)| Constraint {
                operator,
                version: Version::new(version),
            }),
        })
    }
}

/// Walks over the relations of a field's value. Line breaks of a folded field are white space.
///
/// Names and versions are checked by dpkg's rules, so that what passes here can be converted later without an error.
pub fn scan_relations(value: &[u8]) -> Relations<'_> {
    let text = match str::from_utf8(value) {
        Ok(text) => text,
        Err(error) => str::from_utf8(&value[..error.valid_up_to()]).unwrap_or_default(),
    };
    Relations {
        value,
        text,
        at: 0,
        expected: Expected::First,
    }
}

/// The iterator of [`scan_relations`]. Ends after the first error.
#[derive(Clone, Debug)]
pub struct Relations<'a> {
    value: &'a [u8],
    /// The value as far as it is UTF-8. What lies behind is never taken: no relation holds anything but ASCII.
    text: &'a str,
    at: usize,
    expected: Expected,
}

/// What stood before the next relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    First,
    AfterComma,
    AfterBar,
    Done,
}

impl<'a> Iterator for Relations<'a> {
    type Item = Result<RelationRef<'a>, Deb822Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.expected == Expected::Done {
            return None;
        }
        self.skip_white();
        if self.at == self.value.len() && self.expected != Expected::AfterBar {
            // A field may be empty; apt lets it end in a comma, too, and dpkg does not: see `parse_control`.
            self.expected = Expected::Done;
            return None;
        }
        let begin = self.at;
        let item = self.relation();
        Some(match item {
            Ok(relation) => Ok(relation),
            Err(kind) => {
                self.expected = Expected::Done;
                let offset = if matches!(kind, Deb822ErrorKind::Version(_)) {
                    begin
                } else {
                    self.at
                };
                Err(Deb822Error {
                    place: Box::new(crate::error::Place {
                        offset: offset as u64,
                        ..Default::default()
                    }),
                    kind,
                })
            }
        })
    }
}

impl<'a> Relations<'a> {
    fn peek(&self) -> Option<u8> {
        self.value.get(self.at).copied()
    }

    fn skip_white(&mut self) {
        while self.peek().is_some_and(|b| b.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Takes bytes while `wanted` holds. They are ASCII by the choice of `wanted`.
    fn take(&mut self, wanted: impl Fn(u8) -> bool) -> &'a str {
        let begin = self.at;
        while self.peek().is_some_and(|b| b.is_ascii() && wanted(b)) {
            self.at += 1;
        }
        self.text.get(begin..self.at).unwrap_or_default()
    }

    fn fault(&self, reason: &'static str) -> Deb822ErrorKind {
        Deb822ErrorKind::Relation {
            text: excerpt(&self.value[self.at..]),
            reason,
        }
    }

    fn relation(&mut self) -> Result<RelationRef<'a>, Deb822ErrorKind> {
        let offset = self.at;
        let alternative = self.expected == Expected::AfterBar;
        let name = self.take(is_name_byte);
        if !is_name(name) {
            self.at = offset;
            return Err(self.fault(match self.peek() {
                Some(b'$') => "a substitution variable was left in place",
                _ => "a package name is expected",
            }));
        }
        let arch = if self.peek() == Some(b':') {
            self.at += 1;
            let arch = self.take(|b| b.is_ascii_alphanumeric() || b == b'-');
            if arch.is_empty() {
                return Err(self.fault("an architecture is expected behind the colon"));
            }
            Some(arch)
        } else {
            None
        };
        self.skip_white();
        let version = if self.peek() == Some(b'(') {
            self.at += 1;
            Some(self.constraint()?)
        } else {
            None
        };
        self.skip_white();
        self.expected = match self.peek() {
            None => Expected::Done,
            Some(b',') => Expected::AfterComma,
            Some(b'|') => Expected::AfterBar,
            Some(b'[') => {
                return Err(
                    self.fault("an architecture restriction is only allowed in source packages")
                );
            }
            Some(b'<') => {
                return Err(self.fault("a build profile is only allowed in source packages"));
            }
            Some(_) => return Err(self.fault("a comma, a bar or the end is expected")),
        };
        if self.expected != Expected::Done {
            self.at += 1;
        }
        Ok(RelationRef {
            name,
            arch,
            version,
            alternative,
            offset,
        })
    }

    fn constraint(&mut self) -> Result<(Operator, &'a str), Deb822ErrorKind> {
        self.skip_white();
        // `<` and `>` alone are obsolete, and mean `<=` and `>=`; no operator means `=`. So dpkg reads them.
        let operator = match self.take(|b| matches!(b, b'<' | b'=' | b'>')) {
            "<<" => Operator::Less,
            "<=" | "<" => Operator::LessEqual,
            "=" | "" => Operator::Equal,
            ">=" | ">" => Operator::GreaterEqual,
            ">>" => Operator::Greater,
            wrong => {
                self.at -= wrong.len();
                return Err(self.fault("the operator is none of <<, <=, =, >=, >>"));
            }
        };
        self.skip_white();
        let version = self.take(|b| {
            !b.is_ascii_whitespace() && !matches!(b, b'(' | b')' | b'<' | b'=' | b'>' | b',' | b'|')
        });
        DebVersionOrder.validate(version)?;
        self.skip_white();
        if self.peek() != Some(b')') {
            return Err(self.fault("a closing parenthesis is expected"));
        }
        self.at += 1;
        Ok((operator, version))
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b'_')
}

/// Whether dpkg accepts it as the name of a package: it begins with a letter or digit, and goes on with these or one
/// of `+-._`. Policy is stricter, the archive and third parties are not always.
pub(crate) fn is_name(name: &str) -> bool {
    name.len() <= 512
        && name
            .bytes()
            .next()
            .is_some_and(|b| b.is_ascii_alphanumeric())
        && name.bytes().all(is_name_byte)
}

/// Counts relations against [`Limits::alternatives`].
fn counted(count: &mut u64, limits: &Limits) -> Result<(), Deb822Error> {
    *count += 1;
    LimitExceeded::check("alternatives", *count, u64::from(limits.alternatives))
        .map_err(Deb822Error::new)
}

/// Reads a field that may hold alternatives: `Depends`, `Pre-Depends`, `Recommends`.
///
/// ```
/// use mikron_deb::parse_requirements;
/// use mikron_package::Limits;
/// let depends = parse_requirements(b"libc6 (>= 2.34), a | b", &Limits::default())?;
/// assert_eq!(depends[1].to_string(), "a | b");
/// # Ok::<(), mikron_deb::Deb822Error>(())
/// ```
///
/// # Errors
/// When the value is malformed, or holds more relations than [`Limits::alternatives`]. The error's offset counts from
/// the start of the value.
pub fn parse_requirements(value: &[u8], limits: &Limits) -> Result<Vec<Requirement>, Deb822Error> {
    let mut requirements: Vec<Requirement> = Vec::new();
    let mut count = 0;
    for found in scan_relations(value) {
        let found = found?;
        counted(&mut count, limits)?;
        let relation = Requirement::One(found.to_relation().map_err(Deb822Error::new)?);
        match requirements.last_mut() {
            Some(Requirement::Any(items)) if found.alternative => items.push(relation),
            Some(last) if found.alternative => {
                let first = std::mem::replace(last, Requirement::Any(Vec::new()));
                *last = Requirement::Any(vec![first, relation]);
            }
            _ => requirements.push(relation),
        }
    }
    Ok(requirements)
}

/// Reads a field without alternatives: `Conflicts`, `Breaks`, `Replaces`, `Provides`.
///
/// # Errors
/// As [`parse_requirements`], and when it holds a `|`.
pub fn parse_relations(value: &[u8], limits: &Limits) -> Result<Vec<Relation>, Deb822Error> {
    let mut relations = Vec::new();
    let mut count = 0;
    for found in scan_relations(value) {
        let found = plain(value, found?)?;
        counted(&mut count, limits)?;
        relations.push(found.to_relation().map_err(Deb822Error::new)?);
    }
    Ok(relations)
}

/// Reads `Provides`: no alternatives, and what has another operator than `=` is left out, since nothing can be satisfied
/// by it (dpkg warns and goes on, apt ignores it).
///
/// # Errors
/// As [`parse_relations`].
pub fn parse_provides(value: &[u8], limits: &Limits) -> Result<Vec<Relation>, Deb822Error> {
    let mut relations = parse_relations(value, limits)?;
    relations.retain(|relation| {
        relation
            .constraint
            .as_ref()
            .is_none_or(|constraint| constraint.operator == Operator::Equal)
    });
    Ok(relations)
}

/// What a relation field may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelationKind {
    /// Alternatives: `Depends`, `Pre-Depends`, `Recommends`.
    Alternatives,
    /// None: `Conflicts`, `Breaks`, `Replaces`, `Provides`.
    Plain,
}

/// Checks a relation field without keeping anything of it.
///
/// # Errors
/// As the function that reads such a field.
pub fn check_relations(
    value: &[u8],
    kind: RelationKind,
    limits: &Limits,
) -> Result<(), Deb822Error> {
    let mut count = 0;
    for found in scan_relations(value) {
        let found = found?;
        counted(&mut count, limits)?;
        if kind != RelationKind::Alternatives {
            plain(value, found)?;
        }
    }
    Ok(())
}

fn plain<'a>(value: &[u8], found: RelationRef<'a>) -> Result<RelationRef<'a>, Deb822Error> {
    if found.alternative {
        return Err(fault_at(
            value,
            found.offset,
            "alternatives are not allowed here",
        ));
    }
    Ok(found)
}

fn fault_at(value: &[u8], offset: usize, reason: &'static str) -> Deb822Error {
    let mut error = Deb822Error::new(Deb822ErrorKind::Relation {
        text: excerpt(&value[offset..]),
        reason,
    });
    error.place.offset = offset as u64;
    error
}
