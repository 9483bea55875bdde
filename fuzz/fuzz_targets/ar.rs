//! Any bytes as an ar archive: no panic, members that lie inside, and the same members whether they are read or skipped.
#![no_main]

use std::io::Read;

use libfuzzer_sys::fuzz_target;
use mikron_archive::{ArMember, ArReader};
use mikron_package::{ArchiveError, Limits};

fn members(data: &[u8], bsd: bool, read: bool) -> Result<Vec<ArMember>, ArchiveError> {
    let limits = Limits { extension: 1 << 12, ..Limits::default() };
    let mut reader = ArReader::new(data, &limits)?;
    if bsd {
        reader = reader.with_bsd_names();
    }
    let mut members = Vec::new();
    while let Some(member) = reader.next_member()? {
        if read {
            let mut content = Vec::new();
            reader.read_to_end(&mut content).map_err(ArchiveError::from_io)?;
            let at = usize::try_from(member.offset).expect("an offset in memory");
            assert_eq!(content, data[at..][..content.len()]);
            assert_eq!(content.len() as u64, member.size);
        }
        members.push(member);
    }
    Ok(members)
}

fuzz_target!(|data: &[u8]| {
    for bsd in [false, true] {
        match (members(data, bsd, true), members(data, bsd, false)) {
            (Ok(read), Ok(skipped)) => assert_eq!(read, skipped),
            (Err(error), Err(_)) => assert!(!error.to_string().is_empty()),
            (read, skipped) => panic!("{read:?} against {skipped:?}"),
        }
    }
});
