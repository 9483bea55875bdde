//! Archives: where they lie, by digest.

use mikron_package::{Digest, PackageRecord};

use super::{DebRepository, SourceError};
use crate::download::Wanted;
use crate::fetch::{below, join_location};

impl DebRepository {
    /// What to ask a [`Downloader`](crate::download::Downloader) for, to get the archive of a package: its digest and size,
    /// and its location behind every base URL.
    ///
    /// ```
    /// use mikron_package::{Digest, PackageRecord, Version};
    /// use mikron_source::deb::DebRepository;
    /// use mikron_source::preset::debian_keyring;
    /// let repository = DebRepository::new("vendor", "https://example.org/debian", "stable", debian_keyring());
    /// let wanted = repository.archive("pool/main/n/nginx/nginx_1.22_amd64.deb", 9, Digest::of(b"x"))?;
    /// assert_eq!(wanted.urls, ["https://example.org/debian/pool/main/n/nginx/nginx_1.22_amd64.deb"]);
    /// assert!(repository.archive("../x", 9, Digest::of(b"x")).is_err());
    /// # Ok::<(), mikron_source::deb::SourceError>(())
    /// ```
    ///
    /// # Errors
    /// When the location leads out of the repository. A lock is text that anybody may have edited.
    pub fn archive(
        &self,
        location: &str,
        size: u64,
        digest: Digest,
    ) -> Result<Wanted, SourceError> {
        let location = &*below(location).map_err(|kind| self.error(kind))?;
        Ok(Wanted {
            name: location.rsplit('/').next().unwrap_or(location).to_owned(),
            digest,
            size,
            urls: self
                .all_bases()
                .map(|base| join_location(base, location))
                .collect(),
        })
    }

    /// The same, from a record of its index; `None` when the record has no digest.
    ///
    /// # Errors
    /// As [`DebRepository::archive`].
    pub fn archive_of(&self, record: &PackageRecord) -> Result<Option<Wanted>, SourceError> {
        record
            .digest
            .map(|digest| self.archive(&record.location, record.size, digest))
            .transpose()
    }
}
