//! Reading a directory, or a single file: what of it did not change is known from the record of an earlier reading.

use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use mikron_facts::{FactsError, FileFacts, FileScanner, Spool, Symbols};
use mikron_package::{Cancellation, Digest, Entry, EntryKind, Limits, RootPath, threads};

use crate::contents::TreeContents;
use crate::links::leaves;
use crate::open::{open, unchanged};
use crate::record::{self, Learnt, Recorded};
use crate::walk::{Found, Kind, Stat, Walk, mode, on_host};
use crate::{Choice, IgnoreFile, TreeError, secrets};

/// Files that one thread takes at a time.
const BATCH: usize = 64;

/// Which permissions the files of a tree get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Modes {
    /// Directories, and files that their owner may execute, 0755; other files 0644. So it does not matter under which umask they came
    /// to be.
    #[default]
    Sane,
    /// Those that they have.
    Keep,
    /// Files these, directories 0755.
    Set(u32),
}

/// What of a tree is taken, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it lies in the image.
    pub at: RootPath,
    /// Patterns of paths in the tree: nothing else is taken, where there are any ([`Choice`]).
    pub include: Vec<String>,
    /// Patterns of paths in the tree that are left out.
    pub exclude: Vec<String>,
    /// Files of the tree that say what is left out.
    pub ignore: Vec<IgnoreFile>,
    /// Permissions.
    pub modes: Modes,
    /// Whether the owners that an archive names are taken over; else all is root's.
    pub keep_owners: bool,
}

impl Options {
    /// All of a tree.
    pub fn at(at: RootPath) -> Self {
        Self {
            at,
            include: Vec::new(),
            exclude: Vec::new(),
            ignore: Vec::new(),
            modes: Modes::Sane,
            keep_owners: false,
        }
    }

    pub(crate) fn mode(&self, found: u32) -> u32 {
        match (self.modes, found & 0o100) {
            (Modes::Set(mode), _) => mode,
            (Modes::Keep, _) => found,
            (Modes::Sane, 0) => 0o644,
            (Modes::Sane, _) => 0o755,
        }
    }

    pub(crate) fn directory_mode(&self, found: u32) -> u32 {
        match self.modes {
            Modes::Keep => found,
            Modes::Sane | Modes::Set(_) => 0o755,
        }
    }

    pub(crate) fn choice(&self) -> Result<Choice, TreeError> {
        Ok(Choice::new(&self.include, &self.exclude)?)
    }
}

/// What a reading works with.
#[derive(Clone, Debug)]
pub struct Reading<'a> {
    /// Takes what has to be read at random, and the contents of archives.
    pub spool: &'a Spool,
    /// The symbols of ELF files that facts record.
    pub symbols: &'a Symbols,
    /// What [`Tree::record`] gave the last time; empty where there was none.
    pub record: Vec<u8>,
    /// Threads that read.
    pub jobs: usize,
    /// Caps on what is read.
    pub limits: Limits,
    /// Ends the reading early.
    pub cancellation: Cancellation,
    /// The time, in seconds since 1970: what was written just now may change again without a sign of it, and is read again the next
    /// time. The outcome does not depend on it.
    pub now: i64,
}

impl<'a> Reading<'a> {
    /// A reading that knows nothing yet.
    pub fn new(spool: &'a Spool, symbols: &'a Symbols) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            spool,
            symbols,
            record: Vec::new(),
            jobs: 1,
            limits: Limits::default(),
            cancellation: Cancellation::default(),
            now: now.map_or(0, |now| now.as_secs().cast_signed()),
        }
    }
}

/// A directory or file of the host, read and hashed.
#[derive(Debug)]
pub struct Tree {
    root: PathBuf,
    options: Options,
    files: Vec<(FileFacts, Option<Stat>)>,
    secrets: Vec<RootPath>,
    notes: Vec<String>,
    /// How many files were read.
    read: usize,
    record: Option<Vec<u8>>,
}

impl Tree {
    /// Reads what lies at `root`. Links to it are followed, those in it are not.
    ///
    /// # Errors
    /// When something cannot be read or changes meanwhile, is neither file, directory nor link, or is a link that leads out.
    pub fn read(root: &Path, options: &Options, how: &Reading<'_>) -> Result<Self, TreeError> {
        let metadata = std::fs::metadata(root).map_err(TreeError::io(root))?;
        let choice = options.choice()?;
        let found = if metadata.is_dir() {
            let walk = Walk {
                root,
                choice: &choice,
                ignore: &options.ignore,
                limits: &how.limits,
                cancellation: &how.cancellation,
            };
            walk.run()?
        } else if metadata.is_file() {
            vec![Found {
                path: RootPath::root(),
                kind: Kind::File(Stat::of(&metadata)),
                mode: mode(&metadata),
            }]
        } else {
            let path = root.to_owned();
            return Err(TreeError::NoTree { path });
        };
        check_links(root, options, &found)?;
        let Known {
            records,
            read,
            as_before,
        } = learn(root, options, how, &found)?;
        let secret = records.iter().filter(|record| record.learnt.secret);
        let secrets = secret.map(|record| record.path.clone()).collect::<Vec<_>>();
        // A record that would say the same is not written again.
        let record = if as_before {
            None
        } else {
            record::encode(&records)
        };
        let mut learnt = records.into_iter();
        let mut files = Vec::with_capacity(found.len());
        for found in found {
            let Found { path, kind, mode } = found;
            let stat = match &kind {
                Kind::File(stat) => Some(*stat),
                Kind::Directory | Kind::Symlink(_) => None,
            };
            let entry = entry(options, &path, kind, mode)?;
            let facts = match stat.and_then(|_| learnt.next()) {
                Some(Recorded { learnt, .. }) => FileFacts {
                    entry,
                    digest: Some(learnt.digest),
                    class: learnt.class,
                    content: learnt.content,
                },
                None if entry.path.is_root() => continue,
                None => FileFacts::new(entry),
            };
            files.push((facts, stat));
        }
        let notes = choice.unused().map(|(key, pattern)| {
            format!(
                "`{key}` has `{}`, which matches nothing in {}",
                pattern.escape_debug(),
                root.display()
            )
        });
        Ok(Self {
            root: root.to_owned(),
            options: options.clone(),
            notes: notes.collect(),
            files,
            secrets,
            read,
            record,
        })
    }

    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        !matches!(&self.files[..], [(file, Some(_))] if file.entry.path == self.options.at)
    }

    /// The facts of all that is taken, at its place in the image and in order of path.
    pub fn files(&self) -> impl ExactSizeIterator<Item = &FileFacts> {
        self.files.iter().map(|(facts, _)| facts)
    }

    /// The digest of a file, or of a [tree](crate::digest).
    pub fn digest(&self) -> Digest {
        match self.files.first().and_then(|(file, _)| file.digest) {
            Some(digest) if !self.is_directory() => digest,
            _ => crate::digest(&self.options.at, self.files()),
        }
    }

    /// Files that look like secrets, by their path in the tree.
    pub fn secrets(&self) -> &[RootPath] {
        &self.secrets
    }

    /// What is odd about the options, as sentences.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// How many files were opened: those that the record did not know.
    pub fn opened(&self) -> usize {
        self.read
    }

    /// What to hand to the next reading as [`Reading::record`], with the same place in the image and the same symbols; `None` where
    /// it is what this one was given.
    pub fn record(&self) -> Option<&[u8]> {
        self.record.as_deref()
    }

    /// The facts, and the contents that go with them.
    pub fn into_parts(self) -> (Vec<FileFacts>, TreeContents) {
        let contents = TreeContents::new(self.root, &self.options.at, &self.files);
        let files = self.files.into_iter().map(|(facts, _)| facts).collect();
        (files, contents)
    }
}

fn entry(options: &Options, path: &RootPath, kind: Kind, mode: u32) -> Result<Entry, TreeError> {
    let path = options.at.join(path.as_bytes())?;
    Ok(match kind {
        Kind::File(Stat { size, .. }) => {
            Entry::new(path, EntryKind::File { size }, options.mode(mode))
        }
        Kind::Directory => Entry::new(path, EntryKind::Directory, options.directory_mode(mode)),
        Kind::Symlink(target) => Entry::new(path, EntryKind::Symlink { target }, 0o777),
    })
}

/// Refuses links that lead out of the tree, and those that name it by its place on this machine.
fn check_links(root: &Path, options: &Options, found: &[Found]) -> Result<(), TreeError> {
    let target = |at: &RootPath| {
        let known = found.binary_search_by(|found| found.path.cmp(at)).ok()?;
        match &found[known].kind {
            Kind::Symlink(target) => Some(target.as_slice()),
            _ => None,
        }
    };
    let real = std::fs::canonicalize(root).map_err(TreeError::io(root))?;
    for Found { path, kind, .. } in found {
        let Kind::Symlink(to) = kind else { continue };
        let link = on_host(root, path);
        if to.starts_with(b"/") {
            let text = String::from_utf8_lossy(to);
            let in_image = RootPath::root().resolve_link(to)?;
            if Path::new(&*text).starts_with(&real) && !in_image.starts_with(&options.at) {
                let target = to.clone();
                return Err(TreeError::OnHost { link, target });
            }
        } else if leaves(path, to, target) {
            let target = to.clone();
            return Err(TreeError::Leaves { link, target });
        }
    }
    Ok(())
}

/// What is known of the files of a tree.
struct Known {
    /// In order of path.
    records: Vec<Recorded>,
    /// How many files were read for it.
    read: usize,
    /// Whether the earlier record said the same.
    as_before: bool,
}

/// Learns what there is to know of every file: from the record where it knows, else by reading.
fn learn(
    root: &Path,
    options: &Options,
    how: &Reading<'_>,
    found: &[Found],
) -> Result<Known, TreeError> {
    let before = record::decode(&how.record);
    let recorded = before.len();
    let mut before = before.into_iter().peekable();
    let mut known = Vec::new();
    let mut open = Vec::new();
    for found in found {
        let Kind::File(stat) = &found.kind else {
            continue;
        };
        while before.next_if(|record| record.path < found.path).is_some() {}
        match before.next_if(|record| record.path == found.path && record.holds(stat)) {
            Some(record) => known.push(record),
            None => open.push((found, *stat)),
        }
    }
    let unchanged = known.len();
    let next = AtomicU64::new(0);
    let read = || {
        let mut scanner = FileScanner::new(how.spool, false, how.symbols);
        let mut learnt = Vec::new();
        loop {
            let at = next.fetch_add(BATCH as u64, Ordering::Relaxed) as usize;
            let Some(batch) = open.get(at..open.len().min(at + BATCH)) else {
                return Ok(learnt);
            };
            if batch.is_empty() {
                return Ok(learnt);
            }
            for (found, stat) in batch {
                let path = on_host(root, &found.path);
                how.cancellation.check().map_err(TreeError::io(&path))?;
                let read = read_one(&path, found, *stat, options, &mut scanner);
                let read =
                    read.inspect_err(|_| next.store(open.len() as u64, Ordering::Relaxed))?;
                learnt.push(Recorded::new(found.path.clone(), *stat, read, how.now));
            }
        }
    };
    let jobs = how.jobs.clamp(1, open.len().div_ceil(BATCH).max(1));
    let mut records = known;
    let mut failures = Vec::new();
    for done in threads::on(jobs, read) {
        match done {
            Ok(learnt) => records.extend(learnt),
            Err(error) => failures.push(error),
        }
    }
    // Of several the message that sorts first, whoever was first.
    failures.sort_by_cached_key(ToString::to_string);
    if let Some(error) = failures.into_iter().next() {
        return Err(error);
    }
    records.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(Known {
        records,
        read: open.len(),
        as_before: open.is_empty() && unchanged == recorded,
    })
}

fn read_one(
    path: &Path,
    found: &Found,
    stat: Stat,
    options: &Options,
    scanner: &mut FileScanner<'_>,
) -> Result<Learnt, TreeError> {
    let mut file = open(path, &stat, found.path.is_root())?;
    let secret = match found.path.file_name().and_then(secrets::signs) {
        Some(signs) => {
            let mut text = vec![0; stat.size.min(secrets::LOOKED_AT) as usize];
            let read = file.read_at(&mut text, 0).map_err(TreeError::io(path))?;
            secrets::says(&text[..read], signs)
        }
        None => false,
    };
    let entry = entry(options, &found.path, Kind::File(stat), found.mode)?;
    let facts = scanner
        .scan(entry, &mut file)
        .map_err(|error| match error {
            FactsError::Length { .. } => TreeError::Changed {
                path: path.to_owned(),
            },
            error => error.into(),
        })?;
    unchanged(path, &file, &stat)?;
    let gone = || TreeError::Changed {
        path: path.to_owned(),
    };
    Ok(Learnt {
        digest: facts.digest.ok_or_else(gone)?,
        class: facts.class,
        content: facts.content,
        secret,
    })
}
