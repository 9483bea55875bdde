//! What mutation scripts work on: all that was selected, in place.

use std::io;

use mikron_package::RootPath;

/// The tree that mutation scripts read and write, as its owner keeps it.
///
/// Only paths inside the root are named, and only those that scripts may touch: the rules are kept by [`mutate`](crate::mutate),
/// an implementation has none of its own. Symbolic links above the last component are its matter; the last one is asked
/// for by [`Stage::look`].
///
/// ```
/// use std::collections::BTreeMap;
/// use std::io;
/// use mikron_package::RootPath;
/// use mikron_slices::{Node, Stage};
///
/// struct Memory(BTreeMap<RootPath, Vec<u8>>);
///
/// impl Stage for Memory {
///     fn look(&mut self, path: &RootPath) -> io::Result<Option<Node>> {
///         let below = self.0.keys().any(|file| file != path && file.starts_with(path));
///         Ok(match self.0.get(path) {
///             Some(data) => Some(Node::File { size: data.len() as u64 }),
///             None => below.then_some(Node::Directory),
///         })
///     }
///     fn read(&mut self, path: &RootPath) -> io::Result<Vec<u8>> {
///         Ok(self.0[path].clone())
///     }
///     fn write(&mut self, path: &RootPath, data: &[u8]) -> io::Result<()> {
///         self.0.insert(path.clone(), data.to_vec());
///         Ok(())
///     }
///     fn list(&mut self, path: &RootPath) -> io::Result<Vec<(Vec<u8>, Node)>> {
///         let inside = self.0.iter().filter(|(file, _)| file.parent().as_ref() == Some(path));
///         let named = inside.map(|(file, data)| {
///             (file.file_name().unwrap_or_default().to_vec(), Node::File { size: data.len() as u64 })
///         });
///         Ok(named.collect())
///     }
/// }
/// # let stage = &mut Memory(BTreeMap::new());
/// # let stage: &mut dyn Stage = stage;
/// # assert!(stage.look(&RootPath::root()).is_ok());
/// ```
pub trait Stage {
    /// What stands at a path; `None` when nothing does. A link at the path itself is not followed.
    ///
    /// # Errors
    /// What keeps it from looking.
    fn look(&mut self, path: &RootPath) -> io::Result<Option<Node>>;

    /// The content of a file that [`Stage::look`] found. Its size was compared with the limits before.
    ///
    /// # Errors
    /// What keeps it from reading.
    fn read(&mut self, path: &RootPath) -> io::Result<Vec<u8>>;

    /// Replaces the content of a file that [`Stage::look`] found; mode and owner stay as they are.
    ///
    /// # Errors
    /// What keeps it from writing.
    fn write(&mut self, path: &RootPath, data: &[u8]) -> io::Result<()>;

    /// What stands in a directory that [`Stage::look`] found, by name, in any order.
    ///
    /// # Errors
    /// What keeps it from listing.
    fn list(&mut self, path: &RootPath) -> io::Result<Vec<(Vec<u8>, Node)>>;
}

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A regular file.
    File {
        /// Its size in bytes.
        size: u64,
    },
    /// A directory.
    Directory,
    /// A symbolic link to this target.
    Link(Vec<u8>),
    /// Anything else.
    Other,
}

impl<T: Stage + ?Sized> Stage for &mut T {
    fn look(&mut self, path: &RootPath) -> io::Result<Option<Node>> {
        (**self).look(path)
    }

    fn read(&mut self, path: &RootPath) -> io::Result<Vec<u8>> {
        (**self).read(path)
    }

    fn write(&mut self, path: &RootPath, data: &[u8]) -> io::Result<()> {
        (**self).write(path, data)
    }

    fn list(&mut self, path: &RootPath) -> io::Result<Vec<(Vec<u8>, Node)>> {
        (**self).list(path)
    }
}

impl<T: Stage + ?Sized> Stage for Box<T> {
    fn look(&mut self, path: &RootPath) -> io::Result<Option<Node>> {
        (**self).look(path)
    }

    fn read(&mut self, path: &RootPath) -> io::Result<Vec<u8>> {
        (**self).read(path)
    }

    fn write(&mut self, path: &RootPath, data: &[u8]) -> io::Result<()> {
        (**self).write(path, data)
    }

    fn list(&mut self, path: &RootPath) -> io::Result<Vec<(Vec<u8>, Node)>> {
        (**self).list(path)
    }
}
