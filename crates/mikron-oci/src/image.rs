//! What an image is: the traits by which every form of it is read, and by which transformations take and give it.
//!
//! An image is its documents, whose bytes are kept as they are, and its layers, which are opened one by one and never held
//! whole. Where the bytes lie is nobody's matter who only reads: a layout, a docker archive, memory, a registry, or the
//! build that is just ending. [`HeldImage`](crate::HeldImage) and [`HeldIndex`](crate::HeldIndex) are both traits over any
//! [`BlobSource`](crate::BlobSource); [`mutate`](crate::mutate) has the transformations.

use std::io::{self, BufReader, Read};
use std::sync::Arc;

use mikron_archive::{Cap, Decompressor};
use mikron_package::{DiffId, Digest, Hasher, Limits, Platform};
use serde_json::{Map, Value};

use crate::descriptor::{INDEX, MANIFEST, is_image_config, platform};
use crate::{Compression, Descriptor, DescriptorError, Document, ImageError, json};

/// Buffer for compressed layers.
const BUFFER: usize = 1 << 17;

/// A layer of an image, or a blob of an artifact.
pub trait Layer: Send + Sync {
    /// What the manifest says of it: media type, digest, size, annotations.
    fn descriptor(&self) -> &Descriptor;

    /// The digest of its tar stream, as the config says it; `None` for what no config speaks of (artifacts).
    fn diff_id(&self) -> Option<DiffId>;

    /// The size of its tar stream in bytes, where that is known without reading it.
    fn unpacked(&self) -> Option<u64>;

    /// The bytes as they are stored. The reader fails at its end where they are not those of the descriptor.
    ///
    /// # Errors
    /// When they are not there or cannot be opened.
    fn open(&self) -> Result<Box<dyn Read + Send + '_>, ImageError>;

    /// How it is compressed.
    ///
    /// # Errors
    /// When it is no layer of a file system, by its media type.
    fn compression(&self) -> Result<Compression, ImageError> {
        let descriptor = self.descriptor();
        let media_type = descriptor.media_type();
        Compression::from_media_type(media_type).ok_or_else(|| ImageError::LayerType {
            digest: descriptor.digest(),
            media_type: media_type.chars().take(200).collect(),
        })
    }

    /// Its tar stream. The reader fails at its end where that is not the one of [`Layer::diff_id`], and where more than
    /// [`Limits::unpacked`] comes out.
    ///
    /// # Errors
    /// As [`Layer::open`], and when it is no layer of a file system.
    fn tar(&self, limits: &Limits) -> Result<Box<dyn Read + Send + '_>, ImageError> {
        let compression = self.compression()?.into();
        let blob = BufReader::with_capacity(BUFFER, self.open()?);
        let tar = Decompressor::new(blob, compression, limits, Cap::unpacked(limits))?;
        Ok(match self.diff_id() {
            None => Box::new(tar),
            Some(expected) => Box::new(CheckedTar {
                tar,
                hasher: Some(Hasher::default()),
                unpacked: 0,
                expected,
                digest: self.descriptor().digest(),
            }),
        })
    }
}

/// A tar stream that is compared with its diff id at the end.
struct CheckedTar<R> {
    tar: R,
    hasher: Option<Hasher>,
    unpacked: u64,
    expected: DiffId,
    digest: Digest,
}

impl<R: Read> Read for CheckedTar<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.tar.read(buffer)?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..n]);
            self.unpacked += n as u64;
        }
        if n > 0 || buffer.is_empty() {
            return Ok(n);
        }
        match self.hasher.take().map(|hasher| DiffId(hasher.finish())) {
            Some(found) if found != self.expected => Err(ImageError::DiffId {
                digest: self.digest,
                expected: self.expected,
                found,
                unpacked: self.unpacked,
            }
            .into()),
            _ => Ok(0),
        }
    }
}

/// An image for one platform, or an artifact.
///
/// ```
/// use mikron_oci::{Config, HeldImage, Image};
/// use mikron_package::{Architecture, Platform};
/// let platform = Platform::linux(Architecture::Amd64);
/// let empty = HeldImage::new(platform, 0, &Config::default(), Vec::new(), &Default::default())?;
/// assert_eq!(empty.platform()?, Some(platform));
/// assert_eq!(empty.descriptor().digest(), empty.manifest().blob().digest);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Image: Send + Sync {
    /// Its manifest.
    fn manifest(&self) -> &Document;

    /// Its config as it is stored: JSON for an image that runs, anything for an artifact.
    fn config(&self) -> &[u8];

    /// Its layers, lowest first.
    fn layers(&self) -> Vec<Arc<dyn Layer>>;

    /// The descriptor of its config.
    ///
    /// # Errors
    /// When the manifest has none.
    fn config_descriptor(&self) -> Result<Descriptor, ImageError> {
        let config = self.manifest().descriptor("config");
        let missing = DescriptorError::Shape("a manifest without `config`");
        let config = config.and_then(|config| config.ok_or(missing));
        config.map_err(|source| self.manifest().bad_descriptor(source).into())
    }

    /// The platform that the config names; `None` where it is no image that runs.
    ///
    /// # Errors
    /// When it is none that is known here, or the config is malformed.
    fn platform(&self) -> Result<Option<Platform>, ImageError> {
        let descriptor = self.config_descriptor()?;
        if !is_image_config(descriptor.media_type()) {
            return Ok(None);
        }
        let config = json::parse(self.config()).map_err(|source| ImageError::Json {
            document: "config",
            source,
        })?;
        Ok(Some(platform(&config)?))
    }

    /// The descriptor of its manifest, with what an index says of it: its platform, or what kind of artifact it is.
    fn descriptor(&self) -> Descriptor {
        let manifest = self.manifest();
        let media_type = manifest.media_type().unwrap_or(MANIFEST);
        let descriptor = Descriptor::new(media_type, manifest.blob());
        let config = self.config_descriptor().ok();
        let runs = config.is_some_and(|config| is_image_config(config.media_type()));
        let platform = runs.then(|| stated_platform(self.config())).flatten();
        match (platform, manifest.artifact_type()) {
            (Some(platform), _) => descriptor.with("platform", platform),
            (None, Some(kind)) => descriptor.with("artifactType", kind),
            (None, None) => descriptor,
        }
    }

    /// The size of all its blobs in bytes, as they are stored.
    fn size(&self) -> u64 {
        let layers = self.layers();
        let layers = layers.iter().map(|layer| layer.descriptor().size());
        let documents = self.config().len() as u64 + self.manifest().bytes().len() as u64;
        layers.fold(documents, u64::saturating_add)
    }
}

/// The platform in a config, as a descriptor has it, whatever it is.
fn stated_platform(config: &[u8]) -> Option<Map<String, Value>> {
    let config = json::parse(config).ok()?;
    let named = |key: &str| Some((key.to_owned(), config.get(key)?.clone()));
    let stated: Map<_, _> = ["os", "architecture", "variant"]
        .into_iter()
        .filter_map(named)
        .collect();
    (!stated.is_empty()).then_some(stated)
}

/// Images and artifacts under one roof: of several platforms, or all that a layout holds.
pub trait ImageIndex: Send + Sync {
    /// Its document.
    fn manifest(&self) -> &Document;

    /// Opens one of its [`children`](ImageIndex::children).
    ///
    /// # Errors
    /// When it is not there, or not what its descriptor says.
    fn child(&self, target: &Descriptor) -> Result<Child, ImageError>;

    /// What it holds, in its order.
    ///
    /// # Errors
    /// When one of its descriptors is malformed.
    fn children(&self) -> Result<Vec<Descriptor>, ImageError> {
        let children: Result<Vec<_>, _> = self.manifest().descriptors("manifests").collect();
        children.map_err(|source| self.manifest().bad_descriptor(source).into())
    }

    /// The descriptor of its document.
    fn descriptor(&self) -> Descriptor {
        let manifest = self.manifest();
        Descriptor::new(manifest.media_type().unwrap_or(INDEX), manifest.blob())
    }
}

/// What an index holds.
#[derive(Clone)]
pub enum Child {
    /// An image or an artifact.
    Image(Arc<dyn Image>),
    /// Another index.
    Index(Arc<dyn ImageIndex>),
    /// Something of a media type that is not known here.
    Other(Arc<dyn Layer>),
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<T: Layer + ?Sized> Layer for $pointer {
            fn descriptor(&self) -> &Descriptor {
                (**self).descriptor()
            }
            fn diff_id(&self) -> Option<DiffId> {
                (**self).diff_id()
            }
            fn unpacked(&self) -> Option<u64> {
                (**self).unpacked()
            }
            fn open(&self) -> Result<Box<dyn Read + Send + '_>, ImageError> {
                (**self).open()
            }
        }
        impl<T: Image + ?Sized> Image for $pointer {
            fn manifest(&self) -> &Document {
                (**self).manifest()
            }
            fn config(&self) -> &[u8] {
                (**self).config()
            }
            fn layers(&self) -> Vec<Arc<dyn Layer>> {
                (**self).layers()
            }
        }
        impl<T: ImageIndex + ?Sized> ImageIndex for $pointer {
            fn manifest(&self) -> &Document {
                (**self).manifest()
            }
            fn child(&self, target: &Descriptor) -> Result<Child, ImageError> {
                (**self).child(target)
            }
        }
    )*};
}
forward!(&T, Box<T>, Arc<T>);
