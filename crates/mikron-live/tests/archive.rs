//! The archive itself: the keys that are built in verify it, and its indexes become a universe.

#![allow(clippy::unwrap_used)] // a test

use mikron_deb::DebFormat;
use mikron_live::mirror::mirror;
use mikron_package::{Limits, Silent, Universe as _};
use mikron_source::cache::{Cache, CacheOptions};
use mikron_source::deb::{Context, refresh};
use mikron_source::fetch::{Fetch as _, HttpFetch, HttpOptions, Request};
use mikron_source::preset::{Locations, Preset, debian_keyring};
use mikron_source::trust::{OpenPgp, TrustError};
use mikron_source::universe::IndexUniverse;
use mikron_testkit::repository::now;

#[test]
fn the_embedded_debian_keys_verify_the_real_archive() {
    use std::io::Read as _;
    let Some(mirror) = mirror() else {
        return;
    };
    let http = HttpFetch::new(HttpOptions::default());
    let mut urls = vec![format!("{}/dists/bookworm/InRelease", mirror.main)];
    urls.push(format!("{}/dists/trixie/InRelease", mirror.main));
    urls.extend(
        mirror
            .security
            .map(|base| format!("{base}/dists/bookworm-security/InRelease")),
    );
    let verifier = OpenPgp::new(debian_keyring(), now());
    for url in urls {
        let mut message = Vec::new();
        http.fetch(&Request::get(&url))
            .unwrap()
            .body
            .read_to_end(&mut message)
            .unwrap();
        let signed = verifier.verify_clearsigned(&message).unwrap();
        assert!(signed.text.starts_with(b"Origin: Debian\n"));
        let at = message.len() / 3;
        message[at] ^= 1;
        let error = verifier.verify_clearsigned(&message).unwrap_err();
        assert!(matches!(error, TrustError::BadSignature { .. }), "{error}");
    }
}

#[test]
fn the_real_archive_becomes_a_universe() {
    let Some(mirror) = mirror() else { return };
    let directory = tempfile::tempdir().unwrap();
    let cache = Cache::open(directory.path(), CacheOptions::default()).unwrap();
    let http = HttpFetch::new(HttpOptions::default());
    let limits = Limits::default();
    let context = Context::new(&http, &cache, &Silent, &limits, now());
    let mut locations = Locations::default();
    let mirrors = &mut locations.mirrors;
    mirrors.insert("debian".to_owned(), mirror.main);
    let has_security = mirror.security.is_some();
    mirrors.extend(
        mirror
            .security
            .map(|url| ("debian-security".to_owned(), url)),
    );
    let preset = Preset::deb("bookworm").unwrap();
    let mut repositories = preset.repositories("debian", &locations);
    repositories.retain(|r| r.suite != "bookworm-security" || has_security);
    let suites = refresh(&context, &repositories, &["amd64"]).unwrap();
    let mut parts = Vec::new();
    for suite in &suites {
        parts.extend(suite.parts(&context).unwrap());
    }
    let universe = IndexUniverse::new(&DebFormat, "amd64", parts).unwrap();
    assert!(!universe.named("nginx").is_empty());
}
