//! What the spec itself brings: texts, files, trees and archives, read and hashed.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use mikron_facts::{FileFacts, PackageFacts, Spool, Symbols, fill, scan_file};
use mikron_package::{Contents, Digest, Entry, EntryKind, Limits, PackageName, RootPath};
use mikron_spec::{FileCheck, FileContent, FileEntry, IgnoreFile, Spec, Taken};
use mikron_tree::{
    ArchiveTree, Modes, Options, Reading, Tree, TreeContents, TreeError, read_archive,
};

use crate::Error;
use crate::files::Beside;
use crate::order::Order;
use crate::session::Session;
use crate::steps::certificates::certificates;
use crate::steps::facts::FACTS;

/// Name and version of what the cache remembers of trees; what it remembers of their files moves with the facts.
const TREES: &str = "trees-1";

/// The same of archives.
const ARCHIVES: &str = "archives-1";

/// So many files that look like secrets are named.
const NAMED: usize = 5;

/// The files that the spec brings, and where their contents are.
pub(crate) struct OwnFiles {
    /// Their facts, in the order of the spec's entries, and of path in each.
    pub(crate) facts: Arc<PackageFacts>,
    /// The spec's entry that each is of, by number. Behind the spec's entries come those of `certificates`.
    pub(crate) items: Vec<usize>,
    /// The certificates of the spec, as entries of `files`.
    pub(crate) certificates: Vec<FileEntry>,
    /// What is placed and followed by nothing: the links of trees that are not checked.
    pub(crate) aside: Vec<(usize, Entry)>,
    trees: Vec<TreeContents>,
    archives: Vec<OwnArchive>,
}

/// An archive of the spec, whose contents are in the spool once somebody asked for one.
struct OwnArchive {
    path: PathBuf,
    options: Options,
    /// The archive itself.
    file: TreeContents,
    digest: Digest,
    facts: PackageFacts,
    contents: BTreeSet<Digest>,
    limits: Limits,
    filled: Mutex<bool>,
}

/// Reads the files of a spec.
pub(crate) struct Reader<'a> {
    pub(crate) session: &'a Session,
    pub(crate) order: &'a Order,
    pub(crate) beside: &'a Beside,
    pub(crate) spool: &'a Spool,
    pub(crate) symbols: &'a Symbols,
}

impl Reader<'_> {
    /// All of them.
    ///
    /// # Errors
    /// When one cannot be read or is not what it should be.
    pub(crate) fn read(&self) -> Result<OwnFiles, Error> {
        let mut own = OwnFiles {
            facts: Arc::new(PackageFacts::of_files(spec(), Vec::new())),
            items: Vec::new(),
            certificates: certificates(self.order, self.beside)?,
            aside: Vec::new(),
            trees: Vec::new(),
            archives: Vec::new(),
        };
        let mut all = Vec::new();
        let certificates = own.certificates.clone();
        let entries = self.order.spec.files.iter().chain(&certificates);
        for (number, file) in entries.enumerate() {
            let facts = match &file.content {
                FileContent::Text(text) => vec![self.text(file, text)?],
                FileContent::From(named) => self.tree(&mut own, number, file, named)?,
                FileContent::Archive(named) => self.archive(&mut own, number, file, named)?,
                FileContent::Directory | FileContent::Symlink(_) => continue,
            };
            let unchecked = file.check == FileCheck::None;
            for mut file in facts {
                if unchecked && file.link_target().is_some() {
                    own.aside.push((number, file.entry));
                    continue;
                }
                if unchecked {
                    file.content = None;
                }
                own.items.push(number);
                all.push(file);
            }
        }
        own.facts = Arc::new(PackageFacts::of_files(spec(), all));
        Ok(own)
    }

    /// A text is no program: the rules need not be read for it.
    fn text(&self, file: &FileEntry, text: &str) -> Result<FileFacts, Error> {
        let size = text.len() as u64;
        let mode = file.mode.map_or(0o644, mikron_spec::Mode::bits);
        let entry = Entry::new(file.path.clone(), EntryKind::File { size }, mode);
        let symbols = Symbols::default();
        let facts = scan_file(entry, &mut text.as_bytes(), self.spool, true, &symbols);
        facts.map_err(|error| Error::Facts {
            package: spec(),
            error: Box::new(error),
        })
    }

    /// A file, or a directory with all that is taken of it.
    fn tree(
        &self,
        own: &mut OwnFiles,
        number: usize,
        file: &FileEntry,
        named: &str,
    ) -> Result<Vec<FileFacts>, Error> {
        let path = self.beside.resolve(named)?;
        let tree = self.read_tree(number, &path, &options(file))?;
        let refused = |key, message: String, help| Err(self.error(number, key, message, help));
        let shown = path.display();
        if tree.is_directory() {
            if file.mode.is_some() {
                let message = format!("{shown} is a directory: its files cannot all have one mode");
                return refused(
                    "mode",
                    message,
                    "leave `mode` out: what its owner may execute has 0755, other files 0644; or write `mode: keep`",
                );
            }
            if file.path.is_root() && tree.files().len() == 0 {
                return refused("from", format!("nothing of {shown} is taken"), "");
            }
        } else if file.taken != Taken::default() {
            let Taken {
                include, exclude, ..
            } = &file.taken;
            let key = match (include.is_empty(), exclude.is_empty()) {
                (false, _) => "include",
                (true, false) => "exclude",
                (true, true) => "ignore",
            };
            let message =
                format!("{shown} is a file, and `{key}` says what of a directory is taken");
            return refused(key, message, "leave it out");
        }
        self.check_digest(number, file, &path, tree.digest())?;
        self.warn_of_secrets(named, tree.secrets());
        for note in tree.notes() {
            self.session.warn(note);
        }
        let (facts, contents) = tree.into_parts();
        own.trees.push(contents);
        Ok(facts)
    }

    /// Reads a tree; what is known of its files lies in the cache.
    fn read_tree(&self, number: usize, path: &Path, options: &Options) -> Result<Tree, Error> {
        let cache = &self.session.cache;
        let real = std::fs::canonicalize(path);
        let real = real.map_err(|error| self.unreadable(number, &io_error(path, error)))?;
        let key = self.key(&[real.as_os_str().as_encoded_bytes()], options);
        let how = Reading {
            record: cache.derived(TREES, &key).unwrap_or_default(),
            ..self.reading()
        };
        let tree = Tree::read(path, options, &how);
        let tree = tree.map_err(|error| self.unreadable(number, &error))?;
        tracing::debug!(path = %path.display(), files = tree.files().len(), opened = tree.opened(), "tree");
        if let Some(record) = tree.record() {
            self.keep(TREES, &key, record, path);
        }
        Ok(tree)
    }

    /// What is taken of an archive.
    fn archive(
        &self,
        own: &mut OwnFiles,
        number: usize,
        file: &FileEntry,
        named: &str,
    ) -> Result<Vec<FileFacts>, Error> {
        let path = self.beside.resolve(named)?;
        if file.mode.is_some() {
            let message = format!(
                "{} is an archive: its files cannot all have one mode",
                path.display()
            );
            let help = "leave `mode` out, or write `mode: keep`";
            return Err(self.error(number, "mode", message, help));
        }
        let itself = self.read_tree(number, &path, &Options::at(RootPath::root()))?;
        if itself.is_directory() {
            let message = format!("{} is a directory, and no archive", path.display());
            let help = "leave out `tar:`, which is for archives";
            return Err(self.error(number, "from", message, help));
        }
        let digest = itself.digest();
        self.check_digest(number, file, &path, digest)?;
        let size = itself.files().map(|file| file.entry.size()).sum();
        let (_, itself) = itself.into_parts();
        // How large it is bounds how much may plausibly come out of it.
        let limits = Limits {
            archive: self.session.limits.archive.min(size),
            ..self.session.limits.clone()
        };
        let limits = limits.plausible(0);
        let options = options(file);
        let key = self.key(&[digest.as_bytes()], &options);
        let cache = &self.session.cache;
        let known = cache.derived(ARCHIVES, &key);
        let known = known.and_then(|bytes| PackageFacts::decode(&bytes).ok());
        let facts = if let Some(facts) = known {
            facts
        } else {
            let how = Reading {
                limits: limits.clone(),
                ..self.reading()
            };
            let facts = itself
                .open(&digest)
                .map_err(|error| io_error(&path, error))
                .and_then(|input| read_archive(&path, input, &options, &how));
            let facts = facts.map_err(|error| self.unreadable(number, &error))?;
            if let Ok(bytes) = facts.encode() {
                self.keep(ARCHIVES, &key, &bytes, &path);
            }
            facts
        };
        for note in &facts.notes {
            self.session.warn(&format!("{named}: {note}"));
        }
        own.archives.push(OwnArchive {
            path,
            options,
            file: itself,
            digest,
            contents: facts.files.iter().filter_map(|file| file.digest).collect(),
            facts: facts.clone(),
            limits,
            filled: Mutex::new(false),
        });
        Ok(facts.files)
    }

    /// Keeps what is known of a tree or archive. Where that fails, the next build reads it again.
    fn keep(&self, namespace: &str, key: &[u8], value: &[u8], path: &Path) {
        if let Err(error) = self.session.cache.put_derived(namespace, key, value) {
            let shown = path.display();
            let message = format!("what is known of {shown} is not kept: {error}");
            self.session.warn(&message);
        }
    }

    /// What the facts of a tree or archive depend on beside its files.
    fn key(&self, of: &[&[u8]], options: &Options) -> Vec<u8> {
        let mut key = FACTS.as_bytes().to_vec();
        key.extend(PackageFacts::ENCODING.to_le_bytes());
        key.extend(self.symbols.digest().as_bytes());
        let choice = [&options.include, &options.exclude].map(|globs| globs.join("\0"));
        let how = format!("{:?} {} {choice:?}", options.modes, options.keep_owners);
        for part in of.iter().chain(&[options.at.as_bytes(), how.as_bytes()]) {
            key.extend((part.len() as u64).to_le_bytes());
            key.extend(*part);
        }
        key
    }

    fn reading(&self) -> Reading<'_> {
        Reading {
            jobs: self.session.jobs(),
            limits: self.session.limits.clone(),
            cancellation: self.session.cancellation().clone(),
            ..Reading::new(self.spool, self.symbols)
        }
    }

    fn check_digest(
        &self,
        number: usize,
        file: &FileEntry,
        path: &Path,
        found: Digest,
    ) -> Result<(), Error> {
        if file.digest.is_none_or(|expected| expected == found) {
            return Ok(());
        }
        let path = path.to_owned();
        let error = TreeError::Digest { path, found };
        Err(self.error(number, "digest", error.to_string(), error.remedy()))
    }

    fn warn_of_secrets(&self, named: &str, secrets: &[RootPath]) {
        if secrets.is_empty() {
            return;
        }
        let name = |path: &RootPath| {
            if path.is_root() {
                return named.to_owned();
            }
            path.to_string().trim_start_matches('/').to_owned()
        };
        let mut shown: Vec<String> = secrets.iter().take(NAMED).map(name).collect();
        if secrets.len() > NAMED {
            shown.push(format!("{} more", secrets.len() - NAMED));
        }
        self.session.warn(&format!(
            "{named} puts what looks like a secret into the image, where everybody reads it: {}; `exclude` leaves it out",
            shown.join(", ")
        ));
    }

    /// An error at the place where the spec names the tree.
    fn unreadable(&self, number: usize, error: &TreeError) -> Error {
        self.error(number, "from", error.to_string(), error.remedy())
    }

    fn error(&self, number: usize, key: &str, message: String, help: &str) -> Error {
        let named = self.order.spec.files.get(number);
        let named = named.and_then(|file| file.content.source());
        let at = ["files", &number.to_string(), key];
        self.order
            .fault(&at, named.unwrap_or_default(), message, help)
    }
}

fn spec() -> PackageName {
    PackageName::new("spec").expect("a literal that obeys the rules of names")
}

fn io_error(path: &Path, error: io::Error) -> TreeError {
    let path = path.to_owned();
    TreeError::Io { path, error }
}

fn options(file: &FileEntry) -> Options {
    let ignore = |file: &IgnoreFile| match file {
        IgnoreFile::Docker => mikron_tree::IgnoreFile::Docker,
        IgnoreFile::Git => mikron_tree::IgnoreFile::Git,
    };
    Options {
        at: file.path.clone(),
        include: file.taken.include.clone(),
        exclude: file.taken.exclude.clone(),
        ignore: file.taken.ignore.iter().map(ignore).collect(),
        modes: match file.mode {
            Some(mode) => Modes::Set(mode.bits()),
            None if file.keep.mode => Modes::Keep,
            None => Modes::Sane,
        },
        keep_owners: file.keep.owner,
    }
}

impl OwnFiles {
    /// The entries that they are of, each at its number.
    pub(crate) fn entries<'a>(&'a self, spec: &'a Spec) -> impl Iterator<Item = &'a FileEntry> {
        spec.files.iter().chain(&self.certificates)
    }

    /// What is placed of one of the spec's entries.
    pub(crate) fn of(&self, number: usize) -> impl Iterator<Item = (&Entry, Option<Digest>)> {
        let from = self.items.partition_point(|item| *item < number);
        let to = self.items.partition_point(|item| *item <= number);
        let facts = self.facts.files[from..to].iter();
        let facts = facts.map(|file| (&file.entry, file.digest));
        let aside = self.aside.iter().filter(move |(item, _)| *item == number);
        facts.chain(aside.map(|(_, entry)| (entry, None)))
    }

    /// A content that lies in a tree or archive; `None` where none has it.
    pub(crate) fn open(
        &self,
        content: &Digest,
        spool: &Spool,
    ) -> Option<io::Result<Box<dyn Read + Send + '_>>> {
        if let Some(tree) = self.trees.iter().find(|tree| tree.contains(content)) {
            return Some(tree.open(content));
        }
        let mut archives = self.archives.iter();
        let archive = archives.find(|archive| archive.contents.contains(content))?;
        archive.fill(spool).err().map(Err)
    }
}

impl OwnArchive {
    /// Brings all contents into the spool, once.
    fn fill(&self, spool: &Spool) -> io::Result<()> {
        let mut filled = self.filled.lock().unwrap_or_else(PoisonError::into_inner);
        if *filled {
            return Ok(());
        }
        let fault = |error: TreeError| io::Error::other(error);
        let choice = mikron_tree::Choice::new(&self.options.include, &self.options.exclude);
        let choice = choice.map_err(io::Error::other)?;
        let input = self.file.open(&self.digest)?;
        let archive = ArchiveTree::new(input, &self.options, choice, &self.limits);
        let mut archive = archive.map_err(|error| {
            fault(TreeError::Archive {
                path: self.path.clone(),
                error: Box::new(error),
            })
        })?;
        fill(&mut archive, &self.contents, &self.facts, spool).map_err(io::Error::other)?;
        *filled = true;
        Ok(())
    }
}
