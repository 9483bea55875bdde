//! `mikron run`, with a runtime that only looks at what it gets.

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
    let mut command = home.command();
    command.env("PATH", home.path("bin")).arg("-q").arg("run");
    let output = command.args(arguments).output().unwrap();
    Run {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
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
