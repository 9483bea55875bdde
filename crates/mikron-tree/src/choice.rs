//! What of a tree is taken.

use std::cell::Cell;

use mikron_package::{Glob, GlobError, RootPath};

/// A file of a tree that says what of it is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IgnoreFile {
    /// `.dockerignore` at the top of the tree.
    Docker,
    /// `.gitignore` in every directory of the tree.
    Git,
}

/// What nobody wants in an image: the history of a work tree.
const NEVER: &[u8] = b".git";

/// What of a tree is taken by patterns of paths in it. A pattern that matches a directory matches all that is below.
///
/// ```
/// use mikron_package::RootPath;
/// use mikron_tree::Choice;
/// let choice = Choice::new(&[], &["*.md".to_owned(), "!README.md".to_owned()])?;
/// let takes = |path: &str| choice.takes(&RootPath::new(path.as_bytes()).expect("a path"), false);
/// assert!(takes("README.md") && takes("doc/a.md") && !takes("NEWS.md") && !takes(".git/config"));
/// # Ok::<(), mikron_package::GlobError>(())
/// ```
#[derive(Debug)]
pub struct Choice {
    include: Vec<Pattern>,
    exclude: Vec<Pattern>,
}

#[derive(Debug)]
struct Pattern {
    text: String,
    glob: Glob,
    keeps: bool,
    used: Cell<bool>,
}

impl Pattern {
    fn new(text: &str) -> Result<Self, GlobError> {
        let (keeps, glob) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        Ok(Self {
            text: text.to_owned(),
            glob: Glob::new(glob)?,
            keeps,
            used: Cell::new(false),
        })
    }

    /// Whether it matches a path, or a directory above it.
    fn matches(&self, path: &RootPath) -> bool {
        let path = path.as_bytes();
        let ends = (0..path.len()).filter(|at| path[*at] == b'/');
        let mut ends = ends.chain([path.len()]);
        let found = ends.any(|end| self.glob.matches_bytes(&path[..end]));
        if found {
            self.used.set(true);
        }
        found
    }
}

/// What the last pattern says that matches; nothing where none does.
fn decided(patterns: &[Pattern], path: &RootPath) -> Option<bool> {
    // All are asked, so that each is known to match something.
    let matching = patterns.iter().filter(|pattern| pattern.matches(path));
    matching.last().map(|pattern| !pattern.keeps)
}

impl Choice {
    /// What `include` matches, all where it is empty, without what `exclude` does. Patterns that begin with `!` take back what those
    /// before them match.
    ///
    /// # Errors
    /// When a pattern is none.
    pub fn new(include: &[String], exclude: &[String]) -> Result<Self, GlobError> {
        let patterns = |texts: &[String]| -> Result<Vec<Pattern>, GlobError> {
            texts.iter().map(|text| Pattern::new(text)).collect()
        };
        Ok(Self {
            include: patterns(include)?,
            exclude: patterns(exclude)?,
        })
    }

    /// Whether a path is taken that a file of the tree says to leave out, or not (`ignored`).
    pub fn takes(&self, path: &RootPath, ignored: bool) -> bool {
        let names_git = || path.components().any(|name| name == NEVER);
        let left_out = decided(&self.exclude, path);
        !left_out.unwrap_or_else(|| ignored || names_git()) && self.includes(path)
    }

    /// Whether a path is among what is taken where nothing is left out.
    fn includes(&self, path: &RootPath) -> bool {
        self.include.is_empty() || decided(&self.include, path) == Some(true)
    }

    /// Whether something below a directory may be taken though that is not.
    pub(crate) fn looks_below(&self, path: &RootPath, ignored: bool) -> bool {
        let back = self.exclude.iter().any(|pattern| pattern.keeps);
        let left_out = decided(&self.exclude, path);
        let out = left_out.unwrap_or(ignored || path.file_name() == Some(NEVER));
        back || !out
    }

    /// The patterns that matched nothing, with the key that each stands at.
    pub fn unused(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let include = self.include.iter().map(|pattern| ("include", pattern));
        let exclude = self.exclude.iter().map(|pattern| ("exclude", pattern));
        let unused = include
            .chain(exclude)
            .filter(|(_, pattern)| !pattern.used.get());
        unused.map(|(key, pattern)| (key, pattern.text.as_str()))
    }
}
