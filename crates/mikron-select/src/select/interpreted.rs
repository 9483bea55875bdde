//! How code of interpreted languages gets into an image.
//!
//! Code does nothing without its interpreter. Where a root is code, the interpreter among its dependencies comes with it; and
//! what code depends on is followed from package to package as imports would be, whatever else those packages have.

use std::collections::{HashSet, VecDeque};

use mikron_facts::languages::{
    LANGUAGES, Language, code_of, emulator, interpreter_at, is_interpreter,
};
use mikron_facts::{Class, is_in_bin_dir};

use super::closure::{Bulk, Closure};
use super::packages::Nature;
use super::{FileRef, Reason, Role};

impl Closure<'_> {
    /// Notes an interpreter that was chosen, or the language of a script.
    pub(super) fn note_language(&mut self, file: FileRef) {
        let facts = self.facts(file);
        let path = facts.entry.path.as_bytes();
        if let Some(elf) = &facts.elf
            && let Some(name) = interpreter_at(path)
        {
            // A server loads the interpreter as a module of its own: libphp8.2.so.
            let library = facts.entry.path.file_name().unwrap_or_default();
            let linked = facts.class == Class::Libs
                || (facts.class == Class::Modules && library.starts_with(b"lib"));
            if elf.is_executable() || linked {
                self.interpreters.entry(name).or_insert(file);
            }
        }
        if facts.class == Class::Bins
            && let Some(script) = &facts.script
            && let Some(name) = interpreter_at(script.program().as_bytes())
        {
            self.spoken.insert((file.package, name));
        }
        // The package ruby has a link to the interpreter in ruby3.1, and depends on code that every program of Ruby begins with.
        if facts.link_target().is_some()
            && is_in_bin_dir(&super::merged(path))
            && let Some(name) = facts.entry.path.file_name()
            && let Some(language) = LANGUAGES.iter().find(|own| is_interpreter(name, own))
        {
            self.spoken.insert((file.package, language.name));
        }
    }

    /// Brings the interpreters of roots that are code, where the image has none so far.
    pub(super) fn bring_interpreters(&mut self) {
        for package in 0..self.packages.len() {
            if self.bulk[package] != Bulk::Root {
                continue;
            }
            let Some(by) = self.first[package] else {
                continue;
            };
            for language in self.summaries[package].languages.clone() {
                if !self.is_for_code(package, language) {
                    continue;
                }
                let brought = self.interpreter_for(package, language);
                // Of an emulator a library or a part may be there that cannot be started: what starts it is asked for.
                let is_there = match emulator(language) {
                    Some(_) => brought.iter().all(|file| self.reason(*file).is_some()),
                    None => self.is_interpreted(language),
                };
                if is_there {
                    continue;
                }
                for file in brought {
                    self.engines.insert(file.package);
                    let interpreter = language.to_owned();
                    self.choose(file, Reason::Code { by, interpreter });
                }
            }
        }
    }

    /// Whether a root is there for its code. Who extends an emulator is so with a compiled program beside the code too, where the spec
    /// names no program and the package depends on the emulator.
    fn is_for_code(&self, package: usize, language: &str) -> bool {
        let extends = || {
            let mut programs = emulator(language).into_iter().flat_map(Language::programs);
            self.wanted.programs.is_empty() && programs.any(|name| self.states(package, name))
        };
        !self.summaries[package].compiled_on_path || extends()
    }

    /// Whether the image runs code of a language: by a program, or by a program of a root that is linked with the interpreter.
    fn is_interpreted(&self, language: &str) -> bool {
        let program = |file: &FileRef| self.facts(*file).class == Class::Bins;
        self.interpreters.get(language).is_some_and(|file| {
            program(file) || (0..self.packages.len()).any(|package| self.starts_itself(package))
        })
    }

    /// Whether a package is a root with a compiled program.
    fn starts_itself(&self, package: usize) -> bool {
        self.bulk[package] == Bulk::Root && self.is_compiled(package)
    }

    /// The programs that interpret a language, of the package that has some and is nearest among the dependencies.
    fn interpreter_for(&self, package: usize, name: &str) -> Vec<FileRef> {
        let Some(language) = LANGUAGES.iter().find(|language| language.name == name) else {
            return Vec::new();
        };
        let mut queue = VecDeque::from([package]);
        let mut seen = HashSet::from([package]);
        while let Some(at) = queue.pop_front() {
            let files = self.packages[at].facts.files.iter().enumerate();
            let programs = files.filter(|(_, file)| {
                let path = file.entry.path.as_bytes();
                let name = file.entry.path.file_name().unwrap_or_default();
                file.class == Class::Bins
                    && !file.entry.is_directory()
                    && is_interpreter(name, language)
                    && (file.elf.is_some() || is_in_bin_dir(path))
            });
            let found: Vec<FileRef> = programs
                .map(|(entry, _)| FileRef { package: at, entry })
                .filter(|file| !self.is_removed(*file))
                .collect();
            if !found.is_empty() {
                return found;
            }
            for edge in &self.packages[at].requires {
                if seen.insert(edge.to) {
                    queue.push_back(edge.to);
                }
            }
        }
        Vec::new()
    }

    /// The language in which a package goes on with another's code: a root does so in any, the package of an interpreter in its
    /// own, and code in that which it is written in.
    pub(super) fn common_language(&self, package: usize, code: usize) -> Option<&'static str> {
        let root = self.bulk[package] == Bulk::Root;
        let source = &self.packages[package].source;
        let own = |language: &&&'static str| {
            let interpreter = self.interpreters.get(**language);
            root || self.summaries[package].languages.contains(*language)
                || self.spoken.contains(&(package, **language))
                || interpreter.is_some_and(|file| self.packages[file.package].source == *source)
        };
        self.summaries[code].languages.iter().find(own).copied()
    }

    /// The language whose interpreter is in the image and of the same source as a package.
    pub(super) fn language_of_source(&self, package: usize) -> Option<&'static str> {
        let source = &self.packages[package].source;
        let mut interpreters = self.interpreters.iter();
        let own = interpreters.find(|(_, file)| self.packages[file.package].source == *source);
        own.map(|(language, _)| *language)
    }

    /// Takes the code that waits for interpreters that have come.
    pub(super) fn awaited_code(&mut self) {
        for (package, language, reason) in std::mem::take(&mut self.code) {
            if self.interpreters.contains_key(language) {
                self.as_code(package, &reason);
            } else {
                self.code.push((package, language, reason));
            }
        }
    }

    /// Takes the code that lies beside a chosen library in its package, where the image interprets it: an interpreter that is a
    /// library reads its own when it starts (`init.tcl` beside `libtcl8.6.so`), and so do libraries for it (`tk.tcl`).
    pub(super) fn own_code(&mut self, package: usize) {
        let summary = &self.summaries[package];
        if summary.languages.is_empty() || summary.nature != Nature::Library {
            return;
        }
        let library = |entry: &usize| {
            self.packages[package].facts.files[*entry].class == Class::Libs
                && self.reasons[package][*entry].is_some()
        };
        if !(0..self.reasons[package].len()).any(|entry| library(&entry)) {
            return;
        }
        for language in summary.languages.clone() {
            if let Some(by) = self.interpreters.get(language).copied() {
                let reason = Reason::Interpreted { by };
                self.choose_all(package, &reason, |file| code_of(file) == Some(language));
            }
        }
    }

    /// Takes a package for its code: with it all that is no program, and programs that nobody but the package itself starts.
    fn as_code(&mut self, package: usize, reason: &Reason) {
        if matches!(self.bulk[package], Bulk::Root | Bulk::Whole)
            || matches!(self.packages[package].role, Role::Given | Role::Provider)
        {
            return;
        }
        self.bulk[package] = Bulk::Data { source: true };
        self.coded.push(package);
        self.choose_all(package, reason, |file| {
            matches!(
                file.class,
                Class::Config | Class::Data | Class::Modules | Class::Source
            )
        });
        self.choose_private_programs(package, reason);
        self.choose_empty_dirs(package, reason);
    }

    /// Takes the compiled programs of a package that lie where only its own programs and code look.
    pub(super) fn choose_private_programs(&mut self, package: usize, reason: &Reason) {
        self.choose_all(package, reason, |file| {
            file.class == Class::Bins
                && file.elf.is_some()
                && !is_in_bin_dir(&super::merged(file.entry.path.as_bytes()))
        });
    }

    /// Whether a file is code of a language that the image is about: a root's interpreter runs it, or a root is written in it.
    pub(super) fn is_extension_of_root(&self, file: FileRef) -> bool {
        let Some(language) = code_of(self.facts(file)) else {
            return false;
        };
        let interpreter = self.interpreters.get(language);
        interpreter.is_some_and(|file| self.is_root_or_sibling(*file))
            || (0..self.packages.len()).any(|package| {
                self.bulk[package] == Bulk::Root
                    && (self.summaries[package].languages.contains(&language)
                        || self.spoken.contains(&(package, language)))
                    && !self.summaries[package].compiled_on_path
            })
    }
}
