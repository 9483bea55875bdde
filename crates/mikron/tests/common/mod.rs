//! Builds images from the machine's Debian mirror, with a cache that all tests share.
#![allow(dead_code, clippy::unwrap_used)] // each test binary uses some of it

use std::fs;
use std::path::{Path, PathBuf};

use mikron::{BuildReport, Builder, Output};
use mikron_testkit::mirror::mirror;
use tempfile::TempDir;

/// An image in a layout of its own, under the tag `latest`.
pub(crate) struct Built {
    pub(crate) dir: TempDir,
    pub(crate) report: BuildReport,
}

impl Built {
    pub(crate) fn layout(&self) -> PathBuf {
        self.dir.path().join("layout")
    }

    pub(crate) fn docker_archive(&self) -> PathBuf {
        self.dir.path().join("image.tar")
    }
}

/// A file of `docs/examples`.
pub(crate) fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs/examples")
        .join(name)
}

/// An example spec with more text at its end.
pub(crate) fn example_with(name: &str, more: &str) -> String {
    fs::read_to_string(example(name)).unwrap() + more
}

/// Builds a spec given as text. `None` where there is no mirror.
pub(crate) fn build(spec: &str) -> Option<Built> {
    let mirror = mirror()?;
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("image.yaml");
    fs::write(&file, spec).unwrap();
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache");
    let mut builder = Builder::from_file(&file)
        .unwrap_or_else(|error| panic!("{error}"))
        .cache(cache);
    builder = builder.mirror("debian", &mirror.main);
    if let Some(security) = &mirror.security {
        builder = builder.mirror("debian-security", security);
    }
    let report = builder
        .output(Output::layout(dir.path().join("layout"), "latest"))
        .output(Output::docker_archive(dir.path().join("image.tar")))
        .build()
        .unwrap_or_else(|error| panic!("{error}"));
    Some(Built { dir, report })
}

/// Builds an example spec. `None` where there is no mirror.
pub(crate) fn build_example(name: &str) -> Option<Built> {
    build(&example_with(name, ""))
}

/// Whether a file of this name lies anywhere below a directory. Links are not followed.
pub(crate) fn find(dir: &Path, name: &str) -> Option<PathBuf> {
    let mut entries: Vec<_> = fs::read_dir(dir).ok()?.flatten().collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    entries.into_iter().find_map(|entry| {
        if entry.file_name().to_str() == Some(name) {
            return Some(entry.path());
        }
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_dir {
            find(&entry.path(), name)
        } else {
            None
        }
    })
}
