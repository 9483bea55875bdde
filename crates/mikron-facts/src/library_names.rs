//! The libraries that a file names among its bytes: what a program may open with dlopen(3), or a script by `ctypes.CDLL`.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Read};

/// The longest name that is looked at, in bytes.
const LONGEST: usize = 100;

/// So many names are told at most.
const MOST: usize = 100;

/// The names of shared libraries that stand in a file as whole words, in order of name, a hundred at most: `libpq.so.5`.
///
/// ```
/// let code = b"ctypes.CDLL(\"libsnappy.so.1\"); see libz.sort, /usr/lib/libx.so";
/// let names = mikron_facts::library_names(&code[..])?;
/// assert_eq!(names.into_iter().collect::<Vec<_>>(), ["libsnappy.so.1", "libx.so"]);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// When reading fails.
pub fn library_names(input: impl Read) -> io::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    let mut input = BufReader::with_capacity(64 * 1024, input);
    let mut word = Vec::new();
    loop {
        let bytes = input.fill_buf()?;
        if bytes.is_empty() {
            break;
        }
        for byte in bytes {
            if byte.is_ascii_alphanumeric() || b"_+-.".contains(byte) {
                // One byte more than what is looked at says that the word is too long.
                if word.len() <= LONGEST {
                    word.push(*byte);
                }
            } else {
                note(&word, &mut names);
                word.clear();
            }
        }
        let read = bytes.len();
        input.consume(read);
    }
    note(&word, &mut names);
    Ok(names)
}

fn note(word: &[u8], names: &mut BTreeSet<String>) {
    let Ok(text) = std::str::from_utf8(word) else {
        return;
    };
    let of_library = |(stem, version): (&str, &str)| {
        let is_version = version.is_empty()
            || version.strip_prefix('.').is_some_and(|rest| {
                !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit() || b == b'.')
            });
        stem.len() > 3 && is_version
    };
    let is_name = word.len() <= LONGEST
        && text.starts_with("lib")
        && text.split_once(".so").is_some_and(of_library);
    if is_name && names.len() < MOST {
        names.insert(text.to_owned());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_name_is_found_wherever_it_lies_and_nothing_that_resembles_one() {
        let mut bytes = vec![b'\0'; 64 * 1024 - 5];
        bytes.extend(b"libacross.so.3\0lib.so\0liba.so.x\0xlibb.so\0libc.so.6");
        let names: Vec<String> = library_names(&bytes[..]).unwrap().into_iter().collect();
        assert_eq!(names, ["libacross.so.3", "libc.so.6"]);
    }

    #[test]
    fn a_file_full_of_names_gives_no_more_than_a_few() {
        let names: Vec<String> = (0..1000).map(|i| format!("lib{i}.so")).collect();
        let text = names.join(" ");
        assert_eq!(library_names(text.as_bytes()).unwrap().len(), MOST);
    }
}
