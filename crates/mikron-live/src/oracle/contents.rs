//! The files of a package as its archive has them, and the few texts among them that say what can be asked of it.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, Stdio};

/// Texts longer than this are none that a probe is made of.
const LONGEST: u64 = 256 << 10;

/// What a package brings.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    /// Absolute paths of all files and links, in the order of the archive.
    pub paths: Vec<String>,
    /// Units of systemd, what they read their options from, and indexes of Tcl's packages: texts by path.
    pub texts: BTreeMap<String, String>,
}

impl Contents {
    /// Reads a `.deb` with dpkg-deb, which is not the reader that is tested.
    ///
    /// # Errors
    /// When dpkg-deb does not start, or what it writes is no archive.
    pub fn of_deb(archive: &Path) -> io::Result<Self> {
        let mut dpkg = Command::new("dpkg-deb")
            .arg("--fsys-tarfile")
            .arg(archive)
            .stdout(Stdio::piped())
            .spawn()?;
        let pipe = dpkg.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut contents = Self::default();
        let mut tar = tar::Archive::new(pipe);
        for entry in tar.entries()? {
            let entry = entry?;
            if entry.header().entry_type().is_dir() {
                continue;
            }
            let path = format!("/{}", entry.path()?.display()).replacen("/./", "/", 1);
            let is_text = path.ends_with(".service")
                || path.ends_with("/pkgIndex.tcl")
                || path.starts_with("/etc/default/");
            if is_text && entry.size() <= LONGEST {
                let mut bytes = Vec::new();
                entry.take(LONGEST).read_to_end(&mut bytes)?;
                let text = String::from_utf8_lossy(&bytes).into_owned();
                contents.texts.insert(path.clone(), text);
            }
            contents.paths.push(path);
        }
        dpkg.wait()?;
        Ok(contents)
    }
}
