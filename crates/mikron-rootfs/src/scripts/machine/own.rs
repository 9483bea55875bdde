//! Programs of packages that are scripts of the shell themselves: what they do is followed as what maintainer scripts do.

use mikron_shell::run::{Host, Invocation, Known, Outcome, Runner, Step};
use mikron_shell::{Call, Kind};

use super::{Done, Fate, Machine, Record};
use crate::calls::scan;
use crate::scripts::classify::other_interpreter;
use crate::scripts::view::PATH;

/// Commands that do no more than move files and texts. A program that calls any other is a matter of what it stands for, and
/// finalizers know that or nobody does.
const FOLLOWED: &[&str] = &[
    "basename", "cat", "chgrp", "chmod", "chown", "cp", "cut", "dirname", "egrep", "expr", "fgrep",
    "grep", "head", "install", "ln", "mkdir", "mktemp", "mv", "rm", "rmdir", "sed", "sort", "tail",
    "tee", "touch", "tr", "uniq", "wc",
];

/// How many programs are followed for the scripts of one image: each may take as long as a script.
const MAX_RUNS: u32 = 64;

/// Whether a program that calls these commands is followed.
pub(in crate::scripts) fn is_followed<'a>(mut commands: impl Iterator<Item = &'a str>) -> bool {
    commands.all(|command| {
        let name = command.rsplit('/').next().unwrap_or_default();
        FOLLOWED.contains(&name)
    })
}

impl Machine<'_, '_> {
    /// Follows a program that is a script which only moves files and texts. `None` where it is none, or cannot be read.
    pub(super) fn own_program(&mut self, step: &Step<'_>) -> Option<Done> {
        let arguments = step.arguments()?;
        let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
        let usual = step.directory == Some("/") && step.umask == 0o022;
        if !usual || !step.assignments.is_empty() || self.followed >= MAX_RUNS {
            return None;
        }
        let path = Host::program(self, &step.words.first()?.text)?;
        let Known::Is(text) = self.view.text(&path) else {
            return None;
        };
        let of_shell = text.starts_with("#!") && other_interpreter(text.as_bytes()).is_none();
        let calls = scan(text.as_bytes());
        let commands = calls.iter().filter(|call| call.kind == Kind::Command);
        if !of_shell || !is_followed(commands.map(Call::name)) {
            return None;
        }
        self.followed += 1;
        let before = self.records.len();
        let environment = [("HOME", "/root"), ("PATH", PATH)];
        let invocation = Invocation {
            name: &path,
            arguments: &arguments,
            environment: &environment,
            ..Invocation::default()
        };
        let mut runner = Runner::new(self, &invocation);
        let status = runner.script(text.as_bytes());
        let output = runner.printed();
        let exhausted = runner.exhausted();
        // What is told of it is told of the call of the program.
        let within: Vec<Record> = self.records.drain(before..).collect();
        let open = within.into_iter().find_map(|record| match record.fate {
            fate @ (Fate::Open(_) | Fate::NoAccount(_)) => Some(fate),
            Fate::Undecided(reason) => Some(Fate::Open(reason)),
            _ => None,
        });
        let outcome = Outcome {
            status,
            output,
            ..Outcome::done()
        };
        let fate = match open {
            _ if exhausted => Fate::Open("it takes too long to be followed to its end".to_owned()),
            Some(fate) => fate,
            None => Fate::Done,
        };
        Some((outcome, Some(fate)))
    }
}
