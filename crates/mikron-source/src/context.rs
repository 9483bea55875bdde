//! What all sources work with.

use std::fmt;
use std::time::Duration;

use mikron_package::{Limits, Progress};

use crate::cache::Cache;
use crate::download::{Downloader, Hosts, RetryPolicy};
use crate::fetch::{Fetch, is_local};

/// What a source works with.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Who fetches.
    pub fetch: &'a dyn Fetch,
    /// Where everything is kept.
    pub cache: &'a Cache,
    /// Who is told what happens.
    pub progress: &'a dyn Progress,
    /// The caps of all readers.
    pub limits: &'a Limits,
    /// The time in seconds since 1970.
    pub now: i64,
    /// Never ask the network; local files may be read.
    pub offline: bool,
    /// What was verified less than this ago is used without asking whether there is a newer one. Local files are looked at every
    /// time.
    pub refresh_after: Duration,
    /// What is known of hosts that do not answer, where downloads share that.
    pub hosts: Option<&'a Hosts>,
    /// How often and how long is tried.
    pub retry: RetryPolicy,
}

impl<'a> Context<'a> {
    /// The usual context: ask at most every ten minutes.
    pub fn new(
        fetch: &'a dyn Fetch,
        cache: &'a Cache,
        progress: &'a dyn Progress,
        limits: &'a Limits,
        now: i64,
    ) -> Self {
        Self {
            fetch,
            cache,
            progress,
            limits,
            now,
            offline: false,
            hosts: None,
            refresh_after: Duration::from_secs(600),
            retry: RetryPolicy::default(),
        }
    }

    /// A downloader in this context.
    pub fn downloader(&self) -> Downloader<'a> {
        let downloader = Downloader::new(self.fetch, self.cache, self.progress)
            .with_policy(self.retry)
            .offline(self.offline);
        match self.hosts {
            Some(hosts) => downloader.with_hosts(hosts),
            None => downloader,
        }
    }

    /// Whether what these base URLs had at this time, in seconds since 1970, is used without looking again.
    pub(crate) fn keeps(&self, checked_at: i64, bases: &[String]) -> bool {
        let age = u64::try_from(self.now - checked_at);
        let young = age.is_ok_and(|age| age < self.refresh_after.as_secs());
        (self.offline || young) && !bases.iter().any(|base| is_local(base))
    }

    /// Whether there is nobody to ask: the network must not be, and none of these is a local file.
    pub(crate) fn is_cut_off(&self, bases: &[String]) -> bool {
        self.offline && !bases.iter().any(|base| is_local(base))
    }

    pub(crate) fn warn(&self, message: &str) {
        self.progress
            .event(&mikron_package::Event::Warning { message });
    }
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("cache", &self.cache)
            .field("now", &self.now)
            .field("offline", &self.offline)
            .finish_non_exhaustive()
    }
}
