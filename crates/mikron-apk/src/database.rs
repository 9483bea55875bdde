//! apk's database of what is installed: `lib/apk/db/installed`, and the lists beside it.
//!
//! It stands at the end of the way from spec to image. Scanners read `installed` alone; apk itself also wants to know which
//! packages were asked for (`etc/apk/world`), and takes those that nobody asked for away when it next changes anything. Which
//! architecture it works on it reads from `etc/apk/arch`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use mikron_package::{
    Checksum, Contents, DatabaseError, DatabaseFile, Entry, EntryKind, Installed, InstalledFile,
    PackageDatabase, PackageRecord, RootPath,
};
use sha1::{Digest as _, Sha1};

use crate::format_checksum;

/// apk's own package database, in the form that both of its formats read.
///
/// Of a package that was taken in part, only the files that are there are listed. No script is written down, since none may
/// run: apk takes the packages for installed and leaves them alone. Every package stands in `etc/apk/world`, so that none is
/// taken for a left-over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ApkDatabase;

impl PackageDatabase for ApkDatabase {
    fn write(
        &self,
        packages: &[Installed<'_>],
        contents: &dyn Contents,
        _: i64,
    ) -> Result<Vec<DatabaseFile>, DatabaseError> {
        if packages.is_empty() {
            return Ok(Vec::new());
        }
        let mut installed = Vec::new();
        let mut triggers = String::new();
        let mut names = BTreeSet::new();
        let mut arches = BTreeSet::new();
        for package in packages {
            let record = &package.metadata.record;
            let checksum = checksum(record)?;
            header(&mut installed, package, &checksum);
            files(&mut installed, package, contents)?;
            installed.push(b'\n');
            let watched: Vec<&str> = values(package, "triggers").collect();
            if !watched.is_empty() {
                triggers.extend([&checksum, " ", &watched.join(" "), "\n"]);
            }
            names.insert(record.name.as_str());
            arches.insert(record.arch.as_str());
        }
        arches.remove("noarch");
        let lines = |texts: &BTreeSet<&str>| -> Vec<u8> {
            let lines = texts.iter().flat_map(|text| [text.as_bytes(), b"\n"]);
            lines.flatten().copied().collect()
        };
        let mut written = vec![
            file("lib/apk/db/installed", installed),
            file("etc/apk/world", lines(&names)),
        ];
        if !triggers.is_empty() {
            written.push(file("lib/apk/db/triggers", triggers.into_bytes()));
        }
        if !arches.is_empty() {
            written.push(file("etc/apk/arch", lines(&arches)));
        }
        Ok(written)
    }

    fn places(&self) -> &'static [&'static str] {
        &["lib/apk/db/installed", "usr/lib/apk/db/installed"]
    }
}

fn file(path: &str, bytes: Vec<u8>) -> DatabaseFile {
    DatabaseFile {
        path: RootPath::new(path.as_bytes()).expect("a literal that obeys the rules of paths"),
        mode: 0o644,
        bytes,
    }
}

fn checksum(record: &PackageRecord) -> Result<String, DatabaseError> {
    match &record.checksum {
        Some(Checksum::ApkControl(sha1)) => Ok(format_checksum(sha1)),
        _ => Err(DatabaseError::Package {
            package: record.name.to_string(),
            reason: "the checksum of its control member is not known".to_owned(),
        }),
    }
}

/// The values of a field of `.PKGINFO`, with those that hold several words in one piece.
fn values<'a>(package: &Installed<'a>, name: &'a str) -> impl Iterator<Item = &'a str> {
    let fields = package.metadata.fields.iter();
    fields
        .filter(move |(known, value)| known == name && !value.is_empty())
        .map(|(_, value)| value.as_str())
}

/// What is said of the package itself, in the order in which apk writes it.
fn header(out: &mut Vec<u8>, package: &Installed<'_>, checksum: &str) {
    let record = &package.metadata.record;
    let mut line = |letter: char, value: &str| {
        out.extend_from_slice(format!("{letter}:{value}\n").as_bytes());
    };
    let one = |name: &'static str| values(package, name).next().unwrap_or_default();
    line('C', checksum);
    line('P', record.name.as_str());
    line('V', record.version.as_str());
    line('A', &record.arch);
    line('S', &package.size.to_string());
    line('I', &record.installed_size.to_string());
    // apk writes these three whether they say anything or not.
    for (letter, name) in [('T', "pkgdesc"), ('U', "url")] {
        line(letter, one(name));
    }
    // Several licences all hold, which SPDX says with `AND`.
    let licences: Vec<&str> = values(package, "license").collect();
    line('L', &licences.join(" AND "));
    for (letter, name) in [
        ('o', "origin"),
        ('m', "maintainer"),
        ('t', "builddate"),
        ('c', "commit"),
        ('k', "provider_priority"),
    ] {
        if !one(name).is_empty() {
            line(letter, one(name));
        }
    }
    for (letter, name) in [
        ('D', "depend"),
        ('p', "provides"),
        ('i', "install_if"),
        ('r', "replaces"),
    ] {
        let words: Vec<&str> = values(package, name)
            .flat_map(str::split_ascii_whitespace)
            .collect();
        if !words.is_empty() {
            line(letter, &words.join(" "));
        }
    }
    if !one("replaces_priority").is_empty() {
        line('q', one("replaces_priority"));
    }
}

/// A directory of a package: its own entry where it has one, and the files in it.
#[derive(Default)]
struct Directory<'a> {
    entry: Option<&'a Entry>,
    files: BTreeMap<Vec<u8>, &'a InstalledFile<'a>>,
}

fn files(
    out: &mut Vec<u8>,
    package: &Installed<'_>,
    contents: &dyn Contents,
) -> Result<(), DatabaseError> {
    let mut directories: BTreeMap<Vec<u8>, Directory<'_>> = BTreeMap::new();
    for file in package.files.iter().filter(|file| file.present) {
        let path = &file.entry.path;
        let Some(parent) = path.parent() else {
            continue;
        };
        // A line break ends a line; such a name can stand in no line.
        if path.as_bytes().contains(&b'\n') {
            return Err(DatabaseError::Package {
                package: package.metadata.record.name.to_string(),
                reason: format!("the name of {path} has a line break"),
            });
        }
        if file.entry.is_directory() {
            let directory = directories.entry(path.as_bytes().to_vec()).or_default();
            directory.entry = Some(file.entry);
        } else {
            let name = path.file_name().unwrap_or_default().to_vec();
            let directory = directories.entry(parent.as_bytes().to_vec()).or_default();
            directory.files.insert(name, file);
        }
    }
    for (path, directory) in directories {
        out.extend_from_slice(b"F:");
        out.extend_from_slice(&path);
        out.push(b'\n');
        if let Some(entry) = directory.entry {
            attributes(out, 'M', entry, 0o755);
        }
        for (name, file) in directory.files {
            out.extend_from_slice(b"R:");
            out.extend_from_slice(&name);
            out.push(b'\n');
            attributes(out, 'a', file.entry, 0o644);
            if let Some(sha1) = content(file, package, contents)? {
                out.extend_from_slice(format!("Z:{}\n", format_checksum(&sha1)).as_bytes());
            }
        }
    }
    Ok(())
}

/// Owner and mode, where they are not root's and `usual`, and a digest of extended attributes, where there are any.
fn attributes(out: &mut Vec<u8>, letter: char, entry: &Entry, usual: u32) {
    if (entry.uid, entry.gid, entry.mode) == (0, 0, usual) && entry.xattrs.is_empty() {
        return;
    }
    let mut line = format!("{letter}:{}:{}:{:o}", entry.uid, entry.gid, entry.mode);
    if !entry.xattrs.is_empty() {
        // Each name and each value with its length before it, in order of name.
        let mut hasher = Sha1::new();
        for part in entry.xattrs.iter().flat_map(|(name, value)| [name, value]) {
            hasher.update((part.len() as u32).to_be_bytes());
            hasher.update(part);
        }
        line.push(':');
        line.push_str(&format_checksum(&hasher.finalize().into()));
    }
    line.push('\n');
    out.extend_from_slice(line.as_bytes());
}

/// The SHA-1 of a file's content, or of a symbolic link's target.
fn content(
    file: &InstalledFile<'_>,
    package: &Installed<'_>,
    contents: &dyn Contents,
) -> Result<Option<[u8; 20]>, DatabaseError> {
    let digest = match (&file.entry.kind, file.content) {
        (EntryKind::Symlink { target }, _) => return Ok(Some(Sha1::digest(target).into())),
        (EntryKind::File { .. } | EntryKind::Hardlink { .. }, Some(digest)) => digest,
        _ => return Ok(None),
    };
    let unreadable = |error| DatabaseError::Content {
        package: package.metadata.record.name.to_string(),
        path: file.entry.path.clone(),
        error,
    };
    let mut reader = contents.open(digest).map_err(unreadable)?;
    let mut hasher = Sha1::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(Some(hasher.finalize().into())),
            Ok(n) => hasher.update(&buffer[..n]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unreadable(error)),
        }
    }
}
