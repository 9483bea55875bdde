//! Version orders that do for the versions of the tests.

use std::cmp::Ordering;

use mikron_package::{Constraint, Operator, VersionError, VersionOrder};

/// rpm's order of `epoch:version-release` without letters, `~` and `^`; what has no release equals every release.
pub(crate) struct RpmOrder;

impl VersionOrder for RpmOrder {
    fn compare(&self, a: &str, b: &str) -> Ordering {
        let parts = |text: &str| {
            let (epoch, rest) = text.split_once(':').unwrap_or(("0", text));
            let (version, release) = match rest.split_once('-') {
                Some((version, release)) => (version, Some(numbers(release))),
                None => (rest, None),
            };
            (numbers(epoch), numbers(version), release)
        };
        let (a, b) = (parts(a), parts(b));
        let releases = match (a.2, b.2) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => Ordering::Equal,
        };
        a.0.cmp(&b.0).then(a.1.cmp(&b.1)).then(releases)
    }

    fn validate(&self, _: &str) -> Result<(), VersionError> {
        Ok(())
    }

    /// Whether two ranges overlap; what has no version overlaps with all.
    fn answers(&self, offered: Option<&Constraint>, wanted: Option<&Constraint>) -> bool {
        let (Some(offered), Some(wanted)) = (offered, wanted) else {
            return true;
        };
        let (less, greater) = (
            |o| matches!(o, Operator::Less | Operator::LessEqual),
            |o| matches!(o, Operator::Greater | Operator::GreaterEqual),
        );
        let equal = |o| {
            matches!(
                o,
                Operator::Equal | Operator::LessEqual | Operator::GreaterEqual
            )
        };
        let (a, b) = (offered.operator, wanted.operator);
        match self.compare(offered.version.as_str(), wanted.version.as_str()) {
            Ordering::Less => greater(a) || less(b),
            Ordering::Greater => less(a) || greater(b),
            Ordering::Equal => {
                (equal(a) && equal(b)) || (less(a) && less(b)) || (greater(a) && greater(b))
            }
        }
    }
}

/// apk's order of versions of numbers.
pub(crate) struct ApkOrder;

impl VersionOrder for ApkOrder {
    fn compare(&self, a: &str, b: &str) -> Ordering {
        numbers(a).cmp(&numbers(b))
    }

    fn validate(&self, _: &str) -> Result<(), VersionError> {
        Ok(())
    }

    fn begins_with(&self, version: &str, start: &str) -> bool {
        numbers(version).starts_with(&numbers(start))
    }
}

fn numbers(text: &str) -> Vec<u64> {
    let parts = text.split(|c: char| !c.is_ascii_digit());
    parts.filter_map(|part| part.parse().ok()).collect()
}
