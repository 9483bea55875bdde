//! How Debian orders versions (deb-version(7)).

use std::cmp::Ordering;

use mikron_package::{VersionError, VersionOrder};

/// The order of deb-version(7): `[epoch:]upstream[-revision]`. Allocates nothing.
///
/// ```
/// use std::cmp::Ordering;
/// use mikron_deb::DebVersionOrder;
/// use mikron_package::VersionOrder;
/// assert_eq!(DebVersionOrder.compare("1.0~rc1-1", "1.0-1"), Ordering::Less);
/// assert_eq!(DebVersionOrder.compare("1:0.9", "2.0"), Ordering::Greater);
/// assert_eq!(DebVersionOrder.compare("1.0", "1.0-0"), Ordering::Equal);
/// assert!(DebVersionOrder.validate("1.0-").is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DebVersionOrder;

impl VersionOrder for DebVersionOrder {
    fn compare(&self, a: &str, b: &str) -> Ordering {
        let (a, b) = (Parts::of(a.as_bytes()), Parts::of(b.as_bytes()));
        numbers(a.epoch, b.epoch)
            .then_with(|| runs(a.upstream, b.upstream))
            .then_with(|| runs(a.revision, b.revision))
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
}

/// A version, taken apart. What has no numeric epoch has none at all, so that every text has a place in the order.
#[derive(Clone, Copy)]
struct Parts<'a> {
    epoch: &'a [u8],
    upstream: &'a [u8],
    revision: &'a [u8],
}

impl<'a> Parts<'a> {
    fn of(version: &'a [u8]) -> Self {
        let (epoch, rest) = match version.iter().position(|b| *b == b':') {
            Some(colon) if version[..colon].iter().all(u8::is_ascii_digit) => {
                (&version[..colon], &version[colon + 1..])
            }
            _ => (&version[..0], version),
        };
        let (upstream, revision) = match rest.iter().rposition(|b| *b == b'-') {
            Some(dash) => (&rest[..dash], &rest[dash + 1..]),
            None => (rest, &rest[..0]),
        };
        Self {
            epoch,
            upstream,
            revision,
        }
    }
}

/// Compares two runs of digits as numbers of any size; an empty run is 0.
fn numbers(a: &[u8], b: &[u8]) -> Ordering {
    let significant = |digits: &[u8]| digits.iter().take_while(|d| **d == b'0').count();
    let (a, b) = (&a[significant(a)..], &b[significant(b)..]);
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// Where a character that is no digit stands: `~` before the end, the end before letters, letters before all else.
fn weight(character: Option<u8>) -> i32 {
    match character {
        None => 0,
        Some(b'~') => -1,
        Some(c) if c.is_ascii_alphabetic() => i32::from(c),
        Some(c) => i32::from(c) + 256,
    }
}

/// Compares upstream versions or revisions: in turn a part without digits, by weight, and a number.
fn runs(mut a: &[u8], mut b: &[u8]) -> Ordering {
    while !a.is_empty() || !b.is_empty() {
        loop {
            let no_digit = |text: &[u8]| text.first().copied().filter(|c| !c.is_ascii_digit());
            let (x, y) = (no_digit(a), no_digit(b));
            if x.is_none() && y.is_none() {
                break;
            }
            match weight(x).cmp(&weight(y)) {
                Ordering::Equal => {}
                different => return different,
            }
            // Equal weights mean equal characters: only an absent one weighs 0, and one of the two is there.
            a = &a[1..];
            b = &b[1..];
        }
        let digits = |text: &[u8]| text.iter().take_while(|c| c.is_ascii_digit()).count();
        let (x, y) = (a.split_at(digits(a)), b.split_at(digits(b)));
        match numbers(x.0, y.0) {
            Ordering::Equal => {}
            different => return different,
        }
        (a, b) = (x.1, y.1);
    }
    Ordering::Equal
}

/// What dpkg refuses in a version that it is to install.
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
        if epoch.is_empty() {
            return Some("has an empty epoch");
        }
        if !epoch.iter().all(u8::is_ascii_digit) {
            return Some("has an epoch that is not a number");
        }
        // dpkg keeps epochs in an int.
        if numbers(epoch, b"2147483647").is_gt() {
            return Some("has an epoch that is too big");
        }
        rest = &version[colon + 1..];
        if rest.is_empty() {
            return Some("has nothing behind the epoch");
        }
    }
    let (upstream, revision) = match rest.iter().rposition(|b| *b == b'-') {
        Some(dash) => (&rest[..dash], Some(&rest[dash + 1..])),
        None => (rest, None),
    };
    if revision.is_some_and(<[u8]>::is_empty) {
        return Some("has an empty revision");
    }
    if !upstream.first().is_some_and(u8::is_ascii_digit) {
        return Some("does not start with a digit");
    }
    let common = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'+' | b'~');
    let in_upstream = |b: &u8| common(*b) || matches!(b, b'-' | b':');
    if !upstream.iter().all(in_upstream) {
        return Some("holds a character that is not allowed");
    }
    if !revision.unwrap_or_default().iter().all(|b| common(*b)) {
        return Some("has a revision with a character that is not allowed");
    }
    None
}
