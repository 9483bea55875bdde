//! Every message that a person sees, held in a snapshot.

mod common;

use common::{Home, SPEC};

#[test]
fn help_is_short_and_complete() {
    let home = Home::empty();
    for command in [
        "",
        "build",
        "lock",
        "explain",
        "matrix",
        "diff",
        "capabilities",
        "inspect",
        "run",
        "try",
        "schema",
        "config",
        "cache",
        "completions",
    ] {
        let name = if command.is_empty() { "help" } else { command };
        let mut arguments = vec![command, "--help"];
        arguments.retain(|argument| !argument.is_empty());
        let run = home.snapshot(&format!("help_{}", name.replace(' ', "_")), &arguments);
        assert_eq!((run.code, run.err.as_str()), (0, ""));
    }
}

#[test]
fn wrong_usage_is_exit_status_two_with_the_remedy() {
    let home = Home::empty();
    let wrong: [(&str, &[&str]); 6] = [
        ("usage_no_command", &[]),
        ("usage_no_spec", &["build"]),
        (
            "usage_platform",
            &["build", "a.yaml", "--platform", "linux/vax"],
        ),
        ("usage_output", &["build", "a.yaml", "-o", "zip:x"]),
        ("usage_mirror", &["build", "a.yaml", "--mirror", "debian"]),
        ("usage_unknown", &["build", "a.yaml", "--ofline"]),
    ];
    for (name, arguments) in wrong {
        let run = home.snapshot(name, arguments);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{name}");
    }
}

#[test]
fn an_error_of_the_spec_shows_the_line_and_what_would_have_been_right() {
    let home = Home::empty();
    let specs = [
        ("unknown_key", SPEC.replace("packages:", "pakages:")),
        ("missing_key", SPEC.replace("name: greet\n", "")),
        (
            "dangling_source",
            SPEC.replace("[greet]", "[{ name: greet, source: lokal }]"),
        ),
        ("not_yaml", format!("{SPEC}  env: {{ A: b\n")),
        (
            "control_characters",
            SPEC.replace("name: greet", "name: \"gr\\u001beet\""),
        ),
    ];
    for (name, spec) in specs {
        home.write("greet.yaml", spec);
        let run = home.snapshot(&format!("spec_{name}"), &["build", "greet.yaml"]);
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{name}");
        assert!(!run.err.contains('\u{1b}'), "{name}");
    }
}

#[test]
fn a_spec_that_is_not_there_is_named() {
    let run = Home::empty().snapshot("spec_not_there", &["build", "none.yaml"]);
    assert_eq!(run.code, 1);
}

#[test]
fn a_package_that_nobody_has_is_explained() {
    let home = Home::new();
    home.write("greet.yaml", SPEC.replace("[greet]", "[gret]"));
    assert_eq!(
        home.snapshot("package_unknown", &["build", "greet.yaml"])
            .code,
        1
    );
    home.write("greet.yaml", SPEC.replace("[greet]", "[unrelated]"));
    assert_eq!(
        home.snapshot("dependency_unknown", &["build", "greet.yaml"])
            .code,
        1
    );
    assert!(!common::is_layout(&home.path("out/greet")));
}

#[test]
fn a_source_that_does_not_answer_is_named() {
    let home = Home::new();
    std::fs::remove_dir_all(home.path("repository")).unwrap();
    assert_eq!(
        home.snapshot("source_gone", &["build", "greet.yaml"]).code,
        1
    );
}

#[test]
fn colour_is_for_terminals_and_those_who_ask() {
    let home = Home::empty();
    home.write("greet.yaml", SPEC.replace("packages:", "pakages:"));
    let escapes = |run: common::Run| run.err.contains("\u{1b}[");
    assert!(!escapes(home.run(&["build", "greet.yaml"])));
    assert!(escapes(home.run(&[
        "--color",
        "always",
        "build",
        "greet.yaml"
    ])));
    assert!(!escapes(home.run(&[
        "build",
        "greet.yaml",
        "--color",
        "never"
    ])));
}

#[test]
fn completions_know_the_commands() {
    let home = Home::empty();
    for shell in ["bash", "zsh", "fish"] {
        let run = home.run(&["completions", shell]);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{shell}");
        for word in ["build", "explain", "inspect", "offline"] {
            assert!(run.out.contains(word), "{shell} {word}");
        }
    }
    assert_eq!(home.run(&["completions", "tcsh"]).code, 2);
}

#[test]
fn the_schema_is_json() {
    let run = Home::empty().run(&["schema"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    let schema: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(schema["title"], "Mikron spec");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    use std::process::Stdio;
    let home = Home::empty();
    let mut child = home
        .command()
        .arg("schema")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), output.stderr.as_slice()),
        (Some(0), &b""[..])
    );
}
