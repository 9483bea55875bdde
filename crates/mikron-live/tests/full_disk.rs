//! What stays true when the disk is full or may only be read: small file systems are mounted, which takes root.

#![allow(clippy::unwrap_used)] // a test

#[path = "../../mikron-oci/tests/common/mod.rs"]
mod layouts;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use layouts::publish;
use mikron_oci::{BlobStore as _, Layout, Recipe, StoreError, validate};
use mikron_package::{Digest, Limits, Silent};
use mikron_source::cache::{Cache, CacheOptions};
use mikron_source::download::{DownloadError, Downloader, Wanted};
use mikron_source::fetch::MemoryFetch;
use mikron_testkit::tools::{skip, tool};

const FAST: Recipe = Recipe::Zstd { level: 1 };

/// A small file system of its own.
struct Disk(PathBuf);

impl Disk {
    fn mount(path: &Path, options: &str) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            skip("mounting a small tmpfs takes root");
            return None;
        }
        let mount = tool("mount")?;
        let output = Command::new(mount)
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(path)
            .output()
            .unwrap();
        if !output.status.success() {
            let reason = String::from_utf8_lossy(&output.stderr).into_owned();
            skip(&format!("a tmpfs cannot be mounted here: {reason}"));
            return None;
        }
        Some(Self(path.to_owned()))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_cache_on_a_full_disk_names_it_and_leaves_what_was_there() {
    let directory = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::mount(directory.path(), "size=256k") else {
        return;
    };
    let cache = Cache::open(&disk.0, CacheOptions::default()).unwrap();
    let kept = cache.put_blob(b"kept").unwrap();
    cache
        .update_state("list", |_| Some(b"old".to_vec()))
        .unwrap();
    let error = cache.put_blob(&vec![7; 1 << 20]).unwrap_err();
    assert_eq!(error.source.kind(), std::io::ErrorKind::StorageFull);
    assert!(
        error.to_string().contains(disk.0.to_str().unwrap()),
        "{error}"
    );
    let error = cache
        .put_derived("facts", b"a", &vec![7; 1 << 20])
        .unwrap_err();
    assert_eq!(error.source.kind(), std::io::ErrorKind::StorageFull);
    let error = cache
        .update_state("list", |_| Some(vec![7; 1 << 20]))
        .unwrap_err();
    assert_eq!(error.source.kind(), std::io::ErrorKind::StorageFull);
    // Nothing of it stayed, and there is room again.
    assert_eq!(fs::read_dir(cache.path().join("tmp")).unwrap().count(), 0);
    assert_eq!(cache.state("list").as_deref(), Some(&b"old"[..]));
    assert!(cache.verified(&kept).unwrap().is_some());
    // A process that another test is about to start holds what was removed until it has become another program.
    let again = (0..200).any(|_| {
        let written = cache.put_blob(&vec![7; 100 << 10]).is_ok();
        if !written {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        written
    });
    assert!(again, "there is no room again");
    assert_eq!(cache.verify().unwrap().corrupt, Vec::<String>::new());
}

#[test]
fn a_full_disk_ends_a_download_with_the_path() {
    let directory = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::mount(directory.path(), "size=256k") else {
        return;
    };
    let cache = Cache::open(&disk.0, CacheOptions::default()).unwrap();
    let bytes = vec![7; 1 << 20];
    let fetch = MemoryFetch::default().with("memory:/a", bytes.clone());
    let wanted = Wanted {
        name: "a.deb".into(),
        digest: Digest::of(&bytes),
        size: bytes.len() as u64,
        urls: vec!["memory:/a".into()],
    };
    let log = Silent;
    let error = Downloader::new(&fetch, &cache, &log)
        .get(&wanted)
        .unwrap_err();
    let DownloadError::Cache(error) = error else {
        panic!("{error}")
    };
    assert_eq!(error.source.kind(), std::io::ErrorKind::StorageFull);
    assert!(error.path.starts_with(&disk.0));
    assert!(!cache.has_blob(&wanted.digest, wanted.size));
}

#[test]
fn a_layout_on_a_full_disk_names_it_and_stays_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("small");
    fs::create_dir(&path).unwrap();
    let Some(_mount) = Disk::mount(&path, "size=512k") else {
        return;
    };
    let path = path.join("layout");
    let layout = Layout::create(&path).unwrap();
    publish(&layout, FAST, "latest", "old");
    let before = fs::read(path.join("index.json")).unwrap();
    let mut failed = 0;
    for i in 0..20 {
        let mut writer = layout.writer().unwrap();
        let written = writer.write_all(&vec![i; 100_000]);
        let result = match written {
            Ok(()) => writer.commit(None).map(drop),
            Err(e) => Err(e.downcast::<StoreError>().unwrap()),
        };
        if let Err(error) = result {
            failed += 1;
            let text = error.to_string();
            let StoreError::Io {
                path: named,
                source,
                ..
            } = error
            else {
                panic!("{text}")
            };
            assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
            assert!(named.starts_with(&path), "{text}");
            assert!(text.contains(path.to_str().unwrap()), "{text}");
        }
    }
    assert!(failed > 10);
    assert_eq!(fs::read(path.join("index.json")).unwrap(), before);
    validate(&path, &Limits::default()).unwrap();
    drop(layout);
    for directory in [path.clone(), path.join("blobs/sha256")] {
        let files = fs::read_dir(directory).unwrap().flatten();
        let mut names = files.map(|file| file.file_name().into_string().unwrap());
        assert!(!names.any(|name| name.starts_with(".mikron")));
    }
    publish(&Layout::create(&path).unwrap(), FAST, "latest", "new");
    validate(&path, &Limits::default()).unwrap();
}

#[test]
fn a_read_only_layout_is_named_and_can_still_be_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("small");
    fs::create_dir(&path).unwrap();
    let Some(mount) = Disk::mount(&path, "size=1m") else {
        return;
    };
    publish(
        &Layout::create(path.join("layout")).unwrap(),
        FAST,
        "latest",
        "old",
    );
    let status = Command::new("mount")
        .args(["-o", "remount,ro"])
        .arg(&mount.0)
        .status()
        .unwrap();
    assert!(status.success());
    let path = path.join("layout");
    validate(&path, &Limits::default()).unwrap();
    let layout = Layout::create(&path).unwrap();
    let error = layout.writer().err().unwrap();
    assert!(
        error.to_string().contains(path.to_str().unwrap()),
        "{error}"
    );
    // What is there already needs no writing.
    publish_existing(&layout);
}

fn publish_existing(layout: &Layout) {
    let (tag, target) = layout.tags(&Limits::default()).unwrap().remove(0);
    layout.tag(&tag, &target).unwrap();
}
