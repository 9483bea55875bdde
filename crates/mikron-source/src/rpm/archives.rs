//! Archives: where they lie, by digest, and who signed them.

use std::io::Read;

use mikron_package::{Digest, Origin, PackageRecord};
use mikron_rpm::archive::signed_header;

use super::{RpmRepository, Signed};
use crate::context::Context;
use crate::deb::Trust;
use crate::download::Wanted;
use crate::error::{SourceError, SourceErrorKind};
use crate::fetch::{below, join_location};
use crate::trust::{OpenPgp, TrustError};

impl RpmRepository {
    /// What to ask a [`Downloader`](crate::download::Downloader) for, to get an archive: its digest and size, and its location
    /// behind every base URL.
    ///
    /// ```
    /// use mikron_package::Digest;
    /// use mikron_source::preset::debian_keyring;
    /// use mikron_source::rpm::RpmRepository;
    /// let repository = RpmRepository::new("vendor", "https://example.org/$basearch/", debian_keyring());
    /// let wanted = repository.archive_at("Packages/a-1^2-3.x86_64.rpm", 9, Digest::of(b"x"))?;
    /// assert_eq!(wanted.urls, ["https://example.org/x86_64/Packages/a-1%5E2-3.x86_64.rpm"]);
    /// assert!(repository.archive_at("../x", 9, Digest::of(b"x")).is_err());
    /// # Ok::<(), mikron_source::SourceError>(())
    /// ```
    ///
    /// # Errors
    /// When the location leads out of the repository. A lock is text that anybody may have edited.
    pub fn archive_at(
        &self,
        location: &str,
        size: u64,
        digest: Digest,
    ) -> Result<Wanted, SourceError> {
        Ok(Wanted {
            name: location.rsplit('/').next().unwrap_or(location).to_owned(),
            digest,
            size,
            urls: self.urls_of(location)?,
        })
    }

    /// Where a file of the repository may be found.
    pub(super) fn urls_of(&self, location: &str) -> Result<Vec<String>, SourceError> {
        let location = &*below(location).map_err(|kind| self.error(kind))?;
        let of = |repository: &Self| -> Vec<String> {
            let bases = repository.current_bases();
            let all = bases.iter().chain(&repository.fallbacks);
            all.map(|base| join_location(base, location)).collect()
        };
        if !self.is_per_architecture() {
            return Ok(of(self));
        }
        let architectures = Self::of_location(location);
        let places = architectures.into_iter().map(|a| self.for_architecture(a));
        Ok(places.flat_map(|repository| of(&repository)).collect())
    }

    /// Gets an archive that the index proves by another checksum than SHA-256, and gives the record its digest.
    pub(super) fn pin_record(
        &self,
        context: &Context<'_>,
        record: &mut PackageRecord,
    ) -> Result<(), SourceError> {
        let (None, Some(checksum)) = (record.digest, &record.checksum) else {
            return Ok(());
        };
        let Some(checksum) = mikron_rpm::FileChecksum::of_record(checksum) else {
            return Ok(());
        };
        let size = Some(record.size).filter(|size| *size > 0);
        let name = record.location.rsplit('/').next().unwrap_or_default();
        let urls = self.urls_of(&record.location)?;
        let limit = context.limits.archive;
        let digest = self.checked(context, name, &urls, &checksum, size, limit)?;
        record.digest = Some(digest);
        Ok(())
    }

    /// Checks a fetched archive, where packages are what is signed: one of its signatures must be by a known key, and sign this
    /// header, and the header must prove the rest of the archive by a strong digest. That one is compared when it is read.
    pub(super) fn check_archive(
        &self,
        context: &Context<'_>,
        name: &str,
        archive: &mut dyn Read,
    ) -> Result<(), SourceError> {
        let (Trust::Keys(keyring), Signed::Packages) = (&self.trust, self.signed) else {
            return Ok(());
        };
        let origin = Origin {
            source: self.name.clone(),
            archive: name.to_owned(),
        };
        let header = signed_header(archive, context.limits, &origin).map_err(|error| {
            self.error(SourceErrorKind::Archive {
                error: Box::new(error),
            })
        })?;
        let untrusted = |error: TrustError| {
            let url = name.to_owned();
            self.error(SourceErrorKind::Untrusted { url, error })
        };
        let verifier = OpenPgp::new(keyring.clone(), context.now)
            .accept_expired_keys(self.options.allow_expired);
        let mut first = None;
        for signature in &header.signatures {
            match verifier.verify_detached(&header.bytes, &signature.packets) {
                Ok(_) if header.proves_payload => return Ok(()),
                Ok(signer) => {
                    return Err(untrusted(TrustError::WeakDigests {
                        key: signer.fingerprint,
                        seen: header.digests.iter().map(ToString::to_string).collect(),
                    }));
                }
                Err(error) => first = first.or(Some(error)),
            }
        }
        Err(untrusted(first.unwrap_or(TrustError::Unsigned)))
    }
}
