//! Slices: from the requests of a spec to the parts of packages that they stand for.
//!
//! Before solving, [`Releases`] are read and the slices selected for a platform: [`Slices`]. Their packages are roots of the
//! solver. Once the facts of packages are known, [`Slices::apply`] says what is taken of each: [`Sliced`]. What slices copy to
//! another path, give another mode or make becomes an entry of the package's facts, so that the closure finds it, follows it
//! and proves it closed like everything else. Scripts run on the merged tree: [`mutation()`].

mod apply;
mod mutation;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use mikron_package::{
    Architecture, Event, Limits, PackageName, Platform, Progress, Relation, Requirement,
};
use mikron_slices::{Release, Selection, SliceError, SliceKey};
use mikron_solve::{Asker, Root};
use mikron_spec::{DefinitionSource, Spec, SpecErrorKind};

use crate::Error;
use crate::files::Beside;
use crate::order::Order;

pub(crate) use apply::Sliced;
pub(crate) use mutation::{failure, mutation};

/// The chisel releases that a spec names, and the slices that it asks for.
#[derive(Debug, Default)]
pub(crate) struct Releases(Vec<Asked>);

/// One release.
#[derive(Debug)]
struct Asked {
    /// The directory as the spec names it.
    name: String,
    release: Release,
    /// The slices that are asked for, with the numbers of the requests.
    wanted: BTreeMap<SliceKey, usize>,
}

impl Releases {
    /// Reads the releases that the spec of an order names. A slice comes from the first that has it.
    ///
    /// # Errors
    /// When a release cannot be read, or a slice that the spec asks for does not exist or stands in a file with a fault. A fault
    /// of another file is a warning.
    pub(crate) fn read(
        order: &Order,
        beside: &Beside,
        progress: &dyn Progress,
        limits: &Limits,
    ) -> Result<Self, Error> {
        let mut releases = Vec::new();
        for source in &order.spec.definitions {
            let DefinitionSource::Chisel(chisel) = source else {
                continue;
            };
            let name = chisel.chisel.trim_end_matches('/').to_owned();
            let path = beside.resolve(&chisel.chisel)?;
            let release = Release::read(&path, limits).map_err(|e| Error::slices(&name, [e]))?;
            warn_of_faults(progress, &name, release.faults());
            let wanted = BTreeMap::new();
            releases.push(Asked {
                name,
                release,
                wanted,
            });
        }
        let mut releases = Self(releases);
        for (number, request) in order.spec.packages.iter().enumerate() {
            for slice in &request.slices {
                let found = SliceKey::new(request.name.as_str(), slice)
                    .and_then(|key| releases.want(key, number));
                if let Err(error) = found {
                    if let Some(asked) = releases.broken(&error) {
                        return Err(Error::slices(&asked.name, [error]));
                    }
                    let document = order.text.document();
                    let kind = SpecErrorKind::Invalid(error.message());
                    let at = ["packages", &number.to_string()];
                    return Err(document.error_at(&at, kind, error.help).into());
                }
            }
        }
        Ok(releases)
    }

    /// The release of which a file has this fault.
    fn broken(&self, error: &SliceError) -> Option<&Asked> {
        self.0
            .iter()
            .find(|asked| asked.release.faults().contains(error))
    }

    fn want(&mut self, key: SliceKey, number: usize) -> Result<(), SliceError> {
        let has = |asked: &Asked| asked.release.slice(&key).is_some();
        if let Some(at) = self.0.iter().position(has) {
            self.0[at].wanted.entry(key).or_insert(number);
            return Ok(());
        }
        // The release that knows the package has the best suggestion.
        let knows = |asked: &&Asked| {
            let package = key.package();
            asked.release.package(package.as_str()).is_some()
                || asked.release.fault_of(package).is_some()
        };
        match self.0.iter().find(knows).or(self.0.first()) {
            Some(asked) => asked
                .release
                .select(&[key], Architecture::Amd64)
                .map(|_| ()),
            // Checked with the spec: where there are slices, there is a release.
            None => Ok(()),
        }
    }

    /// Selects for a platform.
    ///
    /// # Errors
    /// When two slices put something different at one place, or one comes from a store.
    pub(crate) fn select(&self, platform: Platform) -> Result<Slices, Error> {
        let mut selected = Vec::new();
        for asked in self.0.iter().filter(|asked| !asked.wanted.is_empty()) {
            let wanted: Vec<SliceKey> = asked.wanted.keys().cloned().collect();
            let selection = asked
                .release
                .select(&wanted, platform.architecture)
                .map_err(|error| Error::slices(&asked.name, [error]))?;
            selected.push(Selected {
                release: asked.name.clone(),
                selection,
                wanted: asked.wanted.clone(),
            });
        }
        Ok(Slices(selected))
    }
}

/// Tells of files of a release whose slices cannot be selected: how many, and what is wrong with the first.
fn warn_of_faults(progress: &dyn Progress, release: &str, faults: &[SliceError]) {
    let Some(first) = faults.first() else { return };
    let more = match faults.len() - 1 {
        0 => String::new(),
        more => format!(", and {more} more files have a fault"),
    };
    let message = format!(
        "{release}/{}: {}; slices of this file cannot be taken{more}",
        first.at.place(&first.file),
        first.message()
    );
    progress.event(&Event::Warning { message: &message });
}

/// The slices that an image takes on one platform.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slices(Vec<Selected>);

/// What is taken of one release.
#[derive(Clone, Debug)]
struct Selected {
    release: String,
    selection: Selection,
    wanted: BTreeMap<SliceKey, usize>,
}

impl Slices {
    /// Whether slices of this package are taken.
    pub(crate) fn cut(&self, package: &PackageName) -> bool {
        let mut selections = self.0.iter().map(|selected| &selected.selection);
        selections.any(|selection| selection.of_package(package).next().is_some())
    }

    /// The packages of the slices that the spec does not name itself, as roots of the solver, each with the chain of slices
    /// that leads to it.
    pub(crate) fn roots(&self, spec: &Spec) -> Vec<Root> {
        let mut roots: Vec<Root> = Vec::new();
        for Selected {
            selection, wanted, ..
        } in &self.0
        {
            for slice in selection.slices() {
                let key = &slice.slice.key;
                let name = key.package();
                let requirement = Requirement::One(Relation::named(name.clone()));
                let known = spec.packages.iter().any(|request| request.name == *name)
                    || roots.iter().any(|root| root.requirement == requirement);
                let chain = selection.chain(key);
                let number = chain.first().and_then(|first| wanted.get(*first));
                if let (false, Some(number)) = (known, number) {
                    let asker = Asker::Slices {
                        item: *number,
                        chain: chain.iter().map(ToString::to_string).collect(),
                    };
                    roots.push(Root {
                        asker,
                        requirement,
                        source: None,
                    });
                }
            }
        }
        roots
    }

    /// Everything of the releases that the image depends on: what the selected slices say, as far as it counts here. Texts of
    /// other slices, comments and hints are not part of it.
    pub(crate) fn identity(&self) -> String {
        let mut text = String::new();
        for Selected { selection, .. } in &self.0 {
            for selected in selection.slices() {
                let slice = &selected.slice;
                // Writing to a text does not fail.
                let _ = writeln!(text, "{} {:?}", slice.key, selection.chain(&slice.key));
                for content in selection.contents(slice) {
                    let _ = writeln!(text, "{content:?}");
                }
                let _ = writeln!(text, "{:?}", slice.mutate);
            }
        }
        text
    }
}
