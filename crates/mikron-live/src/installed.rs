//! Real installations: packages with their scripts run by dpkg, and images compared with them path by path.
//!
//! What stands in an image has to be as it is in an installation: type, permission bits, owner and group by name, target,
//! content. What scripts made there and an image lacks can be listed as well.

mod compare;
mod listing;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub use compare::{Difference, Kind, NOISE, Noise, differences, lacking};
pub use listing::{Found, Listing};

use crate::battery::make_at_boot;
use crate::mirror::mirror;
use crate::runtime::{Overlay, able, run_well};
use mikron_testkit::tools::{skip, tool};

/// A minimal Debian, below all installations.
#[derive(Clone, Debug)]
pub struct Base {
    root: PathBuf,
}

impl Base {
    /// Makes the base with mmdebstrap in a directory, once; it is kept there.
    ///
    /// `None` means that a tool or a right is missing and the reason was printed.
    ///
    /// # Panics
    /// When mmdebstrap fails.
    pub fn prepare(dir: &Path, suite: &str) -> Option<Self> {
        Self::prepare_with(dir, suite, None)
    }

    /// The same with a package that all installations over it share, so that it is installed once (an interpreter).
    ///
    /// # Panics
    /// When mmdebstrap fails.
    pub fn prepare_with(dir: &Path, suite: &str, package: Option<&str>) -> Option<Self> {
        if !able() {
            return None;
        }
        let mmdebstrap = tool("mmdebstrap")?;
        let mirror = mirror()?;
        let name = package.map_or(suite.to_owned(), |package| format!("{suite}+{package}"));
        let root = dir.join(&name);
        if !root.exists() {
            fs::create_dir_all(dir).expect("a writable directory");
            // Tests of several processes may make it at once: each by itself, and one of them counts.
            let new = dir.join(format!("{name}.{}", std::process::id()));
            let updates = format!("{suite}-updates");
            let mut sources = vec![
                format!("deb {} {suite} main", mirror.main),
                format!("deb {} {updates} main", mirror.main),
            ];
            if let Some(security) = &mirror.security {
                sources.push(format!("deb {security} {suite}-security main"));
            }
            let include = package.map(|package| format!("--include={package}"));
            run_well(
                Command::new(mmdebstrap)
                    .args(["--quiet", "--variant=minbase", "--skip=cleanup/apt/lists"])
                    .arg("--aptopt=APT::Install-Recommends false")
                    .args(include)
                    .arg(suite)
                    .arg(&new)
                    .args(sources),
            );
            if fs::rename(&new, &root).is_err() {
                fs::remove_dir_all(&new).expect("it is ours");
            }
        }
        Some(Self { root })
    }

    /// Its root directory, which nobody may change.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Installs packages over the base by apt-get, with nothing that is only recommended, and with their scripts run;
    /// then what tmpfiles.d(5) has a machine make below /run when it starts.
    ///
    /// `None` means that the mirror has no such packages, or a script failed; the reason was printed.
    ///
    /// # Panics
    /// When the overlay cannot be made.
    pub fn install(&self, packages: &[&str]) -> Option<Installed> {
        let overlay = Overlay::over(&self.root);
        let root = overlay.root();
        // Nothing is to be started.
        let policy = root.join("usr/sbin/policy-rc.d");
        fs::write(&policy, "#!/bin/sh\nexit 101\n").expect("a writable directory");
        // The bootstrapping tool writes it for the host that the tree may become; no package has it.
        let _ = fs::remove_file(root.join("etc/fstab"));
        fs::copy("/etc/resolv.conf", root.join("etc/resolv.conf")).expect("this machine has one");
        // Archives are fetched once for all; what is mounted ends with the namespace. Lists are as old as the base.
        // Several fetch one after another: apt-get does not wait for the lock of archives, so that it is told of none.
        let archives = self.root.with_file_name("archives");
        fs::create_dir_all(archives.join("partial")).expect("a writable directory");
        let script = "mount --bind \"$1\" \"$2/var/cache/apt/archives\" && chmod 755 \"$2/usr/sbin/policy-rc.d\" || exit
            archives=$1; root=$2; shift 2
            apt='apt-get install -qq -y --no-install-recommends -o Dpkg::Options::=--force-unsafe-io
                -o APT::Sandbox::User=root -o Debug::NoLocking=true -o APT::Keep-Downloaded-Packages=true'
            install() {
                flock \"$archives\" chroot \"$root\" $apt --download-only \"$@\" </dev/null &&
                    chroot \"$root\" $apt \"$@\" </dev/null
            }
            install \"$@\" || { chroot \"$root\" apt-get update -qq && install \"$@\"; }";
        let mut chroot = Command::new("unshare");
        chroot
            .args(["--mount", "--pid", "--fork"])
            .arg(format!("--mount-proc={}", root.join("proc").display()))
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["sh", "-c", script, "sh"])
            .arg(&archives)
            .arg(&root)
            .args(packages);
        let output = chroot.output().expect("unshare starts");
        if !output.status.success() {
            let error = String::from_utf8_lossy(&output.stderr);
            skip(&format!(
                "{} are not installed: {error}",
                packages.join(" ")
            ));
            return None;
        }
        fs::remove_file(policy).expect("it was just written");
        // An engine says who is asked for names, in an image and here alike; no package has this file.
        let servers = root.join("etc/resolv.conf");
        if servers
            .symlink_metadata()
            .is_ok_and(|found| found.is_file())
        {
            fs::remove_file(servers).expect("it was just written");
        }
        make_at_boot(&root);
        Some(Installed {
            overlay,
            base: self.root.clone(),
        })
    }
}

/// Packages that are installed over a [`Base`], until this value ends.
#[derive(Debug)]
pub struct Installed {
    overlay: Overlay,
    base: PathBuf,
}

impl Installed {
    /// The root filesystem.
    pub fn root(&self) -> PathBuf {
        self.overlay.root()
    }

    /// What it has.
    ///
    /// # Panics
    /// When it cannot be read.
    pub fn listing(&self) -> Listing {
        Listing::of(&self.root())
    }

    /// What the base alone has.
    ///
    /// # Panics
    /// When it cannot be read.
    pub fn base(&self) -> Listing {
        Listing::of(&self.base)
    }
}
