//! What stays true when a writer is killed or the disk is full.

#![allow(clippy::unwrap_used)] // the helpers of tests may fail as tests do

mod common;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use common::publish;
use mikron_oci::{BlobStore as _, Layout, MemoryStore, Recipe, StoreError, validate};
use mikron_package::Limits;

const FAST: Recipe = Recipe::Zstd { level: 1 };
/// Names the layout for the writer process of the kill test.
const VICTIM: &str = "MIKRON_OCI_TEST_VICTIM";

/// What the writer process says before it begins.
const READY: &str = "the victim is ready";

/// The writer process: this test, started again by the one below with a layout to write to until it is killed.
#[test]
fn victim_writes_until_it_is_killed() {
    let Some(path) = std::env::var_os(VICTIM) else {
        return;
    };
    println!("{READY}");
    for i in 0_u64.. {
        let layout = Layout::create(&path).unwrap();
        let (tag, seed) = (format!("tag{}", i % 3), format!("seed {}", i % 5));
        publish(&layout, FAST, &tag, &seed);
    }
}

#[test]
fn a_writer_killed_at_any_point_leaves_the_old_or_the_new_layout() {
    let directory = tempfile::tempdir().unwrap();
    let mut state = 12_345_u64;
    let mut partial = 0;
    for round in 0..210 {
        // Some rounds begin with no layout at all, most go on where the last one was killed.
        let path = directory.path().join(format!("layout{}", round / 30));
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "victim_writes_until_it_is_killed", "--nocapture"])
            .env(VICTIM, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(
            lines.any(|line| line.unwrap().contains(READY)),
            "the writer did not begin"
        );
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        std::thread::sleep(Duration::from_micros((state >> 33) % 60_000));
        child.kill().unwrap();
        child.wait().unwrap();
        if path.join("index.json").exists() {
            if let Err(faults) = validate(&path, &Limits::default()) {
                panic!("round {round}: {faults:?}");
            }
        } else {
            partial += 1;
        }
    }
    assert!(
        partial < 200,
        "the writers were killed before they wrote anything"
    );
    for i in 0..7 {
        let path = directory.path().join(format!("layout{i}"));
        let layout = Layout::create(&path).unwrap();
        let index = publish(&layout, FAST, "tag0", "seed 0");
        let fresh = publish(&MemoryStore::default(), FAST, "tag0", "seed 0");
        assert_eq!(index.digest(), fresh.digest());
        validate(&path, &Limits::default()).unwrap();
        let left = temporaries(&path);
        assert!(left.is_empty(), "{left:?}");
    }
}

fn temporaries(path: &Path) -> Vec<PathBuf> {
    let files = |path: PathBuf| fs::read_dir(path).unwrap().map(|e| e.unwrap().path());
    let is_temporary = |p: &PathBuf| {
        p.file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with(".mikron")
    };
    files(path.to_owned())
        .chain(files(path.join("blobs/sha256")))
        .filter(is_temporary)
        .collect()
}

/// A small file system of its own.
struct Mount(PathBuf);

impl Mount {
    fn new(path: &Path, options: &str) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            mikron_testkit::tools::skip("mounting a small tmpfs takes root");
            return None;
        }
        let mount = mikron_testkit::tools::tool("mount")?;
        let output = Command::new(mount)
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(path)
            .output()
            .unwrap();
        if !output.status.success() {
            let reason = String::from_utf8_lossy(&output.stderr).into_owned();
            mikron_testkit::tools::skip(&format!("a tmpfs cannot be mounted here: {reason}"));
            return None;
        }
        Some(Self(path.to_owned()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_is_named_and_leaves_the_old_layout() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("small");
    fs::create_dir(&path).unwrap();
    let Some(_mount) = Mount::new(&path, "size=512k") else {
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
    assert!(temporaries(&path).is_empty());
    publish(&Layout::create(&path).unwrap(), FAST, "latest", "new");
    validate(&path, &Limits::default()).unwrap();
}

#[test]
fn a_read_only_layout_is_named_and_can_still_be_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("small");
    fs::create_dir(&path).unwrap();
    let Some(mount) = Mount::new(&path, "size=1m") else {
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
