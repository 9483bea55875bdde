//! The list of gdk-pixbuf's loaders that `gdk-pixbuf-query-loaders` makes.

use mikron_package::{MemoryContents, RootPath};

use crate::error::RootfsError;
use crate::finalize::{Context, Finalizer, Report};
use crate::tree::Tree;

/// Writes `loaders.cache` beside every directory of loaders of gdk-pixbuf, for those that lie there: without it, no format is read but
/// those that the library itself knows.
///
/// The query asks each loader what it reads. That depends on the format and not on the version of the loader, and is a table here
/// (`pixbuf_loaders.txt`, in the form of the file). A loader that the table does not know is not listed.
#[derive(Clone, Copy, Debug, Default)]
pub struct PixbufLoadersFinalizer;

const TABLE: &str = include_str!("pixbuf_loaders.txt");

impl Finalizer for PixbufLoadersFinalizer {
    fn name(&self) -> &'static str {
        "pixbuf-loaders"
    }

    fn run(
        &self,
        context: &Context<'_>,
        tree: &mut Tree,
        contents: &mut MemoryContents,
    ) -> Result<Report, RootfsError> {
        let mut report = Report::new(self.name());
        let loaders = tree.nodes().map(|node| &node.entry.path).filter(|path| {
            let dir = path.parent();
            let dir = dir.as_ref().map(RootPath::as_bytes).unwrap_or_default();
            dir.ends_with(b"/loaders") && dir.windows(15).any(|part| part == b"/gdk-pixbuf-2.0")
        });
        let mut texts: Vec<(RootPath, String)> = Vec::new();
        for path in loaders {
            let (Some(dir), Some(name)) =
                (path.parent().and_then(|dir| dir.parent()), path.file_name())
            else {
                continue;
            };
            let Some(entry) = entry(&String::from_utf8_lossy(name)) else {
                continue;
            };
            let at = dir.join(b"loaders.cache")?;
            if texts.last().is_none_or(|(last, _)| *last != at) {
                texts.push((at, String::new()));
            }
            if let Some((_, text)) = texts.last_mut() {
                let path = String::from_utf8_lossy(path.as_bytes());
                text.extend([format!("\"/{path}\"\n{entry}\n\n")]);
            }
        }
        for (at, text) in texts {
            if tree.lookup(&at).is_none() {
                report.write(tree, contents, at, text.into_bytes(), 0o644)?;
            }
        }
        if !report.made.is_empty() {
            for script in context.scripts() {
                let calls = script.installing();
                let own =
                    calls.filter(|(_, call)| call.name().ends_with("gdk-pixbuf-query-loaders"));
                report.covered.extend(own.map(|(site, _)| site));
            }
        }
        Ok(report)
    }
}

/// What the table says of a loader, by the name of its file.
fn entry(name: &str) -> Option<&'static str> {
    let mut blocks = TABLE
        .split("\n\n")
        .filter_map(|block| block.trim().split_once('\n'));
    blocks
        .find(|(file, _)| *file == name)
        .map(|(_, entry)| entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_of_the_table_is_one_that_the_library_reads() {
        let names = TABLE
            .split("\n\n")
            .filter_map(|block| block.trim().lines().next());
        for name in names {
            let entry = entry(name).expect("a name and lines");
            let lines: Vec<&str> = entry.lines().collect();
            // Name, flags, domain, description and licence; types; endings; at least one signature with its weight.
            assert!(
                name.strip_suffix(".so").is_some() && lines.len() >= 4,
                "{name}"
            );
            assert!(
                lines[1].ends_with(" \"\"") && lines[2].ends_with(" \"\""),
                "{name}"
            );
            for signature in &lines[3..] {
                let weight = signature
                    .rsplit(' ')
                    .next()
                    .and_then(|word| word.parse::<u8>().ok());
                assert!(
                    weight.is_some_and(|weight| weight <= 100),
                    "{name}: {signature}"
                );
            }
        }
    }
}
