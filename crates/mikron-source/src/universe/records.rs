//! From records to a compact index, for the families whose index is no list of fields.

use mikron_deb::FieldId;
use mikron_package::{OddRecord, OddRecords, PackageRecord};

use super::compact::CompactIndex;
use super::write::{WriteError, Writer};

/// Builds a compact index out of records, one by one. Equal records in equal order give equal bytes.
///
/// ```
/// use mikron_package::{PackageRecord, Version};
/// use mikron_source::universe::IndexBuilder;
/// let mut builder = IndexBuilder::new("x86_64", &["x86_64", "noarch"]);
/// builder.add(&PackageRecord::new("nginx".parse()?, Version::new("1.26-1"), "x86_64"))?;
/// builder.add(&PackageRecord::new("nginx".parse()?, Version::new("1.26-1"), "aarch64"))?;
/// let index = builder.finish()?;
/// assert_eq!(index.len(), 1);
/// assert_eq!(index.record(0)?.name.as_str(), "nginx");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct IndexBuilder {
    writer: Writer,
    accepted: Vec<String>,
}

impl IndexBuilder {
    /// An index for an architecture, in the family's own word. Packages of other architectures than the accepted ones are
    /// left out.
    pub fn new(architecture: &str, accepted: &[&str]) -> Self {
        Self {
            writer: Writer::new(architecture),
            accepted: accepted.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    /// Adds a package.
    ///
    /// # Errors
    /// When the index grows too large, or requirements stand too deep in each other.
    pub fn add(&mut self, record: &PackageRecord) -> Result<(), WriteError> {
        if !self.accepted.contains(&record.arch) {
            return Ok(());
        }
        self.writer.begin()?;
        let identity = [
            record.name.as_str(),
            record.version.as_str(),
            record.arch.as_str(),
        ];
        for (id, value) in FieldId::ALL.into_iter().zip(identity) {
            self.writer.field(id, value.as_bytes());
        }
        self.writer
            .field(FieldId::Filename, record.location.as_bytes());
        if let Some(digest) = &record.digest {
            self.writer.field(FieldId::Sha256, digest.as_bytes());
        }
        self.writer.encode(record)?;
        self.writer.end(record.essential);
        Ok(())
    }

    /// Adds records that cannot be used, as far as they may be of an architecture that is accepted.
    pub(crate) fn leave_out(&mut self, odd: OddRecords) {
        let accepted = &self.accepted;
        let wanted = |odd: &OddRecord| odd.arch.is_empty() || accepted.contains(&odd.arch);
        self.writer.odd.extend(odd, wanted);
    }

    /// The index.
    ///
    /// # Errors
    /// When the index is too large.
    pub fn finish(self) -> Result<CompactIndex, WriteError> {
        self.writer.finish()
    }
}
