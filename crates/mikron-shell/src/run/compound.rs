//! Lists, pipelines and compound commands (XCU 2.9).

use std::rc::Rc;

use super::expand::Escape;
use super::runner::{Flow, Function, Reach, Runner};
use super::{Input, Known};
use crate::ast::{
    AndOr, Arm, ArmEnd, Command, CommandKind, Connector, If, List, Pipeline, Redirect,
    RedirectOperator, Target,
};
use crate::call::Word;
use crate::pattern::fits;

/// Where the output of a command goes.
enum Sink {
    /// Where that of the surrounding command goes.
    Outer,
    /// Nowhere that anyone reads.
    Nowhere,
    /// Into files, the last of which gets the text.
    File { append: bool },
}

/// The redirections of a command, expanded.
pub(super) struct Redirected {
    sink: Sink,
    input: Option<Input>,
    pub(super) writes: Vec<Word>,
}

impl Runner<'_> {
    pub(super) fn list(&mut self, list: &List) -> Flow {
        for item in list {
            let flow = self.and_or(&item.and_or);
            if flow != Flow::Next {
                return flow;
            }
        }
        Flow::Next
    }

    /// Runs a list as a condition. `None` when its outcome is not known; the flow where it leaves.
    fn condition(&mut self, list: &List) -> Result<Option<bool>, Flow> {
        let outer = std::mem::replace(&mut self.tolerated, true);
        let flow = self.list(list);
        self.tolerated = outer;
        match flow {
            Flow::Next => Ok(self.status.map(|status| status == 0)),
            flow => Err(flow),
        }
    }

    fn and_or(&mut self, list: &AndOr) -> Flow {
        let outer = self.tolerated;
        self.tolerated |= !list.rest.is_empty();
        let mut flow = self.pipeline(&list.first);
        for (at, (connector, pipeline)) in list.rest.iter().enumerate() {
            if flow != Flow::Next {
                break;
            }
            self.tolerated = outer || at + 1 < list.rest.len();
            let wanted = *connector == Connector::And;
            match self.status {
                Some(status) if (status == 0) == wanted => flow = self.pipeline(pipeline),
                Some(_) => {}
                None => self.right_side(wanted, pipeline),
            }
        }
        self.tolerated = outer;
        flow
    }

    /// The right side of `&&` or `||`, when nothing is known of the left one.
    fn right_side(&mut self, wanted: bool, pipeline: &Pipeline) {
        let cause = Rc::clone(&self.cause);
        let mut own = None;
        let mut failed = false;
        self.doubtful(&cause, |runner| {
            let flow = runner.pipeline(pipeline);
            own = runner.status;
            failed = flow == Flow::Exit && own.is_some_and(|status| status != 0);
            flow
        });
        // `x || exit 1`: the script did not fail. `x || true`: both ways succeed. `x && false`: both ways fail.
        if failed {
            self.status = Some(i32::from(wanted));
        } else if own.is_some_and(|status| (status == 0) != wanted) {
            self.status = own;
        }
    }

    fn pipeline(&mut self, pipeline: &Pipeline) -> Flow {
        let outer = self.tolerated;
        self.tolerated |= pipeline.negated;
        let flow = match pipeline.commands.as_slice() {
            [one] => self.command(one),
            [first @ .., last] => {
                let inherited = self.input.clone();
                for command in first {
                    let output = self.output.replace(String::new());
                    self.subshell(|runner| runner.command(command));
                    let piped = std::mem::replace(&mut self.output, output);
                    let known = piped.filter(|_| self.doubt.is_none());
                    self.input = Input::new(known);
                }
                self.subshell(|runner| runner.command(last));
                self.input = inherited;
                Flow::Next
            }
            [] => Flow::Next,
        };
        self.tolerated = outer;
        if pipeline.negated {
            self.status = self.status.map(|status| i32::from(status == 0));
        } else if flow == Flow::Next && self.fails() {
            return Flow::Exit;
        }
        flow
    }

    /// Whether `set -e` ends a subshell here. The script itself goes on: the installation succeeded, so what seems to fail did not.
    fn fails(&self) -> bool {
        let failed = self.status.is_some_and(|status| status != 0);
        failed && self.shell.errexit && !self.tolerated && self.subshells > 0
    }

    pub(super) fn command(&mut self, command: &Command) -> Flow {
        if !self.step() {
            return Flow::Exit;
        }
        if let CommandKind::Simple(simple) = &command.kind {
            return self.simple(command, simple);
        }
        self.deeper(|runner| {
            let redirected = runner.redirections(&command.redirects);
            runner.with(command.line, &[], redirected, |runner, _| {
                runner.compound(command)
            })
        })
    }

    fn compound(&mut self, command: &Command) -> Flow {
        match &command.kind {
            CommandKind::Simple(_) => Flow::Next,
            CommandKind::Group(list) => self.list(list),
            CommandKind::Subshell(list) => {
                self.subshell(|runner| runner.list(list));
                Flow::Next
            }
            CommandKind::If(branches) => self.branches(branches),
            CommandKind::Loop {
                until,
                condition,
                body,
            } => self.repeat(*until, condition, body),
            CommandKind::For {
                variable,
                words,
                body,
            } => self.each(variable, words.as_deref(), body),
            CommandKind::ArithmeticFor { body, .. } => {
                let reason = Rc::from(format!("the loop of line {} is not counted", command.line));
                self.doubtful(&reason, |runner| runner.list(body));
                Flow::Next
            }
            CommandKind::Case { subject, arms } => self.case(subject, arms),
            CommandKind::Function { name, body } => {
                let function = Function {
                    body: Rc::new((**body).clone()),
                    documents: Rc::clone(&self.documents),
                };
                self.shell.functions.insert(name.clone(), function);
                self.status = Some(0);
                Flow::Next
            }
            CommandKind::Arithmetic(word) => {
                let text = self.single(word);
                let value = text.literal.then(|| self.calculate(&text.text)).flatten();
                self.status = value.map(|value| i32::from(value == 0));
                Flow::Next
            }
            CommandKind::Test(test) => {
                self.status = self.expression(test).map(|so| i32::from(!so));
                if self.status.is_none() {
                    self.cause = Rc::from(format!("the test of line {}", command.line));
                }
                Flow::Next
            }
            CommandKind::Coprocess(command) => {
                self.subshell(|runner| runner.command(command));
                Flow::Next
            }
        }
    }

    fn branches(&mut self, branches: &If) -> Flow {
        let mut arms = branches.arms.iter();
        while let Some((condition, body)) = arms.next() {
            let outcome = match self.condition(condition) {
                Ok(outcome) => outcome,
                Err(flow) => return flow,
            };
            let last = arms.as_slice().is_empty();
            let otherwise = branches.otherwise.as_ref().filter(|_| last);
            match outcome {
                Some(true) => return self.list(body),
                Some(false) => {}
                None if fails(body) => {}
                None if otherwise.is_some_and(fails) => return self.list(body),
                None => {
                    let cause = Rc::clone(&self.cause);
                    self.doubtful(&cause, |runner| runner.list(body));
                    for (condition, body) in arms.by_ref() {
                        self.doubtful(&cause, |runner| runner.list(condition));
                        self.doubtful(&cause, |runner| runner.list(body));
                    }
                    if let Some(otherwise) = &branches.otherwise {
                        self.doubtful(&cause, |runner| runner.list(otherwise));
                    }
                    return Flow::Next;
                }
            }
        }
        self.status = Some(0);
        match &branches.otherwise {
            Some(otherwise) => self.list(otherwise),
            None => Flow::Next,
        }
    }

    fn repeat(&mut self, until: bool, condition: &List, body: &List) -> Flow {
        let doubt = self.doubt.clone();
        let mut status = Some(0);
        for _ in 0..self.limits.turns {
            match self.condition(condition) {
                Err(flow) => return flow,
                Ok(Some(so)) if so == until => {
                    self.status = status;
                    self.settle(doubt.as_ref(), Reach::Loop);
                    return Flow::Next;
                }
                Ok(Some(_)) => {}
                Ok(None) => {
                    let cause = Rc::clone(&self.cause);
                    self.doubtful(&cause, |runner| runner.list(body));
                    self.settle(doubt.as_ref(), Reach::Loop);
                    return Flow::Next;
                }
            }
            match self.list(body) {
                Flow::Next | Flow::Continue(1) => {}
                Flow::Break(1) => {
                    self.settle(doubt.as_ref(), Reach::Loop);
                    return Flow::Next;
                }
                Flow::Break(n) => return Flow::Break(n - 1),
                Flow::Continue(n) => return Flow::Continue(n - 1),
                flow => return flow,
            }
            status = self.status;
            // In doubt one turn says all that there is to say.
            if self.doubt.is_some() {
                self.settle(doubt.as_ref(), Reach::Loop);
                self.status = None;
                return Flow::Next;
            }
        }
        self.remain_in_doubt("a loop does not end");
        Flow::Next
    }

    fn each(&mut self, variable: &str, words: Option<&[crate::ast::Word]>, body: &List) -> Flow {
        let values = match words {
            None => self.shell.positional.clone(),
            Some(words) => words.iter().flat_map(|word| self.fields(word)).collect(),
        };
        self.status = Some(0);
        let doubt = self.doubt.clone();
        if let Some(open) = values.iter().find(|value| !value.literal) {
            let reason = Rc::from(format!("`{}` is not known", open.text));
            self.assign(variable, None);
            self.doubtful(&reason, |runner| runner.list(body));
            self.settle(doubt.as_ref(), Reach::Loop);
            return Flow::Next;
        }
        let turns = usize::try_from(self.limits.turns).unwrap_or(usize::MAX);
        for value in values.into_iter().take(turns) {
            self.assign(variable, Some(value.text));
            match self.list(body) {
                Flow::Next | Flow::Continue(1) => {}
                Flow::Break(1) => break,
                Flow::Break(n) => return Flow::Break(n - 1),
                Flow::Continue(n) => return Flow::Continue(n - 1),
                flow => return flow,
            }
        }
        self.settle(doubt.as_ref(), Reach::Loop);
        Flow::Next
    }

    fn case(&mut self, subject: &crate::ast::Word, arms: &[Arm]) -> Flow {
        let subject = self.single(subject);
        self.status = Some(0);
        let mut cause =
            (!subject.literal).then(|| Rc::from(format!("`{}` is not known", subject.text)));
        let mut falls = false;
        for arm in arms {
            let mut fit = falls;
            for pattern in &arm.patterns {
                let pattern = self.pattern(pattern, Escape::Pattern);
                if cause.is_none() && pattern.literal {
                    fit |= fits(&pattern.text, &subject.text);
                } else if cause.is_none() && !fit {
                    cause = Some(Rc::from(format!("`{}` is not known", pattern.text)));
                }
            }
            if let (Some(cause), false) = (&cause, fit) {
                if !fails(&arm.body) {
                    self.doubtful(cause, |runner| runner.list(&arm.body));
                }
                continue;
            }
            if !fit {
                continue;
            }
            let flow = self.list(&arm.body);
            match arm.end {
                ArmEnd::Break => return flow,
                _ if flow != Flow::Next => return flow,
                ArmEnd::FallThrough => falls = true,
                ArmEnd::Continue => falls = false,
            }
        }
        Flow::Next
    }

    /// Calls a function of the script.
    pub(super) fn call(&mut self, function: &Function, arguments: &[Word]) -> Flow {
        let positional = std::mem::replace(&mut self.shell.positional, arguments.to_vec());
        let documents = std::mem::replace(&mut self.documents, Rc::clone(&function.documents));
        let doubt = self.doubt.clone();
        self.locals.push(Vec::new());
        let flow = self.deeper(|runner| runner.command(&function.body));
        for (name, value) in self.locals.pop().unwrap_or_default().into_iter().rev() {
            match value {
                Known::Is(value) => self.shell.variables.insert(name, Some(value)),
                Known::Unknown => self.shell.variables.insert(name, None),
                Known::Absent => self.shell.variables.remove(&name),
            };
        }
        self.documents = documents;
        self.shell.positional = positional;
        if flow == Flow::Exit {
            return Flow::Exit;
        }
        // A `return` that may have been reached has no meaning behind the call, but for its status.
        self.settle(doubt.as_ref(), Reach::Function);
        Flow::Next
    }

    /// Expands the redirections of a command.
    pub(super) fn redirections(&mut self, redirects: &[Redirect]) -> Redirected {
        let mut all = Redirected {
            sink: Sink::Outer,
            input: None,
            writes: Vec::new(),
        };
        for redirect in redirects {
            let descriptor = redirect.descriptor.as_deref();
            match (&redirect.target, redirect.operator) {
                (Target::HereDocument(number), _) => {
                    let documents = Rc::clone(&self.documents);
                    let text = documents.get(*number).map(|document| {
                        let word = self.single(&document.body);
                        word.literal.then_some(word.text)
                    });
                    all.input = text.map(Input::new);
                }
                (Target::Word(word), RedirectOperator::HereString) => {
                    let word = self.single(word);
                    all.input = Some(Input::new(word.literal.then(|| word.text + "\n")));
                }
                (Target::Word(word), RedirectOperator::Read | RedirectOperator::ReadWrite) => {
                    let word = self.single(word);
                    let path = self.absolute(&word.text).filter(|_| word.literal);
                    if descriptor.is_none_or(|number| number == "0") {
                        all.input = Some(self.open(path.as_deref()));
                    }
                }
                (
                    Target::Word(word),
                    operator @ (RedirectOperator::Write
                    | RedirectOperator::Append
                    | RedirectOperator::WriteBoth),
                ) => {
                    let word = self.single(word);
                    let append = operator == RedirectOperator::Append;
                    self.write_to(&mut all, word, descriptor, append);
                }
                (Target::Word(word), RedirectOperator::DuplicateOutput) => {
                    let word = self.single(word);
                    let number = word.text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
                    if !number {
                        self.write_to(&mut all, word, descriptor, false);
                    } else if descriptor.is_none_or(|from| from == "1") && word.text != "1" {
                        all.sink = Sink::Nowhere;
                    }
                }
                (Target::Word(_), _) => {}
            }
        }
        all
    }

    fn open(&mut self, path: Option<&str>) -> Input {
        match path {
            Some("/dev/null") => Input::empty(),
            Some(path) => match self.host.read(path) {
                Known::Is(text) => Input::new(Some(text)),
                Known::Absent => Input::empty(),
                Known::Unknown => Input::new(None),
            },
            None => Input::new(None),
        }
    }

    fn write_to(
        &mut self,
        all: &mut Redirected,
        word: Word,
        descriptor: Option<&str>,
        append: bool,
    ) {
        let output = descriptor.is_none_or(|number| number == "1");
        let device = word.literal && word.text.starts_with("/dev/");
        if output {
            all.sink = if device {
                Sink::Nowhere
            } else {
                Sink::File { append }
            };
        }
        // What is printed to the other descriptors is not modelled; the file would hold complaints.
        if output && !device {
            let absolute = self.absolute(&word.text).filter(|_| word.literal);
            all.writes.push(match absolute {
                Some(text) => Word {
                    text,
                    literal: true,
                },
                None => word,
            });
        }
    }

    /// Runs something under redirections. `words` are those of the command, for the report.
    pub(super) fn with(
        &mut self,
        line: u32,
        words: &[Word],
        redirected: Redirected,
        run: impl FnOnce(&mut Self, &[Word]) -> Flow,
    ) -> Flow {
        let Redirected {
            sink,
            input,
            writes,
        } = redirected;
        let outer_input = input.map(|input| std::mem::replace(&mut self.input, input));
        let flow = if matches!(sink, Sink::Outer) {
            run(self, &writes)
        } else {
            let outer = self.output.replace(String::new());
            let flow = run(self, &writes);
            let text = std::mem::replace(&mut self.output, outer);
            if let (Sink::File { append }, None) = (sink, &self.doubt) {
                for (at, file) in writes.iter().enumerate() {
                    let last = at + 1 == writes.len();
                    let text = text.as_deref().filter(|_| file.literal);
                    let text = if last { text } else { Some("") };
                    let step = super::Step {
                        line,
                        words,
                        writes: &writes,
                        directory: self.shell.directory.as_deref(),
                        umask: self.shell.umask,
                        input: &mut self.input,
                        assignments: &[],
                    };
                    self.host.write(&step, &file.text, text, append);
                }
            } else if words.is_empty() && !writes.is_empty() {
                self.tell_undecided(line, words, &writes);
            }
            flow
        };
        if let Some(input) = outer_input {
            self.input = input;
        }
        flow
    }
}

/// Whether a list does nothing but say something and fail.
fn fails(commands: &List) -> bool {
    let Some(last) = commands.last() else {
        return false;
    };
    let [command] = last.and_or.first.commands.as_slice() else {
        return false;
    };
    let CommandKind::Simple(simple) = &command.kind else {
        return false;
    };
    let mut words = simple.words.iter().map(crate::ast::Word::bare);
    let exits = last.and_or.rest.is_empty() && words.next() == Some(Some("exit"));
    exits && words.next().flatten().is_some_and(|status| status != "0")
}
