//! What a new user meets: each mistake of the first hour is answered with what to write.

mod common;

use common::Home;
use mikron::source::Environment;
use mikron::{Builder, Error, SourceFault};

#[test]
fn all_archives_without_a_location_are_named_at_once_and_before_anything_is_fetched() {
    let home = Home::empty();
    home.write(
        "a.yaml",
        "mikron: 1\nname: a\nsources: { debian: { deb: trixie } }\npackages: [hello]\n",
    );
    let build = |environment: Environment| {
        let builder = Builder::from_file(home.path("a.yaml")).unwrap();
        let builder = builder.environment(environment).cache(home.path("cache"));
        builder.build().unwrap_err()
    };
    // No location, and nothing that could be asked.
    let error = build(Environment::empty());
    let expected =
        "source debian (trixie): no location is known of the archives debian and debian-security";
    assert_eq!(error.to_string(), expected);
    assert!(matches!(error, Error::Source(SourceFault::Repository(_))));
    // Nobody is asked for the one where the other is missing.
    let nobody = Environment::empty().with("MIKRON_MIRROR_DEBIAN", "https://nobody.invalid/debian");
    let error = build(nobody).to_string();
    assert!(error.ends_with("of the archive debian-security"), "{error}");
}

#[test]
fn a_mirror_is_set_once_and_shown_with_where_it_comes_from() {
    let home = Home::empty();
    let config = |arguments: &[&str]| {
        let mut command = home.command();
        command
            .env("HOME", home.path("."))
            .env("MIKRON_CONFIG", home.path("c/config.yaml"));
        let output = command.arg("config").args(arguments).output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let url = "https://example.org/debian";
    let (code, out, err) = config(&["set", "mirror.debian", url]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(
        out.starts_with("written to ") && out.ends_with("config.yaml\n"),
        "{out}"
    );
    let (_, out, _) = config(&[]);
    let line = out
        .lines()
        .find(|line| line.contains("mirror.debian "))
        .unwrap();
    assert!(
        line.contains(url) && line.contains("config.yaml)"),
        "{line}"
    );
    let (_, json, _) = config(&["--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json[0]["key"], &json[0]["values"][0]),
        (&"mirror.debian".into(), &url.into())
    );
    let (code, _, err) = config(&["set", "mirror.debain", url]);
    assert_eq!(code, Some(1));
    assert!(
        err.contains("mirror.debian, mirror.debian-security and quota"),
        "{err}"
    );
}
