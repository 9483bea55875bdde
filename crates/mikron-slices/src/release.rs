//! A chisel release: all its definitions, each checked by itself and against the others.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use mikron_package::{Architecture, Limits, PackageName};

use crate::format::near;
use crate::format::read_head;
use crate::order::order;
use crate::package::{name_of_file, read_package};
use crate::prefer::Preferences;
use crate::read::{check_size, parallel, read_directory};
use crate::{
    Package, ReleaseHead, Selection, Slice, SliceError, SliceErrorKind, SliceKey, SourceFile,
    select,
};

/// A directory of slice definitions, read and checked.
///
/// What is checked when it is read: every file by itself, that every reference leads to a slice, that no slices are essential
/// to each other, and that `prefer` leads along a line. What is wrong with a file is an error when a slice of it is selected, and
/// else one of the [`Release::faults`]: a slip in one of six hundred files is no reason to refuse the others. Whether slices put
/// different things at one place is a question of what is selected together, and [`Release::select`] answers it.
///
/// ```
/// use mikron_package::{Architecture, Limits};
/// use mikron_slices::{Release, SourceFile};
/// let files = [
///     SourceFile::new("chisel.yaml", "
/// format: v1
/// archives:
///   main: { version: 24.04, suites: [noble], components: [main], public-keys: [key] }
/// public-keys:
///   key: { id: 0123456789ABCDEF, armor: '-----BEGIN PGP PUBLIC KEY BLOCK-----' }
/// "),
///     SourceFile::new("slices/hello.yaml", "
/// package: hello
/// slices:
///   bins: { contents: { /usr/bin/hello: } }
/// "),
/// ];
/// let release = Release::of_files(&files, &Limits::default())?;
/// let selection = release.select(&["hello_bins".parse()?], Architecture::Amd64)?;
/// assert_eq!(selection.slices().len(), 1);
/// # Ok::<(), mikron_slices::SliceError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Release {
    head: ReleaseHead,
    packages: BTreeMap<PackageName, Arc<Package>>,
    slices: HashMap<SliceKey, Arc<Slice>>,
    preferences: Arc<Preferences>,
    /// By package, what is wrong with its file.
    broken: BTreeMap<PackageName, SliceError>,
    faults: Vec<SliceError>,
}

impl Release {
    /// Reads a release from its directory: `chisel.yaml` and every `*.yaml` below `slices`, on all processors.
    ///
    /// Each file may be as large as [`Limits::spec`].
    ///
    /// # Errors
    /// When the directory or `chisel.yaml` cannot be read, or `chisel.yaml` is malformed.
    pub fn read(dir: &Path, limits: &Limits) -> Result<Self, SliceError> {
        let (files, unreadable) = read_directory(dir, limits)?;
        let mut release = Self::of_files(&files, limits)?;
        for error in unreadable {
            let package = name_of_file(&error.file).ok();
            release.fault(package.as_ref(), error);
        }
        Ok(release)
    }

    /// Reads a release from files that are in memory: one named `chisel.yaml`, the others by their packages.
    ///
    /// # Errors
    /// As [`Release::read`].
    pub fn of_files(files: &[SourceFile], limits: &Limits) -> Result<Self, SliceError> {
        let is_head = |file: &&SourceFile| file.name() == "chisel.yaml";
        let Some(head_file) = files.iter().find(is_head) else {
            let kind = SliceErrorKind::Unreadable("the file is missing".to_owned());
            return Err(SliceError::new(kind)
                .in_file("chisel.yaml")
                .help("a chisel release has it beside its directory `slices`"));
        };
        check_size(head_file, limits)?;
        let head = read_head(head_file)?;
        let files: Vec<&SourceFile> = files.iter().filter(|file| !is_head(file)).collect();
        let read = parallel(&files, |file| {
            check_size(file, limits)?;
            read_package(file, head.format)
        });
        let mut release = Self {
            head,
            packages: BTreeMap::new(),
            slices: HashMap::new(),
            preferences: Arc::default(),
            broken: BTreeMap::new(),
            faults: Vec::new(),
        };
        for (file, package) in files.iter().zip(read) {
            match package {
                Ok(package) => release.add(package),
                Err(error) => release.fault(name_of_file(file.name()).ok().as_ref(), error),
            }
        }
        release.check_packages();
        release.prefer();
        release.check_loops();
        Ok(release)
    }

    fn add(&mut self, package: Package) {
        let name = package.name.clone();
        if let Some(other) = self.packages.get(&name) {
            let kind = SliceErrorKind::PackageTwice {
                package: name.to_string(),
                other: other.source.name().to_owned(),
            };
            let error = SliceError::new(kind)
                .in_file(package.source.name())
                .help("keep all slices of a package in one file");
            self.fault(Some(&name), error);
        } else if !self.broken.contains_key(&name) {
            for slice in &package.slices {
                self.slices.insert(slice.key.clone(), Arc::clone(slice));
            }
            self.packages.insert(name, Arc::new(package));
        }
    }

    /// Notes a fault. The package that it is of has no slices any more.
    fn fault(&mut self, package: Option<&PackageName>, error: SliceError) {
        self.faults.push(error.clone());
        let Some(name) = package else { return };
        if let Some(package) = self.packages.remove(name) {
            for slice in &package.slices {
                self.slices.remove(&slice.key);
            }
        }
        self.broken.entry(name.clone()).or_insert(error);
    }

    /// What is wrong with files of the release other than `chisel.yaml`, in the order in which it was found. Slices of such a
    /// file cannot be selected; all others can.
    pub fn faults(&self) -> &[SliceError] {
        &self.faults
    }

    /// What is wrong with the file of a package.
    pub fn fault_of(&self, package: &PackageName) -> Option<&SliceError> {
        self.broken.get(package)
    }

    /// What `chisel.yaml` says.
    pub fn head(&self) -> &ReleaseHead {
        &self.head
    }

    /// The packages that have slices, in order of their names.
    pub fn packages(&self) -> impl Iterator<Item = &Package> {
        self.packages.values().map(Arc::as_ref)
    }

    /// A package by its name.
    pub fn package(&self, name: &str) -> Option<&Package> {
        self.packages.get(name).map(Arc::as_ref)
    }

    /// A slice by its full name.
    pub fn slice(&self, key: &SliceKey) -> Option<&Slice> {
        self.slices.get(key).map(Arc::as_ref)
    }

    /// How many slices there are.
    pub fn len(&self) -> usize {
        self.slices.len()
    }

    /// Whether there are no slices at all.
    pub fn is_empty(&self) -> bool {
        self.slices.is_empty()
    }

    /// Selects slices and all that they need on an architecture.
    ///
    /// Essentials come before the slices that need them, and otherwise slices stand in the order of their names, so the order
    /// does not depend on the order of `wanted`. It is the order in which mutation scripts run.
    ///
    /// # Errors
    /// [`SliceErrorKind::Dangling`] for a slice that does not exist, what is wrong with its file for one that cannot be read,
    /// [`SliceErrorKind::Store`] for one that comes from a store, [`SliceErrorKind::Cycle`] for slices that need each other, and
    /// [`SliceErrorKind::Conflict`] when two of the selected slices put something different at one place. Without the feature
    /// `starlark`, [`SliceErrorKind::Script`] for one with a mutation script.
    pub fn select(
        &self,
        wanted: &[SliceKey],
        architecture: Architecture,
    ) -> Result<Selection, SliceError> {
        select::select(self, wanted, architecture)
    }

    /// Checks what chisel checks over a whole release: that there are no [`Release::faults`], that no two slices of it conflict,
    /// on any architecture, and that every mutation script can be read (with the feature `starlark`). For those who keep a release.
    ///
    /// ```no_run
    /// # use mikron_package::Limits;
    /// # use mikron_slices::Release;
    /// let release = Release::read("chisel-release".as_ref(), &Limits::default())?;
    /// for error in release.check() {
    ///     eprintln!("{error}");
    /// }
    /// # Ok::<(), mikron_slices::SliceError>(())
    /// ```
    pub fn check(&self) -> Vec<SliceError> {
        let mut errors = self.faults.clone();
        errors.extend(select::check_all(self));
        #[cfg(feature = "starlark")]
        for slice in self.in_order() {
            if let Some(script) = &slice.mutate
                && let Err(error) = crate::script::parse(script)
            {
                let source = self.packages.get(slice.key.package());
                errors.push(script_error(source.map(|p| &p.source), &slice.key, &error));
            }
        }
        errors
    }

    /// All slices by package, in the order of their files.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = &Arc<Slice>> {
        self.packages.values().flat_map(|package| &package.slices)
    }

    pub(crate) fn shared(&self, key: &SliceKey) -> Option<&Arc<Slice>> {
        self.slices.get(key)
    }

    pub(crate) fn shared_package(&self, name: &PackageName) -> Option<&Arc<Package>> {
        self.packages.get(name)
    }

    pub(crate) fn preferences(&self) -> &Arc<Preferences> {
        &self.preferences
    }

    /// The error for a slice that does not exist, with the nearest one that does, or for one of a broken file.
    pub(crate) fn no_such(&self, key: &SliceKey) -> SliceError {
        if let Some(fault) = self.broken.get(key.package()) {
            return fault.clone();
        }
        let missing = |what, name: String| SliceError::new(SliceErrorKind::Dangling { what, name });
        if let Some(package) = self.packages.get(key.package()) {
            let mut error = missing("slice", key.to_string());
            let names = package.slices.iter().map(|slice| slice.key.to_string());
            let names: Vec<String> = names.collect();
            error.help = near(&key.to_string(), names.iter().map(String::as_str));
            return error;
        }
        let mut error = missing("package", key.package().to_string());
        let names = self.packages.keys().map(PackageName::as_str);
        let name = mikron_yaml::nearest(key.package().as_str(), names);
        error.help = name.map(|name| format!("did you mean `{name}`?"));
        error
    }

    /// Checks what packages refer to: archives, stores, slices.
    fn check_packages(&mut self) {
        let packages: Vec<Arc<Package>> = self.packages.values().cloned().collect();
        for package in packages {
            if let Err(error) = self.check_references(&package) {
                self.fault(Some(&package.name), error);
            }
        }
    }

    fn check_references(&self, package: &Package) -> Result<(), SliceError> {
        if let Some(archive) = &package.archive
            && !self.head.archives.contains_key(archive)
        {
            let kind = SliceErrorKind::Dangling {
                what: "archive",
                name: mikron_yaml::shown(archive),
            };
            let mut error = package.source.error(&["archive"], kind);
            error.help = near(archive, self.head.archives.keys().map(String::as_str));
            return Err(error);
        }
        if let Some((store, _)) = &package.store
            && !self.head.stores.contains(store)
        {
            let kind = SliceErrorKind::Dangling {
                what: "store",
                name: mikron_yaml::shown(store),
            };
            return Err(package.source.error(&["store"], kind));
        }
        for slice in &package.slices {
            for essential in &slice.essential {
                let key = &essential.key;
                // Packages of a store are defined in a directory of their own, which is not read; a broken file says what is
                // wrong with it when its slice is selected.
                let is_known = key.store().is_some()
                    || self.slices.contains_key(key)
                    || self.broken.contains_key(key.package());
                if !is_known {
                    let error = self.no_such(key).of_slice(&slice.key);
                    return Err(place_essential(package, slice, key, error));
                }
            }
        }
        Ok(())
    }

    /// Collects what slices prefer, without the packages that contradict each other there.
    fn prefer(&mut self) {
        loop {
            let broken = |name: &PackageName| self.broken.contains_key(name);
            match Preferences::of(&self.packages, broken) {
                Ok(preferences) => {
                    self.preferences = Arc::new(preferences);
                    return;
                }
                Err(error) => {
                    // The error is of a slice of a package that is there: one package fewer each time.
                    let package = error.slice.as_ref().map(|key| key.package().clone());
                    let gone = package
                        .as_ref()
                        .is_none_or(|name| !self.packages.contains_key(name));
                    self.fault(package.as_ref(), error);
                    if gone {
                        return;
                    }
                }
            }
        }
    }

    /// Looks for slices that are essential to each other. A selection that meets the loop says so again.
    fn check_loops(&mut self) {
        let all: Vec<SliceKey> = self.in_order().map(|slice| slice.key.clone()).collect();
        let essentials = |key: &SliceKey| -> Vec<SliceKey> {
            let slice = self.slices.get(key);
            let needed = slice.into_iter().flat_map(|slice| &slice.essential);
            needed.map(|essential| essential.key.clone()).collect()
        };
        if let Err(cycle) = order(&all, essentials) {
            let error = self.cycle(cycle);
            self.faults.push(error);
        }
    }

    pub(crate) fn cycle(&self, cycle: Vec<SliceKey>) -> SliceError {
        let first = cycle.first().and_then(|key| self.slices.get(key));
        let second = cycle.get(1).or(cycle.first()).cloned();
        let error = SliceError::new(SliceErrorKind::Cycle(cycle))
            .help("move what both need to a slice of its own");
        match (first, second) {
            (Some(slice), Some(needed)) => match self.packages.get(slice.key.package()) {
                Some(package) => {
                    place_essential(package, slice, &needed, error.of_slice(&slice.key))
                }
                None => error,
            },
            _ => error,
        }
    }
}

/// Gives an error the place of an essential: in the slice, or else in the package.
fn place_essential(
    package: &Package,
    slice: &Slice,
    essential: &SliceKey,
    error: SliceError,
) -> SliceError {
    let name = essential.to_string();
    let keys = ["essential", "v3-essential"];
    let paths = keys
        .iter()
        .map(|key| vec!["slices", slice.key.slice(), key, &name])
        .chain(keys.iter().map(|key| vec![*key, &name]));
    for path in paths {
        // An ancestor is found for every path: the place is right when it is the reference itself.
        let placed = package.source.place(&path, error.clone());
        if placed.at.snippet.contains(&name) {
            return placed;
        }
    }
    package.source.place(&["package"], error)
}

/// An error of a script at the place of the script.
pub(crate) fn script_error(
    source: Option<&SourceFile>,
    key: &SliceKey,
    error: &crate::script::ScriptError,
) -> SliceError {
    let kind = SliceErrorKind::Script {
        line: error.line,
        column: error.column,
        kind: error.kind.clone(),
    };
    let mut ours = SliceError::new(kind).of_slice(key);
    ours.help.clone_from(&error.help);
    match source {
        Some(source) => source.place(&["slices", key.slice(), "mutate"], ours),
        None => ours,
    }
}
