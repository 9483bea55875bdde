//! How rpm orders versions (rpm-version(7)), and when what a package provides answers to a requirement.

use std::cmp::Ordering;

use mikron_package::{Constraint, Operator, VersionError, VersionOrder};

/// The order of rpm-version(7): `[epoch:]version[-release]`. Allocates nothing.
///
/// `~` sorts before the end, `^` behind it and before anything else. Mikron writes a version as `epoch:version-release` where
/// the epoch is not 0, and as `version-release` where it is.
///
/// ```
/// use std::cmp::Ordering;
/// use mikron_package::VersionOrder;
/// use mikron_rpm::RpmVersionOrder;
/// assert_eq!(RpmVersionOrder.compare("1.0~rc1-1", "1.0-1"), Ordering::Less);
/// assert_eq!(RpmVersionOrder.compare("1.0^git1-1", "1.0-1"), Ordering::Greater);
/// assert_eq!(RpmVersionOrder.compare("1.0^git1-1", "1.0.1-1"), Ordering::Less);
/// assert_eq!(RpmVersionOrder.compare("1:0.9-1", "2.0-1"), Ordering::Greater);
/// assert!(RpmVersionOrder.validate("1.0-1-1").is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RpmVersionOrder;

impl VersionOrder for RpmVersionOrder {
    /// As librpm's `rpmVersionCompare`: a version without a release sorts before the same one with any.
    fn compare(&self, a: &str, b: &str) -> Ordering {
        let (a, b) = (Evr::of(a), Evr::of(b));
        numbers(a.epoch, b.epoch)
            .then_with(|| segments(a.version, b.version))
            .then_with(|| match (a.release, b.release) {
                (Some(a), Some(b)) => segments(a, b),
                (a, b) => a.is_some().cmp(&b.is_some()),
            })
    }

    fn validate(&self, version: &str) -> Result<(), VersionError> {
        match fault(version.as_bytes()) {
            None => Ok(()),
            Some(reason) => Err(VersionError {
                version: version.chars().take(100).collect(),
                reason,
            }),
        }
    }

    /// As librpm's `rpmdsCompare`: two ranges answer each other where they overlap, and a side without a version answers
    /// everything. A side without a release stands for all releases of its version.
    fn answers(&self, offered: Option<&Constraint>, wanted: Option<&Constraint>) -> bool {
        match (offered, wanted) {
            (Some(offered), Some(wanted)) => overlap(offered, wanted),
            _ => true,
        }
    }
}

/// What an operator lets through beside the version itself, and whether it lets that through.
struct Sense {
    less: bool,
    equal: bool,
    greater: bool,
}

impl Sense {
    fn of(operator: Operator) -> Self {
        let (less, equal, greater) = match operator {
            Operator::Less => (true, false, false),
            Operator::LessEqual => (true, true, false),
            // rpm has no `~`; what it can mean here is the version itself.
            Operator::Equal | Operator::Begins => (false, true, false),
            Operator::GreaterEqual => (false, true, true),
            Operator::Greater => (false, false, true),
        };
        Self {
            less,
            equal,
            greater,
        }
    }
}

fn overlap(offered: &Constraint, wanted: &Constraint) -> bool {
    let (a, b) = (
        Evr::of(offered.version.as_str()),
        Evr::of(wanted.version.as_str()),
    );
    let (offers, wants) = (Sense::of(offered.operator), Sense::of(wanted.operator));
    let mut order = numbers(a.epoch, b.epoch).then_with(|| segments(a.version, b.version));
    if order.is_eq() {
        match (a.release, b.release) {
            (Some(a), Some(b)) => order = segments(a, b),
            (Some(_), None) if wants.equal => return true,
            (None, Some(_)) if offers.equal => return true,
            _ => {}
        }
    }
    match order {
        Ordering::Less => offers.greater || wants.less,
        Ordering::Greater => offers.less || wants.greater,
        Ordering::Equal => {
            offers.equal && wants.equal
                || offers.less && wants.less
                || offers.greater && wants.greater
        }
    }
}

/// A version, taken apart. What has no numeric epoch has none at all, so that every text has a place in the order.
#[derive(Clone, Copy)]
struct Evr<'a> {
    epoch: &'a [u8],
    version: &'a [u8],
    release: Option<&'a [u8]>,
}

impl<'a> Evr<'a> {
    fn of(text: &'a str) -> Self {
        let text = text.as_bytes();
        let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
        let (epoch, rest) = match text.get(digits) {
            Some(b':') => (&text[..digits], &text[digits + 1..]),
            _ => (&text[..0], text),
        };
        let (version, release) = match rest.iter().rposition(|b| *b == b'-') {
            Some(dash) => (&rest[..dash], Some(&rest[dash + 1..])),
            None => (rest, None),
        };
        Self {
            epoch,
            version,
            release,
        }
    }
}

/// Compares two runs of digits as numbers of any size; an empty run is 0.
fn numbers(a: &[u8], b: &[u8]) -> Ordering {
    let zeros = |digits: &[u8]| digits.iter().take_while(|d| **d == b'0').count();
    let (a, b) = (&a[zeros(a)..], &b[zeros(b)..]);
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// What begins at the head of a version once separators are skipped.
fn skip_separators(text: &[u8]) -> &[u8] {
    let separator = |b: &&u8| !b.is_ascii_alphanumeric() && !matches!(b, b'~' | b'^');
    &text[text.iter().take_while(separator).count()..]
}

/// Takes the digits, or else the letters, at the head of a version.
fn split(text: &[u8], digits: bool) -> (&[u8], &[u8]) {
    let same = |b: &&u8| {
        if digits {
            b.is_ascii_digit()
        } else {
            b.is_ascii_alphabetic()
        }
    };
    text.split_at(text.iter().take_while(same).count())
}

/// Compares versions or releases segment by segment: `rpmvercmp`.
#[allow(clippy::match_same_arms)] // the arms stand in the order of rpm's own tests, which decides
fn segments(mut a: &[u8], mut b: &[u8]) -> Ordering {
    loop {
        (a, b) = (skip_separators(a), skip_separators(b));
        match (a.first(), b.first()) {
            (None, None) => return Ordering::Equal,
            (Some(b'~'), Some(b'~')) | (Some(b'^'), Some(b'^')) => {
                (a, b) = (&a[1..], &b[1..]);
            }
            (Some(b'~'), _) => return Ordering::Less,
            (_, Some(b'~')) => return Ordering::Greater,
            // Behind the end, and before everything else.
            (Some(b'^'), None) => return Ordering::Greater,
            (None, Some(b'^')) => return Ordering::Less,
            (Some(b'^'), _) => return Ordering::Less,
            (_, Some(b'^')) => return Ordering::Greater,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(first), Some(_)) => {
                let digits = first.is_ascii_digit();
                let ((x, rest_a), (y, rest_b)) = (split(a, digits), split(b, digits));
                let order = match (digits, y.is_empty()) {
                    // Numbers are later than letters.
                    (true, true) => Ordering::Greater,
                    (false, true) => Ordering::Less,
                    (true, false) => numbers(x, y),
                    (false, false) => x.cmp(y),
                };
                if order.is_ne() {
                    return order;
                }
                (a, b) = (rest_a, rest_b);
            }
        }
    }
}

/// What rpmbuild refuses in a version, release or epoch of a package.
fn fault(version: &[u8]) -> Option<&'static str> {
    if version.is_empty() {
        return Some("is empty");
    }
    if version.iter().any(u8::is_ascii_whitespace) {
        return Some("holds white space");
    }
    let mut rest = version;
    if let Some(colon) = version.iter().position(|b| *b == b':') {
        let epoch = &version[..colon];
        if epoch.is_empty() || !epoch.iter().all(u8::is_ascii_digit) {
            return Some("has an epoch that is not a number");
        }
        // A header holds the epoch in 32 bits.
        if numbers(epoch, b"4294967295").is_gt() {
            return Some("has an epoch that is too big");
        }
        rest = &version[colon + 1..];
    }
    let mut parts = rest.split(|b| *b == b'-');
    let allowed = |b: &u8| b.is_ascii_alphanumeric() || b"._+%{}~^".contains(b);
    let wrong = |part: &[u8]| {
        if part.is_empty() {
            Some("has an empty version or release")
        } else if !part.iter().all(allowed) {
            Some("holds a character that is not allowed")
        } else {
            None
        }
    };
    let found = parts.by_ref().take(2).find_map(wrong);
    if found.is_some() {
        return found;
    }
    parts
        .next()
        .map(|_| "has more than one dash, so that version and release cannot be told apart")
}
