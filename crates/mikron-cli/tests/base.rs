//! Images upon images that others made: what is below stays and counts, and what cannot be built on is refused in words.
#![allow(clippy::unwrap_used)] // functions that tests share may, as tests may

mod common;

use common::{Home, SPEC};
use mikron::oci::validate;
use mikron::package::Limits;
use mikron_testkit::archive::TarBuilder;
use mikron_testkit::elf::ElfBuilder;
use mikron_testkit::layout::LayoutBuilder;
use serde_json::{Value, json};

const LIBRARY: &str = "usr/lib/x86_64-linux-gnu/libgreet.so.1";

/// What every root file system begins with.
fn root() -> TarBuilder {
    let loader = ElfBuilder::library("ld-linux-x86-64.so.2").build();
    TarBuilder::new()
        .dir("usr", 0o755)
        .dir("usr/lib", 0o755)
        .symlink("lib", "usr/lib")
        .symlink("lib64", "usr/lib64")
        .file("usr/lib64/ld-linux-x86-64.so.2", 0o755, &loader)
        .dir("etc", 0o755)
        .file(
            "etc/passwd",
            0o644,
            b"web:!:33:33:kept:/srv:/bin/false\nroot:x:0:0:root:/root:/bin/sh\n",
        )
        .file("etc/group", 0o644, b"root:x:0:\nweb:x:33:\n")
}

/// A Debian in little that has libgreet1 of a version, as dpkg has it.
fn debian(version: &str) -> TarBuilder {
    let library = ElfBuilder::library("libgreet.so.1").build();
    let status = format!(
        "Package: libgreet1\nStatus: install ok installed\nVersion: {version}\nArchitecture: amd64\n\n\
         Package: gone\nStatus: deinstall ok config-files\nVersion: 1\nArchitecture: amd64\n\n"
    );
    let list =
        format!("/.\n/usr\n/usr/lib\n/{LIBRARY}.0\n/{LIBRARY}\n/usr/lib64/ld-linux-x86-64.so.2\n");
    root()
        .file(&format!("{LIBRARY}.0"), 0o644, &library)
        .symlink(LIBRARY, "libgreet.so.1.0")
        .file("var/lib/dpkg/status", 0o644, status.as_bytes())
        .file("var/lib/dpkg/info/libgreet1.list", 0o644, list.as_bytes())
}

fn image(layer: TarBuilder) -> LayoutBuilder {
    LayoutBuilder::new().layer(layer.build())
}

/// A directory with a base, and a spec that builds on it.
fn home(base: &LayoutBuilder) -> Home {
    let home = Home::new();
    base.write_to(&home.path("base"));
    home.write("greet.yaml", format!("{SPEC}from: oci:base\n"));
    home
}

/// Builds, and gives the report. The layout is valid then.
fn build(home: &Home, more: &[&str]) -> Value {
    let run = home.run(&[&["build", "greet.yaml", "--json", "-o", "oci:out"], more].concat());
    assert_eq!(run.code, 0, "{}", run.err);
    validate(&home.path("out"), &Limits::default()).unwrap();
    serde_json::from_str(&run.out).unwrap()
}

/// The manifest and the config of the image in `out`.
fn documents(home: &Home) -> (Value, Value) {
    let parse = |text: String| -> Value { serde_json::from_str(&text).unwrap() };
    let blob = |descriptor: &Value| {
        let digest = descriptor["digest"].as_str().unwrap();
        parse(home.read(&format!("out/blobs/{}", digest.replace(':', "/"))))
    };
    let manifest = blob(&parse(home.read("out/index.json"))["manifests"][0]);
    let config = blob(&manifest["config"]);
    (manifest, config)
}

fn packages(report: &Value) -> Vec<&str> {
    let packages = report["platforms"][0]["packages"].as_array().unwrap();
    packages
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect()
}

/// A text in the image's root file system.
fn text(home: &Home, path: &str) -> String {
    let run = home.run(&["build", "greet.yaml", "--quiet", "-o", "tar:root.tar"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let tar = std::fs::File::open(home.path("root.tar")).unwrap();
    for entry in tar::Archive::new(tar).entries().unwrap() {
        let entry = entry.unwrap();
        if entry.path_bytes() == path.trim_start_matches('/').as_bytes() {
            return std::io::read_to_string(entry).unwrap();
        }
    }
    panic!("{path} is not there")
}

#[test]
fn what_a_base_has_is_installed_and_comes_no_second_time() {
    let home = home(&image(debian("1.2-3")));
    let report = build(&home, &[]);
    assert_eq!(packages(&report), ["greet"]);
    let layers = report["platforms"][0]["layers"].as_array().unwrap();
    assert_eq!(layers[0]["base"], true);
    // dpkg's own list has both packages.
    let status = text(&home, "/var/lib/dpkg/status");
    assert!(
        status.contains("Package: libgreet1\n") && status.contains("Package: greet\n"),
        "{status}"
    );
    assert!(status.contains("Package: gone\n"), "{status}");
    assert!(text(&home, "/var/lib/dpkg/info/greet.list").contains("/usr/bin/greet\n"));
    home.snapshot("base_diff", &["diff", "oci:base", "oci:out"]);
    let of_spec = home.run(&["-q", "diff", "oci:out", "greet.yaml"]);
    assert!(!of_spec.out.contains("package"), "{}", of_spec.out);
    let explained = home.run(&[
        "explain",
        "greet.yaml",
        "/usr/lib/x86_64-linux-gnu/libgreet.so.1",
    ]);
    assert!(explained.out.contains("base image"), "{}", explained.out);
}

#[test]
fn the_same_bytes_come_of_a_warm_cache_a_cold_one_and_a_lock() {
    let home = home(&image(debian("1.2-3")));
    let digest = |report: &Value| report["digest"].as_str().unwrap().to_owned();
    let first = digest(&build(&home, &[]));
    assert_eq!(digest(&build(&home, &[])), first);
    std::fs::remove_dir_all(home.path("cache")).unwrap();
    std::fs::remove_dir_all(home.path("out")).unwrap();
    assert_eq!(digest(&build(&home, &[])), first);
    assert_eq!(home.run(&["lock", "greet.yaml"]).code, 0);
    assert_eq!(digest(&build(&home, &["--locked"])), first);
    // Another base under the same name is noticed by a warm build, and refused by the lock.
    image(debian("1.2-3").file("etc/motd", 0o644, b"new\n")).write_to(&home.path("base"));
    home.snapshot("base_changed", &["build", "greet.yaml", "--locked"]);
    assert_ne!(digest(&build(&home, &[])), first);
}

#[test]
fn accounts_come_to_those_of_the_base_whose_lines_stay() {
    let home = home(&image(debian("1.2-3")));
    home.write(
        "greet.yaml",
        format!("{SPEC}from: oci:base\naccounts: {{ users: [{{ name: app, uid: 1000 }}] }}\nrun-as: app\n"),
    );
    let passwd = text(&home, "/etc/passwd");
    let lines: Vec<&str> = passwd.lines().collect();
    assert_eq!(
        lines[..2],
        [
            "web:!:33:33:kept:/srv:/bin/false",
            "root:x:0:0:root:/root:/bin/sh"
        ]
    );
    assert!(
        lines.iter().any(|line| line.starts_with("app:x:1000:")),
        "{passwd}"
    );
}

#[test]
fn what_a_base_lacks_of_a_package_comes_out_of_its_archive() {
    // A layer above takes the library away, and one the whole directory.
    for whiteout in [".wh.libgreet.so.1.0", ".wh..wh..opq"] {
        let path = format!("usr/lib/x86_64-linux-gnu/{whiteout}");
        let above = TarBuilder::new().file(&path, 0o644, b"").build();
        let home = home(&image(debian("1.2-3")).layer(above));
        let report = build(&home, &[]);
        assert_eq!(packages(&report), ["greet", "libgreet1"], "{whiteout}");
        let status = text(&home, "/var/lib/dpkg/status");
        assert_eq!(
            status.matches("Package: libgreet1\n").count(),
            1,
            "{status}"
        );
    }
}

#[test]
fn a_part_that_no_source_has_is_missing() {
    let above = TarBuilder::new()
        .file(&format!("{LIBRARY}.wh"), 0o644, b"")
        .build();
    let gone = TarBuilder::new()
        .file("usr/lib/x86_64-linux-gnu/.wh.libgreet.so.1.0", 0o644, b"")
        .build();
    let home = home(&image(debian("1.2-2")).layer(above).layer(gone));
    home.snapshot("base_lacks", &["build", "greet.yaml"]);
}

#[test]
fn another_version_than_the_base_has_is_refused_with_both() {
    let home = home(&image(debian("0.9")));
    home.snapshot("base_version", &["build", "greet.yaml"]);
}

#[test]
fn the_configuration_of_the_base_is_inherited() {
    let run = json!({
        "User": "33:33",
        "WorkingDir": "/srv",
        "Env": ["PATH=/usr/bin", "LANG=C"],
        "Entrypoint": ["/bin/false"],
        "Cmd": ["old"],
        "Labels": { "kept": "1", "changed": "1" },
        "ExposedPorts": { "80/tcp": {} },
        "OnBuild": ["RUN true"],
        "Healthcheck": { "Test": ["NONE"] },
    });
    let base = image(debian("1.2-3"))
        .run(run)
        .name("registry.example.org/base:1");
    let home = home(&base);
    home.write(
        "greet.yaml",
        format!("{SPEC}  env: {{ LANG: C.UTF-8, MORE: x }}\n  labels: {{ changed: \"2\" }}\nfrom: oci:base\n"),
    );
    build(&home, &[]);
    let (manifest, config) = documents(&home);
    let run = json!({
        "User": "33:33",
        "WorkingDir": "/srv",
        "Env": ["PATH=/usr/bin", "LANG=C.UTF-8", "MORE=x"],
        "Entrypoint": ["/usr/bin/greet"],
        "Labels": { "kept": "1", "changed": "2" },
        "ExposedPorts": { "80/tcp": {} },
        "Healthcheck": { "Test": ["NONE"] },
    });
    assert_eq!(config["config"], run);
    assert_eq!(config["history"][0]["created_by"], "a test");
    let annotations = &manifest["annotations"];
    assert_eq!(
        annotations["org.opencontainers.image.base.name"],
        "registry.example.org/base:1"
    );
    let digest = annotations["org.opencontainers.image.base.digest"]
        .as_str()
        .unwrap();
    assert!(
        home.path(&format!("base/blobs/{}", digest.replace(':', "/")))
            .is_file()
    );
}

#[test]
fn a_file_of_the_spec_takes_the_place_of_one_of_the_base_and_one_of_a_package_does_not() {
    let home = home(&image(debian("1.2-3").file("etc/motd", 0o644, b"old\n")));
    let spec = format!("{SPEC}from: oci:base\nfiles: [{{ path: /etc/motd, text: new }}]\n");
    home.write("greet.yaml", spec);
    assert_eq!(text(&home, "/etc/motd"), "new");
    image(debian("1.2-3").file("usr/bin/greet", 0o755, b"#!/bin/other\n"))
        .write_to(&home.path("base"));
    home.snapshot("base_file_differs", &["build", "greet.yaml"]);
}

#[test]
fn what_remove_matches_in_a_base_stays_and_a_warning_says_so() {
    let home = home(&image(debian("1.2-3").file("etc/motd", 0o644, b"old\n")));
    home.write(
        "greet.yaml",
        format!("{SPEC}from: oci:base\nremove: [/etc/motd]\n"),
    );
    let run = home.run(&["build", "greet.yaml", "-o", "oci:out"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        run.err.contains("/etc/motd") && run.err.contains("stays"),
        "{}",
        run.err
    );
    assert_eq!(text(&home, "/etc/motd"), "old\n");
}

#[test]
fn of_an_index_the_platform_is_taken_and_one_that_is_not_there_is_named() {
    let home = home(&image(debian("1.2-3")).architectures(&["arm64", "amd64"]));
    build(&home, &[]);
    assert_eq!(documents(&home).1["architecture"], "amd64");
    image(debian("1.2-3"))
        .architectures(&["arm64"])
        .write_to(&home.path("base"));
    home.snapshot("base_platform", &["build", "greet.yaml"]);
}

#[test]
fn a_base_that_is_not_what_it_should_be_is_refused() {
    let home = home(&image(debian("1.2-3")));
    let spec = |from: &str| home.write("greet.yaml", format!("{SPEC}from: {from}\n"));
    spec(&format!("oci:base:latest@sha256:{}", "0".repeat(64)));
    home.snapshot("base_pinned", &["build", "greet.yaml"]);
    spec("oci:base:other");
    home.snapshot("base_no_tag", &["build", "greet.yaml"]);
    spec("oci:nowhere");
    home.snapshot("base_nowhere", &["build", "greet.yaml"]);
    spec("debian:12");
    home.snapshot("base_no_place", &["build", "greet.yaml"]);
    spec("oci:base");
    // A byte of the layer is another.
    let (layer, _) = std::fs::read_dir(home.path("base/blobs/sha256"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.path(), entry.metadata().unwrap().len()))
        .max_by_key(|(_, size)| *size)
        .unwrap();
    let mut bytes = std::fs::read(&layer).unwrap();
    bytes[600] ^= 1;
    std::fs::write(&layer, bytes).unwrap();
    let run = home.run(&["build", "greet.yaml"]);
    assert_eq!(run.code, 1);
    assert!(
        run.err.contains("cannot build on oci:base") && run.err.contains("sha256:"),
        "{}",
        run.err
    );
}

#[test]
fn a_base_of_another_family_or_layout_is_refused() {
    let alpine = root().file("lib/apk/db/installed", 0o644, b"");
    let cases = [
        (
            "base_unread",
            root().file("var/lib/rpm/rpmdb.sqlite", 0o644, b"x"),
        ),
        ("base_unread_apk", alpine),
        (
            "base_unmerged",
            TarBuilder::new().dir("lib", 0o755).dir("usr", 0o755),
        ),
    ];
    for (name, layer) in cases {
        let home = home(&image(layer));
        home.snapshot(name, &["build", "greet.yaml"]);
    }
}
