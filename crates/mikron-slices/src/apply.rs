//! A selection applied to one package: which of its entries are taken, and what is made beside them.
//!
//! Nothing is read or written here. The package is a list of [`Entry`]; the result says what to do with them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use mikron_package::{Entry, EntryKind, PackageName, RootPath};

use crate::contents::{Lifetime, is_directory, root_path};
use crate::{Content, ContentKind, Selection, SliceError, SliceErrorKind, SliceKey};

/// What a selection does with one package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The package.
    pub package: PackageName,
    /// Entries that are taken, in the order of their places. An entry that is copied elsewhere can be taken twice.
    pub taken: Vec<Taken>,
    /// What is made, in the order of its places.
    pub made: Vec<Made>,
    /// Entries of directories above all that is taken and made: they come along with the package's mode and owner, and belong
    /// to no slice. Directories that the package does not have are made with mode 0755 by whoever merges.
    pub parents: Vec<usize>,
    /// Directories in which a manifest is asked for (`generate: manifest`), with the slices that ask.
    pub manifests: Vec<(RootPath, Vec<SliceKey>)>,
}

/// One entry of the package that is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The entry, as its number in the list that was applied to.
    pub entry: usize,
    /// Where it is put.
    pub path: RootPath,
    /// Its mode in place of the entry's own.
    pub mode: Option<u32>,
    /// The slices that take it, in the order of the selection; never empty.
    pub slices: Vec<SliceKey>,
    /// What becomes of it when mutation scripts run.
    pub lifetime: Lifetime,
    /// Whether it is a directory.
    pub is_directory: bool,
    /// Whether it shares its content with another name: then no script may write it.
    pub is_hard_link: bool,
}

/// One thing that no package has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Where it is put.
    pub path: RootPath,
    /// What it is.
    pub kind: MadeKind,
    /// Its permission bits.
    pub mode: u32,
    /// The slices of this package that make it, in the order of the selection; never empty. Slices of another package may
    /// make the same.
    pub slices: Vec<SliceKey>,
    /// What becomes of it when mutation scripts run.
    pub lifetime: Lifetime,
}

/// What is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MadeKind {
    /// A directory.
    Directory,
    /// A file with this text.
    Text(String),
    /// A symbolic link to this target.
    Symlink(String),
}

impl Selection {
    /// Applies this selection to the entries of one package.
    ///
    /// ```
    /// use mikron_package::{Architecture, Entry, EntryKind, Limits, RootPath};
    /// # use mikron_slices::{Release, SourceFile};
    /// # let files = [SourceFile::new("chisel.yaml", "format: v1\narchives:\n  main: { version: 24.04, suites: [noble], components: [main], public-keys: [key] }\npublic-keys:\n  key: { id: 0123456789ABCDEF, armor: '-----BEGIN PGP PUBLIC KEY BLOCK-----' }\n"),
    /// #   SourceFile::new("slices/hello.yaml", "package: hello\nslices:\n  bins: { contents: { /usr/bin/hello: } }\n")];
    /// # let release = Release::of_files(&files, &Limits::default())?;
    /// let selection = release.select(&["hello_bins".parse()?], Architecture::Amd64)?;
    /// let entries = [
    ///     Entry::new(RootPath::new(b"usr/bin")?, EntryKind::Directory, 0o755),
    ///     Entry::new(RootPath::new(b"usr/bin/hello")?, EntryKind::File { size: 9 }, 0o755),
    ///     Entry::new(RootPath::new(b"usr/share/doc/hello/NEWS")?, EntryKind::File { size: 9 }, 0o644),
    /// ];
    /// let applied = selection.apply(&"hello".parse()?, &entries).map_err(|mut e| e.remove(0))?;
    /// assert_eq!(applied.taken[0].entry, 1);
    /// assert_eq!(applied.parents, [0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// One [`SliceErrorKind::NoContent`] for each path or glob that nothing in the package matches.
    pub fn apply(
        &self,
        package: &PackageName,
        entries: &[Entry],
    ) -> Result<Applied, Vec<SliceError>> {
        let names: Vec<Vec<u8>> = entries.iter().map(name_in_archive).collect();
        let by_name: HashMap<&[u8], usize> = (0..)
            .zip(&names)
            .map(|(i, name)| (name.as_slice(), i))
            .collect();
        let linked: BTreeSet<&RootPath> = entries.iter().filter_map(link_target).collect();
        let mut taken: BTreeMap<RootPath, Taken> = BTreeMap::new();
        let mut made: BTreeMap<RootPath, Made> = BTreeMap::new();
        let mut manifests: BTreeMap<RootPath, Vec<SliceKey>> = BTreeMap::new();
        let mut errors = Vec::new();
        for slice in self.of_package(package) {
            let key = &slice.key;
            for content in self.contents(slice) {
                let mut take = |entry: usize, path: RootPath| {
                    let found = taken.entry(path.clone()).or_insert_with(|| Taken {
                        entry,
                        path,
                        mode: None,
                        slices: Vec::new(),
                        lifetime: Lifetime {
                            mutable: false,
                            until_mutate: true,
                        },
                        is_directory: entries[entry].is_directory(),
                        is_hard_link: link_target(&entries[entry]).is_some()
                            || linked.contains(&entries[entry].path),
                    });
                    found.mode = found.mode.or(content.mode);
                    found.lifetime.mutable |= content.mutable;
                    found.lifetime.until_mutate &= content.until_mutate;
                    add(&mut found.slices, key);
                };
                let mut create = |kind: MadeKind| {
                    let path = root_path(&content.path);
                    let found = made.entry(path.clone()).or_insert_with(|| Made {
                        path,
                        kind,
                        mode: content.made_mode(),
                        slices: Vec::new(),
                        lifetime: self.lifetime(&content.path),
                    });
                    add(&mut found.slices, key);
                };
                match &content.kind {
                    ContentKind::Copy { from } => {
                        let from = from.as_deref().unwrap_or(&content.path);
                        match by_name.get(from.as_bytes()) {
                            Some(entry) => take(*entry, root_path(&content.path)),
                            None => errors.push(self.nothing(key, content, package, entries)),
                        }
                    }
                    ContentKind::Glob(glob) => {
                        let mut any = false;
                        for (entry, name) in names.iter().enumerate() {
                            // The root is in every package, and nobody's.
                            if glob.matches(name) && !entries[entry].path.is_root() {
                                any = true;
                                take(entry, entries[entry].path.clone());
                            }
                        }
                        if !any {
                            errors.push(self.nothing(key, content, package, entries));
                        }
                    }
                    ContentKind::Directory => create(MadeKind::Directory),
                    ContentKind::Text(text) => create(MadeKind::Text(text.clone())),
                    ContentKind::Symlink(target) => create(MadeKind::Symlink(target.clone())),
                    ContentKind::Manifest => {
                        let directory = content.path.trim_end_matches('*');
                        add(manifests.entry(root_path(directory)).or_default(), key);
                    }
                }
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let parents = parents(entries, taken.keys().chain(made.keys()), &taken);
        Ok(Applied {
            package: package.clone(),
            taken: taken.into_values().collect(),
            made: made.into_values().collect(),
            parents,
            manifests: manifests.into_iter().collect(),
        })
    }

    fn nothing(
        &self,
        key: &SliceKey,
        content: &Content,
        package: &PackageName,
        entries: &[Entry],
    ) -> SliceError {
        let error = SliceError::new(SliceErrorKind::NoContent {
            package: package.to_string(),
        })
        .of_path(&content.path);
        let path = ["slices", key.slice(), "contents", &content.path];
        let mut error = self.place(key, &path, error);
        error.help = Some(match &content.kind {
            ContentKind::Copy { from } => {
                let from = from.as_deref().unwrap_or(&content.path);
                near_entry(from, entries)
            }
            _ => "the package may have changed; correct the wildcards, or leave the path out"
                .to_owned(),
        });
        error
    }
}

/// The remedy for a path that the package does not have.
fn near_entry(path: &str, entries: &[Entry]) -> String {
    let wanted = root_path(path);
    if let Some(entry) = entries.iter().find(|entry| entry.path == wanted) {
        return match (&entry.kind, is_directory(path)) {
            (EntryKind::Directory, false) => format!("it is a directory: write `{path}/`"),
            (EntryKind::Symlink { .. }, true) => {
                let path = path.trim_end_matches('/');
                format!("it is a symbolic link: write `{path}`")
            }
            _ => format!("it is a file: write `{}`", path.trim_end_matches('/')),
        };
    }
    let same_name = |entry: &&Entry| entry.path.file_name() == wanted.file_name();
    match entries.iter().find(same_name) {
        Some(entry) => format!("the package has `{}`", entry.path),
        None => "the package may have changed; correct the path, or leave it out".to_owned(),
    }
}

/// The entry's path as definitions write it: from `/`, with a `/` at the end of a directory.
fn name_in_archive(entry: &Entry) -> Vec<u8> {
    let mut name = vec![b'/'];
    name.extend_from_slice(entry.path.as_bytes());
    if entry.is_directory() && !entry.path.is_root() {
        name.push(b'/');
    }
    name
}

fn link_target(entry: &Entry) -> Option<&RootPath> {
    match &entry.kind {
        EntryKind::Hardlink { target } => Some(target),
        _ => None,
    }
}

fn add(slices: &mut Vec<SliceKey>, key: &SliceKey) {
    if slices.last() != Some(key) {
        slices.push(key.clone());
    }
}

/// Directories of the package above all that has a place, but for those that are taken themselves.
fn parents<'a>(
    entries: &[Entry],
    placed: impl Iterator<Item = &'a RootPath>,
    taken: &BTreeMap<RootPath, Taken>,
) -> Vec<usize> {
    let mut above: BTreeSet<RootPath> = BTreeSet::new();
    for path in placed {
        for ancestor in path.ancestors() {
            if ancestor.is_root() || !above.insert(ancestor) {
                break;
            }
        }
    }
    let is_parent = |entry: &Entry| {
        entry.is_directory() && above.contains(&entry.path) && !taken.contains_key(&entry.path)
    };
    let numbered = entries.iter().enumerate();
    numbered
        .filter(|(_, entry)| is_parent(entry))
        .map(|(number, _)| number)
        .collect()
}
