//! Any bytes as a tar archive in both dialects: no panic, contents of the size that was said, the same entries whether
//! they are read or skipped, and no two meanings where both dialects accept.
#![no_main]

use std::io;

use libfuzzer_sys::fuzz_target;
use mikron_archive::{MAX_MTIME, TarDialect, TarReader};
use mikron_package::{ArchiveError, Entry, EntryKind, Limits};

fn entries(data: &[u8], dialect: TarDialect, read: bool) -> Result<Vec<Entry>, ArchiveError> {
    let limits = Limits { unpacked: 1 << 22, extension: 1 << 14, xattrs: 1 << 12, ..Limits::default() };
    let mut tar = TarReader::new(data, dialect, &limits);
    let mut entries = Vec::new();
    while let Some(entry) = tar.next_entry()? {
        assert!(entry.mode <= 0o7777);
        assert!((0..=MAX_MTIME).contains(&entry.mtime));
        assert!(!entry.path.is_root() || entry.kind == EntryKind::Directory);
        if read {
            let count = io::copy(&mut tar, &mut io::sink()).map_err(ArchiveError::from_io)?;
            assert_eq!(count, entry.size());
        }
        entries.push(entry);
    }
    assert_eq!(tar.offset(), data.len() as u64, "everything was looked at");
    Ok(entries)
}

fuzz_target!(|data: &[u8]| {
    let both = [TarDialect::Deb, TarDialect::Posix].map(|dialect| {
        let (read, skipped) = (entries(data, dialect, true), entries(data, dialect, false));
        match (&read, &skipped) {
            (Ok(read), Ok(skipped)) => assert_eq!(read, skipped),
            (Err(error), Err(_)) => assert!(error.offset.is_some(), "{error}"),
            (read, skipped) => panic!("{read:?} against {skipped:?}"),
        }
        read
    });
    if let [Ok(deb), Ok(posix)] = both {
        let meaning = |entry: &Entry| (entry.path.clone(), entry.kind.clone(), entry.mode, entry.uid, entry.gid);
        assert!(deb.iter().map(meaning).eq(posix.iter().map(meaning)));
    }
});
