//! Archives for `docker load`, which old and new engines read.
//!
//! One tar that is two things: the form of `docker save` since 1.10 (`manifest.json` names config and layers), and an image
//! layout (`oci-layout`, `index.json`, `blobs/`), as engines write it since 25 and as the containerd image store wants it.
//! Both name the same files under `blobs/sha256`. The layers are plain tars, as in every archive that an engine writes
//! itself: older engines do not unpack zstd. Config and image id are those of the compressed image. [`Archive`] reads
//! archives of both forms, whoever wrote them.

mod name;
mod read;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

use mikron_package::{DiffId, Digest, Limits};
use serde_json::json;

use crate::config::created;
use crate::held::canonical;
use crate::index_file::REF_NAME;
use crate::{Blob, Descriptor, Image, ImageError, Layer, PreparedFile, StoreError, header, mutate};
use name::Name;

pub use read::Archive;

/// A name with all that it leaves out: the host where engines look for a name without one, and the tag `latest`.
///
/// ```
/// use mikron_oci::docker::full_name;
/// assert_eq!(full_name("registry.example.org/nginx")?, "registry.example.org/nginx:latest");
/// assert!(full_name("Nginx").is_err());
/// # Ok::<(), mikron_oci::ImageError>(())
/// ```
///
/// # Errors
/// When it is none in docker's grammar of references.
pub fn full_name(name: &str) -> Result<String, ImageError> {
    Ok(Name::parse(name)?.full())
}

/// The annotation by which the containerd image store names an image.
const CONTAINERD_NAME: &str = "io.containerd.image.name";
const DIRECTORY: u8 = b'5';
const FILE: u8 = b'0';

/// An image and the names that it gets.
#[derive(Clone, Copy)]
pub struct Named<'a> {
    /// The image.
    pub image: &'a dyn Image,
    /// Names as for `docker run`: `nginx`, `nginx:1.22`, `registry.example.org/nginx:latest`.
    pub names: &'a [String],
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Digest and size of the archive.
    pub archive: Blob,
    /// Digest of its `index.json`.
    pub index: Digest,
}

/// Writes an archive to a file: under a temporary name first, synced, renamed.
///
/// ```
/// use std::collections::BTreeMap;
/// use mikron_oci::{Config, HeldImage, docker};
/// use mikron_package::{Architecture, Platform};
/// let platform = Platform::linux(Architecture::Amd64);
/// let image = HeldImage::new(platform, 0, &Config::default(), Vec::new(), &BTreeMap::new())?;
/// let directory = tempfile::tempdir()?;
/// let file = directory.path().join("image.tar");
/// let names = ["example:latest".to_owned()];
/// docker::write_file(&[docker::Named { image: &image, names: &names }], &file)?;
/// assert!(file.is_file());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When a name is malformed, a layer is missing or not what the image says, or the file cannot be written; then what
/// stood there before is untouched.
pub fn write_file(images: &[Named<'_>], path: &Path) -> Result<Written, ImageError> {
    prepare_file(images, path)?.publish()
}

/// An archive that is whole and lies beside the file that it is to be. Dropped, it is gone.
pub struct Prepared {
    file: PreparedFile,
    index: Digest,
}

impl Prepared {
    /// Puts the archive in its place, all at once.
    ///
    /// # Errors
    /// When the file cannot be replaced.
    pub fn publish(self) -> Result<Written, ImageError> {
        Ok(Written {
            archive: self.file.publish()?,
            index: self.index,
        })
    }

    /// The digest of the archive's `index.json`.
    pub fn index(&self) -> Digest {
        self.index
    }
}

/// Writes an archive beside the file that [`Prepared::publish`] makes of it: of several outputs all can be whole before the first
/// is there.
///
/// ```no_run
/// use mikron_oci::{ImageError, docker};
/// fn both(images: &[docker::Named<'_>]) -> Result<(), ImageError> {
///     let first = docker::prepare_file(images, "a.tar".as_ref())?;
///     let second = docker::prepare_file(images, "b.tar".as_ref())?;
///     first.publish()?;
///     second.publish()?;
///     Ok(())
/// }
/// ```
///
/// # Errors
/// As [`write_file`], and when something that is no regular file stands there.
pub fn prepare_file(images: &[Named<'_>], path: &Path) -> Result<Prepared, ImageError> {
    let place = path.display().to_string();
    let (file, index) = PreparedFile::write(path, |out| write(images, out, &place))?;
    Ok(Prepared { file, index })
}

/// Writes an archive to a stream; `place` names the stream in errors. Gives the digest of its `index.json`.
///
/// # Errors
/// As [`write_file`], less the file.
pub fn write(images: &[Named<'_>], out: &mut dyn Write, place: &str) -> Result<Digest, ImageError> {
    let time = images.iter().map(|named| created(named.image.config()));
    let time = time.max().unwrap_or(0);
    let mut archive = Tar {
        out,
        place,
        time: u64::try_from(time).unwrap_or(0),
    };
    let mut small: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut layers: BTreeMap<String, Arc<dyn Layer>> = BTreeMap::new();
    let mut listed = Vec::new();
    let mut references = Vec::new();
    let mut repositories: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for Named { image, names } in images {
        let plain = mutate::plain(*image, &Limits::default())?;
        let (config, manifest) = (Blob::of(plain.config()), plain.manifest());
        small.insert(file_name(&config), plain.config().to_vec());
        small.insert(file_name(&manifest.blob()), manifest.bytes().to_vec());
        let names = names
            .iter()
            .map(|n| Name::parse(n))
            .collect::<Result<Vec<_>, _>>()?;
        let own = plain.layers();
        let files = own.iter().map(|l| file_name(&l.descriptor().blob()));
        let files: Vec<String> = files.collect();
        layers.extend(files.iter().cloned().zip(own.iter().cloned()));
        listed.push(json!({
            "Config": file_name(&config),
            "RepoTags": names.iter().map(Name::short).collect::<Vec<_>>(),
            "Layers": files,
        }));
        references.extend(references_of(&plain.descriptor(), &names));
        for name in names {
            if let Some(top) = own.last() {
                let tags = repositories.entry(name.repository).or_default();
                tags.insert(name.tag, top.descriptor().digest().hex());
            }
        }
    }
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": references,
    });
    archive.entry("blobs/", DIRECTORY, &[])?;
    archive.entry("blobs/sha256/", DIRECTORY, &[])?;
    let names: BTreeSet<&String> = small.keys().chain(layers.keys()).collect();
    for name in names {
        match (small.get(name), layers.get(name)) {
            (Some(bytes), _) => archive.entry(name, FILE, bytes)?,
            (None, Some(layer)) => archive.layer(name, &**layer)?,
            (None, None) => {}
        }
    }
    let index = canonical("index", &index)?;
    archive.entry("index.json", FILE, &index)?;
    archive.entry("manifest.json", FILE, &canonical("manifest", &listed)?)?;
    archive.entry("oci-layout", FILE, br#"{"imageLayoutVersion":"1.0.0"}"#)?;
    if !repositories.is_empty() {
        archive.entry(
            "repositories",
            FILE,
            &canonical("repositories", &repositories)?,
        )?;
    }
    archive.bytes(&[0; 2 * header::RECORD])?;
    Ok(Digest::of(&index))
}

/// What an index says of an image with these names.
fn references_of(target: &Descriptor, names: &[Name]) -> Vec<Descriptor> {
    let entry = |name: &Name| {
        let target = target.clone().annotated(CONTAINERD_NAME, &name.full());
        target.annotated(REF_NAME, &name.tag)
    };
    match names {
        [] => vec![target.clone()],
        names => names.iter().map(entry).collect(),
    }
}

fn file_name(blob: &Blob) -> String {
    format!("blobs/sha256/{}", blob.digest.hex())
}

struct Tar<'a> {
    out: &'a mut dyn Write,
    place: &'a str,
    time: u64,
}

impl Tar<'_> {
    fn bytes(&mut self, bytes: &[u8]) -> Result<(), ImageError> {
        let written = self.out.write_all(bytes);
        written.map_err(|e| ImageError::Store(StoreError::unwrap_io(e, "write", self.place)))
    }

    fn entry(&mut self, name: &str, kind: u8, content: &[u8]) -> Result<(), ImageError> {
        let size = content.len() as u64;
        let mode = if kind == DIRECTORY { 0o755 } else { 0o644 };
        self.bytes(&header::plain(name, kind, mode, size, self.time))?;
        self.bytes(content)?;
        self.pad(size)
    }

    fn pad(&mut self, size: u64) -> Result<(), ImageError> {
        self.bytes(&[0; header::RECORD][..header::padding(size) as usize])
    }

    /// A plain layer, which checks itself against the diff id under which it is written.
    fn layer(&mut self, name: &str, layer: &dyn Layer) -> Result<(), ImageError> {
        let blob = layer.descriptor().blob();
        self.bytes(&header::plain(name, FILE, 0o644, blob.size, self.time))?;
        let place = blob.digest.to_string();
        let mut tar = layer.open()?;
        let mut unpacked = 0;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let n = match tar.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(ImageError::unwrap_io(e, "unpack", &place)),
            };
            unpacked += n as u64;
            // Read on all the same: the end says what is wrong with it.
            if unpacked <= blob.size {
                self.bytes(&buffer[..n])?;
            }
        }
        if unpacked != blob.size {
            return Err(ImageError::DiffId {
                digest: blob.digest,
                expected: DiffId(blob.digest),
                found: DiffId(blob.digest),
                unpacked,
            });
        }
        self.pad(blob.size)
    }
}
