//! The state of a run: variables, functions, output, and what is in doubt.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::{Host, Input, Invocation, Known, RunLimits, Step};
use crate::ast::{Command, HereDocument, List};
use crate::call::Word;
use crate::error::Limits;
use crate::parse;

/// How it goes on behind a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Next,
    Break(u32),
    Continue(u32),
    Return,
    Exit,
}

/// How far a doubt reaches: to the end of the branch, or, where the branch may have left them, of the loop, the function, the
/// script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    Branch,
    Loop,
    Function,
    Script,
}

/// A function of the script, with the here-documents of the text that it stands in.
#[derive(Clone)]
pub(super) struct Function {
    pub(super) body: Rc<Command>,
    pub(super) documents: Rc<[HereDocument]>,
}

/// What a subshell has a copy of.
#[derive(Clone, Default)]
pub(super) struct Shell {
    /// `None` for a value that is not known.
    pub(super) variables: BTreeMap<String, Option<String>>,
    pub(super) functions: BTreeMap<String, Function>,
    pub(super) positional: Vec<Word>,
    pub(super) directory: Option<String>,
    /// The bits that new files do not get.
    pub(super) umask: u32,
    /// `set -e`.
    pub(super) errexit: bool,
    /// Whether a file that is not known was sourced: then nothing is known of variables that were not set since.
    pub(super) tainted: bool,
}

/// Runs scripts one after another on one host. See the [module](super).
pub struct Runner<'h> {
    pub(super) host: &'h mut dyn Host,
    pub(super) limits: RunLimits,
    pub(super) name: String,
    pub(super) shell: Shell,
    pub(super) documents: Rc<[HereDocument]>,
    /// What the present command prints is added here; `None` when some of it is not known.
    pub(super) output: Option<String>,
    pub(super) input: Input,
    /// The last exit status.
    pub(super) status: Option<i32>,
    /// What made the last status unknown.
    pub(super) cause: Rc<str>,
    /// Why it is not known whether the present command runs.
    pub(super) doubt: Option<Rc<str>>,
    /// How far a doubt reaches that something left behind.
    reach: Reach,
    /// What local variables were before, by function call.
    pub(super) locals: Vec<Vec<(String, Known<String>)>>,
    pub(super) subshells: u32,
    /// Whether a failure is looked at: in conditions.
    pub(super) tolerated: bool,
    steps: u32,
    pub(super) depth: u32,
    /// Whether the status is that of a command substitution of the present command.
    pub(super) substituted: bool,
}

impl<'h> Runner<'h> {
    /// A shell that has run nothing yet.
    pub fn new(host: &'h mut dyn Host, invocation: &Invocation<'_>) -> Self {
        let word = |text: &String| Word {
            text: text.clone(),
            literal: true,
        };
        let variables = invocation.environment.iter();
        let shell = Shell {
            variables: variables
                .map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned())))
                .collect(),
            positional: invocation.arguments.iter().map(word).collect(),
            directory: Some("/".to_owned()),
            umask: 0o022,
            ..Shell::default()
        };
        Self {
            host,
            limits: invocation.limits,
            name: invocation.name.to_owned(),
            shell,
            documents: Rc::new([]),
            output: Some(String::new()),
            input: Input::empty(),
            status: Some(0),
            cause: Rc::from(""),
            doubt: None,
            reach: Reach::Branch,
            locals: Vec::new(),
            subshells: 0,
            tolerated: false,
            steps: invocation.limits.steps,
            depth: 0,
            substituted: false,
        }
    }

    /// Runs a script to its end, or to where it cannot be read. Total over all inputs. Gives the exit status, where it is known.
    pub fn script(&mut self, text: &[u8]) -> Option<i32> {
        self.text(text);
        self.status
    }

    /// What was printed since the last look; `None` where that is not known.
    pub fn printed(&mut self) -> Option<String> {
        self.output.replace(String::new())
    }

    /// Whether a run ended at one of the caps, and not where the script does.
    pub fn exhausted(&self) -> bool {
        self.steps == 0
    }

    /// Runs a text as commands of this shell.
    pub(super) fn text(&mut self, text: &[u8]) -> Flow {
        let script = parse(text, &Limits::default());
        let documents = Rc::from(script.here_documents);
        let outer = std::mem::replace(&mut self.documents, documents);
        let flow = self.list(&script.commands);
        self.documents = outer;
        if let (Flow::Next, Some(error)) = (flow, &script.error) {
            self.remain_in_doubt(&format!("the script cannot be read: {error}"));
        }
        flow
    }

    /// Counts a step; false when there are no more.
    pub(super) fn step(&mut self) -> bool {
        if self.steps == 0 {
            self.remain_in_doubt("the script takes too long");
            return false;
        }
        self.steps -= 1;
        true
    }

    /// From here on nothing is known to run.
    pub(super) fn remain_in_doubt(&mut self, reason: &str) {
        self.doubt.get_or_insert_with(|| Rc::from(reason));
        self.reach = Reach::Script;
    }

    /// Ends a doubt that arose since `before` and reaches no further than `reach`.
    pub(super) fn settle(&mut self, before: Option<&Rc<str>>, reach: Reach) {
        if before.is_none() && self.doubt.is_some() && self.reach <= reach {
            self.doubt = None;
            self.reach = Reach::Branch;
            self.status = None;
        }
    }

    /// Runs something of which it is not known whether it runs. Where it may leave the script, the function or the loop, all
    /// that follows there is in doubt as well; but a script that fails is no installation.
    pub(super) fn doubtful(&mut self, reason: &Rc<str>, run: impl FnOnce(&mut Self) -> Flow) {
        let outer = self.doubt.clone();
        self.doubt.get_or_insert_with(|| Rc::clone(reason));
        let flow = run(self);
        let fails = flow == Flow::Exit && self.status.is_some_and(|status| status != 0);
        self.reach = self.reach.max(match flow {
            Flow::Exit if !fails => Reach::Script,
            Flow::Return => Reach::Function,
            Flow::Break(_) | Flow::Continue(_) => Reach::Loop,
            Flow::Exit | Flow::Next => Reach::Branch,
        });
        self.settle(outer.as_ref(), Reach::Branch);
        self.unknown_status(reason);
    }

    pub(super) fn unknown_status(&mut self, cause: &Rc<str>) {
        self.status = None;
        self.cause = Rc::clone(cause);
    }

    /// Runs something in a subshell: what it sets is lost, and so is a doubt that arose in it.
    pub(super) fn subshell(&mut self, run: impl FnOnce(&mut Self) -> Flow) {
        let shell = self.shell.clone();
        let doubt = self.doubt.clone();
        let locals = std::mem::take(&mut self.locals);
        self.subshells += 1;
        run(self);
        self.subshells -= 1;
        self.locals = locals;
        if self.steps > 0 {
            self.settle(doubt.as_ref(), Reach::Script);
        }
        self.shell = shell;
    }

    /// What a list prints, without the line breaks at its end (XCU 2.6.3).
    pub(super) fn substitute(&mut self, list: &List) -> Option<String> {
        let outer = self.output.replace(String::new());
        let tolerated = std::mem::replace(&mut self.tolerated, false);
        self.deeper(|runner| {
            runner.subshell(|runner| runner.list(list));
            Flow::Next
        });
        self.tolerated = tolerated;
        self.substituted = true;
        let output = std::mem::replace(&mut self.output, outer);
        let known = output.filter(|_| self.doubt.is_none());
        known.map(|text| text.trim_end_matches('\n').to_owned())
    }

    /// Runs one level deeper, where that is not too deep.
    pub(super) fn deeper(&mut self, run: impl FnOnce(&mut Self) -> Flow) -> Flow {
        if self.depth >= self.limits.depth {
            self.remain_in_doubt("its commands lie too deep in one another");
            self.status = None;
            return Flow::Next;
        }
        self.depth += 1;
        let flow = run(self);
        self.depth -= 1;
        flow
    }

    /// Adds to the output.
    pub(super) fn print(&mut self, text: Option<&str>) {
        let limit = self.limits.text;
        let (Some(output), Some(text)) = (&mut self.output, text) else {
            self.output = None;
            return;
        };
        if output.len() + text.len() > limit {
            self.output = None;
        } else {
            output.push_str(text);
        }
    }

    /// Sets a variable. One that may be set, or not, is not known any more.
    pub(super) fn assign(&mut self, name: &str, value: Option<String>) {
        let value = value.filter(|value| value.len() <= self.limits.text);
        let same = self.shell.variables.get(name) == Some(&value);
        let value = value.filter(|_| same || self.doubt.is_none());
        self.shell.variables.insert(name.to_owned(), value);
    }

    /// The value of a variable, where it is set and known.
    pub(super) fn variable(&self, name: &str) -> Known<String> {
        match self.shell.variables.get(name) {
            Some(Some(value)) => Known::Is(value.clone()),
            Some(None) => Known::Unknown,
            None if self.shell.tainted => Known::Unknown,
            None => Known::Absent,
        }
    }

    /// An absolute path, where the working directory is known.
    pub(super) fn absolute(&self, path: &str) -> Option<String> {
        if path.starts_with('/') {
            return Some(path.to_owned());
        }
        let directory = self.shell.directory.as_deref()?;
        Some(format!("{}/{path}", directory.trim_end_matches('/')))
    }

    /// Tells of a command that may not run.
    pub(super) fn tell_undecided(&mut self, line: u32, words: &[Word], writes: &[Word]) {
        let Some(reason) = self.doubt.clone() else {
            return;
        };
        let step = Step {
            line,
            words,
            writes,
            directory: self.shell.directory.as_deref(),
            umask: self.shell.umask,
            input: &mut self.input,
            assignments: &[],
        };
        self.host.undecided(&step, &reason);
        self.status = None;
        self.cause = reason;
    }
}
