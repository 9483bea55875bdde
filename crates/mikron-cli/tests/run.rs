//! `mikron run` and `mikron try`, with a runtime that only looks at what it gets.

#![allow(clippy::unwrap_used)] // the helpers of tests may fail as tests do

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use common::{Home, Run};

/// A home whose PATH has nothing but a runtime, which runs the script with the bundle in `$bundle`.
fn home(script: &str) -> Home {
    let home = Home::new();
    fs::create_dir(home.path("bin")).unwrap();
    let text = format!(
        "#!/bin/sh\nPATH=/usr/bin:/bin\nwhile [ \"$1\" != --bundle ]; do shift; done\nbundle=$2\n{script}\n"
    );
    for name in ["crun", "runc"] {
        home.write(&format!("bin/{name}"), &text);
        let program = home.path(&format!("bin/{name}"));
        fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
    }
    home
}

fn run(home: &Home, arguments: &[&str]) -> Run {
    home.run(&[&["-q", "run"], arguments].concat())
}

/// Prints the config without spaces, and the program of the image.
const SHOW: &str = "cat \"$bundle/config.json\"; exit 3";

#[test]
fn an_image_is_unpacked_once_and_ends_as_its_program_does() {
    let home = home(SHOW);
    let first = run(&home, &["greet.yaml"]);
    assert_eq!(first.code, 3, "{}", first.err);
    assert!(
        first.out.contains(r#""args":["/usr/bin/greet"]"#),
        "{}",
        first.out
    );
    let roots = home.path("cache/v1/roots");
    let mode = fs::metadata(&roots).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "nobody else enters");
    let unpacked = || {
        let all = fs::read_dir(&roots).unwrap().flatten();
        all.filter(|entry| entry.path().join("usr/bin/greet").exists())
            .count()
    };
    assert_eq!(unpacked(), 1);
    assert_eq!(run(&home, &["greet.yaml"]).code, 3);
    // The same out of a layout.
    assert_eq!(
        home.run(&["-q", "build", "greet.yaml", "-o", "oci:img"])
            .code,
        0
    );
    for what in ["img", "oci:img:latest"] {
        let run = run(&home, &[what]);
        assert_eq!(run.code, 3, "{}", run.err);
        assert!(run.out.contains("/usr/bin/greet"), "{}", run.out);
    }
    // What no run uses goes by the quota.
    let gc = home.run(&["cache", "gc", "--quota", "0"]);
    assert_eq!(gc.code, 0, "{}", gc.err);
    assert_eq!(unpacked(), 0);
}

#[test]
fn options_are_in_what_the_runtime_gets() {
    let home = home(SHOW);
    fs::create_dir(home.path("src")).unwrap();
    let arguments = [
        "greet.yaml",
        "--mount",
        "src:/work:ro",
        "--env",
        "A=b=c",
        "--workdir",
        "/work",
        "--no-network",
        "--",
        "/bin/cc",
        "-x",
    ];
    let said = run(&home, &arguments).out;
    for part in [
        r#""args":["/bin/cc","-x"]"#,
        r#""cwd":"/work""#,
        r#""A=b=c""#,
        r#""destination":"/work""#,
        r#"{"type":"network"}"#,
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn a_build_image_has_no_network_unless_it_is_given_one() {
    let home = home(SHOW);
    let own = r#"{"type":"network"}"#;
    assert!(!run(&home, &["greet.yaml"]).out.contains(own));
    let spec = common::SPEC.replace("name: greet", "name: greet\nkind: build");
    home.write("greet.yaml", spec);
    assert!(run(&home, &["greet.yaml"]).out.contains(own));
    assert!(!run(&home, &["greet.yaml", "--network"]).out.contains(own));
}

#[test]
fn what_is_wrong_is_said_before_anything_runs() {
    let home = home(SHOW);
    for (arguments, code, said) in [
        (&["greet.yaml", "--mount", "src"][..], 2, "SRC:DST"),
        (&["greet.yaml", "--env", "=x"], 2, "NAME=VALUE"),
        (
            &["greet.yaml", "--network", "--no-network"],
            2,
            "cannot be used with",
        ),
        (&["greet.yaml", "--json"], 1, "leave --json out"),
        (&["greet.yaml", "--mount", "src:/x"], 1, "cannot mount src"),
    ] {
        let run = run(&home, arguments);
        assert_eq!((run.code, run.out.as_str()), (code, ""), "{}", run.err);
        assert!(run.err.contains(said), "{}", run.err);
    }
}

/// A program that opens files of its root, and fails where it has not all of them.
fn reads(files: &str) -> Home {
    home(&format!(
        "root=$(sed 's/.*\"root\":{{\"path\":\"\\([^\"]*\\).*/\\1/' \"$bundle/config.json\")
        echo starting
        for file in {files}; do [ -f \"$root/$file\" ] && exec 3< \"$root/$file\" || {{ echo \"no $file\"; exit 4; }}; done"
    ))
}

fn tried(home: &Home, name: &str, arguments: &[&str]) -> Run {
    let run = home.snapshot(name, &[&["-q", "try", "greet.yaml"], arguments].concat());
    let left = fs::read_dir(home.path("cache/v1/roots")).unwrap().count();
    assert_eq!(left, 0, "neither image is left");
    run
}

#[test]
fn an_image_that_lacks_nothing_is_said_to_be_whole() {
    let home = reads("usr/bin/greet");
    assert_eq!(tried(&home, "try_whole", &[]).code, 0);
}

#[test]
fn a_file_that_only_the_whole_closure_has_comes_with_the_line_that_brings_it() {
    let home = reads("usr/bin/greet usr/share/doc/greet/copyright");
    assert_eq!(tried(&home, "try_lacking", &[]).code, 1);
    assert_eq!(tried(&home, "try_lacking_json", &["--json"]).code, 1);
}

#[test]
fn what_the_spec_removes_is_taken_back() {
    let home = reads("usr/bin/hello");
    home.write(
        "greet.yaml",
        format!("{}remove: [\"/usr/bin/h*\"]\n", common::SPEC),
    );
    assert_eq!(tried(&home, "try_removed", &[]).code, 1);
}

#[test]
fn the_lines_are_put_into_the_spec_and_the_command_succeeds() {
    let home = reads("usr/bin/hello usr/share/doc/greet/copyright");
    let spec = format!("{}remove:\n- \"/usr/bin/h*\" # short\n", common::SPEC);
    home.write("greet.yaml", spec);
    assert_eq!(tried(&home, "try_write", &["--write"]).code, 0);
    insta::assert_snapshot!("try_written", home.read("greet.yaml"));
}

#[test]
fn a_program_that_no_package_has_is_not_run() {
    let home = reads("usr/bin/greet");
    let run = tried(&home, "try_no_program", &["--", "/usr/bin/gret"]);
    assert_eq!(run.code, 1);
}

#[test]
fn a_command_that_fails_anyway_is_said_to() {
    let home = reads("usr/bin/none");
    assert_eq!(tried(&home, "try_fails", &[]).code, 0);
}

#[test]
fn a_server_is_ended_when_its_time_is_over() {
    let home = home("exec sleep 60");
    assert_eq!(tried(&home, "try_server", &["--timeout", "1ms"]).code, 0);
}
