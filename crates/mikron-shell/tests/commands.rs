//! Which commands a script calls, and what is known of each.

use mikron_shell::{
    Builtin, Call, Kind, Limits, Script, commands, commands_assuming, functions, parse,
};

fn script(text: &str) -> Script {
    let script = parse(text.as_bytes(), &Limits::default());
    assert_eq!(script.error, None, "{text}");
    script
}

fn calls(text: &str) -> Vec<Call> {
    commands(&script(text))
}

/// The names of the programs that are called.
fn programs(text: &str) -> Vec<String> {
    let calls = calls(text).into_iter();
    let programs = calls.filter(|call| call.kind == Kind::Command);
    programs.map(|call| call.name().to_owned()).collect()
}

/// The call of a program that is called once.
#[track_caller]
fn only(text: &str, name: &str) -> Call {
    let mut found = calls(text);
    found.retain(|call| call.name() == name && !matches!(call.kind, Kind::Probe | Kind::Demand));
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

fn probes(text: &str) -> Vec<String> {
    let calls = calls(text)
        .into_iter()
        .filter(|call| call.kind == Kind::Probe);
    calls.map(|call| call.words[0].text.clone()).collect()
}

#[test]
fn commands_are_found_in_every_construct() {
    assert_eq!(
        programs(
            "a; b && c || d | e &\n(f); { g; }\nif h; then i; elif j; then k; else l; fi\nwhile m; do n; done\n! o\nfor i in $(p); do q; done\ncase $(r) in s) t;; esac\nfor ((i = $(u); i < 2; i++)); do v; done\n[[ $(w) == x ]]\ncoproc y\nzz() { z; }\nzz"
        ),
        [
            "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q",
            "r", "t", "u", "v", "w", "y", "z"
        ]
    );
}

#[test]
fn commands_are_found_in_substitutions_wherever_those_stand() {
    assert_eq!(
        programs(
            "x=$(a `b`)\necho \"$(c)\" ${y:-$(d)} $((1 + $(e))) <(f) >$(g)\ncat <<E\n$(h) \\$(no)\nE\nz=(1 $(i))\nexport w=\"$(j)\"\ncat <<'E'\n$(no)\nE"
        ),
        [
            "b", "a", "c", "d", "e", "f", "g", "h", "cat", "i", "j", "cat"
        ]
    );
}

#[test]
fn comments_here_documents_and_quotes_hide_what_looks_like_commands() {
    assert_eq!(
        programs("a # b\ncat <<EOF\nrm -rf /\nEOF\nx 'rm; rm' \"rm\nrm\"\nz"),
        ["a", "cat", "x", "z"]
    );
}

#[test]
fn builtins_are_told_apart_by_the_shells_that_have_them() {
    let kind = |name: &str| only(&format!("{name} x"), name).kind;
    assert_eq!(kind("export"), Kind::Builtin(Builtin::Special));
    assert_eq!(kind("printf"), Kind::Builtin(Builtin::Regular));
    assert_eq!(kind("shopt"), Kind::Builtin(Builtin::Bash));
    assert_eq!(kind("printenv"), Kind::Command);
    assert_eq!(calls("/bin/echo x")[0].kind, Kind::Command);
}

#[test]
fn variables_with_a_known_value_are_followed() {
    let words = |text: &str| {
        let call = calls(text).pop().expect("there is one");
        let words = call.words.into_iter().map(|word| (word.text, word.literal));
        words.collect::<Vec<_>>()
    };
    let known = |text: &str| (text.to_owned(), true);
    let unknown = |text: &str| (text.to_owned(), false);
    assert_eq!(
        words("A=x\nB=$A/y\n$B \"$A z\" ${A}w"),
        [known("x/y"), known("x z"), known("xw")]
    );
    assert_eq!(
        words("A='nice tar'\n$A \"$A\""),
        [known("nice"), known("tar"), known("nice tar")][1..]
    );
    assert_eq!(
        words("A=\nx $A \"$A\" ${A:-b} ${A:+c}"),
        [known("x"), known(""), known("b")]
    );
    assert_eq!(
        words("[ -n \"$A\" ] && A=\nx \"$A\""),
        [known("x"), unknown("$A")]
    );
    assert_eq!(words("A=1\nA=2\nx $A"), [known("x"), known("2")]);
    assert_eq!(words("A=1\nA=1\nx $A"), [known("x"), known("1")]);
    assert_eq!(words("A=$A:1\nx $A"), [known("x"), unknown("$A")]);
    assert_eq!(words("A=1\nread A\nx $A"), [known("x"), unknown("$A")]);
    assert_eq!(
        words("i=0\ni=$((i + 1))\nx $i"),
        [known("x"), unknown("$i")]
    );
    assert_eq!(
        words("i=0\n: $((i += 1))\nx $i"),
        [known("x"), unknown("$i")]
    );
    for (list, value) in [
        ("b", "b"),
        ("*", "$a"),
        ("b*", "$a"),
        ("\"$1\" b", "$a"),
        ("\"$L\"", "c d"),
        ("", "$a"),
    ] {
        let text = format!("L='c d'\nfor a in {list}; do x \"$a\"; done");
        assert_eq!(only(&text, "x").words[1].text, value, "{list}");
    }
    assert_eq!(
        words("for a in 1 2; do :; done\nx $a"),
        [known("x"), known("2")]
    );
    assert_eq!(words("readonly A=1 B\nx $A"), [known("x"), known("1")]);
    assert_eq!(
        words("x *.c a[1] ~/b 'c*' {d,e} [ {}"),
        [
            known("x"),
            unknown("*.c"),
            unknown("a[1]"),
            unknown("~/b"),
            known("c*"),
            unknown("{d,e}"),
            known("["),
            known("{}"),
        ]
    );
    assert_eq!(
        words("x $HOME $(y)")[1..],
        [unknown("$HOME"), unknown("$(…)")]
    );
}

#[test]
fn what_only_the_environment_may_set_is_what_the_script_says_otherwise() {
    for (text, program) in [
        ("${PAGER:-less} /x", "less"),
        (
            "READ=${READ:-readlink}\nreal() { t=$($READ \"$1\"); }\nDIR=${DIR:-$(real \"$0\")}",
            "readlink",
        ),
        ("f() { ${CAT_CMD-cat} /x; }\nf", "cat"),
    ] {
        assert!(programs(text).contains(&program.to_owned()), "{text}");
    }
    // What the script itself sets is what it sets.
    for text in [
        "read X; ${X:-less}",
        "X=$(y); ${X:-less}",
        "X=more; ${X:-less}",
    ] {
        assert!(!programs(text).contains(&"less".to_owned()), "{text}");
    }
}

#[test]
fn a_command_that_was_looked_up_is_called_by_its_name() {
    for text in [
        "FLOCK=`which flock`\n$FLOCK -n /x true",
        "check() { cmd=`which $1`; test -x $cmd || return 1; }\nif check flock; then F=$(which flock); else exit 1; fi\n$F -n /x",
        "lock=$(command -v flock || true)\n\"$lock\" /x true",
        "P=`exec <&- 2>&-; which flock || command -v flock || type flock`\ntest -x \"$P\" || exit 0\n$P -n /x",
    ] {
        let call = only(text, "flock");
        assert!(!call.probed || text.starts_with(['l', 'P']), "{text}");
    }
    assert!(
        programs("x=$(cat flock)\n$x")
            .iter()
            .all(|name| name != "flock")
    );
}

#[test]
fn a_command_is_known_by_what_a_variable_stands_for() {
    for text in [
        ": ${TAR:=tar}; \"$TAR\" x",
        "${TAR:=tar} x",
        "cmd=(tar x); \"${cmd[@]}\"",
        "cmd=(nice tar \"$1\" y); ${cmd[@]}",
        "cmd=(tar); cmd+=(\"$1\"); \"${cmd[@]}\" z",
        "cmd=(tar x); $cmd y",
        "f() { local cmd=(tar x); exec \"${cmd[@]}\"; }; f",
    ] {
        assert!(programs(text).iter().any(|name| name == "tar"), "{text}");
    }
    // What is behind something that is not known may be anything.
    for text in [
        "cmd=(\"$1\" tar); \"${cmd[@]}\"",
        "cmd=(x tar); $cmd",
        "for x in \"${cmd[@]}\"; do $x; done",
    ] {
        assert!(programs(text).iter().all(|name| name != "tar"), "{text}");
    }
    let text = "parts=(a \"$1\"); for x in \"${parts[@]}\"; do run $x; done";
    let run = only(text, "run");
    assert!(!run.words[1].literal, "{run:?}");
}

#[test]
fn a_library_says_what_each_function_calls() {
    let text =
        "PATH=/x\numask 022\nstart-up\nlog() { logger \"$1\"; }\ndie() { log \"$1\"; rm /x; }\n";
    let library = mikron_shell::library(&script(text));
    let of = |function: Option<&str>| -> Vec<&str> {
        let calls = library.calls.iter();
        let own =
            calls.filter(|call| call.function.as_deref() == function && call.kind == Kind::Command);
        own.map(mikron_shell::Call::name).collect()
    };
    assert_eq!(of(None), ["start-up"]);
    assert_eq!(
        (of(Some("log")), of(Some("die"))),
        (vec!["logger"], vec!["rm"])
    );
    assert_eq!(library.functions["die"], ["log"]);
    assert!(library.functions["log"].is_empty());
}

#[test]
fn a_caller_may_know_the_environment() {
    let script = script("mkdir \"$DPKG_ROOT/etc\" ${DPKG_ROOT:-/x}/y");
    let calls = commands_assuming(&script, &[("DPKG_ROOT", "")]);
    assert_eq!(calls[0].literal_arguments(), Some(vec!["/etc", "/x/y"]));
}

#[test]
fn variables_that_double_each_other_cost_no_memory() {
    let doubling = (0..60).map(|i| format!("a{}=$a{i}$a{i}\n", i + 1));
    let text = format!(
        "a0=xxxxxxxxxxxxxxxx\n{}x $a60",
        doubling.collect::<String>()
    );
    assert_eq!(calls(&text)[0].words[1].text, "$a60");
}

#[test]
fn wrappers_are_followed_by_what_they_run() {
    for (text, name, via) in [
        ("exec a b", "a", "exec"),
        ("exec -a name a", "a", "exec"),
        ("command a", "a", "command"),
        ("env -i A=1 B=$2 a", "a", "env"),
        ("env -u X a", "a", "env"),
        ("nice -n 5 a", "a", "nice"),
        ("nice -5 a", "a", "nice"),
        ("/usr/bin/nohup a", "a", "nohup"),
        ("ls | xargs -r -n 1 a", "a", "xargs"),
        ("xargs -0I{} a {}", "a", "xargs"),
        ("sudo -u b C=d a", "a", "sudo"),
        ("timeout -k 5 10 a", "a", "timeout"),
        ("setsid a", "a", "setsid"),
        ("flock /x a", "a", "flock"),
        ("flock /x -c 'a b'", "a", "flock"),
        ("eval 'a b'", "a", "eval"),
        ("eval a \"b\"", "a", "eval"),
        ("sh -c 'a b'", "a", "sh"),
        ("/bin/bash -eu -o pipefail -c \"a\"", "a", "bash"),
        ("su user -c 'a b'", "a", "su"),
        ("trap 'a b' EXIT INT", "a", "trap"),
        ("trap \"a $b\" 0 INT", "a", "trap"),
        ("sh -c \"a $(b) <$c\"", "a", "sh"),
        ("eval a \"$b\"", "a", "eval"),
        ("find . -name b -exec a {} \\;", "a", "find"),
        ("find . -execdir a -x {} + -print", "a", "find"),
        (
            "start-stop-daemon --start --exec /usr/bin/a -- b",
            "a",
            "start-stop-daemon",
        ),
        ("tar zcf \"$x\" .", "gzip", "tar"),
        ("tar -C /x -cJf y .", "xz", "tar"),
        ("tar -xf x.tar.bz2", "bzip2", "tar"),
        ("tar --create --zstd --file x y", "zstd", "tar"),
        ("time a", "a", "time"),
        ("tini -- a", "a", "tini"),
        ("gosu user a", "a", "gosu"),
        ("setpriv --reuid=1 a", "a", "setpriv"),
        ("chrt 1 a", "a", "chrt"),
        ("xvfb-run -a -s '-x y' a", "a", "xvfb-run"),
        ("script -q -c 'a b' /x", "a", "script"),
    ] {
        let calls = calls(text);
        let call = calls
            .iter()
            .find(|call| call.name() == name && call.kind == Kind::Command);
        let call = call.unwrap_or_else(|| panic!("{text}: {calls:#?}"));
        assert_eq!(call.via, [via], "{text}");
        assert!(
            calls.iter().any(|call| call.wraps && call.name() == via),
            "{text}"
        );
    }
    let call = only("exec env A=1 nice sh -c 'a; b' >/x", "b");
    assert_eq!(call.via, ["exec", "env", "nice", "sh"]);
    assert_eq!(only("env a >/x", "a").writes[0].text, "/x");
    for text in [
        "trap - EXIT",
        "trap '' INT",
        "trap",
        "eval \"$x\"",
        "sh \"$x\"",
        "exec >/x",
        "nice",
        "xargs",
        "tar cf x.tar -C zz y",
        "tar -cfzz y",
    ] {
        assert!(calls(text).iter().all(|call| !call.wraps), "{text}");
    }
}

#[test]
fn a_wrapped_builtin_is_a_program_unless_the_shell_itself_runs_it() {
    assert_eq!(only("env printf x", "printf").kind, Kind::Command);
    assert_eq!(
        only("command printf x", "printf").kind,
        Kind::Builtin(Builtin::Regular)
    );
}

#[test]
fn probes_are_no_calls_and_mark_what_depends_on_them() {
    assert_eq!(
        probes("command -v a; type b >&2; which c d; hash e; [ -x /bin/f ]; command g; hash -r"),
        ["a", "b", "c", "d", "e", "/bin/f"]
    );
    for text in [
        "if command -v x >/dev/null 2>&1; then x; fi",
        "command -v x && x",
        "command -v x >/dev/null || exit 0; x",
        "if ! which x; then y; else x; fi",
        "if ! type x; then exit 1; fi; x",
        "if [ -x /usr/bin/x ]; then x; fi",
        "[ -x /usr/bin/x ] || exit 0; /usr/bin/x",
        "P=/usr/bin/x; test -x $P && $P",
        "if [ -n \"$(command -v x)\" ]; then x; fi",
        "[ -z \"$(which x)\" ] || x",
        "if p=$(command -v x); then x; fi",
        "if [ \"$1\" = a ] && command -v x; then x; fi",
        "while command -v x; do x; done",
    ] {
        assert!(only(text, "x").probed, "{text}");
    }
    for text in [
        "x; command -v x",
        "if command -v y; then x; fi",
        "if command -v x || true; then x; fi",
        "if ! command -v x; then x; fi",
        "if command -v x; then y; else x; fi",
        "command -v x || y; x",
        "[ -f /etc/x ] && x",
    ] {
        assert!(!only(text, "x").probed, "{text}");
    }
    assert!(only("[ -f /lib/x ] && . /lib/x", ".").probed);
    assert_eq!(
        only(". /lib/x", ".")
            .sourced()
            .map(|word| word.text.as_str()),
        Some("/lib/x")
    );
}

#[test]
fn what_a_script_ends_with_failure_without_is_demanded() {
    let demanded = |text: &str| {
        let calls = calls(text).into_iter();
        let demands = calls.filter(|call| call.kind == Kind::Demand);
        let names: Vec<String> = demands.map(|call| call.words[0].text.clone()).collect();
        names.join(" ")
    };
    for (text, names) in [
        (
            "command -v x >/dev/null || { echo no >&2; exit 1; }; x",
            "x",
        ),
        ("if ! type x; then exit 2; fi", "x"),
        ("if which x; then x; else echo no; exit 1; fi", "x"),
        ("die() { echo \"$1\"; exit 1; }; hash x || die no", "x"),
        ("[ -x /usr/bin/x ] || exit 1", "/usr/bin/x"),
        (
            "if type x; then C=x; elif type y; then C=y; else exit 1; fi",
            "x",
        ),
        ("command -v x && command -v y || exit 1", "x y"),
        (
            "for c in x y; do command -v $c >/dev/null || exit 1; done",
            "x y",
        ),
        (
            "need() { command -v \"$1\" || { echo no; exit 1; }; }; need x; need y",
            "x y",
        ),
        // It has nothing to do where they are not there.
        ("command -v x || exit 0; x", ""),
        ("[ -x /usr/bin/x ] || exit 0", ""),
        ("if command -v x; then exit 1; fi", ""),
        ("f() { command -v x || return 1; }; f || y", ""),
        ("[ -f /etc/x ] || exit 1", ""),
        (
            "f() { :; }; command -v f || exit 1; type printf || exit 1",
            "",
        ),
    ] {
        assert_eq!(demanded(text), names, "{text}");
    }
}

#[test]
fn functions_are_no_commands_and_those_that_nothing_calls_are_told() {
    let text = "f() { a; g; }\ng() { b; }\nh() { c; }\nf";
    assert_eq!(programs(text), ["c", "a", "b"]);
    assert_eq!(only(text, "a").function.as_deref(), Some("f"));
    assert!(!only(text, "b").unreachable);
    assert!(only(text, "c").unreachable);
    for text in [
        "f() { a; }\ntrap f EXIT",
        "f() { a; }\nrun f",
        "f_x() { a; }\n\"f_$1\"",
        "f() { a; }\n\"$@\"",
        "f() { a; }\neval \"f_$x\"; eval \"f $y\"",
    ] {
        assert!(!only(text, "a").unreachable, "{text}");
    }
    assert!(only("f_x() { a; }\n\"g_$1\"", "a").unreachable);
    assert!(only("f() { a; f; }", "a").unreachable);
    assert_eq!(only("ls() { command ls; }\nls", "ls").via, ["command"]);
}

#[test]
fn what_stands_behind_an_exit_never_runs() {
    for text in [
        "exit 0\na",
        "{ exit; }\na",
        "exec b\na",
        "die() { echo; exit 1; }\ndie\na",
    ] {
        assert!(only(text, "a").unreachable, "{text}");
    }
    for text in [
        "(exit 0)\na",
        "exit 0 & a",
        "x && exit\na",
        "exec >/x\na",
        "f() { return; }\nf\na",
    ] {
        assert!(!only(text, "a").unreachable, "{text}");
    }
}

#[test]
fn failures_that_the_script_goes_on_after_are_tolerated() {
    for text in [
        "a || true",
        "a || b",
        "a && b",
        "if a; then b; fi",
        "while a; do b; done",
        "! a",
        "if b && a; then c; fi",
        "if $(a); then b; fi",
        "a || exit 0",
        "a && b || c",
        "{ a; } || b",
    ] {
        assert!(only(text, "a").tolerated, "{text}");
    }
    for text in [
        "a",
        "b && a",
        "if b; then a; fi",
        "a || exit 1",
        "a || { echo; exit 1; }",
        "a || false",
        "die() { exit 3; }\na || die x",
        "a && b || exit 1",
        "f() { a || return 1; }\nf",
    ] {
        assert!(!only(text, "a").tolerated, "{text}");
    }
}

#[test]
fn a_case_over_the_first_argument_guards_its_arms() {
    let text = "case \"$1\" in\n configure|abort-*)\n  a\n ;;\n (purge) b;;\n *) c;;\nesac\nd";
    let runs = |name: &str, argument: &str| only(text, name).runs_with(argument);
    assert!(runs("a", "configure") && runs("a", "abort-upgrade") && !runs("a", "purge"));
    assert!(!runs("b", "configure"));
    assert!(runs("c", "anything") && !runs("c", "configure"));
    assert!(only(text, "d").guards.is_empty());
}

#[test]
fn tests_of_the_first_argument_guard_in_all_spellings() {
    for text in [
        "if [ \"$1\" = configure ]; then a; fi",
        "if [ configure = $1 ]; then a; fi",
        "if test \"x$1\" = xconfigure; then a; fi",
        "if [[ $1 == configure && -n $2 ]]; then a; fi",
        "if [ \"$1\" = configure ] && [ -z \"$2\" ]; then a; fi",
        "if [ -z \"$2\" -a \"${1:-}\" = configure ]; then a; fi",
        "if [ ! \"$1\" != configure ]; then a; fi",
        "[ \"$1\" = configure ] && a",
        "[ \"$1\" = configure ] || exit 0; a",
        "if [ \"$1\" != configure ]; then exit 0; fi; a",
        "if [ \"$1\" != configure ]; then b; else a; fi",
        "action=$1; if [ \"$action\" = configure ]; then a; fi",
        "case $1 in configure) ;; *) exit 0;; esac; a",
        "case $1 in triggered) exit;; esac; a",
        "f() { a; }; case $1 in configure) a;; esac",
    ] {
        let calls = calls(text);
        let call = calls
            .iter()
            .rfind(|call| call.name() == "a")
            .expect("it is called");
        assert!(
            call.runs_with("configure") && !call.runs_with("triggered"),
            "{text}: {call:#?}"
        );
    }
    for text in [
        "if [ \"$1\" = configure ] || [ \"$1\" = triggered ]; then a; fi",
        "if [ \"$1\" = configure ] || [ -n \"$2\" ]; then a; fi",
        "if [ \"$1\" = configure -o \"$1\" = triggered ]; then a; fi",
        "f() { if [ \"$1\" = configure ]; then a; fi; }\nf",
        "shift; if [ \"$1\" = configure ]; then a; fi",
        "while [ \"$1\" ]; do case $1 in configure) a;; esac; shift; done",
        "set -- x; if [ \"$1\" = configure ]; then a; fi",
        "x=$1; x=b; if [ \"$x\" = configure ]; then a; fi",
        "case $1 in configure) ;& triggered) a;; esac",
        "case $2 in configure) a;; esac",
    ] {
        assert!(only(text, "a").runs_with("triggered"), "{text}");
    }
}

#[test]
fn redirections_name_the_files_that_are_written() {
    let call = only(
        "echo a 2>&1 >/dev/null 3< in >>/etc/x >| /etc/y &>/etc/z 2>&-",
        "echo",
    );
    let files: Vec<&str> = call.writes.iter().map(|w| w.text.as_str()).collect();
    assert_eq!(files, ["/etc/x", "/etc/y", "/etc/z"]);
    let loop_writes = calls("while a; do b; done >/x")
        .pop()
        .expect("there is one");
    assert_eq!(
        (loop_writes.kind, loop_writes.text().as_str()),
        (Kind::Redirection, " > /x")
    );
    let function = calls("f() { a; }\nf 1 >/x");
    assert_eq!(
        (function[0].kind, function[0].text().as_str()),
        (Kind::Function, "f 1 > /x")
    );
    assert_eq!(function[1].text(), "a");
}

#[test]
fn aliases_are_put_in_their_place() {
    assert_eq!(programs("alias ll='ls -l'\nll x\n\\ll"), ["ls", "ll"]);
}

#[test]
fn text_that_runs_itself_comes_to_an_end() {
    let text = "X='eval \"$X\"; eval \"$X\"; sh -c \"$X\"; a'\neval \"$X\"";
    assert!(calls(text).len() < 10_000);
    let mut text = String::from("a");
    for _ in 0..40 {
        text = format!("nice {text}");
    }
    assert!(calls(&text).len() < 50);
}

#[test]
fn the_functions_of_a_script_are_told_for_those_who_source_it() {
    let script = script("a() { :; }\nif x; then function b { c() { :; }; }; fi\n");
    assert_eq!(functions(&script), ["a", "b", "c"]);
}
