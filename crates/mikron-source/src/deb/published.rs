//! Debian's repositories as repositories of any family.

use std::sync::Arc;

use mikron_package::{Architecture, Digest, Family, Hasher, Sought};

use super::{Context, DebRepository, SourceError, SourceErrorKind, Suite};
use crate::download::Wanted;
use crate::repository::{Holder, Published, PublishedFile, PublishedSuite, Repository};
use crate::universe::Part;

impl Repository for DebRepository {
    fn source(&self) -> &str {
        &self.name
    }

    fn family(&self) -> Family {
        Family::DEB
    }

    fn unplaced(&self) -> Option<SourceError> {
        let archives = vec![self.identity.clone()];
        let nowhere = self.bases.is_empty();
        nowhere.then(|| self.error(SourceErrorKind::Unplaced { archives }))
    }

    fn publish(
        &self,
        context: &Context<'_>,
        architectures: &[Architecture],
    ) -> Result<Vec<Arc<dyn Published>>, SourceError> {
        let names: Vec<&str> = architectures.iter().map(|a| a.deb()).collect();
        let suites = self.refresh(context, &names)?;
        let shared = |suite| Arc::new(suite) as Arc<dyn Published>;
        Ok(suites.into_iter().map(shared).collect())
    }

    fn archive(&self, location: &str, size: u64, digest: Digest) -> Result<Wanted, SourceError> {
        self.archive(location, size, digest)
    }

    /// Security updates lie in an archive of their own, below `pool/updates`.
    fn is_likely(&self, location: &str) -> bool {
        location.starts_with("pool/updates/") == self.identity.ends_with("-security")
    }
}

impl Published for Suite {
    fn source(&self) -> &str {
        &self.repository.name
    }

    fn family(&self) -> Family {
        Family::DEB
    }

    fn architecture(&self) -> Architecture {
        // A suite is only ever made for an architecture that was asked for by its Debian name.
        Architecture::from_deb(&self.architecture).unwrap_or(Architecture::Amd64)
    }

    fn date(&self) -> i64 {
        self.release.date()
    }

    fn identity(&self) -> Digest {
        let repository = &self.repository;
        let mut hasher = Hasher::default();
        let place = format!(
            "{} {} {} {}\n",
            repository.name, self.architecture, repository.suite, repository.priority
        );
        hasher.update(place.as_bytes());
        hasher.update(self.release.digest.as_bytes());
        for index in &self.indexes {
            hasher.update(index.reference.path.as_bytes());
            hasher.update(index.reference.file.digest.as_bytes());
        }
        hasher.finish()
    }

    fn parts(&self, context: &Context<'_>) -> Result<Vec<Part>, SourceError> {
        self.parts(context)
    }

    fn holders(
        &self,
        context: &Context<'_>,
        sought: &Sought,
    ) -> Result<Option<Vec<Holder>>, SourceError> {
        self.holders(context, sought)
    }

    fn summary(&self) -> PublishedSuite {
        let repository = &self.repository;
        let indexes = self.indexes.iter().map(|index| PublishedFile {
            path: repository.path_of(&index.reference.path),
            digest: index.reference.file.digest,
            size: index.reference.file.size,
        });
        // What a preset is known by is a name; all else goes by its URL, which a lock does not repeat.
        let named = !repository.identity.contains("://");
        PublishedSuite {
            suite: repository.suite.clone(),
            archive: if named {
                repository.identity.clone()
            } else {
                String::new()
            },
            signed: (repository.path_of(&self.release.file), self.release.digest),
            date: self.release.date(),
            valid_until: self.release.release.valid_until,
            indexes: indexes.collect(),
        }
    }
}
