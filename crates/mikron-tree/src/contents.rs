//! The contents of a tree, read from the host when they are asked for.

use std::io::{self, Read};
use std::path::PathBuf;

use mikron_facts::FileFacts;
use mikron_package::{Contents, Digest, NoSuchContent, RootPath};

use crate::digest::below;
use crate::open::open;
use crate::walk::{Stat, on_host};

/// Where the contents of a tree lie on the host. Nothing of them is held: a file that is not any more what was read is refused.
#[derive(Debug)]
pub struct TreeContents {
    root: PathBuf,
    /// In order of digest. The path is that in the image.
    places: Vec<(Digest, RootPath, Stat)>,
    at: RootPath,
}

impl TreeContents {
    pub(crate) fn new(root: PathBuf, at: &RootPath, files: &[(FileFacts, Option<Stat>)]) -> Self {
        let place = |(facts, stat): &(FileFacts, Option<Stat>)| {
            Some((facts.digest?, facts.entry.path.clone(), (*stat)?))
        };
        let mut places: Vec<_> = files.iter().filter_map(place).collect();
        places.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.cmp(&b.1)));
        places.dedup_by_key(|(digest, ..)| *digest);
        Self {
            root,
            places,
            at: at.clone(),
        }
    }

    /// Whether a file of the tree has this content.
    pub fn contains(&self, content: &Digest) -> bool {
        self.places
            .binary_search_by_key(content, |place| place.0)
            .is_ok()
    }
}

impl Contents for TreeContents {
    fn open(&self, content: &Digest) -> io::Result<Box<dyn Read + Send + '_>> {
        let found = self.places.binary_search_by_key(content, |place| place.0);
        let none = || io::Error::new(io::ErrorKind::NotFound, NoSuchContent(*content));
        let (_, path, stat) = &self.places[found.map_err(|_| none())?];
        let within = RootPath::new(below(&self.at, path)).map_err(io::Error::other)?;
        let host = on_host(&self.root, &within);
        let file = open(&host, stat, within.is_root()).map_err(io::Error::other)?;
        Ok(Box::new(file))
    }
}
