//! Where packages come from: the sources of the spec as repositories, what they publish, and their archives.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Seek as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mikron_package::{Architecture, Family, Hasher, PackageFormat, Platform, Sought, Universe};
use mikron_source::download::DownloadError;
use mikron_source::fetch::Vouched;
use mikron_source::preset::Locations;
use mikron_source::universe::IndexUniverse;
use mikron_source::{Context, Holder, PublishedFile, Repository};
use mikron_spec::{Lock, LockedIndex, LockedRelease, LockedSource, LockedSuite, Timestamp};

use crate::Error;
use crate::error::SourceFault;
use crate::families::FamilySource;
use crate::files::Beside;
use crate::order::Order;
use crate::session::Session;
use crate::steps::parallel;
use crate::steps::resolved::ResolvedPackage;
use crate::steps::universes::{Universes, families};

/// The sources of a spec as repositories.
pub(crate) struct Sources<'a> {
    session: &'a Session,
    order: &'a Order,
    /// The lock that is worked from, where there is one.
    lock: Option<Arc<Lock>>,
    repositories: Vec<Arc<dyn Repository>>,
    fetch: Vouched,
}

impl<'a> Sources<'a> {
    /// Finds base URLs and keys of all sources. With a lock, archives that a mirror has dropped are looked for where they are
    /// kept for good, too.
    pub(crate) fn find(
        session: &'a Session,
        order: &'a Order,
        beside: &Beside,
        lock: Option<&Arc<Lock>>,
    ) -> Result<Self, Error> {
        let locations = Locations {
            spec: None,
            mirrors: session.mirrors(),
            settings: session.settings.mirrors.clone(),
            environment: session.environment().clone(),
            lock_date: lock.map(|lock| lock.epoch.seconds()),
        };
        let mut repositories = Vec::new();
        let mut fetch = Vouched::new(Arc::clone(&session.fetch));
        for (name, source) in &order.spec.sources {
            let source = FamilySource {
                name,
                source,
                locations: &locations,
                beside,
            };
            source.vouch(&mut fetch)?;
            repositories.extend(order.families.repositories(&source)?);
        }
        Ok(Self {
            session,
            order,
            lock: lock.map(Arc::clone),
            repositories,
            fetch,
        })
    }

    fn context(&self) -> Context<'_> {
        let session = self.session;
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |now| now.as_secs());
        let mut context = Context::new(
            &self.fetch,
            &session.cache,
            session.progress(),
            &session.limits,
            i64::try_from(now).unwrap_or(i64::MAX),
        );
        context.offline = session.is_offline();
        context.hosts = Some(&session.hosts);
        if session.refreshes() {
            context.refresh_after = Duration::ZERO;
        }
        context
    }

    /// Asks every source what it publishes for these platforms.
    pub(crate) fn refresh(&self, platforms: &[Platform]) -> Result<Published, Error> {
        let architectures: Vec<Architecture> = platforms.iter().map(|p| p.architecture).collect();
        let context = self.context();
        let suites = mikron_source::refresh(&context, &self.repositories, &architectures);
        Ok(Published {
            suites: suites.map_err(SourceFault::from)?,
        })
    }

    /// The packages of what is published to choose from on one platform.
    pub(crate) fn universes(
        &self,
        published: &Published,
        platform: Platform,
    ) -> Result<Universes<'static>, Error> {
        let mut universes: Vec<Arc<dyn Universe>> = Vec::new();
        for family in families(&self.order.spec) {
            let suites = published.suites.iter().filter(|suite| {
                suite.family() == family && suite.architecture() == platform.architecture
            });
            let suites: Vec<_> = suites.collect();
            let identity = || {
                let mut hasher = Hasher::default();
                hasher.update(format!("{family:?} {:?}", platform.architecture).as_bytes());
                for suite in &suites {
                    // A universe says of each package which source it comes from.
                    hasher.update(suite.source().as_bytes());
                    hasher.update(suite.identity().as_bytes());
                }
                hasher.finish()
            };
            let open = || self.open(family, platform.architecture, &suites);
            universes.extend(self.session.indexes.get(identity, open)?);
        }
        Ok(Universes::new(universes))
    }

    /// How archives of a family are read.
    pub(crate) fn format(&self, family: Family) -> Option<&'static dyn PackageFormat> {
        self.order.families.format(family)
    }

    fn open(
        &self,
        family: Family,
        architecture: Architecture,
        suites: &[&Arc<dyn mikron_source::Published>],
    ) -> Result<Option<Arc<dyn Universe>>, Error> {
        let Some(format) = self.format(family) else {
            return Ok(None);
        };
        let parts = mikron_source::parts(&self.context(), suites).map_err(SourceFault::from)?;
        let universe = IndexUniverse::new(format, (family.architecture)(architecture), parts);
        Ok(Some(Arc::new(universe.map_err(SourceFault::from)?)))
    }

    /// Who has what is looked for, by the lists of files that the sources publish, and the sources that publish none.
    pub(crate) fn holders(
        &self,
        published: &Published,
        platform: Platform,
        sought: &Sought,
    ) -> Result<(Vec<Holder>, Vec<String>), Error> {
        let context = self.context();
        let suites = published.suites.iter();
        let (mut holders, mut listed, mut unlisted) =
            (Vec::new(), BTreeSet::new(), BTreeSet::new());
        for suite in suites.filter(|suite| suite.architecture() == platform.architecture) {
            match suite.holders(&context, sought).map_err(SourceFault::from)? {
                Some(found) => {
                    holders.extend(found);
                    listed.insert(suite.source());
                }
                // Other families say it in their records.
                None if (suite.family().provided_as)(sought, platform.architecture).is_empty() => {
                    unlisted.insert(suite.source());
                }
                None => {}
            }
        }
        // What the updates of a release have, its main archive names.
        let without = unlisted.difference(&listed);
        Ok((holders, without.map(|name| (*name).to_owned()).collect()))
    }

    /// The repositories that an archive may lie in, the likeliest first.
    fn of_package(&self, package: &ResolvedPackage) -> Vec<&dyn Repository> {
        let location = &package.record.location;
        let mut of_source: Vec<&dyn Repository> = self
            .repositories
            .iter()
            .map(|repository| &**repository)
            .filter(|repository| repository.source() == package.source)
            .collect();
        of_source.sort_by_key(|repository| !repository.is_likely(location));
        of_source
    }

    /// Finds the digests of archives that their indexes prove by a checksum alone, several at once.
    pub(crate) fn pin(&self, packages: &mut [ResolvedPackage]) -> Result<(), Error> {
        // Of a package of the base it is the archive behind that, where there is one.
        let archives = packages.iter_mut().filter_map(|package| {
            if package.below.is_none() {
                return Some(package);
            }
            package.below.as_mut()?.archive.as_deref_mut()
        });
        let open = |package: &&mut ResolvedPackage| package.record.digest.is_none();
        let open: Vec<&mut ResolvedPackage> = archives.filter(open).collect();
        if open.is_empty() {
            return Ok(());
        }
        let context = self.context();
        let pin = |package: &mut ResolvedPackage| {
            let mut result = Ok(());
            for repository in self.of_package(package) {
                result = repository.pin(&context, &mut package.record);
                if result.is_ok() {
                    break;
                }
            }
            result
        };
        let pinned = parallel::overlap(self.session.jobs(), open, pin, |result| result);
        // The same error whoever was first.
        let mut errors: Vec<_> = pinned.into_iter().filter_map(Result::err).collect();
        errors.sort_by_key(ToString::to_string);
        match errors.into_iter().next() {
            Some(error) => Err(SourceFault::from(error).into()),
            None => Ok(()),
        }
    }

    /// An archive, verified and positioned at its start.
    pub(crate) fn archive(&self, package: &ResolvedPackage) -> Result<File, Error> {
        let record = &package.record;
        let mut wanted: Option<mikron_source::download::Wanted> = None;
        let context = self.context();
        let repositories = self.of_package(package);
        for repository in &repositories {
            let Some(digest) = record.digest else { break };
            repository
                .prepare(&context, &record.location)
                .map_err(SourceFault::from)?;
            let more = repository
                .archive(&record.location, record.size, digest)
                .map_err(SourceFault::from)?;
            match &mut wanted {
                // Which suite an archive belongs to does not say in which of the source's archives it lies.
                Some(wanted) => {
                    for url in more.urls {
                        if !wanted.urls.contains(&url) {
                            wanted.urls.push(url);
                        }
                    }
                }
                None => wanted = Some(more),
            }
        }
        let wanted = wanted.ok_or_else(|| SourceFault::NoArchive {
            source_name: package.source.clone(),
            package: record.name.clone(),
        })?;
        let mut file = match context.downloader().get(&wanted) {
            Err(error) if wanted.urls.is_empty() && !self.session.is_offline() => {
                let unplaced = mikron_source::unplaced(&self.repositories);
                return Err(unplaced
                    .map_or_else(|| error.into(), SourceFault::Repository)
                    .into());
            }
            Err(error) if error.is_not_found() => return Err(self.vanished(package, error)),
            fetched => fetched.map_err(SourceFault::from)?,
        };
        // Where the metadata do not prove an archive, its own signature does. One of the source's repositories vouches for it.
        let mut verdict = Ok(());
        for repository in &repositories {
            file.rewind().map_err(Error::io("read", &wanted.name))?;
            verdict = repository.check(&context, record.name.as_str(), &mut file);
            if verdict.is_ok() {
                break;
            }
        }
        verdict.map_err(SourceFault::from)?;
        file.rewind().map_err(Error::io("read", &wanted.name))?;
        Ok(file)
    }

    /// The error for an archive that its source has no more, with what to write to get the image nevertheless.
    fn vanished(&self, package: &ResolvedPackage, error: DownloadError) -> Error {
        let spec = self.order.file.display();
        let mut remedies = Vec::new();
        match &self.lock {
            None => remedies.push(format!(
                "the source has changed since its index was read: `mikron build {spec} --refresh`"
            )),
            Some(lock) => {
                remedies.push(format!("take what is there now: `mikron lock {spec}`"));
                let moment = lock.epoch.to_string().replace(['-', ':'], "");
                let suites = lock.sources.get(&package.source);
                let archives: BTreeSet<&str> = suites
                    .into_iter()
                    .flat_map(|source| &source.suites)
                    .map(|suite| suite.archive.as_str())
                    .filter(|archive| !archive.is_empty())
                    .collect();
                let mirrors: Vec<String> = archives
                    .iter()
                    .map(|name| {
                        format!(" --mirror {name}=https://snapshot.example.org/{name}/{moment}")
                    })
                    .collect();
                remedies.push(match mirrors.as_slice() {
                    [] => format!(
                        "or give the source `{}` a URL that still has what it published at {moment}",
                        package.source
                    ),
                    _ => format!(
                        "or build what the lock says from a mirror that keeps everything: `mikron build {spec} --locked{}`",
                        mirrors.concat()
                    ),
                });
            }
        }
        Error::Vanished {
            package: package.record.name.clone(),
            version: package.record.version.clone(),
            source_name: package.source.clone(),
            error: Box::new(error),
            remedies,
        }
    }
}

/// What the sources of a spec publish, verified.
pub(crate) struct Published {
    suites: Vec<Arc<dyn mikron_source::Published>>,
}

impl Published {
    /// The date of the newest Release in seconds since 1970.
    pub(crate) fn epoch(&self) -> i64 {
        self.suites
            .iter()
            .map(|suite| suite.date())
            .max()
            .unwrap_or(0)
            .max(0)
    }

    /// A digest over everything that a solution depends on.
    pub(crate) fn identity(&self) -> String {
        let mut hasher = Hasher::default();
        for suite in &self.suites {
            hasher.update(suite.identity().as_bytes());
        }
        hasher.finish().to_string()
    }

    /// What the lock says of it.
    pub(crate) fn locked(&self) -> BTreeMap<String, LockedSource> {
        let mut sources: BTreeMap<String, LockedSource> = BTreeMap::new();
        for suite in &self.suites {
            let summary = suite.summary();
            let locked = &mut sources.entry(suite.source().to_owned()).or_default().suites;
            let index = |index: PublishedFile| LockedIndex {
                path: index.path,
                digest: index.digest,
                size: index.size,
            };
            let indexes = summary.indexes.into_iter().map(index);
            let (path, digest) = summary.signed;
            // The same suite once more, for another architecture.
            if let Some(known) = locked
                .iter_mut()
                .find(|l| l.suite == summary.suite && l.release.digest == digest)
            {
                known.indexes.extend(indexes);
                known.indexes.sort();
                known.indexes.dedup();
                continue;
            }
            locked.push(LockedSuite {
                suite: summary.suite,
                archive: summary.archive,
                release: LockedRelease {
                    path,
                    digest,
                    date: Timestamp::new(summary.date).unwrap_or_default(),
                    valid_until: summary.valid_until.and_then(Timestamp::new),
                },
                indexes: indexes.collect(),
            });
        }
        sources
    }
}
