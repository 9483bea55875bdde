//! A repository that is made: files by path, to be served or written.

use std::collections::BTreeMap;
use std::path::Path;

use crate::http::Server;

/// A repository as files by path, relative to its base URL.
#[derive(Clone, Debug)]
pub struct Repository {
    /// The suite, as in `dists/SUITE`.
    pub suite: String,
    /// All files by path.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The text of the Release file, unsigned.
    pub release: String,
}

impl Repository {
    /// A file by path.
    ///
    /// # Panics
    /// When there is none.
    pub fn file(&self, path: &str) -> &[u8] {
        self.files
            .get(path)
            .unwrap_or_else(|| panic!("the repository has no file {path}"))
    }

    /// The bytes of InRelease.
    ///
    /// # Panics
    /// When the repository has none.
    pub fn inrelease(&self) -> &[u8] {
        self.file(&format!("dists/{}/InRelease", self.suite))
    }

    /// Serves all files under `prefix` (which begins with a slash, or is empty).
    pub fn serve(&self, server: &Server, prefix: &str) {
        serve_files(&self.files, server, prefix);
    }

    /// Writes all files below `directory`.
    ///
    /// # Panics
    /// When a file cannot be written.
    pub fn write_to(&self, directory: &Path) {
        write_files(&self.files, directory);
    }
}

/// Serves files under `prefix`.
pub(crate) fn serve_files(files: &BTreeMap<String, Vec<u8>>, server: &Server, prefix: &str) {
    for (path, bytes) in files {
        server.put(&format!("{prefix}/{path}"), bytes.clone());
    }
}

/// Writes files below `directory`.
pub(crate) fn write_files(files: &BTreeMap<String, Vec<u8>>, directory: &Path) {
    for (path, bytes) in files {
        let path = directory.join(path);
        std::fs::create_dir_all(path.parent().expect("a joined path has a parent"))
            .expect("a directory");
        std::fs::write(path, bytes).expect("a file");
    }
}
