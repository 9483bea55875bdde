//! The files of an image: its layers one over the other (OCI image-spec, layer, "Applying Changesets").

use std::collections::BTreeMap;
use std::io::{self, Read as _};

use mikron_archive::{TarDialect, TarReader};
use mikron_package::{
    ArchiveError, EntryKind, HashingReader, LimitExceeded, Limits, Origin, RootPath,
};

use crate::{Image, ImageError, Layer, LayerEntry};

/// What an image holds. Nothing of it becomes a path of the host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageTree {
    /// Every entry with the digest of its content, by path; the root itself is left out.
    pub files: BTreeMap<RootPath, LayerEntry>,
    /// The contents of the files that were to be kept.
    pub kept: BTreeMap<RootPath, Vec<u8>>,
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
        let mut tree = Self::default();
        let mut count = 0;
        for layer in image.layers() {
            let digest = layer.descriptor().digest().to_string();
            tree.layer(&*layer, keep, &mut count, limits)
                .map_err(|error| match error {
                    ImageError::Archive(error) => error.in_archive(&Origin::named(&digest)).into(),
                    other => other,
                })?;
        }
        Ok(tree)
    }

    fn layer(
        &mut self,
        layer: &dyn Layer,
        keep: &dyn Fn(&RootPath) -> bool,
        count: &mut u64,
        limits: &Limits,
    ) -> Result<(), ImageError> {
        // What the layer itself brings: its whiteouts concern only what lies below it.
        let mut fresh = Self::default();
        let place = layer.descriptor().digest().to_string();
        let unreadable = |error| ImageError::unwrap_io(error, "read", &place);
        let mut held = self.held();
        let mut tar = TarReader::new(layer.tar(limits)?, TarDialect::Posix, limits);
        while let Some(entry) = tar.next_entry()? {
            *count += 1;
            limits.check_entries(*count).map_err(ArchiveError::new)?;
            if self.whiteout(&entry.path) {
                continue;
            }
            let mut content = None;
            if entry.is_file() {
                let mut body = HashingReader::new(&mut tar);
                if keep(&entry.path) {
                    held += entry.size();
                    LimitExceeded::check("index", held, limits.index).map_err(ArchiveError::new)?;
                    let mut bytes = Vec::new();
                    body.read_to_end(&mut bytes).map_err(unreadable)?;
                    fresh.kept.insert(entry.path.clone(), bytes);
                } else {
                    io::copy(&mut body, &mut io::sink()).map_err(unreadable)?;
                }
                content = Some(body.finish().0);
            }
            fresh.insert(LayerEntry { entry, content });
        }
        for (path, entry) in std::mem::take(&mut fresh.files) {
            let bytes = fresh.kept.remove(&path);
            self.insert(entry);
            self.kept.extend(bytes.map(|bytes| (path, bytes)));
        }
        Ok(())
    }

    fn held(&self) -> u64 {
        self.kept.values().map(|bytes| bytes.len() as u64).sum()
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
        self.files.insert(path.clone(), file);
    }

    fn remove(&mut self, path: &RootPath) {
        self.files.remove(path);
        self.kept.remove(path);
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
