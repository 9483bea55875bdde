//! Who has a file, by the lists of files of a suite.

use std::sync::Arc;

use mikron_package::Sought;
use mikron_source::Published;

use super::*;

const LIST: &str = "bin/tool utils/hello\nusr/lib/libx.so.1 libs/hello,libs/other\n";

fn world(by_hash: bool) -> (World, DebRepository) {
    let (world, key) = (World::new(), TestKey::generate());
    let built = stable(&key)
        .by_hash(by_hash)
        .compressions(&[Compression::Gzip])
        .contents("amd64", LIST)
        .contents("all", "usr/bin/script utils/scripts\n")
        .build();
    built.serve(&world.server, "/debian");
    let repository = world.repository("/debian", "stable", &key);
    (world, repository)
}

fn holders(world: &World, suite: &Suite, sought: &Sought) -> Result<Vec<String>, SourceError> {
    let suite: Arc<dyn Published> = Arc::new(suite.clone());
    let found = suite.holders(&world.context(), sought)?;
    let one = |holder: mikron_source::Holder| format!("{} {}", holder.package, holder.path);
    Ok(found.expect("it has a list").into_iter().map(one).collect())
}

fn asked(world: &World, what: &str) -> usize {
    let requests = world.server.requests().into_iter();
    requests
        .filter(|request| request.path.contains(what))
        .count()
}

#[test]
fn a_list_is_fetched_when_somebody_asks_and_only_once() {
    let (world, repository) = world(false);
    let suites = update(&world, &repository).unwrap();
    assert_eq!(asked(&world, "Contents"), 0);
    let library = Sought::Library("libx.so.1".to_owned());
    let expected = ["hello /usr/lib/libx.so.1", "other /usr/lib/libx.so.1"];
    assert_eq!(holders(&world, &suites[0], &library).unwrap(), expected);
    let tool = Sought::Path("/usr/bin/tool".to_owned());
    assert_eq!(
        holders(&world, &suites[0], &tool).unwrap(),
        ["hello /bin/tool"]
    );
    assert_eq!(
        (
            asked(&world, "Contents-amd64"),
            asked(&world, "Contents-all")
        ),
        (1, 0)
    );
    // What no package of the architecture has, one for all may have.
    let script = Sought::Command("script".to_owned());
    assert_eq!(
        holders(&world, &suites[0], &script).unwrap(),
        ["scripts /usr/bin/script"]
    );
    assert_eq!(
        (
            asked(&world, "Contents-amd64"),
            asked(&world, "Contents-all")
        ),
        (1, 1)
    );
}

#[test]
fn a_list_that_is_not_what_the_release_says_is_refused() {
    let (world, repository) = world(false);
    let suites = update(&world, &repository).unwrap();
    let forged = LIST.replace("libs/hello", "libs/attic");
    let path = "/debian/dists/stable/main/Contents-amd64.gz";
    world
        .server
        .put(path, Compression::Gzip.compress(forged.as_bytes()));
    let library = Sought::Library("libx.so.1".to_owned());
    let error = holders(&world, &suites[0], &library).unwrap_err();
    assert!(
        matches!(*error.kind, SourceErrorKind::Index { .. }),
        "{error}"
    );
}

#[test]
fn a_list_that_cannot_be_read_is_named() {
    let (world, key) = (World::new(), TestKey::generate());
    let built = stable(&key).contents("amd64", "no-packages\n").build();
    built.serve(&world.server, "/debian");
    let repository = world.repository("/debian", "stable", &key);
    let suites = update(&world, &repository).unwrap();
    let error = holders(&world, &suites[0], &Sought::Command("x".to_owned())).unwrap_err();
    assert!(
        error.to_string().contains("main/Contents-amd64.gz"),
        "{error}"
    );
}
