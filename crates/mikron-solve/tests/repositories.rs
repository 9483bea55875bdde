//! Through real repositories: what a record says of other packages is found again in the index that is made of it.

use std::path::Path;

use mikron_apk::ApkFormat;
use mikron_package::{
    Architecture, Limits, PackageFormat, PackageRecord, Relation, Silent, Version,
};
use mikron_rpm::RpmFormat;
use mikron_solve::{Request, ResolvoSolver, Solver as _};
use mikron_source::apk::{ApkRepository, ApkTrust};
use mikron_source::cache::{Cache, CacheOptions};
use mikron_source::deb::Trust;
use mikron_source::fetch::{HttpOptions, Router};
use mikron_source::rpm::RpmRepository;
use mikron_source::universe::IndexUniverse;
use mikron_source::{Context, Repository};
use mikron_testkit::apk::ApkRepositoryBuilder;
use mikron_testkit::repository::now;
use mikron_testkit::rpm_repository::RpmRepositoryBuilder;

/// Solves against a repository, once out of what it publishes and once out of the cache, and names what comes out.
fn solved(
    directory: &Path,
    repository: &dyn Repository,
    format: &dyn PackageFormat,
    wish: &[&str],
) -> String {
    let cache = directory.join("cache");
    let cache = Cache::open(&cache, CacheOptions::default()).expect("an empty cache");
    let (router, limits) = (Router::standard(HttpOptions::default()), Limits::default());
    let context = Context::new(&router, &cache, &Silent, &limits, now());
    let mut found = ["", ""].map(|_| {
        let published = repository.publish(&context, &[Architecture::Amd64]);
        let parts = published.expect("a good repository")[0].parts(&context);
        let parts = parts.expect("a good index");
        let universe = IndexUniverse::new(format, "x86_64", parts).expect("one index");
        let names = wish.iter().map(|name| name.parse().expect("a name"));
        let solution = ResolvoSolver::default().solve(&universe, &Request::of(names));
        let solution = solution.unwrap_or_else(|error| panic!("{error}"));
        let names: Vec<&str> = solution.packages.iter().map(|p| p.name.as_str()).collect();
        names.join(" ")
    });
    assert_eq!(found[0], found[1]);
    std::mem::take(&mut found[0])
}

fn rpm(name: &str) -> PackageRecord {
    let name = name.parse().expect("a package's name");
    PackageRecord::new(name, Version::new("1-1"), "noarch")
}

#[test]
fn an_obsoleter_out_of_repomd_takes_the_place_of_what_it_obsoletes() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut new = rpm("new");
    let old = || Relation::named("old".parse().expect("a package's name"));
    new.obsoletes.push(old());
    let base = directory.path().join("repository");
    let build = |new: PackageRecord| {
        let builder = RpmRepositoryBuilder::new().package(rpm("old"), "archive of old");
        builder.package(new, "archive of new").build()
    };
    let bases = [base.to_string_lossy().into_owned()];
    let repository = RpmRepository::at("test", &bases, None, Trust::Unsigned);
    build(new).write_to(&base);
    let ask = |cache: &str| {
        solved(
            &directory.path().join(cache),
            &repository,
            &RpmFormat,
            &["old"],
        )
    };
    assert_eq!(ask("one"), "new");
    build(rpm("new")).write_to(&base);
    assert_eq!(ask("another"), "old");
}

#[test]
fn install_if_out_of_an_apkindex_brings_a_package_in() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let base = directory.path().join("repository");
    ApkRepositoryBuilder::new("x86_64")
        .simple("hello", "1.0-r0", &[])
        .simple("docs", "1.0-r0", &[])
        .simple(
            "hello-doc",
            "1.0-r0",
            &[("install_if", "hello=1.0-r0 docs")],
        )
        .build()
        .write_to(&base);
    let url = format!("file://{}", base.display());
    let repository = ApkRepository::new("test", &url, ApkTrust::Unsigned);
    let ask = |wish: &[&str]| solved(directory.path(), &repository, &ApkFormat, wish);
    assert_eq!(ask(&["hello", "docs"]), "docs hello hello-doc");
    assert_eq!(ask(&["hello"]), "hello");
}
