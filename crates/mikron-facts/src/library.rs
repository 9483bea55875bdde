//! Files that shell scripts read commands from (`. FILE`): what runs when they are read, and what their functions run.
//!
//! Few of them begin with `#!`, since nobody starts them. What is read of a text that is none of a shell by mistake says nothing:
//! only what a script reads counts.

use memchr::memmem;
use mikron_package::Entry;
use mikron_shell::{Kind, Library, Limits, parse};
use serde::{Deserialize, Serialize};

use crate::classes::classify_in;
use crate::script::gather;
use crate::{ScriptCall, ScriptFacts};

/// Endings of texts in other languages that may begin as one of a shell does.
const OTHERS: [&[u8]; 15] = [
    b".py", b".rb", b".pm", b".pl", b".lua", b".js", b".mjs", b".cjs", b".ts", b".php", b".scm",
    b".R", b".tcl", b".cmake", b".mk",
];

/// One of these stands in every text that runs something.
const MARKS: [&[u8]; 6] = [b"()", b"`", b"$(", b"\n. ", b"source ", b"\nfunction "];

/// What a file gives to the shell scripts that read it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LibraryFacts {
    /// The commands that run when it is read, in order of name.
    pub calls: Vec<ScriptCall>,
    /// The files that it reads in turn, in order, as they stand there.
    pub sources: Vec<String>,
    /// Its functions, in order of name.
    pub functions: Vec<FunctionFacts>,
    /// Variables that it sets, each with the command that their value begins with, in order of name.
    pub variables: Vec<(String, String)>,
}

/// A function of a file that scripts read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionFacts {
    /// Its name.
    pub name: String,
    /// The functions of the same file that it calls, in order of name.
    pub functions: Vec<String>,
    /// The commands that it calls, in order of name.
    pub calls: Vec<ScriptCall>,
}

impl LibraryFacts {
    /// Reads a text that nobody starts. `None` where it is no text of a shell, or runs nothing.
    ///
    /// ```
    /// use mikron_facts::LibraryFacts;
    /// let text = b"# for /etc/init.d/x\nNAME=x\nlog() { logger -t \"$NAME\" \"$1\"; }\n";
    /// let library = LibraryFacts::parse(text).expect("it has a function");
    /// assert_eq!(library.functions[0].calls[0].command, "logger");
    /// assert!(library.calls.is_empty());
    /// assert!(LibraryFacts::parse(b"NAME=x\n").is_none());
    /// assert!(LibraryFacts::parse(b"[x]\nname=$(y)\n").is_none());
    /// ```
    pub fn parse(text: &[u8]) -> Option<Self> {
        let of_shell = match ScriptFacts::parse(text) {
            Some(script) => script.is_shell(),
            None => begins_as_shell(text),
        };
        let runs = |mark: &&[u8]| memmem::find(text, mark).is_some();
        if !of_shell || !MARKS.iter().any(runs) {
            return None;
        }
        let Library {
            calls,
            functions,
            variables,
        } = mikron_shell::library(&parse(text, &Limits::default()));
        let commands = variables.into_iter().filter_map(|(name, value)| {
            let command = value.split(' ').next().filter(|word| is_command(word))?;
            Some((name, command.to_owned()))
        });
        let own: Vec<&str> = functions.keys().map(String::as_str).collect();
        let mut facts = Self {
            calls: gather(calls.iter().filter(|call| call.function.is_none()), &own),
            variables: commands.collect(),
            ..Self::default()
        };
        for file in calls.iter().filter_map(|call| call.sourced()) {
            if !facts.sources.contains(&file.text) {
                facts.sources.push(file.text.clone());
            }
        }
        facts.functions = functions
            .iter()
            .map(|(name, called)| {
                let of_function = |call: &&mikron_shell::Call| {
                    call.function.as_deref() == Some(name.as_str()) && call.kind == Kind::Command
                };
                FunctionFacts {
                    name: name.clone(),
                    functions: called.clone(),
                    calls: gather(calls.iter().filter(of_function), &own),
                }
            })
            .collect();
        let runs = !facts.calls.is_empty() || !facts.functions.is_empty();
        (runs || !facts.sources.is_empty()).then_some(facts)
    }
}

/// What a file of an archive gives to shell scripts that read it; `head` is all of it.
pub(crate) fn library(entry: &Entry, head: &[u8], names: &[&str]) -> Option<LibraryFacts> {
    let path = entry.path.as_bytes();
    let started = entry.mode & 0o111 != 0;
    if started || OTHERS.iter().any(|ending| path.ends_with(ending)) {
        return None;
    }
    let library = LibraryFacts::parse(head)?;
    classify_in(entry, None, names)
        .is_run_time()
        .then_some(library)
}

/// Whether a word may be the name or the path of a command.
fn is_command(word: &str) -> bool {
    let of_path = |c: char| c.is_ascii_alphanumeric() || "/._+-[".contains(c);
    !word.is_empty() && word.chars().all(of_path) && word.contains(|c: char| c.is_ascii_lowercase())
}

/// Whether the first line that is no comment assigns, defines a function, tests or reads another file.
fn begins_as_shell(text: &[u8]) -> bool {
    let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let mut lines = lines.filter(|line| !line.is_empty() && !line.starts_with(b"#"));
    let Some(line) = lines.next() else {
        return false;
    };
    let words: [&[u8]; 10] = [
        b". ",
        b"source ",
        b"export ",
        b"function ",
        b"set -",
        b"[ ",
        b"[[ ",
        b"if [",
        b"case ",
        b"test ",
    ];
    let name = line
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_');
    let (name, rest) = line.split_at(name.count());
    let named = name.first().is_some_and(|byte| !byte.is_ascii_digit());
    let assigns = rest.starts_with(b"=") && rest.get(1) != Some(&b' ');
    let defines = rest.trim_ascii_start().starts_with(b"()");
    words.iter().any(|word| line.starts_with(word)) || (named && (assigns || defines))
}
