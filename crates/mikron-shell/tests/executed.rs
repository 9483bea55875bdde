//! strace as an oracle: every program that a script runs by a name in it is among its calls.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use mikron_shell::{Call, Kind, Limits, commands, parse};
use mikron_testkit::tools::{skip, tool};

/// Scripts with the shell that runs them. They write only below their working directory.
const SCRIPTS: &[(&str, &str)] = &[
    (
        "dash",
        "set -e\nDIR=out\nmkdir -p $DIR/a\nfor i in 1 2; do touch \"$DIR/$i\"; done\nls $DIR | sort -r | head -n 1 >/dev/null\nif grep -q x /dev/null; then uname; else id -u >/dev/null; fi\nrm -rf \"$DIR\"\n",
    ),
    (
        "dash",
        "f() { case $1 in a) date >/dev/null;; *) uname >/dev/null;; esac; }\nf a; f b\nx=$(basename `dirname /a/b`)\ncat <<E >/dev/null\n$(expr 1 + 1) $x\nE\n",
    ),
    (
        "dash",
        "trap 'rm -f t' EXIT\nenv A=1 nice sh -c 'touch t; ls t >/dev/null'\necho t | xargs -n 1 wc -c >/dev/null\nfind . -name t -exec stat -c %s {} + >/dev/null\neval 'cut -c 1 t'\ncommand tr a b <t\n(exec sleep 0)\n",
    ),
    (
        "dash",
        "TOOL='nice -n 1 tail'\n$TOOL -n 1 /dev/null\nalias h=head\nh -n 1 /dev/null\nif command -v seq >/dev/null; then seq 1 >/dev/null || true; fi\n! cmp -s /dev/null /dev/zero -n 1\n{ uniq; } </dev/null\nwhile ! test -e u; do touch u; done; timeout 5 rm u\n",
    ),
    (
        "bash",
        "set -euo pipefail\nshopt -s extglob\na=(sort -u)\n[[ $(uname) =~ ^L ]] && diff <(seq 1) <(seq 1)\nfor ((i = 0; i < $(echo 1 | wc -l); i++)); do head -c 1 <<<\"$(basename a)\" >/dev/null; done\nfunction g { cat |& tail -n 1; }\ng </dev/null &>/dev/null\ncase $(id -u) in @(0|*)) paste /dev/null ;& x) tac /dev/null ;; esac\n((1)) && rev=$(printf %s a | od -c) && tr a b <<<\"$rev\" >/dev/null\ncoproc tee; exec {COPROC[1]}>&-; wait\n",
    ),
];

/// The programs that were run, each by the name that was looked for; the shell itself left out.
fn executed(
    strace: &Path,
    shell: &Path,
    script: &Path,
    directory: &Path,
) -> Option<BTreeSet<String>> {
    let log = directory.join("log");
    let work = directory.join("work");
    fs::create_dir_all(&work).expect("a directory");
    let status = Command::new(strace)
        .args(["-f", "-qq", "-e", "trace=execve", "-e", "signal=none", "-o"])
        .arg(&log)
        .arg(shell)
        .arg(script)
        .current_dir(&work)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .ok()?;
    let log = fs::read_to_string(log)
        .ok()
        .filter(|log| log.contains("execve("))?;
    assert!(status.success(), "{} fails: {log}", script.display());
    let mut names = BTreeSet::new();
    // A call that another process interrupts ends in a line of its own; what it calls is the same.
    let done = |line: &&str| line.ends_with(" = 0") || line.ends_with("<unfinished ...>");
    for line in log
        .lines()
        .skip(1)
        .filter(done)
        .filter(|line| line.contains("execve("))
    {
        let path = line.split('"').nth(1).unwrap_or_default();
        names.insert(path.rsplit('/').next().unwrap_or_default().to_owned());
    }
    Some(names)
}

#[test]
fn what_a_script_runs_is_among_its_calls() {
    let Some(strace) = tool("strace") else {
        return;
    };
    let mut compared = 0;
    for (shell, text) in SCRIPTS {
        let Some(shell) = tool(shell) else { continue };
        let directory = tempfile::tempdir().expect("a directory");
        let script = directory.path().join("script");
        fs::write(&script, text).expect("it is written");
        let Some(executed) = executed(&strace, &shell, &script, directory.path()) else {
            return skip("strace may not trace here");
        };
        let tree = parse(text.as_bytes(), &Limits::default());
        assert_eq!(tree.error, None, "{text}");
        let calls = commands(&tree);
        let program = |call: &&Call| call.kind == Kind::Command && !call.unreachable;
        let known: BTreeSet<&str> = calls.iter().filter(program).map(Call::name).collect();
        for name in &executed {
            assert!(
                known.contains(name.as_str()),
                "{name} is run and not known: {text}\n{known:?}"
            );
        }
        assert!(executed.len() > 4, "{executed:?}");
        compared += executed.len();
    }
    assert!(compared > 30, "{compared}");
}
