//! Debian repositories, from a Release to a universe, and everything that must not pass for one.
#![cfg(all(feature = "http", feature = "openpgp"))] // what these tests serve and sign
#![allow(clippy::unwrap_used)] // functions that tests share may, as tests may

mod bad;
#[path = "../common/mod.rs"]
mod common;
mod contents;

use std::time::Duration;

use common::World;
use mikron_deb::DebFormat;
use mikron_package::{Digest, Universe};
use mikron_source::deb::{
    DebRepository, IndexCompression, SourceError, SourceErrorKind, Suite, Trust, refresh,
};
use mikron_source::download::Wanted;
use mikron_source::trust::{Keyring, TrustError};
use mikron_source::universe::IndexUniverse;
use mikron_testkit::archive::Compression;
use mikron_testkit::http::Fault;
use mikron_testkit::repository::{RepositoryBuilder, TestKey, now};

const DAY: i64 = 86_400;
const RELEASE: &str = "/debian/dists/stable/InRelease";

fn stable(key: &TestKey) -> RepositoryBuilder {
    RepositoryBuilder::new("stable")
        .simple("hello", "1.0", "amd64", "")
        .sign_with(key)
}

/// The names and versions of all packages of a refreshed repository.
fn packages(world: &World, suites: &[Suite]) -> Vec<String> {
    let mut parts = Vec::new();
    for suite in suites {
        parts.extend(suite.parts(&world.context()).unwrap());
    }
    let universe = IndexUniverse::new(&DebFormat, &suites[0].architecture, parts).unwrap();
    assert!(universe.order().compare("1", "2").is_lt());
    let ids = universe
        .named("hello")
        .into_iter()
        .chain(universe.named("data"));
    ids.map(|id| universe.record(id))
        .map(|r| format!("{} {}", r.name, r.version))
        .collect()
}

fn update(world: &World, repository: &DebRepository) -> Result<Vec<Suite>, SourceError> {
    refresh(
        &world.context(),
        std::slice::from_ref(repository),
        &["amd64"],
    )
}

/// Refreshes without regard to how long ago the last check was.
fn update_now(world: &World, repository: &DebRepository) -> Result<Vec<Suite>, SourceError> {
    let mut context = world.context();
    context.refresh_after = Duration::ZERO;
    refresh(&context, std::slice::from_ref(repository), &["amd64"])
}

/// The error of a refresh, after a look that it left nothing behind.
fn refused(world: &World, repository: &DebRepository) -> SourceError {
    let error = update_now(world, repository).expect_err("an error");
    assert_eq!(error.source, "test");
    assert_eq!(error.suite, "stable");
    let mut context = world.context();
    context.offline = true;
    let remembered = refresh(&context, std::slice::from_ref(repository), &["amd64"]);
    assert!(
        matches!(&remembered, Err(e) if matches!(*e.kind, SourceErrorKind::Offline)),
        "{remembered:?}"
    );
    assert_eq!(world.cache.usage().unwrap().derived, 0);
    error
}

#[test]
fn a_signed_repository_becomes_a_universe() {
    let (world, key) = (World::new(), TestKey::generate());
    let built = stable(&key).simple("data", "2.0", "all", "").build();
    built.serve(&world.server, "/debian");
    let repository = world.repository("/debian", "stable", &key);
    let suites = update(&world, &repository).unwrap();
    assert_eq!(packages(&world, &suites), ["hello 1.0", "data 2.0"]);
    let release = &suites[0].release;
    assert_eq!(release.digest, Digest::of(built.inrelease()));
    assert_eq!(release.signer.fingerprint, key.fingerprint());
    // InRelease, and the index by hash, and nothing else.
    let paths: Vec<String> = world
        .server
        .requests()
        .into_iter()
        .map(|r| r.path)
        .collect();
    assert_eq!(paths.len(), 2);
    assert_eq!(paths[0], RELEASE);
    assert!(
        paths[1].starts_with("/debian/dists/stable/main/binary-amd64/by-hash/SHA256/"),
        "{paths:?}"
    );
}

#[test]
fn archives_are_located_and_verified() {
    let (world, key) = (World::new(), TestKey::generate());
    stable(&key).build().serve(&world.server, "/debian");
    let repository = world.repository("/debian", "stable", &key);
    let suites = update(&world, &repository).unwrap();
    let index = suites[0]
        .open(&world.context(), &suites[0].indexes[0])
        .unwrap();
    let wanted: Wanted = repository
        .archive_of(&index.record(0).unwrap())
        .unwrap()
        .unwrap();
    assert_eq!(wanted.name, "hello_1.0_amd64.deb");
    let mut file = world.context().downloader().get(&wanted).unwrap();
    assert_eq!(
        std::io::read_to_string(&mut file).unwrap(),
        "archive of hello 1.0 amd64"
    );
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
    }
}

#[test]
fn within_the_window_the_network_is_not_asked() {
    let (world, key) = (World::new(), TestKey::generate());
    stable(&key).build().serve(&world.server, "/debian");
    let repository = world.repository("/debian", "stable", &key);
    update(&world, &repository).unwrap();
    world.server.clear_requests();
    let suites = update(&world, &repository).unwrap();
    assert_eq!(packages(&world, &suites), ["hello 1.0"]);
    assert_eq!(world.server.requests(), []);
    // After it, one conditional request.
    update_now(&world, &repository).unwrap();
    let requests = world.server.requests();
    assert_eq!(requests.len(), 1);
    assert!(requests[0].header("if-none-match").is_some());
    // Other keys must verify for themselves.
    let stranger = world.repository("/debian", "stable", &TestKey::generate());
    assert!(update(&world, &stranger).is_err());
}

#[test]
fn offline_uses_what_was_seen_and_asks_nobody() {
    let (world, key) = (World::new(), TestKey::generate());
    stable(&key).build().serve(&world.server, "/debian");
    let repository = world.repository("/debian", "stable", &key);
    let mut offline = world.context();
    offline.offline = true;
    let error = refresh(&offline, std::slice::from_ref(&repository), &["amd64"]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "source test (stable): nothing of it is in the cache, and the network must not be asked (--offline)"
    );
    update(&world, &repository).unwrap();
    world.server.clear_requests();
    offline.now += 30 * DAY;
    let suites = refresh(&offline, std::slice::from_ref(&repository), &["amd64"]).unwrap();
    assert_eq!(suites[0].parts(&offline).unwrap()[0].index.len(), 1);
    assert_eq!(world.server.requests(), []);
}

#[test]
fn release_with_release_gpg_is_as_good() {
    let (world, key) = (World::new(), TestKey::generate());
    let built = stable(&key).detached().build();
    built.serve(&world.server, "/debian");
    let repository = world.repository("/debian", "stable", &key);
    let suites = update(&world, &repository).unwrap();
    assert_eq!(packages(&world, &suites), ["hello 1.0"]);
    assert_eq!(
        suites[0].release.digest,
        Digest::of(built.file("dists/stable/Release"))
    );
}

#[test]
fn a_release_without_signature_is_refused_unless_allowed_by_name() {
    let (world, key) = (World::new(), TestKey::generate());
    for detached in [false, true] {
        let mut builder = RepositoryBuilder::new("stable").simple("hello", "1.0", "amd64", "");
        if detached {
            builder = builder.detached();
        }
        let prefix = format!("/{detached}");
        builder.build().serve(&world.server, &prefix);
        let mut repository = world.repository(&prefix, "stable", &key);
        repository.identity = prefix;
        let error = refused(&world, &repository);
        let SourceErrorKind::Untrusted {
            error: TrustError::Unsigned,
            ..
        } = &*error.kind
        else {
            panic!("{error}")
        };
        assert!(
            error
                .to_string()
                .contains("is not trusted: it is not signed"),
            "{error}"
        );
        repository.trust = Trust::Unsigned;
        let suites = update(&world, &repository).unwrap();
        assert_eq!(packages(&world, &suites), ["hello 1.0"]);
        world.cache.verify().unwrap();
        std::fs::remove_dir_all(world.cache.path().join("derived")).unwrap();
    }
}

#[test]
fn a_stranger_s_signature_is_refused() {
    let (world, key, stranger) = (World::new(), TestKey::generate(), TestKey::generate());
    stable(&stranger).build().serve(&world.server, "/debian");
    let error = refused(&world, &world.repository("/debian", "stable", &key));
    let message = error.to_string();
    assert!(
        message.contains(&stranger.fingerprint()) && message.contains(&key.fingerprint()),
        "{message}"
    );
    assert!(message.contains(RELEASE), "{message}");
}

#[test]
fn several_suites_and_architectures_are_refreshed_at_once() {
    let (world, key) = (World::new(), TestKey::generate());
    for suite in ["stable", "stable-updates"] {
        let version = if suite == "stable" { "1.0" } else { "1.1" };
        RepositoryBuilder::new(suite)
            .architectures(&["amd64", "arm64"])
            .simple("hello", version, "amd64", "")
            .simple("hello", version, "arm64", "")
            .sign_with(&key)
            .build()
            .serve(&world.server, "/debian");
    }
    let repositories =
        ["stable", "stable-updates"].map(|suite| world.repository("/debian", suite, &key));
    let suites = refresh(&world.context(), &repositories, &["amd64", "arm64"]).unwrap();
    let order: Vec<_> = suites
        .iter()
        .map(|s| (s.architecture.as_str(), s.repository.suite.as_str()))
        .collect();
    assert_eq!(
        order,
        [
            ("amd64", "stable"),
            ("amd64", "stable-updates"),
            ("arm64", "stable"),
            ("arm64", "stable-updates")
        ]
    );
    assert_eq!(packages(&world, &suites[2..]).len(), 2);
}

#[test]
fn an_index_of_all_architectures_belongs_to_each() {
    let (world, key) = (World::new(), TestKey::generate());
    let stanza = format!(
        "Package: data\nVersion: 3\nArchitecture: all\nFilename: pool/d.deb\nSize: 1\nSHA256: {}\n",
        Digest::of(b"d").hex()
    );
    let builder = stable(&key)
        .architectures(&["amd64", "all"])
        .raw_stanza("main", "all", &stanza);
    builder.build().serve(&world.server, "/debian");
    let suites = update(&world, &world.repository("/debian", "stable", &key)).unwrap();
    assert_eq!(packages(&world, &suites), ["hello 1.0", "data 3"]);
}

#[test]
fn each_compression_gives_the_same_index() {
    let (world, key) = (World::new(), TestKey::generate());
    let all = [Compression::None, Compression::Gzip, Compression::Xz];
    stable(&key)
        .compressions(&all)
        .build()
        .serve(&world.server, "/debian");
    let mut repository = world.repository("/debian", "stable", &key);
    let mut seen = Vec::new();
    for compression in [
        IndexCompression::Plain,
        IndexCompression::Gzip,
        IndexCompression::Xz,
    ] {
        repository.options.compressions = vec![compression];
        repository.identity = format!("{compression:?}");
        let suites = update(&world, &repository).unwrap();
        let index = suites[0]
            .open(&world.context(), &suites[0].indexes[0])
            .unwrap();
        seen.push(index.as_bytes().to_vec());
    }
    assert!(seen.iter().all(|bytes| *bytes == seen[0]));
}

#[test]
fn a_missing_component_or_architecture_is_named_with_those_that_there_are() {
    let (world, key) = (World::new(), TestKey::generate());
    stable(&key).build().serve(&world.server, "/debian");
    let mut repository = world.repository("/debian", "stable", &key);
    repository.components = vec!["mian".to_owned()];
    let error = refused(&world, &repository);
    assert_eq!(
        error.to_string(),
        "source test (stable): there is no index of component `mian` for amd64; the repository has the components \
         main, and the architectures amd64"
    );
}

#[test]
fn a_repository_on_disk_is_like_one_on_a_server() {
    let (world, key) = (World::new(), TestKey::generate());
    let disk = tempfile::tempdir().unwrap();
    stable(&key).build().write_to(disk.path());
    let fetch = mikron_source::fetch::Router::standard(common::impatient());
    for base in [
        disk.path().display().to_string(),
        format!("file://{}", disk.path().display()),
    ] {
        let keyring = Keyring::new(key.certificate()).unwrap();
        let repository = DebRepository::new("test", &base, "stable", keyring);
        let mut context = world.context();
        context.fetch = &fetch;
        let suites = refresh(&context, &[repository], &["amd64"]).unwrap();
        assert_eq!(packages(&world, &suites), ["hello 1.0"]);
    }
}

#[test]
fn a_flat_repository_without_a_release_is_read_where_nobody_has_to_sign_it() {
    for (suite, prefix) in [("./", ""), ("/", ""), ("sub/./dir/", "sub/dir/")] {
        for compression in [Compression::None, Compression::Gzip, Compression::Xz] {
            let (world, key) = (World::new(), TestKey::generate());
            RepositoryBuilder::new(&format!("./{prefix}"))
                .package_at(
                    "./hello 1%3a1.deb",
                    "Package: hello\nVersion: 1.0\nArchitecture: amd64\n",
                    b"x".to_vec(),
                )
                .compressions(&[compression])
                .without_release()
                .build()
                .serve(&world.server, "/flat");
            let mut repository = world.repository("/flat", suite, &key);
            let error = update_now(&world, &repository).unwrap_err();
            let unsigned = |kind: &SourceErrorKind| {
                matches!(
                    kind,
                    SourceErrorKind::Untrusted {
                        error: TrustError::Unsigned,
                        ..
                    }
                )
            };
            assert!(unsigned(&error.kind), "{error}");
            repository.trust = Trust::Unsigned;
            let suites = update_now(&world, &repository).unwrap();
            assert_eq!(packages(&world, &suites), ["hello 1.0"]);
            // What it names is fetched once, and offline enough.
            let mut offline = world.context();
            offline.offline = true;
            let known = refresh(&offline, std::slice::from_ref(&repository), &["amd64"]).unwrap();
            assert_eq!(packages(&world, &known), ["hello 1.0"]);
        }
    }
    // Any other repository has to have one.
    let (world, key) = (World::new(), TestKey::generate());
    stable(&key)
        .without_release()
        .build()
        .serve(&world.server, "/debian");
    let mut repository = world.repository("/debian", "stable", &key);
    repository.trust = Trust::Unsigned;
    assert!(matches!(
        *update_now(&world, &repository).unwrap_err().kind,
        SourceErrorKind::Fetch(_)
    ));
}

#[test]
fn an_index_that_was_evicted_is_fetched_again() {
    let (world, key) = (World::new(), TestKey::generate());
    stable(&key).build().serve(&world.server, "/debian");
    let repository = world.repository("/debian", "stable", &key);
    update(&world, &repository).unwrap();
    for part in ["derived", "blobs"] {
        std::fs::remove_dir_all(world.cache.path().join(part)).unwrap();
    }
    let suites = update(&world, &repository).unwrap();
    assert_eq!(packages(&world, &suites), ["hello 1.0"]);
    // The published file is not kept beside the compact form: without that one, it alone is asked for.
    std::fs::remove_dir_all(world.cache.path().join("derived")).unwrap();
    world.server.clear_requests();
    assert_eq!(
        packages(&world, &update(&world, &repository).unwrap()),
        ["hello 1.0"]
    );
    let asked = world.server.requests();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(asked[0].path.contains("/main/binary-amd64/by-hash/"));
}

#[test]
fn a_failure_of_one_suite_is_that_of_all() {
    let (world, key) = (World::new(), TestKey::generate());
    stable(&key).build().serve(&world.server, "/debian");
    let good = world.repository("/debian", "stable", &key);
    let bad = world.repository("/debian", "missing", &key);
    let error = refresh(&world.context(), &[good, bad], &["amd64"]).unwrap_err();
    assert_eq!(error.suite, "missing");
    assert!(error.to_string().contains("404 (not found)"), "{error}");
}
