//! The reader of `.deb` archives (deb(5)).
//!
//! It stands between the fetched archive and the facts: one forward pass, metadata first, then every entry with its
//! content as a stream. What dpkg refuses is refused; nothing that an archive names ever touches the host.

mod conffiles;
mod control;
mod reader;

use std::io::Read;

use mikron_package::{
    ArchiveError, ArchiveReader, Family, Limits, Origin, PackageDatabase, PackageFormat,
    VersionOrder,
};

use crate::{DebDatabase, DebVersionOrder};

/// Debian's package format.
///
/// ```
/// use mikron_deb::archive::DebFormat;
/// use mikron_package::{Limits, Origin, PackageFormat};
/// # let bytes = mikron_testkit::archive::DebBuilder::new("hello", "1.0", "amd64")
/// #     .file("/usr/bin/hello", 0o755, b"hello").build();
/// let mut archive = DebFormat.open(Box::new(&bytes[..]), &Limits::default(), &Origin::named("hello.deb"))?;
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
pub struct DebFormat;

impl PackageFormat for DebFormat {
    fn family(&self) -> Family {
        Family::DEB
    }

    fn recognises(&self, prefix: &[u8]) -> bool {
        const START: &[u8] = b"!<arch>\ndebian-binary";
        let n = prefix.len().min(START.len());
        n >= 8 && prefix[..n] == START[..n]
    }

    fn open<'a>(
        &self,
        input: Box<dyn Read + Send + 'a>,
        limits: &Limits,
        origin: &Origin,
    ) -> Result<Box<dyn ArchiveReader + 'a>, ArchiveError> {
        let reader = reader::DebReader::open(input, limits, origin)
            .map_err(|error| error.in_archive(origin))?;
        Ok(Box::new(reader))
    }

    fn order(&self) -> &'static dyn VersionOrder {
        &DebVersionOrder
    }

    fn database(&self) -> Option<&dyn PackageDatabase> {
        Some(&DebDatabase)
    }
}
