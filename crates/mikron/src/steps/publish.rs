//! From layers in a store to published images: config, manifest, index, and at last the tag.

use std::collections::BTreeMap;
use std::sync::Arc;

use mikron_oci::{
    BlobSource, BlobStore, Descriptor, FrameCache, HeldImage, HeldIndex, Image, LayerBlob, Layout,
    mutate, write_image, write_index,
};
use mikron_package::{Digest, Limits};
use tempfile::TempDir;

use crate::order::Order;
use crate::session::Session;
use crate::steps::base::Base;
use crate::steps::frames::CachedFrames;
use crate::steps::image::{Built, KeyedLayer};
use crate::steps::places::Places;
use crate::steps::{parallel, translate};
use crate::{BuildReport, Error, Output, archive_names};

/// The places that a build writes to. The layers are made in the first, which is on this machine; the others get copies, and
/// nothing is read from them.
pub(crate) struct Target {
    stores: Vec<(Arc<dyn BlobStore>, Option<String>)>,
    /// Holds the layers of a build that writes no layout.
    scratch: Option<TempDir>,
}

impl Target {
    /// Opens all stores. A scratch store lies in the cache.
    pub(crate) fn open(order: &Order, session: &Session) -> Result<Self, Error> {
        let mut stores: Vec<(Arc<dyn BlobStore>, Option<String>)> = Vec::new();
        for output in &order.outputs {
            if let Output::Layout { dir, tag } = output {
                stores.push((Arc::new(Layout::create(dir)?), Some(tag.clone())));
            }
        }
        let mut scratch = None;
        if stores.is_empty() {
            // Where the cache looks for what killed processes have left, by the number that the name begins with.
            let scratch_in = session.cache.path().join("tmp");
            let prefix = format!("{}-scratch-", std::process::id());
            let made = std::fs::create_dir_all(&scratch_in).and_then(|()| {
                tempfile::Builder::new()
                    .prefix(&prefix)
                    .tempdir_in(&scratch_in)
            });
            let dir = made.map_err(Error::io("write", &scratch_in))?;
            stores.push((Arc::new(Layout::create(dir.path())?), None));
            scratch = Some(dir);
        }
        for (store, tag) in &order.stores {
            stores.push((Arc::clone(store), Some(tag.clone())));
        }
        Ok(Self { stores, scratch })
    }

    /// The store that layers are made in.
    pub(crate) fn primary(&self) -> &dyn BlobStore {
        &*self.stores[0].0
    }

    /// Writes what is missing in each store, and the other outputs beside their places; when all of that is there, the tags, and the
    /// others into their places. Each of those is all or nothing; a machine that fails between two of them leaves the first.
    pub(crate) fn publish(
        &self,
        order: &Order,
        built: &[Built],
        base: Option<&Base>,
        session: &Session,
    ) -> Result<BuildReport, Error> {
        let frames = CachedFrames(&session.cache);
        let only_archives = self.scratch.is_some() && order.stores.is_empty();
        // Layers that a further store lacks come from the first.
        let source: Arc<dyn BlobSource> = self.stores[0].0.clone();
        let images = built
            .iter()
            .map(|built| built.image(&order.spec, base, &source));
        let mut images = images.collect::<Result<Vec<_>, _>>()?;
        let mut index = None;
        let mut tags = Vec::new();
        for (store, tag) in &self.stores {
            for layer in built.iter().flat_map(|built| &built.layers) {
                bring(layer, &**store, &frames)?;
            }
            let descriptor = stored(&**store, &images, order)?;
            index = Some(descriptor.digest());
            tags.extend(tag.as_deref().map(|tag| (store, tag, descriptor)));
        }
        let places = Places {
            session,
            images: &images,
            names: archive_names(
                &order.docker_name(),
                built.iter().map(|built| built.platform),
            ),
        };
        let outputs = order.outputs.iter();
        let prepared = outputs.map(|output| places.prepare(output));
        let prepared = prepared.collect::<Result<Vec<_>, _>>()?;
        for (store, tag, descriptor) in tags {
            store.tag(tag, &descriptor)?;
        }
        for publish in prepared {
            let archived = publish()?;
            if only_archives {
                index = archived.or(index);
            }
        }
        if only_archives && !order.outputs.is_empty() {
            // What is reported is what lies in the archives, and nothing else was kept.
            for image in &mut images {
                *image = mutate::plain(image, &Limits::default())?;
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
    built: &[Built],
    base: Option<&Base>,
    session: &Session,
) -> Result<Option<BuildReport>, Error> {
    let frames = CachedFrames(&session.cache);
    let target = Target::open(order, session)?;
    let layers = || built.iter().flat_map(|built| &built.layers);
    let wanted = target.stores.iter();
    let wanted = wanted.flat_map(|(store, _)| layers().map(move |layer| (layer, store)));
    let bring =
        |(layer, store): (&KeyedLayer, &Arc<dyn BlobStore>)| bring(layer, &**store, &frames);
    for brought in parallel::overlap(session.jobs(), wanted.collect(), |w| w, bring) {
        if !brought? {
            return Ok(None);
        }
    }
    target.publish(order, built, base, session).map(Some)
}

/// Copies a layer from the frame cache where the store lacks it; `false` where neither has it.
fn bring(
    layer: &KeyedLayer,
    store: &dyn BlobStore,
    frames: &dyn FrameCache,
) -> Result<bool, Error> {
    let LayerBlob { blob, .. } = &layer.layer;
    Ok(store.contains(blob)? || frames.bring(&layer.key, &layer.layer, store)?)
}

/// Writes what is missing of the images, and of several their index. Of one the manifest is what its tag names: there are
/// readers of layouts that take no index where a manifest may stand.
fn stored(store: &dyn BlobStore, images: &[HeldImage], order: &Order) -> Result<Descriptor, Error> {
    if let [image] = images {
        return Ok(write_image(store, image)?);
    }
    let held = images
        .iter()
        .map(|image| Arc::new(image.clone()) as Arc<dyn Image>);
    let index = HeldIndex::new(held, &translate::annotations(&order.spec))?;
    Ok(write_index(store, &index)?)
}

fn report(order: &Order, built: &[Built], images: &[HeldImage], digest: Digest) -> BuildReport {
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
        variant: order.variant.clone(),
        digest,
        platforms: platforms.collect(),
        inputs: Vec::new(),
        variants: Vec::new(),
    }
}
