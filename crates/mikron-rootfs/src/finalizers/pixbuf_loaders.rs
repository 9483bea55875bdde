//! The list of gdk-pixbuf's loaders that `gdk-pixbuf-query-loaders` makes.

use std::collections::BTreeMap;

use mikron_package::RootPath;

use crate::error::RootfsError;
use crate::finalize::Work;
use crate::finalizer::Finalizer;

/// Writes `loaders.cache` beside every directory of loaders of gdk-pixbuf, for those that lie there: without it, no format is read but
/// those that the library itself knows.
///
/// What the query says of each is a table ([`crate::Installation`]). A loader that the table does not know is not listed.
pub(super) fn finalizer() -> Finalizer {
    Finalizer::new("pixbuf-loaders", run)
        .reads(&["scripts"])
        .provides(&["/usr/lib*/**/gdk-pixbuf-2.0/*/loaders.cache"])
        .covers(&["gdk-pixbuf-query-loaders"])
}

fn run(work: &mut Work<'_>) -> Result<(), RootfsError> {
    let mut texts: BTreeMap<RootPath, String> = BTreeMap::new();
    for node in work.tree.nodes() {
        let path = &node.entry.path;
        let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else {
            continue;
        };
        let is_loader = dir.file_name() == Some(b"loaders")
            && dir.components().any(|name| name == b"gdk-pixbuf-2.0");
        let known = &work.context.installation.pixbuf_loaders;
        let entry = known.get(&*String::from_utf8_lossy(name));
        if let (true, Some(entry), Some(above)) = (is_loader, entry, dir.parent()) {
            let text = texts.entry(above.join(b"loaders.cache")?).or_default();
            text.extend([format!("\"{path}\"\n{entry}\n")]);
        }
    }
    for (at, text) in texts {
        if work.tree.lookup(&at).is_none() {
            work.write(at, text.into_bytes(), 0o644)?;
        }
    }
    Ok(())
}
