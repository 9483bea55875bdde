//! Programs of one's own: a spec brings a file and names no package, and what the file needs is found in the sources.

#![allow(clippy::unwrap_used)] // a test

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use common::{Home, Run};
use mikron_testkit::archive::{DebBuilder, class, jar};
use mikron_testkit::elf::ElfBuilder;
use mikron_testkit::repository::{RepositoryBuilder, TestKey};

const LIB: &str = "usr/lib/x86_64-linux-gnu";

/// What a spec of an image for an own program says before its files.
const SPEC: &str = "\
mikron: 1
name: app
sources:
  debian: { deb: \"file:repository\", suite: stable, keys: [key.asc] }
";

fn library(name: &str) -> ElfBuilder {
    ElfBuilder::library(name)
}

fn program() -> ElfBuilder {
    let program = ElfBuilder::executable().needed("libc.so.6");
    program.version_need("libc.so.6", &["GLIBC_2.34"])
}

/// A repository in the making, with the list of its files.
struct Archive {
    repository: RepositoryBuilder,
    contents: String,
}

impl Archive {
    fn package(self, name: &str, depends: &str, files: &[(&str, Vec<u8>)]) -> Self {
        self.described(name, "1", &[("Depends", depends)], files)
    }

    /// A package with fields of its control file.
    fn described(
        mut self,
        name: &str,
        version: &str,
        fields: &[(&str, &str)],
        files: &[(&str, Vec<u8>)],
    ) -> Self {
        let mut deb = DebBuilder::new(name, version, "amd64").mtime(1_700_000_000);
        let mut stanza = format!("Package: {name}\nVersion: {version}\nArchitecture: amd64\n");
        for (field, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
            deb = deb.field(field, value);
            stanza.extend([*field, ": ", *value, "\n"]);
        }
        for (path, bytes) in files {
            deb = deb.file(path, 0o755, bytes);
            self.contents.extend([*path, "   libs/", name, "\n"]);
        }
        self.repository = self.repository.package(&stanza, deb.build());
        self
    }

    /// A package of one library, below the directory where the loader looks.
    fn library(self, name: &str, depends: &str, below: &str, soname: &str, needs: &[&str]) -> Self {
        let library = needs
            .iter()
            .fold(library(soname), |elf, name| elf.needed(name));
        let path = format!("{LIB}/{below}{soname}");
        self.package(name, depends, &[(&path, library.build())])
    }
}

/// A repository of libraries; `listed` says whether it publishes a list of their files.
fn home(listed: bool) -> Home {
    let home = Home::empty();
    let key = TestKey::generate();
    home.write("key.asc", key.certificate_armored());
    let repository = RepositoryBuilder::new("stable").date(1_700_000_000);
    let libc = ["GLIBC_2.2.5", "GLIBC_2.34", "GLIBC_2.4", "GLIBC_2.36"]
        .into_iter()
        .fold(library("libc.so.6"), ElfBuilder::version_definition);
    let libc6 = [
        ("usr/lib/x86_64-linux-gnu/libc.so.6", libc.build()),
        (
            "usr/lib64/ld-linux-x86-64.so.2",
            library("ld-linux-x86-64.so.2").build(),
        ),
    ];
    let archive = Archive {
        repository: repository.sign_with(&key),
        contents: String::new(),
    };
    let archive = archive
        .package("libc6", "", &libc6)
        .library(
            "libpq5",
            "libssl3, pq-data",
            "",
            "libpq.so.5",
            &["libssl.so.3"],
        )
        .library("libssl3", "libc6", "", "libssl.so.3", &[])
        .package(
            "pq-data",
            "",
            &[("usr/share/pq/service.conf", b"data".to_vec())],
        )
        .library("libjack0", "", "", "libjack.so.0", &[])
        .library("libjack-jackd2-0", "", "", "libjack.so.0", &[])
        .library("libblas3", "", "blas/", "libblas.so.3", &[])
        .library("libsnappy1", "", "", "libsnappy.so.1", &[])
        .package("lua5.4", "libc6", &[("usr/bin/lua5.4", program().build())])
        .package(
            "python3.11",
            "libc6",
            &[("usr/bin/python3.11", program().build())],
        )
        .package(
            "ruby3.1",
            "libc6",
            &[("usr/bin/ruby3.1", program().build())],
        )
        .library("libnode108", "libc6", "", "libnode.so.108", &[])
        .described(
            "nodejs",
            "18.20.4+dfsg-1",
            &[("Depends", "libc6, libnode108")],
            &[("usr/bin/node", program().needed("libnode.so.108").build())],
        )
        .package(
            "jre",
            "libc6",
            &[
                ("usr/lib/jvm/java-17/bin/java", program().build()),
                (
                    "usr/lib/jvm/java-17/release",
                    b"JAVA_VERSION=\"17.0.15\"\n".to_vec(),
                ),
            ],
        );
    let archive = split_interpreter(archive);
    let repository = if listed {
        archive.repository.contents("amd64", &archive.contents)
    } else {
        archive.repository
    };
    repository.build().write_to(&home.path("repository"));
    home
}

/// An interpreter whose library is split: what has the program does without most of it.
fn split_interpreter(archive: Archive) -> Archive {
    let code = b"import sys\n".to_vec();
    let of_source = |more| [&[("Source", "python3.12")][..], more].concat();
    archive
        .described(
            "python3.12-minimal",
            "1",
            &of_source(&[("Depends", "libc6, libpython3.12-minimal")]),
            &[("usr/bin/python3.12", program().build())],
        )
        .described(
            "libpython3.12-minimal",
            "1",
            &of_source(&[(
                "Recommends",
                "libpython3.12-stdlib, python3.12-doc, media-types",
            )]),
            &[("usr/lib/python3.12/os.py", code.clone())],
        )
        .described(
            "libpython3.12-stdlib",
            "1",
            &of_source(&[]),
            &[("usr/lib/python3.12/json.py", code.clone())],
        )
        .described(
            "python3.12-doc",
            "1",
            &of_source(&[("Section", "doc")]),
            &[("usr/lib/python3.12/doc.py", code.clone())],
        )
        .package("media-types", "", &[("usr/lib/python3.12/types.py", code)])
}

/// Builds an image of one program.
fn app(home: &Home, program: &[u8], more: &str) -> Run {
    home.write("app", program);
    let spec = format!(
        "{SPEC}{more}files: [{{ path: /app, from: app, mode: \"0755\" }}]\nimage: {{ entrypoint: [/app] }}\n"
    );
    home.write("app.yaml", spec);
    home.run(&["build", "app.yaml"])
}

/// The paths of the image that `app.yaml` describes.
fn paths(home: &Home) -> Vec<String> {
    let run = home.run(&["inspect", "app.yaml", "--json"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let json: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    let mut found = Vec::new();
    collect(&json, &mut found);
    found
}

fn collect(value: &serde_json::Value, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(map) => {
            if let Some(path) = map.get("path").and_then(|path| path.as_str()) {
                found.push(path.to_owned());
            }
            map.values().for_each(|one| collect(one, found));
        }
        serde_json::Value::Array(list) => list.iter().for_each(|one| collect(one, found)),
        _ => {}
    }
}

#[test]
fn a_program_brings_its_libraries_and_what_these_need_without_a_package_named() {
    let home = home(true);
    let run = app(&home, &program().needed("libpq.so.5").build(), "");
    assert_eq!(run.code, 0, "{}", run.err);
    let paths = paths(&home);
    for expected in [
        "/app",
        "/usr/lib/x86_64-linux-gnu/libpq.so.5",
        "/usr/lib/x86_64-linux-gnu/libssl.so.3",
        "/usr/lib/x86_64-linux-gnu/libc.so.6",
        "/usr/lib64/ld-linux-x86-64.so.2",
        // Data of what a package depends on come as they would if it had been named.
        "/usr/share/pq/service.conf",
    ] {
        assert!(
            paths.iter().any(|path| path == expected),
            "{expected}: {paths:?}"
        );
    }
    assert!(
        !paths.iter().any(|path| path.contains("snappy")),
        "{paths:?}"
    );
    home.snapshot("own_explain_package", &["explain", "app.yaml", "libpq5"]);
    home.snapshot(
        "own_explain_token",
        &["explain", "app.yaml", "soname(libpq.so.5)"],
    );
}

#[test]
fn the_choice_is_in_the_lock_and_a_locked_build_asks_for_no_list_of_files() {
    let home = home(true);
    let built = app(&home, &program().needed("libpq.so.5").build(), "");
    assert_eq!(built.code, 0, "{}", built.err);
    let digest = |name: &str| {
        let index = fs::read_to_string(home.path(name).join("index.json")).unwrap();
        let index: serde_json::Value = serde_json::from_str(&index).unwrap();
        index["manifests"][0]["digest"].clone()
    };
    let fresh = digest("out/app");
    let locked = home.run(&["lock", "app.yaml"]);
    assert_eq!(locked.code, 0, "{}", locked.err);
    let lock = home.read("app.lock");
    assert!(lock.contains("role: found"), "{lock}");
    // Neither the lists nor the indexes are there any more, and nothing of them is in a cache.
    fs::remove_dir_all(home.path("repository/dists")).unwrap();
    fs::remove_dir_all(home.path("cache")).unwrap();
    let again = home.run(&["build", "app.yaml", "--locked", "-o", "oci:again"]);
    assert_eq!(again.code, 0, "{}", again.err);
    assert_eq!(digest("again"), fresh);
}

#[test]
fn a_library_that_a_program_names_and_the_image_lacks_is_a_hint() {
    let home = home(true);
    let program = program()
        .constant("libsnappy.so.1")
        .constant("libc.so.6")
        .build();
    let run = app(&home, &program, "");
    assert_eq!(run.code, 0, "{}", run.err);
    let hints = || {
        let explained = home.run(&["explain", "app.yaml"]).out;
        let lines = explained.lines().filter(|line| line.starts_with("hint:"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(matches!(hints().as_slice(), [one] if one.contains("/app names libsnappy.so.1")));
    app(&home, &program, "packages: [libsnappy1]\n");
    assert!(hints().is_empty());
}

#[test]
fn a_script_brings_its_interpreter_and_a_bare_command_is_found() {
    let home = home(true);
    let run = app(&home, b"#!/usr/bin/lua5.4\nprint(1)\n", "");
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(paths(&home).iter().any(|path| path == "/usr/bin/lua5.4"));
    home.write(
        "app.yaml",
        format!("{SPEC}image: {{ entrypoint: [lua5.4] }}\n"),
    );
    assert!(paths(&home).iter().any(|path| path == "/usr/bin/lua5.4"));
}

#[test]
fn an_interpreter_comes_with_what_its_source_recommends_for_it() {
    let home = home(true);
    let run = app(&home, b"#!/usr/bin/python3.12\nprint(1)\n", "");
    assert_eq!(run.code, 0, "{}", run.err);
    let has = |file: &str| paths(&home).contains(&format!("/usr/lib/python3.12/{file}"));
    assert!(has("os.py") && has("json.py"));
    assert!(!has("doc.py") && !has("types.py"));
    // The lock knows all of it.
    assert_eq!(home.run(&["lock", "app.yaml"]).code, 0);
    let locked = home.run(&["build", "app.yaml", "--locked", "-o", "oci:locked"]);
    assert_eq!(locked.code, 0, "{}", locked.err);
    assert!(has("json.py"));
}

#[test]
fn what_the_spec_names_settles_which_of_several_is_meant() {
    let home = home(true);
    let program = program().needed("libjack.so.0").build();
    let run = app(&home, &program, "packages: [libjack0]\n");
    assert_eq!(run.code, 0, "{}", run.err);
}

#[test]
fn a_library_is_looked_for_by_the_name_of_its_package_where_no_list_is_published() {
    let home = home(false);
    let run = app(
        &home,
        &library("libx.so").needed("libsnappy.so.1").build(),
        "",
    );
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        paths(&home)
            .iter()
            .any(|path| path.ends_with("/libsnappy.so.1"))
    );
}

#[test]
fn what_is_wrong_with_an_own_program_is_said_with_the_lines_that_settle_it() {
    let home = home(true);
    let newer = ElfBuilder::executable()
        .needed("libc.so.6")
        .version_need("libc.so.6", &["GLIBC_2.38"]);
    let musl = ElfBuilder::executable()
        .interpreter("/lib/ld-musl-x86_64.so.1")
        .needed("libc.musl-x86_64.so.1");
    let cases = [
        ("newer_libc", newer),
        ("nowhere", program().needed("libnowhere.so.1")),
        ("several", program().needed("libjack.so.0")),
        ("private", program().needed("libblas.so.3")),
        ("musl", musl),
        ("arm64", program().machine(183)),
    ];
    for (name, elf) in cases {
        app(&home, &elf.build(), "");
        let run = home.snapshot(&format!("own_{name}"), &["build", "app.yaml", "--quiet"]);
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{name}");
    }
    let spec = home
        .read("app.yaml")
        .replace(SPEC, "mikron: 1\nname: app\n");
    home.write("app", program().build());
    home.write("app.yaml", spec);
    let run = home.snapshot("own_no_source", &["build", "app.yaml", "--quiet"]);
    assert_eq!(run.code, 1);
    let home = self::home(false);
    app(&home, &program().needed("libother.so.1").build(), "");
    let run = home.snapshot("own_unlisted", &["build", "app.yaml", "--quiet"]);
    assert_eq!(run.code, 1);
}

/// Builds an image of a tree of these files beside a package.
fn tree(home: &Home, package: &str, files: &[(&str, Vec<u8>)]) {
    let _ = fs::remove_dir_all(home.path("tree"));
    for (path, bytes) in files {
        home.write(&format!("tree/{path}"), bytes);
    }
    let spec = format!(
        "{SPEC}packages: [{package}]\nfiles: [{{ path: /app, from: tree }}]\nlayers: {{ compression: none }}\n"
    );
    home.write("tree.yaml", spec);
}

#[test]
fn code_that_is_made_for_another_interpreter_is_refused_with_both_versions() {
    let home = home(true);
    let module = |exports: &str| library("module.so").export(exports).build();
    let wheel = |tag: &str| ("x-1.dist-info/WHEEL", format!("Tag: {tag}\n").into_bytes());
    let environment = b"home = /usr/bin\nversion = 3.12.1\n".to_vec();
    let extension = "extensions/x86_64-linux/3.3.0/json-2/json/parser.so";
    let cases = [
        (
            "wheel",
            "python3.11",
            vec![
                wheel("cp312-cp312-linux_x86_64"),
                ("_x.cpython-312-x86_64-linux-gnu.so", module("PyInit__x")),
            ],
        ),
        (
            "wheel_platform",
            "python3.11",
            vec![wheel("cp311-cp311-musllinux_1_2_aarch64")],
        ),
        (
            "environment",
            "python3.11",
            vec![("pyvenv.cfg", environment)],
        ),
        (
            "addon",
            "nodejs",
            vec![("x.node", module("node_register_module_v115"))],
        ),
        ("gem", "ruby3.1", vec![(extension, module("Init_parser"))]),
        (
            "jar",
            "jre",
            vec![("app.jar", jar(&[("A.class", class(65))]))],
        ),
    ];
    for (name, package, files) in cases {
        tree(&home, package, &files);
        let run = home.snapshot(&format!("own_{name}"), &["build", "tree.yaml", "--quiet"]);
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{name}");
    }
}

#[test]
fn an_environment_of_python_that_was_made_elsewhere_is_said_to_be_one() {
    let home = home(true);
    let program = b"#!/home/me/app/venv/bin/python3.11\n".to_vec();
    tree(&home, "python3.11", &[("venv/bin/gunicorn", program)]);
    let gunicorn = home.path("tree/venv/bin/gunicorn");
    fs::set_permissions(gunicorn, fs::Permissions::from_mode(0o755)).unwrap();
    home.snapshot("own_environment_moved", &["build", "tree.yaml", "--quiet"]);
    tree(
        &home,
        "python3.11",
        &[("venv/pyvenv.cfg", b"home = /opt/python/bin\n".to_vec())],
    );
    fs::create_dir(home.path("tree/venv/bin")).unwrap();
    symlink("/opt/python/bin/python3", home.path("tree/venv/bin/python")).unwrap();
    home.snapshot(
        "own_environment_of_another",
        &["build", "tree.yaml", "--quiet"],
    );
}

#[test]
fn a_package_of_npm_that_asks_for_another_node_is_warned_of() {
    let home = home(true);
    let asks = |range: &str| {
        let package = format!("{{ \"engines\": {{ \"node\": \"{range}\" }} }}");
        tree(&home, "nodejs", &[("package.json", package.into_bytes())]);
        let run = home.run(&["build", "tree.yaml", "--quiet"]);
        assert_eq!(run.code, 0, "{}", run.err);
        run.out + &run.err
    };
    let warning = "/app/package.json asks for Node >=20 (`engines`), and the image has 18.20.4";
    assert!(asks(">=20").contains(warning), "{}", asks(">=20"));
    assert!(!asks(">=18").contains("engines"));
}
