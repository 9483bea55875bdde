//! `Release`: what a suite is called, when it was made, and the digests of its indexes.
//!
//! The text that is given here must be the text that a signature covers, and nothing more. Whether the suite is the
//! right one, and young enough, is for the source to judge.

use std::collections::BTreeMap;

use mikron_package::{Digest, LimitExceeded, Limits, normal_location};
use serde::{Deserialize, Serialize};

use crate::date::parse_date;
use crate::deb822::{Field, Stanza, StanzaReader};
use crate::error::{Deb822Error, Deb822ErrorKind};

/// What a Release says (Debian's repository format, "Release" files).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Who publishes it: `Debian`.
    pub origin: Option<String>,
    /// A further name: `Debian-Security`.
    pub label: Option<String>,
    /// `stable`, `stable-security`.
    pub suite: Option<String>,
    /// `bookworm`, `bookworm-security`.
    pub codename: Option<String>,
    /// `12.11`.
    pub version: Option<String>,
    /// When it was made, in seconds since 1970.
    pub date: Option<i64>,
    /// Until when it may be used, in seconds since 1970.
    pub valid_until: Option<i64>,
    /// Whether indexes also lie below `by-hash/SHA256/`, where a mirror's update cannot tear them from their Release.
    pub acquire_by_hash: bool,
    /// The architectures that it serves.
    pub architectures: Vec<String>,
    /// Its components: `main`, `contrib`.
    pub components: Vec<String>,
    /// Whether packages of architecture `all` stand in the index of each architecture (then there is no use in reading
    /// `binary-all` besides).
    pub all_in_each_architecture: bool,
    /// Its files by path relative to the Release, with what SHA-256 says of them.
    pub files: BTreeMap<String, ReleaseFile>,
}

/// A file that a Release names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseFile {
    /// Its size in bytes.
    pub size: u64,
    /// Its digest.
    pub digest: Digest,
}

/// Reads the verified text of a Release.
///
/// ```
/// use mikron_deb::parse_release;
/// use mikron_package::Limits;
/// let text = format!(
///     "Suite: stable\nDate: Thu, 01 Jan 1970 00:00:10 UTC\nSHA256:\n {} 9 main/binary-amd64/Packages.xz\n",
///     "0".repeat(64),
/// );
/// let release = parse_release(text.as_bytes(), &Limits::default())?;
/// assert_eq!(release.date, Some(10));
/// assert_eq!(release.files["main/binary-amd64/Packages.xz"].size, 9);
/// # Ok::<(), mikron_deb::Deb822Error>(())
/// ```
///
/// # Errors
/// When it is not exactly one well-formed stanza, a field that matters stands twice or is malformed, there is no
/// SHA-256 table ([`Deb822ErrorKind::WeakHashesOnly`] when there are only others), the table names one path twice with
/// different digests or a path that leads elsewhere, or [`Limits::release`] is exceeded.
pub fn parse_release(text: &[u8], limits: &Limits) -> Result<Release, Deb822Error> {
    LimitExceeded::check("release", text.len() as u64, limits.release).map_err(Deb822Error::new)?;
    // One table of digests may be as long as the whole text.
    let limits = Limits {
        field: limits.release,
        control: limits.release,
        ..limits.clone()
    };
    let mut reader = StanzaReader::new(text, &limits);
    let one = || Deb822Error::new(Deb822ErrorKind::OneStanza);
    let Some(stanza) = reader.next_stanza()? else {
        return Err(one().at(1, 0));
    };
    let release = read(&stanza)?;
    if let Some(second) = reader.next_stanza()? {
        return Err(one().at(second.line(), second.offset()));
    }
    Ok(release)
}

/// The fields that are read. Each may stand once.
const FIELDS: [&str; 12] = [
    "Origin",
    "Label",
    "Suite",
    "Codename",
    "Version",
    "Date",
    "Valid-Until",
    "Acquire-By-Hash",
    "Architectures",
    "Components",
    "No-Support-for-Architecture-all",
    "SHA256",
];

fn read(stanza: &Stanza<'_>) -> Result<Release, Deb822Error> {
    let mut found: [Option<Field<'_>>; FIELDS.len()] = [None; FIELDS.len()];
    let mut weak = Vec::new();
    for field in stanza.fields() {
        let field = field?;
        if ["MD5Sum", "SHA1"].iter().any(|name| field.is(name)) {
            weak.push(field.name);
        }
        let Some(at) = FIELDS.iter().position(|name| field.is(name)) else {
            continue;
        };
        if found[at].is_some() {
            return Err(field.fault(Deb822ErrorKind::Duplicate));
        }
        found[at] = Some(field);
    }
    let get = |name: &str| {
        let at = FIELDS.iter().position(|field| *field == name);
        at.and_then(|at| found[at])
    };
    let text = |name: &str| {
        let field = get(name).filter(|field| !field.value.is_empty());
        field.map(|field| field.text()).transpose()
    };
    let owned = |name: &str| Ok::<_, Deb822Error>(text(name)?.map(str::to_owned));
    let words = |name: &str| {
        let value = text(name)?.unwrap_or_default();
        Ok::<_, Deb822Error>(value.split_ascii_whitespace().map(str::to_owned).collect())
    };
    let Some(table) = get("SHA256") else {
        let missing = if weak.is_empty() {
            Deb822ErrorKind::Missing
        } else {
            let weak = weak.join(", ");
            Deb822ErrorKind::WeakHashesOnly { weak }
        };
        return Err(Deb822Error::new(missing)
            .at(stanza.line(), stanza.offset())
            .in_field("SHA256"));
    };
    Ok(Release {
        origin: owned("Origin")?,
        label: owned("Label")?,
        suite: owned("Suite")?,
        codename: owned("Codename")?,
        version: owned("Version")?,
        date: get("Date").map(date).transpose()?,
        valid_until: get("Valid-Until").map(date).transpose()?,
        acquire_by_hash: text("Acquire-By-Hash")?.is_some_and(|v| v.eq_ignore_ascii_case("yes")),
        architectures: words("Architectures")?,
        components: words("Components")?,
        all_in_each_architecture: text("No-Support-for-Architecture-all")?
            .is_some_and(|value| value.split_ascii_whitespace().any(|v| v == "Packages")),
        files: files(table)?,
    })
}

fn date(field: Field<'_>) -> Result<i64, Deb822Error> {
    let expected = "a date (like Sat, 11 Jul 2026 10:23:32 UTC)";
    parse_date(field.text()?)
        .ok_or_else(|| field.fault(Deb822ErrorKind::value(field.value, expected)))
}

/// The lines of a digest table: digest, size and path, separated by white space.
fn files(table: Field<'_>) -> Result<BTreeMap<String, ReleaseFile>, Deb822Error> {
    let mut files = BTreeMap::new();
    let mut next = (table.value_line, table.value_offset);
    for line in table.value.split(|b| *b == b'\n') {
        let at = next;
        next = (at.0 + 1, at.1 + line.len() as u64 + 1);
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let fault =
            |kind: Deb822ErrorKind| Deb822Error::new(kind).at(at.0, at.1).in_field(table.name);
        let wrong = || fault(Deb822ErrorKind::value(line, "`digest size path`"));
        let text = str::from_utf8(line).map_err(|_| fault(Deb822ErrorKind::NotUtf8))?;
        let mut words = text.split_ascii_whitespace();
        let (Some(digest), Some(size), Some(path), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(wrong());
        };
        let digest = Digest::from_hex(digest).map_err(|error| fault(error.into()))?;
        if !size.bytes().all(|b| b.is_ascii_digit()) {
            return Err(wrong());
        }
        let size = size.parse().map_err(|_| wrong())?;
        let normal = normal_location(path).map_err(|reason| {
            let location = path.chars().take(100).collect();
            fault(Deb822ErrorKind::Location { location, reason })
        })?;
        let file = ReleaseFile { size, digest };
        if files
            .insert(normal.into_owned(), file)
            .is_some_and(|first| first != file)
        {
            return Err(fault(Deb822ErrorKind::Duplicate));
        }
    }
    Ok(files)
}
