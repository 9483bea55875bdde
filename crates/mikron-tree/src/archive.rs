//! Tar archives of one's own: their entries below a path of the image.

use std::collections::{HashMap, HashSet};
use std::io::{BufReader, Read};
use std::path::Path;

use mikron_archive::{Cap, Decompressor, TarDialect, TarReader};
use mikron_facts::{FactsError, FileFacts, PackageFacts, scan};
use mikron_package::{
    ArchiveError, ArchiveMetadata, ArchiveReader, Attributes, Entry, EntryKind, Limits,
    PackageName, RootPath,
};

use crate::links::leaves;
use crate::{Choice, Options, Reading, TreeError};

/// A tar archive, compressed or not, read as a package is: entries that are taken stand at their place in the image.
pub struct ArchiveTree<R: Read> {
    tar: TarReader<Decompressor<BufReader<R>>>,
    options: Options,
    choice: Choice,
    metadata: ArchiveMetadata,
    /// The links so far, by their path in the archive, and where they point.
    links: HashMap<RootPath, Vec<u8>>,
    /// The directories above what was there so far.
    above: HashSet<RootPath>,
}

impl<R: Read> std::fmt::Debug for ArchiveTree<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArchiveTree")
            .field("tar", &self.tar)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl<R: Read + Send> ArchiveTree<R> {
    /// Reads `input`, whose compression is known by its first bytes.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn new(
        input: R,
        options: &Options,
        choice: Choice,
        limits: &Limits,
    ) -> Result<Self, ArchiveError> {
        let input = BufReader::with_capacity(128 << 10, input);
        let input = Decompressor::detect(input, limits, Cap::unpacked(limits))?;
        let name =
            PackageName::new("spec").map_err(|error| ArchiveError::malformed(error.to_string()))?;
        Ok(Self {
            tar: TarReader::new(input, TarDialect::Posix, limits),
            options: options.clone(),
            choice,
            metadata: PackageFacts::of_files(name, Vec::new()).metadata,
            links: HashMap::new(),
            above: HashSet::new(),
        })
    }

    /// Checks an entry as the archive has it.
    fn check(&mut self, entry: &Entry) -> Result<(), &'static str> {
        if self.tar.is_absolute() {
            return Err("its name begins with `/`, and an entry lies below the tree");
        }
        match &entry.kind {
            EntryKind::Fifo => return Err("a named pipe has no place in an image"),
            EntryKind::CharDevice { .. } | EntryKind::BlockDevice { .. } => {
                return Err("a device has no place in an image");
            }
            _ => {}
        }
        if entry
            .path
            .ancestors()
            .any(|above| self.links.contains_key(&above))
        {
            return Err("it lies behind a link of the archive");
        }
        if self.above.contains(&entry.path) && !entry.is_directory() {
            return Err("something else of the archive lies below it, as if it were a directory");
        }
        for above in entry.path.ancestors() {
            if !self.above.insert(above) {
                break;
            }
        }
        match &entry.kind {
            EntryKind::Symlink { target } => {
                self.links.insert(entry.path.clone(), target.clone());
            }
            _ => {
                self.links.remove(&entry.path);
            }
        }
        Ok(())
    }

    /// The entry at its place in the image.
    fn placed(&self, entry: &Entry) -> Result<Entry, ArchiveError> {
        let place = |path: &RootPath| self.options.at.join(path.as_bytes());
        let found = entry.mode;
        let (kind, mode) = match entry.kind.clone() {
            EntryKind::Hardlink { target } => {
                let target = place(&target)?;
                (EntryKind::Hardlink { target }, self.options.mode(found))
            }
            EntryKind::Directory => (EntryKind::Directory, self.options.directory_mode(found)),
            kind @ EntryKind::Symlink { .. } => (kind, 0o777),
            kind => (kind, self.options.mode(found)),
        };
        let mut attributes = Attributes {
            mode,
            ..Attributes::default()
        };
        if self.options.keep_owners {
            (attributes.uid, attributes.gid) = (entry.uid, entry.gid);
        }
        Ok(Entry {
            path: place(&entry.path)?,
            kind,
            attributes: attributes.shared(),
        })
    }
}

impl<R: Read + Send> ArchiveReader for ArchiveTree<R> {
    fn metadata(&self) -> &ArchiveMetadata {
        &self.metadata
    }

    fn next_entry(&mut self) -> Result<Option<Entry>, ArchiveError> {
        while let Some(entry) = self.tar.next_entry()? {
            if !self.choice.takes(&entry.path, false) {
                continue;
            }
            let (path, at) = (entry.path.clone(), self.tar.offset());
            let placed = match self.check(&entry) {
                Ok(()) => self.placed(&entry),
                Err(reason) => Err(ArchiveError::malformed(reason)),
            };
            let placed = placed.map_err(|error| error.in_entry(&path).at(at))?;
            if !placed.path.is_root() {
                return Ok(Some(placed));
            }
        }
        Ok(None)
    }

    fn body(&mut self) -> &mut dyn Read {
        &mut self.tar
    }
}

/// Reads an archive: the facts of what is taken, and what is odd about it. Contents go into the spool.
///
/// # Errors
/// When it cannot be read, exceeds a limit, names something outside of itself, or a link leads out. `path` names it there.
pub fn read_archive(
    path: &Path,
    input: impl Read + Send,
    options: &Options,
    how: &Reading<'_>,
) -> Result<PackageFacts, TreeError> {
    let failed = |error| TreeError::Archive {
        path: path.to_owned(),
        error: Box::new(error),
    };
    let archive = ArchiveTree::new(input, options, options.choice()?, &how.limits);
    let mut archive = archive.map_err(failed)?;
    let facts = scan(&mut archive, how.spool, &how.limits, &|_| true, how.symbols);
    let mut facts = facts.map_err(|error| match error {
        FactsError::Archive(error) => failed(error),
        error => error.into(),
    })?;
    for (link, target) in &archive.links {
        if !target.starts_with(b"/")
            && leaves(link, target, |at| archive.links.get(at).map(Vec::as_slice))
        {
            let link = path.join(link.to_text().trim_start_matches('/'));
            let target = target.clone();
            return Err(TreeError::Leaves { link, target });
        }
    }
    let mut sizes: HashMap<RootPath, u64> = HashMap::new();
    let size = |file: &FileFacts| {
        file.entry
            .is_file()
            .then(|| (file.entry.path.clone(), file.entry.size()))
    };
    sizes.extend(facts.files.iter().filter_map(size));
    for file in &mut facts.files {
        let Some(target) = file.hard_link_target().cloned() else {
            continue;
        };
        // A second name is a file with the same content.
        match sizes.get(&target) {
            Some(size) if file.digest.is_some() => {
                file.entry.kind = EntryKind::File { size: *size };
                sizes.insert(file.entry.path.clone(), *size);
            }
            _ => {
                return Err(TreeError::HardLink {
                    path: path.to_owned(),
                    link: file.entry.path.clone(),
                    target,
                });
            }
        }
    }
    facts.files.sort_by(|a, b| a.entry.path.cmp(&b.entry.path));
    facts
        .files
        .dedup_by(|later, first| later.entry.path == first.entry.path);
    let unused = archive.choice.unused();
    facts.notes.extend(unused.map(|(key, pattern)| {
        format!(
            "`{key}` has `{}`, which matches nothing in it",
            pattern.escape_debug()
        )
    }));
    Ok(facts)
}
