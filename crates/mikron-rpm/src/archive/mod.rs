//! The reader of `.rpm` archives: lead, signature header, main header, payload.
//!
//! It stands between the fetched archive and the facts: one forward pass, metadata first, then every entry with its content as
//! a stream. Every digest that the archive carries is checked on the way; nothing that it names ever touches the host.

mod digest;
pub(crate) mod files;
mod lead;
pub(crate) mod metadata;
mod payload;
mod proof;
mod reader;
mod scripts;
mod signature;

use std::io::Read;

use mikron_package::{
    ArchiveError, ArchiveReader, Family, Limits, Origin, PackageFormat, VersionOrder,
};

use crate::version::RpmVersionOrder;
pub use digest::DigestAlgorithm;
pub use proof::{ArchiveDigest, Digested};
pub use signature::{HeaderSignature, SignedHeader, signed_header};

/// RPM's package format.
///
/// ```
/// use mikron_package::{Limits, Origin, PackageFormat};
/// use mikron_rpm::RpmFormat;
/// # let bytes = mikron_testkit::rpm::RpmBuilder::new("hello", "1.0", "1", "noarch")
/// #     .file("/usr/bin/hello", 0o755, b"hello").build();
/// let mut archive = RpmFormat.open(Box::new(&bytes[..]), &Limits::default(), &Origin::named("hello.rpm"))?;
/// assert_eq!(archive.metadata().record.version.as_str(), "1.0-1");
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
pub struct RpmFormat;

impl PackageFormat for RpmFormat {
    fn family(&self) -> Family {
        Family::RPM
    }

    fn recognises(&self, prefix: &[u8]) -> bool {
        prefix.starts_with(&lead::MAGIC)
    }

    fn open<'a>(
        &self,
        input: Box<dyn Read + Send + 'a>,
        limits: &Limits,
        origin: &Origin,
    ) -> Result<Box<dyn ArchiveReader + 'a>, ArchiveError> {
        let reader = reader::RpmReader::open(input, limits, origin)
            .map_err(|error| error.in_archive(origin))?;
        Ok(Box::new(reader))
    }

    fn order(&self) -> &'static dyn VersionOrder {
        &RpmVersionOrder
    }

    #[cfg(feature = "database")]
    fn database(&self) -> Option<&dyn mikron_package::PackageDatabase> {
        Some(&crate::RpmDatabase)
    }
}
