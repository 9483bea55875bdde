//! Progress, carried out of the libraries to whoever shows it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Receives what a build is doing. Called from several threads; must return quickly.
///
/// ```
/// use std::sync::Mutex;
/// use mikron_package::{Event, Progress, Task, TaskKind};
///
/// #[derive(Default)]
/// struct Log(Mutex<Vec<String>>);
/// impl Progress for Log {
///     fn event(&self, event: &Event<'_>) {
///         if let Event::Started { name, .. } = event {
///             self.0.lock().unwrap().push((*name).to_owned());
///         }
///     }
/// }
///
/// let log = Log::default();
/// let task = Task::start(&log, TaskKind::Fetch, "nginx_1.22.1_amd64.deb", Some(100));
/// task.advance(100);
/// drop(task);
/// assert_eq!(*log.0.lock().unwrap(), ["nginx_1.22.1_amd64.deb"]);
/// ```
pub trait Progress: Send + Sync {
    /// Something happened.
    fn event(&self, event: &Event<'_>);
}

impl<T: Progress + ?Sized> Progress for &T {
    fn event(&self, event: &Event<'_>) {
        (**self).event(event);
    }
}

impl<T: Progress + ?Sized> Progress for Arc<T> {
    fn event(&self, event: &Event<'_>) {
        (**self).event(event);
    }
}

/// Shows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn event(&self, _: &Event<'_>) {}
}

/// One thing that happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A task began.
    Started {
        /// Its number, unique in the process.
        task: u64,
        /// What it does.
        kind: TaskKind,
        /// What it does it to.
        name: &'a str,
        /// How much there is to do in bytes, where it is known.
        total: Option<u64>,
    },
    /// A task got further by so many bytes.
    Advanced {
        /// Its number.
        task: u64,
        /// Bytes since the last event.
        by: u64,
    },
    /// So many tasks of one kind lie ahead; they begin one by one. Some may turn out to be done already.
    Planned {
        /// What they do.
        kind: TaskKind,
        /// How many they are.
        tasks: usize,
        /// How much there is to do in all of them, in bytes.
        bytes: u64,
    },
    /// A task ended, well or not.
    Finished {
        /// Its number.
        task: u64,
    },
    /// Something a person should know although the build goes on: a retry, an older index kept, a corrupt cache entry.
    Warning {
        /// What happened, where, and what follows.
        message: &'a str,
    },
}

/// What a task does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TaskKind {
    /// Downloading.
    Fetch,
    /// Reading and verifying an index.
    Index,
    /// Solving dependencies.
    Solve,
    /// Learning the facts of an archive.
    Facts,
    /// Writing and compressing a layer.
    Layer,
}

/// A running task: reports its start when made and its end when dropped.
pub struct Task<'a> {
    progress: &'a dyn Progress,
    number: u64,
}

impl<'a> Task<'a> {
    /// Reports the start of a task.
    pub fn start(
        progress: &'a dyn Progress,
        kind: TaskKind,
        name: &str,
        total: Option<u64>,
    ) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        progress.event(&Event::Started {
            task: number,
            kind,
            name,
            total,
        });
        Self { progress, number }
    }

    /// Reports that the task got further by so many bytes.
    pub fn advance(&self, by: u64) {
        self.progress.event(&Event::Advanced {
            task: self.number,
            by,
        });
    }
}

impl Drop for Task<'_> {
    fn drop(&mut self) {
        self.progress.event(&Event::Finished { task: self.number });
    }
}
