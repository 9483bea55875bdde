//! Names in code that loads libraries by name (`ctypes.CDLL("libx.so.1")`, `ffi.dlopen("x")`, `find_library("x")`) or starts programs
//! (`subprocess.run(["git"])`); and in typelibs, by which code of any language loads libraries of GObject.

mod rdb;
mod typelib;

use std::collections::BTreeSet;

use memchr::memmem;

use crate::facts::word_hash;
use crate::{ScriptFacts, Words};

/// What code of any language calls that loads a library by its name.
const CALLS: [&str; 14] = [
    "find_library",
    // Functions of a package's own before them: `load_ctypes_library(`.
    "_library(",
    "loadLibrary",
    "dlopen",
    "CDLL",
    "cdll",
    "LoadLibrary",
    "ffi_lib",
    "ffi.load",
    "FFI::",
    "ffi.Library",
    "dyn.load",
    "dynamic-link",
    "load-foreign-library",
];

/// What code calls that starts programs.
const STARTS: [&str; 20] = [
    "subprocess",
    "popen",
    "Popen",
    "open3",
    "Open3",
    "os.exec",
    "os.spawn",
    "system(",
    "system \"",
    "system '",
    "system2(",
    "exec(",
    "spawn(",
    "child_process",
    "shell_exec",
    "proc_open",
    "passthru",
    "IPC::",
    // Perl's `open(my $sorted, "-|", "sort x")`.
    "\"-|\"",
    "'-|'",
];

/// The hash of a program's name in code that starts programs: no text of that code means a library by it.
pub fn program_hash(name: &[u8]) -> u32 {
    word_hash(&[b"!", name].concat())
}

/// The endings of code that is no script by its first line.
const ENDINGS: [&[u8]; 10] = [
    b".py", b".rb", b".pm", b".pl", b".lua", b".js", b".php", b".scm", b".R", b".tcl",
];

/// Those of languages whose texts in backticks are command lines.
const ENDINGS_WITH_COMMANDS: [&[u8]; 4] = [b".rb", b".pm", b".pl", b".php"];

/// The longest quoted text that is looked at, in bytes: a path of several directories.
const LONGEST: usize = 200;

/// What begins a list without quotes: `%w[x y]` of Ruby, `qw(x y)` of Perl.
const LISTS: [&[u8]; 2] = [b"%w", b"qw"];
/// What begins a command line in other brackets than backticks: `%x(git log)` of Ruby, `qx{git log}` of Perl.
const COMMANDS: [&[u8]; 2] = [b"%x", b"qx"];

/// Whether a file holds names that [`names`] reads: code by its ending, or a database of it.
pub(crate) fn has_names(path: &[u8]) -> bool {
    rdb::is_database(path) || ENDINGS.iter().any(|ending| path.ends_with(ending))
}

/// The names among the constants of a file that is no shell script and no ELF file, as far as it loads libraries or starts programs
/// by name: code by its ending or because a program runs it (`script`), and what describes libraries to code.
pub(crate) fn names(path: &[u8], script: Option<&ScriptFacts>, text: &[u8]) -> Option<Words> {
    let found = if path.ends_with(b".typelib") {
        return typelib::libraries(text);
    } else if rdb::is_database(path) {
        rdb::names(text)
    } else if script.is_some() || has_names(path) {
        of_code(text, has_commands(path, script))
    } else {
        return None;
    };
    (!found.is_empty()).then(|| Words::of_hashes(found.into_iter().collect()))
}

/// Whether texts in backticks are command lines.
fn has_commands(path: &[u8], script: Option<&ScriptFacts>) -> bool {
    let mut endings = ENDINGS_WITH_COMMANDS.iter();
    let program = script.map_or("", ScriptFacts::program);
    let name = program.rsplit('/').next().unwrap_or(program);
    let mut languages = ["perl", "ruby", "php"].iter();
    endings.any(|ending| path.ends_with(ending)) || languages.any(|own| name.starts_with(own))
}

/// The quoted texts of code that may be names of libraries, the calls by which it loads them, the directories where libraries and
/// modules lie, and the names of programs that it starts.
fn of_code(text: &[u8], commands: bool) -> BTreeSet<u32> {
    let calls = |call: &&&str| memmem::find(text, call.as_bytes()).is_some();
    let loads = CALLS.iter().filter(calls);
    let mut found = Found {
        hashes: loads.map(|call| word_hash(call.as_bytes())).collect(),
        ..Found::default()
    };
    found.loads = !found.hashes.is_empty();
    found.starts = STARTS.iter().any(|call| calls(&call));
    for line in text.split(|byte| *byte == b'\n') {
        for at in memchr::memchr3_iter(b'"', b'\'', b'`', line) {
            let rest = &line[at + 1..];
            let rest = &rest[..rest.len().min(LONGEST)];
            let Some(end) = memchr::memchr(line[at], rest) else {
                continue;
            };
            let text = &rest[..end];
            if line[at] != b'`' {
                found.add(text);
            } else if commands || found.starts {
                found.add_commands(text);
            }
        }
        if found.loads {
            let words = bracketed(line, LISTS).flat_map(|list| list.split(u8::is_ascii_whitespace));
            words.for_each(|word| found.add(word));
        }
        if commands {
            bracketed(line, COMMANDS).for_each(|text| found.add_commands(text));
        }
    }
    found.hashes
}

/// What was found in a file so far, and whether it loads libraries and starts programs.
#[derive(Default)]
struct Found {
    hashes: BTreeSet<u32>,
    loads: bool,
    starts: bool,
}

impl Found {
    /// A text among the constants.
    fn add(&mut self, text: &[u8]) {
        if self.loads || is_plainly_library(text) {
            self.hashes.extend(library_in(text).map(word_hash));
        }
        self.hashes.extend(place_in(text).map(word_hash));
        if self.starts {
            self.add_commands(text);
        }
    }

    /// A command line.
    fn add_commands(&mut self, text: &[u8]) {
        let commands = text.split(|byte| matches!(byte, b'|' | b';' | b'&'));
        self.hashes
            .extend(commands.filter_map(program_in).map(program_hash));
    }
}

/// What stands in brackets behind one of these, up to the end of the line.
fn bracketed<'t>(
    line: &'t [u8],
    openings: [&'static [u8]; 2],
) -> impl Iterator<Item = &'t [u8]> + 't {
    let found = openings
        .into_iter()
        .flat_map(|opening| memmem::find_iter(line, opening));
    found.filter_map(|at| {
        let close = match line.get(at + 2)? {
            b'(' => b')',
            b'[' => b']',
            b'{' => b'}',
            b'<' => b'>',
            other @ (b'/' | b'|' | b'!') => *other,
            _ => return None,
        };
        let rest = &line[at + 3..];
        let rest = &rest[..rest.len().min(LONGEST)];
        memchr::memchr(close, rest).map(|end| &rest[..end])
    })
}

/// The program that a command line starts: its first word, of a path the last component.
fn program_in(text: &[u8]) -> Option<&[u8]> {
    let word = text.trim_ascii_start().split(|byte| *byte == b' ').next()?;
    let name = word.rsplit(|byte| *byte == b'/').next()?;
    let plain = name.iter().all(|byte| is_of_name(*byte));
    (plain && name.len() > 1 && name.len() <= Words::LONGEST).then_some(name)
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b'_')
}

/// Whether a text is the name of a library and nothing else, whoever loads it: a soname, or a path where libraries lie.
fn is_plainly_library(text: &[u8]) -> bool {
    let name = text.rsplit(|byte| *byte == b'/').next().unwrap_or(text);
    let placed = text.starts_with(b"/usr/lib") || text.starts_with(b"/lib");
    name.starts_with(b"lib") && (placed || memmem::find(name, b".so").is_some())
}

/// The path of a directory or file among libraries, without the slashes at its ends.
fn place_in(text: &[u8]) -> Option<&[u8]> {
    let below = [&b"/usr/lib"[..], b"/lib", b"/opt/"];
    let plain = |byte: &u8| is_of_name(*byte) || *byte == b'/';
    let is_path = below.iter().any(|top| text.starts_with(top)) && text.iter().all(plain);
    let path = text.strip_prefix(b"/").filter(|_| is_path)?;
    let path = path.strip_suffix(b"/").unwrap_or(path);
    path.contains(&b'/').then_some(path)
}

/// What a quoted text says of the name of a library: of a path the last component, and of a name that is put together at run time
/// (`libsass.#{ext}`, `lib%s.so`, `libx$suffix`) what stands before that.
fn library_in(text: &[u8]) -> Option<&[u8]> {
    let name = text.rsplit(|byte| *byte == b'/').next()?;
    let name = match name.iter().position(|byte| !is_of_name(*byte)) {
        Some(hole) if matches!(name[hole], b'#' | b'$' | b'%' | b'{') => {
            let known = &name[..hole];
            known.strip_suffix(b".").unwrap_or(known)
        }
        Some(_) => return None,
        None => name,
    };
    let plain = text.len() > 1 && !text.iter().any(u8::is_ascii_whitespace);
    (plain && name.len() > 1 && name.len() <= Words::LONGEST).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_that_loads_libraries_has_its_quoted_texts_as_names() {
        let names = |text: &str| names(b"usr/share/x/x.rb", None, text.as_bytes());
        let found = names("lib = ctypes.CDLL(find_library('usb-1.0') or \"/usr/lib/libusb-1.0.so.0\")\nx = 'it is'\n")
            .expect("it loads");
        for name in [
            "usb-1.0",
            "libusb-1.0.so.0",
            "CDLL",
            "find_library",
            "_library(",
            "usr/lib/libusb-1.0.so.0",
        ] {
            assert!(found.contains(name), "{name}");
        }
        assert_eq!(found.len(), 6);
        assert!(
            names("ffi_lib %w[x]\nffi_lib 'sodium'")
                .expect("it loads")
                .contains("sodium")
        );
        assert!(names("import usb\nx = 'usb-1.0'\n").is_none());
    }

    #[test]
    fn words_of_a_list_without_quotes_are_names_of_libraries() {
        for list in [
            "ffi_lib %w[archive libarchive.so.13]",
            "    ffi_lib %w{libarchive.so.13 libarchive}",
            "FFI::Library::find_lib(qw(archive libarchive.so.13))",
        ] {
            let found = names(b"usr/share/x/x.rb", None, list.as_bytes()).expect(list);
            assert!(found.contains("libarchive.so.13"), "{list}");
        }
        let none = |text: &str| names(b"usr/share/x/x.rb", None, text.as_bytes());
        assert!(none("x = %w[libarchive archive]").is_none());
        assert!(none("ffi_lib %w").is_some_and(|found| found.len() == 1));
    }

    #[test]
    fn a_plain_name_of_a_library_is_one_in_a_file_that_loads_none() {
        let scheme = |text: &str| names(b"usr/share/guile/x.scm", None, text.as_bytes());
        for (text, name) in [
            ("(define %libz \"/usr/lib/x86_64-linux-gnu/libz\")", "libz"),
            ("(define %libssh \"libssh.so.4\")", "libssh.so.4"),
            (
                "(define %modules \"/usr/lib/x/JAGS/modules/\")",
                "usr/lib/x/JAGS/modules",
            ),
        ] {
            assert!(
                scheme(text).is_some_and(|found| found.contains(name)),
                "{text}"
            );
        }
        assert!(scheme("(define x \"libz\") (define y \"/usr/share/x/y\")").is_none());
    }

    #[test]
    fn code_that_starts_programs_names_them_and_no_libraries() {
        let perl = ScriptFacts::parse(b"#!/usr/bin/perl\n");
        let names = |text: &str| names(b"usr/bin/x", perl.as_ref(), text.as_bytes());
        let has = |found: &Words, name: &[u8]| found.iter().any(|hash| hash == program_hash(name));
        for text in [
            "subprocess.run(['git', 'log'])",
            "IO.popen(\"git log\")",
            "exec('/usr/bin/git')",
            "require 'open3'; x = `git log`",
            "my $log = `git log`;",
            "my $log = qx{cd x; git log};",
            "log = %x(cat x | git log)",
            "open(my $log, '-|', 'git log')",
            "system 'git', 'log'",
        ] {
            let found = names(text).expect("it starts programs");
            assert!(has(&found, b"git"), "{text}");
            assert!(!found.contains("git"), "{text}");
        }
        assert!(names("x = 'git'").is_none());
        // In JavaScript they are texts like others.
        assert!(of_code(b"x = `git ${log}`", false).is_empty());
    }

    #[test]
    fn a_name_that_is_put_together_counts_as_far_as_it_is_known() {
        let known = |text: &'static str| {
            library_in(text.as_bytes()).map(|name| std::str::from_utf8(name).expect("ASCII"))
        };
        for (text, name) in [
            (
                "/usr/lib/#{RbConfig::CONFIG['arch']}/libsass.#{dl_ext}",
                Some("libsass"),
            ),
            ("libgit2.so.{version}", Some("libgit2.so")),
            ("libfoo%s", Some("libfoo")),
            ("{0}.so", None),
            ("libfoo (old)", None),
            ("s name is ", None),
            ("x", None),
        ] {
            assert_eq!(known(text), name, "{text}");
        }
    }
}
