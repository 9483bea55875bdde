//! What a script calls, as data.

use std::sync::Arc;

use serde::Serialize;

use crate::pattern::fits;

/// One word of a command, quotes taken off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Word {
    /// The text; what is not known stands as it was written (`$1`, `${HOME}`), or as `$(…)`.
    pub text: String,
    /// Whether the text is all known.
    pub literal: bool,
}

/// What kind of thing a [`Call`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A program is run; by path, or by a name that is looked for in `PATH`.
    Command,
    /// A builtin of the shell.
    Builtin(Builtin),
    /// The script looks whether a program is there: `command -v x`, `type x`, `which x`, `hash x`, `[ -x /bin/x ]`. The only word
    /// is what is looked for. It is optional to the script.
    Probe,
    /// The script ends with failure where a probe finds nothing: `command -v x || exit 1`. The only word is what is looked for.
    Demand,
    /// A function of the script is called, and its output is redirected. Other calls of functions are not told.
    Function,
    /// Only a redirection, as in `> file`, or that of a compound command.
    Redirection,
}

/// The builtins of shells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Builtin {
    /// A special builtin (XCU 2.15).
    Special,
    /// Another one that dash and bash both have.
    Regular,
    /// One that bash has and dash does not: to dash it is the name of a program.
    Bash,
}

/// The values of the script's first argument under which a call runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Guard {
    /// Patterns (XCU 2.14).
    pub patterns: Vec<String>,
    /// Whether it runs only when none of them fits.
    pub negated: bool,
}

impl Guard {
    /// Whether a call runs when the script's first argument is `argument`, as far as this guard knows.
    pub fn admits(&self, argument: &str) -> bool {
        self.patterns.iter().any(|pattern| fits(pattern, argument)) != self.negated
    }
}

/// One command that a script calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Call {
    /// The line of the script, from 1.
    pub line: u32,
    /// What it is.
    pub kind: Kind,
    /// The command's name and arguments, assignments and redirections left out. Empty for a lone redirection.
    pub words: Vec<Word>,
    /// Files that its output is written to, other than /dev/null and other descriptors.
    pub writes: Vec<Word>,
    /// What is known of the script's first argument where it runs: all of these hold.
    pub guards: Vec<Arc<Guard>>,
    /// The commands that run it, the outer one first: `env` in `env A=1 x`, `sh` in `sh -c x`.
    pub via: Vec<String>,
    /// Whether it runs another command; that one follows as a call of its own.
    pub wraps: bool,
    /// Whether it runs only after a probe has found it: `if command -v x; then x; fi`.
    pub probed: bool,
    /// The function of the script in whose body it stands.
    pub function: Option<Arc<str>>,
    /// Whether it never runs: nothing calls its function, or it stands behind an `exit`. A script that is sourced may
    /// have its functions called from elsewhere.
    pub unreachable: bool,
    /// Whether the script goes on when it fails: in a condition, before `||` with something that does not fail in turn, or
    /// negated.
    pub tolerated: bool,
}

impl Call {
    /// The command's name without its directory; empty where it is not known.
    pub fn name(&self) -> &str {
        match self.words.first() {
            Some(word) if word.literal => word.text.rsplit('/').next().unwrap_or_default(),
            _ => "",
        }
    }

    /// The arguments.
    pub fn arguments(&self) -> &[Word] {
        self.words.get(1..).unwrap_or_default()
    }

    /// The arguments as text, where all of them are known.
    pub fn literal_arguments(&self) -> Option<Vec<&str>> {
        let known = |word: &Word| word.literal;
        let all = self.arguments().iter().all(known);
        all.then(|| self.arguments().iter().map(|w| w.text.as_str()).collect())
    }

    /// The file that it reads commands from: `. FILE`, `source FILE`.
    pub fn sourced(&self) -> Option<&Word> {
        let sources =
            matches!(self.kind, Kind::Builtin(_)) && matches!(self.name(), "." | "source");
        self.arguments().first().filter(|_| sources)
    }

    /// Whether it runs when the script's first argument is `argument`.
    pub fn runs_with(&self, argument: &str) -> bool {
        self.guards.iter().all(|guard| guard.admits(argument))
    }

    /// The command as one line of text, for people.
    pub fn text(&self) -> String {
        let words: Vec<&str> = self.words.iter().map(|word| word.text.as_str()).collect();
        let mut text = words.join(" ");
        for file in &self.writes {
            text.push_str(" > ");
            text.push_str(&file.text);
        }
        text
    }
}
