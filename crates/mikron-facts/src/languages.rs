//! Interpreted languages: which one a file is code of, and what interprets it.

use mikron_package::merged_usr;

use crate::{Class, FileFacts};

/// A language.
pub struct Language {
    /// The name of its interpreter, which stands for the language.
    pub name: &'static str,
    /// Directories of its code, by name, below those of libraries and data.
    dirs: &'static [&'static str],
    /// Whether names of such directories may go on: `python3.11`, `perl5`.
    versioned: bool,
    /// Other programs that run its code.
    others: &'static [&'static str],
    /// What the program of that name starts or is linked with, where the name is too short to be the beginning of others.
    pub engine: Option<&'static str>,
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
    pub fn programs(&self) -> impl Iterator<Item = &'static str> + use<> {
        [self.name].into_iter().chain(self.others.iter().copied())
    }
}

/// All languages.
#[rustfmt::skip]
pub const LANGUAGES: &[Language] = &[
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
pub fn language_of(path: &[u8]) -> Option<&'static str> {
    let path = merged_usr(path);
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
pub fn code_of(file: &FileFacts) -> Option<&'static str> {
    let code = matches!(file.class, Class::Source | Class::Modules | Class::Data);
    (code && !file.entry.is_directory())
        .then(|| language_of(file.entry.path.as_bytes()))
        .flatten()
}

/// The language that a program or library of this path interprets.
pub fn interpreter_at(path: &[u8]) -> Option<&'static str> {
    interpreted_by(path).map(|language| language.name)
}

/// Whether a program of this path interprets scripts that others write. An emulator that is started by a script of its own
/// (`erlexec`, `R`) is a program like others.
pub fn is_interpreter_of_scripts(path: &[u8]) -> bool {
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
pub fn is_interpreter(name: &[u8], language: &Language) -> bool {
    let is_version = |b: &u8| b.is_ascii_digit() || matches!(b, b'.' | b'-');
    language.programs().any(|own| {
        let rest = name.strip_prefix(own.as_bytes());
        rest.is_some_and(|rest| rest.iter().all(is_version))
    })
}

/// The language of this name, where what runs its code is an emulator that scripts start.
pub fn emulator(language: &str) -> Option<&'static Language> {
    let own = |known: &&Language| known.name == language && known.engine.is_some();
    LANGUAGES.iter().find(own)
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
