//! Descriptors: what one document says of another blob (OCI image-spec, descriptor). Fields that we do not know are kept.

use std::collections::BTreeMap;

use mikron_package::{Digest, Platform, PlatformError};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

/// The media type of image manifests.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of image indexes.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// The media type of the config of images that run.
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// The media type of the config of artifacts that need none (OCI image-spec, manifest, "Guidance for an Empty Descriptor").
pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// What a document is by its media type, OCI's or docker's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentKind {
    /// A manifest: of an image or an artifact.
    Image,
    /// An index over manifests and indexes.
    Index,
}

impl DocumentKind {
    /// From a media type; `None` for what is neither.
    pub fn of(media_type: &str) -> Option<Self> {
        match media_type {
            MANIFEST | "application/vnd.docker.distribution.manifest.v2+json" => Some(Self::Image),
            INDEX | "application/vnd.docker.distribution.manifest.list.v2+json" => {
                Some(Self::Index)
            }
            _ => None,
        }
    }
}

/// Whether a config of this media type is that of an image that runs, with diff ids.
pub(crate) fn is_image_config(media_type: &str) -> bool {
    matches!(
        media_type,
        CONFIG | "application/vnd.docker.container.image.v1+json"
    )
}

/// Digest and size of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Blob {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

impl Blob {
    /// The blob that these bytes make.
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            digest: Digest::of(bytes),
            size: bytes.len() as u64,
        }
    }
}

/// What a document says of another blob: media type, digest, size, and whatever else stands there, which is kept as it is.
///
/// ```
/// use mikron_oci::{Blob, Descriptor};
/// let target = Descriptor::new("text/plain", Blob::of(b"hello")).annotated("org.example.x", "y");
/// let read = Descriptor::parse(&serde_json::to_value(&target)?)?;
/// assert_eq!(read, target);
/// assert_eq!(read.annotation("org.example.x"), Some("y"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    blob: Blob,
    fields: Map<String, Value>,
}

impl Descriptor {
    /// A descriptor without anything optional.
    pub fn new(media_type: &str, blob: Blob) -> Self {
        let mut fields = Map::new();
        fields.insert("mediaType".to_owned(), media_type.into());
        let mut descriptor = Self { blob, fields };
        descriptor.refer(blob);
        descriptor
    }

    /// Reads a descriptor as it stands in a document.
    ///
    /// # Errors
    /// When media type, digest or size are missing or of the wrong shape, or the digest is none of SHA-256: it must not become a
    /// file name.
    pub fn parse(value: &Value) -> Result<Self, DescriptorError> {
        let shape = DescriptorError::Shape;
        let text = |key| value.get(key).and_then(Value::as_str);
        text("mediaType").ok_or(shape("a descriptor has no `mediaType`"))?;
        let digest = text("digest").ok_or(shape("a descriptor has no `digest`"))?;
        let size = value.get("size").and_then(Value::as_u64);
        let size = size.ok_or(shape("a descriptor has no `size`, or a negative one"))?;
        let digest = digest
            .parse()
            .map_err(|_| DescriptorError::bad_digest(digest))?;
        Ok(Self {
            blob: Blob { digest, size },
            fields: value.as_object().cloned().unwrap_or_default(),
        })
    }

    /// The media type.
    pub fn media_type(&self) -> &str {
        let found = self.fields.get("mediaType").and_then(Value::as_str);
        found.unwrap_or_default()
    }

    /// Digest and size.
    pub fn blob(&self) -> Blob {
        self.blob
    }

    /// The digest.
    pub fn digest(&self) -> Digest {
        self.blob.digest
    }

    /// The size in bytes.
    pub fn size(&self) -> u64 {
        self.blob.size
    }

    /// The type of the artifact that it refers to, where it says one.
    pub fn artifact_type(&self) -> Option<&str> {
        self.fields.get("artifactType").and_then(Value::as_str)
    }

    /// The value of an annotation.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.fields.get("annotations")?.get(key)?.as_str()
    }

    /// The operating system of the platform that it names; `unknown` for what goes beside images (attestations).
    pub fn os(&self) -> Option<&str> {
        self.fields.get("platform")?.get("os")?.as_str()
    }

    /// The platform that it names, where it names one.
    ///
    /// # Errors
    /// When it is none that is known here.
    pub fn platform(&self) -> Result<Option<Platform>, PlatformError> {
        self.fields.get("platform").map(platform).transpose()
    }

    /// All fields, as they stand in the document.
    pub fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    /// The same with an annotation more, or another value of it.
    #[must_use]
    pub fn annotated(mut self, key: &str, value: &str) -> Self {
        annotate(&mut self.fields, [(key, value)]);
        self
    }

    /// The same with another field.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        if !matches!(key, "digest" | "size") {
            self.fields.insert(key.to_owned(), value.into());
        }
        self
    }

    /// The same with annotations more.
    pub(crate) fn with_annotations(mut self, annotations: &BTreeMap<String, String>) -> Self {
        let all = annotations.iter().map(|(k, v)| (k.as_str(), v.as_str()));
        annotate(&mut self.fields, all);
        self
    }

    /// The same, and of another blob.
    pub(crate) fn of(mut self, blob: Blob) -> Self {
        self.refer(blob);
        self
    }

    fn refer(&mut self, blob: Blob) {
        let digest = blob.digest.to_string();
        self.fields.insert("digest".to_owned(), digest.into());
        self.fields.insert("size".to_owned(), blob.size.into());
        self.blob = blob;
    }
}

impl Serialize for Descriptor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.fields.serialize(serializer)
    }
}

impl From<Descriptor> for Value {
    fn from(descriptor: Descriptor) -> Self {
        Self::Object(descriptor.fields)
    }
}

/// Adds annotations to a descriptor or document.
pub(crate) fn annotate<'a>(
    fields: &mut Map<String, Value>,
    annotations: impl IntoIterator<Item = (&'a str, &'a str)>,
) {
    for (key, value) in annotations {
        let all = fields
            .entry("annotations")
            .or_insert_with(|| Value::Object(Map::new()));
        if !all.is_object() {
            *all = Value::Object(Map::new());
        }
        if let Value::Object(all) = all {
            all.insert(key.to_owned(), value.into());
        }
    }
}

/// The platform that an object with `os`, `architecture` and `variant` names: of a descriptor, or a config.
pub(crate) fn platform(value: &Value) -> Result<Platform, PlatformError> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    let short = format!("{}/{}", text("os"), text("architecture"));
    match text("variant") {
        "" => short.parse(),
        // arm64/v8 is arm64.
        variant => format!("{short}/{variant}")
            .parse()
            .or_else(|error| short.parse().map_err(|_| error)),
    }
}

/// The object for a platform.
pub(crate) fn platform_fields(platform: Platform) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("os".to_owned(), "linux".into());
    let architecture = platform.architecture;
    fields.insert("architecture".to_owned(), architecture.oci().into());
    if let Some(variant) = architecture.oci_variant() {
        fields.insert("variant".to_owned(), variant.into());
    }
    fields
}

/// A descriptor that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DescriptorError {
    /// A field is missing or of the wrong shape.
    #[error("{0}")]
    Shape(&'static str),
    /// A digest that is none, and must not become a file name.
    #[error("`{}` is not a SHA-256 digest", .text.escape_debug())]
    BadDigest {
        /// What stands there.
        text: String,
    },
}

impl DescriptorError {
    pub(crate) fn bad_digest(text: &str) -> Self {
        Self::BadDigest {
            text: text.chars().take(100).collect(),
        }
    }
}
