//! The files of an image: its layers one over the other (OCI image-spec, layer, "Applying Changesets").

use std::collections::BTreeMap;
use std::io::{self, Read};

use mikron_archive::{TarDialect, TarReader};
use mikron_package::{
    ArchiveError, Digest, Entry, EntryKind, HashingReader, LimitExceeded, Limits, Origin, RootPath,
};

use crate::{Image, ImageError, Layer, LayerEntry, LayerError};

/// What an image holds. Nothing of it becomes a path of the host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageTree {
    /// Every entry with the digest of its content, by path; the root itself is left out.
    pub files: BTreeMap<RootPath, LayerEntry>,
    /// The contents of the files that were to be kept.
    pub kept: BTreeMap<RootPath, Vec<u8>>,
    /// Paths that are names of one file, by a number of it.
    names: BTreeMap<RootPath, u64>,
    /// The files of these numbers, as they were when they got a second name.
    named: BTreeMap<u64, LayerEntry>,
}

/// Takes the contents of an image's files, one after the other, and says the digest of each. It takes a body whole.
///
/// ```
/// use std::io::Read;
/// use mikron_oci::TakeContents;
/// use mikron_package::{Digest, Entry, HashingReader};
/// /// Only hashes.
/// struct Nowhere;
/// impl TakeContents for Nowhere {
///     fn take(&mut self, _: &Entry, body: &mut dyn Read) -> std::io::Result<Digest> {
///         let mut body = HashingReader::new(body);
///         std::io::copy(&mut body, &mut std::io::sink())?;
///         Ok(body.finish().0)
///     }
/// }
/// ```
pub trait TakeContents {
    /// Takes the content of a file.
    ///
    /// # Errors
    /// When the body cannot be read, or there is no place for it.
    fn take(&mut self, entry: &Entry, body: &mut dyn Read) -> io::Result<Digest>;
}

/// Holds contents of some paths in memory, and only hashes those of all others.
struct KeepSome<'a> {
    keep: &'a dyn Fn(&RootPath) -> bool,
    kept: BTreeMap<RootPath, Vec<u8>>,
    /// Bytes of all that is kept.
    held: u64,
    most: u64,
}

impl TakeContents for KeepSome<'_> {
    fn take(&mut self, entry: &Entry, body: &mut dyn Read) -> io::Result<Digest> {
        let mut body = HashingReader::new(body);
        if (self.keep)(&entry.path) {
            let before = self.kept.get(&entry.path).map_or(0, Vec::len);
            self.held = self.held.saturating_sub(before as u64) + entry.size();
            let within = LimitExceeded::check("index", self.held, self.most);
            within.map_err(|e| ImageError::from(ArchiveError::new(e)))?;
            let mut bytes = Vec::new();
            body.read_to_end(&mut bytes)?;
            self.kept.insert(entry.path.clone(), bytes);
        } else {
            io::copy(&mut body, &mut io::sink())?;
        }
        Ok(body.finish().0)
    }
}

impl ImageTree {
    /// Reads the layers of an image, one after the other. The contents of files whose paths `keep` says are kept, all others are
    /// hashed on the way.
    ///
    /// # Errors
    /// When a layer cannot be read, is not what manifest and config say, or a limit is exceeded: [`Limits::entries`] for all layers
    /// together, and [`Limits::index`] for all that is kept.
    pub fn read(
        image: &dyn Image,
        keep: &dyn Fn(&RootPath) -> bool,
        limits: &Limits,
    ) -> Result<Self, ImageError> {
        let mut taken = KeepSome {
            keep,
            kept: BTreeMap::new(),
            held: 0,
            most: limits.index,
        };
        let mut tree = Self::read_all(image, &mut taken, limits)?;
        // Of paths that are files in the end: a file in the place of another was kept in the place of it.
        let is_file = |path: &RootPath| {
            tree.files
                .get(path)
                .is_some_and(|file| file.entry.is_file())
        };
        taken.kept.retain(|path, _| is_file(path));
        tree.kept = taken.kept;
        Ok(tree)
    }

    /// Reads the layers of an image, and hands the content of every file over.
    ///
    /// # Errors
    /// As [`ImageTree::read`], and when a content is not taken.
    pub fn read_all(
        image: &dyn Image,
        contents: &mut dyn TakeContents,
        limits: &Limits,
    ) -> Result<Self, ImageError> {
        let mut tree = Self::default();
        let mut count = 0;
        for layer in image.layers() {
            let digest = layer.descriptor().digest().to_string();
            let fresh = tree.layer(&*layer, contents, &mut count, limits);
            let fresh = fresh.map_err(|error| match error {
                ImageError::Archive(error) => error.in_archive(&Origin::named(&digest)).into(),
                other => other,
            })?;
            tree.lay(fresh);
        }
        Ok(tree)
    }

    /// The entries of one layer that holds the same: in order of path, without whiteouts. Of several names of one file the first is the
    /// file, and the others are hard links to it.
    ///
    /// # Errors
    /// When a hard link has no file.
    pub fn into_entries(self) -> Result<Vec<LayerEntry>, LayerError> {
        let mut first: BTreeMap<u64, RootPath> = BTreeMap::new();
        let mut entries = Vec::with_capacity(self.files.len());
        for (path, mut file) in self.files {
            if let Some(number) = self.names.get(&path)
                && let Some(named) = self.named.get(number)
            {
                named.clone_into(&mut file);
                file.entry.path = path.clone();
                if let Some(target) = first.get(number) {
                    file.content = None;
                    file.entry.kind = EntryKind::Hardlink {
                        target: target.clone(),
                    };
                } else if file.entry.is_file() {
                    first.insert(*number, path);
                }
            } else if let EntryKind::Hardlink { target } = file.entry.kind {
                return Err(LayerError::HardlinkTarget { path, target });
            }
            entries.push(file);
        }
        Ok(entries)
    }

    /// What the layer itself brings: its whiteouts concern only what lies below it, and are done.
    fn layer(
        &mut self,
        layer: &dyn Layer,
        contents: &mut dyn TakeContents,
        count: &mut u64,
        limits: &Limits,
    ) -> Result<Self, ImageError> {
        let mut fresh = Self::default();
        let place = layer.descriptor().digest().to_string();
        let unreadable = |error| ImageError::unwrap_io(error, "read", &place);
        let mut tar = TarReader::new(layer.tar(limits)?, TarDialect::Posix, limits);
        while let Some(entry) = tar.next_entry()? {
            *count += 1;
            limits.check_entries(*count).map_err(ArchiveError::new)?;
            if self.whiteout(&entry.path) {
                continue;
            }
            let mut content = None;
            if entry.is_file() {
                content = Some(contents.take(&entry, &mut tar).map_err(unreadable)?);
            }
            let number = match &entry.kind {
                EntryKind::Hardlink { target } => self.number(target, &mut fresh, *count),
                _ => None,
            };
            let path = entry.path.clone();
            fresh.insert(LayerEntry { entry, content });
            fresh.names.extend(number.map(|number| (path, number)));
        }
        Ok(fresh)
    }

    /// The number of the file at a path, in the layer that is read or below it; `fresh` is its number where it has none yet.
    fn number(&mut self, path: &RootPath, layer: &mut Self, fresh: u64) -> Option<u64> {
        let place = if layer.files.contains_key(path) {
            &mut *layer
        } else {
            self
        };
        if let Some(number) = place.names.get(path) {
            return Some(*number);
        }
        let file = place.files.get(path)?.clone();
        place.names.insert(path.clone(), fresh);
        layer.named.insert(fresh, file);
        Some(fresh)
    }

    /// Lays what a layer brings over what is there.
    fn lay(&mut self, mut fresh: Self) {
        for entry in std::mem::take(&mut fresh.files).into_values() {
            self.insert(entry);
        }
        self.names.append(&mut fresh.names);
        self.named.append(&mut fresh.named);
    }

    /// Takes away what a whiteout hides (OCI image-spec, layer, "Whiteouts"); whether the path is one.
    fn whiteout(&mut self, path: &RootPath) -> bool {
        let Some(name) = path.file_name().and_then(|name| name.strip_prefix(b".wh.")) else {
            return false;
        };
        let directory = path.parent().unwrap_or_else(RootPath::root);
        if name == b".wh..opq" {
            self.remove_below(&directory);
        } else if let Ok(hidden) = directory.join(name) {
            self.remove(&hidden);
            self.remove_below(&hidden);
        }
        true
    }

    fn insert(&mut self, file: LayerEntry) {
        let path = &file.entry.path;
        if path.is_root() {
            return;
        }
        // What was a directory and is none any more takes what lay in it along.
        if !matches!(file.entry.kind, EntryKind::Directory) {
            self.remove_below(path);
        }
        if !file.entry.is_file() {
            self.kept.remove(path);
        }
        self.names.remove(path);
        self.files.insert(path.clone(), file);
    }

    fn remove(&mut self, path: &RootPath) {
        self.files.remove(path);
        self.kept.remove(path);
        self.names.remove(path);
    }

    /// In the order of paths whatever lies below a directory follows it at once.
    fn remove_below(&mut self, directory: &RootPath) {
        let behind = self.files.range(directory.clone()..);
        let below = behind
            .map(|(path, _)| path)
            .skip_while(|path| *path == directory);
        let below: Vec<RootPath> = below
            .take_while(|path| path.starts_with(directory))
            .cloned()
            .collect();
        for path in &below {
            self.remove(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use mikron_package::Entry;

    use super::*;

    fn path(text: &str) -> RootPath {
        RootPath::new(text.as_bytes()).unwrap()
    }

    fn add(tree: &mut ImageTree, at: &str, kind: EntryKind) {
        let entry = Entry::new(path(at), kind, 0o755);
        tree.insert(LayerEntry {
            entry,
            content: None,
        });
    }

    fn lower() -> ImageTree {
        let mut tree = ImageTree::default();
        for directory in ["a", "a/b"] {
            add(&mut tree, directory, EntryKind::Directory);
        }
        for name in ["a/b/c", "a/d", "e"] {
            add(&mut tree, name, EntryKind::File { size: 1 });
            tree.kept.insert(path(name), b"x".to_vec());
        }
        tree
    }

    fn names(tree: &ImageTree) -> Vec<String> {
        assert!(tree.kept.keys().all(|path| tree.files.contains_key(path)));
        tree.files.keys().map(ToString::to_string).collect()
    }

    #[test]
    fn a_whiteout_hides_what_lower_layers_have() {
        let mut tree = lower();
        assert!(tree.whiteout(&path("a/.wh.b")));
        assert!(!tree.whiteout(&path("a/d")));
        assert_eq!(names(&tree), ["/a", "/a/d", "/e"]);
    }

    #[test]
    fn an_opaque_directory_hides_its_content() {
        let mut tree = lower();
        assert!(tree.whiteout(&path("a/.wh..wh..opq")));
        assert_eq!(names(&tree), ["/a", "/e"]);
    }

    #[test]
    fn a_file_in_the_place_of_a_directory_takes_its_content_away() {
        let mut tree = lower();
        add(&mut tree, "a", EntryKind::File { size: 1 });
        assert_eq!(names(&tree), ["/a", "/e"]);
    }
}
