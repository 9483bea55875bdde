//! What an image in an OCI layout holds, whoever wrote it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufReader, Read};
use std::path::Path;

use mikron_archive::{Cap, Compression, Decompressor, TarDialect, TarReader};
use mikron_capability::{HeldFile, HeldPackage, Holdings, Inventory};
use mikron_oci::{Blob, BlobStore as _, Descriptor, Layout, StoreError, json};
use mikron_package::{
    Digest, EntryKind, HashingReader, Limits, Origin, PackageName, Platform, RootPath, Version,
};
use serde_json::Value;

use super::{without_links, xattrs};
use crate::{Error, Output};

/// What an image in an OCI layout holds, whoever wrote it: the files of all layers, one over the other (OCI image-spec, layer,
/// "Applying Changesets"). `tag` is a tag, or the digest of an entry; where it is `latest` and the layout has one entry alone,
/// that is it, whatever its name. The inventory knows packages where the image has a database of dpkg's.
///
/// # Errors
/// When the layout cannot be read, has no such tag, or a blob is not what its digest says.
pub fn layout_inventory(path: &Path, tag: &str) -> Result<Inventory, Error> {
    let limits = Limits::default();
    let layout = Layout::open(path)?;
    let entries = layout.entries(&limits)?;
    let named = |(name, target): &&(Option<String>, Descriptor)| {
        name.as_deref() == Some(tag) || target.digest().to_string() == tag
    };
    let target = match (entries.iter().find(named), entries.as_slice()) {
        (Some((_, target)), _) => target,
        (None, [(_, only)]) if tag == Output::DEFAULT_TAG => only,
        (None, entries) => {
            let name = |(name, target): &(Option<String>, Descriptor)| match name {
                Some(name) => name.escape_debug().to_string(),
                None => target.digest().to_string(),
            };
            let has = match entries {
                [] => "no images".to_owned(),
                entries => entries.iter().map(name).collect::<Vec<_>>().join(", "),
            };
            let reason = format!("it has no tag `{}`; it has {has}", tag.escape_debug());
            return Err(wrong(&path.display().to_string(), &reason));
        }
    };
    let reader = Images {
        layout: &layout,
        limits: &limits,
    };
    let mut inventory = Inventory::default();
    reader.read(target, 0, &mut inventory)?;
    Ok(inventory)
}

/// Indexes in indexes: deeper than this nobody nests them.
const MAX_DEPTH: u32 = 8;

/// Images out of a layout. Every blob comes through a reader that checks its digest.
struct Images<'a> {
    layout: &'a Layout,
    limits: &'a Limits,
}

impl Images<'_> {
    fn read(&self, target: &Descriptor, depth: u32, found: &mut Inventory) -> Result<(), Error> {
        let document = self.document(target)?;
        if document.get("manifests").is_some() {
            let list = descriptors(&document, "manifests", &place(target))?;
            if depth >= MAX_DEPTH {
                return Err(wrong(&place(target), "indexes are nested too deep"));
            }
            // Attestations and signatures are entered beside images; they have no platform that runs.
            let is_image = |one: &&Descriptor| {
                let platform = one.platform().as_ref();
                platform.is_none_or(|p| p.os().to_string() != "unknown")
            };
            return list
                .iter()
                .filter(is_image)
                .try_for_each(|one| self.read(one, depth + 1, found));
        }
        let config = document.get("config").cloned().unwrap_or_default();
        let config: Descriptor = from_value(config, &place(target))?;
        let platform = self.platform(&config)?;
        let mut files = Layers::default();
        for layer in descriptors(&document, "layers", &place(target))? {
            self.layer(&layer, &mut files)?;
        }
        let holdings = Holdings {
            packages: files.packages,
            files: Some(without_links(files.files)),
        };
        found.platforms.insert(platform, holdings);
        Ok(())
    }

    fn open(&self, target: &Descriptor) -> Result<Box<dyn Read + Send + '_>, Error> {
        let digest: Digest = target
            .digest()
            .to_string()
            .parse()
            .map_err(|_| wrong(&place(target), "its digest is not a SHA-256 digest"))?;
        let size = target.size();
        Ok(self.layout.open(&Blob { digest, size })?)
    }

    fn document(&self, target: &Descriptor) -> Result<Value, Error> {
        if target.size() > self.limits.manifest {
            return Err(wrong(&place(target), "the document is too large"));
        }
        let mut bytes = Vec::new();
        self.open(target)?
            .read_to_end(&mut bytes)
            .map_err(Error::io("read", place(target)))?;
        json::parse(&bytes).map_err(|source| {
            StoreError::Json {
                place: place(target),
                source,
            }
            .into()
        })
    }

    fn platform(&self, config: &Descriptor) -> Result<Platform, Error> {
        let document = self.document(config)?;
        let text = |key: &str| {
            document
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let mut name = format!("{}/{}", text("os"), text("architecture"));
        if !text("variant").is_empty() {
            name = format!("{name}/{}", text("variant"));
        }
        name.parse().or_else(|error| {
            // arm64/v8 is arm64.
            let short = name.rsplit_once('/').map_or("", |(short, _)| short);
            short.parse().map_err(|_| Error::Platform(error))
        })
    }

    /// Reads a layer; what is wrong with it is said of this blob of this layout.
    fn layer(&self, target: &Descriptor, files: &mut Layers) -> Result<(), Error> {
        let origin = Origin {
            source: self.layout.path().display().to_string(),
            archive: place(target),
        };
        self.read_layer(target, files).map_err(|error| match error {
            Error::Archive(error) => Error::from(error.in_archive(&origin)),
            other => other,
        })
    }

    fn read_layer(&self, target: &Descriptor, files: &mut Layers) -> Result<(), Error> {
        let media_type = target.media_type().to_string();
        let compression = match mikron_oci::Compression::from_media_type(&media_type) {
            Some(mikron_oci::Compression::None) => Compression::None,
            Some(mikron_oci::Compression::Gzip) => Compression::Gzip,
            Some(mikron_oci::Compression::Zstd) => Compression::Zstd,
            None => {
                let what = format!("a layer of the type `{}`", media_type.escape_debug());
                let remedy = "layers are tar, tar+gzip or tar+zstd".to_owned();
                return Err(Error::Unsupported { what, remedy });
            }
        };
        let blob = BufReader::with_capacity(1 << 17, self.open(target)?);
        let cap = Cap::unpacked(self.limits);
        let tar = Decompressor::new(blob, compression, self.limits, cap)?;
        let mut tar = TarReader::new(tar, TarDialect::Posix, self.limits);
        files.begin();
        while let Some(entry) = tar.next_entry()? {
            if files.whiteout(&entry.path) {
                continue;
            }
            let mut content = None;
            if entry.is_file() {
                let keep = is_database(&entry.path);
                let mut body = HashingReader::new(&mut tar);
                let mut text = Vec::new();
                let read = if keep {
                    (&mut body)
                        .take(self.limits.index)
                        .read_to_end(&mut text)
                        .map(|n| n as u64)
                } else {
                    io::copy(&mut body, &mut io::sink())
                };
                read.map_err(Error::io("read", place(target)))?;
                content = Some(body.finish().0);
                if keep {
                    files.database(&text);
                }
            }
            let file = HeldFile {
                mode: entry.mode,
                uid: entry.uid,
                gid: entry.gid,
                content,
                xattrs: xattrs(&entry.xattrs),
                origin: None,
                kind: entry.kind,
            };
            files.insert(entry.path, file);
        }
        Ok(())
    }
}

/// The layers so far, one over the other.
#[derive(Default)]
struct Layers {
    files: BTreeMap<RootPath, HeldFile>,
    /// What the present layer brought: its whiteouts do not concern it.
    fresh: BTreeSet<RootPath>,
    packages: Option<BTreeMap<PackageName, HeldPackage>>,
}

impl Layers {
    fn begin(&mut self) {
        self.fresh.clear();
    }

    /// Takes away what a whiteout hides (OCI image-spec, layer, "Whiteouts"); whether the path is one.
    fn whiteout(&mut self, path: &RootPath) -> bool {
        let Some(name) = path.file_name().and_then(|name| name.strip_prefix(b".wh.")) else {
            return false;
        };
        let directory = path.parent().unwrap_or_else(RootPath::root);
        let hidden = if name == b".wh..opq" {
            None
        } else {
            directory.join(name).ok()
        };
        let is_hidden = |file: &RootPath| match &hidden {
            Some(hidden) => file.starts_with(hidden),
            None => file != &directory && file.starts_with(&directory),
        };
        let fresh = &self.fresh;
        self.files
            .retain(|file, _| fresh.contains(file) || !is_hidden(file));
        true
    }

    fn insert(&mut self, path: RootPath, file: HeldFile) {
        if path.is_root() {
            return;
        }
        // What was a directory and is none any more takes what lay in it along.
        if !matches!(file.kind, EntryKind::Directory)
            && let Some(old) = self.files.get(&path)
            && matches!(old.kind, EntryKind::Directory)
        {
            self.files.retain(|file, _| !file.starts_with(&path));
        }
        self.fresh.insert(path.clone());
        self.files.insert(path, file);
    }

    /// Reads packages out of a database of dpkg's (dpkg-query(1)): stanzas with name, version and status.
    fn database(&mut self, text: &[u8]) {
        let packages = self.packages.get_or_insert_default();
        for stanza in String::from_utf8_lossy(text).split("\n\n") {
            let field = |name: &str| {
                let mut lines = stanza.lines();
                lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            };
            let installed = field("Status").is_none_or(|status| status.ends_with(" installed"));
            let (Some(name), Some(version)) = (field("Package"), field("Version")) else {
                continue;
            };
            if let (true, Ok(name)) = (installed, PackageName::new(name.trim())) {
                let held = HeldPackage {
                    version: Version::new(version.trim()),
                    archive: None,
                    capabilities: None,
                };
                packages.insert(name, held);
            }
        }
    }
}

/// Whether a file is dpkg's database: one file, or one for each package as in distroless images.
fn is_database(path: &RootPath) -> bool {
    let path = path.as_bytes();
    path == b"var/lib/dpkg/status"
        || (path.starts_with(b"var/lib/dpkg/status.d/") && !path.ends_with(b".md5sums"))
}

fn place(target: &Descriptor) -> String {
    target.digest().to_string()
}

fn wrong(place: &str, reason: &str) -> Error {
    Error::Io {
        action: "read",
        path: place.into(),
        error: io::Error::new(io::ErrorKind::InvalidData, reason),
    }
}

fn from_value<T: for<'de> serde::Deserialize<'de>>(value: Value, place: &str) -> Result<T, Error> {
    serde_json::from_value(value).map_err(|error| wrong(place, &error.to_string()))
}

fn descriptors(document: &Value, list: &str, place: &str) -> Result<Vec<Descriptor>, Error> {
    let list = document.get(list).cloned();
    from_value(list.unwrap_or(Value::Array(Vec::new())), place)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn path(text: &str) -> RootPath {
        RootPath::new(text.as_bytes()).unwrap()
    }

    fn file(kind: EntryKind) -> HeldFile {
        HeldFile {
            kind,
            mode: 0o755,
            uid: 0,
            gid: 0,
            content: None,
            xattrs: None,
            origin: None,
        }
    }

    fn lower() -> Layers {
        let mut layers = Layers::default();
        layers.begin();
        for directory in ["a", "a/b"] {
            layers.insert(path(directory), file(EntryKind::Directory));
        }
        for name in ["a/b/c", "a/d", "e"] {
            layers.insert(path(name), file(EntryKind::File { size: 1 }));
        }
        layers.begin();
        layers
    }

    fn names(layers: &Layers) -> Vec<String> {
        layers.files.keys().map(ToString::to_string).collect()
    }

    #[test]
    fn a_whiteout_hides_what_lower_layers_have() {
        let mut layers = lower();
        assert!(layers.whiteout(&path("a/.wh.b")));
        assert!(!layers.whiteout(&path("a/d")));
        assert_eq!(names(&layers), ["/a", "/a/d", "/e"]);
    }

    #[test]
    fn an_opaque_directory_hides_its_content_and_not_that_of_its_own_layer() {
        let mut layers = lower();
        layers.insert(path("a/new"), file(EntryKind::File { size: 1 }));
        assert!(layers.whiteout(&path("a/.wh..wh..opq")));
        assert_eq!(names(&layers), ["/a", "/a/new", "/e"]);
    }

    #[test]
    fn a_file_in_the_place_of_a_directory_takes_its_content_away() {
        let mut layers = lower();
        layers.insert(path("a"), file(EntryKind::File { size: 1 }));
        assert_eq!(names(&layers), ["/a", "/e"]);
    }

    #[test]
    fn packages_are_read_out_of_the_database_of_dpkg() {
        let mut layers = Layers::default();
        layers.database(
            b"Package: a\nStatus: install ok installed\nVersion: 1\n\n\
              Package: gone\nStatus: deinstall ok config-files\nVersion: 2\n\n\
              Package: b\nVersion: 3\n",
        );
        let packages = layers.packages.unwrap();
        let names: Vec<_> = packages
            .iter()
            .map(|(n, p)| format!("{n} {}", p.version))
            .collect();
        assert_eq!(names, ["a 1", "b 3"]);
        assert!(is_database(&path("var/lib/dpkg/status.d/tzdata")));
        assert!(!is_database(&path("var/lib/dpkg/status.d/tzdata.md5sums")));
    }
}
