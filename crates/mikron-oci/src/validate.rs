//! Checks a layout, whoever wrote it: every producer's tests run through here.
//!
//! Nothing in a layout is believed. Digests are parsed before they become file names, a blob that is a link is refused, each
//! is hashed, documents are capped, layers are unpacked and compared with the diff ids of the config.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::Path;

use mikron_package::{DiffId, Digest, HashingReader, LimitExceeded, Limits};
use serde_json::Value;

use crate::decode::decoder;
use crate::json::{self, JsonError};
use crate::layout::check_version;
use crate::{Blob, Compression, Layout, StoreError};

/// Indexes in indexes: deeper than this nobody nests them.
const MAX_DEPTH: usize = 16;

/// What a valid layout holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Entries of `index.json`.
    pub references: u64,
    /// Image indexes beside `index.json`.
    pub indexes: u64,
    /// Image manifests.
    pub manifests: u64,
    /// Layers whose diff id was checked.
    pub layers: u64,
    /// Distinct blobs that are reached.
    pub blobs: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

/// One thing that is wrong with a layout.
#[derive(Debug)]
pub struct Fault {
    /// The way to it: `index.json`, and from there digests.
    pub place: String,
    /// What it is.
    pub kind: FaultKind,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.kind)
    }
}

impl std::error::Error for Fault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.kind)
    }
}

/// What can be wrong with a layout.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FaultKind {
    /// A blob or file is missing, not a plain file, of another size or digest, too large or not JSON.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A digest that is none, and must not become a file name.
    #[error("`{}` is not a SHA-256 digest", .text.escape_debug())]
    BadDigest {
        /// What stands there.
        text: String,
    },
    /// A descriptor or document of the wrong shape.
    #[error("{0}")]
    Shape(&'static str),
    /// An index that holds itself.
    #[error("{digest} holds itself: the indexes form a cycle")]
    Cycle {
        /// The digest that comes again.
        digest: Digest,
    },
    /// Indexes in indexes in indexes.
    #[error("indexes are nested more than {MAX_DEPTH} deep")]
    TooDeep,
    /// A document that is manifest and index at once (OCI image-spec, manifest and index).
    #[error(
        "the document has `layers` or `config` and `manifests`: it would be an image to one tool and an index to another"
    )]
    LayersAndManifests,
    /// A document whose media type is not the one by which it was referred to.
    #[error("the descriptor says `{}` and the document `{}`", .descriptor.escape_debug(), .document.escape_debug())]
    MediaType {
        /// By the descriptor.
        descriptor: String,
        /// By the document.
        document: String,
    },
    /// Layers and diff ids in different numbers.
    #[error("the manifest has {layers} layers and the config {diff_ids} diff ids")]
    DiffIdCount {
        /// Layers of the manifest.
        layers: usize,
        /// Diff ids of the config.
        diff_ids: usize,
    },
    /// A layer that unpacks to something else than the config says.
    #[error("the layer unpacks to {found} instead of {expected}")]
    DiffId {
        /// By the config.
        expected: DiffId,
        /// By the layer.
        found: DiffId,
    },
    /// A layer that does not unpack.
    #[error("the layer does not unpack: {0}")]
    Unpack(#[source] io::Error),
    /// A layer that unpacks to too much.
    #[error("the layer unpacks to too much: {0}")]
    TooLarge(#[from] LimitExceeded),
}

/// Checks the layout in a directory.
///
/// ```
/// let directory = tempfile::tempdir()?;
/// let faults = mikron_oci::validate(directory.path(), &Default::default()).unwrap_err();
/// assert!(faults[0].to_string().contains("oci-layout"));
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// All faults that were found, in the order of the way through the layout.
pub fn validate(path: &Path, limits: &Limits) -> Result<Report, Vec<Fault>> {
    let fault = |place: &str, kind| {
        vec![Fault {
            place: place.to_owned(),
            kind,
        }]
    };
    check_version(path, limits).map_err(|e| fault("oci-layout", e.into()))?;
    let layout = Layout::open(path).map_err(|e| fault("oci-layout", e.into()))?;
    let bytes = layout
        .index(limits)
        .map_err(|e| fault("index.json", e.into()))?;
    let document = json::parse(&bytes)
        .map_err(|source| fault("index.json", unreadable("index.json", source)))?;
    let mut walk = Walk {
        layout: &layout,
        limits,
        report: Report::default(),
        faults: Vec::new(),
        stack: Vec::new(),
        seen: BTreeSet::new(),
        bad: BTreeSet::new(),
        unpacked: BTreeMap::new(),
    };
    walk.report.references = document
        .get("manifests")
        .and_then(Value::as_array)
        .map_or(0, |m| m.len() as u64);
    walk.index(&document, "index.json");
    if walk.faults.is_empty() {
        Ok(walk.report)
    } else {
        Err(walk.faults)
    }
}

fn unreadable(place: &str, source: JsonError) -> FaultKind {
    FaultKind::Store(StoreError::Json {
        place: place.to_owned(),
        source,
    })
}

/// What a descriptor says, as far as it matters here.
struct Target<'a> {
    media_type: &'a str,
    blob: Blob,
}

fn target(descriptor: &Value) -> Result<Target<'_>, FaultKind> {
    let shape = FaultKind::Shape;
    let text = |key| descriptor.get(key).and_then(Value::as_str);
    let media_type = text("mediaType").ok_or(shape("a descriptor has no `mediaType`"))?;
    let digest = text("digest").ok_or(shape("a descriptor has no `digest`"))?;
    let size = descriptor.get("size").and_then(Value::as_u64);
    let size = size.ok_or(shape("a descriptor has no `size`, or a negative one"))?;
    let digest = digest.parse().map_err(|_| FaultKind::BadDigest {
        text: digest.chars().take(100).collect(),
    })?;
    Ok(Target {
        media_type,
        blob: Blob { digest, size },
    })
}

fn is_index(media_type: &str) -> bool {
    matches!(
        media_type,
        "application/vnd.oci.image.index.v1+json"
            | "application/vnd.docker.distribution.manifest.list.v2+json"
    )
}

fn is_manifest(media_type: &str) -> bool {
    matches!(
        media_type,
        "application/vnd.oci.image.manifest.v1+json"
            | "application/vnd.docker.distribution.manifest.v2+json"
    )
}

fn is_image_config(media_type: &str) -> bool {
    matches!(
        media_type,
        "application/vnd.oci.image.config.v1+json"
            | "application/vnd.docker.container.image.v1+json"
    )
}

fn array<'a>(document: &'a Value, key: &str) -> &'a [Value] {
    document
        .get(key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

struct Walk<'a> {
    layout: &'a Layout,
    limits: &'a Limits,
    report: Report,
    faults: Vec<Fault>,
    /// The indexes that are being walked.
    stack: Vec<Digest>,
    /// What was checked already: an index of a thousand equal entries costs one check.
    seen: BTreeSet<Blob>,
    /// Layers whose bytes are wrong: said once, and not unpacked.
    bad: BTreeSet<Blob>,
    /// Layers that were unpacked: platforms share them.
    unpacked: BTreeMap<(Digest, &'static str), DiffId>,
}

impl Walk<'_> {
    fn fault(&mut self, place: &str, kind: FaultKind) {
        self.faults.push(Fault {
            place: place.to_owned(),
            kind,
        });
    }

    /// Takes the value, or notes the fault.
    fn note<T>(&mut self, place: &str, result: Result<T, FaultKind>) -> Option<T> {
        result.map_err(|kind| self.fault(place, kind)).ok()
    }

    fn index(&mut self, document: &Value, place: &str) {
        if document.get("manifests").is_none_or(|m| !m.is_array()) {
            self.fault(place, FaultKind::Shape("an index without `manifests`"));
        }
        if document.get("layers").is_some() || document.get("config").is_some() {
            self.fault(place, FaultKind::LayersAndManifests);
        }
        if document.get("schemaVersion").and_then(Value::as_u64) != Some(2) {
            self.fault(place, FaultKind::Shape("`schemaVersion` is not 2"));
        }
        for descriptor in array(document, "manifests") {
            let Some(target) = self.note(place, target(descriptor)) else {
                continue;
            };
            let place = format!("{place} > {}", target.blob.digest);
            if self.stack.contains(&target.blob.digest) {
                let digest = target.blob.digest;
                self.fault(&place, FaultKind::Cycle { digest });
                continue;
            }
            if !self.seen.insert(target.blob) {
                continue;
            }
            if is_index(target.media_type) {
                if self.stack.len() >= MAX_DEPTH {
                    self.fault(&place, FaultKind::TooDeep);
                    continue;
                }
                if let Some(inner) = self.document(&target, &place) {
                    self.report.indexes += 1;
                    self.stack.push(target.blob.digest);
                    self.index(&inner, &place);
                    self.stack.pop();
                }
            } else if is_manifest(target.media_type) {
                if let Some(manifest) = self.document(&target, &place) {
                    self.report.manifests += 1;
                    self.manifest(&manifest, &place);
                }
            } else {
                self.blob(&target.blob, &place);
            }
        }
    }

    fn manifest(&mut self, manifest: &Value, place: &str) {
        if manifest.get("manifests").is_some() {
            self.fault(place, FaultKind::LayersAndManifests);
        }
        if manifest.get("layers").is_none_or(|l| !l.is_array()) {
            self.fault(place, FaultKind::Shape("a manifest without `layers`"));
        }
        if manifest.get("schemaVersion").and_then(Value::as_u64) != Some(2) {
            self.fault(place, FaultKind::Shape("`schemaVersion` is not 2"));
        }
        let none = Value::Null;
        let config = target(manifest.get("config").unwrap_or(&none));
        let Some(config) = self.note(place, config) else {
            return;
        };
        let layers = array(manifest, "layers");
        let config_place = format!("{place} > config {}", config.blob.digest);
        let mut diff_ids = None;
        if is_image_config(config.media_type) {
            self.seen.insert(config.blob);
            if let Some(document) = self.document(&config, &config_place) {
                diff_ids = self.diff_ids(&document, layers.len(), &config_place);
            }
        } else if self.seen.insert(config.blob) {
            self.blob(&config.blob, &config_place);
        }
        for (i, descriptor) in layers.iter().enumerate() {
            let place = format!("{place} > layer {i}");
            let Some(layer) = self.note(&place, target(descriptor)) else {
                continue;
            };
            let place = format!("{place} {}", layer.blob.digest);
            if self.seen.insert(layer.blob) && !self.blob(&layer.blob, &place) {
                self.bad.insert(layer.blob);
            }
            if self.bad.contains(&layer.blob) {
                continue;
            }
            let compression = Compression::from_media_type(layer.media_type);
            let expected = diff_ids
                .as_ref()
                .and_then(|ids| ids.get(i).copied().flatten());
            if let (Some(compression), Some(expected)) = (compression, expected) {
                let checked = self.diff_id(&layer.blob, compression, expected);
                if self.note(&place, checked).is_some() {
                    self.report.layers += 1;
                }
            }
        }
    }

    /// The diff ids of a config; those that are none are noted and left out.
    fn diff_ids(
        &mut self,
        config: &Value,
        layers: usize,
        place: &str,
    ) -> Option<Vec<Option<DiffId>>> {
        let ids = config.pointer("/rootfs/diff_ids").and_then(Value::as_array);
        let Some(ids) = ids else {
            self.fault(
                place,
                FaultKind::Shape("a config without `rootfs.diff_ids`"),
            );
            return None;
        };
        if ids.len() != layers {
            self.fault(
                place,
                FaultKind::DiffIdCount {
                    layers,
                    diff_ids: ids.len(),
                },
            );
        }
        let parse = |id: &Value| {
            let text = id.as_str().unwrap_or_default();
            text.parse().map(DiffId).map_err(|_| FaultKind::BadDigest {
                text: text.chars().take(100).collect(),
            })
        };
        Some(ids.iter().map(|id| self.note(place, parse(id))).collect())
    }

    /// A JSON document. A wrong digest is noted and the document read all the same, for what else is wrong with it.
    fn document(&mut self, target: &Target<'_>, place: &str) -> Option<Value> {
        let too_large = |source| StoreError::TooLarge {
            place: target.blob.digest.to_string(),
            source,
        };
        let cap = self.limits.manifest;
        let read = || -> Result<Vec<u8>, StoreError> {
            LimitExceeded::check("manifest", target.blob.size, cap).map_err(too_large)?;
            self.layout.open_blob(&target.blob.digest)?;
            let path = self.layout.blob_path(&target.blob.digest);
            crate::files::read_capped(&path, "manifest", cap)
        };
        let bytes = self.note(place, read().map_err(FaultKind::Store))?;
        let found = Blob::of(&bytes);
        self.count(&target.blob);
        if found != target.blob {
            self.fault(place, self.mismatch(target.blob, found));
        }
        let document =
            json::parse(&bytes).map_err(|e| unreadable(&target.blob.digest.to_string(), e));
        let document = self.note(place, document)?;
        if let Some(inner) = document.get("mediaType").and_then(Value::as_str)
            && inner != target.media_type
        {
            self.fault(
                place,
                FaultKind::MediaType {
                    descriptor: target.media_type.to_owned(),
                    document: inner.chars().take(200).collect(),
                },
            );
        }
        Some(document)
    }

    fn mismatch(&self, expected: Blob, found: Blob) -> FaultKind {
        FaultKind::Store(StoreError::Mismatch {
            place: self
                .layout
                .blob_path(&expected.digest)
                .display()
                .to_string(),
            expected,
            found,
        })
    }

    fn count(&mut self, blob: &Blob) {
        self.report.blobs += 1;
        self.report.bytes += blob.size;
    }

    /// Hashes a blob. Whether it is right.
    fn blob(&mut self, blob: &Blob, place: &str) -> bool {
        let hash = || -> Result<Blob, StoreError> {
            let (file, _) = self.layout.open_blob(&blob.digest)?;
            let mut reader = HashingReader::new(file);
            io::copy(&mut reader, &mut io::sink())
                .map_err(StoreError::io("read", self.layout.blob_path(&blob.digest)))?;
            let (digest, size) = reader.finish();
            Ok(Blob { digest, size })
        };
        let found = hash().map_err(FaultKind::Store);
        self.count(blob);
        match self.note(place, found) {
            Some(found) if found == *blob => true,
            Some(found) => {
                self.fault(place, self.mismatch(*blob, found));
                false
            }
            None => false,
        }
    }

    /// Compares what a layer unpacks to with what the config says.
    fn diff_id(
        &mut self,
        blob: &Blob,
        compression: Compression,
        expected: DiffId,
    ) -> Result<(), FaultKind> {
        let key = (blob.digest, compression.media_type());
        let found = match self.unpacked.get(&key) {
            Some(found) => *found,
            None => self.unpack(blob, compression)?,
        };
        self.unpacked.insert(key, found);
        if found == expected {
            Ok(())
        } else {
            Err(FaultKind::DiffId { expected, found })
        }
    }

    fn unpack(&self, blob: &Blob, compression: Compression) -> Result<DiffId, FaultKind> {
        use io::Read as _;
        let (file, _) = self.layout.open_blob(&blob.digest)?;
        let cap = self.limits.unpacked;
        let tar = decoder(compression, file, self.limits).map_err(FaultKind::Unpack)?;
        let mut reader = HashingReader::new(tar.take(cap.saturating_add(1)));
        io::copy(&mut reader, &mut io::sink()).map_err(FaultKind::Unpack)?;
        let (found, size) = reader.finish();
        LimitExceeded::check("unpacked", size, cap)?;
        Ok(DiffId(found))
    }
}

/// The digests of all blobs that the references of a layout reach.
///
/// # Errors
/// When a document on the way cannot be read, so that nothing can be said to be unreachable.
pub(crate) fn reachable(layout: &Layout) -> Result<BTreeSet<Digest>, StoreError> {
    let limits = Limits::default();
    let json_error = |place: String| move |source| StoreError::Json { place, source };
    let bytes = layout.index(&limits)?;
    let mut documents = vec![json::parse(&bytes).map_err(json_error("index.json".to_owned()))?];
    let mut reached = BTreeSet::new();
    while let Some(document) = documents.pop() {
        let lists = [array(&document, "manifests"), array(&document, "layers")];
        let single = [document.get("config"), document.get("subject")];
        for descriptor in lists
            .into_iter()
            .flatten()
            .chain(single.into_iter().flatten())
        {
            let Ok(target) = target(descriptor) else {
                continue;
            };
            let digest = target.blob.digest;
            let descend = is_index(target.media_type) || is_manifest(target.media_type);
            if reached.insert(digest) && descend {
                layout.open_blob(&digest)?;
                let path = layout.blob_path(&digest);
                let bytes = crate::files::read_capped(&path, "manifest", limits.manifest)?;
                documents.push(json::parse(&bytes).map_err(json_error(digest.to_string()))?);
            }
        }
    }
    Ok(reached)
}
