//! `Packages`: one stanza for each binary package of a suite, component and architecture.
//!
//! Tens of megabytes of text pass through here once, and become the compact index. Every stanza is checked in full on
//! its way, so that nothing that is read from the compact index later can turn out to be malformed. A stanza that breaks a
//! rule is left out and told of; what is wrong with the text as a whole is an error.

use std::io::Read;

use mikron_package::{LimitExceeded, Limits, OddRecord, OddRecords, Origin};

use crate::deb822::{Stanza, StanzaReader};
use crate::error::Deb822Error;
use crate::raw::{FieldId, RawFields};

/// Reads the unpacked text of a `Packages` file, and hands the needed fields of each package to `each`, checked.
///
/// A stanza is left out, and stands in the result, when its identity, `Filename`, `Size` or `SHA256` is missing or malformed,
/// when a needed field stands twice or cannot be read, or when its `Filename` leads out of the repository. `origin` names source
/// and index in errors.
///
/// ```
/// use mikron_deb::{Deb822Error, read_packages};
/// use mikron_package::{Limits, Origin};
/// let text = format!(
///     "Package: a\nVersion: 1\nArchitecture: all\nFilename: pool/a_1_all.deb\nSize: 9\nSHA256: {}\n\n\
///      Package: b\nVersion: abc\nArchitecture: all\n",
///     "0".repeat(64),
/// );
/// let limits = Limits::default();
/// let odd = read_packages(text.as_bytes(), &limits, &Origin::named("Packages"), |package| {
///     assert_eq!(package.to_record(&limits)?.size, 9);
///     Ok::<(), Deb822Error>(())
/// })?;
/// let odd: Vec<String> = odd.iter().map(ToString::to_string).collect();
/// assert_eq!(odd, ["b abc (Version: the version `abc` does not start with a digit)"]);
/// # Ok::<(), Deb822Error>(())
/// ```
///
/// # Errors
/// When reading fails, a line is no field, a limit is exceeded, what `each` returns, and where no stanza is good the fault of
/// the first.
pub fn read_packages<E: From<Deb822Error>>(
    input: impl Read,
    limits: &Limits,
    origin: &Origin,
    mut each: impl FnMut(&RawFields<'_>) -> Result<(), E>,
) -> Result<OddRecords, E> {
    let outside = |error: Deb822Error| E::from(error.in_file(origin));
    let mut stanzas = StanzaReader::new(input, limits).with_blank_separators();
    let (mut odd, mut first, mut good) = (OddRecords::default(), None, false);
    while let Some(stanza) = stanzas.next_stanza().map_err(outside)? {
        match checked(&stanza, limits) {
            Ok(package) => {
                good = true;
                each(&package)?;
            }
            Err(error) if error.kind.is_of_one_stanza() => {
                odd.add(odd_record(&stanza, &error));
                first.get_or_insert(error);
            }
            Err(error) => return Err(outside(error)),
        }
    }
    match first {
        Some(fault) if !good => Err(outside(fault)),
        _ => Ok(odd),
    }
}

fn checked<'a>(stanza: &Stanza<'a>, limits: &Limits) -> Result<RawFields<'a>, Deb822Error> {
    let end = stanza.offset() + stanza.bytes().len() as u64;
    LimitExceeded::check("index_unpacked", end, limits.index_unpacked)
        .map_err(|limit| Deb822Error::new(limit).at(stanza.line(), stanza.offset()))?;
    let package = RawFields::of(stanza)?;
    package.check(limits)?;
    package.location()?;
    package.size()?;
    package.digest()?;
    Ok(package)
}

/// What is told of a stanza with a fault. Its lines are fields, or it would have been no fault of the stanza alone.
fn odd_record(stanza: &Stanza<'_>, error: &Deb822Error) -> OddRecord {
    let text = |id: FieldId| {
        let field = stanza.get(id.name()).ok().flatten();
        field.map_or_else(String::new, |field| field.unfolded().into_owned())
    };
    let reason = match &error.place.field {
        Some(field) => format!("{}: {}", field.escape_debug(), error.kind),
        None => error.kind.to_string(),
    };
    let [name, version, arch] =
        [FieldId::Package, FieldId::Version, FieldId::Architecture].map(text);
    OddRecord::new(&name, &version, &arch, &reason)
}
