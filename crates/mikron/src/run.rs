//! One run over a spec: the steps of a build, one after the other, for whoever looks at what they give.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use mikron_facts::{Spool, Symbols};
use mikron_package::{Digest, PackageName, PackageRecord, Platform, Task, TaskKind, Version};
use mikron_solve::Solver;
use mikron_spec::{Lock, LockedPlatform, PackageRequest, Spec, Timestamp};

use crate::Error;
use crate::error::{SourceFault, UnfoundCause};
use crate::files::Beside;
use crate::order::Order;
use crate::session::Session;
use crate::steps::base::{Base, Lower};
use crate::steps::closure::{self, Closure};
use crate::steps::contents::PackageContents;
use crate::steps::facts::Learner;
use crate::steps::inputs::{self, Inputs, Versions};
use crate::steps::own::{OwnFiles, Reader};
use crate::steps::pinned::{pinned, provide_paths};
use crate::steps::resolve::{self, Providers, Resolution, Roots, Wish};
use crate::steps::resolved::{ResolvedPackage, Role};
use crate::steps::seek::Seeker;
use crate::steps::slices::Slices;
use crate::steps::sought::Kind;
use crate::steps::sources::{Published, Sources};
use crate::steps::tables::PlatformTables;
use crate::steps::universes::Universes;

/// Bytes of file contents that are held in memory between the facts pass and the layers; the rest lies in a temporary file.
const SPOOL_MEMORY: u64 = 4 << 20;

/// An order in a session, with what was read beside its spec.
pub(crate) struct Run<'a> {
    pub(crate) session: &'a Session,
    pub(crate) order: &'a Order,
    pub(crate) beside: Beside,
    pub(crate) inputs: Inputs,
    sources: Sources<'a>,
    pub(crate) spool: Spool,
    /// The image that is built upon.
    pub(crate) base: Option<Base>,
}

/// Where the packages of a run come from.
pub(crate) enum Pins {
    /// The lock.
    Locked(Arc<Lock>),
    /// What the sources publish now.
    Fresh(Box<Published>),
}

impl<'a> Run<'a> {
    /// Reads what lies beside the spec and finds its sources. Where its lock counts and is fresh, the run works from that; where it
    /// does not, from the spec alone, whatever its lock says, or whether it can be read.
    pub(crate) fn new(
        session: &'a Session,
        order: &'a Order,
        lock_counts: bool,
    ) -> Result<Self, Error> {
        let Session { limits, .. } = session;
        let (policy, progress) = (session.policy(), session.progress());
        let beside = Beside::new(order.directory(), policy);
        beside.note(&order.file);
        let mut inputs = Inputs::read(order, &beside, policy, limits, progress, lock_counts)?;
        let base = Base::open(order, &beside, session, &inputs.platforms)?;
        if let Some(lock) = &inputs.lock
            && !inputs::is_of_base(order, lock, base.as_ref(), progress)?
        {
            inputs.lock = None;
        }
        Ok(Self {
            base,
            sources: Sources::find(session, order, &beside, inputs.lock.as_ref())?,
            spool: Spool::in_dir(SPOOL_MEMORY, session.cache.path()),
            session,
            order,
            beside,
            inputs,
        })
    }

    /// The files that the spec puts into the image.
    pub(crate) fn files(&self) -> Result<OwnFiles, Error> {
        let nothing = Symbols::default();
        let mut files = self.order.spec.files.iter();
        let symbols = if files.any(|file| file.content.source().is_some()) {
            self.inputs.tables.symbols()?
        } else {
            &nothing
        };
        let reader = Reader {
            session: self.session,
            order: self.order,
            beside: &self.beside,
            spool: &self.spool,
            symbols,
        };
        reader.read()
    }

    /// The lock where there is a fresh one, else what the sources publish.
    pub(crate) fn pins(&self) -> Result<Pins, Error> {
        if let Some(lock) = &self.inputs.lock {
            tracing::debug!(digest = %lock.digest(), "from the lock");
            return Ok(Pins::Locked(Arc::clone(lock)));
        }
        let published = self.refresh(&self.inputs.platforms)?;
        tracing::debug!(identity = published.identity(), "refreshed");
        Ok(Pins::Fresh(Box::new(published)))
    }

    /// What the sources publish now for these platforms.
    pub(crate) fn refresh(&self, platforms: &[Platform]) -> Result<Published, Error> {
        self.sources.refresh(platforms)
    }

    /// SOURCE_DATE_EPOCH where it is set, else the newest index date.
    pub(crate) fn epoch(&self, pins: &Pins) -> Result<i64, Error> {
        let Some(text) = self.session.environment().var("SOURCE_DATE_EPOCH") else {
            return Ok(match pins {
                Pins::Locked(lock) => lock.epoch.seconds(),
                Pins::Fresh(published) => published.epoch(),
            });
        };
        text.parse()
            .ok()
            .filter(|epoch| (0..=253_402_300_799).contains(epoch))
            .ok_or_else(|| Error::SourceDateEpoch(text.to_owned()))
    }

    pub(crate) fn tables(&self, platform: Platform) -> Result<PlatformTables, Error> {
        let slices = self.inputs.releases.select(platform)?;
        self.inputs.tables.on(&self.order.spec, platform, slices)
    }

    /// What the image that is built upon has.
    pub(crate) fn lower(&self, platform: Platform) -> Result<Option<Arc<Lower>>, Error> {
        let Some(base) = &self.base else {
            return Ok(None);
        };
        let symbols = self.inputs.tables.symbols()?;
        base.lower(platform, self.order, self.session, symbols, &self.spool)
    }

    /// The packages to choose from, with those of the image that is built upon installed.
    fn universes(
        &self,
        published: &Published,
        platform: Platform,
    ) -> Result<Universes<'static>, Error> {
        let universes = self.sources.universes(published, platform)?;
        self.on_base(universes, platform)
    }

    fn on_base<'u>(
        &self,
        universes: Universes<'u>,
        platform: Platform,
    ) -> Result<Universes<'u>, Error> {
        let lower = self.lower(platform)?;
        let families = &self.order.families;
        let installed = lower.and_then(|lower| lower.installed(platform, families));
        Ok(universes.on_base(installed))
    }

    pub(crate) fn learner(&self, platform: Platform) -> Result<Learner<'_>, Error> {
        Ok(Learner {
            lower: self.lower(platform)?,
            session: self.session,
            sources: &self.sources,
            spec: &self.order.spec,
            symbols: self.inputs.tables.symbols()?,
            spool: &self.spool,
        })
    }

    /// Solves and selects for one platform; nothing is missing in what comes of it.
    pub(crate) fn close(
        &self,
        platform: Platform,
        pins: &Pins,
        own: &OwnFiles,
    ) -> Result<Closure, Error> {
        let closure = self.close_open(platform, pins, own)?;
        let chosen = closure.selection.files.len();
        tracing::debug!(%platform, files = chosen, missing = closure.selection.missing.len(), "selected");
        closure.closed(platform, self.order.spec.strict)
    }

    /// Solves and selects for one platform, whatever is missing.
    pub(crate) fn close_open(
        &self,
        platform: Platform,
        pins: &Pins,
        own: &OwnFiles,
    ) -> Result<Closure, Error> {
        match pins {
            Pins::Fresh(published) => self.close_fresh(platform, published, own),
            Pins::Locked(lock) => self.close_locked(platform, lock, own),
        }
    }

    /// Who chooses the packages: whom the session was opened with, or who knows the families' rules.
    pub(crate) fn solver(&self) -> &dyn Solver {
        let own = self.session.solver();
        own.unwrap_or_else(|| self.order.families.solver())
    }

    fn close_fresh(
        &self,
        platform: Platform,
        published: &Published,
        own: &OwnFiles,
    ) -> Result<Closure, Error> {
        let (spec, solver) = (&self.order.spec, self.solver());
        let progress = self.session.progress();
        let task = Task::start(progress, TaskKind::Solve, &platform.to_string(), None);
        let tables = self.tables(platform)?;
        let slices = &tables.slices;
        let universes = self.universes(published, platform)?;
        let (nothing, none) = (BTreeMap::new(), BTreeSet::new());
        let preferred = self.inputs.preferred.get(&platform).unwrap_or(&nothing);
        let asked = Roots {
            spec,
            slices,
            found: &none,
        };
        let resolve = |versions| resolve::resolve(solver, &universes, asked, versions, platform);
        let mut resolution = resolve(preferred)?;
        if !preferred.is_empty() {
            let newest = resolve(&nothing)?;
            self.warn_of_newer(platform, &resolution, &newest);
        }
        if self.order.whole_of.is_some() {
            resolution.add_essential(solver, &universes, asked, preferred);
        }
        drop(task);
        let packages = resolution.packages.len();
        tracing::debug!(%platform, packages, "solved");
        self.sources.pin(&mut resolution.packages)?;
        let learner = self.learner(platform)?;
        // The indexes of a distribution weigh as much as a decoder. They are let go of where archives are read next, and whoever looks
        // for more opens them again.
        let keep = learner.are_known(&resolution.packages);
        let held = RefCell::new(keep.then_some(universes));
        let of_files = RefCell::new(BTreeSet::new());
        let of_programs = RefCell::new(BTreeSet::new());
        let find =
            |there: &[ResolvedPackage], wish: &Wish| {
                let universes = match held.take() {
                    Some(universes) => universes,
                    None => self.universes(published, platform)?,
                };
                let mut of_files = of_files.borrow_mut();
                let mut unfound = Vec::new();
                let before = of_files.len();
                let seeker = Seeker {
                    sources: &self.sources,
                    published,
                    universes: &universes,
                    platform,
                };
                let names = there.iter().map(|package| package.record.name.clone());
                let names: BTreeSet<PackageName> = names.collect();
                for need in &wish.needs {
                    match seeker.seek(need, &names)? {
                        Ok(package) => {
                            tracing::debug!(%platform, %package, sought = %need.sought, "found");
                            if need.kind == Kind::Programs {
                                of_programs.borrow_mut().insert(package.clone());
                            }
                            of_files.insert(package);
                        }
                        Err(cause) => unfound.push(need.unfound(cause)),
                    }
                }
                let all = asked.with_found(&of_files);
                let mut found = resolve::providers(solver, &universes, all, preferred, there, wish);
                if of_files.len() > before {
                    let mut versions = preferred.clone();
                    versions.extend(there.iter().map(|package| {
                        (package.record.name.clone(), package.record.version.clone())
                    }));
                    let solve = |found: &BTreeSet<PackageName>| {
                        let all = asked.with_found(found);
                        resolve::resolve(solver, &universes, all, &versions, platform)
                    };
                    let programs = of_programs.borrow();
                    let again = resolve::widened(&solve, &universes, &mut of_files, &programs)?;
                    found.again = Some(again.packages);
                }
                found.unfound = unfound;
                self.sources.pin(&mut found.named)?;
                self.sources.pin(&mut found.others)?;
                self.sources
                    .pin(found.again.as_deref_mut().unwrap_or_default())?;
                let new = found.again.as_ref().unwrap_or(&found.named);
                if learner.are_known(new) {
                    held.replace(Some(universes));
                }
                Ok(found)
            };
        let packages = resolution.packages;
        closure::close(spec, &tables, packages, own, &learner, &find)
    }

    /// Tells which packages are older than they would be without the lock that was there.
    fn warn_of_newer(&self, platform: Platform, kept: &Resolution, newest: &Resolution) {
        let versions = |of: &Resolution| -> BTreeMap<PackageName, Version> {
            let packages = of.packages.iter();
            let version = packages.map(|p| (p.record.name.clone(), p.record.version.clone()));
            version.collect()
        };
        let (kept, newest) = (versions(kept), versions(newest));
        let other = kept.iter().filter_map(|(name, version)| {
            let other = newest.get(name).filter(|other| *other != version)?;
            Some(format!("{name} {version} (now {other})"))
        });
        let other: Vec<String> = other.collect();
        if other.is_empty() {
            return;
        }
        self.session.warn(&format!(
            "{platform}: as the lock has them, though there are others now: {}; `mikron lock --update` takes those",
            other.join(", ")
        ));
    }

    /// Solves again, over the locked packages alone: the reasons come from what the archives themselves say.
    fn close_locked(
        &self,
        platform: Platform,
        lock: &Lock,
        own: &OwnFiles,
    ) -> Result<Closure, Error> {
        let spec = &self.order.spec;
        let tables = self.tables(platform)?;
        let nothing = LockedPlatform::default();
        let locked = &lock.platforms.get(&platform).unwrap_or(&nothing).packages;
        let pinned: Vec<ResolvedPackage> =
            locked.iter().map(|locked| pinned(spec, locked)).collect();
        let learner = self.learner(platform)?;
        let facts = learner.learn(&pinned)?;
        let mut records = Vec::new();
        let mut of_records = Vec::new();
        let mut providers = Vec::new();
        let mut found = BTreeSet::new();
        for (package, (facts, locked)) in pinned.into_iter().zip(facts.iter().zip(locked)) {
            let record = PackageRecord {
                location: locked.location.clone(),
                size: locked.size,
                digest: Some(locked.digest),
                ..facts.metadata.record.clone()
            };
            if package.role == Role::Found {
                found.insert(record.name.clone());
            }
            if package.role == Role::Provider {
                providers.push(ResolvedPackage { record, ..package });
            } else {
                records.push((record, package.family, package.source));
                of_records.push(facts);
            }
        }
        provide_paths(&mut records, &of_records);
        let universes = resolve::locked_universes(platform, spec, &self.order.families, &records);
        let universes = self.on_base(universes, platform)?;
        let asked = Roots {
            spec,
            slices: &tables.slices,
            found: &found,
        };
        let none = BTreeMap::new();
        let resolution = resolve::resolve(self.solver(), &universes, asked, &none, platform)?;
        let mut packages = resolution.packages;
        packages.extend(providers);
        // What was found when the lock was made is in it.
        let nothing = |_: &[ResolvedPackage], wish: &Wish| {
            let unfound = wish.needs.iter();
            Ok(Providers {
                unfound: unfound
                    .map(|need| need.unfound(UnfoundCause::Locked))
                    .collect(),
                ..Providers::default()
            })
        };
        closure::close(spec, &tables, packages, own, &learner, &nothing)
    }

    /// Which version of each of these packages the spec's image has; where it has none, and is not locked, which one it would have if
    /// something in it needed the package.
    pub(crate) fn versions<'n>(
        &self,
        platform: Platform,
        pins: &Pins,
        names: impl Iterator<Item = &'n PackageName>,
    ) -> Result<Versions, Error> {
        let lower = self.lower(platform)?;
        let below = lower.iter().flat_map(|lower| lower.packages());
        let below = below.map(|facts| &facts.metadata.record);
        let below = below.map(|record| (record.name.clone(), record.version.clone()));
        let mut versions = Versions::new();
        let published = match pins {
            Pins::Fresh(published) => published,
            Pins::Locked(lock) => {
                let locked = lock.platforms.get(&platform).into_iter();
                let packages = locked.flat_map(|locked| &locked.packages);
                versions.extend(packages.map(|p| (p.name.clone(), p.version.clone())));
                versions.extend(below);
                return Ok(versions);
            }
        };
        let universes = self.universes(published, platform)?;
        for name in names {
            for universe in universes.iter() {
                let ids = universe.named(name.as_str()).into_iter();
                let rank = |id| (universe.priority(id), universe.record(id).version);
                let best = ids.map(rank).max_by(|(a, one), (b, other)| {
                    a.cmp(b)
                        .then_with(|| universe.order().compare(one.as_str(), other.as_str()))
                });
                if let Some((_, version)) = best {
                    versions.insert(name.clone(), version);
                }
            }
        }
        let tables = self.tables(platform)?;
        let (nothing, none) = (Versions::new(), BTreeSet::new());
        let asked = Roots {
            spec: &self.order.spec,
            slices: &tables.slices,
            found: &none,
        };
        let solved = resolve::resolve(self.solver(), &universes, asked, &nothing, platform)?;
        let packages = solved.packages.into_iter();
        versions.extend(packages.map(|p| (p.record.name, p.record.version)));
        versions.extend(below);
        Ok(versions)
    }

    /// The package as the spec's image would have it, or, where it has none, by itself.
    pub(crate) fn solved(
        &self,
        platform: Platform,
        published: &Published,
        name: &PackageName,
    ) -> Result<ResolvedPackage, Error> {
        let universes = self.universes(published, platform)?;
        let find = |spec: &Spec| -> Result<Option<ResolvedPackage>, Error> {
            let slices = if spec.packages.iter().any(|p| !p.slices.is_empty()) {
                self.tables(platform)?.slices
            } else {
                Slices::default()
            };
            let (nothing, none) = (BTreeMap::new(), BTreeSet::new());
            let asked = Roots {
                spec,
                slices: &slices,
                found: &none,
            };
            let mut resolution =
                resolve::resolve(self.solver(), &universes, asked, &nothing, platform)?;
            let is_it = |package: &ResolvedPackage| package.record.name == *name;
            resolution.packages.retain(is_it);
            self.sources.pin(&mut resolution.packages)?;
            Ok(resolution.packages.pop())
        };
        // Where the spec itself has no solution, the package alone may still have one.
        if let Ok(Some(package)) = find(&self.order.spec) {
            return Ok(package);
        }
        let mut alone = self.order.spec.clone();
        alone.packages = vec![PackageRequest::new(name.clone())];
        find(&alone)?.ok_or_else(|| Error::NoSuchPackage(name.clone()))
    }

    /// The contents that the image takes of the packages of a closure, `wanted` by package: each package is read when one of
    /// its contents is asked for that the spool lacks.
    pub(crate) fn contents<'c>(
        &'c self,
        closure: &Closure,
        own: &'c OwnFiles,
        wanted: impl Iterator<Item = (usize, Digest)> + Clone,
    ) -> Result<PackageContents<'c>, Error> {
        let lacking = wanted
            .clone()
            .filter(|(_, content)| !self.spool.contains(content));
        let lacking: BTreeSet<usize> = lacking.map(|(package, _)| package).collect();
        let known = |package: usize| {
            let facts = Arc::clone(&closure.facts[package]);
            (package, (closure.packages[package].clone(), facts))
        };
        let known: BTreeMap<usize, _> = lacking.into_iter().map(known).collect();
        let learner = self.learner(closure.wanted.platform)?;
        let fill = move |package: usize, wanted: &BTreeSet<Digest>| match known.get(&package) {
            Some((package, facts)) => {
                let filled = learner.fill(package, facts, wanted);
                filled.map_err(io::Error::other)
            }
            None => Ok(()),
        };
        let packages = closure.packages.len();
        Ok(PackageContents::new(
            &self.spool,
            (own, closure.lower.clone()),
            packages,
            wanted,
            Box::new(fill),
            self.session.cancellation(),
        ))
    }
}

impl Pins {
    /// A digest of everything in the pins that the image depends on.
    pub(crate) fn identity(&self) -> String {
        match self {
            Self::Locked(lock) => format!("lock {}", lock.digest()),
            Self::Fresh(published) => format!("indexes {}", published.identity()),
        }
    }
}

/// The date of an index as a lock has it.
///
/// # Errors
/// When no calendar has it.
pub(crate) fn timestamp(seconds: i64) -> Result<Timestamp, Error> {
    Timestamp::new(seconds).ok_or_else(|| SourceFault::Date(seconds).into())
}
