//! What whole packages bring: roots, dependencies with run-time data, siblings of one source, code for interpreters.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use mikron_facts::languages::{code_of, language_of};
use mikron_facts::{Class, FileFacts, is_in_bin_dir};

use super::capabilities;
use super::closure::{Bulk, Closure, PATH, Secondary};
use super::packages::Nature;
use super::{FileRef, Found, LookedFor, MissingCause, Reason, Role, Select, Token, Want};
use crate::{Requirement, SelectError};

impl Closure<'_> {
    pub(super) fn seed(&mut self, package: usize) -> Result<(), SelectError> {
        self.seed_given(package);
        let input = &self.packages[package];
        let heir = self.heirs[package].clone();
        match &input.role {
            Role::Root { capabilities, .. } => {
                for name in capabilities {
                    self.seed_capability(package, name)?;
                }
            }
            Role::Dependency => {}
            Role::Given | Role::Provider | Role::Files => return Ok(()),
        }
        if input.role.is_whole_root() {
            self.as_root(package, None);
        } else if let Some(heir) = heir {
            self.as_root(package, Some(&heir.reason));
        }
        Ok(())
    }

    /// Takes packages as whole as the spec says, when all is in that roots reach: what nobody reaches comes for no other reason.
    pub(super) fn take_whole(&mut self) {
        for package in 0..self.packages.len() {
            let input = &self.packages[package];
            let taken = input.role.is_whole_root() || input.role == Role::Dependency;
            let heir = self.heirs[package].as_ref().and_then(|heir| heir.select);
            let select = heir.or(input.select).unwrap_or(self.wanted.select);
            if !taken || select == Select::Minimal {
                continue;
            }
            self.bulk[package] = Bulk::Whole;
            let reason = Reason::Package { select };
            let full = select == Select::Full;
            self.choose_all(package, &reason, |file| full || file.class.is_run_time());
            if full {
                let files = &input.facts.files;
                for entry in (0..files.len()).filter(|at| files[*at].entry.is_directory()) {
                    self.choose(FileRef { package, entry }, reason.clone());
                }
            } else {
                self.choose_empty_dirs(package, &reason);
            }
        }
    }

    /// Takes what is given, and with it what only the build reads.
    fn seed_given(&mut self, package: usize) {
        let input = &self.packages[package];
        for (entry, given) in &input.given {
            let file = FileRef {
                package,
                entry: *entry,
            };
            let reason = Reason::Capability {
                capability: given.capability.clone(),
                through: given.through.clone(),
            };
            if given.build_input {
                if !self.is_removed(file) {
                    self.inputs.push((file, reason.into()));
                }
            } else {
                self.choose(file, reason);
            }
        }
    }

    pub(super) fn seed_capability(
        &mut self,
        package: usize,
        name: &str,
    ) -> Result<(), SelectError> {
        let reason = Reason::Capability {
            capability: name.to_owned(),
            through: Vec::new(),
        };
        self.take_capability(package, name, &reason)
    }

    /// Takes a capability of a package, and what its definition requires.
    pub(super) fn take_capability(
        &mut self,
        package: usize,
        name: &str,
        reason: &Reason,
    ) -> Result<(), SelectError> {
        if !self.taken.insert((package, name.to_owned())) {
            return Ok(());
        }
        let part = capabilities::find(&self.packages[package], name, &self.wanted.definitions)?;
        for entry in part.files {
            self.choose(FileRef { package, entry }, reason.clone());
        }
        for entry in part.inputs {
            let file = FileRef { package, entry };
            if !self.inputs.iter().any(|(known, _)| *known == file) {
                self.inputs.push((file, reason.clone().into()));
            }
        }
        for requirement in part.requires {
            self.require(package, name, requirement)?;
        }
        Ok(())
    }

    /// Takes what a definition requires.
    fn require(
        &mut self,
        package: usize,
        capability: &str,
        requirement: Requirement,
    ) -> Result<(), SelectError> {
        let reason = Reason::Defined {
            capability: format!("{}:{capability}", self.packages[package].name),
            requirement: requirement.to_string(),
        };
        match requirement {
            Requirement::Capability {
                package: name,
                capability,
            } => match self.packages.iter().position(|p| p.name.as_str() == name) {
                Some(package) => return self.take_capability(package, &capability, &reason),
                None => self.want_package(name),
            },
            Requirement::Command(name) => {
                if !self.choose_command(&name, &reason) {
                    self.miss(Token::Command(name), None, MissingCause::Absent);
                }
            }
            Requirement::Path(path) => {
                if let Err(cause) = self.choose_path(path.as_bytes(), &reason) {
                    self.miss(Token::Path(path), None, cause);
                }
            }
            Requirement::Soname(name) => {
                if !self.choose_library_by_name(&name, &reason) {
                    self.miss(Token::Soname(name), None, MissingCause::Absent);
                }
            }
        }
        Ok(())
    }

    /// Asks for a package by name; where it cannot be had, the image is not closed.
    fn want_package(&mut self, name: String) {
        self.miss(
            Token::Package(name.clone(), None),
            None,
            MissingCause::Absent,
        );
        self.wants.push(Want {
            packages: vec![name],
            looked_for: LookedFor::Package,
        });
    }

    /// Takes a package as a root: named by the spec, or a part of one that is (`because`).
    pub(super) fn as_root(&mut self, package: usize, because: Option<&Reason>) {
        let whole = matches!(self.bulk[package], Bulk::Root | Bulk::Whole);
        if whole || self.packages[package].role == Role::Given {
            return;
        }
        self.bulk[package] = Bulk::Root;
        self.waiting[package] = false;
        let input = &self.packages[package];
        let compiled = self.is_compiled(package);
        let data = self.summaries[package].nature == Nature::Data;
        let library = self.summaries[package].nature == Nature::Library;
        // Of one program alone the root is what is asked for; of several one may be for a shell that nobody depends on.
        let programs =
            input.facts.files.iter().filter(|file| {
                file.class == Class::Bins && is_in_bin_dir(file.entry.path.as_bytes())
            });
        let several = programs.filter(|file| !file.entry.is_directory()).count() > 1;
        let mut reasons: BTreeMap<Class, Arc<Reason>> = BTreeMap::new();
        for (entry, facts) in input.facts.files.iter().enumerate() {
            let file = FileRef { package, entry };
            if facts.entry.is_directory() || !facts.class.is_run_time() {
                continue;
            }
            // A part of a root gives libraries by need, as every dependency does, unless it has nothing else.
            if because.is_some() && facts.class == Class::Libs && !library {
                continue;
            }
            if facts.class == Class::Bins
                && let Some(program) = self.script_program(file)
            {
                let own = self.is_named_after(package, facts);
                // Scripts for /bin/sh that the user of a root can call are its programs, and what they need is small.
                let path = self.tree.normal(facts.entry.path.as_bytes());
                let shell = matches!(program.rsplit('/').next(), Some("sh" | "dash" | "ash"));
                let own = own || (shell && because.is_none() && is_in_bin_dir(&path));
                // Where the spec names no program, every program of a root is asked for. Nobody states what every
                // installation has; of that bash is small.
                let all = because.is_none() && self.wanted.programs.is_empty();
                let brought = || program.ends_with("/bash") || self.states(package, &program);
                let own = own || (all && is_in_bin_dir(&path) && brought());
                let beside = several && !own && !self.is_there(&program);
                if beside {
                    self.want_command(&program);
                }
                if ((compiled || data) && !own) || beside {
                    self.secondary.push(Secondary { file, program });
                    continue;
                }
            }
            let class = facts.class;
            let reason = || because.cloned().unwrap_or(Reason::Root { class }).into();
            let reason = Arc::clone(reasons.entry(class).or_insert_with(reason));
            self.choose_in_bulk(file, reason);
        }
        let reason = because
            .cloned()
            .unwrap_or(Reason::Root { class: Class::Data });
        self.choose_empty_dirs(package, &reason);
    }

    /// Whether a package, or a part of it that it depends on, has a compiled program.
    pub(super) fn is_compiled(&self, package: usize) -> bool {
        let input = &self.packages[package];
        let sibling =
            |to: usize| self.packages[to].source == input.source && self.summaries[to].compiled;
        self.summaries[package].compiled || input.requires.iter().any(|edge| sibling(edge.to))
    }

    /// Whether a program on `PATH` has the name of its package or source, or the word that one begins with: `R` of `r-base`.
    fn is_named_after(&self, package: usize, program: &FileFacts) -> bool {
        let input = &self.packages[package];
        let path = program.entry.path.as_bytes();
        let file = program.entry.path.file_name().unwrap_or_default();
        let names = [input.name.as_str(), input.source.as_str()];
        let stems = names.map(|name| name.split('-').next().unwrap_or(name));
        let mut all = names.iter().chain(&stems);
        is_in_bin_dir(path) && all.any(|name| file.eq_ignore_ascii_case(name.as_bytes()))
    }

    /// Whether a program lies in the tree, chosen or not.
    pub(super) fn is_there(&self, program: &str) -> bool {
        let at = |path: &str| {
            let found = self.tree.resolve(path.trim_start_matches('/').as_bytes());
            found.is_ok_and(|found| found.end != Found::Implied)
        };
        if program.contains('/') {
            at(program)
        } else {
            PATH.iter().any(|dir| at(&format!("{dir}/{program}")))
        }
    }

    /// Whether a package depends on who has a program, or on another package that does (`python3` depends on `python3-minimal`).
    pub(super) fn states(&self, package: usize, program: &str) -> bool {
        let name = program.rsplit('/').next().unwrap_or(program).as_bytes();
        let has = |package: &usize| {
            let mut files = self.packages[*package].facts.files.iter();
            files.any(|file| {
                file.class == Class::Bins
                    && file.entry.path.file_name() == Some(name)
                    && is_in_bin_dir(file.entry.path.as_bytes())
            })
        };
        let direct = || self.packages[package].requires.iter().map(|edge| edge.to);
        let through = |package: usize| self.packages[package].requires.iter().map(|edge| edge.to);
        direct().any(|to| has(&to)) || direct().flat_map(through).any(|to| has(&to))
    }

    /// The interpreter of a program that is a script, links followed.
    pub(super) fn script_program(&self, file: FileRef) -> Option<String> {
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

    /// Decides on the dependencies of packages that are in.
    pub(super) fn follow_edges(&mut self) {
        for package in 0..self.packages.len() {
            if matches!(self.packages[package].role, Role::Files | Role::Given) {
                continue;
            }
            if let Some(by) = self.first[package] {
                self.own_content(package, by);
                if !self.followed[package] && !self.is_idle(package) {
                    self.followed[package] = true;
                    self.follow(package, package, &mut vec![package]);
                }
            }
        }
    }

    /// What a package adds to those of its files that were reached: configuration and data for a program, code for an
    /// interpreter.
    pub(super) fn own_content(&mut self, package: usize, _by: FileRef) {
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
        let Some(by) = program else {
            self.own_code(package);
            return;
        };
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
        self.choose_private_programs(package, &reason);
        self.choose_empty_dirs(package, &reason);
        for (entry, facts) in self.packages[package].facts.files.iter().enumerate() {
            let file = FileRef { package, entry };
            if facts.class == Class::Bins
                && let Some(program) = self.script_program(file)
                && self.reason(file).is_none()
            {
                self.secondary.push(Secondary { file, program });
            }
        }
    }

    /// Whether the spec names single capabilities of the package.
    pub(super) fn is_limited(&self, package: usize) -> bool {
        match &self.packages[package].role {
            Role::Root { whole, .. } => !whole,
            role => *role == Role::Given,
        }
    }

    /// Decides on what `through` depends on, on behalf of `package`, which is in.
    pub(super) fn follow(&mut self, package: usize, through: usize, seen: &mut Vec<usize>) {
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
                Nature::Code if sibling && root && self.is_companion(package, to) => {
                    self.as_companion(to, &Reason::Sibling { by, relation });
                }
                Nature::Code if sibling && root => {
                    self.as_root(to, Some(&Reason::Sibling { by, relation }));
                }
                Nature::Library if sibling && modular => {
                    self.as_data(to, &Reason::Sibling { by, relation }, true);
                }
                // A part of the language itself (`perl`, beside the interpreter in `perl-base`): its programs are left out,
                // its library is not, nor what it depends on for that.
                Nature::Code | Nature::Library => {
                    let reason = Reason::Data { by, relation };
                    if let Some(language) = self.language_of_source(to) {
                        self.choose_all(to, &reason, |file| code_of(file) == Some(language));
                        seen.push(to);
                        self.follow(package, to, seen);
                    } else if let Some(language) = self.common_language(package, to) {
                        self.code.push((to, language, reason));
                    }
                }
            }
        }
    }

    /// Takes a package's configuration, data and modules, and its code when `source` says so.
    pub(super) fn as_data(&mut self, package: usize, reason: &Reason, source: bool) {
        if self.packages[package].role == Role::Given {
            return;
        }
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
            if facts.class == Class::Bins
                && self.reason(file).is_none()
                && let Some(program) = self.script_program(file)
            {
                self.secondary.push(Secondary { file, program });
            }
        }
    }

    /// Takes code and secondary scripts whose interpreter is in the image.
    pub(super) fn interpreted(&mut self) {
        for package in 0..self.packages.len() {
            if !self.waiting[package] {
                continue;
            }
            for (entry, facts) in self.packages[package].facts.files.iter().enumerate() {
                if facts.class != Class::Source || facts.entry.is_directory() {
                    continue;
                }
                let interpreter = language_of(facts.entry.path.as_bytes());
                let by = interpreter.and_then(|name| self.interpreters.get(name).copied());
                if let Some(by) = by {
                    self.choose_in_bulk(FileRef { package, entry }, Reason::Interpreted { by });
                }
            }
        }
        let waiting = std::mem::take(&mut self.secondary);
        for script in waiting {
            // A script of a root brings what it calls. One of a dependency is there for the taking, and brings nothing.
            let root = self.bulk[script.file.package] == Bulk::Root;
            match self.present(&script.program) {
                Some(by) if root || self.lacks(script.file).is_none() => {
                    self.choose_in_bulk(script.file, Reason::Interpreted { by });
                }
                _ => self.secondary.push(script),
            }
        }
    }

    /// The chosen file that runs scripts for `program`.
    pub(super) fn present(&self, program: &str) -> Option<FileRef> {
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
                let is_in = self.first[from].is_some() || self.was_wanted(from);
                if is_in && !self.is_idle(from) {
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
