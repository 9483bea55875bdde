//! Files of the caller's own: specs, locks, and what a spec brings with `from`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use mikron_spec::Policy;

use crate::Error;

/// The files beside a spec, as far as a policy lets it name them, and which of them were asked for.
#[derive(Debug)]
pub(crate) struct Beside {
    /// The directory that names are relative to.
    pub(crate) directory: PathBuf,
    policy: Policy,
    asked: Mutex<BTreeSet<PathBuf>>,
}

impl Beside {
    /// What lies in the directory of a spec.
    pub(crate) fn new(directory: &Path, policy: &Policy) -> Self {
        Self {
            directory: directory.to_owned(),
            policy: policy.clone(),
            asked: Mutex::default(),
        }
    }

    /// Where a named file or directory is.
    pub(crate) fn resolve(&self, named: &str) -> Result<PathBuf, Error> {
        let path = self.policy.resolve(&self.directory, named)?;
        self.note(&path);
        Ok(path)
    }

    /// Where a named file is, and its bytes as [`read_capped`] gives them.
    pub(crate) fn read(&self, named: &str, cap: u64) -> Result<(PathBuf, Vec<u8>), Error> {
        let path = self.resolve(named)?;
        let bytes = read_capped(&path, cap)?;
        Ok((path, bytes))
    }

    /// Notes that the outcome depends on a file or directory.
    pub(crate) fn note(&self, path: &Path) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.insert(path.to_owned());
    }

    /// What the outcome depends on, in order of path.
    pub(crate) fn asked(&self) -> Vec<PathBuf> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.iter().cloned().collect()
    }
}

/// The same as [`read_capped`] for what is a file by itself: whoever opens a pipe waits for somebody who writes.
pub(crate) fn read_plain(path: &Path, cap: u64) -> Result<Vec<u8>, Error> {
    let is_plain = std::fs::metadata(path)
        .map_err(Error::io("read", path))?
        .is_file();
    if !is_plain {
        let error = std::io::Error::other("it is not a regular file");
        return Err(Error::io("read", path)(error));
    }
    read_capped(path, cap)
}

/// Reads a file of at most `cap` bytes; of a larger one `cap + 1` bytes, so that who checks the size says so.
pub(crate) fn read_capped(path: &Path, cap: u64) -> Result<Vec<u8>, Error> {
    let file = File::open(path).map_err(Error::io("read", path))?;
    let mut bytes = Vec::new();
    file.take(cap + 1)
        .read_to_end(&mut bytes)
        .map_err(Error::io("read", path))?;
    Ok(bytes)
}

/// Writes a file whole: a reader sees the old one or the new one, also after a power failure. Of a symbolic link that is the file
/// that it leads to.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let is_link = std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
    let followed;
    let path = if is_link {
        followed = std::fs::canonicalize(path).map_err(Error::io("write", path))?;
        &followed
    } else {
        path
    };
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let write = || {
        let mut file = tempfile::Builder::new()
            .prefix(".mikron-")
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
            .tempfile_in(directory)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        File::open(directory)?.sync_all()
    };
    write().map_err(Error::io("write", path))
}

/// The text of a file that has to be UTF-8, as YAML is.
pub(crate) fn text(path: &Path, bytes: Vec<u8>) -> Result<String, Error> {
    String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        let error = std::io::Error::new(
            std::io::ErrorKind::InvalidData,
            format!("it is not UTF-8 (at byte {offset})"),
        );
        Error::Io {
            action: "read",
            path: path.to_owned(),
            error,
        }
    })
}
