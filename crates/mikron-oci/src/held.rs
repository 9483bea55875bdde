//! Images whose documents are at hand and whose layers lie wherever they lie: what is read from a place, what was just built,
//! and what a transformation made.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use mikron_package::{DiffId, Limits, Platform};
use oci_spec::image::{History, HistoryBuilder};
use serde_json::{Value, json};

use crate::config::rfc3339;
use crate::descriptor::{
    CONFIG, DocumentKind, EMPTY, INDEX, MANIFEST, annotate, is_image_config, platform_fields,
};
use crate::{
    Blob, BlobSource, Child, Compression, Config, Descriptor, Document, Image, ImageError,
    ImageIndex, Layer, LayerBlob, StoreError, json,
};

/// A layer in a store.
#[derive(Clone)]
pub struct StoredLayer {
    source: Arc<dyn BlobSource>,
    descriptor: Descriptor,
    diff_id: Option<DiffId>,
    unpacked: Option<u64>,
}

impl StoredLayer {
    /// A layer that was just made, and lies in the store.
    pub fn new(
        source: Arc<dyn BlobSource>,
        layer: &LayerBlob,
        annotations: &BTreeMap<String, String>,
    ) -> Self {
        let descriptor = Descriptor::new(layer.compression.media_type(), layer.blob);
        Self {
            source,
            descriptor: descriptor.with_annotations(annotations),
            diff_id: Some(layer.diff_id),
            unpacked: Some(layer.unpacked),
        }
    }

    /// Any blob of a store, by its descriptor: a layer of whose tar stream nothing is said.
    pub fn blob(source: Arc<dyn BlobSource>, descriptor: Descriptor) -> Self {
        Self {
            source,
            descriptor,
            diff_id: None,
            unpacked: None,
        }
    }
}

impl Layer for StoredLayer {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }
    fn diff_id(&self) -> Option<DiffId> {
        self.diff_id
    }
    fn unpacked(&self) -> Option<u64> {
        self.unpacked
    }
    fn open(&self) -> Result<Box<dyn Read + Send + '_>, ImageError> {
        Ok(self.source.open(&self.descriptor.blob())?)
    }
}

/// A layer of an image that is put together, with what the config says of it.
#[derive(Clone)]
pub struct ImageLayer {
    /// The layer.
    pub layer: Arc<dyn Layer>,
    /// What made it, for `docker history`.
    pub created_by: String,
}

impl ImageLayer {
    pub(crate) fn diff_id(&self) -> Result<String, ImageError> {
        let descriptor = self.layer.descriptor();
        let diff_id = self.layer.diff_id().ok_or_else(|| ImageError::LayerType {
            digest: descriptor.digest(),
            media_type: descriptor.media_type().to_owned(),
        })?;
        Ok(diff_id.to_string())
    }

    pub(crate) fn history(&self, created: &str) -> History {
        HistoryBuilder::default()
            .created(created)
            .created_by(self.created_by.as_str())
            .build()
            .expect("all fields have defaults")
    }
}

/// An image or artifact whose documents are at hand.
///
/// ```
/// use std::sync::Arc;
/// use mikron_oci::{BlobSource, Config, HeldImage, Image, ImageLayer, LayerPlan, MemoryStore, Recipe, StoredLayer, write_image};
/// use mikron_package::{Architecture, MemoryContents, Platform};
///
/// let store = Arc::new(MemoryStore::default());
/// let built = LayerPlan::new("empty", Vec::<mikron_oci::LayerEntry>::new())?
///     .build(Recipe::default(), &MemoryContents::default(), &*store, None)?;
/// let layer = ImageLayer {
///     layer: Arc::new(StoredLayer::new(store.clone(), &built.layer, &Default::default())),
///     created_by: "mikron".to_owned(),
/// };
/// let platform = Platform::linux(Architecture::Amd64);
/// let image = HeldImage::new(platform, 0, &Config::default(), vec![layer], &Default::default())?;
/// let target = write_image(&*store, &image)?;
/// let read = HeldImage::open(store, &target, &Default::default())?;
/// assert_eq!(read.manifest(), image.manifest());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct HeldImage {
    manifest: Document,
    config: Vec<u8>,
    layers: Vec<Arc<dyn Layer>>,
}

impl HeldImage {
    /// Puts an image together. `created` is in seconds since 1970.
    ///
    /// # Errors
    /// When a value does not fit into the config: a variable's name with `=`, a time before 1970 or after the year 9999, a layer
    /// without a diff id.
    pub fn new(
        platform: Platform,
        created: i64,
        config: &Config,
        layers: Vec<ImageLayer>,
        annotations: &BTreeMap<String, String>,
    ) -> Result<Self, ImageError> {
        let time = rfc3339(created)?;
        let config = config.document(platform, &time, &layers)?;
        let config = canonical("config", &config)?;
        let layers = layers.into_iter().map(|layer| layer.layer).collect();
        Self::of_parts((CONFIG, config), layers, annotations, &[])
    }

    /// Puts an artifact together: blobs of any media type, about `subject` where there is one (OCI image-spec, manifest,
    /// "Guidelines for Artifact Usage").
    ///
    /// # Errors
    /// When the manifest cannot be written as JSON.
    pub fn artifact(
        artifact_type: &str,
        blobs: Vec<Arc<dyn Layer>>,
        subject: Option<&Descriptor>,
        annotations: &BTreeMap<String, String>,
    ) -> Result<Self, ImageError> {
        let mut further = vec![("artifactType", artifact_type.into())];
        further.extend(subject.map(|subject| ("subject", subject.clone().into())));
        Self::of_parts((EMPTY, b"{}".to_vec()), blobs, annotations, &further)
    }

    pub(crate) fn of_parts(
        (media_type, config): (&str, Vec<u8>),
        layers: Vec<Arc<dyn Layer>>,
        annotations: &BTreeMap<String, String>,
        further: &[(&str, Value)],
    ) -> Result<Self, ImageError> {
        let listed: Vec<&Descriptor> = layers.iter().map(Layer::descriptor).collect();
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": Descriptor::new(media_type, Blob::of(&config)),
            "layers": listed,
        });
        if let Value::Object(fields) = &mut manifest {
            let all = annotations.iter().map(|(k, v)| (k.as_str(), v.as_str()));
            annotate(fields, all);
            fields.extend(further.iter().map(|(k, v)| ((*k).to_owned(), v.clone())));
        }
        Self::with_parts(manifest, config, layers)
    }

    /// An image of a manifest that was made to fit config and layers.
    pub(crate) fn with_parts(
        manifest: Value,
        config: Vec<u8>,
        layers: Vec<Arc<dyn Layer>>,
    ) -> Result<Self, ImageError> {
        let manifest = Document::new(manifest).map_err(|source| ImageError::Json {
            document: "manifest",
            source,
        })?;
        Ok(Self {
            manifest,
            config,
            layers,
        })
    }

    /// Reads manifest and config of an image; layers stay where they are.
    ///
    /// # Errors
    /// When they are missing, too large, malformed, or not what their descriptors say.
    pub fn open(
        source: Arc<dyn BlobSource>,
        target: &Descriptor,
        limits: &Limits,
    ) -> Result<Self, ImageError> {
        let manifest = Document::read_as(&*source, target, limits)?;
        let layers: Result<Vec<_>, _> = manifest.descriptors("layers").collect();
        let layers = layers.map_err(|source| manifest.bad_descriptor(source))?;
        let mut image = Self {
            manifest,
            config: Vec::new(),
            layers: Vec::new(),
        };
        let config = image.config_descriptor()?;
        let reader = source.open(&config.blob())?;
        image.config = crate::store::read_capped(reader, &config.blob(), limits)?;
        let diff_ids = if is_image_config(config.media_type()) {
            let value = json::parse(&image.config).map_err(|source| StoreError::Json {
                place: config.digest().to_string(),
                source,
            })?;
            diff_ids(&value)
        } else {
            Vec::new()
        };
        let layer = move |(n, descriptor)| -> Arc<dyn Layer> {
            Arc::new(StoredLayer {
                source: Arc::clone(&source),
                descriptor,
                diff_id: diff_ids.get(n).copied().flatten(),
                unpacked: None,
            })
        };
        image.layers = layers.into_iter().enumerate().map(layer).collect();
        Ok(image)
    }
}

/// The diff ids of a config; `None` for what is none.
pub(crate) fn diff_ids(config: &Value) -> Vec<Option<DiffId>> {
    let ids = config.pointer("/rootfs/diff_ids").and_then(Value::as_array);
    let parse = |id: &Value| id.as_str()?.parse().ok().map(DiffId);
    ids.into_iter().flatten().map(parse).collect()
}

impl Image for HeldImage {
    fn manifest(&self) -> &Document {
        &self.manifest
    }
    fn config(&self) -> &[u8] {
        &self.config
    }
    fn layers(&self) -> Vec<Arc<dyn Layer>> {
        self.layers.clone()
    }
}

/// An index whose document is at hand.
#[derive(Clone)]
pub struct HeldIndex {
    document: Document,
    /// What is at hand too.
    children: BTreeMap<Blob, Child>,
    /// Where everything else is.
    source: Option<Arc<dyn BlobSource>>,
    limits: Limits,
}

impl HeldIndex {
    /// Puts an index over images of several platforms together, in the order of the platforms.
    ///
    /// # Errors
    /// When two images have one platform, or one has none.
    pub fn new(
        images: impl IntoIterator<Item = Arc<dyn Image>>,
        annotations: &BTreeMap<String, String>,
    ) -> Result<Self, ImageError> {
        let mut sorted = BTreeMap::new();
        for image in images {
            let platform = image.platform()?.ok_or_else(|| ImageError::Config {
                field: "index",
                reason: "has an image without a platform".to_owned(),
            })?;
            if sorted.insert(platform, image).is_some() {
                return Err(ImageError::DuplicatePlatform { platform });
            }
        }
        let mut document = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [] });
        if let Value::Object(fields) = &mut document {
            let all = annotations.iter().map(|(k, v)| (k.as_str(), v.as_str()));
            annotate(fields, all);
        }
        let mut index = Self::of(document)?;
        for (platform, image) in sorted {
            let descriptor = image
                .descriptor()
                .with("platform", platform_fields(platform));
            index = index.entered(descriptor, Child::Image(image))?;
        }
        Ok(index)
    }

    /// An index that refers to nothing at hand.
    pub(crate) fn of(document: Value) -> Result<Self, ImageError> {
        Ok(Self {
            document: index_document(document)?,
            children: BTreeMap::new(),
            source: None,
            limits: Limits::default(),
        })
    }

    /// The same index with one entry more.
    pub(crate) fn entered(mut self, target: Descriptor, child: Child) -> Result<Self, ImageError> {
        self.children.insert(target.blob(), child);
        let mut document = self.document.value().clone();
        if let Some(list) = document.get_mut("manifests").and_then(Value::as_array_mut) {
            list.push(target.into());
        }
        self.document = index_document(document)?;
        Ok(self)
    }

    /// The index of a place itself: what it holds is found there.
    pub fn root(source: Arc<dyn BlobSource>, document: Document, limits: &Limits) -> Self {
        Self {
            document,
            children: BTreeMap::new(),
            source: Some(source),
            limits: limits.clone(),
        }
    }

    /// Reads an index; what it holds stays where it is.
    ///
    /// # Errors
    /// When it is missing, too large, malformed, or not what its descriptor says.
    pub fn open(
        source: Arc<dyn BlobSource>,
        target: &Descriptor,
        limits: &Limits,
    ) -> Result<Self, ImageError> {
        let document = Document::read_as(&*source, target, limits)?;
        Ok(Self::root(source, document, limits))
    }
}

fn index_document(document: Value) -> Result<Document, ImageError> {
    Document::new(document).map_err(|source| ImageError::Json {
        document: "index",
        source,
    })
}

impl ImageIndex for HeldIndex {
    fn manifest(&self) -> &Document {
        &self.document
    }

    fn child(&self, target: &Descriptor) -> Result<Child, ImageError> {
        if let Some(child) = self.children.get(&target.blob()) {
            return Ok(child.clone());
        }
        let Some(source) = &self.source else {
            return Err(ImageError::Store(StoreError::Missing {
                digest: target.digest(),
                place: "the index".to_owned(),
            }));
        };
        Child::open(Arc::clone(source), target, &self.limits)
    }
}

impl Child {
    /// Opens what a descriptor refers to, by its media type.
    ///
    /// # Errors
    /// When it is missing, or not what its descriptor says.
    pub fn open(
        source: Arc<dyn BlobSource>,
        target: &Descriptor,
        limits: &Limits,
    ) -> Result<Self, ImageError> {
        Ok(match DocumentKind::of(target.media_type()) {
            Some(DocumentKind::Image) => {
                Self::Image(Arc::new(HeldImage::open(source, target, limits)?))
            }
            Some(DocumentKind::Index) => {
                Self::Index(Arc::new(HeldIndex::open(source, target, limits)?))
            }
            None => Self::Other(Arc::new(StoredLayer::blob(source, target.clone()))),
        })
    }
}

pub(crate) fn canonical(
    document: &'static str,
    value: &impl serde::Serialize,
) -> Result<Vec<u8>, ImageError> {
    json::canonical(value).map_err(|source| ImageError::Json { document, source })
}

impl From<Compression> for mikron_archive::Compression {
    fn from(compression: Compression) -> Self {
        match compression {
            Compression::None => Self::None,
            Compression::Gzip => Self::Gzip,
            Compression::Zstd => Self::Zstd,
        }
    }
}
