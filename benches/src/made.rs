//! Repositories that are made for a measurement: the archive's own packages in apk's form, and very many small files.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use mikron::Builder;
use mikron_source::cache::Cache;
use mikron_testkit::apk::ApkKey;
use mikron_testkit::archive::{Compression, DebBuilder};
use mikron_testkit::repackage::{Debian, apk_repository};
use mikron_testkit::repository::{RepositoryBuilder, TestKey};

use crate::measure::Failed;

/// The name of the key in a made apk repository, and of its file beside the spec.
pub const APK_KEY: &str = "bench@example.org.rsa.pub";

/// The packages that a spec of Debian is solved to, repackaged as a signed apk repository in `at/repository`, with its key in
/// `at`. Gives the number of packages.
///
/// # Errors
/// When the spec cannot be solved, or a package cannot be unpacked or read.
pub fn apk(builder: &Builder, cache: &Cache, at: &Path) -> Result<usize, Failed> {
    let failed = || Failed::of::<std::io::Error>(at.display().to_string());
    let lock = builder.lock().map_err(Failed::of("the lock"))?;
    let work = tempfile::TempDir::new().map_err(failed())?;
    let mut packages = Vec::new();
    for package in lock.platforms.values().flat_map(|locked| &locked.packages) {
        let blob = cache.open_blob(&package.digest);
        let blob = blob.map_err(Failed::of(package.name.as_str()))?;
        let mut blob = blob.ok_or_else(|| Failed {
            what: package.name.to_string(),
            why: "its archive is not in the cache".to_owned(),
        })?;
        let archive = work.path().join("archive.deb");
        let mut file = fs::File::create(&archive).map_err(failed())?;
        std::io::copy(&mut blob, &mut file).map_err(failed())?;
        packages.push(Debian::unpack(&archive, work.path()).map_err(failed())?);
    }
    let key = ApkKey::shared("bench@example.org");
    let made = apk_repository(&packages, "x86_64", &key).map_err(failed())?;
    let repository = at.join("repository");
    made.write_to(&repository);
    // apko looks for packages of every architecture beside the index.
    let common = fs::read_dir(repository.join("noarch")).into_iter();
    for file in common.flatten() {
        let file = file.map_err(failed())?;
        let beside = repository.join("x86_64").join(file.file_name());
        fs::copy(file.path(), beside).map_err(failed())?;
    }
    fs::write(at.join(APK_KEY), key.public_pem()).map_err(failed())?;
    Ok(packages.len())
}

/// What a made repository of Debian is asked for: this package depends on all others.
pub const ALL: &str = "everything";

/// A signed Debian repository in `at/repository` of so many packages with so many small files, all different, with its key in
/// `at/key.asc`. [`ALL`] is one more package.
///
/// # Errors
/// When the key cannot be written.
pub fn files(packages: usize, files: usize, at: &Path) -> Result<(), Failed> {
    let key = TestKey::generate();
    let mut repository = RepositoryBuilder::new("stable");
    let mut names = Vec::new();
    for p in 0..packages {
        let name = format!("bench-{p:04}");
        let mut builder = DebBuilder::new(&name, "1.0", "amd64").compression(Compression::Gzip);
        for n in (p..files).step_by(packages) {
            let mut text = format!("The content of the file with the number {n}.\n");
            let lines = n % 40;
            for line in 0..lines {
                let _ = writeln!(text, "Line {line} of {lines}.");
            }
            let path = format!(
                "/usr/share/{name}/directory-{:03}/a-file-of-some-length-{n:06}.txt",
                n / packages / 20
            );
            builder = builder.file(&path, 0o644, text);
        }
        let stanza = format!("Package: {name}\nVersion: 1.0\nArchitecture: amd64");
        repository = repository.package(&stanza, builder.build());
        names.push(name);
    }
    let depends = names.join(", ");
    let all = DebBuilder::new(ALL, "1.0", "amd64").depends(&depends);
    let stanza = format!("Package: {ALL}\nVersion: 1.0\nArchitecture: amd64\nDepends: {depends}");
    let repository = repository.package(&stanza, all.build()).sign_with(&key);
    repository.build().write_to(&at.join("repository"));
    let file = at.join("key.asc");
    fs::write(&file, key.certificate_armored()).map_err(Failed::of(file.display().to_string()))
}
