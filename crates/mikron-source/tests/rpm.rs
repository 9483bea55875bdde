//! Repositories of rpm packages, from `repomd.xml` to an index, and everything that must not pass for one.
#![cfg(all(feature = "http", feature = "openpgp"))] // what these tests serve and sign
#![allow(clippy::unwrap_used)] // functions that tests share may, as tests may

mod common;

use common::rpm::{index, keyring, packages, paths, publish, publish_now, record, repository};
use common::{World, impatient};
use mikron_package::{Architecture, Digest};
use mikron_source::deb::Trust;
use mikron_source::fetch::Router;
use mikron_source::rpm::RpmRepository;
use mikron_source::trust::TrustError;
use mikron_source::{MetadataError, Repository, SourceError, SourceErrorKind};
use mikron_testkit::archive::Compression;
use mikron_testkit::repository::{KeyKind, TestKey, now};
use mikron_testkit::rpm_repository::{ChecksumKind, RpmRepositoryBuilder};

const DAY: i64 = 86_400;
const REPOMD: &str = "/el9/repodata/repomd.xml";

fn el9(key: &TestKey) -> RpmRepositoryBuilder {
    RpmRepositoryBuilder::new()
        .package(record("hello", "1.0-1", "x86_64"), "archive of hello 1.0")
        .package(record("data", "2:3-1", "noarch"), "archive of data")
        .package(
            record("hello", "1.0-1", "i686"),
            "archive of hello for i686",
        )
        .package(record("hello", "1.0-1", "src"), "source of hello")
        .sign_with(key)
}

/// The error of a refresh, after a look that it left nothing behind.
fn refused(world: &World, repository: &RpmRepository) -> SourceError {
    let error = publish_now(world, repository).expect_err("an error");
    assert_eq!(error.source, "test");
    let mut context = world.context();
    context.offline = true;
    let remembered = publish(&context, repository).expect_err("nothing is remembered");
    assert!(
        matches!(*remembered.kind, SourceErrorKind::Offline),
        "{remembered}"
    );
    assert_eq!(world.cache.usage().unwrap().derived, 0);
    error
}

#[test]
fn a_signed_repository_becomes_an_index_of_what_fits() {
    for compression in [
        Compression::None,
        Compression::Gzip,
        Compression::Xz,
        Compression::Zstd,
        Compression::Bzip2,
    ] {
        let (world, key) = (World::new(), TestKey::generate());
        let built = el9(&key).compression(compression).build();
        built.serve(&world.server, "/el9");
        let published = publish_now(&world, &repository(&world, &key)).unwrap();
        assert_eq!(
            packages(&world, &published),
            ["data 2:3-1 noarch", "hello 1.0-1 x86_64"],
            "{compression:?}"
        );
        let summary = published.summary();
        let repomd = Digest::of(built.file("repodata/repomd.xml"));
        assert_eq!(summary.signed, ("repodata/repomd.xml".to_owned(), repomd));
        assert_eq!(summary.indexes.len(), 1);
        assert_eq!(
            summary.indexes[0].digest,
            Digest::of(built.file(&summary.indexes[0].path))
        );
        // The signed file, its signature, the packages; neither filelists nor anything else.
        let asked = paths(&world);
        assert_eq!(asked.len(), 3, "{asked:?}");
        assert_eq!(asked[..2], [REPOMD.to_owned(), format!("{REPOMD}.asc")]);
        assert!(asked[2].contains("-primary.xml"));
    }
}

#[test]
fn archives_are_located_and_verified() {
    let (world, key) = (World::new(), TestKey::generate());
    el9(&key).build().serve(&world.server, "/el9");
    let repository = repository(&world, &key);
    let published = publish_now(&world, &repository).unwrap();
    let index = index(&world.context(), &published);
    let record = index
        .record(index.named(b"hello").unwrap().next().unwrap())
        .unwrap();
    let wanted = repository
        .archive(&record.location, record.size, record.digest.unwrap())
        .unwrap();
    assert_eq!(wanted.name, "hello-1.0-1.x86_64.rpm");
    let mut file = world.context().downloader().get(&wanted).unwrap();
    assert_eq!(
        std::io::read_to_string(&mut file).unwrap(),
        "archive of hello 1.0"
    );
    for evil in [
        "../x.rpm",
        "/etc/passwd",
        "http://example.org/x",
        "a\nb",
        "%2e%2e/b",
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
    el9(&key).build().serve(&world.server, "/el9");
    let repository = repository(&world, &key);
    publish(&world.context(), &repository).unwrap();
    world.server.clear_requests();
    let published = publish(&world.context(), &repository).unwrap();
    assert_eq!(packages(&world, &published).len(), 2);
    assert!(paths(&world).is_empty());
    // After it, one conditional request.
    publish_now(&world, &repository).unwrap();
    let requests = world.server.requests();
    assert_eq!(requests.len(), 1);
    assert!(requests[0].header("if-none-match").is_some());
    // Other keys must verify for themselves.
    let stranger = self::repository(&world, &TestKey::generate());
    assert!(publish(&world.context(), &stranger).is_err());
    // Offline, what was seen is used.
    world.server.clear_requests();
    let mut offline = world.context();
    offline.offline = true;
    let published = publish(&offline, &repository).unwrap();
    assert_eq!(index(&offline, &published).len(), 2);
    assert!(paths(&world).is_empty());
}

#[test]
fn bad_096_bad_signature_of_repomd() {
    let (world, key) = (World::new(), TestKey::generate());
    let built = el9(&key).build();
    built.serve(&world.server, "/el9");
    let repository = repository(&world, &key);
    let untrusted = || match *refused(&world, &repository).kind {
        SourceErrorKind::Untrusted { error, url } => {
            assert!(url.contains("repomd.xml"), "{url}");
            error
        }
        other => panic!("{other}"),
    };
    let asc = format!("{REPOMD}.asc");
    world.server.remove(&asc);
    assert_eq!(untrusted(), TrustError::Unsigned);
    world.server.put(&asc, b"no signature at all".to_vec());
    assert!(!matches!(untrusted(), TrustError::UnknownKey { .. }));
    let stranger = TestKey::generate();
    let signed = TestKey::sign_detached(&[stranger], built.repomd.as_bytes());
    world.server.put(&asc, signed.into_bytes());
    assert!(matches!(untrusted(), TrustError::UnknownKey { .. }));
    let other = TestKey::sign_detached(std::slice::from_ref(&key), b"another text");
    world.server.put(&asc, other.into_bytes());
    assert!(matches!(untrusted(), TrustError::BadSignature { .. }));
    // One changed byte of the signed file, with the right signature.
    built.serve(&world.server, "/el9");
    let changed = built.repomd.replacen("<revision>", "<revision>1", 1);
    world.server.put(REPOMD, changed.into_bytes());
    assert!(matches!(untrusted(), TrustError::BadSignature { .. }));
    built.serve(&world.server, "/el9");
    assert!(publish_now(&world, &repository).is_ok());
}

#[test]
fn keys_that_have_expired_are_refused_unless_the_spec_says_so() {
    let made = u32::try_from(now() - 100 * DAY).unwrap();
    let lifetime = u32::try_from(50 * DAY).unwrap();
    let key = TestKey::generate_with(KeyKind::Ed25519, made, Some(lifetime)).signing_at(made + 10);
    let world = World::new();
    el9(&key)
        .timestamp(now() - 99 * DAY)
        .build()
        .serve(&world.server, "/el9");
    let mut repository = repository(&world, &key);
    let error = refused(&world, &repository);
    assert!(matches!(
        *error.kind,
        SourceErrorKind::Untrusted {
            error: TrustError::ExpiredKey { .. },
            ..
        }
    ));
    repository.options.allow_expired = true;
    assert!(publish_now(&world, &repository).is_ok());
}

#[test]
fn an_unsigned_repository_is_taken_only_by_name() {
    let (world, key) = (World::new(), TestKey::generate());
    let built = RpmRepositoryBuilder::new()
        .package(record("a", "1-1", "noarch"), "a")
        .build();
    built.serve(&world.server, "/el9");
    let mut repository = repository(&world, &key);
    let error = refused(&world, &repository);
    assert!(
        error
            .to_string()
            .ends_with("is not trusted: it is not signed"),
        "{error}"
    );
    repository.trust = Trust::Unsigned;
    assert_eq!(
        packages(&world, &publish_now(&world, &repository).unwrap()),
        ["a 1-1 noarch"]
    );
}

#[test]
fn bad_100_older_timestamp() {
    let (world, key) = (World::new(), TestKey::generate());
    let day = now() - DAY;
    let at = |time: i64, version: &str| {
        RpmRepositoryBuilder::new()
            .package(
                record("hello", version, "x86_64"),
                format!("hello {version}"),
            )
            .timestamp(time)
            .sign_with(&key)
            .build()
    };
    at(day, "2-1").serve(&world.server, "/el9");
    let mut repository = repository(&world, &key);
    // Older than the lock's.
    repository.not_before = Some(day + 1);
    let error = refused(&world, &repository);
    assert!(
        matches!(*error.kind, SourceErrorKind::Older { by_lock: true, .. }),
        "{error}"
    );
    repository.not_before = Some(day);
    assert_eq!(publish_now(&world, &repository).unwrap().date(), day);
    // Older than the one that was seen: the old is kept, and said.
    at(day - DAY, "1-1").serve(&world.server, "/el9");
    let published = publish_now(&world, &repository).unwrap();
    assert_eq!(packages(&world, &published), ["hello 2-1 x86_64"]);
    let warnings = world.log.warnings();
    assert!(
        warnings.iter().any(|w| w.contains("the newer one is kept")),
        "{warnings:?}"
    );
    // Forgiven by name.
    repository.options.allow_older = true;
    let published = publish_now(&world, &repository).unwrap();
    assert_eq!(packages(&world, &published), ["hello 1-1 x86_64"]);
}

#[test]
fn metadata_from_the_future_are_refused() {
    let (world, key) = (World::new(), TestKey::generate());
    el9(&key)
        .timestamp(now() + DAY)
        .build()
        .serve(&world.server, "/el9");
    let error = refused(&world, &repository(&world, &key));
    assert!(
        matches!(*error.kind, SourceErrorKind::Future { .. }),
        "{error}"
    );
}

#[test]
fn bad_095_an_index_that_repomd_does_not_name() {
    let (world, key) = (World::new(), TestKey::generate());
    let built = el9(&key).build();
    built.serve(&world.server, "/el9");
    let path = format!("/el9/{}", built.path_of("primary.xml.gz"));
    let mut other = built.file(built.path_of("primary.xml.gz")).to_vec();
    let middle = other.len() / 2;
    other[middle] ^= 1;
    world.server.put(&path, other);
    let repository = repository(&world, &key);
    let error = refused(&world, &repository);
    assert!(
        matches!(*error.kind, SourceErrorKind::Index { .. }),
        "{error}"
    );
    world.server.put(
        &path,
        built.file(built.path_of("primary.xml.gz"))[..100].to_vec(),
    );
    let error = refused(&world, &repository);
    assert!(
        matches!(*error.kind, SourceErrorKind::Index { .. }),
        "{error}"
    );
    // What it unpacks to is promised as well.
    let size = el9(&key).primary_text().len();
    let promise = format!("<open-size>{size}</open-size>");
    let less = format!("<open-size>{}</open-size>", size - 1);
    el9(&key)
        .edit_repomd(&promise, &less)
        .build()
        .serve(&world.server, "/el9");
    let error = refused(&world, &repository);
    assert!(
        matches!(
            *error.kind,
            SourceErrorKind::MalformedIndex {
                error: MetadataError::Rpm(_),
                ..
            }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("repomd.xml promises"), "{error}");
}

#[test]
fn a_malformed_index_is_named_with_source_and_package() {
    let (world, key) = (World::new(), TestKey::generate());
    let evil = el9(&key).edit_primary("href=\"Packages/", "href=\"../");
    evil.build().serve(&world.server, "/el9");
    let error = refused(&world, &repository(&world, &key)).to_string();
    assert!(error.starts_with("source test ("), "{error}");
    assert!(error.contains("location: the location `../"), "{error}");
}

#[test]
fn a_repository_of_sha512_alone_is_read_and_its_archives_are_pinned() {
    let (world, key) = (World::new(), TestKey::generate());
    let built = RpmRepositoryBuilder::new()
        .checksum(ChecksumKind::Sha512)
        .package(record("hello", "1-1", "x86_64"), "archive of hello")
        .sign_with(&key)
        .build();
    built.serve(&world.server, "/el9");
    let repository = repository(&world, &key);
    let published = publish_now(&world, &repository).unwrap();
    let index = index(&world.context(), &published);
    let mut record = index.record(0).unwrap();
    assert_eq!(record.digest, None);
    repository.pin(&world.context(), &mut record).unwrap();
    assert_eq!(record.digest, Some(Digest::of(b"archive of hello")));
    // Known from now on, without asking.
    world.server.clear_requests();
    record.digest = None;
    let mut offline = world.context();
    offline.offline = true;
    repository.pin(&offline, &mut record).unwrap();
    assert_eq!(record.digest, Some(Digest::of(b"archive of hello")));
    assert!(paths(&world).is_empty());
    // Another archive than the index means is refused.
    let world = World::new();
    built.serve(&world.server, "/el9");
    let repository = self::repository(&world, &key);
    world.server.put(
        &format!("/el9/{}", record.location),
        b"archive of hallo".to_vec(),
    );
    record.digest = None;
    let error = repository.pin(&world.context(), &mut record).unwrap_err();
    assert!(
        matches!(*error.kind, SourceErrorKind::Checksum { .. }),
        "{error}"
    );
    world
        .server
        .put(&format!("/el9/{}", record.location), vec![b'x'; 1 << 20]);
    assert!(repository.pin(&world.context(), &mut record).is_err());
}

#[test]
fn what_the_source_excludes_or_asks_for_is_left_out_or_taken() {
    let (world, key) = (World::new(), TestKey::generate());
    el9(&key)
        .package(record("kernel-core", "6-1", "x86_64"), "kernel")
        .build()
        .serve(&world.server, "/el9");
    let mut repository = repository(&world, &key);
    let list = |repository: &RpmRepository| {
        let published = publish_now(&world, repository).unwrap();
        (packages(&world, &published), published.identity())
    };
    let (all, identity) = list(&repository);
    assert_eq!(all.len(), 3);
    repository.options.exclude = vec!["kernel*".to_owned(), "data-2:3-?.noarch".to_owned()];
    let (some, other) = list(&repository);
    assert_eq!(some, ["hello 1.0-1 x86_64"]);
    assert_ne!(identity, other, "a solution depends on what is left out");
    repository.options.exclude.clear();
    repository.options.architectures = Some(vec!["i686".to_owned()]);
    assert_eq!(list(&repository).0, ["hello 1.0-1 i686"]);
}

#[test]
fn packages_of_module_streams_that_are_not_on_are_hidden() {
    let (world, key) = (World::new(), TestKey::generate());
    let stream = |stream: &str, version: &str| {
        format!(
            "---\ndocument: modulemd\nversion: 2\ndata:\n  name: node\n  stream: \"{stream}\"\n  version: 1\n\
             \x20 context: a\n  artifacts: {{ rpms: [\"node-0:{version}.x86_64\"] }}\n"
        )
    };
    let modules = format!(
        "{}{}---\ndocument: modulemd-defaults\nversion: 1\ndata: {{ module: node, stream: \"16\" }}\n",
        stream("16", "16-1"),
        stream("18", "18-1")
    );
    el9(&key)
        .package(record("node", "16-1", "x86_64"), "16")
        .package(record("node", "18-1", "x86_64"), "18")
        .package(record("node", "20-1", "x86_64"), "20")
        .modules(&modules)
        .build()
        .serve(&world.server, "/el9");
    let mut repository = repository(&world, &key);
    let nodes = |repository: &RpmRepository| {
        let published = publish_now(&world, repository).unwrap();
        let mut found = packages(&world, &published);
        found.retain(|package| package.starts_with("node "));
        found
    };
    assert_eq!(nodes(&repository), ["node 16-1 x86_64"]);
    repository
        .options
        .modules
        .insert("node".to_owned(), "18".to_owned());
    assert_eq!(nodes(&repository), ["node 18-1 x86_64"]);
    repository
        .options
        .modules
        .insert("node".to_owned(), "19".to_owned());
    let error = publish_now(&world, &repository).and_then(|p| p.parts(&world.context()));
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("there is no stream `19` of a module `node`; there are: 16, 18"),
        "{error}"
    );
    repository.options.ignore_modules = true;
    assert_eq!(nodes(&repository).len(), 3);
}

#[test]
fn mirror_lists_and_metalinks_lead_to_mirrors() {
    let (world, key) = (World::new(), TestKey::generate());
    let built = el9(&key).build();
    built.serve(&world.server, "/good");
    let stale = el9(&key).timestamp(now() - DAY).build();
    stale.serve(&world.server, "/stale");
    let (dead, stale, good) = (
        world.server.url("/dead"),
        world.server.url("/stale"),
        world.server.url("/good"),
    );
    let list = format!("# mirrors\n{dead}\nrsync://example.org/x\n{good}/\n");
    world.server.put("/list", list.into_bytes());
    let metalink = built.metalink(&[&dead, &stale, &good]);
    world.server.put("/metalink", metalink.into_bytes());
    for place in ["/list", "/metalink"] {
        let mirrors = world.server.url(place);
        let trust = Trust::Keys(keyring(&key));
        let repository = RpmRepository::at("test", &[], Some(&mirrors), trust);
        let published = publish_now(&world, &repository).unwrap();
        assert_eq!(packages(&world, &published).len(), 2, "{place}");
        let digest = Digest::of(b"archive of data");
        let wanted = repository
            .archive("Packages/data-3-1.noarch.rpm", 15, digest)
            .unwrap();
        assert!(
            wanted.urls.iter().any(|url| url.starts_with(&good)),
            "{:?}",
            wanted.urls
        );
        assert!(world.context().downloader().get(&wanted).is_ok());
        // A locked build publishes nothing, and asks the list for its archives.
        let fresh = RpmRepository::at("test", &[], Some(&mirrors), Trust::Unsigned);
        assert!(fresh.archive("a.rpm", 1, digest).unwrap().urls.is_empty());
        fresh.prepare(&world.context(), "a.rpm").unwrap();
        assert!(!fresh.archive("a.rpm", 1, digest).unwrap().urls.is_empty());
    }
    let warnings = world.log.warnings();
    assert!(
        warnings
            .iter()
            .any(|w| w.contains("is none of the files that the metalink names")),
        "{warnings:?}"
    );
    // A list that is none is refused by name.
    world
        .server
        .put("/list", b"<html><body>sign in</body></html>".to_vec());
    let mirrors = world.server.url("/list");
    let repository = RpmRepository::at("test", &[], Some(&mirrors), Trust::Unsigned);
    let error = publish_now(&world, &repository).unwrap_err();
    assert!(
        error.to_string().contains("the document is a `html`"),
        "{error}"
    );
}

#[test]
fn one_source_serves_several_architectures_from_places_of_their_own() {
    let (world, key) = (World::new(), TestKey::generate());
    for arch in ["x86_64", "aarch64"] {
        RpmRepositoryBuilder::new()
            .package(record("hello", "1-1", arch), format!("hello of {arch}"))
            .package(record("data", "1-1", "noarch"), format!("data of {arch}"))
            .sign_with(&key)
            .build()
            .serve(&world.server, &format!("/el9/{arch}"));
    }
    let base = format!("{}/$basearch/", world.server.url("/el9"));
    let repository = RpmRepository::new("test", &base, keyring(&key));
    let architectures = [Architecture::Arm64, Architecture::Amd64];
    let context = world.context();
    let published = repository.publish(&context, &architectures).unwrap();
    let of: Vec<Architecture> = published.iter().map(|p| p.architecture()).collect();
    assert_eq!(of, architectures);
    assert_eq!(
        packages(&world, &published[0]),
        ["data 1-1 noarch", "hello 1-1 aarch64"]
    );
    assert_eq!(
        packages(&world, &published[1]),
        ["data 1-1 noarch", "hello 1-1 x86_64"]
    );
    for published in &published {
        let index = index(&context, published);
        for i in 0..index.len() {
            let record = index.record(i).unwrap();
            let wanted = repository
                .archive(&record.location, record.size, record.digest.unwrap())
                .unwrap();
            assert!(
                context.downloader().get(&wanted).is_ok(),
                "{}",
                record.location
            );
        }
    }
}

#[test]
fn a_repository_may_lie_in_a_directory() {
    let (world, key) = (World::new(), TestKey::generate());
    let directory = tempfile::tempdir().unwrap();
    el9(&key).build().write_to(directory.path());
    let base = directory.path().to_str().unwrap();
    let router = Router::standard(impatient());
    let mut context = world.context();
    context.fetch = &router;
    for base in [base.to_owned(), format!("file://{base}")] {
        let repository = RpmRepository::new("test", &base, keyring(&key));
        let published = publish(&context, &repository).unwrap();
        assert_eq!(index(&context, &published).len(), 2);
        let digest = Digest::of(b"archive of data");
        let wanted = repository
            .archive("Packages/data-3-1.noarch.rpm", 15, digest)
            .unwrap();
        assert!(context.downloader().get(&wanted).is_ok());
    }
}
