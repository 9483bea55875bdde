//! Names in code that loads libraries by name (`ctypes.CDLL("libx.so.1")`, `ffi.dlopen("x")`, `find_library("x")`) or starts programs
//! (`subprocess.run(["git"])`); and in typelibs, by which code of any language loads libraries of GObject.

mod typelib;

use std::collections::BTreeSet;

use memchr::memmem;

use crate::Words;
use crate::facts::word_hash;

/// What code of any language calls that loads a library by its name. A text without one of these names none.
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

/// What code calls that starts programs. A text without one of these starts none.
const STARTS: [&str; 17] = [
    "subprocess",
    "popen",
    "Popen",
    "open3",
    "Open3",
    "os.exec",
    "os.spawn",
    "system(",
    "system \"",
    "system2(",
    "exec(",
    "spawn(",
    "child_process",
    "shell_exec",
    "proc_open",
    "passthru",
    "IPC::",
];

/// The hash of a program's name in code that starts programs: no text of that code means a library by it.
pub(crate) fn program_hash(name: &[u8]) -> u32 {
    word_hash(&[b"!", name].concat())
}

/// The endings of code that is no script by its first line.
const ENDINGS: [&[u8]; 10] = [
    b".py", b".rb", b".pm", b".pl", b".lua", b".js", b".php", b".scm", b".R", b".tcl",
];

/// The longest quoted text that is looked at, in bytes: a path of several directories.
const LONGEST: usize = 200;

/// The names among the constants of a file that is no shell script and no ELF file, as far as it loads libraries or starts programs
/// by name: code by its ending or because a program runs it (`script`), and what describes libraries to code.
pub(crate) fn names(path: &[u8], script: bool, head: &[u8]) -> Option<Words> {
    if path.ends_with(b".typelib") {
        return typelib::libraries(head);
    }
    let is_code = script || ENDINGS.iter().any(|ending| path.ends_with(ending));
    is_code.then(|| of_code(head)).flatten()
}

/// The quoted texts of code that may be names of libraries, and the calls by which it loads them, and of programs; `None` where it
/// loads and starts none.
fn of_code(text: &[u8]) -> Option<Words> {
    let calls = |call: &&&str| memmem::find(text, call.as_bytes()).is_some();
    let loads = CALLS.iter().filter(calls);
    let mut found: BTreeSet<u32> = loads.map(|call| word_hash(call.as_bytes())).collect();
    let loads = !found.is_empty();
    let starts = STARTS.iter().any(|call| calls(&call));
    if !loads && !starts {
        return None;
    }
    for line in text.split(|byte| *byte == b'\n') {
        for (at, quote) in line.iter().enumerate() {
            if !matches!(quote, b'"' | b'\'' | b'`') {
                continue;
            }
            let rest = &line[at + 1..];
            let rest = &rest[..rest.len().min(LONGEST)];
            let Some(end) = rest.iter().position(|byte| byte == quote) else {
                continue;
            };
            let text = &rest[..end];
            if loads && *quote != b'`' {
                found.extend(library_in(text).map(word_hash));
            }
            if starts {
                found.extend(program_in(text).map(program_hash));
            }
        }
    }
    Some(Words::of_hashes(found.into_iter().collect()))
}

/// The program that a quoted text names: the first word of a command line, of a path the last component.
fn program_in(text: &[u8]) -> Option<&[u8]> {
    let word = text.split(|byte| *byte == b' ').next()?;
    let name = word.rsplit(|byte| *byte == b'/').next()?;
    let plain = name.iter().all(|byte| is_of_name(*byte));
    (plain && name.len() > 1 && name.len() <= Words::LONGEST).then_some(name)
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b'_')
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
        let names = |text: &str| names(b"usr/share/x/x.rb", false, text.as_bytes());
        let found = names("lib = ctypes.CDLL(find_library('usb-1.0') or \"/usr/lib/libusb-1.0.so.0\")\nx = 'it is'\n")
            .expect("it loads");
        for name in [
            "usb-1.0",
            "libusb-1.0.so.0",
            "CDLL",
            "find_library",
            "_library(",
        ] {
            assert!(found.contains(name), "{name}");
        }
        assert_eq!(found.len(), 5);
        assert!(
            names("ffi_lib %w[x]\nffi_lib 'sodium'")
                .expect("it loads")
                .contains("sodium")
        );
        assert!(names("import usb\nx = 'usb-1.0'\n").is_none());
    }

    #[test]
    fn code_that_starts_programs_names_them_and_no_libraries() {
        for text in [
            "subprocess.run(['git', 'log'])",
            "IO.popen(\"git log\")",
            "exec('/usr/bin/git')",
            "require 'open3'; x = `git log`",
        ] {
            let found = of_code(text.as_bytes()).expect("it starts programs");
            assert!(
                found.iter().any(|hash| hash == program_hash(b"git")),
                "{text}"
            );
            assert!(!found.contains("git"), "{text}");
        }
        assert!(of_code(b"x = 'git'").is_none());
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
