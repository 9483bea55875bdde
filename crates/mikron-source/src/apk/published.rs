//! Alpine's repositories as repositories of any family.

use std::sync::{Arc, OnceLock};

use mikron_package::{Architecture, Digest, Family, Hasher, PackageRecord, threads};

use super::{ApkRepository, VerifiedIndex, index_path};
use crate::context::Context;
use crate::download::Wanted;
use crate::error::SourceError;
use crate::repository::{Published, PublishedFile, PublishedSuite, Repository};
use crate::universe::{CompactIndex, Part};

impl Repository for ApkRepository {
    fn source(&self) -> &str {
        &self.name
    }

    fn family(&self) -> Family {
        Family::APK
    }

    fn publish(
        &self,
        context: &Context<'_>,
        architectures: &[Architecture],
    ) -> Result<Vec<Arc<dyn Published>>, SourceError> {
        threads::each(
            architectures.len(),
            architectures.to_vec(),
            |architecture| {
                let published = self.refresh(context, architecture.apk())?;
                Ok(Arc::new(published) as Arc<dyn Published>)
            },
        )
        .into_iter()
        .collect()
    }

    fn archive(&self, location: &str, size: u64, digest: Digest) -> Result<Wanted, SourceError> {
        self.wanted(location, size, digest)
    }

    fn pin(&self, context: &Context<'_>, record: &mut PackageRecord) -> Result<(), SourceError> {
        self.pin_record(context, record)
    }
}

/// A verified index of one architecture. Its packages are at hand where it was just read; else they are opened when they are
/// asked for.
#[derive(Clone, Debug)]
pub struct ApkPublished {
    repository: ApkRepository,
    arch: String,
    verified: VerifiedIndex,
    compact: OnceLock<Arc<CompactIndex>>,
}

impl ApkPublished {
    pub(super) fn new(repository: ApkRepository, arch: &str, verified: VerifiedIndex) -> Self {
        Self {
            repository,
            arch: arch.to_owned(),
            verified,
            compact: OnceLock::new(),
        }
    }

    /// Puts the packages at hand.
    pub(super) fn set(&self, compact: Arc<CompactIndex>) {
        let _ = self.compact.set(compact);
    }

    /// What was verified.
    pub fn verified(&self) -> &VerifiedIndex {
        &self.verified
    }

    /// The packages in compact form.
    ///
    /// # Errors
    /// When they can neither be found nor fetched, or are malformed.
    pub fn open(&self, context: &Context<'_>) -> Result<Arc<CompactIndex>, SourceError> {
        if let Some(compact) = self.compact.get() {
            return Ok(Arc::clone(compact));
        }
        let compact = self
            .repository
            .open_index(context, &self.arch, &self.verified)?;
        Ok(Arc::clone(self.compact.get_or_init(|| compact)))
    }
}

impl Published for ApkPublished {
    fn source(&self) -> &str {
        &self.repository.name
    }

    fn family(&self) -> Family {
        Family::APK
    }

    fn architecture(&self) -> Architecture {
        // An index is only ever read for an architecture that was asked for by its name in Alpine.
        Architecture::ALL
            .into_iter()
            .find(|architecture| architecture.apk() == self.arch)
            .unwrap_or(Architecture::Amd64)
    }

    fn date(&self) -> i64 {
        self.verified.date
    }

    fn identity(&self) -> Digest {
        let repository = &self.repository;
        let mut hasher = Hasher::default();
        let tag = repository.tag.as_deref().unwrap_or_default();
        let place = format!(
            "apk {} {} {} @{tag}\n",
            repository.name, self.arch, repository.priority
        );
        hasher.update(place.as_bytes());
        hasher.update(self.verified.digest.as_bytes());
        hasher.finish()
    }

    fn parts(&self, context: &Context<'_>) -> Result<Vec<Part>, SourceError> {
        Ok(vec![Part {
            index: self.open(context)?,
            source: self.repository.name.clone(),
            priority: self.repository.effective_priority(),
            label: index_path(&self.arch),
        }])
    }

    fn summary(&self) -> PublishedSuite {
        let named = !self.repository.identity.contains("://");
        let file = PublishedFile {
            path: index_path(&self.arch),
            digest: self.verified.digest,
            size: self.verified.size,
        };
        PublishedSuite {
            suite: String::new(),
            archive: if named {
                self.repository.identity.clone()
            } else {
                String::new()
            },
            signed: (file.path.clone(), file.digest),
            date: self.verified.date,
            valid_until: None,
            indexes: vec![file],
        }
    }
}
