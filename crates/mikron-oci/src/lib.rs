//! Deterministic OCI images: layers, config, manifest, index, layout, docker archive.
//!
//! This crate stands at the end of the way from spec to image. It is given the entries of a layer ([`LayerEntry`]) and
//! someone who hands out their contents ([`mikron_package::Contents`]), and makes of them tar streams whose bytes depend
//! on nothing else ([`LayerPlan`]), compressed by a fixed [`Recipe`]. Around the layers it puts config, manifest and
//! index as canonical JSON ([`Image`]), and stores all of it in a [`BlobStore`]: memory, an image layout directory
//! ([`Layout`]), or whatever else implements that trait. [`docker`] writes archives for `docker load`, and [`validate()`]
//! checks any layout, whoever wrote it.
//!
//! It knows nothing of packages and of selections.

mod build;
mod decode;
pub mod docker;
mod encoder;
mod error;
mod files;
mod frames;
mod gzip;
mod header;
mod image;
mod index_file;
pub mod json;
mod layer;
mod layout;
mod pool;
mod recipe;
mod store;
mod validate;

pub use build::{BuiltLayer, Parallel, build_layers};
pub use error::{ImageError, LayerError, StoreError};
pub use frames::{FrameCache, FrameDir, MemoryFrames};
pub use image::{Config, Image, ImageLayer, write_index};
pub use layer::{Layer, LayerEntry, LayerPlan};
pub use layout::Layout;
pub use oci_spec::image::Descriptor;
pub use recipe::{Compression, Recipe, RecipeError};
pub use store::{Blob, BlobStore, BlobWriter, MemoryStore, VerifiedReader, put};
pub use validate::{Fault, FaultKind, Report, validate};
