//! Checks images and indexes, whoever made them: every producer's tests run through here.
//!
//! Nothing is believed. Digests are parsed before they become file names, a blob that is a link is refused, each is hashed,
//! documents are capped, layers are unpacked and compared with the diff ids of the config.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use mikron_package::{
    ArchiveError, ArchiveErrorKind, DiffId, Digest, HashingReader, LimitExceeded, Limits,
};
use serde_json::Value;

use crate::descriptor::{INDEX, is_image_config};
use crate::layout::check_version;
use crate::mutate::MAX_DEPTH;
use crate::{
    Blob, BlobSource, Child, Compression, Descriptor, DescriptorError, Document, HeldIndex, Image,
    ImageError, ImageIndex, Layer, Layout, ShapeFault, StoreError, json,
};

/// What a valid index holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Entries of the index itself.
    pub references: u64,
    /// Image indexes in it.
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

/// One thing that is wrong.
#[derive(Debug)]
pub struct Fault {
    /// The way to it: `index.json` of a layout, and from there digests.
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

/// What can be wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FaultKind {
    /// A blob or file is missing, not a plain file, of another size or digest, too large or not JSON.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An image or index that cannot be read for another reason.
    #[error(transparent)]
    Image(ImageError),
    /// A descriptor that cannot be used: without a field, or with a digest that is none.
    #[error(transparent)]
    Descriptor(#[from] DescriptorError),
    /// A document that is not what it was referred to as.
    #[error(transparent)]
    Shape(#[from] ShapeFault),
    /// An index that holds itself.
    #[error("{digest} holds itself: the indexes form a cycle")]
    Cycle {
        /// The digest that comes again.
        digest: Digest,
    },
    /// Indexes in indexes in indexes.
    #[error("indexes are nested more than {MAX_DEPTH} deep")]
    TooDeep,
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
    Unpack(#[source] ArchiveError),
    /// A layer that unpacks to too much.
    #[error("the layer unpacks to too much: {0}")]
    TooLarge(#[from] LimitExceeded),
}

impl From<ImageError> for FaultKind {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::Store(StoreError::Descriptor { source, .. }) => source.into(),
            ImageError::Store(error) => error.into(),
            ImageError::Shape { fault, .. } => fault.into(),
            ImageError::DiffId {
                expected, found, ..
            } => Self::DiffId { expected, found },
            ImageError::Archive(ArchiveError {
                kind: ArchiveErrorKind::Limit(limit),
                ..
            }) => limit.into(),
            ImageError::Archive(error) => Self::Unpack(error),
            other => Self::Image(other),
        }
    }
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
    let document = layout.root_document(limits);
    let document = document.map_err(|e| fault("index.json", e.into()))?;
    let root = HeldIndex::root(Arc::new(Unverified(layout)), document, limits);
    Walk::new(limits).check(|walk| walk.index(&root, INDEX, "index.json"))
}

/// Checks an index and all that it holds, wherever that lies.
///
/// # Errors
/// All faults that were found, in the order of the way through the index.
pub fn validate_index(index: &dyn ImageIndex, limits: &Limits) -> Result<Report, Vec<Fault>> {
    let media_type = index.manifest().media_type().unwrap_or(INDEX).to_owned();
    Walk::new(limits).check(|walk| walk.index(index, &media_type, "index"))
}

/// Checks an image, wherever it lies.
///
/// ```
/// use mikron_oci::{Config, HeldImage, validate_image};
/// use mikron_package::{Architecture, Limits, Platform};
/// let platform = Platform::linux(Architecture::Amd64);
/// let image = HeldImage::new(platform, 0, &Config::default(), Vec::new(), &Default::default())?;
/// assert_eq!(validate_image(&image, &Limits::default()).unwrap().manifests, 1);
/// # Ok::<(), mikron_oci::ImageError>(())
/// ```
///
/// # Errors
/// All faults that were found, in the order of the way through the image.
pub fn validate_image(image: &dyn Image, limits: &Limits) -> Result<Report, Vec<Fault>> {
    let target = image.descriptor();
    Walk::new(limits).check(|walk| walk.image(image, &target, "image"))
}

/// A layout whose documents are handed out whatever their digests: the walk says that they are wrong, and reads them all the same, for
/// what else is wrong with them.
struct Unverified(Layout);

impl BlobSource for Unverified {
    fn open(&self, blob: &Blob) -> Result<Box<dyn Read + Send + '_>, StoreError> {
        self.0.open(blob)
    }
    fn resolve(&self, tag: &str) -> Result<Option<Descriptor>, StoreError> {
        self.0.resolve(tag)
    }
    fn manifest(&self, target: &Descriptor, limits: &Limits) -> Result<Vec<u8>, StoreError> {
        let (file, _) = self.0.open_blob(&target.digest())?;
        crate::store::read_capped(file, &target.blob(), limits)
    }
}

struct Walk<'a> {
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

impl<'a> Walk<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self {
            limits,
            report: Report::default(),
            faults: Vec::new(),
            stack: Vec::new(),
            seen: BTreeSet::new(),
            bad: BTreeSet::new(),
            unpacked: BTreeMap::new(),
        }
    }

    fn check(mut self, walk: impl FnOnce(&mut Self)) -> Result<Report, Vec<Fault>> {
        walk(&mut self);
        if self.faults.is_empty() {
            Ok(self.report)
        } else {
            Err(self.faults)
        }
    }

    fn fault(&mut self, place: &str, kind: impl Into<FaultKind>) {
        self.faults.push(Fault {
            place: place.to_owned(),
            kind: kind.into(),
        });
    }

    /// Takes the value, or notes the fault.
    fn note<T>(&mut self, place: &str, result: Result<T, impl Into<FaultKind>>) -> Option<T> {
        result.map_err(|kind| self.fault(place, kind)).ok()
    }

    /// Counts a blob, and compares what was found of it with what was expected. Whether they are equal.
    fn compare(&mut self, expected: Blob, found: Blob, place: &str) -> bool {
        self.report.blobs += 1;
        self.report.bytes += expected.size;
        if expected != found {
            let mismatch = StoreError::Mismatch {
                place: expected.digest.to_string(),
                expected,
                found,
            };
            self.fault(place, mismatch);
        }
        expected == found
    }

    fn shape(&mut self, document: &Document, media_type: &str, place: &str) {
        for fault in document.faults(media_type) {
            self.fault(place, fault);
        }
    }

    fn index(&mut self, index: &dyn ImageIndex, media_type: &str, place: &str) {
        let document = index.manifest();
        self.shape(document, media_type, place);
        for target in document.descriptors("manifests") {
            if self.stack.is_empty() {
                self.report.references += 1;
            }
            let Some(target) = self.note(place, target) else {
                continue;
            };
            let place = format!("{place} > {}", target.digest());
            if self.stack.contains(&target.digest()) {
                let digest = target.digest();
                self.fault(&place, FaultKind::Cycle { digest });
                continue;
            }
            if !self.seen.insert(target.blob()) {
                continue;
            }
            match self.note(&place, index.child(&target)) {
                None => {}
                Some(Child::Other(blob)) => drop(self.blob(&*blob, &place)),
                Some(Child::Image(image)) => self.image(&*image, &target, &place),
                Some(Child::Index(inner)) if self.stack.len() < MAX_DEPTH => {
                    self.report.indexes += 1;
                    self.compare(target.blob(), inner.manifest().blob(), &place);
                    self.stack.push(target.digest());
                    self.index(&*inner, target.media_type(), &place);
                    self.stack.pop();
                }
                Some(Child::Index(_)) => self.fault(&place, FaultKind::TooDeep),
            }
        }
    }

    fn image(&mut self, image: &dyn Image, target: &Descriptor, place: &str) {
        self.report.manifests += 1;
        self.compare(target.blob(), image.manifest().blob(), place);
        self.shape(image.manifest(), target.media_type(), place);
        // What it is about may lie elsewhere (OCI image-spec, manifest, `subject`).
        self.note(place, image.manifest().subject());
        let Some(config) = self.note(place, image.config_descriptor()) else {
            return;
        };
        let config_place = format!("{place} > config {}", config.digest());
        let layers = image.layers();
        self.check_config(image.config(), &config, layers.len(), &config_place);
        let listed = image.manifest().descriptors("layers");
        for (i, listed) in listed.enumerate() {
            let place = format!("{place} > layer {i}");
            let Some(listed) = self.note(&place, listed) else {
                continue;
            };
            let Some(layer) = layers.get(i).filter(|layer| *layer.descriptor() == listed) else {
                self.fault(
                    &place,
                    ShapeFault::Shape("the layer is not the one of the manifest"),
                );
                continue;
            };
            let place = format!("{place} {}", listed.digest());
            if self.seen.insert(listed.blob()) && !self.blob(&**layer, &place) {
                self.bad.insert(listed.blob());
            }
            if self.bad.contains(&listed.blob()) {
                continue;
            }
            if let (Ok(compression), Some(expected)) = (layer.compression(), layer.diff_id()) {
                let checked = self.diff_id(&**layer, compression, expected);
                if self.note(&place, checked).is_some() {
                    self.report.layers += 1;
                }
            }
        }
    }

    fn check_config(&mut self, bytes: &[u8], target: &Descriptor, layers: usize, place: &str) {
        if !self.seen.insert(target.blob()) {
            return;
        }
        self.compare(target.blob(), Blob::of(bytes), place);
        if !is_image_config(target.media_type()) {
            return;
        }
        let config = json::parse(bytes).map_err(|source| StoreError::Json {
            place: target.digest().to_string(),
            source,
        });
        let Some(config) = self.note(place, config) else {
            return;
        };
        let Some(ids) = config.pointer("/rootfs/diff_ids").and_then(Value::as_array) else {
            self.fault(
                place,
                ShapeFault::Shape("a config without `rootfs.diff_ids`"),
            );
            return;
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
        for id in ids {
            let text = id.as_str().unwrap_or_default();
            if text.parse::<Digest>().is_err() {
                self.fault(place, DescriptorError::bad_digest(text));
            }
        }
    }

    /// Hashes a blob. Whether it is right.
    fn blob(&mut self, blob: &dyn Layer, place: &str) -> bool {
        let expected = blob.descriptor().blob();
        let hash = || -> Result<Blob, ImageError> {
            let mut reader = HashingReader::new(blob.open()?);
            io::copy(&mut reader, &mut io::sink())
                .map_err(|e| ImageError::unwrap_io(e, "read", &expected.digest.to_string()))?;
            let (digest, size) = reader.finish();
            Ok(Blob { digest, size })
        };
        let found = self.note(place, hash());
        found.is_some_and(|found| self.compare(expected, found, place))
    }

    /// Compares what a layer unpacks to with what the config says.
    fn diff_id(
        &mut self,
        layer: &dyn Layer,
        compression: Compression,
        expected: DiffId,
    ) -> Result<(), FaultKind> {
        let key = (layer.descriptor().digest(), compression.media_type());
        match self.unpacked.get(&key) {
            Some(found) if *found == expected => return Ok(()),
            Some(found) => {
                let found = *found;
                return Err(FaultKind::DiffId { expected, found });
            }
            None => {}
        }
        let place = layer.descriptor().digest().to_string();
        let unpack = |error| ImageError::unwrap_io(error, "unpack", &place);
        io::copy(&mut layer.tar(self.limits)?, &mut io::sink()).map_err(unpack)?;
        self.unpacked.insert(key, expected);
        Ok(())
    }
}
