//! Downloads: from one of several locations into the cache, resumed, retried, and checked against size and digest.
//!
//! This module stands between [`crate::fetch`], which tries once and believes nothing, and the repository protocols, which
//! know what they want by digest. What it hands out has the wanted digest, or it is an error that lists every attempt.

mod error;
mod hosts;
mod retry;
mod stream;
mod transfer;

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mikron_package::{Digest, Event, Progress, Task, TaskKind, threads};
use serde::{Deserialize, Serialize};

pub use error::{Attempt, DownloadError, Failure};
pub use hosts::Hosts;
use retry::Retries;
pub use retry::RetryPolicy;
pub use stream::Refusal;
use transfer::Stop;

use crate::cache::{Cache, Partial};
use crate::fetch::{Fetch, FetchError, Request, Status, Validator, is_local, redact};

/// Bytes are moved in pieces of this size.
const PIECE: usize = 128 * 1024;

/// A file that is known by its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// What it is called in messages: `nginx_1.22.1-9_amd64.deb`.
    pub name: String,
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Where it may be found, the best location first.
    pub urls: Vec<String>,
}

/// Looks at the bytes of a download as they arrive, before they are verified. Nothing that it learns may be used until
/// the download has ended well.
pub trait Tap {
    /// Everything that was seen so far is void: the download begins again.
    fn restart(&mut self);
    /// The next bytes. An error ends the download.
    ///
    /// # Errors
    /// When whoever consumes the bytes has given up.
    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()>;
}

/// Sees nothing.
struct NoTap;

impl Tap for NoTap {
    fn restart(&mut self) {}
    fn bytes(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

/// Gets files by digest: out of the cache, or from one of their locations into it.
///
/// ```
/// use std::io::Read;
/// use mikron_package::{Digest, Silent};
/// use mikron_source::cache::{Cache, CacheOptions};
/// use mikron_source::download::{Downloader, Wanted};
/// use mikron_source::fetch::MemoryFetch;
/// # let directory = tempfile::tempdir()?;
/// let cache = Cache::open(directory.path(), CacheOptions::default())?;
/// let fetch = MemoryFetch::default().with("memory:/a", b"hello".to_vec());
/// let downloader = Downloader::new(&fetch, &cache, &Silent);
/// let wanted = Wanted {
///     name: "a".into(),
///     digest: Digest::of(b"hello"),
///     size: 5,
///     urls: vec!["memory:/a".into()],
/// };
/// let mut text = String::new();
/// downloader.get(&wanted)?.read_to_string(&mut text)?;
/// assert_eq!(text, "hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Downloader<'a> {
    fetch: &'a dyn Fetch,
    cache: &'a Cache,
    progress: &'a dyn Progress,
    policy: RetryPolicy,
    offline: bool,
    hosts: Option<&'a Hosts>,
}

impl std::fmt::Debug for Downloader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Downloader")
            .field("cache", &self.cache)
            .field("policy", &self.policy)
            .field("offline", &self.offline)
            .finish_non_exhaustive()
    }
}

impl<'a> Downloader<'a> {
    /// Downloads by `fetch` into `cache`, with the default policy.
    pub fn new(fetch: &'a dyn Fetch, cache: &'a Cache, progress: &'a dyn Progress) -> Self {
        Self {
            fetch,
            cache,
            progress,
            policy: RetryPolicy::default(),
            offline: false,
            hosts: None,
        }
    }

    /// Shares what is known of hosts with other downloads.
    #[must_use]
    pub fn with_hosts(mut self, hosts: &'a Hosts) -> Self {
        self.hosts = Some(hosts);
        self
    }

    /// Sets how often and how long it is tried.
    #[must_use]
    pub fn with_policy(mut self, policy: RetryPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Never asks the network: what is neither in the cache nor a local file is an error.
    #[must_use]
    pub fn offline(mut self, offline: bool) -> Self {
        self.offline = offline;
        self
    }

    /// Waits before the next attempt. Where the work was cancelled, the fetch of that attempt says so.
    fn pause(&self, delay: Duration) {
        let _ = self.cache.cancellation().pause(delay);
    }

    /// The file, verified, positioned at its start.
    ///
    /// # Errors
    /// When no location has it as it is wanted, or the cache cannot be written.
    pub fn get(&self, wanted: &Wanted) -> Result<File, DownloadError> {
        if let Some(file) = self.cache.verified(&wanted.digest)? {
            return Ok(file);
        }
        self.download(wanted, &mut NoTap)
    }

    /// All files, several at once on `jobs` threads. `each` is called on the thread that got the file, with its place in
    /// the list, as soon as it is there.
    ///
    /// # Errors
    /// The first error of the list, by place; the downloads that were under way when it arose are finished first.
    pub fn get_all(
        &self,
        wanted: &[Wanted],
        jobs: usize,
        each: &(dyn Fn(usize, File) + Sync),
    ) -> Result<(), DownloadError> {
        let next = AtomicUsize::new(0);
        let work = || {
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                let item = wanted.get(place)?;
                match self.get(item) {
                    Ok(file) => each(place, file),
                    Err(error) => {
                        next.store(wanted.len(), Ordering::Relaxed);
                        return Some((place, error));
                    }
                }
            }
        };
        let errors = threads::on(jobs.min(wanted.len()), work)
            .into_iter()
            .flatten();
        let first = errors.min_by_key(|(place, _)| *place);
        first.map_or(Ok(()), |(_, error)| Err(error))
    }

    /// Downloads the file although it may be in the cache, and shows `tap` its bytes on the way. A part that is there
    /// already is shown first.
    ///
    /// # Errors
    /// As [`Downloader::get`]; and [`DownloadError::Tap`] when the tap gave up.
    pub fn download(&self, wanted: &Wanted, tap: &mut dyn Tap) -> Result<File, DownloadError> {
        match self.fetched(wanted, tap)? {
            Some(partial) => Ok(partial.publish(wanted.size)?),
            None => self.cached(wanted, tap),
        }
    }

    /// The same for a file that is of no use once `tap` has seen it: nothing of it stays in the cache.
    ///
    /// # Errors
    /// As [`Downloader::download`].
    pub(crate) fn show(&self, wanted: &Wanted, tap: &mut dyn Tap) -> Result<(), DownloadError> {
        match self.fetched(wanted, tap)? {
            Some(partial) => partial.discard(),
            None => drop(self.cached(wanted, tap)?),
        }
        Ok(())
    }

    /// All bytes of a file, verified. `None` when somebody else got it while we waited.
    fn fetched(
        &self,
        wanted: &Wanted,
        tap: &mut dyn Tap,
    ) -> Result<Option<Partial<'a>>, DownloadError> {
        let name = || wanted.name.clone();
        let urls = self.reachable(&wanted.name, &wanted.urls)?;
        let Some(mut partial) = self.cache.partial(&wanted.digest, wanted.size)? else {
            return Ok(None);
        };
        let task = Task::start(
            self.progress,
            TaskKind::Fetch,
            &wanted.name,
            Some(wanted.size),
        );
        let mut retries = Retries::new(&self.policy);
        let mut attempts = Vec::new();
        for (_, url) in urls {
            retries.next_location();
            loop {
                if let Some(attempt) = self.given_up(url) {
                    attempts.push(attempt);
                    break;
                }
                match self.attempt(wanted, url, &mut partial, tap, &task) {
                    Ok(()) => {
                        self.answered(url);
                        return Ok(Some(partial));
                    }
                    Err(Stop::Cache(error)) => return Err(error.into()),
                    Err(Stop::Tap(error)) => {
                        return Err(DownloadError::Tap {
                            name: name(),
                            error: error.into(),
                        });
                    }
                    Err(Stop::Failure(failure)) => {
                        let delay = retries.delay(&failure);
                        attempts.push(Attempt {
                            url: redact(url),
                            failure,
                        });
                        let Some(delay) = delay else {
                            self.give_up(&attempts);
                            break;
                        };
                        self.say_retry(&attempts, delay);
                        self.pause(delay);
                    }
                }
            }
            // Bytes of a location that is given up may be its own invention.
            if attempts.last().is_some_and(|a| !a.failure.is_transient()) {
                partial.restart()?;
                tap.restart();
            }
        }
        if partial.file.metadata().is_ok_and(|m| m.len() == 0) {
            partial.discard();
        }
        Err(DownloadError::Failed {
            name: name(),
            attempts,
        })
    }

    /// The locations that may be asked, with their places in the list.
    fn reachable<'u>(
        &self,
        name: &str,
        urls: &'u [String],
    ) -> Result<Vec<(usize, &'u String)>, DownloadError> {
        let mut reachable: Vec<_> = urls.iter().enumerate().collect();
        if self.offline {
            reachable.retain(|(_, url)| is_local(url));
            if reachable.is_empty() {
                let name = name.to_owned();
                return Err(DownloadError::Offline { name });
            }
        }
        Ok(reachable)
    }

    fn cached(&self, wanted: &Wanted, tap: &mut dyn Tap) -> Result<File, DownloadError> {
        let missing = || DownloadError::Failed {
            name: wanted.name.clone(),
            attempts: Vec::new(),
        };
        let mut file = self.cache.verified(&wanted.digest)?.ok_or_else(missing)?;
        let failed = |error: io::Error| DownloadError::Tap {
            name: wanted.name.clone(),
            error: error.into(),
        };
        let mut buffer = vec![0; PIECE];
        loop {
            let n = file.read(&mut buffer).map_err(failed)?;
            if n == 0 {
                break;
            }
            tap.bytes(&buffer[..n]).map_err(failed)?;
        }
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        Ok(file)
    }

    /// Tells that it is tried again: of a host where nobody answers once, with how long that goes on.
    fn say_retry(&self, attempts: &[Attempt], delay: Duration) {
        let Some(last) = attempts.last() else { return };
        let fetch = last.failure.fetch();
        if let (Some(hosts), Some(error)) = (self.hosts, fetch)
            && !hosts.is_news(error)
        {
            return;
        }
        let host = fetch.filter(|error| self.hosts.is_some() && error.is_of_host());
        let message = match host.and_then(|error| Some((hosts::host_of(&error.url)?, error))) {
            Some((host, error)) => format!(
                "{host}: {}; trying again for up to {:.0} s",
                error.kind,
                self.policy.patience().as_secs_f64().ceil()
            ),
            None => format!(
                "{}; trying again in {:.1} s",
                last.failure,
                delay.as_secs_f32()
            ),
        };
        self.progress.event(&Event::Warning { message: &message });
    }

    fn answered(&self, url: &str) {
        if let Some(hosts) = self.hosts {
            hosts.answered(url);
        }
    }

    fn give_up(&self, attempts: &[Attempt]) {
        let last = attempts.last().and_then(|last| last.failure.fetch());
        if let (Some(hosts), Some(error)) = (self.hosts, last) {
            hosts.give_up(error);
        }
    }

    /// What stands for an attempt at a host that was given up.
    fn given_up(&self, url: &str) -> Option<Attempt> {
        let error = self.hosts?.given_up(url)?;
        Some(Attempt {
            url: redact(url),
            failure: error.into(),
        })
    }

    /// A small file that no digest is known of yet: a signed one. At most `limit` bytes; from the first location that has
    /// it. Retried like all downloads, but neither resumed nor cached.
    ///
    /// # Errors
    /// When no location has it.
    pub fn small(
        &self,
        name: &str,
        urls: &[String],
        limit: u64,
        unless: Option<&Validator>,
    ) -> Result<Small, DownloadError> {
        let urls = self.reachable(name, urls)?;
        let task = Task::start(self.progress, TaskKind::Fetch, name, None);
        let mut retries = Retries::new(&self.policy);
        let mut attempts = Vec::new();
        for (place, url) in urls {
            retries.next_location();
            loop {
                if let Some(attempt) = self.given_up(url) {
                    attempts.push(attempt);
                    break;
                }
                match self.small_from(url, limit, unless, &task) {
                    Ok(small) => {
                        self.answered(url);
                        return Ok(Small { place, ..small });
                    }
                    Err(failure) => {
                        let delay = retries.delay(&failure);
                        attempts.push(Attempt {
                            url: redact(url),
                            failure,
                        });
                        let Some(delay) = delay else {
                            self.give_up(&attempts);
                            break;
                        };
                        self.say_retry(&attempts, delay);
                        self.pause(delay);
                    }
                }
            }
        }
        Err(DownloadError::Failed {
            name: name.to_owned(),
            attempts,
        })
    }

    fn small_from(
        &self,
        url: &str,
        limit: u64,
        unless: Option<&Validator>,
        task: &Task<'_>,
    ) -> Result<Small, Failure> {
        let request = Request {
            unless: unless.filter(|v| !v.is_empty()).cloned(),
            ..Request::get(url)
        };
        let response = self.fetch.fetch(&request)?;
        let mut small = Small {
            place: 0,
            bytes: None,
            validator: response.validator,
        };
        if response.status == Status::NotModified {
            return Ok(small);
        }
        let mut bytes = Vec::new();
        let mut body = response.body.take(limit.saturating_add(1));
        body.read_to_end(&mut bytes)
            .map_err(|error| FetchError::from_io(url, error))?;
        if bytes.len() as u64 > limit {
            return Err(Failure::too_long(limit));
        }
        task.advance(bytes.len() as u64);
        small.bytes = Some(bytes);
        Ok(small)
    }
}

/// A small file that was fetched.
#[derive(Clone, Debug)]
pub struct Small {
    /// The place of the location that had it, in the list.
    pub place: usize,
    /// Its bytes; `None` when it is still the version that the caller has.
    pub bytes: Option<Vec<u8>>,
    /// Its version.
    pub validator: Validator,
}
