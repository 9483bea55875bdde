//! Records that cannot be used cost their own package alone: they are told of once a source, out of the cache too, and whoever
//! needs the package learns why it is not there.

use std::sync::{Arc, Mutex};

use mikron_apk::ApkFormat;
use mikron_deb::DebFormat;
use mikron_package::{
    Architecture, Event, Limits, PackageFormat, PackageRecord, Progress, Requirement, Version,
};
use mikron_rpm::RpmFormat;
use mikron_solve::{Request, ResolvoSolver, Solver as _};
use mikron_source::apk::{ApkRepository, ApkTrust};
use mikron_source::cache::{Cache, CacheOptions};
use mikron_source::deb::{DebRepository, Trust};
use mikron_source::fetch::{HttpOptions, Router};
use mikron_source::rpm::RpmRepository;
use mikron_source::trust::Keyring;
use mikron_source::universe::IndexUniverse;
use mikron_source::{Context, Repository};
use mikron_testkit::apk::ApkRepositoryBuilder;
use mikron_testkit::repository::{RepositoryBuilder, TestKey, now};
use mikron_testkit::rpm_repository::RpmRepositoryBuilder;

#[derive(Default)]
struct Log(Mutex<Vec<String>>);

impl Progress for Log {
    fn event(&self, event: &Event<'_>) {
        if let Event::Warning { message } = event {
            let mut log = self.0.lock().expect("nobody panics with it");
            log.push((*message).to_owned());
        }
    }
}

/// Solves for each name, first out of what is published and then out of the cache: the packages or the error, and the warnings.
fn asked(
    directory: &tempfile::TempDir,
    repository: &dyn Repository,
    format: &dyn PackageFormat,
    names: &[&str],
) -> (Vec<String>, Vec<String>) {
    let cache = Cache::open(&directory.path().join("cache"), CacheOptions::default());
    let (cache, limits) = (cache.expect("an empty cache"), Limits::default());
    let router = Router::standard(HttpOptions::default());
    let [first, again] = ["", ""].map(|_| {
        let log = Log::default();
        let context = Context::new(&router, &cache, &log, &limits, now());
        let published = repository.publish(&context, &[Architecture::Amd64]);
        let published = published.expect("a good repository");
        let published: Vec<&Arc<_>> = published.iter().collect();
        let parts = mikron_source::parts(&context, &published).expect("a good index");
        let architecture = parts[0].index.architecture().to_owned();
        let universe = IndexUniverse::new(format, &architecture, parts).expect("one index");
        let solved = names.iter().map(|name| {
            let request = Request::of([name.parse().expect("a name")]);
            match ResolvoSolver::default().solve(&universe, &request) {
                Ok(solution) => {
                    let shown = |p: &mikron_solve::Solved| format!("{} {}", p.name, p.version);
                    let packages: Vec<String> = solution.packages.iter().map(shown).collect();
                    packages.join(", ")
                }
                Err(error) => error.to_string(),
            }
        });
        let solved: Vec<String> = solved.collect();
        let warnings = log.0.into_inner().expect("nobody panicked");
        (solved, warnings)
    });
    assert_eq!(first, again, "the cache tells the same");
    first
}

fn holds(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn an_index_of_debian_with_odd_stanzas_serves_all_others() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let base = directory.path().join("repository");
    let raw = |name: &str, version: &str, more: &str| {
        format!("Package: {name}\nVersion: {version}\nArchitecture: amd64\n{more}")
    };
    let size = "Filename: pool/x.deb\nSize: 9\n";
    let digest = format!("SHA256: {}\n", "0".repeat(64));
    let sizeless = format!("Filename: pool/x.deb\n{digest}");
    RepositoryBuilder::new("stable")
        .simple("good", "1", "amd64", "")
        .simple("needy", "1", "amd64", "Depends: odd\n")
        .simple("odd", "1", "amd64", "")
        .simple("newer", "2", "amd64", "Depends: sizeless (>= 1)\n")
        .raw_stanza(
            "main",
            "amd64",
            &raw("odd", "abc", &format!("{size}{digest}")),
        )
        .raw_stanza("main", "amd64", &raw("sizeless", "1", &sizeless))
        .raw_stanza("main", "amd64", &raw("hashless", "1", size))
        .raw_stanza(
            "main",
            "amd64",
            &raw("far", "1", &format!("{size}{digest}")).replace("pool/", "../"),
        )
        .build()
        .write_to(&base);
    let nobody = Keyring::new(TestKey::generate().certificate()).expect("a sound key");
    let mut repository = DebRepository::new("local", &base.to_string_lossy(), "stable", nobody);
    repository.trust = Trust::Unsigned;
    let names = ["good", "needy", "newer", "hashless", "far"];
    let (solved, warnings) = asked(&directory, &repository, &DebFormat, &names);
    assert_eq!(solved[0], "good 1");
    assert_eq!(solved[1], "needy 1, odd 1", "another version of it will do");
    holds(
        &solved[2],
        &[
            "sizeless 1 (source local) was left out",
            "Size: the field is missing",
            "help: ask whoever publishes source `local`",
        ],
    );
    holds(&solved[3], &["hashless", "SHA256: the field is missing"]);
    holds(
        &solved[4],
        &["far 1", "the location `../x.deb` has a `..` component"],
    );
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    holds(
        &warnings[0],
        &[
            "source local (stable/main",
            "4 records of its index cannot be used",
            "and 1 more",
        ],
    );
}

#[test]
fn an_index_of_alpine_with_versions_of_old_serves_all_others() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let base = directory.path().join("repository");
    ApkRepositoryBuilder::new("x86_64")
        .simple("good", "1.0-r0", &[])
        .simple("needy", "1.0-r0", &[("depend", "libold")])
        .simple("libold", "0.99f7-r0", &[])
        .simple("pinball", "6.8.0p2-r4", &[])
        .build()
        .write_to(&base);
    let repository = ApkRepository::new("alpine", &base.to_string_lossy(), ApkTrust::Unsigned);
    let names = ["good", "pinball", "needy"];
    let (solved, warnings) = asked(&directory, &repository, &ApkFormat, &names);
    assert_eq!(solved[0], "good 1.0-r0");
    holds(
        &solved[1],
        &["pinball 6.8.0p2-r4", "V: the version `6.8.0p2-r4` has a"],
    );
    holds(
        &solved[2],
        &[
            "needy 1.0-r0",
            "libold 0.99f7-r0",
            "was left out of the index",
        ],
    );
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    holds(
        &warnings[0],
        &["source alpine (x86_64/APKINDEX.tar.gz): 2 records"],
    );
}

#[test]
fn primary_with_packages_that_contradict_each_other_serves_all_others() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let base = directory.path().join("repository");
    let record = |name: &str| {
        PackageRecord::new(name.parse().expect("a name"), Version::new("1-1"), "noarch")
    };
    let mut needy = record("needy");
    let twin: Requirement = Requirement::One(mikron_package::Relation::named(
        "twin".parse().expect("a name"),
    ));
    needy.depends.push(twin);
    RpmRepositoryBuilder::new()
        .package(record("good"), "archive of good")
        .package(record("twin"), "one archive of twin")
        .package(record("twin"), "another archive of twin")
        .package(needy, "archive of needy")
        .package(record("weak"), "archive of weak")
        .edit_primary("<name>weak</name>", "<name>we ak</name>")
        .build()
        .write_to(&base);
    let bases = [base.to_string_lossy().into_owned()];
    let repository = RpmRepository::at("local", &bases, None, Trust::Unsigned);
    let names = ["good", "needy"];
    let (solved, warnings) = asked(&directory, &repository, &RpmFormat, &names);
    assert_eq!(solved[0], "good 1-1");
    holds(&solved[1], &["twin 1-1", "two records of it differ"]);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    holds(
        &warnings[0],
        &[
            "2 records of its index cannot be used and are left out: twin 1-1 (",
            ", we ak 1-1 (",
        ],
    );
}
