//! What a package offers to specs: its capabilities, with sizes and tokens.

use std::path::Path;
use std::sync::Arc;

use mikron_facts::PackageFacts;
use mikron_matrix::{Capability, Required, capabilities, package_tokens};
use mikron_package::{PackageName, Platform, Version};
use mikron_select::{Definitions, PackageInput, Role, Token};
use serde::Serialize;

use crate::run::{Pins, Run};
use crate::steps::pinned::pinned;
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

/// What a package of the spec's sources offers, on each platform.
pub(crate) fn offers(run: &Run<'_>, name: &PackageName) -> Result<Vec<PackageCapabilities>, Error> {
    let pins = run.pins()?;
    let mut offers = Vec::new();
    for platform in &run.inputs.platforms {
        let package = match &pins {
            Pins::Locked(lock) => {
                let packages = lock.platforms.get(platform).map(|p| &p.packages);
                let mut packages = packages.into_iter().flatten();
                let locked = packages.find(|package| package.name == *name);
                if let Some(locked) = locked {
                    pinned(&run.order.spec, locked)
                } else {
                    let published = run.refresh(&run.inputs.platforms)?;
                    run.solved(*platform, &published, name)?
                }
            }
            Pins::Fresh(published) => run.solved(*platform, published, name)?,
        };
        let definitions = run.tables(*platform)?.definitions;
        let facts = run
            .learner(*platform)?
            .learn(std::slice::from_ref(&package))?;
        let offer = |facts| PackageCapabilities::of(facts, Some(*platform), &definitions);
        offers.extend(facts.into_iter().map(offer));
    }
    Ok(offers)
}
