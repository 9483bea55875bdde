//! `Packages`: one stanza for each binary package of a suite, component and architecture.
//!
//! Tens of megabytes of text pass through here once, and become the compact index. Every stanza is checked in full on
//! its way, so that nothing that is read from the compact index later can turn out to be malformed.

use std::io::Read;

use mikron_package::{LimitExceeded, Limits, Origin};

use crate::deb822::StanzaReader;
use crate::error::Deb822Error;
use crate::raw::RawFields;

/// Reads the stanzas of a `Packages` file from a stream, one at a time.
///
/// ```
/// use mikron_deb::PackagesReader;
/// use mikron_package::{Limits, Origin};
/// let text = format!(
///     "Package: a\nVersion: 1\nArchitecture: all\nFilename: pool/a_1_all.deb\nSize: 9\nSHA256: {}\n",
///     "0".repeat(64),
/// );
/// let limits = Limits::default();
/// let mut reader = PackagesReader::new(text.as_bytes(), &limits, Origin::named("Packages"));
/// while let Some(package) = reader.next_package()? {
///     assert_eq!(package.to_record(&limits)?.size, 9);
/// }
/// # Ok::<(), mikron_deb::Deb822Error>(())
/// ```
#[derive(Debug)]
pub struct PackagesReader<'l, R> {
    stanzas: StanzaReader<R>,
    limits: &'l Limits,
    origin: Origin,
}

impl<'l, R: Read> PackagesReader<'l, R> {
    /// A reader of the unpacked text; `origin` names source and index in errors.
    pub fn new(input: R, limits: &'l Limits, origin: Origin) -> Self {
        Self {
            stanzas: StanzaReader::new(input, limits),
            limits,
            origin,
        }
    }

    /// The needed fields of the next package, checked; `None` at the end.
    ///
    /// # Errors
    /// When reading fails, a stanza is malformed, identity, `Filename`, `Size` or `SHA256` are missing, a needed field
    /// stands twice, `Filename` leads out of the repository, or a limit is exceeded.
    pub fn next_package(&mut self) -> Result<Option<RawFields<'_>>, Deb822Error> {
        let Self {
            stanzas,
            limits,
            origin,
        } = self;
        match Self::checked(stanzas, limits) {
            Ok(package) => Ok(package),
            Err(error) => Err(error.in_file(origin)),
        }
    }

    fn checked<'a>(
        stanzas: &'a mut StanzaReader<R>,
        limits: &Limits,
    ) -> Result<Option<RawFields<'a>>, Deb822Error> {
        let Some(stanza) = stanzas.next_stanza()? else {
            return Ok(None);
        };
        let end = stanza.offset() + stanza.bytes().len() as u64;
        LimitExceeded::check("index_unpacked", end, limits.index_unpacked)
            .map_err(|limit| Deb822Error::new(limit).at(stanza.line(), stanza.offset()))?;
        let package = RawFields::of(&stanza)?;
        package.check(limits)?;
        package.location()?;
        package.size()?;
        package.digest()?;
        Ok(Some(package))
    }
}
