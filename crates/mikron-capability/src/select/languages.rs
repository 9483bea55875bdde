//! Code of interpreted languages: which language a file is code of, what interprets it, and how code gets into an image.
//!
//! Code does nothing without its interpreter. Where a root is code, the interpreter among its dependencies comes with it; and
//! what code depends on is followed from package to package as imports would be, whatever else those packages have.

use std::collections::{HashSet, VecDeque};

use super::closure::{Bulk, Closure};
use super::packages::Nature;
use super::{FileRef, Reason, Role};
use crate::classes::is_in_bin_dir;
use crate::{Class, FileFacts};

/// A language.
struct Language {
    /// The name of its interpreter, which stands for the language.
    name: &'static str,
    /// Directories of its code, by name, below those of libraries and data.
    dirs: &'static [&'static str],
    /// Whether names of such directories may go on: `python3.11`, `perl5`.
    versioned: bool,
    /// Other programs that run its code.
    others: &'static [&'static str],
    /// What the program of that name starts or is linked with, where the name is too short to be the beginning of others.
    engine: Option<&'static str>,
    /// How its library is called where that does not begin as the program does, without `lib`.
    library: Option<&'static str>,
}

const fn language(name: &'static str, dirs: &'static [&'static str], versioned: bool) -> Language {
    Language {
        name,
        dirs,
        versioned,
        others: &[],
        engine: None,
        library: None,
    }
}

impl Language {
    const fn also(self, others: &'static [&'static str]) -> Self {
        Self { others, ..self }
    }

    const fn engine(self, engine: &'static str) -> Self {
        let engine = Some(engine);
        Self { engine, ..self }
    }

    const fn library(self, library: &'static str) -> Self {
        let library = Some(library);
        Self { library, ..self }
    }

    /// The names of programs that run its code.
    fn programs(&self) -> impl Iterator<Item = &'static str> + use<> {
        [self.name].into_iter().chain(self.others.iter().copied())
    }
}

#[rustfmt::skip]
const LANGUAGES: &[Language] = &[
    language("python3",  &["python3"],                true),
    language("pypy3",    &["pypy3"],                  true),
    language("python2",  &["python2"],                true),
    language("perl",     &["perl"],                   true),
    language("ruby",     &["ruby"],                   true),
    language("node",     &["nodejs", "node_modules"], false).also(&["nodejs"]),
    language("php",      &["php"],                    false),
    language("tclsh",    &["tcltk", "tcl8", "tcl9"],  true).library("tcl"),
    language("lua",      &["lua"],                    false),
    language("guile",    &["guile"],                  false),
    language("R",        &["R"],                      false).also(&["Rscript"]).engine("R.so"),
    language("ocamlrun", &["ocaml"],                  false).also(&["ocaml"]),
    language("erl",      &["erlang"],                 false).also(&["escript"]).engine("erlexec"),
];

/// The language that the file at a path is code of, by its directory.
pub(crate) fn language_of(path: &[u8]) -> Option<&'static str> {
    let path = super::merged(path);
    let mut parts = path.split(|b| *b == b'/').filter(|part| *part != b"local");
    let (Some(b"usr"), Some(b"lib" | b"lib64" | b"share")) = (parts.next(), parts.next()) else {
        return None;
    };
    let mut dir = parts.next()?;
    if dir.windows(7).any(|part| part == b"-linux-") {
        dir = parts.next()?;
    }
    // A file of that name is no directory of code.
    parts.next()?;
    let is_dir = |language: &&Language| {
        language.dirs.iter().any(|name| {
            let name = name.as_bytes();
            dir == name || (language.versioned && dir.starts_with(name))
        })
    };
    LANGUAGES.iter().find(is_dir).map(|language| language.name)
}

/// The language of which a file is code: its own, or a module's of its interpreter.
pub(super) fn code_of(file: &FileFacts) -> Option<&'static str> {
    let code = matches!(file.class, Class::Source | Class::Modules | Class::Data);
    (code && !file.entry.is_directory())
        .then(|| language_of(file.entry.path.as_bytes()))
        .flatten()
}

/// The language that a program or library of this path interprets.
pub(super) fn interpreter_at(path: &[u8]) -> Option<&'static str> {
    interpreted_by(path).map(|language| language.name)
}

/// Whether a program of this path interprets scripts that others write. An emulator that is started by a script of its own
/// (`erlexec`, `R`) is a program like others.
pub(super) fn is_interpreter_of_scripts(path: &[u8]) -> bool {
    interpreted_by(path).is_some_and(|language| language.engine.is_none())
}

fn interpreted_by(path: &[u8]) -> Option<&'static Language> {
    let file = path.rsplit(|b| *b == b'/').next().unwrap_or(path);
    let library = file.strip_prefix(b"lib");
    let name = library.unwrap_or(file);
    // `libtcl8.6.so`, and not the `libtclx8.6.so` that it loads.
    let is_library = |own: &str| {
        let version = library.and_then(|name| name.strip_prefix(own.as_bytes()));
        version.is_some_and(|version| version.first().is_some_and(u8::is_ascii_digit))
    };
    let is_it = |language: &&Language| match language.engine {
        None => {
            name.starts_with(language.name.as_bytes()) || language.library.is_some_and(is_library)
        }
        Some(engine) => {
            let mut names = language.programs().chain([engine]);
            names.any(|own| own.as_bytes() == name)
        }
    };
    LANGUAGES.iter().find(is_it)
}

/// Whether a name is that of an interpreter itself, and not of a tool beside it: `php8.2`, `tclsh8.6`, `Rscript`.
fn is_interpreter(name: &[u8], language: &Language) -> bool {
    let is_version = |b: &u8| b.is_ascii_digit() || matches!(b, b'.' | b'-');
    language.programs().any(|own| {
        let rest = name.strip_prefix(own.as_bytes());
        rest.is_some_and(|rest| rest.iter().all(is_version))
    })
}

/// The language of this name, where what runs its code is an emulator that scripts start.
fn emulator(language: &str) -> Option<&'static Language> {
    let own = |known: &&Language| known.name == language && known.engine.is_some();
    LANGUAGES.iter().find(own)
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_known_by_its_directories() {
        for (path, language) in [
            ("usr/lib/python3/dist-packages/yaml.py", Some("python3")),
            ("usr/lib/python3.11/os.py", Some("python3")),
            (
                "usr/local/lib/python3.11/dist-packages/x.py",
                Some("python3"),
            ),
            ("usr/lib64/python3.9/site-packages/x.so", Some("python3")),
            ("usr/share/perl5/Git.pm", Some("perl")),
            (
                "usr/lib/x86_64-linux-gnu/perl5/5.36/auto/a.so",
                Some("perl"),
            ),
            (
                "usr/lib/x86_64-linux-gnu/ruby/vendor_ruby/3.1.0/a.so",
                Some("ruby"),
            ),
            (
                "usr/share/rubygems-integration/all/specifications/a",
                Some("ruby"),
            ),
            ("usr/lib/php/20220829/redis.so", Some("php")),
            (
                "usr/lib/erlang/lib/os_mon-2.8/ebin/memsup.beam",
                Some("erl"),
            ),
            ("usr/lib/R/site-library/abind/R/abind", Some("R")),
            ("usr/share/php8.2-common/php.ini", None),
            ("usr/share/luajit/x", None),
            ("usr/share/perl5", None),
            ("etc/perl/x", None),
        ] {
            assert_eq!(language_of(path.as_bytes()), language, "{path}");
        }
    }

    #[test]
    fn an_interpreter_is_known_by_its_name() {
        for (path, language) in [
            ("usr/bin/python3.11", Some("python3")),
            ("usr/lib/x86_64-linux-gnu/libperl.so.5.36.0", Some("perl")),
            ("usr/sbin/php-fpm8.2", Some("php")),
            ("usr/lib/R/lib/libR.so", Some("R")),
            ("usr/lib/x86_64-linux-gnu/libtcl8.6.so", Some("tclsh")),
            ("usr/lib/tcltk/x86_64-linux-gnu/tclx8.4/libtclx8.4.so", None),
            ("usr/lib/tclodbc.so", None),
            ("usr/lib/erlang/erts-13.1/bin/erlexec", Some("erl")),
            ("usr/bin/erb", None),
            ("usr/bin/Rnews", None),
        ] {
            assert_eq!(interpreter_at(path.as_bytes()), language, "{path}");
        }
    }
}
