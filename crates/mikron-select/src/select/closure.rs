//! The closure: from what the spec names to every file that is reached.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use mikron_facts::FileFacts;
use mikron_package::Glob;

use super::names::Names;
use super::packages::Summary;
use super::roots::{Heir, heirs};
use super::tree::Unresolved;
use super::{
    FileRef, Found, Loader, MissingCause, PackageInput, Reason, Role, Select, Selection, Token,
    Tree, Want, Wanted, Without, rules,
};
use crate::SelectError;

/// The directories of `PATH` in which commands are looked for.
pub const PATH: [&str; 6] = [
    "usr/local/sbin",
    "usr/local/bin",
    "usr/sbin",
    "usr/bin",
    "sbin",
    "bin",
];

/// How a package takes part beyond single files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Bulk {
    /// Not at all, so far.
    None,
    /// Its configuration, data and modules; its code where `source` says so or the interpreter is there.
    Data { source: bool },
    /// As a root.
    Root,
    /// All of it that the mode of the selection takes.
    Whole,
}

/// A script that is taken when its interpreter is in the image anyway.
pub(super) struct Secondary {
    pub(super) file: FileRef,
    pub(super) program: String,
}

/// A pattern that a chosen file includes.
pub(super) struct Included {
    pub(super) by: FileRef,
    pub(super) glob: Glob,
    /// The packages that were searched: each when it comes into the image.
    pub(super) searched: Vec<bool>,
}

pub(super) struct Closure<'a> {
    pub(super) packages: &'a [PackageInput],
    pub(super) wanted: &'a Wanted,
    pub(super) tree: Tree<'a>,
    pub(super) loader: Loader<'a>,
    pub(super) summaries: Vec<Summary>,
    /// What stands in for roots without files, by package.
    pub(super) heirs: Vec<Option<Heir>>,
    pub(super) removed: HashSet<FileRef>,
    pub(super) reasons: Vec<Vec<Option<Arc<Reason>>>>,
    pub(super) first: Vec<Option<FileRef>>,
    pub(super) bulk: Vec<Bulk>,
    pub(super) followed: Vec<bool>,
    /// Sources that wait for an interpreter, by package.
    pub(super) waiting: Vec<bool>,
    pub(super) secondary: Vec<Secondary>,
    /// Scripts that the entrypoint or another script names.
    pub(super) named: HashSet<FileRef>,
    /// Programs that the image starts, with the links on the way to them.
    pub(super) starts: Vec<FileRef>,
    /// Packages whose programs on `PATH` are taken when a program of the same source names them, each with why it takes part.
    pub(super) companions: Vec<(usize, Reason)>,
    pub(super) interpreters: BTreeMap<&'static str, FileRef>,
    /// Packages of interpreters that roots brought which are code: they count as the roots' own.
    pub(super) engines: BTreeSet<usize>,
    /// Packages of which a script in a language was chosen.
    pub(super) spoken: BTreeSet<(usize, &'static str)>,
    /// Packages that were taken for their code.
    pub(super) coded: Vec<usize>,
    /// Packages that are taken for their code in a language as soon as its interpreter is there.
    pub(super) code: Vec<(usize, &'static str, Reason)>,
    /// The files that were walked, and with which run paths of others, where they inherit some.
    pub(super) walked: Vec<Vec<bool>>,
    pub(super) walked_below: HashSet<(FileRef, Arc<[String]>)>,
    pub(super) queue: VecDeque<(FileRef, Arc<[String]>)>,
    pub(super) by_name: Option<HashMap<&'a [u8], Vec<FileRef>>>,
    pub(super) inputs: Vec<(FileRef, Arc<Reason>)>,
    pub(super) dangling: Vec<(FileRef, Arc<Reason>)>,
    pub(super) missing: BTreeMap<(Token, Option<FileRef>), MissingCause>,
    pub(super) loader_dirs: Vec<String>,
    pub(super) rules: rules::Index<'a>,
    pub(super) names: Names,
    /// What chosen configuration includes by patterns.
    pub(super) included: Vec<Included>,
    /// Packages whose units were looked at.
    pub(super) served: Vec<bool>,
    /// The chosen files that the rules have seen.
    pub(super) examined: Vec<Vec<bool>>,
    pub(super) without: BTreeMap<usize, Without>,
    pub(super) wants: Vec<Want>,
    /// The capabilities that were taken, by package and name.
    pub(super) taken: HashSet<(usize, String)>,
    /// The commands that scripts call and that are not in the image.
    pub(super) uncalled: BTreeMap<FileRef, Vec<String>>,
    /// What files found by run paths that they inherit: looked at by themselves, private libraries miss it.
    pub(super) inherited: HashSet<(FileRef, String)>,
}

impl<'a> Closure<'a> {
    /// A closure that has none of the files in `removed`, nor what the spec removes.
    pub(super) fn new(
        packages: &'a [PackageInput],
        wanted: &'a Wanted,
        mut removed: HashSet<FileRef>,
    ) -> Self {
        if !wanted.remove.is_empty() {
            for (package, input) in packages.iter().enumerate() {
                for (entry, file) in input.facts.files.iter().enumerate() {
                    let path = &file.entry.path;
                    if wanted.removes(path) {
                        removed.insert(FileRef { package, entry });
                    }
                }
            }
        }
        let tree = Tree::new(packages, wanted, &|file| !removed.contains(&file));
        let summaries: Vec<Summary> = packages.iter().map(Summary::new).collect();
        let heirs = heirs(packages, &summaries, &tree);
        let nature = |package: usize| summaries[package].nature;
        let names = Names::new(packages, &wanted.provided, nature, |path| {
            tree.normal(path).into_owned()
        });
        Self {
            packages,
            wanted,
            tree,
            loader: Loader::new(packages),
            heirs,
            summaries,
            removed,
            reasons: packages
                .iter()
                .map(|p| vec![None; p.facts.files.len()])
                .collect(),
            first: vec![None; packages.len()],
            bulk: vec![Bulk::None; packages.len()],
            followed: vec![false; packages.len()],
            waiting: vec![false; packages.len()],
            secondary: Vec::new(),
            named: HashSet::new(),
            starts: Vec::new(),
            companions: Vec::new(),
            interpreters: BTreeMap::new(),
            engines: BTreeSet::new(),
            spoken: BTreeSet::new(),
            code: Vec::new(),
            coded: Vec::new(),
            walked: packages
                .iter()
                .map(|p| vec![false; p.facts.files.len()])
                .collect(),
            walked_below: HashSet::new(),
            queue: VecDeque::new(),
            by_name: None,
            inputs: Vec::new(),
            dangling: Vec::new(),
            missing: BTreeMap::new(),
            loader_dirs: Vec::new(),
            rules: rules::Index::new(&wanted.rules),
            names,
            included: Vec::new(),
            served: vec![false; packages.len()],
            examined: packages
                .iter()
                .map(|p| vec![false; p.facts.files.len()])
                .collect(),
            without: BTreeMap::new(),
            wants: Vec::new(),
            taken: HashSet::new(),
            uncalled: BTreeMap::new(),
            inherited: HashSet::new(),
        }
    }

    pub(super) fn run(mut self) -> Result<Selection, SelectError> {
        for package in 0..self.packages.len() {
            if self.packages[package].role == Role::Files {
                self.choose_all(package, &Reason::Spec, |_| true);
            }
        }
        for word in &self.wanted.programs {
            self.note_start(word);
            self.entrypoint(word, true);
        }
        for word in &self.wanted.mentions {
            self.entrypoint(word, false);
        }
        for path in &self.wanted.links {
            let reason = Reason::Linked { path: path.clone() };
            // It may lead to what a volume brings.
            let _ = self.choose_path(path.as_bytes(), &reason);
        }
        for package in 0..self.packages.len() {
            self.seed(package)?;
        }
        self.close();
        self.take_whole();
        self.close();
        Ok(self.finish())
    }

    /// Follows what is chosen until nothing comes any more.
    fn close(&mut self) {
        loop {
            self.drain();
            let before = self.progress();
            let examined = self.apply_rules();
            self.take_places();
            self.take_included();
            self.serve();
            self.drain();
            self.bring_interpreters();
            self.drain();
            self.follow_edges();
            self.interpreted();
            self.awaited_code();
            self.name_companions();
            if self.queue.is_empty() && !examined && before == self.progress() {
                break;
            }
        }
    }

    /// A figure that grows with every decision.
    pub(super) fn progress(&self) -> usize {
        self.bulk.iter().filter(|bulk| **bulk != Bulk::None).count()
            + self.followed.iter().filter(|followed| **followed).count()
            + self.first.iter().flatten().count()
    }

    pub(super) fn facts(&self, file: FileRef) -> &'a FileFacts {
        &self.packages[file.package].facts.files[file.entry]
    }

    pub(super) fn reason(&self, file: FileRef) -> Option<&Reason> {
        self.reasons[file.package][file.entry].as_deref()
    }

    pub(super) fn is_removed(&self, file: FileRef) -> bool {
        self.removed.contains(&file)
    }

    pub(super) fn choose(&mut self, file: FileRef, reason: impl Into<Arc<Reason>>) {
        self.choose_below(file, reason, &Arc::from([]));
    }

    pub(super) fn choose_below(
        &mut self,
        file: FileRef,
        reason: impl Into<Arc<Reason>>,
        run_path: &Arc<[String]>,
    ) {
        if self.removed.contains(&file) {
            return;
        }
        let slot = &mut self.reasons[file.package][file.entry];
        let new = slot.is_none();
        if new {
            *slot = Some(reason.into());
            let facts = self.facts(file);
            if !facts.entry.is_directory() && self.first[file.package].is_none() {
                self.first[file.package] = Some(file);
            }
            self.note_language(file);
        }
        // A file that is reached a second way is walked again only when it inherits other run paths.
        if new || !run_path.is_empty() {
            self.queue.push_back((file, Arc::clone(run_path)));
        }
    }

    /// Chooses the entries of a package that `which` says yes to. Links that lead nowhere are set aside, and so are scripts that
    /// count as secondary.
    pub(super) fn choose_all(
        &mut self,
        package: usize,
        reason: &Reason,
        which: impl Fn(&FileFacts) -> bool,
    ) {
        let facts = Arc::clone(&self.packages[package].facts);
        let reason = Arc::new(reason.clone());
        for (entry, file) in facts.files.iter().enumerate() {
            if !file.entry.is_directory() && which(file) {
                self.choose_in_bulk(FileRef { package, entry }, Arc::clone(&reason));
            }
        }
        if matches!(*reason, Reason::Spec) {
            for (entry, file) in facts.files.iter().enumerate() {
                if file.entry.is_directory() {
                    self.choose(FileRef { package, entry }, Arc::clone(&reason));
                }
            }
        }
    }

    pub(super) fn choose_in_bulk(&mut self, file: FileRef, reason: impl Into<Arc<Reason>>) {
        let reason = reason.into();
        if self.reason(file).is_some() || self.removed.contains(&file) {
            return;
        }
        let facts = self.facts(file);
        if self.is_of_rule_alone(facts, &reason) {
            return;
        }
        if facts.link_target().is_some() && !matches!(*reason, Reason::Spec) {
            let path = self.tree.normal(facts.entry.path.as_bytes());
            if self.tree.resolve(&path).is_err() {
                let full = matches!(
                    *reason,
                    Reason::Package {
                        select: Select::Full
                    }
                );
                if full {
                    self.reasons[file.package][file.entry] = Some(Arc::clone(&reason));
                }
                match self.dangling.iter_mut().find(|(known, _)| *known == file) {
                    Some((_, known)) => *known = reason,
                    None => self.dangling.push((file, reason)),
                }
                return;
            }
            // A link to a script is as much of a reason for its interpreter as the script.
            let with_package = matches!(
                *reason,
                Reason::Data { .. } | Reason::Sibling { .. } | Reason::Program { .. }
            );
            if with_package && let Some(program) = self.script_program(file) {
                self.secondary.push(Secondary { file, program });
                return;
            }
        }
        self.choose(file, reason);
    }

    /// Whether a rule keeps a file to itself that would come with its package.
    fn is_of_rule_alone(&self, facts: &FileFacts, reason: &Reason) -> bool {
        let with_package = matches!(
            reason,
            Reason::Data { .. }
                | Reason::Sibling { .. }
                | Reason::Program { .. }
                | Reason::Named { .. }
        );
        with_package && self.rules.keeps(facts.entry.path.as_bytes())
    }

    pub(super) fn choose_empty_dirs(&mut self, package: usize, reason: &Reason) {
        for entry in self.summaries[package].empty_dirs.clone() {
            self.choose(FileRef { package, entry }, reason.clone());
        }
    }

    pub(super) fn entrypoint(&mut self, word: &str, required: bool) {
        let reason = Reason::Entrypoint {
            word: word.to_owned(),
        };
        if word.contains('/') {
            if let Err(cause) = self.choose_path(word.as_bytes(), &reason)
                && required
            {
                self.miss(Token::Path(word.to_owned()), None, cause);
            }
        } else if required && !self.choose_command(word, &reason) {
            self.miss(Token::Command(word.to_owned()), None, MissingCause::Absent);
        }
    }

    pub(super) fn choose_command(&mut self, name: &str, reason: &Reason) -> bool {
        PATH.iter().any(|dir| {
            let path = format!("{dir}/{name}");
            self.choose_path(path.as_bytes(), reason).is_ok()
        })
    }

    /// Chooses what lies at a path, with all links on the way.
    pub(super) fn choose_path(&mut self, path: &[u8], reason: &Reason) -> Result<(), MissingCause> {
        let absolute = path.strip_prefix(b"/").unwrap_or(path).to_vec();
        match self.tree.resolve(&absolute) {
            Ok(resolved) => {
                self.choose_way(
                    &resolved.links,
                    resolved.end,
                    reason.clone(),
                    &Arc::from([]),
                );
                Ok(())
            }
            Err(Unresolved::Loop) => Err(MissingCause::LinkLoop),
            Err(Unresolved::Absent(at)) => Err(self.why_absent(&at)),
        }
    }

    /// Chooses links in order, each because of the one before, then the end.
    pub(super) fn choose_way(
        &mut self,
        links: &[FileRef],
        end: Found,
        reason: Reason,
        run_path: &Arc<[String]>,
    ) {
        let starts = matches!(
            reason,
            Reason::Entrypoint { .. }
                | Reason::Linked { .. }
                | Reason::Service { .. }
                | Reason::Called { .. }
        );
        if starts && let Found::Entry(file) = end {
            self.note_named(file);
        }
        let mut reason = reason;
        for link in links {
            let next = Reason::Link { by: *link };
            self.choose(*link, std::mem::replace(&mut reason, next));
        }
        if let Found::Entry(file) = end {
            self.choose_below(file, reason, run_path);
        }
    }

    pub(super) fn why_absent(&self, path: &[u8]) -> MissingCause {
        let is_it = |file: &&FileRef| {
            let entry = self.facts(**file).entry.path.as_bytes();
            *self.tree.normal(entry) == *path
        };
        let mut removed: Vec<FileRef> = self.removed.iter().filter(is_it).copied().collect();
        removed.sort_unstable();
        match removed.first() {
            Some(file) => MissingCause::Removed {
                path: self.facts(*file).entry.path.clone(),
            },
            None => MissingCause::Absent,
        }
    }

    pub(super) fn miss(&mut self, token: Token, by: Option<FileRef>, cause: MissingCause) {
        self.missing.entry((token, by)).or_insert(cause);
    }
}
