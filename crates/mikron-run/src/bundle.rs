//! The bundle of one run, and the container that is made of it.

use std::fs::{self, DirBuilder};
use std::io::PipeWriter;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::str::FromStr;

use serde_json::{Value, json};

use crate::{Container, Process, RunError, Runtime, Scratch};

/// Directories that the runtime fills, whatever the image has there.
const OF_THE_KERNEL: [&str; 3] = ["proc", "dev", "sys"];

/// Directories that programs count on, and images often lack: with the mode of each.
const EXPECTED: [(&str, u32); 3] = [("tmp", 0o1777), ("run", 0o755), ("root", 0o700)];

/// What engines leave to root in a container (the default of Docker), less what makes devices and raw packets.
const CAPABILITIES: [&str; 10] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_NET_BIND_SERVICE",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
];

/// What the kernel tells of the machine and a program has no business with: they are not there (the default of Docker).
const MASKED: [&str; 11] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
];

/// By what the machine itself is steered: root in a container is root to it, and reads these only.
const READ_ONLY: [&str; 5] = [
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
];

/// `f_type` of an overlay (statfs(2)), on which no other can write.
const OVERLAYFS: u64 = 0x794c_7630;

/// A file or directory of the machine in the container.
///
/// ```
/// use mikron_run::Mount;
/// let mount: Mount = "src:/work:ro".parse()?;
/// assert_eq!((mount.target.as_str(), mount.read_only), ("/work", true));
/// # Ok::<(), mikron_run::MountError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// What it is.
    pub source: PathBuf,
    /// Where it appears: an absolute path.
    pub target: String,
    /// Whether the container may only read it.
    pub read_only: bool,
}

/// A text that names no mount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no mount (write SRC:DST or SRC:DST:ro, with an absolute DST without `..`)")]
pub struct MountError {
    /// What stood there.
    pub text: String,
}

impl FromStr for Mount {
    type Err = MountError;

    fn from_str(text: &str) -> Result<Self, MountError> {
        let wrong = || MountError {
            text: text.to_owned(),
        };
        let (rest, read_only) = match text.strip_suffix(":ro") {
            Some(rest) => (rest, true),
            None => (text.strip_suffix(":rw").unwrap_or(text), false),
        };
        let (source, target) = rest.split_once(':').ok_or_else(wrong)?;
        let climbs = target.split('/').any(|component| component == "..");
        if source.is_empty() || !target.starts_with('/') || climbs || target.contains(':') {
            return Err(wrong());
        }
        Ok(Self {
            source: source.into(),
            target: target.to_owned(),
            read_only,
        })
    }
}

/// What to run, and over what.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The unpacked image. Nothing of it is changed, unless it is this run's own.
    pub rootfs: PathBuf,
    /// Whether the unpacked image is this run's own: then it is the root itself, and what the program writes is there afterwards.
    pub own: bool,
    /// The program.
    pub process: Process,
    /// What it sees of the machine.
    pub mounts: Vec<Mount>,
    /// Whether it has the network of the machine; else it has nothing but loopback.
    pub network: bool,
    /// Whether its streams are a terminal.
    pub terminal: bool,
    /// The name of its machine.
    pub hostname: String,
}

impl Launch {
    /// Starts the container, with the streams of this process. Its bundle is made in `scratch`, and removed with the value.
    ///
    /// # Errors
    /// When there is no program, a mount's source is not there, or the bundle cannot be made.
    pub fn start(&self, runtime: &Runtime, scratch: &Path) -> Result<Container, RunError> {
        self.start_with(runtime, scratch, None)
    }

    /// The same with nothing to read, and `output` for both streams that are written to.
    ///
    /// # Errors
    /// As [`Launch::start`].
    pub fn start_into(
        &self,
        runtime: &Runtime,
        scratch: &Path,
        output: PipeWriter,
    ) -> Result<Container, RunError> {
        self.start_with(runtime, scratch, Some(output))
    }

    fn start_with(
        &self,
        runtime: &Runtime,
        scratch: &Path,
        output: Option<PipeWriter>,
    ) -> Result<Container, RunError> {
        if self.process.words.is_empty() {
            return Err(crate::ProcessError::NoProgram.into());
        }
        let scratch = Scratch::new(scratch)?;
        let at = |name: &str| scratch.path().join(name);
        make(&at("state"), 0o700)?;
        let mut mounts = self.root(scratch.path())?;
        mounts.extend(self.of_the_kernel());
        mounts.extend(self.of_the_machine()?);
        let config = self.config(&mounts);
        let file = at("config.json");
        fs::write(&file, config.to_string()).map_err(RunError::io("write", &file))?;
        let failed = |error| RunError::io("start", runtime.program())(error);
        let mut command = runtime.run(&at("state"), scratch.path(), &scratch.id());
        if let Some(output) = output {
            let errors = output.try_clone().map_err(failed)?;
            command.stdin(Stdio::null()).stdout(output).stderr(errors);
        }
        let child = command.spawn().map_err(failed)?;
        Ok(Container::new(child, runtime.clone(), scratch))
    }

    /// Makes the directory that becomes the root, and says what is mounted there of the image: each of its directories by itself, so that
    /// mount points and files can be made beside them.
    fn root(&self, scratch: &Path) -> Result<Vec<Value>, RunError> {
        if self.own {
            for (name, mode) in EXPECTED {
                if fs::symlink_metadata(self.rootfs.join(name)).is_err() {
                    make(&self.rootfs.join(name), mode)?;
                }
            }
            return Ok(Vec::new());
        }
        let root = scratch.join("rootfs");
        make(&root, 0o755)?;
        let can_write = overlays(scratch);
        let mut mounts = Vec::new();
        let list = |error| RunError::io("read", &self.rootfs)(error);
        for entry in fs::read_dir(&self.rootfs).map_err(list)? {
            let entry = entry.map_err(list)?;
            let (name, path) = (entry.file_name(), entry.path());
            let (Some(shown), Ok(kind)) = (name.to_str(), entry.file_type()) else {
                continue;
            };
            let here = root.join(&name);
            if OF_THE_KERNEL.contains(&shown) {
                continue;
            }
            if kind.is_symlink() {
                let target = fs::read_link(&path).map_err(list)?;
                symlink(target, &here).map_err(RunError::io("link", &here))?;
                continue;
            }
            let target = format!("/{shown}");
            if kind.is_dir() && can_write {
                make(&here, 0o755)?;
                let [upper, work] = ["upper", "work"].map(|part| scratch.join(part).join(&name));
                let whole = |error| RunError::io("read", &path)(error);
                let mode = entry.metadata().map_err(whole)?.permissions();
                make(&upper, 0o700)?;
                // The directory itself is seen as the upper one is.
                fs::set_permissions(&upper, mode).map_err(RunError::io("write", &upper))?;
                make(&work, 0o700)?;
                let options = json!([
                    format!("lowerdir={}", quoted(&path)),
                    format!("upperdir={}", quoted(&upper)),
                    format!("workdir={}", quoted(&work)),
                ]);
                mounts.push(json!({"destination": target, "type": "overlay", "source": "overlay", "options": options}));
                continue;
            }
            if kind.is_dir() {
                make(&here, 0o755)?;
            } else {
                fs::write(&here, "").map_err(RunError::io("write", &here))?;
            }
            mounts.push(json!({"destination": target, "type": "bind", "source": path, "options": ["rbind", "ro"]}));
        }
        for (name, mode) in EXPECTED {
            if fs::symlink_metadata(root.join(name)).is_err() {
                make(&root.join(name), mode)?;
            } else if !can_write {
                let mode = format!("mode={mode:o}");
                mounts.push(json!({"destination": format!("/{name}"), "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev", mode]}));
            }
        }
        Ok(mounts)
    }

    fn of_the_kernel(&self) -> Vec<Value> {
        let mut mounts = vec![
            json!({"destination": "/proc", "type": "proc", "source": "proc"}),
            json!({"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=64k"]}),
            json!({"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]}),
            json!({"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=64m"]}),
        ];
        let options = ["rbind", "nosuid", "noexec", "nodev", "ro"];
        // It belongs to whom the network belongs to.
        mounts.push(if self.network {
            json!({"destination": "/sys", "type": "none", "source": "/sys", "options": options})
        } else {
            json!({"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": options[1..]})
        });
        mounts
    }

    fn of_the_machine(&self) -> Result<Vec<Value>, RunError> {
        let mut mounts = Vec::new();
        // Who shares the network has to know its names.
        for file in ["/etc/resolv.conf", "/etc/hosts"] {
            if self.network && Path::new(file).exists() {
                mounts.push(json!({"destination": file, "type": "bind", "source": file, "options": ["bind", "ro"]}));
            }
        }
        for mount in &self.mounts {
            let source = fs::canonicalize(&mount.source).map_err(|source| RunError::Source {
                path: mount.source.clone(),
                source,
            })?;
            let access = if mount.read_only { "ro" } else { "rw" };
            mounts.push(json!({"destination": mount.target, "type": "bind", "source": source, "options": ["rbind", access]}));
        }
        Ok(mounts)
    }

    /// The runtime's config (OCI runtime-spec).
    fn config(&self, mounts: &[Value]) -> Value {
        let (uid, gid) = self.process.user;
        let of_root = if uid == 0 { &CAPABILITIES[..] } else { &[] };
        let mut namespaces = vec!["mount", "pid", "ipc", "uts"];
        if !self.network {
            namespaces.push("network");
        }
        let mut linux = json!({"maskedPaths": MASKED, "readonlyPaths": READ_ONLY});
        let (caller, group) = (rustix::process::geteuid(), rustix::process::getegid());
        if !caller.is_root() {
            namespaces.push("user");
            let map = |inside: u32, outside: u32| json!([{"containerID": inside, "hostID": outside, "size": 1}]);
            linux["uidMappings"] = map(uid, caller.as_raw());
            linux["gidMappings"] = map(gid, group.as_raw());
        }
        let root = if self.own {
            &self.rootfs
        } else {
            Path::new("rootfs")
        };
        let typed = |name: &&str| json!({"type": name});
        linux["namespaces"] = namespaces.iter().map(typed).collect();
        json!({
            "ociVersion": "1.0.2",
            "process": {
                "terminal": self.terminal,
                "user": {"uid": uid, "gid": gid},
                "args": self.process.words,
                "env": self.process.env,
                "cwd": self.process.workdir,
                "noNewPrivileges": true,
                "capabilities": {"bounding": CAPABILITIES, "permitted": of_root, "effective": of_root},
            },
            "root": {"path": root, "readonly": false},
            "hostname": self.hostname,
            "mounts": mounts,
            "linux": linux,
        })
    }
}

/// A colon parts lower directories, a comma options, and a backslash takes their meaning (overlayfs, `ovl_split_lowerdirs`).
fn quoted(path: &Path) -> String {
    let mut quoted = String::new();
    for c in path.display().to_string().chars() {
        if matches!(c, ':' | ',' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}

/// Whether overlays can be written to here: the kernel has them, lets whoever is not root mount them (since 5.11), and the directory is
/// not on one itself.
fn overlays(scratch: &Path) -> bool {
    let known = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    let known = known
        .lines()
        .any(|line| line.trim() == "nodev\toverlay" || line.ends_with("\toverlay"));
    let release = rustix::system::uname();
    let mut numbers = release
        .release()
        .to_str()
        .unwrap_or_default()
        .split(['.', '-']);
    let mut number = || {
        numbers
            .next()
            .and_then(|n| n.parse::<u32>().ok())
            .unwrap_or(0)
    };
    let new = (number(), number()) >= (5, 11);
    let kind = rustix::fs::statfs(scratch).map(|of| of.f_type);
    let nested = kind.is_ok_and(|kind| u64::try_from(kind) == Ok(OVERLAYFS));
    known && !nested && (new || rustix::process::geteuid().is_root())
}

fn make(path: &Path, mode: u32) -> Result<(), RunError> {
    let created = DirBuilder::new().recursive(true).mode(mode).create(path);
    // Whatever the umask took.
    let whole = || fs::set_permissions(path, fs::Permissions::from_mode(mode));
    created
        .and_then(|()| whole())
        .map_err(RunError::io("make", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_has_a_source_and_an_absolute_target() {
        let mount: Mount = "a/b:/c".parse().unwrap();
        assert_eq!((mount.source, mount.read_only), ("a/b".into(), false));
        for text in [
            "",
            "a",
            "a:",
            ":/a",
            "a:b",
            "a:/b:rx",
            "a:/b/../c",
            "a:/b:/c",
        ] {
            assert!(text.parse::<Mount>().is_err(), "{text}");
        }
    }

    #[test]
    fn names_that_mean_something_to_an_overlay_are_quoted() {
        assert_eq!(quoted(Path::new(r"/a:b,c\d")), r"/a\:b\,c\\d");
    }
}
