//! Runs images: unpacked by umoci under crun or runc, and in a Docker engine of its own.
//!
//! Every container has its own network namespace with nothing but loopback, so tests never fight over ports; `fetch` enters
//! that namespace. Everything is started by and ended with the value that stands for it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::tools::{skip, tool};

/// How long anything that should be quick may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// An image unpacked into a directory, with what its config says.
pub struct Bundle {
    dir: TempDir,
    process: Value,
    runtime: PathBuf,
}

/// How to run an image.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// Entrypoint and arguments, instead of the image's own.
    pub args: Option<Vec<String>>,
    /// User and group by number, instead of the image's own.
    pub user: Option<(u32, u32)>,
    /// Whether the root filesystem is read-only.
    pub read_only: bool,
    /// Directories that get a fresh tmpfs.
    pub tmpfs: Vec<String>,
    /// Files or directories of the host and where they appear, read-only.
    pub binds: Vec<(PathBuf, String)>,
}

/// A running container. It ends with this value.
pub struct Container {
    child: Child,
    runtime: PathBuf,
    state: PathBuf,
    id: String,
    log: PathBuf,
}

/// Whether this machine can run containers; else the reason was printed and the calling test is to return.
fn able() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let root = status
        .lines()
        .any(|line| line.starts_with("Uid:") && line.split_whitespace().nth(2) == Some("0"));
    if !root {
        skip("running containers takes root");
    }
    root
}

/// crun where it can manage the machine's cgroups, else runc: crun refuses the hybrid hierarchy.
fn runtime() -> Option<PathBuf> {
    let hybrid = Path::new("/sys/fs/cgroup/unified").exists();
    tool(if hybrid { "runc" } else { "crun" })
}

fn run(command: &mut Command) -> Output {
    command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?} starts: {error}"))
}

fn run_well(command: &mut Command) -> String {
    let output = run(command);
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Unpacks an image of a layout with umoci, as `umoci unpack` does into a new bundle. Layers in zstd are turned into gzip
/// by skopeo first where umoci is too old to read them.
///
/// `None` means that a tool is missing and the reason was printed.
///
/// # Panics
/// When the image cannot be unpacked.
pub fn unpack(layout: &Path, tag: &str, into: &Path) -> Option<()> {
    let (umoci, skopeo) = (tool("umoci")?, tool("skopeo")?);
    let image = |layout: &Path| format!("{}:{tag}", layout.display());
    let unpack = |layout: &Path| {
        run(Command::new(&umoci)
            .args(["unpack", "--image", &image(layout)])
            .arg(into))
    };
    let output = unpack(layout);
    if output.status.success() {
        return Some(());
    }
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        message.contains("mediatype") && message.contains("zstd"),
        "umoci: {message}"
    );
    let _ = fs::remove_dir_all(into);
    let temporary = TempDir::new().expect("a temporary directory");
    let converted = temporary.path().join("gzip");
    run_well(
        Command::new(skopeo)
            .args(["copy", "--quiet", "--dest-compress-format", "gzip"])
            .arg(format!("oci:{}", image(layout)))
            .arg(format!("oci:{}", image(&converted))),
    );
    let output = unpack(&converted);
    assert!(
        output.status.success(),
        "umoci: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(())
}

impl Bundle {
    /// Unpacks the image `tag` of a layout.
    ///
    /// `None` means that a tool or a right is missing and the reason was printed.
    ///
    /// # Panics
    /// When the image cannot be unpacked.
    pub fn unpack(layout: &Path, tag: &str) -> Option<Self> {
        if !able() {
            return None;
        }
        let runtime = runtime()?;
        tool("nsenter")?;
        let dir = TempDir::new().expect("a temporary directory");
        let bundle = dir.path().join("bundle");
        unpack(layout, tag, &bundle)?;
        let config = fs::read(bundle.join("config.json")).expect("umoci writes a config");
        let config: Value = serde_json::from_slice(&config).expect("umoci writes JSON");
        Some(Self {
            dir,
            process: config["process"].clone(),
            runtime,
        })
    }

    /// The unpacked root filesystem.
    pub fn rootfs(&self) -> PathBuf {
        self.dir.path().join("bundle/rootfs")
    }

    /// Starts a container.
    ///
    /// # Panics
    /// When the runtime cannot be started.
    pub fn start(&self, how: &Run) -> Container {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let id = format!("mikron-test-{}-{number}", std::process::id());
        let bundle = self.dir.path().join(&id);
        fs::create_dir(&bundle).expect("a new directory");
        let config = serde_json::to_vec(&self.config(how)).expect("a value is JSON");
        fs::write(bundle.join("config.json"), config).expect("a writable directory");
        let log = bundle.join("log");
        let file = File::create(&log).expect("a writable directory");
        let state = self.dir.path().join("state");
        let child = Command::new(&self.runtime)
            .arg("--root")
            .arg(&state)
            .args(["run", "--bundle"])
            .arg(&bundle)
            .arg(&id)
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a descriptor"))
            .stderr(file)
            .spawn()
            .expect("the runtime starts");
        Container {
            child,
            runtime: self.runtime.clone(),
            state,
            id,
            log,
        }
    }

    /// The runtime's config (OCI runtime-spec): the image's process with the namespaces and mounts that every engine gives.
    fn config(&self, how: &Run) -> Value {
        let mut process = self.process.clone();
        process["terminal"] = json!(false);
        process["noNewPrivileges"] = json!(true);
        // What Docker leaves by default, as far as servers need it.
        let capabilities = json!([
            "CAP_CHOWN",
            "CAP_DAC_OVERRIDE",
            "CAP_FOWNER",
            "CAP_SETGID",
            "CAP_SETUID",
            "CAP_NET_BIND_SERVICE",
            "CAP_KILL"
        ]);
        let user = match how.user {
            Some((uid, gid)) => json!({"uid": uid, "gid": gid}),
            None => process["user"].clone(),
        };
        let of_user = if user["uid"] == json!(0) {
            capabilities.clone()
        } else {
            json!([])
        };
        process["user"] = user;
        process["capabilities"] = json!({
            "bounding": capabilities,
            "permitted": of_user,
            "effective": of_user,
        });
        if let Some(args) = &how.args {
            process["args"] = json!(args);
        }
        let mut mounts = vec![
            json!({"destination": "/proc", "type": "proc", "source": "proc"}),
            json!({"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=64k"]}),
        ];
        for path in &how.tmpfs {
            mounts.push(json!({"destination": path, "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev", "mode=1777"]}));
        }
        for (from, to) in &how.binds {
            mounts.push(json!({"destination": to, "type": "bind", "source": from, "options": ["bind", "ro"]}));
        }
        let namespaces = ["pid", "ipc", "uts", "mount", "network"];
        let namespaces: Vec<Value> = namespaces
            .iter()
            .map(|name| json!({"type": name}))
            .collect();
        json!({
            "ociVersion": "1.0.2",
            "process": process,
            "root": {"path": self.rootfs(), "readonly": how.read_only},
            "hostname": "mikron-test",
            "mounts": mounts,
            "linux": {"namespaces": namespaces},
        })
    }
}

impl Container {
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

    /// What the container wrote so far, to both streams.
    pub fn output(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.runtime);
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

/// Runs curl in the network namespace of a process until it succeeds.
fn fetch(pid: u32, args: &[&str]) -> Result<String, String> {
    let end = Instant::now() + PATIENCE;
    loop {
        let output = run(Command::new("nsenter")
            .arg(format!("--net=/proc/{pid}/ns/net"))
            .args([
                "curl",
                "--silent",
                "--show-error",
                "--fail",
                "--noproxy",
                "*",
                "--max-time",
                "10",
            ])
            .args(args));
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        if Instant::now() > end {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// A certificate of its own for `localhost`, and its key, made by openssl: the files `cert.pem` and `key.pem`.
///
/// `None` means that openssl is missing and the reason was printed.
///
/// # Panics
/// When openssl fails.
pub fn certificate(dir: &Path) -> Option<(PathBuf, PathBuf)> {
    let openssl = tool("openssl")?;
    let (certificate, key) = (dir.join("cert.pem"), dir.join("key.pem"));
    run_well(
        Command::new(openssl)
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
            ])
            .args([
                "-days",
                "2",
                "-subj",
                "/CN=localhost",
                "-addext",
                "subjectAltName=DNS:localhost",
            ])
            .arg("-keyout")
            .arg(&key)
            .arg("-out")
            .arg(&certificate),
    );
    Some((certificate, key))
}

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

    /// Runs a command of the client.
    ///
    /// # Panics
    /// When the client cannot be started.
    pub fn run(&self, args: &[&str]) -> Output {
        let socket = self.dir.path().join("socket");
        run(Command::new(&self.client)
            .env("DOCKER_CONFIG", self.dir.path())
            .arg("--host")
            .arg(format!("unix://{}", socket.display()))
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
