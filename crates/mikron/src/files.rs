//! Files of the caller's own: specs, locks, and what a spec brings with `from`.

use std::collections::BTreeSet;
use std::fs::{File, Metadata};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::FileTypeExt as _;
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
        let bytes = read_plain(&path, cap)?;
        Ok((path, bytes))
    }

    /// The files of a named directory whose names end so, in order of name, as names of their own. Hidden ones are none.
    pub(crate) fn list(&self, named: &str, endings: &[&str]) -> Result<Vec<String>, Error> {
        let path = self.resolve(named)?;
        let listed = std::fs::read_dir(&path).map_err(Error::io("read", &path))?;
        let mut files = Vec::new();
        for entry in listed {
            let name = entry.map_err(Error::io("read", &path))?.file_name();
            let name = name.to_string_lossy();
            let is_one = endings.iter().any(|ending| name.ends_with(ending));
            if !name.starts_with('.') && is_one {
                files.push(format!("{}/{name}", named.trim_end_matches('/')));
            }
        }
        files.sort();
        Ok(files)
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
    check_plain(path)?;
    read_capped(path, cap)
}

/// Refuses what is no file by itself.
pub(crate) fn check_plain(path: &Path) -> Result<(), Error> {
    let there = std::fs::metadata(path).map_err(Error::io("read", path))?;
    if there.is_file() {
        return Ok(());
    }
    let error = std::io::Error::other("it is not a regular file");
    Err(Error::io("read", path)(error))
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
/// that it leads to. Who may read it stays; a device is left alone, and so is what a link leads to and is
/// no file.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let is_link = std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
    let followed;
    let path = if is_link {
        followed = std::fs::canonicalize(path).map_err(Error::io("write", path))?;
        &followed
    } else {
        path
    };
    let there = std::fs::metadata(path).ok();
    let is_kept = |there: &Metadata| {
        let kind = there.file_type();
        kind.is_block_device() || kind.is_char_device() || (is_link && !kind.is_file())
    };
    if there.as_ref().is_some_and(is_kept) {
        let error = std::io::Error::other("what stands there is no regular file");
        return Err(Error::io("write", path)(error));
    }
    let directory = directory_of(path);
    let write = || {
        let mut file = tempfile::Builder::new()
            .prefix(".mikron-")
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
            .tempfile_in(directory)?;
        if let Some(there) = there.as_ref().filter(|there| there.is_file()) {
            file.as_file().set_permissions(there.permissions())?;
        }
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        File::open(directory)?.sync_all()
    };
    write().map_err(Error::io("write", path))
}

/// The directory that a file lies in.
pub(crate) fn directory_of(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_is_neither_written_nor_waited_for() {
        let home = tempfile::tempdir().unwrap();
        let pipe = home.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.is_ok_and(|status| status.success()));
        let link = home.path().join("link");
        std::os::unix::fs::symlink("pipe", &link).unwrap();
        let beside = Beside::new(home.path(), &Policy::default());
        for named in [&pipe, &link] {
            assert!(beside.read(&named.display().to_string(), 10).is_err());
        }
        // A link to a device, of which a machine has one, must not cost it: a pipe stands for it here.
        assert!(write_whole(&link, b"x").is_err());
        let kind = std::fs::metadata(&pipe).unwrap().file_type();
        assert!(kind.is_fifo());
    }
}
