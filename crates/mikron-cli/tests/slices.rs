//! Images out of slices, from end to end: a small chisel release over a small repository.

#![allow(clippy::unwrap_used)] // a test that cannot go on says where

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Home, is_layout};
use mikron_testkit::archive::DebBuilder;
use mikron_testkit::elf::ElfBuilder;
use mikron_testkit::repository::{RepositoryBuilder, TestKey};
use mikron_testkit::tools::tool;

const DATE: i64 = 1_700_000_000;

const SPEC: &str = "\
mikron: 1
name: app
sources:
  local: { deb: \"file:repository\", suite: stable, components: [main], keys: [key.asc] }
definitions: [{ chisel: release }]
packages: [app_bins]
layers: { compression: none }
image:
  entrypoint: [/usr/bin/app]
";

const HEAD: &str = "\
format: v1
archives:
  main: { version: 24.04, suites: [noble], components: [main], public-keys: [key] }
public-keys:
  key: { id: 0123456789ABCDEF, armor: '-----BEGIN PGP PUBLIC KEY BLOCK-----' }
";

const APP: &str = "\
package: app
essential: [app_copyright]
slices:
  bins:
    essential: [app_config, app-data_bundle, libapp1_libs]
    contents:
      /usr/bin/app:
      /usr/bin/tool: {copy: /usr/bin/app, mode: 0700}
      /usr/bin/start: {symlink: app}
      /usr/share/app/*.txt:
      /var/lib/app/: {make: true, mode: 0750}
  config:
    contents:
      /etc/app/app.conf: {mutable: true, mode: 0600}
      /etc/app/id: {text: \"made\\n\"}
      /usr/share/app/amd64: {text: x, arch: amd64}
      /usr/share/app/arm64: {text: x, arch: arm64}
    mutate: |
      path = \"/etc/app/app.conf\"
      content.write(path, content.read(path).replace(\"@\", \"mikron\"))
  page:
    contents:
      /usr/share/app/page.txt: {text: another}
  copyright:
    contents:
      /usr/share/doc/app/copyright:
";

const DATA: &str = "\
package: app-data
slices:
  bundle:
    contents:
      /usr/share/bundle: {text: to be made, mutable: true}
      /usr/share/parts/: {until: mutate}
      /usr/share/parts/*: {until: mutate}
    mutate: |
      parts = \"/usr/share/parts/\"
      text = \"\".join([content.read(parts + name) for name in content.list(parts)])
      content.write(\"/usr/share/bundle\", text)
  where:
    contents:
      /etc/amd64: {text: x, arch: amd64}
      /etc/arm64: {text: x, arch: arm64}
";

const LIBAPP: &str = "\
package: libapp1
slices:
  libs:
    contents:
      /usr/lib/*-linux-gnu/libapp.so.*:
";

/// A repository, a release and `app.yaml`.
fn home() -> Home {
    home_with(|repository| repository)
}

/// The same with more packages.
fn home_with(more: impl FnOnce(RepositoryBuilder) -> RepositoryBuilder) -> Home {
    let home = Home::empty();
    let key = TestKey::generate();
    home.write("key.asc", key.certificate_armored());
    let stanza = |name: &str, arch: &str, more: &str| {
        format!("Package: {name}\nVersion: 1.0\nArchitecture: {arch}\n{more}")
    };
    let program = ElfBuilder::executable().needed("libapp.so.1").build();
    let app = DebBuilder::new("app", "1.0", "amd64")
        .mtime(DATE)
        .depends("libapp1")
        .file("usr/bin/app", 0o755, &program)
        .file("usr/bin/app-admin", 0o755, &program)
        .file("etc/app/app.conf", 0o644, "name = @\n")
        .file("etc/app/other.conf", 0o644, "x")
        .file("usr/share/app/page.txt", 0o644, "page")
        .file("usr/share/app/help.txt", 0o644, "help")
        .file("usr/share/app/page.html", 0o644, "page")
        .file("usr/share/doc/app/copyright", 0o644, "Free.\n")
        .file("usr/share/doc/app/NEWS", 0o644, "New.\n");
    let library = ElfBuilder::library("libapp.so.1").build();
    let loader = ElfBuilder::library("ld-linux-x86-64.so.2").build();
    let libapp = DebBuilder::new("libapp1", "1.0", "amd64")
        .mtime(DATE)
        .depends("app-data")
        .file("usr/lib/x86_64-linux-gnu/libapp.so.1.0", 0o644, library)
        .symlink("usr/lib/x86_64-linux-gnu/libapp.so.1", "libapp.so.1.0")
        .file("usr/lib64/ld-linux-x86-64.so.2", 0o755, loader)
        .file("usr/share/libapp/data", 0o644, "x");
    let data = DebBuilder::new("app-data", "1.0", "all")
        .mtime(DATE)
        .dir("usr/share/parts", 0o755)
        .file("usr/share/parts/b", 0o644, "two\n")
        .file("usr/share/parts/a", 0o644, "one\n")
        .file("usr/share/app-data/more", 0o644, "x");
    let repository = RepositoryBuilder::new("stable")
        .date(DATE)
        .sign_with(&key)
        .architectures(&["amd64", "arm64"])
        .package(&stanza("app", "amd64", "Depends: libapp1\n"), app.build())
        .package(
            &stanza("libapp1", "amd64", "Depends: app-data\n"),
            libapp.build(),
        )
        .package(&stanza("app-data", "all", ""), data.build());
    more(repository).build().write_to(&home.path("repository"));
    fs::create_dir_all(home.path("release/slices")).unwrap();
    home.write("release/chisel.yaml", HEAD);
    home.write("release/slices/app.yaml", APP);
    home.write("release/slices/app-data.yaml", DATA);
    home.write("release/slices/libapp1.yaml", LIBAPP);
    home.write("app.yaml", SPEC);
    home
}

fn build(home: &Home, more: &[&str]) -> serde_json::Value {
    let mut arguments = vec!["build", "app.yaml", "--json", "-o", "oci:layout"];
    arguments.extend(more);
    let run = home.run(&arguments);
    assert_eq!(run.code, 0, "{}", run.err);
    serde_json::from_str(&run.out).unwrap()
}

/// Unpacks the layers of a platform. `None` where there is no tar.
fn unpack(home: &Home, platform: &serde_json::Value) -> Option<PathBuf> {
    let tar = tool("tar")?;
    let root = home.path("root");
    let _ = fs::remove_dir_all(&root);
    fs::create_dir(&root).unwrap();
    for layer in platform["layers"].as_array().unwrap() {
        let digest = layer["digest"].as_str().unwrap().replace(':', "/");
        let blob = home.path("layout/blobs").join(digest);
        let status = Command::new(&tar)
            .args(["--no-same-owner", "-xpf"])
            .arg(blob)
            .arg("-C")
            .arg(&root)
            .status()
            .unwrap();
        assert!(status.success());
    }
    Some(root)
}

/// Every path that is no directory.
fn files(root: &Path) -> Vec<String> {
    fn walk(dir: &Path, root: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(dir).unwrap().flatten() {
            if entry.file_type().unwrap().is_dir() {
                walk(&entry.path(), root, found);
            } else {
                let path = entry.path();
                found.push(path.strip_prefix(root).unwrap().display().to_string());
            }
        }
    }
    let mut found = Vec::new();
    walk(root, root, &mut found);
    found.sort();
    found
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn an_image_of_one_slice_has_it_and_its_essentials_and_what_files_need() {
    let home = home();
    let report = build(&home, &[]);
    let Some(root) = unpack(&home, &report["platforms"][0]) else {
        return;
    };
    assert_eq!(
        files(&root),
        [
            "bin",
            "etc/app/app.conf",
            "etc/app/id",
            "etc/group",
            "etc/passwd",
            "lib",
            "lib64",
            "usr/bin/app",
            "usr/bin/start",
            "usr/bin/tool",
            // No slice has the loader: the program needs it.
            "usr/lib/x86_64-linux-gnu/libapp.so.1",
            "usr/lib/x86_64-linux-gnu/libapp.so.1.0",
            "usr/lib64/ld-linux-x86-64.so.2",
            "usr/share/app/amd64",
            "usr/share/app/help.txt",
            "usr/share/app/page.txt",
            "usr/share/bundle",
            "usr/share/doc/app/copyright",
            "var/lib/dpkg/status.d/app",
            "var/lib/dpkg/status.d/app.md5sums",
            "var/lib/dpkg/status.d/libapp1",
            "var/lib/dpkg/status.d/libapp1.md5sums",
            "var/run",
        ]
    );
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    assert_eq!(read("etc/app/app.conf"), "name = mikron\n");
    assert_eq!(read("etc/app/id"), "made\n");
    assert_eq!(read("usr/share/bundle"), "one\ntwo\n");
    let link = fs::read_link(root.join("usr/bin/start")).unwrap();
    assert_eq!(link, Path::new("app"));
    let tool = fs::read(root.join("usr/bin/tool")).unwrap();
    assert_eq!(tool, fs::read(root.join("usr/bin/app")).unwrap());
    let modes = [
        ("etc/app/app.conf", 0o600),
        ("etc/app/id", 0o644),
        ("usr/bin/tool", 0o700),
        ("usr/bin/app", 0o755),
        ("var/lib/app", 0o750),
    ];
    for (path, expected) in modes {
        assert_eq!(mode(&root.join(path)), expected, "{path}");
    }
    assert!(!root.join("usr/share/parts").exists());
}

#[test]
fn the_report_names_the_slices_of_each_package() {
    let home = home();
    let report = build(&home, &[]);
    let packages = report["platforms"][0]["packages"].as_array().unwrap();
    let capabilities: BTreeMap<&str, Vec<&str>> = packages
        .iter()
        .map(|package| {
            let names = package["capabilities"].as_array().unwrap();
            let names = names.iter().map(|name| name.as_str().unwrap());
            (package["name"].as_str().unwrap(), names.collect())
        })
        .collect();
    let expected = [
        ("app", vec!["app_bins", "app_config", "app_copyright"]),
        ("app-data", vec!["app-data_bundle"]),
        ("libapp1", vec!["libapp1_libs", "libs"]),
    ];
    assert_eq!(capabilities, BTreeMap::from(expected));
}

#[test]
fn the_same_slices_give_the_same_bytes_locked_or_not_and_by_any_number_of_jobs() {
    let first = home();
    let digest = build(&first, &["--jobs", "1"])["digest"].clone();
    assert_eq!(build(&first, &["--jobs", "2"])["digest"], digest);
    let second = home();
    assert_eq!(second.run(&["lock", "app.yaml"]).code, 0);
    assert_eq!(build(&second, &["--locked"])["digest"], digest);
    // What a comment says is no part of the image; what a slice says is, also where an image was built before.
    second.write("release/slices/app.yaml", format!("# Mine.\n{APP}"));
    assert_eq!(build(&second, &["--locked"])["digest"], digest);
    second.write("release/slices/app.yaml", APP.replace("made", "remade"));
    assert_ne!(build(&second, &["--locked"])["digest"], digest);
}

#[test]
fn slices_follow_the_architecture_of_each_platform() {
    let home = home();
    let spec = SPEC
        .replace("[app_bins]", "[app-data_where]")
        .replace("image:\n  entrypoint: [/usr/bin/app]\n", "");
    home.write(
        "app.yaml",
        format!("{spec}platforms: [linux/amd64, linux/arm64]\n"),
    );
    let report = build(&home, &[]);
    for platform in report["platforms"].as_array().unwrap() {
        let Some(root) = unpack(&home, platform) else {
            return;
        };
        let name = platform["platform"].as_str().unwrap();
        let arm = name == "linux/arm64";
        assert_eq!(root.join("etc/arm64").exists(), arm, "{name}");
        assert_eq!(root.join("etc/amd64").exists(), !arm, "{name}");
    }
}

#[test]
fn a_file_of_the_spec_stands_where_a_script_would_write() {
    let home = home();
    let more = "files:\n  - { path: /etc/app/app.conf, text: mine }\n";
    home.write("app.yaml", format!("{SPEC}{more}"));
    let report = build(&home, &[]);
    let Some(root) = unpack(&home, &report["platforms"][0]) else {
        return;
    };
    let text = fs::read_to_string(root.join("etc/app/app.conf")).unwrap();
    assert_eq!(text, "mine");
}

#[test]
fn what_a_program_needs_stays_though_a_slice_has_it_for_its_script_alone() {
    let home = home();
    let until = LIBAPP.replace("libapp.so.*:", "libapp.so.*: {until: mutate}");
    home.write("release/slices/libapp1.yaml", until);
    let report = build(&home, &[]);
    let Some(root) = unpack(&home, &report["platforms"][0]) else {
        return;
    };
    assert!(
        root.join("usr/lib/x86_64-linux-gnu/libapp.so.1.0")
            .is_file()
    );
}

#[test]
fn a_package_that_is_named_beside_its_slices_is_taken_as_both() {
    let home = home();
    home.write("app.yaml", SPEC.replace("[app_bins]", "[app, app_bins]"));
    let report = build(&home, &[]);
    let Some(root) = unpack(&home, &report["platforms"][0]) else {
        return;
    };
    for path in ["usr/bin/app-admin", "etc/app/other.conf", "etc/app/id"] {
        assert!(root.join(path).is_file(), "{path}");
    }
    assert_eq!(mode(&root.join("etc/app/app.conf")), 0o600);
}

#[test]
fn what_slices_make_is_part_of_the_proof() {
    let home = home();
    home.write("app.yaml", format!("{SPEC}strict: true\n"));
    for (name, from, to) in [
        ("dangling", "{symlink: app}", "{symlink: nowhere}"),
        (
            "interpreter",
            "{text: \"made\\n\"}",
            "{text: \"#!/usr/bin/lua\\n\", mode: 0755}",
        ),
    ] {
        let app = APP.replace(from, to).replace("/etc/app/id", "/usr/bin/id");
        home.write("release/slices/app.yaml", app);
        fails(&home, &format!("slices_{name}"));
    }
}

#[test]
fn explain_tells_the_chain_of_slices() {
    let home = home();
    home.snapshot("slices_explain", &["explain", "app.yaml"]);
    for (name, what) in [
        ("slice", "libapp1_libs"),
        ("path", "/usr/share/bundle"),
        ("input", "/usr/share/parts/a"),
    ] {
        let arguments = ["--quiet", "explain", "app.yaml", what];
        let run = home.snapshot(&format!("slices_explain_{name}"), &arguments);
        assert_eq!(run.code, 0, "{what}");
    }
}

/// Builds and holds the message against the snapshot of this name.
#[test]
fn a_script_that_a_slice_names_may_lack_its_interpreter_unless_the_spec_is_strict() {
    let tools = DebBuilder::new("tools", "1.0", "all").mtime(DATE).file(
        "usr/bin/report",
        0o755,
        "#!/usr/bin/python3\n",
    );
    let stanza = "Package: tools\nVersion: 1.0\nArchitecture: all\n";
    let home = home_with(|repository| repository.package(stanza, tools.build()));
    let tools = "package: tools\nslices:\n  bins:\n    contents:\n      /usr/bin/report:\n";
    home.write("release/slices/tools.yaml", tools);
    let spec = SPEC.replace("app_bins", "app_bins, tools_bins");
    let build = |spec: &str| {
        home.write("app.yaml", spec);
        home.run(&["build", "app.yaml", "-o", "oci:layout"])
    };
    let run = build(&spec);
    assert_eq!(run.code, 0, "{}", run.err);
    for part in [
        "python3",
        "is needed by /usr/bin/report, which a slice names",
        "strict: true",
    ] {
        assert!(run.err.contains(part), "{part}: {}", run.err);
    }
    for wrong in [
        format!("{spec}strict: true\n"),
        spec.replace("[/usr/bin/app]", "[/usr/bin/report]"),
    ] {
        let run = build(&wrong);
        assert_eq!(run.code, 1, "{wrong}");
        assert!(run.err.contains("python3"), "{}", run.err);
    }
}

#[test]
fn a_fault_of_a_file_of_slices_is_a_warning_until_one_of_them_is_wanted() {
    let home = home();
    let tomcat = "package: tomcat10\nslices:\n  bins:\n    content:\n      /usr/bin/x:\n";
    home.write("release/slices/tomcat10.yaml", tomcat);
    let run = home.run(&["build", "app.yaml", "-o", "oci:layout"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let warning = "release/slices/tomcat10.yaml:4:5: unknown key `content`; slices of this file cannot be taken";
    assert!(run.err.contains(warning), "{}", run.err);
    let needy = LIBAPP.replace("  libs:\n", "  libs:\n    essential: [tomcat10_bins]\n");
    for (file, text) in [
        ("app.yaml", &*SPEC.replace("app_bins", "tomcat10_bins")),
        ("release/slices/libapp1.yaml", &*needy),
    ] {
        home.write(file, text);
        let run = home.run(&["build", "app.yaml", "-o", "oci:layout"]);
        assert_eq!(run.code, 1, "{}", run.err);
        assert!(run.err.contains("did you mean `contents`?"), "{}", run.err);
        home.write("app.yaml", SPEC);
    }
}

fn fails(home: &Home, name: &str) {
    let run = home.snapshot(name, &["--quiet", "build", "app.yaml"]);
    assert_eq!((run.code, run.out.as_str()), (1, ""), "{name}");
    assert!(!is_layout(&home.path("out/app")), "{name}");
}

#[test]
fn wrong_slices_are_refused_with_place_and_remedy() {
    let home = home();
    let spec = |packages: &str| SPEC.replace("app_bins", packages);
    for (name, text) in [
        ("conflict", spec("app_bins, app_page")),
        ("unknown", spec("app_bin")),
        ("unknown_package", spec("ap_bins")),
        (
            "undefined",
            SPEC.replace("definitions: [{ chisel: release }]\n", ""),
        ),
        (
            "no_release",
            SPEC.replace("chisel: release", "chisel: relaese"),
        ),
    ] {
        home.write("app.yaml", text);
        fails(&home, &format!("slices_{name}"));
    }
    home.write("app.yaml", SPEC);
    for (name, from, to) in [
        ("no_content", "/usr/bin/app:", "/usr/sbin/app:"),
        ("script", ".replace(", ".replce("),
        (
            "script_reads",
            "= \"/etc/app/app.conf\"",
            "= \"/etc/shadow\"",
        ),
    ] {
        home.write("release/slices/app.yaml", APP.replace(from, to));
        fails(&home, &format!("slices_{name}"));
    }
    home.write("release/slices/app.yaml", APP);
    home.write(
        "release/slices/gone.yaml",
        "package: gone\nslices:\n  bins:\n    contents: { /usr/bin/gone: }\n",
    );
    home.write(
        "release/slices/libapp1.yaml",
        LIBAPP.replace("  libs:\n", "  libs:\n    essential: [gone_bins]\n"),
    );
    fails(&home, "slices_package_gone");
}
