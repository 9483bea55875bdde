//! Files of a tree, opened as they were found.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;

use crate::TreeError;
use crate::walk::{Stat, vanished};

/// Opens a file that is there, and is that which was found: no pipe is waited for and no link followed.
pub(crate) fn open(path: &Path, stat: &Stat, follow: bool) -> Result<File, TreeError> {
    let mut flags = OFlags::NONBLOCK;
    if !follow {
        flags |= OFlags::NOFOLLOW;
    }
    let flags = flags.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = file.map_err(vanished(path))?;
    unchanged(path, &file, stat)?;
    Ok(file)
}

/// Refuses a file that is not what it was.
pub(crate) fn unchanged(path: &Path, file: &File, stat: &Stat) -> Result<(), TreeError> {
    let now = file.metadata().map_err(TreeError::io(path))?;
    if Stat::of(&now) == *stat {
        return Ok(());
    }
    let path = path.to_owned();
    Err(TreeError::Changed { path })
}
