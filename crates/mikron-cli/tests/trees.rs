//! Trees of one's own in images: what a person sees of them.
#![allow(clippy::unwrap_used)] // functions that tests share may, as tests may

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use common::{Home, SPEC};
use mikron::Builder;
use mikron_testkit::archive::TarBuilder;

/// A spec that takes what an entry of `files` says.
fn with(home: &Home, entry: &str) {
    home.write("greet.yaml", format!("{SPEC}files:\n  - {entry}\n"));
}

/// A tree with a program for the image's own interpreter.
fn app(home: &Home) {
    for (path, text) in [
        ("app/run.sh", "#!/usr/bin/greet\n"),
        ("app/lib/words", "hello\n"),
        ("app/notes.md", "later\n"),
    ] {
        home.write(path, text);
    }
    fs::set_permissions(home.path("app/run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
}

/// What lies at and below a path in the image, with modes and owners.
fn held(home: &Home, below: &str) -> Vec<String> {
    let inventory = Builder::from_file(home.path("greet.yaml")).unwrap();
    let inventory = inventory.cache(home.path("cache")).inventory().unwrap();
    let held = inventory.platforms.values().next().unwrap();
    let files = held.files.iter().flatten();
    let files = files.map(|(path, file)| (path.to_string(), file));
    files
        .filter(|(path, _)| path.starts_with(below))
        .map(|(path, file)| format!("{path} {:o} {}:{}", file.mode, file.uid, file.gid))
        .collect()
}

#[test]
fn a_directory_is_taken_with_all_that_is_in_it() {
    let home = Home::new();
    app(&home);
    symlink("run.sh", home.path("app/start")).unwrap();
    with(
        &home,
        "{ path: /srv/app, from: app, exclude: [\"*.md\"], owner: \"7\" }",
    );
    let expected = [
        "/srv/app 755 7:7",
        "/srv/app/lib 755 7:7",
        "/srv/app/lib/words 644 7:7",
        "/srv/app/run.sh 755 7:7",
        "/srv/app/start 777 7:7",
    ];
    assert_eq!(held(&home, "/srv/app"), expected);
    // Over a directory that a package has, which stays as it is.
    with(&home, "{ path: /, from: overlay, owner: \"7\" }");
    home.write("overlay/usr/bin/more", "x");
    home.write("overlay/new/file", "x");
    assert_eq!(held(&home, "/usr/bin")[0], "/usr/bin 755 0:0");
    assert_eq!(held(&home, "/new"), ["/new 755 7:7", "/new/file 644 7:7"]);
}

#[test]
fn files_of_a_tree_are_followed_explained_and_proven() {
    let home = Home::new();
    app(&home);
    with(&home, "{ path: /srv/app, from: app }");
    let run = home.run(&["-q", "explain", "greet.yaml", "/srv/app/run.sh"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.contains("the spec"), "{}", run.out);
    home.write("app/run.sh", "#!/nowhere/python\n");
    fs::set_permissions(home.path("app/run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    let run = home.run(&["-q", "build", "greet.yaml"]);
    assert!(
        run.code == 1 && run.err.contains("/nowhere/python"),
        "{}",
        run.err
    );
    symlink("/nowhere/else", home.path("app/link")).unwrap();
    with(&home, "{ path: /srv/app, from: app, check: none }");
    let run = home.run(&["-q", "build", "greet.yaml"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(held(&home, "/srv/app/link").len() == 1);
    with(&home, "{ path: /srv/app, from: app, exclude: [run.sh] }");
    let run = home.run(&["-q", "build", "greet.yaml"]);
    assert!(
        run.code == 1 && run.err.contains("/nowhere/else"),
        "{}",
        run.err
    );
}

#[test]
fn what_a_tree_must_not_hold_is_shown_where_the_spec_names_it() {
    let home = Home::new();
    app(&home);
    with(&home, "{ path: /srv/app, from: app }");
    symlink("../../etc/passwd", home.path("app/lib/out")).unwrap();
    home.snapshot("tree_link", &["-q", "build", "greet.yaml"]);
    fs::remove_file(home.path("app/lib/out")).unwrap();
    let pipe = home.path("app/pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.is_ok_and(|status| status.success()));
    home.snapshot("tree_pipe", &["-q", "build", "greet.yaml"]);
    fs::remove_file(pipe).unwrap();
    with(&home, "{ path: /srv/app, from: app, mode: \"0644\" }");
    home.snapshot("tree_mode", &["-q", "build", "greet.yaml"]);
    with(
        &home,
        "{ path: /srv/words, from: app/lib/words, exclude: [x] }",
    );
    home.snapshot("tree_of_a_file", &["-q", "build", "greet.yaml"]);
    with(
        &home,
        "{ path: /srv/app, from: app, include: [\"a/../b\"] }",
    );
    home.snapshot("tree_pattern", &["-q", "build", "greet.yaml"]);
}

#[test]
fn a_digest_that_differs_is_shown_beside_the_one_that_is_there() {
    let home = Home::new();
    app(&home);
    let none = format!("sha256:{}", "0".repeat(64));
    with(
        &home,
        &format!("{{ path: /srv/app, from: app, digest: \"{none}\" }}"),
    );
    let run = home.snapshot("tree_digest", &["-q", "build", "greet.yaml"]);
    let found = run.err.split("is sha256:").nth(1).unwrap()[..64].to_owned();
    with(
        &home,
        &format!("{{ path: /srv/app, from: app, digest: \"sha256:{found}\" }}"),
    );
    let run = home.run(&["-q", "build", "greet.yaml"]);
    assert_eq!(run.code, 0, "{}", run.err);
}

#[test]
fn what_looks_like_a_secret_is_named() {
    let home = Home::new();
    app(&home);
    home.write("app/tls/key.pem", "-----BEGIN PRIVATE KEY-----\n");
    home.write("app/.env", "TOKEN=1\n");
    with(&home, "{ path: /srv/app, from: app }");
    home.snapshot("tree_secrets", &["-q", "build", "greet.yaml"]);
}

#[test]
fn an_archive_lies_below_its_path_and_a_hostile_one_is_refused() {
    let home = Home::new();
    let archive = TarBuilder::new()
        .file("./run.sh", 0o700, b"#!/usr/bin/greet\n")
        .symlink("./start", "run.sh")
        .build();
    fs::write(home.path("app.tar"), archive).unwrap();
    with(&home, "{ path: /srv/app, from: \"tar:app.tar\" }");
    let expected = [
        "/srv/app 755 0:0",
        "/srv/app/run.sh 755 0:0",
        "/srv/app/start 777 0:0",
    ];
    assert_eq!(held(&home, "/srv/app"), expected);
    for _ in 0..2 {
        // Also where the facts are known already and the contents are not.
        let run = home.run(&["-q", "build", "greet.yaml", "--compression", "none"]);
        assert_eq!(run.code, 0, "{}", run.err);
        with(
            &home,
            "{ path: /srv/app, from: \"tar:app.tar\", owner: keep }",
        );
    }
    let archive = TarBuilder::new()
        .file("./ok", 0o644, b"")
        .file("../../etc/passwd", 0o644, b"")
        .build();
    fs::write(home.path("app.tar"), archive).unwrap();
    home.snapshot("tree_archive", &["-q", "build", "greet.yaml"]);
}

#[test]
fn files_lie_in_the_layer_that_is_named() {
    let home = Home::new();
    app(&home);
    let entry = "{ path: /srv/app, from: app, layer: app }\n  - { path: /srv/more, text: x, layer: app }\n  - { path: /srv/last, text: x }";
    with(&home, entry);
    let run = home.run(&["-q", "build", "greet.yaml", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    let layers = report["platforms"][0]["layers"].as_array().unwrap();
    let names: Vec<&serde_json::Value> = layers.iter().map(|layer| &layer["name"]).collect();
    let is_app: Vec<bool> = names.iter().map(|name| **name == "app").collect();
    assert_eq!(is_app[is_app.len() - 2..], [true, false], "{names:?}");
    // What does not change is not made again.
    home.write("app/lib/words", "bye\n");
    let again = home.run(&["-q", "build", "greet.yaml", "--json"]);
    let again: serde_json::Value = serde_json::from_str(&again.out).unwrap();
    let changed = layers
        .iter()
        .zip(again["platforms"][0]["layers"].as_array().unwrap());
    let changed: Vec<bool> = changed
        .map(|(old, new)| old["digest"] != new["digest"])
        .collect();
    assert_eq!(changed, is_app);
}

#[test]
fn the_same_tree_makes_the_same_image_and_the_report_names_its_directory() {
    let home = Home::new();
    app(&home);
    with(&home, "{ path: /srv/app, from: app }");
    let build = |cache: &str| {
        let builder = Builder::from_file(home.path("greet.yaml")).unwrap();
        builder.cache(home.path(cache)).build().unwrap()
    };
    let first = build("cache");
    let file = fs::File::options()
        .write(true)
        .open(home.path("app/notes.md"));
    file.unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    fs::set_permissions(home.path("app/lib"), fs::Permissions::from_mode(0o700)).unwrap();
    for cache in ["cache", "other-cache"] {
        assert_eq!(build(cache).digest, first.digest);
    }
    assert!(
        first.inputs.iter().any(|input| input.ends_with("/app")),
        "{:?}",
        first.inputs
    );
    home.write("app/notes.md", "LATER\n");
    assert_ne!(build("cache").digest, first.digest);
}

/// Two self-signed certificates made for tests; nothing trusts them.
const CERTIFICATES: [&str; 2] = [
    include_str!("../../mikron-rootfs/tests/data/test-ca.pem"),
    include_str!("data/other-ca.pem"),
];

#[test]
fn certificates_are_taken_apart_and_trusted() {
    let home = Home::new();
    let [one, other] = CERTIFICATES;
    home.write("ca/root.pem", format!("Ours\n{one}\n{other}"));
    home.write("ca/again (1).crt", other);
    home.write("ca/readme", "no certificate");
    home.write("more.pem", other);
    home.write(
        "greet.yaml",
        format!("{SPEC}certificates: [ca/, more.pem]\n"),
    );
    let local = "/usr/local/share/ca-certificates";
    assert_eq!(
        held(&home, local),
        [
            format!("{local} 755 0:0"),
            format!("{local}/again__1_.crt 644 0:0"),
            format!("{local}/root-1.crt 644 0:0"),
        ],
        "each once"
    );
    assert_eq!(
        held(&home, "/etc/ssl/certs/ca-certificates.crt"),
        ["/etc/ssl/certs/ca-certificates.crt 644 0:0"]
    );
    assert_eq!(held(&home, "/usr/lib/ssl/cert.pem").len(), 1);
    let build = || home.run(&["-q", "build", "greet.yaml", "--json"]).out;
    let digest = |out: String| -> serde_json::Value {
        serde_json::from_str::<serde_json::Value>(&out).unwrap()["digest"].take()
    };
    let first = digest(build());
    assert!(first.is_string());
    // What stands around a certificate, and how it is folded, is not in the image; which it is, is.
    home.write("ca/root.pem", format!("{other}{one}").replace('\n', "\r\n"));
    assert_eq!(digest(build()), first);
    home.write("ca/root.pem", other);
    assert_ne!(digest(build()), first);
    let run = home.run(&[
        "-q",
        "explain",
        "greet.yaml",
        &format!("{local}/again__1_.crt"),
    ]);
    assert!(run.out.contains("the spec"), "{} {}", run.out, run.err);
}

#[test]
fn what_is_no_certificate_is_shown_with_its_file_and_line() {
    let home = Home::new();
    let key = "-----BEGIN PRIVATE KEY-----\nMHcCAQEE\n-----END PRIVATE KEY-----\n";
    home.write("greet.yaml", format!("{SPEC}certificates: [root.pem]\n"));
    let built = |name: &str| home.snapshot(name, &["-q", "build", "greet.yaml"]);
    built("certificate_nowhere");
    home.write("root.pem", format!("{}{key}", CERTIFICATES[0]));
    built("certificate_key");
    home.write("root.pem", CERTIFICATES[0].replacen("MII", "MIX", 1));
    built("certificate_broken");
    home.write("root.pem", "-----BEGIN TRUSTED CERTIFICATE-----\n");
    built("certificate_trusted");
    home.write("root.pem", "hello\n");
    built("certificate_none");
    home.write("root.pem", CERTIFICATES[0]);
    let bundle = "files:\n  - { path: /etc/ssl/certs/ca-certificates.crt, text: \"\" }\n";
    home.write(
        "greet.yaml",
        format!("{SPEC}{bundle}certificates: [root.pem]\n"),
    );
    built("certificate_and_bundle");
}
