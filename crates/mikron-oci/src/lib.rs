//! Deterministic OCI images: layers, config, manifest, index, layout, docker archive.
//!
//! This crate stands at the end of the way from spec to image. It is given the entries of a layer ([`LayerEntry`]) and
//! someone who hands out their contents ([`mikron_package::Contents`]), and makes of them tar streams whose bytes depend
//! on nothing else ([`LayerPlan`]), compressed by a fixed [`Recipe`], in a [`BlobStore`]. Around the layers it puts config,
//! manifest and index as canonical JSON ([`HeldImage`], [`HeldIndex`]).
//!
//! What was just built is read like what lies in an image layout directory ([`Layout`]), an archive of docker's
//! ([`docker::Archive`]), memory ([`MemoryStore`]), or whatever else is a [`BlobSource`]: as an [`Image`] of [`Layer`]s, or an
//! [`ImageIndex`]. [`mutate`] makes other images of them, [`write_image`] and [`docker`] write them, [`validate_index`] checks
//! any of them, whoever made it, and [`ImageTree`] says what files it holds.
//!
//! It knows nothing of packages and of selections.

mod above;
mod build;
mod config;
mod descriptor;
pub mod docker;
mod document;
mod encoder;
mod error;
mod files;
mod frames;
mod gzip;
mod header;
mod held;
mod image;
mod index_file;
pub mod json;
mod layer;
mod layout;
mod memory;
pub mod mutate;
mod pool;
mod reachable;
mod recipe;
mod store;
mod tree;
mod validate;
mod verified;
mod write;

pub use build::{BuiltLayer, Parallel, build_layers};
pub use config::Config;
pub use descriptor::{
    Blob, CONFIG, Descriptor, DescriptorError, DocumentKind, EMPTY, INDEX, MANIFEST,
};
pub use document::{Document, ShapeFault};
pub use error::{ImageError, LayerError, Refusal, StoreError};
pub use files::PreparedFile;
pub use frames::{FrameCache, FrameDir, FrameWriter, MemoryFrames};
pub use held::{HeldImage, HeldIndex, ImageLayer, StoredLayer};
pub use image::{Child, Image, ImageIndex, Layer};
pub use layer::{LayerBlob, LayerEntry, LayerPlan};
pub use layout::Layout;
pub use memory::MemoryStore;
pub use reachable::reachable;
pub use recipe::{Compression, Recipe, RecipeError};
pub use store::{BlobSource, BlobStore, BlobWriter, put};
pub use tree::{ImageTree, TakeContents};
pub use validate::{Fault, FaultKind, Report, validate, validate_image, validate_index};
pub use verified::VerifiedReader;
pub use write::{write_image, write_index};
