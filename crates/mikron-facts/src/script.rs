//! What a script says of its needs: its interpreter, and for shell scripts the commands that they call.

use mikron_shell::{Call, Kind, Limits, commands, functions};
use serde::{Deserialize, Serialize};

/// The shells whose scripts are read.
pub const SHELLS: [&str; 7] = ["sh", "dash", "bash", "ash", "ksh", "mksh", "busybox"];

/// What a script says of its needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptFacts {
    /// The interpreter as the `#!` line has it: `/bin/sh` (execve(2), "Interpreter scripts").
    pub interpreter: String,
    /// The rest of the line, trimmed; the kernel hands it over as one argument.
    pub arguments: String,
    /// The commands that a shell script calls, in order of name; empty for other scripts.
    pub calls: Vec<ScriptCall>,
    /// The files that a shell script reads commands from (`. FILE`), in order, as they stand there.
    pub sources: Vec<String>,
}

/// A command that a shell script calls.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ScriptCall {
    /// Its name, or its path where the script has one; `$NAME` where it is the value of a variable that the script does not set.
    pub command: String,
    /// Whether the script does without it: it looks first whether it is there.
    pub optional: bool,
    /// Whether the script goes on when it fails, as in a condition. A command that is not there fails too, and the script takes
    /// another way than it would have taken.
    pub tolerated: bool,
}

impl ScriptFacts {
    /// Reads a `#!` line from the first bytes of a file. Like the kernel it looks at 255 bytes at most.
    ///
    /// ```
    /// use mikron_facts::ScriptFacts;
    /// let script = ScriptFacts::parse(b"#! /usr/bin/env python3\nprint()\n").expect("a script");
    /// assert_eq!(script.program(), "python3");
    /// assert!(ScriptFacts::parse(b"#!\n").is_none());
    /// ```
    pub fn parse(head: &[u8]) -> Option<Self> {
        let line = head.strip_prefix(b"#!")?;
        let line = &line[..line.len().min(253)];
        let line = line.split(|b| *b == b'\n').next()?;
        let text = std::str::from_utf8(line)
            .ok()?
            .trim_matches([' ', '\t', '\r']);
        let (interpreter, arguments) = text.split_once([' ', '\t']).unwrap_or((text, ""));
        if interpreter.is_empty() || interpreter.contains('\0') {
            return None;
        }
        Some(Self {
            interpreter: interpreter.to_owned(),
            arguments: arguments.trim().to_owned(),
            calls: Vec::new(),
            sources: Vec::new(),
        })
    }

    /// The same with the commands that the whole text calls, where the script is one for a shell.
    ///
    /// ```
    /// use mikron_facts::ScriptFacts;
    /// let text = b"#!/bin/sh\nmkdir -p /run/x\ncommand -v id >/dev/null && id\nexec \"$@\"\n";
    /// let script = ScriptFacts::parse(text).expect("a script").with_text(text);
    /// let called: Vec<(&str, bool)> = script.calls.iter().map(|c| (c.command.as_str(), c.optional)).collect();
    /// assert_eq!(called, [("id", true), ("mkdir", false)]);
    /// ```
    /// A command whose absence the script asks for is optional to it, unless it ends with failure then. One that it runs is not,
    /// wherever it stands.
    #[must_use]
    pub fn with_text(mut self, text: &[u8]) -> Self {
        if !self.is_shell() {
            return self;
        }
        let script = mikron_shell::parse(text, &Limits::default());
        let own = functions(&script);
        let calls = commands(&script);
        for file in calls.iter().filter_map(Call::sourced) {
            if !self.sources.contains(&file.text) {
                self.sources.push(file.text.clone());
            }
        }
        self.calls = gather(calls.iter().filter(|call| !call.unreachable), &own);
        self
    }

    /// Whether a shell runs it.
    pub fn is_shell(&self) -> bool {
        let program = self.program();
        SHELLS.contains(&program.rsplit('/').next().unwrap_or(program))
    }

    /// The program that runs the script in the end: the interpreter's path, or for `env` the name of the command that it
    /// looks for on `PATH` (env(1)).
    pub fn program(&self) -> &str {
        if matches!(self.interpreter.as_str(), "/usr/bin/env" | "/bin/env")
            && let Some(command) = command_of_env(&self.arguments)
        {
            return command;
        }
        &self.interpreter
    }
}

/// The variable that a word is: `$NAME`, `${NAME}`.
fn variable(word: &str) -> Option<&str> {
    let name = word.strip_prefix('$')?;
    let name = name
        .strip_prefix('{')
        .and_then(|name| name.strip_suffix('}'))
        .unwrap_or(name);
    let of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let named = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    (named && name.chars().all(of_name)).then_some(name)
}

/// The programs among calls, in order of name; `own` are functions.
pub(crate) fn gather<'c>(calls: impl Iterator<Item = &'c Call>, own: &[&str]) -> Vec<ScriptCall> {
    let programs = calls.filter(|call| matches!(call.kind, Kind::Command | Kind::Demand));
    let named = programs.filter_map(|call| {
        let name = call.words.first()?;
        let name = match variable(&name.text).filter(|_| !name.literal) {
            Some(variable) => format!("${variable}"),
            None if name.literal => name.text.clone(),
            None => return None,
        };
        let is_program = !name.is_empty() && !own.contains(&name.as_str());
        is_program.then_some(ScriptCall {
            command: name,
            optional: call.probed,
            tolerated: call.tolerated && call.kind == Kind::Command,
        })
    });
    let mut found: Vec<ScriptCall> = named.collect();
    // Of several calls of one command the one that needs it counts; it comes first.
    found.sort();
    found.dedup_by(|b, a| a.command == b.command);
    found
}

/// The command among the arguments of env(1): behind its options, of which some take a word and `-S` may have the command's
/// words in its own, and behind assignments.
fn command_of_env(arguments: &str) -> Option<&str> {
    let mut words = arguments.split_whitespace();
    while let Some(word) = words.next() {
        let word = word.strip_prefix("--split-string=").unwrap_or(word);
        match word.strip_prefix('-').filter(|_| !word.starts_with("--")) {
            // The letter that is last of several takes the next word, where nothing stands behind it.
            Some(letters) => match letters.find(['S', 'u', 'C']) {
                Some(at) if letters[at..].starts_with('S') && letters.len() > at + 1 => {
                    return Some(&letters[at + 1..]).filter(|word| !word.contains('='));
                }
                Some(at) if !letters[at..].starts_with('S') && letters.len() == at + 1 => {
                    words.next();
                }
                _ => {}
            },
            None if word.starts_with('-') || word.contains('=') => {}
            None => return Some(word),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn env_runs_the_command_behind_its_options_and_assignments() {
        for arguments in [
            "python3",
            "-S python3 -u",
            "-Spython3 -u",
            "-vS python3",
            "-i -u HOME A=1 python3 x",
            "--split-string=python3 -u",
            "-iC /srv python3",
        ] {
            let line = format!("#!/usr/bin/env {arguments}\n");
            let script = ScriptFacts::parse(line.as_bytes()).expect("a script");
            assert_eq!(script.program(), "python3", "{arguments}");
        }
    }
}
