//! What one archive holds.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;

use mikron_facts::{PackageFacts, Spool, scan};
use mikron_package::{ArchiveError, ArchiveErrorKind, Limits, Origin};
use mikron_select::Rules;

use crate::Error;
use crate::families::formats;

/// Reads an archive (a `.deb`, `.rpm` or `.apk`): its metadata, every entry with the digest of its content, and its facts.
///
/// ```no_run
/// let facts = mikron::inspect_archive("nginx_1.22.1-9_amd64.deb".as_ref())?;
/// for file in &facts.files {
///     println!("{:04o} {}", file.entry.mode, file.entry.path);
/// }
/// # Ok::<(), mikron::Error>(())
/// ```
///
/// # Errors
/// When the file cannot be read or is no archive of a known format.
pub fn inspect_archive(path: &Path) -> Result<PackageFacts, Error> {
    crate::files::check_plain(path)?;
    let mut file = File::open(path).map_err(Error::io("open", path))?;
    let mut prefix = [0; 8];
    let mut read = 0;
    while read < prefix.len() {
        match file
            .read(&mut prefix[read..])
            .map_err(Error::io("read", path))?
        {
            0 => break,
            n => read += n,
        }
    }
    file.rewind().map_err(Error::io("read", path))?;
    let origin = Origin::named(&path.display().to_string());
    let Some(format) = formats()
        .into_iter()
        .find(|format| format.recognises(&prefix[..read]))
    else {
        let what = "a file that begins like no .deb, .rpm or .apk".to_owned();
        return Err(ArchiveError::new(ArchiveErrorKind::Unsupported(what))
            .in_archive(&origin)
            .into());
    };
    let limits = Limits::default();
    let input = Box::new(BufReader::with_capacity(1 << 16, file));
    let mut archive = format.open(input, &limits, &origin)?;
    let spool = Spool::new(8 << 20);
    let symbols = Rules::builtin().symbols();
    let facts = scan(&mut *archive, &spool, &limits, &|_| true, &symbols);
    facts.map_err(|error| match error {
        mikron_facts::FactsError::Archive(error) => error.in_archive(&origin).into(),
        error => Error::Facts {
            package: archive.metadata().record.name.clone(),
            error: Box::new(error),
        },
    })
}
