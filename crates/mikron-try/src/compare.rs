//! What only the whole closure had of what a command used.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use mikron::matrix::HeldFile;
use mikron::package::{EntryKind, Globs, RootPath};
use mikron::rootfs::follow;
use serde::Serialize;

use crate::watch::Use;
use crate::{Ran, TryError, spared};

/// Directories that the kernel fills.
const OF_THE_KERNEL: [&[u8]; 3] = [b"proc", b"dev", b"sys"];

/// The files of an image.
pub(crate) type Files = BTreeMap<RootPath, HeldFile>;

/// What came of a trial. `mikron try --json` prints exactly this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// The words that were run.
    pub command: Vec<String>,
    /// How it went in the image.
    pub image: Ran,
    /// How it went in the whole closure.
    pub whole: Ran,
    /// What was used there and the image lacks, by where it comes from.
    pub lacking: Vec<Lacking>,
    /// Where it ended otherwise and nothing that was opened is lacking: links to what was opened, and directories that were listed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub perhaps: Vec<Lacking>,
    /// What was used there and images do well without.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub spared: Vec<Spared>,
    /// What brings all of `lacking` and `perhaps` into the image.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<Line>,
    /// Whether the kernel told of all that was opened; it keeps no more than `fs.inotify.max_queued_events` at a time.
    pub complete: bool,
}

impl Comparison {
    /// Whether the image lacks nothing that can be seen: nothing was used that it has not, and it ended as the whole closure did.
    pub fn is_whole(&self) -> bool {
        self.lacking.is_empty() && self.image.end == self.whole.end
    }
}

/// Files that the image lacks and that have one origin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lacking {
    /// The capability that holds them (`libgcc-s1:libs`), or what of the build makes them.
    pub origin: String,
    /// The files, in order of path.
    pub files: Vec<RootPath>,
}

/// A file that the image lacks, and does well without.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Spared {
    /// The file.
    pub path: RootPath,
    /// Why nothing is lost.
    pub because: &'static str,
}

/// A key of the spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Key {
    /// `packages`.
    Packages,
    /// `remove`.
    Remove,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Packages => "packages",
            Self::Remove => "remove",
        })
    }
}

/// An item for a list of the spec.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Line {
    /// The list.
    pub key: Key,
    /// The item: `libgcc-s1:libs`, or a pattern that takes back what others remove.
    pub value: String,
}

/// What an image lacks of the whole closure.
pub(crate) struct Gap<'a> {
    whole: &'a Files,
    /// What is lacking, with its origin.
    lacking: BTreeMap<&'a RootPath, &'a str>,
    /// Links that are lacking, by what they lead to and the image has.
    links: BTreeMap<RootPath, Vec<&'a RootPath>>,
}

impl<'a> Gap<'a> {
    pub(crate) fn between(image: &'a Files, whole: &'a Files) -> Self {
        let mut gap = Self {
            whole,
            lacking: BTreeMap::new(),
            links: BTreeMap::new(),
        };
        for (path, file) in whole {
            let of_kernel = path
                .components()
                .next()
                .is_some_and(|first| OF_THE_KERNEL.contains(&first));
            if of_kernel || image.contains_key(path) {
                continue;
            }
            let origin = file.origin.as_deref().unwrap_or("the build");
            gap.lacking.insert(path, origin);
            if let EntryKind::Symlink { .. } = &file.kind
                && let Some(target) = resolve(whole, path)
                && image.contains_key(&target)
            {
                gap.links.entry(target).or_default().push(path);
            }
        }
        gap
    }

    /// The directories in which something would be used that the image lacks.
    pub(crate) fn directories(&self) -> BTreeSet<RootPath> {
        let is_directory = |path: &&RootPath| {
            self.whole
                .get(*path)
                .is_some_and(|f| f.kind == EntryKind::Directory)
        };
        let paths = self.lacking.keys().copied().chain(self.links.keys());
        let above = paths.filter_map(RootPath::parent);
        let themselves = self.lacking.keys().copied().filter(is_directory).cloned();
        above.chain(themselves).collect()
    }

    /// Whether the whole closure has a program: by its path, or in a directory of `PATH`.
    pub(crate) fn has_program(&self, program: &str, env: &[String], workdir: &str) -> bool {
        let path = env
            .iter()
            .find_map(|variable| variable.strip_prefix("PATH="));
        let candidates: Vec<String> = match program {
            program if program.starts_with('/') => vec![program.to_owned()],
            program if program.contains('/') => vec![format!("{workdir}/{program}")],
            program => {
                let directories = path.unwrap_or_default().split(':');
                directories.map(|dir| format!("{dir}/{program}")).collect()
            }
        };
        let there = |candidate: &String| {
            let path = RootPath::root().resolve_link(candidate.as_bytes()).ok();
            path.and_then(|path| resolve(self.whole, &path))
                .is_some_and(|path| self.whole.contains_key(&path))
        };
        candidates.iter().any(there)
    }

    /// What was used of what is lacking. `removed` are the patterns of the spec.
    pub(crate) fn compare(
        &self,
        used: &BTreeMap<RootPath, Use>,
        removed: &Globs,
        (command, image, whole): (Vec<String>, Ran, Ran),
    ) -> Result<Comparison, TryError> {
        let mut spared = Vec::new();
        let (mut lacking, mut perhaps) = (Found::default(), Found::default());
        for (path, how) in used {
            for link in self.links.get(path).into_iter().flatten() {
                perhaps.add(link, self.lacking[*link]);
            }
            let Some(origin) = self.lacking.get(path) else {
                continue;
            };
            if let Some(because) = spared::why(path, origin)? {
                let path = path.clone();
                spared.push(Spared { path, because });
            } else if *how == Use::Opened {
                lacking.add(path, origin);
            } else {
                perhaps.add(path, origin);
            }
        }
        if !lacking.0.is_empty() || image.end == whole.end {
            perhaps = Found::default();
        }
        let mut lines = BTreeSet::new();
        for found in [&lacking, &perhaps] {
            for (origin, paths) in &found.0 {
                lines.extend(paths.iter().filter_map(|path| line(path, origin, removed)));
            }
        }
        Ok(Comparison {
            command,
            image,
            whole,
            lacking: lacking.list(),
            perhaps: perhaps.list(),
            spared,
            lines: lines.into_iter().collect(),
            complete: true,
        })
    }
}

/// Files by their origin.
#[derive(Default)]
struct Found(BTreeMap<String, BTreeSet<RootPath>>);

impl Found {
    fn add(&mut self, path: &RootPath, origin: &str) {
        let of_origin = self.0.entry(origin.to_owned()).or_default();
        of_origin.insert(path.clone());
    }

    fn list(self) -> Vec<Lacking> {
        let lacking = |(origin, files): (String, BTreeSet<RootPath>)| Lacking {
            origin,
            files: files.into_iter().collect(),
        };
        self.0.into_iter().map(lacking).collect()
    }
}

/// What brings a file: the capability that holds it, or nothing that removes it.
fn line(path: &RootPath, origin: &str, removed: &Globs) -> Option<Line> {
    let (key, value) = if removed.matches(path) {
        (Key::Remove, format!("!{path}"))
    } else if origin.contains(':') {
        (Key::Packages, origin.to_owned())
    } else {
        return None;
    };
    Some(Line { key, value })
}

/// What is at the end of all links.
fn resolve(files: &Files, path: &RootPath) -> Option<RootPath> {
    let target = |at: &RootPath| match &files.get(at)?.kind {
        EntryKind::Symlink { target } => Some(target.clone()),
        _ => None,
    };
    follow(path, true, true, target).ok()
}
