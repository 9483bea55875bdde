//! Archives of images read: those of `docker save`, old and new, and layouts in a tar.
//!
//! One pass over the archive hashes every file in it and notes where it lies; contents are read from there when somebody wants
//! them, and checked once more. So blobs are found by what they are, whatever name they have, and nothing is held but the
//! small documents. Nothing of an archive becomes a path of the host: links in it are followed among its own names.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use mikron_archive::{TarDialect, TarReader};
use mikron_package::{
    ArchiveError, Digest, EntryKind, HashingReader, LimitExceeded, Limits, RootPath,
};
use serde_json::{Value, json};

use super::name::Name;
use super::{CONTAINERD_NAME, references_of};
use crate::descriptor::{CONFIG, INDEX, MANIFEST, platform, platform_fields};
use crate::held::{canonical, diff_ids};
use crate::index_file::REF_NAME;
use crate::layout::known_version;
use crate::{
    Blob, BlobSource, Compression, Descriptor, Document, HeldIndex, ImageError, StoreError,
    VerifiedReader, json,
};

/// Links that lead to links: longer chains nobody makes.
const MAX_LINKS: usize = 8;

/// The longest beginning by which a compressed layer is known.
const MAGIC: usize = 6;

/// An archive of images in a file.
///
/// ```
/// use std::sync::Arc;
/// use mikron_oci::{Config, HeldImage, Image, docker, mutate};
/// use mikron_package::{Architecture, Limits, Platform};
/// let platform = Platform::linux(Architecture::Amd64);
/// let image = HeldImage::new(platform, 0, &Config::default(), Vec::new(), &Default::default())?;
/// let directory = tempfile::tempdir()?;
/// let file = directory.path().join("image.tar");
/// let names = ["example:latest".to_owned()];
/// docker::write_file(&[docker::Named { image: &image, names: &names }], &file)?;
///
/// let archive = Arc::new(docker::Archive::open(&file, &Limits::default())?);
/// let target = archive.image("example")?.expect("it has that name");
/// let read = HeldImage::open(archive, &target, &Limits::default())?;
/// assert_eq!(read.config(), image.config());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Archive {
    place: String,
    file: File,
    blobs: BTreeMap<Digest, Found>,
    index: Document,
}

/// Where a blob is.
#[derive(Clone, Debug)]
enum Found {
    /// In the archive.
    Section { at: u64, blob: Blob },
    /// It was made of what the archive says: an old one has no manifests.
    Made(Arc<[u8]>),
}

impl Archive {
    /// Opens an archive, and looks through it once.
    ///
    /// # Errors
    /// When it cannot be read, is no tar or a compressed one, holds a name twice, or what it says of its images is malformed or
    /// does not fit what it holds.
    pub fn open(path: &Path, limits: &Limits) -> Result<Self, ImageError> {
        let place = path.display().to_string();
        let io = |error| ImageError::Store(StoreError::io("open", path)(error));
        // A pipe would be waited for, and cannot be read twice.
        let metadata = path.metadata().map_err(io)?;
        if !metadata.is_file() {
            return Err(wrong(&place, "it is no regular file"));
        }
        let file = File::open(path).map_err(io)?;
        let size = metadata.len();
        LimitExceeded::check("archive", size, limits.archive).map_err(|source| {
            StoreError::TooLarge {
                place: place.clone(),
                source,
            }
        })?;
        let scan = Scan::read(&file, size, &place, limits)?;
        let version = scan.document("oci-layout")?;
        if let Some(version) = &version {
            known_version(version.value(), &path.join("oci-layout"), path)?;
        }
        let mut blobs = scan.blobs();
        let index = match (version, scan.document("index.json")?) {
            (Some(_), Some(index)) => index,
            _ => scan.old(&mut blobs)?,
        };
        if let Some(fault) = index.faults(INDEX).into_iter().next() {
            let digest = index.blob().digest;
            return Err(ImageError::Shape { digest, fault });
        }
        Ok(Self {
            place,
            file,
            blobs,
            index,
        })
    }

    /// All that the archive holds, as an index: its `index.json`, or what that would be.
    pub fn root(self: &Arc<Self>, limits: &Limits) -> HeldIndex {
        let source: Arc<dyn BlobSource> = self.clone();
        HeldIndex::root(source, self.index.clone(), limits)
    }

    /// The image that has a name in docker's grammar of references, `nginx` or `registry.example.org/nginx:1.22`.
    ///
    /// # Errors
    /// When the name is malformed, or a descriptor of the archive.
    pub fn image(&self, name: &str) -> Result<Option<Descriptor>, ImageError> {
        let full = Name::parse(name)?.full();
        let named = |target: &Descriptor| target.annotation(CONTAINERD_NAME) == Some(&full);
        Ok(self.entries()?.into_iter().find(named))
    }

    fn entries(&self) -> Result<Vec<Descriptor>, StoreError> {
        let entries: Result<Vec<_>, _> = self.index.descriptors("manifests").collect();
        entries.map_err(|source| self.index.bad_descriptor(source))
    }
}

fn wrong(place: &str, reason: impl Into<String>) -> ImageError {
    ImageError::NotAnArchive {
        place: place.to_owned(),
        reason: reason.into(),
    }
}

impl BlobSource for Archive {
    fn open(&self, blob: &Blob) -> Result<Box<dyn Read + Send + '_>, StoreError> {
        let name = format!("{}: {}", self.place, blob.digest);
        match self.blobs.get(&blob.digest) {
            Some(Found::Made(bytes)) => Ok(Box::new(VerifiedReader::new(&bytes[..], *blob, name))),
            Some(Found::Section { at, blob: found }) => {
                let section = Section {
                    file: &self.file,
                    at: *at,
                    left: found.size,
                };
                Ok(Box::new(VerifiedReader::new(section, *blob, name)))
            }
            None => Err(StoreError::Missing {
                digest: blob.digest,
                place: self.place.clone(),
            }),
        }
    }

    fn resolve(&self, tag: &str) -> Result<Option<Descriptor>, StoreError> {
        let mut entries = self.entries()?.into_iter();
        Ok(entries.find(|target| target.annotation(REF_NAME) == Some(tag)))
    }
}

/// A part of a file.
struct Section<'a> {
    file: &'a File,
    at: u64,
    left: u64,
}

impl Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let n = self.file.read_at(&mut buffer[..most], self.at)?;
        self.at += n as u64;
        self.left -= n as u64;
        Ok(n)
    }
}

/// What one pass over an archive found.
struct Scan<'a> {
    place: &'a str,
    file: &'a File,
    limits: &'a Limits,
    files: BTreeMap<RootPath, (u64, Blob)>,
    links: BTreeMap<RootPath, RootPath>,
}

impl<'a> Scan<'a> {
    fn read(
        file: &'a File,
        size: u64,
        place: &'a str,
        limits: &'a Limits,
    ) -> Result<Self, ImageError> {
        let mut scan = Self {
            place,
            file,
            limits,
            files: BTreeMap::new(),
            links: BTreeMap::new(),
        };
        if let Some(compression) = scan.magic(0)? {
            let reason = format!(
                "it is compressed with {}, unpack it first",
                compression.name()
            );
            return Err(wrong(place, reason));
        }
        let failed = |error: ArchiveError| {
            ImageError::Archive(error.in_archive(&mikron_package::Origin::named(place)))
        };
        let section = Section {
            file,
            at: 0,
            left: size,
        };
        let mut tar = TarReader::new(section, TarDialect::Posix, limits);
        while let Some(entry) = tar.next_entry().map_err(failed)? {
            let path = entry.path;
            let twice = match entry.kind {
                EntryKind::File { size: length } => {
                    let at = tar.offset();
                    // A sparse file would stand for more than there is.
                    if length > size.saturating_sub(at) {
                        let reason = format!("{path} has fewer bytes than it says");
                        return Err(wrong(place, reason));
                    }
                    let mut content = HashingReader::new(&mut tar);
                    io::copy(&mut content, &mut io::sink())
                        .map_err(|error| failed(ArchiveError::from_io(error)))?;
                    let (digest, found) = content.finish();
                    if tar.offset() - at != found {
                        return Err(wrong(place, format!("{path} is a sparse file")));
                    }
                    let blob = Blob {
                        digest,
                        size: found,
                    };
                    let known = scan.links.contains_key(&path);
                    scan.files.insert(path.clone(), (at, blob)).is_some() || known
                }
                EntryKind::Symlink { target } => {
                    let target = path.resolve_link(&target);
                    let target = target.map_err(|error| failed(ArchiveError::new(error)))?;
                    scan.link(&path, target)
                }
                EntryKind::Hardlink { target } => scan.link(&path, target),
                _ => false,
            };
            if twice {
                return Err(wrong(place, format!("the name {path} stands twice in it")));
            }
        }
        Ok(scan)
    }

    fn link(&mut self, path: &RootPath, target: RootPath) -> bool {
        let known = self.files.contains_key(path);
        self.links.insert(path.clone(), target).is_some() || known
    }

    /// The file of a name, through links.
    fn find(&self, path: &RootPath) -> Result<(u64, Blob), ImageError> {
        let mut at = path;
        for _ in 0..=MAX_LINKS {
            if let Some(found) = self.files.get(at) {
                return Ok(*found);
            }
            match self.links.get(at) {
                Some(target) => at = target,
                None => return Err(wrong(self.place, format!("it has no file {at}"))),
            }
        }
        let reason = format!("the links from {path} lead to no file");
        Err(wrong(self.place, reason))
    }

    /// How what lies there is compressed, where it is.
    fn magic(&self, at: u64) -> Result<Option<mikron_archive::Compression>, ImageError> {
        let mut magic = [0; MAGIC];
        let n = self.file.read_at(&mut magic, at);
        let n = n.map_err(StoreError::io("read", self.place))?;
        Ok(mikron_archive::Compression::from_magic(&magic[..n]))
    }

    fn bytes(&self, (at, blob): (u64, Blob)) -> Result<Vec<u8>, StoreError> {
        let section = Section {
            file: self.file,
            at,
            left: blob.size,
        };
        crate::store::read_capped(section, &blob, self.limits)
    }

    /// A document by its name; `None` where there is none.
    fn document(&self, name: &str) -> Result<Option<Document>, ImageError> {
        let path = self.path(name)?;
        if !self.files.contains_key(&path) && !self.links.contains_key(&path) {
            return Ok(None);
        }
        let bytes = self.bytes(self.find(&path)?)?;
        let document = Document::parse(bytes).map_err(|source| StoreError::Json {
            place: format!("{}: {name}", self.place),
            source,
        })?;
        Ok(Some(document))
    }

    fn path(&self, name: &str) -> Result<RootPath, ImageError> {
        let path = RootPath::new(name.as_bytes());
        path.map_err(|error| wrong(self.place, error.to_string()))
    }

    fn blobs(&self) -> BTreeMap<Digest, Found> {
        let found = |&(at, blob): &(u64, Blob)| (blob.digest, Found::Section { at, blob });
        self.files.values().map(found).collect()
    }

    /// The index of an archive that has `manifest.json` alone. Manifests are made of what it says.
    fn old(&self, blobs: &mut BTreeMap<Digest, Found>) -> Result<Document, ImageError> {
        let listed = self.document("manifest.json")?;
        let listed = listed.as_ref().map(Document::value);
        let none = "it has neither an `index.json` with `oci-layout` nor a `manifest.json`";
        let listed = listed.ok_or_else(|| wrong(self.place, none))?;
        let images = listed.as_array().ok_or_else(|| self.malformed())?;
        let mut entries = Vec::new();
        for image in images {
            let (target, manifest) = self.image(image)?;
            let names = self.texts(image, "RepoTags")?;
            let names: Result<Vec<_>, _> = names.into_iter().map(Name::parse).collect();
            entries.extend(references_of(&target, &names?));
            blobs.insert(target.digest(), Found::Made(manifest.into()));
        }
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries });
        Document::new(index).map_err(|source| ImageError::Json {
            document: "index",
            source,
        })
    }

    /// The manifest of an image of an old archive.
    fn image(&self, image: &Value) -> Result<(Descriptor, Vec<u8>), ImageError> {
        let name = image.get("Config").and_then(Value::as_str);
        let config = self.find(&self.path(name.ok_or_else(|| self.malformed())?)?)?;
        let value = json::parse(&self.bytes(config)?).map_err(|source| StoreError::Json {
            place: config.1.digest.to_string(),
            source,
        })?;
        let names = self.texts(image, "Layers")?;
        let ids = diff_ids(&value);
        if names.len() != ids.len() {
            let (layers, ids) = (names.len(), ids.len());
            let reason = format!("an image has {layers} layers and its config {ids} diff ids");
            return Err(wrong(self.place, reason));
        }
        let layer = |name: &&str| -> Result<Descriptor, ImageError> {
            let (at, blob) = self.find(&self.path(name)?)?;
            let compression = match self.magic(at)? {
                None => Compression::None,
                Some(mikron_archive::Compression::Gzip) => Compression::Gzip,
                Some(mikron_archive::Compression::Zstd) => Compression::Zstd,
                Some(other) => {
                    let reason = format!("the layer {name} is compressed with {}", other.name());
                    return Err(wrong(self.place, reason));
                }
            };
            Ok(Descriptor::new(compression.media_type(), blob))
        };
        let layers: Result<Vec<_>, _> = names.iter().map(layer).collect();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": Descriptor::new(CONFIG, config.1),
            "layers": layers?,
        });
        let manifest = canonical("manifest", &manifest)?;
        let target = Descriptor::new(MANIFEST, Blob::of(&manifest));
        Ok((
            target.with("platform", platform_fields(platform(&value)?)),
            manifest,
        ))
    }

    /// A list of texts; empty where there is none.
    fn texts<'v>(&self, image: &'v Value, key: &str) -> Result<Vec<&'v str>, ImageError> {
        match image.get(key) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(list)) => {
                let texts = list
                    .iter()
                    .map(|one| one.as_str().ok_or_else(|| self.malformed()));
                texts.collect()
            }
            Some(_) => Err(self.malformed()),
        }
    }

    fn malformed(&self) -> ImageError {
        wrong(
            self.place,
            "its `manifest.json` is not of the form that docker writes",
        )
    }
}
