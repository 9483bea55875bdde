//! Runs images: unpacked into a directory under crun or runc, and in a Docker engine of its own.
//!
//! Every container has its own network namespace with nothing but loopback, so tests never fight over ports; `fetch` enters
//! that namespace. Everything is started by and ended with the value that stands for it.

mod bundle;
mod container;
mod docker;
mod overlay;
mod program;
mod unpack;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use mikron_testkit::tools::{skip, tool};

pub use bundle::{Bundle, Run};
pub use container::{Container, Finished};
pub use docker::Docker;
pub use overlay::Overlay;
pub use unpack::{extract, unpack};

/// How long anything that should be quick may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether this machine can run containers; else the reason was printed and the calling test is to return.
pub(crate) fn able() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let root = status
        .lines()
        .any(|line| line.starts_with("Uid:") && line.split_whitespace().nth(2) == Some("0"));
    if !root {
        skip("running containers takes root");
    }
    root
}

fn run(command: &mut Command) -> Output {
    command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?} starts: {error}"))
}

pub(crate) fn run_well(command: &mut Command) -> String {
    let output = run(command);
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
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
        if Instant::now() > end || !Path::new(&format!("/proc/{pid}")).exists() {
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
