//! dpkg's database for an image: one control stanza a package in `status.d`, and beside it the checksums of its files.
//!
//! dpkg itself keeps one file, `/var/lib/dpkg/status`; a directory of stanzas beside it is what images without dpkg have, and
//! what scanners read there. An image that holds `dpkg-query` has dpkg's own form instead, with the lists of files in `info`,
//! for programs ask it; never both, for scanners would count every package twice. A package that is there in part lists the files that are there, and no others.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{self, Read as _};

use md5::{Digest as _, Md5};
use mikron_package::{
    Contents, DatabaseError, DatabaseFile, Digest, Installed, InstalledPackage, Limits,
    PackageDatabase, PackageName, RootPath, Version,
};

use crate::installed;
use crate::{Deb822Error, StanzaReader};

/// Writes `/var/lib/dpkg/status.d`, or `status` where the image holds `dpkg-query`.
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

/// dpkg's own list of what is installed.
const STATUS: &[u8] = b"var/lib/dpkg/status";

impl PackageDatabase for DebDatabase {
    fn write(
        &self,
        packages: &[Installed<'_>],
        contents: &dyn Contents,
        epoch: i64,
    ) -> Result<Vec<DatabaseFile>, DatabaseError> {
        let mut files = Vec::new();
        self.write_each(packages, contents, epoch, &mut |file| {
            files.push(file);
            Ok(())
        })?;
        Ok(files)
    }

    fn write_each(
        &self,
        packages: &[Installed<'_>],
        contents: &dyn Contents,
        _: i64,
        take: &mut dyn FnMut(DatabaseFile) -> Result<(), DatabaseError>,
    ) -> Result<(), DatabaseError> {
        let own = packages.iter().any(has_dpkg);
        put(own.then(Vec::new), packages, contents, take)
    }

    fn write_above(
        &self,
        below: &BTreeMap<RootPath, Vec<u8>>,
        packages: &[Installed<'_>],
        contents: &dyn Contents,
        _: i64,
        take: &mut dyn FnMut(DatabaseFile) -> Result<(), DatabaseError>,
    ) -> Result<(), DatabaseError> {
        let status = below
            .iter()
            .find(|(path, _)| relative(path) == STATUS)
            .filter(|(_, text)| !text.is_empty());
        let names: BTreeSet<&str> = packages
            .iter()
            .map(|package| package.metadata.record.name.as_str())
            .collect();
        let status = status.map(|(path, text)| {
            without(text, &names).map_err(|error| DatabaseError::Malformed {
                path: path.clone(),
                reason: error.to_string(),
            })
        });
        put(status.transpose()?, packages, contents, take)
    }

    fn is_part(&self, path: &RootPath) -> bool {
        // One file, or one for each package as in images without dpkg.
        let stanzas = relative(path).strip_prefix(STATUS);
        stanzas.is_some_and(|rest| {
            rest.is_empty() || (rest.starts_with(b".d/") && !rest.ends_with(b".md5sums"))
        })
    }

    fn read(
        &self,
        files: &BTreeMap<RootPath, Vec<u8>>,
    ) -> Result<Option<BTreeMap<PackageName, Version>>, DatabaseError> {
        let mut packages = None::<BTreeMap<_, _>>;
        for (path, text) in files.iter().filter(|(path, _)| self.is_part(path)) {
            let found = installed(text).map_err(|error| DatabaseError::Malformed {
                path: path.clone(),
                reason: error.to_string(),
            })?;
            packages.get_or_insert_default().extend(found);
        }
        Ok(packages)
    }

    fn places(&self) -> &'static [&'static str] {
        &["var/lib/dpkg/status", "var/lib/dpkg/status.d"]
    }

    fn packages(
        &self,
        files: &BTreeMap<RootPath, Vec<u8>>,
    ) -> Result<Option<Vec<InstalledPackage>>, DatabaseError> {
        installed::packages(files, &|path| self.is_part(path)).map(Some)
    }

    fn is_list(&self, path: &RootPath) -> bool {
        installed::is_list(path)
    }
}

/// Writes stanzas: behind those in `status` into dpkg's own form, else each into a file.
fn put(
    mut status: Option<Vec<u8>>,
    packages: &[Installed<'_>],
    contents: &dyn Contents,
    take: &mut dyn FnMut(DatabaseFile) -> Result<(), DatabaseError>,
) -> Result<(), DatabaseError> {
    for package in packages {
        let name = package.metadata.record.name.as_str();
        let sums = checksums(package, contents)?;
        let text = stanza(package, &sums);
        // "<32 digits>  path" (md5sum(1)).
        let lines = sums
            .iter()
            .map(|(path, sum)| [sum, b"  ".as_slice(), relative(path), b"\n"].concat());
        let lines = lines.collect::<Vec<_>>().concat();
        if let Some(status) = &mut status {
            status.extend_from_slice(&[&text, b"\n".as_slice()].concat());
            let paths = package.files.iter().filter(|file| file.present);
            let paths = paths.map(|file| [b"/", relative(&file.entry.path), b"\n"].concat());
            let info = format!("info/{}", instance(package));
            let list = paths.collect::<Vec<_>>().concat();
            take(file(package, &format!("{info}.list"), list)?)?;
            take(file(package, &format!("{info}.md5sums"), lines)?)?;
            continue;
        }
        take(file(package, &format!("status.d/{name}"), text)?)?;
        if !lines.is_empty() {
            take(file(package, &format!("status.d/{name}.md5sums"), lines)?)?;
        }
    }
    if let (Some(status), Some(first)) = (status, packages.first()) {
        // Names with architectures are those of the second form of that directory (dpkg 1.16).
        take(file(first, "info/format", b"1\n".to_vec())?)?;
        take(file(first, "status", status)?)?;
    }
    Ok(())
}

/// The packages of a file of stanzas that are installed (dpkg-query(1), `Status`). What has no such field stands for a package that is.
fn installed(text: &[u8]) -> Result<Vec<(PackageName, Version)>, Deb822Error> {
    let mut stanzas = StanzaReader::new(text, &Limits::default()).with_blank_separators();
    let mut packages = Vec::new();
    while let Some(stanza) = stanzas.next_stanza()? {
        let field = |name| -> Result<Option<String>, Deb822Error> {
            let field = stanza.get(name)?;
            let text = field.map(|field| Ok::<_, Deb822Error>(field.text()?.trim().to_owned()));
            text.transpose()
        };
        let status = field("Status")?;
        if status.is_some_and(|status| !status.ends_with(" installed")) {
            continue;
        }
        if let (Some(name), Some(version)) = (field("Package")?, field("Version")?)
            && let Ok(name) = PackageName::new(&name)
        {
            packages.push((name, Version::new(&version)));
        }
    }
    Ok(packages)
}

/// Stanzas without those of some packages.
fn without(text: &[u8], names: &BTreeSet<&str>) -> Result<Vec<u8>, Deb822Error> {
    let mut stanzas = StanzaReader::new(text, &Limits::default()).with_blank_separators();
    let mut kept = Vec::new();
    while let Some(stanza) = stanzas.next_stanza()? {
        let name = stanza.get("Package")?;
        let name = name.map(|name| name.text()).transpose()?;
        if !name.is_some_and(|name| names.contains(name.trim())) {
            kept.extend_from_slice(stanza.bytes());
            kept.extend_from_slice(if kept.ends_with(b"\n") {
                b"\n"
            } else {
                b"\n\n"
            });
        }
    }
    Ok(kept)
}

/// A file of the database, in dpkg's directory.
fn file(
    package: &Installed<'_>,
    name: &str,
    bytes: Vec<u8>,
) -> Result<DatabaseFile, DatabaseError> {
    let path = format!("/var/lib/dpkg/{name}");
    let path = RootPath::new(path.as_bytes()).map_err(|error| DatabaseError::Package {
        package: package.metadata.record.name.to_string(),
        reason: error.to_string(),
    })?;
    let mode = 0o644;
    Ok(DatabaseFile { path, mode, bytes })
}

/// Whether the image holds what reads dpkg's own database.
fn has_dpkg(package: &Installed<'_>) -> bool {
    let query = |path: &RootPath| relative(path) == b"usr/bin/dpkg-query";
    let mut files = package.files.iter();
    files.any(|file| file.present && query(&file.entry.path))
}

/// The name by which dpkg keeps a package's files: with its architecture where several may be installed at once.
fn instance(package: &Installed<'_>) -> String {
    let record = &package.metadata.record;
    let field = |wanted: &str| {
        let mut fields = package.metadata.fields.iter();
        let found = fields.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.trim())
    };
    match (field("Multi-Arch"), field("Architecture")) {
        (Some("same"), Some(arch)) => format!("{}:{arch}", record.name),
        _ => record.name.to_string(),
    }
}

/// The control stanza, with the state that dpkg puts behind the name and the configuration files that are there with their checksums
/// (dpkg-query(1), `Status` and `Conffiles`).
fn stanza(package: &Installed<'_>, sums: &[(&RootPath, Vec<u8>)]) -> Vec<u8> {
    let mut text = String::new();
    for (name, value) in &package.metadata.fields {
        if ["Status", "Conffiles"]
            .iter()
            .any(|own| name.eq_ignore_ascii_case(own))
        {
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
    let mut text = text.into_bytes();
    let mut heading = Some(b"Conffiles:\n".as_slice());
    for (path, sum) in sums {
        if package.metadata.config_files.contains(path) {
            text.extend_from_slice(heading.take().unwrap_or_default());
            text.extend_from_slice(&[b" /", relative(path), b" ", sum, b"\n"].concat());
        }
    }
    text
}

/// The MD5 of each file that is there, in hexadecimal digits. What the archive says of itself is taken; it says nothing of configuration
/// files, and some archives say nothing at all: then the contents are read.
fn checksums<'a>(
    package: &Installed<'a>,
    contents: &dyn Contents,
) -> Result<Vec<(&'a RootPath, Vec<u8>)>, DatabaseError> {
    let extra = package.metadata.extra.iter();
    let own = extra.filter(|(name, _)| name == "md5sums");
    let lines = own.flat_map(|(_, text)| text.split(|byte| *byte == b'\n'));
    let stated: BTreeMap<&[u8], &[u8]> = lines
        .filter_map(|line| {
            let path = line.get(34..)?;
            Some((path.strip_prefix(b"./").unwrap_or(path), &line[..32]))
        })
        .collect();
    let mut sums = Vec::new();
    for file in package.files.iter().filter(|file| file.present) {
        let Some(content) = file.content else {
            continue;
        };
        let path = &file.entry.path;
        let sum = match stated.get(relative(path)) {
            Some(sum) => sum.to_vec(),
            None => read(contents, content).map_err(|error| DatabaseError::Content {
                package: package.metadata.record.name.to_string(),
                path: path.clone(),
                error,
            })?,
        };
        sums.push((path, sum));
    }
    Ok(sums)
}

/// The MD5 of a content, in hexadecimal digits.
fn read(contents: &dyn Contents, digest: &Digest) -> io::Result<Vec<u8>> {
    let mut body = contents.open(digest)?;
    let mut hash = Md5::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match body.read(&mut buffer)? {
            0 => break,
            n => hash.update(&buffer[..n]),
        }
    }
    let mut digits = String::new();
    for byte in hash.finalize() {
        let _ = write!(digits, "{byte:02x}");
    }
    Ok(digits.into_bytes())
}

/// The path without its leading `/`, as checksum files have it.
pub(crate) fn relative(path: &RootPath) -> &[u8] {
    let bytes = path.as_bytes();
    bytes.strip_prefix(b"/").unwrap_or(bytes)
}
