//! What one build is asked for: a spec, where it lies, and where its image goes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mikron_oci::{BlobStore, Recipe};
use mikron_package::{Limits, PackageName, Platform};
use mikron_spec::{Draft, Lock, Spec, SpecError, SpecText, Specs};

use crate::Output;
use crate::families::Families;
use crate::steps::translate;

/// A spec with everything that a build is told beside it.
#[derive(Clone)]
pub(crate) struct Order {
    pub(crate) spec: Spec,
    /// All images that the spec describes; this one is one of them.
    pub(crate) specs: Arc<Specs>,
    /// The name of the variant that this is.
    pub(crate) variant: Option<String>,
    /// The specs that it extends, relative to its directory.
    pub(crate) extends: Vec<String>,
    /// The families that the spec may have sources of.
    pub(crate) families: Families,
    /// What the spec was read from; empty for one that a program has put together.
    pub(crate) text: SpecText,
    /// The file of the spec: what it names lies beside it.
    pub(crate) file: PathBuf,
    pub(crate) outputs: Vec<Output>,
    pub(crate) stores: Vec<(Arc<dyn BlobStore>, String)>,
    /// Whether blobs that no tag of a layout reaches stay.
    pub(crate) keep: bool,
    /// What `docker load` calls the image.
    pub(crate) name: Option<String>,
    /// The platforms that were asked for; none stands for all of the spec.
    pub(crate) platforms: Vec<Platform>,
    /// Whether the lock must be there, and fresh.
    pub(crate) locked: bool,
    pub(crate) update: Update,
}

/// Which packages a new lock may have in other versions than the lock before it, though nothing demands it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Update {
    /// None: what is new comes in, and all the rest stays as it is.
    #[default]
    Nothing,
    /// These.
    Packages(BTreeSet<PackageName>),
    /// All.
    Everything,
}

impl Update {
    /// Whether a package may change.
    pub(crate) fn has(&self, package: &PackageName) -> bool {
        match self {
            Self::Nothing => false,
            Self::Packages(packages) => packages.contains(package),
            Self::Everything => true,
        }
    }
}

impl Order {
    pub(crate) fn new(specs: Specs, file: PathBuf, families: Families) -> Self {
        let Draft { spec, text } = specs.plain.clone();
        Self {
            spec,
            specs: Arc::new(specs),
            variant: None,
            extends: Vec::new(),
            families,
            text,
            file,
            outputs: Vec::new(),
            stores: Vec::new(),
            keep: false,
            name: None,
            platforms: Vec::new(),
            locked: false,
            update: Update::default(),
        }
    }

    /// A lock of such a spec.
    pub(crate) fn read_lock(
        &self,
        file: &Path,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<Lock, SpecError> {
        let forms = self.families.forms();
        Lock::from_bytes(&forms, &file.display().to_string(), bytes, limits)
    }

    /// How layers are compressed: not at all where they only go to archives that have them uncompressed.
    pub(crate) fn recipe(&self) -> Recipe {
        let keeps = self.outputs.iter().any(Output::keeps_compression);
        if self.stores.is_empty() && !self.outputs.is_empty() && !keeps {
            Recipe::None
        } else {
            translate::recipe(&self.spec)
        }
    }

    /// The name that an archive for `docker load` has for the image.
    pub(crate) fn docker_name(&self) -> String {
        let default = || format!("localhost/{}", self.spec.name);
        self.name.clone().unwrap_or_else(default)
    }

    /// The directory that names of the spec are relative to.
    pub(crate) fn directory(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new(""))
    }

    /// Where the lock lies: beside the spec, with `.lock` for its extension (`nginx.yaml`, `nginx.lock`, `nginx.debug.lock`).
    pub(crate) fn lock_file(&self) -> PathBuf {
        match &self.variant {
            Some(variant) => self.file.with_extension(format!("{variant}.lock")),
            None => self.file.with_extension("lock"),
        }
    }
}
