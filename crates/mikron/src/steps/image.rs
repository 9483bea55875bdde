//! From the tree to the image: layers, config, manifest, and what is reported of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mikron_oci::{
    BlobSource, BlobStore, FrameCache, HeldImage, Image, ImageLayer, Layer, LayerBlob, Parallel,
    Recipe, StoredLayer, build_layers,
};
use mikron_package::{Contents, DiffId, Digest, Event, PackageName, Platform, Progress};
use mikron_rootfs::{Diagnostic, Rootfs, RunAs, Tree};
use mikron_spec::{Layers, Spec};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::families::Families;
use crate::report::{LayerReport, PackageReport, PlatformReport, ScriptReport};
use crate::steps::base::{Base, Lower};
use crate::steps::closure::Closure;
use crate::steps::contents::WithMade;
use crate::steps::layers;
use crate::steps::own::OwnFiles;
use crate::steps::scripts;
use crate::steps::translate;
use crate::steps::tree::tree;

/// What is left of a platform when its layers are in the store: enough to write config and manifest, again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Built {
    pub(crate) platform: Platform,
    /// Seconds since 1970.
    pub(crate) created: i64,
    /// `uid:gid`.
    run_as: Option<(u32, u32)>,
    pub(crate) layers: Vec<KeyedLayer>,
    /// Bytes of all files.
    unpacked: u64,
    packages: Vec<PackageReport>,
    scripts: Vec<ScriptReport>,
    diagnostics: Vec<Diagnostic>,
    warnings: Vec<String>,
}

/// A layer, and where the frame cache has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeyedLayer {
    pub(crate) key: Digest,
    pub(crate) layer: LayerBlob,
    /// What the spec calls it.
    name: Option<String>,
    packages: Vec<PackageName>,
}

/// What the steps from selection to image share.
pub(crate) struct Workshop<'a> {
    pub(crate) spec: &'a Spec,
    pub(crate) recipe: Recipe,
    pub(crate) families: &'a Families,
    pub(crate) epoch: i64,
    pub(crate) store: &'a dyn BlobStore,
    pub(crate) frames: &'a dyn FrameCache,
    pub(crate) parallel: Parallel,
    pub(crate) progress: &'a dyn Progress,
}

impl Workshop<'_> {
    /// Merges the tree and makes the layers. What was chosen goes when the tree has it: compressors come, and take its place.
    pub(crate) fn build(
        &self,
        platform: Platform,
        mut closure: Closure,
        own: &OwnFiles,
        packages: &dyn Contents,
    ) -> Result<Built, Error> {
        let mut warnings = closure.warnings();
        let rootfs = tree(
            self.spec,
            self.families,
            self.epoch,
            &mut closure,
            own,
            packages,
        )?;
        let unused = rootfs.diagnostics.iter().filter_map(|of| match of {
            Diagnostic::PatternUnused { pattern } => Some(format!(
                "`remove` has `{}`, which matches nothing",
                pattern.escape_debug()
            )),
            Diagnostic::DirectoryStays { path } => Some(format!(
                "`remove` has `{path}`, a directory that holds something and stays: `{path}/**` takes what is in it"
            )),
            Diagnostic::BaseStays { pattern, count } => Some(format!(
                "`remove` has `{}`, and what the base image has of it stays ({count} files): a layer hides what is below and does not take it away",
                pattern.escape_debug()
            )),
            _ => None,
        });
        warnings.extend(unused);
        let printed = rootfs.reports.iter().flat_map(|report| &report.said);
        for message in printed.chain(&warnings) {
            self.progress.event(&Event::Warning { message });
        }
        let reports = package_reports(&closure, &rootfs);
        let unpacked = rootfs.tree.nodes().map(|node| node.entry.size()).sum();
        let scripts = scripts::reports(&closure, &rootfs);
        if self.spec.strict {
            scripts::covered(platform, &scripts)?;
        }
        let mut tree = rootfs.tree;
        let mut below = 0;
        if let Some(lower) = &closure.lower {
            above(&mut tree, lower);
            below = lower.image().layers().len();
        }
        let resolved = closure.into_packages();
        let sources = resolved.iter().map(|package| {
            let record = &package.record;
            (record.name.as_str(), record.source.as_str())
        });
        let sources = sources.collect();
        let room = u32::try_from(below).unwrap_or(u32::MAX);
        let cut = Layers {
            limit: self.spec.layers.limit.saturating_sub(room).max(1),
            ..self.spec.layers.clone()
        };
        let planned = layers::plan(tree, &cut, &sources)?;
        let (plans, names): (Vec<_>, Vec<_>) = planned
            .into_iter()
            .map(|layer| (layer.plan, (layer.name, layer.packages)))
            .unzip();
        let contents = WithMade {
            made: &rootfs.made,
            packages,
        };
        let built = build_layers(
            &plans,
            self.recipe,
            &contents,
            self.store,
            Some(self.frames),
            self.parallel,
            self.progress,
        )?;
        let layers = built
            .into_iter()
            .zip(names)
            .inspect(|(built, (_, packages))| {
                let (blob, cached) = (built.layer.blob, built.cached);
                tracing::debug!(digest = %blob.digest, size = blob.size, cached, ?packages, "layer");
            })
            .map(|(built, (name, packages))| KeyedLayer {
                key: built.key,
                layer: built.layer,
                name,
                packages,
            });
        Ok(Built {
            platform,
            created: self.epoch,
            run_as: rootfs.run_as.map(|RunAs { uid, gid }| (uid, gid)),
            layers: layers.collect(),
            unpacked,
            packages: reports,
            scripts,
            diagnostics: rootfs.diagnostics,
            warnings,
        })
    }
}

impl Built {
    /// The image, whose layers lie in `source`.
    pub(crate) fn image(
        &self,
        spec: &Spec,
        base: Option<&Base>,
        source: &Arc<dyn BlobSource>,
    ) -> Result<HeldImage, Error> {
        let layer = |layer: &KeyedLayer| ImageLayer {
            layer: Arc::new(StoredLayer::new(
                Arc::clone(source),
                &layer.layer,
                &BTreeMap::new(),
            )),
            created_by: created_by(layer.name.as_deref(), &layer.packages),
        };
        let run_as = self.run_as.map(|(uid, gid)| RunAs { uid, gid });
        let config = translate::config(spec, run_as);
        let layers = self.layers.iter().map(layer).collect();
        let Some((base, below)) = base.and_then(|base| Some((base, base.image(self.platform)?)))
        else {
            let annotations = translate::annotations(spec);
            return Ok(HeldImage::new(
                self.platform,
                self.created,
                &config,
                layers,
                &annotations,
            )?);
        };
        let digest = below.manifest().blob().digest;
        let annotations = translate::annotations_above(spec, base.name.as_deref(), digest);
        Ok(HeldImage::above(
            below,
            self.created,
            &config,
            layers,
            &annotations,
        )?)
    }

    pub(crate) fn report(&self, image: &dyn Image) -> PlatformReport {
        let all = image.layers();
        // Those of the image that is built upon come first.
        let below = all.len().saturating_sub(self.layers.len());
        let layer = |(at, stored): (usize, Arc<dyn Layer>)| {
            let own = at.checked_sub(below).and_then(|at| self.layers.get(at));
            LayerReport {
                digest: stored.descriptor().digest(),
                size: stored.descriptor().size(),
                diff_id: stored.diff_id().unwrap_or_else(|| DiffId(Digest::of(b""))),
                name: own.and_then(|own| own.name.clone()),
                packages: own.map(|own| own.packages.clone()).unwrap_or_default(),
                base: own.is_none(),
            }
        };
        PlatformReport {
            platform: self.platform,
            digest: image.descriptor().digest(),
            config: Some(Digest::of(image.config())),
            size: image.size(),
            unpacked: self.unpacked,
            layers: all.into_iter().enumerate().map(layer).collect(),
            packages: self.packages.clone(),
            scripts: self.scripts.clone(),
            diagnostics: self.diagnostics.clone(),
            warnings: self.warnings.clone(),
        }
    }
}

/// Leaves in the tree what the image that is built upon has not: what lies there as it is here is there once.
fn above(tree: &mut Tree, lower: &Lower) {
    for below in lower.below() {
        let path = &below.entry.path;
        let node = tree.get(path);
        if node.is_some_and(|node| below.is(&node.entry, node.content)) {
            tree.take(path);
        }
    }
}

/// What `docker history` shows of a layer. Short: the packages of a full layer would fill a screen.
fn created_by(name: Option<&str>, packages: &[PackageName]) -> String {
    match packages {
        [] if name.is_some() => format!("mikron: {}", name.unwrap_or_default()),
        [] => "mikron: files of the spec".to_owned(),
        [one] => format!("mikron: {one}"),
        [one, two] => format!("mikron: {one}, {two}"),
        [first, .., last] => format!("mikron: {first} … {last} ({} packages)", packages.len()),
    }
}

fn package_reports(closure: &Closure, rootfs: &Rootfs) -> Vec<PackageReport> {
    let mut reports: BTreeMap<&str, PackageReport> = BTreeMap::new();
    for package in &closure.packages {
        let report = PackageReport {
            name: package.record.name.clone(),
            version: package.record.version.clone(),
            arch: package.record.arch.clone(),
            capabilities: Vec::new(),
            files: 0,
            bytes: 0,
        };
        reports.insert(package.record.name.as_str(), report);
    }
    let mut capabilities: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for node in rootfs.tree.nodes() {
        let (Some(package), Some(capability)) = (node.owner.package(), node.owner.capability())
        else {
            continue;
        };
        let Some(report) = reports.get_mut(package) else {
            continue;
        };
        report.bytes += node.entry.size();
        if !node.entry.is_directory() {
            report.files += 1;
            capabilities.entry(package).or_default().insert(capability);
        }
    }
    let with_capabilities = |(name, mut report): (&str, PackageReport)| {
        let taken = capabilities.get(name)?;
        report.capabilities = taken.iter().map(|c| (*c).to_owned()).collect();
        Some(report)
    };
    reports.into_iter().filter_map(with_capabilities).collect()
}
