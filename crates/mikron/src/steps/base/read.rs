//! A base is read: its layers one over the other, with facts of every file, and the packages that its database knows.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read};
use std::sync::Arc;

use mikron_facts::{FileFacts, FileScanner, PackageFacts, Spool, Symbols, classify};
use mikron_oci::{Image, ImageError, ImageTree, LayerEntry, TakeContents};
use mikron_package::{
    ArchiveError, Contents as _, Digest, Entry, EntryKind, Family, LimitExceeded, PackageDatabase,
    PackageName, RootPath, merged_usr,
};
use serde::{Deserialize, Serialize};

use super::{BASE, Lower};
use crate::families::formats;
use crate::session::Session;
use crate::steps::facts::FACTS;

/// Name and version of what the cache remembers of bases; what it remembers of their files moves with the facts.
const BASES: &str = "bases-1";

/// What is known of a base.
#[derive(Serialize, Deserialize)]
pub(super) struct Known {
    /// All of it in order of path, hard links behind their files; what each is of, by its place among the packages, one behind the last for
    /// what no package has.
    pub(super) entries: Vec<(LayerEntry, usize)>,
    /// The family of its database.
    pub(super) family: Option<String>,
    pub(super) packages: Vec<KnownPackage>,
    /// What no package has.
    pub(super) others: Arc<PackageFacts>,
    /// The files of the database, which another image extends.
    pub(super) database: Vec<(RootPath, Digest)>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct KnownPackage {
    /// What the database says of it, and the facts of what the base has of it.
    pub(super) facts: Arc<PackageFacts>,
    /// Whether that is all that there is of it.
    pub(super) whole: bool,
}

/// Why a base is not read.
pub(crate) enum ReadError {
    /// It is damaged or incomplete.
    Image(ImageError),
    /// It has packages of a family whose database is not read.
    Unread(Family),
    /// Its layers, its database, or what was taken of them.
    Other(Box<dyn std::error::Error>),
}

impl ReadError {
    fn other(error: impl std::error::Error + 'static) -> Self {
        Self::Other(Box::new(error))
    }
}

/// Reads bases.
pub(crate) struct Reader<'a> {
    pub(crate) session: &'a Session,
    pub(crate) symbols: &'a Symbols,
    /// Takes all contents on the way.
    pub(crate) spool: &'a Spool,
}

impl Reader<'_> {
    /// Reads a base, or remembers it.
    pub(crate) fn read(&self, image: Arc<dyn Image>) -> Result<Lower, ReadError> {
        let key = self.key(&*image);
        let cache = &self.session.cache;
        let known = cache.derived(BASES, &key);
        let known = known.and_then(|bytes| postcard::from_bytes(&bytes).ok());
        let limits = self.session.limits.clone();
        if let Some(known) = known {
            return Ok(Lower::new(image, known, limits, false));
        }
        let known = self.learn(&*image)?;
        if let Ok(bytes) = postcard::to_stdvec(&known)
            && let Err(error) = cache.put_derived(BASES, &key, &bytes)
        {
            let message = format!("what is known of the base image is not kept: {error}");
            self.session.warn(&message);
        }
        Ok(Lower::new(image, known, limits, true))
    }

    fn key(&self, image: &dyn Image) -> Vec<u8> {
        let mut key = FACTS.as_bytes().to_vec();
        key.extend(PackageFacts::ENCODING.to_le_bytes());
        key.extend(self.symbols.digest().as_bytes());
        key.extend(image.manifest().blob().digest.as_bytes());
        key
    }

    fn learn(&self, image: &dyn Image) -> Result<Known, ReadError> {
        let mut scanner = Scanner {
            learns: FileScanner::new(self.spool, true, self.symbols),
            files: HashMap::new(),
            session: self.session,
        };
        let limits = &self.session.limits;
        let tree = ImageTree::read_all(image, &mut scanner, limits).map_err(ReadError::Image)?;
        let entries = tree.into_entries();
        let entries = entries.map_err(ReadError::other)?;
        let facts = scanner.facts(&entries);
        let paths: BTreeMap<&RootPath, usize> = facts
            .iter()
            .enumerate()
            .map(|(at, file)| (&file.entry.path, at))
            .collect();
        let mut known = Known {
            entries: Vec::new(),
            family: None,
            packages: Vec::new(),
            others: Arc::new(PackageFacts::of_files(name(), Vec::new())),
            database: Vec::new(),
        };
        // Which package each entry is of.
        let mut owners: Vec<Option<usize>> = vec![None; facts.len()];
        for (family, database) in databases() {
            let place = |place: &&str| {
                let path = RootPath::new(place.as_bytes()).ok();
                path.is_some_and(|path| paths.contains_key(&path))
            };
            if !database.places().iter().any(place) {
                continue;
            }
            let is_wanted = |path: &RootPath| database.is_part(path) || database.is_list(path);
            let files = facts.iter().filter(|file| is_wanted(&file.entry.path));
            let files: Vec<(&RootPath, Digest)> = files
                .filter_map(|file| Some((&file.entry.path, file.digest?)))
                .collect();
            let texts = self.texts(&files).map_err(ReadError::other)?;
            let found = database.packages(&texts).map_err(ReadError::other)?;
            let Some(found) = found else {
                return Err(ReadError::Unread(family));
            };
            // `/var/lib/dpkg` is also where others keep an empty file.
            if found.is_empty() {
                continue;
            }
            for package in found {
                let number = known.packages.len();
                let at = |path: &RootPath| {
                    let at = paths.get(path).copied();
                    at.or_else(|| {
                        let real = RootPath::new(&merged_usr(path.as_bytes())).ok()?;
                        paths.get(&real).copied()
                    })
                };
                let places: Vec<Option<usize>> = package.files.iter().map(at).collect();
                let whole = package.lists_all && places.iter().all(Option::is_some);
                for place in places.into_iter().flatten() {
                    let directory = facts[place].entry.is_directory();
                    if !directory && owners[place].is_none() {
                        owners[place] = Some(number);
                    }
                }
                let facts = PackageFacts {
                    metadata: package.metadata,
                    ..PackageFacts::of_files(name(), Vec::new())
                };
                let facts = Arc::new(facts);
                known.packages.push(KnownPackage { facts, whole });
            }
            known.family = Some(family.name.to_owned());
            let parts = files.into_iter().filter(|(path, _)| database.is_part(path));
            known.database = parts.map(|(path, digest)| (path.clone(), digest)).collect();
            break;
        }
        let others = known.packages.len();
        for (file, owner) in facts.iter().zip(&owners) {
            let of = owner.and_then(|owner| known.packages.get_mut(owner));
            let of = of.map_or(&mut known.others, |package| &mut package.facts);
            Arc::make_mut(of).files.push(file.clone());
        }
        let entries = entries.into_iter().zip(&facts).zip(owners);
        let entries = entries.map(|((mut entry, file), owner)| {
            // A hard link has the content of its file.
            entry.content = file.digest;
            (entry, owner.unwrap_or(others))
        });
        known.entries = entries.collect();
        Ok(known)
    }

    /// The contents of some files.
    fn texts(&self, files: &[(&RootPath, Digest)]) -> io::Result<BTreeMap<RootPath, Vec<u8>>> {
        let most = self.session.limits.index;
        let mut texts = BTreeMap::new();
        let mut held = 0;
        for (path, digest) in files {
            let mut text = Vec::new();
            let body = self.spool.open(digest)?;
            body.take(most.saturating_sub(held) + 1)
                .read_to_end(&mut text)?;
            held += text.len() as u64;
            let within = LimitExceeded::check("index", held, most);
            within.map_err(|error| io::Error::other(ArchiveError::new(error)))?;
            texts.insert((*path).clone(), text);
        }
        Ok(texts)
    }
}

fn databases() -> impl Iterator<Item = (Family, &'static dyn PackageDatabase)> {
    let known = formats().into_iter();
    known.filter_map(|format| Some((format.family(), format.database()?)))
}

/// Learns the facts of files as they come out of layers.
struct Scanner<'a> {
    learns: FileScanner<'a>,
    /// By content, each in all places where it lies.
    files: HashMap<Digest, Vec<FileFacts>>,
    session: &'a Session,
}

impl TakeContents for Scanner<'_> {
    fn take(&mut self, entry: &Entry, body: &mut dyn Read) -> io::Result<Digest> {
        let mut body = self.session.cancellation().watch(body);
        let facts = self.learns.scan(entry.clone(), &mut body);
        let facts = facts.map_err(io::Error::other)?;
        let digest = facts.digest.ok_or_else(|| io::Error::other("is no file"))?;
        self.files.entry(digest).or_default().push(facts);
        Ok(digest)
    }
}

impl Scanner<'_> {
    /// The facts of entries, in their order. Hard links are files of their own there.
    fn facts(self, entries: &[LayerEntry]) -> Vec<FileFacts> {
        let contents: HashMap<&RootPath, Digest> = entries
            .iter()
            .filter_map(|file| Some((&file.entry.path, file.content?)))
            .collect();
        let of_one = |LayerEntry { entry, content }: &LayerEntry| {
            let content = match &entry.kind {
                EntryKind::Hardlink { target } => contents.get(target).copied(),
                _ => *content,
            };
            let known = content.and_then(|content| self.files.get(&content));
            let known = known.map_or(&[][..], Vec::as_slice);
            let own = known.iter().find(|file| file.entry.path == entry.path);
            let Some(known) = own.or(known.first()) else {
                return FileFacts::new(entry.clone());
            };
            let entry = Entry {
                kind: known.entry.kind.clone(),
                ..entry.clone()
            };
            FileFacts {
                class: classify(&entry, known.elf.as_deref()),
                entry,
                ..known.clone()
            }
        };
        entries.iter().map(of_one).collect()
    }
}

/// The name of what no package of a base has.
pub(crate) fn name() -> PackageName {
    PackageName::new(BASE).expect("a literal that obeys the rules of names")
}
