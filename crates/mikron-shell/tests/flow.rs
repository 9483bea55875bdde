//! Loops, branches and functions: which values the words of a call have.

use std::fmt::Write;

use mikron_shell::{Call, Kind, Limits, commands, parse};

fn calls(text: &str) -> Vec<Call> {
    let script = parse(text.as_bytes(), &Limits::default());
    assert_eq!(script.error, None, "{text}");
    commands(&script)
}

/// The calls of one program, as text; `?` before those of which a word is not known.
fn texts(text: &str, name: &str) -> Vec<String> {
    let calls = calls(text).into_iter();
    let calls = calls.filter(|call| call.kind == Kind::Command && call.name() == name);
    let text = |call: Call| {
        let known = call.words.iter().chain(&call.writes).all(|w| w.literal);
        format!("{}{}", if known { "" } else { "?" }, call.text())
    };
    calls.map(text).collect()
}

/// The calls of the program `x`.
fn x(text: &str) -> Vec<String> {
    texts(text, "x")
}

#[test]
fn a_loop_over_known_words_calls_its_body_once_for_each() {
    assert_eq!(
        x("tools='java jar'\nfor i in $tools c; do x /bin/$i; x $i >/etc/$i; done"),
        [
            "x /bin/java",
            "x java > /etc/java",
            "x /bin/jar",
            "x jar > /etc/jar",
            "x /bin/c",
            "x c > /etc/c"
        ]
    );
    assert_eq!(
        x("for a in 1 2; do for b in $a 3; do x $a$b; done; done"),
        ["x 11", "x 13", "x 22", "x 23"]
    );
    assert_eq!(x("for a in 1 2; do b=$a; done\nx $a $b"), ["x 2 2"]);
    assert_eq!(x("for a in \"1 2\" 3; do x \"$a\"; done"), ["x 1 2", "x 3"]);
}

#[test]
fn a_loop_over_words_that_are_not_known_is_read_once() {
    for words in ["*", "a $1", "$(b)", "$unset_here", ""] {
        let text = format!("for i in {words}; do x $i; done; x $i");
        assert_eq!(x(&text), ["?x $i", "?x $i"], "{words}");
    }
    assert_eq!(x("for i; do x $i; done"), ["?x $i"]);
    assert_eq!(x("L='a b'; read L; for i in $L; do x $i; done"), ["?x $i"]);
}

#[test]
fn loops_are_unrolled_up_to_their_caps() {
    let words = |count: usize| {
        let words: Vec<String> = (0..count).map(|i| format!(" {i}")).collect();
        words.concat()
    };
    assert_eq!(
        x(&format!("for i in{}; do x $i; done", words(64))).len(),
        64
    );
    assert_eq!(
        x(&format!("for i in{}; do x $i; done", words(65))),
        ["?x $i"]
    );
    let mut nested = String::from("x $a0 $a5");
    let mut empty = String::from("v=1");
    for depth in 0..6 {
        nested = format!("for a{depth} in{}; do {nested}; done", words(60));
        empty = format!("for a{depth} in{}; do {empty}; done", words(60));
    }
    assert!(calls(&nested).len() < 21_000);
    assert!(calls(&empty).is_empty());
    let mut fan = String::from("f0() { x $1; }\n");
    for depth in 1..8 {
        let own = format!("f{} $1; ", depth - 1).repeat(40);
        writeln!(fan, "f{depth}() {{ {own} }}").expect("a text takes all");
    }
    assert!(calls(&format!("{fan}f3 1; f7 1")).len() < 41_000);
    let many = format!(
        "for i in{}; do sh -c 'for j in{}; do x $j; done'; done",
        words(64),
        words(64)
    );
    assert!(calls(&many).len() < 41_000);
}

#[test]
fn a_variable_has_the_value_that_was_assigned_last() {
    assert_eq!(
        x("A=1\nx $A\nA=2\nx $A\nunset A\nx $A \"$A\""),
        ["x 1", "x 2", "x "]
    );
    assert_eq!(x("x $A\nA=1"), ["?x $A"]);
    assert_eq!(x("A=1\nA=$A:2\nx $A"), ["x 1:2"]);
    assert_eq!(
        x("A=1\n(A=2; x $A)\nB=$(A=3; x $A)\nA=4 | x\nA=5 & x $A"),
        ["x 2", "x 3", "x", "x 1"]
    );
    assert_eq!(x("A=1; A=2 y; x $A"), ["x 1"]);
    assert_eq!(x("unset A; x ${A-1} ${A:-2}"), ["?x ${A-1} 2"]);
    assert_eq!(x("trap 'x $A' EXIT; A=1"), ["x 1"]);
}

#[test]
fn branches_leave_the_values_that_a_variable_may_have() {
    assert_eq!(x("if y; then A=1; else A=2; fi; x $A"), ["x 1", "x 2"]);
    assert_eq!(
        x("case $1 in a) A=1;; b) A=2;; *) A=1;; esac; x $A"),
        ["x 1", "x 2"]
    );
    assert_eq!(x("A=1; if y; then A=2; fi; x $A"), ["x 1", "x 2"]);
    assert_eq!(x("A=1; y && A=2; x $A$A"), ["x 11", "x 22"]);
    assert_eq!(x("A=1; if y; then A=2; exit; fi; x $A"), ["x 1"]);
    assert_eq!(x("A=1; y || { A=2; exit 1; }; x $A"), ["x 1"]);
    assert_eq!(x("if y; then A=1; else A=$(z); fi; x $A"), ["?x $A"]);
    assert_eq!(x("if y; then A=1; fi; x $A"), ["?x $A"]);
    assert_eq!(
        x("if y; then A=1; B=3; else A=2; B=4; fi; C=$A; x $C; x $A $B").len(),
        6
    );
    let arms: Vec<String> = (0..9).map(|i| format!("{i}) A={i};; ")).collect();
    let arms = arms.concat();
    assert_eq!(
        x(&format!("case $1 in {arms} *) A=0;; esac; x $A")),
        ["?x $A"]
    );
}

#[test]
fn what_a_loop_changes_is_not_known_in_it() {
    assert_eq!(
        x("i=0; while y; do x $i; i=$((i + 1)); done; x $i"),
        ["?x $i", "?x $i"]
    );
    assert_eq!(
        x("A=1; while y; do x $A; A=2; done; x $A"),
        ["?x $A", "x 1", "x 2"]
    );
    assert_eq!(x("f() { A=2; }; A=1; while y; do x $A; f; done"), ["?x $A"]);
    assert_eq!(
        x("while read A; do x $A; B=1; x $B; done"),
        ["?x $A", "x 1"]
    );
}

#[test]
fn an_empty_variable_stays_so_when_only_a_file_that_is_there_fills_it() {
    let text = "unset more || true\nif [ -e /usr/share/man/$i ]; then more=\"--slave a b\"; fi\nx $i $more";
    assert_eq!(x(&format!("i=java\n{text}")), ["x java"]);
    assert_eq!(x("A=; test -f /y && A=-v; x $A"), ["x"]);
    assert_eq!(x("A=; if y; then A=-v; fi; x $A"), ["x", "x -v"]);
}

#[test]
fn a_known_value_stays_when_a_branch_puts_an_unknown_one_in_its_place() {
    assert_eq!(
        x("p=10; if [ \"$ARCH\" != $(y) ]; then p=$(expr $p - 1); fi; x $p"),
        ["x 10"]
    );
    // Not so where it names the command.
    let calls = calls("p=x; if y; then p=$(z); fi; $p a");
    let last: Vec<String> = calls[2..].iter().map(Call::text).collect();
    assert_eq!(last, ["x a", "$p a"]);
}

#[test]
fn a_function_is_read_where_it_is_called_with_its_arguments() {
    assert_eq!(
        texts(
            "USER=redis\nsetup() {\n DIR=\"${1}\"\n mkdir -p ${DIR}\n chown $USER:${2} ${DIR}\n}\nsetup /var/log/redis adm\nsetup /etc/redis $USER",
            "chown"
        ),
        [
            "chown redis:adm /var/log/redis",
            "chown redis:redis /etc/redis"
        ]
    );
    assert_eq!(
        x("f() { for i in \"$@\"; do x $i; done; x $#; }\nf 'a b' c"),
        ["x a b", "x c", "x 2"]
    );
    assert_eq!(
        x("f() { x $1 \"$2\"; shift; x $1 $#; }\nf a b"),
        ["x a b", "x b 1"]
    );
    assert_eq!(x("f() { x \"$@\"; }\nf 'a b' c"), ["x a b c"]);
    assert_eq!(
        x("f() { x $1 $2; }\nf a $(y)\nf $(y) b"),
        ["?x a $2", "?x $1 $2"]
    );
    assert_eq!(
        x("f() { local A=1; B=2; x $A; }\nA=0; f; x $A $B"),
        ["x 1", "x 0 2"]
    );
    assert_eq!(
        x("f() { g \"$1\"; }\ng() { x $1; }\nfor i in a b; do f $i; done"),
        ["x a", "x b"]
    );
    assert_eq!(x("f() { x $1; [ $1 = 1 ] || f 1; }\nf 2"), ["x 2"]);
}

#[test]
fn a_function_runs_under_the_guards_of_its_calls() {
    let text = "f() { x; }\ng() { [ \"$1\" = configure ] && x; }\n";
    let runs = |call: &str| {
        let calls = calls(&format!("{text}{call}")).into_iter();
        let mut calls = calls.filter(|call| call.name() == "x" && !call.unreachable);
        let call = calls.next().expect("it is called");
        (call.runs_with("configure"), call.runs_with("triggered"))
    };
    assert_eq!(runs("if [ \"$1\" = configure ]; then f; fi"), (true, false));
    assert_eq!(runs("case $1 in triggered) f;; esac"), (false, true));
    assert_eq!(runs("f"), (true, true));
    assert_eq!(runs("g \"$1\""), (true, false));
    assert_eq!(runs("g \"$2\""), (true, true));
}

#[test]
fn a_function_whose_call_is_not_met_is_read_with_the_values_of_the_whole_script() {
    assert_eq!(x("A=1\nf() { x $A $1; }\ntrap f EXIT"), ["?x 1 $1"]);
    assert_eq!(x("f() { x $A; }\nrun f\nA=1"), ["x 1"]);
    assert_eq!(x("f() { x $A; }\nrun f\nA=1\nA=2"), ["?x $A"]);
    // Deeper than four calls, the body is read once for all.
    let mut text = String::from("f0() { x $1; }\n");
    for depth in 1..6 {
        writeln!(text, "f{depth}() {{ f{} $1; }}", depth - 1).expect("a text takes all");
    }
    assert_eq!(x(&format!("{text}f3 a")), ["x a"]);
    assert_eq!(x(&format!("{text}f5 a")), ["?x $1"]);
}
