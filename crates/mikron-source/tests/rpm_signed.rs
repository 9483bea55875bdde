//! Repositories whose packages are signed, and not their metadata.
#![cfg(all(feature = "http", feature = "openpgp"))] // what these tests serve and sign
#![allow(clippy::unwrap_used)] // functions that tests share may, as tests may

mod common;

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::process::Command;

use common::World;
use common::rpm::{packages, paths, publish_now, record, repository};
use mikron_source::deb::Trust;
use mikron_source::rpm::{RpmRepository, Signed};
use mikron_source::trust::{Keyring, TrustError};
use mikron_source::{Repository, SourceError, SourceErrorKind};
use mikron_testkit::repository::TestKey;
use mikron_testkit::rpm::{HeaderValue, RpmBuilder, RpmSections, rpmbuild};
use mikron_testkit::rpm_repository::RpmRepositoryBuilder;
use mikron_testkit::tools::tool;

#[test]
fn unsigned_metadata_are_believed_where_packages_are_what_is_signed() {
    let (world, key) = (World::new(), TestKey::generate());
    let built = RpmRepositoryBuilder::new()
        .package(record("a", "1-1", "noarch"), "a")
        .build();
    built.serve(&world.server, "/el9");
    let mut repository = repository(&world, &key);
    repository.signed = Signed::Packages;
    let published = publish_now(&world, &repository).unwrap();
    assert_eq!(packages(&world, &published), ["a 1-1 noarch"]);
    assert!(!paths(&world).iter().any(|path| path.contains(".asc")));
}

/// A package that these keys have signed.
fn signed_package(keys: &[&TestKey]) -> RpmSections {
    let builder =
        RpmBuilder::new("signed", "1", "1", "noarch").file("/usr/bin/signed", 0o755, b"x");
    let mut sections = builder.parts().sections();
    for (tag, key) in [268, 267].into_iter().zip(keys) {
        let packets = key.sign_packets(&sections.header);
        sections.signature.set(tag, HeaderValue::Binary(packets));
    }
    sections
}

/// What the check of a repository whose packages are signed says of an archive.
fn checked(world: &World, key: &TestKey, archive: &[u8]) -> Result<(), SourceError> {
    let mut repository = repository(world, key);
    repository.signed = Signed::Packages;
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(archive).unwrap();
    file.rewind().unwrap();
    repository.check(&world.context(), "signed-1-1.noarch.rpm", &mut file)
}

#[test]
fn packages_are_verified_by_the_signature_over_their_header() {
    let (world, key, other) = (World::new(), TestKey::generate(), TestKey::generate());
    let good = signed_package(&[&key]);
    checked(&world, &key, &good.join()).unwrap();
    // Whoever else has signed does not matter.
    checked(&world, &key, &signed_package(&[&other, &key]).join()).unwrap();
    let untrusted = |archive: &[u8]| match *checked(&world, &key, archive).unwrap_err().kind {
        SourceErrorKind::Untrusted { url, error } => {
            assert_eq!(url, "signed-1-1.noarch.rpm");
            error
        }
        other => panic!("{other}"),
    };
    assert_eq!(untrusted(&signed_package(&[]).join()), TrustError::Unsigned);
    assert!(matches!(
        untrusted(&signed_package(&[&other]).join()),
        TrustError::UnknownKey { .. }
    ));
    // Another header under the same signature, with digests of its own.
    let mut changed = good.clone();
    let at = changed
        .header
        .windows(6)
        .position(|w| w == b"signed")
        .unwrap();
    changed.header[at] = b'S';
    let error = checked(&world, &key, &changed.join()).unwrap_err();
    assert!(
        matches!(*error.kind, SourceErrorKind::Archive { .. }),
        "{error}"
    );
    changed.seal();
    assert!(matches!(
        untrusted(&changed.join()),
        TrustError::BadSignature { .. }
    ));
    let error = checked(&world, &key, b"no package").unwrap_err();
    assert!(
        error
            .to_string()
            .contains("signed-1-1.noarch.rpm (source test)"),
        "{error}"
    );
    // Where the metadata are signed, they prove the archive.
    let repository = repository(&world, &key);
    repository
        .check(
            &world.context(),
            "a.rpm",
            &mut tempfile::tempfile().unwrap(),
        )
        .unwrap();
}

#[test]
fn bad_055_signed_packages_that_md5_or_sha_1_alone_prove() {
    let (world, key) = (World::new(), TestKey::generate());
    let check = |mut sections: RpmSections| {
        let packets = key.sign_packets(&sections.header);
        sections.signature.set(268, HeaderValue::Binary(packets));
        checked(&world, &key, &sections.join())
    };
    let mut parts = RpmBuilder::new("old", "1", "1", "noarch")
        .file("/usr/bin/old", 0o755, b"x")
        .parts();
    // Without a digest of the payload, but with strong ones of its files.
    check(parts.old_sections()).unwrap();
    let md5 = HeaderValue::texts(&["9dd4e461268c8034f5c8564e155c67a6"]);
    parts.header.set(1035, md5).remove(5011);
    check(parts.sections()).unwrap();
    let error = check(parts.old_sections()).unwrap_err();
    let SourceErrorKind::Untrusted {
        error: TrustError::WeakDigests { key: by, seen },
        ..
    } = &*error.kind
    else {
        panic!("{error}")
    };
    assert_eq!(*by, key.fingerprint());
    let names = ["header", "header and payload", "contents"];
    assert!(
        seen.iter()
            .zip(names)
            .all(|(seen, name)| seen.ends_with(name))
    );
    assert!(
        error
            .to_string()
            .ends_with("SHA-1 of the header, MD5 of the header and payload, MD5 of the contents"),
        "{error}"
    );
    // Where the metadata are signed, they prove the archive, whatever it says of itself.
    let metadata = repository(&world, &key);
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&parts.old_sections().join()).unwrap();
    file.rewind().unwrap();
    metadata
        .check(&world.context(), "old.rpm", &mut file)
        .unwrap();
}

#[test]
fn packages_that_rpmsign_has_signed_are_verified() {
    let tools = ["rpmbuild", "rpmsign", "gpg"].map(tool);
    let [Some(build), Some(rpmsign), Some(gpg)] = tools else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path().join("gnupg");
    std::fs::create_dir(&home).unwrap();
    std::fs::set_permissions(&home, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let run = |program: &std::path::Path, arguments: &[&str]| {
        let output = Command::new(program)
            .args(arguments)
            .env("HOME", directory.path())
            .env("GNUPGHOME", &home)
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {errors}", program.display());
        output.stdout
    };
    let user = "Test <test@example.org>";
    let quiet = [
        "--batch",
        "--passphrase",
        "",
        "--quick-generate-key",
        user,
        "rsa2048",
        "sign",
        "never",
    ];
    run(&gpg, &quiet);
    let certificate = run(&gpg, &["--export", user]);
    let spec = "Name: signed\nVersion: 1\nRelease: 1\nSummary: s\nLicense: l\nBuildArch: noarch\n%description\nd\n%files\n";
    let packages = rpmbuild(&build, directory.path(), spec, &[]).unwrap();
    let package = packages[0].to_str().unwrap();
    let define = format!("_gpg_name {user}");
    let program = format!("__gpg {}", gpg.display());
    let world = World::new();
    let trust = Trust::Keys(Keyring::new(certificate).unwrap());
    let mut repository = RpmRepository::at("test", &[], None, trust);
    repository.signed = Signed::Packages;
    let check = || {
        repository.check(
            &world.context(),
            "signed.rpm",
            &mut File::open(package).unwrap(),
        )
    };
    assert!(check().is_err(), "it is not signed yet");
    run(
        &rpmsign,
        &[
            "--define",
            &define,
            "--define",
            &program,
            "--addsign",
            package,
        ],
    );
    check().unwrap();
    // The agent that gpg has started ends with its directory.
    let _ = Command::new("gpgconf")
        .args(["--kill", "gpg-agent"])
        .env("GNUPGHOME", &home)
        .status();
}
