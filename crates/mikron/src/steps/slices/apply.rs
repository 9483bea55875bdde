//! Slices applied to packages: facts with what slices change and add, and the entries that are taken.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use mikron_facts::{FileFacts, PackageFacts, Spool, Symbols, classify, scan_file};
use mikron_package::{Entry, EntryKind, PackageName, RootPath};
use mikron_select::Given;
use mikron_slices::{Applied, Made, MadeKind, Selection, SliceKey, Taken};

use super::Slices;
use crate::Error;

/// What slices take of all packages of an image.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sliced {
    /// The selections, each with what it does with its packages.
    pub(super) selections: Vec<(String, Selection, Vec<Applied>)>,
    /// By name of the package.
    cuts: BTreeMap<PackageName, Cut>,
}

/// What slices take of one package.
#[derive(Clone, Debug)]
struct Cut {
    facts: Arc<PackageFacts>,
    given: BTreeMap<usize, Given>,
}

impl Sliced {
    /// The facts of a package and the entries that are taken of it, where slices of it are.
    pub(crate) fn of(
        &self,
        package: &PackageName,
    ) -> Option<(&Arc<PackageFacts>, &BTreeMap<usize, Given>)> {
        let cut = self.cuts.get(package)?;
        Some((&cut.facts, &cut.given))
    }

    /// Whether there are no slices.
    pub(crate) fn is_empty(&self) -> bool {
        self.selections.is_empty()
    }
}

impl Slices {
    /// Applies the slices to the packages of a solution. Texts that slices make go into the spool.
    ///
    /// # Errors
    /// When a package does not have what a slice names, or is not part of the solution under its own name.
    pub(crate) fn apply(
        &self,
        packages: &[Arc<PackageFacts>],
        spool: &Spool,
    ) -> Result<Sliced, Error> {
        let by_name: HashMap<&PackageName, &Arc<PackageFacts>> = packages
            .iter()
            .map(|facts| (&facts.metadata.record.name, facts))
            .collect();
        let mut sliced = Sliced::default();
        for selected in &self.0 {
            let selection = &selected.selection;
            let mut all = Vec::new();
            let mut errors = Vec::new();
            for package in selection.packages() {
                let Some(facts) = by_name.get(package) else {
                    return Err(Error::SliceOfOther {
                        package: package.clone(),
                    });
                };
                let entries: Vec<Entry> =
                    facts.files.iter().map(|file| file.entry.clone()).collect();
                match selection.apply(package, &entries) {
                    Ok(applied) => all.push(applied),
                    Err(more) => errors.extend(more),
                }
            }
            if !errors.is_empty() {
                return Err(Error::slices(&selected.release, errors));
            }
            if let Some((_, slices)) = all.iter().flat_map(|applied| &applied.manifests).next() {
                let names: Vec<String> = slices.iter().map(ToString::to_string).collect();
                return Err(Error::Unsupported {
                    what: format!("`generate: manifest` of {}", names.join(", ")),
                    remedy: "leave the slice out; `mikron explain` lists what is in the image"
                        .to_owned(),
                });
            }
            let release = selected.release.clone();
            sliced.selections.push((release, selection.clone(), all));
        }
        let transient = transient(&sliced);
        for (_, selection, all) in &sliced.selections {
            for applied in all {
                let of_archive = by_name[&applied.package];
                let before = sliced.cuts.remove(&applied.package);
                let cutting = Cutting::new(selection, &transient, of_archive, before);
                let cut = cutting.cut(applied, spool)?;
                sliced.cuts.insert(applied.package.clone(), cut);
            }
        }
        Ok(sliced)
    }
}

/// By path, whether all that put something there say that it goes when the scripts have run.
fn transient(sliced: &Sliced) -> BTreeMap<RootPath, bool> {
    let mut transient = BTreeMap::new();
    let mut add = |path: &RootPath, goes: bool| {
        *transient.entry(path.clone()).or_insert(true) &= goes;
    };
    for applied in sliced.selections.iter().flat_map(|(_, _, all)| all) {
        for taken in &applied.taken {
            add(&taken.path, taken.lifetime.until_mutate);
        }
        for made in &applied.made {
            add(&made.path, made.lifetime.until_mutate);
        }
    }
    transient
}

/// The facts of one package on the way to a [`Cut`].
struct Cutting<'a> {
    selection: &'a Selection,
    transient: &'a BTreeMap<RootPath, bool>,
    of_archive: &'a PackageFacts,
    facts: PackageFacts,
    by_path: HashMap<RootPath, usize>,
    given: BTreeMap<usize, Given>,
}

impl<'a> Cutting<'a> {
    fn new(
        selection: &'a Selection,
        transient: &'a BTreeMap<RootPath, bool>,
        of_archive: &'a PackageFacts,
        before: Option<Cut>,
    ) -> Self {
        let (facts, given) = match before {
            Some(cut) => (Arc::unwrap_or_clone(cut.facts), cut.given),
            None => (of_archive.clone(), BTreeMap::new()),
        };
        let by_path = facts.files.iter().enumerate();
        let by_path = by_path
            .map(|(entry, file)| (file.entry.path.clone(), entry))
            .collect();
        Self {
            selection,
            transient,
            of_archive,
            facts,
            by_path,
            given,
        }
    }

    fn cut(mut self, applied: &Applied, spool: &Spool) -> Result<Cut, Error> {
        for taken in &applied.taken {
            let own = &self.of_archive.files[taken.entry].entry;
            let same = own.path == taken.path && taken.mode.is_none_or(|mode| mode == own.mode);
            let entry = if same {
                taken.entry
            } else {
                let file = self.copy(taken);
                self.put(file)
            };
            self.give(entry, &taken.path, &taken.slices);
        }
        for made in &applied.made {
            let file = self.make(made, spool)?;
            let entry = self.put(file);
            self.give(entry, &made.path, &made.slices);
        }
        for parent in &applied.parents {
            self.keep_parent(*parent, applied);
        }
        Ok(Cut {
            facts: Arc::new(self.facts),
            given: self.given,
        })
    }

    /// Gives a directory of the package that would vanish with what is in it: the scripts have run, and all that lay below it was
    /// there for them. Where anything stays, the directory comes along by itself.
    fn keep_parent(&mut self, parent: usize, applied: &Applied) {
        let path = self.of_archive.files[parent].entry.path.clone();
        let taken = applied
            .taken
            .iter()
            .map(|taken| (&taken.path, &taken.slices));
        let made = applied.made.iter().map(|made| (&made.path, &made.slices));
        let mut below = taken
            .chain(made)
            .filter(|(at, _)| at.ancestors().any(|above| above == path))
            .peekable();
        let Some((_, slices)) = below.peek().copied() else {
            return;
        };
        let goes = |at: &RootPath| self.transient.get(at).copied().unwrap_or_default();
        if below.all(|(at, _)| goes(at)) {
            self.give(parent, &path, slices);
        }
    }

    /// An entry at another path or with another mode. A hard link stands alone then: what it names keeps path and mode.
    fn copy(&self, taken: &Taken) -> FileFacts {
        let files = &self.of_archive.files;
        let mut file = files[taken.entry].clone();
        if let EntryKind::Hardlink { target } = &file.entry.kind {
            let named = files
                .iter()
                .find(|f| f.entry.path == *target && f.entry.is_file());
            if let Some(named) = named {
                file.entry = named.entry.clone();
            }
        }
        file.entry.path = taken.path.clone();
        file.entry.mode = taken.mode.unwrap_or(file.entry.mode);
        file.class = classify(&file.entry, file.elf.as_deref());
        file
    }

    fn make(&self, made: &Made, spool: &Spool) -> Result<FileFacts, Error> {
        let entry = |kind| {
            let mut entry = Entry::new(made.path.clone(), kind, made.mode);
            // The merge brings it down to the time of the image.
            entry.mtime = i64::MAX;
            entry
        };
        Ok(match &made.kind {
            MadeKind::Directory => FileFacts::new(entry(EntryKind::Directory)),
            MadeKind::Symlink(target) => FileFacts::new(entry(EntryKind::Symlink {
                target: target.clone().into_bytes(),
            })),
            MadeKind::Text(text) => {
                let size = text.len() as u64;
                let entry = entry(EntryKind::File { size });
                let facts = scan_file(
                    entry,
                    &mut text.as_bytes(),
                    spool,
                    true,
                    &Symbols::default(),
                );
                facts.map_err(|error| Error::Facts {
                    package: self.facts.metadata.record.name.clone(),
                    error: Box::new(error),
                })?
            }
        })
    }

    /// Puts an entry in the place of what the package has at its path, or at the end.
    fn put(&mut self, file: FileFacts) -> usize {
        if let Some(entry) = self.by_path.get(&file.entry.path) {
            self.facts.files[*entry] = file;
            return *entry;
        }
        let entry = self.facts.files.len();
        self.by_path.insert(file.entry.path.clone(), entry);
        self.facts.files.push(file);
        entry
    }

    fn give(&mut self, entry: usize, path: &RootPath, slices: &[SliceKey]) {
        let Some(slice) = slices.first() else { return };
        let mut through: Vec<String> = self
            .selection
            .chain(slice)
            .iter()
            .map(ToString::to_string)
            .collect();
        through.pop();
        let given = Given {
            capability: slice.to_string(),
            through,
            build_input: self.transient.get(path).copied().unwrap_or_default(),
        };
        self.given.entry(entry).or_insert(given);
    }
}
