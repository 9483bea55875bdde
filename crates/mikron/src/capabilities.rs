//! What a package offers to specs: its capabilities, with sizes and tokens.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use mikron_capability::{
    Capability, Definitions, PackageFacts, PackageInput, Required, Role, Token, capabilities,
    package_tokens,
};
use mikron_package::{PackageName, Platform, Version};
use mikron_spec::Spec;
use serde::Serialize;

use crate::builder::Builder;
use crate::engine::{Engine, Pins};
use crate::pinned::pinned;
use crate::resolve::{self, ResolvedPackage};
use crate::slices::Slices;
use crate::{Error, inspect_archive};

/// What a package offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PackageCapabilities {
    /// The platform that it was looked for on; `None` for an archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Name.
    pub name: PackageName,
    /// Version.
    pub version: Version,
    /// Architecture in the family's words.
    pub arch: String,
    /// The capabilities, in order of name.
    pub capabilities: Vec<Capability>,
    /// What the package as a whole provides: its name, and virtual packages.
    pub provides: Vec<Token>,
    /// What the package as a whole requires: its dependencies.
    pub requires: Vec<Required>,
}

impl PackageCapabilities {
    /// What the facts of a package say.
    pub fn of(
        facts: Arc<PackageFacts>,
        platform: Option<Platform>,
        definitions: &Definitions,
    ) -> Self {
        let input = PackageInput::new(Role::root(), facts);
        let (provides, requires) = package_tokens(&input);
        Self {
            platform,
            capabilities: capabilities(&input, definitions),
            provides,
            requires,
            name: input.name,
            version: input.version,
            arch: input.arch,
        }
    }

    /// What an archive offers.
    ///
    /// ```no_run
    /// let offer = mikron::PackageCapabilities::of_archive("nginx_1.22.1-9_amd64.deb".as_ref())?;
    /// for capability in &offer.capabilities {
    ///     println!("{}:{} has {} bytes", offer.name, capability.name, capability.bytes);
    /// }
    /// # Ok::<(), mikron::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the file cannot be read or is no archive.
    pub fn of_archive(path: &Path) -> Result<Self, Error> {
        let facts = Arc::new(inspect_archive(path)?);
        Ok(Self::of(facts, None, &Definitions::builtin()))
    }
}

impl Builder {
    /// What a package of the spec's sources offers, on each platform. The version is the one that the spec's image has or would
    /// have; the spec need not name the package.
    ///
    /// # Errors
    /// When a source cannot be had or trusted, or has no such package.
    pub fn capabilities(&self, package: &PackageName) -> Result<Vec<PackageCapabilities>, Error> {
        Engine::open(self)?.offers(package)
    }
}

impl Engine<'_> {
    fn offers(&self, name: &PackageName) -> Result<Vec<PackageCapabilities>, Error> {
        let pins = self.pins(&self.platforms)?;
        let mut offers = Vec::new();
        for platform in &self.platforms {
            let package = match &pins {
                Pins::Locked(lock) => {
                    let packages = lock.platforms.get(platform).map(|p| &p.packages);
                    let mut packages = packages.into_iter().flatten();
                    let locked = packages.find(|package| package.name == *name);
                    if let Some(locked) = locked {
                        pinned(&self.builder.spec, locked)
                    } else {
                        let published = self.sources.refresh(self, &self.platforms)?;
                        self.solved(*platform, &published, name)?
                    }
                }
                Pins::Fresh(published) => self.solved(*platform, published, name)?,
            };
            let definitions = self.tables(*platform)?.definitions;
            let facts = self.learn(std::slice::from_ref(&package), &self.spool())?;
            let offer = |facts| PackageCapabilities::of(facts, Some(*platform), &definitions);
            offers.extend(facts.into_iter().map(offer));
        }
        Ok(offers)
    }

    /// The package as the spec's image would have it, or, where it has none, by itself.
    fn solved(
        &self,
        platform: Platform,
        published: &crate::sources::Published,
        name: &PackageName,
    ) -> Result<ResolvedPackage, Error> {
        let universes = published.universes(self, platform)?;
        let solver = &*self.builder.options.solver;
        let find = |spec: &Spec| -> Result<Option<ResolvedPackage>, Error> {
            let slices = if spec.packages.iter().any(|p| !p.slices.is_empty()) {
                self.tables(platform)?.slices
            } else {
                Slices::default()
            };
            let nothing = BTreeMap::new();
            let mut resolution =
                resolve::resolve(solver, &universes, spec, &slices, &nothing, platform)?;
            let is_it = |package: &ResolvedPackage| package.record.name == *name;
            resolution.packages.retain(is_it);
            self.sources.pin(self, &mut resolution.packages)?;
            Ok(resolution.packages.pop())
        };
        // Where the spec itself has no solution, the package alone may still have one.
        if let Ok(Some(package)) = find(&self.builder.spec) {
            return Ok(package);
        }
        let mut alone = self.builder.spec.clone();
        alone.packages = vec![mikron_spec::PackageRequest::new(name.clone())];
        find(&alone)?.ok_or_else(|| Error::Unsupported {
            what: format!("the virtual package {name}"),
            remedy: "name a package that provides it".to_owned(),
        })
    }
}
