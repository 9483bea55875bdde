//! From `primary.xml` to a compact index: fetched, unpacked, checked, filtered.

use std::collections::{BTreeSet, HashSet};
use std::fs::File;
use std::io::BufReader;
use std::sync::Arc;

use mikron_package::{
    Architecture, Limits, Origin, PackageName, PackageRecord, Relation, Task, TaskKind,
};
use mikron_rpm::{
    ActiveModules, Census, PrimaryParts, PrimaryReader, RepomdData, RepomdError, RepomdErrorKind,
    Unpacked, parse_modules, read_filelists,
};

use super::filter::Excludes;
use super::parallel::side_by_side;
use super::paths::{Holders, Paths};
use super::{RpmRepository, VerifiedRepomd};
use crate::context::Context;
use crate::error::{MetadataError, SourceError, SourceErrorKind};
use crate::repository::Told;
use crate::universe::{CompactIndex, IndexBuilder, WriteError};

/// The namespace of compact indexes in the cache. The number changes with their form.
const NAMESPACE: &str = "rpm-index-2";

/// The namespace of what a repository tells those beside it: paths, which begin with a slash, and names, one a line.
const TOLD: &str = "rpm-told-1";

/// The packages of a repository in compact form.
#[derive(Clone, Debug)]
pub(super) struct Indexed {
    pub(super) index: Arc<CompactIndex>,
    pub(super) told: Told,
}

fn told_to_text(told: &Told) -> String {
    let lines = told.open_paths.iter().chain(&told.taken_names);
    let lines: Vec<&str> = lines.map(String::as_str).collect();
    lines.join("\n")
}

fn told_from_text(text: &str) -> Told {
    let (open_paths, taken_names) = text
        .lines()
        .map(str::to_owned)
        .partition(|line| line.starts_with('/'));
    Told {
        open_paths,
        taken_names,
    }
}

impl RpmRepository {
    /// The packages for an architecture in compact form: out of the cache, or made.
    pub(super) fn index(
        &self,
        context: &Context<'_>,
        verified: &VerifiedRepomd,
        architecture: Architecture,
    ) -> Result<Indexed, SourceError> {
        let key = self.index_key(verified, architecture);
        let derived = |namespace| context.cache.derived(namespace, key.as_bytes());
        if let (Some(bytes), Some(told)) = (derived(NAMESPACE), derived(TOLD))
            && let (Ok(index), Ok(told)) = (CompactIndex::open(bytes), std::str::from_utf8(&told))
        {
            return Ok(Indexed {
                index: Arc::new(index),
                told: told_from_text(told),
            });
        }
        let made = self.make(context, verified, architecture, &Told::default())?;
        let told = told_to_text(&made.told);
        for (namespace, bytes) in [(NAMESPACE, made.index.as_bytes()), (TOLD, told.as_bytes())] {
            let stored = context.cache.put_derived(namespace, key.as_bytes(), bytes);
            stored.map_err(|error| self.error(error))?;
        }
        Ok(made)
    }

    /// The same, with what the repositories beside it tell.
    pub(super) fn index_beside(
        &self,
        context: &Context<'_>,
        verified: &VerifiedRepomd,
        architecture: Architecture,
        plain: &Indexed,
        told: &Told,
    ) -> Result<Arc<CompactIndex>, SourceError> {
        let index = &plain.index;
        let is_there = |name: &String| {
            let named = index
                .named(name.as_bytes())
                .is_ok_and(|found| !found.is_empty());
            let provided = index
                .providers(name.as_bytes())
                .is_ok_and(|found| !found.is_empty());
            named || provided
        };
        let mut matters = Told::default();
        if verified.repomd.data.contains_key("filelists") {
            // What is called for here as well has been looked for.
            let open = told.open_paths.difference(&plain.told.open_paths);
            matters.open_paths = open.filter(|path| !is_there(path)).cloned().collect();
        }
        if !self.options.ignore_modules {
            let taken = told.taken_names.difference(&plain.told.taken_names);
            matters.taken_names = taken.filter(|name| is_there(name)).cloned().collect();
        }
        if matters == Told::default() {
            return Ok(Arc::clone(index));
        }
        let key = self.index_key(verified, architecture);
        let key = format!("{key}\n{}", told_to_text(&matters));
        match context.cache.derived(NAMESPACE, key.as_bytes()) {
            Some(bytes) if bytes.is_empty() => return Ok(Arc::clone(index)),
            Some(bytes) => {
                if let Ok(index) = CompactIndex::open(bytes) {
                    return Ok(Arc::new(index));
                }
            }
            None => {}
        }
        let made = self.make(context, verified, architecture, &matters)?.index;
        // Where it makes no difference, the index that is there already says so.
        let differs = made.as_bytes() != index.as_bytes();
        let bytes = if differs { made.as_bytes() } else { &[] };
        let stored = context.cache.put_derived(NAMESPACE, key.as_bytes(), bytes);
        stored.map_err(|error| self.error(error))?;
        Ok(if differs { made } else { Arc::clone(index) })
    }

    fn make(
        &self,
        context: &Context<'_>,
        verified: &VerifiedRepomd,
        architecture: Architecture,
        beside: &Told,
    ) -> Result<Indexed, SourceError> {
        let primary = self.data(verified, "primary")?;
        let label = format!("{} {}", self.name, primary.location);
        let _task = Task::start(context.progress, TaskKind::Index, &label, primary.size);
        let modules = self.modules(context, verified)?;
        let names = beside.taken_names.iter().map(String::as_str);
        let work = Work {
            repository: self,
            context,
            verified,
            architecture,
            accepted: self.accepted(architecture),
            modules: modules.clone().with_taken(names),
        };
        let (index, open) = work.index(primary, &beside.open_paths)?;
        Ok(Indexed {
            index: Arc::new(index),
            told: Told {
                open_paths: open.into_iter().collect(),
                taken_names: modules.taken().map(str::to_owned).collect(),
            },
        })
    }

    /// Everything that the compact form depends on.
    pub(super) fn index_key(
        &self,
        verified: &VerifiedRepomd,
        architecture: Architecture,
    ) -> String {
        let mut key = architecture.rpm().to_owned();
        for kind in ["primary", "filelists", "modules"] {
            let data = verified.repomd.data.get(kind);
            let data = data.map(|data| data.checksum.to_string());
            key = format!("{key} {}", data.unwrap_or_default());
        }
        // What is forgiven does not change what is published.
        let options = super::RpmOptions {
            allow_expired: false,
            allow_older: false,
            ..self.options.clone()
        };
        let options = serde_json::to_string(&options).unwrap_or_default();
        format!("{key} {options}")
    }

    fn data<'a>(
        &self,
        verified: &'a VerifiedRepomd,
        kind: &'static str,
    ) -> Result<&'a RepomdData, SourceError> {
        let file = verified.repomd.file(kind);
        file.map_err(|error| self.malformed(super::metadata::REPOMD, error))
    }

    fn malformed(&self, path: &str, error: impl Into<RepomdErrorKind>) -> SourceError {
        let error = RepomdError::of(error, &Origin::default());
        self.malformed_index(path, error)
    }

    fn malformed_index(&self, path: &str, error: impl Into<MetadataError>) -> SourceError {
        self.error(SourceErrorKind::MalformedIndex {
            path: path.to_owned(),
            error: error.into(),
        })
    }

    /// The unpacked text of a metadata file.
    fn open(
        &self,
        context: &Context<'_>,
        data: &RepomdData,
    ) -> Result<Unpacked<BufReader<File>>, SourceError> {
        let urls = self.urls_of(&data.location)?;
        let name = format!("{} {}", self.name, data.location);
        let limit = context.limits.index;
        let digest = self.checked(context, &name, &urls, &data.checksum, data.size, limit)?;
        let file = context.cache.verified(&digest);
        let file = file.map_err(|error| self.error(error))?;
        // It was there a moment ago; who removes it meanwhile makes the cache unusable.
        let file = file.ok_or_else(|| self.error(SourceErrorKind::Offline))?;
        let file = BufReader::with_capacity(256 << 10, file);
        Unpacked::new(file, data, context.limits)
            .map_err(|error| self.malformed(&data.location, error))
    }

    /// What modules hide.
    fn modules(
        &self,
        context: &Context<'_>,
        verified: &VerifiedRepomd,
    ) -> Result<ActiveModules, SourceError> {
        if self.options.ignore_modules || !verified.repomd.data.contains_key("modules") {
            return match self.options.modules.iter().next() {
                Some((module, stream)) if !self.options.ignore_modules => {
                    let kind = RepomdErrorKind::NoSuchStream {
                        module: module.clone(),
                        stream: stream.clone(),
                        known: "none".to_owned(),
                    };
                    Err(self.malformed(super::metadata::REPOMD, kind))
                }
                _ => Ok(ActiveModules::default()),
            };
        }
        let data = self.data(verified, "modules")?;
        let mut text = Vec::new();
        let read = std::io::Read::read_to_end(&mut self.open(context, data)?, &mut text);
        read.map_err(|error| self.malformed(&data.location, Arc::new(error)))?;
        let origin = self.origin(data);
        let modules = parse_modules(&text, context.limits, &origin)
            .map_err(|error| self.malformed_index(&data.location, error))?;
        modules
            .enable(&self.options.modules)
            .map_err(|error| self.malformed(&data.location, error))
    }

    fn origin(&self, data: &RepomdData) -> Origin {
        Origin {
            source: self.name.clone(),
            archive: data.location.clone(),
        }
    }
}

/// What making an index needs to know.
struct Work<'a> {
    repository: &'a RpmRepository,
    context: &'a Context<'a>,
    verified: &'a VerifiedRepomd,
    architecture: Architecture,
    accepted: Vec<String>,
    modules: ActiveModules,
}

impl Work<'_> {
    /// Reads `primary.xml` once, and once more where a path is called for that only `filelists.xml` names. Gives the paths that
    /// nobody has, too.
    fn index(
        &self,
        primary: &RepomdData,
        others: &BTreeSet<String>,
    ) -> Result<(CompactIndex, Vec<String>), SourceError> {
        let mut paths = Paths::default();
        let index = self.pass(primary, |record| paths.note(record))?;
        let mut open = paths.missing(&index);
        let missing: HashSet<&str> = open.iter().chain(others).map(String::as_str).collect();
        if missing.is_empty() || !self.verified.repomd.data.contains_key("filelists") {
            return Ok((index, open));
        }
        let repository = self.repository;
        let data = repository.data(self.verified, "filelists")?;
        let text = repository.open(self.context, data)?;
        let mut holders = Holders::default();
        let origin = repository.origin(data);
        read_filelists(text, self.context.limits, &origin, |package, path| {
            if missing.contains(path) {
                holders.add(package, path);
            }
        })
        .map_err(|error| repository.malformed_index(&data.location, error))?;
        if holders.is_empty() {
            return Ok((index, open));
        }
        let index = self.pass(primary, |record| {
            for path in holders.of(record) {
                if let Ok(name) = PackageName::wanted(path) {
                    record.provides.push(Relation::named(name));
                }
            }
        })?;
        // Packages that are left out hold nothing.
        open.retain(|path| {
            let providers = index.providers(path.as_bytes());
            providers.is_ok_and(|found| found.is_empty())
        });
        Ok((index, open))
    }

    /// One pass over all packages that are not left out.
    ///
    /// Parts of the text are read side by side. Where one of them is not as it should be, the whole is read from front to back,
    /// and either that is fine, or the fault has its place.
    fn pass(
        &self,
        primary: &RepomdData,
        mut each: impl FnMut(&mut PackageRecord),
    ) -> Result<CompactIndex, SourceError> {
        let excludes = Excludes(&self.repository.options.exclude);
        let mut wanted = |record: &mut PackageRecord| {
            let wanted = self.accepted.contains(&record.arch)
                && !excludes.hide(record)
                && !self.modules.hides(record);
            if wanted {
                each(record);
            }
            wanted
        };
        let mut builder = self.builder();
        let added = self.read_parts(primary, |mut record| {
            !wanted(&mut record) || builder.add(&record).is_ok()
        });
        if added.is_none() {
            builder = self.builder();
            self.read_whole(primary, |mut record| {
                let add = wanted(&mut record);
                if add { builder.add(&record) } else { Ok(()) }
            })?;
        }
        builder
            .finish()
            .map_err(|error| self.repository.malformed_index(&primary.location, error))
    }

    fn builder(&self) -> IndexBuilder {
        let accepted: Vec<&str> = self.accepted.iter().map(String::as_str).collect();
        IndexBuilder::new(self.architecture.rpm(), &accepted)
    }

    /// Hands all packages to `add` in order, read side by side. `None` where anything is wrong.
    fn read_parts(
        &self,
        primary: &RepomdData,
        mut add: impl FnMut(PackageRecord) -> bool,
    ) -> Option<()> {
        let text = self.repository.open(self.context, primary).ok()?;
        let limits = self.context.limits;
        let base = self.repository.bases.first().map(String::as_str);
        let mut census = Census::default();
        let parts = PrimaryParts::new(text, limits);
        side_by_side(
            parts,
            |part| Packages::read(&part, limits, base),
            |packages| {
                census.promise(packages.promised);
                for record in packages.records {
                    census.count(limits).ok()?;
                    if census.is_new(&record).ok()? && !add(record) {
                        return None;
                    }
                }
                Some(())
            },
        )?;
        census.finish().ok()
    }

    /// Hands all packages to `add` in order, read from front to back.
    fn read_whole(
        &self,
        primary: &RepomdData,
        mut add: impl FnMut(PackageRecord) -> Result<(), WriteError>,
    ) -> Result<(), SourceError> {
        let repository = self.repository;
        let text = repository.open(self.context, primary)?;
        let origin = repository.origin(primary);
        let mut reader = PrimaryReader::new(text, self.context.limits, &origin);
        if let [base, ..] = &*repository.bases {
            reader = reader.with_base(base);
        }
        let fault = |error: RepomdError| repository.malformed_index(&primary.location, error);
        while let Some(record) = reader.next_package().map_err(fault)? {
            let added = add(record);
            added.map_err(|error| repository.malformed_index(&primary.location, error))?;
        }
        Ok(())
    }
}

/// The packages of one part of `primary.xml`.
struct Packages {
    promised: Option<u64>,
    records: Vec<PackageRecord>,
}

impl Packages {
    /// Reads a part; `None` where anything is wrong with it.
    fn read(part: &[u8], limits: &Limits, base: Option<&str>) -> Option<Self> {
        let mut reader = PrimaryReader::of_text(part, limits, &Origin::default()).part();
        if let Some(base) = base {
            reader = reader.with_base(base);
        }
        let mut records = Vec::new();
        while let Some(record) = reader.next_package().ok()? {
            records.push(record);
        }
        let promised = reader.promised();
        Some(Self { promised, records })
    }
}
