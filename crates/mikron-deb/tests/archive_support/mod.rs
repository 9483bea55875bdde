//! What the archive tests share: reading a whole .deb, and asking dpkg itself.

#![allow(dead_code)] // each test binary uses its own part

use std::fs;
use std::process::{Command, Stdio};

use mikron_deb::archive::DebFormat;
use mikron_package::{ArchiveError, ArchiveMetadata, Limits, Origin, PackageFormat};
use mikron_testkit::archive::{DebBuilder, TarBuilder};
use mikron_testkit::listing::{Listed, list_archive};
use mikron_testkit::tools::tool;

pub(crate) fn origin() -> Origin {
    Origin {
        source: "debian".into(),
        archive: "pool/x_1.0_all.deb".into(),
    }
}

/// Reads everything: metadata, entries, contents.
pub(crate) fn read_with(
    bytes: &[u8],
    limits: &Limits,
) -> Result<(ArchiveMetadata, Vec<Listed>), ArchiveError> {
    let mut reader = DebFormat.open(Box::new(bytes), limits, &origin())?;
    let entries = list_archive(&mut *reader)?;
    Ok((reader.metadata().clone(), entries))
}

pub(crate) fn read(bytes: &[u8]) -> Result<Vec<Listed>, ArchiveError> {
    read_with(bytes, &Limits::default()).map(|(_, entries)| entries)
}

/// Asserts that it is refused, that the message names the source and the archive, and returns the error.
pub(crate) fn refused(bytes: &[u8]) -> ArchiveError {
    refused_with(bytes, &Limits::default())
}

pub(crate) fn refused_with(bytes: &[u8], limits: &Limits) -> ArchiveError {
    let error = match read_with(bytes, limits) {
        Ok((_, entries)) => panic!("accepted with {} entries", entries.len()),
        Err(error) => error,
    };
    let text = error.to_string();
    assert!(
        text.starts_with("pool/x_1.0_all.deb (source debian): "),
        "{text}"
    );
    assert!(error.offset.is_some(), "no offset: {text}");
    error
}

/// Asserts where the fault lies and what the message says.
pub(crate) fn says(error: &ArchiveError, entry: &str, words: &str) {
    assert_eq!(error.entry.as_deref(), Some(entry), "{error}");
    assert!(error.to_string().contains(words), "{error}");
}

pub(crate) fn package() -> DebBuilder {
    DebBuilder::new("x", "1.0", "all")
}

/// A .deb around this data.tar.
pub(crate) fn with_data(tar: TarBuilder) -> Vec<u8> {
    package().build_with_data(&tar.build())
}

/// Whether `dpkg --unpack` takes it into an empty root; `None` where dpkg is missing.
pub(crate) fn dpkg_accepts(bytes: &[u8]) -> Option<bool> {
    let dpkg = tool("dpkg")?;
    let root = tempfile::tempdir().expect("a temporary directory");
    let admin = root.path().join("var/lib/dpkg");
    for dir in ["info", "updates", "triggers"] {
        fs::create_dir_all(admin.join(dir)).expect("a directory");
    }
    fs::write(admin.join("status"), "").expect("a file");
    let deb = root.path().join("x.deb");
    fs::write(&deb, bytes).expect("a file");
    let status = Command::new(dpkg)
        .arg(format!("--root={}", root.path().display()))
        .args([
            "--force-not-root",
            "--force-script-chrootless",
            "--force-unsafe-io",
        ])
        .args(["--no-triggers", "--unpack"])
        .arg(&deb)
        .env("LC_ALL", "C")
        .env(
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        )
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("dpkg starts");
    Some(status.success())
}

/// Asserts that ours and dpkg's verdict are the same and as expected.
pub(crate) fn verdict(bytes: &[u8], accepted: bool, what: &str) {
    let ours = read(bytes);
    assert_eq!(ours.is_ok(), accepted, "{what}: {:?}", ours.err());
    if let Some(theirs) = dpkg_accepts(bytes) {
        assert_eq!(theirs, accepted, "dpkg on {what}");
    }
}
