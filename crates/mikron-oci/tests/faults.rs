//! What stays true when a writer is killed. When the disk is full: `mikron-live`.

#![allow(clippy::unwrap_used)] // the helpers of tests may fail as tests do

mod common;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use common::publish;
use mikron_oci::{Layout, MemoryStore, Recipe, validate};
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
