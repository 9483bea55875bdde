//! Who opens what below a root that only this run has.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use mikron::package::RootPath;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;

use crate::TryError;

/// How a path was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Use {
    /// A directory was listed.
    Listed,
    /// A file was opened or executed, or something was made in a directory.
    Opened,
}

/// Watches directories for what is opened in them.
pub(crate) struct Watch {
    inotify: OwnedFd,
    directories: BTreeMap<i32, RootPath>,
    used: BTreeMap<RootPath, Use>,
    /// Whether the kernel had more to tell than it keeps.
    overflown: bool,
}

impl Watch {
    /// Watches these directories of a root.
    pub(crate) fn over(rootfs: &Path, directories: &BTreeSet<RootPath>) -> Result<Self, TryError> {
        let failed = |path: &RootPath| {
            let path = rootfs.join(String::from_utf8_lossy(path.as_bytes()).as_ref());
            move |source: io::Error| TryError::Watch { path, source }
        };
        let flags = CreateFlags::CLOEXEC | CreateFlags::NONBLOCK;
        let inotify = inotify::init(flags).map_err(io::Error::from);
        let mut watch = Self {
            inotify: inotify.map_err(failed(&RootPath::root()))?,
            directories: BTreeMap::new(),
            used: BTreeMap::new(),
            overflown: false,
        };
        let root = File::open(rootfs).map_err(failed(&RootPath::root()))?;
        for path in directories {
            let added = enter(&root, path).and_then(|directory| watch.add(&directory));
            let number = added.map_err(failed(path))?;
            watch.directories.insert(number, path.clone());
        }
        Ok(watch)
    }

    fn add(&self, directory: &OwnedFd) -> io::Result<i32> {
        let of_process = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd()));
        let kinds = WatchFlags::OPEN | WatchFlags::CREATE | WatchFlags::MOVED_TO;
        Ok(inotify::add_watch(&self.inotify, of_process, kinds)?)
    }

    /// Takes what the kernel has to tell so far.
    pub(crate) fn read(&mut self) -> io::Result<()> {
        let mut buffer = [MaybeUninit::uninit(); 16 << 10];
        let mut reader = inotify::Reader::new(self.inotify.as_fd(), &mut buffer);
        loop {
            let event = match reader.next() {
                Err(Errno::WOULDBLOCK) => return Ok(()),
                Err(Errno::INTR) => continue,
                event => event?,
            };
            let kinds = event.events();
            self.overflown |= kinds.contains(ReadFlags::QUEUE_OVERFLOW);
            let Some(directory) = self.directories.get(&event.wd()) else {
                continue;
            };
            let mut note = |path: RootPath, how: Use| {
                let known = self.used.entry(path).or_insert(how);
                *known = how.max(*known);
            };
            if kinds.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO) {
                note(directory.clone(), Use::Opened);
            } else if kinds.contains(ReadFlags::OPEN) {
                let how = if kinds.contains(ReadFlags::ISDIR) {
                    Use::Listed
                } else {
                    Use::Opened
                };
                match event.file_name() {
                    None => note(directory.clone(), how),
                    // A longer name than a root may hold is none of the image's.
                    Some(name) => {
                        if let Ok(path) = directory.join(name.to_bytes()) {
                            note(path, how);
                        }
                    }
                }
            }
        }
    }

    /// All that was used, and whether that is all.
    pub(crate) fn finish(mut self) -> io::Result<(BTreeMap<RootPath, Use>, bool)> {
        self.read()?;
        Ok((self.used, !self.overflown))
    }
}

/// A directory below a root. No link on the way is followed.
fn enter(root: &File, path: &RootPath) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut at = openat(root, ".", flags, Mode::empty())?;
    for name in path.components() {
        at = openat(&at, name, flags, Mode::empty())?;
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    use std::fs;

    fn path(text: &str) -> RootPath {
        RootPath::new(text.as_bytes()).unwrap()
    }

    #[test]
    fn what_is_opened_listed_or_made_is_told_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir_all(at("a/listed")).unwrap();
        fs::create_dir_all(at("made")).unwrap();
        for name in ["a/read", "a/asked", "a/listed/x"] {
            fs::write(at(name), "x").unwrap();
        }
        let directories = ["a", "made"].map(path).into();
        let watch = Watch::over(root.path(), &directories).unwrap();
        fs::read(at("a/read")).unwrap();
        fs::metadata(at("a/asked")).unwrap();
        assert_eq!(fs::read_dir(at("a/listed")).unwrap().count(), 1);
        fs::write(at("made/new"), "x").unwrap();
        let (used, all) = watch.finish().unwrap();
        let expected = [
            (path("a/listed"), Use::Listed),
            (path("a/read"), Use::Opened),
            (path("made"), Use::Opened),
            (path("made/new"), Use::Opened),
        ];
        assert_eq!(used, expected.into());
        assert!(all);
    }

    #[test]
    fn a_link_on_the_way_is_not_followed() {
        let root = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/", root.path().join("out")).unwrap();
        let watch = Watch::over(root.path(), &[path("out/etc")].into());
        let error = watch.err().unwrap().to_string();
        assert!(error.contains("out/etc"), "{error}");
    }
}
