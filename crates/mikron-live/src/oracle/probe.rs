//! A probe, and running it in a root filesystem.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::{Outcome, Service};
use crate::runtime::{Bundle, Run};

/// How long loading everything may take on a busy machine.
const LOADING: Duration = Duration::from_secs(120);

/// How long a program may take to say what it is.
const SAYING: Duration = Duration::from_secs(20);

/// What a package is asked to do.
#[derive(Clone, Debug)]
pub enum Probe {
    /// To load things by name in one process.
    Load(Call),
    /// To say something, each in a container of its own.
    Say(Vec<Call>),
    /// To start and to listen.
    Serve(Service),
}

/// One call of a program.
#[derive(Clone, Debug)]
pub struct Call {
    /// The program and its arguments.
    pub words: Vec<String>,
    /// What it reads.
    pub stdin: String,
    /// What it is to load; nothing for a program that only says something.
    pub items: Vec<String>,
}

/// The programs of a package: the one that is called like it first, then the shorter names.
pub(super) fn programs<'p>(
    package: &str,
    paths: &[&'p str],
) -> impl Iterator<Item = &'p str> + use<'p> {
    let dirs = ["/usr/bin/", "/usr/sbin/", "/usr/games/", "/bin/", "/sbin/"];
    let name = |path: &'p str| {
        let name = dirs.iter().find_map(|dir| path.strip_prefix(dir))?;
        (!name.contains('/')).then_some(name)
    };
    let mut found: Vec<(bool, usize, &str)> = paths
        .iter()
        .filter_map(|path| name(path).map(|name| (name != package, name.len(), *path)))
        .collect();
    found.sort_unstable();
    found.into_iter().map(|(_, _, path)| path)
}

impl Probe {
    /// Asks programs for their versions and for help.
    pub(super) fn version_and_help(programs: &[&str]) -> Self {
        let calls = programs.iter().flat_map(|program| {
            ["--version", "--help"].map(|argument| Call {
                words: vec![(*program).to_owned(), argument.to_owned()],
                stdin: String::new(),
                items: Vec::new(),
            })
        });
        Self::Say(calls.collect())
    }

    /// Runs it. `busybox` is a static one, which starts services.
    pub fn run(&self, bundle: &Bundle, busybox: &Path) -> Outcome {
        match self {
            Self::Load(call) => load(bundle, call),
            Self::Say(calls) => {
                let said = calls.iter().map(|call| say(bundle, call));
                Outcome {
                    answers: said.collect(),
                    ..Outcome::default()
                }
            }
            Self::Serve(service) => service.run(bundle, busybox),
        }
    }
}

fn run(bundle: &Bundle, call: &Call, patience: Duration) -> (String, String) {
    let how = Run {
        args: Some(call.words.clone()),
        env: vec![("HOME".into(), "/".into())],
        stdin: call.stdin.clone().into_bytes(),
        ..Run::default()
    };
    match bundle.start(&how).finish_within(patience) {
        None => ("never".into(), String::new()),
        Some(finished) => {
            let code = finished.status.code().unwrap_or(-1);
            (code.to_string(), finished.text())
        }
    }
}

/// Runs a loading call: an answer for each item, and what was said besides.
fn load(bundle: &Bundle, call: &Call) -> Outcome {
    let (ended, text) = run(bundle, call, LOADING);
    let mut answers: BTreeMap<String, String> = BTreeMap::new();
    let mut said = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let of_item = |mark: &str| {
            let rest = line.strip_prefix(mark)?;
            let is_of = |item: &&String| {
                let rest = rest.strip_prefix(item.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
            };
            // The longest, where one is the beginning of another.
            call.items
                .iter()
                .filter(is_of)
                .max_by_key(|item| item.len())
        };
        if let Some(item) = of_item("@ok ") {
            answers.insert(item.clone(), "ok".into());
        } else if let Some(item) = of_item("@no ") {
            answers.insert(item.clone(), line[4 + item.len()..].trim().to_owned());
        } else {
            said.push(line.to_owned());
        }
    }
    for item in &call.items {
        let unsaid = || format!("nothing was said of it, the end was {ended}");
        answers.entry(item.clone()).or_insert_with(unsaid);
    }
    Outcome { answers, said }
}

/// Runs a call: its words, and how it ended with what it wrote.
fn say(bundle: &Bundle, call: &Call) -> (String, String) {
    let (ended, text) = run(bundle, call, SAYING);
    (call.words.join(" "), format!("exit {ended}: {text}"))
}
