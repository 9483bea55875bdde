//! The memory of whole builds: the same spec over the same packages is not solved, selected and merged again.

use mikron_oci::Recipe;
use mikron_package::{Digest, EntryKind, Hasher, Platform};
use mikron_solve::Solver;
use mikron_source::cache::Cache;
use mikron_spec::Spec;

use crate::Error;
use crate::steps::image::Built;
use crate::steps::own::OwnFiles;
use crate::steps::slices::Releases;
use crate::steps::tables::Tables;

/// Name and version of the derived values.
const BUILDS: &str = "builds-4";

/// Everything that the outcome of a build depends on.
pub(crate) struct Ingredients<'a> {
    pub(crate) spec: &'a Spec,
    /// How layers are compressed.
    pub(crate) recipe: Recipe,
    pub(crate) platforms: &'a [Platform],
    pub(crate) tables: &'a Tables,
    pub(crate) releases: &'a Releases,
    pub(crate) own: &'a OwnFiles,
    pub(crate) solver: &'a dyn Solver,
    /// A digest of the packages to choose from.
    pub(crate) pins: &'a str,
    /// The same of the spec that this one is paired with; empty for none.
    pub(crate) pair: &'a str,
    /// The image that is built upon.
    pub(crate) base: Option<Digest>,
    /// Which program builds ([`Environment::program`](mikron_source::Environment::program)).
    pub(crate) program: Option<&'a str>,
    /// The time that files bear, in seconds since 1970.
    pub(crate) epoch: i64,
}

impl Ingredients<'_> {
    /// The name of the outcome. `None` where solver or program are none that can be told from others.
    ///
    /// # Errors
    /// When slices of the spec do not go together.
    pub(crate) fn key(&self) -> Result<Option<Digest>, Error> {
        let (Some(solver), Some(program)) = (self.solver.identity(), self.program) else {
            return Ok(None);
        };
        let mut hasher = Hasher::default();
        let mut part = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        part(env!("CARGO_PKG_VERSION").as_bytes());
        part(program.as_bytes());
        part(solver.as_bytes());
        part(self.spec.to_yaml().as_bytes());
        part(self.recipe.id().as_bytes());
        for platform in self.platforms {
            part(platform.to_string().as_bytes());
            part(self.releases.select(*platform)?.identity().as_bytes());
        }
        for (kind, texts) in self.tables.texts() {
            part(kind.as_bytes());
            for text in texts {
                part(text.as_bytes());
            }
        }
        part(b"files");
        for number in 0..self.own.entries(self.spec).count() {
            part(b"entry");
            for (entry, content) in self.own.of(number) {
                part(entry.path.as_bytes());
                for bits in [entry.mode, entry.uid, entry.gid] {
                    part(&bits.to_le_bytes());
                }
                match (&entry.kind, content) {
                    (EntryKind::Symlink { target }, _) => part(target),
                    (_, Some(content)) => part(content.as_bytes()),
                    (_, None) => part(b""),
                }
            }
        }
        part(self.pins.as_bytes());
        part(self.pair.as_bytes());
        if let Some(base) = &self.base {
            part(base.as_bytes());
        }
        part(&self.epoch.to_le_bytes());
        Ok(Some(hasher.finish()))
    }
}

/// Whether a cache remembers any build.
pub(crate) fn remembers(cache: &Cache) -> bool {
    cache.has_derived(BUILDS)
}

/// What an earlier build came to.
pub(crate) fn recall(cache: &Cache, key: &Digest) -> Option<Vec<Built>> {
    postcard::from_bytes(&cache.derived(BUILDS, key.as_bytes())?).ok()
}

/// Keeps what a build came to. Where that fails, the next build does the work again.
pub(crate) fn keep(cache: &Cache, key: &Digest, built: &[Built]) {
    if let Ok(bytes) = postcard::to_stdvec(built) {
        // Not worth failing a build that is done; whoever looks into the cache directory will see why.
        let _ = cache.put_derived(BUILDS, key.as_bytes(), &bytes);
    }
}
