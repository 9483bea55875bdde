//! From the selection to the image: tree, layers, config, manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::sync::Arc;

use mikron_capability::Spool;
use mikron_oci::{BlobStore, FrameCache, Image, ImageLayer, Layer, Parallel, build_layers};
use mikron_package::{Contents, Digest, Event, Limits, Origin, PackageName, Platform, Progress};
use mikron_rootfs::{
    Assembly, Further, Outcome, Rootfs, RunAs, Template, assemble, builtin_finalizers,
};
use mikron_spec::Spec;
use serde::{Deserialize, Serialize};

use crate::closure::Closure;
use crate::contents::{Filler, PackageContents, WithMade};
use crate::dangling::DanglingFinalizer;
use crate::database::DatabaseFinalizer;
use crate::inspect::format_of;
use crate::installed::InstalledFiles;
use crate::links::LinksFinalizer;
use crate::report::{LayerReport, PackageReport, PlatformReport, ScriptReport};
use crate::slices::Mutation;
use crate::translate::{self, LoadedFile};
use crate::{Error, layers, resolve};

/// What is left of a platform when its layers are in the store: enough to write config and manifest, again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Built {
    pub(crate) platform: Platform,
    /// Seconds since 1970.
    pub(crate) created: i64,
    /// `uid:gid`.
    run_as: Option<(u32, u32)>,
    pub(crate) layers: Vec<KeyedLayer>,
    packages: Vec<PackageReport>,
    scripts: Vec<ScriptReport>,
    warnings: Vec<String>,
}

/// A layer, and where the frame cache has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeyedLayer {
    pub(crate) key: Digest,
    pub(crate) layer: Layer,
    packages: Vec<PackageName>,
}

/// What the steps from selection to image share.
pub(crate) struct Workshop<'a> {
    pub(crate) spec: &'a Spec,
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
        files: &[LoadedFile],
        spool: &Spool,
        fill: Box<Filler<'_>>,
    ) -> Result<Built, Error> {
        let contents =
            PackageContents::new(spool, closure.packages.len(), closure.contents(), fill);
        let warnings = closure.warnings();
        let (rootfs, printed) = tree(self.spec, self.epoch, &mut closure, files, &contents)?;
        for message in printed.iter().chain(&warnings) {
            self.progress.event(&Event::Warning { message });
        }
        let reports = package_reports(&closure, &rootfs);
        let scripts = script_reports(&closure, &rootfs);
        let resolved = closure.into_packages();
        let sources = resolved.iter().map(|package| {
            let record = &package.record;
            (record.name.as_str(), record.source.as_str())
        });
        let sources = sources.collect();
        let planned = layers::plan(rootfs.tree, &self.spec.layers, &sources)?;
        let (plans, packages): (Vec<_>, Vec<_>) = planned
            .into_iter()
            .map(|layer| (layer.plan, layer.packages))
            .unzip();
        let contents = WithMade {
            made: &rootfs.made,
            packages: &contents,
        };
        let built = build_layers(
            &plans,
            translate::recipe(self.spec),
            &contents,
            self.store,
            Some(self.frames),
            self.parallel,
            self.progress,
        )?;
        let layers = built
            .into_iter()
            .zip(packages)
            .map(|(built, packages)| KeyedLayer {
                key: built.key,
                layer: built.layer,
                packages,
            });
        Ok(Built {
            platform,
            created: self.epoch,
            run_as: rootfs.run_as.map(|RunAs { uid, gid }| (uid, gid)),
            layers: layers.collect(),
            packages: reports,
            scripts,
            warnings,
        })
    }
}

/// Merges what was chosen into one tree, and lets go of the list of it. Also gives what the scripts of slices printed.
pub(crate) fn tree(
    spec: &Spec,
    epoch: i64,
    closure: &mut Closure,
    files: &[LoadedFile],
    contents: &dyn Contents,
) -> Result<(Rootfs, Vec<String>), Error> {
    let chosen: BTreeSet<usize> = closure
        .selection
        .packages
        .iter()
        .map(|package| package.package)
        .collect();
    let (mut packages, mut further) = (Vec::new(), Vec::new());
    for index in 0..closure.packages.len() {
        // What the spec names counts with its scripts and units also where they are all that it has.
        if chosen.contains(&index) || closure.is_root(index) {
            packages.extend(package(closure, contents, index)?);
        } else {
            let declarations = closure.declarations(index);
            further.push(Further {
                metadata: Arc::new(closure.inputs[index].facts.metadata.clone()),
                declarations: declarations
                    .map(|(path, digest)| (path.clone(), digest))
                    .collect(),
            });
        }
    }
    let templates = closure.templates().map(|(file, content)| Template {
        entry: file.entry.clone(),
        content,
    });
    let assembly = Assembly {
        parts: closure.parts(),
        packages,
        further,
        templates: templates.collect(),
        installed: Some(Arc::new(InstalledFiles::new(closure))),
        files: translate::files(spec, files),
        file_capabilities: translate::file_capabilities(spec),
        accounts: translate::accounts(spec),
        run_as: spec.run_as.as_ref().map(ToString::to_string),
        remove: spec.remove.clone(),
        options: mikron_rootfs::Options {
            epoch,
            ..mikron_rootfs::Options::default()
        },
    };
    let mut finalizers = builtin_finalizers();
    finalizers.push(Box::new(LinksFinalizer::new(closure)));
    finalizers.push(Box::new(DanglingFinalizer::new(closure)));
    if spec.package_database {
        finalizers.push(Box::new(DatabaseFinalizer::new(spec, closure)?));
    }
    let chosen = std::mem::take(&mut closure.selection.files);
    if closure.sliced.is_empty() {
        drop(chosen);
        return Ok((assemble(assembly, contents, &finalizers)?, Vec::new()));
    }
    let kept = chosen.into_iter().map(|file| file.path).collect();
    let mutation = Arc::new(Mutation::new(Arc::clone(&closure.sliced), kept));
    finalizers.insert(0, Box::new(Arc::clone(&mutation)));
    let rootfs = assemble(assembly, contents, &finalizers)
        .map_err(|error| mutation.failure().unwrap_or_else(|| error.into()))?;
    Ok((rootfs, mutation.printed()))
}

/// A package with its scripts and declarations.
fn package(
    closure: &Closure,
    contents: &dyn Contents,
    index: usize,
) -> Result<Option<mikron_rootfs::Package>, Error> {
    let resolved = &closure.packages[index];
    let mut declarations = Vec::new();
    for (path, digest) in closure.declarations(index) {
        let mut text = Vec::new();
        let read = contents
            .open(&digest)
            .and_then(|mut body| body.read_to_end(&mut text));
        read.map_err(Error::io("read", path.to_string()))?;
        declarations.push((path.clone(), text));
    }
    let Some(format) = format_of(resolved.family) else {
        return Ok(None);
    };
    Ok(Some(mikron_rootfs::Package {
        origin: Origin {
            source: resolved.source.clone(),
            archive: resolved.record.location.clone(),
        },
        root: resolved.role == resolve::Role::Sliced || closure.is_root(index),
        declarations,
        ..mikron_rootfs::Package::new(
            Arc::new(closure.inputs[index].facts.metadata.clone()),
            format.order(),
        )
    }))
}

impl Built {
    /// Config and manifest.
    pub(crate) fn image(&self, spec: &Spec) -> Result<Image, Error> {
        let layer = |layer: &KeyedLayer| ImageLayer {
            layer: layer.layer,
            created_by: created_by(&layer.packages),
            annotations: BTreeMap::new(),
        };
        let run_as = self.run_as.map(|(uid, gid)| RunAs { uid, gid });
        Ok(Image::new(
            self.platform,
            self.created,
            &translate::config(spec, run_as),
            self.layers.iter().map(layer).collect(),
            &translate::annotations(spec),
        )?)
    }

    pub(crate) fn report(&self, image: &Image) -> PlatformReport {
        let layer = |(own, stored): (&KeyedLayer, &ImageLayer)| LayerReport {
            digest: stored.layer.blob.digest,
            size: stored.layer.blob.size,
            diff_id: stored.layer.diff_id,
            packages: own.packages.clone(),
        };
        PlatformReport {
            platform: self.platform,
            digest: image.manifest_blob().digest,
            config: Some(Digest::of(image.config())),
            size: image.size(),
            layers: self.layers.iter().zip(image.layers()).map(layer).collect(),
            packages: self.packages.clone(),
            scripts: self.scripts.clone(),
            warnings: self.warnings.clone(),
        }
    }
}

/// What `docker history` shows of a layer. Short: the packages of a full layer would fill a screen.
fn created_by(packages: &[PackageName]) -> String {
    match packages {
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

fn script_reports(closure: &Closure, rootfs: &Rootfs) -> Vec<ScriptReport> {
    let asked_for: BTreeSet<&str> = closure
        .packages
        .iter()
        .filter(|package| {
            matches!(
                package.role,
                resolve::Role::Root { .. } | resolve::Role::Sliced
            )
        })
        .map(|package| package.record.name.as_str())
        .collect();
    let report = |script: &mikron_rootfs::ScriptReport| {
        let mut report = ScriptReport {
            package: PackageName::new(&script.package).ok()?,
            script: script.script.clone(),
            root: asked_for.contains(script.package.as_str()),
            covered: Vec::new(),
            irrelevant: script.irrelevant.iter().cloned().collect(),
            uncovered: Vec::new(),
        };
        for effect in &script.effects {
            match &effect.outcome {
                Outcome::Covered { finalizer } => {
                    report
                        .covered
                        .push(format!("{} ({finalizer})", effect.command));
                }
                Outcome::Irrelevant { reason } => {
                    report
                        .irrelevant
                        .push(format!("{} ({reason})", effect.command));
                }
                Outcome::NotCovered { reason } => report.uncovered.push(match reason {
                    Some(reason) => format!("{} ({reason})", effect.command),
                    None => effect.command.clone(),
                }),
            }
        }
        Some(report)
    };
    rootfs.scripts.iter().filter_map(report).collect()
}

/// The limits of every reader of a build.
pub(crate) fn limits() -> Limits {
    Limits::default()
}
