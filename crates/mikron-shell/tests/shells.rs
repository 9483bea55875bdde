//! dash and bash as oracles: what they accept is parsed to its end, and nothing else.

mod common {
    pub(crate) mod machine;
}

use std::fs;
use std::path::PathBuf;

use common::machine::{accepts, scripts, shell};
use mikron_shell::{Limits, parse};
use mikron_testkit::tools::{skip, tool};

#[test]
fn the_scripts_of_this_machine_are_parsed_to_the_end_where_their_shell_accepts_them() {
    let (Some(dash), Some(bash)) = (tool("dash"), tool("bash")) else {
        return;
    };
    let roots = [
        "/usr/bin",
        "/usr/sbin",
        "/usr/lib",
        "/etc/init.d",
        "/var/lib/dpkg/info",
    ];
    let paths = scripts(&roots.map(PathBuf::from));
    if paths.is_empty() {
        return skip("this machine has no shell scripts");
    }
    let mut wrong = Vec::new();
    for path in &paths {
        let Ok(text) = fs::read(path) else { continue };
        let error = parse(&text, &Limits::default()).error;
        let (own, other) = match shell(path) {
            Some("bash") => (&bash, &dash),
            _ => (&dash, &bash),
        };
        // A script for one shell with a form of the other is parsed as well.
        let accepted = accepts(own, path) || (error.is_none() && accepts(other, path));
        if accepted != error.is_none() {
            wrong.push((path, error));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}: {wrong:#?}",
        wrong.len(),
        paths.len()
    );
}

/// Scripts of one command each, on which the shells and this crate must agree.
const ACCEPTED: &[&str] = &[
    "a;b&c|d&&e||f",
    "if a; then b; elif c; then d; else e; fi",
    "for a in b c; do d; done",
    "for a; do b; done",
    "for a do b; done",
    "case a in b|c) d;; (e) ;; esac",
    "case a in esac",
    "while a; do b; done",
    "until a; do b; done",
    "f() { a; } >b",
    "f() (a)",
    "{ a; }",
    "(a)",
    "! a | b",
    "((a); b)",
    "$((a + (b)))",
    "a $(case x in y) z;; esac)",
    "a <<E\n$(b)\nE",
    "a <<'E'\n$(\nE",
    "a <<-E\n\tb\n\tE",
    "a <<E <<F\nE\nF",
    "a `b \\`c\\``",
    "\"${a:-'}'}\"",
    "${a#'}'}",
    "\"$(a \"b\")\"",
    "${a:-`b`}",
    "a=b c=d",
    "a >b 2>&1 <c",
    "echo }",
    "echo if",
    "a # b",
    "a \\\nb",
    "#",
    "",
    "\n\n",
    "a &",
    "if a; then b\nfi",
    "a &&\n\nb",
    "a |\n# c\nb",
    "'a\nb'",
    "${a%%[!/]*}",
    "case a in \"b\"*) c ;; esac",
    "a\\ b",
    "$",
    "a$",
    "case $(a) in `b`) c;; esac",
    "{ a; } | { b; }",
    "f() if a; then b; fi",
    "a 2>b >&2",
    "[ a ] && [ b ]",
    "case a in if) b;; esac",
    "{ if a; then b; fi }",
    "if (a) then b; fi",
    "x=1 fi",
    ">f fi",
    "until ! a; do (b); done <c >d &",
    "x=`a \"b\"`",
    "x=$(cat <<E\n)\nE\n)",
    "a <b <<E c\nE\nd",
];

/// Scripts of bash alone.
const ACCEPTED_BY_BASH: &[&str] = &[
    "$((a); b)",
    "[[ a == b* && ( -f c || ! d ) ]]",
    "[[ a =~ ^(b|c d)$ ]]",
    "[[ a < b ]]",
    "((a += 1))",
    "for ((i=0;i<1;i++)); do a; done",
    "for ((;;)) { a; }",
    "function f { a; }",
    "function f() (a)",
    "a=(b c \"d\" [1]=e\n)",
    "a+=(b) c+=d e[1]=f",
    "a <<<b",
    "a <(b) >(c)",
    "a &>b",
    "a |& b",
    "select a in b; do c; done",
    "coproc a",
    "coproc a { b; }",
    "time { a; }",
    "time -p (a)",
    "$'a\\'b'",
    "case a in b) c;& d) e;;& *) f;; esac",
    "for a in b; { c; }",
    "local -a a=(b)",
    "${a[@]} ${a[b]} ${#a[*]} ${!a} ${a/b/c} ${a:1:2}",
    "{ a; } {fd}>b",
    "! ! a",
    "a $[1 + 2]",
    "[[ a && b || c ]] || d",
    "[[ $a == \"b\"* ]]",
    "[[ -n a\n&& -z b ]]",
    "((a)) && ((b))",
    "a() { [[ b ]]; }",
    "[[ ! -e a ]]",
    "if ((a > 1)); then b; fi",
    "export a=(b)",
    "while ((1)); do a; done",
    "!",
];

const REFUSED: &[&str] = &[
    "'a",
    "\"a",
    "$(a",
    "`a",
    "(a",
    "{ a",
    "if a; then b",
    "while a; do b",
    "case a in b) c",
    "for a in b; do c",
    ")",
    "fi",
    "}",
    "a;;",
    "if ; then a; fi",
    "if a; then fi",
    "()",
    "( )",
    "{ }",
    "a |",
    "a &&",
    "| a",
    "&& a",
    ";",
    "a >",
    "a <<",
    "f()",
    "a (b)",
    "case a b) c;; esac",
    "for a in b do c; done",
    "while do a; done",
    "a & ; b",
    "done",
    "esac",
    "if a; fi",
    "else",
    "a || ; b",
    "for in b; do c; done a",
    "case in b) c;; esac",
    "a ;; b",
    "case a in b c) d;; esac",
    "if a then b; fi",
    "{ a }",
    "(a))",
    "a; ; b",
    "until a; done",
    "echo >",
    "a <<E | | b\nE",
    "f() { a",
    "a | ! b",
    "f() else",
    "{ a; } >f then",
    "if { a; } >f then b; fi",
    "a && fi",
    "! elif",
    "case a in b) c ;; d esac",
    "for a in (b); do c; done",
];

#[test]
fn both_shells_and_this_crate_agree_on_what_a_script_is() {
    let (Some(dash), Some(bash)) = (tool("dash"), tool("bash")) else {
        return;
    };
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("script");
    let mut wrong = Vec::new();
    let mut check = |text: &str, shells: &[&PathBuf], expected: bool| {
        fs::write(&path, text).expect("it is written");
        for shell in shells {
            if accepts(shell, &path) != expected {
                wrong.push(format!("{}: {text}", shell.display()));
            }
        }
        let error = parse(text.as_bytes(), &Limits::default()).error;
        if error.is_none() != expected {
            wrong.push(format!("{text}: {error:?}"));
        }
    };
    for text in ACCEPTED {
        check(text, &[&dash, &bash], true);
    }
    for text in ACCEPTED_BY_BASH {
        check(text, &[&bash], true);
    }
    for text in REFUSED {
        check(text, &[&dash, &bash], false);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
