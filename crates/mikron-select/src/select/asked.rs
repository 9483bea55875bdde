//! What passes ask of the state.

use std::borrow::Cow;
use std::collections::HashSet;

use mikron_facts::{Class, FileFacts, ScriptCall, is_in_bin_dir};

use super::packages::Nature;
use super::state::{Bulk, PATH, State};
use super::{FileRef, Found, PackageInput, Reason, Role};

impl<'a> State<'a> {
    /// A figure that grows with every decision.
    pub(super) fn progress(&self) -> usize {
        self.chosen
            .bulk
            .iter()
            .filter(|bulk| **bulk != Bulk::None)
            .count()
            + self
                .seen
                .followed
                .iter()
                .filter(|followed| **followed)
                .count()
            + self.chosen.first.iter().flatten().count()
            + self.seen.examinations
    }

    pub(super) fn facts(&self, file: FileRef) -> &'a FileFacts {
        &self.known.packages[file.package].facts.files[file.entry]
    }

    /// The entries of a package with their facts.
    pub(super) fn files(
        &self,
        package: usize,
    ) -> impl Iterator<Item = (FileRef, &'a FileFacts)> + use<'a> {
        let files = self.known.packages[package].facts.files.iter().enumerate();
        files.map(move |(entry, facts)| (FileRef { package, entry }, facts))
    }

    /// The first entry of any package that is meant.
    pub(super) fn find(&self, is_it: impl Fn(&FileFacts) -> bool) -> Option<FileRef> {
        let packages = 0..self.known.packages.len();
        let mut all = packages.flat_map(|package| self.files(package));
        all.find(|(_, facts)| is_it(facts)).map(|(file, _)| file)
    }

    /// Where a file lies, as it is looked up.
    pub(super) fn path(&self, file: FileRef) -> Cow<'a, [u8]> {
        let path = self.facts(file).entry.path.as_bytes();
        self.known.tree.normal(path)
    }

    /// What a path leads to.
    pub(super) fn end(&self, path: &[u8]) -> Option<Found> {
        self.known.tree.resolve(path).ok().map(|way| way.end)
    }

    pub(super) fn reason(&self, file: FileRef) -> Option<&Reason> {
        self.chosen.reasons[file.package][file.entry].as_deref()
    }

    pub(super) fn is_removed(&self, file: FileRef) -> bool {
        self.known.removed.contains(&file)
    }

    /// Whether a program lies in the tree, chosen or not.
    pub(super) fn is_there(&self, program: &str) -> bool {
        let at = |path: &str| {
            let found = self.end(path.trim_start_matches('/').as_bytes());
            found.is_some_and(|found| found != Found::Implied)
        };
        if program.contains('/') {
            at(program)
        } else {
            PATH.iter().any(|dir| at(&format!("{dir}/{program}")))
        }
    }

    /// The chosen file that runs scripts for `program`.
    pub(super) fn present(&self, program: &str) -> Option<FileRef> {
        let at = |path: &str| match self.end(path.as_bytes()) {
            Some(Found::Entry(end)) if self.reason(end).is_some() => Some(end),
            _ => None,
        };
        if program.contains('/') {
            at(program)
        } else {
            PATH.iter().find_map(|dir| at(&format!("{dir}/{program}")))
        }
    }

    /// The interpreter of a program that is a script, links followed.
    pub(super) fn script_program(&self, file: FileRef) -> Option<String> {
        let path = self.path(file);
        let end = match self.end(&path) {
            Some(Found::Entry(end)) => end,
            _ => file,
        };
        self.facts(end)
            .script
            .as_ref()
            .map(|script| script.program().to_owned())
    }

    /// Where a command lies: at its path, beside the script, or on `PATH`.
    pub(super) fn find_command(&self, by: FileRef, command: &str) -> Option<Vec<u8>> {
        let there =
            |path: &[u8]| matches!(self.end(path), Some(Found::Entry(_) | Found::Provided(_)));
        if command.contains('/') {
            let path = command.trim_start_matches('/').as_bytes().to_vec();
            return (command.starts_with('/') && there(&path)).then_some(path);
        }
        let own = self.path(by);
        let beside = [super::tree::parent(&own), b"/", command.as_bytes()].concat();
        let on_path = PATH
            .iter()
            .map(|dir| format!("{dir}/{command}").into_bytes());
        [beside].into_iter().chain(on_path).find(|path| there(path))
    }

    /// Whether a command that a script calls is in the image so far.
    pub(super) fn has_command(&self, script: FileRef, command: &str) -> bool {
        let path = self.find_command(script, command);
        match path.and_then(|path| self.end(&path)) {
            Some(Found::Entry(end)) => self.reason(end).is_some(),
            Some(Found::Provided(_)) => true,
            _ => false,
        }
    }

    /// The first command that a script cannot do without and that is not in the image so far.
    pub(super) fn lacks(&self, file: FileRef) -> Option<&str> {
        let script = self.facts(file).script.as_ref()?;
        let needs = |call: &&ScriptCall| {
            !call.optional && !call.tolerated && !call.command.starts_with('$')
        };
        let mut needed = script.calls.iter().filter(needs);
        let lacking = needed.find(|call| !self.has_command(file, &call.command))?;
        Some(&lacking.command)
    }

    /// Whether a package depends on who has a program, or on another package that does (`python3` depends on `python3-minimal`).
    pub(super) fn states(&self, package: usize, program: &str) -> bool {
        let name = program.rsplit('/').next().unwrap_or(program).as_bytes();
        let has = |package: &usize| {
            let mut files = self.known.packages[*package].facts.files.iter();
            files.any(|file| {
                file.class == Class::Bins
                    && file.entry.path.file_name() == Some(name)
                    && is_in_bin_dir(file.entry.path.as_bytes())
            })
        };
        let direct = || {
            self.known.packages[package]
                .requires
                .iter()
                .map(|edge| edge.to)
        };
        let through = |package: usize| {
            self.known.packages[package]
                .requires
                .iter()
                .map(|edge| edge.to)
        };
        direct().any(|to| has(&to)) || direct().flat_map(through).any(|to| has(&to))
    }

    /// The capability by which the build does the work of a program.
    pub(super) fn is_done(&self, file: FileRef) -> Option<String> {
        let name = self.known.packages[file.package].name.as_str();
        let path = &self.facts(file).entry.path;
        let definition = self.known.wanted.definitions.instead_of(name, path)?;
        Some(definition.capability.clone())
    }

    /// Whether a package, or a part of it that it depends on, has a compiled program.
    pub(super) fn is_compiled(&self, package: usize) -> bool {
        let input = &self.known.packages[package];
        let sibling = |to: usize| {
            self.known.packages[to].source == input.source && self.known.summaries[to].compiled
        };
        self.known.summaries[package].compiled || input.requires.iter().any(|edge| sibling(edge.to))
    }

    /// Whether the spec names single capabilities of the package.
    pub(super) fn is_limited(&self, package: usize) -> bool {
        match &self.known.packages[package].role {
            Role::Root { whole, .. } => !whole,
            role => *role == Role::Given,
        }
    }

    /// Whether a file is of a root or of an interpreter that one brought, or of the same source (`libpython3.11.so.1.0`).
    pub(super) fn is_root_or_sibling(&self, file: FileRef) -> bool {
        let source = &self.known.packages[file.package].source;
        let named = |(package, input): (usize, &PackageInput)| {
            let root = matches!(input.role, Role::Root { .. })
                || self.known.heirs[package].is_some()
                || self.languages.engines.contains(&package)
                || self.chosen.bulk[package] == Bulk::Root;
            root && input.source == *source
        };
        self.known.packages.iter().enumerate().any(named)
    }

    /// Whether a package is a companion of which nothing runs: what it depends on serves its programs.
    pub(super) fn is_idle(&self, package: usize) -> bool {
        let runs = |entry: usize| {
            let class = self.known.packages[package].facts.files[entry].class;
            !matches!(class, Class::Config | Class::Data)
        };
        let mut chosen = (0..self.chosen.reasons[package].len())
            .filter(|at| self.chosen.reasons[package][*at].is_some());
        self.waiting
            .companions
            .iter()
            .any(|(known, _)| *known == package)
            && !chosen.any(runs)
    }

    /// Whether the package was to be taken beyond single files.
    pub(super) fn was_wanted(&self, package: usize) -> bool {
        self.chosen.bulk[package] != Bulk::None
    }

    /// Whether a package that is in depends on it, directly or through packages without files.
    pub(super) fn is_reached(&self, package: usize) -> bool {
        let mut stack = vec![package];
        let mut seen = HashSet::from([package]);
        while let Some(at) = stack.pop() {
            for (from, input) in self.known.packages.iter().enumerate() {
                if !input.requires.iter().any(|edge| edge.to == at) {
                    continue;
                }
                let is_in = self.chosen.first[from].is_some() || self.was_wanted(from);
                if is_in && !self.is_idle(from) {
                    return true;
                }
                let transparent = self.known.summaries[from].nature == Nature::Transparent;
                if transparent && seen.insert(from) {
                    stack.push(from);
                }
            }
        }
        false
    }
}
