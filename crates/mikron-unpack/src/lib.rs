//! Writes a root file system to a directory of the host, and never outside of it.
//!
//! Everywhere else in the workspace nothing of an archive touches the file system of the host as a path (promise 2). Who asks for a
//! directory asks for just that, and this crate is the only one that does it. Its confinement is a matter of calls and not of care:
//!
//! - Every call on what is unpacked takes a descriptor of a directory and *one* name without a slash. No call takes a path.
//! - A directory is only ever entered with `O_DIRECTORY` and `O_NOFOLLOW`: a symbolic link is never followed, whoever made it.
//! - A file is only ever made with `O_EXCL`: nothing that is there is opened, changed or replaced.
//! - Names come from [`RootPath`](mikron_package::RootPath), which has neither `..` nor NUL.
//! - Devices are refused. Set-user-ID bits and file capabilities are kept only where the owners are.
//!
//! *All or nothing.* The tree is made beside its place under a name of its own, which nobody else may enter, and takes its place by one
//! rename(2) when it is whole. What a killed writer left is taken away by the next one for the same place.
//!
//! ```
//! use mikron_oci::LayerEntry;
//! use mikron_package::{Entry, EntryKind, MemoryContents, RootPath};
//! use mikron_unpack::{Owners, prepare};
//!
//! let mut contents = MemoryContents::default();
//! let content = contents.add(b"hello\n".to_vec());
//! let entry = Entry::new(RootPath::new(b"etc/motd")?, EntryKind::File { size: 6 }, 0o644);
//! let entries = [LayerEntry { entry, content: Some(content) }];
//! let directory = tempfile::tempdir()?;
//! let rootfs = directory.path().join("rootfs");
//! prepare(&entries, &contents, &rootfs, Owners::of_process())?.publish()?;
//! assert_eq!(std::fs::read(rootfs.join("etc/motd"))?, b"hello\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod place;
mod remove;
mod unpacked;
mod writer;

pub use error::{Loss, UnpackError};
pub use place::{Prepared, prepare};
pub use remove::remove;
pub use unpacked::Unpacked;

/// Whom the files belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owners {
    /// Whom the entries name. Only root may give files away.
    Kept,
    /// Whoever unpacks. Set-user-ID and set-group-ID bits and file capabilities go: they would lend the rights of another.
    Caller,
}

impl Owners {
    /// What this process can do: root keeps owners.
    pub fn of_process() -> Self {
        if rustix::process::geteuid().is_root() {
            Self::Kept
        } else {
            Self::Caller
        }
    }
}
