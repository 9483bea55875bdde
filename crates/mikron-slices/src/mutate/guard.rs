//! What a script may do with the files of a selection.
//!
//! The rules are chisel's. A script reads what a selected slice has in its `contents`, and the directories above that. It
//! writes what a selected slice calls `mutable`, unless the file has a second name. It lists directories that it may read.
//! A symbolic link is followed to its target, for which the same rules hold.

use mikron_package::RootPath;

use super::{Entry, Known};
use crate::script::Host;
use crate::{Node, Stage, StageError};

/// Longest chain of symbolic links that is followed (`path_resolution(7)`).
const MAX_LINKS: usize = 40;

/// A stage behind the rules.
pub(super) struct Guarded<'a> {
    known: &'a Known,
    stage: &'a mut dyn Stage,
    /// What was written, in order.
    pub(super) written: Vec<RootPath>,
}

impl<'a> Guarded<'a> {
    pub(super) fn new(known: &'a Known, stage: &'a mut dyn Stage) -> Self {
        Self {
            known,
            stage,
            written: Vec::new(),
        }
    }

    /// The path that a script names, in the root and without `.` and `..`.
    fn path(text: &[u8]) -> Result<RootPath, StageError> {
        if text.first() != Some(&b'/') {
            return Err(StageError::Relative);
        }
        let resolved = RootPath::root().resolve_link(text);
        resolved.map_err(|error| StageError::Failed(error.to_string()))
    }

    fn known(&self, path: &RootPath) -> Result<Entry, StageError> {
        self.known
            .paths
            .get(path)
            .copied()
            .ok_or(StageError::NotSelected)
    }

    fn look(&mut self, path: &RootPath) -> Result<Node, StageError> {
        let node = self.stage.look(path).map_err(failed)?;
        node.ok_or_else(|| StageError::Failed("it is not there".to_owned()))
    }

    /// Follows a symbolic link at the end of `path`, by the rules for what it leads to.
    fn follow(&mut self, mut path: RootPath) -> Result<(RootPath, Node), StageError> {
        for _ in 0..MAX_LINKS {
            self.known(&path)?;
            match self.look(&path)? {
                Node::Link(target) => {
                    let target = path.resolve_link(&target);
                    path = target.map_err(|error| StageError::Failed(error.to_string()))?;
                }
                node => return Ok((path, node)),
            }
        }
        Err(StageError::LinkLoop)
    }
}

fn failed(error: impl std::fmt::Display) -> StageError {
    StageError::Failed(mikron_yaml::shown(&error.to_string()))
}

impl Host for Guarded<'_> {
    fn read(&mut self, path: &[u8], limit: u64) -> Result<Vec<u8>, StageError> {
        if path.ends_with(b"/") {
            return Err(StageError::NotAFile);
        }
        let path = Self::path(path)?;
        match self.follow(path)? {
            (_, Node::File { size }) if size > limit => Err(StageError::TooLarge(limit)),
            (path, Node::File { .. }) => self.stage.read(&path).map_err(failed),
            _ => Err(StageError::NotAFile),
        }
    }

    fn write(&mut self, path: &[u8], data: &[u8]) -> Result<(), StageError> {
        if path.ends_with(b"/") {
            return Err(StageError::NotAFile);
        }
        let path = Self::path(path)?;
        let entry = self.known(&path)?;
        if !entry.mutable {
            return Err(StageError::NotMutable);
        }
        if entry.is_hard_link {
            return Err(StageError::HardLink);
        }
        // What a link leads to has to be mutable too; a link itself never is a text.
        let (path, node) = self.follow(path)?;
        let entry = self.known(&path)?;
        match node {
            Node::File { .. } if !entry.mutable => Err(StageError::NotMutable),
            Node::File { .. } if entry.is_hard_link => Err(StageError::HardLink),
            Node::File { .. } => {
                self.stage.write(&path, data).map_err(failed)?;
                self.written.push(path);
                Ok(())
            }
            _ => Err(StageError::NotAFile),
        }
    }

    fn list(&mut self, path: &[u8]) -> Result<Vec<Vec<u8>>, StageError> {
        let path = Self::path(path)?;
        if !self.known(&path)?.is_directory {
            return Err(StageError::NotADirectory);
        }
        let Node::Directory = self.look(&path)? else {
            return Err(StageError::NotADirectory);
        };
        let mut names = self.stage.list(&path).map_err(failed)?;
        names.sort_by(|(a, _), (b, _)| a.cmp(b));
        let shown = names.into_iter().map(|(mut name, node)| {
            if node == Node::Directory {
                name.push(b'/');
            }
            name
        });
        Ok(shown.collect())
    }
}
