//! A container that runs, and the directory that it has as long as it does.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use rustix::fs::FlockOperation;

use crate::{RunError, Runtime};

/// How often a container is told to end, a tenth of a second apart, before its runtime is killed.
const INSISTENCE: u32 = 50;

/// A container that runs. Dropped, all that runs in it is ended, and what it has written is gone.
#[derive(Debug)]
pub struct Container {
    child: Child,
    runtime: Runtime,
    scratch: Scratch,
}

impl Container {
    pub(crate) fn new(child: Child, runtime: Runtime, scratch: Scratch) -> Self {
        Self {
            child,
            runtime,
            scratch,
        }
    }

    /// The process that waits for it, and hands signals on.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How the program has ended, if it has.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub fn try_wait(&mut self) -> Result<Option<ExitStatus>, RunError> {
        self.child
            .try_wait()
            .map_err(RunError::io("wait for", "the container"))
    }

    /// Waits until the program ends.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn wait(mut self) -> Result<ExitStatus, RunError> {
        self.child
            .wait()
            .map_err(RunError::io("wait for", "the container"))
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let state = self.scratch.path.join("state");
        // One that is about to be made is not known yet.
        for _ in 0..INSISTENCE {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            let mut delete = self.runtime.delete(&state, &self.scratch.id());
            let delete = delete.stdin(Stdio::null()).stdout(Stdio::null());
            let _ = delete.stderr(Stdio::null()).status();
            thread::sleep(Duration::from_millis(100));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A directory that is locked as long as this value lasts, and then removed; those of processes that were killed go with the next one.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    _lock: File,
}

impl Scratch {
    /// Makes one in `holder`.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new(holder: &Path) -> Result<Self, RunError> {
        const PREFIX: &str = "run-";
        let failed = |error| RunError::io("write", holder)(error);
        fs::create_dir_all(holder).map_err(failed)?;
        // One after the other: between a directory and its lock nobody takes it for one that was left.
        let gate = File::open(holder).map_err(failed)?;
        let alone = rustix::fs::flock(&gate, FlockOperation::LockExclusive);
        alone.map_err(io::Error::from).map_err(failed)?;
        for entry in fs::read_dir(holder).into_iter().flatten().flatten() {
            let is_run = entry.file_name().to_string_lossy().starts_with(PREFIX);
            let opened = File::open(entry.path()).ok().filter(|_| is_run);
            let lock =
                |dir: &File| rustix::fs::flock(dir, FlockOperation::NonBlockingLockExclusive);
            if opened.is_some_and(|dir| lock(&dir).is_ok()) {
                // What cannot go now goes the next time.
                let _ = mikron_unpack::remove(&entry.path());
            }
        }
        let made = tempfile::Builder::new().prefix(PREFIX).tempdir_in(holder);
        let path = made.map_err(failed)?.keep();
        // Runtimes want to know where they are from wherever they go.
        let path = fs::canonicalize(path).map_err(failed)?;
        let lock = File::open(&path).map_err(failed)?;
        let locked = rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive);
        locked.map_err(io::Error::from).map_err(failed)?;
        Ok(Self { path, _lock: lock })
    }
}

impl Scratch {
    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name of the container, which is that of no other.
    pub(crate) fn id(&self) -> String {
        let name = self.path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = mikron_unpack::remove(&self.path);
    }
}
