//! `primary.xml`.
//!
//! Nothing may panic; what is read has a location inside of the repository, one strong checksum, and relations that a record
//! of the compact index can hold.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mikron_package::{Limits, Origin, normal_location};
use mikron_rpm::PrimaryReader;

fuzz_target!(|data: &[u8]| {
    let limits = Limits {
        field: 1 << 16,
        control: 1 << 18,
        index_unpacked: 1 << 20,
        entries: 1000,
        ..Limits::default()
    };
    let origin = Origin::named("fuzz");
    let mut reader = PrimaryReader::new(data, &limits, &origin);
    while let Ok(Some(record)) = reader.next_package() {
        let normal = normal_location(&record.location).expect("a reader gives no other");
        assert_eq!(normal, *record.location);
        assert!(record.digest.is_some() != record.checksum.is_some());
        assert!(record.name.is_plain());
        for requirement in record.requirements().chain(&record.rich_conflicts) {
            assert!(!requirement.to_string().is_empty());
        }
        for provided in &record.provides {
            assert!(!provided.name.as_str().starts_with('('));
        }
    }
});
