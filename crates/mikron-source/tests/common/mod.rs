//! What the tests of sources share.
#![allow(dead_code)] // each test file uses a part of it

pub(crate) mod rpm;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mikron_package::{Event, Limits, Progress};
use mikron_source::cache::{Cache, CacheOptions};
use mikron_source::deb::{Context, DebRepository};
use mikron_source::download::RetryPolicy;
use mikron_source::fetch::{HttpFetch, HttpOptions};
use mikron_source::trust::Keyring;
use mikron_testkit::http::Server;
use mikron_testkit::repository::{TestKey, now};

/// Collects warnings.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.0.lock().expect("no test panics with it").clone()
    }
}

impl Progress for Log {
    fn event(&self, event: &Event<'_>) {
        if let Event::Warning { message } = event {
            self.0
                .lock()
                .expect("no test panics with it")
                .push((*message).to_owned());
        }
    }
}

/// A server, an empty cache, and a client with short times.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) directory: tempfile::TempDir,
    pub(crate) cache: Cache,
    pub(crate) http: HttpFetch,
    pub(crate) log: Log,
    pub(crate) limits: Limits,
}

impl World {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let log = Log::default();
        let options = CacheOptions {
            progress: Arc::new(log.clone()),
            ..CacheOptions::default()
        };
        Self {
            server: Server::start(),
            cache: Cache::open(directory.path(), options).expect("an empty cache"),
            directory,
            http: HttpFetch::new(impatient()),
            log,
            limits: Limits::default(),
        }
    }

    pub(crate) fn context(&self) -> Context<'_> {
        let mut context = Context::new(&self.http, &self.cache, &self.log, &self.limits, now());
        context.retry = quick();
        context
    }

    /// A repository on the server, below `prefix`.
    pub(crate) fn repository(&self, prefix: &str, suite: &str, key: &TestKey) -> DebRepository {
        let keyring = Keyring::new(key.certificate()).expect("a test key's certificate is sound");
        let mut repository = DebRepository::new("test", &self.server.url(prefix), suite, keyring);
        // As for presets: one identity, whatever the mirror.
        "test-archive".clone_into(&mut repository.identity);
        repository
    }
}

/// Options under which tests need not wait.
pub(crate) fn impatient() -> HttpOptions {
    HttpOptions {
        connect_timeout: Duration::from_secs(5),
        answer_timeout: Duration::from_secs(2),
        deadline: Duration::from_secs(20),
        low_speed_bytes: 100,
        low_speed_window: Duration::from_millis(300),
        proxy: None,
        ..HttpOptions::default()
    }
}

/// Retries without long pauses.
pub(crate) fn quick() -> RetryPolicy {
    RetryPolicy {
        attempts: 3,
        pause: Duration::from_millis(5),
        longest_pause: Duration::from_millis(200),
        deadline: Duration::from_secs(20),
    }
}
