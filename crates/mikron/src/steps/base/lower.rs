//! What a base holds on one platform.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use mikron_facts::{PackageFacts, Spool};
use mikron_oci::{Image, ImageTree, TakeContents};
use mikron_package::{
    BELOW_USR, Contents, Digest, Entry, Family, Limits, PackageName, Platform, RootPath,
};
use mikron_rootfs::Below;
use mikron_spec::Spec;

use super::Installed;
use super::read::{Known, name as base_name};
use crate::families::Families;
use crate::steps::universes::families;

/// A base on one platform: its files, and packages.
pub(crate) struct Lower {
    image: Arc<dyn Image>,
    known: Known,
    /// The packages by name. Of two architectures the first counts.
    by_name: BTreeMap<PackageName, usize>,
    /// Its files, links and directories.
    paths: BTreeMap<RootPath, usize>,
    contents: BTreeSet<Digest>,
    /// Whether all contents went through the spool.
    filled: Mutex<bool>,
    limits: Limits,
}

impl Lower {
    pub(super) fn new(image: Arc<dyn Image>, known: Known, limits: Limits, filled: bool) -> Self {
        let mut by_name = BTreeMap::new();
        for (number, package) in known.packages.iter().enumerate() {
            let name = &package.facts.metadata.record.name;
            by_name.entry(name.clone()).or_insert(number);
        }
        let entries = known.entries.iter().enumerate();
        let paths = entries.map(|(at, (file, _))| (file.entry.path.clone(), at));
        Self {
            by_name,
            paths: paths.collect(),
            contents: known
                .entries
                .iter()
                .filter_map(|(file, _)| file.content)
                .collect(),
            image,
            known,
            filled: Mutex::new(filled),
            limits,
        }
    }

    /// Its image.
    pub(crate) fn image(&self) -> &Arc<dyn Image> {
        &self.image
    }

    /// Whether packages of the spec's sources can lie above it, or why not, with what can be done.
    pub(crate) fn fits(&self, spec: &Spec) -> Result<(), (String, &'static str)> {
        let families = families(spec);
        if families.is_empty() {
            return Ok(());
        }
        if let Some(own) = &self.known.family
            && families.iter().all(|family| family.name != own)
        {
            let named: Vec<&str> = families.iter().map(|family| family.name).collect();
            return Err((
                format!(
                    "its packages are of the family {own}, and the sources of the spec have {}",
                    named.join(", ")
                ),
                "take sources of the distribution that the base is made of",
            ));
        }
        let is_directory = |top: &&&[u8]| {
            let at = RootPath::new(top).ok().and_then(|path| self.entry(&path));
            at.is_some_and(Entry::is_directory)
        };
        if mikron_rootfs::merges_usr(&families)
            && let Some(top) = BELOW_USR.iter().find(is_directory)
        {
            return Err((
                format!(
                    "its /{} is a directory, and packages of the spec's sources lie below a merged /usr, where it is a link",
                    String::from_utf8_lossy(top)
                ),
                "build on an image of a release whose /usr is merged",
            ));
        }
        Ok(())
    }

    /// The packages that it has, of the family of its database.
    pub(crate) fn installed(&self, platform: Platform, known: &Families) -> Option<Installed> {
        let family = self.family(known)?;
        let architecture = (family.architecture)(platform.architecture);
        let records = self.known.packages.iter();
        let records = records.map(|package| &package.facts.metadata.record);
        Some(Installed::new(family, architecture, records))
    }

    /// The family of its database.
    pub(crate) fn family(&self, known: &Families) -> Option<Family> {
        known.named(self.known.family.as_deref()?)
    }

    /// All packages by name, with what it has of each, and what no package has.
    pub(crate) fn packages(&self) -> impl Iterator<Item = &Arc<PackageFacts>> {
        let packages = self.by_name.values();
        let packages = packages.filter_map(|at| self.known.packages.get(*at));
        packages
            .map(|package| &package.facts)
            .chain([&self.known.others])
    }

    /// What it has of a package, or of none.
    pub(crate) fn facts(&self, name: &PackageName) -> Option<&Arc<PackageFacts>> {
        if let Some(package) = self.by_name.get(name) {
            return self
                .known
                .packages
                .get(*package)
                .map(|package| &package.facts);
        }
        (*name == base_name()).then_some(&self.known.others)
    }

    /// Whether it has all that there is of a package.
    pub(crate) fn is_whole(&self, name: &PackageName) -> bool {
        let package = self.by_name.get(name);
        let package = package.and_then(|at| self.known.packages.get(*at));
        package.is_none_or(|package| package.whole)
    }

    /// What lies at a path.
    fn entry(&self, path: &RootPath) -> Option<&Entry> {
        let at = self.paths.get(path)?;
        self.known.entries.get(*at).map(|(file, _)| &file.entry)
    }

    /// Whether something lies at a path.
    pub(crate) fn has(&self, path: &RootPath) -> bool {
        self.paths.contains_key(path)
    }

    /// All that it has, in order of path.
    pub(crate) fn below(&self) -> impl Iterator<Item = Below> {
        let entries = self.known.entries.iter();
        entries.map(|(file, owner)| {
            let package = self.known.packages.get(*owner);
            let package = package.map(|package| package.facts.metadata.record.name.as_str());
            Below {
                entry: file.entry.clone(),
                content: file.content,
                package: package.unwrap_or_default().into(),
            }
        })
    }

    /// The files of its package database.
    ///
    /// # Errors
    /// When one cannot be read.
    pub(crate) fn database(
        &self,
        contents: &dyn Contents,
    ) -> io::Result<BTreeMap<RootPath, Vec<u8>>> {
        let mut texts = BTreeMap::new();
        for (path, content) in &self.known.database {
            let mut text = Vec::new();
            contents.open(content)?.read_to_end(&mut text)?;
            texts.insert(path.clone(), text);
        }
        Ok(texts)
    }

    /// Brings a content into the spool, where it is one of the base.
    ///
    /// # Errors
    /// When the layers cannot be read.
    pub(crate) fn fill(&self, spool: &Spool, content: &Digest) -> io::Result<()> {
        if spool.contains(content) || !self.contents.contains(content) {
            return Ok(());
        }
        let mut filled = self.filled.lock().unwrap_or_else(PoisonError::into_inner);
        if !*filled {
            let tree = ImageTree::read_all(&self.image, &mut IntoSpool(spool), &self.limits);
            tree.map_err(io::Error::other)?;
            *filled = true;
        }
        Ok(())
    }
}

/// Puts all contents into the spool.
struct IntoSpool<'a>(&'a Spool);

impl TakeContents for IntoSpool<'_> {
    fn take(&mut self, entry: &Entry, body: &mut dyn Read) -> io::Result<Digest> {
        let mut writer = self.0.writer(entry.size())?;
        let mut buffer = vec![0; 1 << 16];
        loop {
            match body.read(&mut buffer)? {
                0 => return writer.finish(),
                n => writer.write(&buffer[..n])?,
            }
        }
    }
}

impl std::fmt::Debug for Lower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lower")
            .field("entries", &self.known.entries.len())
            .field("packages", &self.known.packages.len())
            .finish_non_exhaustive()
    }
}
