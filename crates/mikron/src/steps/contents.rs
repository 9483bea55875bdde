//! The contents of all files of a build: from the spool where the facts pass left them, else out of the archive again.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use mikron_facts::Spool;
use mikron_package::{Cancellation, Contents, Digest, MemoryContents, NoSuchContent};

use crate::steps::base::Lower;
use crate::steps::own::OwnFiles;

/// Puts wanted contents of one archive into the spool.
pub(crate) type Filler<'a> = dyn Fn(usize, &BTreeSet<Digest>) -> io::Result<()> + Send + Sync + 'a;

/// Contents that are read out of their archive only when somebody asks for one: a rebuild whose layers are cached never
/// opens an archive. The first miss of a package brings everything that the image takes of it, in one pass.
pub(crate) struct PackageContents<'a> {
    spool: &'a Spool,
    own: &'a OwnFiles,
    lower: Option<Arc<Lower>>,
    /// What the spool lacked at first, in order, with the package that holds it.
    holders: Vec<(Digest, u32)>,
    /// The same by its place there, in order of package.
    by_package: Vec<u32>,
    /// Of each package, whether it was brought.
    brought: Vec<Mutex<bool>>,
    fill: Box<Filler<'a>>,
    cancellation: Cancellation,
}

impl<'a> PackageContents<'a> {
    /// Contents of the spec's own files, of the image that is built upon, and of so many packages. Of them the image takes what `wanted` says,
    /// by package.
    pub(crate) fn new(
        spool: &'a Spool,
        (own, lower): (&'a OwnFiles, Option<Arc<Lower>>),
        packages: usize,
        wanted: impl Iterator<Item = (usize, Digest)>,
        fill: Box<Filler<'a>>,
        cancellation: &Cancellation,
    ) -> Self {
        let missing = wanted.filter(|(_, content)| !spool.contains(content));
        let mut holders: Vec<(Digest, u32)> = missing
            .map(|(package, content)| (content, package as u32))
            .collect();
        holders.sort_unstable();
        holders.dedup_by_key(|(content, _)| *content);
        holders.shrink_to_fit();
        let mut by_package: Vec<u32> = (0..holders.len() as u32).collect();
        by_package.sort_by_key(|at| holders[*at as usize].1);
        Self {
            spool,
            own,
            lower,
            holders,
            by_package,
            brought: (0..packages).map(|_| Mutex::new(false)).collect(),
            fill,
            cancellation: cancellation.clone(),
        }
    }

    fn bring(&self, content: &Digest) -> io::Result<()> {
        let found = self
            .holders
            .binary_search_by_key(content, |holder| holder.0);
        let Ok(at) = found else { return Ok(()) };
        let package = self.holders[at].1;
        let Some(brought) = self.brought.get(package as usize) else {
            return Ok(());
        };
        // Held while the archive is read: others who want something of it wait instead of reading it too.
        let mut brought = brought.lock().unwrap_or_else(PoisonError::into_inner);
        if !*brought {
            let of = |at: &u32| self.holders[*at as usize].1;
            let from = self.by_package.partition_point(|at| of(at) < package);
            let own = self.by_package[from..].iter();
            let own = own.take_while(|at| of(at) == package);
            let wanted: BTreeSet<Digest> = own
                .map(|at| self.holders[*at as usize].0)
                .filter(|content| !self.spool.contains(content))
                .collect();
            (self.fill)(package as usize, &wanted)?;
            *brought = true;
        }
        Ok(())
    }
}

impl Contents for PackageContents<'_> {
    fn open(&self, content: &Digest) -> io::Result<Box<dyn Read + Send + '_>> {
        if !self.spool.contains(content) {
            if let Some(body) = self.own.open(content, self.spool) {
                return body;
            }
            self.bring(content)?;
            if let Some(lower) = &self.lower {
                lower.fill(self.spool, content)?;
            }
        }
        let body = self.spool.open(content)?;
        if !self.cancellation.is_possible() {
            return Ok(body);
        }
        Ok(Box::new(self.cancellation.watch(body)))
    }

    fn keep(&self, content: &[u8]) -> io::Result<Option<Digest>> {
        let mut writer = self.spool.writer(content.len() as u64)?;
        writer.write(content)?;
        writer.finish().map(Some)
    }
}

/// Contents that finalizers made, before those of packages.
pub(crate) struct WithMade<'a> {
    pub(crate) made: &'a MemoryContents,
    pub(crate) packages: &'a dyn Contents,
}

impl Contents for WithMade<'_> {
    fn open(&self, content: &Digest) -> io::Result<Box<dyn Read + Send + '_>> {
        match self.made.open(content) {
            Err(e)
                if e.get_ref()
                    .is_some_and(<dyn std::error::Error + Send + Sync>::is::<NoSuchContent>) =>
            {
                self.packages.open(content)
            }
            other => other,
        }
    }
}
