//! What one chosen file needs: link targets, interpreters, libraries, and what the rules add.

use std::sync::Arc;

use mikron_facts::{Class, DlopenPriority, ElfFacts, is_in_bin_dir};

use super::closure::Closure;
use super::loader::{Lookup, runs_on};
use super::tree::Unresolved;
use super::{FileRef, Found, Loader, MissingCause, Reason, Role, Token};

impl<'a> Closure<'a> {
    pub(super) fn drain(&mut self) {
        while let Some((file, run_path)) = self.queue.pop_front() {
            let new = if run_path.is_empty() {
                !std::mem::replace(&mut self.walked[file.package][file.entry], true)
            } else {
                self.walked_below.insert((file, Arc::clone(&run_path)))
            };
            if new {
                self.walk(file, &run_path);
            }
        }
    }

    /// Follows what one chosen file needs.
    pub(super) fn walk(&mut self, file: FileRef, run_path: &Arc<[String]>) {
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
        if let Some(elf) = facts.elf.as_deref()
            && runs_on(elf, self.wanted.platform)
        {
            self.walk_elf(file, elf, &path, run_path);
        }
        self.walk_script(file);
    }

    /// Follows what a chosen script needs, where somebody starts it.
    fn walk_script(&mut self, file: FileRef) {
        let facts = self.facts(file);
        let Some(script) = &facts.script else { return };
        let own = self.packages[file.package].role == Role::Files;
        if facts.entry.mode & 0o111 == 0 || !(own || self.is_started(file)) {
            return;
        }
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
        self.calls(file, script);
    }

    /// Notes that something names a file to be run or read by a shell. One that was chosen before is looked at once more.
    pub(super) fn note_named(&mut self, file: FileRef) {
        if self.facts(file).script.is_some()
            && self.named.insert(file)
            && self.reason(file).is_some()
        {
            self.walk_script(file);
        }
    }

    /// Whether somebody starts a script: something names it, wherever it lies, or it is a program and did not come with a whole
    /// package that keeps it where nobody looks (examples and tests, whose interpreters nobody asked for).
    fn is_started(&self, file: FileRef) -> bool {
        let facts = self.facts(file);
        if self.named.contains(&file) {
            return true;
        }
        let whole = matches!(self.reason(file), Some(Reason::Package { .. }));
        let path = self.tree.normal(facts.entry.path.as_bytes());
        match facts.class {
            Class::Bins => !whole || is_in_bin_dir(&path),
            // `/usr/bin/tool -> ../share/nodejs/tool/cli.js`: code that is called as a program.
            Class::Source | Class::Data => self.is_linked_as_program(file),
            _ => false,
        }
    }

    /// Whether a chosen link of the same package, where programs lie, leads to a file.
    fn is_linked_as_program(&self, file: FileRef) -> bool {
        let files = &self.packages[file.package].facts.files;
        files.iter().enumerate().any(|(entry, link)| {
            let at = FileRef { entry, ..file };
            link.link_target().is_some() && self.reason(at).is_some() && {
                let path = self.tree.normal(link.entry.path.as_bytes());
                let leads = |path: &[u8]| match self.tree.resolve(path).map(|way| way.end) {
                    Ok(Found::Entry(end)) => end == file,
                    _ => false,
                };
                is_in_bin_dir(&path) && leads(&path)
            }
        })
    }

    pub(super) fn walk_elf(
        &mut self,
        file: FileRef,
        elf: &'a ElfFacts,
        path: &[u8],
        above: &Arc<[String]>,
    ) {
        if let Some(interpreter) = &elf.interpreter {
            // Libraries that can be started by themselves (libc.so.6) name their loader, too; loaded, they do not need it.
            let reason = Reason::Interpreter { by: file };
            if elf.is_executable()
                && let Err(cause) = self.choose_path(interpreter.as_bytes(), &reason)
            {
                self.miss(Token::Path(interpreter.clone()), Some(file), cause);
            }
        }
        let below: Arc<[String]> = Loader::inherited(elf, path, above).into();
        for soname in elf.filters.iter().chain(&elf.needed) {
            let reason = Reason::Needed {
                by: file,
                soname: soname.clone(),
            };
            self.library(file, elf, path, above, &below, soname, reason);
        }
        let found = |this: &Self, name: &String| {
            !matches!(
                this.loader.find(&this.tree, name, elf, path, above),
                Lookup::Absent(_)
            )
        };
        // What the file does without is taken where it is at hand; what it suggests is only listed.
        for soname in &elf.auxiliaries {
            if found(self, soname) {
                let reason = Reason::Needed {
                    by: file,
                    soname: soname.clone(),
                };
                self.library(file, elf, path, above, &below, soname, reason);
            }
        }
        for note in &elf.dlopen {
            let name = note.sonames.iter().find(|name| found(self, name));
            let name = match note.priority {
                DlopenPriority::Required => name.or(note.sonames.first()),
                DlopenPriority::Recommended => name,
                DlopenPriority::Suggested => None,
            };
            if let Some(name) = name {
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
    pub(super) fn library(
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
                if !above.is_empty() {
                    self.inherited.insert((by, soname.to_owned()));
                }
                if let Some(dir) = cached_dir
                    && !self.loader_dirs.contains(&dir)
                {
                    // The cache is made from the file that names the directory.
                    let packages = self.packages.iter().enumerate();
                    let conf = packages.flat_map(|(package, input)| {
                        let files = input.facts.files.iter().enumerate();
                        files.map(move |(entry, file)| (FileRef { package, entry }, file))
                    });
                    let mut conf = conf.filter(|(_, file)| file.loader_dirs.contains(&dir));
                    if let Some((conf, _)) = conf.next() {
                        self.choose(conf, reason.clone());
                    }
                    self.loader_dirs.push(dir);
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

    pub(super) fn removed_library(&self, soname: &str) -> MissingCause {
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
    pub(super) fn elsewhere(&mut self, soname: &str, elf: &ElfFacts) -> Vec<FileRef> {
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
}

/// Whether a link may point there though nothing of an image lies there: what the engine mounts or a program makes.
pub fn is_made_at_run_time(path: &[u8]) -> bool {
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
