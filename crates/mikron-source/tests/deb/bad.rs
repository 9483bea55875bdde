//! Repositories that must not pass for one, by the rows of the table of bad input.

use super::*;

#[test]
fn bad_077_text_around_the_signed_text_of_a_repository() {
    let (world, key) = (World::new(), TestKey::generate());
    let built = stable(&key).build();
    built.serve(&world.server, "/debian");
    let evil = [b"Suite: stable\nSHA256:\n".as_slice(), built.inrelease()].concat();
    world.server.put(RELEASE, evil);
    let error = refused(&world, &world.repository("/debian", "stable", &key));
    assert!(
        error
            .to_string()
            .ends_with("text stands before the signed message (at byte 0)"),
        "{error}"
    );
}

#[test]
fn bad_078_text_in_release_gpg_of_a_repository() {
    let (world, key) = (World::new(), TestKey::generate());
    stable(&key)
        .detached()
        .build()
        .serve(&world.server, "/debian");
    let evil = TestKey::clearsign(std::slice::from_ref(&key), "Suite: stable\n");
    world
        .server
        .put("/debian/dists/stable/Release.gpg", evil.into_bytes());
    let error = refused(&world, &world.repository("/debian", "stable", &key));
    assert!(
        error
            .to_string()
            .contains("Release.gpg is not trusted: something else than a signature"),
        "{error}"
    );
}

#[test]
fn bad_079_weak_hashes_only() {
    let (world, key) = (World::new(), TestKey::generate());
    stable(&key)
        .weak_hashes_only()
        .build()
        .serve(&world.server, "/debian");
    let error = refused(&world, &world.repository("/debian", "stable", &key));
    let SourceErrorKind::Malformed { url, .. } = &*error.kind else {
        panic!("{error}")
    };
    assert!(url.ends_with(RELEASE));
    assert!(
        error
            .to_string()
            .contains("there are no SHA-256 digests, only weak ones (MD5Sum, SHA1)"),
        "{error}"
    );
}

#[test]
fn bad_080_expired_valid_until() {
    let (world, key) = (World::new(), TestKey::generate());
    let builder = stable(&key).date(now() - 9 * DAY).valid_until(now() - DAY);
    builder.build().serve(&world.server, "/debian");
    let mut repository = world.repository("/debian", "stable", &key);
    let error = refused(&world, &repository);
    assert!(
        matches!(*error.kind, SourceErrorKind::Expired { valid_until } if valid_until <= now() - DAY)
    );
    let message = error.to_string();
    assert!(
        message.contains("repository") && message.contains("clock"),
        "{message}"
    );
    repository.options.allow_expired = true;
    assert!(update(&world, &repository).is_ok());
    // What was fresh once can expire in the cache, too.
    repository.options.allow_expired = false;
    let error = update(&world, &repository).unwrap_err();
    assert!(matches!(*error.kind, SourceErrorKind::Expired { .. }));
}

#[test]
fn bad_081_date_in_the_future() {
    let (world, key) = (World::new(), TestKey::generate());
    stable(&key)
        .date(now() + 2 * DAY)
        .build()
        .serve(&world.server, "/debian");
    let error = refused(&world, &world.repository("/debian", "stable", &key));
    assert!(
        matches!(*error.kind, SourceErrorKind::Future { .. }),
        "{error}"
    );
    assert!(
        error.to_string().contains("in the future: the clock"),
        "{error}"
    );
}

#[test]
fn bad_081_no_date_at_all() {
    let (world, key) = (World::new(), TestKey::generate());
    stable(&key)
        .without_field("Date")
        .build()
        .serve(&world.server, "/debian");
    let error = refused(&world, &world.repository("/debian", "stable", &key));
    assert!(matches!(*error.kind, SourceErrorKind::NoDate), "{error}");
}

#[test]
fn bad_082_older_than_last_seen_keeps_the_newer_and_says_so() {
    let (world, key) = (World::new(), TestKey::generate());
    stable(&key)
        .date(now() - DAY)
        .build()
        .serve(&world.server, "/debian");
    let mut repository = world.repository("/debian", "stable", &key);
    update(&world, &repository).unwrap();
    let old = RepositoryBuilder::new("stable")
        .simple("hello", "0.9", "amd64", "")
        .sign_with(&key);
    old.date(now() - 9 * DAY)
        .build()
        .serve(&world.server, "/debian");
    let suites = update_now(&world, &repository).unwrap();
    assert_eq!(packages(&world, &suites), ["hello 1.0"]);
    let warnings = world.log.warnings();
    assert!(
        warnings
            .iter()
            .any(|w| w.contains("roll-back") && w.contains("the newer one is kept")),
        "{warnings:?}"
    );
    repository.options.allow_older = true;
    let suites = update_now(&world, &repository).unwrap();
    assert_eq!(packages(&world, &suites), ["hello 0.9"]);
}

#[test]
fn bad_082_older_than_the_lock() {
    let (world, key) = (World::new(), TestKey::generate());
    stable(&key)
        .date(now() - 9 * DAY)
        .build()
        .serve(&world.server, "/debian");
    let mut repository = world.repository("/debian", "stable", &key);
    repository.not_before = Some(now() - DAY);
    let error = refused(&world, &repository);
    assert!(
        matches!(*error.kind, SourceErrorKind::Older { by_lock: true, .. }),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains("that the lock was made from: a roll-back"),
        "{error}"
    );
    // Nor does what was seen without that lock count.
    repository.not_before = None;
    update(&world, &repository).unwrap();
    repository.not_before = Some(now() - DAY);
    assert!(update(&world, &repository).is_err());
}

#[test]
fn bad_083_wrong_suite() {
    let (world, key) = (World::new(), TestKey::generate());
    let builder = stable(&key)
        .field("Suite", "unstable")
        .field("Codename", "sid");
    builder.build().serve(&world.server, "/debian");
    let mut repository = world.repository("/debian", "stable", &key);
    let error = refused(&world, &repository);
    assert!(matches!(*error.kind, SourceErrorKind::WrongSuite { .. }));
    assert!(
        error
            .to_string()
            .contains("another suite: Suite unstable, Codename sid"),
        "{error}"
    );
    repository.options.allow_other_suite = true;
    assert!(update(&world, &repository).is_ok());
    // A codename in place of the suite is the usual case.
    stable(&key)
        .field("Suite", "oldstable")
        .build()
        .serve(&world.server, "/other");
    let mut repository = world.repository("/other", "stable", &key);
    repository.identity = "other".to_owned();
    assert!(update(&world, &repository).is_ok());
}

/// Serves the Release of one build and the indexes of another.
fn mixed(world: &World, key: &TestKey, prefix: &str) {
    let new = stable(key).by_hash(false).build();
    let old = RepositoryBuilder::new("stable")
        .simple("hello", "0.9", "amd64", "")
        .sign_with(key);
    old.by_hash(false).build().serve(&world.server, prefix);
    world.server.put(
        &format!("{prefix}/dists/stable/InRelease"),
        new.inrelease().to_vec(),
    );
}

#[test]
fn bad_084_stale_packages() {
    let (world, key) = (World::new(), TestKey::generate());
    mixed(&world, &key, "/debian");
    let error = refused(&world, &world.repository("/debian", "stable", &key));
    let SourceErrorKind::Index { path, .. } = &*error.kind else {
        panic!("{error}")
    };
    assert_eq!(path, "main/binary-amd64/Packages.gz");
    assert!(
        error
            .to_string()
            .contains("the mirror is stale or half synchronised"),
        "{error}"
    );
}

#[test]
fn bad_085_by_hash_404_falls_back_to_the_canonical_path() {
    let (world, key) = (World::new(), TestKey::generate());
    let built = stable(&key).build();
    built.serve(&world.server, "/debian");
    for path in built.files.keys().filter(|path| path.contains("by-hash")) {
        world.server.remove(&format!("/debian/{path}"));
    }
    let repository = world.repository("/debian", "stable", &key);
    assert_eq!(
        packages(&world, &update(&world, &repository).unwrap()),
        ["hello 1.0"]
    );
    assert_eq!(
        world
            .server
            .count("/debian/dists/stable/main/binary-amd64/Packages.gz"),
        1
    );
    // The same hash is demanded there.
    world.server.put(
        "/debian/dists/stable/main/binary-amd64/Packages.gz",
        b"stale".to_vec(),
    );
    let empty = World::new();
    let error = refresh(&empty.context(), &[repository], &["amd64"]).unwrap_err();
    assert!(
        matches!(*error.kind, SourceErrorKind::Index { .. }),
        "{error}"
    );
}

#[test]
fn bad_138_a_log_in_page_keeps_the_old_index() {
    let (world, key) = (World::new(), TestKey::generate());
    stable(&key).build().serve(&world.server, "/debian");
    let repository = world.repository("/debian", "stable", &key);
    update(&world, &repository).unwrap();
    let page = Fault::instead("text/html", b"<html>log in first</html>");
    for (fault, said) in [
        (page, "is not trusted: it is not signed"),
        (Fault::status(511), "511"),
    ] {
        world.server.heal();
        world.server.fault("*", fault);
        let error = update_now(&world, &repository).unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
        // What was there before is untouched.
        let suites = update(&world, &repository).unwrap();
        assert_eq!(packages(&world, &suites), ["hello 1.0"]);
    }
}

#[test]
fn bad_139_a_half_synced_mirror_gives_way_to_the_next_location() {
    let (world, key) = (World::new(), TestKey::generate());
    mixed(&world, &key, "/half");
    stable(&key)
        .date(now() - 60)
        .build()
        .serve(&world.server, "/whole");
    let mut repository = world.repository("/half", "stable", &key);
    repository.bases.push(world.server.url("/whole"));
    let suites = update(&world, &repository).unwrap();
    assert_eq!(packages(&world, &suites), ["hello 1.0"]);
    // Release and index are of one and the same build.
    let other = World::new();
    mixed(&other, &key, "/half");
    let old = RepositoryBuilder::new("stable")
        .simple("hello", "0.8", "amd64", "")
        .sign_with(&key);
    let whole = old.build();
    whole.serve(&other.server, "/whole");
    let mut repository = other.repository("/half", "stable", &key);
    repository.bases.push(other.server.url("/whole"));
    let suites = update(&other, &repository).unwrap();
    assert_eq!(suites[0].release.digest, Digest::of(whole.inrelease()));
    assert_eq!(packages(&other, &suites), ["hello 0.8"]);
    let warnings = other.log.warnings();
    assert!(
        warnings
            .iter()
            .any(|w| w.ends_with("trying the next location")),
        "{warnings:?}"
    );
}

#[test]
fn bad_144_a_doubly_compressed_index() {
    let (world, key) = (World::new(), TestKey::generate());
    let built = stable(&key).build();
    built.serve(&world.server, "/debian");
    let repository = world.repository("/debian", "stable", &key);
    for path in built.files.keys().filter(|path| path.contains("by-hash")) {
        world.server.fault(&format!("/debian/{path}"), Fault::Gzip);
    }
    world.server.fault(
        "/debian/dists/stable/main/binary-amd64/Packages.gz",
        Fault::Gzip,
    );
    let error = refused(&world, &repository);
    assert!(
        matches!(*error.kind, SourceErrorKind::Index { .. }),
        "{error}"
    );
}

#[test]
fn bad_146_not_modified_although_nothing_is_here() {
    let (world, key) = (World::new(), TestKey::generate());
    stable(&key).build().serve(&world.server, "/debian");
    world.server.fault(RELEASE, Fault::NotModified);
    let error = refused(&world, &world.repository("/debian", "stable", &key));
    assert!(
        error
            .to_string()
            .contains("304 (not modified), but there is no local copy"),
        "{error}"
    );
}

#[test]
fn a_malformed_index_is_refused_with_its_place() {
    let (world, key) = (World::new(), TestKey::generate());
    let builder =
        stable(&key).packages_text("main", "amd64", "Package: hello\nVersion: 1\nno colon\n");
    builder.build().serve(&world.server, "/debian");
    let error = refused(&world, &world.repository("/debian", "stable", &key));
    let SourceErrorKind::MalformedIndex { path, error: inner } = &*error.kind else {
        panic!("{error}")
    };
    assert_eq!(path, "main/binary-amd64/Packages.gz");
    assert!(inner.to_string().contains("line 3"), "{error}");
}
