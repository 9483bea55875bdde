//! What can go wrong on the way from entries to a stored image, as data.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use mikron_package::{
    ArchiveError, ArchiveErrorKind, DiffId, Digest, LimitExceeded, PlatformError, RootPath,
};

use crate::json::JsonError;
use crate::{Blob, DescriptorError, ShapeFault};

/// A layer that cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LayerError {
    /// The entries are not in the order of their paths.
    #[error("the entry {path} stands after {after}, but entries must be sorted by path")]
    Unsorted {
        /// The entry that comes too late.
        path: RootPath,
        /// The entry before it.
        after: RootPath,
    },
    /// Two entries have one path.
    #[error("the entry {path} stands twice in one layer")]
    Duplicate {
        /// Their path.
        path: RootPath,
    },
    /// An entry lies below something that is no directory.
    #[error("the entry {path} lies below {parent}, which is not a directory")]
    BelowFile {
        /// The entry.
        path: RootPath,
        /// What stands above it.
        parent: RootPath,
    },
    /// A name by which the layer would delete files of the layers below it (OCI image-spec, layer, "Whiteouts").
    #[error(
        "the entry {path} has the name of a whiteout, which would delete files in lower layers"
    )]
    Whiteout {
        /// The entry.
        path: RootPath,
    },
    /// A hard link whose file does not stand earlier in the same layer.
    #[error(
        "the hard link {path} points to {target}, which is not a file earlier in the same layer"
    )]
    HardlinkTarget {
        /// The link.
        path: RootPath,
        /// What it points to.
        target: RootPath,
    },
    /// A regular file without content, or something else with one.
    #[error("the entry {path} {reason}")]
    Content {
        /// The entry.
        path: RootPath,
        /// What is wrong, as the end of the sentence "the entry …".
        reason: &'static str,
    },
    /// An attribute that a tar header cannot carry.
    #[error("the entry {path} has {field} {value}, which a tar header cannot carry")]
    Attribute {
        /// The entry.
        path: RootPath,
        /// The attribute.
        field: &'static str,
        /// Its value, as shown to people.
        value: String,
    },
    /// A content that has another length than its entry says.
    #[error("the content of {path} has {found} bytes instead of {expected}")]
    ContentSize {
        /// The entry.
        path: RootPath,
        /// Bytes by the entry.
        expected: u64,
        /// Bytes that came, counted up to one more than expected.
        found: u64,
    },
    /// A content that is not the one its digest names.
    #[error("the content of {path} has the digest {found} instead of {expected}")]
    ContentDigest {
        /// The entry.
        path: RootPath,
        /// The digest of the entry.
        expected: Digest,
        /// The digest of what came.
        found: Digest,
    },
    /// A content that cannot be read.
    #[error("the content of {path} cannot be read: {source}")]
    Read {
        /// The entry.
        path: RootPath,
        /// Why.
        source: io::Error,
    },
    /// The compressor failed.
    #[error("compressing the layer `{layer}` failed: {reason}")]
    Compress {
        /// The name of the layer.
        layer: String,
        /// What the compressor said.
        reason: String,
    },
    /// The layer cannot be written to where it belongs.
    #[error("the layer `{layer}` cannot be written: {source}")]
    Write {
        /// The name of the layer.
        layer: String,
        /// Why.
        source: io::Error,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The frame cache failed.
    #[error("the cache of layer frames failed: {0}")]
    Cache(#[source] StoreError),
}

/// A store that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file system said no: full, read-only, broken.
    #[error("cannot {action} {}: {source}", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// What came back.
        source: io::Error,
    },
    /// A blob that is not there.
    #[error("{place} has no blob {digest}")]
    Missing {
        /// Its digest.
        digest: Digest,
        /// The store.
        place: String,
    },
    /// A blob whose bytes are not those that its descriptor names.
    #[error("{place}: expected {} ({} bytes) and found {} ({} bytes)", .expected.digest, .expected.size, .found.digest, .found.size)]
    Mismatch {
        /// The blob's path or name.
        place: String,
        /// What the descriptor names.
        expected: Blob,
        /// What is there. Where there is too much of it, counted up to one byte more than expected.
        found: Blob,
    },
    /// A symbolic link, a FIFO or the like where a plain file belongs. Such a thing is never followed or opened.
    #[error("{} is a {kind} and not a plain file", .path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// A directory that is not an image layout.
    #[error("{} is not an OCI image layout: {reason}", .path.display())]
    NotALayout {
        /// The directory.
        path: PathBuf,
        /// What is missing or wrong.
        reason: String,
    },
    /// A layout of a version that nobody here knows (OCI image-spec, image-layout, "oci-layout file").
    #[error("{} has the image layout version `{}`; only 1.0.0 is known", .path.display(), .version.escape_debug())]
    UnknownVersion {
        /// The `oci-layout` file.
        path: PathBuf,
        /// The version that it names.
        version: String,
    },
    /// A JSON document that cannot be read.
    #[error("{place}: {source}")]
    Json {
        /// The document's path or digest.
        place: String,
        /// What is wrong with it.
        source: JsonError,
    },
    /// A descriptor that cannot be used.
    #[error("{place}: {source}")]
    Descriptor {
        /// The document that has it.
        place: String,
        /// What is wrong with it.
        source: DescriptorError,
    },
    /// A document over its cap.
    #[error("{place}: {source}")]
    TooLarge {
        /// The document's path or digest.
        place: String,
        /// Which cap, and by how much.
        source: LimitExceeded,
    },
    /// A place that is no file system, a registry say, did not do what was asked.
    #[error("cannot {action} {place}: {source}")]
    Place {
        /// What was tried.
        action: &'static str,
        /// On what, without credentials.
        place: String,
        /// What that means for whoever asked.
        refusal: Refusal,
        /// What came back.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A reference that OCI does not allow.
    #[error("`{}` is not a tag (letters, digits and `._-`, at most 128 characters, the first one no `.` or `-`)", .tag.escape_debug())]
    BadTag {
        /// What was given.
        tag: String,
    },
}

/// What a failure of a place means for whoever asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// It may go well when it is tried again: a connection broke, the place is busy.
    Temporary,
    /// Whoever asks is not allowed in, or not this far.
    Denied,
    /// It will not go well, however often it is tried.
    Permanent,
}

impl StoreError {
    /// Whether the same may go well when it is tried again, without anybody changing anything.
    ///
    /// ```
    /// use mikron_oci::{Refusal, StoreError};
    /// let busy = StoreError::Place {
    ///     action: "push to",
    ///     place: "registry.example.org/nginx".to_owned(),
    ///     refusal: Refusal::Temporary,
    ///     source: "429 Too Many Requests".into(),
    /// };
    /// assert!(busy.is_temporary() && !busy.is_denied());
    /// assert!(!StoreError::BadTag { tag: "../x".to_owned() }.is_temporary());
    /// ```
    pub fn is_temporary(&self) -> bool {
        use io::ErrorKind as Kind;
        match self {
            Self::Place { refusal, .. } => *refusal == Refusal::Temporary,
            Self::Io { source, .. } => matches!(
                source.kind(),
                Kind::Interrupted
                    | Kind::WouldBlock
                    | Kind::TimedOut
                    | Kind::ResourceBusy
                    | Kind::ConnectionRefused
                    | Kind::ConnectionReset
                    | Kind::ConnectionAborted
                    | Kind::StaleNetworkFileHandle
            ),
            _ => false,
        }
    }

    /// Whether whoever asks is not allowed to do that.
    pub fn is_denied(&self) -> bool {
        match self {
            Self::Place { refusal, .. } => *refusal == Refusal::Denied,
            Self::Io { source, .. } => source.kind() == io::ErrorKind::PermissionDenied,
            _ => false,
        }
    }

    /// An error of the file system on a path.
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| match source.downcast::<Self>() {
            Ok(inner) => inner,
            Err(source) => Self::Io {
                action,
                path,
                source,
            },
        }
    }

    /// Takes a store error out of the I/O error that carried it through [`io::Read`] or [`io::Write`].
    pub(crate) fn unwrap_io(source: io::Error, action: &'static str, place: &str) -> Self {
        Self::io(action, place)(source)
    }
}

impl From<StoreError> for io::Error {
    fn from(error: StoreError) -> Self {
        let kind = match &error {
            StoreError::Io { source, .. } => source.kind(),
            StoreError::Missing { .. } => io::ErrorKind::NotFound,
            _ => io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}

/// An image that cannot be put together.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// A value that does not fit into the config.
    #[error("the image's {field} {reason}")]
    Config {
        /// The field, by its name in the spec.
        field: &'static str,
        /// What is wrong, as the end of the sentence "the image's FIELD …".
        reason: String,
    },
    /// A platform twice in one index.
    #[error("the platform {platform} stands twice in one image index")]
    DuplicatePlatform {
        /// The platform.
        platform: mikron_package::Platform,
    },
    /// A layer whose unpacked bytes are not those that the config names.
    #[error("the layer {digest} unpacks to {found} ({unpacked} bytes) instead of {expected}")]
    DiffId {
        /// The blob.
        digest: Digest,
        /// The diff id of the config.
        expected: DiffId,
        /// The digest of what came out.
        found: DiffId,
        /// Bytes that came out.
        unpacked: u64,
    },
    /// A manifest or index that is not what it was referred to as.
    #[error("{digest}: {fault}")]
    Shape {
        /// The document.
        digest: Digest,
        /// What is wrong with it.
        fault: ShapeFault,
    },
    /// Indexes in indexes, deeper than anybody nests them.
    #[error("{digest}: indexes are nested more than {most} deep")]
    TooDeep {
        /// The index that is too deep.
        digest: Digest,
        /// So deep they may be.
        most: usize,
    },
    /// A platform that is not known here.
    #[error(transparent)]
    Platform(#[from] PlatformError),
    /// A layer of a form that is not known here.
    #[error("{digest} is a layer of the type `{}`; layers are tar, tar+gzip or tar+zstd", .media_type.escape_debug())]
    LayerType {
        /// The layer.
        digest: Digest,
        /// Its media type.
        media_type: String,
    },
    /// A tar archive, of a layer or an image, that cannot be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// An archive that holds no images.
    #[error("{place} is no archive of images: {reason}")]
    NotAnArchive {
        /// The archive.
        place: String,
        /// What is missing or wrong.
        reason: String,
    },
    /// A document that cannot be written as JSON.
    #[error("the {document} cannot be written as JSON: {source}")]
    Json {
        /// Config, manifest or index.
        document: &'static str,
        /// Why.
        source: JsonError,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ImageError {
    /// Takes an image's, archive's or store's error out of the I/O error that carried it through [`io::Read`].
    pub(crate) fn unwrap_io(error: io::Error, action: &'static str, place: &str) -> Self {
        match error.downcast::<Self>() {
            Ok(inner) => inner,
            Err(error) => match error.downcast::<ArchiveError>() {
                Ok(inner) => Self::from_archive(inner, action, place),
                Err(error) => Self::Store(StoreError::unwrap_io(error, action, place)),
            },
        }
    }

    /// An archive's error, or that of the store which it only carries.
    fn from_archive(error: ArchiveError, action: &'static str, place: &str) -> Self {
        match error.kind {
            ArchiveErrorKind::Io(inner) => match Arc::try_unwrap(inner) {
                Ok(inner) => Self::unwrap_io(inner, action, place),
                Err(inner) => Self::Archive(ArchiveError {
                    kind: ArchiveErrorKind::Io(inner),
                    ..error
                }),
            },
            kind => Self::Archive(ArchiveError { kind, ..error }),
        }
    }

    /// The store's error in it.
    fn store(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            Self::Archive(error) => match &error.kind {
                ArchiveErrorKind::Io(inner) => inner.get_ref()?.downcast_ref(),
                _ => None,
            },
            _ => None,
        }
    }

    /// [`StoreError::is_temporary`] of the store that failed.
    pub fn is_temporary(&self) -> bool {
        self.store().is_some_and(StoreError::is_temporary)
    }

    /// [`StoreError::is_denied`] of the store that failed.
    pub fn is_denied(&self) -> bool {
        self.store().is_some_and(StoreError::is_denied)
    }
}

impl From<ImageError> for io::Error {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::Store(error) => error.into(),
            other => Self::new(io::ErrorKind::InvalidData, other),
        }
    }
}
