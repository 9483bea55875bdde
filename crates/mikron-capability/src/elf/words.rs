//! The constants of a program, searched for words that may be names of programs which it starts.
//!
//! A program starts another by a name or path that stands among its constants, as a text of C that ends in a zero. Programs of
//! languages whose texts have no end (Go, Rust) cannot be searched like that: of them nothing is said.

use std::collections::BTreeSet;
use std::io;

use memchr::memmem;

use super::{Image, PF_W, PF_X, PT_LOAD, Segment};
use crate::Words;
use crate::facts::word_hash;

/// Constants are read in pieces of this many bytes.
const PIECE: usize = 64 * 1024;
/// More words than programs have that call others: of a file beyond, nothing is said.
const MOST: usize = 200_000;
/// What every program of a language without ends of texts has among its constants.
const UNENDED: [&[u8]; 2] = [b"RUST_BACKTRACE", b"GOTRACEBACK"];
/// Bytes of one piece that are looked at again with the next: the longest of [`UNENDED`] less one.
const OVERLAP: usize = 13;

/// The words of a program, or `None` where its texts cannot be told apart.
pub(super) fn read(image: &mut Image<'_>) -> io::Result<Option<Words>> {
    let mut search = Search::default();
    // Segments that lie over each other, as no linker makes them, are not a reason to read a file again and again.
    let mut left = image.pages.len();
    for segment in constants(&image.segments) {
        let end = segment.offset.saturating_add(segment.file_size.min(left));
        let end = end.min(image.pages.len());
        left -= end.saturating_sub(segment.offset);
        let mut at = segment.offset;
        let mut buffer = vec![0; OVERLAP + PIECE];
        let mut kept = 0;
        search.begin();
        while at < end {
            let size = (end - at).min(PIECE as u64) as usize;
            image.pages.read_past(at, &mut buffer[kept..kept + size])?;
            let all = &buffer[..kept + size];
            let unended = UNENDED.iter().any(|mark| memmem::find(all, mark).is_some());
            search.add(&all[kept..]);
            if unended || search.found.len() > MOST {
                return Ok(None);
            }
            let total = kept + size;
            let keep = total.min(OVERLAP);
            buffer.copy_within(total - keep..total, 0);
            kept = keep;
            at += size as u64;
        }
    }
    Ok(Some(Words::of_hashes(&search.found)))
}

/// The segments that hold constants: those that are neither written nor run, but for the first, which holds the tables of the
/// loader; where there is none, those that are not written.
fn constants(segments: &[Segment]) -> Vec<Segment> {
    let loaded = segments.iter().filter(|s| s.kind == PT_LOAD);
    let fixed: Vec<Segment> = loaded.filter(|s| s.flags & PF_W == 0).copied().collect();
    let constant = |s: &&Segment| s.flags & PF_X == 0 && s.offset != 0;
    let constants: Vec<Segment> = fixed.iter().filter(constant).copied().collect();
    if constants.is_empty() {
        fixed
    } else {
        constants
    }
}

/// The state of a search through one segment.
#[derive(Default)]
struct Search {
    found: BTreeSet<u32>,
    /// Whether a word may begin here.
    at_start: bool,
    /// Whether a word has begun and not ended.
    open: bool,
    word: Vec<u8>,
}

impl Search {
    fn begin(&mut self) {
        self.at_start = true;
        self.open = false;
    }

    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes.iter().copied() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b'_') {
                if self.at_start {
                    self.open = true;
                    self.word.clear();
                    self.at_start = false;
                }
                if self.open {
                    self.word.push(byte);
                    self.open = self.word.len() <= Words::LONGEST;
                }
            } else {
                if self.open && matches!(byte, 0 | b' ') && self.word.len() > 1 {
                    self.found.insert(word_hash(&self.word));
                }
                self.open = false;
                self.at_start = matches!(byte, 0 | b'/');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words_of(text: &[u8]) -> Words {
        let mut search = Search::default();
        search.begin();
        // In pieces of one byte, so that words lie across their ends.
        for byte in text {
            search.add(&[*byte]);
        }
        Words::of_hashes(&search.found)
    }

    #[test]
    fn a_word_begins_a_text_or_follows_a_slash_and_ends_with_the_text_or_at_a_space() {
        let words = words_of(b"gpgconf --kill all\0/usr/bin/gpg-agent\0see dirmngr\0keyboxd:\0");
        let known = ["gpgconf", "gpg-agent", "dirmngr", "keyboxd", "kill", "all"];
        let found: Vec<&str> = known.into_iter().filter(|w| words.contains(w)).collect();
        assert_eq!(found, ["gpgconf", "gpg-agent"]);
    }

    #[test]
    fn a_word_that_is_longer_than_any_program_is_none() {
        let long = [
            b"x".repeat(Words::LONGEST + 1).as_slice(),
            b"\0",
            b"y".repeat(Words::LONGEST).as_slice(),
            b"\0",
        ]
        .concat();
        assert_eq!(words_of(&long).len(), 1);
    }

    #[test]
    fn constants_are_segments_that_are_neither_written_nor_run() {
        let segment = |offset, flags| Segment {
            kind: PT_LOAD,
            flags,
            offset,
            address: offset,
            file_size: 1,
        };
        let offsets = |flags: &[u32]| -> Vec<u64> {
            let segments: Vec<Segment> = (0..).zip(flags).map(|(i, f)| segment(i, *f)).collect();
            constants(&segments).iter().map(|s| s.offset).collect()
        };
        assert_eq!(offsets(&[4, 5, 4, 6]), [2]);
        // Older linkers keep constants beside the code.
        assert_eq!(offsets(&[5, 6]), [0]);
    }
}
