//! containerd, by its own command: it speaks gRPC and nothing else, and `ctr` is what speaks that from a pipe.

use std::io::{self, Read as _};
use std::process::{Command, Stdio};
use std::thread;

use mikron_oci::ImageError;

use crate::{EngineError, WriteArchive};

/// What is kept of what `ctr` says.
const MOST_SAID: u64 = 1 << 20;

/// containerd behind `ctr`.
#[derive(Clone, Debug, Default)]
pub struct Containerd {
    /// Its socket, where it is not the usual one (`CONTAINERD_ADDRESS`).
    pub address: Option<String>,
    /// The namespace that the image goes to, where it is not `default` (`CONTAINERD_NAMESPACE`): Kubernetes looks in `k8s.io`.
    pub namespace: Option<String>,
}

impl Containerd {
    fn command(&self) -> Command {
        let mut command = Command::new("ctr");
        for (option, value) in [
            ("--address", &self.address),
            ("--namespace", &self.namespace),
        ] {
            if let Some(value) = value {
                command.arg(option).arg(value);
            }
        }
        command
            .env_remove("CONTAINERD_ADDRESS")
            .env_remove("CONTAINERD_NAMESPACE");
        command
    }

    /// Whether `ctr` is there and reaches a containerd that takes images.
    ///
    /// # Errors
    /// When it is not, or does not.
    pub fn check(&self) -> Result<(), EngineError> {
        let mut command = self.command();
        command.arg("version").stdin(Stdio::null());
        let output = command.output().map_err(missing)?;
        if output.status.success() {
            return Ok(());
        }
        Err(EngineError::NoContainerd {
            message: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Imports an archive while it is written. Gives back what `ctr` says.
    ///
    /// # Errors
    /// When the archive cannot be written, or `ctr` fails.
    pub fn import(&self, archive: &mut WriteArchive<'_>) -> Result<String, EngineError> {
        let mut command = self.command();
        command.args(["images", "import", "--all-platforms", "-"]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().map_err(missing)?;
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (sent, said, complaint) = thread::scope(|scope| {
            let said = scope.spawn(|| stdout.map(all));
            let complaint = scope.spawn(|| stderr.map(all));
            // Dropped behind its archive, so that `ctr` sees the end.
            let sent = stdin.map_or(Ok(()), |mut stdin| archive(&mut stdin));
            let text = |joined: thread::Result<Option<String>>| joined.ok().flatten();
            (sent, text(said.join()), text(complaint.join()))
        });
        let status = child.wait().map_err(ctr)?;
        match sent {
            Ok(()) | Err(ImageError::Store(_)) if !status.success() => Err(EngineError::Ctr {
                message: complaint.unwrap_or_default(),
            }),
            sent => {
                sent?;
                Ok(said.unwrap_or_default())
            }
        }
    }
}

fn all(from: impl io::Read) -> String {
    let mut text = Vec::new();
    let mut from = from.take(MOST_SAID);
    // What is there is told, however it ends.
    let _ = from.read_to_end(&mut text);
    // Whoever says more must not wait for a reader.
    let _ = io::copy(&mut from.into_inner(), &mut io::sink());
    String::from_utf8_lossy(&text).into_owned()
}

fn missing(error: io::Error) -> EngineError {
    match error.kind() {
        io::ErrorKind::NotFound => EngineError::NoCtr,
        _ => ctr(error),
    }
}

fn ctr(error: impl std::fmt::Display) -> EngineError {
    EngineError::Ctr {
        message: error.to_string(),
    }
}
