//! A Docker engine of its own, for images that a user loads.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{PATIENCE, able, fetch, run};
use mikron_testkit::tools::tool;

/// A Docker engine with its own socket and data. It ends with this value.
pub struct Docker {
    daemon: Child,
    dir: TempDir,
    client: PathBuf,
}

impl Docker {
    /// Starts an engine in the foreground, without bridge and firewall rules.
    ///
    /// `None` means that a tool or a right is missing and the reason was printed.
    ///
    /// # Panics
    /// When the engine does not come up.
    pub fn start() -> Option<Self> {
        if !able() {
            return None;
        }
        let (dockerd, client) = (tool("dockerd")?, tool("docker")?);
        tool("nsenter")?;
        let dir = TempDir::new().expect("a temporary directory");
        let path = |name: &str| dir.path().join(name);
        let log = File::create(path("log")).expect("a writable directory");
        let daemon = Command::new(dockerd)
            .arg("--data-root")
            .arg(path("data"))
            .arg("--exec-root")
            .arg(path("exec"))
            .arg("--pidfile")
            .arg(path("pid"))
            .arg("--host")
            .arg(format!("unix://{}", path("socket").display()))
            .args([
                "--bridge=none",
                "--iptables=false",
                "--ip6tables=false",
                "--storage-driver=vfs",
            ])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a descriptor"))
            .stderr(log)
            .spawn()
            .expect("dockerd starts");
        let mut docker = Self {
            daemon,
            dir,
            client,
        };
        let end = Instant::now() + PATIENCE;
        while !docker.run(&["version"]).status.success() {
            let ended = matches!(docker.daemon.try_wait(), Ok(Some(_)));
            assert!(!ended && Instant::now() < end, "dockerd: {}", docker.log());
            thread::sleep(Duration::from_millis(200));
        }
        Some(docker)
    }

    /// Where it listens, as `DOCKER_HOST` has it.
    pub fn host(&self) -> String {
        format!("unix://{}", self.dir.path().join("socket").display())
    }

    /// Runs a command of the client.
    ///
    /// # Panics
    /// When the client cannot be started.
    pub fn run(&self, args: &[&str]) -> Output {
        run(Command::new(&self.client)
            .env("DOCKER_CONFIG", self.dir.path())
            .args(["--host", &self.host()])
            .args(args))
    }

    /// Runs a command of the client that has to succeed, and gives its output without the last line break.
    ///
    /// # Panics
    /// When it fails.
    pub fn run_well(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "docker {args:?}: {stderr}{}",
            self.log()
        );
        String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned()
    }

    /// Asks a server in a container with curl, again and again until it answers.
    ///
    /// # Panics
    /// When it never does.
    pub fn fetch(&self, container: &str, args: &[&str]) -> String {
        let pid = self.run_well(&["inspect", "--format", "{{.State.Pid}}", container]);
        let pid = pid.parse().expect("a process id");
        assert!(pid != 0, "it has ended: {}", self.said(container));
        match fetch(pid, args) {
            Ok(body) => body,
            Err(reason) => panic!("{reason}: {}", self.said(container)),
        }
    }

    /// What a container wrote, to both streams.
    fn said(&self, container: &str) -> String {
        let output = self.run(&["logs", container]);
        let text = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&text).into_owned()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        let containers = self.run(&["ps", "--all", "--quiet"]).stdout;
        for container in String::from_utf8_lossy(&containers).split_whitespace() {
            let _ = self.run(&["rm", "--force", container]);
        }
        // TERM and not KILL: the engine ends its containerd with it.
        let _ = run(Command::new("kill").arg(self.daemon.id().to_string()));
        let end = Instant::now() + PATIENCE;
        while !matches!(self.daemon.try_wait(), Ok(Some(_))) {
            if Instant::now() > end {
                let _ = self.daemon.kill();
                let _ = self.daemon.wait();
                break;
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}
