//! A pair: of an image to build in, and the one that runs what it builds. What a program is linked with must be what it runs with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mikron_facts::{FileFacts, PackageFacts, is_library_place};
use mikron_package::{Platform, merged_usr};
use mikron_spec::Kind;

use crate::Error;
use crate::error::Disagreement;
use crate::order::{Order, Terms};
use crate::run::Run;
use crate::session::Session;
use crate::steps::closure::Closure;

/// The other one of a pair.
pub(crate) struct Pair {
    /// What the spec calls it.
    named: String,
    order: Order,
}

impl Pair {
    /// The spec that this run's spec is paired with, if it is.
    ///
    /// # Errors
    /// When it cannot be read, or is not for running, or not for a platform of this one.
    pub(crate) fn of(run: &Run<'_>) -> Result<Option<Self>, Error> {
        let Some(named) = &run.order.spec.pair else {
            return Ok(None);
        };
        let terms = Terms {
            families: run.order.families.clone(),
            policy: run.session.policy().clone(),
            params: run.order.params.clone(),
            of_another: true,
        };
        let order = Order::of_file(&terms, run.beside.resolve(named)?)?;
        if order.spec.kind == Kind::Build {
            return Err(Error::PairOfBuilds {
                pair: named.clone(),
            });
        }
        let known = &order.spec.platforms;
        let mut platforms = run.inputs.platforms.iter();
        if let Some(platform) = platforms.find(|platform| !known.contains(platform)) {
            return Err(Error::PairWithoutPlatform {
                pair: named.clone(),
                platform: *platform,
                known: known.clone(),
            });
        }
        Ok(Some(Self {
            named: named.clone(),
            order,
        }))
    }

    /// A digest of everything that decides which versions it has, for a build of `of`.
    ///
    /// # Errors
    /// When its sources cannot be had.
    pub(crate) fn identity(&self, of: &Run<'_>) -> Result<String, Error> {
        let pair = self.run(of.session)?;
        for read in pair.beside.asked() {
            of.beside.note(&read);
        }
        let pins = pair.pins()?.identity();
        let base = pair.base.as_ref().map(|base| base.digest.to_string());
        let base = base.unwrap_or_default();
        let request = self.order.spec.resolution_digest();
        Ok(format!("{request} {pins} {base}"))
    }

    /// Looks whether the libraries of a closure have the versions there that they have here: those that the other image has, and those that
    /// programs can be linked with, which it may have yet.
    ///
    /// # Errors
    /// When one has another.
    pub(crate) fn check(
        &self,
        of: &Run<'_>,
        platform: Platform,
        closure: &Closure,
    ) -> Result<(), Error> {
        let pair = self.run(of.session)?;
        let libraries = closure.packages.iter().zip(&closure.facts);
        let libraries = libraries.filter_map(|(package, facts)| Some((package, library(facts)?)));
        let linked = linked(&closure.facts);
        let names = linked.iter().map(|at| &closure.packages[*at].record.name);
        let there = pair.versions(platform, &pair.pins()?, names)?;
        let differing = libraries.filter_map(|(package, library)| {
            let record = &package.record;
            let there = there.get(&record.name).filter(|v| **v != record.version)?;
            Some(Disagreement {
                package: record.name.clone(),
                library: library.to_owned(),
                here: record.version.clone(),
                there: there.clone(),
            })
        });
        let differing: Vec<Disagreement> = differing.collect();
        if differing.is_empty() {
            return Ok(());
        }
        Err(Error::Pair {
            pair: self.named.clone(),
            platform,
            differing,
        })
    }

    fn run<'s>(&'s self, session: &'s Session) -> Result<Run<'s>, Error> {
        Run::new(session, &self.order, true)
    }
}

/// The library that a package is known by: of several the one of the shortest name, as `libc.so.6` of all that lie beside it.
fn library(facts: &PackageFacts) -> Option<&str> {
    let files = facts.files.iter().filter(|file| is_public(file));
    let sonames = files.filter_map(|file| file.elf.as_ref()?.soname.as_deref());
    sonames.min_by_key(|name| (name.len(), *name))
}

/// The packages that programs can be linked with: there is a name for the linker (`libssl.so`) that leads to a file of theirs.
fn linked(packages: &[Arc<PackageFacts>]) -> BTreeSet<usize> {
    let entries = || {
        let numbered = packages.iter().enumerate();
        numbered.flat_map(|(at, facts)| facts.files.iter().map(move |file| (at, file)))
    };
    let mut of = BTreeMap::new();
    for (at, file) in entries().filter(|(_, file)| is_public(file)) {
        of.entry(base_name(file.entry.path.as_bytes()))
            .or_insert(at);
    }
    let leads_to = |file: &FileFacts| {
        let is_for_linker = file.entry.path.as_bytes().ends_with(b".so");
        let target = is_for_linker.then(|| file.link_target()).flatten()?;
        of.get(base_name(target)).copied()
    };
    entries().filter_map(|(_, file)| leads_to(file)).collect()
}

/// Whether the loader finds it by itself.
fn is_public(file: &FileFacts) -> bool {
    is_library_place(&merged_usr(file.entry.path.as_bytes()))
}

fn base_name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}
