//! Downloads that go wrong, and end well or say why.
#![cfg(all(feature = "http", feature = "openpgp"))] // what these tests serve and sign
#![allow(clippy::unwrap_used)] // functions that tests share may, as tests may

mod common;

use std::io::Read;
use std::sync::Mutex;
use std::time::Duration;

use common::{World, quick};
use mikron_package::Digest;
use mikron_source::download::{DownloadError, Downloader, Hosts, RetryPolicy, Wanted};
use mikron_source::fetch::FetchErrorKind;
use mikron_testkit::http::Fault;

fn content() -> Vec<u8> {
    (0..300_000u32).flat_map(u32::to_le_bytes).collect()
}

fn wanted(world: &World, paths: &[&str]) -> Wanted {
    let bytes = content();
    Wanted {
        name: "a.deb".into(),
        digest: Digest::of(&bytes),
        size: bytes.len() as u64,
        urls: paths.iter().map(|path| world.server.url(path)).collect(),
    }
}

fn downloader(world: &World) -> Downloader<'_> {
    Downloader::new(&world.http, &world.cache, &world.log).with_policy(quick())
}

fn assert_whole(world: &World, wanted: &Wanted) {
    let mut bytes = Vec::new();
    downloader(world)
        .get(wanted)
        .unwrap()
        .read_to_end(&mut bytes)
        .unwrap();
    assert_eq!(Digest::of(&bytes), wanted.digest);
    assert!(world.cache.has_blob(&wanted.digest, wanted.size));
}

/// The error, after a look that nothing was published.
fn failure(world: &World, wanted: &Wanted) -> DownloadError {
    let error = downloader(world).get(wanted).expect_err("an error");
    assert!(!world.cache.has_blob(&wanted.digest, wanted.size));
    assert_eq!(world.cache.usage().unwrap().blobs, 0);
    error
}

fn attempts(error: &DownloadError) -> &[mikron_source::download::Attempt] {
    match error {
        DownloadError::Failed { attempts, .. } => attempts,
        other => panic!("{other}"),
    }
}

#[test]
fn a_file_is_fetched_once() {
    let world = World::new();
    world.server.put("/a", content());
    let wanted = wanted(&world, &["/a"]);
    assert_whole(&world, &wanted);
    assert_whole(&world, &wanted);
    assert_eq!(world.server.count("/a"), 1);
}

#[test]
fn a_file_that_is_wanted_by_many_at_once_is_fetched_once() {
    let world = World::new();
    world.server.put("/a", content());
    let wanted = wanted(&world, &["/a"]);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_whole(&world, &wanted));
        }
    });
    assert_eq!(world.server.count("/a"), 1);
}

#[test]
fn many_files_are_fetched_in_parallel_and_handed_out_by_place() {
    let world = World::new();
    let files: Vec<Vec<u8>> = (0..20u8).map(|n| vec![n; 1000 + usize::from(n)]).collect();
    let list: Vec<Wanted> = files
        .iter()
        .enumerate()
        .map(|(n, bytes)| {
            world.server.put(&format!("/{n}"), bytes.clone());
            let urls = vec![world.server.url(&format!("/{n}"))];
            Wanted {
                name: n.to_string(),
                digest: Digest::of(bytes),
                size: bytes.len() as u64,
                urls,
            }
        })
        .collect();
    let got = Mutex::new(vec![Vec::new(); files.len()]);
    let each = |place: usize, mut file: std::fs::File| {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        got.lock().unwrap()[place] = bytes;
    };
    downloader(&world).get_all(&list, 4, &each).unwrap();
    assert_eq!(*got.lock().unwrap(), files);
    assert!(world.server.connections() <= 4);
}

#[test]
fn one_missing_file_of_many_is_named() {
    let world = World::new();
    world.server.put("/a", content());
    let good = wanted(&world, &["/a"]);
    let bad = Wanted {
        name: "missing.deb".into(),
        digest: Digest::of(b"?"),
        size: 1,
        urls: vec![world.server.url("/x")],
    };
    let error = downloader(&world)
        .get_all(&[good, bad], 2, &|_, _| {})
        .unwrap_err();
    assert!(error.is_not_found());
    assert!(
        error
            .to_string()
            .starts_with("missing.deb cannot be fetched: http://"),
        "{error}"
    );
}

#[test]
fn offline_names_what_is_missing_and_uses_what_is_there() {
    let world = World::new();
    world.server.put("/a", content());
    let wanted = wanted(&world, &["/a"]);
    let error = downloader(&world).offline(true).get(&wanted).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a.deb is not in the cache, and the network must not be asked (--offline)"
    );
    assert_eq!(world.server.requests(), []);
    assert_whole(&world, &wanted);
    assert!(downloader(&world).offline(true).get(&wanted).is_ok());
}

#[test]
fn a_corrupt_cached_blob_is_set_aside_and_fetched_again() {
    let world = World::new();
    world.server.put("/a", content());
    let wanted = wanted(&world, &["/a"]);
    assert_whole(&world, &wanted);
    let hex = wanted.digest.hex();
    let path = world.cache.path().join("blobs").join(&hex[..2]).join(&hex);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[1000] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    // Offline there is nothing to put in its place.
    assert!(downloader(&world).offline(true).get(&wanted).is_err());
    assert!(
        world.log.warnings()[0].contains("set aside"),
        "{:?}",
        world.log.warnings()
    );
    assert_whole(&world, &wanted);
    assert_eq!(world.server.count("/a"), 2);
}

#[test]
fn bad_131_short_body_is_resumed_where_it_broke() {
    let world = World::new();
    world.server.put("/a", content());
    world.server.fault_times("/a", 1, Fault::ShortBody(500_000));
    assert_whole(&world, &wanted(&world, &["/a"]));
    let requests = world.server.requests();
    assert_eq!(requests[1].header("range"), Some("bytes=500000-"));
    assert!(requests[1].header("if-range").is_some());
}

#[test]
fn bad_131_short_body_for_ever() {
    let world = World::new();
    world.server.put("/a", content());
    world.server.fault("/a", Fault::ShortBody(10));
    let error = failure(&world, &wanted(&world, &["/a"]));
    assert_eq!(attempts(&error).len(), 3);
    let first = attempts(&error)[0].failure.fetch().unwrap();
    assert!(
        matches!(
            first.kind,
            FetchErrorKind::Short {
                expected: 1_200_000,
                found: 10
            }
        ),
        "{first}"
    );
}

#[test]
fn a_download_is_resumed_by_the_next_run() {
    let world = World::new();
    world.server.put("/a", content());
    world.server.fault("/a", Fault::ShortBody(700_000));
    let wanted = wanted(&world, &["/a"]);
    let once = downloader(&world).with_policy(RetryPolicy::once());
    assert!(once.get(&wanted).is_err());
    world.server.heal();
    world.server.clear_requests();
    assert_whole(&world, &wanted);
    assert_eq!(
        world.server.requests()[0].header("range"),
        Some("bytes=700000-")
    );
}

#[test]
fn bad_132_over_long_body() {
    let world = World::new();
    world.server.put("/a", content());
    world.server.fault("/a", Fault::LongBody(1000));
    let error = failure(&world, &wanted(&world, &["/a"]));
    assert_eq!(
        attempts(&error)[0].failure.announced_size(),
        Some(1_201_000)
    );
    assert!(
        error
            .to_string()
            .contains("the server has 1201000 bytes, and 1200000 were promised"),
        "{error}"
    );
}

#[test]
fn bad_132_endless_body_is_cut_at_the_declared_size() {
    let world = World::new();
    let mut wanted = wanted(&world, &["/a"]);
    // A body whose beginning is what is wanted is good: not a byte behind it is read.
    world.server.put("/a", content());
    world.server.fault("/a", Fault::EndlessBody);
    assert_whole(&world, &wanted);
    // Any other is not, and ends just as soon.
    wanted.digest = Digest::of(b"something else");
    let error = downloader(&world).get(&wanted).unwrap_err();
    assert_eq!(
        attempts(&error)[0].failure.found_digest(),
        Some(Digest::of(&content()))
    );
}

#[test]
fn bad_138_html_in_place_of_the_file() {
    let world = World::new();
    let page = b"<html>log in first</html>";
    world.server.fault("/a", Fault::instead("text/html", page));
    let wanted = Wanted {
        size: page.len() as u64,
        ..wanted(&world, &["/a"])
    };
    let error = failure(&world, &wanted);
    assert_eq!(
        attempts(&error)[0].failure.found_digest(),
        Some(Digest::of(page))
    );
    assert!(
        error
            .to_string()
            .contains("other bytes came than were promised"),
        "{error}"
    );
    world.server.heal();
    world.server.fault("/a", Fault::status(511));
    assert!(
        failure(&world, &wanted)
            .to_string()
            .contains("511 (this network wants a log-in first)")
    );
}

#[test]
fn the_next_location_is_asked_when_one_fails() {
    let world = World::new();
    world.server.put("/good", content());
    world.server.put("/stale", vec![1; content().len()]);
    world.server.fault("/broken", Fault::status(500));
    assert_whole(
        &world,
        &wanted(&world, &["/missing", "/stale", "/broken", "/good"]),
    );
    assert_eq!(world.server.count("/broken"), 3);
    // What the stale one had sent was not kept.
    let good: Vec<_> = world
        .server
        .requests()
        .into_iter()
        .filter(|r| r.path == "/good")
        .collect();
    assert_eq!(good[0].header("range"), None);
}

#[test]
fn bad_140_416_drops_the_partial_file_and_restarts_once() {
    let world = World::new();
    world.server.put("/a", content());
    world.server.fault_times("/a", 1, Fault::ShortBody(1000));
    world
        .server
        .fault_times("/a", 1, Fault::RangeNotSatisfiable);
    assert_whole(&world, &wanted(&world, &["/a"]));
    let ranges: Vec<_> = world
        .server
        .requests()
        .iter()
        .map(|r| r.header("range").map(str::to_owned))
        .collect();
    assert_eq!(ranges, [None, Some("bytes=1000-".to_owned()), None]);
}

#[test]
fn bad_141_wrong_content_range() {
    let world = World::new();
    world.server.put("/a", content());
    world.server.fault_times("/a", 1, Fault::ShortBody(1000));
    world.server.fault("/a", Fault::WrongContentRange);
    assert_whole(&world, &wanted(&world, &["/a"]));
    let ranges: Vec<_> = world
        .server
        .requests()
        .iter()
        .map(|r| r.header("range").is_some())
        .collect();
    assert_eq!(ranges, [false, true, false]);
}

#[test]
fn bad_142_200_to_a_range_restarts() {
    let world = World::new();
    world.server.put("/a", content());
    world.server.fault_times("/a", 1, Fault::ShortBody(1000));
    world.server.fault("/a", Fault::IgnoreRange);
    assert_whole(&world, &wanted(&world, &["/a"]));
    assert_eq!(world.server.requests().len(), 2);
}

#[test]
fn bad_143_changed_etag_restarts() {
    let world = World::new();
    let mut old = content();
    old[5] ^= 1;
    world.server.put("/a", old);
    world.server.fault_times("/a", 1, Fault::ShortBody(1000));
    let wanted = wanted(&world, &["/a"]);
    let once = downloader(&world).with_policy(RetryPolicy::once());
    assert!(once.get(&wanted).is_err());
    world.server.put("/a", content());
    world.server.clear_requests();
    assert_whole(&world, &wanted);
    let requests = world.server.requests();
    assert_eq!(
        requests.len(),
        1,
        "the server saw by If-Range that it must send all: {requests:?}"
    );
    assert_eq!(requests[0].header("range"), Some("bytes=1000-"));
}

#[test]
fn a_wrong_part_without_a_validator_is_noticed_by_its_digest() {
    let world = World::new();
    let mut old = content();
    old[5] ^= 1;
    world.server.put("/old", old);
    world.server.put("/new", content());
    world.server.fault("/old", Fault::ShortBody(1000));
    assert_whole(&world, &wanted(&world, &["/old", "/new"]));
    let ranges: Vec<_> = world
        .server
        .requests()
        .iter()
        .filter(|r| r.path == "/new")
        .map(|r| r.header("range").is_some())
        .collect();
    assert_eq!(ranges, [true, false]);
}

#[test]
fn bad_144_doubly_compressed() {
    let world = World::new();
    world.server.put("/a", content());
    world.server.fault("/a", Fault::Gzip);
    let error = failure(&world, &wanted(&world, &["/a"]));
    assert!(
        attempts(&error)[0].failure.announced_size().is_some(),
        "{error}"
    );
    // With the very size of the file, the digest tells, and the error says what the server claimed.
    let packed = {
        let mut response = mikron_source::fetch::Fetch::fetch(
            &world.http,
            &mikron_source::fetch::Request::get(&world.server.url("/a")),
        )
        .unwrap();
        let mut bytes = Vec::new();
        response.body.read_to_end(&mut bytes).unwrap();
        bytes
    };
    let wanted = Wanted {
        size: packed.len() as u64,
        ..wanted(&world, &["/a"])
    };
    let error = failure(&world, &wanted);
    assert!(
        error
            .to_string()
            .contains("the server claims Content-Encoding: gzip"),
        "{error}"
    );
}

#[test]
fn bad_145_429_and_503_wait_as_asked_but_not_for_ever() {
    let world = World::new();
    world.server.put("/a", content());
    world
        .server
        .fault_times("/a", 1, Fault::retry_after(429, 3600));
    world
        .server
        .fault_times("/a", 1, Fault::retry_after(503, 3600));
    assert_whole(&world, &wanted(&world, &["/a"]));
    // Two pauses at the cap of 200 ms, and not of the hour that was asked for.
    let warnings = world.log.warnings();
    assert!(warnings[0].contains("429 (too many requests); trying again in 0.2 s"));
    assert!(warnings[1].contains("503") && warnings[1].contains("trying again in 0.2 s"));
}

#[test]
fn the_deadline_ends_all_retries() {
    let world = World::new();
    world.server.fault("/a", Fault::status(503));
    let policy = RetryPolicy {
        attempts: 1000,
        pause: Duration::from_millis(50),
        longest_pause: Duration::from_millis(50),
        deadline: Duration::from_millis(300),
    };
    let error = downloader(&world)
        .with_policy(policy)
        .get(&wanted(&world, &["/a"]))
        .unwrap_err();
    assert!((3..1000).contains(&attempts(&error).len()), "{error}");
}

#[test]
fn without_a_location_the_error_says_so() {
    let world = World::new();
    let error = failure(&world, &wanted(&world, &[]));
    assert_eq!(
        error.to_string(),
        "a.deb cannot be fetched: no location is known for it"
    );
}

#[test]
fn a_host_where_nobody_answers_is_told_of_once_and_not_waited_for_by_every_file() {
    let world = World::new();
    world.server.put("/a", content());
    let hosts = Hosts::default();
    let downloader = downloader(&world).with_hosts(&hosts);
    // A port on which nobody listens: it was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let nobody = format!("http://127.0.0.1:{port}");
    let lost = |name: &str| {
        let lost = Wanted {
            urls: vec![format!("{nobody}/{name}")],
            name: name.to_owned(),
            ..wanted(&world, &[])
        };
        downloader.get(&lost).unwrap_err()
    };
    assert_eq!(attempts(&lost("a")).len(), 3);
    for name in ["b", "c", "d"] {
        let error = lost(name);
        assert_eq!(attempts(&error).len(), 1);
        assert!(
            error.to_string().contains(&format!("{nobody}/{name}")),
            "{error}"
        );
    }
    let small = downloader
        .small("e", &[format!("{nobody}/e")], 10, None)
        .unwrap_err();
    assert_eq!(attempts(&small).len(), 1);
    let warnings = world.log.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].starts_with(&format!("127.0.0.1:{port}: ")),
        "{warnings:?}"
    );
    assert!(
        warnings[0].ends_with("; trying again for up to 20 s"),
        "{warnings:?}"
    );
    // Another host is asked as ever, also where it comes behind.
    let behind = Wanted {
        urls: vec![format!("{nobody}/a"), world.server.url("/a")],
        ..wanted(&world, &[])
    };
    assert!(downloader.get(&behind).is_ok());
}

#[test]
fn a_failure_that_comes_again_and_again_is_said_once_in_the_error() {
    let world = World::new();
    world.server.fault("/a", Fault::status(503));
    let error = failure(&world, &wanted(&world, &["/a"])).to_string();
    assert!(
        error.starts_with("a.deb cannot be fetched (3 attempts)\n"),
        "{error}"
    );
    assert_eq!(error.lines().count(), 2, "{error}");
}
