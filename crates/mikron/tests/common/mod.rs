//! Builds images from archives that the tests make, and reads what is in them.
#![allow(dead_code, clippy::unwrap_used)] // each test binary uses some of it

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mikron::Builder;
use mikron::oci::{Child, ImageTree, LayerEntry, Layout, mutate};
use mikron::package::{EntryKind, Limits, RootPath};
use mikron_testkit::archive::DebBuilder;
use mikron_testkit::frozen;
use mikron_testkit::repository::RepositoryBuilder;
use tempfile::TempDir;

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

/// A directory with the frozen archive, and specs over it.
pub(crate) struct Home(TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        let dir = TempDir::new().unwrap();
        frozen::write_to(dir.path());
        Self(dir)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A builder for a spec that names bookworm, with the cache of this directory.
    pub(crate) fn builder(&self, spec: &str) -> Builder {
        let file = self.path("image.yaml");
        fs::write(&file, frozen::spec(spec)).unwrap();
        let builder = Builder::from_file(&file).unwrap_or_else(|error| panic!("{error}"));
        builder.cache(self.path("cache"))
    }
}

/// An example spec with more text at its end.
pub(crate) fn example_with(name: &str, more: &str) -> String {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples");
    fs::read_to_string(examples.join(name)).unwrap() + more
}

/// The spec of some packages in a minimal image, with more text at its end.
pub(crate) fn spec_of(packages: &str, more: &str) -> String {
    format!(
        "mikron: 1\nname: image\nsources: {{ debian: {{ deb: bookworm }} }}\npackages: [{packages}]\n{more}"
    )
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

    /// Whether a file has capabilities(7).
    pub(crate) fn has_capability(&self, path: &str) -> bool {
        let entry = self
            .entry(path)
            .unwrap_or_else(|| panic!("{path} is not there"));
        entry
            .entry
            .xattrs
            .keys()
            .any(|name| name.ends_with(b"capability"))
    }

    /// All paths, in order.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.0.files.keys().map(ToString::to_string).collect()
    }
}
