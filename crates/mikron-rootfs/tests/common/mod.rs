//! Small builders for parts and packages.
#![allow(dead_code, clippy::unwrap_used)] // each test binary uses some of them

use std::cmp::Ordering;
use std::sync::Arc;

use mikron_package::{
    ArchiveMetadata, Entry, EntryKind, Family, MemoryContents, Origin, PackageRecord, RootPath,
    ScriptKind, Version, VersionError, VersionOrder,
};
use mikron_rootfs::{
    Assembly, Node, Options, Package, Part, Rootfs, RootfsError, assemble, builtin_finalizers,
};

/// A time after every time in these tests.
pub(crate) const EPOCH: i64 = 1_700_000_000;

/// Versions that are single numbers.
struct Numbers;

impl VersionOrder for Numbers {
    fn compare(&self, a: &str, b: &str) -> Ordering {
        a.parse::<u64>().ok().cmp(&b.parse().ok())
    }
    fn validate(&self, _: &str) -> Result<(), VersionError> {
        Ok(())
    }
}

pub(crate) fn path(text: &str) -> RootPath {
    RootPath::new(text.as_bytes()).unwrap()
}

/// An image under construction.
pub(crate) struct Image {
    pub(crate) assembly: Assembly,
    pub(crate) contents: MemoryContents,
}

impl Image {
    pub(crate) fn new() -> Self {
        let options = Options {
            epoch: EPOCH,
            ..Options::default()
        };
        Self {
            assembly: Assembly {
                options,
                ..Assembly::default()
            },
            contents: MemoryContents::default(),
        }
    }

    pub(crate) fn package(mut self, name: &str, change: impl FnOnce(&mut PackageRecord)) -> Self {
        let mut record = PackageRecord::new(name.parse().unwrap(), Version::new("1"), "amd64");
        change(&mut record);
        let metadata = ArchiveMetadata {
            record,
            fields: Vec::new(),
            scripts: Vec::new(),
            config_files: Vec::new(),
            ghosts: Vec::new(),
            extra: Vec::new(),
        };
        let mut package = Package::new(Arc::new(metadata), &Numbers);
        package.origin = Origin {
            source: "debian".into(),
            archive: format!("pool/{name}_1_amd64.deb"),
        };
        self.assembly.packages.push(package);
        self
    }

    pub(crate) fn script(mut self, package: &str, name: &str, text: &str) -> Self {
        if !self.assembly.packages.iter().any(|p| p.name() == package) {
            self = self.package(package, |_| {});
        }
        let found = self
            .assembly
            .packages
            .iter_mut()
            .find(|p| p.name() == package);
        let metadata = Arc::make_mut(&mut found.unwrap().metadata);
        let family = match name.as_bytes() {
            [b'%', ..] => Family::RPM,
            [b'.', ..] => Family::APK,
            _ => Family::DEB,
        };
        let kind = ScriptKind::of(family.scripts, name).unwrap();
        metadata.scripts.push(kind.script(text.into()));
        self
    }

    pub(crate) fn entry(mut self, package: &str, entry: Entry) -> Self {
        self.assembly
            .parts
            .push(Part::new(package, "all", entry, None));
        self
    }

    pub(crate) fn file(self, package: &str, at: &str, text: &str) -> Self {
        self.file_with(package, at, text, |_| {})
    }

    pub(crate) fn file_with(
        mut self,
        package: &str,
        at: &str,
        text: &str,
        change: impl FnOnce(&mut Entry),
    ) -> Self {
        let content = self.contents.add(text.into());
        let size = text.len() as u64;
        let mut entry = Entry::new(path(at), EntryKind::File { size }, 0o644);
        change(&mut entry);
        self.assembly
            .parts
            .push(Part::new(package, "all", entry, Some(content)));
        self
    }

    pub(crate) fn dir(self, package: &str, at: &str, mode: u32) -> Self {
        self.entry(package, Entry::new(path(at), EntryKind::Directory, mode))
    }

    pub(crate) fn link(self, package: &str, at: &str, target: &str) -> Self {
        let target = target.as_bytes().to_vec();
        self.entry(
            package,
            Entry::new(path(at), EntryKind::Symlink { target }, 0o777),
        )
    }

    pub(crate) fn hardlink(self, package: &str, at: &str, target: &str) -> Self {
        let target = path(target);
        self.entry(
            package,
            Entry::new(path(at), EntryKind::Hardlink { target }, 0o644),
        )
    }

    /// The tree of the packages alone.
    pub(crate) fn merge(self) -> Result<Rootfs, RootfsError> {
        assemble(self.assembly, &self.contents, &[])
    }

    /// The tree with everything that finalizers make.
    pub(crate) fn finalize(self) -> Result<Rootfs, RootfsError> {
        assemble(self.assembly, &self.contents, &builtin_finalizers())
    }

    pub(crate) fn error(self) -> RootfsError {
        self.merge().expect_err("it is refused")
    }
}

/// What the tests look at.
pub(crate) trait Look {
    fn at(&self, text: &str) -> Option<&Node>;
    fn target(&self, text: &str) -> Option<String>;
    fn text(&self, text: &str) -> String;
}

impl Look for Rootfs {
    fn at(&self, text: &str) -> Option<&Node> {
        self.tree.get(&path(text))
    }

    fn target(&self, text: &str) -> Option<String> {
        match &self.at(text)?.entry.kind {
            EntryKind::Symlink { target } => Some(String::from_utf8_lossy(target).into()),
            EntryKind::Hardlink { target } => Some(target.to_string()),
            _ => None,
        }
    }

    fn text(&self, text: &str) -> String {
        let node = self
            .at(text)
            .unwrap_or_else(|| panic!("{text} is not there"));
        let bytes = self.made.get(&node.content.expect("it is a file"));
        String::from_utf8(bytes.expect("it was made here").to_vec()).unwrap()
    }
}
