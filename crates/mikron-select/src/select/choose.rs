//! How a file is chosen, and what it takes to say that one is not there.

use std::sync::Arc;

use mikron_facts::{Class, FileFacts, is_in_bin_dir};

use super::state::{Bulk, PATH, Secondary, State};
use super::tree::Unresolved;
use super::{
    FileRef, Found, LookedFor, MissingCause, Reason, Role, Select, Token, Want, interpreted, walk,
};

impl State<'_> {
    pub(super) fn choose(&mut self, file: FileRef, reason: impl Into<Arc<Reason>>) {
        self.choose_below(file, reason, &Arc::from([]));
    }

    pub(super) fn choose_below(
        &mut self,
        file: FileRef,
        reason: impl Into<Arc<Reason>>,
        run_path: &Arc<[String]>,
    ) {
        if self.known.removed.contains(&file) {
            return;
        }
        let slot = &mut self.chosen.reasons[file.package][file.entry];
        let new = slot.is_none();
        if new {
            *slot = Some(reason.into());
            let facts = self.facts(file);
            if !facts.entry.is_directory() && self.chosen.first[file.package].is_none() {
                self.chosen.first[file.package] = Some(file);
            }
            interpreted::note_language(self, file);
        }
        // A file that is reached a second way is walked again only when it inherits other run paths, and one of an image below never.
        let below = &self.known.packages[file.package].below;
        if new || (!run_path.is_empty() && !below.contains(&file.entry)) {
            self.chosen.queue.push_back((file, Arc::clone(run_path)));
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
        let reason = Arc::new(reason.clone());
        for (file, facts) in self.files(package) {
            if !facts.entry.is_directory() && which(facts) {
                self.choose_in_bulk(file, Arc::clone(&reason));
            }
        }
        if matches!(*reason, Reason::Spec) {
            for (file, facts) in self.files(package) {
                if facts.entry.is_directory() {
                    self.choose(file, Arc::clone(&reason));
                }
            }
        }
    }

    pub(super) fn choose_in_bulk(&mut self, file: FileRef, reason: impl Into<Arc<Reason>>) {
        let reason = reason.into();
        if self.reason(file).is_some() || self.known.removed.contains(&file) {
            return;
        }
        let facts = self.facts(file);
        if self.is_of_rule_alone(facts, &reason) {
            return;
        }
        if facts.link_target().is_some() && !matches!(*reason, Reason::Spec) {
            let path = self.path(file);
            if self.known.tree.resolve(&path).is_err() {
                let full = matches!(
                    *reason,
                    Reason::Package {
                        select: Select::Full
                    }
                );
                if full {
                    self.chosen.reasons[file.package][file.entry] = Some(Arc::clone(&reason));
                }
                match self
                    .chosen
                    .dangling
                    .iter_mut()
                    .find(|(known, _)| *known == file)
                {
                    Some((_, known)) => *known = reason,
                    None => self.chosen.dangling.push((file, reason)),
                }
                return;
            }
            // A link to a script is as much of a reason for its interpreter as the script.
            let with_package = matches!(
                *reason,
                Reason::Data { .. } | Reason::Sibling { .. } | Reason::Program { .. }
            );
            if with_package && let Some(program) = self.script_program(file) {
                self.waiting.secondary.push(Secondary { file, program });
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
        with_package && self.known.rules.keeps(facts.entry.path.as_bytes())
    }

    pub(super) fn choose_empty_dirs(&mut self, package: usize, reason: &Reason) {
        for entry in self.known.summaries[package].empty_dirs.clone() {
            self.choose(FileRef { package, entry }, reason.clone());
        }
    }

    /// Takes the compiled programs of a package that lie where only its own programs and code look.
    pub(super) fn choose_private_programs(&mut self, package: usize, reason: &Reason) {
        self.choose_all(package, reason, |file| {
            file.class == Class::Bins
                && file.elf.is_some()
                && !is_in_bin_dir(&super::merged(file.entry.path.as_bytes()))
        });
    }

    /// Takes a package's configuration, data and modules, and its code when `source` says so.
    pub(super) fn as_data(&mut self, package: usize, reason: &Reason, source: bool) {
        if self.known.packages[package].role == Role::Given {
            return;
        }
        match self.chosen.bulk[package] {
            Bulk::None => {}
            Bulk::Data { source: false } if source => {}
            _ => return,
        }
        self.chosen.bulk[package] = Bulk::Data { source };
        self.choose_all(package, reason, |file| match file.class {
            Class::Config | Class::Data | Class::Modules => true,
            Class::Source => source,
            _ => false,
        });
        self.choose_empty_dirs(package, reason);
        self.waiting.sources[package] = !source && self.known.summaries[package].has_source;
        self.wait_with_scripts(package);
    }

    /// Lets the scripts of a package that were not chosen wait for their interpreters.
    pub(super) fn wait_with_scripts(&mut self, package: usize) {
        for (file, facts) in self.files(package) {
            if facts.class == Class::Bins
                && self.reason(file).is_none()
                && let Some(program) = self.script_program(file)
            {
                self.waiting.secondary.push(Secondary { file, program });
            }
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
        match self.known.tree.resolve(&absolute) {
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
            walk::note_named(self, file);
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

    /// A library that a file which is no ELF file needs: the first of that name that runs on the platform.
    pub(super) fn choose_library_by_name(&mut self, soname: &str, reason: &Reason) -> bool {
        let named = |facts: &FileFacts| {
            facts.class == Class::Libs && facts.entry.path.file_name() == Some(soname.as_bytes())
        };
        let Some(library) = self.find(named) else {
            return false;
        };
        self.choose(library, reason.clone());
        true
    }

    pub(super) fn why_absent(&self, path: &[u8]) -> MissingCause {
        let is_it = |file: &&FileRef| {
            let entry = self.facts(**file).entry.path.as_bytes();
            *self.known.tree.normal(entry) == *path
        };
        let mut removed: Vec<FileRef> = self.known.removed.iter().filter(is_it).copied().collect();
        removed.sort_unstable();
        match removed.first() {
            Some(file) => MissingCause::Removed {
                path: self.facts(*file).entry.path.clone(),
            },
            None => MissingCause::Absent,
        }
    }

    pub(super) fn miss(&mut self, token: Token, by: Option<FileRef>, cause: MissingCause) {
        self.lacking.missing.entry((token, by)).or_insert(cause);
    }

    /// Asks for a command that packages beside the closure may have.
    pub(super) fn want_command(&mut self, program: &str) {
        let name = program.rsplit('/').next().unwrap_or(program).to_owned();
        let want = Want {
            packages: Vec::new(),
            looked_for: LookedFor::Command(name),
        };
        if !self.lacking.wants.contains(&want) {
            self.lacking.wants.push(want);
        }
    }
}
