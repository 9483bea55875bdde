//! What builds share: the cache, who fetches, who solves, who is told, and what was opened on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use mikron_package::{Cancellation, Digest, Event, Limits, Progress, Silent, Universe};
use mikron_solve::Solver;
use mikron_source::Environment;
use mikron_source::cache::{Cache, CacheOptions};
use mikron_source::download::Hosts;
use mikron_source::fetch::{Authorities, CancelledFetch, Credentials, Fetch, HttpOptions, Router};
use mikron_spec::Policy;

use crate::Error;
use crate::error::SourceFault;
use crate::settings::{QUOTA, Settings};

/// How many opened indexes a session holds at most; those that were asked for the longest ago go first.
const INDEXES: usize = 8;

/// What a session is opened with.
///
/// ```no_run
/// # fn main() -> Result<(), mikron::Error> {
/// use std::sync::Arc;
/// let session = Arc::new(mikron::SessionOptions::default().jobs(4).offline(true).open()?);
/// for spec in ["nginx.yaml", "redis.yaml"] {
///     mikron::Builder::from_file(spec)?.session(&session).build()?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SessionOptions {
    cache: Option<PathBuf>,
    quota: Option<u64>,
    offline: bool,
    refresh: bool,
    jobs: usize,
    mirrors: Vec<(String, String)>,
    environment: Environment,
    fetch: Option<Arc<dyn Fetch>>,
    solver: Option<Arc<dyn Solver>>,
    progress: Arc<dyn Progress>,
    policy: Policy,
}

impl Default for SessionOptions {
    /// The surroundings of this process, one thread for each processor, nobody who is told.
    fn default() -> Self {
        Self {
            cache: None,
            quota: None,
            offline: false,
            refresh: false,
            jobs: std::thread::available_parallelism().map_or(1, usize::from),
            mirrors: Vec::new(),
            environment: Environment::of_process(),
            fetch: None,
            solver: None,
            progress: Arc::new(Silent),
            policy: Policy::default(),
        }
    }
}

impl SessionOptions {
    /// The cache directory, instead of the one that the environment says.
    #[must_use]
    pub fn cache(mut self, directory: impl Into<PathBuf>) -> Self {
        self.cache = Some(directory.into());
        self
    }

    /// The size in bytes that the cache may have when a build is done.
    #[must_use]
    pub fn quota(mut self, bytes: u64) -> Self {
        self.quota = Some(bytes);
        self
    }

    /// Uses nothing but the cache and files.
    #[must_use]
    pub fn offline(mut self, offline: bool) -> Self {
        self.offline = offline;
        self
    }

    /// Asks every source whether it has news, even where it was asked a moment ago.
    #[must_use]
    pub fn refresh(mut self, refresh: bool) -> Self {
        self.refresh = refresh;
        self
    }

    /// How many threads compute in a build, and how many builds do at once. Images do not depend on it.
    #[must_use]
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs.max(1);
        self
    }

    /// A base URL for an archive of the presets (`debian`, `debian-security`), before those of the environment.
    #[must_use]
    pub fn mirror(mut self, archive: &str, url: &str) -> Self {
        self.mirrors.push((archive.to_owned(), url.to_owned()));
        self
    }

    /// What the surroundings may decide, instead of the process's own.
    #[must_use]
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// How bytes are fetched, instead of over HTTP and from files.
    #[must_use]
    pub fn fetch(mut self, fetch: Arc<dyn Fetch>) -> Self {
        self.fetch = Some(fetch);
        self
    }

    /// How packages are chosen, instead of by a [`ResolvoSolver`](mikron_solve::ResolvoSolver) with the families' rules.
    #[must_use]
    pub fn solver(mut self, solver: Arc<dyn Solver>) -> Self {
        self.solver = Some(solver);
        self
    }

    /// Who is told of progress.
    #[must_use]
    pub fn progress(mut self, progress: Arc<dyn Progress>) -> Self {
        self.progress = progress;
        self
    }

    /// What specs may refer to: a root that their files must lie in, and whether local addresses are refused.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Opens the session: reads the user's settings, and opens the cache.
    ///
    /// # Errors
    /// When either cannot be had.
    pub fn open(self) -> Result<Session, Error> {
        self.open_with(Indexes::new(INDEXES))
    }

    /// A session for one build alone. The indexes of a distribution weigh as much as a compressor: it does not hold them.
    pub(crate) fn open_alone(self) -> Result<Session, Error> {
        self.open_with(Indexes::new(0))
    }

    fn open_with(self, indexes: Indexes) -> Result<Session, Error> {
        let settings = Settings::read(&self.environment)?;
        let directory = self.cache.clone();
        let directory = directory.or_else(|| self.environment.cache_directory());
        let directory = directory.ok_or(Error::NoCache)?;
        let options = CacheOptions {
            quota: self.quota.or(settings.quota).unwrap_or(QUOTA),
            progress: Arc::clone(&self.progress),
            ..CacheOptions::default()
        };
        let cache = Cache::open(&directory, options).map_err(SourceFault::from)?;
        let fetch = self.fetch.clone();
        let fetch = fetch.unwrap_or_else(|| self.router(&settings));
        Ok(Session {
            cache,
            fetch,
            settings: Arc::new(settings),
            hosts: Arc::default(),
            options: Arc::new(self),
            limits: Limits::default(),
            indexes: Arc::new(indexes),
            running: Arc::default(),
        })
    }

    fn router(&self, settings: &Settings) -> Arc<dyn Fetch> {
        let serving = self.policy.serving;
        let http = HttpOptions {
            private_addresses: !serving,
            proxy: self.environment.proxy(),
            // What serves others must not be for them who its owner is.
            credentials: if serving {
                Credentials::default()
            } else {
                self.environment.credentials()
            },
            authorities: match &settings.ca[..] {
                [] => self.environment.authorities(),
                files => Authorities::Files(files.to_vec()),
            },
            ..HttpOptions::default()
        };
        Arc::new(if serving {
            Router::network(http)
        } else {
            Router::standard(http)
        })
    }
}

impl std::fmt::Debug for SessionOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionOptions")
            .field("cache", &self.cache)
            .field("jobs", &self.jobs)
            .field("offline", &self.offline)
            .finish_non_exhaustive()
    }
}

/// What builds share. It is opened once, used by any number of threads, and serves any number of builds: they share
/// connections and opened indexes, no more of them compute at once than the session has jobs, and of several that want the same
/// one does the work.
pub struct Session {
    pub(crate) cache: Cache,
    pub(crate) fetch: Arc<dyn Fetch>,
    pub(crate) settings: Arc<Settings>,
    /// What builds have learnt of hosts that do not answer.
    pub(crate) hosts: Arc<Hosts>,
    /// The caps of every reader.
    pub(crate) limits: Limits,
    pub(crate) indexes: Arc<Indexes>,
    pub(crate) running: Arc<Running>,
    options: Arc<SessionOptions>,
}

impl Session {
    /// How many times the index of a family's sources was opened. Builds over the same indexes share one.
    pub fn indexes_opened(&self) -> u64 {
        self.indexes.opens.load(Ordering::Relaxed)
    }

    /// The same session for work that may be cancelled.
    pub(crate) fn cancelled_by(&self, cancellation: &Cancellation) -> Self {
        let fetch = CancelledFetch::new(Arc::clone(&self.fetch), cancellation);
        Self {
            cache: self.cache.cancelled_by(cancellation),
            fetch: Arc::new(fetch),
            settings: Arc::clone(&self.settings),
            hosts: Arc::clone(&self.hosts),
            limits: self.limits.clone(),
            indexes: Arc::clone(&self.indexes),
            running: Arc::clone(&self.running),
            options: Arc::clone(&self.options),
        }
    }

    /// What cancels the work.
    pub(crate) fn cancellation(&self) -> &Cancellation {
        self.cache.cancellation()
    }

    /// Ends the work where it was cancelled.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.cancellation().check().map_err(|_| Error::Cancelled)
    }

    pub(crate) fn solver(&self) -> Option<&dyn Solver> {
        self.options.solver.as_deref()
    }

    pub(crate) fn progress(&self) -> &dyn Progress {
        &*self.options.progress
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.options.policy
    }

    pub(crate) fn environment(&self) -> &Environment {
        &self.options.environment
    }

    pub(crate) fn jobs(&self) -> usize {
        self.options.jobs
    }

    pub(crate) fn is_offline(&self) -> bool {
        self.options.offline
    }

    pub(crate) fn refreshes(&self) -> bool {
        self.options.refresh
    }

    pub(crate) fn mirrors(&self) -> BTreeMap<String, String> {
        self.options.mirrors.iter().cloned().collect()
    }

    pub(crate) fn warn(&self, message: &str) {
        self.progress().event(&Event::Warning { message });
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("cache", &self.cache)
            .field("indexes", &self.indexes)
            .field("running", &self.running)
            .finish_non_exhaustive()
    }
}

/// Universes that were opened, by what they are made of.
pub(crate) struct Indexes {
    room: usize,
    /// How many times one was opened.
    opens: AtomicU64,
    /// The last that was asked for comes last.
    opened: Mutex<Vec<(Digest, Arc<dyn Universe>)>>,
}

impl Indexes {
    fn new(room: usize) -> Self {
        Self {
            room,
            opens: AtomicU64::new(0),
            opened: Mutex::default(),
        }
    }

    /// The universe of this identity, opened where it is not yet. Who wants the same meanwhile waits.
    pub(crate) fn get(
        &self,
        identity: impl FnOnce() -> Digest,
        open: impl FnOnce() -> Result<Option<Arc<dyn Universe>>, Error>,
    ) -> Result<Option<Arc<dyn Universe>>, Error> {
        if self.room == 0 {
            return open();
        }
        let identity = identity();
        let mut opened = held(&self.opened);
        if let Some(at) = opened.iter().position(|(of, _)| *of == identity) {
            let found = opened.remove(at);
            let universe = Arc::clone(&found.1);
            opened.push(found);
            return Ok(Some(universe));
        }
        let Some(universe) = open()? else {
            return Ok(None);
        };
        self.opens.fetch_add(1, Ordering::Relaxed);
        if opened.len() == self.room {
            opened.remove(0);
        }
        opened.push((identity, Arc::clone(&universe)));
        Ok(Some(universe))
    }
}

impl std::fmt::Debug for Indexes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Indexes")
            .field("opened", &held(&self.opened).len())
            .finish_non_exhaustive()
    }
}

/// The builds that are computing.
#[derive(Debug, Default)]
pub(crate) struct Running {
    keys: Mutex<BTreeSet<Digest>>,
    computing: Mutex<usize>,
    ended: Condvar,
    turned: Condvar,
}

impl Running {
    /// Waits until no other build of this key runs.
    ///
    /// # Errors
    /// When the work was cancelled.
    pub(crate) fn alone(
        &self,
        key: Digest,
        cancellation: &Cancellation,
    ) -> Result<Alone<'_>, Error> {
        let taken = |keys: &mut BTreeSet<Digest>| keys.insert(key);
        wait(&self.keys, &self.ended, cancellation, taken)?;
        Ok(Alone { running: self, key })
    }

    /// Waits until fewer than `most` builds compute.
    ///
    /// # Errors
    /// When the work was cancelled.
    pub(crate) fn turn(&self, most: usize, cancellation: &Cancellation) -> Result<Turn<'_>, Error> {
        let taken = |computing: &mut usize| {
            let free = *computing < most.max(1);
            *computing += usize::from(free);
            free
        };
        wait(&self.computing, &self.turned, cancellation, taken)?;
        Ok(Turn(self))
    }
}

/// Waits until something can be taken of what a lock guards.
fn wait<T>(
    lock: &Mutex<T>,
    changed: &Condvar,
    cancellation: &Cancellation,
    mut take: impl FnMut(&mut T) -> bool,
) -> Result<(), Error> {
    let mut guarded = held(lock);
    while !take(&mut guarded) {
        cancellation.check().map_err(|_| Error::Cancelled)?;
        guarded = if cancellation.is_possible() {
            let woken = changed.wait_timeout(guarded, Cancellation::STEP);
            woken.unwrap_or_else(PoisonError::into_inner).0
        } else {
            let woken = changed.wait(guarded);
            woken.unwrap_or_else(PoisonError::into_inner)
        };
    }
    Ok(())
}

/// The right to be the only build of a key, until it is dropped.
pub(crate) struct Alone<'a> {
    running: &'a Running,
    key: Digest,
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        held(&self.running.keys).remove(&self.key);
        self.running.ended.notify_all();
    }
}

/// The right to compute, until it is dropped.
pub(crate) struct Turn<'a>(&'a Running);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *held(&self.0.computing) -= 1;
        self.0.turned.notify_one();
    }
}

/// What a lock guards stays whole when a thread panics.
fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
