//! What a script says of its needs: its interpreter, and for shell scripts the commands that they call.

use mikron_shell::{Kind, Limits, commands, functions};
use serde::{Deserialize, Serialize};

/// The shells whose scripts are read.
const SHELLS: [&str; 7] = ["sh", "dash", "bash", "ash", "ksh", "mksh", "busybox"];

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
    /// Its name, or its path where the script has one.
    pub command: String,
    /// Whether the script does without it: it looks first whether it is there, or goes on when it fails.
    pub optional: bool,
}

impl ScriptFacts {
    /// Reads a `#!` line from the first bytes of a file. Like the kernel it looks at 255 bytes at most.
    ///
    /// ```
    /// use mikron_capability::ScriptFacts;
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
    /// use mikron_capability::ScriptFacts;
    /// let text = b"#!/bin/sh\nmkdir -p /run/x\ncommand -v id >/dev/null && id\nexec \"$@\"\n";
    /// let script = ScriptFacts::parse(text).expect("a script").with_text(text);
    /// let called: Vec<(&str, bool)> = script.calls.iter().map(|c| (c.command.as_str(), c.optional)).collect();
    /// assert_eq!(called, [("id", true), ("mkdir", false)]);
    /// ```
    #[must_use]
    pub fn with_text(mut self, text: &[u8]) -> Self {
        if !self.is_shell() {
            return self;
        }
        let script = mikron_shell::parse(text, &Limits::default());
        let own = functions(&script);
        for call in commands(&script) {
            if let Some(file) = call.sourced() {
                if !self.sources.contains(&file.text) {
                    self.sources.push(file.text.clone());
                }
                continue;
            }
            let Some(name) = call.words.first().filter(|word| word.literal) else {
                continue;
            };
            let program = call.kind == Kind::Command && !call.unreachable;
            if !program || name.text.is_empty() || own.contains(&name.text.as_str()) {
                continue;
            }
            self.calls.push(ScriptCall {
                command: name.text.clone(),
                optional: call.probed || call.tolerated,
            });
        }
        // Of several calls of one command the one that needs it counts; it comes first.
        self.calls.sort();
        self.calls.dedup_by(|b, a| a.command == b.command);
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
        if matches!(self.interpreter.as_str(), "/usr/bin/env" | "/bin/env") {
            let word = |w: &&str| !w.starts_with('-') && !w.contains('=');
            if let Some(command) = self.arguments.split_whitespace().find(word) {
                return command;
            }
        }
        &self.interpreter
    }
}
