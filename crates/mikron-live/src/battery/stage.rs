//! Where a probe does its work: an unpacked root filesystem, and a directory of the host for what it brings.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::runtime::{Bundle, Container, Finished, Run};

/// Where a probe does its work.
pub struct Stage {
    bundle: Bundle,
    dir: TempDir,
}

impl Stage {
    /// A stage over an unpacked image or installation.
    ///
    /// # Panics
    /// When there is no room for a temporary directory.
    pub fn new(bundle: Bundle) -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        // Containers run as other users.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755))
            .expect("it is our directory");
        Self { bundle, dir }
    }

    /// The root filesystem. Probes may change it: nobody else uses it.
    pub fn rootfs(&self) -> PathBuf {
        self.bundle.rootfs()
    }

    /// A directory of the host for what the probe brings, readable by all.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a file into [`Stage::dir`] and gives its path.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, content).expect("a writable directory");
        path
    }

    /// Starts the image as it is.
    pub fn serve(&self) -> Container {
        self.bundle.start(&Run::default())
    }

    /// Starts the image with changes.
    pub fn serve_with(&self, how: &Run) -> Container {
        self.bundle.start(how)
    }

    /// Runs a program in a container of its own to its end.
    pub fn run(&self, args: &[&str]) -> Finished {
        self.run_with(args, Run::default())
    }

    /// The same with changes.
    pub fn run_with(&self, args: &[&str], how: Run) -> Finished {
        let args = args.iter().map(|&word| word.to_owned()).collect();
        self.bundle
            .start(&Run {
                args: Some(args),
                ..how
            })
            .finish()
    }

    /// Runs the image's entrypoint with other arguments to its end.
    pub fn call(&self, args: &[&str]) -> Finished {
        let entrypoint = self.bundle.words().swap_remove(0);
        self.run(&[&[entrypoint.as_str()], args].concat())
    }

    /// How many certificates the bundle in /etc/ssl/certs has.
    pub fn anchors(&self) -> usize {
        let path = self.rootfs().join("etc/ssl/certs/ca-certificates.crt");
        let text = fs::read_to_string(path).unwrap_or_default();
        text.matches("BEGIN CERTIFICATE").count()
    }

    /// Makes a certificate one of those that the machine trusts, as update-ca-certificates(8) does: at the end of the
    /// bundle, and by its hash where the directory has such links.
    ///
    /// # Panics
    /// When the root filesystem has no bundle, or openssl fails.
    pub fn trust(&self, certificate: &Path) {
        let dir = self.rootfs().join("etc/ssl/certs");
        let pem = fs::read(certificate).expect("a certificate");
        let mut bundle = OpenOptions::new()
            .append(true)
            .open(dir.join("ca-certificates.crt"))
            .expect("the image has a bundle");
        bundle.write_all(&pem).expect("a writable file");
        let names = fs::read_dir(&dir).expect("a directory").flatten();
        let mut extensions = names.map(|entry| entry.path());
        if extensions.any(|path| path.extension().is_some_and(|e| e == "0")) {
            let output = Command::new("openssl")
                .args(["x509", "-noout", "-hash", "-in"])
                .arg(certificate)
                .output()
                .expect("openssl starts");
            let hash = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            fs::write(dir.join("mikron-test.pem"), pem).expect("a writable directory");
            symlink("mikron-test.pem", dir.join(format!("{hash}.0"))).expect("a new link");
        }
    }
}
