//! `matrix`, `diff`, `capabilities` and tokens in `explain`, over a small repository.

mod common;

use common::{Home, SPEC, greet};

/// The spec without what it needs: `greet` is linked with a library that no package of the closure has.
fn open_spec() -> String {
    SPEC.replace(
        "packages: [greet]",
        "packages: [greet]\nremove: [\"/usr/lib/x86_64-linux-gnu/**\"]",
    )
}

#[test]
fn matrix_shows_who_requires_what_of_whom() {
    let home = Home::new();
    assert_eq!(
        home.snapshot("matrix", &["-q", "matrix", "greet.yaml"])
            .code,
        0
    );
    assert_eq!(
        home.snapshot("matrix_all", &["-q", "matrix", "greet.yaml", "--all"])
            .code,
        0
    );
    assert_eq!(
        home.snapshot("matrix_json", &["-q", "matrix", "greet.yaml", "--json"])
            .code,
        0
    );
}

#[test]
fn matrix_shows_what_is_missing_where_a_build_fails() {
    let home = Home::new();
    home.write("open.yaml", open_spec());
    assert_eq!(home.run(&["-q", "build", "open.yaml"]).code, 1);
    let run = home.snapshot("matrix_missing", &["-q", "matrix", "open.yaml"]);
    assert_eq!(run.code, 0);
    assert!(run.out.contains("soname(libgreet.so.1)"));
}

#[test]
fn matrix_writes_one_page_to_a_file_or_to_standard_output() {
    let home = Home::new();
    let run = home.run(&["-q", "matrix", "greet.yaml", "--html"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.starts_with("<!DOCTYPE html>"));
    let file = home.run(&["-q", "matrix", "greet.yaml", "--html", "page.html"]);
    assert_eq!((file.code, file.out.as_str()), (0, ""));
    assert_eq!(home.read("page.html"), run.out);
    let both = home.run(&["-q", "matrix", "greet.yaml", "--html", "--json"]);
    assert_eq!(both.code, 2);
    let nowhere = home.run(&["-q", "matrix", "greet.yaml", "--html", "none/page.html"]);
    assert_eq!(nowhere.code, 1);
    assert!(nowhere.err.contains("none/page.html"), "{}", nowhere.err);
}

#[test]
fn explain_answers_for_tokens() {
    let home = Home::new();
    for (name, token) in [
        ("explain_token", "soname(libgreet.so.1)"),
        ("explain_token_command", "command(greet)"),
        (
            "explain_token_path",
            "path(/usr/share/doc/greet/manual.txt)",
        ),
        ("explain_token_package", "package(libgreet1)"),
    ] {
        let run = home.snapshot(name, &["-q", "explain", "greet.yaml", token]);
        assert_eq!(run.code, 0, "{token}");
    }
    for (name, token) in [
        ("explain_token_unknown", "soname(libnone.so.1)"),
        ("explain_token_malformed", "soname(libgreet.so.1"),
        ("explain_token_kind", "library(libgreet.so.1)"),
    ] {
        let run = home.snapshot(name, &["-q", "explain", "greet.yaml", token]);
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{token}");
    }
    let json = home.run(&["-q", "explain", "greet.yaml", "command(greet)", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json[0]["token"], "command(greet)");
    assert_eq!(json[0]["providers"][0]["name"], "greet:bins");
}

#[test]
fn capabilities_of_an_archive_and_of_a_package_of_a_spec_are_the_same() {
    let home = Home::new();
    home.write("greet.deb", greet().deb.build());
    assert_eq!(
        home.snapshot("capabilities", &["capabilities", "./greet.deb"])
            .code,
        0
    );
    let arguments = ["-q", "capabilities", "greet", "--spec", "greet.yaml"];
    assert_eq!(home.snapshot("capabilities_spec", &arguments).code, 0);
    let parse = |run: common::Run| {
        let mut value: serde_json::Value = serde_json::from_str(&run.out).unwrap();
        value[0].as_object_mut().unwrap().remove("platform");
        value
    };
    let archive = parse(home.run(&["capabilities", "greet.deb", "--json"]));
    let package = parse(home.run(&[&arguments[..], &["--json"]].concat()));
    assert_eq!(archive, package);
    assert_eq!(archive[0]["capabilities"][0]["origin"], "automatic");
    // A package that the spec's image does not have.
    let run = home.run(&["-q", "capabilities", "libgreet1", "--spec", "greet.yaml"]);
    assert!(
        run.out.contains("provides soname(libgreet.so.1)"),
        "{}",
        run.out
    );
    for (name, arguments) in [
        ("capabilities_no_archive", &["capabilities", "greet"][..]),
        (
            "capabilities_unknown",
            &["-q", "capabilities", "none", "--spec", "greet.yaml"],
        ),
    ] {
        let run = home.snapshot(name, arguments);
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{name}");
    }
}

#[test]
fn a_spec_and_the_layout_that_it_was_built_into_do_not_differ() {
    let home = Home::new();
    assert_eq!(home.run(&["-q", "build", "greet.yaml"]).code, 0);
    let run = home.run(&["-q", "diff", "out/greet", "greet.yaml", "--json"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let report: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(report["same"], true, "{}", run.out);
    assert!(report["platforms"][0]["bytes"][0].as_u64().unwrap() > 1000);
}

#[test]
fn diff_names_packages_capabilities_and_files() {
    let home = Home::new();
    home.write(
        "other.yaml",
        SPEC.replace("[greet]", "[greet, \"greet-doc:docs\"]").replace(
            "image:",
            "files:\n  - { path: /etc/motd, text: \"hello\" }\n  - { path: /usr/bin/hello, text: \"#!/usr/bin/greet\\n\", mode: \"0755\" }\nimage:",
        ),
    );
    assert_eq!(
        home.snapshot("diff", &["-q", "diff", "greet.yaml", "other.yaml"])
            .code,
        0
    );
    assert_eq!(
        home.snapshot(
            "diff_json",
            &["-q", "diff", "greet.yaml", "other.yaml", "--json"]
        )
        .code,
        0
    );
    assert_eq!(
        home.snapshot("diff_same", &["-q", "diff", "greet.yaml", "greet.yaml"])
            .code,
        0
    );
    assert_eq!(
        home.run(&["-q", "build", "other.yaml", "-o", "oci:layout:two"])
            .code,
        0
    );
    assert_eq!(
        home.snapshot(
            "diff_layout",
            &["-q", "diff", "greet.yaml", "oci:layout:two"]
        )
        .code,
        0
    );
    assert_eq!(home.run(&["-q", "lock", "greet.yaml"]).code, 0);
    let run = home.snapshot("diff_lock", &["-q", "diff", "greet.lock", "other.yaml"]);
    assert_eq!(run.code, 0);
}

#[test]
fn diff_says_what_it_cannot_read() {
    let home = Home::new();
    home.write("bad.lock", "mikron-lock: 1\n");
    std::fs::create_dir(home.path("empty")).unwrap();
    assert_eq!(home.run(&["-q", "build", "greet.yaml"]).code, 0);
    for (name, other) in [
        ("diff_no_layout", "empty"),
        ("diff_no_tag", "oci:out/greet:none"),
        ("diff_bad_lock", "bad.lock"),
        ("diff_nothing", "none.yaml"),
    ] {
        let run = home.snapshot(name, &["-q", "diff", "greet.yaml", other]);
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{name}");
    }
    // A layer that is not what its digest says.
    let blobs = home.path("out/greet/blobs/sha256");
    let mut files: Vec<_> = std::fs::read_dir(blobs)
        .unwrap()
        .flatten()
        .map(|e| e.path())
        .collect();
    files.sort_by_key(|file| std::cmp::Reverse(std::fs::metadata(file).unwrap().len()));
    let mut bytes = std::fs::read(&files[0]).unwrap();
    bytes[..4].copy_from_slice(b"none");
    std::fs::write(&files[0], bytes).unwrap();
    let run = home.run(&["-q", "diff", "out/greet", "greet.yaml"]);
    assert_eq!((run.code, run.out.as_str()), (1, ""), "{}", run.err);
    // It says which blob of which layout it is.
    let blob = files[0].file_name().unwrap().to_str().unwrap();
    assert!(run.err.contains(&format!("sha256:{blob}")), "{}", run.err);
    assert!(run.err.contains("out/greet"), "{}", run.err);
}

#[test]
fn diff_finds_the_only_image_of_a_layout_whatever_its_tag_and_any_by_its_digest() {
    let home = Home::new();
    let built = home.run(&["-q", "build", "greet.yaml", "--json"]);
    let built: serde_json::Value = serde_json::from_str(&built.out).unwrap();
    let digest = built["digest"].as_str().unwrap();
    let index = home.path("out/greet/index.json");
    let text = std::fs::read_to_string(&index).unwrap();
    let same = |layout: &str| {
        let run = home.run(&["-q", "diff", layout, "greet.yaml"]);
        assert_eq!(run.code, 0, "{}", run.err);
        assert!(run.out.contains("no difference"), "{}", run.out);
    };
    let mut changed: serde_json::Value = serde_json::from_str(&text).unwrap();
    changed["manifests"][0]["annotations"] =
        serde_json::json!({ "org.opencontainers.image.ref.name": "v1" });
    std::fs::write(&index, changed.to_string()).unwrap();
    same("out/greet");
    changed["manifests"][0]
        .as_object_mut()
        .unwrap()
        .remove("annotations");
    std::fs::write(&index, changed.to_string()).unwrap();
    same("out/greet");
    same("oci:out/greet");
    // Of several without a tag each has its digest.
    let other = changed["manifests"][0].clone();
    changed["manifests"].as_array_mut().unwrap().push(other);
    std::fs::write(&index, changed.to_string()).unwrap();
    same(&format!("oci:out/greet@{digest}"));
    let run = home.run(&["-q", "diff", "out/greet", "greet.yaml"]);
    assert_eq!(run.code, 1);
    assert!(
        run.err
            .contains(&format!("it has no tag `latest`; it has {digest}")),
        "{}",
        run.err
    );
}
