//! `repomd.xml`: fetched, verified, judged by its age, and remembered.

use std::sync::Arc;

use mikron_package::{Architecture, Digest, Origin, threads};
use mikron_rpm::{Metalink, RepomdError, parse_repomd};
use serde::{Deserialize, Serialize};

use super::published::RpmPublished;
use super::{REPOMD, RpmRepository, Signed, VerifiedRepomd};
use crate::context::Context;
use crate::deb::Trust;
use crate::error::{SourceError, SourceErrorKind};
use crate::fetch::{Validator, join_location, redact};
use crate::trust::{OpenPgp, Signer, TrustError};

/// How far the metadata may be from the future, in seconds.
const CLOCK_SKEW: i64 = 3600;

/// What is remembered of a repository between builds. It is written only when all of it held.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Seen {
    /// When a server last confirmed it, in seconds since 1970.
    checked_at: i64,
    /// The file's version at the base with this digest.
    base: Digest,
    validator: Validator,
    verified: VerifiedRepomd,
    /// The base URLs that a mirror list named.
    mirrors: Vec<String>,
}

/// A `repomd.xml`, and where it comes from.
struct Candidate {
    verified: VerifiedRepomd,
    validator: Validator,
    /// Whether it is what was remembered.
    known: bool,
}

impl RpmRepository {
    /// Asks what is published for these architectures, which all lie in this one place.
    pub(super) fn refresh(
        &self,
        context: &Context<'_>,
        architectures: &[Architecture],
    ) -> Result<Vec<Arc<RpmPublished>>, SourceError> {
        let seen = self.seen(context);
        if let Some(seen) = &seen {
            self.remember_mirrors(&seen.mirrors);
            if context.keeps(seen.checked_at, &self.bases) {
                // Even what is fresh here may be older than a lock.
                let verdict = self
                    .judge(&seen.verified, context)
                    .and_then(|()| self.check_floor(&seen.verified));
                if context.offline || verdict.is_ok() {
                    verdict?;
                    return Ok(self.published(&seen.verified, architectures));
                }
            }
        }
        if context.is_cut_off(&self.bases) {
            return Err(self.error(SourceErrorKind::Offline));
        }
        let (bases, metalink) = self.locate(context)?;
        let mut first_error = None;
        for (place, base) in bases.iter().enumerate() {
            let result = self
                .candidate(context, base, metalink.as_ref(), seen.as_ref())
                .and_then(|candidate| {
                    self.complete(context, base, &candidate, seen.as_ref(), architectures)
                });
            match result {
                Ok(published) => return Ok(published),
                Err(error) => {
                    if place + 1 < bases.len() {
                        context.warn(&format!("{error}; trying the next location"));
                    }
                    first_error.get_or_insert(error);
                }
            }
        }
        Err(first_error.unwrap_or_else(|| self.error(SourceErrorKind::NoLocation)))
    }

    fn state_name(&self) -> String {
        let keys = match &self.trust {
            Trust::Keys(keyring) => keyring.identity().hex(),
            Trust::Unsigned => "unsigned".to_owned(),
        };
        format!("repomd 1 {} {:?} {keys}", self.identity, self.signed)
    }

    fn seen(&self, context: &Context<'_>) -> Option<Seen> {
        postcard::from_bytes(&context.cache.state(&self.state_name())?).ok()
    }

    /// Fetches and verifies the `repomd.xml` of one base.
    fn candidate(
        &self,
        context: &Context<'_>,
        base: &str,
        metalink: Option<&Metalink>,
        seen: Option<&Seen>,
    ) -> Result<Candidate, SourceError> {
        let known = seen.filter(|seen| seen.base == base_digest(base));
        let get = |file: &str, unless: Option<&Validator>| {
            let name = format!("{} {file}", self.name);
            let url = [join_location(base, file)];
            context
                .downloader()
                .small(&name, &url, context.limits.release, unless)
        };
        let small = get(REPOMD, known.map(|seen| &seen.validator));
        let small = small.map_err(|error| self.error(error))?;
        let Some(bytes) = small.bytes else {
            // 304 comes only in answer to a condition, and the condition only from what is remembered.
            let verified = known.map(|seen| seen.verified.clone());
            return Ok(Candidate {
                verified: verified.ok_or_else(|| self.error(SourceErrorKind::Offline))?,
                validator: small.validator,
                known: true,
            });
        };
        let url = redact(&join_location(base, REPOMD));
        if metalink.is_some_and(|metalink| metalink.matching(&bytes).is_none()) {
            return Err(self.error(SourceErrorKind::NotOfMetalink { url }));
        }
        let untrusted = |url: String, error| self.error(SourceErrorKind::Untrusted { url, error });
        let signer = match (&self.trust, self.signed) {
            (Trust::Unsigned, _) | (_, Signed::Packages) => Signer::nobody(),
            (Trust::Keys(keyring), Signed::Metadata) => {
                let file = format!("{REPOMD}.asc");
                let signature = match get(&file, None) {
                    Ok(small) => small.bytes.unwrap_or_default(),
                    Err(error) if error.is_not_found() => {
                        return Err(untrusted(url, TrustError::Unsigned));
                    }
                    Err(error) => return Err(self.error(error)),
                };
                let verifier = OpenPgp::new(keyring.clone(), context.now)
                    .accept_expired_keys(self.options.allow_expired);
                let signer = verifier.verify_detached(&bytes, &signature);
                signer.map_err(|error| untrusted(redact(&join_location(base, &file)), error))?
            }
        };
        let origin = Origin {
            source: self.name.clone(),
            archive: REPOMD.to_owned(),
        };
        let malformed = |error: RepomdError| {
            self.error(SourceErrorKind::Malformed {
                url: url.clone(),
                error: error.into(),
            })
        };
        let repomd = parse_repomd(&bytes, context.limits, &origin).map_err(malformed)?;
        let digest = Digest::of(&bytes);
        Ok(Candidate {
            known: known.is_some_and(|seen| seen.verified.digest == digest),
            verified: VerifiedRepomd {
                digest,
                signer,
                repomd,
            },
            validator: small.validator,
        })
    }

    /// From a verified `repomd.xml` to all its indexes; remembers it at the end.
    fn complete(
        &self,
        context: &Context<'_>,
        base: &str,
        candidate: &Candidate,
        seen: Option<&Seen>,
        architectures: &[Architecture],
    ) -> Result<Vec<Arc<RpmPublished>>, SourceError> {
        self.judge(&candidate.verified, context)?;
        let date = candidate.verified.date();
        let newer = seen.filter(|seen| seen.verified.date() > date && !self.options.allow_older);
        if let Some(seen) = newer {
            // The old is kept, and said: it was verified, and is newer than what came.
            self.judge(&seen.verified, context)?;
            self.check_floor(&seen.verified)?;
            let kind = SourceErrorKind::Older {
                date,
                seen: seen.verified.date(),
                by_lock: false,
            };
            context.warn(&format!("{}; the newer one is kept", self.error(kind)));
            let published = self.published(&seen.verified, architectures);
            Self::open_all(context, &published)?;
            return Ok(published);
        }
        self.check_floor(&candidate.verified)?;
        let published = self.published(&candidate.verified, architectures);
        if !candidate.known {
            Self::open_all(context, &published)?;
        }
        let seen = Seen {
            checked_at: context.now,
            base: base_digest(base),
            validator: candidate.validator.clone(),
            verified: candidate.verified.clone(),
            mirrors: self.known_mirrors(),
        };
        let record = postcard::to_stdvec(&seen).ok();
        let updated = context.cache.update_state(&self.state_name(), |_| record);
        updated.map_err(|error| self.error(error))?;
        Ok(published)
    }

    /// Reads all indexes, so that a `repomd.xml` is remembered only with all that it names.
    fn open_all(context: &Context<'_>, published: &[Arc<RpmPublished>]) -> Result<(), SourceError> {
        let opened = threads::each(published.len(), published.iter().collect(), |published| {
            published.open(context).map(drop)
        });
        opened.into_iter().collect()
    }

    fn published(
        &self,
        verified: &VerifiedRepomd,
        architectures: &[Architecture],
    ) -> Vec<Arc<RpmPublished>> {
        let repository = Arc::new(self.clone());
        let verified = Arc::new(verified.clone());
        let one = |architecture: &Architecture| {
            let (repository, verified) = (Arc::clone(&repository), Arc::clone(&verified));
            Arc::new(RpmPublished::new(repository, verified, *architecture))
        };
        architectures.iter().map(one).collect()
    }

    fn judge(&self, verified: &VerifiedRepomd, context: &Context<'_>) -> Result<(), SourceError> {
        let date = verified.date();
        if date > context.now + CLOCK_SKEW {
            return Err(self.error(SourceErrorKind::Future { date }));
        }
        Ok(())
    }

    /// Whether metadata are at least as new as those that the lock was made from.
    fn check_floor(&self, verified: &VerifiedRepomd) -> Result<(), SourceError> {
        match self.not_before {
            Some(seen) if verified.date() < seen && !self.options.allow_older => {
                let kind = SourceErrorKind::Older {
                    date: verified.date(),
                    seen,
                    by_lock: true,
                };
                Err(self.error(kind))
            }
            _ => Ok(()),
        }
    }
}

/// A base URL may hold credentials, so its digest stands for it on disk.
fn base_digest(base: &str) -> Digest {
    Digest::of(base.trim_end_matches('/').as_bytes())
}
