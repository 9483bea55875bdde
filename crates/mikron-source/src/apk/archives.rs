//! Archives: where they lie, and how one whose digest nobody gives gets into the cache.

use std::io::{self, Read, Write as _};
use std::sync::Arc;

use mikron_apk::ApkFormat;
use mikron_package::{
    ArchiveError, ArchiveErrorKind, ArchiveReader as _, Checksum, Digest, Origin, PackageRecord,
    check_identity,
};

use super::ApkRepository;
use crate::cache::{BlobWriter, CacheError};
use crate::context::Context;
use crate::download::{Refusal, Wanted};
use crate::error::SourceError;
use crate::fetch::{below, join_location};

/// The namespace that says which digest the archive of a checksum has.
const NAMESPACE: &str = "apk-archive-1";

impl ApkRepository {
    /// The directory of an architecture that a location begins with, for messages.
    fn arch_of(location: &str) -> &str {
        location.split('/').next().unwrap_or_default()
    }

    /// Where a file of the repository may be found.
    fn urls_of(&self, location: &str) -> Result<Vec<String>, SourceError> {
        let location = &*below(location).map_err(|kind| self.error("", kind))?;
        let url = |base: &String| join_location(base, location);
        Ok(self.all_bases().map(url).collect())
    }

    /// An archive by its digest, behind every base URL.
    pub(super) fn wanted(
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

    /// Finds the digest of an archive: it is known from an earlier time, or the archive is fetched and checked against the
    /// checksum of the index on its way into the cache.
    pub(super) fn find_digest(
        &self,
        context: &Context<'_>,
        record: &PackageRecord,
        sha1: [u8; 20],
    ) -> Result<Digest, SourceError> {
        // Two archives may have one control member: the data that it names are proved, and only how they are packed and who
        // signed may differ. The size keeps them apart as far as the index does.
        let key = [&sha1[..], &record.size.to_le_bytes()].concat();
        if let Some(known) = context.cache.derived(NAMESPACE, &key)
            && let Ok(digest) = <[u8; 32]>::try_from(known)
        {
            return Ok(Digest::from_bytes(digest));
        }
        let arch = Self::arch_of(&record.location);
        let name = record.location.rsplit('/').next().unwrap_or_default();
        let urls = self.urls_of(&record.location)?;
        let digest = context
            .downloader()
            .stream(name, &urls, record.size, &mut |body| {
                self.admit(context, record, body)
            })
            .map_err(|error| self.error(arch, error))?;
        let stored = context
            .cache
            .put_derived(NAMESPACE, &key, digest.as_bytes());
        stored.map_err(|error| self.error(arch, error))?;
        Ok(digest)
    }

    /// Writes an archive into the cache while it is read, and publishes it only if it is the one that the index means, whole
    /// and with nothing behind it. Its data are unpacked by whoever reads its entries, and by nobody before.
    fn admit(
        &self,
        context: &Context<'_>,
        record: &PackageRecord,
        body: &mut (dyn Read + Send),
    ) -> Result<Digest, Refusal> {
        let origin = Origin {
            source: self.name.clone(),
            archive: record.location.clone(),
        };
        let mut writer = context.cache.blob_writer().map_err(Refusal::Cache)?;
        let mut fault = None;
        let copied = Copied {
            input: body,
            writer: &mut writer,
            fault: &mut fault,
        };
        let read = || -> Result<PackageRecord, ArchiveError> {
            let reader = ApkFormat.open_apk(Box::new(copied), context.limits, &origin)?;
            let record = reader.metadata().record.clone();
            reader.prove()?;
            Ok(record)
        };
        let found = read();
        if let Some(error) = fault {
            let action = CacheError::at(context.cache.path(), "write a blob in");
            return Err(Refusal::Cache(action(error)));
        }
        let found = found.map_err(refusal)?;
        check_identity(record, &found).map_err(|error| Refusal::Content(error.to_string()))?;
        writer.finish().map_err(Refusal::Cache)
    }

    /// Sets the digest of a record that has a checksum of this kind and no digest yet.
    pub(super) fn pin_record(
        &self,
        context: &Context<'_>,
        record: &mut PackageRecord,
    ) -> Result<(), SourceError> {
        if let (None, Some(Checksum::ApkControl(sha1))) = (record.digest, record.checksum) {
            record.digest = Some(self.find_digest(context, record, sha1)?);
        }
        Ok(())
    }
}

/// A fault of the stream is no fault of the archive.
fn refusal(error: ArchiveError) -> Refusal {
    match error.kind {
        ArchiveErrorKind::Io(error) => Refusal::Read(
            Arc::try_unwrap(error)
                .unwrap_or_else(|error| io::Error::new(error.kind(), error.to_string())),
        ),
        _ => Refusal::Content(error.to_string()),
    }
}

/// A stream that is written down as it is read.
struct Copied<'a, 'c> {
    input: &'a mut (dyn Read + Send),
    writer: &'a mut BlobWriter<'c>,
    /// What writing met.
    fault: &'a mut Option<io::Error>,
}

impl Read for Copied<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.input.read(buffer)?;
        if let Err(error) = self.writer.write_all(&buffer[..n]) {
            let kind = error.kind();
            *self.fault = Some(error);
            return Err(kind.into());
        }
        Ok(n)
    }
}
