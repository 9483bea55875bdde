//! The walk over a directory: what lies in it and is taken, in order of path.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, FileType, Metadata};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mikron_package::{Cancellation, Limits, RootPath};
use serde::{Deserialize, Serialize};

use crate::docker::DockerIgnore;
use crate::git::GitIgnore;
use crate::{Choice, IgnoreFile, TreeError};

/// What the system says of a file, so that a change of its content shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stat {
    pub(crate) size: u64,
    inode: u64,
    /// Seconds and nanoseconds since 1970.
    modified: (i64, i64),
    /// The same of the last change of content or attributes, which no program can set.
    changed: (i64, i64),
}

impl Stat {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self {
            size: metadata.len(),
            inode: metadata.ino(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// The second in which the file was last touched.
    pub(crate) fn last_touched(&self) -> i64 {
        self.modified.0.max(self.changed.0)
    }
}

/// What lies at a path of a tree.
#[derive(Debug)]
pub(crate) struct Found {
    /// The path in the tree.
    pub(crate) path: RootPath,
    pub(crate) kind: Kind,
    /// Permission bits.
    pub(crate) mode: u32,
}

#[derive(Debug)]
pub(crate) enum Kind {
    File(Stat),
    Directory,
    Symlink(Vec<u8>),
}

/// Where a path of a tree lies on the host.
pub(crate) fn on_host(root: &Path, path: &RootPath) -> PathBuf {
    if path.is_root() {
        return root.to_owned();
    }
    root.join(OsStr::from_bytes(path.as_bytes()))
}

/// The permission bits that a file of the host has.
pub(crate) fn mode(metadata: &Metadata) -> u32 {
    metadata.mode() & 0o7777
}

/// The `.gitignore` files from a directory up, the nearest first.
type Above = Option<Arc<Level>>;

struct Level {
    git: GitIgnore,
    above: Above,
}

/// A directory that is to be looked into.
struct Open {
    path: RootPath,
    /// Whether git would leave it out, and so all that is below.
    ignored: bool,
    above: Above,
}

pub(crate) struct Walk<'a> {
    pub(crate) root: &'a Path,
    pub(crate) choice: &'a Choice,
    pub(crate) ignore: &'a [IgnoreFile],
    pub(crate) limits: &'a Limits,
    pub(crate) cancellation: &'a Cancellation,
}

impl Walk<'_> {
    /// All that is taken of the directory, itself included, in order of path.
    pub(crate) fn run(&self) -> Result<Vec<Found>, TreeError> {
        let docker = if self.ignore.contains(&IgnoreFile::Docker) {
            self.ignore_file(&RootPath::root(), ".dockerignore", DockerIgnore::parse)?
        } else {
            None
        };
        let docker = docker.unwrap_or_default();
        let mut found = Vec::new();
        // Directories that were walked through and are not taken for themselves.
        let mut passed = Vec::new();
        let mut open = vec![Open {
            path: RootPath::root(),
            ignored: false,
            above: None,
        }];
        let top = fs::metadata(self.root).map_err(TreeError::io(self.root))?;
        found.push(Found {
            path: RootPath::root(),
            kind: Kind::Directory,
            mode: mode(&top),
        });
        while let Some(directory) = open.pop() {
            let above = self.git_level(&directory)?;
            let host = on_host(self.root, &directory.path);
            for entry in fs::read_dir(&host).map_err(vanished(&host))? {
                self.cancellation.check().map_err(TreeError::io(&host))?;
                let entry = entry.map_err(TreeError::io(&host))?;
                let path = directory.path.join(entry.file_name().as_bytes())?;
                let kind = entry.file_type().map_err(TreeError::io(&host))?;
                let git = directory.ignored || git_ignores(&above, &path, kind.is_dir());
                let ignored = git || docker.leaves_out(&path);
                let taken = self.choice.takes(&path, ignored);
                if kind.is_dir() && self.choice.looks_below(&path, git) {
                    open.push(Open {
                        path: path.clone(),
                        ignored: git,
                        above: above.clone(),
                    });
                } else if !taken {
                    continue;
                }
                let at = entry.path();
                let metadata = entry.metadata().map_err(vanished(&at))?;
                let what = Found {
                    kind: kind_of(&at, &metadata)?,
                    mode: mode(&metadata),
                    path,
                };
                if taken {
                    found.push(what);
                } else {
                    passed.push(what);
                }
                self.limits
                    .check_entries((found.len() + passed.len()) as u64)?;
            }
        }
        let needed = directories_above(&found);
        passed.retain(|directory| needed.contains(&directory.path));
        found.extend(passed);
        found.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    /// The `.gitignore` files that hold in a directory.
    fn git_level(&self, directory: &Open) -> Result<Above, TreeError> {
        let above = directory.above.clone();
        if !self.ignore.contains(&IgnoreFile::Git) || directory.ignored {
            return Ok(above);
        }
        let parse = |text: &[u8]| GitIgnore::parse(&directory.path, text);
        let git = self.ignore_file(&directory.path, ".gitignore", parse)?;
        Ok(match git {
            Some(git) => Some(Arc::new(Level { git, above })),
            None => above,
        })
    }

    /// A file of the tree that says what is left out, where there is one.
    fn ignore_file<T>(
        &self,
        directory: &RootPath,
        name: &str,
        parse: impl FnOnce(&[u8]) -> Result<T, String>,
    ) -> Result<Option<T>, TreeError> {
        let path = on_host(self.root, directory).join(name);
        // A link there is none, as for git: what it leads to lies outside of what is taken.
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_file() => {}
            _ => return Ok(None),
        }
        let file = fs::File::open(&path).map_err(vanished(&path))?;
        let mut text = Vec::new();
        let read = file.take(self.limits.spec + 1).read_to_end(&mut text);
        read.map_err(TreeError::io(&path))?;
        mikron_package::LimitExceeded::check("spec", text.len() as u64, self.limits.spec)?;
        let parsed = parse(&text).map_err(|reason| TreeError::Ignore { path, reason })?;
        Ok(Some(parsed))
    }
}

/// What the nearest `.gitignore` says that says something.
fn git_ignores(above: &Above, path: &RootPath, is_directory: bool) -> bool {
    let mut level = above.as_deref();
    while let Some(Level { git, above }) = level {
        if let Some(said) = git.leaves_out(path, is_directory) {
            return said;
        }
        level = above.as_deref();
    }
    false
}

/// The directories above what was found.
fn directories_above(found: &[Found]) -> HashSet<RootPath> {
    let mut above = HashSet::new();
    for found in found {
        for directory in found.path.ancestors() {
            if !above.insert(directory) {
                break;
            }
        }
    }
    above
}

/// What was there when its directory was read, and is not any more.
pub(crate) fn vanished(path: &Path) -> impl Fn(io::Error) -> TreeError + '_ {
    move |error| match error.kind() {
        io::ErrorKind::NotFound => TreeError::Changed {
            path: path.to_owned(),
        },
        _ => TreeError::io(path)(error),
    }
}

fn kind_of(path: &Path, metadata: &Metadata) -> Result<Kind, TreeError> {
    let kind = metadata.file_type();
    if kind.is_file() {
        return Ok(Kind::File(Stat::of(metadata)));
    }
    if kind.is_dir() {
        return Ok(Kind::Directory);
    }
    if kind.is_symlink() {
        let target = fs::read_link(path).map_err(vanished(path))?;
        return Ok(Kind::Symlink(target.as_os_str().as_bytes().to_vec()));
    }
    Err(TreeError::Special {
        path: path.to_owned(),
        kind: special(kind),
    })
}

fn special(kind: FileType) -> &'static str {
    if kind.is_fifo() {
        "named pipe"
    } else if kind.is_socket() {
        "socket"
    } else if kind.is_block_device() {
        "block device"
    } else {
        "character device"
    }
}
