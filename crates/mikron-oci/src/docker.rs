//! Archives for `docker load`, which old and new engines read.
//!
//! One tar that is two things: the form of `docker save` since 1.10 (`manifest.json` names config and layers), and an image
//! layout (`oci-layout`, `index.json`, `blobs/`), as engines write it since 25 and as the containerd image store wants it.
//! Both name the same files under `blobs/sha256`. The layers are plain tars, as in every archive that an engine writes
//! itself: older engines do not unpack zstd. Config and image id are those of the compressed image.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use mikron_package::{DiffId, Digest, Hasher, Limits};
use serde_json::json;

use crate::decode::decoder;
use crate::files::{self, Temporary};
use crate::image::canonical;
use crate::index_file::REF_NAME;
use crate::{Blob, BlobStore, Image, ImageError, Layer, StoreError, header};

/// The annotation by which the containerd image store names an image.
const CONTAINERD_NAME: &str = "io.containerd.image.name";
/// Where a name without a domain belongs, by the grammar of docker's references.
const DEFAULT_DOMAIN: &str = "docker.io";
const DIRECTORY: u8 = b'5';
const FILE: u8 = b'0';

/// An image and the names that it gets.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    /// The image. Its layers are in the store.
    pub image: &'a Image,
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
/// use mikron_oci::{Config, Image, MemoryStore, docker};
/// use mikron_package::{Architecture, Platform};
/// let platform = Platform::linux(Architecture::Amd64);
/// let image = Image::new(platform, 0, &Config::default(), Vec::new(), &BTreeMap::new())?;
/// let directory = tempfile::tempdir()?;
/// let file = directory.path().join("image.tar");
/// let names = ["example:latest".to_owned()];
/// docker::write_file(&MemoryStore::default(), &[docker::Named { image: &image, names: &names }], &file)?;
/// assert!(file.is_file());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When a name is malformed, a layer is missing or not what the image says, or the file cannot be written; then what
/// stood there before is untouched.
pub fn write_file(
    store: &dyn BlobStore,
    images: &[Named<'_>],
    path: &Path,
) -> Result<Written, ImageError> {
    prepare_file(store, images, path)?.publish()
}

/// An archive that is whole and lies beside the file that it is to be. Dropped, it is gone.
pub struct Prepared {
    temporary: Temporary,
    path: PathBuf,
    index: Digest,
}

impl Prepared {
    /// Puts the archive in its place, all at once.
    ///
    /// # Errors
    /// When the file cannot be replaced.
    pub fn publish(self) -> Result<Written, ImageError> {
        let archive = self.temporary.blob();
        self.temporary.persist(&self.path)?;
        files::sync_directory(directory_of(&self.path))?;
        Ok(Written {
            archive,
            index: self.index,
        })
    }

    /// The digest of the archive's `index.json`.
    pub fn index(&self) -> Digest {
        self.index
    }
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Writes an archive beside the file that [`Prepared::publish`] makes of it: of several outputs all can be whole before the first
/// is there.
///
/// ```no_run
/// use mikron_oci::{BlobStore, ImageError, docker};
/// fn both(store: &dyn BlobStore, images: &[docker::Named<'_>]) -> Result<(), ImageError> {
///     let first = docker::prepare_file(store, images, "a.tar".as_ref())?;
///     let second = docker::prepare_file(store, images, "b.tar".as_ref())?;
///     first.publish()?;
///     second.publish()?;
///     Ok(())
/// }
/// ```
///
/// # Errors
/// As [`write_file`], and when something that is no regular file stands there.
pub fn prepare_file(
    store: &dyn BlobStore,
    images: &[Named<'_>],
    path: &Path,
) -> Result<Prepared, ImageError> {
    // A rename would put the archive into the place of a device or a pipe, and not into it.
    if path.metadata().is_ok_and(|there| !there.is_file()) {
        let error = io::Error::other("what stands there is no regular file");
        return Err(StoreError::io("replace", path)(error).into());
    }
    let mut temporary = Temporary::create(directory_of(path))?;
    let index = write(store, images, &mut temporary, &path.display().to_string())?;
    Ok(Prepared {
        temporary,
        path: path.to_owned(),
        index,
    })
}

/// Writes an archive to a stream; `place` names the stream in errors. Gives the digest of its `index.json`.
///
/// # Errors
/// As [`write_file`], less the file.
pub fn write(
    store: &dyn BlobStore,
    images: &[Named<'_>],
    out: &mut dyn Write,
    place: &str,
) -> Result<Digest, ImageError> {
    let time = images.iter().map(|n| n.image.created()).max().unwrap_or(0);
    let mut archive = Archive {
        out,
        place,
        time: u64::try_from(time).unwrap_or(0),
    };
    let mut small: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut layers: BTreeMap<String, Layer> = BTreeMap::new();
    let mut listed = Vec::new();
    let mut references = Vec::new();
    let mut repositories: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for Named { image, names } in images {
        let plain = image.uncompressed()?;
        let config = Blob::of(plain.config());
        small.insert(file_name(&config), plain.config().to_vec());
        small.insert(file_name(&plain.manifest_blob()), plain.manifest().to_vec());
        for (packed, plain) in image.layers().iter().zip(plain.layers()) {
            layers.insert(file_name(&plain.layer.blob), packed.layer);
        }
        let names = names
            .iter()
            .map(|n| Name::parse(n))
            .collect::<Result<Vec<_>, _>>()?;
        let files: Vec<String> = plain
            .layers()
            .iter()
            .map(|l| file_name(&l.layer.blob))
            .collect();
        listed.push(json!({
            "Config": file_name(&config),
            "RepoTags": names.iter().map(Name::short).collect::<Vec<_>>(),
            "Layers": files,
        }));
        let descriptor =
            serde_json::to_value(plain.descriptor()).map_err(|e| ImageError::Json {
                document: "index",
                source: e.into(),
            })?;
        if names.is_empty() {
            references.push(descriptor.clone());
        }
        for name in names {
            let mut reference = descriptor.clone();
            reference["annotations"] = json!({ CONTAINERD_NAME: name.full(), REF_NAME: name.tag });
            references.push(reference);
            if let Some(top) = plain.layers().last() {
                let tags = repositories.entry(name.repository).or_default();
                tags.insert(name.tag, top.layer.blob.digest.hex());
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
            (None, Some(layer)) => archive.layer(name, layer, store)?,
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

fn file_name(blob: &Blob) -> String {
    format!("blobs/sha256/{}", blob.digest.hex())
}

struct Archive<'a> {
    out: &'a mut dyn Write,
    place: &'a str,
    time: u64,
}

impl Archive<'_> {
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

    /// A layer, unpacked on the way and checked against the diff id under which it is written.
    fn layer(
        &mut self,
        name: &str,
        layer: &Layer,
        store: &dyn BlobStore,
    ) -> Result<(), ImageError> {
        self.bytes(&header::plain(name, FILE, 0o644, layer.unpacked, self.time))?;
        let place = layer.blob.digest.to_string();
        let unreadable =
            |e: io::Error| ImageError::Store(StoreError::unwrap_io(e, "unpack", &place));
        let blob = store.open(&layer.blob)?;
        let mut tar = decoder(layer.compression, blob, &Limits::default()).map_err(unreadable)?;
        let mut hasher = Hasher::default();
        let mut unpacked = 0;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let n = match tar.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(unreadable(e)),
            };
            hasher.update(&buffer[..n]);
            unpacked += n as u64;
            if unpacked > layer.unpacked {
                break;
            }
            self.bytes(&buffer[..n])?;
        }
        let found = DiffId(hasher.finish());
        if unpacked != layer.unpacked || found != layer.diff_id {
            return Err(ImageError::DiffId {
                digest: layer.blob.digest,
                expected: layer.diff_id,
                found,
                unpacked,
            });
        }
        self.pad(layer.unpacked)
    }
}

/// A name in docker's grammar of references, taken apart.
struct Name {
    repository: String,
    tag: String,
}

impl Name {
    fn parse(name: &str) -> Result<Self, ImageError> {
        let wrong = || ImageError::Config {
            field: "name",
            reason: format!(
                "`{}` is no docker reference (expected NAME[:TAG] in lower case)",
                name.chars().take(200).collect::<String>().escape_debug()
            ),
        };
        // A colon before a slash is a port.
        let (repository, tag) = match name.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, tag),
            _ => (name, "latest"),
        };
        crate::index_file::check_tag(tag).map_err(|_| wrong())?;
        let good = |part: &str| {
            let edge =
                |b: Option<u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
            let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
            edge(part.bytes().next()) && edge(part.bytes().last()) && part.bytes().all(inner)
        };
        let mut parts: Vec<&str> = repository.split('/').collect();
        if parts.len() > 1 && is_domain(parts[0]) {
            let (host, port) = parts[0].split_once(':').unwrap_or((parts[0], "0"));
            let host = host.to_ascii_lowercase();
            if !good(&host) || port.is_empty() || !port.bytes().all(|b| b.is_ascii_digit()) {
                return Err(wrong());
            }
            parts.remove(0);
        }
        if repository.len() > 255 || !parts.iter().all(|p| good(p)) {
            return Err(wrong());
        }
        Ok(Self {
            repository: repository.to_owned(),
            tag: tag.to_owned(),
        })
    }

    /// As people write it.
    fn short(&self) -> String {
        format!("{}:{}", self.repository, self.tag)
    }

    /// With domain and namespace.
    fn full(&self) -> String {
        match self.repository.split_once('/') {
            Some((domain, _)) if is_domain(domain) => self.short(),
            Some(_) => format!("{DEFAULT_DOMAIN}/{}", self.short()),
            None => format!("{DEFAULT_DOMAIN}/library/{}", self.short()),
        }
    }
}

fn is_domain(part: &str) -> bool {
    part.contains(['.', ':']) || part == "localhost"
}

/// Whether a text is a name that an image in an archive can have.
///
/// # Errors
/// When it is not; the error says what was expected.
pub fn check_name(name: &str) -> Result<(), ImageError> {
    Name::parse(name).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_completed_as_docker_does() {
        let full = |name: &str| Name::parse(name).unwrap().full();
        assert_eq!(
            full("nginx"),
            format!("{DEFAULT_DOMAIN}/library/nginx:latest")
        );
        assert_eq!(
            full("team/nginx:1.22"),
            format!("{DEFAULT_DOMAIN}/team/nginx:1.22")
        );
        assert_eq!(full("r.example.org:5000/n"), "r.example.org:5000/n:latest");
        assert_eq!(full("localhost/n:x"), "localhost/n:x");
    }

    #[test]
    fn malformed_names_are_refused() {
        for name in [
            "", "Nginx", "nginx:", "a//b", "-a", "a/../b", "a:b:c", "a b", ":5000/x",
        ] {
            let error = check_name(name).unwrap_err().to_string();
            assert!(error.contains("is no docker reference"), "{error}");
        }
    }
}
