//! The runtime: crun, with runc where crun is not installed or cannot work.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::RunError;

/// Where a hybrid hierarchy has its cgroup v2 part (systemd, "Control Group APIs").
const HYBRID: &str = "/sys/fs/cgroup/unified";

/// Sends a signal, by its number, to the process that waits for a container ([`Container::pid`](crate::Container::pid)), which hands it on. A
/// process that is gone gets none.
pub fn signal(pid: u32, number: i32) {
    let pid = i32::try_from(pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    let signal = rustix::process::Signal::from_named_raw(number);
    if let Some((pid, signal)) = pid.zip(signal) {
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// A runtime of this machine.
#[derive(Clone, Debug)]
pub struct Runtime {
    program: PathBuf,
    is_crun: bool,
}

impl Runtime {
    /// The runtime to use, out of a list of directories as `PATH` has it.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(path: &std::ffi::OsStr) -> Result<Self, RunError> {
        let installed = |name: &str| {
            std::env::split_paths(path)
                .find_map(|dir| Some(dir.join(name)).filter(|program| program.is_file()))
        };
        let mut tried = Vec::new();
        for name in ["crun", "runc"] {
            let is_crun = name == "crun";
            match installed(name) {
                None => tried.push((name, "not installed")),
                // It refuses such a machine, whatever it is told to do with cgroups.
                Some(_) if is_crun && Path::new(HYBRID).exists() => {
                    tried.push((name, "does not work with a hybrid cgroup hierarchy"));
                }
                Some(program) => return Ok(Self { program, is_crun }),
            }
        }
        Err(RunError::NoRuntime { tried })
    }

    /// The program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// A call that runs a bundle, with the runtime's own state in `state`.
    pub(crate) fn run(&self, state: &Path, bundle: &Path, id: &str) -> Command {
        let mut command = self.call(state);
        command.arg("run").arg("--bundle").arg(bundle).arg(id);
        command
    }

    /// A call that ends all of a container and forgets it.
    pub(crate) fn delete(&self, state: &Path, id: &str) -> Command {
        let mut command = self.call(state);
        command.args(["delete", "--force", id]);
        command
    }

    fn call(&self, state: &Path) -> Command {
        let mut command = Command::new(&self.program);
        if self.is_crun {
            command.arg("--cgroup-manager=disabled");
        }
        command.arg("--root").arg(state);
        command.env("XDG_RUNTIME_DIR", state);
        command
    }
}
