//! One run: from the builder's settings to a published image, a lock or an explanation.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use mikron_capability::{PackageFacts, Spool, Symbols, fill, scan_file, scan_recording};
use mikron_oci::Parallel;
use mikron_package::{
    ArchiveError, Digest, Entry, EntryKind, Event, Limits, Origin, PackageName, PackageRecord,
    Platform, Task, TaskKind, check_identity,
};
use mikron_source::cache::Cache;
use mikron_spec::{FileContent, Lock, LockedPlatform, Select, Timestamp};

use crate::builder::Builder;
use crate::closure::{self, Closure};
use crate::error::SourceFault;
use crate::explain::Explanations;
use crate::frames::CachedFrames;
use crate::image::{Built, Workshop};
use crate::links;
use crate::pinned::{locked_platform, pinned, provide_paths, usable_lock};
use crate::resolve::{self, Providers, ResolvedPackage, Role, Wish};
use crate::settings::Settings;
use crate::slices::Releases;
use crate::sources::{self, Published};
use crate::tables::{TableTexts, Tables};
use crate::translate::LoadedFile;
use crate::{BuildReport, Error, memo, parallel, publish};

/// Bytes of file contents that are held in memory between the facts pass and the layers; the rest lies in a temporary file.
const SPOOL_MEMORY: u64 = 4 << 20;

/// Name and version of the facts in the cache. The encoding checks itself; this moves when rules of classification do.
const FACTS: &str = "facts-19";

/// What one run works with.
pub(crate) struct Engine<'a> {
    pub(crate) builder: &'a Builder,
    pub(crate) cache: Cache,
    pub(crate) sources: sources::Sources,
    pub(crate) limits: Limits,
    pub(crate) platforms: Vec<Platform>,
    /// The chisel releases of the spec.
    releases: Releases,
    /// The lock, where there is a fresh one.
    lock: Option<Lock>,
    /// The symbols that rules ask for, once somebody wanted to know.
    symbols: OnceLock<Symbols>,
}

/// What there is to learn the facts of a package from.
enum Known {
    /// They are in the cache.
    Facts(Arc<PackageFacts>),
    /// The archive, verified and positioned at its start.
    Archive(File),
}

/// Where the packages of a run come from.
pub(crate) enum Pins {
    /// The lock.
    Locked(Box<Lock>),
    /// What the sources publish now.
    Fresh(Box<Published>),
}

impl<'a> Engine<'a> {
    /// Opens the cache and finds the sources, to work from the lock where there is a fresh one.
    pub(crate) fn open(builder: &'a Builder) -> Result<Self, Error> {
        Self::of(builder, usable_lock)
    }

    /// The same, to work from the spec alone: whatever its lock says, or whether it can be read.
    pub(crate) fn anew(builder: &'a Builder) -> Result<Self, Error> {
        Self::of(builder, |_, _, _| Ok(None))
    }

    fn of(
        builder: &'a Builder,
        find_lock: impl FnOnce(&Builder, &[Platform], &Limits) -> Result<Option<Lock>, Error>,
    ) -> Result<Self, Error> {
        let spec = &builder.spec;
        let name = builder.file.display().to_string();
        let document = mikron_spec::Document::new(&name, &builder.text);
        builder.options.policy.check(spec, &document)?;
        let mut platforms = builder.options.platforms.clone();
        if let Some(platform) = platforms.iter().find(|p| !spec.platforms.contains(p)) {
            let known = spec.platforms.clone();
            return Err(Error::UnknownPlatform {
                platform: *platform,
                known,
            });
        }
        if platforms.is_empty() {
            platforms.clone_from(&spec.platforms);
        }
        platforms.sort();
        platforms.dedup();
        let limits = crate::image::limits();
        let settings = Settings::read(&builder.options.environment)?;
        let cache = sources::cache(&builder.options, &settings)?;
        let releases = Releases::read(builder, &limits)?;
        let lock = find_lock(builder, &platforms, &limits)?;
        let sources = sources::Sources::find(builder, &settings, lock.as_ref())?;
        Ok(Self {
            builder,
            cache,
            sources,
            limits,
            platforms,
            releases,
            lock,
            symbols: OnceLock::new(),
        })
    }

    /// Publishes again what an earlier build came to. `None` where the cache does not remember it.
    pub(crate) fn recall(&self) -> Result<Option<BuildReport>, Error> {
        if !memo::remembers(&self.cache) {
            return Ok(None);
        }
        let files = self.files(&self.spool())?;
        let pins = self.pins(&self.platforms)?;
        let key = self.key(&files, &pins, self.epoch(&pins)?)?;
        self.recalled(key.as_ref())
    }

    fn key(&self, files: &[LoadedFile], pins: &Pins, epoch: i64) -> Result<Option<Digest>, Error> {
        let (platforms, releases) = (&self.platforms, &self.releases);
        memo::key(
            self.builder,
            platforms,
            releases,
            files,
            &pins.identity(),
            epoch,
        )
    }

    fn recalled(&self, key: Option<&Digest>) -> Result<Option<BuildReport>, Error> {
        let Some(built) = key.and_then(|key| memo::recall(&self.cache, key)) else {
            return Ok(None);
        };
        let frames = CachedFrames(&self.cache);
        publish::from_frames(self.builder, self.cache.path(), &built, &frames)
    }

    /// Builds and publishes.
    pub(crate) fn build(&self) -> Result<BuildReport, Error> {
        let spool = self.spool();
        let files = self.files(&spool)?;
        let pins = self.pins(&self.platforms)?;
        let epoch = self.epoch(&pins)?;
        let key = self.key(&files, &pins, epoch)?;
        if let Some(report) = self.recalled(key.as_ref())? {
            return Ok(report);
        }
        let frames = CachedFrames(&self.cache);
        let mut closures = Vec::new();
        for platform in &self.platforms {
            closures.push((*platform, self.close(*platform, &pins, &files, &spool)?));
        }
        // The indexes of a distribution weigh as much as a compressor: they go before compressors come.
        drop(pins);
        // Outputs are only touched when there is something to put there.
        let target = publish::Target::open(self.builder, self.cache.path())?;
        let workshop = Workshop {
            spec: &self.builder.spec,
            epoch,
            store: target.primary(),
            frames: &frames,
            parallel: Parallel::jobs(self.builder.options.jobs),
            progress: &*self.builder.options.progress,
        };
        let mut built: Vec<Built> = Vec::new();
        for (platform, closure) in closures {
            let packages = closure.packages.clone();
            let facts = closure.facts_to_fill(&spool);
            let fill = |package: usize, wanted: &BTreeSet<Digest>, spool: &Spool| {
                let facts = facts.get(&package);
                facts
                    .map_or(Ok(()), |facts| {
                        self.fill(&packages[package], facts, wanted, spool)
                    })
                    .map_err(io::Error::other)
            };
            built.push(workshop.build(platform, closure, &files, &spool, Box::new(fill))?);
        }
        let report = target.publish(self.builder, &built, &frames)?;
        if let Some(key) = &key {
            memo::keep(&self.cache, key, &built);
        }
        if let Err(error) = self.cache.maintain() {
            self.warn(&format!(
                "the cache is not brought down to its quota: {error}"
            ));
        }
        Ok(report)
    }

    /// Resolves against what the sources publish now, for all platforms of the spec.
    pub(crate) fn lock(&self) -> Result<Lock, Error> {
        let spec = &self.builder.spec;
        let spool = self.spool();
        let files = self.files(&spool)?;
        let published = Box::new(self.sources.refresh(self, &spec.platforms)?);
        let mut lock = Lock::new(spec);
        lock.epoch = timestamp(published.epoch())?;
        lock.sources = published.locked();
        let pins = Pins::Fresh(published);
        for platform in &spec.platforms {
            let closure = self.close(*platform, &pins, &files, &spool)?;
            lock.platforms.insert(*platform, locked_platform(&closure));
        }
        Ok(lock)
    }

    /// Selects, and keeps the reasons.
    pub(crate) fn explain(&self) -> Result<Explanations, Error> {
        let spool = self.spool();
        let files = self.files(&spool)?;
        let pins = self.pins(&self.platforms)?;
        let mut explanations = Explanations::new(self.builder.spec.clone());
        for platform in &self.platforms {
            let closure = self.close(*platform, &pins, &files, &spool)?;
            explanations.add(*platform, closure);
        }
        Ok(explanations)
    }

    /// The lock that is worked from, where there is one.
    pub(crate) fn locked(&self) -> Option<&Lock> {
        self.lock.as_ref()
    }

    pub(crate) fn spool(&self) -> Spool {
        Spool::in_dir(SPOOL_MEMORY, self.cache.path())
    }

    /// The lock where there is a fresh one, else what the sources publish.
    pub(crate) fn pins(&self, platforms: &[Platform]) -> Result<Pins, Error> {
        if let Some(lock) = &self.lock {
            return Ok(Pins::Locked(Box::new(lock.clone())));
        }
        Ok(Pins::Fresh(Box::new(
            self.sources.refresh(self, platforms)?,
        )))
    }

    fn warn(&self, message: &str) {
        self.builder
            .options
            .progress
            .event(&Event::Warning { message });
    }

    /// SOURCE_DATE_EPOCH where it is set, else the newest index date.
    pub(crate) fn epoch(&self, pins: &Pins) -> Result<i64, Error> {
        let Some(text) = self.builder.options.environment.var("SOURCE_DATE_EPOCH") else {
            return Ok(match pins {
                Pins::Locked(lock) => lock.epoch.seconds(),
                Pins::Fresh(published) => published.epoch(),
            });
        };
        text.parse()
            .ok()
            .filter(|epoch| (0..=253_402_300_799).contains(epoch))
            .ok_or_else(|| Error::Unsupported {
                what: format!("SOURCE_DATE_EPOCH=`{}`", text.escape_debug()),
                remedy: "write seconds since 1970 as a decimal number".to_owned(),
            })
    }

    pub(crate) fn tables(&self, platform: Platform) -> Result<Tables, Error> {
        let slices = self.releases.select(platform)?;
        TableTexts::read(self.builder)?.tables(&self.builder.spec, platform, slices, &self.limits)
    }

    /// Reads, hashes and spools the regular files of the spec.
    pub(crate) fn files(&self, spool: &Spool) -> Result<Vec<LoadedFile>, Error> {
        let base = self.builder.file.parent().unwrap_or(Path::new(""));
        let mut loaded = Vec::new();
        for file in &self.builder.spec.files {
            let mode = file.mode.map_or(0o644, mikron_spec::Mode::bits);
            let failed = |error| Error::Facts {
                package: PackageName::new("spec").expect("a literal that obeys the rules of names"),
                error: Box::new(error),
            };
            let entry = |size| Entry::new(file.path.clone(), EntryKind::File { size }, mode);
            let (facts, size) = match &file.content {
                FileContent::Text(text) => {
                    let size = text.len() as u64;
                    // A text is no program: the rules need not be read for it.
                    let symbols = Symbols::default();
                    let mut text = text.as_bytes();
                    let facts = scan_file(entry(size), &mut text, spool, true, &symbols);
                    (facts.map_err(failed)?, size)
                }
                FileContent::From(named) => {
                    let path = self.builder.options.policy.resolve(base, named)?;
                    let mut file = File::open(&path).map_err(Error::io("read", &path))?;
                    let metadata = file.metadata().map_err(Error::io("read", &path))?;
                    if !metadata.is_file() {
                        let error = io::Error::other("it is not a regular file");
                        return Err(Error::Io {
                            action: "read",
                            path,
                            error,
                        });
                    }
                    let symbols = self.symbols()?;
                    let entry = entry(metadata.len());
                    let facts = scan_file(entry, &mut file, spool, true, symbols);
                    (facts.map_err(failed)?, metadata.len())
                }
                FileContent::Directory | FileContent::Symlink(_) => continue,
            };
            let Some(digest) = facts.digest else { continue };
            loaded.push(LoadedFile {
                digest,
                size,
                facts,
            });
        }
        Ok(loaded)
    }

    /// Solves and selects for one platform; nothing is missing in what comes of it.
    pub(crate) fn close(
        &self,
        platform: Platform,
        pins: &Pins,
        files: &[LoadedFile],
        spool: &Spool,
    ) -> Result<Closure, Error> {
        self.close_open(platform, pins, files, spool)?
            .closed(platform, self.builder.spec.strict)
    }

    /// Solves and selects for one platform, whatever is missing.
    pub(crate) fn close_open(
        &self,
        platform: Platform,
        pins: &Pins,
        files: &[LoadedFile],
        spool: &Spool,
    ) -> Result<Closure, Error> {
        match pins {
            Pins::Fresh(published) => self.close_fresh(platform, published, files, spool),
            Pins::Locked(lock) => self.close_locked(platform, lock, files, spool),
        }
    }

    fn close_fresh(
        &self,
        platform: Platform,
        published: &Published,
        files: &[LoadedFile],
        spool: &Spool,
    ) -> Result<Closure, Error> {
        let spec = &self.builder.spec;
        let task = Task::start(
            &*self.builder.options.progress,
            TaskKind::Solve,
            &platform.to_string(),
            None,
        );
        let tables = self.tables(platform)?;
        let slices = &tables.slices;
        let universes = published.universes(self, platform)?;
        let solver = &*self.builder.options.solver;
        let nothing = BTreeMap::new();
        let mut resolution =
            resolve::resolve(solver, &universes, spec, slices, &nothing, platform)?;
        drop(task);
        self.sources.pin(self, &mut resolution.packages)?;
        // The indexes of a distribution weigh as much as a decoder. They are let go of where archives are read next, and whoever looks
        // for more opens them again.
        let keep = self.are_known(&resolution.packages)?;
        let held = RefCell::new(keep.then_some(universes));
        let find = |there: &[ResolvedPackage], wish: &Wish| {
            let universes = match held.take() {
                Some(universes) => universes,
                None => published.universes(self, platform)?,
            };
            let mut found = resolve::providers(solver, &universes, spec, slices, there, wish);
            self.sources.pin(self, &mut found.named)?;
            self.sources.pin(self, &mut found.others)?;
            if self.are_known(&found.named)? {
                held.replace(Some(universes));
            }
            Ok(found)
        };
        let learn = |packages: &[ResolvedPackage]| self.learn(packages, spool);
        closure::close(
            spec,
            &tables,
            resolution.packages,
            files,
            spool,
            &learn,
            &find,
        )
    }

    /// Solves again, over the locked packages alone: the reasons come from what the archives themselves say.
    fn close_locked(
        &self,
        platform: Platform,
        lock: &Lock,
        files: &[LoadedFile],
        spool: &Spool,
    ) -> Result<Closure, Error> {
        let spec = &self.builder.spec;
        let tables = self.tables(platform)?;
        let nothing = LockedPlatform::default();
        let locked = &lock.platforms.get(&platform).unwrap_or(&nothing).packages;
        let pinned: Vec<ResolvedPackage> =
            locked.iter().map(|locked| pinned(spec, locked)).collect();
        let facts = self.learn(&pinned, spool)?;
        let mut records = Vec::new();
        let mut of_records = Vec::new();
        let mut providers = Vec::new();
        for (package, (facts, locked)) in pinned.into_iter().zip(facts.iter().zip(locked)) {
            let record = PackageRecord {
                location: locked.location.clone(),
                size: locked.size,
                digest: Some(locked.digest),
                ..facts.metadata.record.clone()
            };
            if package.role == Role::Provider {
                providers.push(ResolvedPackage { record, ..package });
            } else {
                records.push((record, package.family, package.source));
                of_records.push(facts);
            }
        }
        provide_paths(&mut records, &of_records);
        let universes = resolve::locked_universes(platform, spec, &records);
        let solver = &*self.builder.options.solver;
        let slices = &tables.slices;
        let none = BTreeMap::new();
        let resolution = resolve::resolve(solver, &universes, spec, slices, &none, platform)?;
        let mut packages = resolution.packages;
        packages.extend(providers);
        let learn = |packages: &[ResolvedPackage]| self.learn(packages, spool);
        let nothing = |_: &[ResolvedPackage], _: &Wish| Ok(Providers::default());
        closure::close(spec, &tables, packages, files, spool, &learn, &nothing)
    }

    /// The facts of some packages, in their order: from the cache, else from the archives, several at once.
    pub(crate) fn learn(
        &self,
        packages: &[ResolvedPackage],
        spool: &Spool,
    ) -> Result<Vec<Arc<PackageFacts>>, Error> {
        // The largest first: it is the one that everybody waits for in the end.
        let mut order: Vec<usize> = (0..packages.len()).collect();
        order.sort_by_key(|i| std::cmp::Reverse(packages[*i].record.size));
        let get = |i: usize| (i, self.known_or_archive(&packages[i]));
        let mut facts: Vec<Option<Arc<PackageFacts>>> = vec![None; packages.len()];
        let mut failures = Vec::new();
        // What another build is learning now comes last: it may be in the cache by then.
        for wait in [false, true] {
            let learn = |(i, got): (usize, Result<Known, Error>)| {
                let learnt = got.and_then(|known| match known {
                    Known::Facts(facts) => Ok(Some(facts)),
                    Known::Archive(file) => self.learn_one(&packages[i], file, spool, wait),
                });
                (i, learnt)
            };
            let items = std::mem::take(&mut order);
            for (i, result) in parallel::overlap(self.builder.options.jobs, items, get, learn) {
                match result {
                    Ok(Some(learnt)) => facts[i] = Some(learnt),
                    Ok(None) => order.push(i),
                    Err(error) => failures.push((i, error)),
                }
            }
        }
        // The same error whoever was first: that of the first package in their order.
        failures.sort_by_key(|(i, _)| *i);
        if let Some((_, error)) = failures.into_iter().next() {
            return Err(error);
        }
        let facts: Vec<Arc<PackageFacts>> = facts.into_iter().flatten().collect();
        for (package, facts) in packages.iter().zip(&facts) {
            let origin = Origin {
                source: package.source.clone(),
                archive: package.record.location.clone(),
            };
            for note in &facts.notes {
                if self.builder.spec.strict {
                    return Err(ArchiveError::malformed(note.as_str())
                        .in_archive(&origin)
                        .into());
                }
                self.warn(&format!("{origin}: {note}"));
            }
        }
        Ok(facts)
    }

    /// The facts of a package where the cache has them, else its archive.
    fn known_or_archive(&self, package: &ResolvedPackage) -> Result<Known, Error> {
        let key = self.facts_key(package)?;
        Ok(match self.known(package, key.as_deref())? {
            Some(facts) => Known::Facts(facts),
            None => Known::Archive(self.sources.archive(self, package)?),
        })
    }

    /// The facts of a package where the cache has them.
    fn known(
        &self,
        package: &ResolvedPackage,
        key: Option<&[u8]>,
    ) -> Result<Option<Arc<PackageFacts>>, Error> {
        let known = key.and_then(|key| self.cache.derived(FACTS, key));
        let Some(facts) = known.and_then(|bytes| PackageFacts::decode(&bytes).ok()) else {
            return Ok(None);
        };
        check_identity(&package.record, &facts.metadata.record)?;
        Ok(Some(Arc::new(facts)))
    }

    /// Whether the cache has the facts of all these packages, so that no archive is read for them.
    fn are_known(&self, packages: &[ResolvedPackage]) -> Result<bool, Error> {
        for package in packages {
            let key = self.facts_key(package)?;
            if key.is_none_or(|key| self.cache.derived_file(FACTS, &key).is_none()) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What the facts of a package depend on: the archive, and the symbols that rules ask for.
    fn facts_key(&self, package: &ResolvedPackage) -> Result<Option<Vec<u8>>, Error> {
        let Some(digest) = package.record.digest else {
            return Ok(None);
        };
        let symbols = self.symbols()?.digest();
        let parts = [digest.as_bytes().as_slice(), symbols.as_bytes()];
        Ok(Some(parts.concat()))
    }

    /// The symbols that the rules of the spec ask for.
    fn symbols(&self) -> Result<&Symbols, Error> {
        if let Some(symbols) = self.symbols.get() {
            return Ok(symbols);
        }
        let symbols = TableTexts::read(self.builder)?
            .rules(&self.limits)?
            .symbols();
        Ok(self.symbols.get_or_init(|| symbols))
    }

    /// Reads the facts of a package out of its archive. `None` where another build is at it and `wait` is false.
    fn learn_one(
        &self,
        package: &ResolvedPackage,
        file: File,
        spool: &Spool,
        wait: bool,
    ) -> Result<Option<Arc<PackageFacts>>, Error> {
        let key = self.facts_key(package)?;
        let claim = key.as_deref().map(|key| self.cache.claim(FACTS, key, wait));
        let claim = claim.transpose().map_err(SourceFault::from)?;
        if let Some(None) = claim {
            return Ok(None);
        }
        if let Some(facts) = self.known(package, key.as_deref())? {
            return Ok(Some(facts));
        }
        let progress = &*self.builder.options.progress;
        let name = package.record.name.as_str();
        let _task = Task::start(progress, TaskKind::Facts, name, Some(package.record.size));
        // What stands in for a package without files is taken as that one is.
        let spec = &self.builder.spec;
        let mut asked = spec.packages.iter().map(|root| spec.selection_of(root));
        let whole =
            asked.any(|select| select != Select::Minimal) || spec.selection() != Select::Minimal;
        let keep = |entry: &Entry| {
            whole
                || closure::is_declaration(&entry.path)
                || mikron_capability::classify(entry, None).is_run_time()
        };
        let symbols = self.symbols()?;
        let mut facts = self.with_archive(package, file, |archive| {
            scan_recording(archive, spool, &self.limits, &keep, symbols)
        })?;
        facts.made = links::of(&facts, spool);
        check_identity(&package.record, &facts.metadata.record)?;
        if let (Some(key), Ok(bytes)) = (&key, facts.encode())
            && let Err(error) = self.cache.put_derived(FACTS, key, &bytes)
        {
            self.warn(&format!("the facts of {name} are not kept: {error}"));
        }
        drop(claim);
        Ok(Some(Arc::new(facts)))
    }

    /// Brings contents of a package whose facts are known into the spool.
    pub(crate) fn fill(
        &self,
        package: &ResolvedPackage,
        facts: &PackageFacts,
        wanted: &BTreeSet<Digest>,
        spool: &Spool,
    ) -> Result<(), Error> {
        let file = self.sources.archive(self, package)?;
        self.with_archive(package, file, |archive| fill(archive, wanted, facts, spool))
    }

    fn with_archive<T>(
        &self,
        package: &ResolvedPackage,
        file: File,
        use_archive: impl FnOnce(
            &mut dyn mikron_package::ArchiveReader,
        ) -> Result<T, mikron_capability::FactsError>,
    ) -> Result<T, Error> {
        let origin = Origin {
            source: package.source.clone(),
            archive: package.record.location.clone(),
        };
        let Some(format) = crate::inspect::format_of(package.family) else {
            let what = format!("the package {}", package.record.name);
            return Err(Error::Unsupported {
                what,
                remedy: "use a source of another family".to_owned(),
            });
        };
        let input = Box::new(BufReader::with_capacity(1 << 17, file));
        // How large it is bounds how much may plausibly come out of it.
        let mut limits = self.limits.clone();
        if package.record.size > 0 {
            limits.archive = limits.archive.min(package.record.size);
        }
        let mut archive = format.open(input, &limits, &origin)?;
        use_archive(&mut *archive).map_err(|error| match error {
            mikron_capability::FactsError::Archive(error) => error.in_archive(&origin).into(),
            error => Error::Facts {
                package: package.record.name.clone(),
                error: Box::new(error),
            },
        })
    }
}

impl Pins {
    /// A digest of everything in the pins that the image depends on.
    fn identity(&self) -> String {
        match self {
            Self::Locked(lock) => format!("lock {}", lock.digest()),
            Self::Fresh(published) => format!("indexes {}", published.identity()),
        }
    }
}

fn timestamp(seconds: i64) -> Result<Timestamp, Error> {
    Timestamp::new(seconds).ok_or_else(|| Error::Unsupported {
        what: format!("an index date of {seconds} seconds since 1970"),
        remedy: "the source publishes a date that no calendar has".to_owned(),
    })
}
