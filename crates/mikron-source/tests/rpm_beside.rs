//! What one repository tells those beside it: paths that its packages call for and `primary.xml` does not name, which come
//! out of `filelists.xml` of any of them, and names that its modules have taken over.
#![cfg(all(feature = "http", feature = "openpgp"))] // what these tests serve and sign
#![allow(clippy::unwrap_used)] // functions that tests share may, as tests may

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::World;
use common::rpm::{index, keyring, paths, publish_now, record, requires};
use mikron_package::Architecture;
use mikron_source::rpm::RpmRepository;
use mikron_source::universe::CompactIndex;
use mikron_source::{Context, Published, Repository};
use mikron_testkit::repository::TestKey;
use mikron_testkit::rpm_repository::RpmRepositoryBuilder;

const WORDS: &str = "/usr/share/dict/words";

fn repository(world: &World, key: &TestKey, name: &str) -> RpmRepository {
    RpmRepository::new(name, &world.server.url(&format!("/{name}")), keyring(key))
}

/// Names of the packages of an index that have a path.
fn holders(index: &CompactIndex, path: &str) -> Vec<String> {
    let providers = index.providers(path.as_bytes()).unwrap();
    let name = |place| index.record(place).unwrap().name.to_string();
    providers.into_iter().map(name).collect()
}

#[test]
fn filelists_are_read_only_for_paths_that_primary_does_not_name() {
    let (world, key) = (World::new(), TestKey::generate());
    let mut shell = record("shell", "1-1", "x86_64");
    shell.provides = vec![mikron_rpm::relation("/bin/sh", 0, "").unwrap()];
    let build = |wanted: &[&str]| {
        RpmRepositoryBuilder::new()
            .package_with_files(shell.clone(), "shell", &["/usr/share/shell/a"])
            .package_with_files(
                record("words", "1-1", "noarch"),
                "words",
                &["/usr/share/dict/words"],
            )
            .package(requires(record("user", "1-1", "x86_64"), wanted), "user")
            .sign_with(&key)
            .build()
    };
    let asked_filelists = || {
        paths(&world)
            .iter()
            .any(|path| path.ends_with("filelists.xml.gz"))
    };
    build(&["/bin/sh"]).serve(&world.server, "/el9");
    let repository = repository(&world, &key, "el9");
    publish_now(&world, &repository).unwrap();
    assert!(!asked_filelists());
    // Inside of a rich dependency, too.
    build(&["/bin/sh", "(/usr/share/dict/words or nothing)"]).serve(&world.server, "/el9");
    let published = publish_now(&world, &repository).unwrap();
    assert!(asked_filelists());
    let index = index(&world.context(), &published);
    let providers = index.providers(b"/usr/share/dict/words").unwrap();
    let names: Vec<String> = providers
        .into_iter()
        .map(|i| index.record(i).unwrap().name.to_string())
        .collect();
    assert_eq!(names, ["words"]);
    assert_eq!(index.providers(b"/usr/share/shell/a").unwrap().len(), 0);
}

/// The parts of what these repositories publish, in their order.
fn parts(context: &Context<'_>, repositories: &[RpmRepository]) -> Vec<Arc<CompactIndex>> {
    let published: Vec<Arc<dyn Published>> = repositories
        .iter()
        .flat_map(|one| one.publish(context, &[Architecture::Amd64]).unwrap())
        .collect();
    let published: Vec<_> = published.iter().collect();
    let parts = mikron_source::parts(context, &published).unwrap();
    parts.into_iter().map(|part| part.index).collect()
}

#[test]
fn a_path_that_a_package_of_one_repository_calls_for_is_found_in_another_one() {
    let (world, key) = (World::new(), TestKey::generate());
    let user = requires(record("user", "1-1", "x86_64"), &[WORDS, "/nobody/has"]);
    RpmRepositoryBuilder::new()
        .package(user, "user")
        .sign_with(&key)
        .build()
        .serve(&world.server, "/apps");
    RpmRepositoryBuilder::new()
        .package_with_files(record("words", "1-1", "noarch"), "words", &[WORDS])
        .package_with_files(record("other", "1-1", "noarch"), "other", &["/other"])
        .sign_with(&key)
        .build()
        .serve(&world.server, "/base");
    RpmRepositoryBuilder::new()
        .package_with_files(record("extra", "1-1", "noarch"), "extra", &["/extra"])
        .sign_with(&key)
        .build()
        .serve(&world.server, "/more");
    let repositories = ["apps", "base", "more"].map(|name| repository(&world, &key, name));
    let found = parts(&world.context(), &repositories);
    let with_it: Vec<_> = found.iter().map(|index| holders(index, WORDS)).collect();
    assert_eq!(with_it, [vec![], vec!["words".to_owned()], vec![]]);
    // Asked alone, the repository has no reason to know of it.
    let alone = parts(&world.context(), &repositories[1..2]);
    assert!(holders(&alone[0], WORDS).is_empty());
    // The second time everything is out of the cache, the answer that nobody has a path among it.
    let mut context = world.context();
    context.refresh_after = Duration::from_secs(600);
    context.offline = true;
    let asked = world.server.requests().len();
    let again = parts(&context, &repositories);
    for (first, second) in found.iter().zip(&again) {
        assert_eq!(first.as_bytes(), second.as_bytes());
    }
    assert_eq!(world.server.requests().len(), asked);
}

#[test]
fn a_name_that_a_module_of_one_repository_has_taken_over_is_hidden_in_the_others() {
    let (world, key) = (World::new(), TestKey::generate());
    let modules = "---\ndocument: modulemd\nversion: 2\ndata:\n  name: node\n  stream: \"16\"\n  version: 1\n  context: a\n  \
                   artifacts: { rpms: [\"node-0:16-1.x86_64\"] }\n---\ndocument: modulemd-defaults\nversion: 1\n\
                   data: { module: node, stream: \"16\" }\n";
    RpmRepositoryBuilder::new()
        .package(record("node", "16-1", "x86_64"), "16")
        .modules(modules)
        .sign_with(&key)
        .build()
        .serve(&world.server, "/apps");
    RpmRepositoryBuilder::new()
        .package(record("node", "20-1", "x86_64"), "20")
        .package(record("other", "1-1", "x86_64"), "other")
        .sign_with(&key)
        .build()
        .serve(&world.server, "/extra");
    let mut repositories = ["apps", "extra"].map(|name| repository(&world, &key, name));
    let versions = |repositories: &[RpmRepository]| -> Vec<String> {
        let found = parts(&world.context(), repositories);
        let of_one = |index: &Arc<CompactIndex>| -> Vec<String> {
            let named = index.named(b"node").unwrap();
            named
                .map(|at| index.record(at).unwrap().version.to_string())
                .collect()
        };
        found.iter().flat_map(of_one).collect()
    };
    assert_eq!(versions(&repositories), ["16-1"]);
    assert_eq!(versions(&repositories), ["16-1"], "out of the cache");
    assert_eq!(versions(&repositories[1..]), ["20-1"]);
    // As `module_hotfixes` of dnf.conf(5).
    repositories[1].options.ignore_modules = true;
    assert_eq!(versions(&repositories), ["16-1", "20-1"]);
}
