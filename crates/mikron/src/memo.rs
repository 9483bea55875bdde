//! The memory of whole builds: the same spec over the same packages is not solved, selected and merged again.

use mikron_package::{Digest, Hasher, Platform};
use mikron_source::cache::Cache;

use crate::Error;
use crate::builder::Builder;
use crate::image::Built;
use crate::slices::Releases;
use crate::tables::TableTexts;
use crate::translate::{self, LoadedFile};

/// Name and version of the derived values.
const BUILDS: &str = "builds-1";

/// Everything that the outcome depends on: the spec, its files, rules and slices, the packages to choose from, the solver, the time
/// that files bear, and the program that does it. `None` where the solver is none that can be told from others.
///
/// # Errors
/// When a table of the spec cannot be read, or its slices do not go together.
pub(crate) fn key(
    builder: &Builder,
    platforms: &[Platform],
    releases: &Releases,
    files: &[LoadedFile],
    pins: &str,
    epoch: i64,
) -> Result<Option<Digest>, Error> {
    let Some(solver) = builder.options.solver.identity() else {
        return Ok(None);
    };
    let mut hasher = Hasher::default();
    let mut part = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    part(program().as_bytes());
    part(solver.as_bytes());
    part(builder.spec.to_yaml().as_bytes());
    part(translate::recipe(&builder.spec).id().as_bytes());
    for platform in platforms {
        part(platform.to_string().as_bytes());
        part(releases.select(*platform)?.identity().as_bytes());
    }
    let texts = TableTexts::read(builder)?;
    for (kind, tables) in [("rules", texts.rules), ("definitions", texts.definitions)] {
        part(kind.as_bytes());
        for table in tables {
            part(table.text.as_bytes());
        }
    }
    part(b"files");
    for file in files {
        part(file.digest.as_bytes());
    }
    part(pins.as_bytes());
    part(&epoch.to_le_bytes());
    Ok(Some(hasher.finish()))
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

/// Which program this is. A library cannot know when its own code changes, but the executable that holds it is another file
/// then.
fn program() -> String {
    let file = std::env::current_exe().and_then(std::fs::metadata);
    let stamp = file.ok().map(|file| (file.len(), file.modified().ok()));
    format!("mikron {} {stamp:?}", env!("CARGO_PKG_VERSION"))
}
