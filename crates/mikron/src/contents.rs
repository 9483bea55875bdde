//! The contents of all files of a build: from the spool where the facts pass left them, else out of the archive again.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::sync::{Mutex, PoisonError};

use mikron_capability::Spool;
use mikron_package::{Contents, Digest, MemoryContents, NoSuchContent};

/// Puts wanted contents of one archive into the spool.
pub(crate) type Filler<'a> =
    dyn Fn(usize, &BTreeSet<Digest>, &Spool) -> io::Result<()> + Send + Sync + 'a;

/// Contents that are read out of their archive only when somebody asks for one: a rebuild whose layers are cached never
/// opens an archive. The first miss of a package brings everything that the image takes of it, in one pass.
pub(crate) struct PackageContents<'a> {
    spool: &'a Spool,
    /// Which package holds a content.
    holders: BTreeMap<Digest, usize>,
    /// What the image takes of each package, until it was brought.
    wanted: Vec<Mutex<BTreeSet<Digest>>>,
    fill: Box<Filler<'a>>,
}

impl<'a> PackageContents<'a> {
    /// Contents of packages, of which the image takes what `wanted` says.
    pub(crate) fn new(
        spool: &'a Spool,
        wanted: Vec<BTreeSet<Digest>>,
        fill: Box<Filler<'a>>,
    ) -> Self {
        let mut holders = BTreeMap::new();
        for (package, contents) in wanted.iter().enumerate() {
            for content in contents {
                holders.entry(*content).or_insert(package);
            }
        }
        Self {
            spool,
            holders,
            wanted: wanted.into_iter().map(Mutex::new).collect(),
            fill,
        }
    }

    fn bring(&self, content: &Digest) -> io::Result<()> {
        let Some(&package) = self.holders.get(content) else {
            return Ok(());
        };
        let Some(wanted) = self.wanted.get(package) else {
            return Ok(());
        };
        // Held while the archive is read: others who want something of it wait instead of reading it too.
        let mut wanted = wanted.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.retain(|content| !self.spool.contains(content));
        if wanted.contains(content) {
            (self.fill)(package, &wanted, self.spool)?;
            wanted.clear();
        }
        Ok(())
    }
}

impl Contents for PackageContents<'_> {
    fn open(&self, content: &Digest) -> io::Result<Box<dyn Read + Send + '_>> {
        if !self.spool.contains(content) {
            self.bring(content)?;
        }
        self.spool.open(content)
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
