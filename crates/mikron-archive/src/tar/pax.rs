//! PAX records (POSIX pax, "pax Extended Header").

use std::collections::BTreeMap;

use mikron_package::{ArchiveError, LimitExceeded, Limits, Xattrs};

use super::sparse::{PaxSparse, Region};

/// What PAX records say, and GNU sparse maps inside them.
#[derive(Clone, Debug, Default)]
pub(super) struct PaxRecords {
    values: BTreeMap<&'static str, Vec<u8>>,
    pub(super) xattrs: Xattrs,
    pub(super) sparse: PaxSparse,
}

/// The keys that mean something here; others are skipped, as the standard says.
const KEYS: [&str; 8] = [
    "path", "linkpath", "size", "uid", "gid", "uname", "gname", "mtime",
];

impl PaxRecords {
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty() && self.xattrs.is_empty() && !self.is_sparse()
    }

    /// Adds the records of one header; later ones replace earlier ones, an empty value takes one back.
    /// Beside those that mean something here, the values of `further` keys are kept.
    pub(super) fn read(
        &mut self,
        body: &[u8],
        further: &[&'static str],
        limits: &Limits,
    ) -> Result<(), ArchiveError> {
        let mut rest = body;
        while !rest.is_empty() {
            let at = (body.len() - rest.len()) as u64;
            let (key, value, after) =
                record(rest).map_err(|reason| ArchiveError::malformed(reason).at(at))?;
            self.add(key, value, further, limits)?;
            rest = after;
        }
        Ok(())
    }

    fn add(
        &mut self,
        key: &[u8],
        value: &[u8],
        further: &[&'static str],
        limits: &Limits,
    ) -> Result<(), ArchiveError> {
        let mut known = KEYS.iter().chain(further);
        if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
            self.xattrs.insert(name.to_vec(), value.to_vec());
            let size: usize = self.xattrs.iter().map(|(k, v)| k.len() + v.len()).sum();
            LimitExceeded::check("xattrs", size as u64, limits.xattrs)?;
        } else if let Some(name) = key.strip_prefix(b"GNU.sparse.") {
            self.sparse.add(name, value, limits)?;
        } else if let Some(known) = known.find(|known| known.as_bytes() == key) {
            if value.is_empty() {
                self.values.remove(known);
            } else {
                self.values.insert(known, value.to_vec());
            }
        }
        Ok(())
    }

    /// The value of a key of this entry alone.
    pub(super) fn take(&mut self, key: &str) -> Option<Vec<u8>> {
        self.values.remove(key)
    }

    /// The value of a key, from the entry's own records or else from the global ones.
    pub(super) fn bytes<'a>(&'a self, global: &'a Self, key: &str) -> Option<&'a [u8]> {
        self.values
            .get(key)
            .or_else(|| global.values.get(key))
            .map(Vec::as_slice)
    }

    /// A value that is a decimal number without a sign.
    pub(super) fn number(&self, global: &Self, key: &str) -> Result<Option<u64>, ArchiveError> {
        self.bytes(global, key)
            .map(|value| {
                decimal(value).ok_or_else(|| {
                    ArchiveError::malformed(format!(
                        "the PAX {key} `{}` is not a number of 64 bits",
                        value.escape_ascii()
                    ))
                })
            })
            .transpose()
    }

    /// The time in whole seconds, rounded down; one that no 64 bits hold stands at their end.
    pub(super) fn mtime(&self, global: &Self) -> Result<Option<i64>, ArchiveError> {
        let Some(value) = self.bytes(global, "mtime") else {
            return Ok(None);
        };
        let (negative, digits) = match value.strip_prefix(b"-") {
            Some(digits) => (true, digits),
            None => (false, value),
        };
        let mut parts = digits.splitn(2, |b| *b == b'.');
        let whole = parts.next().unwrap_or_default();
        let fraction = parts.next().unwrap_or_default();
        let digits = |text: &[u8]| text.iter().all(u8::is_ascii_digit);
        if whole.is_empty() || !digits(whole) || !digits(fraction) {
            return Err(ArchiveError::malformed(format!(
                "the PAX mtime `{}` is not a time",
                value.escape_ascii()
            )));
        }
        let seconds = decimal(whole)
            .and_then(|n| i64::try_from(n).ok())
            .unwrap_or(i64::MAX);
        Ok(Some(if negative { -seconds } else { seconds }))
    }

    /// Whether any record speaks of a sparse file.
    pub(super) fn is_sparse(&self) -> bool {
        self.sparse != PaxSparse::default()
    }

    /// The sparse map of the 0.x formats, where it is complete.
    pub(super) fn take_map(&mut self) -> Option<Vec<Region>> {
        self.sparse.take_map()
    }
}

/// A decimal number of digits only.
pub(super) fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |n, digit| {
        digit
            .is_ascii_digit()
            .then(|| n.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
            .flatten()
    })
}

/// Key, value, and what follows the record.
type Record<'a> = (&'a [u8], &'a [u8], &'a [u8]);

/// Splits off one record: `length key=value\n`, the length counting all of it.
fn record(rest: &[u8]) -> Result<Record<'_>, &'static str> {
    let space = rest
        .iter()
        .take(21)
        .position(|b| *b == b' ')
        .ok_or("a PAX record has no length")?;
    let length = decimal(&rest[..space])
        .and_then(|n| usize::try_from(n).ok())
        .ok_or("the length of a PAX record is not a number")?;
    if length > rest.len() {
        return Err("a PAX record is longer than its header");
    }
    if length < space + 2 {
        return Err("the length of a PAX record is too small");
    }
    let (record, after) = rest.split_at(length);
    let record = record[space + 1..]
        .strip_suffix(b"\n")
        .ok_or("a PAX record does not end in a line break")?;
    let equals = record
        .iter()
        .position(|b| *b == b'=')
        .ok_or("a PAX record has no equals sign")?;
    Ok((&record[..equals], &record[equals + 1..], after))
}
