//! The container runtime: crun, with runc where crun is not installed.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use mikron_testkit::tools::{find, tool};

/// Where a hybrid hierarchy has its cgroup v2 part (systemd, "Control Group APIs").
const HYBRID: &str = "/sys/fs/cgroup/unified";

/// crun refuses a hybrid hierarchy, whatever it is told to do with cgroups. In a mount namespace of its own it sees version 1
/// alone, and with its cgroup manager switched off it touches nothing of it.
const HIDING: &str = "mount -t tmpfs none /sys/fs/cgroup/unified && exec \"$@\"";

/// A runtime and how to call it on this machine.
#[derive(Clone, Debug)]
pub(super) struct Program {
    path: PathBuf,
    crun: bool,
}

impl Program {
    /// crun where it is installed, else runc. `None` means that neither is and the reason was printed.
    pub(super) fn find() -> Option<Self> {
        if let Some(path) = find("crun") {
            return Some(Self { path, crun: true });
        }
        let path = tool("runc")?;
        Some(Self { path, crun: false })
    }

    /// A call of the runtime; with `trace`, under strace, which writes there.
    pub(super) fn command(&self, trace: Option<&Path>) -> Command {
        let mut words: Vec<&OsStr> = Vec::new();
        if self.crun && Path::new(HYBRID).exists() {
            let hide = ["unshare", "--mount", "--propagation", "slave", "--"];
            words.extend(hide.map(OsStr::new));
            words.extend(["sh", "-c", HIDING, "sh"].map(OsStr::new));
        }
        if let Some(file) = trace {
            // Names of files in full; what only reads or writes is not of interest and would be slow. The runtime stays our own
            // child (-D): otherwise strace ends after the last of the daemons that a program leaves behind.
            let calls = "-etrace=%file,%process,chdir,fchdir";
            let strace = [
                "strace",
                "-D",
                "-f",
                "-qq",
                "-y",
                "--decode-pids=pidns",
                "-s4096",
            ];
            words.extend(strace.map(OsStr::new));
            words.extend([calls, "-o"].map(OsStr::new));
            words.push(file.as_os_str());
        }
        words.push(self.path.as_os_str());
        if self.crun {
            words.push(OsStr::new("--cgroup-manager=disabled"));
        }
        let mut command = Command::new(words[0]);
        command.args(&words[1..]);
        command
    }
}
