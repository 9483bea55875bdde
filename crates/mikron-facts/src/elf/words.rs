//! The constants of an ELF file, searched for names by which it may start programs and open files.
//!
//! A program starts another by a name or path that stands among its constants, as a text of C that ends in a zero; a library finds
//! its plugins by the path of their directory. Programs of languages whose texts have no end (Go, Rust) cannot be searched like
//! that: of them nothing is said.

use std::io;

use memchr::memmem;

use super::{Image, PF_W, PF_X, PT_LOAD, Segment};
use crate::Words;
use crate::facts::{tool_hash, word_hash};

/// Constants are read in pieces of this many bytes.
const PIECE: usize = 64 * 1024;
/// More names than files have that call others: of a file beyond, nothing is said.
const MOST: usize = 200_000;
/// What every program of a language without ends of texts has among its constants.
const UNENDED: [&[u8]; 2] = [b"RUST_BACKTRACE", b"GOTRACEBACK"];
/// Bytes of one piece that are looked at again with the next: the longest of [`UNENDED`] less one.
const OVERLAP: usize = 13;
/// The most code that is read for constants between it, in bytes.
const LARGEST_MIXED: u64 = 16 << 20;
/// The longest path that is looked for.
const LONGEST_PATH: usize = 128;

/// The names in a file, or `None` where its texts cannot be told apart.
pub(super) fn read(image: &mut Image<'_>) -> io::Result<Option<Words>> {
    let mut search = Search::default();
    let segments = constants(&image.segments);
    if segments.is_empty() && !image.segments.is_empty() {
        return Ok(None);
    }
    // Segments that lie over each other, as no linker makes them, are not a reason to read a file again and again.
    let mut left = image.pages.len();
    for segment in segments {
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
            if unended || search.is_too_much() {
                return Ok(None);
            }
            let total = kept + size;
            let keep = total.min(OVERLAP);
            buffer.copy_within(total - keep..total, 0);
            kept = keep;
            at += size as u64;
        }
    }
    Ok(Some(search.words()))
}

/// The segments that hold constants: those that are neither written nor run, but for the first, which holds the tables of the
/// loader; where there is none, those that are not written, unless they are too large to be read for the few texts among them.
fn constants(segments: &[Segment]) -> Vec<Segment> {
    let loaded = segments.iter().filter(|s| s.kind == PT_LOAD);
    let fixed: Vec<Segment> = loaded.filter(|s| s.flags & PF_W == 0).copied().collect();
    let constant = |s: &&Segment| s.flags & PF_X == 0 && s.offset != 0;
    let constants: Vec<Segment> = fixed.iter().filter(constant).copied().collect();
    let size: u64 = fixed.iter().map(|segment| segment.file_size).sum();
    if constants.is_empty() && size <= LARGEST_MIXED {
        fixed
    } else {
        constants
    }
}

/// The state of a search through one segment: a run of bytes that paths are made of, and what stood before it.
#[derive(Default)]
struct Search {
    found: Vec<u32>,
    run: Vec<u8>,
    /// The byte before the run; 0 at the start of the segment.
    before: u8,
    /// Whether the run before was `exec` of a command line, with nothing but a space between.
    execs: bool,
    /// The run before, where it may be a command, with nothing but a space between.
    command: Vec<u8>,
}

/// Whether a byte is of a name.
const fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b'_')
}

/// Whether a name may begin behind this byte: at the start of a text, of a line or of a quoted part, and where a command of a shell
/// begins.
const fn begins(byte: u8) -> bool {
    matches!(
        byte,
        0 | b'\n' | b'"' | b'\'' | b'`' | b'(' | b';' | b'|' | b'&' | b'='
    )
}

/// Whether a name may end before this byte.
const fn ends(byte: u8) -> bool {
    matches!(
        byte,
        0 | b' ' | b'\n' | b'"' | b'\'' | b'`' | b')' | b';' | b'|' | b'&'
    )
}

impl Search {
    fn begin(&mut self) {
        self.run.clear();
        self.before = 0;
        self.execs = false;
        self.command.clear();
    }

    fn add(&mut self, bytes: &[u8]) {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let of_run = |byte: &u8| is_of_word(*byte) || *byte == b'/';
            let length = rest.iter().position(|byte| !of_run(byte));
            let run = &rest[..length.unwrap_or(rest.len())];
            // Of a run that is too long one byte more than the longest path says so.
            let room = (LONGEST_PATH + 1).saturating_sub(self.run.len());
            self.run.extend_from_slice(&run[..run.len().min(room)]);
            let Some(length) = length else { return };
            let after = rest[length];
            if self.run.len() > 1 {
                let run = std::mem::take(&mut self.run);
                self.end(&run, after);
                self.run = run;
            } else {
                self.execs = false;
                self.command.clear();
            }
            // Behind `exec `, and the blanks of a text, the next run is looked at as this one was.
            self.run.clear();
            self.before = after;
            at += length + 1;
        }
    }

    /// A run has ended.
    fn end(&mut self, run: &[u8], after: u8) {
        let before = self.before;
        let mut called = std::mem::take(&mut self.command);
        let argument = |byte: &u8| matches!(byte, b'-' | b'/' | b'0'..=b'9');
        if !called.is_empty() && run.first().is_some_and(argument) {
            called.extend(b" -");
            self.found.push(word_hash(&called));
        }
        let command = begins(before) || std::mem::take(&mut self.execs);
        if run == b"exec" && command && after == b' ' {
            self.execs = true;
            return;
        }
        // `%s%stool` is put together from the path of a directory and the tool's name.
        let (run, whole) = match run.split_first() {
            Some((b's', rest)) if before == b'%' => (rest, true),
            _ => (run, command),
        };
        if run.len() > LONGEST_PATH {
            return;
        }
        let cut = run.iter().rposition(|byte| *byte == b'/');
        let word = cut.map_or(run, |cut| &run[cut + 1..]);
        // The version of a library that is looked for is put together, too (`libicuuc.so.%s`), or the last part of its name
        // (`libcpu_%s.so`).
        let begun = word.starts_with(b"lib") && word.ends_with(b"_");
        let completed = after == b'%' && (begun || word.ends_with(b".so."));
        let named = (whole || cut.is_some()) && (ends(after) || completed);
        // Any table has two letters between zeros: they are a name in a directory of programs or in a command.
        let sure = cut.map_or(before != 0 || after != 0, |cut| {
            run[..cut].ends_with(b"bin")
        });
        let least = if sure { 2 } else { 3 };
        let is_name = (least..=Words::LONGEST).contains(&word.len())
            && word.iter().any(u8::is_ascii_alphabetic);
        let two = named && word.len() == 2 && word.iter().all(u8::is_ascii_lowercase);
        if two {
            self.found.push(tool_hash(word));
        }
        if (whole || cut.is_some())
            && after == b'*'
            && let Some(sought) = sought(word)
        {
            self.found.push(word_hash(&sought));
        }
        if named && is_name {
            self.found.push(word_hash(word));
            if after == b' ' {
                called.clear();
                called.extend(word);
                self.command = called;
            }
        }
        let is_url = before == b':' && run.starts_with(b"//");
        if cut.is_some() && !is_url {
            let path = trim(run);
            if path.contains(&b'/') {
                self.found.push(word_hash(path));
            }
        }
    }

    /// Whether there are more than [`MOST`] names, each counted once.
    fn is_too_much(&mut self) -> bool {
        if self.found.len() > MOST {
            self.found.sort_unstable();
            self.found.dedup();
        }
        self.found.len() > MOST
    }

    fn words(self) -> Words {
        Words::of_hashes(self.found)
    }
}

/// The name without its version of a library for whose files a directory is looked through: `libssl.so.` of `libssl.*` and `libssl.so*`,
/// of which the star is not handed over.
fn sought(pattern: &[u8]) -> Option<Vec<u8>> {
    let ends: [&[u8]; 3] = [b".so.", b".so", b"."];
    let stem = ends.iter().find_map(|end| pattern.strip_suffix(*end))?;
    (stem.starts_with(b"lib") && pattern.len() < Words::LONGEST).then(|| [stem, b".so."].concat())
}

/// A path without the slashes at its ends.
fn trim(mut path: &[u8]) -> &[u8] {
    while let [b'/', rest @ ..] = path {
        path = rest;
    }
    while let [rest @ .., b'/'] = path {
        path = rest;
    }
    path
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
        search.words()
    }

    #[test]
    fn a_word_begins_a_text_or_follows_a_slash_and_ends_with_the_text_or_at_a_space() {
        let words = words_of(b"gpgconf --kill all\0/usr/bin/gpg-agent\0see dirmngr\0keyboxd:\0");
        let known = ["gpgconf", "gpg-agent", "dirmngr", "keyboxd", "kill", "all"];
        let found: Vec<&str> = known.into_iter().filter(|w| words.contains(w)).collect();
        assert_eq!(found, ["gpgconf", "gpg-agent"]);
    }

    #[test]
    fn commands_of_the_shell_and_names_that_are_put_together_are_words() {
        let words = words_of(
            b"\"%s%sxkbcomp\" -w %d\0exec gcc -o %o\0cd %s && 'convert' x\0PAGER=less\0(xauth)\0a tool b\0",
        );
        let known = [
            "xkbcomp", "gcc", "convert", "less", "xauth", "tool", "sxkbcomp",
        ];
        let found: Vec<&str> = known.into_iter().filter(|w| words.contains(w)).collect();
        assert_eq!(found, ["xkbcomp", "gcc", "convert", "less", "xauth"]);
    }

    #[test]
    fn two_letters_alone_are_no_word() {
        let words = words_of(b"tc\0ss -a\0/sbin/ip\0\x01su\0rules/nc\0tcl\0");
        let known = ["tc", "ss", "ip", "su", "nc", "tcl"];
        let found: Vec<&str> = known.into_iter().filter(|w| words.contains(w)).collect();
        assert_eq!(found, ["ss", "ip", "tcl"]);
        assert!(words.iter().any(|word| word == tool_hash(b"tc")));
    }

    #[test]
    fn a_command_with_arguments_is_told_from_a_word_of_a_message() {
        let words =
            words_of(b"mkdir -p x\0chmod 755 %s\0chown /x\0rmdir %s: failed\0 say -x\0ln - x\0");
        let known = ["mkdir -", "chmod -", "chown -", "rmdir -", "say -", "ln -"];
        let found: Vec<&str> = known.into_iter().filter(|w| words.contains(w)).collect();
        assert_eq!(found, ["mkdir -", "chmod -", "chown -"]);
    }

    #[test]
    fn a_library_is_named_without_its_version_where_that_is_put_together() {
        let words = words_of(
            b"libicuuc.so.%s\0/opt/x/libz.so.%d\0libpq.so.\0tool.%s\0libm.so%s\0libcpu_%s.so\0liby_\0tool_%s\0libssl.*\0libgnu.so.*\0/x/libidn.so*\0lib*\0conf.*\0",
        );
        let known = [
            "libssl.so.",
            "libgnu.so.",
            "libidn.so.",
            "lib.so.",
            "conf.so.",
            "libicuuc.so.",
            "libz.so.",
            "libpq.so.",
            "tool.",
            "libm.so",
            "libcpu_",
            "liby_",
            "tool_",
        ];
        let found: Vec<&str> = known.into_iter().filter(|w| words.contains(w)).collect();
        let expected = [
            "libssl.so.",
            "libgnu.so.",
            "libidn.so.",
            "libicuuc.so.",
            "libz.so.",
            "libpq.so.",
            "libcpu_",
            "liby_",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn paths_are_names_without_the_slashes_at_their_ends() {
        let words = words_of(
            b"/usr/lib/x/plugins/%s.so\0lib/x/modules\0%s/y/loaders/\0http://example.org/z/w\0",
        );
        for path in ["usr/lib/x/plugins", "lib/x/modules", "y/loaders"] {
            assert!(words.contains(path), "{path}");
        }
        assert!(!words.contains("example.org/z/w"));
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
