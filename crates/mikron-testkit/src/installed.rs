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
use crate::tools::{skip, tool};

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
        if !able() {
            return None;
        }
        let mmdebstrap = tool("mmdebstrap")?;
        let mirror = mirror()?;
        let root = dir.join(suite);
        if !root.exists() {
            fs::create_dir_all(dir).expect("a writable directory");
            // Tests of several processes may make it at once: each by itself, and one of them counts.
            let new = dir.join(format!("{suite}.{}", std::process::id()));
            let updates = format!("{suite}-updates");
            let mut sources = vec![
                format!("deb {} {suite} main", mirror.main),
                format!("deb {} {updates} main", mirror.main),
            ];
            if let Some(security) = &mirror.security {
                sources.push(format!("deb {security} {suite}-security main"));
            }
            run_well(
                Command::new(mmdebstrap)
                    .args(["--quiet", "--variant=minbase", "--skip=cleanup/apt/lists"])
                    .arg("--aptopt=APT::Install-Recommends false")
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
        fs::copy("/etc/resolv.conf", root.join("etc/resolv.conf")).expect("this machine has one");
        let script = "chmod 755 /usr/sbin/policy-rc.d && apt-get update -qq && \
            apt-get install -qq -y --no-install-recommends \"$@\" </dev/null && apt-get clean";
        let mut chroot = Command::new("unshare");
        chroot
            .args(["--mount", "--pid", "--fork"])
            .arg(format!("--mount-proc={}", root.join("proc").display()))
            .arg("chroot")
            .arg(&root)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["sh", "-c", script, "sh"])
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
