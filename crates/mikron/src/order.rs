//! What one build is asked for: a spec, where it lies, and where its image goes.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mikron_oci::{BlobStore, Recipe};
use mikron_package::{Limits, PackageName, Platform};
use mikron_spec::{
    Base, Bases, Draft, Lock, Policy, Reader, Spec, SpecError, SpecErrorKind, SpecText, Specs,
};

use crate::families::Families;
use crate::files::{self, Beside};
use crate::steps::translate;
use crate::{Error, Output};

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
    /// The parameters that it was read with.
    pub(crate) params: BTreeMap<String, String>,
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
    /// The spec that the lock was made for, where this is the whole of it ([`Builder::whole`](crate::Builder::whole)).
    pub(crate) whole_of: Option<Arc<Spec>>,
}

/// How a spec is read.
#[derive(Clone, Default)]
pub(crate) struct Terms {
    /// The families that it may have sources of.
    pub(crate) families: Families,
    /// What it may name.
    pub(crate) policy: Policy,
    /// Values of its parameters.
    pub(crate) params: BTreeMap<String, String>,
    /// Whether these were meant for another spec first.
    pub(crate) of_another: bool,
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
            params: BTreeMap::new(),
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
            whole_of: None,
        }
    }

    /// The order for the spec in a file.
    pub(crate) fn of_file(terms: &Terms, file: PathBuf) -> Result<Self, Error> {
        let bytes = files::read_capped(&file, Limits::default().spec)?;
        let base = Base {
            name: file.display().to_string(),
            identity: identity(&file),
            text: files::text(&file, bytes)?,
        };
        Self::read(terms, base, file)
    }

    /// The order for a spec that is, or might be, in `file`: it is read with what it extends.
    pub(crate) fn read(terms: &Terms, base: Base, file: PathBuf) -> Result<Self, Error> {
        let directory = file.parent().unwrap_or(Path::new(""));
        let beside = Beside::new(directory, &terms.policy);
        let bases = OnDisk {
            beside: &beside,
            policy: &terms.policy,
            read: RefCell::default(),
        };
        let limits = Limits::default();
        let reader = Reader {
            forms: &terms.families.forms(),
            limits: &limits,
            bases: &bases,
            params: &terms.params,
            of_another: terms.of_another,
        };
        let specs = reader.read(base)?;
        let mut order = Self::new(specs, file, terms.families.clone());
        order.extends = bases.read.into_inner();
        order.params.clone_from(&terms.params);
        Ok(order)
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

    /// What is wrong with something that the spec names, at its place there. `named` is what stands for the place in a spec that a program
    /// has put together.
    pub(crate) fn fault(&self, at: &[&str], named: &str, message: String, help: &str) -> Error {
        let document = self.text.document();
        if document.text.is_empty() {
            return Error::Io {
                action: "take",
                path: named.into(),
                error: std::io::Error::other(message),
            };
        }
        let help = Some(help.to_owned()).filter(|help| !help.is_empty());
        document
            .error_at(at, SpecErrorKind::Invalid(message), help)
            .into()
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

/// Specs that lie beside the one that extends them.
struct OnDisk<'b> {
    beside: &'b Beside,
    policy: &'b Policy,
    /// What was read.
    read: RefCell<Vec<String>>,
}

impl Bases for OnDisk<'_> {
    fn base(&self, path: &str) -> Result<Base, String> {
        if !self.policy.allows(path) {
            return Err("it lies outside the spec's directory".to_owned());
        }
        let read = || {
            let (file, bytes) = self.beside.read(path, Limits::default().spec)?;
            let text = files::text(&file, bytes)?;
            Ok((file, text))
        };
        let (file, text) = read().map_err(|error: Error| match error {
            Error::Io { error, .. } => error.to_string(),
            error => error.to_string(),
        })?;
        self.read.borrow_mut().push(path.to_owned());
        Ok(Base {
            name: self.beside.directory.join(path).display().to_string(),
            identity: identity(&file),
            text,
        })
    }
}

/// The same for the same file, whatever path leads there.
fn identity(file: &Path) -> String {
    let file = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    file.display().to_string()
}
