//! What is in packages: their facts, from the cache or out of the archives, several at once.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;
use std::sync::Arc;

use mikron_facts::{PackageFacts, Spool, Symbols, fill, scan};
use mikron_package::{
    ArchiveError, Digest, Entry, Event, Origin, RootPath, Task, TaskKind, check_identity,
    merged_usr,
};
use mikron_spec::{Select, Spec};

use crate::Error;
use crate::error::SourceFault;
use crate::session::Session;
use crate::steps::base::{self, Lower};
use crate::steps::resolved::ResolvedPackage;
use crate::steps::sources::Sources;
use crate::steps::{links, parallel};

/// Name and version of the facts in the cache. The encoding checks itself; this moves when rules of classification do.
pub(crate) const FACTS: &str = "facts-21";

/// What there is to learn the facts of a package from.
enum Known {
    /// They are in the cache.
    Facts(Arc<PackageFacts>),
    /// The archive, verified and positioned at its start.
    Archive(File),
}

/// Learns the facts of packages.
pub(crate) struct Learner<'a> {
    pub(crate) session: &'a Session,
    pub(crate) sources: &'a Sources<'a>,
    pub(crate) spec: &'a Spec,
    /// The symbols that rules ask for.
    pub(crate) symbols: &'a Symbols,
    /// Takes the contents that may be asked for later.
    pub(crate) spool: &'a Spool,
    /// The image that is built upon.
    pub(crate) lower: Option<Arc<Lower>>,
}

impl Learner<'_> {
    /// The facts of some packages, in their order. Of those of the image that is built upon what that has of them, and behind it what it
    /// lacks where that is looked into.
    pub(crate) fn learn(
        &self,
        packages: &[ResolvedPackage],
    ) -> Result<Vec<Arc<PackageFacts>>, Error> {
        let Some(lower) = &self.lower else {
            return self.learn_archives(packages);
        };
        let archives: Vec<ResolvedPackage> =
            packages.iter().filter_map(archive_of).cloned().collect();
        let mut learnt = self.learn_archives(&archives)?.into_iter();
        let there = |path: &RootPath| {
            let real = RootPath::new(&merged_usr(path.as_bytes()));
            lower.has(path) || real.is_ok_and(|real| lower.has(&real))
        };
        let none = Arc::new(PackageFacts::of_files(base::name(), Vec::new()));
        let of_one = |package: &ResolvedPackage| {
            let archive = archive_of(package).and_then(|_| learnt.next());
            let below = || lower.facts(&package.record.name).unwrap_or(&none);
            match (&package.below, archive) {
                (None, archive) => archive.unwrap_or_else(|| Arc::clone(&none)),
                (Some(_), None) => Arc::clone(below()),
                (Some(_), Some(archive)) => Arc::new(base::joined(below(), &archive, &there)),
            }
        };
        Ok(packages.iter().map(of_one).collect())
    }

    /// The facts of some packages, in their order: from the cache, else from the archives, several at once.
    fn learn_archives(
        &self,
        packages: &[ResolvedPackage],
    ) -> Result<Vec<Arc<PackageFacts>>, Error> {
        // The largest first: it is the one that everybody waits for in the end.
        let mut order: Vec<usize> = (0..packages.len()).collect();
        order.sort_by_key(|i| std::cmp::Reverse(packages[*i].record.size));
        self.plan(packages);
        let get = |i: usize| (i, self.known_or_archive(&packages[i]));
        let mut facts: Vec<Option<Arc<PackageFacts>>> = vec![None; packages.len()];
        let mut failures = Vec::new();
        // What another build is learning now comes last: it may be in the cache by then.
        for wait in [false, true] {
            let learn = |(i, got): (usize, Result<Known, Error>)| {
                let learnt = got.and_then(|known| match known {
                    Known::Facts(facts) => Ok(Some(facts)),
                    Known::Archive(file) => self.learn_one(&packages[i], file, wait),
                });
                (i, learnt)
            };
            let items = std::mem::take(&mut order);
            for (i, result) in parallel::overlap(self.session.jobs(), items, get, learn) {
                match result {
                    Ok(Some(learnt)) => facts[i] = Some(learnt),
                    Ok(None) => order.push(i),
                    Err(error) => failures.push((i, error)),
                }
            }
        }
        tracing::debug!(packages = packages.len(), "facts");
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
                if self.spec.strict {
                    return Err(ArchiveError::malformed(note.as_str())
                        .in_archive(&origin)
                        .into());
                }
                self.session.warn(&format!("{origin}: {note}"));
            }
        }
        Ok(facts)
    }

    /// Tells how many archives are to be fetched.
    fn plan(&self, packages: &[ResolvedPackage]) {
        let cache = &self.session.cache;
        let is_open = |package: &&ResolvedPackage| {
            let record = &package.record;
            let there = record
                .digest
                .is_some_and(|digest| cache.has_blob(&digest, record.size));
            !there && !self.are_known(std::slice::from_ref(*package))
        };
        let open: Vec<_> = packages.iter().filter(is_open).collect();
        if open.len() > 1 {
            self.session.progress().event(&Event::Planned {
                kind: TaskKind::Fetch,
                tasks: open.len(),
                bytes: open.iter().map(|package| package.record.size).sum(),
            });
        }
    }

    /// The facts of a package where the cache has them, else its archive.
    fn known_or_archive(&self, package: &ResolvedPackage) -> Result<Known, Error> {
        let key = self.facts_key(package);
        Ok(match self.known(package, key.as_deref())? {
            Some(facts) => Known::Facts(facts),
            None => Known::Archive(self.sources.archive(package)?),
        })
    }

    /// The facts of a package where the cache has them.
    fn known(
        &self,
        package: &ResolvedPackage,
        key: Option<&[u8]>,
    ) -> Result<Option<Arc<PackageFacts>>, Error> {
        let known = key.and_then(|key| self.session.cache.derived(FACTS, key));
        let Some(facts) = known.and_then(|bytes| PackageFacts::decode(&bytes).ok()) else {
            return Ok(None);
        };
        check_identity(&package.record, &facts.metadata.record)?;
        Ok(Some(Arc::new(facts)))
    }

    /// Whether the cache has the facts of all these packages, so that no archive is read for them.
    pub(crate) fn are_known(&self, packages: &[ResolvedPackage]) -> bool {
        packages.iter().filter_map(archive_of).all(|package| {
            let key = self.facts_key(package);
            key.is_some_and(|key| self.session.cache.derived_file(FACTS, &key).is_some())
        })
    }

    /// What the facts of a package depend on: the archive, and the symbols that rules ask for.
    fn facts_key(&self, package: &ResolvedPackage) -> Option<Vec<u8>> {
        let symbols = self.symbols.digest();
        let archive = package.record.digest?;
        Some([archive.as_bytes().as_slice(), symbols.as_bytes()].concat())
    }

    /// Reads the facts of a package out of its archive. `None` where another build is at it and `wait` is false.
    fn learn_one(
        &self,
        package: &ResolvedPackage,
        file: File,
        wait: bool,
    ) -> Result<Option<Arc<PackageFacts>>, Error> {
        let key = self.facts_key(package);
        let claim = key
            .as_deref()
            .map(|key| self.session.cache.claim(FACTS, key, wait));
        let claim = claim.transpose().map_err(SourceFault::from)?;
        if let Some(None) = claim {
            return Ok(None);
        }
        if let Some(facts) = self.known(package, key.as_deref())? {
            return Ok(Some(facts));
        }
        let progress = self.session.progress();
        let name = package.record.name.as_str();
        tracing::debug!(package = name, archive = %package.record.location, "learning");
        let _task = Task::start(progress, TaskKind::Facts, name, Some(package.record.size));
        // What stands in for a package without files is taken as that one is.
        let spec = self.spec;
        let mut asked = spec.packages.iter().map(|root| spec.selection_of(root));
        let whole =
            asked.any(|select| select != Select::Minimal) || spec.selection() != Select::Minimal;
        let keep = |entry: &Entry| {
            whole
                || is_declaration(&entry.path)
                || mikron_facts::classify(entry, None).is_run_time()
        };
        let symbols = self.symbols;
        let mut facts = self.with_archive(package, file, |archive| {
            scan(archive, self.spool, &self.session.limits, &keep, symbols)
        })?;
        facts.made = links::of(&facts, self.spool);
        check_identity(&package.record, &facts.metadata.record)?;
        if let (Some(key), Ok(bytes)) = (&key, facts.encode())
            && let Err(error) = self.session.cache.put_derived(FACTS, key, &bytes)
        {
            self.session
                .warn(&format!("the facts of {name} are not kept: {error}"));
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
    ) -> Result<(), Error> {
        let package = archive_of(package).unwrap_or(package);
        let file = self.sources.archive(package)?;
        self.with_archive(package, file, |archive| {
            fill(archive, wanted, facts, self.spool)
        })
    }

    fn with_archive<T>(
        &self,
        package: &ResolvedPackage,
        file: File,
        use_archive: impl FnOnce(
            &mut dyn mikron_package::ArchiveReader,
        ) -> Result<T, mikron_facts::FactsError>,
    ) -> Result<T, Error> {
        let origin = Origin {
            source: package.source.clone(),
            archive: package.record.location.clone(),
        };
        let Some(format) = self.sources.format(package.family) else {
            return Err(Error::UnknownFamily {
                source_name: package.source.clone(),
                family: package.family,
            });
        };
        let file = self.session.cancellation().watch(file);
        let input = Box::new(BufReader::with_capacity(1 << 17, file));
        // How large it is bounds how much may plausibly come out of it.
        let mut limits = self.session.limits.clone();
        if package.record.size > 0 {
            limits.archive = limits.archive.min(package.record.size);
        }
        let mut archive = format.open(input, &limits, &origin)?;
        use_archive(&mut *archive).map_err(|error| match error {
            mikron_facts::FactsError::Archive(error) => error.in_archive(&origin).into(),
            error => Error::Facts {
                package: package.record.name.clone(),
                error: Box::new(error),
            },
        })
    }
}

/// The package whose archive is read for one; `None` where none is.
fn archive_of(package: &ResolvedPackage) -> Option<&ResolvedPackage> {
    match &package.below {
        None => Some(package),
        Some(below) => below.archive.as_deref().filter(|_| below.joined),
    }
}

/// Whether a file declares accounts or directories, or a service that has some.
pub(crate) fn is_declaration(path: &RootPath) -> bool {
    let path = path.as_bytes();
    let below = |dirs: [&[u8]; 2]| dirs.iter().any(|dir| path.starts_with(dir));
    path.ends_with(b".conf") && below([b"usr/lib/sysusers.d/", b"usr/lib/tmpfiles.d/"])
        || path.ends_with(b".service")
            && below([b"usr/lib/systemd/system/", b"lib/systemd/system/"])
}
