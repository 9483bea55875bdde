//! The cache under faults: corruption, crowds, full disks, sudden death.
#![cfg(all(feature = "http", feature = "openpgp"))] // what these tests serve and sign
#![allow(clippy::unwrap_used)] // functions that tests share may, as tests may

mod common;

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use common::Log;
use mikron_package::Digest;
use mikron_source::cache::{Cache, CacheOptions, CorruptBlob};

fn open(directory: &Path) -> Cache {
    Cache::open(directory, CacheOptions::default()).unwrap()
}

fn with_quota(directory: &Path, quota: u64) -> Cache {
    Cache::open(
        directory,
        CacheOptions {
            quota,
            ..CacheOptions::default()
        },
    )
    .unwrap()
}

fn blob_path(cache: &Cache, digest: &Digest) -> PathBuf {
    let hex = digest.hex();
    cache.path().join("blobs").join(&hex[..2]).join(hex)
}

/// All files below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap().flatten() {
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

fn flip_a_byte(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    bytes[0] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// Makes an entry look as if it was last used so long ago.
fn age(path: &Path, by: Duration) {
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - by).unwrap();
}

#[test]
fn blobs_are_kept_by_digest() {
    let directory = tempfile::tempdir().unwrap();
    let cache = open(directory.path());
    let mut writer = cache.blob_writer().unwrap();
    writer.write_all(b"hel").unwrap();
    writer.write_all(b"lo").unwrap();
    let digest = writer.finish().unwrap();
    assert_eq!(digest, Digest::of(b"hello"));
    let mut text = String::new();
    cache
        .open_blob(&digest)
        .unwrap()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text, "hello");
    assert!(cache.has_blob(&digest, 5) && !cache.has_blob(&digest, 6));
    assert_eq!(cache.read_blob(&digest, 4).unwrap(), None);
    assert!(cache.verified(&Digest::of(b"other")).unwrap().is_none());
    drop(cache.blob_writer().unwrap());
    assert_eq!(files(&cache.path().join("tmp")), Vec::<PathBuf>::new());
}

#[test]
fn a_corrupt_blob_never_reaches_anybody_as_good() {
    let directory = tempfile::tempdir().unwrap();
    let log = Log::default();
    let options = CacheOptions {
        progress: Arc::new(log.clone()),
        ..CacheOptions::default()
    };
    let cache = Cache::open(directory.path(), options).unwrap();
    for (number, corruption) in [
        flip_a_byte as fn(&Path),
        |p| fs::write(p, b"").unwrap(),
        |p| {
            fs::write(p, b"hello and more").unwrap();
        },
    ]
    .into_iter()
    .enumerate()
    {
        let digest = cache.put_blob(b"hello").unwrap();
        let path = blob_path(&cache, &digest);
        corruption(&path);
        let mut bytes = Vec::new();
        let error = cache
            .open_blob(&digest)
            .unwrap()
            .unwrap()
            .read_to_end(&mut bytes)
            .unwrap_err();
        let inner = error
            .get_ref()
            .and_then(|e| e.downcast_ref::<CorruptBlob>())
            .unwrap();
        assert_eq!(inner.expected, digest);
        assert!(!path.exists());
        assert_eq!(log.warnings().len(), 1 + 3 * number);
        cache.put_blob(b"hello").unwrap();
        corruption(&path);
        assert!(cache.verified(&digest).unwrap().is_none());
        cache.put_blob(b"hello").unwrap();
        corruption(&path);
        assert_eq!(cache.read_blob(&digest, 100).unwrap(), None);
    }
    assert!(
        log.warnings()[0].contains(&Digest::of(b"hello").hex()),
        "{:?}",
        log.warnings()
    );
    assert_eq!(files(&cache.path().join("corrupt")).len(), 9);
}

#[test]
fn a_corrupt_or_misplaced_derived_value_counts_as_none() {
    let directory = tempfile::tempdir().unwrap();
    let cache = open(directory.path());
    assert_eq!(cache.derived("facts", b"a"), None);
    for value in [b"".as_slice(), b"x", &[7; 10_000]] {
        cache.put_derived("facts", b"a", value).unwrap();
        assert_eq!(cache.derived("facts", b"a").as_deref(), Some(value));
        let path = files(&cache.path().join("derived")).remove(0);
        let whole = fs::read(&path).unwrap();
        flip_a_byte(&path);
        assert_eq!(cache.derived("facts", b"a"), None);
        assert!(!path.exists(), "it was removed");
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        assert_eq!(cache.derived("facts", b"a"), None);
        // One value in the place of another: its checksum knows its key.
        cache.put_derived("facts", b"b", value).unwrap();
        let of_b = files(&cache.path().join("derived")).remove(0);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::rename(of_b, &path).unwrap();
        assert_eq!(cache.derived("facts", b"a"), None);
    }
    // Namespaces do not mix, whatever they are called.
    cache.put_derived("facts", b"a", b"1").unwrap();
    cache.put_derived("../../etc", b"a", b"2").unwrap();
    assert_eq!(cache.derived("facts", b"a").as_deref(), Some(&b"1"[..]));
    assert_eq!(cache.derived("../../etc", b"a").as_deref(), Some(&b"2"[..]));
    assert!(!directory.path().join("../etc").exists());
}

#[test]
fn verify_finds_what_is_not_sound_and_sets_it_aside() {
    let directory = tempfile::tempdir().unwrap();
    let cache = open(directory.path());
    let (good, bad) = (
        cache.put_blob(b"good").unwrap(),
        cache.put_blob(b"bad").unwrap(),
    );
    cache.put_derived("facts", b"a", b"value").unwrap();
    assert_eq!(cache.verify().unwrap().corrupt, Vec::<String>::new());
    flip_a_byte(&blob_path(&cache, &bad));
    for path in files(&cache.path().join("derived")) {
        flip_a_byte(&path);
    }
    let report = cache.verify().unwrap();
    assert_eq!(report.checked, 3);
    assert_eq!(report.corrupt.len(), 2);
    assert!(
        report.corrupt[0].starts_with("blobs/") && report.corrupt[1].starts_with("derived/facts/")
    );
    assert_eq!(cache.verify().unwrap().checked, 1);
    assert!(cache.has_blob(&good, 4));
}

#[test]
fn many_writers_lose_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let caches: Vec<Cache> = (0..4).map(|_| open(directory.path())).collect();
    std::thread::scope(|scope| {
        for (number, cache) in caches.iter().enumerate() {
            scope.spawn(move || {
                for round in 0..25u32 {
                    cache.put_blob(format!("blob {round}").as_bytes()).unwrap();
                    cache
                        .put_derived("facts", &round.to_le_bytes(), b"same")
                        .unwrap();
                    let line = format!("{number} {round}\n");
                    let append = |old: Option<Vec<u8>>| {
                        let mut new = old.unwrap_or_default();
                        new.extend_from_slice(line.as_bytes());
                        Some(new)
                    };
                    cache.update_state("list", append).unwrap();
                }
            });
        }
    });
    let list = String::from_utf8(caches[0].state("list").unwrap()).unwrap();
    assert_eq!(
        list.lines()
            .collect::<std::collections::BTreeSet<_>>()
            .len(),
        100
    );
    let usage = caches[0].usage().unwrap();
    assert_eq!((usage.blobs, usage.derived), (25, 25));
    assert_eq!(caches[0].verify().unwrap().corrupt, Vec::<String>::new());
}

#[test]
fn collection_takes_the_least_recently_used_first() {
    let directory = tempfile::tempdir().unwrap();
    let cache = open(directory.path());
    let digests: Vec<Digest> = (0..10u8)
        .map(|n| cache.put_blob(&[n; 1000]).unwrap())
        .collect();
    for (days, digest) in digests.iter().enumerate() {
        age(
            &blob_path(&cache, digest),
            Duration::from_secs(86_400 * (days as u64 + 2)),
        );
    }
    drop(cache);
    // A use counts, although it is noted on disk only now and then.
    let cache = open(directory.path());
    cache.verified(&digests[9]).unwrap().unwrap();
    drop(cache);
    let cache = with_quota(directory.path(), 4000);
    let report = cache.gc().unwrap();
    assert_eq!(
        (report.removed, report.freed, report.left, report.over_quota),
        (6, 6000, 4000, false)
    );
    let left: Vec<usize> = (0..10)
        .filter(|n| cache.has_blob(&digests[*n], 1000))
        .collect();
    assert_eq!(left, [0, 1, 2, 9]);
    assert_eq!(cache.gc().unwrap().removed, 0);
}

#[test]
fn nothing_in_use_is_evicted() {
    let directory = tempfile::tempdir().unwrap();
    let own = with_quota(directory.path(), 0);
    let other = open(directory.path());
    let (mine, theirs) = (
        own.put_blob(b"mine").unwrap(),
        other.put_blob(b"theirs").unwrap(),
    );
    let forgotten = other.put_blob(b"forgotten").unwrap();
    age(
        &blob_path(&own, &forgotten),
        Duration::from_secs(10 * 86_400),
    );
    let report = own.gc().unwrap();
    assert!(report.over_quota && report.removed == 1, "{report:?}");
    assert!(own.has_blob(&mine, 4) && own.has_blob(&theirs, 6) && !own.has_blob(&forgotten, 9));
    drop(other);
    own.gc().unwrap();
    assert!(own.has_blob(&mine, 4) && !own.has_blob(&theirs, 6));
}

#[test]
fn the_quota_is_kept_without_being_asked() {
    let directory = tempfile::tempdir().unwrap();
    let mut collected = 0;
    for round in 0..20u8 {
        let cache = with_quota(directory.path(), 10_000);
        cache.put_blob(&[round; 3000]).unwrap();
        let report = cache.maintain().unwrap();
        assert!(
            report.is_none_or(|report| !report.over_quota),
            "round {round}"
        );
        collected += usize::from(report.is_some());
        // A build that wrote nothing looks at nothing.
        assert_eq!(cache.maintain().unwrap(), None);
    }
    let usage = open(directory.path()).usage().unwrap();
    assert!(usage.blob_bytes <= 12_000, "{usage:?}");
    assert!((1..20).contains(&collected), "{collected} scans");
}

#[test]
fn leftovers_of_the_dead_are_collected() {
    let directory = tempfile::tempdir().unwrap();
    let cache = open(directory.path());
    fs::write(cache.path().join("tmp/999999999-abc"), b"half a blob").unwrap();
    fs::write(cache.path().join("corrupt/abc"), b"?").unwrap();
    let partial = cache.path().join("partial/abc");
    fs::write(&partial, b"part").unwrap();
    cache.gc().unwrap();
    assert_eq!(
        cache.usage().unwrap().other_bytes,
        4,
        "a download can still be resumed"
    );
    age(&partial, Duration::from_secs(8 * 86_400));
    cache.gc().unwrap();
    assert_eq!(cache.usage().unwrap().other_bytes, 0);
}

#[test]
fn an_unusable_directory_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, b"").unwrap();
    let error = Cache::open(&file, CacheOptions::default()).unwrap_err();
    assert!(
        error.to_string().contains(file.to_str().unwrap()),
        "{error}"
    );
}

#[test]
fn a_cache_whose_making_was_cut_off_is_made_to_its_end() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir_all(directory.path().join("v1/blobs")).unwrap();
    let cache = open(directory.path());
    cache.put_blob(b"hello").unwrap();
    assert!(directory.path().join("v1/corrupt").is_dir());
    // Nor does it matter when somebody takes the directory of unfinished files away.
    fs::remove_dir_all(directory.path().join("v1/tmp")).unwrap();
    cache.put_blob(b"again").unwrap();
    cache.gc().unwrap();
}

/// What a child process runs until it is killed: this very test binary, told by an environment variable.
#[test]
fn kill_minus_nine_leaves_a_sound_cache() {
    const VARIABLE: &str = "MIKRON_TEST_CACHE_VICTIM";
    if let Some(directory) = std::env::var_os(VARIABLE) {
        let cache = open(Path::new(&directory));
        for round in 0u64.. {
            cache.put_blob(&round.to_le_bytes().repeat(5000)).unwrap();
            cache
                .put_derived("facts", &round.to_le_bytes(), &[7; 3000])
                .unwrap();
            cache
                .update_state("list", |_| Some(round.to_le_bytes().repeat(100)))
                .unwrap();
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let binary = std::env::current_exe().unwrap();
    for round in 0..40u64 {
        let mut child = Command::new(&binary)
            .args(["--exact", "kill_minus_nine_leaves_a_sound_cache"])
            .env(VARIABLE, directory.path())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_micros(3000 + round * 997));
        child.kill().unwrap();
        child.wait().unwrap();
        let cache = open(directory.path());
        assert_eq!(
            cache.verify().unwrap().corrupt,
            Vec::<String>::new(),
            "round {round}"
        );
        if let Some(list) = cache.state("list") {
            assert_eq!(list.len(), 800);
        }
        cache.gc().unwrap();
        assert_eq!(
            cache.usage().unwrap().other_bytes,
            0,
            "temporaries of the dead are gone"
        );
    }
}

#[test]
fn a_claim_excludes_others_until_it_is_dropped_or_its_owner_is_killed() {
    const VARIABLE: &str = "MIKRON_TEST_CACHE_OWNER";
    if let Some(directory) = std::env::var_os(VARIABLE) {
        let directory = PathBuf::from(directory);
        let cache = open(&directory);
        let _claim = cache.claim("facts", b"a", true).unwrap().unwrap();
        fs::write(directory.join("claimed"), b"").unwrap();
        std::thread::sleep(Duration::from_secs(600));
    }
    let directory = tempfile::tempdir().unwrap();
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "a_claim_excludes_others_until_it_is_dropped_or_its_owner_is_killed",
        ])
        .env(VARIABLE, directory.path())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    while !directory.path().join("claimed").exists() {
        assert!(owner.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(5));
    }
    let (cache, other) = (open(directory.path()), open(directory.path()));
    assert!(cache.claim("facts", b"a", false).unwrap().is_none());
    assert!(cache.claim("facts", b"b", false).unwrap().is_some());
    assert!(cache.claim("index", b"a", false).unwrap().is_some());
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| other.claim("facts", b"a", true).unwrap());
        owner.kill().unwrap();
        owner.wait().unwrap();
        let claim = waiting.join().unwrap();
        assert!(cache.claim("facts", b"a", false).unwrap().is_none());
        drop(claim);
    });
    assert!(cache.claim("facts", b"a", false).unwrap().is_some());
    assert_eq!(files(&cache.path().join("partial")), Vec::<PathBuf>::new());
}

#[test]
fn whoever_waits_for_a_claim_finds_what_its_owner_made() {
    let directory = tempfile::tempdir().unwrap();
    let made = std::sync::atomic::AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let cache = open(directory.path());
                for key in 0u8..20 {
                    let _claim = cache.claim("facts", &[key], true).unwrap().unwrap();
                    if cache.derived("facts", &[key]).is_none() {
                        made.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        cache.put_derived("facts", &[key], b"value").unwrap();
                    }
                }
            });
        }
    });
    assert_eq!(made.into_inner(), 20);
}

#[test]
fn a_large_value_is_streamed_and_removed_where_it_is_corrupt() {
    let directory = tempfile::tempdir().unwrap();
    let log = Log::default();
    let options = CacheOptions {
        progress: Arc::new(log.clone()),
        ..CacheOptions::default()
    };
    let cache = Cache::open(directory.path(), options).unwrap();
    assert!(cache.derived_file("frames", b"a").is_none());
    let value: Vec<u8> = (0..300_000u32).flat_map(u32::to_le_bytes).collect();
    let stored = cache.put_derived_from("frames", b"a", &mut &value[..]);
    assert_eq!(stored.unwrap(), value.len() as u64);
    let (file, size) = cache.derived_file("frames", b"a").unwrap();
    let mut found = Vec::new();
    file.take(size).read_to_end(&mut found).unwrap();
    assert!(found == value);
    assert!(cache.derived("frames", b"a").unwrap() == value);
    for path in files(&cache.path().join("derived")) {
        flip_a_byte(&path);
    }
    assert!(cache.derived_file("frames", b"a").is_none());
    assert!(files(&cache.path().join("derived")).is_empty());
    assert_eq!(log.warnings().len(), 1);
}

#[test]
fn directories_that_a_killed_process_has_left_go_and_those_of_a_living_one_stay() {
    let directory = tempfile::tempdir().unwrap();
    let cache = open(directory.path());
    let tmp = cache.path().join("tmp");
    let scratch = |process: u32| {
        let blobs = tmp.join(format!("{process}-scratch-x/blobs"));
        fs::create_dir_all(&blobs).unwrap();
        fs::write(blobs.join("blob"), "half").unwrap();
        blobs
    };
    // No process has the number 0.
    let (of_dead, own) = (scratch(0), scratch(std::process::id()));
    assert_eq!(cache.gc().unwrap().removed, 1);
    assert!(!of_dead.parent().unwrap().exists());
    assert!(own.join("blob").is_file());
}
