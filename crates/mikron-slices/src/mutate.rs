//! Mutation: the scripts of a selection, run in its order when everything is in place.
//!
//! The rules are chisel's. A script reads what a selected slice has in its `contents`, and the directories above that. It
//! writes what a selected slice calls `mutable`, unless the file has a second name. It lists directories that it may read.
//! A symbolic link is followed to its target, for which the same rules hold.

use std::collections::BTreeMap;

use mikron_package::RootPath;

use crate::release::script_error;
use crate::script::{Host, StageError, parse, run};
use crate::{Applied, Node, ScriptLimits, Selection, SliceError, SliceKey, Stage};

/// Longest chain of symbolic links that is followed (`path_resolution(7)`).
const MAX_LINKS: usize = 40;

/// What the scripts of a selection did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mutated {
    /// Files that were written, with the slices whose scripts did it, in order.
    pub written: BTreeMap<RootPath, Vec<SliceKey>>,
    /// Files that are to be removed now: all slices that name them say `until: mutate`.
    pub removed: Vec<RootPath>,
    /// Directories that are to be removed now if nothing is left in them, the deepest first.
    pub emptied: Vec<RootPath>,
    /// What scripts printed, by slice, in order.
    pub printed: Vec<(SliceKey, String)>,
}

/// Runs the mutation scripts of a selection.
///
/// `applied` is the selection applied to each of its packages; it says what may be read and written.
///
/// # Errors
/// [`SliceErrorKind::Script`](crate::SliceErrorKind::Script) from the first script that fails. What was written before stays
/// written.
pub fn mutate(
    selection: &Selection,
    applied: &[Applied],
    stage: &mut dyn Stage,
    limits: &ScriptLimits,
) -> Result<Mutated, SliceError> {
    let known = Known::of(applied);
    let mut mutated = Mutated::default();
    for selected in selection.slices() {
        let key = &selected.slice.key;
        let Some(text) = &selected.slice.mutate else {
            continue;
        };
        let mut guarded = Guarded {
            known: &known,
            stage: &mut *stage,
            written: Vec::new(),
        };
        let result = parse(text).and_then(|script| run(&script, &mut guarded, limits));
        for path in guarded.written {
            let slices = mutated.written.entry(path).or_default();
            if slices.last() != Some(key) {
                slices.push(key.clone());
            }
        }
        let printed = result.map_err(|error| {
            let source = selection
                .package(key.package())
                .map(|package| &package.source);
            script_error(source, key, &error)
        })?;
        if !printed.is_empty() {
            let text = String::from_utf8_lossy(&printed).into_owned();
            mutated.printed.push((key.clone(), text));
        }
    }
    for (path, entry) in known.paths.iter().rev() {
        if entry.until_mutate && entry.is_directory {
            mutated.emptied.push(path.clone());
        } else if entry.until_mutate {
            mutated.removed.push(path.clone());
        }
    }
    mutated.removed.reverse();
    Ok(mutated)
}

/// What is known of a path.
#[derive(Clone, Copy)]
struct Entry {
    is_directory: bool,
    mutable: bool,
    until_mutate: bool,
    is_hard_link: bool,
}

/// The paths that scripts may know of.
struct Known {
    paths: BTreeMap<RootPath, Entry>,
}

impl Known {
    fn of(applied: &[Applied]) -> Self {
        let mut paths: BTreeMap<RootPath, Entry> = BTreeMap::new();
        let mut add = |path: &RootPath, new: Entry| {
            let entry = paths.entry(path.clone()).or_insert(new);
            entry.mutable |= new.mutable;
            entry.is_hard_link |= new.is_hard_link;
            // It goes when all say so.
            entry.until_mutate &= new.until_mutate;
        };
        for package in applied {
            for taken in &package.taken {
                let entry = Entry {
                    is_directory: taken.is_directory,
                    mutable: taken.lifetime.mutable,
                    until_mutate: taken.lifetime.until_mutate,
                    is_hard_link: taken.is_hard_link,
                };
                add(&taken.path, entry);
            }
            for made in &package.made {
                let entry = Entry {
                    is_directory: matches!(made.kind, crate::MadeKind::Directory),
                    mutable: made.lifetime.mutable,
                    until_mutate: made.lifetime.until_mutate,
                    is_hard_link: false,
                };
                add(&made.path, entry);
            }
        }
        // Directories above are known, and stay.
        let above: Vec<RootPath> = paths.keys().flat_map(RootPath::ancestors).collect();
        for path in above {
            paths.entry(path).or_insert(Entry {
                is_directory: true,
                mutable: false,
                until_mutate: false,
                is_hard_link: false,
            });
        }
        Self { paths }
    }
}

/// A stage behind the rules.
struct Guarded<'a> {
    known: &'a Known,
    stage: &'a mut dyn Stage,
    written: Vec<RootPath>,
}

impl Guarded<'_> {
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
