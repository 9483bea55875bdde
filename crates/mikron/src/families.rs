//! The families of packages: everything that tells one from another, registered once.

mod builtin;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use mikron_package::{Family, Limits, PackageFormat};
use mikron_solve::ResolvoSolver;
use mikron_solve::rules::{Plain, Rules};
use mikron_source::Repository;
use mikron_source::fetch::{Authorities, Vouched};
use mikron_source::preset::Locations;
use mikron_spec::{Place, Source, SourceForm};

use crate::Error;
use crate::files::Beside;

/// What a family of packages is to a build.
///
/// The [`Family`] holds what it knows as data: names of architectures, accounts, layout of the root, kinds of scripts. Its format reads
/// archives, orders versions and writes the package database. `docs/CONTRIBUTING.md` leads through the making of one.
pub trait PackageFamily: Send + Sync {
    /// The family.
    fn family(&self) -> Family;

    /// How its archives are read, its versions ordered, its database written.
    fn format(&self) -> &'static dyn PackageFormat;

    /// How it is solved for its packages.
    fn rules(&self) -> &'static dyn Rules {
        &Plain
    }

    /// The keys of its sources in a spec; `None` where the spec knows them by itself.
    fn form(&self) -> Option<&'static SourceForm> {
        None
    }

    /// The repositories of one source.
    ///
    /// # Errors
    /// When keys cannot be read, or the source cannot be used.
    fn repositories(&self, source: &FamilySource<'_>) -> Result<Vec<Arc<dyn Repository>>, Error>;
}

/// A source of the spec, for its family to make repositories of.
#[derive(Clone, Copy)]
pub struct FamilySource<'a> {
    /// Its name in the spec.
    pub name: &'a str,
    /// What the spec says of it.
    pub source: &'a Source,
    /// Where archives of distributions lie, as options, settings and the machine say.
    pub locations: &'a Locations,
    pub(crate) beside: &'a Beside,
}

impl FamilySource<'_> {
    /// The base URL. A `file:` path that does not begin with `/` is relative to the spec's directory.
    pub fn url(&self) -> String {
        let url = match &self.source.place {
            Place::Url(url) => url,
            Place::Preset(name) => return name.clone(),
        };
        let Some(path) = url.strip_prefix("file:") else {
            return url.clone();
        };
        if path.starts_with('/') {
            let path = path.strip_prefix("//").unwrap_or(path);
            self.beside.note(Path::new(path));
            return url.clone();
        }
        let base = &*self.beside.directory;
        self.beside.note(&base.join(path));
        let here = if base.as_os_str().is_empty() {
            Path::new(".")
        } else {
            base
        };
        let absolute = std::path::absolute(here).unwrap_or(here.to_owned());
        format!("{}/{path}", mikron_source::fetch::file_url(&absolute))
    }

    /// The key files that the spec names, with their contents.
    ///
    /// # Errors
    /// When one may not or cannot be read.
    pub fn keys(&self) -> Result<Vec<(PathBuf, Vec<u8>)>, Error> {
        self.read(&self.source.keys)
    }

    fn read(&self, named: &[String]) -> Result<Vec<(PathBuf, Vec<u8>)>, Error> {
        let cap = Limits::default().release;
        let files = named.iter().map(|named| self.beside.read(named, cap));
        files.collect()
    }

    /// Says who vouches for the servers that the source names, where it says so.
    pub(crate) fn vouch(&self, fetch: &mut Vouched) -> Result<(), Error> {
        if self.source.ca.is_empty() {
            return Ok(());
        }
        let files = self.read(&self.source.ca)?;
        let all: Vec<&[u8]> = files.iter().map(|(_, bytes)| &**bytes).collect();
        let authorities = Authorities::Pem(all.join(&b'\n').into());
        let place = match &self.source.place {
            Place::Url(url) => Some(url),
            Place::Preset(_) => None,
        };
        let mirrors = self.source.mirrors.values();
        let named = mirrors.chain(&self.source.mirrorlist).chain(place);
        named.for_each(|url| fetch.believe_alone(url, &authorities));
        Ok(())
    }
}

/// The families that come with Mikron.
const BUILTIN: [&dyn PackageFamily; 3] = [&builtin::Deb, &builtin::Rpm, &builtin::Apk];

/// The package formats that Mikron reads by itself.
pub fn formats() -> [&'static dyn PackageFormat; 3] {
    BUILTIN.map(PackageFamily::format)
}

/// The families that a build knows.
///
/// ```no_run
/// # fn build(pacman: &'static dyn mikron::PackageFamily) -> Result<(), mikron::Error> {
/// let families = mikron::Families::builtin().with(pacman);
/// let report = mikron::Builder::from_file_with("arch.yaml", families)?.build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Families {
    all: Vec<&'static dyn PackageFamily>,
    solver: ResolvoSolver,
}

impl Families {
    /// Debian's, Red Hat's and Alpine's.
    pub fn builtin() -> Self {
        let none = Self {
            all: Vec::new(),
            solver: ResolvoSolver::default(),
        };
        BUILTIN.into_iter().fold(none, Self::with)
    }

    /// These, and one more. Of two of one name the last holds.
    #[must_use]
    pub fn with(mut self, family: &'static dyn PackageFamily) -> Self {
        self.solver = self.solver.with_rules(family.family(), family.rules());
        self.all.retain(|known| known.family() != family.family());
        self.all.push(family);
        self
    }

    /// The format of one of them.
    pub(crate) fn format(&self, family: Family) -> Option<&'static dyn PackageFormat> {
        self.of(family).map(PackageFamily::format)
    }

    /// The one of a name.
    pub(crate) fn named(&self, name: &str) -> Option<Family> {
        let families = self.all.iter().map(|known| known.family());
        families.into_iter().find(|family| family.name == name)
    }

    /// How further keys of sources are read.
    pub(crate) fn forms(&self) -> Vec<&'static SourceForm> {
        self.all.iter().filter_map(|family| family.form()).collect()
    }

    /// A solver that knows the rules of all.
    pub(crate) fn solver(&self) -> &ResolvoSolver {
        &self.solver
    }

    /// The repositories of one source.
    pub(crate) fn repositories(
        &self,
        source: &FamilySource<'_>,
    ) -> Result<Vec<Arc<dyn Repository>>, Error> {
        let family = source.source.family;
        let known = self.of(family).ok_or_else(|| Error::UnknownFamily {
            source_name: source.name.to_owned(),
            family,
        })?;
        known.repositories(source)
    }

    fn of(&self, family: Family) -> Option<&'static dyn PackageFamily> {
        let mut all = self.all.iter();
        all.find(|known| known.family() == family).copied()
    }
}

impl Default for Families {
    fn default() -> Self {
        Self::builtin()
    }
}

impl std::fmt::Debug for Families {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.all.iter().map(|family| family.family());
        f.debug_list().entries(names).finish()
    }
}
