//! Names in code that loads libraries by name: `ctypes.CDLL("libx.so.1")`, `ffi.dlopen("x")`, `find_library("x")`.

use std::collections::BTreeSet;

use memchr::memmem;

use crate::Words;
use crate::facts::word_hash;

/// What code of any language calls that loads a library by its name. A text without one of these names none.
const CALLS: [&str; 12] = [
    "find_library",
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

/// The endings of code that is no script by its first line.
const ENDINGS: [&[u8]; 10] = [
    b".py", b".rb", b".pm", b".pl", b".lua", b".js", b".php", b".scm", b".R", b".tcl",
];

/// Whether a file of this path is code of a language whose calls are not followed.
pub(crate) fn is_code(path: &[u8]) -> bool {
    ENDINGS.iter().any(|ending| path.ends_with(ending))
}

/// The quoted texts of code that may be names of libraries, and the calls by which it loads them; `None` where it loads none.
pub(crate) fn names(text: &[u8]) -> Option<Words> {
    let calls = CALLS
        .iter()
        .filter(|call| memmem::find(text, call.as_bytes()).is_some());
    let mut found: BTreeSet<u32> = calls.map(|call| word_hash(call.as_bytes())).collect();
    if found.is_empty() {
        return None;
    }
    let of_name = |byte: &u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b'_' | b'/')
    };
    for line in text.split(|byte| *byte == b'\n') {
        for (at, quote) in line.iter().enumerate() {
            if !matches!(quote, b'"' | b'\'') {
                continue;
            }
            let rest = &line[at + 1..];
            let rest = &rest[..rest.len().min(Words::LONGEST + 1)];
            let Some(length) = rest.iter().position(|byte| !of_name(byte)) else {
                continue;
            };
            if length > 1 && rest[length] == *quote {
                // Of a path the loader's name is its end.
                let name = rest[..length].rsplit(|byte| *byte == b'/').next();
                found.insert(word_hash(name.unwrap_or_default()));
            }
        }
    }
    Some(Words::of_hashes(found.into_iter().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_that_loads_libraries_has_its_quoted_texts_as_names() {
        let names = |text: &str| names(text.as_bytes());
        let found = names("lib = ctypes.CDLL(find_library('usb-1.0') or \"/usr/lib/libusb-1.0.so.0\")\nx = 'it is'\n")
            .expect("it loads");
        for name in ["usb-1.0", "libusb-1.0.so.0", "CDLL", "find_library"] {
            assert!(found.contains(name), "{name}");
        }
        assert_eq!(found.len(), 4);
        assert!(
            names("ffi_lib %w[x]\nffi_lib 'sodium'")
                .expect("it loads")
                .contains("sodium")
        );
        assert!(names("import usb\nx = 'usb-1.0'\n").is_none());
    }
}
