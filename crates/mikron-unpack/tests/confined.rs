//! The writer keeps to its directory, whatever entries say.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use mikron_oci::LayerEntry;
use mikron_package::{Entry, EntryKind, MemoryContents, RootPath};
use mikron_unpack::{Loss, Owners, Prepared, UnpackError, prepare};
use tempfile::TempDir;

/// A tree to be unpacked, and where.
struct Tree {
    entries: Vec<LayerEntry>,
    contents: MemoryContents,
    holder: TempDir,
}

fn path(text: &str) -> RootPath {
    RootPath::new(text.as_bytes()).expect("a path")
}

impl Tree {
    fn new() -> Self {
        Self {
            entries: Vec::new(),
            contents: MemoryContents::default(),
            holder: TempDir::new().expect("a directory"),
        }
    }

    fn with(mut self, entry: Entry) -> Self {
        self.entries.push(LayerEntry {
            entry,
            content: None,
        });
        self
    }

    fn other(self, at: &str, kind: EntryKind) -> Self {
        self.with(Entry::new(path(at), kind, 0o755))
    }

    fn file(mut self, at: &str, text: &str, mode: u32) -> Self {
        let size = text.len() as u64;
        let content = Some(self.contents.add(text.as_bytes().to_vec()));
        let entry = Entry::new(path(at), EntryKind::File { size }, mode);
        self.entries.push(LayerEntry { entry, content });
        self
    }

    fn link(self, at: &str, target: &str) -> Self {
        let target = target.as_bytes().to_vec();
        self.other(at, EntryKind::Symlink { target })
    }

    fn place(&self) -> PathBuf {
        self.holder.path().join("rootfs")
    }

    fn prepare(&self) -> Result<Prepared, UnpackError> {
        prepare(&self.entries, &self.contents, &self.place(), Owners::Caller)
    }

    fn write(&self) -> PathBuf {
        self.prepare()
            .and_then(Prepared::publish)
            .expect("it is written");
        self.place()
    }

    /// Fails, and leaves nothing beside what was there.
    fn refused(&self, before: usize) -> UnpackError {
        let error = self
            .prepare()
            .and_then(Prepared::publish)
            .expect_err("it is refused");
        let left = fs::read_dir(self.holder.path()).expect("a directory");
        assert_eq!(left.count(), before, "{error}");
        error
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("a file")
}

#[test]
fn files_links_and_modes_are_what_the_entries_say() {
    let closed = Entry::new(path("closed"), EntryKind::Directory, 0o555);
    let mut late = Entry::new(path("closed/empty"), EntryKind::Directory, 0o700);
    late.mtime = 1_000_000_000;
    let hard = EntryKind::Hardlink {
        target: path("bin/a"),
    };
    let tree = Tree::new()
        .file("bin/a", "hello", 0o750)
        .other("bin/b", hard)
        .link("bin/c", "a")
        .with(closed)
        .with(late)
        .file("closed/x", "", 0o400)
        .other("pipe", EntryKind::Fifo);
    let root = tree.write();
    assert_eq!(read(&root.join("bin/c")), "hello");
    let (a, b) = (root.join("bin/a"), root.join("bin/b"));
    let inode = |path: &Path| fs::metadata(path).expect("a file").ino();
    assert_eq!(inode(&a), inode(&b));
    let mode = |path: &str| fs::metadata(root.join(path)).expect("there").mode() & 0o7777;
    let modes = ["", "bin", "bin/a", "closed", "closed/empty", "closed/x"].map(mode);
    assert_eq!(modes, [0o755, 0o755, 0o750, 0o555, 0o700, 0o400]);
    let time = fs::metadata(root.join("closed/empty"))
        .expect("there")
        .mtime();
    assert_eq!(time, 1_000_000_000);
    mikron_unpack::remove(&root).expect("closed directories go, too");
}

#[test]
fn a_link_that_leads_out_is_written_and_not_followed() {
    let outside = TempDir::new().expect("a directory");
    let target = outside.path().display().to_string();
    for (link, below) in [(target.as_str(), "way/file"), ("..", "way/file")] {
        let tree = Tree::new().link("way", link).file(below, "x", 0o644);
        let error = tree.refused(0);
        let UnpackError::Entry { source, .. } = &error else {
            panic!("{error}");
        };
        assert!(
            matches!(source.raw_os_error(), Some(20 | 40)),
            "ENOTDIR or ELOOP: {error}"
        );
    }
    assert_eq!(fs::read_dir(outside.path()).expect("there").count(), 0);
}

#[test]
fn a_hard_link_to_what_a_symbolic_link_leads_to_is_refused() {
    let outside = TempDir::new().expect("a directory");
    fs::write(outside.path().join("secret"), "x").expect("written");
    let target = EntryKind::Hardlink {
        target: path("a/secret"),
    };
    let tree = Tree::new()
        .link("a", &outside.path().display().to_string())
        .other("b", target);
    tree.refused(0);
    let metadata = fs::metadata(outside.path().join("secret")).expect("there");
    assert_eq!(metadata.nlink(), 1);
}

#[test]
fn a_hard_link_to_a_symbolic_link_is_one_to_the_link_itself() {
    let outside = TempDir::new().expect("a directory");
    let file = outside.path().join("file");
    fs::write(&file, "x").expect("written");
    let tree = Tree::new()
        .link("a", &file.display().to_string())
        .other("b", EntryKind::Hardlink { target: path("a") });
    let root = tree.write();
    assert!(
        fs::symlink_metadata(root.join("b"))
            .expect("there")
            .is_symlink()
    );
    assert_eq!(fs::metadata(&file).expect("there").nlink(), 1);
}

#[test]
fn what_is_there_already_stays_as_it_is() {
    let tree = Tree::new().file("a", "new", 0o644);
    let place = tree.place();
    fs::create_dir(&place).expect("made");
    fs::write(place.join("a"), "old").expect("written");
    assert!(matches!(tree.refused(1), UnpackError::Occupied { .. }));
    assert_eq!(read(&place.join("a")), "old");

    let elsewhere = TempDir::new().expect("a directory");
    let tree = Tree::new().file("a", "new", 0o644);
    symlink(elsewhere.path(), tree.place()).expect("linked");
    assert!(matches!(tree.refused(1), UnpackError::Occupied { .. }));
    assert_eq!(fs::read_dir(elsewhere.path()).expect("there").count(), 0);

    let tree = Tree::new().file("a", "new", 0o644);
    fs::write(tree.place(), "a file").expect("written");
    assert!(matches!(tree.refused(1), UnpackError::Occupied { .. }));
}

#[test]
fn an_empty_directory_is_filled_and_one_that_is_missing_made() {
    let tree = Tree::new().file("a", "new", 0o644);
    fs::create_dir(tree.place()).expect("made");
    assert_eq!(read(&tree.write().join("a")), "new");
    let deep = tree.holder.path().join("x/y");
    let prepared = prepare(&tree.entries, &tree.contents, &deep, Owners::Caller);
    prepared.and_then(Prepared::publish).expect("written");
    assert_eq!(read(&deep.join("a")), "new");
}

#[test]
fn nothing_is_seen_before_all_of_it_is_there() {
    let tree = Tree::new().file("a", "new", 0o644);
    let prepared = tree.prepare().expect("written");
    assert!(!tree.place().exists());
    drop(prepared);
    assert_eq!(fs::read_dir(tree.holder.path()).expect("there").count(), 0);
}

#[test]
fn what_came_into_the_place_meanwhile_is_not_replaced() {
    let tree = Tree::new().file("a", "new", 0o644);
    let prepared = tree.prepare().expect("written");
    fs::create_dir(tree.place()).expect("made");
    fs::write(tree.place().join("b"), "other").expect("written");
    let error = prepared.publish().expect_err("it is refused");
    assert!(matches!(error, UnpackError::Occupied { .. }), "{error}");
    assert_eq!(read(&tree.place().join("b")), "other");
}

#[test]
fn what_a_killed_writer_left_is_taken_away() {
    let tree = Tree::new().file("a", "new", 0o644);
    let left = tree.holder.path().join(".rootfs.mikron-killed");
    fs::create_dir_all(left.join("closed")).expect("made");
    let closed = fs::Permissions::from_mode(0o000);
    fs::set_permissions(left.join("closed"), closed).expect("closed");
    // One that is at work is not: its lock says so.
    let at_work = tree.prepare().expect("written");
    tree.write();
    assert!(!left.exists());
    let error = at_work.publish().expect_err("it is refused");
    assert!(matches!(error, UnpackError::Occupied { .. }), "{error}");
}

#[test]
fn devices_are_refused() {
    let tree = Tree::new().other("dev/null", EntryKind::CharDevice { major: 1, minor: 3 });
    let error = tree.refused(0);
    assert!(matches!(error, UnpackError::Device { .. }), "{error}");
    assert!(error.to_string().contains("remove: [/dev/null]"));
}

#[test]
fn a_content_that_is_another_one_is_refused() {
    let mut tree = Tree::new().file("a", "short", 0o644);
    tree.entries[0].entry.kind = EntryKind::File { size: 4 };
    assert!(matches!(tree.refused(0), UnpackError::Content { .. }));
    tree.entries[0].content = None;
    assert!(matches!(tree.refused(0), UnpackError::Content { .. }));
    tree.entries[0].content = Some(mikron_package::Digest::of(b"nowhere"));
    let UnpackError::Entry { source, .. } = tree.refused(0) else {
        panic!("it is not there");
    };
    assert_eq!(source.kind(), io::ErrorKind::NotFound);
}

#[test]
fn entries_in_another_order_or_twice_are_refused() {
    for names in [["b", "a"], ["a", "a"], ["a/b", "a"]] {
        let mut tree = Tree::new();
        for name in names {
            tree = tree.other(name, EntryKind::Directory);
        }
        assert!(
            matches!(tree.refused(0), UnpackError::Unsorted { .. }),
            "{names:?}"
        );
    }
}

#[test]
fn whoever_may_not_give_files_away_lends_no_rights() {
    let mut owned = Entry::new(path("bin/su"), EntryKind::File { size: 0 }, 0o4755);
    (owned.uid, owned.gid) = (4_000_001, 4_000_001);
    owned
        .xattrs
        .extend([(b"security.capability".to_vec(), vec![1, 0, 0, 2])]);
    let mut tree = Tree::new();
    let content = Some(tree.contents.add(Vec::new()));
    tree.entries.push(LayerEntry {
        entry: owned,
        content,
    });
    let prepared = tree.prepare().expect("written");
    let lost: Vec<&Loss> = prepared.unpacked().lost.keys().collect();
    let capability = Loss::Attribute("security.capability".to_owned());
    assert_eq!(lost, [&Loss::Owner, &Loss::SetId, &capability]);
    assert_eq!(prepared.unpacked().losses().count(), 3);
    prepared.publish().expect("published");
    let metadata = fs::metadata(tree.place().join("bin/su")).expect("there");
    assert_eq!(metadata.mode() & 0o7777, 0o755);
    assert_ne!(metadata.uid(), 4_000_001);
}
