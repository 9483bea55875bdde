//! A selection: the slices that were asked for and all that they need, in order and with reasons.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use mikron_package::{Architecture, PackageName};

use crate::conflict::{Placed, conflicts};
use crate::contents::Lifetime;
use crate::order::order;
use crate::prefer::Preferences;
use crate::{Content, Package, Release, Slice, SliceError, SliceErrorKind, SliceKey};

/// Slices chosen for one architecture, each with the reason why. Essentials stand before what needs them.
#[derive(Clone, Debug)]
pub struct Selection {
    architecture: Architecture,
    slices: Vec<SelectedSlice>,
    packages: HashMap<PackageName, Arc<Package>>,
    preferences: Arc<Preferences>,
    /// By path as it is written: the packages that have it, and what all its definitions together say of it.
    paths: HashMap<String, PathUse>,
}

#[derive(Clone, Debug, Default)]
struct PathUse {
    packages: Vec<PackageName>,
    mutable: bool,
    stays: bool,
}

/// One slice of a selection.
#[derive(Clone, Debug)]
pub struct SelectedSlice {
    /// The slice.
    pub slice: Arc<Slice>,
    /// Why it is there.
    pub reason: Reason,
}

/// Why a slice is selected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It was asked for.
    Wanted,
    /// This slice needs it.
    EssentialOf(SliceKey),
}

impl Selection {
    /// The slices in order.
    pub fn slices(&self) -> &[SelectedSlice] {
        &self.slices
    }

    /// The packages that slices were selected of, each once, in the order of their first slices.
    pub fn packages(&self) -> Vec<&PackageName> {
        let mut names: Vec<&PackageName> = Vec::new();
        for selected in &self.slices {
            let name = selected.slice.key.package();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The selected slices of one package.
    pub fn of_package(&self, package: &PackageName) -> impl Iterator<Item = &Arc<Slice>> {
        let slices = self.slices.iter().map(|selected| &selected.slice);
        slices.filter(move |slice| slice.key.package() == package)
    }

    /// How a slice came to be selected: from the one that was asked for, over those that need each other, to `key` itself.
    /// Empty when it is not selected.
    ///
    /// Of several ways the shortest is given, among equals the first by name.
    pub fn chain(&self, key: &SliceKey) -> Vec<&SliceKey> {
        let mut chain = Vec::new();
        let mut at = Some(key);
        while let Some(key) = at.take() {
            let Some(selected) = self.slices.iter().find(|s| s.slice.key == *key) else {
                break;
            };
            chain.push(&selected.slice.key);
            if let Reason::EssentialOf(other) = &selected.reason {
                at = Some(other);
            }
        }
        chain.reverse();
        chain
    }

    /// The paths of a slice that count: those for this architecture which no preferred package takes over.
    pub fn contents<'a>(&'a self, slice: &'a Slice) -> impl Iterator<Item = &'a Content> {
        slice.contents.iter().filter(|content| {
            let package = slice.key.package();
            let rivals = self.paths.get(&content.path);
            let mut rivals = rivals.into_iter().flat_map(|used| &used.packages);
            content.architectures.include(self.architecture)
                && !self
                    .preferences
                    .is_beaten(&content.path, package, &mut rivals)
        })
    }

    /// What all selected definitions of a path say together.
    pub(crate) fn lifetime(&self, path: &str) -> Lifetime {
        let used = self.paths.get(path);
        Lifetime {
            mutable: used.is_some_and(|used| used.mutable),
            until_mutate: used.is_some_and(|used| !used.stays),
        }
    }

    /// Gives an error the place of a path.
    pub(crate) fn place(&self, key: &SliceKey, path: &[&str], error: SliceError) -> SliceError {
        let error = error.of_slice(key);
        match self.packages.get(key.package()) {
            Some(package) => package.source.place(path, error),
            None => error,
        }
    }

    pub(crate) fn package(&self, name: &PackageName) -> Option<&Arc<Package>> {
        self.packages.get(name)
    }
}

/// Selects `wanted` and all that they need.
pub(crate) fn select(
    release: &Release,
    wanted: &[SliceKey],
    architecture: Architecture,
) -> Result<Selection, SliceError> {
    for key in wanted {
        if release.slice(key).is_none() {
            return Err(release.no_such(key));
        }
    }
    let essentials = |key: &SliceKey| -> Vec<SliceKey> {
        let slice = release.slice(key);
        slice
            .into_iter()
            .flat_map(|slice| &slice.essential)
            .filter(|essential| essential.architectures.include(architecture))
            .map(|essential| essential.key.clone())
            .collect()
    };
    let ordered = order(wanted, essentials).map_err(|cycle| release.cycle(cycle))?;
    let reasons = reasons(wanted, essentials);
    let mut packages = HashMap::new();
    let mut slices = Vec::with_capacity(ordered.len());
    for key in ordered {
        let reason = reasons.get(&key).cloned().unwrap_or(Reason::Wanted);
        let package = release.shared_package(key.package());
        let (Some(slice), Some(package)) = (release.shared(&key), package) else {
            return Err(match release.fault_of(key.package()) {
                Some(fault) => fault.clone(),
                None => from_store(release, &key, &reason),
            });
        };
        if package.store.is_some() {
            return Err(from_store(release, &key, &reason));
        }
        #[cfg(not(feature = "starlark"))]
        if slice.mutate.is_some() {
            let error = crate::script::ScriptError::not_built_in();
            let source = Some(&package.source);
            return Err(crate::release::script_error(source, &slice.key, &error));
        }
        packages.insert(package.name.clone(), Arc::clone(package));
        let slice = Arc::clone(slice);
        slices.push(SelectedSlice { slice, reason });
    }
    let mut placed = Vec::new();
    let mut paths: HashMap<String, PathUse> = HashMap::new();
    for selected in &slices {
        for content in &selected.slice.contents {
            if !content.architectures.include(architecture) {
                continue;
            }
            placed.push(Placed::new(&selected.slice, content));
            let used = paths.entry(content.path.clone()).or_default();
            let package = selected.slice.key.package();
            if !used.packages.contains(package) {
                used.packages.push(package.clone());
            }
            used.mutable |= content.mutable;
            used.stays |= !content.until_mutate;
        }
    }
    if let Some(error) = conflicts(release, &placed).into_iter().next() {
        return Err(error);
    }
    Ok(Selection {
        architecture,
        slices,
        packages,
        preferences: Arc::clone(release.preferences()),
        paths,
    })
}

/// All conflicts between any slices of a release, on any architecture.
pub(crate) fn check_all(release: &Release) -> Vec<SliceError> {
    let slices = release.in_order();
    let placed: Vec<Placed<'_>> = slices
        .flat_map(|slice| slice.contents.iter().map(|c| Placed::new(slice, c)))
        .collect();
    conflicts(release, &placed)
}

fn from_store(release: &Release, key: &SliceKey, reason: &Reason) -> SliceError {
    let error = SliceError::new(SliceErrorKind::Store).of_slice(key);
    let error = match reason {
        Reason::Wanted => error,
        Reason::EssentialOf(other) => error.help(format!("`{other}` needs it")),
    };
    match release.shared_package(key.package()) {
        Some(package) => package.source.place(&["store"], error),
        None => error,
    }
}

/// Why each slice is selected: the shortest way from one that is wanted.
fn reasons(
    wanted: &[SliceKey],
    essentials: impl Fn(&SliceKey) -> Vec<SliceKey>,
) -> HashMap<SliceKey, Reason> {
    let by_name = |keys: &mut Vec<SliceKey>| keys.sort_by_cached_key(ToString::to_string);
    let mut first = wanted.to_vec();
    by_name(&mut first);
    let mut reasons: HashMap<SliceKey, Reason> = first
        .iter()
        .map(|key| (key.clone(), Reason::Wanted))
        .collect();
    let mut pending: VecDeque<SliceKey> = first.into();
    while let Some(key) = pending.pop_front() {
        let mut needed = essentials(&key);
        by_name(&mut needed);
        for other in needed {
            if !reasons.contains_key(&other) {
                reasons.insert(other.clone(), Reason::EssentialOf(key.clone()));
                pending.push_back(other);
            }
        }
    }
    reasons
}
