//! The code of a package of R, which lies in a database of functions (`R/NAME.rdb`): each is packed by zlib behind its length, and
//! written in R's own serialization ("R Internals", "Serialization Formats"). What is said there by texts is read as that of
//! other code is.

use std::collections::BTreeSet;
use std::io::Read;

use flate2::bufread::ZlibDecoder;

use super::{Found, LONGEST};
use crate::facts::word_hash;

/// The most that one object is unpacked to, in bytes. The largest of R itself has 300 kB.
const LARGEST: u32 = 4 << 20;
/// The most that all objects of one database are unpacked to.
const MOST: u64 = 64 << 20;

/// What R calls that loads a library.
const LOADS: [&[u8]; 1] = [b"dyn.load"];
/// What R calls that starts programs: its own functions, and those of packages for that.
const STARTS: [&[u8]; 8] = [
    b"system",
    b"system2",
    b"pipe",
    b"Sys.which",
    b"processx",
    b"exec_wait",
    b"exec_internal",
    b"exec_background",
];

/// Whether a file is the code of a package of R: `R/NAME.rdb` below the package of that name, and none of its data or help.
pub(super) fn is_database(path: &[u8]) -> bool {
    let mut parts = path.rsplit(|byte| *byte == b'/');
    let name = parts.next().and_then(|name| name.strip_suffix(b".rdb"));
    name.is_some() && parts.next() == Some(b"R") && parts.next() == name
}

/// The names in a database, as far as it can be read: of one that is packed otherwise nothing is known.
pub(super) fn names(mut database: &[u8]) -> BTreeSet<u32> {
    let (mut symbols, mut texts) = (BTreeSet::new(), BTreeSet::new());
    let mut left = MOST;
    while let Some((length, packed)) = database.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length);
        if length > LARGEST || u64::from(length) > left {
            break;
        }
        left -= u64::from(length);
        let mut decoder = ZlibDecoder::new(packed);
        let mut object = Vec::new();
        // One byte more than the object has, so that the end of the stream is read and checked.
        let mut bounded = decoder.by_ref().take(u64::from(length) + 1);
        let read = bounded.read_to_end(&mut object);
        if read.is_err() || object.len() as u64 != u64::from(length) {
            break;
        }
        for (text, is_symbol) in Texts(&object, 0) {
            let all = if is_symbol { &mut symbols } else { &mut texts };
            all.insert(text.to_vec());
        }
        database = decoder.into_inner();
    }
    let calls = |names: &[&[u8]]| names.iter().any(|name| symbols.contains(*name));
    let mut found = Found {
        loads: calls(&LOADS),
        starts: calls(&STARTS),
        ..Found::default()
    };
    if found.loads {
        found.hashes.insert(word_hash(b"dyn.load"));
    }
    for text in &texts {
        found.add(text);
    }
    found.hashes
}

/// The texts (CHARSXP) of a serialized object, each with whether it is the name of a symbol.
struct Texts<'a>(&'a [u8], usize);

impl<'a> Iterator for Texts<'a> {
    type Item = (&'a [u8], bool);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Self(object, from) = *self;
            // Flags of four bytes that end in the type of a text, and its length.
            let at = from + memchr::memchr(9, object.get(from..)?)?;
            self.1 = at + 1;
            let flags = at >= 3 && object[at - 3] == 0 && object[at - 1].trailing_zeros() >= 4;
            let Some((length, rest)) = object[at + 1..].split_first_chunk::<4>() else {
                continue;
            };
            let length = u32::from_be_bytes(*length) as usize;
            let text = rest.get(..length).filter(|_| length <= LONGEST);
            let is_text = |text: &&[u8]| text.iter().all(|b| matches!(b, b' '..=b'~'));
            if let Some(text) = text.filter(is_text).filter(|_| flags) {
                self.1 = at + 5 + length;
                // A symbol is its name and nothing more; a vector of one text has its length there, behind flags of its own.
                let before = &object[..at - 3];
                let is_symbol = before.ends_with(&[0, 0, 0, 1])
                    && before.get(before.len().wrapping_sub(5)) != Some(&16);
                return Some((text, is_symbol));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::code::program_hash;

    fn text(flags: [u8; 4], text: &str) -> Vec<u8> {
        let length = u32::try_from(text.len()).unwrap().to_be_bytes();
        [&flags[..], &length, text.as_bytes()].concat()
    }

    fn symbol(name: &str) -> Vec<u8> {
        [vec![0, 0, 0, 1], text([0, 4, 0, 9], name)].concat()
    }

    fn constant(value: &str) -> Vec<u8> {
        [vec![0, 0, 0, 16, 0, 0, 0, 1], text([0, 4, 0, 9], value)].concat()
    }

    fn packed(objects: &[Vec<Vec<u8>>]) -> Vec<u8> {
        let mut database = Vec::new();
        for object in objects {
            let object = [b"X\n\0\0\0\x03".to_vec(), object.concat()].concat();
            database.extend(u32::try_from(object.len()).unwrap().to_be_bytes());
            let mut encoder =
                flate2::write::ZlibEncoder::new(database, flate2::Compression::new(6));
            encoder.write_all(&object).unwrap();
            database = encoder.finish().unwrap();
        }
        database
    }

    #[test]
    fn a_database_is_the_code_of_the_package_that_it_is_called_like() {
        for (path, is_it) in [
            ("usr/lib/R/site-library/zip/R/zip.rdb", true),
            ("usr/lib/R/library/base/R/base.rdb", true),
            ("usr/lib/R/site-library/zip/R/sysdata.rdb", false),
            ("usr/lib/R/site-library/zip/help/zip.rdb", false),
            ("zip.rdb", false),
        ] {
            assert_eq!(is_database(path.as_bytes()), is_it, "{path}");
        }
    }

    #[test]
    fn what_functions_of_r_say_by_texts_are_names() {
        let load = vec![symbol("dyn.load"), symbol("path"), constant("libjags.so.4")];
        let place = vec![constant("/usr/lib/x/JAGS/modules-4")];
        let start = vec![symbol("system2"), constant("zip -r"), symbol("unzip")];
        let database = packed(&[load, place, start]);
        let found = names(&database);
        for name in ["dyn.load", "libjags.so.4", "usr/lib/x/JAGS/modules-4"] {
            assert!(found.contains(&word_hash(name.as_bytes())), "{name}");
        }
        assert!(found.contains(&program_hash(b"zip")));
        // What is called is no constant.
        assert!(!found.contains(&program_hash(b"unzip")));
    }

    #[test]
    fn a_database_that_starts_nothing_names_no_programs() {
        let database = packed(&[vec![symbol("cat"), constant("zip")]]);
        assert!(names(&database).is_empty());
    }

    #[test]
    fn what_is_broken_or_too_large_ends_the_reading() {
        let good = packed(&[vec![constant("libx.so.1")]]);
        let count = |database: &[u8]| names(database).len();
        assert_eq!(count(&good), 1);
        assert_eq!(count(&[&good[..], &[0, 0, 1, 0, 1, 2, 3]].concat()), 1);
        assert_eq!(count(&[&[0xff; 4][..], &good].concat()), 0);
        // An object that is longer than it says.
        let mut lies = good.clone();
        lies[3] -= 1;
        assert_eq!(count(&lies), 0);
        for end in 0..good.len() {
            assert_eq!(count(&good[..end]), 0);
        }
    }
}
