//! An image unpacked, and the ways to start it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::container::Container;
use super::program::Program;
use super::{able, extract, unpack};
use mikron_testkit::tools::tool;

/// An image unpacked into a directory, with what its config says.
pub struct Bundle {
    dir: TempDir,
    rootfs: PathBuf,
    process: Value,
    program: Program,
    traces: Option<PathBuf>,
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
    /// Environment variables besides the image's own.
    pub env: Vec<(String, String)>,
    /// What the process reads from its standard input; nothing if empty.
    pub stdin: Vec<u8>,
    /// Whether it shares the host's network, to reach servers that the test runs on loopback.
    pub host_network: bool,
    /// Whether programs get the rights of their owners by the set-user-ID bit, as engines let them by default.
    pub set_user_id: bool,
    /// Whether its streams are a terminal, which script(1) makes.
    pub terminal: bool,
}

impl Bundle {
    /// Unpacks the image `tag` of a layout with umoci.
    ///
    /// `None` means that a tool or a right is missing and the reason was printed.
    ///
    /// # Panics
    /// When the image cannot be unpacked.
    pub fn unpack(layout: &Path, tag: &str) -> Option<Self> {
        let mut bundle = Self::new()?;
        let dir = bundle.dir.path().join("bundle");
        unpack(layout, tag, &dir)?;
        let config = fs::read(dir.join("config.json")).expect("umoci writes a config");
        let config: Value = serde_json::from_slice(&config).expect("umoci writes JSON");
        bundle.process = config["process"].clone();
        bundle.rootfs = dir.join("rootfs");
        Some(bundle)
    }

    /// Extracts the only image of a layout with tar.
    ///
    /// `None` means that a tool or a right is missing and the reason was printed.
    ///
    /// # Panics
    /// When the image cannot be extracted.
    pub fn extract(layout: &Path) -> Option<Self> {
        let mut bundle = Self::new()?;
        bundle.rootfs = bundle.dir.path().join("rootfs");
        bundle.process = extract(layout, &bundle.rootfs)?;
        Some(bundle)
    }

    /// A root filesystem that lies elsewhere, with the process of this bundle.
    ///
    /// `None` means that a tool or a right is missing and the reason was printed.
    pub fn with_rootfs(&self, rootfs: &Path) -> Option<Self> {
        let mut bundle = Self::new()?;
        rootfs.clone_into(&mut bundle.rootfs);
        bundle.process = self.process.clone();
        Some(bundle)
    }

    fn new() -> Option<Self> {
        if !able() {
            return None;
        }
        let program = Program::find()?;
        tool("nsenter")?;
        Some(Self {
            dir: TempDir::new().expect("a temporary directory"),
            rootfs: PathBuf::new(),
            process: Value::Null,
            program,
            traces: None,
        })
    }

    /// Has strace write what every process of every container does with files into a directory.
    pub fn trace_into(&mut self, dir: &Path) {
        self.traces = Some(dir.to_owned());
    }

    /// The unpacked root filesystem.
    pub fn rootfs(&self) -> PathBuf {
        self.rootfs.clone()
    }

    /// User and group that the image runs as.
    pub fn user(&self) -> (u32, u32) {
        let number = |key: &str| {
            let number = self.process["user"][key].as_u64();
            number.and_then(|n| u32::try_from(n).ok()).unwrap_or(0)
        };
        (number("uid"), number("gid"))
    }

    /// The same, run as another user.
    #[must_use]
    pub fn with_user(mut self, (uid, gid): (u32, u32)) -> Self {
        self.process["user"] = json!({"uid": uid, "gid": gid});
        self
    }

    /// The words that the image runs: entrypoint and arguments.
    pub fn words(&self) -> Vec<String> {
        let words = self.process["args"].as_array().into_iter().flatten();
        words.filter_map(Value::as_str).map(str::to_owned).collect()
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
        fs::write(bundle.join("hosts"), "127.0.0.1 localhost mikron-test\n")
            .expect("a writable directory");
        let config = serde_json::to_vec(&self.config(how, &bundle)).expect("a value is JSON");
        fs::write(bundle.join("config.json"), config).expect("a writable directory");
        let log = bundle.join("log");
        let file = File::create(&log).expect("a writable directory");
        let state = self.dir.path().join("state");
        let trace = self.traces.as_ref().map(|dir| dir.join(&id));
        let mut command = self.program.command(trace.as_deref());
        command.arg("--root").arg(&state).args(["run", "--bundle"]);
        command.arg(&bundle).arg(&id);
        let typed = bundle.join("stdin");
        fs::write(&typed, &how.stdin).expect("a writable directory");
        if how.terminal {
            command = in_terminal(&command);
        }
        let child = command
            .stdin(File::open(&typed).expect("it was just written"))
            .stdout(file.try_clone().expect("a descriptor"))
            .stderr(file)
            .spawn()
            .expect("the runtime starts");
        let user = how.user.unwrap_or_else(|| self.user());
        Container::new(child, self.program.clone(), state, id, user, log, trace)
    }

    /// The runtime's config (OCI runtime-spec): the image's process with the namespaces and mounts that every engine gives.
    fn config(&self, how: &Run, bundle: &Path) -> Value {
        let mut process = self.process.clone();
        process["terminal"] = json!(false);
        process["noNewPrivileges"] = json!(!how.set_user_id);
        // What Docker leaves by default, as far as servers need it.
        let capabilities = json!([
            "CAP_CHOWN",
            "CAP_DAC_OVERRIDE",
            "CAP_FOWNER",
            "CAP_SETGID",
            "CAP_SETUID",
            "CAP_NET_BIND_SERVICE",
            "CAP_SYS_CHROOT",
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
        for (key, value) in &how.env {
            let env = process["env"].as_array_mut().expect("env is a list");
            env.retain(|word| {
                !word
                    .as_str()
                    .is_some_and(|w| w.starts_with(&format!("{key}=")))
            });
            env.push(json!(format!("{key}={value}")));
        }
        let tmpfs = |path: &str, options: &[&str]| json!({"destination": path, "type": "tmpfs", "source": "tmpfs", "options": options});
        let mut mounts = vec![
            json!({"destination": "/proc", "type": "proc", "source": "proc"}),
            tmpfs("/dev", &["nosuid", "mode=755", "size=64k"]),
            tmpfs(
                "/dev/shm",
                &["nosuid", "nodev", "noexec", "mode=1777", "size=64m"],
            ),
        ];
        // It belongs to a network of its own.
        if !how.host_network {
            mounts.push(json!({"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]}));
        }
        for path in &how.tmpfs {
            mounts.push(tmpfs(path, &["nosuid", "nodev", "mode=1777"]));
        }
        let hosts = (bundle.join("hosts"), "/etc/hosts".to_owned());
        for (from, to) in how.binds.iter().chain([&hosts]) {
            mounts.push(json!({"destination": to, "type": "bind", "source": from, "options": ["bind", "ro"]}));
        }
        let mut namespaces = vec!["pid", "ipc", "uts", "mount"];
        if !how.host_network {
            namespaces.push("network");
        }
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

/// The same command with a terminal for its streams. What is typed comes when the program has had time to set it up.
fn in_terminal(command: &Command) -> Command {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let quoted: Vec<String> = words
        .map(|word| format!("'{}'", word.to_string_lossy().replace('\'', "'\\''")))
        .collect();
    let mut shell = Command::new("sh");
    shell.args([
        "-c",
        "(sleep 3; cat; sleep 2) | script --quiet --return --command \"$0\" /dev/null",
        &quoted.join(" "),
    ]);
    shell
}
