//! Texts that are no scripts, and scripts that mean harm.

use mikron_shell::{ErrorKind, Limits, commands, parse};
use proptest::prelude::*;

fn read(text: &[u8]) {
    let script = parse(text, &Limits::default());
    if let Some(error) = &script.error {
        assert!(error.line > 0 && error.column > 0 && !error.to_string().is_empty());
    }
    commands(&script);
}

/// Pieces of shell that mean something together.
fn pieces() -> impl Strategy<Value = String> {
    let pieces = [
        "a",
        "b=c",
        " ",
        "\n",
        ";",
        "&",
        "|",
        "&&",
        "||",
        ";;",
        "(",
        ")",
        "((",
        "))",
        "{ ",
        "}",
        "$(",
        "`",
        "\"",
        "'",
        "${x",
        ":-",
        "#",
        "\\",
        "$((",
        "$'",
        "[[ ",
        " ]]",
        "if ",
        "then ",
        "fi",
        "case x in ",
        "esac",
        "for i in ",
        "do ",
        "done",
        "while ",
        "<<E\n",
        "\nE\n",
        "<<-'E'\n",
        ">",
        "<(",
        "f() ",
        "=(",
        "@(",
        "!",
        "eval ",
        "sh -c ",
        "trap ",
        "exec ",
        "command -v a",
        "[ \"$1\" = b ]",
        "shift",
        "exit",
        "\t",
        "é",
        "\0",
        "$x",
        "find . -exec ",
    ];
    let piece = prop::sample::select(pieces.to_vec());
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        read(&bytes);
    }

    #[test]
    fn any_mixture_of_shell_is_read(text in pieces()) {
        read(text.as_bytes());
    }

    #[test]
    fn what_precedes_an_error_is_read_as_without_it(text in pieces()) {
        // Lines before the first one that matters to the error are those of a script that has none.
        let whole = format!("first one; second | third\n{text}");
        let calls = commands(&parse(whole.as_bytes(), &Limits::default()));
        let names: Vec<&str> = calls.iter().filter(|call| call.line == 1).map(mikron_shell::Call::name).collect();
        prop_assert!(names.starts_with(&["first", "second", "third"]) || whole.contains("() "), "{:?}", names);
    }
}

#[test]
fn nesting_beyond_the_limit_is_an_error_and_costs_no_stack() {
    for opening in [
        "(",
        "{ ",
        "$(",
        "\"$(",
        "${x:-",
        "`",
        "if ",
        "while ",
        "[[ ( ",
        "((",
        "$((",
        "<(",
        "@(",
        "a=(",
        "f() ",
        "case x in x) ",
        "if a; then ",
        "for i in a; do ",
        "! ",
        "\"${x:-",
        "function f ",
        "a && ",
        "coproc ",
        "$[",
    ] {
        let text = opening.repeat(20_000);
        read(text.as_bytes());
    }
    let script = parse("( ".repeat(100).as_bytes(), &Limits::default());
    let kind = script.error.expect("it is too deep").kind;
    assert_eq!(kind, ErrorKind::TooDeep { limit: 64 });
}

#[test]
fn the_deepest_scripts_that_are_allowed_are_read_and_walked() {
    for (opening, closing) in [
        ("( ", ")"),
        ("{ ", "; }"),
        ("\"$(", ")\""),
        ("if a; then ", "; fi"),
        ("f() { ", "; }"),
    ] {
        let depth = 30;
        let text = format!("{}a{}", opening.repeat(depth), closing.repeat(depth));
        let script = parse(text.as_bytes(), &Limits::default());
        assert_eq!(script.error, None, "{opening}");
        assert!(!commands(&script).is_empty());
    }
}

#[test]
fn long_scripts_are_read_to_their_ends() {
    // Where the time grew with the square of the length, this would take hours.
    for line in [
        "((a) b)\n",
        "$((# (\n a) b)\n",
        "a=$((1))\n",
        "x[a=1\n",
        "echo \"$[\"\n",
        "cat <<E\n$x\nE\n",
        "a || b && c\n",
        "case $1 in a) b;; esac\n",
        "command -v a\n",
        "[ \"$1\" = x ] || exit\n",
        "f() { f; }\n",
        "a `b`\n",
        "x=$x$x\n",
    ] {
        let text = line.repeat((1 << 18) / line.len());
        read(text.as_bytes());
    }
}

#[test]
fn a_script_that_is_too_long_is_read_up_to_the_limit() {
    let limits = Limits {
        bytes: 10,
        ..Limits::default()
    };
    let script = parse(b"first\nsecond\nthird\n", &limits);
    let error = script.error.as_ref().expect("it is too long");
    assert_eq!(
        (error.line, error.kind.clone()),
        (2, ErrorKind::TooLong { limit: 10 })
    );
    assert_eq!(commands(&script)[0].name(), "first");
}
