//! Simple commands: assignments, functions, the builtins of the shell, and what is left to the host (XCU 2.9.1, 2.15).

use std::rc::Rc;

use super::runner::{Flow, Runner};
use super::{FileKind, Known, Outcome, Step};
use crate::ast::{Command, Simple};
use crate::call::Word;

/// What a builtin did: the flow, or nothing when it is none.
type Done = Option<Flow>;

impl Runner<'_> {
    pub(super) fn simple(&mut self, command: &Command, simple: &Simple) -> Flow {
        self.substituted = false;
        let declares = simple
            .words
            .first()
            .and_then(crate::ast::Word::bare)
            .is_some_and(|name| {
                matches!(
                    name,
                    "local" | "export" | "readonly" | "declare" | "typeset"
                )
            });
        let mut words = Vec::new();
        for (at, word) in simple.words.iter().enumerate() {
            if declares && at > 0 && word.parts.len() > 1 {
                words.push(self.single(word));
            } else {
                words.extend(self.fields(word));
            }
        }
        let mut assignments = Vec::new();
        for assignment in &simple.assignments {
            let value = self.single(&assignment.value);
            let value = value.literal.then_some(value.text);
            let value = value.filter(|_| !assignment.partial);
            assignments.push((assignment.name.clone(), value));
        }
        let redirected = self.redirections(&command.redirects);
        if words.is_empty() {
            for (name, value) in std::mem::take(&mut assignments) {
                self.assign(&name, value);
            }
            if !self.substituted {
                self.status = Some(0);
            }
            if redirected.writes.is_empty() {
                return Flow::Next;
            }
        } else if !words[0].literal && words[0].text.is_empty() {
            self.status = None;
            return Flow::Next;
        }
        let line = command.line;
        let shown = words.clone();
        self.with(line, &shown, redirected, |runner, writes| {
            runner.dispatch(line, &words, writes, &assignments)
        })
    }

    fn dispatch(
        &mut self,
        line: u32,
        words: &[Word],
        writes: &[Word],
        assignments: &[(String, Option<String>)],
    ) -> Flow {
        if !self.step() {
            return Flow::Exit;
        }
        let Some(first) = words.first() else {
            return Flow::Next;
        };
        if !first.literal {
            self.external(line, words, writes, assignments);
            return Flow::Next;
        }
        if let Some(flow) = self.special(line, words, writes) {
            return flow;
        }
        if let Some(function) = self.shell.functions.get(&first.text).cloned() {
            for (name, value) in assignments {
                self.assign(name, value.clone());
            }
            return self.call(&function, &words[1..]);
        }
        if let Some(flow) = self.regular(line, words, writes, assignments) {
            if self.doubt.is_some() && !writes.is_empty() {
                self.tell_undecided(line, words, writes);
            }
            return flow;
        }
        self.external(line, words, writes, assignments);
        Flow::Next
    }

    /// Leaves a command to the host.
    fn external(
        &mut self,
        line: u32,
        words: &[Word],
        writes: &[Word],
        assignments: &[(String, Option<String>)],
    ) {
        if self.doubt.is_some() {
            self.tell_undecided(line, words, writes);
            self.print(None);
            return;
        }
        let directory = self.shell.directory.clone();
        let mut step = Step {
            line,
            words,
            writes,
            directory: directory.as_deref(),
            umask: self.shell.umask,
            input: &mut self.input,
            assignments,
        };
        let text = step.text();
        let Outcome {
            status,
            output,
            variables,
            commands,
        } = self.host.command(&mut step);
        self.print(output.as_deref());
        for (name, value) in variables {
            self.assign(&name, value);
        }
        let mut all = Some(0);
        for command in commands {
            let literal = |text: String| Word {
                text,
                literal: true,
            };
            let words: Vec<Word> = command.into_iter().map(literal).collect();
            if self.deeper(|runner| runner.dispatch(line, &words, &[], &[])) != Flow::Next {
                break;
            }
            if self.status != Some(0) {
                all = self.status;
            }
        }
        self.status = if all == Some(0) { status } else { all };
        if self.status.is_none() {
            self.cause = Rc::from(format!("what `{}` says is not known", shortened(&text)));
        }
    }

    /// The builtins that come before functions.
    fn special(&mut self, line: u32, words: &[Word], writes: &[Word]) -> Done {
        let arguments = &words[1..];
        let first = arguments.first();
        let number = |default: u32| {
            let text = first.filter(|word| word.literal);
            text.and_then(|word| word.text.parse().ok())
                .unwrap_or(default)
        };
        let done = |runner: &mut Self| {
            runner.status = Some(0);
            Some(Flow::Next)
        };
        match words[0].text.as_str() {
            ":" | "trap" | "times" => done(self),
            "exit" | "return" => {
                if let Some(word) = first {
                    let code = word.text.trim_start_matches('-').parse().ok();
                    self.status = code.filter(|_| word.literal);
                }
                Some(if words[0].text == "exit" {
                    Flow::Exit
                } else {
                    Flow::Return
                })
            }
            "break" => Some(Flow::Break(number(1).max(1))),
            "continue" => Some(Flow::Continue(number(1).max(1))),
            "shift" => {
                let count = number(1) as usize;
                if self.doubt.is_some() {
                    for word in &mut self.shell.positional {
                        word.literal = false;
                    }
                } else {
                    let have = self.shell.positional.len();
                    self.shell.positional.drain(..count.min(have));
                }
                done(self)
            }
            "set" => {
                self.set(arguments);
                done(self)
            }
            "unset" => {
                for word in arguments.iter().filter(|word| word.literal) {
                    if self.doubt.is_some() {
                        self.assign(&word.text, None);
                    } else if first.is_some_and(|word| word.text == "-f") {
                        self.shell.functions.remove(&word.text);
                    } else {
                        self.shell.variables.remove(&word.text);
                    }
                }
                done(self)
            }
            "export" | "readonly" => {
                self.declare(arguments, false);
                done(self)
            }
            "eval" => {
                if !arguments.iter().all(|word| word.literal) {
                    return None;
                }
                let text: Vec<&str> = arguments.iter().map(|word| word.text.as_str()).collect();
                let text = text.join(" ");
                Some(self.deeper(|runner| runner.text(text.as_bytes())))
            }
            "." | "source" => Some(self.source(line, words, writes)),
            "exec" if arguments.is_empty() => done(self),
            "exec" => {
                self.dispatch(line, arguments, writes, &[]);
                Some(Flow::Exit)
            }
            _ => None,
        }
    }

    fn set(&mut self, arguments: &[Word]) {
        let mut rest = arguments.iter();
        let mut after = rest.as_slice();
        let mut operands = false;
        while let Some(word) = rest.next() {
            match word.text.as_str() {
                "--" => {
                    after = rest.as_slice();
                    operands = true;
                    break;
                }
                "-o" | "+o" => {
                    let option = rest.next().map(|word| word.text.as_str());
                    if option == Some("errexit") {
                        self.shell.errexit = word.text == "-o";
                    }
                }
                flags if flags.starts_with('-') && flags.len() > 1 => {
                    self.shell.errexit |= flags.contains('e');
                }
                flags if flags.starts_with('+') => {
                    self.shell.errexit &= !flags.contains('e');
                }
                _ => {
                    operands = true;
                    break;
                }
            }
            after = rest.as_slice();
        }
        if operands {
            self.shell.positional = after.to_vec();
            if self.doubt.is_some() {
                for word in &mut self.shell.positional {
                    word.literal = false;
                }
            }
        }
    }

    /// `export a=b`, `local a=b`.
    fn declare(&mut self, arguments: &[Word], local: bool) {
        for word in arguments.iter().filter(|word| !word.text.starts_with('-')) {
            let (name, value) = match word.text.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (word.text.as_str(), None),
            };
            if local && let Some(saved) = self.locals.last_mut() {
                let before = match self.shell.variables.get(name) {
                    Some(Some(value)) => Known::Is(value.clone()),
                    Some(None) => Known::Unknown,
                    None => Known::Absent,
                };
                saved.push((name.to_owned(), before));
            }
            if let Some(value) = value {
                let value = word.literal.then(|| value.to_owned());
                self.assign(name, value);
            } else if local {
                self.shell.variables.remove(name);
            }
        }
    }

    fn source(&mut self, line: u32, words: &[Word], writes: &[Word]) -> Flow {
        let file = words.get(1).filter(|word| word.literal);
        let path = file.and_then(|word| {
            // A name without a slash is looked for in PATH, which holds no such file in any package.
            self.absolute(&word.text)
        });
        let text = match &path {
            Some(path) => self.host.sourced(path),
            None => Known::Unknown,
        };
        match text {
            Known::Is(text) => {
                let flow = self.deeper(|runner| runner.text(text.as_bytes()));
                match flow {
                    Flow::Return => Flow::Next,
                    flow => flow,
                }
            }
            Known::Absent => {
                self.status = Some(1);
                Flow::Next
            }
            Known::Unknown => {
                self.external(line, words, writes, &[]);
                self.shell.tainted = true;
                Flow::Next
            }
        }
    }

    /// The other builtins, and commands that run commands.
    fn regular(
        &mut self,
        line: u32,
        words: &[Word],
        writes: &[Word],
        assignments: &[(String, Option<String>)],
    ) -> Done {
        let arguments = &words[1..];
        let literal = arguments.iter().all(|word| word.literal);
        let done = |runner: &mut Self, status: Option<i32>| {
            runner.status = status;
            Some(Flow::Next)
        };
        match words[0].text.as_str() {
            "umask" if !arguments.is_empty() => {
                let mask = u32::from_str_radix(&arguments[0].text, 8).ok();
                self.shell.umask = mask.map_or(self.shell.umask, |mask| mask & 0o777);
                done(self, Some(0))
            }
            "umask" => {
                let text = format!("{:04o}\n", self.shell.umask);
                self.print(Some(&text));
                done(self, Some(0))
            }
            "true" | "wait" | "hash" | "ulimit" | "alias" | "unalias" | "shopt" | "sleep"
            | "sync" => done(self, Some(0)),
            "false" => done(self, Some(1)),
            "local" | "declare" | "typeset" => {
                self.declare(arguments, true);
                done(self, Some(0))
            }
            "echo" => {
                self.echo(arguments);
                done(self, Some(0))
            }
            "printf" => {
                let text = if literal {
                    super::printf::printf(arguments, self.limits.text)
                } else {
                    None
                };
                self.print(text.as_deref());
                done(self, Some(0))
            }
            "[" | "test" => {
                let mut operands = arguments;
                if words[0].text == "["
                    && let Some((last, rest)) = operands.split_last()
                    && last.text == "]"
                {
                    operands = rest;
                }
                let so = self.test(operands);
                if so.is_none() {
                    let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
                    self.cause = Rc::from(format!(
                        "whether `{}` holds is not known",
                        shortened(&texts.join(" "))
                    ));
                }
                done(self, so.map(|so| i32::from(!so)))
            }
            "cd" => {
                let to = arguments.iter().rfind(|word| !word.text.starts_with('-'));
                let path = to
                    .filter(|word| word.literal && self.doubt.is_none())
                    .and_then(|word| self.absolute(&word.text));
                let there = match &path {
                    Some(path) => match self.host.stat(path, true) {
                        Known::Is(stat) => Some(stat.kind == FileKind::Directory),
                        Known::Absent => Some(false),
                        Known::Unknown => None,
                    },
                    None => None,
                };
                match there {
                    Some(true) => self.shell.directory = path,
                    Some(false) => {}
                    None => self.shell.directory = None,
                }
                if there.is_none() {
                    self.cause = Rc::from("the working directory is not known");
                }
                done(self, there.map(|there| i32::from(!there)))
            }
            "pwd" => {
                let text = self
                    .shell
                    .directory
                    .as_ref()
                    .map(|text| format!("{text}\n"));
                self.print(text.as_deref());
                done(self, Some(0))
            }
            "read" => {
                self.read(arguments);
                Some(Flow::Next)
            }
            "type" | "which" => {
                self.find_program(arguments, false);
                Some(Flow::Next)
            }
            "command" | "builtin" => {
                let asks = arguments
                    .first()
                    .is_some_and(|word| matches!(word.text.as_str(), "-v" | "-V"));
                if asks {
                    self.find_program(&arguments[1..], true);
                    return Some(Flow::Next);
                }
                let rest = arguments
                    .iter()
                    .position(|word| !word.text.starts_with('-'))?;
                self.wrapped(line, &arguments[rest..], writes, assignments);
                Some(Flow::Next)
            }
            "env" => {
                let at = arguments
                    .iter()
                    .position(|word| !word.text.starts_with('-') && !word.text.contains('='))?;
                let given = arguments[..at].iter().filter_map(|word| {
                    let (name, value) = word.text.split_once('=')?;
                    Some((name.to_owned(), word.literal.then(|| value.to_owned())))
                });
                let given: Vec<_> = given.collect();
                self.wrapped(line, &arguments[at..], writes, &given);
                Some(Flow::Next)
            }
            "nice" | "ionice" | "nohup" => {
                let at = arguments.iter().position(|word| {
                    let option = word.text.starts_with('-');
                    !option && word.text.parse::<i32>().is_err()
                })?;
                self.wrapped(line, &arguments[at..], writes, assignments);
                Some(Flow::Next)
            }
            "sh" | "bash" | "dash" if arguments.first().is_some_and(|word| word.text == "-c") => {
                let text = arguments.get(1).filter(|word| word.literal)?.text.clone();
                let positional = arguments.get(3..).unwrap_or_default().to_vec();
                self.deeper(|runner| {
                    runner.subshell(|runner| {
                        runner.shell.positional = positional;
                        runner.text(text.as_bytes())
                    });
                    Flow::Next
                });
                Some(Flow::Next)
            }
            _ => None,
        }
    }

    /// A command that another one runs; functions are not looked for.
    fn wrapped(
        &mut self,
        line: u32,
        words: &[Word],
        writes: &[Word],
        assignments: &[(String, Option<String>)],
    ) {
        self.deeper(|runner| {
            let builtin = runner.regular(line, words, writes, assignments);
            if builtin.is_none() {
                runner.external(line, words, writes, assignments);
            }
            Flow::Next
        });
    }

    fn echo(&mut self, arguments: &[Word]) {
        let newline = arguments.first().is_none_or(|word| word.text != "-n");
        let rest = &arguments[usize::from(!newline)..];
        let known = rest.iter().all(|word| word.literal);
        let texts: Vec<&str> = rest.iter().map(|word| word.text.as_str()).collect();
        let mut text = texts.join(" ");
        // dash(1) knows escapes where bash(1) does not; both leave other texts alone.
        if text.contains('\\') {
            text = super::printf::unescaped(&text);
        }
        if newline {
            text.push('\n');
        }
        self.print(Some(text.as_str()).filter(|_| known));
    }

    /// `read` (XCU, read): a line into variables.
    fn read(&mut self, arguments: &[Word]) {
        let raw = arguments.iter().any(|word| word.text == "-r");
        let names: Vec<String> = arguments
            .iter()
            .filter(|word| !word.text.starts_with('-') && word.literal)
            .map(|word| word.text.clone())
            .collect();
        let names = if names.is_empty() {
            vec!["REPLY".to_owned()]
        } else {
            names
        };
        match self.input.line() {
            Known::Unknown => {
                for name in &names {
                    self.assign(name, None);
                }
                self.status = None;
                self.cause = Rc::from("what is read is not known");
            }
            Known::Absent => {
                for name in &names {
                    self.assign(name, Some(String::new()));
                }
                self.status = Some(1);
            }
            Known::Is((line, ended)) => {
                let line = if raw { line } else { line.replace('\\', "") };
                let separators = match self.variable("IFS") {
                    Known::Is(separators) => separators,
                    _ => " \t\n".to_owned(),
                };
                let blank = |c: char| separators.contains(c) && c.is_ascii_whitespace();
                let mut rest = line.trim_matches(blank);
                for (at, name) in names.iter().enumerate() {
                    let last = at + 1 == names.len();
                    let end = if last {
                        rest.len()
                    } else {
                        rest.find(|c| separators.contains(c)).unwrap_or(rest.len())
                    };
                    self.assign(name, Some(rest[..end].to_owned()));
                    rest = rest[end..].trim_start_matches(blank);
                    let other = rest.chars().next().filter(|c| separators.contains(*c));
                    if let (false, Some(other)) = (last, other) {
                        rest = rest[other.len_utf8()..].trim_start_matches(blank);
                    }
                }
                self.status = Some(i32::from(!ended));
            }
        }
    }

    /// `command -v`, `type`, `which`.
    fn find_program(&mut self, arguments: &[Word], functions: bool) {
        self.status = Some(0);
        for word in arguments.iter().filter(|word| !word.text.starts_with('-')) {
            if !word.literal {
                self.print(None);
                self.status = None;
                self.cause = Rc::from(format!("`{}` is not known", word.text));
                return;
            }
            let own = functions
                && (self.shell.functions.contains_key(&word.text)
                    || matches!(
                        word.text.as_str(),
                        "echo" | "test" | "[" | "printf" | "read"
                    ));
            let found = if own {
                Some(word.text.clone())
            } else {
                self.host.program(&word.text)
            };
            match found {
                Some(path) => self.print(Some(&format!("{path}\n"))),
                None => self.status = Some(1),
            }
        }
    }
}

/// A command as a message shows it.
fn shortened(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    }
}
