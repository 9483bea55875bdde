//! Which files scripts read: whoever selects files sees to it that their contents can be read, selected or not.

use std::collections::BTreeSet;

use mikron_package::{ArchiveMetadata, Entry, RootPath};
use mikron_shell::{Call, fits};

use super::ScannedScript;
use super::machine::is_followed;

/// Largest file that is read because a pattern fits its path, in bytes.
const MAX_FITTING: u64 = 256 << 10;

/// Commands that read the files that they name.
const READERS: &[&str] = &[
    ".", "source", "awk", "cat", "cmp", "cp", "cut", "diff", "egrep", "fgrep", "grep", "gunzip",
    "head", "install", "ln", "mv", "sed", "sort", "tail", "ucf", "wc", "zcat",
];

/// The files that the scripts of some packages read.
///
/// ```
/// use mikron_package::{Entry, EntryKind, RootPath};
/// use mikron_rootfs::Sources;
/// let mut sources = Sources::default();
/// sources.add_script(b"#!/bin/sh\nfor f in a b; do cp /usr/share/x/$f.conf /etc/x/; done\n");
/// let file = |path: &[u8]| RootPath::new(path).map(|path| Entry::new(path, EntryKind::File { size: 1 }, 0o644));
/// assert!(sources.contains(&file(b"/usr/share/x/b.conf")?) && !sources.contains(&file(b"/usr/share/x/c.conf")?));
/// # Ok::<(), mikron_package::PathError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Sources {
    paths: BTreeSet<RootPath>,
    patterns: BTreeSet<String>,
    programs: BTreeSet<RootPath>,
}

impl Sources {
    /// Adds what the scripts of a package read.
    pub fn add(&mut self, metadata: &ArchiveMetadata) {
        for script in ScannedScript::of(metadata) {
            self.add_scanned(&script);
        }
    }

    /// Adds what one script reads.
    pub fn add_script(&mut self, text: &[u8]) {
        self.add_scanned(&ScannedScript {
            package: String::new(),
            script: String::new(),
            argument: "configure".to_owned(),
            calls: super::scan(text),
        });
    }

    fn add_scanned(&mut self, script: &ScannedScript) {
        let calls = script.installing().map(|(_, call)| call);
        for call in calls {
            self.add_program(call);
            if !READERS.contains(&call.name()) {
                continue;
            }
            for word in call.arguments() {
                if word.literal && !word.text.contains(['*', '?', '[']) {
                    if word.text.starts_with('/') {
                        self.paths.extend(RootPath::new(word.text.as_bytes()));
                    }
                } else if let Some(pattern) = pattern(&word.text) {
                    self.patterns.insert(pattern);
                }
            }
        }
    }

    /// Adds the paths at which the program of a call may lie.
    fn add_program(&mut self, call: &Call) {
        let Some(word) = call.words.first().filter(|word| word.literal) else {
            return;
        };
        let dirs = if word.text.starts_with('/') {
            &[""][..]
        } else {
            &["/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"]
        };
        let paths = dirs.iter().map(|dir| format!("{dir}{}", word.text));
        self.programs
            .extend(paths.filter_map(|path| RootPath::new(path.as_bytes()).ok()));
    }

    /// Whether a script of the shell at a path is a program that the scripts call and that is followed: one that calls these
    /// commands alone, which have to move files and texts and no more.
    pub fn follows<'a>(&self, path: &RootPath, commands: impl Iterator<Item = &'a str>) -> bool {
        self.programs.contains(path) && is_followed(commands)
    }

    /// Whether a file is among them.
    pub fn contains(&self, entry: &Entry) -> bool {
        if !entry.is_file() {
            return false;
        }
        self.paths.contains(&entry.path)
            || (entry.size() <= MAX_FITTING && {
                let path = entry.path.to_text();
                self.patterns.iter().any(|pattern| fits(pattern, &path))
            })
    }
}

/// An absolute word with what is not known of it as a `*`. One that says next to nothing is none.
fn pattern(text: &str) -> Option<String> {
    let mut pattern = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c != '$' {
            pattern.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        }
        pattern.push('*');
        rest = &rest[1..];
        rest = match rest.chars().next() {
            Some('{') => rest.split_once('}').map_or("", |(_, rest)| rest),
            Some('(') => rest.split_once(')').map_or("", |(_, rest)| rest),
            _ => rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_'),
        };
    }
    let known = pattern
        .split('/')
        .filter(|name| !name.is_empty() && !name.contains('*'));
    (pattern.starts_with('/') && known.count() >= 2).then_some(pattern)
}
