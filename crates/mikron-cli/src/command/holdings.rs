//! What an image holds, wherever it is: `mikron diff` compares it, `mikron inspect` lists it.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use mikron::matrix::{HeldFile, Holdings, Inventory};
use mikron::package::{EntryKind, RootPath};
use mikron::{Output, Stream, archive_inventory, layout_inventory, lock_inventory};
use serde::Serialize;

use super::builder_for;
use crate::arguments::Shared;
use crate::failure::Failure;
use crate::text::{Style, bytes, count, size, table};

/// What lies there: a layout where it is a directory or says so, an archive for docker where it is a tar file, a lock where it begins like one, else a spec.
pub(crate) fn inventory(
    what: &Path,
    shared: &Shared,
    quiet: bool,
    style: Style,
) -> Result<Inventory, Failure> {
    let text = what.to_str().unwrap_or_default();
    // By digest, where there is no tag: oci:DIR@sha256:…
    if let Some((dir, digest)) = text.strip_prefix("oci:").and_then(|t| t.rsplit_once('@'))
        && digest.starts_with("sha256:")
    {
        return Ok(layout_inventory(Path::new(dir), digest)?);
    }
    if text.starts_with("oci:")
        && let Ok(Output::Layout { dir, tag }) = text.parse()
    {
        return Ok(layout_inventory(&dir, &tag)?);
    }
    if what.is_dir() {
        return Ok(layout_inventory(what, Output::DEFAULT_TAG)?);
    }
    if let Some(archive) = docker_archive(what) {
        return Ok(archive_inventory(&archive)?);
    }
    if what
        .extension()
        .is_some_and(|extension| extension == "lock")
    {
        return Ok(lock_inventory(what)?);
    }
    let builder = builder_for(what, shared, quiet, style)?;
    builder
        .inventory()
        .map_err(|error| Failure::of(error, &builder))
}

/// The path of a docker archive, which is a tar file: where the name says so, or the content does.
pub(crate) fn docker_archive(what: &Path) -> Option<PathBuf> {
    if let Ok(Output::DockerArchive {
        to: Stream::File(file),
    }) = what.to_str()?.parse()
    {
        return Some(file);
    }
    // The magic of ustar (pax(1)); gzip, as `docker save` is often sent through it.
    let mut head = Vec::new();
    // Whoever opens a pipe waits for somebody who writes.
    if !std::fs::metadata(what).ok()?.is_file() {
        return None;
    }
    let file = File::open(what).ok()?;
    file.take(512).read_to_end(&mut head).ok()?;
    let is_tar = head.get(257..262) == Some(b"ustar") || head.starts_with(&[0x1f, 0x8b]);
    is_tar.then(|| what.to_owned())
}

/// What `mikron inspect --json` prints of an image.
#[derive(Serialize)]
pub(crate) struct Image {
    /// What it was named.
    image: String,
    platforms: Vec<OfPlatform>,
}

#[derive(Serialize)]
struct OfPlatform {
    platform: String,
    /// Absent where they are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    packages: Option<Vec<Package>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Vec<Item>>,
}

#[derive(Serialize)]
struct Package {
    name: String,
    version: String,
}

#[derive(Serialize)]
struct Item {
    path: String,
    #[serde(rename = "type")]
    kind: &'static str,
    /// Four octal digits or more.
    mode: String,
    uid: u32,
    gid: u32,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    /// The package and its capability, or who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Image {
    pub(crate) fn of(what: &Path, inventory: &Inventory) -> Self {
        let platforms = inventory.platforms.iter();
        Self {
            image: what.display().to_string(),
            platforms: platforms
                .map(|(platform, holdings)| OfPlatform::of(platform.to_string(), holdings))
                .collect(),
        }
    }

    pub(crate) fn text(&self) -> String {
        self.platforms.iter().map(OfPlatform::text).collect()
    }
}

impl OfPlatform {
    fn of(platform: String, holdings: &Holdings) -> Self {
        let packages = holdings.packages.as_ref().map(|packages| {
            let package =
                |(name, held): (&mikron::package::PackageName, &mikron::matrix::HeldPackage)| {
                    Package {
                        name: name.to_string(),
                        version: held.version.to_string(),
                    }
                };
            packages.iter().map(package).collect()
        });
        let files = holdings.files.as_ref();
        let files = files.map(|files| {
            files
                .iter()
                .map(|(path, held)| Item::of(path, held))
                .collect()
        });
        Self {
            platform,
            packages,
            files,
        }
    }

    fn text(&self) -> String {
        let mut text = format!("{}: ", self.platform);
        let packages = self.packages.as_deref();
        match packages {
            Some(packages) => text.push_str(&count(packages.len(), "package")),
            None => text.push_str("packages are not known"),
        }
        let Some(files) = &self.files else {
            text.push('\n');
            let rows = packages.into_iter().flatten();
            let rows = rows.map(|package| vec![package.name.clone(), package.version.clone()]);
            text.push_str(&table(rows.collect(), &[]));
            return text;
        };
        let total = files.iter().map(|file| file.size).sum();
        let entries = match files.len() {
            1 => "1 entry".to_owned(),
            n => format!("{n} entries"),
        };
        let _ = writeln!(text, ", {entries}, {}", size(total));
        text.push_str(&table(files.iter().map(Item::row).collect(), &[3]));
        text
    }
}

impl Item {
    fn of(path: &RootPath, held: &HeldFile) -> Self {
        let (kind, link, size) = match &held.kind {
            EntryKind::File { size } => ("file", None, *size),
            EntryKind::Directory => ("directory", None, 0),
            EntryKind::Symlink { target } => ("symlink", Some(bytes(target)), 0),
            EntryKind::Hardlink { target } => ("hardlink", Some(target.to_string()), 0),
            EntryKind::CharDevice { .. } => ("char-device", None, 0),
            EntryKind::BlockDevice { .. } => ("block-device", None, 0),
            EntryKind::Fifo => ("fifo", None, 0),
        };
        Self {
            path: path.to_string(),
            kind,
            mode: format!("{:04o}", held.mode),
            uid: held.uid,
            gid: held.gid,
            size,
            link,
            digest: held.content.map(|digest| digest.to_string()),
            origin: held.origin.clone(),
            reason: held.reason.clone(),
        }
    }

    fn row(&self) -> Vec<String> {
        let link = self.link.iter().map(|target| format!(" -> {target}"));
        vec![
            self.kind.to_owned(),
            self.mode.clone(),
            format!("{}:{}", self.uid, self.gid),
            self.size.to_string(),
            format!("{}{}", self.path, link.collect::<String>()),
            self.origin.clone().unwrap_or_default(),
            self.reason.clone().unwrap_or_default(),
        ]
    }
}
