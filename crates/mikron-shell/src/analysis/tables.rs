//! What is known of commands: the builtins of the shells, and the commands that run other commands.

use crate::call::Builtin;

/// Special builtins (XCU 2.15).
const SPECIAL: &[&str] = &[
    ".", ":", "break", "continue", "eval", "exec", "exit", "export", "readonly", "return", "set",
    "shift", "times", "trap", "unset",
];

/// Other builtins that dash(1) and bash(1) both have.
const REGULAR: &[&str] = &[
    "[", "alias", "bg", "cd", "command", "echo", "false", "fg", "getopts", "hash", "jobs", "kill",
    "local", "printf", "pwd", "read", "test", "true", "type", "ulimit", "umask", "unalias", "wait",
];

/// Builtins of bash(1) alone, and its reserved word `time`.
const BASH: &[&str] = &[
    "bind",
    "builtin",
    "caller",
    "compgen",
    "complete",
    "compopt",
    "declare",
    "dirs",
    "disown",
    "enable",
    "fc",
    "help",
    "history",
    "let",
    "logout",
    "mapfile",
    "popd",
    "pushd",
    "readarray",
    "shopt",
    "source",
    "suspend",
    "time",
    "typeset",
];

/// Which builtin a name is.
pub(super) fn builtin(name: &str) -> Option<Builtin> {
    [
        (SPECIAL, Builtin::Special),
        (REGULAR, Builtin::Regular),
        (BASH, Builtin::Bash),
    ]
    .into_iter()
    .find(|(names, _)| names.contains(&name))
    .map(|(_, builtin)| builtin)
}

/// A command whose last operands are a command.
pub(super) struct Wrapper {
    pub(super) name: &'static str,
    /// Options that take a value in the next word.
    pub(super) valued: &'static [&'static str],
    /// Operands before the command.
    pub(super) operands: usize,
    /// Whether `NAME=value` may stand before the command.
    pub(super) assignments: bool,
    /// Whether the command may be a builtin.
    pub(super) builtins: bool,
}

const fn wrapper(name: &'static str, valued: &'static [&'static str]) -> Wrapper {
    Wrapper {
        name,
        valued,
        operands: 0,
        assignments: false,
        builtins: false,
    }
}

/// The same with an operand before the command.
const fn operand(name: &'static str, valued: &'static [&'static str]) -> Wrapper {
    Wrapper {
        operands: 1,
        ..wrapper(name, valued)
    }
}

const WRAPPERS: &[Wrapper] = &[
    wrapper("exec", &["-a"]),
    Wrapper {
        builtins: true,
        ..wrapper("command", &[])
    },
    Wrapper {
        builtins: true,
        ..wrapper("builtin", &[])
    },
    Wrapper {
        builtins: true,
        ..wrapper("time", &["-f", "-o"])
    },
    Wrapper {
        assignments: true,
        ..wrapper("env", &["-u", "--unset", "-C", "--chdir", "-a"])
    },
    wrapper("nice", &["-n", "--adjustment"]),
    wrapper("ionice", &["-c", "-n", "--class", "--classdata"]),
    wrapper("nohup", &[]),
    wrapper("setsid", &[]),
    wrapper("stdbuf", &["-i", "-o", "-e"]),
    wrapper("fakeroot", &["-i", "-s", "-l"]),
    operand("timeout", &["-s", "--signal", "-k", "--kill-after"]),
    operand("flock", &["-w", "--timeout", "-E"]),
    Wrapper {
        assignments: true,
        ..wrapper(
            "sudo",
            &[
                "-u", "-g", "-C", "-D", "-h", "-p", "-R", "-r", "-T", "-t", "-U",
            ],
        )
    },
    wrapper("doas", &["-u", "-C"]),
    wrapper("pkexec", &["--user"]),
    operand("gosu", &[]),
    operand("su-exec", &[]),
    operand("setuidgid", &[]),
    operand("s6-setuidgid", &[]),
    wrapper(
        "chpst",
        &[
            "-u", "-U", "-b", "-/", "-n", "-l", "-L", "-m", "-d", "-o", "-p", "-f", "-c", "-r",
            "-t", "-e",
        ],
    ),
    wrapper(
        "setpriv",
        &[
            "--reuid", "--regid", "--groups", "--ruid", "--euid", "--rgid", "--egid",
        ],
    ),
    wrapper(
        "unshare",
        &[
            "-S", "-G", "-R", "-w", "--setuid", "--setgid", "--root", "--wd",
        ],
    ),
    wrapper("tini", &["-p", "-e"]),
    wrapper("dumb-init", &["-r", "--rewrite"]),
    operand("chrt", &["-T", "-P", "-D"]),
    operand("taskset", &[]),
    wrapper("prlimit", &["-o", "-p"]),
    wrapper("numactl", &["-N", "-m", "-i", "-C", "-p"]),
    wrapper("choom", &["-n", "-p"]),
    operand("setarch", &[]),
    wrapper("linux32", &[]),
    wrapper("linux64", &[]),
    wrapper(
        "strace",
        &["-o", "-e", "-s", "-u", "-E", "-a", "-O", "-S", "-P"],
    ),
    wrapper("valgrind", &[]),
    wrapper("watch", &["-n", "--interval"]),
    wrapper("chronic", &[]),
    wrapper("unbuffer", &[]),
    wrapper("eatmydata", &[]),
    operand("faketime", &[]),
    operand("logsave", &[]),
    wrapper(
        "xvfb-run",
        &[
            "-e",
            "-f",
            "-n",
            "-p",
            "-s",
            "-w",
            "--server-args",
            "--error-file",
        ],
    ),
    wrapper("dbus-run-session", &["--config-file", "--dbus-daemon"]),
    wrapper("ssh-agent", &["-a", "-t", "-E", "-P"]),
    wrapper(
        "systemd-run",
        &[
            "-u",
            "-p",
            "-E",
            "--unit",
            "--property",
            "--setenv",
            "--slice",
        ],
    ),
    wrapper("systemd-cat", &["-t", "-p", "--identifier", "--priority"]),
    wrapper("systemd-inhibit", &[]),
    wrapper(
        "xargs",
        &[
            "-a",
            "-d",
            "-E",
            "-I",
            "-L",
            "-n",
            "-P",
            "-s",
            "--max-args",
            "--max-procs",
            "--delimiter",
        ],
    ),
];

/// The wrapper of a name.
pub(super) fn wrapper_named(name: &str) -> Option<&'static Wrapper> {
    WRAPPERS.iter().find(|wrapper| wrapper.name == name)
}

/// Whether a program is a shell that takes `-c text`.
pub(super) fn is_shell(name: &str) -> bool {
    matches!(
        name,
        "sh" | "ash" | "bash" | "dash" | "ksh" | "mksh" | "rbash" | "zsh"
    )
}
