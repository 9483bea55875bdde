//! Manifests and indexes: the bytes that were stored, which are kept as they are, and what they say.

use std::sync::Arc;

use mikron_package::Limits;
use serde_json::Value;

use crate::json::{self, JsonError};
use crate::{Blob, BlobSource, Descriptor, DescriptorError, DocumentKind, ImageError, StoreError};

/// A JSON document as it is stored. What is written again are its bytes, so that everything in it survives, whoever wrote it.
///
/// ```
/// let text = br#"{ "schemaVersion": 2, "manifests": [], "future": true }"#;
/// let document = mikron_oci::Document::parse(text.to_vec())?;
/// assert_eq!(document.bytes(), text);
/// assert_eq!(document.value()["future"], true);
/// # Ok::<(), mikron_oci::json::JsonError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    bytes: Arc<[u8]>,
    value: Value,
}

impl Document {
    /// Reads a document; a key that stands twice is an error.
    ///
    /// # Errors
    /// When the bytes are not one JSON document.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, JsonError> {
        Ok(Self {
            value: json::parse(&bytes)?,
            bytes: bytes.into(),
        })
    }

    /// Makes a document, in canonical form.
    ///
    /// # Errors
    /// When the value holds a number that cannot be kept.
    pub fn new(value: Value) -> Result<Self, JsonError> {
        Ok(Self {
            bytes: json::canonical(&value)?.into(),
            value,
        })
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What they say.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Digest and size of the bytes.
    pub fn blob(&self) -> Blob {
        Blob::of(&self.bytes)
    }

    /// The media type, where the document names its own.
    pub fn media_type(&self) -> Option<&str> {
        self.text("mediaType")
    }

    /// The type of the artifact that it is, where it is one (OCI image-spec, manifest, `artifactType`).
    pub fn artifact_type(&self) -> Option<&str> {
        self.text("artifactType")
    }

    /// What it is about, where it is something about another manifest (OCI image-spec, manifest, `subject`).
    ///
    /// # Errors
    /// When what stands there is no descriptor.
    pub fn subject(&self) -> Result<Option<Descriptor>, DescriptorError> {
        self.descriptor("subject")
    }

    /// The descriptor in a field.
    pub(crate) fn descriptor(&self, key: &str) -> Result<Option<Descriptor>, DescriptorError> {
        self.value.get(key).map(Descriptor::parse).transpose()
    }

    /// The descriptors in a list, `manifests` or `layers`; nothing where there is no such list.
    pub fn descriptors(
        &self,
        list: &str,
    ) -> impl Iterator<Item = Result<Descriptor, DescriptorError>> + '_ {
        let list = self.value.get(list).and_then(Value::as_array);
        list.into_iter().flatten().map(Descriptor::parse)
    }

    /// An error about one of its descriptors.
    pub(crate) fn bad_descriptor(&self, source: DescriptorError) -> StoreError {
        StoreError::Descriptor {
            place: self.blob().digest.to_string(),
            source,
        }
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.value.get(key).and_then(Value::as_str)
    }

    /// What is wrong with its shape, for a document that was referred to by this media type.
    pub(crate) fn faults(&self, media_type: &str) -> Vec<ShapeFault> {
        let mut faults = Vec::new();
        let has = |key| self.value.get(key).is_some();
        let is_list = |key| self.value.get(key).is_some_and(Value::is_array);
        let (list, mixed) = match DocumentKind::of(media_type) {
            Some(DocumentKind::Index) if !is_list("manifests") => {
                (Some("an index without `manifests`"), false)
            }
            Some(DocumentKind::Index) => (None, has("layers") || has("config")),
            Some(DocumentKind::Image) if !is_list("layers") => {
                (Some("a manifest without `layers`"), has("manifests"))
            }
            Some(DocumentKind::Image) => (None, has("manifests")),
            None => (None, false),
        };
        if let Some(inner) = self.media_type()
            && inner != media_type
        {
            faults.push(ShapeFault::MediaType {
                descriptor: media_type.chars().take(200).collect(),
                document: inner.chars().take(200).collect(),
            });
        }
        faults.extend(list.map(ShapeFault::Shape));
        if mixed {
            faults.push(ShapeFault::LayersAndManifests);
        }
        if self.value.get("schemaVersion").and_then(Value::as_u64) != Some(2) {
            faults.push(ShapeFault::Shape("`schemaVersion` is not 2"));
        }
        faults
    }

    /// Reads a manifest or index out of a place.
    pub(crate) fn read(
        source: &dyn BlobSource,
        target: &Descriptor,
        limits: &Limits,
    ) -> Result<Self, StoreError> {
        let bytes = source.manifest(target, limits)?;
        Self::parse(bytes).map_err(|source| StoreError::Json {
            place: target.digest().to_string(),
            source,
        })
    }

    /// The same, and refuses what is not the one thing that it was referred to as.
    pub(crate) fn read_as(
        source: &dyn BlobSource,
        target: &Descriptor,
        limits: &Limits,
    ) -> Result<Self, ImageError> {
        let document = Self::read(source, target, limits)?;
        match document.faults(target.media_type()).into_iter().next() {
            Some(fault) => Err(ImageError::Shape {
                digest: target.digest(),
                fault,
            }),
            None => Ok(document),
        }
    }
}

/// What can be wrong with the shape of a manifest or index.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShapeFault {
    /// A descriptor or document of the wrong shape.
    #[error("{0}")]
    Shape(&'static str),
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
}
