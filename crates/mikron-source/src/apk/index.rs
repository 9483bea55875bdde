//! The packages of an index in compact form: read once, and then opened without parsing.

use std::io::{self, Read};
use std::sync::Arc;

use mikron_apk::{IndexReader, IndexSummary};
use mikron_package::Digest;

use super::{ApkRepository, VerifiedIndex, index_path};
use crate::cache::{CacheError, CorruptBlob};
use crate::context::Context;
use crate::download::{DownloadError, Wanted};
use crate::error::{MetadataError, SourceError, SourceErrorKind};
use crate::fetch::{join_location, redact};
use crate::universe::{CompactIndex, IndexBuilder};

/// The namespace of compact indexes in the cache. The number changes with their form.
const NAMESPACE: &str = "apk-index-3";

fn key(arch: &str, digest: &Digest) -> Vec<u8> {
    format!("{digest} {arch}").into_bytes()
}

/// What reading an index into a compact one can meet.
struct Fault(MetadataError);

impl<E: Into<MetadataError>> From<E> for Fault {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl ApkRepository {
    /// Reads a verified index.
    pub(super) fn compact(
        &self,
        context: &Context<'_>,
        arch: &str,
        input: impl Read,
        url: &str,
    ) -> Result<(CompactIndex, IndexSummary), SourceError> {
        let read = || -> Result<_, Fault> {
            let mut builder = IndexBuilder::new(arch, &[arch, "noarch"]);
            let reader = IndexReader::new(input, arch, context.limits, &self.origin(arch))?;
            let mut summary = reader.read(|record| builder.add(&record).map_err(Fault::from))?;
            builder.leave_out(std::mem::take(&mut summary.odd));
            Ok((builder.finish()?, summary))
        };
        read().map_err(|Fault(error)| {
            let url = redact(url);
            self.error(arch, SourceErrorKind::Malformed { url, error })
        })
    }

    /// Stores the compact form.
    pub(super) fn keep_compact(
        &self,
        context: &Context<'_>,
        arch: &str,
        digest: &Digest,
        compact: &CompactIndex,
    ) -> Result<(), SourceError> {
        let key = key(arch, digest);
        let stored = context
            .cache
            .put_derived(NAMESPACE, &key, compact.as_bytes());
        stored.map_err(|error| self.error(arch, error))
    }

    /// The compact form of an index that was verified before: out of the cache, made from the cached file, or fetched anew by
    /// its digest.
    pub(super) fn open_index(
        &self,
        context: &Context<'_>,
        arch: &str,
        verified: &VerifiedIndex,
    ) -> Result<Arc<CompactIndex>, SourceError> {
        let key = key(arch, &verified.digest);
        let known = || CompactIndex::open(context.cache.derived(NAMESPACE, &key)?).ok();
        if let Some(index) = known() {
            return Ok(Arc::new(index));
        }
        let claim = context.cache.claim(NAMESPACE, &key, true);
        let _claim = claim.map_err(|error| self.error(arch, error))?;
        if let Some(index) = known() {
            return Ok(Arc::new(index));
        }
        let path = index_path(arch);
        let compact = match self.compact_of_blob(context, arch, verified, &path)? {
            Some(compact) => compact,
            None => self.compact_of_download(context, arch, verified, &path)?,
        };
        self.keep_compact(context, arch, &verified.digest, &compact)?;
        Ok(Arc::new(compact))
    }

    /// Makes the compact form from the published file, when the cache has it.
    fn compact_of_blob(
        &self,
        context: &Context<'_>,
        arch: &str,
        verified: &VerifiedIndex,
        path: &str,
    ) -> Result<Option<CompactIndex>, SourceError> {
        let blob = context.cache.open_blob(&verified.digest);
        let Some(mut blob) = blob.map_err(|error| self.error(arch, error))? else {
            return Ok(None);
        };
        let parsed = self.compact(context, arch, &mut blob, path);
        // The digest is checked at the very end, which the parser need not have reached.
        match io::copy(&mut blob, &mut io::sink()) {
            Ok(_) => Ok(Some(parsed?.0)),
            Err(error)
                if error
                    .get_ref()
                    .is_some_and(<dyn std::error::Error + Send + Sync>::is::<CorruptBlob>) =>
            {
                Ok(None)
            }
            Err(error) => {
                let action = CacheError::at(context.cache.path(), "read a blob in");
                Err(self.error(arch, action(error)))
            }
        }
    }

    fn compact_of_download(
        &self,
        context: &Context<'_>,
        arch: &str,
        verified: &VerifiedIndex,
        path: &str,
    ) -> Result<CompactIndex, SourceError> {
        let wanted = Wanted {
            name: path.to_owned(),
            digest: verified.digest,
            size: verified.size,
            urls: self
                .all_bases()
                .map(|base| join_location(base, path))
                .collect(),
        };
        match context.downloader().get(&wanted) {
            Ok(file) => Ok(self.compact(context, arch, file, path)?.0),
            Err(DownloadError::Cache(error)) => Err(self.error(arch, error)),
            Err(DownloadError::Offline { .. }) => Err(self.error(arch, SourceErrorKind::Offline)),
            Err(error) => Err(self.error(
                arch,
                SourceErrorKind::Index {
                    path: path.to_owned(),
                    error,
                },
            )),
        }
    }
}
