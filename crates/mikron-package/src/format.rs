//! The traits that a package format implements.

use std::io::Read;

use serde::{Deserialize, Serialize};

use crate::{
    ArchiveError, Entry, Family, Limits, Origin, PackageDatabase, PackageRecord, RootPath, Script,
    VersionOrder,
};

/// One package format: how to recognise and open its archives, and how its versions are ordered.
///
/// ```
/// use mikron_package::{ArchiveError, Limits, Origin, PackageFormat};
///
/// /// Lists the paths of any archive, whatever its format.
/// fn paths(format: &dyn PackageFormat, bytes: &[u8]) -> Result<Vec<String>, ArchiveError> {
///     let mut archive = format.open(Box::new(bytes), &Limits::default(), &Origin::named("example"))?;
///     let mut paths = Vec::new();
///     while let Some(entry) = archive.next_entry()? {
///         paths.push(entry.path.to_string());
///     }
///     Ok(paths)
/// }
/// ```
pub trait PackageFormat: Send + Sync {
    /// The family of the format.
    fn family(&self) -> Family;

    /// Whether an archive that begins with `prefix` (at least 8 bytes, where it has them) looks like this format.
    fn recognises(&self, prefix: &[u8]) -> bool;

    /// Opens an archive and reads its metadata; the entries follow as they are asked for.
    ///
    /// # Errors
    /// When the input is not an archive of this format, or its metadata break a rule or a limit.
    fn open<'a>(
        &self,
        input: Box<dyn Read + Send + 'a>,
        limits: &Limits,
        origin: &Origin,
    ) -> Result<Box<dyn ArchiveReader + 'a>, ArchiveError>;

    /// How versions of this family are ordered.
    fn order(&self) -> &'static dyn VersionOrder;

    /// What writes the family's package database into an image; `None` where the format has none.
    fn database(&self) -> Option<&dyn PackageDatabase> {
        None
    }
}

impl<T: PackageFormat + ?Sized> PackageFormat for &T {
    fn family(&self) -> Family {
        (**self).family()
    }
    fn recognises(&self, prefix: &[u8]) -> bool {
        (**self).recognises(prefix)
    }
    fn open<'a>(
        &self,
        input: Box<dyn Read + Send + 'a>,
        limits: &Limits,
        origin: &Origin,
    ) -> Result<Box<dyn ArchiveReader + 'a>, ArchiveError> {
        (**self).open(input, limits, origin)
    }
    fn order(&self) -> &'static dyn VersionOrder {
        (**self).order()
    }
    fn database(&self) -> Option<&dyn PackageDatabase> {
        (**self).database()
    }
}

/// An open archive: its metadata at once, its entries one by one, in one forward pass.
///
/// After [`ArchiveReader::next_entry`] returned a regular file, [`ArchiveReader::body`] reads its content; what is not
/// read is skipped by the next call. When `next_entry` has returned `None`, the whole archive was read and every check
/// that its format has (member sizes, end marks, trailing bytes) has passed.
pub trait ArchiveReader: Send {
    /// What the archive says of itself.
    fn metadata(&self) -> &ArchiveMetadata;

    /// The next entry, in the archive's order; `None` at the end.
    ///
    /// # Errors
    /// When the archive is malformed, truncated, or exceeds a limit. After an error the reader is of no further use.
    fn next_entry(&mut self) -> Result<Option<Entry>, ArchiveError>;

    /// The content of the entry that was returned last; empty for what is not a regular file. An error of the archive
    /// surfaces as an [`std::io::Error`] whose inner error is the [`ArchiveError`].
    fn body(&mut self) -> &mut dyn Read;

    /// What is odd about the archive and was passed over, as sentences; known when `next_entry` has returned `None`.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}

impl<T: ArchiveReader + ?Sized> ArchiveReader for Box<T> {
    fn metadata(&self) -> &ArchiveMetadata {
        (**self).metadata()
    }
    fn next_entry(&mut self) -> Result<Option<Entry>, ArchiveError> {
        (**self).next_entry()
    }
    fn body(&mut self) -> &mut dyn Read {
        (**self).body()
    }
    fn notes(&self) -> Vec<String> {
        (**self).notes()
    }
}

/// What an archive says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveMetadata {
    /// Its own record; location, size and digest are not set.
    pub record: PackageRecord,
    /// All metadata fields in the archive's order, unfolded, for `inspect` and for package databases.
    pub fields: Vec<(String, String)>,
    /// Maintainer scripts. None is ever run; each is listed with what a finalizer covered.
    pub scripts: Vec<Script>,
    /// Configuration files (deb `conffiles`, rpm `%config`).
    pub config_files: Vec<RootPath>,
    /// Entries that the package owns and does not bring (rpm's `%ghost`).
    #[serde(default)]
    pub ghosts: Vec<Entry>,
    /// Further control members by name (deb's `shlibs`, `triggers`, `md5sums`; rpm's `header` without its magic), as bytes.
    pub extra: Vec<(String, Vec<u8>)>,
}
