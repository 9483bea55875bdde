//! `filelists.xml`: every path of every package. Read only where a relation asks for a path that `primary.xml` does not name.

use std::io::BufRead;

use mikron_package::{LimitExceeded, Limits, Origin};

use super::evr::Evr;
use super::primary::count;
use super::xml::{Step, Tag, XmlReader};
use super::{FileChecksum, RepomdError, RepomdErrorKind};

/// The package whose paths come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilelistsPackage {
    /// The checksum of its archive, as `primary.xml` gives it.
    pub pkgid: FileChecksum,
    /// Its name.
    pub name: String,
    /// Its architecture.
    pub arch: String,
    /// Its version, with its epoch where that is not 0.
    pub version: String,
}

/// Reads a `filelists.xml` from a stream, and hands every path with its package to `each`. Nothing is kept.
///
/// ```
/// use mikron_package::{Limits, Origin};
/// use mikron_rpm::read_filelists;
/// let text = format!(
///     r#"<filelists packages="1"><package pkgid="{}" name="a" arch="noarch"><version epoch="0" ver="1" rel="2"/>
///        <file>/usr/bin/a</file><file type="dir">/usr/share/a</file></package></filelists>"#,
///     "0".repeat(64),
/// );
/// let mut paths = Vec::new();
/// read_filelists(text.as_bytes(), &Limits::default(), &Origin::named("filelists.xml"), |package, path| {
///     assert_eq!((&*package.name, &*package.version), ("a", "1-2"));
///     paths.push(path.to_owned());
/// })?;
/// assert_eq!(paths, ["/usr/bin/a", "/usr/share/a"]);
/// # Ok::<(), mikron_rpm::RepomdError>(())
/// ```
///
/// # Errors
/// When reading fails, it is malformed, `packages=` is false, or a limit is exceeded.
pub fn read_filelists<R: BufRead>(
    input: R,
    limits: &Limits,
    origin: &Origin,
    mut each: impl FnMut(&FilelistsPackage, &str),
) -> Result<(), RepomdError> {
    let mut xml = XmlReader::new(input, limits, origin, "filelists");
    let (mut promised, mut found) = (None, 0);
    let mut package: Option<FilelistsPackage> = None;
    let mut in_file = false;
    let mut path = String::new();
    let mut depth = 0;
    loop {
        let outcome = match xml.step()? {
            Step::Open(tag) => {
                depth = tag.depth;
                match (tag.depth, tag.name(), &mut package) {
                    (1, ..) => count(&tag).map(|count| promised = count),
                    (2, "package", package) => begin(&tag).map(|begun| *package = Some(begun)),
                    (3, "version", Some(package)) => version(&tag, package),
                    (3, "file", Some(_)) => {
                        path.clear();
                        in_file = true;
                        Ok(())
                    }
                    _ => Ok(()),
                }
            }
            Step::Text(piece) if in_file => {
                path.push_str(&piece);
                LimitExceeded::check("field", path.len() as u64, limits.field).map_err(Into::into)
            }
            Step::Text(_) => Ok(()),
            Step::Close => {
                depth -= 1;
                if let (true, Some(package)) = (in_file, &package) {
                    each(package, &path);
                }
                in_file = false;
                if depth == 1 && package.take().is_some() {
                    found += 1;
                }
                LimitExceeded::check("entries", found, limits.entries).map_err(Into::into)
            }
            Step::End if promised.is_none_or(|promised| promised == found) => return Ok(()),
            Step::End => Err(RepomdErrorKind::Count {
                promised: promised.unwrap_or_default(),
                found,
            }),
        };
        outcome.map_err(|kind: RepomdErrorKind| {
            let name = package.as_ref().map_or("", |package| &package.name);
            xml.fault(kind).in_package(name)
        })?;
    }
}

fn begin(tag: &Tag<'_>) -> Result<FilelistsPackage, RepomdErrorKind> {
    let (mut pkgid, mut name, mut arch) = (None, None, None);
    tag.attributes(|key, value| {
        match key {
            "pkgid" => pkgid = Some(FileChecksum::by_length(&value)?),
            "name" => name = Some(value.into_owned()),
            "arch" => arch = Some(value.into_owned()),
            _ => {}
        }
        Ok(())
    })?;
    Ok(FilelistsPackage {
        pkgid: pkgid.ok_or(RepomdErrorKind::Missing("pkgid"))?,
        name: name.ok_or(RepomdErrorKind::Missing("name"))?,
        arch: arch.ok_or(RepomdErrorKind::Missing("arch"))?,
        version: String::new(),
    })
}

fn version(tag: &Tag<'_>, package: &mut FilelistsPackage) -> Result<(), RepomdErrorKind> {
    let mut version = Evr::default();
    tag.attributes(|key, value| {
        version.set(key, value);
        Ok(())
    })?;
    package.version = version.join();
    Ok(())
}
