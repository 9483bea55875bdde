//! Images and indexes into stores: what is missing of them, each after all that it refers to.

use std::collections::BTreeSet;
use std::io;

use crate::mutate::check_depth;
use crate::{
    Blob, BlobStore, Child, Descriptor, Image, ImageError, ImageIndex, Layer, StoreError, put,
};

/// Stores an image: layers that the store lacks, config, manifest. Gives the descriptor of the manifest.
///
/// # Errors
/// When a layer cannot be read or the store cannot be written.
pub fn write_image(store: &dyn BlobStore, image: &dyn Image) -> Result<Descriptor, ImageError> {
    for layer in image.layers() {
        write_layer(store, &*layer)?;
    }
    put(store, image.config())?;
    let target = image.descriptor();
    store.put_manifest(target.media_type(), image.manifest().bytes())?;
    Ok(target)
}

/// Stores an index and all that it holds. Gives its descriptor.
///
/// # Errors
/// When something of it cannot be read, indexes are nested too deep, or the store cannot be written.
pub fn write_index(
    store: &dyn BlobStore,
    index: &dyn ImageIndex,
) -> Result<Descriptor, ImageError> {
    write_children(store, index, 0, &mut BTreeSet::new())?;
    let target = index.descriptor();
    store.put_manifest(target.media_type(), index.manifest().bytes())?;
    Ok(target)
}

/// Stores what an index holds, and not its own document.
pub(crate) fn write_children(
    store: &dyn BlobStore,
    index: &dyn ImageIndex,
    depth: usize,
    written: &mut BTreeSet<Blob>,
) -> Result<(), ImageError> {
    check_depth(index, depth)?;
    for target in index.children()? {
        if !written.insert(target.blob()) {
            continue;
        }
        match index.child(&target)? {
            Child::Image(image) => drop(write_image(store, &*image)?),
            Child::Other(blob) => write_layer(store, &*blob)?,
            Child::Index(inner) => {
                write_children(store, &*inner, depth + 1, written)?;
                store.put_manifest(target.media_type(), inner.manifest().bytes())?;
            }
        }
    }
    Ok(())
}

/// Stores a layer where the store lacks it. Nothing is stored where its bytes are not those of its descriptor.
fn write_layer(store: &dyn BlobStore, layer: &dyn Layer) -> Result<(), ImageError> {
    let blob = layer.descriptor().blob();
    if store.contains(&blob)? {
        return Ok(());
    }
    let place = blob.digest.to_string();
    let mut writer = store.writer()?;
    io::copy(&mut layer.open()?, &mut writer)
        .map_err(|error| ImageError::unwrap_io(error, "copy", &place))?;
    writer
        .commit(Some(&blob))
        .map(drop)
        .map_err(StoreError::into)
}
