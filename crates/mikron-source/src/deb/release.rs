//! The Release of a suite: fetched, verified, judged by its age, and remembered.

use mikron_deb::{Release, ReleaseFile, parse_release};
use mikron_package::{Digest, threads};
use serde::{Deserialize, Serialize};

use super::contents::is_list_of_files;
use super::{
    Context, DebRepository, Index, IndexRef, SourceError, SourceErrorKind, Suite, Trust,
    VerifiedRelease,
};
use crate::download::Small;
use crate::fetch::{Validator, join_location, redact};
use crate::trust::{OpenPgp, Signer, TrustError, split_cleartext};

/// How far a Date may lie in the future, in seconds.
const CLOCK_SKEW: i64 = 3600;

/// What is remembered of a suite between builds. It is written only when all of the suite held.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Seen {
    /// When a server last confirmed it, in seconds since 1970.
    checked_at: i64,
    /// The file's version at the base with this digest.
    base: Digest,
    validator: Validator,
    verified: VerifiedRelease,
}

/// A Release, and where it comes from.
struct Candidate {
    verified: VerifiedRelease,
    /// The place of its base in the list.
    place: usize,
    validator: Validator,
    /// Whether it is what was remembered.
    known: bool,
}

impl DebRepository {
    /// Refreshes this suite for these architectures.
    pub(super) fn refresh(
        &self,
        context: &Context<'_>,
        architectures: &[&str],
    ) -> Result<Vec<Suite>, SourceError> {
        let seen = self.seen(context);
        if let Some(seen) = &seen
            && context.keeps(seen.checked_at, &self.bases)
        {
            // Even what is fresh here may have expired meanwhile, or be older than a lock.
            let verdict = self.judge(&seen.verified, context);
            let older = self
                .not_before
                .is_some_and(|floor| seen.verified.date() < floor);
            if context.offline || (verdict.is_ok() && !older) {
                verdict?;
                self.check_floor(&seen.verified)?;
                return self.suites(&seen.verified, architectures);
            }
        }
        if context.is_cut_off(&self.bases) {
            return Err(self.error(SourceErrorKind::Offline));
        }
        let mut first_error = None;
        let mut start = 0;
        while start < self.bases.len() {
            let (place, result) = match self.candidate(context, start, seen.as_ref()) {
                Ok(candidate) => (
                    candidate.place,
                    self.complete(context, &candidate, seen.as_ref(), architectures),
                ),
                Err((place, error)) => (place, Err(error)),
            };
            match result {
                Ok(suites) => return Ok(suites),
                Err(error) => {
                    start = place + 1;
                    if start < self.bases.len() {
                        context.warn(&format!("{error}; trying the next location"));
                    }
                    first_error.get_or_insert(error);
                }
            }
        }
        Err(first_error.unwrap_or_else(|| self.error(SourceErrorKind::NoLocation)))
    }

    /// From a verified Release to suites with all their indexes; remembers it at the end.
    fn complete(
        &self,
        context: &Context<'_>,
        candidate: &Candidate,
        seen: Option<&Seen>,
        architectures: &[&str],
    ) -> Result<Vec<Suite>, SourceError> {
        self.judge(&candidate.verified, context)?;
        let date = candidate.verified.date();
        let newer = seen.filter(|seen| seen.verified.date() > date && !self.options.allow_older);
        if let Some(seen) = newer {
            // The old is kept, and said (apt does the same): it was verified, and is newer than what came.
            self.judge(&seen.verified, context)?;
            self.check_floor(&seen.verified)?;
            let kind = SourceErrorKind::Older {
                date,
                seen: seen.verified.date(),
                by_lock: false,
            };
            context.warn(&format!("{}; the newer one is kept", self.error(kind)));
            let suites = self.suites(&seen.verified, architectures)?;
            Self::fetch_missing(context, &suites)?;
            return Ok(suites);
        }
        self.check_floor(&candidate.verified)?;
        let suites = self.suites(&candidate.verified, architectures)?;
        if !candidate.known {
            Self::fetch_missing(context, &suites)?;
        }
        let seen = Seen {
            checked_at: context.now,
            base: base_digest(&self.bases[candidate.place]),
            validator: candidate.validator.clone(),
            verified: candidate.verified.clone(),
        };
        let record = postcard::to_stdvec(&seen).ok();
        let updated = context.cache.update_state(&self.state_name(), |_| record);
        updated.map_err(|error| self.error(error))?;
        Ok(suites)
    }

    /// Reads all indexes, several at once, so that a Release is remembered only with all that it names.
    fn fetch_missing(context: &Context<'_>, suites: &[Suite]) -> Result<(), SourceError> {
        let all: Vec<(&Suite, &Index)> = suites
            .iter()
            .flat_map(|suite| suite.indexes.iter().map(move |index| (suite, index)))
            .collect();
        let open = |(suite, index): (&Suite, &Index)| {
            let compact = suite.open(context, index)?;
            index.set(compact);
            Ok(())
        };
        let results = threads::each(all.len(), all, open);
        results.into_iter().collect()
    }

    /// The name of what is remembered. Other keys or another policy make another name: what they verified counts for
    /// nothing here.
    fn state_name(&self) -> String {
        let keys = match &self.trust {
            Trust::Keys(keyring) => keyring.identity().hex(),
            Trust::Unsigned => "unsigned".to_owned(),
        };
        format!("release 3 {} {} {keys}", self.identity, self.suite)
    }

    fn seen(&self, context: &Context<'_>) -> Option<Seen> {
        postcard::from_bytes(&context.cache.state(&self.state_name())?).ok()
    }

    /// The first Release from `start` on that can be fetched and verified; else the error of the last place asked.
    fn candidate(
        &self,
        context: &Context<'_>,
        start: usize,
        seen: Option<&Seen>,
    ) -> Result<Candidate, (usize, SourceError)> {
        let base = &self.bases[start];
        let known = seen.filter(|seen| seen.base == base_digest(base));
        let result = self.fetch_release(context, base, known);
        result
            .map(|found| Candidate {
                place: start,
                ..found
            })
            .map_err(|error| (start, error))
    }

    /// Fetches from one base: InRelease, else Release with Release.gpg.
    fn fetch_release(
        &self,
        context: &Context<'_>,
        base: &str,
        known: Option<&Seen>,
    ) -> Result<Candidate, SourceError> {
        let url = |file: &str| format!("{}/{}", base.trim_end_matches('/'), self.path_of(file));
        let name = |file: &str| format!("{} {file}", self.suite);
        let get = |file: &str, unless: Option<&Validator>| {
            context
                .downloader()
                .small(&name(file), &[url(file)], context.limits.release, unless)
        };
        let inrelease = match get("InRelease", known.map(|seen| &seen.validator)) {
            Ok(small) => Some(small),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(self.error(error)),
        };
        if let Some(Small {
            bytes, validator, ..
        }) = inrelease
        {
            let Some(message) = bytes else {
                // 304 comes only in answer to a condition, and the condition only from what is remembered.
                let verified = known.map(|seen| seen.verified.clone());
                let verified = verified.ok_or_else(|| self.error(SourceErrorKind::Offline))?;
                return Ok(Candidate {
                    verified,
                    place: 0,
                    validator,
                    known: true,
                });
            };
            let url = url("InRelease");
            let (text, signer) = self.verify_inrelease(context, &url, message.clone())?;
            let file = ("InRelease", Digest::of(&message));
            let verified = self.read(context, &url, file, &text, signer)?;
            let known = known.is_some_and(|seen| seen.verified.digest == verified.digest);
            return Ok(Candidate {
                verified,
                place: 0,
                validator,
                known,
            });
        }
        let bytes = |small: Small| small.bytes.unwrap_or_default();
        let release = match get("Release", None) {
            Ok(small) => bytes(small),
            Err(error) if error.is_not_found() && self.is_flat() => {
                return match self.trust {
                    Trust::Unsigned => self.bare_index(context, base),
                    Trust::Keys(_) => Err(self.error(SourceErrorKind::Untrusted {
                        url: redact(&url("Release")),
                        error: TrustError::Unsigned,
                    })),
                };
            }
            Err(error) => return Err(self.error(error)),
        };
        let signer = match self.verifier(context) {
            None => Signer::nobody(),
            Some(verifier) => {
                let signature = match get("Release.gpg", None) {
                    Ok(small) => bytes(small),
                    Err(error) if error.is_not_found() => {
                        let url = redact(&url("Release"));
                        return Err(self.error(SourceErrorKind::Untrusted {
                            url,
                            error: TrustError::Unsigned,
                        }));
                    }
                    Err(error) => return Err(self.error(error)),
                };
                let result = verifier.verify_detached(&release, &signature);
                let url = redact(&url("Release.gpg"));
                result.map_err(|error| self.error(SourceErrorKind::Untrusted { url, error }))?
            }
        };
        let verified = self.read(
            context,
            &url("Release"),
            ("Release", Digest::of(&release)),
            &release,
            signer,
        )?;
        Ok(Candidate {
            verified,
            place: 0,
            validator: Validator::default(),
            known: false,
        })
    }

    /// What a Release would say of a flat repository that has none, as `dpkg-scanpackages` leaves it: the index itself is all that
    /// there is, and it bears no date.
    fn bare_index(&self, context: &Context<'_>, base: &str) -> Result<Candidate, SourceError> {
        let mut missing = None;
        for compression in &self.options.compressions {
            let file = format!("Packages{}", compression.extension());
            let url = join_location(base, &self.path_of(&file));
            let name = format!("{} {file}", self.suite);
            let limit = context.limits.index;
            let found = context.downloader().small(&name, &[url], limit, None);
            let bytes = match found {
                Ok(small) => small.bytes.unwrap_or_default(),
                Err(error) if error.is_not_found() => {
                    missing = Some(error);
                    continue;
                }
                Err(error) => return Err(self.error(error)),
            };
            let stored = context.cache.put_blob(&bytes);
            let digest = stored.map_err(|error| self.error(error))?;
            let size = bytes.len() as u64;
            let release = Release {
                date: Some(0),
                files: [(file.clone(), ReleaseFile { size, digest })].into(),
                ..Release::default()
            };
            return Ok(Candidate {
                verified: VerifiedRelease {
                    file,
                    digest,
                    signer: Signer::nobody(),
                    release,
                },
                place: 0,
                validator: Validator::default(),
                known: false,
            });
        }
        Err(missing.map_or_else(
            || self.error(SourceErrorKind::NoLocation),
            |error| self.error(error),
        ))
    }

    fn verifier(&self, context: &Context<'_>) -> Option<OpenPgp> {
        match &self.trust {
            Trust::Keys(keyring) => {
                let verifier = OpenPgp::new(keyring.clone(), context.now);
                Some(verifier.accept_expired_keys(self.options.allow_expired))
            }
            Trust::Unsigned => None,
        }
    }

    fn verify_inrelease(
        &self,
        context: &Context<'_>,
        url: &str,
        message: Vec<u8>,
    ) -> Result<(Vec<u8>, Signer), SourceError> {
        let untrusted = |error| {
            self.error(SourceErrorKind::Untrusted {
                url: redact(url),
                error,
            })
        };
        match self.verifier(context) {
            Some(verifier) => {
                let signed = verifier.verify_clearsigned(&message).map_err(untrusted)?;
                Ok((signed.text, signed.signer))
            }
            // Nobody's signature is asked for; what stands around a signed text does not count here either.
            None => match split_cleartext(&message) {
                Ok(parts) => Ok((parts.text, Signer::nobody())),
                Err(TrustError::Unsigned) => Ok((message, Signer::nobody())),
                Err(error) => Err(untrusted(error)),
            },
        }
    }

    /// Reads the signed text, and keeps what has to do with packages.
    fn read(
        &self,
        context: &Context<'_>,
        url: &str,
        (file, digest): (&str, Digest),
        text: &[u8],
        signer: Signer,
    ) -> Result<VerifiedRelease, SourceError> {
        let malformed = |error: mikron_deb::Deb822Error| {
            self.error(SourceErrorKind::Malformed {
                url: redact(url),
                error: error.into(),
            })
        };
        let mut release = parse_release(text, context.limits).map_err(malformed)?;
        release.files.retain(|path, _| {
            let mut parts = path.rsplit('/');
            let packages = parts
                .next()
                .is_some_and(|file| matches!(file, "Packages" | "Packages.gz" | "Packages.xz"));
            let directory = parts.next();
            // At the top of a flat repository, or in the directory of an architecture.
            let is_index =
                packages && directory.is_none_or(|directory| directory.starts_with("binary-"));
            is_index || is_list_of_files(path)
        });
        Ok(VerifiedRelease {
            file: file.to_owned(),
            digest,
            signer,
            release,
        })
    }

    /// Suite, Date and Valid-Until.
    fn judge(&self, verified: &VerifiedRelease, context: &Context<'_>) -> Result<(), SourceError> {
        let release = &verified.release;
        // `bookworm/updates` calls itself `bookworm`, or did; a trailing slash is a matter of taste.
        let wanted = self.suite.trim_end_matches('/');
        let names = [release.suite.as_deref(), release.codename.as_deref()];
        let fits = |name: &str| name == wanted || wanted.strip_suffix("/updates") == Some(name);
        // A flat repository is named by its place, which its Release does not know.
        if !self.is_flat()
            && !self.options.allow_other_suite
            && !names.into_iter().flatten().any(fits)
        {
            let kind = SourceErrorKind::WrongSuite {
                found: release.suite.clone(),
                codename: release.codename.clone(),
            };
            return Err(self.error(kind));
        }
        let Some(date) = release.date else {
            return Err(self.error(SourceErrorKind::NoDate));
        };
        if date > context.now + CLOCK_SKEW {
            return Err(self.error(SourceErrorKind::Future { date }));
        }
        match release.valid_until {
            Some(valid_until) if valid_until < context.now && !self.options.allow_expired => {
                Err(self.error(SourceErrorKind::Expired { valid_until }))
            }
            _ => Ok(()),
        }
    }

    /// Whether a Release is at least as new as the one that the lock was made from.
    fn check_floor(&self, verified: &VerifiedRelease) -> Result<(), SourceError> {
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

    /// The suite for each architecture, with references to its indexes.
    fn suites(
        &self,
        verified: &VerifiedRelease,
        architectures: &[&str],
    ) -> Result<Vec<Suite>, SourceError> {
        let release = std::sync::Arc::new(verified.clone());
        let suite = |architecture: &&str| {
            let mut indexes = Vec::new();
            // A flat repository has one index, for all architectures.
            let flat = [String::new()];
            let components = if self.is_flat() {
                &flat[..]
            } else {
                &self.components
            };
            for component in components {
                let own = self.index_ref(&verified.release, component, architecture);
                let own =
                    own.ok_or_else(|| self.no_index(&verified.release, component, architecture))?;
                indexes.push(Index::new(own));
                // Where packages of all architectures have an index of their own, it belongs to every architecture.
                let separate =
                    !self.is_flat() && verified.release.architectures.iter().any(|a| a == "all");
                if separate && !verified.release.all_in_each_architecture {
                    let all = self.index_ref(&verified.release, component, "all");
                    indexes.extend(all.map(Index::new));
                }
            }
            Ok(Suite {
                repository: self.clone(),
                release: std::sync::Arc::clone(&release),
                architecture: (*architecture).to_owned(),
                indexes,
            })
        };
        architectures.iter().map(suite).collect()
    }

    fn index_ref(
        &self,
        release: &Release,
        component: &str,
        architecture: &str,
    ) -> Option<IndexRef> {
        let path = if self.is_flat() {
            "Packages".to_owned()
        } else {
            format!("{component}/binary-{architecture}/Packages")
        };
        self.listed(release, &path, component, architecture)
    }

    /// A file that the Release lists, in the compression that is liked best of those that there are.
    pub(super) fn listed(
        &self,
        release: &Release,
        path: &str,
        component: &str,
        architecture: &str,
    ) -> Option<IndexRef> {
        self.options.compressions.iter().find_map(|compression| {
            let path = format!("{path}{}", compression.extension());
            let file = *release.files.get(&path)?;
            Some(IndexRef {
                component: component.to_owned(),
                architecture: architecture.to_owned(),
                path,
                file,
                compression: *compression,
                by_hash: release.acquire_by_hash,
            })
        })
    }

    fn no_index(&self, release: &Release, component: &str, architecture: &str) -> SourceError {
        self.error(SourceErrorKind::NoIndex {
            component: component.to_owned(),
            architecture: architecture.to_owned(),
            components: release.components.clone(),
            architectures: release.architectures.clone(),
        })
    }
}

/// A base URL may hold credentials, so its digest stands for it on disk.
fn base_digest(base: &str) -> Digest {
    Digest::of(base.trim_end_matches('/').as_bytes())
}
