//! A directory tree over another one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// An overlay over a directory, which stays as it was. It is unmounted, and what was written removed, with this value.
#[derive(Debug)]
pub struct Overlay {
    dir: TempDir,
}

impl Overlay {
    /// Mounts an overlay over `lower`.
    ///
    /// # Panics
    /// When it cannot be mounted, which takes root.
    pub fn over(lower: &Path) -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        let [upper, work, root] = ["upper", "work", "root"].map(|name| dir.path().join(name));
        for path in [&upper, &work, &root] {
            fs::create_dir(path).expect("a new directory");
        }
        let options = format!(
            "lowerdir={},upperdir={},workdir={}",
            lower.display(),
            upper.display(),
            work.display()
        );
        let mounted = Command::new("mount")
            .args(["-t", "overlay", "overlay", "-o", &options])
            .arg(&root)
            .status()
            .expect("mount starts");
        assert!(mounted.success(), "no overlay over {}", lower.display());
        Self { dir }
    }

    /// The root of what is seen and can be written.
    pub fn root(&self) -> PathBuf {
        self.dir.path().join("root")
    }
}

impl Drop for Overlay {
    fn drop(&mut self) {
        // Only what was mounted here; the directory below is removed by its own value.
        let _ = Command::new("umount").arg(self.root()).status();
    }
}
