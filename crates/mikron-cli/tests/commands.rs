//! The commands from end to end, over a small repository.

mod common;

use std::process::Command;

use common::{Home, SPEC, greet, is_layout};
use mikron_testkit::elf::ElfBuilder;
use mikron_testkit::tools::tool;

#[test]
fn build_writes_a_layout_and_says_what_it_did() {
    let home = Home::new();
    let run = home.snapshot("build", &["build", "greet.yaml"]);
    assert_eq!(run.code, 0);
    assert!(is_layout(&home.path("out/greet")));
    let digest = run.out.split_whitespace().nth(1).unwrap().to_owned();
    let again = home.run(&["--quiet", "build", "greet.yaml", "--jobs", "1", "--offline"]);
    assert_eq!((again.code, again.err.as_str()), (0, ""));
    assert_eq!(again.out.split_whitespace().nth(1), Some(digest.as_str()));
}

#[test]
fn a_first_spec_is_written_for_what_is_there_and_never_over_another() {
    let home = Home::new();
    let made = |name: &str, bytes: &[u8], machine: Option<u16>| {
        let bytes = match machine {
            Some(machine) => ElfBuilder::executable().machine(machine).build(),
            None => bytes.to_vec(),
        };
        home.write(name, bytes);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(home.path(name), mode).unwrap();
    };
    let mut texts = Vec::new();
    let mut init = |arguments: &[&str]| {
        let run = home.run(&[&["init"], arguments].concat());
        texts.push(format!(
            "$ mikron init {}\n{}{}",
            arguments.join(" "),
            run.out,
            run.err
        ));
    };
    init(&[]);
    init(&["-o", "-", "hello"]);
    init(&["-o", "-", "nginx"]);
    init(&["Hello!"]);
    made("serve.sh", b"#!/bin/sh\n", None);
    made("bin/my server", b"", Some(183));
    made("bin/notes", b"text", None);
    init(&[]);
    init(&[]);
    init(&["-o", "-", "serve.sh"]);
    init(&["bin/notes"]);
    made("target/release/a", b"", Some(62));
    made("target/release/b", b"", Some(62));
    init(&[]);
    made("odd", b"", Some(2));
    init(&["odd"]);
    let of_arm = home.read("my-server.yaml");
    texts.push(of_arm);
    // The release is that of the machine, where it is one that can be named.
    let release = vec![("deb: [a-z]+", "deb: [release]")];
    insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false, filters => release }, {
        insta::assert_snapshot!("init", texts.join("\n"));
    });
}

#[test]
fn build_prints_one_json_object() {
    let home = Home::new();
    let run = home.run(&[
        "build",
        "greet.yaml",
        "--json",
        "-o",
        "oci:layout:1.2",
        "-o",
        "docker:a.tar",
    ]);
    assert_eq!(run.code, 0, "{}", run.err);
    let report: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(report["name"], "greet");
    let platform = &report["platforms"][0];
    assert_eq!(platform["platform"], "linux/amd64");
    let packages = platform["packages"].as_array().unwrap();
    let names: Vec<_> = packages
        .iter()
        .map(|p| p["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["greet", "libgreet1"]);
    for key in ["name", "version", "arch", "capabilities", "files", "bytes"] {
        assert!(!packages[0][key].is_null(), "{key}");
    }
    for key in ["digest", "size", "diff_id", "packages"] {
        assert!(!platform["layers"][0][key].is_null(), "{key}");
    }
    assert!(is_layout(&home.path("layout")));
    assert!(home.path("a.tar").is_file());
    assert!(!home.path("out").exists());
}

#[test]
fn every_digest_that_is_reported_of_a_docker_archive_lies_in_it() {
    let home = Home::new();
    for again in [false, true] {
        let args = ["build", "greet.yaml", "--json", "-o", "docker:a.tar"];
        let run = home.run(&args);
        assert_eq!(run.code, 0, "{}", run.err);
        let report: serde_json::Value = serde_json::from_str(&run.out).unwrap();
        let untar = |words: &[&str]| {
            let output = Command::new("tar")
                .args(words)
                .current_dir(home.path("."))
                .output();
            output.unwrap().stdout
        };
        let names = untar(&["-tf", "a.tar"]);
        let names = String::from_utf8_lossy(&names);
        let index = untar(&["-xOf", "a.tar", "index.json"]);
        let digest = mikron::package::Digest::of(&index);
        assert_eq!(report["digest"], digest.to_string(), "again: {again}");
        for platform in report["platforms"].as_array().unwrap() {
            let layers = platform["layers"].as_array().unwrap().iter();
            let layers = layers.map(|layer| &layer["digest"]);
            for digest in layers.chain([&platform["digest"], &platform["config"]]) {
                let blob = format!("blobs/{}", digest.as_str().unwrap().replace(':', "/"));
                assert!(names.lines().any(|name| name == blob), "{digest} {names}");
            }
        }
    }
}

#[test]
fn a_lock_is_written_used_and_found_stale() {
    let home = Home::new();
    assert_eq!(
        home.snapshot("locked_without_lock", &["build", "greet.yaml", "--locked"])
            .code,
        1
    );
    assert_eq!(home.snapshot("lock", &["-q", "lock", "greet.yaml"]).code, 0);
    assert!(home.read("greet.lock").contains("libgreet1"));
    assert_eq!(
        home.snapshot("lock_again", &["-q", "lock", "greet.yaml"])
            .code,
        0
    );
    assert_eq!(home.run(&["build", "greet.yaml", "--locked"]).code, 0);
    let json = home.run(&["-q", "lock", "greet.yaml", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(
        json["packages"]["linux/amd64"].as_u64().map(|n| n > 1),
        Some(true)
    );
    home.write("greet.yaml", SPEC.replace("[greet]", "[libgreet1]"));
    assert_eq!(
        home.snapshot("lock_stale", &["-q", "build", "greet.yaml", "--locked"])
            .code,
        1
    );
}

#[test]
fn explain_says_why_and_why_not() {
    let home = Home::new();
    let questions: [(&str, &[&str]); 7] = [
        ("explain", &["-q", "explain", "greet.yaml"]),
        (
            "explain_path",
            &[
                "-q",
                "explain",
                "greet.yaml",
                "/usr/lib/x86_64-linux-gnu/libgreet.so.1.0",
            ],
        ),
        (
            "explain_package",
            &["-q", "explain", "greet.yaml", "libgreet1"],
        ),
        (
            "explain_capability",
            &["-q", "explain", "greet.yaml", "greet:bins"],
        ),
        (
            "explain_capability_left_out",
            &["-q", "explain", "greet.yaml", "greet:licences"],
        ),
        (
            "explain_left_out",
            &["-q", "explain", "greet.yaml", "greet-doc"],
        ),
        (
            "explain_file_left_out",
            &[
                "-q",
                "explain",
                "greet.yaml",
                "/usr/share/doc/greet/copyright",
            ],
        ),
    ];
    for (name, arguments) in questions {
        assert_eq!(home.snapshot(name, arguments).code, 0, "{name}");
    }
    let unknown = home.snapshot(
        "explain_unknown",
        &["-q", "explain", "greet.yaml", "/usr/bin/none"],
    );
    assert_eq!((unknown.code, unknown.out.as_str()), (1, ""));
    let json = home.run(&["-q", "explain", "greet.yaml", "libgreet1", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json[0]["required_by"][0][0], "greet");
}

#[test]
fn inspect_shows_all_of_an_archive() {
    let home = Home::empty();
    home.write("greet.deb", greet().deb.build());
    assert_eq!(home.snapshot("inspect", &["inspect", "greet.deb"]).code, 0);
    let run = home.run(&["inspect", "greet.deb", "--json"]);
    let archive: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    let entries = archive["entries"].as_array().unwrap();
    let entry = |path: &str| entries.iter().find(|entry| entry["path"] == path).unwrap();
    let program = entry("/usr/bin/greet");
    assert_eq!(
        (program["type"].as_str(), program["mode"].as_str()),
        (Some("file"), Some("0755"))
    );
    assert_eq!(program["time"], "2023-11-14T22:13:20Z");
    assert_eq!(program["elf"]["needed"][0], "libgreet.so.1");
    assert!(program["digest"].as_str().unwrap().starts_with("sha256:"));
    assert_eq!(entry("/usr/bin/hello")["link"], "greet");
    assert_eq!(archive["scripts"][0]["name"], "postinst");
}

#[test]
fn inspect_lists_what_dpkg_lists() {
    let Some(dpkg_deb) = tool("dpkg-deb") else {
        return;
    };
    let home = Home::empty();
    home.write("greet.deb", greet().deb.build());
    let output = std::process::Command::new(dpkg_deb)
        .args(["--contents", "greet.deb"])
        .current_dir(home.path("."))
        .output()
        .unwrap();
    let theirs = String::from_utf8(output.stdout).unwrap();
    let ours = home.run(&["inspect", "greet.deb"]).out;
    assert!(theirs.lines().count() > 3);
    for line in theirs.lines() {
        let path = line
            .split_whitespace()
            .nth(5)
            .unwrap()
            .trim_start_matches('.')
            .trim_end_matches('/');
        let path = if path.is_empty() { "/" } else { path };
        assert!(ours.contains(path), "{path}\n{ours}");
    }
}

#[test]
fn inspect_refuses_what_is_no_archive() {
    let home = Home::empty();
    home.write("text.deb", "no archive at all");
    let mut cut = greet().deb.build();
    cut.truncate(cut.len() / 2);
    home.write("cut.deb", cut);
    for (name, file) in [
        ("inspect_text", "text.deb"),
        ("inspect_cut", "cut.deb"),
        ("inspect_nothing", "none.deb"),
        ("inspect_directory", "."),
    ] {
        let run = home.snapshot(name, &["inspect", file]);
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{name}");
    }
}

#[test]
fn the_cache_is_found_verified_and_collected() {
    let home = Home::new();
    let path = home.run(&["cache", "path"]);
    assert_eq!(
        path.out.trim_end(),
        home.path("cache").display().to_string()
    );
    assert_eq!(home.run(&["-q", "build", "greet.yaml"]).code, 0);
    let sound = home.run(&["cache", "verify", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&sound.out).unwrap();
    assert!(report["checked"].as_u64().unwrap() > 3);
    let blob = first_file(&home.path("cache/v1/blobs")).unwrap();
    std::fs::write(&blob, "damaged").unwrap();
    let run = home.run(&["cache", "verify"]);
    assert_eq!(run.code, 1);
    assert!(
        run.err.contains("1 file of the cache were damaged"),
        "{}",
        run.err
    );
    assert_eq!(home.run(&["-q", "cache", "verify"]).code, 0);
    let gone = home.run(&["cache", "gc", "--quota", "0"]);
    assert!(gone.out.contains("removed"), "{}", gone.out);
    let json = home.run(&["cache", "gc", "--quota", "1G", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(report["over_quota"], false);
    assert_eq!(home.run(&["cache", "gc", "--quota", "lots"]).code, 2);
}

#[test]
fn without_a_place_for_the_cache_the_remedy_is_named() {
    let home = Home::empty();
    let output = home
        .command()
        .env_remove("MIKRON_CACHE")
        .args(["cache", "path"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("set MIKRON_CACHE")
    );
}

fn first_file(directory: &std::path::Path) -> Option<std::path::PathBuf> {
    let mut paths: Vec<_> = std::fs::read_dir(directory)
        .ok()?
        .flatten()
        .map(|e| e.path())
        .collect();
    paths.sort();
    paths.into_iter().find_map(|path| {
        if path.is_dir() {
            first_file(&path)
        } else {
            Some(path)
        }
    })
}

#[test]
fn what_the_libraries_do_is_logged_where_it_is_asked_for() {
    let home = Home::new();
    let build = |log: &str| {
        let mut command = home.command();
        command
            .args(["build", "greet.yaml", "--refresh"])
            .env("MIKRON_LOG", log);
        String::from_utf8(command.output().unwrap().stderr).unwrap()
    };
    let log = build("debug");
    for said in ["fetched", "solved", "learning", "selected", "layer"] {
        assert!(log.contains(said), "{said}: {log}");
    }
    assert!(!build("warn").contains("DEBUG"));
}

#[test]
fn a_system_that_gives_no_more_threads_makes_it_slower_and_not_wrong() {
    let home = Home::new();
    // Stacks count where address space is bounded (setrlimit(2), RLIMIT_AS), for root, too.
    let build = |jobs: &str, limit: &str| {
        let mut command = std::process::Command::new("prlimit");
        let program = env!("CARGO_BIN_EXE_mikron");
        let arguments = ["build", "greet.yaml", "--json", "-j", jobs, "-o", "oci:out"];
        command
            .arg(limit)
            .args([program])
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("MIKRON_CACHE", home.path("cache"))
            .current_dir(home.path("."));
        let output = command.output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{jobs} {limit}: {err}");
        std::fs::remove_dir_all(home.path("cache")).unwrap();
        std::fs::remove_dir_all(home.path("out")).unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let whole = build("2", "--as=unlimited");
    assert_eq!(build("100000", "--as=unlimited"), whole);
    // Room for the program and a few stacks.
    assert_eq!(build("64", "--as=160000000"), whole);
}

#[test]
fn what_cannot_be_told_is_no_reason_to_do_nothing() {
    let home = Home::new();
    let full = || {
        std::fs::File::options()
            .write(true)
            .open("/dev/full")
            .unwrap()
    };
    let mut build = home.command();
    build
        .args(["build", "greet.yaml", "-o", "oci:out"])
        .env("MIKRON_LOG", "debug");
    assert_eq!(build.stderr(full()).status().unwrap().code(), Some(0));
    assert!(home.path("out/index.json").is_file());
    let mut none = home.command();
    let none = none.args(["build", "none.yaml"]).stderr(full()).status();
    assert_eq!(none.unwrap().code(), Some(1));
}

#[test]
fn a_pipe_where_the_lock_should_be_is_waited_for_by_nobody() {
    let home = Home::new();
    let made = std::process::Command::new("mkfifo")
        .arg(home.path("greet.lock"))
        .status();
    assert!(made.unwrap().success());
    let run = home.run(&["build", "greet.yaml", "--locked"]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("it is not a regular file"), "{}", run.err);
    // A new lock takes its place, as it does of every lock that cannot be read.
    let run = home.run(&["lock", "greet.yaml"]);
    assert_eq!(run.code, 0);
    assert!(run.err.contains("no version of it is kept"), "{}", run.err);
    // Names that the lock does not have are told, and no names are no list.
    let run = home.run(&["lock", "greet.yaml", "--update=greet,nosuch"]);
    assert!(run.code == 0 && run.err.contains("`nosuch`"), "{}", run.err);
    assert_eq!(home.run(&["lock", "greet.yaml", "--update="]).code, 1);
}
