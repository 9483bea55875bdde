//! Hosts that do not answer: told of once, and not waited for again by every file that lies there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::fetch::{FetchError, FetchErrorKind, Url};

/// How long a host that was given up is not asked again. A run that has lost the network ends sooner; who works for longer tries anew.
const GIVEN_UP: Duration = Duration::from_secs(10);

/// What downloads that run at once, or after each other, know of the hosts that they ask.
///
/// Without it, each file is tried as often as the policy says, and each failure is told of: a network that is gone makes a hundred warnings,
/// and the time for a hundred files.
///
/// ```
/// use mikron_package::Silent;
/// use mikron_source::cache::{Cache, CacheOptions};
/// use mikron_source::download::{Downloader, Hosts};
/// use mikron_source::fetch::MemoryFetch;
/// # let directory = tempfile::tempdir()?;
/// let cache = Cache::open(directory.path(), CacheOptions::default())?;
/// let (fetch, hosts) = (MemoryFetch::default(), Hosts::default());
/// let downloader = Downloader::new(&fetch, &cache, &Silent).with_hosts(&hosts);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Hosts(Mutex<BTreeMap<String, Trouble>>);

/// What is wrong with one host, since it last answered.
#[derive(Debug, Default)]
struct Trouble {
    /// What was told of it.
    told: BTreeSet<String>,
    /// Since when it is not asked any more, and why.
    given_up: Option<(Instant, FetchErrorKind)>,
}

impl Hosts {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Trouble>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a failure is news of its host.
    pub(super) fn is_news(&self, error: &FetchError) -> bool {
        let Some(host) = host_of(&error.url) else {
            return true;
        };
        let mut all = self.all();
        all.entry(host)
            .or_default()
            .told
            .insert(error.kind.to_string())
    }

    /// The host has answered.
    pub(super) fn answered(&self, url: &str) {
        if let Some(host) = host_of(url) {
            self.all().remove(&host);
        }
    }

    /// All attempts at a file have failed: where nobody answers, nobody will for the next one.
    pub(super) fn give_up(&self, error: &FetchError) {
        if let Some(host) = host_of(&error.url).filter(|_| error.is_of_host()) {
            let given_up = Some((Instant::now(), error.kind.clone()));
            self.all().entry(host).or_default().given_up = given_up;
        }
    }

    /// Why a host is not asked, where it was given up a moment ago.
    pub(super) fn given_up(&self, url: &str) -> Option<FetchError> {
        let host = host_of(url)?;
        let all = self.all();
        let (since, kind) = all.get(&host)?.given_up.as_ref()?;
        (since.elapsed() < GIVEN_UP).then(|| FetchError::new(url, kind.clone()))
    }
}

/// Host and port of a URL of the network.
pub(super) fn host_of(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    Some(match url.port {
        Some(port) => format!("{}:{port}", url.host),
        None => url.host,
    })
}
