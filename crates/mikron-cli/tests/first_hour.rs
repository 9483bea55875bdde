//! What a new user meets: each mistake of the first hour is answered with what to write.
#![allow(clippy::unwrap_used)] // functions that tests share may, as tests may

mod common;

use common::{Home, SPEC};
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
        err.contains("mirror.debian, mirror.debian-security, ca and quota"),
        "{err}"
    );
}

fn files(home: &Home, entry: &str, entrypoint: &str) -> String {
    home.write("run.sh", "#!/usr/bin/greet\n");
    let spec = SPEC.replace("[/usr/bin/greet]", entrypoint);
    format!("{spec}files:\n  - {entry}\n")
}

fn chmod(home: &Home, name: &str, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(home.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_file_from_the_disk_keeps_whether_it_may_be_executed_and_nothing_else() {
    let home = Home::new();
    let mode_of = |spec: &str| {
        home.write("greet.yaml", spec);
        let inventory = Builder::from_file(home.path("greet.yaml")).unwrap();
        let inventory = inventory.cache(home.path("cache")).inventory().unwrap();
        let held = inventory.platforms.values().next().unwrap();
        let mut files = held.files.iter().flatten();
        files
            .find(|(path, _)| path.to_string() == "/run.sh")
            .unwrap()
            .1
            .mode
    };
    let spec = files(&home, "{ path: /run.sh, from: run.sh }", "[/usr/bin/greet]");
    for (mode, kept) in [
        (0o644, 0o644),
        (0o700, 0o755),
        (0o4775, 0o755),
        (0o611, 0o644),
        (0o400, 0o644),
    ] {
        chmod(&home, "run.sh", mode);
        assert_eq!(mode_of(&spec), kept, "{mode:o}");
    }
    chmod(&home, "run.sh", 0o755);
    let explicit = files(
        &home,
        "{ path: /run.sh, from: run.sh, mode: \"0600\" }",
        "[/usr/bin/greet]",
    );
    assert_eq!(mode_of(&explicit), 0o600);
}

#[test]
fn what_makes_a_file_executable_makes_another_image_of_it() {
    let home = Home::new();
    let spec = files(&home, "{ path: /run.sh, from: run.sh }", "[/usr/bin/greet]");
    home.write("greet.yaml", spec);
    let digest = || {
        let run = home.run(&["-q", "build", "greet.yaml"]);
        run.out.split_whitespace().nth(1).map(str::to_owned)
    };
    chmod(&home, "run.sh", 0o644);
    let before = digest();
    chmod(&home, "run.sh", 0o755);
    assert!(before.is_some() && before != digest());
}

#[test]
fn an_entrypoint_that_nobody_may_execute_is_refused_with_the_remedy() {
    let home = Home::new();
    home.write(
        "greet.yaml",
        files(&home, "{ path: /run.sh, from: run.sh }", "[/run.sh]"),
    );
    chmod(&home, "run.sh", 0o644);
    assert_eq!(
        home.snapshot("entrypoint_not_executable", &["-q", "build", "greet.yaml"])
            .code,
        1
    );
    chmod(&home, "run.sh", 0o755);
    assert_eq!(home.run(&["-q", "build", "greet.yaml"]).code, 0);
    // The same of a text, and of a program by its name alone.
    home.write(
        "greet.yaml",
        files(
            &home,
            "{ path: /usr/bin/run, text: \"#!/usr/bin/greet\\n\" }",
            "[run]",
        ),
    );
    let run = home.run(&["-q", "build", "greet.yaml"]);
    assert!(run.err.contains("nobody may execute it"), "{}", run.err);
}

#[test]
fn a_file_that_cannot_be_read_is_shown_where_the_spec_names_it() {
    let home = Home::new();
    let entry = "{ path: /run.sh, from: rnu.sh }";
    home.write("greet.yaml", files(&home, entry, "[/usr/bin/greet]"));
    let snapshot = home.snapshot("file_not_there", &["-q", "build", "greet.yaml"]);
    assert_eq!(snapshot.code, 1);
    // A pipe has no end that a build could wait for.
    let made = std::process::Command::new("mkfifo")
        .arg(home.path("rnu.sh"))
        .status();
    assert!(made.is_ok_and(|status| status.success()));
    let run = home.run(&["-q", "build", "greet.yaml"]);
    assert!(
        run.code == 1 && run.err.contains("neither a regular file nor a directory"),
        "{}",
        run.err
    );
}

#[test]
fn a_file_of_the_spec_may_be_taken_as_it_comes() {
    let home = Home::new();
    let build = |entry: &str| {
        home.write("greet.yaml", files(&home, entry, "[/usr/bin/greet]"));
        home.write("run.sh", "#!/nowhere/python\n");
        chmod(&home, "run.sh", 0o755);
        home.run(&["-q", "build", "greet.yaml"])
    };
    let run = build("{ path: /run.sh, from: run.sh }");
    assert!(
        run.code == 1 && run.err.contains("/nowhere/python"),
        "{}",
        run.err
    );
    let run = build("{ path: /run.sh, from: run.sh, check: none }");
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    // What cannot be executed asks for nothing by its first line.
    let run = build("{ path: /run.sh, from: run.sh, mode: \"0644\" }");
    assert_eq!((run.code, run.err.as_str()), (0, ""));
}

#[test]
fn a_damaged_lock_is_written_anew_and_everyone_else_says_what_is_damaged_and_where() {
    let home = Home::new();
    assert_eq!(home.run(&["-q", "lock", "greet.yaml"]).code, 0);
    let good = home.read("greet.lock");
    let lines: Vec<&str> = good.lines().collect();
    let (head, tail) = (lines[..6].join("\n"), lines[6..].join("\n"));
    let conflict = format!("{head}\n<<<<<<< HEAD\n{tail}\n=======\n{tail}\n>>>>>>> other\n");
    let half = &good[..good.len() / 2];
    let damaged: [(&str, &[u8]); 6] = [
        ("lock_conflict", conflict.as_bytes()),
        ("lock_truncated", half.as_bytes()),
        ("lock_empty", b""),
        ("lock_binary", b"mikron-lock: 1\n\xff\xfe"),
        ("lock_of_another_kind", b"[1, 2]\n"),
        (
            "lock_edited",
            &good.replace("size: ", "size: 1").into_bytes(),
        ),
    ];
    for (name, bytes) in damaged {
        home.write("greet.lock", bytes);
        let run = home.snapshot(name, &["-q", "build", "greet.yaml"]);
        assert_eq!(run.code, 1, "{name}");
        assert!(
            run.err.contains("greet.lock") && run.err.contains("`mikron lock`"),
            "{}",
            run.err
        );
        for other in [
            &["matrix", "greet.yaml"][..],
            &["explain", "greet.yaml"],
            &["diff", "greet.lock", "greet.yaml"],
        ] {
            let run = home.run(other);
            assert!(
                run.code == 1 && run.err.contains("`mikron lock`"),
                "{name} {other:?}: {}",
                run.err
            );
        }
        let run = home.run(&["lock", "greet.yaml"]);
        assert_eq!(
            (run.code, home.read("greet.lock")),
            (0, good.clone()),
            "{name}"
        );
        assert!(
            run.err.contains("no version of it is kept"),
            "{name}: {}",
            run.err
        );
    }
}

#[test]
fn a_lock_that_is_a_symbolic_link_is_written_through() {
    let home = Home::new();
    std::fs::create_dir(home.path("locks")).unwrap();
    home.write("locks/greet.lock", "old\n");
    std::os::unix::fs::symlink("locks/greet.lock", home.path("greet.lock")).unwrap();
    assert_eq!(home.run(&["-q", "lock", "greet.yaml"]).code, 0);
    assert!(home.read("locks/greet.lock").contains("mikron-lock: 1\n"));
    assert!(
        std::fs::symlink_metadata(home.path("greet.lock"))
            .unwrap()
            .is_symlink()
    );
    // One that leads nowhere is refused, and stays.
    std::fs::remove_dir_all(home.path("locks")).unwrap();
    let run = home.run(&["-q", "lock", "greet.yaml"]);
    assert!(
        run.code == 1 && run.err.contains("greet.lock"),
        "{}",
        run.err
    );
    assert!(
        std::fs::symlink_metadata(home.path("greet.lock"))
            .unwrap()
            .is_symlink()
    );
}

#[test]
fn a_mistyped_entrypoint_is_answered_with_the_program_that_is_meant() {
    let home = Home::new();
    for (name, entrypoint) in [
        ("entrypoint_slip", "[/usr/bin/gret]"),
        ("entrypoint_elsewhere", "[/usr/sbin/greet]"),
        ("entrypoint_unknown", "[/opt/server]"),
    ] {
        home.write("greet.yaml", SPEC.replace("[/usr/bin/greet]", entrypoint));
        assert_eq!(home.snapshot(name, &["-q", "build", "greet.yaml"]).code, 1);
    }
}

#[test]
fn a_platform_that_the_spec_does_not_list_comes_with_the_line_to_add() {
    let home = Home::new();
    let run = home.run(&["build", "greet.yaml", "--platform", "linux/arm64"]);
    assert_eq!(run.code, 1);
    let line = "add it to the spec: `platforms: [linux/amd64, linux/arm64]`";
    assert!(run.err.contains(line), "{}", run.err);
}

#[test]
fn a_spec_may_come_from_standard_input() {
    let home = Home::new();
    // Out of a file, which waits for who does not read it.
    let pipe = |arguments: &[&str], text: &str| {
        home.write("stdin", text);
        let stdin = std::fs::File::open(home.path("stdin")).unwrap();
        let output = home
            .command()
            .args(arguments)
            .stdin(stdin)
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let digest = |out: &str| out.split_whitespace().nth(1).map(str::to_owned);
    let (code, out, err) = pipe(&["-q", "build", "-"], SPEC);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert_eq!(
        digest(&out),
        digest(&home.run(&["-q", "build", "greet.yaml"]).out)
    );
    let (code, _, err) = pipe(&["build", "-"], "mikron: 1\nnmae: a\n");
    assert!(code == Some(1) && err.contains("-:2:1"), "{err}");
    let (code, _, err) = pipe(&["lock", "-"], SPEC);
    assert!(
        code == Some(1) && err.contains("no place for a lock"),
        "{err}"
    );
}

#[test]
fn help_and_version_are_where_people_look_for_them() {
    let home = Home::empty();
    let help = home.run(&["help", "build"]);
    assert_eq!(
        (help.code, help.out),
        (0, home.run(&["build", "--help"]).out)
    );
    let version = home.run(&["--version"]);
    assert!(version.out.starts_with("mikron "));
    for short in ["-v", "-V"] {
        assert_eq!(home.run(&[short]).out, version.out);
    }
}

#[test]
fn a_build_says_how_large_it_is_what_it_took_and_how_to_run_it() {
    let home = Home::new();
    home.write("greet.yaml", format!("{SPEC}  ports: [80/tcp, 53/udp]\n"));
    let first = home
        .run(&["-q", "build", "greet.yaml", "-o", "oci:img:1.2"])
        .out;
    let lines: Vec<&str> = first.lines().collect();
    assert!(
        lines[0].starts_with("greet sha256:") && lines[0].ends_with(" (manifest)"),
        "{first}"
    );
    assert!(
        lines[1].contains("unpacked") && lines[1].contains("3 layers"),
        "{first}"
    );
    assert!(first.contains(" fetched, 0 of 3 layers reused"), "{first}");
    assert!(
        first.ends_with("run it: podman run --rm -p 80:80 -p 53:53/udp oci:img:1.2\n"),
        "{first}"
    );
    assert!(first.contains("it runs as root"), "{first}");
    home.write("greet.yaml", format!("{SPEC}run-as: \"65532\"\n"));
    let other = home.run(&["-q", "build", "greet.yaml"]).out;
    assert!(!other.contains("it runs as root"), "{other}");
    // What has no program cannot be run.
    let none = SPEC.replace("image:\n  entrypoint: [/usr/bin/greet]\n", "");
    home.write("greet.yaml", none);
    let none = home.run(&["-q", "build", "greet.yaml"]).out;
    assert!(
        none.contains("layers reused\n") && !none.contains("run it"),
        "{none}"
    );
    home.write("greet.yaml", format!("{SPEC}  ports: [80/tcp, 53/udp]\n"));
    let again = home.run(&["-q", "build", "greet.yaml"]).out;
    assert!(
        again.contains("nothing fetched, 3 of 3 layers reused"),
        "{again}"
    );
}

#[test]
fn an_archive_for_docker_has_a_name_that_is_nobody_elses_or_the_one_that_was_asked_for() {
    let home = Home::new();
    let name = |arguments: &[&str]| {
        let all = [
            &["-q", "build", "greet.yaml", "-o", "docker:a.tar"][..],
            arguments,
        ]
        .concat();
        let run = home.run(&all);
        assert_eq!((run.code, run.err.as_str()), (0, ""));
        let mut tar = std::process::Command::new("tar");
        tar.args(["-xOf", "a.tar", "manifest.json"]);
        let untar = tar.current_dir(home.path(".")).output().unwrap();
        let json: serde_json::Value = serde_json::from_slice(&untar.stdout).unwrap();
        (json[0]["RepoTags"][0].as_str().unwrap().to_owned(), run.out)
    };
    let (tag, out) = name(&[]);
    assert_eq!(tag, "localhost/greet:latest");
    assert!(out.contains("image id sha256:"), "{out}");
    assert!(
        out.ends_with("run it: docker load -i a.tar && docker run --rm localhost/greet\n"),
        "{out}"
    );
    assert_eq!(
        name(&["--tag", "registry.example.org:5000/team/greet"]).0,
        "registry.example.org:5000/team/greet:latest"
    );
    assert_eq!(name(&["--tag", "greet:1.2"]).0, "greet:1.2");
    let run = home.run(&[
        "-q",
        "build",
        "greet.yaml",
        "-o",
        "docker:a.tar",
        "--tag",
        "No Name",
    ]);
    assert!(run.code == 1 && run.err.contains("No Name"), "{}", run.err);
}

#[test]
fn layers_are_compressed_as_the_command_line_says_and_not_at_all_for_docker() {
    let home = Home::new();
    let kinds = |arguments: &[&str]| {
        let run = home.run(&[&["-q", "build", "greet.yaml", "--json"][..], arguments].concat());
        assert_eq!((run.code, run.err.as_str()), (0, ""));
        let report: serde_json::Value = serde_json::from_str(&run.out).unwrap();
        let layer = &report["platforms"][0]["layers"][0];
        let digest = layer["digest"].as_str().unwrap().to_owned();
        (digest.clone(), layer["diff_id"].as_str().unwrap() == digest)
    };
    let (spec, plain) = kinds(&[]);
    assert!(!plain);
    let (gzip, plain) = kinds(&["--compression", "gzip"]);
    assert!(gzip != spec && !plain);
    let blob =
        std::fs::read(home.path(&format!("out/greet/blobs/{}", gzip.replace(':', "/")))).unwrap();
    assert_eq!(blob[..2], [0x1f, 0x8b]);
    assert!(kinds(&["--compression", "none"]).1);
    // What is packed for docker is what lies in the archive: the cache has no other.
    let fresh = Home::new();
    let run = fresh.run(&["build", "greet.yaml", "-o", "docker:a.tar"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let run = fresh.run(&["-q", "build", "greet.yaml", "--compression", "none"]);
    assert!(run.out.contains("3 of 3 layers reused"), "{}", run.out);
    assert_eq!(
        home.run(&["build", "greet.yaml", "--compression", "lzma"])
            .code,
        2
    );
}

#[test]
fn a_network_that_is_lost_is_one_line_a_host_and_one_error() {
    let home = Home::new();
    let http = |port: u16| {
        SPEC.replace(
            "file:repository",
            &format!("http://127.0.0.1:{port}/debian"),
        )
    };
    // A port on which nobody listens: it was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let lost = |run: &common::Run| {
        let said = format!("127.0.0.1:{port}: ");
        let lines: Vec<&str> = run.err.lines().collect();
        let warnings = lines.iter().filter(|line| line.contains(&said)).count();
        let errors = lines.iter().filter(|line| line.starts_with("error: "));
        assert_eq!((warnings, errors.count()), (1, 1), "{}", run.err);
        assert!(
            run.err.contains("trying again for up to 60 s"),
            "{}",
            run.err
        );
    };
    home.write("greet.yaml", http(port));
    lost(&home.run(&["-q", "build", "greet.yaml"]));
    // The same where the cache remembers builds, and is asked before all else.
    home.write("greet.yaml", SPEC);
    assert_eq!(home.run(&["-q", "build", "greet.yaml"]).code, 0);
    home.write("greet.yaml", http(port));
    lost(&home.run(&["-q", "build", "greet.yaml"]));
}

#[test]
fn a_link_of_the_spec_may_be_what_the_image_starts() {
    let home = Home::new();
    let build = |target: &str, entrypoint: &str| {
        let entry = format!("{{ path: /usr/local/bin/hi, target: {target} }}");
        let more = "  - { path: /usr/bin/more, target: ../local/bin/hi }\n";
        home.write("greet.yaml", files(&home, &entry, entrypoint) + more);
        home.run(&["-q", "build", "greet.yaml"])
    };
    for entrypoint in ["[/usr/local/bin/hi]", "[hi]", "[/bin/more]"] {
        let run = build("../../bin/greet", entrypoint);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{entrypoint}");
    }
    // One that leads nowhere, or in a circle, is none.
    for target in ["/usr/bin/none", "/usr/bin/more"] {
        let run = build(target, "[hi]");
        assert!(
            run.code == 1 && run.err.contains("is needed by the spec"),
            "{}",
            run.err
        );
    }
}
