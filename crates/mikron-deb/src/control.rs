//! The file `control` of an archive (deb-control(5)): one stanza.

use std::collections::BTreeSet;

use mikron_package::{ArchiveError, Limits, PackageRecord};

use crate::deb822::{Stanza, StanzaReader};
use crate::error::{Deb822Error, Deb822ErrorKind};
use crate::raw::RawFields;

/// Reads a `control` file: the record, and all fields in order, unfolded.
///
/// The record has neither location nor size nor digest: an archive cannot know them, and what it says is not believed.
///
/// ```
/// use mikron_deb::parse_control;
/// use mikron_package::Limits;
/// let text = b"Package: nginx\nVersion: 1.22.1-9\nArchitecture: amd64\nDescription: a server\n more\n";
/// let (record, fields) = parse_control(text, &Limits::default())?;
/// assert_eq!(record.name.as_str(), "nginx");
/// assert_eq!(fields[3], ("Description".to_owned(), "a server\nmore".to_owned()));
/// # Ok::<(), mikron_package::ArchiveError>(())
/// ```
///
/// # Errors
/// When it is not exactly one well-formed stanza with `Package`, `Version` and `Architecture`, a field stands twice, or
/// a limit is exceeded. The error's offset counts from the start of `control`.
pub fn parse_control(
    bytes: &[u8],
    limits: &Limits,
) -> Result<(PackageRecord, Vec<(String, String)>), ArchiveError> {
    read(bytes, limits).map_err(ArchiveError::from)
}

fn read(
    bytes: &[u8],
    limits: &Limits,
) -> Result<(PackageRecord, Vec<(String, String)>), Deb822Error> {
    let mut reader = StanzaReader::new(bytes, limits);
    let one = || Deb822Error::new(Deb822ErrorKind::OneStanza);
    let Some(stanza) = reader.next_stanza()? else {
        return Err(one().at(1, 0));
    };
    let mut record = RawFields::of(&stanza)?.to_record(limits)?;
    record.location = String::new();
    record.size = 0;
    record.digest = None;
    let fields = all_fields(&stanza)?;
    if let Some(second) = reader.next_stanza()? {
        return Err(one().at(second.line(), second.offset()));
    }
    Ok((record, fields))
}

/// All fields, none of them twice.
fn all_fields(stanza: &Stanza<'_>) -> Result<Vec<(String, String)>, Deb822Error> {
    let mut seen = BTreeSet::new();
    let mut fields = Vec::new();
    for field in stanza.fields() {
        let field = field?;
        if !seen.insert(field.name.to_ascii_lowercase()) {
            return Err(field.fault(Deb822ErrorKind::Duplicate));
        }
        fields.push((field.name.to_owned(), field.unfolded().into_owned()));
    }
    Ok(fields)
}
