//! Any bytes as a cpio archive: no panic, members that lie inside, and the same members whether they are read or skipped.
#![no_main]

use std::io::Read;

use libfuzzer_sys::fuzz_target;
use mikron_archive::{CpioHeader, CpioReader};
use mikron_package::{ArchiveError, Limits};

fn members(data: &[u8], read: bool) -> Result<Vec<CpioHeader>, ArchiveError> {
    let limits = Limits { entries: 1000, ..Limits::default() };
    let mut reader = CpioReader::new(data, &limits);
    let mut members = Vec::new();
    while let Some(header) = reader.next_header()? {
        let size = match &header {
            CpioHeader::Member(member) => member.size,
            // The package's list says how long it is; here the number itself does.
            CpioHeader::Index(number) => {
                let size = u64::from(number % 64);
                reader.expect_size(size)?;
                size
            }
        };
        if read {
            let mut content = Vec::new();
            reader.read_to_end(&mut content).map_err(ArchiveError::from_io)?;
            assert_eq!(content.len() as u64, size);
        }
        assert!(reader.offset() <= data.len() as u64);
        members.push(header);
    }
    assert_eq!(reader.next_header()?, None);
    Ok(members)
}

fuzz_target!(|data: &[u8]| {
    match (members(data, true), members(data, false)) {
        (Ok(read), Ok(skipped)) => assert_eq!(read, skipped),
        (Err(read), Err(skipped)) => assert!(read.offset.is_some() && skipped.offset.is_some()),
        (read, skipped) => panic!("{read:?} and {skipped:?}"),
    }
});
