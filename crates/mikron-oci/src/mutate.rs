//! Transformations: functions from image to image. What they do not speak of stays as it is, fields that nobody knows included.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::sync::Arc;

use mikron_package::{DiffId, Digest, Limits, Platform};
use serde_json::{Map, Value, json};

use crate::descriptor::annotate;
use crate::held::canonical;
use crate::{
    Blob, Child, Compression, Descriptor, HeldImage, Image, ImageError, ImageIndex, ImageLayer,
    Layer, json,
};

/// Indexes in indexes: deeper than this nobody nests them.
pub(crate) const MAX_DEPTH: usize = 16;

/// The same image with another manifest.
fn manifest(
    image: &dyn Image,
    config: Vec<u8>,
    layers: Vec<Arc<dyn Layer>>,
    change: impl FnOnce(&mut Map<String, Value>),
) -> Result<HeldImage, ImageError> {
    let mut manifest = image.manifest().value().clone();
    if let Value::Object(fields) = &mut manifest {
        change(fields);
    }
    HeldImage::with_parts(manifest, config, layers)
}

/// The same image with another config, which `change` makes of the one that it has.
///
/// ```
/// use mikron_oci::{Config, HeldImage, Image, mutate};
/// use mikron_package::{Architecture, Platform};
/// let platform = Platform::linux(Architecture::Amd64);
/// let image = HeldImage::new(platform, 0, &Config::default(), Vec::new(), &Default::default())?;
/// let other = mutate::config(&image, |config| config["config"]["User"] = "65532".into())?;
/// assert!(String::from_utf8_lossy(other.config()).contains(r#""User":"65532""#));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the config is no JSON, as of some artifacts.
pub fn config(image: &dyn Image, change: impl FnOnce(&mut Value)) -> Result<HeldImage, ImageError> {
    let mut document = parsed(image)?;
    change(&mut document);
    let config = canonical("config", &document)?;
    let target = image.config_descriptor()?.of(Blob::of(&config));
    manifest(image, config, image.layers(), |fields| {
        fields.insert("config".to_owned(), target.into());
    })
}

fn parsed(image: &dyn Image) -> Result<Value, ImageError> {
    json::parse(image.config()).map_err(|source| ImageError::Json {
        document: "config",
        source,
    })
}

/// The same image with annotations more, or other values of them.
///
/// # Errors
/// When the manifest cannot be written as JSON.
pub fn annotations(
    image: &dyn Image,
    annotations: &BTreeMap<String, String>,
) -> Result<HeldImage, ImageError> {
    manifest(image, image.config().to_vec(), image.layers(), |fields| {
        let all = annotations.iter().map(|(k, v)| (k.as_str(), v.as_str()));
        annotate(fields, all);
    })
}

/// The same image or artifact as one about `subject` (OCI image-spec, manifest, `subject`).
///
/// # Errors
/// When the manifest cannot be written as JSON.
pub fn subject(image: &dyn Image, subject: &Descriptor) -> Result<HeldImage, ImageError> {
    manifest(image, image.config().to_vec(), image.layers(), |fields| {
        fields.insert("subject".to_owned(), subject.clone().into());
    })
}

/// The same image with layers more, above those that it has. Their time in the history is that of the image.
///
/// # Errors
/// When the config is no JSON, or a layer has no diff id.
pub fn append(image: &dyn Image, above: &[ImageLayer]) -> Result<HeldImage, ImageError> {
    let diff_ids: Result<Vec<String>, _> = above.iter().map(ImageLayer::diff_id).collect();
    let diff_ids = diff_ids?;
    let image = config(image, |config| {
        let created = config.get("created").and_then(Value::as_str);
        let created = created.unwrap_or("1970-01-01T00:00:00Z").to_owned();
        let history = above
            .iter()
            .map(|layer| json!(layer.history(&created)))
            .collect();
        extend(
            config,
            &["rootfs", "diff_ids"],
            diff_ids.into_iter().map(Value::from).collect(),
        );
        extend(config, &["history"], history);
    })?;
    let mut layers = image.layers();
    layers.extend(above.iter().map(|layer| Arc::clone(&layer.layer)));
    let listed = above
        .iter()
        .map(|layer| layer.layer.descriptor().clone().into());
    let listed: Vec<Value> = listed.collect();
    let config = image.config().to_vec();
    let mut fresh = image.manifest().value().clone();
    extend(&mut fresh, &["layers"], listed);
    HeldImage::with_parts(fresh, config, layers)
}

/// Adds to a list in a document; makes it where it is missing.
fn extend(document: &mut Value, path: &[&str], more: Vec<Value>) {
    let mut place = document;
    for key in path {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        place = &mut place[*key];
    }
    match place {
        Value::Array(list) => list.extend(more),
        other => *other = Value::Array(more),
    }
}

/// The same image with its layers as plain tars, as docker archives hold it: the config, and with it what docker calls the
/// image's id, is the same. Layers whose unpacked size nobody knows are read once to know it.
///
/// # Errors
/// When a layer is no layer of a file system, or cannot be read.
pub fn plain(image: &dyn Image, limits: &Limits) -> Result<HeldImage, ImageError> {
    let plain = |layer: Arc<dyn Layer>| -> Result<Arc<dyn Layer>, ImageError> {
        let (diff_id, unpacked) = match (layer.diff_id(), layer.unpacked()) {
            (Some(diff_id), Some(unpacked)) => (diff_id, unpacked),
            (Some(diff_id), None) if layer.compression()? == Compression::None => {
                (diff_id, layer.descriptor().size())
            }
            _ => measure(&*layer, limits)?,
        };
        let blob = Blob {
            digest: diff_id.0,
            size: unpacked,
        };
        let descriptor = layer.descriptor().clone().of(blob);
        let descriptor = descriptor.with("mediaType", Compression::None.media_type());
        Ok(Arc::new(PlainLayer {
            layer,
            descriptor,
            limits: limits.clone(),
        }))
    };
    let layers: Result<Vec<_>, _> = image.layers().into_iter().map(plain).collect();
    let layers = layers?;
    let listed = layers.iter().map(|layer| layer.descriptor().clone().into());
    let listed = Value::Array(listed.collect());
    manifest(image, image.config().to_vec(), layers, |fields| {
        fields.insert("layers".to_owned(), listed);
    })
}

/// Digest and size of a layer's tar stream.
fn measure(layer: &dyn Layer, limits: &Limits) -> Result<(DiffId, u64), ImageError> {
    let mut tar = mikron_package::HashingReader::new(layer.tar(limits)?);
    let place = layer.descriptor().digest().to_string();
    io::copy(&mut tar, &mut io::sink())
        .map_err(|error| ImageError::unwrap_io(error, "unpack", &place))?;
    let (digest, size) = tar.finish();
    Ok((DiffId(digest), size))
}

/// A layer as the tar stream that it unpacks to.
struct PlainLayer {
    layer: Arc<dyn Layer>,
    descriptor: Descriptor,
    limits: Limits,
}

impl Layer for PlainLayer {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }
    fn diff_id(&self) -> Option<DiffId> {
        Some(DiffId(self.descriptor.digest()))
    }
    fn unpacked(&self) -> Option<u64> {
        Some(self.descriptor.size())
    }
    fn open(&self) -> Result<Box<dyn Read + Send + '_>, ImageError> {
        self.layer.tar(&self.limits)
    }
}

/// An image and the platform that it runs on.
pub type OnPlatform = (Platform, Arc<dyn Image>);

/// All images that run below what was read, each with its platform, in their order. Attestations and signatures, which are
/// entered beside images and have no platform that runs, are left out.
///
/// # Errors
/// When something on the way cannot be read, or indexes are nested too deep.
pub fn images(root: &Child) -> Result<Vec<OnPlatform>, ImageError> {
    let mut walk = Images::default();
    walk.collect(root, 0)?;
    Ok(walk.found)
}

#[derive(Default)]
struct Images {
    found: Vec<OnPlatform>,
    /// What was looked at already: an index of a thousand equal entries costs one look.
    seen: BTreeSet<Digest>,
}

impl Images {
    fn collect(&mut self, child: &Child, depth: usize) -> Result<(), ImageError> {
        match child {
            Child::Other(_) => {}
            Child::Image(image) => {
                let platform = image.platform()?;
                let found = platform.map(|platform| (platform, Arc::clone(image)));
                self.found.extend(found);
            }
            Child::Index(index) => {
                check_depth(&**index, depth)?;
                for target in index.children()? {
                    if target.os() != Some("unknown") && self.seen.insert(target.digest()) {
                        self.collect(&index.child(&target)?, depth + 1)?;
                    }
                }
            }
        }
        Ok(())
    }
}

pub(crate) fn check_depth(index: &dyn ImageIndex, depth: usize) -> Result<(), ImageError> {
    if depth < MAX_DEPTH {
        return Ok(());
    }
    Err(ImageError::TooDeep {
        digest: index.manifest().blob().digest,
        most: MAX_DEPTH,
    })
}

/// The image for a platform, the first of them where there are several; `None` where there is none.
///
/// # Errors
/// As [`images`].
pub fn platform(root: &Child, platform: Platform) -> Result<Option<Arc<dyn Image>>, ImageError> {
    let found = images(root)?.into_iter();
    Ok(found
        .filter(|(own, _)| *own == platform)
        .map(|(_, image)| image)
        .next())
}
