//! From the tree to the commands that a script calls.

mod definitions;
mod expand;
mod facts;
mod flow;
mod leave;
mod probe;
mod reach;
mod simple;
mod state;
mod tables;
mod unwrap;
mod visit;
mod walk;

use std::collections::BTreeMap;

use crate::ast::Script;
use crate::call::Call;

/// The commands that a script calls, in the order in which it would run them; commands in substitutions before the command
/// that uses their output.
///
/// Functions of the script are not among them. The commands in their bodies stand where the function is called, with its
/// arguments known; those of functions whose calls are not met stand where they are defined.
///
/// Words have the values of variables that are known at the place:
/// - A loop over known words has the calls of its body once for each word, up to 64; any other loop has them once.
/// - Where branches leave different values, up to 8, a call is told once for each.
/// - Where a condition cannot be decided and its branch puts an unknown value in the place of a known one, the known one
///   stays: `p=10; if odd; then p=$(expr $p - 1); fi`. It is that of the ordinary case. The name of a command is told both ways.
/// - A variable that only the environment may set has the value that the script gives it otherwise: `${PAGER:-less}`.
/// - What `$(command -v x)` and `$(which x)` say is that command: `x`.
/// - Where the condition asks for files and its branch fills an empty variable, that stays empty: `[ -e page ] && more=page`.
///   What a package adds for a file that may be missing is left out, and not guessed.
///
/// Loops and functions add no more than 20,000 calls; beyond that, the text is read once, with the variable unknown.
///
/// ```
/// use mikron_shell::{Kind, Limits, commands, parse};
/// let script = parse(
///     b"#!/bin/sh\nDIR=/srv\nif command -v gzip >/dev/null; then\n  nice gzip $DIR/x || true\nfi\n",
///     &Limits::default(),
/// );
/// let calls = commands(&script);
/// let gzip = calls.iter().find(|call| call.name() == "gzip" && call.kind == Kind::Command).expect("it is called");
/// assert_eq!((gzip.line, gzip.literal_arguments()), (4, Some(vec!["/srv/x"])));
/// assert!(gzip.probed && gzip.tolerated);
/// assert_eq!(gzip.via, ["nice"]);
/// ```
pub fn commands(script: &Script) -> Vec<Call> {
    commands_assuming(script, &[])
}

/// As [`commands`], with values of variables that the script finds in its environment.
pub fn commands_assuming(script: &Script, variables: &[(&str, &str)]) -> Vec<Call> {
    walk::walk(script, variables)
}

/// The names of the functions that a script defines, in order of name: to whoever sources it they are no commands.
///
/// ```
/// use mikron_shell::{Limits, functions, parse};
/// let library = parse(b"die() { echo \"$1\" >&2; exit 1; }\n", &Limits::default());
/// assert_eq!(functions(&library), ["die"]);
/// ```
pub fn functions(script: &Script) -> Vec<&str> {
    let definitions = definitions::Definitions::of(script, &[]);
    let mut names: Vec<&str> = definitions.functions.into_keys().collect();
    names.sort_unstable();
    names
}

/// What a script gives to those that read it (`. FILE`).
#[derive(Clone, Debug, Default)]
pub struct Library {
    /// The commands that it calls, those in its functions among them ([`Call::function`]).
    pub calls: Vec<Call>,
    /// Its functions, each with those of its functions that it calls, in order of name.
    pub functions: BTreeMap<String, Vec<String>>,
    /// The variables that have one known value when it is read, with that.
    pub variables: BTreeMap<String, String>,
}

/// What a script gives to those that read it.
///
/// ```
/// use mikron_shell::{Limits, library, parse};
/// let text = b"log() { logger \"$1\"; }\ndie() { log \"$1\"; exit 1; }\numask 022\n";
/// let library = library(&parse(text, &Limits::default()));
/// assert_eq!(library.functions["die"], ["log"]);
/// let logger = library.calls.iter().find(|call| call.name() == "logger").expect("it is called");
/// assert_eq!(logger.function.as_deref(), Some("log"));
/// ```
pub fn library(script: &Script) -> Library {
    walk::library(script)
}
