//! Entries become files: by descriptors of directories and single names.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use mikron_oci::LayerEntry;
use mikron_package::{Contents, Entry, EntryKind, HashingReader, RootPath};
use rustix::fs::{
    AtFlags, CWD, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid, XattrFlags,
};
use rustix::io::Errno;

use crate::remove::enter;
use crate::unpacked::Unpacked;
use crate::{Loss, Owners, UnpackError};

/// The mode of directories that no entry speaks of.
const IMPLIED: u32 = 0o755;

/// A directory that is open, because what comes next may lie in it. Its own attributes come when all of that is there: they may
/// forbid to write, and writing changes its time.
struct Open {
    path: RootPath,
    directory: OwnedFd,
    entry: Option<Entry>,
}

pub(crate) struct Writer {
    root: PathBuf,
    owners: Owners,
    /// From the root down to where the last entry lies. Never empty.
    open: Vec<Open>,
    last: Option<RootPath>,
    unpacked: Unpacked,
}

impl Writer {
    /// A writer into an empty directory.
    pub(crate) fn new(root: &Path, owners: Owners) -> Result<Self, UnpackError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = rustix::fs::openat(CWD, root, flags, Mode::empty());
        let directory = directory.map_err(|e| UnpackError::place("open", root)(e.into()))?;
        Ok(Self {
            root: root.to_owned(),
            owners,
            open: vec![Open {
                path: RootPath::root(),
                directory,
                entry: None,
            }],
            last: None,
            unpacked: Unpacked::default(),
        })
    }

    pub(crate) fn entry(
        &mut self,
        LayerEntry { entry, content }: &LayerEntry,
        contents: &dyn Contents,
    ) -> Result<(), UnpackError> {
        if let Some(after) = self.last.replace(entry.path.clone())
            && after >= entry.path
        {
            return Err(UnpackError::Unsorted {
                path: entry.path.clone(),
                after,
            });
        }
        self.unpacked.entries += 1;
        let Some(name) = entry.path.file_name() else {
            self.open[0].entry = Some(entry.clone());
            return Ok(());
        };
        let name = name_of(name);
        self.enter_parent(&entry.path)?;
        let failed = |action| self.failed(action, &entry.path);
        let parent = &self.open[self.open.len() - 1].directory;
        match &entry.kind {
            EntryKind::Directory => {
                let directory = make_directory(parent, &name).map_err(failed("make"))?;
                self.open.push(Open {
                    path: entry.path.clone(),
                    directory,
                    entry: Some(entry.clone()),
                });
                return Ok(());
            }
            EntryKind::File { size } => {
                let flags = OFlags::WRONLY
                    | OFlags::CREATE
                    | OFlags::EXCL
                    | OFlags::NOFOLLOW
                    | OFlags::CLOEXEC;
                let private = Mode::RUSR | Mode::WUSR;
                let file = rustix::fs::openat(parent, &*name, flags, private);
                let mut file = File::from(file.map_err(failed("make"))?);
                let none = || UnpackError::Content {
                    path: entry.path.clone(),
                    expected: None,
                    found: mikron_package::Digest::of(b""),
                };
                let expected = content.ok_or_else(none)?;
                let unreadable = |e| self.failed_io("read the content of", &entry.path)(e);
                let body = contents.open(&expected).map_err(unreadable)?;
                // One more than it has, so that a longer one shows.
                let mut body = HashingReader::new(io::Read::take(body, size.saturating_add(1)));
                io::copy(&mut body, &mut file).map_err(self.failed_io("write", &entry.path))?;
                let flushed = file.flush();
                flushed.map_err(self.failed_io("write", &entry.path))?;
                let (found, length) = body.finish();
                if found != expected || length != *size {
                    return Err(UnpackError::Content {
                        path: entry.path.clone(),
                        expected: Some(expected),
                        found,
                    });
                }
                self.unpacked.bytes += size;
                return self.attributes(&file.into(), entry);
            }
            EntryKind::Symlink { target } => {
                let target = CString::new(target.clone());
                let target = target.map_err(|_| failed("make")(Errno::INVAL))?;
                rustix::fs::symlinkat(&*target, parent, &*name).map_err(failed("make"))?;
            }
            EntryKind::Hardlink { target } => {
                let holder = self.walk(&target.parent().unwrap_or_default());
                let holder = holder.map_err(failed("find the file of"))?;
                let of = name_of(target.file_name().unwrap_or_default());
                let linked = rustix::fs::linkat(holder, &*of, parent, &*name, AtFlags::empty());
                // Owner, mode and time are those of the file, which has them.
                return linked.map_err(failed("link"));
            }
            EntryKind::Fifo => {
                let mode = Mode::from_raw_mode(entry.mode & 0o777);
                rustix::fs::mknodat(parent, &*name, FileType::Fifo, mode, 0)
                    .map_err(failed("make"))?;
            }
            EntryKind::CharDevice { .. } | EntryKind::BlockDevice { .. } => {
                return Err(UnpackError::Device {
                    path: entry.path.clone(),
                });
            }
        }
        self.attributes_by_name(&name, entry)
    }

    /// Closes all directories, each with its attributes.
    pub(crate) fn finish(mut self) -> Result<Unpacked, UnpackError> {
        while let Some(open) = self.open.pop() {
            self.close(open)?;
        }
        Ok(self.unpacked)
    }

    /// Closes what does not hold the path, and opens what does.
    fn enter_parent(&mut self, path: &RootPath) -> Result<(), UnpackError> {
        let parent = path.parent().unwrap_or_default();
        while let Some(open) = self.open.pop_if(|open| !parent.starts_with(&open.path)) {
            self.close(open)?;
        }
        let mut at = self.open[self.open.len() - 1].path.clone();
        let depth = at.components().count();
        for component in parent.components().skip(depth) {
            let failed = |action| self.failed(action, &at);
            let above = &self.open[self.open.len() - 1].directory;
            let name = name_of(component);
            let directory = match make_directory(above, &name) {
                // Made by an entry before, and closed since: it is entered as it is, and no link is.
                Err(Errno::EXIST) => enter(above, &name),
                made => made,
            };
            let directory = directory.map_err(failed("enter a directory in"))?;
            at = at.join(component).unwrap_or_default();
            self.open.push(Open {
                path: at.clone(),
                directory,
                entry: None,
            });
        }
        Ok(())
    }

    /// Opens a directory from the root, name by name.
    fn walk(&self, path: &RootPath) -> Result<OwnedFd, Errno> {
        let mut directory = rustix::io::fcntl_dupfd_cloexec(&self.open[0].directory, 0)?;
        for component in path.components() {
            directory = enter(&directory, &name_of(component))?;
        }
        Ok(directory)
    }

    fn close(&mut self, open: Open) -> Result<(), UnpackError> {
        let Open {
            path,
            directory,
            entry,
        } = open;
        match entry {
            Some(entry) => self.attributes(&directory, &entry),
            None => rustix::fs::fchmod(&directory, Mode::from_raw_mode(IMPLIED))
                .map_err(self.failed("set the mode of", &path)),
        }
    }

    /// Owner first: to change it takes set-user-ID bits and file capabilities away. The time last, as anything else changes it.
    fn attributes(&mut self, file: &OwnedFd, entry: &Entry) -> Result<(), UnpackError> {
        let path = &entry.path;
        let kept = self.owner(entry, |uid, gid| {
            rustix::fs::fchown(file, Some(uid), Some(gid))
        })?;
        for (name, value) in &entry.xattrs {
            let shown = String::from_utf8_lossy(name).into_owned();
            let lends = !kept && name.starts_with(b"security.");
            let set = if lends {
                Err(Errno::PERM)
            } else {
                rustix::fs::fsetxattr(file, name.as_slice(), value, XattrFlags::empty())
            };
            match set {
                Err(Errno::PERM | Errno::ACCESS | Errno::OPNOTSUPP | Errno::INVAL) => {
                    self.unpacked.lose(Loss::Attribute(shown), path);
                }
                set => set.map_err(self.failed("set an attribute of", path))?,
            }
        }
        let mode = self.mode(entry, kept);
        let chmod = rustix::fs::fchmod(file, Mode::from_raw_mode(mode));
        chmod.map_err(self.failed("set the mode of", path))?;
        let timed = rustix::fs::futimens(file, &times(entry));
        timed.map_err(self.failed("set the time of", path))
    }

    /// The same for what cannot be opened: links and pipes.
    fn attributes_by_name(&mut self, name: &CString, entry: &Entry) -> Result<(), UnpackError> {
        let parent = rustix::io::fcntl_dupfd_cloexec(&self.open[self.open.len() - 1].directory, 0);
        let parent = parent.map_err(self.failed("enter a directory of", &entry.path))?;
        let itself = AtFlags::SYMLINK_NOFOLLOW;
        self.owner(entry, |uid, gid| {
            rustix::fs::chownat(&parent, &**name, Some(uid), Some(gid), itself)
        })?;
        for key in entry.xattrs.keys() {
            let shown = String::from_utf8_lossy(key).into_owned();
            self.unpacked.lose(Loss::Attribute(shown), &entry.path);
        }
        let timed = rustix::fs::utimensat(&parent, &**name, &times(entry), itself);
        timed.map_err(self.failed("set the time of", &entry.path))
    }

    /// Gives an entry to its owner; whether it has it then.
    fn owner(
        &mut self,
        entry: &Entry,
        give: impl FnOnce(Uid, Gid) -> Result<(), Errno>,
    ) -> Result<bool, UnpackError> {
        let path = &entry.path;
        let (uid, gid) = (Uid::from_raw(entry.uid), Gid::from_raw(entry.gid));
        let given = match self.owners {
            Owners::Kept => give(uid, gid),
            Owners::Caller => Err(Errno::PERM),
        };
        match given {
            // In a user namespace root may give files only to who is mapped there (user_namespaces(7)).
            Err(Errno::PERM | Errno::INVAL) => {
                let own = (rustix::process::geteuid(), rustix::process::getegid());
                if own != (uid, gid) {
                    self.unpacked.lose(Loss::Owner, path);
                }
                Ok(own == (uid, gid))
            }
            given => given.map(|()| true).map_err(self.failed("give away", path)),
        }
    }

    fn mode(&mut self, entry: &Entry, kept: bool) -> u32 {
        let lends = entry.mode & 0o6000;
        if kept || lends == 0 {
            return entry.mode & 0o7777;
        }
        self.unpacked.lose(Loss::SetId, &entry.path);
        entry.mode & 0o1777
    }

    fn failed(
        &self,
        action: &'static str,
        path: &RootPath,
    ) -> impl Fn(Errno) -> UnpackError + use<> {
        let (path, root) = (path.clone(), self.root.clone());
        move |errno| UnpackError::Entry {
            action,
            path: path.clone(),
            root: root.clone(),
            source: errno.into(),
        }
    }

    fn failed_io(
        &self,
        action: &'static str,
        path: &RootPath,
    ) -> impl FnOnce(io::Error) -> UnpackError + use<> {
        let (path, root) = (path.clone(), self.root.clone());
        move |source| UnpackError::Entry {
            action,
            path,
            root,
            source,
        }
    }
}

/// Makes a directory that only we may enter, and enters it.
fn make_directory(above: &OwnedFd, name: &CString) -> Result<OwnedFd, Errno> {
    rustix::fs::mkdirat(above, &**name, Mode::RWXU)?;
    enter(above, name)
}

/// One component of a path, which has no NUL and no slash ([`RootPath`]).
fn name_of(component: &[u8]) -> CString {
    CString::new(component).unwrap_or_default()
}

fn times(entry: &Entry) -> Timestamps {
    let time = Timespec {
        tv_sec: entry.mtime,
        tv_nsec: 0,
    };
    Timestamps {
        last_access: time,
        last_modification: time,
    }
}
