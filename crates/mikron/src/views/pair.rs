//! A pair: of an image to build in, and the one that runs what it builds. What a program is linked with must be what it runs with.

use mikron_facts::PackageFacts;
use mikron_package::Platform;
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
        Ok(format!("{} {pins}", self.order.spec.resolution_digest()))
    }

    /// Looks whether the libraries of a closure have the versions there that they have here. What that image's
    /// sources do not have cannot be another there.
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
        let names = libraries.clone().map(|(package, _)| &package.record.name);
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
    let elves = facts.files.iter().filter_map(|file| file.elf.as_ref());
    let sonames = elves.filter_map(|elf| elf.soname.as_deref());
    sonames.min_by_key(|name| (name.len(), *name))
}
