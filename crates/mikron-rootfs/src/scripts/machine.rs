//! The host of maintainer scripts: which command does what, and what is told of it.

mod accounts;
mod attributes;
mod debconf;
mod debian;
mod files;
mod filters;
mod find;
mod input;
mod own;
mod programs;
mod regex;
mod sed;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use mikron_package::{Entry, EntryKind, RootPath};
use mikron_shell::run::{FileKind, Host, Input, Known, Outcome, Stat, Step};
use mikron_shell::{Call, Kind, Word};

use super::classify;
use super::view::{Change, Found, View};
use crate::accounts::Accounts;
use crate::runs::{Fate, Record};
pub(super) use debconf::Debconf;
pub(super) use debian::Dpkg;
pub(super) use own::is_followed;

/// The host of the scripts of one image.
pub(super) struct Machine<'a, 'c> {
    pub(super) view: View<'a, 'c>,
    pub(super) debconf: Debconf,
    pub(super) dpkg: Dpkg,
    /// What the present script did, in order.
    pub(super) records: Vec<Record>,
    /// Whether the present script is one that only asks questions: nothing is told of it.
    pub(super) silent: bool,
    /// The accounts that are asked for, and whether by a package that something is taken of.
    pub(super) wishes: Vec<(bool, Accounts)>,
    /// Names of users that are there, with that of their group.
    pub(super) users: BTreeMap<String, String>,
    pub(super) groups: BTreeSet<String>,
    /// Their homes.
    pub(super) homes: BTreeMap<String, String>,
    /// Names that commands gave files to.
    pub(super) mentioned: BTreeSet<String>,
    /// Temporary files of the present script.
    temporary: Vec<RootPath>,
    made_temporary: u32,
    /// How many programs of packages were followed so far.
    followed: u32,
}

/// What a command leaves to say: its outcome, and what is told of it, if anything.
pub(super) type Done = (Outcome, Option<Fate>);

impl<'a, 'c> Machine<'a, 'c> {
    pub(super) fn new(view: View<'a, 'c>, debconf: Debconf, dpkg: Dpkg) -> Self {
        let mut machine = Self {
            view,
            debconf,
            dpkg,
            records: Vec::new(),
            silent: false,
            wishes: Vec::new(),
            users: BTreeMap::new(),
            groups: BTreeSet::new(),
            homes: BTreeMap::new(),
            mentioned: BTreeSet::new(),
            temporary: Vec::new(),
            made_temporary: 0,
            followed: 0,
        };
        machine.first_accounts();
        machine
    }

    /// Takes away what the script made for itself and left behind.
    pub(super) fn clean(&mut self) {
        for path in std::mem::take(&mut self.temporary) {
            self.view.remove(&path);
        }
    }

    /// A script that is too long to be followed: nothing is known of what it does behind that, or of the answers that it would give.
    pub(super) fn gives_up(&mut self, script: &str, templates: Option<&[u8]>, reason: &str) {
        if let Some(templates) = templates.filter(|_| self.silent) {
            self.debconf.forget_all(templates);
        }
        let word = Word {
            text: script.to_owned(),
            literal: true,
        };
        let step = Step {
            line: 1,
            words: &[word],
            writes: &[],
            directory: None,
            umask: 0o022,
            input: &mut Input::empty(),
            assignments: &[],
        };
        self.note(call_of(&step), Fate::Open(reason.to_owned()));
    }

    /// What failed because an account was not there yet is no fault when the script made the account in turn.
    pub(super) fn settle(&mut self) {
        for record in &mut self.records {
            if let Fate::NoAccount(name) = &record.fate
                && (self.users.contains_key(name) || self.groups.contains(name))
            {
                record.fate = Fate::Nothing("fails until the account is there".to_owned());
            }
        }
    }

    fn note(&mut self, call: Call, fate: Fate) {
        if !self.silent {
            self.records.push(Record { call, fate });
        }
    }

    /// The path of an operand. A relative one is below the working directory.
    pub(super) fn path(step: &Step<'_>, text: &str) -> Option<String> {
        if text.starts_with('/') {
            return Some(text.to_owned());
        }
        Some(format!("{}/{text}", step.directory?.trim_end_matches('/')))
    }

    /// What lies at an operand's path.
    pub(super) fn found(&self, step: &Step<'_>, text: &str, follow: bool) -> Known<Found> {
        match Self::path(step, text) {
            Some(path) if !text.is_empty() => self.view.find(&path, follow),
            Some(_) => Known::Absent,
            None => Known::Unknown,
        }
    }

    fn dispatch(&mut self, step: &mut Step<'_>, call: &Call) -> Done {
        let name = call.name().to_owned();
        if step.arguments().is_none() && !(name == "find" && find::is_known(call)) {
            return self.unknown_words(step, call);
        }
        let done = self
            .file_command(&name, step, call)
            .or_else(|| self.attribute_command(&name, step, call))
            .or_else(|| self.text_command(&name, step, call))
            .or_else(|| self.account_command(&name, step, call))
            .or_else(|| self.debian_command(&name, step, call))
            .or_else(|| self.debconf_command(&name, step, call))
            .or_else(|| self.program(&name, step, call));
        done.unwrap_or_else(|| self.other(&name, step, call))
    }

    fn classify(&self, call: &Call) -> Option<super::Outcome> {
        classify::call(call, self.view.tree, self.view.context.installation)
    }

    /// A command with words that are not known.
    fn unknown_words(&mut self, step: &mut Step<'_>, call: &Call) -> Done {
        let open = step.words.iter().find(|word| !word.literal);
        let open = open.map(|word| word.text.clone()).unwrap_or_default();
        // An account whose name is known is made all the same; options may be empty.
        let name = call.name().to_owned();
        if let Some(done) = self.account_command(&name, step, call) {
            return done;
        }
        match (name.as_str(), call.words.as_slice()) {
            ("db_set", [_, question, ..]) => self.debconf.forget(&question.text),
            ("db_subst", [_, question, name, ..]) => {
                self.debconf.substitute(&question.text, &name.text, None);
            }
            _ => {}
        }
        let fate = match self.classify(call) {
            None => None,
            Some(super::Outcome::Irrelevant { reason }) => Some(Fate::Nothing(reason)),
            Some(_) => Some(Fate::Open(format!("`{open}` is not known"))),
        };
        (Outcome::unknown(), fate)
    }

    /// A command that nothing here carries out.
    fn other(&mut self, name: &str, step: &Step<'_>, call: &Call) -> Done {
        match self.classify(call) {
            None => (Outcome::unknown(), None),
            Some(super::Outcome::Irrelevant { reason }) => {
                let row = self
                    .view
                    .context
                    .installation
                    .without_effect(call, self.view.tree);
                let outcome = match row {
                    Some(row) if !row.answers => Outcome::unknown(),
                    _ => Outcome::done(),
                };
                (outcome, Some(Fate::Nothing(reason)))
            }
            Some(_) => {
                let finalized = self.view.context.installation.finalized.has(name);
                if !finalized && let Some(done) = self.own_program(step) {
                    return done;
                }
                let outcome = if finalized || name.starts_with("update-") {
                    Outcome::done()
                } else {
                    Outcome::unknown()
                };
                (outcome, Some(Fate::Elsewhere))
            }
        }
    }

    /// The path of a new temporary file.
    pub(super) fn temporary(&mut self, directory: &str, suffix: &str) -> Option<RootPath> {
        self.made_temporary += 1;
        let path = format!("{directory}/tmp.{:08}{suffix}", self.made_temporary);
        let path = self.view.resolve(&path, false)?;
        self.temporary.push(path.clone());
        Some(path)
    }

    /// Writes a file as a redirection does: one that is there keeps its owner and mode.
    pub(super) fn write_file(&mut self, path: &str, bytes: Vec<u8>, mode: u32) -> Change {
        let Some(at) = self.view.resolve(path, true) else {
            return Change::Failed(format!("{path} leads nowhere"));
        };
        let size = bytes.len() as u64;
        let kind = EntryKind::File { size };
        let entry = match self.view.at(&at) {
            Some(found) if found.entry.is_directory() => {
                return Change::Failed(format!("{path} is a directory"));
            }
            Some(found) => Entry {
                kind,
                path: at,
                ..found.entry
            },
            None => Entry::new(at, kind, mode),
        };
        let content = self.view.contents.add(bytes);
        self.view.place(entry, Some(content))
    }
}

/// The call of a step, for those who read calls.
pub(super) fn call_of(step: &Step<'_>) -> Call {
    Call {
        line: step.line,
        kind: Kind::Command,
        words: step.words.to_vec(),
        writes: step.writes.to_vec(),
        guards: Vec::new(),
        via: Vec::new(),
        wraps: false,
        probed: false,
        function: None,
        unreachable: false,
        tolerated: false,
    }
}

/// What is told of a command that cannot be carried out.
pub(super) fn open(reason: &str) -> Done {
    (Outcome::unknown(), Some(Fate::Open(reason.to_owned())))
}

/// What is told of several changes: what cannot be made comes first.
pub(super) fn fate(changes: Vec<Change>) -> Option<Fate> {
    let mut fate = None;
    for change in changes {
        fate = Some(match (fate, change) {
            (Some(Fate::Open(reason)), _) | (_, Change::Failed(reason)) => Fate::Open(reason),
            (Some(Fate::Done), _) | (_, Change::Made) => Fate::Done,
            (_, Change::Nothing(reason)) => Fate::Nothing(reason),
        });
    }
    fate
}

pub(super) fn kind_of(entry: &Entry) -> FileKind {
    match entry.kind {
        EntryKind::File { .. } | EntryKind::Hardlink { .. } => FileKind::File,
        EntryKind::Directory => FileKind::Directory,
        EntryKind::Symlink { .. } => FileKind::Link,
        _ => FileKind::Other,
    }
}

impl Host for Machine<'_, '_> {
    fn stat(&mut self, path: &str, follow: bool) -> Known<Stat> {
        match self.view.find(path, follow) {
            Known::Is(found) => Known::Is(Stat {
                kind: kind_of(&found.entry),
                mode: found.entry.mode,
                size: match found.entry.kind {
                    EntryKind::File { size } => Some(size),
                    _ => Some(4096),
                },
                real: found.entry.path.to_text().into_owned(),
            }),
            Known::Unknown => Known::Unknown,
            Known::Absent => match self.view.path_of_essential(path) {
                Some(real) => Known::Is(Stat {
                    kind: FileKind::File,
                    mode: 0o755,
                    size: None,
                    real,
                }),
                None => Known::Absent,
            },
        }
    }

    fn list(&mut self, directory: &str) -> Option<Vec<String>> {
        let at = self.view.resolve(directory, true)?;
        match self.view.find(directory, true) {
            Known::Is(_) => Some(self.view.names(&at)),
            Known::Absent => Some(Vec::new()),
            Known::Unknown => None,
        }
    }

    fn read(&mut self, path: &str) -> Known<String> {
        self.view.text(path)
    }

    fn sourced(&mut self, path: &str) -> Known<String> {
        let name = path.rsplit('/').next().unwrap_or_default();
        if self.view.context.installation.libraries.has(name) {
            return Known::Is(String::new());
        }
        self.view.text(path)
    }

    fn write(&mut self, step: &Step<'_>, path: &str, text: Option<&str>, append: bool) {
        let call = call_of(step);
        let change = match text {
            None => Change::Failed("what is written is not known".to_owned()),
            Some(text) => {
                let before = match self.view.text(path) {
                    Known::Is(before) if append => Some(before),
                    Known::Unknown if append => None,
                    _ => Some(String::new()),
                };
                match before {
                    Some(before) => {
                        let bytes = (before + text).into_bytes();
                        self.write_file(path, bytes, 0o666 & !step.umask)
                    }
                    None => Change::Failed(format!("what {path} holds is not known")),
                }
            }
        };
        // What cannot be written is there all the same, for those who ask, and what was there before is not.
        if matches!(change, Change::Failed(_))
            && let Some(at) = self.view.resolve(path, true)
        {
            match self.view.at(&at) {
                None => self
                    .view
                    .pretend(Entry::new(at, EntryKind::File { size: 1 }, 0o644)),
                Some(found) if text.is_none() && (!append || self.temporary.contains(&at)) => {
                    self.view.forget(found);
                }
                Some(_) => {}
            }
        }
        if let Some(fate) = fate(vec![change]) {
            self.note(call, fate);
        }
    }

    fn program(&mut self, name: &str) -> Option<String> {
        if name.contains('/') {
            return match self.stat(name, true) {
                Known::Is(stat) if stat.mode & 0o111 != 0 => Some(name.to_owned()),
                _ => None,
            };
        }
        for dir in super::view::PATH.split(':') {
            let path = format!("{dir}/{name}");
            if let Known::Is(stat) = self.stat(&path, true)
                && stat.kind == FileKind::File
                && stat.mode & 0o111 != 0
            {
                return Some(path);
            }
        }
        None
    }

    fn command(&mut self, step: &mut Step<'_>) -> Outcome {
        let call = call_of(step);
        let (outcome, fate) = self.dispatch(step, &call);
        if let Some(fate) = fate {
            let call = Call {
                writes: Vec::new(),
                ..call
            };
            self.note(call, fate);
        }
        outcome
    }

    fn home(&mut self, user: &str) -> Known<String> {
        match self.homes.get(user) {
            Some(home) => Known::Is(home.clone()),
            None if self.users.contains_key(user) => Known::Unknown,
            None => Known::Absent,
        }
    }

    fn undecided(&mut self, step: &Step<'_>, reason: &str) {
        let call = call_of(step);
        if let ("db_set", Some(question)) = (call.name(), call.words.get(1)) {
            self.debconf.forget(&question.text);
        }
        match self.classify(&call) {
            None => {}
            Some(super::Outcome::Irrelevant { reason }) => {
                self.note(call, Fate::Nothing(reason));
            }
            Some(_) => self.note(call, Fate::Undecided(reason.to_owned())),
        }
    }
}
