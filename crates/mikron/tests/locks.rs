//! Whatever is locked can be built from its lock: generated repositories of all three families, with odd names, locations and
//! versions, locked, and built `--locked` from an empty cache.
//!
//! `MIKRON_LOCK_ROUNDS` sets how many are generated, `MIKRON_LOCK_SEED` which.
#![allow(clippy::unwrap_used)] // functions that tests share may, as tests may

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use mikron::Builder;
use mikron::package::{Limits, Origin, PackageRecord, normal_location};
use mikron_source::Environment;
use mikron_testkit::apk::{ApkBuilder, ApkRepositoryBuilder};
use mikron_testkit::archive::DebBuilder;
use mikron_testkit::mutation::Numbers;
use mikron_testkit::repository::RepositoryBuilder;
use mikron_testkit::rpm::RpmBuilder;
use mikron_testkit::rpm_repository::RpmRepositoryBuilder;
use tempfile::TempDir;

/// 2023-11-14T22:13:20Z.
const DATE: i64 = 1_700_000_000;

/// A package as all families have it.
struct Package {
    name: String,
    version: String,
    location: String,
    depends: Option<String>,
}

/// A text of some of these pieces.
fn pieces(numbers: &mut Numbers, pieces: &[&str], at_most: usize) -> String {
    let count = numbers.below(at_most + 1);
    (0..count).map(|_| *numbers.pick(pieces)).collect()
}

fn name(numbers: &mut Numbers, family: &str, number: usize) -> String {
    let heads: &[&str] = match family {
        "deb" => &["a", "0ad", "lib", "no", "true", "x11"],
        "rpm" => &["a", "mod_ssl", "Foo_Bar", "NO", "1e5", "_x", "null"],
        _ => &["a", "py3-a_b", "Y", "off", "1", "_x"],
    };
    let more: &[&str] = match family {
        "deb" => &["-", "+", ".", "z", "9", "++"],
        _ => &["-", "+", ".", "z", "9", "_", "__", "_bins"],
    };
    let head = *numbers.pick(heads);
    let middle = pieces(numbers, more, 3);
    format!("{head}{middle}x{number}")
}

fn version(numbers: &mut Numbers, family: &str) -> String {
    match family {
        "apk" => {
            let more = pieces(numbers, &[".0", ".10", ".999"], 3);
            let letter = *numbers.pick(&["", "a"]);
            let suffix = *numbers.pick(&["", "_rc1", "_git20240101", "_p2"]);
            let revision = *numbers.pick(&["-r0", "-r12"]);
            format!("1{more}{letter}{suffix}{revision}")
        }
        family => {
            let odd: &[&str] = match family {
                "deb" => &["~rc1", "+dfsg", ".0", "a", "~", ".1e3"],
                _ => &["~rc1", "^git", ".0", "a", "_1", "+b"],
            };
            let epoch = *numbers.pick(&["", "", "1:"]);
            let upstream = pieces(numbers, odd, 3);
            let revision = *numbers.pick(&["1", "0.1", "3~bpo"]);
            format!("{epoch}{}{upstream}-{revision}", numbers.below(30))
        }
    }
}

/// A way to a file that no other package has.
fn location(numbers: &mut Numbers, file: &str) -> String {
    const PARTS: [&str; 20] = [
        "pool/", "./", "/", "größe/", "a b/", "100%/", "%41/", "x+y/", "~/", "日本/", "a:b/",
        "(1)/", "'/", "&amp;/", "#/", "?q=1/", ".../", "-/", "@/", "\"<|>/",
    ];
    const ENDS: [&str; 6] = ["", " 1", "%3a", "é", "#", "&=;"];
    let start = *numbers.pick(&["", "", "./", "././"]);
    let directories = pieces(numbers, &PARTS, 3);
    let end = *numbers.pick(&ENDS);
    format!(
        "{start}{}{file}{end}.pkg",
        directories.trim_start_matches('/')
    )
}

fn generate(numbers: &mut Numbers, family: &str) -> Vec<Package> {
    let mut packages: Vec<Package> = Vec::new();
    for number in 0..=numbers.below(3) {
        let depends = packages.last().map(|package| package.name.clone());
        let name = name(numbers, family, number);
        packages.push(Package {
            location: location(numbers, &name),
            version: version(numbers, family),
            depends,
            name,
        });
    }
    packages
}

/// Writes the repository, and gives what stands behind the source in the spec.
fn write(numbers: &mut Numbers, family: &str, packages: &[Package], directory: &Path) -> String {
    let path = |package: &Package| format!("usr/share/{}/data", package.name);
    match family {
        "deb" => {
            let suite = *numbers.pick(&["stable", "./", "sub/./dir/", "a/updates", "1.0~x"]);
            let flat = suite.ends_with('/');
            let mut repository = RepositoryBuilder::new(suite).date(DATE);
            if flat && numbers.one_in(2) {
                repository = repository.without_release();
            } else if numbers.one_in(3) {
                repository = repository.detached();
            }
            for package in packages {
                let Package { name, version, .. } = package;
                let mut stanza =
                    format!("Package: {name}\nVersion: {version}\nArchitecture: amd64\n");
                let mut deb =
                    DebBuilder::new(name, version, "amd64").file(&path(package), 0o644, name);
                if let Some(depends) = &package.depends {
                    let _ = writeln!(stanza, "Depends: {depends}");
                    deb = deb.depends(depends);
                }
                repository = repository.package_at(&package.location, &stanza, deb.build());
            }
            repository.build().write_to(directory);
            format!("suite: \"{suite}\"")
        }
        "rpm" => {
            let mut repository = RpmRepositoryBuilder::new().timestamp(DATE);
            for package in packages {
                let version = package.version.as_str();
                let (epoch, rest) = version.split_once(':').unwrap_or(("", version));
                let (upstream, release) = rest.split_once('-').unwrap();
                let mut rpm = RpmBuilder::new(&package.name, upstream, release, "x86_64").file(
                    &format!("/{}", path(package)),
                    0o644,
                    &package.name,
                );
                if let Ok(epoch) = epoch.parse() {
                    rpm = rpm.epoch(epoch);
                }
                if let Some(depends) = &package.depends {
                    rpm = rpm.requires(depends);
                }
                let bytes = rpm.build();
                let record = PackageRecord {
                    location: package.location.clone(),
                    ..record(&bytes)
                };
                repository = repository.package(record, bytes);
            }
            if numbers.one_in(3) {
                repository = repository.edit_repomd("href=\"", "href=\"./");
            }
            repository.build().write_to(directory);
            String::new()
        }
        _ => {
            let mut repository = ApkRepositoryBuilder::new("x86_64");
            for package in packages {
                let mut apk = ApkBuilder::new(&package.name, &package.version, "x86_64").file(
                    &path(package),
                    0o644,
                    &package.name,
                );
                if let Some(depends) = &package.depends {
                    apk = apk.field("depend", depends);
                }
                repository = repository.package(&apk.members());
            }
            repository.build().write_to(directory);
            String::new()
        }
    }
}

/// What an archive says of itself.
fn record(archive: &[u8]) -> PackageRecord {
    let formats = mikron::formats();
    let format = formats
        .iter()
        .find(|f| f.recognises(&archive[..8]))
        .unwrap();
    let opened = format.open(
        Box::new(archive),
        &Limits::default(),
        &Origin::named("test"),
    );
    opened.unwrap().metadata().record.clone()
}

fn round(seed: u64, number: u64) {
    let mut numbers = Numbers::new(seed, number);
    let numbers = &mut numbers;
    let family = ["deb", "rpm", "apk"][usize::try_from(number % 3).unwrap()];
    let packages = generate(numbers, family);
    let home = TempDir::new().unwrap();
    // The directory of a spec is nothing that a URL has to have a name for.
    let here = home
        .path()
        .join(*numbers.pick(&["here", "a b", "100%25", "größe"]));
    let repository = here.join("repository");
    fs::create_dir_all(&repository).unwrap();
    let more = write(numbers, family, &packages, &repository);
    let more = if more.is_empty() {
        more
    } else {
        format!(", {more}")
    };
    let roots = packages.iter().rev().take(1 + numbers.below(2));
    let roots: Vec<String> = roots
        .map(|package| format!("\"{}\"", package.name))
        .collect();
    let text = format!(
        "mikron: 1\nname: odd\nselect: {}\nsources: {{ local: {{ {family}: \"file:{}repository\", allow: [unsigned]{more} }} }}\n\
         packages: [{}]\n",
        numbers.pick(&["full", "package"]),
        numbers.pick(&["", "./"]),
        roots.join(", "),
    );
    let file = here.join("odd.yaml");
    fs::write(&file, &text).unwrap();
    let builder = |cache: &str| {
        let builder = Builder::from_file(&file).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let builder = builder.environment(Environment::empty());
        builder.cache(home.path().join(cache)).jobs(1)
    };
    let failed = |what: &str, error: &mikron::Error| -> ! {
        let lock = fs::read_to_string(file.with_extension("lock")).unwrap_or_default();
        panic!("round {number}: {what}: {error}\n{text}\n{lock}")
    };
    let (_, lock) = builder("first")
        .write_lock()
        .unwrap_or_else(|error| failed("lock", &error));
    let locked = builder("second").locked(true).build();
    let locked = locked.unwrap_or_else(|error| failed("build --locked", &error));
    for package in lock
        .platforms
        .values()
        .flat_map(|platform| &platform.packages)
    {
        let normal = normal_location(&package.location);
        assert_eq!(normal.as_deref(), Ok(&*package.location));
    }
    let again = builder("first")
        .lock()
        .unwrap_or_else(|error| failed("lock again", &error));
    assert_eq!(again, lock, "round {number}");
    fs::remove_file(file.with_extension("lock")).unwrap();
    let fresh = builder("first")
        .build()
        .unwrap_or_else(|error| failed("build", &error));
    assert_eq!(fresh.digest, locked.digest, "round {number}\n{text}");
}

#[test]
fn whatever_is_locked_can_be_built_from_its_lock_with_an_empty_cache() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let rounds: u64 = number("MIKRON_LOCK_ROUNDS").unwrap_or(30);
    let seed = number("MIKRON_LOCK_SEED").unwrap_or(10);
    for round_number in 0..rounds {
        round(seed, round_number);
    }
}

/// The packages `greet` and what it needs, in these versions.
fn greet(version: &str) -> Vec<Package> {
    let package = |name: &str, depends: Option<&str>| Package {
        name: name.to_owned(),
        version: version.to_owned(),
        location: format!("{name}-{version}.pkg"),
        depends: depends.map(str::to_owned),
    };
    vec![package("data", None), package("greet", Some("data"))]
}

/// A repository in a directory of this name, and a builder for a spec beside it.
struct Home {
    dir: TempDir,
    family: &'static str,
}

impl Home {
    fn new(family: &'static str) -> Self {
        let dir = TempDir::new().unwrap();
        Self { dir, family }
    }

    /// Publishes, in place of what was there, with nothing of the time when it was done.
    fn publish(&self, version: &str) {
        let repository = self.dir.path().join("repository");
        let _ = fs::remove_dir_all(&repository);
        fs::create_dir(&repository).unwrap();
        // The first round of this seed has a suite with a Release.
        let more = write(
            &mut Numbers::new(3, 0),
            self.family,
            &greet(version),
            &repository,
        );
        let more = if more.is_empty() {
            more
        } else {
            format!(", {more}")
        };
        let text = format!(
            "mikron: 1\nname: greet\nselect: full\nsources: {{ local: {{ {}: \"file:repository\", allow: [unsigned]{more} }} }}\n\
             packages: [greet]\n",
            self.family
        );
        fs::write(self.dir.path().join("greet.yaml"), text).unwrap();
        let mut open = vec![repository];
        while let Some(directory) = open.pop() {
            for entry in fs::read_dir(directory).unwrap().flatten() {
                if entry.path().is_dir() {
                    open.push(entry.path());
                    continue;
                }
                let file = fs::File::options().write(true).open(entry.path()).unwrap();
                file.set_modified(std::time::UNIX_EPOCH).unwrap();
            }
        }
    }

    fn builder(&self) -> Builder {
        let builder = Builder::from_file(self.dir.path().join("greet.yaml")).unwrap();
        builder
            .environment(Environment::empty())
            .cache(self.dir.path().join("cache"))
    }

    fn versions(&self, builder: &Builder) -> Vec<String> {
        let lock = builder
            .lock()
            .unwrap_or_else(|error| panic!("{}: {error}", self.family));
        let packages = lock
            .platforms
            .values()
            .flat_map(|platform| &platform.packages);
        packages
            .map(|package| package.version.to_string())
            .collect()
    }
}

#[test]
fn a_local_source_is_looked_at_every_time() {
    for (family, versions) in [
        ("deb", ["1.0-1", "2.0-1"]),
        ("rpm", ["1.0-1", "2.0-1"]),
        ("apk", ["1.0-r1", "2.0-r1"]),
    ] {
        let home = Home::new(family);
        let mut digests = Vec::new();
        for version in versions {
            // The same sizes and times: only the content tells that it is another repository.
            home.publish(version);
            assert_eq!(home.versions(&home.builder()), [version; 2], "{family}");
            digests.push(home.builder().build().unwrap().digest);
            // The network is nothing to it.
            assert_eq!(
                home.versions(&home.builder().offline(true)),
                [version; 2],
                "{family}"
            );
        }
        assert_ne!(digests[0], digests[1], "{family}");
    }
}

#[test]
fn an_archive_that_is_gone_says_what_to_do() {
    let home = Home::new("deb");
    home.publish("1.0-1");
    home.builder().write_lock().unwrap();
    home.publish("2.0-1");
    fs::remove_dir_all(home.dir.path().join("cache")).unwrap();
    let error = home.builder().locked(true).build().unwrap_err().to_string();
    let spec = home.dir.path().join("greet.yaml");
    for expected in [
        "data 1.0-1 of the source `local` is gone: ".to_owned(),
        format!("help: take what is there now: `mikron lock {}`", spec.display()),
        "help: or give the source `local` a URL that still has what it published at 20231114T221320Z".to_owned(),
    ] {
        assert!(error.contains(&expected), "{error}");
    }
    // And that is what helps.
    home.builder().write_lock().unwrap();
    home.builder().locked(true).build().unwrap();
}

#[test]
fn a_package_with_an_underscore_is_explained_by_its_name() {
    let home = Home::new("rpm");
    let repository = home.dir.path().join("repository");
    let rpm = RpmBuilder::new("mod_ssl", "1.0", "1", "x86_64")
        .file("/usr/share/mod_ssl/data", 0o644, "x")
        .build();
    let odd = RpmRepositoryBuilder::new().package(record(&rpm), rpm);
    odd.timestamp(DATE).build().write_to(&repository);
    fs::write(
        home.dir.path().join("greet.yaml"),
        "mikron: 1\nname: greet\nsources: { local: { rpm: \"file:repository\", allow: [unsigned] } }\npackages: [mod_ssl]\n",
    )
    .unwrap();
    home.builder().write_lock().unwrap();
    let explanations = home.builder().locked(true).explain().unwrap();
    let answer = &explanations.about("mod_ssl")[0];
    assert!(answer.root && answer.version.is_some(), "{answer:?}");
}

#[test]
fn what_a_package_provides_by_path_can_be_asked_for() {
    let home = Home::new("apk");
    let repository = home.dir.path().join("repository");
    let busybox = ApkBuilder::new("busybox", "1.0-r1", "x86_64")
        .field("provides", "/bin/sh")
        .file("usr/share/busybox/data", 0o644, "x");
    let built = ApkRepositoryBuilder::new("x86_64").package(&busybox.members());
    built.build().write_to(&repository);
    fs::write(
        home.dir.path().join("greet.yaml"),
        "mikron: 1\nname: greet\nsources: { local: { apk: \"file:repository\", allow: [unsigned] } }\npackages: [/bin/sh]\n",
    )
    .unwrap();
    assert_eq!(home.versions(&home.builder()), ["1.0-r1"]);
    let fresh = home.builder().build().unwrap().digest;
    home.builder().write_lock().unwrap();
    assert_eq!(home.builder().locked(true).build().unwrap().digest, fresh);
}
