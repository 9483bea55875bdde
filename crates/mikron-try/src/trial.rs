//! The two runs.

use std::fs;
use std::io::{self, PipeReader, Read as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use mikron::matrix::Inventory;
use mikron::package::{Cancellation, Globs, Silent};
use mikron::{Builder, UnpackedImage};
use mikron_run::{Launch, Mount, Process, RunError, Runtime, Scratch};
use serde::Serialize;

use crate::TryError;
use crate::compare::{Comparison, Files, Gap};
use crate::watch::Watch;

/// How much is kept of what a command writes: its end.
const KEPT: usize = 64 << 10;

/// How long a command that is to end may take for that.
const GRACE: Duration = Duration::from_secs(2);

/// How often is looked whether a command still runs.
const BEAT: Duration = Duration::from_millis(20);

/// The signal that asks a program to end (signal(7)).
const SIGTERM: i32 = 15;

/// A command that is tried in the image of a spec, and in one with nothing left out.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The image.
    pub builder: Builder,
    /// What is run instead of what the image starts; nothing for that.
    pub command: Vec<String>,
    /// Variables beside those of the image, each as `NAME=VALUE`.
    pub env: Vec<String>,
    /// The directory that it starts in, instead of the image's.
    pub workdir: Option<String>,
    /// What it sees of the machine.
    pub mounts: Vec<Mount>,
    /// Whether it has the network of the machine.
    pub network: bool,
    /// After how long a command that still runs is ended, and judged by what it has done so far.
    pub timeout: Duration,
    /// Ends the trial, with [`mikron::Error::Cancelled`].
    pub cancellation: Cancellation,
}

/// How a command went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ran {
    /// How it ended.
    #[serde(flatten)]
    pub end: End,
    /// The end of what it wrote to both streams, at most 64 KiB; what is not UTF-8 is replaced.
    pub output: String,
    /// The bytes of all that it wrote.
    pub written: u64,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "ended", rename_all = "kebab-case")]
pub enum End {
    /// By itself, with this status; 128 and more of a signal, as runtimes say it.
    Exited {
        /// The status.
        status: i32,
    },
    /// It still ran when its time was over, and was ended.
    TimeOver,
}

impl Trial {
    /// A trial of what the image starts, with nothing of the machine and half a minute of time.
    pub fn new(builder: Builder) -> Self {
        Self {
            builder,
            command: Vec::new(),
            env: Vec::new(),
            workdir: None,
            mounts: Vec::new(),
            network: false,
            timeout: Duration::from_secs(30),
            cancellation: Cancellation::default(),
        }
    }

    /// Builds both images, runs the command in one after the other, and compares. Nothing is left of either.
    ///
    /// # Errors
    /// When an image cannot be built, the whole closure has no such program, no container starts, or the trial is cancelled. That the
    /// command fails is no error.
    pub fn run(&self, runtime: &Runtime) -> Result<Comparison, TryError> {
        let minimal = self.builder.clone().for_host();
        let minimal = minimal.cancellation(&self.cancellation);
        // What is odd about packages that are taken whole is nothing to tell of the image.
        let whole = minimal.clone().whole().progress(Arc::new(Silent));
        let scratch = Scratch::new(&minimal.scratch()?)?;
        // Whoever unpacks locks the directory above, and the scratch itself is locked.
        let roots = scratch.path().join("roots");
        fs::create_dir(&roots).map_err(unseen(&roots))?;
        let image = minimal.unpack_to(&roots.join("image"))?;
        let in_image = files(minimal.inventory()?);
        let closure = whole.unpack_to(&roots.join("whole"))?;
        let in_whole = files(whole.inventory()?);
        let gap = Gap::between(&in_image, &in_whole);
        let process = self.process(&image)?;
        let program = process.words.first().cloned().unwrap_or_default();
        if self.mounts.is_empty() && !gap.has_program(&program, &process.env, &process.workdir) {
            return Err(TryError::NoProgram { program });
        }
        let of_image = self.play(runtime, &image, &process, scratch.path(), None)?;
        let mut watch = Watch::over(closure.rootfs(), &gap.directories())?;
        let of_whole = self.play(
            runtime,
            &closure,
            &process,
            scratch.path(),
            Some(&mut watch),
        )?;
        let (used, complete) = watch.finish().map_err(unseen(closure.rootfs()))?;
        let removed = Globs::new(&minimal.spec().remove).unwrap_or_default();
        let ran = (process.words, of_image, of_whole);
        let compared = gap.compare(&used, &removed, ran)?;
        Ok(Comparison {
            complete,
            ..compared
        })
    }

    /// What is run.
    fn process(&self, image: &UnpackedImage) -> Result<Process, RunError> {
        let mut process = Process::of_config(image.config())?;
        if !self.command.is_empty() {
            process.words.clone_from(&self.command);
        }
        for variable in &self.env {
            process.set(variable);
        }
        if let Some(directory) = &self.workdir {
            process.workdir.clone_from(directory);
        }
        if process.words.is_empty() {
            return Err(mikron_run::ProcessError::NoProgram.into());
        }
        Ok(process)
    }

    /// Runs it once.
    fn play(
        &self,
        runtime: &Runtime,
        image: &UnpackedImage,
        process: &Process,
        scratch: &Path,
        mut watch: Option<&mut Watch>,
    ) -> Result<Ran, TryError> {
        let launch = Launch {
            rootfs: image.rootfs().to_owned(),
            own: true,
            process: process.clone(),
            mounts: self.mounts.clone(),
            network: self.network,
            terminal: false,
            hostname: "mikron".to_owned(),
        };
        let piped = |source| RunError::Io {
            action: "read what is written by",
            path: runtime.program().to_owned(),
            source,
        };
        let (reader, writer) = io::pipe().map_err(piped)?;
        let mut container = launch.start_into(runtime, &scratch.join("runs"), writer)?;
        let gathering = thread::spawn(move || gather(reader));
        let start = Instant::now();
        let mut asked = false;
        let mut exited = None;
        loop {
            if let Some(watch) = &mut watch {
                watch.read().map_err(unseen(image.rootfs()))?;
            }
            if let Some(status) = container.try_wait()? {
                exited = Some(status);
                break;
            }
            if self.cancellation.is_cancelled() {
                return Err(mikron::Error::Cancelled.into());
            }
            if start.elapsed() > self.timeout + GRACE {
                break;
            }
            if start.elapsed() > self.timeout && !asked {
                asked = true;
                mikron_run::signal(container.pid(), SIGTERM);
            }
            thread::sleep(BEAT);
        }
        // Whatever is left in it ends here, and with it the output.
        drop(container);
        let (output, written) = gathering.join().unwrap_or_default();
        let status = exited.and_then(|status| {
            status
                .code()
                .or_else(|| status.signal().map(|signal| 128 + signal))
        });
        Ok(Ran {
            end: match status {
                Some(status) if !asked => End::Exited { status },
                _ => End::TimeOver,
            },
            output: String::from_utf8_lossy(&output).into_owned(),
            written,
        })
    }
}

/// The end of what is written to a pipe, and how many bytes came out of it.
fn gather(mut reader: PipeReader) -> (Vec<u8>, u64) {
    let (mut kept, mut written) = (Vec::new(), 0);
    let mut buffer = [0; 8 << 10];
    // Nobody but the container writes, so an end by failure is an end.
    while let Ok(read @ 1..) = reader.read(&mut buffer) {
        written += read as u64;
        kept.extend_from_slice(&buffer[..read]);
        if kept.len() > 2 * KEPT {
            kept.drain(..kept.len() - KEPT);
        }
    }
    kept.drain(..kept.len().saturating_sub(KEPT));
    (kept, written)
}

/// The files of the only platform.
fn files(inventory: Inventory) -> Files {
    let mut platforms = inventory.platforms.into_values();
    let first = platforms.next();
    first.and_then(|held| held.files).unwrap_or_default()
}

fn unseen(rootfs: &Path) -> impl FnOnce(io::Error) -> TryError {
    let path = rootfs.to_owned();
    move |source| TryError::Watch { path, source }
}
