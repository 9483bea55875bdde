//! What the tests of archives and indexes share.
#![allow(dead_code)] // each test program uses its part

use mikron_apk::{ApkFormat, IndexError, IndexReader, IndexSummary};
use mikron_package::{
    ArchiveError, ArchiveMetadata, ArchiveReader, Entry, Limits, Origin, PackageRecord,
};

pub(crate) fn origin() -> Origin {
    Origin {
        source: "alpine".to_owned(),
        archive: "x86_64/hello-1.0-r0.apk".to_owned(),
    }
}

/// An archive, read to its end.
pub(crate) struct Read {
    pub(crate) metadata: ArchiveMetadata,
    pub(crate) entries: Vec<(Entry, Vec<u8>)>,
}

impl Read {
    pub(crate) fn entry(&self, path: &str) -> &(Entry, Vec<u8>) {
        let found = self
            .entries
            .iter()
            .find(|(entry, _)| entry.path.to_string() == path);
        found.unwrap_or_else(|| panic!("there is no entry {path}"))
    }
}

pub(crate) fn read_with(bytes: &[u8], limits: &Limits) -> Result<Read, ArchiveError> {
    let mut reader = ApkFormat.open_apk(Box::new(bytes), limits, &origin())?;
    let mut entries = Vec::new();
    while let Some(entry) = reader.next_entry()? {
        let mut content = Vec::new();
        reader
            .body()
            .read_to_end(&mut content)
            .map_err(ArchiveError::from_io)?;
        entries.push((entry, content));
    }
    assert_eq!(reader.next_entry()?, None);
    Ok(Read {
        metadata: reader.metadata().clone(),
        entries,
    })
}

pub(crate) fn read(bytes: &[u8]) -> Result<Read, ArchiveError> {
    read_with(bytes, &Limits::default())
}

/// Refused with an error that names source and archive and says `why`, whether contents are read or skipped.
pub(crate) fn refused_with(bytes: &[u8], limits: &Limits, why: &str) -> ArchiveError {
    let error = read_with(bytes, limits).err().expect("the archive is bad");
    let message = error.to_string();
    assert!(
        message.starts_with("x86_64/hello-1.0-r0.apk (source alpine): "),
        "{message}"
    );
    assert!(message.contains(why), "{message}");
    let skipped = ApkFormat
        .open_apk(Box::new(bytes), limits, &origin())
        .and_then(|mut reader| reader.finish())
        .expect_err("the archive is bad");
    assert_eq!(skipped.to_string(), message);
    error
}

pub(crate) fn refused(bytes: &[u8], why: &str) -> ArchiveError {
    refused_with(bytes, &Limits::default(), why)
}

pub(crate) fn index_origin() -> Origin {
    Origin {
        source: "alpine".to_owned(),
        archive: "x86_64/APKINDEX.tar.gz".to_owned(),
    }
}

pub(crate) fn records_with(
    bytes: &[u8],
    limits: &Limits,
) -> Result<(Vec<PackageRecord>, IndexSummary), IndexError> {
    let mut records = Vec::new();
    let summary = IndexReader::new(bytes, "x86_64", limits, &index_origin())?.read(|record| {
        records.push(record);
        Ok::<(), IndexError>(())
    })?;
    Ok((records, summary))
}

pub(crate) fn records(bytes: &[u8]) -> Result<Vec<PackageRecord>, IndexError> {
    Ok(records_with(bytes, &Limits::default())?.0)
}
