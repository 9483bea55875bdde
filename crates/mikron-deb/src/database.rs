//! dpkg's database for an image: one control stanza a package in `status.d`, and beside it the checksums of its files.
//!
//! dpkg itself keeps one file, `/var/lib/dpkg/status`; a directory of stanzas beside it is what images without dpkg have, and
//! what scanners read there. A package that is there in part lists the files that are there, and no others.

use std::fmt::Write as _;
use std::io::{self, Read as _};

use md5::{Digest as _, Md5};
use mikron_package::{
    Contents, DatabaseError, DatabaseFile, Installed, InstalledFile, PackageDatabase, RootPath,
};

/// Writes `/var/lib/dpkg/status.d`.
///
/// ```
/// use mikron_deb::{DebDatabase, parse_control};
/// use mikron_package::{ArchiveMetadata, Installed, Limits, MemoryContents, PackageDatabase};
/// let control = b"Package: nginx\nVersion: 1.22.1-9\nArchitecture: amd64\nMaintainer: A <a@example.org>\n";
/// let (record, fields) = parse_control(control, &Limits::default())?;
/// let metadata = ArchiveMetadata {
///     record,
///     fields,
///     scripts: Vec::new(),
///     config_files: Vec::new(),
///     ghosts: Vec::new(),
///     extra: Vec::new(),
/// };
/// let nginx = Installed { metadata: &metadata, files: Vec::new(), size: 0 };
/// let files = DebDatabase.write(&[nginx], &MemoryContents::default(), 0)?;
/// assert_eq!(files[0].path.to_string(), "/var/lib/dpkg/status.d/nginx");
/// assert!(files[0].bytes.starts_with(b"Package: nginx\nStatus: install ok installed\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct DebDatabase;

impl PackageDatabase for DebDatabase {
    fn write(
        &self,
        packages: &[Installed<'_>],
        contents: &dyn Contents,
        _: i64,
    ) -> Result<Vec<DatabaseFile>, DatabaseError> {
        let mut files = Vec::new();
        for package in packages {
            let name = package.metadata.record.name.as_str();
            let file = |name: &str, bytes: Vec<u8>| {
                let path = format!("/var/lib/dpkg/status.d/{name}");
                let path =
                    RootPath::new(path.as_bytes()).map_err(|error| DatabaseError::Package {
                        package: package.metadata.record.name.to_string(),
                        reason: error.to_string(),
                    })?;
                let mode = 0o644;
                Ok::<_, DatabaseError>(DatabaseFile { path, mode, bytes })
            };
            files.push(file(name, stanza(package))?);
            let sums = checksums(package, contents)?;
            if !sums.is_empty() {
                files.push(file(&format!("{name}.md5sums"), sums)?);
            }
        }
        Ok(files)
    }
}

/// The control stanza, with the state that dpkg puts behind the name (dpkg-query(1), `Status`).
fn stanza(package: &Installed<'_>) -> Vec<u8> {
    let mut text = String::new();
    for (name, value) in &package.metadata.fields {
        if name.eq_ignore_ascii_case("Status") {
            continue;
        }
        let _ = write!(text, "{name}:");
        // Unfolded values have their lines as they were, without the space that a continuation begins with.
        for (number, line) in value.lines().enumerate() {
            let line = if number > 0 && line.is_empty() {
                "."
            } else {
                line
            };
            let _ = if number == 0 && line.is_empty() {
                writeln!(text)
            } else {
                writeln!(text, " {line}")
            };
        }
        if value.is_empty() {
            text.push('\n');
        }
        if name.eq_ignore_ascii_case("Package") {
            text.push_str("Status: install ok installed\n");
        }
    }
    text.into_bytes()
}

/// A line of md5sum(1) for each file that is there. What the archive says of itself is taken; where it says nothing at all, the
/// contents are read.
fn checksums(package: &Installed<'_>, contents: &dyn Contents) -> Result<Vec<u8>, DatabaseError> {
    let own = package
        .metadata
        .extra
        .iter()
        .find(|(name, _)| name == "md5sums");
    let mut sums = Vec::new();
    if let Some((_, own)) = own {
        let present: std::collections::BTreeSet<&[u8]> = present(package)
            .map(|file| relative(&file.entry.path))
            .collect();
        for line in own.split_inclusive(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            // "<32 digits>  path" (md5sum(1)).
            let path = line.get(34..).unwrap_or_default();
            let path = path.strip_prefix(b"./").unwrap_or(path);
            if present.contains(path) {
                sums.extend_from_slice(line);
                sums.push(b'\n');
            }
        }
        return Ok(sums);
    }
    for file in present(package) {
        let Some(content) = file.content else {
            continue;
        };
        let failed = |error: io::Error| DatabaseError::Content {
            package: package.metadata.record.name.to_string(),
            path: file.entry.path.clone(),
            error,
        };
        let mut body = contents.open(content).map_err(failed)?;
        let mut hash = Md5::new();
        let mut buffer = vec![0; 1 << 16];
        loop {
            match body.read(&mut buffer).map_err(failed)? {
                0 => break,
                n => hash.update(&buffer[..n]),
            }
        }
        for byte in hash.finalize() {
            sums.extend_from_slice(format!("{byte:02x}").as_bytes());
        }
        sums.extend_from_slice(b"  ");
        sums.extend_from_slice(relative(&file.entry.path));
        sums.push(b'\n');
    }
    Ok(sums)
}

fn present<'a>(package: &'a Installed<'_>) -> impl Iterator<Item = &'a InstalledFile<'a>> {
    let files = package.files.iter();
    files.filter(|file| file.present && file.entry.is_file())
}

/// The path without its leading `/`, as checksum files have it.
fn relative(path: &RootPath) -> &[u8] {
    let bytes = path.as_bytes();
    bytes.strip_prefix(b"/").unwrap_or(bytes)
}
