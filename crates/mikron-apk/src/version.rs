//! How Alpine orders versions (apk-package(5), "pkgver").
//!
//! A version is `number{.number}{letter}{_suffix{number}}{~hash}{-rnumber}`. It is compared part by part; where one version
//! goes on and the other does not, or they go on differently, the kind of the next part decides.

use std::cmp::Ordering;

use mikron_package::{Constraint, Operator, VersionError, VersionOrder};

/// apk's order of versions. Allocates nothing.
///
/// ```
/// use std::cmp::Ordering;
/// use mikron_apk::ApkVersionOrder;
/// use mikron_package::VersionOrder;
/// assert_eq!(ApkVersionOrder.compare("1.0_rc1", "1.0"), Ordering::Less);
/// assert_eq!(ApkVersionOrder.compare("1.0-r10", "1.0-r9"), Ordering::Greater);
/// assert!(ApkVersionOrder.begins_with("1.2.3-r0", "1.2"));
/// assert!(!ApkVersionOrder.begins_with("1.20", "1.2"));
/// assert!(ApkVersionOrder.validate("1.0-1").is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ApkVersionOrder;

impl VersionOrder for ApkVersionOrder {
    fn compare(&self, a: &str, b: &str) -> Ordering {
        compare(a, b, false)
    }

    fn validate(&self, version: &str) -> Result<(), VersionError> {
        let mut parts = Parts::of(version);
        loop {
            let at = parts.rest;
            match parts.next() {
                Part::End => return Ok(()),
                Part::Invalid => {
                    return Err(VersionError {
                        version: version.chars().take(100).collect(),
                        reason: fault(version, at),
                    });
                }
                _ => {}
            }
        }
    }

    fn begins_with(&self, version: &str, start: &str) -> bool {
        compare(version, start, true).is_eq()
    }

    /// As apk decides it: a relation to what is no version is answered by nothing.
    fn answers(&self, offered: Option<&Constraint>, wanted: Option<&Constraint>) -> bool {
        match (offered, wanted) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(offered), Some(wanted)) => {
                let (version, asked) = (offered.version.as_str(), wanted.version.as_str());
                self.validate(asked).is_ok()
                    && match wanted.operator {
                        Operator::Begins => self.begins_with(version, asked),
                        operator => operator.accepts(self.compare(version, asked)),
                    }
            }
        }
    }
}

/// What is wrong with a version from `at` on, as the end of the sentence "the version …".
fn fault(version: &str, at: &[u8]) -> &'static str {
    match at.first() {
        None if version.is_empty() => "is empty",
        _ if at.len() == version.len() => "does not begin with a number",
        Some(b'_') => "has an unknown suffix, or one in the wrong place",
        Some(b'~') => "has a commit hash that is empty or in the wrong place",
        Some(b'-') => "does not end in `-r` and a number",
        Some(b'.') => "has a dot without a number behind it, or in the wrong place",
        Some(b'a'..=b'z') => "has a letter in the wrong place",
        Some(b'0'..=b'9') => "has a number in the wrong place",
        _ => "holds a character that is not allowed",
    }
}

/// The suffixes, in their order. Those before the plain version come first.
const SUFFIXES: [(&str, bool); 9] = [
    ("alpha", true),
    ("beta", true),
    ("pre", true),
    ("rc", true),
    ("cvs", false),
    ("svn", false),
    ("git", false),
    ("hg", false),
    ("p", false),
];

/// One part of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part<'a> {
    /// The number at the start.
    First(&'a [u8]),
    /// A number behind a dot.
    Number(&'a [u8]),
    /// One letter.
    Letter(u8),
    /// A suffix, by its place in [`SUFFIXES`].
    Suffix(usize),
    /// The number behind a suffix.
    SuffixNumber(&'a [u8]),
    /// A commit hash.
    Hash(&'a [u8]),
    /// The number behind `-r`.
    Revision(&'a [u8]),
    /// Nothing more.
    End,
    /// What follows no rule.
    Invalid,
}

impl Part<'_> {
    /// The place of the kind in the grammar. Each kind may only follow one of a smaller place, or of its own where it repeats.
    fn place(self) -> u8 {
        match self {
            Self::First(_) => 0,
            Self::Number(_) => 1,
            Self::Letter(_) => 2,
            Self::Suffix(_) => 3,
            Self::SuffixNumber(_) => 4,
            Self::Hash(_) => 5,
            Self::Revision(_) => 6,
            Self::End => 7,
            Self::Invalid => 8,
        }
    }

    /// Whether it makes a version earlier than the one without it.
    fn is_before(self) -> bool {
        matches!(self, Self::Suffix(place) if SUFFIXES[place].1)
    }

    /// Compares two parts of one kind.
    fn cmp_same(self, other: Self) -> Ordering {
        match (self, other) {
            // As in Gentoo, whose order this was: with a zero in front they are the digits of a fraction.
            (Self::Number(a), Self::Number(b)) if a[0] == b'0' || b[0] == b'0' => a.cmp(b),
            (Self::First(a), Self::First(b))
            | (Self::Number(a), Self::Number(b))
            | (Self::SuffixNumber(a), Self::SuffixNumber(b))
            | (Self::Revision(a), Self::Revision(b)) => numbers(a, b),
            (Self::Letter(a), Self::Letter(b)) => a.cmp(&b),
            (Self::Suffix(a), Self::Suffix(b)) => a.cmp(&b),
            (Self::Hash(a), Self::Hash(b)) => a.cmp(b),
            _ => Ordering::Equal,
        }
    }
}

/// The parts of a version, one after the other. Behind an invalid one comes nothing of meaning.
struct Parts<'a> {
    rest: &'a [u8],
    /// The place of the part before; `None` at the start.
    last: Option<u8>,
}

impl<'a> Parts<'a> {
    fn of(version: &'a str) -> Self {
        Self {
            rest: version.as_bytes(),
            last: None,
        }
    }

    /// Takes the bytes off the front that `accepted` is true for.
    fn take(&mut self, accepted: impl Fn(&u8) -> bool) -> &'a [u8] {
        let end = self.rest.iter().take_while(|b| accepted(b)).count();
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn digits(&mut self) -> Option<&'a [u8]> {
        Some(self.take(u8::is_ascii_digit)).filter(|digits| !digits.is_empty())
    }

    fn next(&mut self) -> Part<'a> {
        let part = self.parse().unwrap_or(Part::Invalid);
        self.last = Some(part.place());
        part
    }

    fn parse(&mut self) -> Option<Part<'a>> {
        let Some(last) = self.last else {
            return self.digits().map(Part::First);
        };
        let Some((first, behind)) = self.rest.split_first() else {
            return Some(Part::End);
        };
        match first {
            b'.' if last <= 1 => {
                self.rest = behind;
                self.digits().map(Part::Number)
            }
            b'a'..=b'z' if last <= 1 => {
                self.rest = behind;
                Some(Part::Letter(*first))
            }
            b'_' if last <= 4 => {
                self.rest = behind;
                let name = self.take(u8::is_ascii_lowercase);
                let place = SUFFIXES
                    .iter()
                    .position(|(known, _)| known.as_bytes() == name)?;
                Some(Part::Suffix(place))
            }
            b'0'..=b'9' if last == 3 => self.digits().map(Part::SuffixNumber),
            b'~' if last <= 4 => {
                self.rest = behind;
                let hash = self.take(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
                (!hash.is_empty()).then_some(Part::Hash(hash))
            }
            b'-' if last <= 5 => {
                self.rest = behind.strip_prefix(b"r")?;
                self.digits().map(Part::Revision)
            }
            _ => None,
        }
    }
}

/// Compares two runs of digits as numbers of any size.
fn numbers(a: &[u8], b: &[u8]) -> Ordering {
    let zeros = |digits: &[u8]| digits.iter().take_while(|d| **d == b'0').count();
    let (a, b) = (&a[zeros(a)..], &b[zeros(b)..]);
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// Compares two versions. Where `fuzzy`, all that begin with the parts of `b` are equal to it.
fn compare(a: &str, b: &str, fuzzy: bool) -> Ordering {
    let (mut left, mut right) = (Parts::of(a), Parts::of(b));
    loop {
        let (x, y) = (left.next(), right.next());
        if x.place() == y.place() {
            match x.cmp_same(y) {
                Ordering::Equal if x.place() >= Part::End.place() => return Ordering::Equal,
                Ordering::Equal => continue,
                different => return different,
            }
        }
        if fuzzy && y == Part::End {
            return Ordering::Equal;
        }
        return match (x.is_before(), y.is_before()) {
            (true, _) => Ordering::Less,
            (_, true) => Ordering::Greater,
            // A version that goes on is later, and the earlier in the grammar it does, the later it is.
            _ => y.place().cmp(&x.place()),
        };
    }
}
