//! Scripts that are run without running anything: what is known is decided as a shell decides it, the rest is told.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::process::Command;

use mikron_shell::run::{
    FileKind, Host, Invocation, Known, Outcome, RunLimits, Runner, Stat, Step,
};
use mikron_testkit::tools::tool;

/// A machine with a few files, and commands of which `cat` and `lower` are known.
#[derive(Default)]
struct Machine {
    files: BTreeMap<String, String>,
    ran: Vec<String>,
    undecided: Vec<(String, String)>,
}

impl Host for Machine {
    fn stat(&mut self, path: &str, _: bool) -> Known<Stat> {
        let stat = |kind, size| {
            Known::Is(Stat {
                kind,
                mode: 0o644,
                size: Some(size),
                real: path.to_owned(),
            })
        };
        if path.starts_with("/proc") {
            return Known::Unknown;
        }
        if let Some(text) = self.files.get(path) {
            return stat(FileKind::File, text.len() as u64);
        }
        let directory = format!("{}/", path.trim_end_matches('/'));
        if self.files.keys().any(|file| file.starts_with(&directory)) {
            return stat(FileKind::Directory, 0);
        }
        Known::Absent
    }

    fn list(&mut self, directory: &str) -> Option<Vec<String>> {
        let prefix = format!("{}/", directory.trim_end_matches('/'));
        let names = self
            .files
            .keys()
            .filter_map(|file| file.strip_prefix(&prefix));
        let mut names: Vec<String> = names
            .filter_map(|name| name.split('/').next())
            .map(str::to_owned)
            .collect();
        names.dedup();
        Some(names)
    }

    fn read(&mut self, path: &str) -> Known<String> {
        match self.files.get(path) {
            Some(text) => Known::Is(text.clone()),
            None => Known::Absent,
        }
    }

    fn write(&mut self, _: &Step<'_>, path: &str, text: Option<&str>, append: bool) {
        let file = self.files.entry(path.to_owned()).or_default();
        if !append {
            file.clear();
        }
        file.push_str(text.unwrap_or("?"));
    }

    fn program(&mut self, name: &str) -> Option<String> {
        (name != "missing").then(|| format!("/usr/bin/{name}"))
    }

    fn command(&mut self, step: &mut Step<'_>) -> Outcome {
        let arguments = step.arguments().unwrap_or_default().join(" ");
        match step.name() {
            "cat" => Outcome::printed(step.input.rest()),
            "hostname" => Outcome::unknown(),
            "twice" => Outcome {
                commands: vec![
                    vec!["note".into(), "1".into()],
                    vec!["note".into(), "2".into()],
                ],
                ..Outcome::done()
            },
            "db_get" => Outcome {
                variables: vec![("RET".into(), Some(arguments))],
                ..Outcome::done()
            },
            _ => {
                self.ran.push(step.text());
                Outcome::done()
            }
        }
    }

    fn undecided(&mut self, step: &Step<'_>, reason: &str) {
        self.undecided.push((step.text(), reason.to_owned()));
    }
}

fn run(script: &str) -> Machine {
    run_on(Machine::default(), script).0
}

fn run_on(mut machine: Machine, script: &str) -> (Machine, Option<i32>, Option<String>) {
    let arguments = ["configure".to_owned(), String::new()];
    let invocation = Invocation {
        name: "postinst",
        arguments: &arguments,
        ..Invocation::default()
    };
    let mut runner = Runner::new(&mut machine, &invocation);
    let status = runner.script(script.as_bytes());
    let printed = runner.printed();
    (machine, status, printed)
}

#[test]
fn what_a_shell_prints_is_printed() {
    let scripts = [
        "x=' a  b '; echo $x \"$x\"; for i in $x; do echo \"<$i>\"; done",
        "set -- a 'b c' d; echo $#; for i; do echo \"$i\"; done; shift 2; echo \"$*\"; set --; echo \"$#\" \"$@\"",
        "f() { local a=1; echo $a$1; return 3; }; a=2; f x; echo $? $a; f y || echo no",
        "x=usr/share/doc.tar.gz; echo ${x#*/} ${x##*/} ${x%.*} ${x%%.*} ${#x} ${y:-z} ${y-w} ${y:=q} $y ${y:+set} \"${z:+no}\"",
        "case configure in abort-*|x) echo 1;; conf*) echo 2;; *) echo 3;; esac; case '*' in '*') echo star;; esac",
        "i=0; while [ $i -lt 3 ]; do i=$((i+1)); [ $i = 2 ] && continue; echo $i; done; until false; do break; done",
        "printf '%s=%d\\n' a 1 b 2; printf '%-4s|%04d\\n' x 7; printf 'no newline'; echo; echo 'a\\tb'",
        "echo $(echo a; echo b) \"$(printf 'x\\n\\n')\" `echo \\`echo deep\\``",
        "(x=1; exit 4); echo $? [$x]; { y=2; }; echo $y; ! true; echo $?; true && false || echo or",
        "echo a:b:c | { IFS=:; read x y; echo $y; }; printf '1 2\\n3\\n' | while read a b; do echo \"$b-$a\"; done",
        "cat <<E\nline $((2*3)) ${HOME:+home}\nE\ncat <<'E'\n$raw\nE",
        "set -e; if false; then :; fi; false || true; x=$(false || echo ok); echo $x; (set -e; false; echo never) || echo caught",
        "eval 'x=5; echo $x'; t() { [ \"$1\" = a -o \"$1\" = b ]; }; t a && echo a; t c || echo c; [ ! -e /nowhere ] && echo absent",
        "echo $((1+2*3)) $(((1+2)*3)) $((7/2)) $((7%2)) $((1<2&&2<1)) $((010+0x10)) $((-3)) $((1<<4|1)) $((0?1:2))",
        "x=; echo \"${x:-default}\" \"${x-empty}\"; unset x; echo \"${x-unset}\"; y='a b'; set -- $y; echo $2",
        "a='*'; echo \"$a\"; IFS=,; b=1,2,,3; for i in $b; do echo \"[$i]\"; done; echo \"$@\" end",
        "f() { for i in 1 2 3; do [ $i = 2 ] && return 0; echo $i; done; }; f; echo $?; trap 'echo x' EXIT; trap - EXIT",
        "test -n \"\" || test 3 -gt 2 && echo yes; [ a != b ] && [ -z '' ] && echo both; command -v missing >/dev/null || echo none",
        "for d in a b; do for e in 1 2; do [ $e = 2 ] && continue 2; echo $d$e; done; done; for x in 1 2; do break; done; echo $x",
        "echo one >&2; echo two 2>/dev/null; (echo three) ; x=`echo four`; echo ${x}th; sh -c 'echo $1' _ five",
    ];
    let Some(dash) = tool("dash") else { return };
    for script in scripts {
        let output = Command::new(&dash)
            .arg("-c")
            .arg(script)
            .arg("postinst")
            .args(["configure", ""])
            .output()
            .unwrap();
        let expected = String::from_utf8(output.stdout).unwrap();
        let script = format!("HOME=/root\n{script}");
        let (_, _, printed) = run_on(Machine::default(), &script);
        assert_eq!(printed.as_deref(), Some(expected.as_str()), "{script}");
    }
}

#[test]
fn a_condition_that_is_known_decides_and_the_other_branch_is_not_told() {
    let mut machine = Machine::default();
    machine.files.insert("/etc/x.conf".into(), "y".into());
    let script = "if [ -f /etc/staff ]; then chmod 2775 /x; elif [ -s /etc/x.conf ]; then note conf; else note no; fi\n[ -d /etc ] && note dir\nfor f in /etc/*.conf /etc/*.none; do note $f; done";
    let (machine, _, _) = run_on(machine, script);
    assert_eq!(
        machine.ran,
        [
            "note conf",
            "note dir",
            "note /etc/x.conf",
            "note /etc/*.none"
        ]
    );
    assert!(machine.undecided.is_empty());
}

#[test]
fn under_an_unknown_condition_nothing_runs_and_everything_is_told() {
    let machine = run(
        "name=$(hostname)\nif [ \"$name\" = a ]; then note a; x=1; else note b; fi\nnote after\nif [ -n \"$x\" ]; then note x; fi\nnote end",
    );
    assert_eq!(machine.ran, ["note after", "note end"]);
    let told: Vec<&str> = machine.undecided.iter().map(|(c, _)| c.as_str()).collect();
    assert_eq!(told, ["note a", "note b", "note x"]);
    assert!(
        machine.undecided[0].1.contains("$name = a"),
        "{:?}",
        machine.undecided
    );
}

#[test]
fn a_branch_that_only_fails_is_not_the_one_that_was_taken() {
    let machine = run(
        "if ! probe; then exit 1; fi\nhostname || exit 1\nif hostname; then note yes; else echo no; exit 2; fi\nnote end\nhostname || { note x; exit 1; }\nnote last",
    );
    assert_eq!(machine.ran, ["probe", "note yes", "note end", "note last"]);
    assert_eq!(machine.undecided.len(), 1);
}

#[test]
fn what_may_have_left_the_script_leaves_the_rest_in_doubt_and_a_function_only_its_own() {
    let machine = run(
        "f() { hostname && return 0; note in; }\nf\nnote between\nhostname && exit 0\nnote after",
    );
    assert_eq!(machine.ran, ["note between"]);
    let told: Vec<&str> = machine.undecided.iter().map(|(c, _)| c.as_str()).collect();
    assert_eq!(told, ["note in", "note after"]);
}

#[test]
fn output_goes_where_it_is_sent_and_commands_may_run_others() {
    let machine = run(
        "{ echo a; echo b; } > /f\necho c >> /f\ncat < /f > /g\ncat <<E > /h\n$1\nE\necho $(hostname) > /u\necho lost > /dev/null\ntwice\ndb_get q && echo $RET > /r",
    );
    let text = |path: &str| machine.files.get(path).map(String::as_str);
    assert_eq!(text("/f"), Some("a\nb\nc\n"));
    assert_eq!(text("/g"), Some("a\nb\nc\n"));
    assert_eq!(text("/h"), Some("configure\n"));
    assert_eq!(text("/u"), Some("?"));
    assert_eq!(text("/r"), Some("q\n"));
    assert_eq!(machine.ran, ["note 1", "note 2"]);
}

#[test]
fn a_file_that_is_sourced_is_run_and_one_that_is_not_known_taints_what_it_may_set() {
    let mut machine = Machine::default();
    machine
        .files
        .insert("/etc/default/x".into(), "user=web\n".into());
    let (machine, _, _) = run_on(
        machine,
        ". /etc/default/x\nnote $user\n. /none || note none",
    );
    assert_eq!(machine.ran, ["note web", "note none"]);
}

#[test]
fn hostile_scripts_end() {
    let nested = format!("{}true{}", "( ".repeat(60), " )".repeat(60));
    let calls = "f() { f; }; f; note after".to_owned();
    let endless = "while :; do x=$x$x; note x; done; note after".to_owned();
    let growing = "x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done".to_owned();
    let mutual = "f() { eval 'g'; }; g() { $(f); f; }; g".to_owned();
    let globs = "set -- */*/*/*; for i in $* $* $* $*; do echo $i; done".to_owned();
    for script in [
        nested,
        calls,
        endless,
        growing,
        mutual,
        globs,
        "if".into(),
        "'".into(),
    ] {
        let mut machine = Machine::default();
        let invocation = Invocation {
            limits: RunLimits {
                steps: 20_000,
                ..RunLimits::default()
            },
            ..Invocation::default()
        };
        Runner::new(&mut machine, &invocation).script(script.as_bytes());
        assert!(
            !machine.ran.iter().any(|command| command == "note after"),
            "{script}"
        );
    }
}
