//! Builds images from archives that the tests make, and reads what is in them.
#![allow(dead_code, clippy::unwrap_used)] // each test binary uses some of it

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mikron::oci::{Child, ImageTree, LayerEntry, Layout, mutate};
use mikron::package::{EntryKind, Limits, RootPath};
use mikron_testkit::archive::DebBuilder;
use mikron_testkit::repository::RepositoryBuilder;

/// Writes a flat repository of small packages, each with further fields of its stanza, and a spec over it; gives the spec's file.
pub(crate) fn local_spec(
    dir: &Path,
    packages: Vec<(&str, &str, DebBuilder)>,
    rest: &str,
) -> PathBuf {
    let mut repository = RepositoryBuilder::new("./")
        .date(1_700_000_000)
        .without_release();
    for (name, fields, package) in packages {
        let stanza = format!("Package: {name}\nVersion: 1\nArchitecture: amd64\n{fields}");
        repository = repository.package_at(&format!("{name}.deb"), &stanza, package.build());
    }
    repository.build().write_to(&dir.join("repository"));
    let file = dir.join("image.yaml");
    let spec = format!(
        "mikron: 1\nname: app\nsources:\n  local: {{ deb: \"file:repository\", suite: \"./\", allow: [unsigned] }}\n{rest}"
    );
    fs::write(&file, spec).unwrap();
    file
}

/// What the image of a layout holds, for its first platform.
pub(crate) struct Held(ImageTree);

impl Held {
    /// Reads the image with the tag `latest`.
    pub(crate) fn of(layout: &Path) -> Self {
        let limits = Limits::default();
        let layout = Arc::new(Layout::open(layout).unwrap());
        let (_, target) = layout.tags(&limits).unwrap().remove(0);
        let root = Child::open(layout, &target, &limits).unwrap();
        let (_, image) = mutate::images(&root).unwrap().remove(0);
        Self(ImageTree::read(&*image, &|_| true, &limits).unwrap())
    }

    fn entry(&self, path: &str) -> Option<&LayerEntry> {
        self.0.files.get(&RootPath::new(path.as_bytes()).unwrap())
    }

    /// Whether there is anything at a path.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.entry(path).is_some()
    }

    /// The text of a file.
    pub(crate) fn text(&self, path: &str) -> &str {
        let content = self.0.kept.get(&RootPath::new(path.as_bytes()).unwrap());
        let content =
            content.unwrap_or_else(|| panic!("{path} is no file: {:?}", self.entry(path)));
        std::str::from_utf8(content).unwrap()
    }

    /// The target of a link.
    pub(crate) fn target(&self, path: &str) -> &str {
        match &self
            .entry(path)
            .unwrap_or_else(|| panic!("{path} is not there"))
            .entry
            .kind
        {
            EntryKind::Symlink { target } => std::str::from_utf8(target).unwrap(),
            other => panic!("{path} is {other:?}"),
        }
    }

    /// `MODE UID:GID` of what is at a path, or `-`.
    pub(crate) fn access(&self, path: &str) -> String {
        self.entry(path).map_or("-".to_owned(), |found| {
            let found = &found.entry;
            format!("{:o} {}:{}", found.mode, found.uid, found.gid)
        })
    }

    /// All paths, in order.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.0.files.keys().map(ToString::to_string).collect()
    }
}
