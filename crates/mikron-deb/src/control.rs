//! The file `control` of an archive (deb-control(5)): one stanza.

use std::collections::BTreeSet;

use mikron_package::{ArchiveError, Limits, PackageRecord};

use crate::deb822::{Stanza, StanzaReader};
use crate::error::{Deb822Error, Deb822ErrorKind};
use crate::raw::{FieldId, RawFields};

/// Reads a `control` file: the record, and all fields in order, unfolded. Accepts what dpkg accepts.
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

/// All fields, with the rules that dpkg has for archives and apt has not for indexes: no field twice, whether it is known
/// or not, names of at least two characters, no relation field that ends in a comma, a line break at the end.
fn all_fields(stanza: &Stanza<'_>) -> Result<Vec<(String, String)>, Deb822Error> {
    let mut seen = BTreeSet::new();
    let mut fields = Vec::new();
    let mut last = None;
    for field in stanza.fields() {
        let field = field?;
        if !seen.insert(field.name.to_ascii_lowercase()) {
            return Err(field.fault(Deb822ErrorKind::Duplicate));
        }
        if field.name.len() < 2 {
            return Err(field.fault(Deb822ErrorKind::FieldName(field.name.to_owned())));
        }
        let relations = FieldId::of(field.name).and_then(FieldId::relations);
        if relations.is_some() && field.value.ends_with(b",") {
            return Err(field.fault(Deb822ErrorKind::Relation {
                text: ",".to_owned(),
                reason: "a relation is expected behind the last comma",
            }));
        }
        fields.push((field.name.to_owned(), field.unfolded().into_owned()));
        last = Some(field);
    }
    match last {
        Some(field) if !stanza.bytes().ends_with(b"\n") => {
            Err(field.fault(Deb822ErrorKind::NoLineBreak))
        }
        Some(field) if field.value.is_empty() => Err(field.fault(Deb822ErrorKind::Empty)),
        _ => Ok(fields),
    }
}
