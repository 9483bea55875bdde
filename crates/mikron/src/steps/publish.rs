//! From layers in a store to published images: config, manifest, index, and at last the tag.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use mikron_oci::{BlobStore, Descriptor, FrameCache, Image, Layer, Layout, docker, write_index};
use mikron_package::Digest;
use tempfile::TempDir;

use crate::order::Order;
use crate::steps::image::{Built, KeyedLayer};
use crate::steps::{parallel, translate};
use crate::{BuildReport, Error, Output};

/// The places that a build writes to. The layers are made in the first; the others get copies.
pub(crate) struct Target {
    stores: Vec<(Arc<dyn BlobStore>, Option<String>)>,
    /// Holds the layers of a build whose only outputs are archives.
    scratch: Option<TempDir>,
}

impl Target {
    /// Opens all stores. A scratch store lies in `scratch_in`.
    pub(crate) fn open(order: &Order, scratch_in: &Path) -> Result<Self, Error> {
        let mut stores: Vec<(Arc<dyn BlobStore>, Option<String>)> = Vec::new();
        for (store, tag) in &order.stores {
            stores.push((Arc::clone(store), Some(tag.clone())));
        }
        for output in &order.outputs {
            if let Output::Layout { dir, tag } = output {
                stores.push((Arc::new(Layout::create(dir)?), Some(tag.clone())));
            }
        }
        let mut scratch = None;
        if stores.is_empty() {
            let dir = tempfile::Builder::new()
                .prefix("scratch-")
                .tempdir_in(scratch_in);
            let dir = dir.map_err(Error::io("write", scratch_in))?;
            stores.push((Arc::new(Layout::create(dir.path())?), None));
            scratch = Some(dir);
        }
        Ok(Self { stores, scratch })
    }

    /// The store that layers are made in.
    pub(crate) fn primary(&self) -> &dyn BlobStore {
        &*self.stores[0].0
    }

    /// Writes what is missing in each store, and the archives beside their places; when all of that is there, the tags, and the
    /// archives into their places. Each of those is all or nothing; a machine that fails between two of them leaves the first.
    pub(crate) fn publish(
        &self,
        order: &Order,
        built: &[Built],
        frames: &dyn FrameCache,
    ) -> Result<BuildReport, Error> {
        let mut images = images(order, built)?;
        let mut index = None;
        let (mut tags, mut prepared) = (Vec::new(), Vec::new());
        for (store, tag) in &self.stores {
            for layer in built.iter().flat_map(|built| &built.layers) {
                if !bring(layer, &**store, frames)? {
                    let digest = layer.layer.blob.digest;
                    let place = "the cache of layers".to_owned();
                    return Err(mikron_oci::StoreError::Missing { digest, place }.into());
                }
            }
            let descriptor = stored(&**store, &images, order)?;
            index = Some(digest_of(&descriptor));
            tags.extend(tag.as_deref().map(|tag| (store, tag, descriptor)));
        }
        for output in &order.outputs {
            if let Output::DockerArchive { file } = output {
                let whole = archive(order, self.primary(), &images, file)?;
                if self.scratch.is_some() {
                    index = Some(whole.index());
                }
                prepared.push(whole);
            }
        }
        for (store, tag, descriptor) in tags {
            store.tag(tag, &descriptor)?;
        }
        for archive in prepared {
            archive.publish()?;
        }
        if self.scratch.is_some() && !order.outputs.is_empty() {
            // What is reported is what lies in the archives, and nothing else was kept.
            for image in &mut images {
                *image = image.uncompressed()?;
            }
        }
        Ok(report(
            order,
            built,
            &images,
            index.unwrap_or_else(|| Digest::of(b"")),
        ))
    }
}

/// Publishes an earlier build out of the frame cache. `None` where a layer is gone from it and from a store.
pub(crate) fn from_frames(
    order: &Order,
    cache: &Path,
    built: &[Built],
    frames: &dyn FrameCache,
    jobs: usize,
) -> Result<Option<BuildReport>, Error> {
    let target = Target::open(order, cache)?;
    let layers = || built.iter().flat_map(|built| &built.layers);
    let wanted = target.stores.iter();
    let wanted = wanted.flat_map(|(store, _)| layers().map(move |layer| (layer, store)));
    let bring = |(layer, store): (&KeyedLayer, &Arc<dyn BlobStore>)| bring(layer, &**store, frames);
    for brought in parallel::overlap(jobs, wanted.collect(), |w| w, bring) {
        if !brought? {
            return Ok(None);
        }
    }
    target.publish(order, built, frames).map(Some)
}

/// Copies a layer from the frame cache where the store lacks it; `false` where neither has it.
fn bring(
    layer: &KeyedLayer,
    store: &dyn BlobStore,
    frames: &dyn FrameCache,
) -> Result<bool, Error> {
    let Layer { blob, .. } = &layer.layer;
    Ok(store.contains(blob)? || frames.bring(&layer.key, &layer.layer, store)?)
}

fn images(order: &Order, built: &[Built]) -> Result<Vec<Image>, Error> {
    built.iter().map(|built| built.image(&order.spec)).collect()
}

/// Writes config, manifest and index.
fn stored(store: &dyn BlobStore, images: &[Image], order: &Order) -> Result<Descriptor, Error> {
    for image in images {
        image.store(store)?;
    }
    let annotations = translate::annotations(&order.spec);
    Ok(write_index(store, images, &annotations)?)
}

fn digest_of(descriptor: &Descriptor) -> Digest {
    let digest = descriptor.digest().to_string();
    digest
        .parse()
        .expect("write_index names what it wrote by SHA-256")
}

/// Writes a docker archive beside its place. An old engine knows one image by a name: of several platforms each gets a tag of its own.
fn archive(
    order: &Order,
    store: &dyn BlobStore,
    images: &[Image],
    file: &Path,
) -> Result<docker::Prepared, Error> {
    let name = |image: &Image| match images {
        [_] => format!("{}:latest", order.spec.name),
        _ => format!(
            "{}:{}",
            order.spec.name,
            image.platform().to_string().replace('/', "-")
        ),
    };
    let names: Vec<[String; 1]> = images.iter().map(|image| [name(image)]).collect();
    let archived: Vec<docker::Named<'_>> = images
        .iter()
        .zip(&names)
        .map(|(image, names)| docker::Named { image, names })
        .collect();
    Ok(docker::prepare_file(store, &archived, file)?)
}

fn report(order: &Order, built: &[Built], images: &[Image], digest: Digest) -> BuildReport {
    let by_platform: BTreeMap<_, _> = built
        .iter()
        .zip(images)
        .map(|(built, image)| (built.platform, built.report(image)))
        .collect();
    // In the order of the spec, which a person chose.
    let platforms = order
        .spec
        .platforms
        .iter()
        .filter_map(|platform| by_platform.get(platform).cloned());
    BuildReport {
        name: order.spec.name.clone(),
        digest,
        platforms: platforms.collect(),
    }
}
