//! The reader of `.apk` archives of the second format (apk-package(5)).
//!
//! It stands between the fetched archive and the facts: one forward pass over up to three gzip members, signatures first, then
//! the metadata, then every entry with its content as a stream. The members are one tar archive to apk, cut in pieces; each
//! piece is hashed as it passes: the metadata for signatures and index, the data for the metadata.

mod control;
pub(crate) mod info;
mod reader;

use std::io::Read;

pub use control::Control;
use mikron_package::{
    ArchiveError, ArchiveReader, Family, Limits, Origin, PackageDatabase, PackageFormat,
    VersionOrder,
};
pub use reader::ApkReader;

use crate::{ApkDatabase, ApkVersionOrder};

/// Alpine's package format.
///
/// ```
/// use mikron_apk::ApkFormat;
/// use mikron_package::{Limits, Origin, PackageFormat};
/// # let bytes = mikron_testkit::apk::ApkBuilder::new("hello", "1.0-r0", "x86_64")
/// #     .file("/usr/bin/hello", 0o755, b"hello").build();
/// let mut archive = ApkFormat.open(Box::new(&bytes[..]), &Limits::default(), &Origin::named("hello.apk"))?;
/// assert_eq!(archive.metadata().record.name.as_str(), "hello");
/// while let Some(entry) = archive.next_entry()? {
///     if entry.path.to_string() == "/usr/bin/hello" {
///         let mut content = String::new();
///         archive.body().read_to_string(&mut content).expect("the archive is whole");
///         assert_eq!(content, "hello");
///     }
/// }
/// # Ok::<(), mikron_package::ArchiveError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ApkFormat;

impl ApkFormat {
    /// As [`PackageFormat::open`], with access to what the archive is proved by.
    ///
    /// # Errors
    /// As [`PackageFormat::open`].
    pub fn open_apk<'a>(
        self,
        input: Box<dyn Read + Send + 'a>,
        limits: &Limits,
        origin: &Origin,
    ) -> Result<ApkReader<'a>, ArchiveError> {
        ApkReader::open(input, limits, origin).map_err(|error| error.in_archive(origin))
    }
}

impl PackageFormat for ApkFormat {
    fn family(&self) -> Family {
        Family::APK
    }

    /// gzip with no flags but those of its own header, or ADB, the third format, which is then refused by its name.
    fn recognises(&self, prefix: &[u8]) -> bool {
        prefix.starts_with(&[0x1f, 0x8b, 8]) || is_adb(prefix)
    }

    fn open<'a>(
        &self,
        input: Box<dyn Read + Send + 'a>,
        limits: &Limits,
        origin: &Origin,
    ) -> Result<Box<dyn ArchiveReader + 'a>, ArchiveError> {
        Ok(Box::new(self.open_apk(input, limits, origin)?))
    }

    fn order(&self) -> &'static dyn VersionOrder {
        &ApkVersionOrder
    }

    fn database(&self) -> Option<&dyn PackageDatabase> {
        Some(&ApkDatabase)
    }
}

/// Whether data are in the third format: `ADB` and how it is packed (`.` plain, `d` deflate, `c` by the bytes that follow).
pub(crate) fn is_adb(prefix: &[u8]) -> bool {
    matches!(prefix, [b'A', b'D', b'B', b'.' | b'd' | b'c', ..])
}

/// The third format by its name, as what it is not.
pub(crate) fn adb(what: &str) -> ArchiveError {
    ArchiveError::new(mikron_package::ArchiveErrorKind::Unsupported(format!(
        "apk v3 (ADB), the format of this {what},"
    )))
    .at(0)
}
