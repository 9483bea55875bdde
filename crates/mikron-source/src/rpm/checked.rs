//! Files by any checksum, into a cache that knows SHA-256 alone.
//!
//! Where a repository publishes SHA-256, the downloader does all of it. For the others the checksum is computed on the way, and
//! the digest that the file turned out to have is remembered beside it.

use std::io::{Read as _, Write as _};

use mikron_package::{Digest, LimitExceeded};
use mikron_rpm::FileChecksum;

use super::RpmRepository;
use crate::cache::CacheError;
use crate::context::Context;
use crate::download::{Attempt, DownloadError, Wanted};
use crate::error::{SourceError, SourceErrorKind};
use crate::fetch::{FetchError, Request, redact};

/// The namespace of digests by checksum in the cache.
const NAMESPACE: &str = "checksum-1";

/// Bytes are moved in pieces of this size.
const PIECE: usize = 128 << 10;

impl RpmRepository {
    /// Brings a file with this checksum into the cache, where it is not there yet, and says its digest.
    pub(super) fn checked(
        &self,
        context: &Context<'_>,
        name: &str,
        urls: &[String],
        checksum: &FileChecksum,
        size: Option<u64>,
        limit: u64,
    ) -> Result<Digest, SourceError> {
        let too_large = |error: LimitExceeded| {
            self.error(SourceErrorKind::TooLarge {
                name: name.to_owned(),
                error,
            })
        };
        LimitExceeded::check("index", size.unwrap_or(0), limit).map_err(too_large)?;
        if let (Some(digest), Some(size)) = (checksum.sha256(), size) {
            let wanted = Wanted {
                name: name.to_owned(),
                digest,
                size,
                urls: urls.to_vec(),
            };
            return match context.downloader().get(&wanted) {
                Ok(_) => Ok(digest),
                Err(DownloadError::Cache(error)) => Err(self.error(error)),
                Err(DownloadError::Offline { .. }) => Err(self.error(SourceErrorKind::Offline)),
                Err(error) => Err(self.error(SourceErrorKind::Index {
                    path: name.to_owned(),
                    error,
                })),
            };
        }
        let key = checksum.to_string();
        if let Some(known) = context.cache.derived(NAMESPACE, key.as_bytes())
            && let Ok(bytes) = <[u8; 32]>::try_from(known)
        {
            let digest = Digest::from_bytes(bytes);
            let there = context.cache.verified(&digest);
            if there.map_err(|error| self.error(error))?.is_some() {
                return Ok(digest);
            }
        }
        if context.is_cut_off(urls) {
            return Err(self.error(SourceErrorKind::Offline));
        }
        let digest = self.fetch_first(context, name, urls, checksum, size.unwrap_or(limit))?;
        let stored = context
            .cache
            .put_derived(NAMESPACE, key.as_bytes(), digest.as_bytes());
        stored.map_err(|error| self.error(error))?;
        Ok(digest)
    }

    /// From the first location that has what is promised.
    fn fetch_first(
        &self,
        context: &Context<'_>,
        name: &str,
        urls: &[String],
        checksum: &FileChecksum,
        limit: u64,
    ) -> Result<Digest, SourceError> {
        let mut first_error = None;
        for url in urls {
            match self.fetch_one(context, name, url, checksum, limit) {
                Ok(digest) => return Ok(digest),
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        Err(first_error.unwrap_or_else(|| {
            self.error(DownloadError::Failed {
                name: name.to_owned(),
                attempts: Vec::new(),
            })
        }))
    }

    fn fetch_one(
        &self,
        context: &Context<'_>,
        name: &str,
        url: &str,
        checksum: &FileChecksum,
        limit: u64,
    ) -> Result<Digest, SourceError> {
        let failed = |error: FetchError| {
            let attempt = Attempt {
                url: redact(url),
                failure: error.into(),
            };
            self.error(DownloadError::Failed {
                name: name.to_owned(),
                attempts: vec![attempt],
            })
        };
        let response = context.fetch.fetch(&Request::get(url)).map_err(failed)?;
        let mut body = response.body.take(limit.saturating_add(1));
        let mut writer = context.cache.blob_writer().map_err(|e| self.error(e))?;
        let mut hasher = checksum.hasher();
        let mut buffer = vec![0; PIECE];
        loop {
            let n = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => n,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(failed(FetchError::from_io(url, error))),
            };
            hasher.update(&buffer[..n]);
            let written = writer.write_all(&buffer[..n]);
            let action = CacheError::at(context.cache.path(), "write a blob in");
            written.map_err(action).map_err(|error| self.error(error))?;
        }
        let found = hasher.finish();
        if found != *checksum {
            return Err(self.error(SourceErrorKind::Checksum {
                url: redact(url),
                promised: checksum.to_string(),
                found: found.to_string(),
            }));
        }
        writer.finish().map_err(|error| self.error(error))
    }
}
