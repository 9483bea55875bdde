//! Repositories of rpm packages as repositories of any family.

use std::fs::File;
use std::sync::{Arc, OnceLock};

use mikron_package::{Architecture, Digest, Family, Hasher, PackageRecord, threads};

use super::index::Indexed;
use super::{REPOMD, RpmRepository, VerifiedRepomd};
use crate::context::Context;
use crate::download::Wanted;
use crate::error::SourceError;
use crate::repository::{Published, PublishedFile, PublishedSuite, Repository, Told};
use crate::universe::{CompactIndex, Part};

/// What a repository of rpm packages publishes for one architecture.
#[derive(Clone, Debug)]
pub struct RpmPublished {
    repository: Arc<RpmRepository>,
    verified: Arc<VerifiedRepomd>,
    architecture: Architecture,
    indexed: OnceLock<Indexed>,
}

impl RpmPublished {
    pub(super) fn new(
        repository: Arc<RpmRepository>,
        verified: Arc<VerifiedRepomd>,
        architecture: Architecture,
    ) -> Self {
        Self {
            repository,
            verified,
            architecture,
            indexed: OnceLock::new(),
        }
    }

    /// The verified `repomd.xml`.
    pub fn repomd(&self) -> &VerifiedRepomd {
        &self.verified
    }

    /// The packages in compact form: at hand, out of the cache, or fetched.
    ///
    /// # Errors
    /// When they can neither be found nor fetched, or are malformed.
    pub fn open(&self, context: &Context<'_>) -> Result<Arc<CompactIndex>, SourceError> {
        Ok(Arc::clone(&self.indexed(context)?.index))
    }

    fn indexed(&self, context: &Context<'_>) -> Result<&Indexed, SourceError> {
        if let Some(indexed) = self.indexed.get() {
            return Ok(indexed);
        }
        let indexed = self
            .repository
            .index(context, &self.verified, self.architecture)?;
        Ok(self.indexed.get_or_init(|| indexed))
    }

    fn part(&self, index: Arc<CompactIndex>) -> Part {
        Part {
            index,
            source: self.repository.name.clone(),
            priority: self.repository.priority,
            label: self.repository.identity.clone(),
        }
    }
}

impl Published for RpmPublished {
    fn source(&self) -> &str {
        &self.repository.name
    }

    fn family(&self) -> Family {
        Family::RPM
    }

    fn architecture(&self) -> Architecture {
        self.architecture
    }

    fn date(&self) -> i64 {
        self.verified.date()
    }

    fn identity(&self) -> Digest {
        let repository = &self.repository;
        let mut hasher = Hasher::default();
        let place = format!(
            "{} {} {}\n",
            repository.name, repository.identity, repository.priority
        );
        hasher.update(place.as_bytes());
        hasher.update(self.verified.digest.as_bytes());
        let key = repository.index_key(&self.verified, self.architecture);
        hasher.update(key.as_bytes());
        hasher.finish()
    }

    fn parts(&self, context: &Context<'_>) -> Result<Vec<Part>, SourceError> {
        Ok(vec![self.part(self.open(context)?)])
    }

    fn told(&self, context: &Context<'_>) -> Result<Told, SourceError> {
        Ok(self.indexed(context)?.told.clone())
    }

    fn parts_beside(&self, context: &Context<'_>, told: &Told) -> Result<Vec<Part>, SourceError> {
        let plain = self.indexed(context)?;
        let index = self.repository.index_beside(
            context,
            &self.verified,
            self.architecture,
            plain,
            told,
        )?;
        Ok(vec![self.part(index)])
    }

    fn summary(&self) -> PublishedSuite {
        let mut indexes = Vec::new();
        for kind in ["primary", "modules"] {
            let Some(data) = self.verified.repomd.data.get(kind) else {
                continue;
            };
            // A lock knows files by SHA-256. Where a repository has others, its signed file stands for them.
            if let (Some(digest), Some(size)) = (data.checksum.sha256(), data.size) {
                indexes.push(PublishedFile {
                    path: data.location.clone(),
                    digest,
                    size,
                });
            }
        }
        PublishedSuite {
            suite: String::new(),
            archive: String::new(),
            signed: (REPOMD.to_owned(), self.verified.digest),
            date: self.verified.date(),
            valid_until: None,
            indexes,
        }
    }
}

impl Repository for RpmRepository {
    fn source(&self) -> &str {
        &self.name
    }

    fn family(&self) -> Family {
        Family::RPM
    }

    fn publish(
        &self,
        context: &Context<'_>,
        architectures: &[Architecture],
    ) -> Result<Vec<Arc<dyn Published>>, SourceError> {
        let shared = |published: Arc<RpmPublished>| published as Arc<dyn Published>;
        if !self.is_per_architecture() {
            let published = self.refresh(context, architectures)?;
            return Ok(published.into_iter().map(shared).collect());
        }
        let each = threads::each(
            architectures.len(),
            architectures.to_vec(),
            |architecture| {
                self.for_architecture(architecture)
                    .refresh(context, &[architecture])
            },
        );
        let mut all = Vec::new();
        for published in each {
            all.extend(published?.into_iter().map(shared));
        }
        Ok(all)
    }

    fn archive(&self, location: &str, size: u64, digest: Digest) -> Result<Wanted, SourceError> {
        self.archive_at(location, size, digest)
    }

    fn prepare(&self, context: &Context<'_>, location: &str) -> Result<(), SourceError> {
        self.prepare_for(context, location)
    }

    fn pin(&self, context: &Context<'_>, record: &mut PackageRecord) -> Result<(), SourceError> {
        self.pin_record(context, record)
    }

    fn check(
        &self,
        context: &Context<'_>,
        name: &str,
        archive: &mut File,
    ) -> Result<(), SourceError> {
        self.check_archive(context, name, archive)
    }
}
