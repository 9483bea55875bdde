//! Archives that say a thing twice: told of in every build, and refused where the spec is strict.

mod common;

use common::Home;
use mikron_testkit::archive::DebBuilder;
use mikron_testkit::repository::{RepositoryBuilder, TestKey};

const DATE: i64 = 1_700_000_000;

const SPEC: &str = "\
mikron: 1
name: twice
sources:
  local: { deb: \"file:repository\", suite: stable, components: [main], keys: [key.asc] }
packages: [twice]
layers: { compression: none }
";

#[test]
fn a_path_that_stands_twice_is_told_of_and_refused_where_the_spec_is_strict() {
    let home = Home::empty();
    let key = TestKey::generate();
    home.write("key.asc", key.certificate_armored());
    let deb = DebBuilder::new("twice", "1.0", "all")
        .mtime(DATE)
        .file("usr/share/twice/f", 0o644, "first")
        .file("usr/share/twice/f", 0o644, "last");
    RepositoryBuilder::new("stable")
        .date(DATE)
        .sign_with(&key)
        .package(
            "Package: twice\nVersion: 1.0\nArchitecture: all\n",
            deb.build(),
        )
        .build()
        .write_to(&home.path("repository"));
    let build = |spec: &str, output: &str| {
        home.write("twice.yaml", spec);
        home.run(&["build", "twice.yaml", "-o", output])
    };
    let told = "/usr/share/twice/f stands there more than once; the last one holds";
    // Facts out of the cache tell the same.
    for output in ["oci:one", "oci:another"] {
        let spec = SPEC.replace("name: twice", &format!("name: {}", &output[4..]));
        let run = build(&spec, output);
        assert_eq!(run.code, 0, "{}", run.err);
        assert!(run.err.contains(told), "{}", run.err);
    }
    let run = build(&format!("{SPEC}strict: true\n"), "oci:strict");
    assert_eq!(run.code, 1, "{}", run.err);
    assert!(run.err.contains(told), "{}", run.err);
}
