//! The closure: from what the spec names to every file that is reached.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use super::capabilities::{self, Part};
use super::loader::{Lookup, runs_on};
use super::packages::{Nature, Summary, interpreter_at, interpreter_of};
use super::tree::Unresolved;
use super::{
    FileRef, Found, Loader, MissingCause, PackageInput, Reason, Role, Select, Selection, Token,
    Tree, Wanted,
};
use crate::{Class, DlopenPriority, ElfFacts, FileFacts, SelectError, TRIGGERS};

/// The directories of `PATH` in which commands are looked for.
const PATH: [&str; 4] = ["usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin"];

/// How a package takes part beyond single files.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Bulk {
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
struct Secondary {
    file: FileRef,
    program: String,
}

pub(super) struct Closure<'a> {
    pub(super) packages: &'a [PackageInput],
    pub(super) wanted: &'a Wanted,
    pub(super) tree: Tree<'a>,
    loader: Loader<'a>,
    pub(super) summaries: Vec<Summary>,
    removed: HashSet<FileRef>,
    pub(super) reasons: Vec<Vec<Option<Reason>>>,
    pub(super) first: Vec<Option<FileRef>>,
    bulk: Vec<Bulk>,
    followed: Vec<bool>,
    /// Sources that wait for an interpreter, by package.
    waiting: Vec<bool>,
    secondary: Vec<Secondary>,
    interpreters: BTreeMap<&'static str, FileRef>,
    walked: HashSet<(FileRef, Arc<[String]>)>,
    queue: VecDeque<(FileRef, Arc<[String]>)>,
    by_name: Option<HashMap<&'a [u8], Vec<FileRef>>>,
    pub(super) inputs: Vec<(FileRef, Reason)>,
    pub(super) dangling: Vec<(FileRef, Reason)>,
    pub(super) missing: BTreeMap<(Token, Option<FileRef>), MissingCause>,
    pub(super) loader_dirs: Vec<String>,
}

impl<'a> Closure<'a> {
    pub(super) fn new(packages: &'a [PackageInput], wanted: &'a Wanted) -> Self {
        let mut removed = HashSet::new();
        if !wanted.remove.is_empty() {
            for (package, input) in packages.iter().enumerate() {
                for (entry, file) in input.facts.files.iter().enumerate() {
                    if wanted
                        .remove
                        .iter()
                        .any(|glob| glob.matches(&file.entry.path))
                    {
                        removed.insert(FileRef { package, entry });
                    }
                }
            }
        }
        let tree = Tree::new(packages, wanted, &|file| !removed.contains(&file));
        Self {
            packages,
            wanted,
            tree,
            loader: Loader::new(packages),
            summaries: packages.iter().map(Summary::new).collect(),
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
            interpreters: BTreeMap::new(),
            walked: HashSet::new(),
            queue: VecDeque::new(),
            by_name: None,
            inputs: Vec::new(),
            dangling: Vec::new(),
            missing: BTreeMap::new(),
            loader_dirs: Vec::new(),
        }
    }

    pub(super) fn run(mut self) -> Result<Selection, SelectError> {
        for package in 0..self.packages.len() {
            if self.packages[package].role == Role::Files {
                self.choose_all(package, &Reason::Spec, |_| true);
            }
        }
        for word in &self.wanted.programs {
            self.entrypoint(word, true);
        }
        for word in &self.wanted.mentions {
            self.entrypoint(word, false);
        }
        for package in 0..self.packages.len() {
            self.seed(package)?;
        }
        loop {
            self.drain();
            let before = self.progress();
            self.follow_edges();
            self.interpreted();
            if self.queue.is_empty() && before == self.progress() {
                break;
            }
        }
        Ok(self.finish())
    }

    /// A figure that grows with every decision.
    fn progress(&self) -> usize {
        self.bulk.iter().filter(|bulk| **bulk != Bulk::None).count()
            + self.followed.iter().filter(|followed| **followed).count()
            + self.first.iter().flatten().count()
    }

    pub(super) fn facts(&self, file: FileRef) -> &'a FileFacts {
        &self.packages[file.package].facts.files[file.entry]
    }

    pub(super) fn reason(&self, file: FileRef) -> Option<&Reason> {
        self.reasons[file.package][file.entry].as_ref()
    }

    pub(super) fn is_removed(&self, file: FileRef) -> bool {
        self.removed.contains(&file)
    }

    fn choose(&mut self, file: FileRef, reason: Reason) {
        self.choose_below(file, reason, &Arc::from([]));
    }

    fn choose_below(&mut self, file: FileRef, reason: Reason, run_path: &Arc<[String]>) {
        if self.removed.contains(&file) {
            return;
        }
        let slot = &mut self.reasons[file.package][file.entry];
        let new = slot.is_none();
        if new {
            *slot = Some(reason);
            let facts = self.facts(file);
            if !facts.entry.is_directory() && self.first[file.package].is_none() {
                self.first[file.package] = Some(file);
            }
            if let (Some(elf), Some(name)) =
                (&facts.elf, interpreter_at(facts.entry.path.as_bytes()))
            {
                if elf.is_executable() || facts.class == Class::Libs {
                    self.interpreters.entry(name).or_insert(file);
                }
            }
        }
        // A file that is reached a second way is walked again only when it inherits other run paths.
        if new || !run_path.is_empty() {
            self.queue.push_back((file, Arc::clone(run_path)));
        }
    }

    /// Chooses the entries of a package that `which` says yes to. Links that lead nowhere are set aside, and so are scripts that
    /// count as secondary.
    fn choose_all(&mut self, package: usize, reason: &Reason, which: impl Fn(&FileFacts) -> bool) {
        let facts = Arc::clone(&self.packages[package].facts);
        for (entry, file) in facts.files.iter().enumerate() {
            if !file.entry.is_directory() && which(file) {
                self.choose_in_bulk(FileRef { package, entry }, reason.clone());
            }
        }
        if matches!(reason, Reason::Spec) {
            for (entry, file) in facts.files.iter().enumerate() {
                if file.entry.is_directory() {
                    self.choose(FileRef { package, entry }, reason.clone());
                }
            }
        }
    }

    fn choose_in_bulk(&mut self, file: FileRef, reason: Reason) {
        if self.reason(file).is_some() || self.removed.contains(&file) {
            return;
        }
        let facts = self.facts(file);
        if facts.link_target().is_some() && !matches!(reason, Reason::Spec) {
            let path = self.tree.normal(facts.entry.path.as_bytes());
            if self.tree.resolve(&path).is_err() {
                let full = matches!(
                    reason,
                    Reason::Package {
                        select: Select::Full
                    }
                );
                if full {
                    self.reasons[file.package][file.entry] = Some(reason.clone());
                }
                if !self.dangling.iter().any(|(known, _)| *known == file) {
                    self.dangling.push((file, reason));
                }
                return;
            }
        }
        self.choose(file, reason);
    }

    fn choose_empty_dirs(&mut self, package: usize, reason: &Reason) {
        for entry in self.summaries[package].empty_dirs.clone() {
            self.choose(FileRef { package, entry }, reason.clone());
        }
    }

    fn entrypoint(&mut self, word: &str, required: bool) {
        let reason = Reason::Entrypoint {
            word: word.to_owned(),
        };
        if word.contains('/') {
            if let Err(cause) = self.choose_path(word.as_bytes(), &reason) {
                if required {
                    self.miss(Token::Path(word.to_owned()), None, cause);
                }
            }
        } else if required && !self.choose_command(word, &reason) {
            self.miss(Token::Command(word.to_owned()), None, MissingCause::Absent);
        }
    }

    fn choose_command(&mut self, name: &str, reason: &Reason) -> bool {
        PATH.iter().any(|dir| {
            let path = format!("{dir}/{name}");
            self.choose_path(path.as_bytes(), reason).is_ok()
        })
    }

    /// Chooses what lies at a path, with all links on the way.
    fn choose_path(&mut self, path: &[u8], reason: &Reason) -> Result<(), MissingCause> {
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
    fn choose_way(
        &mut self,
        links: &[FileRef],
        end: Found,
        reason: Reason,
        run_path: &Arc<[String]>,
    ) {
        let mut reason = reason;
        for link in links {
            let next = Reason::Link { by: *link };
            self.choose(*link, std::mem::replace(&mut reason, next));
        }
        if let Found::Entry(file) = end {
            self.choose_below(file, reason, run_path);
        }
    }

    fn why_absent(&self, path: &[u8]) -> MissingCause {
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

    fn miss(&mut self, token: Token, by: Option<FileRef>, cause: MissingCause) {
        self.missing.entry((token, by)).or_insert(cause);
    }

    fn seed(&mut self, package: usize) -> Result<(), SelectError> {
        let input = &self.packages[package];
        let select = input.select.unwrap_or(self.wanted.select);
        let capabilities: &[String] = match &input.role {
            Role::Root { capabilities } => capabilities,
            Role::Dependency => &[],
            Role::Provider | Role::Files => return Ok(()),
        };
        if !capabilities.is_empty() {
            self.followed[package] = false;
            for name in capabilities {
                self.seed_capability(package, name)?;
            }
            return Ok(());
        }
        match (select, &input.role) {
            (Select::Minimal, Role::Root { .. }) => self.as_root(package, None),
            (Select::Minimal, _) => {}
            (Select::Package, _) => {
                self.bulk[package] = Bulk::Whole;
                let reason = Reason::Package { select };
                self.choose_all(package, &reason, |file| file.class.is_run_time());
                self.choose_empty_dirs(package, &reason);
            }
            (Select::Full, _) => {
                self.bulk[package] = Bulk::Whole;
                let reason = Reason::Package { select };
                self.choose_all(package, &reason, |_| true);
                let files = &input.facts.files;
                for entry in (0..files.len()).filter(|at| files[*at].entry.is_directory()) {
                    self.choose(FileRef { package, entry }, reason.clone());
                }
            }
        }
        Ok(())
    }

    fn seed_capability(&mut self, package: usize, name: &str) -> Result<(), SelectError> {
        let part = capabilities::find(&self.packages[package], name)?;
        let reason = Reason::Capability {
            capability: name.to_owned(),
        };
        let Part { files, inputs } = part;
        for entry in files {
            self.choose(FileRef { package, entry }, reason.clone());
        }
        for entry in inputs {
            self.inputs
                .push((FileRef { package, entry }, reason.clone()));
        }
        Ok(())
    }

    /// Takes a package as a root: named by the spec, or a part of one that is (`because`).
    fn as_root(&mut self, package: usize, because: Option<&Reason>) {
        if matches!(self.bulk[package], Bulk::Root | Bulk::Whole) {
            return;
        }
        self.bulk[package] = Bulk::Root;
        self.waiting[package] = false;
        let input = &self.packages[package];
        let compiled = self.is_compiled(package);
        let data = self.summaries[package].nature == Nature::Data;
        for (entry, facts) in input.facts.files.iter().enumerate() {
            let file = FileRef { package, entry };
            if facts.entry.is_directory() || !facts.class.is_run_time() {
                continue;
            }
            // A part of a root gives libraries by need, as every dependency does.
            if because.is_some() && facts.class == Class::Libs {
                continue;
            }
            if facts.class == Class::Bins {
                if let Some(program) = self.script_program(file) {
                    let own = facts.entry.path.file_name() == Some(input.name.as_str().as_bytes());
                    if (compiled || data) && !own {
                        self.secondary.push(Secondary { file, program });
                        continue;
                    }
                }
            }
            let class = facts.class;
            let reason = because.cloned().unwrap_or(Reason::Root { class });
            self.choose_in_bulk(file, reason);
        }
        let reason = because
            .cloned()
            .unwrap_or(Reason::Root { class: Class::Data });
        self.choose_empty_dirs(package, &reason);
    }

    /// Whether a package, or a part of it that it depends on, has a compiled program.
    fn is_compiled(&self, package: usize) -> bool {
        let input = &self.packages[package];
        let sibling =
            |to: usize| self.packages[to].source == input.source && self.summaries[to].compiled;
        self.summaries[package].compiled || input.requires.iter().any(|edge| sibling(edge.to))
    }

    /// The interpreter of a program that is a script, links followed.
    fn script_program(&self, file: FileRef) -> Option<String> {
        let facts = self.facts(file);
        let path = self.tree.normal(facts.entry.path.as_bytes());
        let end = match self.tree.resolve(&path) {
            Ok(resolved) => match resolved.end {
                Found::Entry(end) => end,
                _ => file,
            },
            Err(_) => file,
        };
        self.facts(end)
            .script
            .as_ref()
            .map(|script| script.program().to_owned())
    }

    fn drain(&mut self) {
        while let Some((file, run_path)) = self.queue.pop_front() {
            if self.walked.insert((file, Arc::clone(&run_path))) {
                self.walk(file, &run_path);
            }
        }
    }

    /// Follows what one chosen file needs.
    fn walk(&mut self, file: FileRef, run_path: &Arc<[String]>) {
        let facts = self.facts(file);
        let path = self.tree.normal(facts.entry.path.as_bytes());
        if facts.link_target().is_some() {
            match self.tree.resolve(&path) {
                Ok(resolved) => {
                    // The way begins with the directory links before this one, and with this one.
                    let at = resolved.links.iter().position(|link| *link == file);
                    let rest = at.map_or(&[][..], |at| &resolved.links[at + 1..]);
                    self.choose_way(rest, resolved.end, Reason::Link { by: file }, run_path);
                }
                Err(Unresolved::Loop) => {
                    let token = Token::Path(facts.entry.path.to_string());
                    self.miss(token, Some(file), MissingCause::LinkLoop);
                }
                Err(Unresolved::Absent(at)) => {
                    if !is_made_at_run_time(&at) {
                        let cause = self.why_absent(&at);
                        let token = Token::Path(format!("/{}", String::from_utf8_lossy(&at)));
                        self.miss(token, Some(file), cause);
                    }
                }
            }
            return;
        }
        if let Some(target) = facts.hard_link_target() {
            let target = target.as_bytes();
            let files = &self.packages[file.package].facts.files;
            let same = |at: &usize| files[*at].entry.path.as_bytes() == target;
            if let Some(entry) = (0..file.entry).rev().find(same) {
                self.choose(FileRef { entry, ..file }, Reason::HardLink { by: file });
            }
        }
        if let Some(elf) = facts.elf.as_deref() {
            if runs_on(elf, self.wanted.platform) {
                self.walk_elf(file, elf, &path, run_path);
            }
        }
        if let Some(script) = &facts.script {
            let own = self.packages[file.package].role == Role::Files;
            if facts.entry.mode & 0o111 != 0 && (own || facts.class == Class::Bins) {
                let reason = Reason::Script {
                    by: file,
                    program: script.program().to_owned(),
                };
                if let Err(cause) = self.choose_path(script.interpreter.as_bytes(), &reason) {
                    self.miss(Token::Path(script.interpreter.clone()), Some(file), cause);
                }
                let program = script.program();
                if !program.contains('/') && !self.choose_command(program, &reason) {
                    let token = Token::Command(program.to_owned());
                    self.miss(token, Some(file), MissingCause::Absent);
                }
            }
        }
    }

    fn walk_elf(&mut self, file: FileRef, elf: &'a ElfFacts, path: &[u8], above: &Arc<[String]>) {
        if let Some(interpreter) = &elf.interpreter {
            // Libraries that can be started by themselves (libc.so.6) name their loader, too; loaded, they do not need it.
            let reason = Reason::Interpreter { by: file };
            if elf.is_executable() {
                if let Err(cause) = self.choose_path(interpreter.as_bytes(), &reason) {
                    self.miss(Token::Path(interpreter.clone()), Some(file), cause);
                }
            }
        }
        let below: Arc<[String]> = Loader::inherited(elf, path, above).into();
        for soname in &elf.needed {
            let reason = Reason::Needed {
                by: file,
                soname: soname.clone(),
            };
            self.library(file, elf, path, above, &below, soname, reason);
        }
        for trigger in TRIGGERS {
            let import = elf
                .imports
                .iter()
                .find(|i| trigger.symbols.contains(&i.name.as_str()));
            if let Some(import) = import {
                let reason = Reason::Rule {
                    rule: trigger.name.to_owned(),
                    by: file,
                    symbol: import.name.clone(),
                };
                self.library(file, elf, path, above, &below, trigger.soname, reason);
            }
        }
        for note in elf
            .dlopen
            .iter()
            .filter(|n| n.priority == DlopenPriority::Required)
        {
            let found = |this: &Self, name: &String| {
                !matches!(
                    this.loader.find(&this.tree, name, elf, path, above),
                    Lookup::Absent(_)
                )
            };
            let name = note.sonames.iter().find(|name| found(self, name));
            if let Some(name) = name.or(note.sonames.first()) {
                let reason = Reason::Dlopen {
                    by: file,
                    soname: name.clone(),
                };
                self.library(file, elf, path, above, &below, name, reason);
            }
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one look-up with all that the loader knows"
    )]
    fn library(
        &mut self,
        by: FileRef,
        elf: &ElfFacts,
        path: &[u8],
        above: &[String],
        below: &Arc<[String]>,
        soname: &str,
        reason: Reason,
    ) {
        match self.loader.find(&self.tree, soname, elf, path, above) {
            Lookup::Found {
                resolved,
                file,
                cached_dir,
            } => {
                if let Some(dir) = cached_dir {
                    if !self.loader_dirs.contains(&dir) {
                        self.loader_dirs.push(dir);
                    }
                }
                self.choose_way(&resolved.links, Found::Entry(file), reason, below);
            }
            Lookup::Provided => {}
            Lookup::Absent(wrong) => {
                // A private library of the same package is loaded by the program itself before this one (libjvm.so).
                let elsewhere = self.elsewhere(soname, elf);
                let source = &self.packages[by.package].source;
                let own = |file: &&FileRef| self.packages[file.package].source == *source;
                if let Some(own) = elsewhere.iter().find(own).copied() {
                    self.choose_below(own, reason, below);
                    return;
                }
                let paths = elsewhere.iter().map(|f| self.facts(*f).entry.path.clone());
                let paths: Vec<_> = paths.collect();
                let cause = match wrong {
                    _ if !paths.is_empty() => MissingCause::Elsewhere { paths },
                    Some(file) => MissingCause::WrongMachine {
                        path: self.facts(file).entry.path.clone(),
                    },
                    None => self.removed_library(soname),
                };
                self.miss(Token::Soname(soname.to_owned()), Some(by), cause);
            }
        }
    }

    fn removed_library(&self, soname: &str) -> MissingCause {
        let name = soname.as_bytes();
        let is_it = |f: &&FileRef| self.facts(**f).entry.path.file_name() == Some(name);
        match self.removed.iter().filter(is_it).min() {
            Some(file) => MissingCause::Removed {
                path: self.facts(*file).entry.path.clone(),
            },
            None => MissingCause::Absent,
        }
    }

    /// Libraries of a name that lie where the loader does not look.
    fn elsewhere(&mut self, soname: &str, elf: &ElfFacts) -> Vec<FileRef> {
        let by_name = self
            .by_name
            .get_or_insert_with(|| self.tree.shared_objects());
        let candidates = by_name.get(soname.as_bytes()).cloned().unwrap_or_default();
        let fits = |file: &FileRef| {
            let path = self.tree.normal(self.facts(*file).entry.path.as_bytes());
            match self.tree.resolve(&path).map(|resolved| resolved.end) {
                Ok(Found::Entry(end)) => self
                    .facts(end)
                    .elf
                    .as_ref()
                    .is_some_and(|found| found.fits(elf)),
                _ => false,
            }
        };
        candidates.into_iter().filter(fits).collect()
    }

    /// Decides on the dependencies of packages that are in.
    fn follow_edges(&mut self) {
        for package in 0..self.packages.len() {
            if self.packages[package].role == Role::Files {
                continue;
            }
            if let Some(by) = self.first[package] {
                self.own_content(package, by);
                if !self.followed[package] {
                    self.followed[package] = true;
                    self.follow(package, package, &mut vec![package]);
                }
            } else if self.bulk[package] == Bulk::Root && !self.followed[package] {
                self.followed[package] = true;
                if self.summaries[package].nature == Nature::Transparent {
                    self.follow_meta(package);
                }
            }
        }
    }

    /// The dependencies of a root without files are roots.
    fn follow_meta(&mut self, package: usize) {
        let name = self.packages[package].name.clone();
        for edge in &self.packages[package].requires {
            if self.packages[edge.to].role == Role::Provider {
                continue;
            }
            let relation = edge.relation.clone();
            let reason = Reason::Meta {
                package: name.clone(),
                relation,
            };
            self.as_root(edge.to, Some(&reason));
        }
    }

    /// What a package adds to those of its files that were reached: configuration and data for a program, code for an
    /// interpreter.
    fn own_content(&mut self, package: usize, _by: FileRef) {
        if self.bulk[package] != Bulk::None || self.is_limited(package) {
            return;
        }
        let program = self.reasons[package]
            .iter()
            .enumerate()
            .find_map(|(entry, reason)| {
                let file = FileRef { package, entry };
                let facts = self.facts(file);
                let program = facts.class == Class::Bins && facts.entry.is_file();
                (reason.is_some() && program).then_some(file)
            });
        let Some(by) = program else { return };
        self.bulk[package] = Bulk::Data { source: true };
        let provider = self.packages[package].role == Role::Provider;
        let reason = Reason::Program { by };
        self.choose_all(package, &reason, |file| match file.class {
            Class::Source => true,
            Class::Config | Class::Data | Class::Modules => !provider,
            _ => false,
        });
        if provider {
            return;
        }
        self.choose_empty_dirs(package, &reason);
        for (entry, facts) in self.packages[package].facts.files.iter().enumerate() {
            let file = FileRef { package, entry };
            if facts.class == Class::Bins {
                if let Some(program) = self.script_program(file) {
                    if self.reason(file).is_none() {
                        self.secondary.push(Secondary { file, program });
                    }
                }
            }
        }
    }

    /// Whether the spec names single capabilities of the package.
    fn is_limited(&self, package: usize) -> bool {
        matches!(&self.packages[package].role, Role::Root { capabilities } if !capabilities.is_empty())
    }

    /// Decides on what `through` depends on, on behalf of `package`, which is in.
    fn follow(&mut self, package: usize, through: usize, seen: &mut Vec<usize>) {
        let Some(by) = self.first[package] else {
            return;
        };
        let input = &self.packages[package];
        let root = self.bulk[package] == Bulk::Root;
        for edge in &self.packages[through].requires {
            let to = edge.to;
            let role = &self.packages[to].role;
            if !matches!(role, Role::Dependency) || seen.contains(&to) {
                continue;
            }
            let summary = &self.summaries[to];
            let sibling = self.packages[to].source == input.source;
            let relation = edge.relation.clone();
            let modular = root || matches!(self.bulk[package], Bulk::Data { .. });
            match summary.nature {
                Nature::Transparent => {
                    seen.push(to);
                    self.follow(package, to, seen);
                }
                Nature::Data => {
                    let reason = if sibling {
                        Reason::Sibling { by, relation }
                    } else {
                        Reason::Data { by, relation }
                    };
                    self.as_data(to, &reason, sibling);
                }
                Nature::Code if sibling && root => {
                    self.as_root(to, Some(&Reason::Sibling { by, relation }));
                }
                Nature::Library if sibling && modular => {
                    self.as_data(to, &Reason::Sibling { by, relation }, true);
                }
                Nature::Code | Nature::Library => {}
            }
        }
    }

    /// Takes a package's configuration, data and modules, and its code when `source` says so.
    fn as_data(&mut self, package: usize, reason: &Reason, source: bool) {
        match self.bulk[package] {
            Bulk::None => {}
            Bulk::Data { source: false } if source => {}
            _ => return,
        }
        self.bulk[package] = Bulk::Data { source };
        self.choose_all(package, reason, |file| match file.class {
            Class::Config | Class::Data | Class::Modules => true,
            Class::Source => source,
            _ => false,
        });
        self.choose_empty_dirs(package, reason);
        self.waiting[package] = !source && self.summaries[package].has_source;
        for (entry, facts) in self.packages[package].facts.files.iter().enumerate() {
            let file = FileRef { package, entry };
            if facts.class == Class::Bins && self.reason(file).is_none() {
                if let Some(program) = self.script_program(file) {
                    self.secondary.push(Secondary { file, program });
                }
            }
        }
    }

    /// Takes code and secondary scripts whose interpreter is in the image.
    fn interpreted(&mut self) {
        for package in 0..self.packages.len() {
            if !self.waiting[package] {
                continue;
            }
            for (entry, facts) in self.packages[package].facts.files.iter().enumerate() {
                if facts.class != Class::Source || facts.entry.is_directory() {
                    continue;
                }
                let interpreter = interpreter_of(facts.entry.path.as_bytes());
                let by = interpreter.and_then(|name| self.interpreters.get(name).copied());
                if let Some(by) = by {
                    self.choose_in_bulk(FileRef { package, entry }, Reason::Interpreted { by });
                }
            }
        }
        let waiting = std::mem::take(&mut self.secondary);
        for script in waiting {
            match self.present(&script.program) {
                Some(by) => self.choose_in_bulk(script.file, Reason::Interpreted { by }),
                None => self.secondary.push(script),
            }
        }
    }

    /// The chosen file that runs scripts for `program`.
    fn present(&self, program: &str) -> Option<FileRef> {
        let at = |path: &str| match self.tree.resolve(path.as_bytes()).map(|r| r.end) {
            Ok(Found::Entry(end)) if self.reason(end).is_some() => Some(end),
            _ => None,
        };
        if program.contains('/') {
            at(program)
        } else {
            PATH.iter().find_map(|dir| at(&format!("{dir}/{program}")))
        }
    }

    /// The interpreters that a package's code waits for.
    pub(super) fn awaited(&self, package: usize) -> Option<&'static str> {
        let files = &self.packages[package].facts.files;
        let source = files.iter().filter(|f| f.class == Class::Source);
        source
            .filter_map(|f| interpreter_of(f.entry.path.as_bytes()))
            .next()
    }

    /// Whether the package was to be taken beyond single files.
    pub(super) fn was_wanted(&self, package: usize) -> bool {
        self.bulk[package] != Bulk::None
    }

    /// Whether a package that is in depends on it, directly or through packages without files.
    pub(super) fn is_reached(&self, package: usize) -> bool {
        let mut stack = vec![package];
        let mut seen = HashSet::from([package]);
        while let Some(at) = stack.pop() {
            for (from, input) in self.packages.iter().enumerate() {
                if !input.requires.iter().any(|edge| edge.to == at) {
                    continue;
                }
                if self.first[from].is_some() || self.was_wanted(from) {
                    return true;
                }
                let transparent = self.summaries[from].nature == Nature::Transparent;
                if transparent && seen.insert(from) {
                    stack.push(from);
                }
            }
        }
        false
    }
}

/// Whether a link may point there though nothing of an image lies there: what the engine mounts or a program makes.
pub(crate) fn is_made_at_run_time(path: &[u8]) -> bool {
    [
        &b"proc/"[..],
        b"dev/",
        b"run/",
        b"sys/",
        b"tmp/",
        b"var/run/",
    ]
    .iter()
    .any(|top| path.starts_with(top) || path == &top[..top.len() - 1])
}
