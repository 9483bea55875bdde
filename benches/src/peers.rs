//! The other tools, set up so that they do the same work with the same mirror.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use mikron_live::mirror::Mirror;
use mikron_testkit::tools::tool;
use tempfile::TempDir;

use crate::measure::{Failed, run};

fn missing(name: &str) -> Failed {
    Failed {
        what: name.to_owned(),
        why: "is not installed".to_owned(),
    }
}

/// `mmdebstrap` that unpacks the closure of nginx and does nothing else.
///
/// # Errors
/// When it is not installed, or `out` cannot be emptied.
pub fn mmdebstrap(mirror: &Mirror, out: &Path) -> Result<Command, Failed> {
    let program = tool("mmdebstrap").ok_or_else(|| missing("mmdebstrap"))?;
    empty(out)?;
    let mut command = Command::new(program);
    command
        .args([
            "--quiet",
            "--variant=extract",
            "--include=nginx",
            "bookworm",
        ])
        .arg(out)
        .arg(&mirror.main);
    Ok(command)
}

/// Removes a directory and what is in it.
///
/// # Errors
/// When something of it stays.
pub fn empty(path: &Path) -> Result<(), Failed> {
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(Failed::of(path.display().to_string())(e))
        }
        _ => Ok(()),
    }
}

/// `apt-get -s install nginx` on a system where nothing is installed.
///
/// # Errors
/// When apt is missing, or the empty status file cannot be written.
pub fn apt_get(scratch: &Path) -> Result<Command, Failed> {
    let program = tool("apt-get").ok_or_else(|| missing("apt-get"))?;
    let status = scratch.join("status");
    fs::write(&status, b"").map_err(Failed::of(status.display().to_string()))?;
    let mut command = Command::new(program);
    command
        .arg("-o")
        .arg(format!("Dir::State::status={}", status.display()))
        .args(["-s", "--no-install-recommends", "install", "nginx"]);
    Ok(command)
}

/// `apko build` of nginx from a repository on disk, into a new archive.
///
/// # Errors
/// When its configuration cannot be written.
pub fn apko(program: &Path, repository: &Path, key: &Path, out: &Path) -> Result<Command, Failed> {
    empty(out)?;
    let failed = || Failed::of::<std::io::Error>(out.display().to_string());
    fs::create_dir_all(out).map_err(failed())?;
    let configuration = format!(
        "contents:\n  keyring: [{}]\n  repositories: [{}]\n  packages: [nginx]\narchs: [x86_64]\n\
         entrypoint:\n  command: /usr/sbin/nginx\n",
        key.display(),
        repository.display()
    );
    fs::write(out.join("apko.yaml"), configuration).map_err(failed())?;
    let mut command = Command::new(program);
    command
        .args(["build", "--sbom=false", "--vcs=false", "--cache-dir"])
        .arg(out.join("cache"))
        .args(["apko.yaml", "nginx:latest", "nginx.tar"])
        .current_dir(out);
    Ok(command)
}

/// A Docker engine with a Debian base image, ready to build. It ends with this value.
pub struct Docker {
    daemon: Child,
    client: PathBuf,
    dir: TempDir,
}

const DOCKERFILE: &str = "FROM mikron-compare-base\n\
    RUN apt-get update && apt-get install -y --no-install-recommends nginx\n";

impl Docker {
    /// Starts an engine in the foreground and imports a minimal Debian.
    ///
    /// # Errors
    /// When a tool is missing, the engine does not come up, or the base cannot be made.
    pub fn start(mirror: &Mirror) -> Result<Self, Failed> {
        let dockerd = tool("dockerd").ok_or_else(|| missing("dockerd"))?;
        let client = tool("docker").ok_or_else(|| missing("docker"))?;
        let mmdebstrap = tool("mmdebstrap").ok_or_else(|| missing("mmdebstrap"))?;
        let dir = TempDir::new().map_err(Failed::of("a temporary directory"))?;
        let path = |name: &str| dir.path().join(name);
        let log = File::create(path("log")).map_err(Failed::of("dockerd's log"))?;
        let errors = log.try_clone().map_err(Failed::of("dockerd's log"))?;
        let daemon = Command::new(dockerd)
            .arg("--data-root")
            .arg(path("data"))
            .arg("--exec-root")
            .arg(path("exec"))
            .arg("--pidfile")
            .arg(path("pid"))
            .arg("--host")
            .arg(format!("unix://{}", path("socket").display()))
            .args(["--bridge=none", "--iptables=false", "--ip6tables=false"])
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .map_err(Failed::of("dockerd"))?;
        let docker = Self {
            daemon,
            client,
            dir,
        };
        let end = Instant::now() + Duration::from_secs(60);
        while let Err(error) = run(docker.client().arg("version")) {
            if Instant::now() > end {
                return Err(error);
            }
            thread::sleep(Duration::from_millis(200));
        }
        let base = docker.dir.path().join("base.tar");
        run(Command::new(mmdebstrap)
            .args(["--quiet", "--variant=minbase", "bookworm"])
            .arg(&base)
            .arg(&mirror.main))?;
        run(docker
            .client()
            .arg("import")
            .arg(&base)
            .arg("mikron-compare-base"))?;
        let context = docker.dir.path().join("context");
        fs::create_dir(&context).map_err(Failed::of("the build's context"))?;
        fs::write(context.join("Dockerfile"), DOCKERFILE).map_err(Failed::of("the Dockerfile"))?;
        Ok(docker)
    }

    /// `docker build` of nginx by apt-get.
    pub fn build(&self) -> Command {
        let mut command = self.client();
        command
            .args(["build", "--no-cache", "--network=host", "--quiet"])
            .args(["--tag", "mikron-compare-nginx"])
            .arg(self.dir.path().join("context"));
        command
    }

    /// The storage driver in use, for the report.
    pub fn driver(&self) -> String {
        let output = run(self.client().args(["info", "--format", "{{.Driver}}"]));
        output.map_or_else(
            |_| "unknown".to_owned(),
            |o| String::from_utf8_lossy(&o.stdout).trim().to_owned(),
        )
    }

    fn client(&self) -> Command {
        let mut command = Command::new(&self.client);
        command
            .env("DOCKER_CONFIG", self.dir.path())
            .env("DOCKER_BUILDKIT", "0")
            .arg("--host")
            .arg(format!(
                "unix://{}",
                self.dir.path().join("socket").display()
            ));
        command
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        // TERM and not KILL: the engine ends its containerd with it.
        let _ = run(Command::new("kill").arg(self.daemon.id().to_string()));
        let end = Instant::now() + Duration::from_secs(30);
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
