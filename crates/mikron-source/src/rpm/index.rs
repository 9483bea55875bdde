//! Compact indexes: out of the cache or made, alone or with what the repositories beside them tell.

use std::fs::File;
use std::io::BufReader;
use std::sync::Arc;

use mikron_package::{Architecture, Origin, Task, TaskKind};
use mikron_rpm::{
    ActiveModules, RepomdData, RepomdError, RepomdErrorKind, Unpacked, parse_modules,
};

use super::making::Work;
use super::{RpmRepository, VerifiedRepomd};
use crate::context::Context;
use crate::error::{MetadataError, SourceError, SourceErrorKind};
use crate::repository::Told;
use crate::universe::CompactIndex;

/// The namespace of compact indexes in the cache. The number changes with their form.
const NAMESPACE: &str = "rpm-index-4";

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
        let known = || {
            let index = CompactIndex::open(derived(NAMESPACE)?).ok()?;
            let told = told_from_text(std::str::from_utf8(&derived(TOLD)?).ok()?);
            let index = Arc::new(index);
            Some(Indexed { index, told })
        };
        if let Some(known) = known() {
            return Ok(known);
        }
        let claim = context.cache.claim(NAMESPACE, key.as_bytes(), true);
        let _claim = claim.map_err(|error| self.error(error))?;
        if let Some(known) = known() {
            return Ok(known);
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

    pub(super) fn data<'a>(
        &self,
        verified: &'a VerifiedRepomd,
        kind: &'static str,
    ) -> Result<&'a RepomdData, SourceError> {
        let file = verified.repomd.file(kind);
        file.map_err(|error| self.malformed(super::REPOMD, error))
    }

    fn malformed(&self, path: &str, error: impl Into<RepomdErrorKind>) -> SourceError {
        let error = RepomdError::of(error, &Origin::default());
        self.malformed_index(path, error)
    }

    pub(super) fn malformed_index(
        &self,
        path: &str,
        error: impl Into<MetadataError>,
    ) -> SourceError {
        self.error(SourceErrorKind::MalformedIndex {
            path: path.to_owned(),
            error: error.into(),
        })
    }

    /// The unpacked text of a metadata file.
    pub(super) fn open(
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
                    Err(self.malformed(super::REPOMD, kind))
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

    pub(super) fn origin(&self, data: &RepomdData) -> Origin {
        Origin {
            source: self.name.clone(),
            archive: data.location.clone(),
        }
    }
}
