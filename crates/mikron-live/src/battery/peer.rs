//! A server on the host's loopback that containers with the host's network talk to over TLS.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::runtime::certificate;

/// openssl's own server, with a certificate for `localhost`. It serves the files of a directory and ends with this value.
pub struct TlsPeer {
    child: Child,
    port: u16,
    certificate: PathBuf,
}

impl TlsPeer {
    /// Serves a directory on a free port.
    ///
    /// # Panics
    /// When openssl does not start.
    pub fn serve(keys: &Path, files: &Path) -> Self {
        let (certificate, key) = certificate(keys).expect("openssl is there");
        let mut child = Command::new("openssl")
            .args([
                "s_server",
                "-4",
                "-accept",
                "127.0.0.1:0",
                "-WWW",
                "-naccept",
                "1000",
            ])
            .arg("-cert")
            .arg(&certificate)
            .arg("-key")
            .arg(key)
            .current_dir(files)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl starts");
        let stdout = child.stdout.take().expect("it is a pipe");
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        let line = lines.find(|line| line.starts_with("ACCEPT"));
        let line = line.expect("openssl says where it listens");
        let port = line
            .rsplit(':')
            .next()
            .and_then(|port| port.trim().parse().ok());
        // Somebody has to read what it goes on to say.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            child,
            port: port.expect("a port"),
            certificate,
        }
    }

    /// The same for a directory with the one file `hello.txt`, which says `hello`.
    ///
    /// # Panics
    /// When openssl does not start.
    pub fn hello(dir: &Path) -> Self {
        let files = dir.join("served");
        fs::create_dir_all(&files).expect("a writable directory");
        fs::write(files.join("hello.txt"), "hello\n").expect("a writable directory");
        Self::serve(dir, &files)
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of a file.
    pub fn url(&self, path: &str) -> String {
        format!("https://localhost:{}/{path}", self.port)
    }

    /// The file of the certificate.
    pub fn certificate(&self) -> &Path {
        &self.certificate
    }
}

impl Drop for TlsPeer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
