//! A running container: asked, told and waited for.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::program::Program;
use super::{PATIENCE, fetch, run, run_well};

/// A running container. It ends with this value.
pub struct Container {
    child: Child,
    program: Program,
    state: PathBuf,
    id: String,
    user: (u32, u32),
    log: PathBuf,
    trace: Option<PathBuf>,
    execs: AtomicU32,
}

/// A program that has ended.
#[derive(Clone, Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to both streams.
    pub output: Vec<u8>,
}

impl Finished {
    /// What it wrote, as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.output).into_owned()
    }

    /// What it wrote, if it succeeded.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn well(self) -> String {
        assert!(self.status.success(), "{}: {}", self.status, self.text());
        self.text()
    }
}

impl Container {
    pub(super) fn new(
        child: Child,
        program: Program,
        state: PathBuf,
        id: String,
        user: (u32, u32),
        log: PathBuf,
        trace: Option<PathBuf>,
    ) -> Self {
        let execs = AtomicU32::new(0);
        Self {
            child,
            program,
            state,
            id,
            user,
            log,
            trace,
            execs,
        }
    }

    /// The process id of the container's first process, once it runs.
    ///
    /// # Panics
    /// When it does not come up; the message holds what it wrote.
    pub fn pid(&mut self) -> u32 {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            let output = run(self.command(&["state"]).arg(&self.id));
            let state: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
            if state["status"] == "running" {
                return state["pid"]
                    .as_u64()
                    .and_then(|pid| u32::try_from(pid).ok())
                    .expect("a process id");
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("the container ended with {status}: {}", self.output());
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("the container does not come up: {}", self.output());
    }

    /// Asks a server in the container with curl, again and again until it answers.
    ///
    /// # Panics
    /// When it never does; the message holds what the container wrote.
    pub fn fetch(&mut self, args: &[&str]) -> String {
        let pid = self.pid();
        match fetch(pid, args) {
            Ok(body) => body,
            Err(reason) => panic!("{reason}; the container wrote: {}", self.output()),
        }
    }

    /// Says something to a server in the container over TCP and gives what it answers, until it closes the connection or
    /// is silent for seconds. Tried again until there is an answer.
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    pub fn talk(&mut self, port: u16, say: &[u8]) -> Vec<u8> {
        // Under strace a server that asks its plugins before it answers takes many times as long.
        let patience = if self.trace.is_some() { 30 } else { 4 };
        let listen = format!("timeout {patience} cat <&3");
        self.connect(port, say, &listen, |output| !output.stdout.is_empty())
    }

    /// Says something to a server in the container over TCP that does not answer, when it listens.
    ///
    /// # Panics
    /// When it never does.
    #[track_caller]
    pub fn tell(&mut self, port: u16, say: &[u8]) {
        self.connect(port, say, ":", |output| output.status.success());
    }

    /// Connects and says something until what comes of it will do; gives what was answered.
    #[track_caller]
    fn connect(&mut self, port: u16, say: &[u8], then: &str, good: fn(&Output) -> bool) -> Vec<u8> {
        let pid = self.pid();
        let end = Instant::now() + PATIENCE;
        let script = format!("exec 3<>/dev/tcp/127.0.0.1/{port} && cat >&3 && {then}");
        loop {
            let mut child = Command::new("nsenter")
                .arg(format!("--net=/proc/{pid}/ns/net"))
                .args(["bash", "-c", &script])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .expect("nsenter starts");
            // It fails where nobody listens yet.
            let _ = child.stdin.take().map(|mut pipe| pipe.write_all(say));
            let output = child.wait_with_output().expect("it is our child");
            if good(&output) {
                return output.stdout;
            }
            assert!(Instant::now() < end, "no answer: {}", self.output());
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// Runs a program in the container besides its own, as the same user.
    ///
    /// # Panics
    /// When the runtime cannot be started.
    pub fn exec(&self, args: &[&str]) -> Finished {
        self.exec_with(args, b"")
    }

    /// Runs a program in the container that reads `stdin`.
    ///
    /// # Panics
    /// When the runtime cannot be started.
    pub fn exec_with(&self, args: &[&str], stdin: &[u8]) -> Finished {
        let number = self.execs.fetch_add(1, Ordering::Relaxed);
        let trace = self.trace.as_ref().map(|file| {
            let name = format!("{}-{number}", self.id);
            file.with_file_name(name)
        });
        let mut command = self.program.command(trace.as_deref());
        let log = self.log.with_extension(number.to_string());
        let file = File::create(&log).expect("a writable directory");
        let mut child = command
            .arg("--root")
            .arg(&self.state)
            .args([
                "exec",
                "--user",
                &format!("{}:{}", self.user.0, self.user.1),
            ])
            .arg(&self.id)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(file.try_clone().expect("a descriptor"))
            .stderr(file)
            .spawn()
            .expect("the runtime starts");
        let mut pipe = child.stdin.take().expect("it is a pipe");
        // A program that reads nothing may end before everything is written.
        let _ = pipe.write_all(stdin);
        drop(pipe);
        let status = child.wait().expect("it is our child");
        let output = fs::read(&log).unwrap_or_default();
        Finished { status, output }
    }

    /// Runs a program in the container again and again until it succeeds; gives what it wrote.
    ///
    /// # Panics
    /// When it never does, or the container ends; the message holds what both wrote.
    #[track_caller]
    pub fn exec_until(&mut self, args: &[&str]) -> String {
        let end = Instant::now() + PATIENCE;
        self.pid();
        loop {
            let finished = self.exec(args);
            if finished.status.success() {
                return finished.text();
            }
            let ended = matches!(self.child.try_wait(), Ok(Some(_)));
            assert!(
                !ended && Instant::now() < end,
                "{args:?}: {}; the container wrote: {}",
                finished.text(),
                self.output()
            );
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// Waits until the container has written this.
    ///
    /// # Panics
    /// When it never does, or ends before.
    #[track_caller]
    pub fn says(&mut self, what: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            let ended = matches!(self.child.try_wait(), Ok(Some(_)));
            let output = self.output();
            if output.contains(what) {
                return;
            }
            assert!(
                !ended && Instant::now() < end,
                "no `{what}` in what the container wrote: {output}"
            );
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Sends a signal by name (`QUIT`).
    ///
    /// # Panics
    /// When the runtime refuses.
    pub fn signal(&self, name: &str) {
        run_well(self.command(&["kill"]).args([&self.id, name]));
    }

    /// Waits for the end. The code of a process that died by a signal is 128 and the signal's number.
    ///
    /// # Panics
    /// When it does not end within a minute.
    pub fn wait(&mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                return status;
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("the container does not end: {}", self.output());
    }

    /// Waits so long for the end, and gives what was written; `None` when it does not come.
    ///
    /// # Panics
    /// When the runtime's process is gone.
    pub fn finish_within(mut self, patience: Duration) -> Option<Finished> {
        let end = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                let output = fs::read(&self.log).unwrap_or_default();
                return Some(Finished { status, output });
            }
            if Instant::now() > end {
                return None;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for the end, and gives what was written.
    ///
    /// # Panics
    /// As [`Container::wait`].
    pub fn finish(mut self) -> Finished {
        let status = self.wait();
        let output = fs::read(&self.log).unwrap_or_default();
        Finished { status, output }
    }

    /// What the container wrote so far, to both streams.
    pub fn output(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.program.command(None);
        command.arg("--root").arg(&self.state).args(args);
        command
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            let _ = run(self.command(&["kill"]).args([&self.id, "KILL"]));
            let _ = self.child.wait();
        }
        let _ = run(self.command(&["delete", "--force"]).arg(&self.id));
    }
}
