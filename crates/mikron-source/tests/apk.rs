//! Alpine's repositories, from an index to archives in the cache, and everything that must not pass for one.
#![cfg(all(feature = "http", feature = "openpgp"))] // what these tests serve and sign
#![allow(clippy::unwrap_used)] // functions that tests share may, as tests may

mod common;

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use common::World;
use mikron_apk::{ApkFormat, SignatureError};
use mikron_package::{Architecture, Digest, PackageRecord, Universe as _};
use mikron_source::apk::{ApkKeys, ApkRepository, ApkTrust};
use mikron_source::download::DownloadError;
use mikron_source::trust::TrustError;
use mikron_source::universe::IndexUniverse;
use mikron_source::{Published, Repository as _, SourceError, SourceErrorKind};
use mikron_testkit::apk::{Apk, ApkBuilder, ApkHash, ApkKey, ApkRepositoryBuilder};
use mikron_testkit::http::Fault;

const INDEX: &str = "/alpine/x86_64/APKINDEX.tar.gz";
const ARCHIVE: &str = "/alpine/x86_64/hello-1.0-r0.apk";

fn hello() -> Apk {
    ApkBuilder::new("hello", "1.0-r0", "x86_64")
        .file("/usr/bin/hello", 0o755, b"hello")
        .signed(&ApkKey::shared("builder"))
}

fn builder() -> ApkRepositoryBuilder {
    ApkRepositoryBuilder::new("x86_64").package(&hello())
}

/// A repository with a package that was built at this time.
fn built_at(seconds: i64) -> ApkRepositoryBuilder {
    let seconds = seconds.to_string();
    let apk = ApkBuilder::new("hello", "1.0-r0", "x86_64")
        .set_field("builddate", Some(&seconds))
        .members();
    ApkRepositoryBuilder::new("x86_64").package(&apk)
}

fn trust(key: &ApkKey) -> ApkTrust {
    ApkTrust::Keys(ApkKeys::new([(key.name(), key.public_pem().as_str())]).unwrap())
}

fn repository(world: &World, key: &ApkKey) -> ApkRepository {
    let mut repository = ApkRepository::new("test", &world.server.url("/alpine"), trust(key));
    "test-archive".clone_into(&mut repository.identity);
    repository
}

fn update(world: &World, repository: &ApkRepository) -> Result<Arc<dyn Published>, SourceError> {
    let mut context = world.context();
    context.refresh_after = Duration::ZERO;
    Ok(repository
        .publish(&context, &[Architecture::Amd64])?
        .remove(0))
}

fn records(world: &World, published: &dyn Published) -> Vec<PackageRecord> {
    let parts = published.parts(&world.context()).unwrap();
    let universe = IndexUniverse::new(&ApkFormat, "x86_64", parts).unwrap();
    universe
        .named("hello")
        .into_iter()
        .map(|id| universe.record(id))
        .collect()
}

/// The error of a refresh, after a look that it left nothing behind.
fn refused(world: &World, repository: &ApkRepository) -> SourceError {
    let error = update(world, repository).expect_err("an error");
    assert_eq!(
        (error.source.as_str(), error.suite.as_str()),
        ("test", "x86_64/APKINDEX.tar.gz")
    );
    let mut context = world.context();
    context.offline = true;
    let remembered = repository.publish(&context, &[Architecture::Amd64]);
    assert!(
        matches!(&remembered, Err(e) if matches!(*e.kind, SourceErrorKind::Offline)),
        "{remembered:?}"
    );
    let usage = world.cache.usage().unwrap();
    assert_eq!((usage.derived, usage.blobs), (0, 0));
    error
}

fn untrusted(error: &SourceError) -> &SignatureError {
    match &*error.kind {
        SourceErrorKind::Untrusted {
            error: TrustError::Apk(error),
            ..
        } => error,
        other => panic!("{other}"),
    }
}

#[test]
fn a_signed_repository_becomes_a_universe() {
    let (world, key) = (World::new(), ApkKey::shared("builder"));
    let built = builder().sign_with(&key).build();
    built.serve(&world.server, "/alpine");
    let published = update(&world, &repository(&world, &key)).unwrap();
    let found = records(&world, &*published);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].location, "x86_64/hello-1.0-r0.apk");
    assert_eq!(
        (published.date(), published.architecture()),
        (1_700_000_000, Architecture::Amd64)
    );
    let summary = published.summary();
    assert_eq!(
        summary.signed,
        (
            "x86_64/APKINDEX.tar.gz".to_owned(),
            Digest::of(built.index())
        )
    );
    assert_eq!(world.server.requests().len(), 1, "one file says it all");
}

#[test]
fn the_packages_of_a_tagged_repository_wait_to_be_asked_for() {
    let (world, key) = (World::new(), ApkKey::shared("builder"));
    builder()
        .sign_with(&key)
        .build()
        .serve(&world.server, "/alpine");
    let mut repository = repository(&world, &key);
    let priority = |published: &dyn Published| {
        let parts = published.parts(&world.context());
        parts
            .map(|parts| parts[0].priority)
            .map_err(|error| error.to_string())
    };
    let plain = update(&world, &repository).unwrap();
    assert_eq!(priority(&*plain), Ok(500));
    repository.tag = Some("edge".to_owned());
    let tagged = update(&world, &repository).unwrap();
    assert_eq!(priority(&*tagged), Ok(-1));
    assert_ne!(plain.identity(), tagged.identity());
}

#[test]
fn several_architectures_are_asked_for_at_once() {
    let (world, key) = (World::new(), ApkKey::shared("builder"));
    builder()
        .sign_with(&key)
        .build()
        .serve(&world.server, "/alpine");
    ApkRepositoryBuilder::new("aarch64")
        .simple("hello", "2.0-r0", &[])
        .sign_with(&key)
        .build()
        .serve(&world.server, "/alpine");
    let both = repository(&world, &key)
        .publish(
            &world.context(),
            &[Architecture::Arm64, Architecture::Amd64],
        )
        .unwrap();
    let architectures: Vec<Architecture> = both.iter().map(|p| p.architecture()).collect();
    assert_eq!(architectures, [Architecture::Arm64, Architecture::Amd64]);
    assert_ne!(both[0].identity(), both[1].identity());
}

#[test]
fn what_is_fresh_is_not_asked_for_and_what_did_not_change_is_not_sent_again() {
    let (world, key) = (World::new(), ApkKey::shared("builder"));
    builder()
        .sign_with(&key)
        .build()
        .serve(&world.server, "/alpine");
    let repository = repository(&world, &key);
    update(&world, &repository).unwrap();
    repository
        .publish(&world.context(), &[Architecture::Amd64])
        .unwrap();
    assert_eq!(
        world.server.requests().len(),
        1,
        "within ten minutes nobody is asked"
    );
    let again = update(&world, &repository).unwrap();
    let requests = world.server.requests();
    assert_eq!(requests.len(), 2);
    assert!(
        requests[1]
            .header("if-none-match")
            .or(requests[1].header("if-modified-since"))
            .is_some()
    );
    assert_eq!(records(&world, &*again).len(), 1);
}

#[test]
fn offline_the_last_verified_index_is_used() {
    let (world, key) = (World::new(), ApkKey::shared("builder"));
    builder()
        .sign_with(&key)
        .build()
        .serve(&world.server, "/alpine");
    let repository = repository(&world, &key);
    update(&world, &repository).unwrap();
    let mut context = world.context();
    context.offline = true;
    let published = repository
        .publish(&context, &[Architecture::Amd64])
        .unwrap();
    assert_eq!(published[0].parts(&context).unwrap().len(), 1);
    assert_eq!(world.server.requests().len(), 1);
}

#[test]
fn an_index_that_nobody_known_signed_is_refused() {
    let (world, key) = (World::new(), ApkKey::shared("builder"));
    builder().build().serve(&world.server, "/alpine");
    assert_eq!(
        *untrusted(&refused(&world, &repository(&world, &key))),
        SignatureError::Unsigned
    );
    builder()
        .sign_with(&ApkKey::other("stranger"))
        .build()
        .serve(&world.server, "/alpine");
    let error = refused(&world, &repository(&world, &key));
    assert!(
        matches!(untrusted(&error), SignatureError::UnknownKey { .. }),
        "{error}"
    );
    builder()
        .sign_with(&ApkKey::other("builder"))
        .build()
        .serve(&world.server, "/alpine");
    let error = refused(&world, &repository(&world, &key));
    assert!(
        matches!(untrusted(&error), SignatureError::Wrong { .. }),
        "{error}"
    );
}

#[test]
fn a_source_may_be_unsigned_by_name() {
    let world = World::new();
    builder().build().serve(&world.server, "/alpine");
    let repository = ApkRepository::new("test", &world.server.url("/alpine"), ApkTrust::Unsigned);
    assert!(update(&world, &repository).is_ok());
}

#[test]
fn a_signature_over_sha_1_counts_by_explicit_policy_only() {
    let (world, key) = (World::new(), ApkKey::shared("builder"));
    builder()
        .sign_as(&key, ApkHash::Sha1)
        .build()
        .serve(&world.server, "/alpine");
    let mut repository = repository(&world, &key);
    let error = refused(&world, &repository);
    assert!(
        matches!(untrusted(&error), SignatureError::Weak { .. }),
        "{error}"
    );
    repository.options.allow_weak_signature = true;
    assert!(update(&world, &repository).is_ok());
    // What was verified under the lax policy counts for nothing under the strict one.
    repository.options.allow_weak_signature = false;
    let mut context = world.context();
    context.offline = true;
    assert!(
        repository
            .publish(&context, &[Architecture::Amd64])
            .is_err()
    );
}

#[test]
fn an_index_that_was_changed_or_cut_is_refused() {
    let (world, key) = (World::new(), ApkKey::shared("builder"));
    let good = builder().sign_with(&key).build();
    let bytes = good.index();
    let mut changed = bytes.to_vec();
    let last = changed.len() - 20;
    changed[last] ^= 1;
    for bad in [
        &changed[..],
        &bytes[..bytes.len() - 1],
        b"<html>sign in</html>",
        b"",
        b"ADB.",
    ] {
        world.server.put(INDEX, bad.to_vec());
        refused(&world, &repository(&world, &key));
    }
}

#[test]
fn an_older_index_is_a_roll_back_and_the_newer_one_is_kept() {
    let (world, key) = (World::new(), ApkKey::shared("builder"));
    let mut repository = repository(&world, &key);
    built_at(2_000)
        .sign_with(&key)
        .build()
        .serve(&world.server, "/alpine");
    assert_eq!(update(&world, &repository).unwrap().date(), 2_000);
    built_at(1_000)
        .sign_with(&key)
        .build()
        .serve(&world.server, "/alpine");
    assert_eq!(update(&world, &repository).unwrap().date(), 2_000);
    let warnings = world.log.warnings();
    assert!(
        warnings
            .iter()
            .any(|w| w.contains("roll-back") && w.contains("the newer one is kept")),
        "{warnings:?}"
    );
    repository.options.allow_older = true;
    assert_eq!(update(&world, &repository).unwrap().date(), 1_000);
}

#[test]
fn an_index_older_than_the_lock_is_refused() {
    let (world, key) = (World::new(), ApkKey::shared("builder"));
    built_at(1_000)
        .sign_with(&key)
        .build()
        .serve(&world.server, "/alpine");
    let mut repository = repository(&world, &key);
    repository.not_before = Some(2_000);
    let error = refused(&world, &repository);
    assert!(
        matches!(
            *error.kind,
            SourceErrorKind::OlderIndex { by_lock: true, .. }
        ),
        "{error}"
    );
}

#[test]
fn the_next_location_is_asked_where_one_fails() {
    let (world, key) = (World::new(), ApkKey::shared("builder"));
    builder().build().serve(&world.server, "/unsigned");
    builder()
        .sign_with(&key)
        .build()
        .serve(&world.server, "/alpine");
    let mut repository = repository(&world, &key);
    repository.bases = vec![
        world.server.url("/nothing"),
        world.server.url("/unsigned"),
        world.server.url("/alpine"),
    ];
    assert!(update(&world, &repository).is_ok());
    assert_eq!(world.log.warnings().len(), 2);
}

#[test]
fn the_compact_index_is_made_anew_where_the_cache_lost_it() {
    let (world, key) = (World::new(), ApkKey::shared("builder"));
    builder()
        .sign_with(&key)
        .build()
        .serve(&world.server, "/alpine");
    let repository = repository(&world, &key);
    update(&world, &repository).unwrap();
    std::fs::remove_dir_all(world.cache.path().join("derived")).unwrap();
    let again = repository
        .publish(&world.context(), &[Architecture::Amd64])
        .unwrap();
    assert_eq!(records(&world, &*again[0]).len(), 1);
    assert_eq!(world.server.requests().len(), 1, "out of the cached file");
    std::fs::remove_dir_all(world.cache.path().join("derived")).unwrap();
    std::fs::remove_dir_all(world.cache.path().join("blobs")).unwrap();
    let again = repository
        .publish(&world.context(), &[Architecture::Amd64])
        .unwrap();
    assert_eq!(records(&world, &*again[0]).len(), 1);
    assert_eq!(world.server.requests().len(), 2, "fetched by its digest");
}

fn first(world: &World, repository: &ApkRepository) -> PackageRecord {
    let published = update(world, repository).unwrap();
    records(world, &*published).remove(0)
}

#[test]
fn an_archive_gets_its_digest_once_and_is_then_known_by_it() {
    let (world, key) = (World::new(), ApkKey::shared("builder"));
    let built = builder().sign_with(&key).build();
    built.serve(&world.server, "/alpine");
    let repository = repository(&world, &key);
    let mut record = first(&world, &repository);
    assert_eq!(record.digest, None);
    let open = record.clone();
    repository.pin(&world.context(), &mut record).unwrap();
    let bytes = built.file("x86_64/hello-1.0-r0.apk");
    assert_eq!(record.digest, Some(Digest::of(bytes)));
    let asked = world.server.requests().len();
    let mut again = open;
    repository.pin(&world.context(), &mut again).unwrap();
    assert_eq!(again.digest, record.digest);
    let wanted = repository
        .archive(&record.location, record.size, Digest::of(bytes))
        .unwrap();
    let mut file = world.context().downloader().get(&wanted).unwrap();
    let mut got = Vec::new();
    file.read_to_end(&mut got).unwrap();
    assert_eq!(got, bytes);
    assert_eq!(
        world.server.requests().len(),
        asked,
        "nothing is fetched twice"
    );
}

#[test]
fn with_a_lock_the_archive_is_fetched_by_its_digest() {
    let (world, key) = (World::new(), ApkKey::shared("builder"));
    let built = builder().sign_with(&key).build();
    built.serve(&world.server, "/alpine");
    let bytes = built.file("x86_64/hello-1.0-r0.apk");
    let repository = repository(&world, &key);
    let wanted = repository
        .archive(
            "x86_64/hello-1.0-r0.apk",
            bytes.len() as u64,
            Digest::of(bytes),
        )
        .unwrap();
    assert!(world.context().downloader().get(&wanted).is_ok());
    assert_eq!(world.server.requests().len(), 1, "no index");
    for evil in [
        "../../etc/passwd",
        "/etc/passwd",
        "http://example.org/x",
        "a\nb",
    ] {
        let error = repository.archive(evil, 1, Digest::of(b"")).unwrap_err();
        assert!(
            matches!(*error.kind, SourceErrorKind::Location { .. }),
            "{evil}"
        );
        let mut record = PackageRecord::new(
            "x".parse().unwrap(),
            mikron_package::Version::new("1"),
            "x86_64",
        );
        record.location = evil.to_owned();
        record.checksum = Some(mikron_package::Checksum::ApkControl([0; 20]));
        assert!(
            repository.pin(&world.context(), &mut record).is_err(),
            "{evil}"
        );
    }
}

/// Pins an archive that the server has other bytes for, and checks that nothing of it was kept.
fn not_admitted(bytes: &[u8], why: &str) {
    let (world, key) = (World::new(), ApkKey::shared("builder"));
    builder()
        .sign_with(&key)
        .build()
        .serve(&world.server, "/alpine");
    let repository = repository(&world, &key);
    let mut record = first(&world, &repository);
    let before = world.cache.usage().unwrap();
    world.server.put(ARCHIVE, bytes.to_vec());
    // Where the size is right the content is what counts.
    record.size = bytes.len() as u64;
    let error = repository.pin(&world.context(), &mut record).unwrap_err();
    assert!(error.to_string().contains(why), "{error}");
    assert!(
        matches!(
            &*error.kind,
            SourceErrorKind::Fetch(DownloadError::Failed { .. })
        ),
        "{error}"
    );
    assert_eq!(record.digest, None);
    let after = world.cache.usage().unwrap();
    assert_eq!((after.blobs, after.derived), (before.blobs, before.derived));
    assert_eq!(
        std::fs::read_dir(world.cache.path().join("tmp"))
            .unwrap()
            .count(),
        0
    );
}

#[test]
fn bad_066_an_archive_with_another_control_member_is_not_admitted() {
    let key = ApkKey::shared("builder");
    let other = ApkBuilder::new("hello", "1.0-r0", "x86_64")
        .file("/usr/bin/hello", 0o755, b"evil")
        .signed(&key);
    not_admitted(&other.bytes(), "Checksum");
    let older = ApkBuilder::new("hello", "0.9-r0", "x86_64").signed(&key);
    not_admitted(&older.bytes(), "Version");
}

#[test]
fn bad_067_an_archive_with_other_data_is_not_admitted() {
    let other = ApkBuilder::new("hello", "1.0-r0", "x86_64")
        .file("/usr/bin/hello", 0o755, b"evil")
        .members();
    let mixed = Apk {
        data: other.data,
        ..hello()
    };
    not_admitted(&mixed.bytes(), "the data have the digest");
}

#[test]
fn bad_068_an_archive_with_more_behind_it_or_cut_off_is_not_admitted() {
    let bytes = hello().bytes();
    not_admitted(&[&bytes[..], b"more"].concat(), "the data have the digest");
    not_admitted(&bytes[..bytes.len() - 9], "the data have the digest");
    not_admitted(&hello().control, "the data member is missing");
    not_admitted(b"<html>", "no gzip member");
}

#[test]
fn an_archive_of_another_size_is_not_read() {
    let (world, key) = (World::new(), ApkKey::shared("builder"));
    builder()
        .sign_with(&key)
        .build()
        .serve(&world.server, "/alpine");
    let repository = repository(&world, &key);
    let mut record = first(&world, &repository);
    world
        .server
        .put(ARCHIVE, [hello().bytes(), b"more".to_vec()].concat());
    let error = repository.pin(&world.context(), &mut record).unwrap_err();
    assert!(error.to_string().contains("were promised"), "{error}");
}

#[test]
fn a_broken_transfer_is_tried_again() {
    let (world, key) = (World::new(), ApkKey::shared("builder"));
    builder()
        .sign_with(&key)
        .build()
        .serve(&world.server, "/alpine");
    let repository = repository(&world, &key);
    let mut record = first(&world, &repository);
    world.server.fault_times(ARCHIVE, 1, Fault::ShortBody(40));
    repository.pin(&world.context(), &mut record).unwrap();
    assert!(record.digest.is_some());
}

#[test]
fn offline_an_unknown_archive_is_an_error_and_a_known_one_is_not() {
    let (world, key) = (World::new(), ApkKey::shared("builder"));
    builder()
        .sign_with(&key)
        .build()
        .serve(&world.server, "/alpine");
    let repository = repository(&world, &key);
    let open = first(&world, &repository);
    let mut offline = world.context();
    offline.offline = true;
    let error = repository.pin(&offline, &mut open.clone()).unwrap_err();
    assert!(error.to_string().contains("--offline"), "{error}");
    repository.pin(&world.context(), &mut open.clone()).unwrap();
    let mut again = open;
    repository.pin(&offline, &mut again).unwrap();
    assert!(again.digest.is_some());
}
