//! Runs a script without running anything: an evaluator over the tree of [`parse`], whose commands and files are a [`Host`]'s.
//!
//! What a script would do depends on what it finds. Some of that is known (the files of the packages, the arguments of a new
//! installation), some is not (the name of the machine, what a program in C would print). So every text is known or *unknown*,
//! and every condition is true, false or unknown. Under a condition that is unknown no command has an effect: the commands
//! are told to [`Host::undecided`] with the reason, and the variables that they would set become unknown.
//!
//! A script that ends with a failure is an installation that failed. So where one branch of an unknown condition does nothing but
//! fail, the other one is taken.
//!
//! ```
//! use mikron_shell::run::{Host, Invocation, Known, Outcome, Runner, Stat, Step};
//!
//! /// A machine without files, which notes what is run.
//! #[derive(Default)]
//! struct Notes(Vec<String>);
//!
//! impl Host for Notes {
//!     fn stat(&mut self, _: &str, _: bool) -> Known<Stat> {
//!         Known::Absent
//!     }
//!     fn list(&mut self, _: &str) -> Option<Vec<String>> {
//!         Some(Vec::new())
//!     }
//!     fn read(&mut self, _: &str) -> Known<String> {
//!         Known::Absent
//!     }
//!     fn write(&mut self, _: &Step<'_>, _: &str, _: Option<&str>, _: bool) {}
//!     fn program(&mut self, name: &str) -> Option<String> {
//!         (name == "adduser").then(|| "/usr/sbin/adduser".to_owned())
//!     }
//!     fn command(&mut self, step: &mut Step<'_>) -> Outcome {
//!         self.0.push(step.text());
//!         Outcome::done()
//!     }
//!     fn undecided(&mut self, _: &Step<'_>, _: &str) {}
//! }
//!
//! let mut host = Notes::default();
//! let script = b"if [ \"$1\" = configure ] && command -v adduser >/dev/null; then adduser --system web; fi";
//! let arguments = ["configure".to_owned(), String::new()];
//! let invocation = Invocation { arguments: &arguments, ..Invocation::default() };
//! Runner::new(&mut host, &invocation).script(script);
//! assert_eq!(host.0, ["adduser --system web"]);
//! ```
//!
//! [`parse`]: crate::parse

mod arithmetic;
mod builtins;
mod compound;
mod expand;
mod printf;
mod runner;
mod test;

use crate::call::Word;

pub use runner::Runner;

/// What is known of something that may not be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known<T> {
    /// It is there.
    Is(T),
    /// It is not there.
    Absent,
    /// Nothing is known of it.
    Unknown,
}

/// What lies at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// What it is.
    pub kind: FileKind,
    /// Its mode, in the lower twelve bits.
    pub mode: u32,
    /// Its size in bytes, where that is known.
    pub size: Option<u64>,
    /// Where it lies when all links are followed.
    pub real: String,
}

/// The kinds of files that scripts ask about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A device, a pipe, a socket.
    Other,
}

/// One command that is about to run.
#[derive(Debug)]
pub struct Step<'a> {
    /// The line of the script, from 1.
    pub line: u32,
    /// Name and arguments, expanded.
    pub words: &'a [Word],
    /// Files that its output is written to; [`Host::write`] is told the output itself.
    pub writes: &'a [Word],
    /// The working directory, where it is known.
    pub directory: Option<&'a str>,
    /// The bits that new files do not get (umask(2)).
    pub umask: u32,
    /// What it can read from its standard input.
    pub input: &'a mut Input,
    /// The variables that are given to it alone: `A=1 command`.
    pub assignments: &'a [(String, Option<String>)],
}

impl Step<'_> {
    /// The command's name without its directory; empty where it is not known.
    pub fn name(&self) -> &str {
        match self.words.first() {
            Some(word) if word.literal => word.text.rsplit('/').next().unwrap_or_default(),
            _ => "",
        }
    }

    /// The arguments, where all of them are known.
    pub fn arguments(&self) -> Option<Vec<&str>> {
        let arguments = self.words.get(1..).unwrap_or_default();
        let mut texts = Vec::with_capacity(arguments.len());
        for word in arguments {
            texts.push(word.literal.then_some(word.text.as_str())?);
        }
        Some(texts)
    }

    /// The command as one line of text, for people.
    pub fn text(&self) -> String {
        let words: Vec<&str> = self.words.iter().map(|word| word.text.as_str()).collect();
        words.join(" ")
    }
}

/// A standard input: a text, read from the front.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    /// `None` where it is not known.
    text: Option<String>,
    at: usize,
}

impl Input {
    /// An input of this text; of `None` nothing is known.
    pub fn new(text: Option<String>) -> Self {
        Self { text, at: 0 }
    }

    /// An input without anything.
    pub fn empty() -> Self {
        Self::new(Some(String::new()))
    }

    /// What is left, all of it; `None` where that is not known.
    pub fn rest(&mut self) -> Option<String> {
        let text = self.text.as_ref()?;
        let rest = text.get(self.at..).unwrap_or_default().to_owned();
        self.at = text.len();
        Some(rest)
    }

    /// The next line without its end, and whether it had one; nothing at the end.
    fn line(&mut self) -> Known<(String, bool)> {
        let Some(text) = &self.text else {
            return Known::Unknown;
        };
        let rest = text.get(self.at..).unwrap_or_default();
        if rest.is_empty() {
            return Known::Absent;
        }
        let (line, ended) = match rest.find('\n') {
            Some(end) => (&rest[..end], true),
            None => (rest, false),
        };
        self.at += line.len() + usize::from(ended);
        Known::Is((line.to_owned(), ended))
    }
}

/// What a command did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Its exit status; `None` where it is not known.
    pub status: Option<i32>,
    /// What it printed; `None` where it is not known.
    pub output: Option<String>,
    /// Variables of the script that it sets, as debconf's functions do.
    pub variables: Vec<(String, Option<String>)>,
    /// Commands that it runs in turn, as find(1) and xargs(1) do.
    pub commands: Vec<Vec<String>>,
}

impl Outcome {
    /// Success without output.
    pub fn done() -> Self {
        Self::with(0, "")
    }

    /// A failure without output.
    pub fn failed() -> Self {
        Self::with(1, "")
    }

    /// A status and an output.
    pub fn with(status: i32, output: &str) -> Self {
        Self {
            status: Some(status),
            output: Some(output.to_owned()),
            variables: Vec::new(),
            commands: Vec::new(),
        }
    }

    /// Success where `so`, else failure.
    pub fn told(so: bool) -> Self {
        Self::with(i32::from(!so), "")
    }

    /// Success, with an output that is not known where it is `None`.
    pub fn printed(output: Option<String>) -> Self {
        Self {
            output,
            ..Self::done()
        }
    }

    /// Nothing is known of it but that nothing was changed.
    pub fn unknown() -> Self {
        Self {
            status: None,
            output: None,
            variables: Vec::new(),
            commands: Vec::new(),
        }
    }
}

/// What a script finds: files and commands.
pub trait Host {
    /// What lies at an absolute path; the last link is followed where `follow` says so.
    fn stat(&mut self, path: &str, follow: bool) -> Known<Stat>;

    /// The names in a directory, sorted; nothing where there is none, `None` where that is not known.
    fn list(&mut self, directory: &str) -> Option<Vec<String>>;

    /// The content of a file.
    fn read(&mut self, path: &str) -> Known<String>;

    /// Writes a file, or appends to it; the text is `None` where it is not known. `step` is the command whose output it is.
    fn write(&mut self, step: &Step<'_>, path: &str, text: Option<&str>, append: bool);

    /// Where a program of this name is found.
    fn program(&mut self, name: &str) -> Option<String>;

    /// Runs a command that is no builtin and no function.
    fn command(&mut self, step: &mut Step<'_>) -> Outcome;

    /// A command stands where it is not known whether it runs.
    fn undecided(&mut self, step: &Step<'_>, reason: &str);

    /// The home of a user, for `~user`. By default nothing is known of it.
    fn home(&mut self, _user: &str) -> Known<String> {
        Known::Unknown
    }

    /// The text of a file that is sourced. By default what [`Host::read`] says.
    fn sourced(&mut self, path: &str) -> Known<String> {
        self.read(path)
    }
}

/// How a script is started.
#[derive(Clone, Copy, Debug, Default)]
pub struct Invocation<'a> {
    /// `$0`.
    pub name: &'a str,
    /// `$1` and so on.
    pub arguments: &'a [String],
    /// The environment. Other variables are not set.
    pub environment: &'a [(&'a str, &'a str)],
    /// The caps.
    pub limits: RunLimits,
}

/// The caps on one run. Beyond them it ends, and what follows is undecided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunLimits {
    /// Commands and words.
    pub steps: u32,
    /// Bytes of one text: of a variable, of an output.
    pub text: usize,
    /// How deep commands lie in one another, functions followed.
    pub depth: u32,
    /// Turns of one loop.
    pub turns: u32,
}

impl Default for RunLimits {
    /// 100,000 steps, texts of 1 MiB, 80 levels, 2,000 turns.
    fn default() -> Self {
        Self {
            steps: 100_000,
            text: 1 << 20,
            depth: 80,
            turns: 2_000,
        }
    }
}
