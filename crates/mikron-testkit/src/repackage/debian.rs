//! An unpacked Debian package.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One Debian package, unpacked by dpkg-deb.
#[derive(Clone, Debug)]
pub struct Debian {
    /// Name.
    pub name: String,
    /// Debian's version.
    pub version: String,
    /// Debian's architecture.
    pub arch: String,
    /// What it depends on: of each requirement the names of the alternatives.
    pub depends: Vec<Vec<String>>,
    /// Virtual packages that it provides.
    pub provides: Vec<String>,
    /// Configuration files, from `/`.
    pub conffiles: BTreeSet<String>,
    /// `preinst`, where there is one.
    pub preinst: Option<String>,
    /// `postinst`, where there is one.
    pub postinst: Option<String>,
    /// The directory with its files.
    pub tree: PathBuf,
}

/// One path of an unpacked package.
pub(super) struct Item {
    /// The path from `/`.
    pub(super) path: String,
    pub(super) metadata: fs::Metadata,
}

impl Debian {
    /// Unpacks an archive below `dir`.
    ///
    /// # Errors
    /// When dpkg-deb fails.
    pub fn unpack(archive: &Path, dir: &Path) -> io::Result<Self> {
        let field = |name: &str| -> io::Result<String> {
            let output = Command::new("dpkg-deb")
                .arg("-f")
                .arg(archive)
                .arg(name)
                .output()?;
            Ok(String::from_utf8_lossy(&output.stdout)
                .trim()
                .replace('\n', " "))
        };
        let name = field("Package")?;
        let place = dir.join(&name);
        let (tree, control) = (place.join("tree"), place.join("control"));
        fs::create_dir_all(&place)?;
        for (what, to) in [("-x", &tree), ("-e", &control)] {
            let status = Command::new("dpkg-deb")
                .arg(what)
                .arg(archive)
                .arg(to)
                .status()?;
            if !status.success() {
                return Err(io::Error::other(format!(
                    "dpkg-deb {what} failed: {status}"
                )));
            }
        }
        let read = |name: &str| fs::read_to_string(control.join(name)).ok();
        let depends = format!("{}, {}", field("Pre-Depends")?, field("Depends")?);
        let provides = names(&field("Provides")?).into_iter().flatten().collect();
        let conffiles = read("conffiles").unwrap_or_default();
        Ok(Self {
            version: field("Version")?,
            arch: field("Architecture")?,
            depends: names(&depends),
            provides,
            conffiles: conffiles
                .lines()
                .map(|line| line.trim().to_owned())
                .collect(),
            preinst: read("preinst"),
            postinst: read("postinst"),
            name,
            tree,
        })
    }

    /// All paths, in order, without the root.
    pub(super) fn items(&self) -> io::Result<Vec<Item>> {
        let mut items = Vec::new();
        walk(&self.tree, "", &mut items)?;
        Ok(items)
    }

    /// The names of the packages of a set that it depends on; of alternatives the first that is there.
    pub(super) fn depends_among<'a>(&'a self, set: &'a [Self]) -> BTreeSet<&'a str> {
        let there = |name: &String| {
            let of = |package: &&Self| package.name == *name || package.provides.contains(name);
            set.iter().find(of).map(|package| package.name.as_str())
        };
        let first = |alternatives: &Vec<String>| alternatives.iter().find_map(there);
        self.depends
            .iter()
            .filter_map(first)
            .filter(|name| *name != self.name)
            .collect()
    }

    /// The architecture in the words of rpm and apk.
    pub(super) fn machine(&self) -> &'static str {
        match self.arch.as_str() {
            "all" => "noarch",
            "arm64" => "aarch64",
            _ => "x86_64",
        }
    }

    /// Epoch, upstream version and revision.
    pub(super) fn version_parts(&self) -> (Option<&str>, &str, &str) {
        let (epoch, rest) = match self.version.split_once(':') {
            Some((epoch, rest)) => (Some(epoch), rest),
            None => (None, self.version.as_str()),
        };
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, "0"));
        (epoch, upstream, revision)
    }
}

/// The names in a relation field: of each requirement those of its alternatives.
fn names(field: &str) -> Vec<Vec<String>> {
    let name = |text: &str| {
        let end = text.find([' ', '(', '[', '<', ':']).unwrap_or(text.len());
        text[..end].to_owned()
    };
    let requirements = field
        .split(',')
        .map(str::trim)
        .filter(|text| !text.is_empty());
    requirements
        .map(|requirement| {
            requirement
                .split('|')
                .map(|text| name(text.trim()))
                .collect()
        })
        .collect()
}

fn walk(dir: &Path, at: &str, items: &mut Vec<Item>) -> io::Result<()> {
    let mut entries: Vec<_> = fs::read_dir(dir)?.collect::<io::Result<_>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        let path = format!("{at}/{}", text(&name)?);
        let metadata = fs::symlink_metadata(entry.path())?;
        let directory = metadata.is_dir();
        items.push(Item {
            path: path.clone(),
            metadata,
        });
        if directory {
            walk(&entry.path(), &path, items)?;
        }
    }
    Ok(())
}

fn text(name: &OsStr) -> io::Result<&str> {
    std::str::from_utf8(name.as_bytes()).map_err(io::Error::other)
}

impl Item {
    /// Permission bits, set-user-id and its like included.
    pub(super) fn mode(&self) -> u32 {
        self.metadata.mode() & 0o7777
    }
}

/// The interpreter that a script names.
pub(super) fn interpreter(path: &Path) -> Option<String> {
    use std::io::Read as _;
    let mut start = [0; 128];
    let n = fs::File::open(path).ok()?.read(&mut start).ok()?;
    let line = start[..n]
        .strip_prefix(b"#!")?
        .split(|byte| *byte == b'\n')
        .next()?;
    let text = std::str::from_utf8(line).ok()?;
    text.split_whitespace().next().map(str::to_owned)
}
