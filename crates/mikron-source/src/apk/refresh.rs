//! The index of an architecture: fetched, verified, judged by its age, and remembered.

use std::sync::Arc;

use mikron_apk::{IndexError, WeakSignatures, read_index_seal, verify};
use mikron_package::{Digest, LimitExceeded, Origin};
use serde::{Deserialize, Serialize};

use super::{ApkPublished, ApkRepository, ApkTrust, VerifiedIndex, index_path};
use crate::context::Context;
use crate::download::Small;
use crate::error::{SourceError, SourceErrorKind};
use crate::fetch::{Validator, join_location, redact};
use crate::trust::TrustError;
use crate::universe::CompactIndex;

/// What is remembered of an index between builds. It is written only when all of it held.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Seen {
    /// When a server last confirmed it, in seconds since 1970.
    checked_at: i64,
    /// The file's version at the base with this digest.
    base: Digest,
    validator: Validator,
    verified: VerifiedIndex,
}

/// A verified index, and its packages where it is not the one that was remembered.
struct Candidate {
    verified: VerifiedIndex,
    validator: Validator,
    fresh: Option<(Vec<u8>, CompactIndex)>,
}

impl ApkRepository {
    /// Refreshes the index of an architecture, in Alpine's word for it.
    pub(super) fn refresh(
        &self,
        context: &Context<'_>,
        arch: &str,
    ) -> Result<ApkPublished, SourceError> {
        let seen = self.seen(context, arch);
        if let Some(seen) = &seen
            && context.keeps(seen.checked_at, &self.bases)
        {
            // Even what is fresh here may be older than a lock.
            let verdict = self.check_floor(&seen.verified, arch);
            if context.offline || verdict.is_ok() {
                verdict?;
                return Ok(self.published(arch, &seen.verified));
            }
        }
        if context.is_cut_off(&self.bases) {
            return Err(self.error(arch, SourceErrorKind::Offline));
        }
        let mut first_error = None;
        for (place, base) in self.bases.iter().enumerate() {
            let known = seen.as_ref().filter(|seen| seen.base == base_digest(base));
            let result = self
                .candidate(context, arch, base, known)
                .and_then(|candidate| self.complete(context, arch, base, candidate, seen.as_ref()));
            match result {
                Ok(published) => return Ok(published),
                Err(error) => {
                    if place + 1 < self.bases.len() {
                        context.warn(&format!("{error}; trying the next location"));
                    }
                    first_error.get_or_insert(error);
                }
            }
        }
        Err(first_error.unwrap_or_else(|| self.error(arch, SourceErrorKind::NoLocation)))
    }

    /// Fetches the index from one base, verifies it, and reads its packages.
    fn candidate(
        &self,
        context: &Context<'_>,
        arch: &str,
        base: &str,
        known: Option<&Seen>,
    ) -> Result<Candidate, SourceError> {
        let path = index_path(arch);
        let url = join_location(base, &path);
        let unless = known.map(|seen| &seen.validator);
        let small = context.downloader().small(
            &path,
            std::slice::from_ref(&url),
            context.limits.index,
            unless,
        );
        let Small {
            bytes, validator, ..
        } = small.map_err(|error| self.error(arch, error))?;
        let Some(bytes) = bytes else {
            // 304 comes only in answer to a condition, and the condition only from what is remembered.
            let verified = known.map(|seen| seen.verified.clone());
            let verified = verified.ok_or_else(|| self.error(arch, SourceErrorKind::Offline))?;
            return Ok(Candidate {
                verified,
                validator,
                fresh: None,
            });
        };
        let digest = Digest::of(&bytes);
        if let Some(seen) = known.filter(|seen| seen.verified.digest == digest) {
            return Ok(Candidate {
                verified: seen.verified.clone(),
                validator,
                fresh: None,
            });
        }
        let malformed = |error: IndexError| {
            self.error(
                arch,
                SourceErrorKind::Malformed {
                    url: redact(&url),
                    error: error.into(),
                },
            )
        };
        let size = bytes.len() as u64;
        LimitExceeded::check("index", size, context.limits.index)
            .map_err(|error| malformed(IndexError::new(error)))?;
        let key = self.signer(context, arch, &bytes, &url, &malformed)?;
        let (compact, summary) = self.compact(context, arch, &bytes[..], &url)?;
        Ok(Candidate {
            verified: VerifiedIndex {
                digest,
                size,
                key,
                date: summary.newest,
            },
            validator,
            fresh: Some((bytes, compact)),
        })
    }

    /// The key that signed the index; nothing that it covers is unpacked before.
    fn signer(
        &self,
        context: &Context<'_>,
        arch: &str,
        bytes: &[u8],
        url: &str,
        malformed: &dyn Fn(IndexError) -> SourceError,
    ) -> Result<String, SourceError> {
        let ApkTrust::Keys(keys) = &self.trust else {
            return Ok(String::new());
        };
        let seal = read_index_seal(bytes, context.limits, &self.origin(arch)).map_err(malformed)?;
        let weak = if self.options.allow_weak_signature {
            WeakSignatures::Allow
        } else {
            WeakSignatures::Refuse
        };
        let key = verify(&seal.signatures, &seal.covered, keys.keys(), weak).map_err(|error| {
            self.error(
                arch,
                SourceErrorKind::Untrusted {
                    url: redact(url),
                    error: TrustError::from(error),
                },
            )
        })?;
        Ok(key.name().to_owned())
    }

    /// Judges the age of a verified index, keeps it and its packages, and remembers it at the end.
    fn complete(
        &self,
        context: &Context<'_>,
        arch: &str,
        base: &str,
        candidate: Candidate,
        seen: Option<&Seen>,
    ) -> Result<ApkPublished, SourceError> {
        let date = candidate.verified.date;
        let newer = seen.filter(|seen| seen.verified.date > date && !self.options.allow_older);
        if let Some(seen) = newer {
            // The old is kept, and said: it was verified, and is newer than what came.
            self.check_floor(&seen.verified, arch)?;
            let kind = SourceErrorKind::OlderIndex {
                date,
                seen: seen.verified.date,
                by_lock: false,
            };
            context.warn(&format!(
                "{}; the newer one is kept",
                self.error(arch, kind)
            ));
            return Ok(self.published(arch, &seen.verified));
        }
        self.check_floor(&candidate.verified, arch)?;
        let published = self.published(arch, &candidate.verified);
        if let Some((bytes, compact)) = candidate.fresh {
            let stored = context.cache.put_blob(&bytes);
            stored.map_err(|error| self.error(arch, error))?;
            self.keep_compact(context, arch, &candidate.verified.digest, &compact)?;
            published.set(Arc::new(compact));
        }
        let seen = Seen {
            checked_at: context.now,
            base: base_digest(base),
            validator: candidate.validator,
            verified: candidate.verified,
        };
        let record = postcard::to_stdvec(&seen).ok();
        let updated = context
            .cache
            .update_state(&self.state_name(arch), |_| record);
        updated.map_err(|error| self.error(arch, error))?;
        Ok(published)
    }

    fn published(&self, arch: &str, verified: &VerifiedIndex) -> ApkPublished {
        ApkPublished::new(self.clone(), arch, verified.clone())
    }

    /// Whether an index is at least as new as the one that the lock was made from.
    fn check_floor(&self, verified: &VerifiedIndex, arch: &str) -> Result<(), SourceError> {
        match self.not_before {
            Some(seen) if verified.date < seen && !self.options.allow_older => {
                let kind = SourceErrorKind::OlderIndex {
                    date: verified.date,
                    seen,
                    by_lock: true,
                };
                Err(self.error(arch, kind))
            }
            _ => Ok(()),
        }
    }

    /// The name of what is remembered. Other keys or another policy make another name: what they verified counts for
    /// nothing here.
    fn state_name(&self, arch: &str) -> String {
        let keys = match &self.trust {
            ApkTrust::Keys(keys) => keys.identity().hex(),
            ApkTrust::Unsigned => "unsigned".to_owned(),
        };
        let weak = self.options.allow_weak_signature;
        format!("apk index 1 {} {arch} {keys} {weak}", self.identity)
    }

    fn seen(&self, context: &Context<'_>, arch: &str) -> Option<Seen> {
        postcard::from_bytes(&context.cache.state(&self.state_name(arch))?).ok()
    }

    /// The index, for messages.
    pub(super) fn origin(&self, arch: &str) -> Origin {
        Origin {
            source: self.name.clone(),
            archive: index_path(arch),
        }
    }
}

/// A base URL may hold credentials, so its digest stands for it on disk.
fn base_digest(base: &str) -> Digest {
    Digest::of(base.trim_end_matches('/').as_bytes())
}
