//! Removes a tree, whatever modes its directories have, and follows no link.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

/// Opens a directory by one name, and no link.
pub(crate) fn enter(directory: impl AsFd, name: &CStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(directory, name, flags, Mode::empty())
}

/// Removes a directory and all that it holds. Directories that their owner may not write to are made writable first, which
/// [`std::fs::remove_dir_all`] does not do; no link is followed, and what is on another mount is not entered but an error.
///
/// ```
/// use std::os::unix::fs::PermissionsExt as _;
/// let directory = tempfile::tempdir()?;
/// let tree = directory.path().join("tree");
/// std::fs::create_dir_all(tree.join("closed/below"))?;
/// std::fs::set_permissions(tree.join("closed"), std::fs::Permissions::from_mode(0o500))?;
/// mikron_unpack::remove(&tree)?;
/// assert!(!tree.exists());
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// When it is no directory, or something of it cannot be removed.
pub fn remove(path: &Path) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = || rustix::fs::open(path, flags, Mode::empty());
    let directory = match open() {
        Err(Errno::ACCESS) => {
            let whole = Mode::RWXU;
            rustix::fs::chmodat(CWD, path, whole, AtFlags::empty())?;
            open()?
        }
        opened => opened?,
    };
    empty(&directory)?;
    Ok(rustix::fs::unlinkat(CWD, path, AtFlags::REMOVEDIR)?)
}

fn empty(directory: &OwnedFd) -> io::Result<()> {
    // Where that is not ours, what follows says so.
    let _ = rustix::fs::fchmod(directory, Mode::RWXU);
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            names.push((entry.file_name().to_owned(), entry.file_type()));
        }
    }
    for (name, kind) in names {
        let gone = match kind {
            FileType::Directory | FileType::Unknown => below(directory, &name),
            _ => rustix::fs::unlinkat(directory, &*name, AtFlags::empty()).map_err(Into::into),
        };
        match gone {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn below(directory: &OwnedFd, name: &CStr) -> io::Result<()> {
    let inner = match enter(directory, name) {
        // A file system that does not tell kinds has handed out a file.
        Err(Errno::NOTDIR | Errno::LOOP) => {
            return Ok(rustix::fs::unlinkat(directory, name, AtFlags::empty())?);
        }
        // Nobody may read it: neither may we, until we say so. The mode of a link cannot be meant: it was told to be a directory.
        Err(Errno::ACCESS) => {
            rustix::fs::chmodat(directory, name, Mode::RWXU, AtFlags::empty())?;
            enter(directory, name)?
        }
        entered => entered?,
    };
    empty(&inner)?;
    drop(inner);
    Ok(rustix::fs::unlinkat(directory, name, AtFlags::REMOVEDIR)?)
}
