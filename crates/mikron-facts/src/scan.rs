//! The pass over an archive: hash, spool and look into every entry, once, from front to back.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::sync::Arc;

use mikron_package::{
    ArchiveError, ArchiveReader, Digest, Entry, EntryKind, Hasher, Limits, PackageName, RootPath,
};

use crate::classes::classify_in;
use crate::{
    ContentFacts, FactsError, FileFacts, PackageFacts, ReadAt, ScriptFacts, Spool, SpoolWriter,
    Symbols, Words, code, config, java, library, read_elf, versions,
};

/// Bodies are read in pieces of this many bytes.
const PIECE: usize = 128 * 1024;
/// Of a script or other code so many bytes are read for what it calls and names, at most.
const LONGEST_TEXT: u64 = 4 << 20;

/// Reads an archive once, from front to back, and learns its facts. Of each ELF file it is recorded which of `symbols` it imports.
///
/// Every body is hashed. The bodies of entries for which `keep` says yes end up in the spool, as do no others: an ELF file that is
/// not kept passes through the spool so that its structure can be read, and leaves nothing there. A file with the magic of ELF and
/// a broken structure is no error: it has no [`ContentFacts::elf`] and a [`ContentFacts::note`].
///
/// ```
/// use mikron_facts::{PackageFacts, FactsError, Spool, Symbols, scan};
/// use mikron_package::{ArchiveReader, Limits};
/// fn facts(archive: &mut dyn ArchiveReader, spool: &Spool) -> Result<PackageFacts, FactsError> {
///     let documentation = |path: &str| path.starts_with("/usr/share/doc/");
///     let keep = |entry: &mikron_package::Entry| !documentation(&entry.path.to_text());
///     scan(archive, spool, &Limits::default(), &keep, &Symbols::default())
/// }
/// ```
///
/// # Errors
/// When the archive cannot be read, a limit is exceeded, or the spool fails.
pub fn scan(
    reader: &mut dyn ArchiveReader,
    spool: &Spool,
    limits: &Limits,
    keep: &dyn Fn(&Entry) -> bool,
    symbols: &Symbols,
) -> Result<PackageFacts, FactsError> {
    let metadata = reader.metadata().clone();
    let names = [&metadata.record.name, &metadata.record.source].map(PackageName::as_str);
    let mut files: Vec<FileFacts> = Vec::new();
    let mut places: BTreeMap<RootPath, usize> = BTreeMap::new();
    let mut superseded: BTreeSet<usize> = BTreeSet::new();
    let mut buffer = vec![0; PIECE];
    while let Some(entry) = reader.next_entry()? {
        limits
            .check_entries(files.len() as u64 + 1)
            .map_err(ArchiveError::new)?;
        let how = How {
            keep,
            symbols,
            names: &names,
        };
        let mut facts = scan_into(entry, reader.body(), spool, &how, &mut buffer)?;
        if let Some(target) = facts.hard_link_target()
            && let Some(original) = places.get(target).map(|at| &files[*at])
        {
            // A second name of a symbolic link is the same link: nobody can tell which was there first.
            let entry = match &original.entry.kind {
                EntryKind::Symlink { .. } => Entry {
                    path: facts.entry.path,
                    ..original.entry.clone()
                },
                _ => facts.entry,
            };
            facts = FileFacts {
                entry,
                ..original.clone()
            };
        }
        let before = places.insert(facts.entry.path.clone(), files.len());
        if let Some(before) = before
            && !facts.entry.is_directory()
            && !files[before].entry.is_directory()
        {
            superseded.insert(before);
        }
        files.push(facts);
    }
    let mut notes = reader.notes();
    let of_superseded = superseded.iter().map(|at| {
        let path = &files[*at].entry.path;
        format!(
            "{path} stands there more than once; the last one holds, as for the family's own tools"
        )
    });
    notes.extend(of_superseded);
    let mut number = 0;
    files.retain(|_| {
        number += 1;
        !superseded.contains(&(number - 1))
    });
    files.shrink_to_fit();
    Ok(PackageFacts {
        metadata,
        files,
        made: Vec::new(),
        notes,
    })
}

/// Learns the facts of one file that comes from no archive: one that a spec adds. Of an ELF file it is recorded which of `symbols` it
/// imports.
///
/// # Errors
/// As [`scan`]; [`FactsError::Length`] when `body` has another length than the entry says.
pub fn scan_file(
    entry: Entry,
    body: &mut dyn Read,
    spool: &Spool,
    keep: bool,
    symbols: &Symbols,
) -> Result<FileFacts, FactsError> {
    FileScanner::new(spool, keep, symbols).scan(entry, body)
}

/// Learns the facts of files that come from no archive, one after the other, as [`scan_file`] does of one.
#[derive(Debug)]
pub struct FileScanner<'a> {
    spool: &'a Spool,
    keep: bool,
    symbols: &'a Symbols,
    buffer: Vec<u8>,
}

impl<'a> FileScanner<'a> {
    /// The spool keeps their contents, if `keep` is set.
    pub fn new(spool: &'a Spool, keep: bool, symbols: &'a Symbols) -> Self {
        Self {
            spool,
            keep,
            symbols,
            buffer: vec![0; PIECE],
        }
    }

    /// Learns the facts of one file.
    ///
    /// # Errors
    /// As [`scan_file`].
    pub fn scan(&mut self, entry: Entry, body: &mut dyn Read) -> Result<FileFacts, FactsError> {
        let how = How {
            keep: &|_| self.keep,
            symbols: self.symbols,
            names: &[],
        };
        scan_into(entry, body, self.spool, &how, &mut self.buffer)
    }
}

/// Spools the contents in `wanted` out of an archive whose facts are known already. What the spool holds is not read again.
///
/// # Errors
/// As [`scan`]; [`FactsError::Absent`] when the archive does not hold a wanted content.
pub fn fill(
    reader: &mut dyn ArchiveReader,
    wanted: &BTreeSet<Digest>,
    facts: &PackageFacts,
    spool: &Spool,
) -> Result<(), FactsError> {
    let mut open: BTreeSet<Digest> = wanted
        .iter()
        .filter(|d| !spool.contains(d))
        .copied()
        .collect();
    let mut buffer = vec![0; PIECE];
    let files = facts.files.iter().filter_map(|file| {
        let digest = file.digest.filter(|digest| open.contains(digest))?;
        Some((&file.entry.path, digest))
    });
    let places: BTreeMap<&RootPath, Digest> = files.collect();
    while let Some(entry) = reader.next_entry()? {
        let digest = places.get(&entry.path);
        let EntryKind::File { size } = entry.kind else {
            continue;
        };
        // One path may stand in an archive more than once, of which the last counts: what is spooled says what it was.
        if digest.is_some_and(|digest| open.contains(digest)) {
            let mut sink = Sink::Kept(spool.writer(size).map_err(spooling(&entry.path))?);
            copy_rest(&entry, size, 0, reader.body(), &mut sink, &mut buffer)?;
            let found = sink.finish().map_err(spooling(&entry.path))?;
            open.remove(&found);
        }
    }
    match open.first() {
        None => Ok(()),
        Some(first) => Err(FactsError::Absent {
            package: facts.metadata.record.name.clone(),
            count: open.len(),
            first: *first,
        }),
    }
}

fn spooling(path: &RootPath) -> impl Fn(io::Error) -> FactsError + '_ {
    move |source| FactsError::Spool {
        entry: path.clone(),
        source: Arc::new(source),
    }
}

/// Where a body goes.
enum Sink<'a> {
    Hashed(Hasher),
    Kept(SpoolWriter<'a>),
}

impl Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Hashed(hasher) => hasher.update(bytes),
            Self::Kept(writer) => writer.write(bytes)?,
        }
        Ok(())
    }

    fn finish(self) -> io::Result<Digest> {
        match self {
            Self::Hashed(hasher) => Ok(hasher.finish()),
            Self::Kept(writer) => writer.finish(),
        }
    }
}

/// What all files of an archive are looked at with.
struct How<'a> {
    keep: &'a dyn Fn(&Entry) -> bool,
    symbols: &'a Symbols,
    /// The names that the package goes by.
    names: &'a [&'a str],
}

fn scan_into(
    entry: Entry,
    body: &mut dyn Read,
    spool: &Spool,
    how: &How<'_>,
    buffer: &mut [u8],
) -> Result<FileFacts, FactsError> {
    let EntryKind::File { size } = entry.kind else {
        return Ok(FileFacts {
            class: classify_in(&entry, None, how.names),
            ..FileFacts::new(entry)
        });
    };
    let kept = (how.keep)(&entry);
    // The first piece decides: ELF files go through the spool in any case, since their structure is read at random.
    let head_len = fill_buffer(body, buffer).map_err(|e| reading(&entry, e))?;
    let head = &buffer[..head_len];
    let is_elf = head.starts_with(b"\x7fELF");
    let is_head = head_len as u64 != size;
    // Code that is longer than one piece goes there, too, to be read as a whole.
    let is_code = !is_elf && (head.starts_with(b"#!") || code::has_names(entry.path.as_bytes()));
    let is_long = is_code && is_head && size <= LONGEST_TEXT;
    let mut said = if is_elf || is_long {
        Said::default()
    } else {
        Said::of(&entry, head, is_head)
    };
    let is_whole = !is_head && !is_elf;
    let library = is_whole
        .then(|| library::library(&entry, head, how.names))
        .flatten();
    let loader_dirs = loader_dirs(&entry, head);
    let mentions = config::mentions(&entry, head);
    let mut versions = versions::versions(&entry, head, !is_head);
    // What lies in an archive is found from its end.
    let is_archive = !is_elf && java::is_archive(entry.path.as_bytes());
    let mut sink = if kept || is_elf || is_long || is_archive {
        Sink::Kept(spool.writer(size).map_err(spooling(&entry.path))?)
    } else {
        Sink::Hashed(Hasher::default())
    };
    check_length(&entry, size, head_len as u64)?;
    sink.write(head).map_err(spooling(&entry.path))?;
    if head_len as u64 == size {
        // One more read lets the reader check the end of the body, and finds what is too long.
        let more = read_some(body, &mut buffer[..1]).map_err(|e| reading(&entry, e))?;
        check_length(&entry, size, size + more as u64)?;
    } else {
        copy_rest(&entry, size, head_len as u64, body, &mut sink, buffer)?;
    }
    let (mut elf, mut note) = (None, None);
    if let (true, Sink::Kept(writer)) = (is_elf, &sink) {
        match read_elf(writer, how.symbols) {
            Ok(facts) => {
                note.clone_from(&facts.broken_note);
                elf = Some(Box::new(facts));
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                note = Some(format!("broken ELF file: {error}"));
            }
            Err(error) => return Err(spooling(&entry.path)(error)),
        }
    }
    if let (true, Sink::Kept(writer)) = (is_long, &sink) {
        let text = whole(writer).map_err(spooling(&entry.path))?;
        said = Said::of(&entry, &text, false);
    }
    if let (true, Sink::Kept(writer)) = (is_archive, &sink) {
        match versions::of_archive(writer) {
            Ok(found) => versions = found,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                note = Some(format!("broken archive: {error}"));
            }
            Err(error) => return Err(spooling(&entry.path)(error)),
        }
    }
    let digest = match sink {
        Sink::Kept(writer) if !kept => writer.discard(),
        sink => sink.finish(),
    };
    let digest = digest.map_err(spooling(&entry.path))?;
    let class = classify_in(&entry, elf.as_deref(), how.names);
    let content = ContentFacts {
        elf,
        script: said.script,
        library: library.map(Box::new),
        names: said.names,
        loader_dirs,
        mentions,
        versions: versions.map(Box::new),
        note: note.map(Into::into),
    };
    let says = content != ContentFacts::default();
    Ok(FileFacts {
        entry,
        digest: Some(digest),
        class,
        content: says.then(|| Box::new(content)),
    })
}

/// What a text says of its needs.
#[derive(Default)]
struct Said {
    script: Option<Box<ScriptFacts>>,
    names: Option<Words>,
}

impl Said {
    /// Reads a text, or the beginning of one that is too long to be read (`is_head`): such scripts are generated ones that nobody
    /// runs in an image, and what they call is not looked at.
    fn of(entry: &Entry, text: &[u8], is_head: bool) -> Self {
        let mut script = ScriptFacts::parse(text);
        if !is_head {
            script = script.map(|script| script.with_text(text));
        }
        let shell = script.as_ref().is_some_and(ScriptFacts::is_shell);
        let names = || code::names(entry.path.as_bytes(), script.as_ref(), text);
        Self {
            names: (!shell).then(names).flatten(),
            script: script.map(Box::new),
        }
    }
}

/// What was written to the spool.
fn whole(writer: &SpoolWriter<'_>) -> io::Result<Vec<u8>> {
    let mut text = vec![0; writer.len() as usize];
    let mut count = 0;
    while count < text.len() {
        match writer.read_at(count as u64, &mut text[count..])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => count += n,
        }
    }
    Ok(text)
}

fn copy_rest(
    entry: &Entry,
    size: u64,
    mut count: u64,
    body: &mut dyn Read,
    sink: &mut Sink<'_>,
    buffer: &mut [u8],
) -> Result<(), FactsError> {
    loop {
        let n = read_some(body, buffer).map_err(|e| reading(entry, e))?;
        if n == 0 {
            break;
        }
        count += n as u64;
        check_length(entry, size, count)?;
        sink.write(&buffer[..n]).map_err(spooling(&entry.path))?;
    }
    if count == size {
        Ok(())
    } else {
        Err(FactsError::Length {
            entry: entry.path.clone(),
            expected: size,
            found: count,
        })
    }
}

fn check_length(entry: &Entry, expected: u64, found: u64) -> Result<(), FactsError> {
    if found > expected {
        return Err(FactsError::Length {
            entry: entry.path.clone(),
            expected,
            found,
        });
    }
    Ok(())
}

fn reading(entry: &Entry, error: io::Error) -> FactsError {
    FactsError::Archive(ArchiveError::from_io(error).in_entry(&entry.path))
}

fn read_some(body: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match body.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

fn fill_buffer(body: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut count = 0;
    while count < buffer.len() {
        match read_some(body, &mut buffer[count..])? {
            0 => break,
            n => count += n,
        }
    }
    Ok(count)
}

/// The directories that a file of `/etc/ld.so.conf.d` names (ldconfig(8)), or the path file of musl's loader: one a line or
/// separated by commas, colons or spaces, `#` begins a comment. `include` and `hwcap` lines are left aside.
fn loader_dirs(entry: &Entry, head: &[u8]) -> Vec<String> {
    let path = entry.path.as_bytes();
    let conf = path.starts_with(b"etc/ld.so.conf.d/") && path.ends_with(b".conf");
    if !conf && !is_musl_path_file(path) {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(head);
    let separators = [' ', '\t', ',', ':', '\r'];
    text.lines()
        .map(|line| line.split('#').next().unwrap_or(""))
        .flat_map(|line| line.split(separators))
        .filter(|word| word.starts_with('/'))
        .map(str::to_owned)
        .collect()
}

/// Whether it is the file that names the directories of musl's loader (`ldso/dynlink.c`).
pub fn is_musl_path_file(path: &[u8]) -> bool {
    path.starts_with(b"etc/ld-musl-") && path.ends_with(b".path")
}

/// Bytes in memory can be looked into like a spooled content.
impl ReadAt for [u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let start = usize::try_from(offset)
            .unwrap_or(usize::MAX)
            .min(<[u8]>::len(self));
        let rest = &self[start..];
        let n = rest.len().min(buffer.len());
        buffer[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    }
}
