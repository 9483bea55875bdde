//! From the tree to the commands that a script calls.

mod definitions;
mod expand;
mod facts;
mod leave;
mod probe;
mod reach;
mod simple;
mod tables;
mod unwrap;
mod visit;
mod walk;

use crate::ast::Script;
use crate::call::Call;

/// The commands that a script calls, in the order of its text; commands in substitutions before the command that uses
/// their output.
///
/// Functions of the script are not among them, but the commands in their bodies are. Words follow variables to which the
/// whole script assigns only one value.
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
