//! Lists archives in one shape, by our readers and by independent ones, so that a test can compare the two.

use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use mikron_package::{
    ArchiveError, ArchiveReader, Digest, Entry, EntryKind, HashingReader, RootPath,
};

/// One entry with everything that the two readers must agree on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The path, in one spelling.
    pub path: RootPath,
    /// `file`, `directory`, `symlink`, `hardlink`, `char M:N`, `block M:N`, `fifo`.
    pub kind: String,
    /// The low twelve bits.
    pub mode: u32,
    /// Numeric owner.
    pub uid: u64,
    /// Numeric group.
    pub gid: u64,
    /// Size of the content.
    pub size: u64,
    /// Seconds since 1970.
    pub mtime: i64,
    /// Target of a link; for hard links as a path inside the root.
    pub link: Vec<u8>,
    /// Digest of the content of a file.
    pub digest: Option<Digest>,
}

/// Lists what one of our readers gives.
///
/// # Errors
/// What the reader refuses.
pub fn list_archive(reader: &mut dyn ArchiveReader) -> Result<Vec<Listed>, ArchiveError> {
    let mut entries = Vec::new();
    while let Some(entry) = reader.next_entry()? {
        let mut digest = None;
        if entry.is_file() {
            let mut body = HashingReader::new(reader.body());
            io::copy(&mut body, &mut io::sink()).map_err(ArchiveError::from_io)?;
            digest = Some(body.finish().0);
        }
        entries.push(listed(&entry, digest));
    }
    Ok(entries)
}

fn listed(entry: &Entry, digest: Option<Digest>) -> Listed {
    let (kind, link) = match &entry.kind {
        EntryKind::File { .. } => ("file".to_owned(), Vec::new()),
        EntryKind::Directory => ("directory".to_owned(), Vec::new()),
        EntryKind::Symlink { target } => ("symlink".to_owned(), target.clone()),
        EntryKind::Hardlink { target } => ("hardlink".to_owned(), target.as_bytes().to_vec()),
        EntryKind::CharDevice { major, minor } => (format!("char {major}:{minor}"), Vec::new()),
        EntryKind::BlockDevice { major, minor } => (format!("block {major}:{minor}"), Vec::new()),
        EntryKind::Fifo => ("fifo".to_owned(), Vec::new()),
    };
    Listed {
        path: entry.path.clone(),
        kind,
        mode: entry.mode,
        uid: entry.uid.into(),
        gid: entry.gid.into(),
        size: entry.size(),
        mtime: entry.mtime,
        link,
        digest,
    }
}

/// Lists a tar stream by the `tar` crate, which shares no code with ours.
///
/// # Errors
/// What that crate refuses, or a path that cannot stand inside a root.
pub fn list_tar(input: impl Read) -> io::Result<Vec<Listed>> {
    let mut archive = tar::Archive::new(input);
    let mut entries = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let header = entry.header().clone();
        let link = entry.link_name_bytes().unwrap_or_default().into_owned();
        let inside = |bytes: &[u8]| RootPath::new(bytes).map_err(io::Error::other);
        let numbers = || -> io::Result<String> {
            let (major, minor) = (header.device_major()?, header.device_minor()?);
            Ok(format!(
                "{}:{}",
                major.unwrap_or_default(),
                minor.unwrap_or_default()
            ))
        };
        let (kind, link) = match header.entry_type() {
            tar::EntryType::Regular => ("file".to_owned(), Vec::new()),
            tar::EntryType::Directory => ("directory".to_owned(), Vec::new()),
            tar::EntryType::Symlink => ("symlink".to_owned(), link),
            tar::EntryType::Link => ("hardlink".to_owned(), inside(&link)?.as_bytes().to_vec()),
            tar::EntryType::Char => (format!("char {}", numbers()?), Vec::new()),
            tar::EntryType::Block => (format!("block {}", numbers()?), Vec::new()),
            tar::EntryType::Fifo => ("fifo".to_owned(), Vec::new()),
            other => (format!("{other:?}"), Vec::new()),
        };
        let path = inside(&entry.path_bytes())?;
        let mut digest = None;
        if kind == "file" {
            let mut body = HashingReader::new(&mut entry);
            io::copy(&mut body, &mut io::sink())?;
            digest = Some(body.finish().0);
        }
        entries.push(Listed {
            path,
            mode: header.mode()? & 0o7777,
            uid: header.uid()?,
            gid: header.gid()?,
            size: if kind == "file" { header.size()? } else { 0 },
            mtime: i64::try_from(header.mtime()?).map_err(io::Error::other)?,
            kind,
            link,
            digest,
        });
    }
    Ok(entries)
}

/// Lists the entries of a .deb by dpkg-deb and the `tar` crate.
///
/// # Errors
/// When either refuses.
///
/// # Panics
/// When dpkg-deb gives no output stream, which a piped one does.
pub fn list_by_dpkg(dpkg_deb: &Path, archive: &Path) -> io::Result<Vec<Listed>> {
    let mut child = Command::new(dpkg_deb)
        .arg("--fsys-tarfile")
        .arg(archive)
        .stdout(Stdio::piped())
        .spawn()?;
    let mut output = child.stdout.take().expect("the output is piped");
    let entries = list_tar(&mut output);
    io::copy(&mut output, &mut io::sink())?;
    let status = child.wait()?;
    if !status.success() {
        return Err(io::Error::other(format!("dpkg-deb failed: {status}")));
    }
    entries
}
